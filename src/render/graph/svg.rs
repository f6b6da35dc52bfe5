//! A picture. Where things stand is worked out in layers, as Sugiyama, Tagawa and Toda
//! described (1981), by the crate dagre; this file draws.

use std::fmt::Write as _;

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, Point, layout};

use super::drawing::{Drawing, Edge, Meaning, Node};

/// More nodes than this make no picture that anybody could read, and take long to lay out.
pub(crate) const DRAWABLE_NODES: usize = 500;

const NODE_HEIGHT: f64 = 46.0;
const PADDING: f64 = 16.0;
const MARGIN: f64 = 24.0;
const TITLE_SIZE: f64 = 14.0;
const SUBTITLE_SIZE: f64 = 11.0;
/// How far the title of a box stands from its left upper corner.
const FRAME_TITLE: (f64, f64) = (12.0, 18.0);

/// The drawing as an SVG document.
pub(crate) fn svg(drawing: &Drawing) -> String {
    let graph = laid_out(drawing);
    let (width, height) = size(&graph);
    let mut text = String::new();
    let _ = writeln!(
        text,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="Helvetica, Arial, sans-serif">"#
    );
    text.push_str(HEAD);
    for at in 0..drawing.boxes.len() {
        if let Some(place) = graph.node(&frame_name(at)) {
            write_frame(&mut text, place);
        }
    }
    for edge in &drawing.edges {
        if let Some(route) = graph.edge(&node_name(edge.from), &node_name(edge.to), None) {
            write_edge(&mut text, edge, &route.points);
        }
    }
    for (at, frame) in drawing.boxes.iter().enumerate() {
        if let Some(place) = graph.node(&frame_name(at)) {
            write_frame_title(&mut text, place, &drawing.frame_title(frame));
        }
    }
    for (at, node) in drawing.nodes.iter().enumerate() {
        if let Some(place) = graph.node(&node_name(at)) {
            write_node(&mut text, drawing, node, place);
        }
    }
    text.push_str("</svg>\n");
    text
}

const HEAD: &str = r##"<defs>
<marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0.5 L8,4 L0,7.5 z" fill="#64748b"/></marker>
</defs>
<rect width="100%" height="100%" rx="8" fill="#ffffff"/>
"##;

type Layout = Graph<NodeLabel, EdgeLabel>;

fn node_name(at: usize) -> String {
    format!("n{at}")
}

fn frame_name(at: usize) -> String {
    format!("b{at}")
}

fn laid_out(drawing: &Drawing) -> Layout {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: true });
    for (at, frame) in drawing.boxes.iter().enumerate() {
        graph.set_node(frame_name(at), Some(NodeLabel::default()));
        if let Some(parent) = frame.parent {
            graph.set_parent(&frame_name(at), Some(&frame_name(parent)));
        }
    }
    for (at, node) in drawing.nodes.iter().enumerate() {
        let width = node_width(&drawing.title(node), &drawing.subtitle(node));
        graph.set_node(node_name(at), Some(NodeLabel { width, height: NODE_HEIGHT, ..NodeLabel::default() }));
        if let Some(frame) = node.frame {
            graph.set_parent(&node_name(at), Some(&frame_name(frame)));
        }
    }
    for edge in &drawing.edges {
        graph.set_edge(node_name(edge.from), node_name(edge.to), Some(EdgeLabel::default()), None);
    }
    let options = LayoutOptions {
        nodesep: 28.0,
        edgesep: 16.0,
        ranksep: 44.0,
        marginx: MARGIN,
        marginy: MARGIN,
        ..LayoutOptions::default()
    };
    layout(&mut graph, Some(options));
    graph
}

/// The size of the whole picture.
fn size(graph: &Layout) -> (f64, f64) {
    let places = graph.nodes().into_iter().filter_map(|name| {
        let node = graph.node(&name)?;
        Some((node.x? + node.width / 2.0, node.y? + node.height / 2.0))
    });
    let corners = places.fold((0.0_f64, 0.0_f64), |far, corner| (far.0.max(corner.0), far.1.max(corner.1)));
    (corners.0 + MARGIN, corners.1 + MARGIN)
}

fn node_width(title: &str, subtitle: &str) -> f64 {
    let text = text_width(title, TITLE_SIZE * 1.06).max(text_width(subtitle, SUBTITLE_SIZE));
    (text + 2.0 * PADDING).max(84.0)
}

/// About how wide a text is in Helvetica, in pixels; nothing here knows the fonts of whoever
/// will look at the picture.
fn text_width(text: &str, size: f64) -> f64 {
    let em = |character: char| match character {
        'i' | 'j' | 'l' | 'f' | 't' | 'I' | '.' | ',' | ' ' | '[' | ']' | '"' | '/' => 0.3,
        'm' | 'w' | 'M' | 'W' | '@' => 0.85,
        'A'..='Z' => 0.69,
        ' '..='~' | '×' => 0.56,
        _ => 1.0,
    };
    text.chars().map(em).sum::<f64>() * size
}

fn corner(place: &NodeLabel) -> Option<(f64, f64)> {
    Some((place.x? - place.width / 2.0, place.y? - place.height / 2.0))
}

fn write_frame(text: &mut String, place: &NodeLabel) {
    let Some((left, top)) = corner(place) else { return };
    let _ = writeln!(
        text,
        r##"<rect x="{left:.1}" y="{top:.1}" width="{:.1}" height="{:.1}" rx="10" fill="#f8fafc" stroke="#94a3b8"/>"##,
        place.width, place.height
    );
}

/// Titles stand above the lines that pass through a box, with a margin in its colour.
fn write_frame_title(text: &mut String, place: &NodeLabel, title: &str) {
    let Some((left, top)) = corner(place) else { return };
    let _ = writeln!(
        text,
        r##"<text x="{:.1}" y="{:.1}" font-size="12" fill="#475569" stroke="#f8fafc" stroke-width="6" paint-order="stroke">{}</text>"##,
        left + FRAME_TITLE.0,
        top + FRAME_TITLE.1,
        escaped(title)
    );
}

fn write_edge(text: &mut String, edge: &Edge, points: &[Point]) {
    let dashes = if edge.meaning == Meaning::In { r#" stroke-dasharray="4 3""# } else { "" };
    let _ = writeln!(
        text,
        r##"<path d="{}" fill="none" stroke="#64748b" stroke-width="1.3"{dashes} marker-end="url(#arrow)"/>"##,
        curve(points)
    );
}

/// A smooth line through the middles between the points, straight to the first and the last.
fn curve(points: &[Point]) -> String {
    let mut path = String::new();
    let Some(first) = points.first() else { return path };
    let _ = write!(path, "M{:.1},{:.1}", first.x, first.y);
    for pair in points.windows(2).skip(1) {
        let middle = Point::new((pair[0].x + pair[1].x) / 2.0, (pair[0].y + pair[1].y) / 2.0);
        let _ = write!(path, " Q{:.1},{:.1} {:.1},{:.1}", pair[0].x, pair[0].y, middle.x, middle.y);
    }
    if let Some(last) = points.last() {
        let _ = write!(path, " L{:.1},{:.1}", last.x, last.y);
    }
    path
}

fn write_node(text: &mut String, drawing: &Drawing, node: &Node, place: &NodeLabel) {
    let (Some(x), Some(y)) = (place.x, place.y) else { return };
    let colours = node.kind.colours();
    let (title, subtitle) = (drawing.title(node), drawing.subtitle(node));
    let _ = writeln!(text, "<g><title>{}</title>", escaped(&super::one_line(&node.address.to_string())));
    let _ = writeln!(
        text,
        r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="7" fill="{}" stroke="{}" stroke-width="1.3"/>"#,
        x - place.width / 2.0,
        y - place.height / 2.0,
        place.width,
        place.height,
        colours.fill,
        colours.line
    );
    let middle = if subtitle.is_empty() { 5.0 } else { -2.0 };
    write_line(text, x, y + middle, TITLE_SIZE, r##"font-weight="bold" fill="#0f172a""##, &title);
    if !subtitle.is_empty() {
        write_line(text, x, y + 14.0, SUBTITLE_SIZE, r##"fill="#475569""##, &subtitle);
    }
    text.push_str("</g>\n");
}

fn write_line(text: &mut String, x: f64, y: f64, size: f64, look: &str, words: &str) {
    let _ = writeln!(
        text,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle" font-size="{size}" {look}>{}</text>"#,
        escaped(words)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_leave_their_element() {
        assert_eq!(escaped("a\"</text>&"), "a&quot;&lt;/text&gt;&amp;");
    }

    #[test]
    fn a_line_ends_where_its_points_do() {
        let points = [(0.0, 0.0), (4.0, 2.0), (8.0, 8.0)].map(|(x, y)| Point::new(x, y));
        assert_eq!(curve(&points), "M0.0,0.0 Q4.0,2.0 6.0,5.0 L8.0,8.0");
        assert_eq!(curve(&[]), "");
    }
}
