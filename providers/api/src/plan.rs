//! Planning from the schema alone.

use portolan_lang::{Attribute, AttributePath, Schema, Value};

use crate::{Planned, Proposal};

/// The plan of a resource type of which the schema says everything: attributes marked so
/// need a new object, and what the provider computes becomes unknown by any change.
pub fn plan_by_schema(schema: &Schema, proposal: Proposal<'_>) -> Planned {
    let Some(prior) = proposal.prior else {
        return Planned { value: with_computed_unknown(schema, proposal), replace: Vec::new() };
    };
    let changed = |attribute: &Attribute| prior.get(&attribute.name) != proposal.proposed.get(&attribute.name);
    if prior == proposal.proposed {
        return Planned { value: prior.clone(), replace: Vec::new() };
    }
    let replace: Vec<AttributePath> = schema
        .attributes
        .iter()
        .filter(|attribute| attribute.replace && changed(attribute))
        .map(|attribute| AttributePath::attribute(attribute.name.clone()))
        .collect();
    Planned { value: with_computed_unknown(schema, proposal), replace }
}

fn with_computed_unknown(schema: &Schema, proposal: Proposal<'_>) -> Value {
    let unset = |attribute: &Attribute| {
        let set = proposal.config.get(&attribute.name).is_some_and(|value| !value.is_null());
        attribute.is_computed() && !set
    };
    schema.attributes.iter().filter(|attribute| unset(attribute)).fold(proposal.proposed.clone(), |value, attribute| {
        let unknown = Value::unknown(attribute.ty.clone());
        value.with(&AttributePath::attribute(attribute.name.clone()), unknown)
    })
}
