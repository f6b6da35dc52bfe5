//! The language of Mermaid, which pages in Markdown may hold.

use std::fmt::Write as _;

use super::drawing::{Contents, Drawing, Meaning};
use super::kind::Kind;

/// The drawing as a flow chart.
pub(crate) fn mermaid(drawing: &Drawing) -> String {
    let mut text = String::from("flowchart TB\n");
    write_contents(&mut text, drawing, &drawing.contents(), 0, 1);
    for edge in &drawing.edges {
        let arrow = if edge.meaning == Meaning::In { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{} {arrow} n{}", edge.from, edge.to);
    }
    for kind in Kind::ALL.into_iter().filter(|kind| drawing.nodes.iter().any(|node| node.kind == *kind)) {
        let (word, colours) = (kind.word(), kind.colours());
        let (fill, line) = (colours.fill, colours.line);
        let _ = writeln!(text, "  classDef kind_{word} fill:{fill},stroke:{line},color:#0f172a");
    }
    text
}

/// The nodes and the boxes in a box.
fn write_contents(text: &mut String, drawing: &Drawing, contents: &[Contents], slot: usize, depth: usize) {
    let pad = "  ".repeat(depth);
    for at in &contents[slot].nodes {
        let node = &drawing.nodes[*at];
        let mut label = format!("<b>{}</b>", escaped(&drawing.title(node)));
        let subtitle = drawing.subtitle(node);
        if !subtitle.is_empty() {
            let _ = write!(label, "<br/><small>{}</small>", escaped(&subtitle));
        }
        let _ = writeln!(text, "{pad}n{at}(\"{label}\"):::kind_{}", node.kind.word());
    }
    for at in &contents[slot].boxes {
        let title = escaped(&drawing.frame_title(&drawing.boxes[*at]));
        let _ = writeln!(text, "{pad}subgraph b{at}[\"{title}\"]");
        write_contents(text, drawing, contents, at + 1, depth + 1);
        let _ = writeln!(text, "{pad}end");
    }
}

/// Text in a quoted label. Mermaid's entities are HTML's with `#` in place of `&`; everything
/// that means something to Mermaid, to Markdown or to HTML is written as one.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' | '*' | '_' | '\\' | '[' | ']' | '(' | ')' | '{' | '}' | ';' => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_leave_their_label() {
        assert_eq!(escaped("a[\"b\"]`"), "a#91;#34;b#34;#93;#96;");
    }
}
