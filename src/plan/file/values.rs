//! Values in a saved plan: each a document beside its type, equal types kept once.

use portolan_lang::{Type, Value};
use portolan_state::format::document::{self, Unknowns};
use portolan_state::format::{FormatError, types};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::stored::Damage;

/// A value: the position of its type, and its document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredValue(usize, String);

/// Writes values, and learns the types that they have.
#[derive(Default)]
pub(super) struct Writer {
    positions: FxHashMap<Type, usize>,
    types: Vec<String>,
}

impl Writer {
    pub(super) fn value(&mut self, value: &Value) -> Result<StoredValue, FormatError> {
        let ty = value.ty();
        let document = document::write(value, &ty, Unknowns::Allowed)?;
        let position = match self.positions.get(&ty) {
            Some(position) => *position,
            None => {
                self.types.push(types::write(&ty));
                self.positions.insert(ty, self.types.len() - 1);
                self.types.len() - 1
            }
        };
        Ok(StoredValue(position, document.text))
    }

    pub(super) fn optional(&mut self, value: Option<&Value>) -> Result<Option<StoredValue>, FormatError> {
        value.map(|value| self.value(value)).transpose()
    }

    /// The types, in the order of their positions.
    pub(super) fn into_types(self) -> Vec<String> {
        self.types
    }
}

/// Reads values.
pub(super) struct Reader {
    types: Vec<Type>,
    documents: document::Reader,
}

impl Reader {
    pub(super) fn new(types: &[String]) -> Result<Self, FormatError> {
        let types = types.iter().map(|text| types::read(text)).collect::<Result<_, _>>()?;
        Ok(Reader { types, documents: document::Reader::new() })
    }

    pub(super) fn value(&mut self, StoredValue(position, text): &StoredValue) -> Result<Value, Damage> {
        let ty = self.types.get(*position).ok_or(Damage::Other("a value has no type"))?;
        Ok(self.documents.read(text, ty)?)
    }

    pub(super) fn optional(&mut self, value: Option<&StoredValue>) -> Result<Option<Value>, Damage> {
        value.map(|value| self.value(value)).transpose()
    }
}
