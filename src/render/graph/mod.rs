//! The dependency graph as a drawing.
//!
//! What is drawn is what a person wrote: one node a block, or a service of an application,
//! however many objects it compiles to. The formats differ only in how they write a
//! [`Drawing`].

mod dot;
mod drawing;
mod json;
mod kind;
mod mermaid;
mod reduction;
mod svg;

pub(crate) use dot::dot;
pub(crate) use drawing::Drawing;
pub(crate) use json::json;
pub(crate) use mermaid::mermaid;
pub(crate) use svg::{DRAWABLE_NODES, svg};

/// Text on one line, without what would move a terminal's cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
