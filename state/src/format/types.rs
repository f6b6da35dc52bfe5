//! The stored form of a type: a flat JSON array of words in prefix order.
//!
//! ```text
//! list(number)                                    ["list","number"]
//! object({a=string, b=optional(tuple([bool]))})   ["object",":a","string","?b","tuple","bool","end","end"]
//! ```
//!
//! Attribute names carry a first character, `:` where the attribute is required and `?`
//! where it is optional, so that no name can be taken for a word. The form is flat because
//! JSON readers bound how deep arrays nest, and a type nests as deep as its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::Type;
use portolan_lang::types::{AttributeType, ObjectType};

use crate::format::FormatError;

/// How deep a stored type may nest.
const MAX_DEPTH: usize = 256;

/// The stored form.
pub fn write(ty: &Type) -> String {
    serde_json::Value::from(words(ty)).to_string()
}

/// The words of the stored form in order.
pub(crate) fn words(ty: &Type) -> Vec<String> {
    let mut words = Vec::new();
    push_words(ty, &mut words);
    words
}

fn push_words(ty: &Type, words: &mut Vec<String>) {
    let mut word = |word: &str| words.push(word.to_owned());
    match ty {
        Type::Any => word("any"),
        Type::Bool => word("bool"),
        Type::Number => word("number"),
        Type::String => word("string"),
        Type::List(element) => {
            word("list");
            push_words(element, words);
        }
        Type::Set(element) => {
            word("set");
            push_words(element, words);
        }
        Type::Map(element) => {
            word("map");
            push_words(element, words);
        }
        Type::Tuple(elements) => {
            word("tuple");
            elements.iter().for_each(|element| push_words(element, words));
            words.push("end".to_owned());
        }
        Type::Object(object) => {
            word("object");
            for (name, attribute) in &object.attributes {
                words.push(format!("{}{name}", if attribute.optional { '?' } else { ':' }));
                push_words(&attribute.ty, words);
            }
            words.push("end".to_owned());
        }
    }
}

/// Reads what [`write`](fn@write) wrote.
///
/// # Errors
///
/// Where the text is anything else, or nests too deep.
pub fn read(text: &str) -> Result<Type, FormatError> {
    from_words(&serde_json::from_str::<Vec<String>>(text)?)
}

/// The type that these words stand for, all of them.
pub(crate) fn from_words(words: &[String]) -> Result<Type, FormatError> {
    let mut reader = Reader { words: words.iter() };
    let ty = reader.ty(0)?;
    match reader.words.next() {
        None => Ok(ty),
        Some(_) => Err(FormatError("a stored type goes on after its end".to_owned())),
    }
}

struct Reader<'a> {
    words: std::slice::Iter<'a, String>,
}

impl Reader<'_> {
    fn ty(&mut self, depth: usize) -> Result<Type, FormatError> {
        if depth > MAX_DEPTH {
            return Err(FormatError(format!("a stored type nests deeper than {MAX_DEPTH} levels")));
        }
        let word = self.words.next().ok_or_else(|| FormatError("a stored type is cut off".to_owned()))?;
        match word.as_str() {
            "any" => Ok(Type::Any),
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::String),
            "list" => self.ty(depth + 1).map(Type::list),
            "set" => self.ty(depth + 1).map(Type::set),
            "map" => self.ty(depth + 1).map(Type::map),
            "tuple" => self.tuple(depth),
            "object" => self.object(depth),
            other => Err(FormatError(format!("a stored type has the unknown word {other:?}"))),
        }
    }

    /// Whether the next word ends a tuple or an object; takes it if so.
    fn at_end(&mut self) -> bool {
        let end = self.words.as_slice().first().is_some_and(|word| word == "end");
        if end {
            self.words.next();
        }
        end
    }

    fn tuple(&mut self, depth: usize) -> Result<Type, FormatError> {
        let mut elements = Vec::new();
        while !self.at_end() {
            elements.push(self.ty(depth + 1)?);
        }
        Ok(Type::tuple(elements))
    }

    fn object(&mut self, depth: usize) -> Result<Type, FormatError> {
        let mut attributes = BTreeMap::new();
        while !self.at_end() {
            let word = self.words.next().map(String::as_str).unwrap_or_default();
            let (name, optional) = match (word.strip_prefix(':'), word.strip_prefix('?')) {
                (Some(name), _) => (name, false),
                (_, Some(name)) => (name, true),
                _ => return Err(FormatError("a stored type lacks the name of an attribute".to_owned())),
            };
            let ty = self.ty(depth + 1)?;
            attributes.insert(Arc::from(name), AttributeType { ty, optional });
        }
        Ok(Type::Object(Arc::new(ObjectType::new(attributes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_flat() {
        let attributes = [
            (Arc::from("end"), AttributeType { ty: Type::list(Type::Number), optional: false }),
            (Arc::from("b"), AttributeType { ty: Type::tuple([Type::Bool, Type::Any]), optional: true }),
        ];
        let ty = Type::Object(Arc::new(ObjectType::new(attributes.into())));
        let text = r#"["object","?b","tuple","bool","any","end",":end","list","number","end"]"#;
        assert_eq!(write(&ty), text);
        assert_eq!(read(text), Ok(ty));
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = format!("[{}\"bool\"]", "\"list\",".repeat(MAX_DEPTH + 1));
        for text in
            ["", "[]", "{}", r#"["heap"]"#, r#"["bool","bool"]"#, r#"["object","a","bool","end"]"#, r#"["tuple"]"#]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read(&deep).map_err(|error| error.0), Err("a stored type nests deeper than 256 levels".to_owned()));
    }
}
