//! From a directory of files to a [`Config`]: what people wrote, checked for shape, with every
//! module loaded. Nothing is evaluated here.

mod model;

pub use model::*;
