//! The language of Graphviz.

use std::fmt::Write as _;

use super::drawing::{Contents, Drawing, Meaning};

/// The drawing as a `digraph`.
pub(crate) fn dot(drawing: &Drawing) -> String {
    let mut text = String::from(HEAD);
    write_contents(&mut text, drawing, &drawing.contents(), 0, 1);
    for edge in &drawing.edges {
        let style = if edge.meaning == Meaning::In { " [style=dashed]" } else { "" };
        let (from, to) = (&drawing.nodes[edge.from], &drawing.nodes[edge.to]);
        let _ = writeln!(text, "  {} -> {}{style}", quoted(&from.address), quoted(&to.address));
    }
    text.push_str("}\n");
    text
}

const HEAD: &str = r##"digraph portolan {
  rankdir=TB
  graph [fontname="Helvetica" fontsize=12 fontcolor="#475569" nodesep=0.35 ranksep=0.5]
  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=13 margin="0.18,0.1"]
  edge [color="#64748b" arrowsize=0.7]
"##;

/// The nodes and the boxes in a box.
fn write_contents(text: &mut String, drawing: &Drawing, contents: &[Contents], slot: usize, depth: usize) {
    let pad = "  ".repeat(depth);
    for node in contents[slot].nodes.iter().map(|at| &drawing.nodes[*at]) {
        let colours = node.kind.colours();
        let name = quoted(&node.address);
        let label = label(&drawing.title(node), &drawing.subtitle(node));
        let (fill, line) = (colours.fill, colours.line);
        let _ = writeln!(text, "{pad}{name} [label={label} fillcolor=\"{fill}\" color=\"{line}\" tooltip={name}]");
    }
    for at in &contents[slot].boxes {
        let title = quoted(&drawing.frame_title(&drawing.boxes[*at]));
        let _ = writeln!(text, "{pad}subgraph \"cluster_{at}\" {{");
        let _ = writeln!(text, "{pad}  label={title} style=rounded color=\"#94a3b8\" bgcolor=\"#f8fafc\"");
        write_contents(text, drawing, contents, at + 1, depth + 1);
        let _ = writeln!(text, "{pad}}}");
    }
}

/// An HTML-like label: the name, and what is said of it in a smaller script.
fn label(title: &str, subtitle: &str) -> String {
    let title = escaped(title);
    match subtitle {
        "" => format!("<<B>{title}</B>>"),
        _ => format!("<<B>{title}</B><BR/><FONT POINT-SIZE=\"10\" COLOR=\"#475569\">{}</FONT>>", escaped(subtitle)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A string of the language. Graphviz knows escapes of its own in labels, so that a backslash
/// is doubled too.
fn quoted(text: &impl ToString) -> String {
    format!("\"{}\"", super::one_line(&text.to_string()).replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_leave_their_string() {
        assert_eq!(quoted(&"a[\"x\\N\n\"]"), "\"a[\\\"x\\\\N\u{fffd}\\\"]\"");
        assert_eq!(label("<a>", ""), "<<B>&lt;a&gt;</B>>");
    }
}
