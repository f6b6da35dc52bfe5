//! `portolan graph`

use portolan_lang::Diagnostic;

use super::arguments::{GraphArguments, GraphFormat};
use super::project::Project;
use super::{Exit, Outcome, print, warn};
use crate::render::graph::{self, DRAWABLE_NODES, Drawing};

pub(crate) fn run(arguments: &GraphArguments) -> Outcome {
    let project = Project::load(&arguments.variables)?;
    let (desired, mut diagnostics) = project.sketch(Vec::new());
    diagnostics.extend(project.diagnostics.iter().cloned());
    if diagnostics.has_errors() {
        return Err(project.failure(diagnostics));
    }
    warn(&diagnostics, &project.config.sources);
    let drawing = Drawing::new(&desired);
    let text = match arguments.format {
        GraphFormat::Dot => graph::dot(&drawing.reduced()),
        GraphFormat::Mermaid => graph::mermaid(&drawing.reduced()),
        GraphFormat::Json => format!("{:#}\n", graph::json(&drawing)),
        GraphFormat::Svg if drawing.len() > DRAWABLE_NODES => return Err(too_large(&drawing).into()),
        GraphFormat::Svg => graph::svg(&drawing.reduced()),
    };
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Success)
}

fn too_large(drawing: &Drawing) -> Diagnostic {
    Diagnostic::error("The graph is too large for a picture")
        .detail(format!("It has {} nodes; pictures are drawn of up to {DRAWABLE_NODES}.", drawing.len()))
        .help("Use --format dot and a program for large graphs, for example Graphviz' sfdp.")
}
