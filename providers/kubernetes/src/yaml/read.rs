//! YAML as values.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use portolan_lang::{Type, Value};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::MAX_DEPTH;
use super::scalar::{Plain, resolve};

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, from one.
    pub(crate) line: usize,
    /// The character in the line, from one.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) message: String,
}

impl Problem {
    fn at(marker: &Marker, message: impl Into<String>) -> Self {
        Problem { line: marker.line(), column: marker.col() + 1, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// The value of the one document in the text; null for an empty text. Sequences are tuples and
/// mappings are objects.
pub(crate) fn read(text: &str) -> Result<Value, Problem> {
    let mut reader = Reader { parser: Parser::new_from_str(text), depth: 0 };
    let mut value = Value::null(Type::Any);
    let mut documents = 0;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(value),
            (Event::DocumentStart(_), at) if documents > 0 => {
                return Err(Problem::at(&at, "a file holds one object, and a second one begins here"));
            }
            (Event::DocumentStart(_), _) => {
                documents += 1;
                let (event, at) = reader.next()?;
                value = reader.value(event, &at)?;
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Marker), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start)),
            Some(Err(error)) => Err(Problem::at(error.marker(), error.info())),
            None => Ok((Event::StreamEnd, Marker::default())),
        }
    }

    /// The value that begins with this event.
    fn value(&mut self, event: Event<'a>, at: &Marker) -> Result<Value, Problem> {
        match event {
            Event::Scalar(text, style, _, tag) => scalar(&text, style, tag.as_deref(), at),
            Event::SequenceStart(..) => self.deeper(at, Self::sequence),
            Event::MappingStart(..) => self.deeper(at, Self::mapping),
            Event::Alias(_) => Err(Problem::at(at, "aliases are not read here: write the value itself")),
            _ => Err(Problem::at(at, "a value is missing")),
        }
    }

    fn deeper(
        &mut self,
        at: &Marker,
        inner: impl FnOnce(&mut Self) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        if self.depth == MAX_DEPTH {
            return Err(Problem::at(at, format!("more than {MAX_DEPTH} levels of nesting")));
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    fn sequence(&mut self) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::tuple(items)),
                (event, at) => items.push(self.value(event, &at)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Problem> {
        let mut entries: Vec<(Arc<str>, Value)> = Vec::new();
        let mut keys: BTreeSet<Arc<str>> = BTreeSet::new();
        loop {
            let (event, at) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::object(entries)),
                Event::Scalar(text, style, ..) => key(&text, style, &at)?,
                _ => return Err(Problem::at(&at, "a key must be text")),
            };
            if !keys.insert(key.clone()) {
                return Err(Problem::at(&at, format!("the key {key:?} occurs twice")));
            }
            let (event, at) = self.next()?;
            entries.push((key, self.value(event, &at)?));
        }
    }
}

/// A key is text as it is written, whatever it would mean as a value.
fn key(text: &str, style: ScalarStyle, at: &Marker) -> Result<Arc<str>, Problem> {
    if text == "<<" && style == ScalarStyle::Plain {
        return Err(Problem::at(at, "merge keys are not read here: write the entries themselves"));
    }
    Ok(Arc::from(text))
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: &Marker) -> Result<Value, Problem> {
    let is_text = match tag {
        None => style != ScalarStyle::Plain,
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
        Some(tag) if tag.is_yaml_core_schema() => false,
        Some(tag) => return Err(Problem::at(at, format!("the tag {tag} means nothing here"))),
    };
    if is_text {
        return Ok(Value::string(text));
    }
    Ok(match resolve(text) {
        Plain::Null => Value::null(Type::Any),
        Plain::Bool(bool) => Value::bool(bool),
        Plain::Number(number) => Value::number(number),
        Plain::Text => Value::string(text),
        Plain::NotFinite => return Err(Problem::at(at, format!("{text} is not a number that a manifest can hold"))),
    })
}
