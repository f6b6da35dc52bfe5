//! Problems as people read them, and as programs do.

use std::fmt::Write as _;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use portolan_lang::{Diagnostic, Diagnostics, Severity, Sources};
use serde_json::json;

/// Writes all problems, each with its source lines, its labels and what to do.
pub(crate) fn human(diagnostics: &Diagnostics, sources: &Sources, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(100);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let report = report(diagnostic, sources);
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, report.as_ref());
        text.push('\n');
    }
    text
}

fn report(diagnostic: &Diagnostic, sources: &Sources) -> Report {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let main = diagnostic.labels.first().map(|label| label.span.file);
    // A report shows one file; what lies in others is told in words.
    let (here, elsewhere): (Vec<_>, Vec<_>) = diagnostic.labels.iter().partition(|label| Some(label.span.file) == main);
    let mut message = diagnostic.summary.clone();
    if let Some(address) = diagnostic.address.as_ref().filter(|address| !message.contains(address.as_str())) {
        let _ = write!(message, " ({address})");
    }
    if !diagnostic.detail.is_empty() {
        let _ = write!(message, "\n{}", diagnostic.detail);
    }
    for label in elsewhere {
        let at = sources.position(label.span);
        let name = sources.get(label.span.file).map_or("", |file| &*file.name);
        let _ = write!(message, "\n{name}:{}:{}: {}", at.line, at.column, label.message);
    }
    let labels = here.iter().enumerate().map(|(at, label)| {
        let text = (!label.message.is_empty()).then(|| label.message.clone());
        let range = label.span.range();
        match at {
            0 => LabeledSpan::new_primary_with_span(text, range),
            _ => LabeledSpan::new_with_span(text, range),
        }
    });
    let mut shown = MietteDiagnostic::new(message).with_severity(severity).with_labels(labels);
    if let Some(help) = &diagnostic.help {
        shown = shown.with_help(help);
    }
    match main.and_then(|file| sources.get(file)) {
        Some(file) => Report::new(shown).with_source_code(NamedSource::new(&*file.name, file.text.to_string())),
        None => Report::new(shown),
    }
}

/// Problems in Terraform's JSON form.
pub(crate) fn list_json(diagnostics: &Diagnostics, sources: &Sources) -> serde_json::Value {
    diagnostics.iter().map(|diagnostic| to_json(diagnostic, sources)).collect()
}

/// One problem in Terraform's JSON form.
pub(crate) fn to_json(diagnostic: &Diagnostic, sources: &Sources) -> serde_json::Value {
    let mut json = json!({
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "summary": diagnostic.summary,
        "detail": match &diagnostic.help {
            Some(help) if diagnostic.detail.is_empty() => help.clone(),
            Some(help) => format!("{} {help}", diagnostic.detail),
            None => diagnostic.detail.clone(),
        },
    });
    if let Some(address) = &diagnostic.address {
        json["address"] = json!(address);
    }
    if let Some(label) = diagnostic.labels.first()
        && let Some(file) = sources.get(label.span.file)
    {
        let place = |offset: u32| {
            let span = portolan_lang::Span { start: offset, end: offset, ..label.span };
            let at = sources.position(span);
            json!({"line": at.line, "column": at.column, "byte": offset})
        };
        json["range"] =
            json!({"filename": &*file.name, "start": place(label.span.start), "end": place(label.span.end)});
    }
    json
}
