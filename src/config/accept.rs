//! What a variable takes of a value that is given for it.

use portolan_lang::convert::ConvertError;
use portolan_lang::{Marks, Value};

use super::model::Variable;

/// Why a value that is given for a variable is not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// It is null, and the variable can neither be null nor has a default.
    Null,
    /// It cannot be converted to the variable's type.
    Unfit(ConvertError),
}

impl Variable {
    /// What is taken of a value: converted to the variable's type, with the defaults of optional
    /// attributes filled in, and marked as the variable is declared. `None` where the variable's
    /// default takes the place of a null.
    pub fn accept(&self, given: &Value) -> Result<Option<Value>, Refusal> {
        if given.is_null() && !self.nullable {
            return if self.default.is_some() { Ok(None) } else { Err(Refusal::Null) };
        }
        let sensitive = if self.sensitive { Marks::SENSITIVE } else { Marks::NONE };
        let ephemeral = if self.ephemeral { Marks::EPHEMERAL } else { Marks::NONE };
        let value = self.constraint.apply(given).map_err(Refusal::Unfit)?;
        Ok(Some(value.mark(sensitive.union(ephemeral))))
    }
}
