//! The configuration language.
//!
//! This crate holds the nouns that the whole program shares ([`Value`], [`Type`],
//! [`Address`], [`AttributePath`], [`Schema`], [`Diagnostic`]) and the language that
//! makes them: source text is parsed into a syntax tree of our own, and expressions of
//! that tree are evaluated against a scope.
//!
//! What it leaves out: nothing here reads a file, a clock or the network (the functions
//! that need the outside ask the scope for it), and nothing here knows of plans, of state
//! or of any provider.

pub mod address;
pub mod constraint;
pub mod convert;
pub mod decode;
pub mod diagnostic;
mod duration;
pub mod equality;
pub mod eval;
mod extent;
pub mod functions;
pub mod limits;
pub mod number;
pub mod path;
pub mod schema;
mod set_order;
pub mod source;
pub mod syntax;
pub mod types;
pub mod value;

pub use address::{Address, InstanceKey};
pub use convert::{ConvertError, convert};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use duration::duration;
pub use functions::yaml_documents;
pub use number::Number;
pub use path::{AttributePath, Step};
pub use schema::{Attribute, Block, Nesting, Schema};
pub use source::{FileId, Position, Sources, Span};
pub use types::Type;
pub use value::{Data, Marks, Value};
