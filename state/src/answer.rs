//! What was decided, as it is kept.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The answer to the question of a decision: JSON, kept as text. A decision about a service on a
/// hundred clusters has hundreds of numbers, which most readers of it never look at.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answer(Box<RawValue>);

impl Answer {
    /// An answer of this shape.
    pub fn of(answer: &impl Serialize) -> Answer {
        // Nothing fails but a map whose keys are not texts, which no answer has.
        Answer(serde_json::value::to_raw_value(answer).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// An answer from its text.
    ///
    /// # Errors
    ///
    /// Where the text is not JSON.
    pub fn parse(text: &str) -> Result<Answer, serde_json::Error> {
        serde_json::from_str(text).map(Answer)
    }

    /// The answer in the shape that its kind has; `None` where it has another one.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.as_str()).ok()
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Answer {
    /// Whether they are the same text.
    fn eq(&self, other: &Answer) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
