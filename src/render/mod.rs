//! What people and programs are shown. The only room that knows of miette, similar and
//! indicatif.

pub(crate) mod diagnostic;
pub(crate) mod events;
mod excerpt;
pub(crate) mod foreign;
pub(crate) mod graph;
pub(crate) mod logs;
mod palette;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod representation;
pub(crate) mod shell;
pub(crate) mod state;
pub(crate) mod status;
mod table;
pub(crate) mod terminal;
pub(crate) mod top;
pub(crate) mod value;
