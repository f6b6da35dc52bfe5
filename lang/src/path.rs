//! Paths to values inside a value.

use std::fmt;
use std::sync::Arc;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An attribute of an object.
    Attribute(Arc<str>),
    /// An element of a map.
    Key(Arc<str>),
    /// An element of a list, a set or a tuple, from zero.
    Index(usize),
}

/// The way to a value inside a value, from the outside in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct AttributePath {
    steps: Vec<Step>,
}

impl AttributePath {
    /// The path to the whole value.
    pub fn root() -> Self {
        AttributePath::default()
    }

    /// The path to an attribute of the value.
    pub fn attribute(name: impl Into<Arc<str>>) -> Self {
        AttributePath { steps: vec![Step::Attribute(name.into())] }
    }

    /// Goes one step further in.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Goes one step back out.
    pub fn pop(&mut self) -> Option<Step> {
        self.steps.pop()
    }

    /// This path and one step more.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.push(step);
        path
    }

    /// The steps from the outside in.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether this is the path to the whole value.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether `other` leads to this very value or to one inside it.
    pub fn contains(&self, other: &AttributePath) -> bool {
        other.steps.starts_with(&self.steps)
    }

    /// The JSON form that Terraform's plans use: `["a", 0, "b"]`.
    pub fn to_json(&self) -> serde_json::Value {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Attribute(name) | Step::Key(name) => serde_json::Value::from(&**name),
                Step::Index(index) => serde_json::Value::from(*index),
            })
            .collect()
    }
}

impl FromIterator<Step> for AttributePath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        AttributePath { steps: steps.into_iter().collect() }
    }
}

impl fmt::Display for AttributePath {
    /// As an expression: `spec.containers[0].env["A"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
