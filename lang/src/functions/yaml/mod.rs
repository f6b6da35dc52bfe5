//! YAML: reading it by the rules of YAML 1.2 with the words for booleans of 1.1, and writing
//! it in the one style that Terraform has.

mod read;
mod write;

pub use read::documents;

use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError, text};
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    let anything = Allows::NULL.and(Allows::UNKNOWN).and(Allows::ANY);
    vec![
        Function::new("yamldecode", "The value that a string gives in YAML.")
            .takes("src", Type::String)
            .gives(Type::Any)
            .may_be_null()
            .by(yamldecode),
        Function::new("yamlencode", "A value in YAML.")
            .takes_also("value", Type::Any, anything)
            .gives(Type::String)
            .by(yamlencode),
    ]
}

fn yamldecode(call: &Call<'_>) -> Result<Value, CallError> {
    read::document(call.text(0)).map_err(CallError::new)
}

fn yamlencode(call: &Call<'_>) -> Result<Value, CallError> {
    if !call.is_wholly_known(0) {
        return Ok(call.unknown());
    }
    text(write::document(&call.value(0)))
}
