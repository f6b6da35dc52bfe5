//! What people and programs are shown. The only room that knows of miette, similar and
//! indicatif.

pub(crate) mod diagnostic;
<<<<<<< HEAD
mod palette;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod value;
=======
pub(crate) mod graph;
>>>>>>> c429ab5 (wip)
