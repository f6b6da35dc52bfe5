//! Problems as people read them, and as programs do.

use std::borrow::Cow;
use std::fmt::Write as _;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, Report, ThemeCharacters, ThemeStyles,
};
use portolan_lang::{Diagnostic, Diagnostics, Severity, Sources, Span};
use serde_json::json;

use super::excerpt::Excerpt;
use super::terminal;

/// How much of a text is told, in bytes: a message may name a type or a value that is huge.
const MAX_TEXT: usize = 10_000;

/// Writes all problems, each with its source lines, its labels and what to do.
pub(crate) fn human(diagnostics: &Diagnostics, sources: &Sources, colour: bool) -> String {
    let styles = if colour { ThemeStyles::rgb() } else { ThemeStyles::none() };
    let characters = if terminal::is_unicode() { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
    let theme = GraphicalTheme { characters, styles };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(terminal::error_width());
    let mut text = String::new();
    for diagnostic in diagnostics {
        let report = report(diagnostic, sources);
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, report.as_ref());
        text.push('\n');
    }
    text
}

/// The text, or its beginning where it is too long to be read.
fn clipped(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return Cow::Borrowed(text);
    }
    let shown = &text[..text.floor_char_boundary(MAX_TEXT)];
    Cow::Owned(format!("{shown}… ({} more bytes)", text.len() - shown.len()))
}

fn report(diagnostic: &Diagnostic, sources: &Sources) -> Report {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let main = diagnostic.labels.first().map(|label| label.span.file);
    // A report shows one file; what lies in others is told in words.
    let (here, elsewhere): (Vec<_>, Vec<_>) = diagnostic.labels.iter().partition(|label| Some(label.span.file) == main);
    let mut message = clipped(&diagnostic.summary).into_owned();
    if let Some(address) = diagnostic.address.as_ref().filter(|address| !message.contains(address.as_str())) {
        let _ = write!(message, " ({address})");
    }
    if !diagnostic.detail.is_empty() {
        let _ = write!(message, "\n{}", clipped(&diagnostic.detail));
    }
    for label in elsewhere {
        let at = sources.position(label.span);
        let name = sources.get(label.span.file).map_or("", |file| &*file.name);
        let _ = write!(message, "\n{name}:{}:{}: {}", at.line, at.column, clipped(&label.message));
    }
    let mut shown = MietteDiagnostic::new(message).with_severity(severity);
    if let Some(help) = &diagnostic.help {
        shown = shown.with_help(clipped(help));
    }
    let spans: Vec<Span> = here.iter().map(|label| label.span).collect();
    let Some((excerpt, ranges)) = main.and_then(|file| Excerpt::new(sources, file, &spans)) else {
        return Report::new(shown);
    };
    let labels = here.iter().zip(ranges).enumerate().map(|(at, (label, range))| {
        let text = (!label.message.is_empty()).then(|| clipped(&label.message).into_owned());
        match at {
            0 => LabeledSpan::new_primary_with_span(text, range),
            _ => LabeledSpan::new_with_span(text, range),
        }
    });
    Report::new(shown.with_labels(labels)).with_source_code(excerpt)
}

/// Problems in Terraform's JSON form.
pub(crate) fn list_json(diagnostics: &Diagnostics, sources: &Sources) -> serde_json::Value {
    diagnostics.iter().map(|diagnostic| to_json(diagnostic, sources)).collect()
}

/// One problem in Terraform's JSON form.
pub(crate) fn to_json(diagnostic: &Diagnostic, sources: &Sources) -> serde_json::Value {
    let mut json = json!({
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "summary": clipped(&diagnostic.summary),
        "detail": match &diagnostic.help {
            Some(help) if diagnostic.detail.is_empty() => clipped(help).into_owned(),
            Some(help) => format!("{} {}", clipped(&diagnostic.detail), clipped(help)),
            None => clipped(&diagnostic.detail).into_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, labels: &[(std::ops::Range<usize>, &str)]) -> String {
        let mut sources = Sources::new();
        let file = sources.add("main.hcl", text);
        let diagnostic = labels.iter().fold(Diagnostic::error("Wrong"), |told, (range, words)| {
            told.label(Span::new(file, range.clone()), *words)
        });
        human(&diagnostic.into(), &sources, false)
    }

    #[test]
    fn a_label_stands_under_its_line() {
        let text = "a = 1\nb = two\nc = 3\nd = 4\n";
        snapbox::assert_data_eq!(
            shown(text, &[(10..13, "no number")]),
            snapbox::str![[r#"
  × Wrong
   ╭─[main.hcl:2:5]
 1 │ a = 1
 2 │ b = two
   ·     ─┬─
   ·      ╰── no number
 3 │ c = 3
   ╰────


"#]]
        );
    }

    #[test]
    fn labels_far_apart_do_not_show_all_between_them() {
        let text: String = (1..=9000).map(|line| format!("a{line} = {line}\n")).collect();
        let at = |name: &str| text.find(name).map(|at| at..at + name.len() - 1).unwrap_or_default();
        snapbox::assert_data_eq!(
            shown(&text, &[(at("a8000 "), "this one"), (at("a3000 "), "like this one")]),
            snapbox::str![[r#"
  × Wrong
      ╭─[main.hcl:3000:1]
 2999 │ a2999 = 2999
 3000 │ a3000 = 3000
      · ──┬──
      ·   ╰── like this one
 3001 │ a3001 = 3001
      ╰────
      ╭─[main.hcl:8000:1]
 7999 │ a7999 = 7999
 8000 │ a8000 = 8000
      · ──┬──
      ·   ╰── this one
 8001 │ a8001 = 8001
      ╰────


"#]]
        );
    }

    #[test]
    fn long_lines_are_clipped_around_their_labels() {
        let text = format!("[{}\"wrong\"{}]", "\"ä\",".repeat(200_000), ",\"ö\"".repeat(200_000));
        let at = text.find("\"wrong").unwrap_or_default();
        let far = at + 600_007;
        let shown = shown(&text, &[(at..at + 7, "here"), (far..far, "and there")]);
        assert!(shown.len() < 3000, "{} bytes", shown.len());
        for part in ["main.hcl:1:800002", "…", "\"wrong\"", "here", "and there"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn long_labels_and_texts_are_cut() {
        let text = format!("a = [\n{}]\n", "  1,\n".repeat(100_000));
        let whole = shown(&text, &[(4..text.len() - 1, "too many")]);
        assert!(whole.contains("too many") && whole.len() < 1000, "{whole}");
        let told = human(&Diagnostic::error("Wrong").detail("x".repeat(1 << 20)).into(), &Sources::new(), false);
        assert!(told.contains("1038576 more bytes") && told.len() < 20_000, "{} bytes", told.len());
    }

    /// Whatever a label covers, it is shown, and nothing falls over.
    #[test]
    fn any_label_of_any_text() {
        for text in ["", "\n", "a", "a\n", "\r\n\r\n", "ä\r\nö", "a\n\nb", "\n\n\n\n\n\n\n\n\n\n\n\n"] {
            for start in 0..=text.len() {
                for end in start..=text.len() + 1 {
                    let shown = shown(text, &[(start..end, "one"), (0..0, "other"), (text.len()..text.len(), "last")]);
                    assert!(shown.contains("one") && !shown.contains("Failed"), "{start}..{end} of {text:?}: {shown}");
                }
            }
        }
    }
}
