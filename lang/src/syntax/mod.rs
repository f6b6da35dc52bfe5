//! The syntax tree, and the parsers that make it.
//!
//! Both forms of the language, native ([`parse`]) and JSON (`*.hcl.json`), become the same
//! tree; what comes after cannot tell them apart. Nodes carry their [`Span`](crate::Span).
//! The tree is plain data: nothing is looked up or evaluated here.

mod ast;

pub use ast::*;
