//! The syntax tree, and the parsers that make it.
//!
//! Both forms of the language, native ([`parse_body`]) and JSON ([`parse_json_body`],
//! `*.hcl.json`), become the same tree; what comes after cannot tell them apart. Nodes carry
//! their [`Span`](crate::Span). The tree is plain data: nothing is looked up or evaluated
//! here.

mod ast;
mod explain;
mod json;
mod lower;
mod parse;
mod scan;
mod template;

pub use ast::*;
pub use json::{BlockShape, parse_json_body, unquoted};
pub use parse::{parse_body, parse_expr, parse_template};
pub use scan::is_unfinished;
