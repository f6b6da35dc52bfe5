//! The names of what a configuration declares and of what it compiles to.
//!
//! ```text
//! application.shop.service.api                      what a person wrote
//! application.shop.service.api/deployment@beijing   a resource that it compiles to
//! module.edge.route.shop["eu"]/server               inside a module, with for_each
//! ```
//!
//! Parsing and display are inverses. An address selects itself and all that lies under it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Which instance of a block with `count` or `for_each`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstanceKey {
    /// The position of one of `count` instances, from zero.
    Index(u64),
    /// The key of one of the `for_each` instances.
    Key(Arc<str>),
}

/// A name in an address, with the key of the instance where it has several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Segment {
    /// The name.
    pub name: Arc<str>,
    /// Which instance.
    pub key: Option<InstanceKey>,
}

/// The name of a block, or of a resource that a block compiles to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    segments: Arc<[Segment]>,
    part: Option<Arc<str>>,
}

/// The text is not an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseAddressError {
    /// The byte at which reading stopped.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is expected at character {}", self.expected, self.offset + 1)
    }
}

impl std::error::Error for ParseAddressError {}

impl Segment {
    /// A name without an instance key.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Segment { name: name.into(), key: None }
    }
}

impl Address {
    /// The address of these segments.
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> Self {
        Address { segments: segments.into_iter().collect(), part: None }
    }

    /// The root module: it has no name and selects everything.
    pub fn root() -> Self {
        Address::new([])
    }

    /// The address of these names, none of which has a key.
    pub fn of<S: Into<Arc<str>>>(names: impl IntoIterator<Item = S>) -> Self {
        Address::new(names.into_iter().map(Segment::new))
    }

    /// This address and one name more.
    #[must_use]
    pub fn join(&self, name: impl Into<Arc<str>>) -> Self {
        Address::new(self.segments.iter().cloned().chain([Segment::new(name)]))
    }

    /// This address and all the segments of another one.
    #[must_use]
    pub fn append(&self, other: &Address) -> Self {
        Address {
            segments: self.segments.iter().chain(other.segments.iter()).cloned().collect(),
            part: other.part.clone(),
        }
    }

    /// The address of one instance of the block.
    #[must_use]
    pub fn instance(&self, key: Option<InstanceKey>) -> Self {
        let mut segments = self.segments.to_vec();
        if let Some(last) = segments.last_mut() {
            last.key = key;
        }
        Address { segments: segments.into(), part: self.part.clone() }
    }

    /// The address of a resource that the block compiles to: `deployment@beijing`.
    #[must_use]
    pub fn part(&self, part: impl Into<Arc<str>>) -> Self {
        Address { segments: self.segments.clone(), part: Some(part.into()) }
    }

    /// The address of the block that this resource was compiled from, or itself.
    #[must_use]
    pub fn block(&self) -> Self {
        Address { segments: self.segments.clone(), part: None }
    }

    /// The names with their keys.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What stands behind the slash.
    pub fn part_name(&self) -> Option<&str> {
        self.part.as_deref()
    }

    /// The key of the last segment.
    pub fn key(&self) -> Option<&InstanceKey> {
        self.segments.last().and_then(|segment| segment.key.as_ref())
    }

    fn module_length(&self) -> usize {
        self.segments.chunks_exact(2).take_while(|pair| &*pair[0].name == "module").count() * 2
    }

    /// The address of the module that holds it; the root for what no module holds.
    #[must_use]
    pub fn module(&self) -> Self {
        Address::new(self.segments[..self.module_length()].iter().cloned())
    }

    /// The address as it is written inside its module.
    #[must_use]
    pub fn local(&self) -> Self {
        Address { segments: self.segments[self.module_length()..].into(), part: self.part.clone() }
    }

    /// The address with no instance key in any segment.
    #[must_use]
    pub fn without_keys(&self) -> Self {
        let names = self.segments.iter().map(|segment| Segment::new(segment.name.clone()));
        Address { segments: names.collect(), part: self.part.clone() }
    }

    /// Whether `other` is this address or lies under it. A segment without a key stands for
    /// all of its instances.
    pub fn contains(&self, other: &Address) -> bool {
        let same = |(mine, theirs): (&Segment, &Segment)| {
            mine.name == theirs.name && (mine.key.is_none() || mine.key == theirs.key)
        };
        self.segments.len() <= other.segments.len()
            && self.segments.iter().zip(other.segments.iter()).all(same)
            && (self.part.is_none() || self.part == other.part)
    }
}

impl From<u64> for InstanceKey {
    fn from(index: u64) -> Self {
        InstanceKey::Index(index)
    }
}

impl From<&str> for InstanceKey {
    fn from(key: &str) -> Self {
        InstanceKey::Key(Arc::from(key))
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstanceKey::Index(index) => write!(f, "[{index}]"),
            InstanceKey::Key(key) => write!(f, "[{}]", Quoted(key)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            let dot = if position > 0 { "." } else { "" };
            write!(f, "{dot}{}", segment.name)?;
            if let Some(key) = &segment.key {
                write!(f, "{key}")?;
            }
        }
        match &self.part {
            Some(part) => write!(f, "/{part}"),
            None => Ok(()),
        }
    }
}

/// A string as it is written in a configuration, with what would end it or start a template
/// escaped.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut rest = self.0.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '$' | '%' if rest.peek() == Some(&'{') => write!(f, "{character}{character}")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("\"")
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let mut reader = Reader { text, at: 0 };
        let mut segments = vec![reader.segment()?];
        while reader.eat('.') {
            segments.push(reader.segment()?);
        }
        let part = if reader.eat('/') { Some(Arc::from(reader.part()?)) } else { None };
        if reader.at < text.len() {
            return Err(reader.error("the end of the address"));
        }
        Ok(Address { segments: segments.into(), part })
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, expected: &'static str) -> ParseAddressError {
        ParseAddressError { offset: self.at, expected }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, character: char) -> bool {
        let found = self.rest().starts_with(character);
        self.at += if found { character.len_utf8() } else { 0 };
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn segment(&mut self) -> Result<Segment, ParseAddressError> {
        let name = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Err(self.error("a name"));
        }
        let key = if self.eat('[') { Some(self.key()?) } else { None };
        Ok(Segment { name: Arc::from(name), key })
    }

    fn key(&mut self) -> Result<InstanceKey, ParseAddressError> {
        let key = if self.eat('"') {
            InstanceKey::Key(self.quoted()?.into())
        } else {
            let digits = self.take_while(|c| c.is_ascii_digit());
            InstanceKey::Index(digits.parse().map_err(|_| self.error("a number or a quoted key"))?)
        };
        if self.eat(']') { Ok(key) } else { Err(self.error("a closing bracket")) }
    }

    fn quoted(&mut self) -> Result<String, ParseAddressError> {
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| !matches!(c, '"' | '\\' | '$' | '%')));
            if self.eat('"') {
                return Ok(text);
            }
            let rest = self.rest();
            let (found, length) = match rest.as_bytes() {
                [b'\\', b'"', ..] => ('"', 2),
                [b'\\', b'\\', ..] => ('\\', 2),
                [b'\\', b'n', ..] => ('\n', 2),
                [b'\\', b'r', ..] => ('\r', 2),
                [b'\\', b't', ..] => ('\t', 2),
                [b'$', b'$', b'{', ..] => ('$', 2),
                [b'%', b'%', b'{', ..] => ('%', 2),
                [b'$', ..] => ('$', 1),
                [b'%', ..] => ('%', 1),
                _ => return Err(self.error("a closing quote")),
            };
            text.push(found);
            self.at += length;
        }
    }

    fn part(&mut self) -> Result<&'a str, ParseAddressError> {
        let part = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | ':' | '*'));
        if part.is_empty() { Err(self.error("the name of a part")) } else { Ok(part) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn a_prefix_selects_what_lies_under_it() {
        let deployment = address("module.m[0].application.shop.service.api/deployment@beijing");
        for prefix in ["module.m", "module.m[0].application.shop", "module.m.application.shop.service.api"] {
            assert!(address(prefix).contains(&deployment), "{prefix}");
        }
        for other in ["module.m[1]", "application.shop", "module.m[0].application.shop.service.api/service@beijing"] {
            assert!(!address(other).contains(&deployment), "{other}");
        }
        assert!(Address::root().contains(&deployment));
        assert_eq!(deployment.module(), address("module.m[0]"));
        assert_eq!(deployment.local().to_string(), "application.shop.service.api/deployment@beijing");
    }

    #[test]
    fn broken_addresses_say_where() {
        for (text, offset) in [("", 0), ("a.", 2), ("a[", 2), ("a[\"x]", 5), ("a b", 1), ("a/", 2), ("1a", 2)] {
            assert_eq!(text.parse::<Address>().map_err(|error| error.offset), Err(offset), "{text}");
        }
    }

    proptest! {
        #[test]
        fn keys_of_every_kind_read_back(key in any::<String>(), index in any::<u64>()) {
            let written = address("a.b").instance(Some(InstanceKey::Key(key.into()))).join("c").instance(Some(index.into()));
            prop_assert_eq!(written.to_string().parse::<Address>(), Ok(written));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<Address>();
        }
    }
}
