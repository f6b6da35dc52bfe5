//! Type constraints: what a variable's `type` says.

use crate::types::Type;

/// What a value must fit, and what optional attributes are when they are left out.
#[derive(Debug, Clone, Default)]
pub struct TypeConstraint {
    /// The type.
    pub ty: Type,
}
