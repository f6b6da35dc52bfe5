//! `terraform_data`: a resource that only remembers what it was given.
//!
//! Its output is its input, known once the change is made, and it is replaced when
//! `triggers_replace` changes.

use std::sync::Arc;

use portolan_lang::value::Unknown;
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
use portolan_provider::{Applied, Planned, Proposal};
use uuid::Uuid;

pub(crate) const TYPE: &str = "terraform_data";

pub(crate) fn schema() -> Schema {
    Schema::new("Remembers a value and can be made to be replaced with others.")
        .with(Attribute::computed("id", Type::String).doc("A random UUID, chosen when it is created."))
        .with(Attribute::optional("input", Type::Any).doc("What it remembers."))
        .with(Attribute::computed("output", Type::Any).doc("The input, known once it is stored."))
        .with(Attribute::optional("triggers_replace", Type::Any).replace().doc("A new object is made when it changes."))
}

/// The names of the attributes and the values that every instance shares, made once.
pub(crate) struct TerraformData {
    id: Arc<str>,
    input: Arc<str>,
    output: Arc<str>,
    triggers_replace: Arc<str>,
    unknown_id: Value,
}

impl TerraformData {
    pub(crate) fn new() -> Self {
        TerraformData {
            id: Arc::from("id"),
            input: Arc::from("input"),
            output: Arc::from("output"),
            triggers_replace: Arc::from("triggers_replace"),
            unknown_id: Value::unknown_with(Unknown { ty: Type::String, not_null: true, ..Unknown::default() }),
        }
    }

    pub(crate) fn plan(&self, proposal: Proposal<'_>) -> Planned {
        let input = attribute(proposal.proposed, &self.input);
        let triggers = attribute(proposal.proposed, &self.triggers_replace);
        let new_output = || if input.is_null() { input.clone() } else { Value::unknown(input.ty()) };
        let Some(prior) = proposal.prior else {
            let output = new_output();
            return Planned {
                value: self.value(self.unknown_id.clone(), input, output, triggers),
                replace: Vec::new(),
            };
        };
        if !same(&attribute(prior, &self.triggers_replace), &triggers) {
            let output = new_output();
            let replace = vec![AttributePath::attribute(self.triggers_replace.clone())];
            return Planned { value: self.value(self.unknown_id.clone(), input, output, triggers), replace };
        }
        if same(&attribute(prior, &self.input), &input) {
            return Planned { value: proposal.proposed.clone(), replace: Vec::new() };
        }
        let output = Value::unknown(input.ty());
        let value = self.value(attribute(prior, &self.id), input, output, triggers);
        Planned { value, replace: Vec::new() }
    }

    pub(crate) fn create(&self, planned: &Value) -> Applied {
        let mut text = Uuid::encode_buffer();
        let id: Arc<str> = Arc::from(&*Uuid::new_v4().hyphenated().encode_lower(&mut text));
        self.settled(id, planned)
    }

    pub(crate) fn update(&self, identity: &str, planned: &Value) -> Applied {
        self.settled(Arc::from(identity), planned)
    }

    /// The object of this id, of which nothing else is known.
    pub(crate) fn import(&self, id: &str) -> Applied {
        let null = || Value::null(Type::Any);
        Applied { identity: Arc::from(id), value: self.value(Value::string(id), null(), null(), null()) }
    }

    fn settled(&self, id: Arc<str>, planned: &Value) -> Applied {
        let input = attribute(planned, &self.input);
        let triggers = attribute(planned, &self.triggers_replace);
        let value = self.value(Value::string(id.clone()), input.clone(), input, triggers);
        Applied { identity: id, value }
    }

    fn value(&self, id: Value, input: Value, output: Value, triggers: Value) -> Value {
        Value::object([
            (self.id.clone(), id),
            (self.input.clone(), input),
            (self.output.clone(), output),
            (self.triggers_replace.clone(), triggers),
        ])
    }
}

fn attribute(value: &Value, name: &str) -> Value {
    value.get(name).unwrap_or_else(|| Value::null(Type::Any))
}

/// Whether nothing changed, type included: a list is not the tuple of its items. Marks and the
/// type of a null do not count.
fn same(left: &Value, right: &Value) -> bool {
    left == right || left.is_null() && right.is_null() || left.unmark_deep() == right.unmark_deep()
}
