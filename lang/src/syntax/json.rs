//! The JSON form: `*.hcl.json`.
//!
//! What a property of a JSON object is, an argument or a block with labels, only the schema
//! can tell. So a JSON file first becomes bodies that keep their properties, and
//! [`Body::resolved`] turns one into arguments and blocks for a caller who knows which
//! blocks there are. Strings are templates, `//` is a comment, and an array of objects is
//! several blocks.

use std::borrow::Cow;
use std::sync::Arc;

use jsonc_parser::ast;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::number::Number;
use crate::source::{FileId, Span};
use crate::syntax::parse::{Parser, Places};
use crate::syntax::{Attribute, Block, Body, Expr, ExprKind, Ident, TemplatePart};
use crate::types::Type;
use crate::value::{Data, Value};

/// How deeply arrays and objects may nest.
const MAX_JSON_DEPTH: usize = 128;

/// A kind of block that may stand in a body, for [`Body::resolved`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape<'a> {
    /// Its keyword.
    pub keyword: &'a str,
    /// How many labels it has.
    pub labels: usize,
}

/// The properties of a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonBody {
    properties: Vec<JsonProperty>,
}

#[derive(Debug, Clone, PartialEq)]
struct JsonProperty {
    name: JsonString,
    value: JsonValue,
}

#[derive(Debug, Clone, PartialEq)]
struct JsonString {
    text: Arc<str>,
    /// With the quotes.
    span: Span,
    /// Where each byte of the text stands after the opening quote, where escapes moved them.
    map: Option<Arc<[u32]>>,
}

#[derive(Debug, Clone, PartialEq)]
struct JsonValue {
    span: Span,
    kind: JsonKind,
}

#[derive(Debug, Clone, PartialEq)]
enum JsonKind {
    Literal(Value),
    String(JsonString),
    Array(Vec<JsonValue>),
    Object(Arc<JsonBody>),
}

/// Parses a whole file of the JSON form: an object, or an array of objects that count as
/// one. What is a block in it is decided by [`Body::resolved`].
pub fn parse_json_body(file: FileId, text: &str) -> (Body, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let whole = Span::new(file, start..text.len());
    let mut reader = Reader { file, base: start, text: &text[start..], diagnostics: &mut diagnostics };
    let value = reader.read();
    let properties = match value.map(|value| value.kind) {
        Some(JsonKind::Object(body)) => Arc::unwrap_or_clone(body).properties,
        Some(JsonKind::Array(items)) => objects_of(items, &mut diagnostics),
        _ if diagnostics.has_errors() => Vec::new(),
        _ => {
            diagnostics.push(not_an_object(whole));
            Vec::new()
        }
    };
    (Body { json: Some(Arc::new(JsonBody { properties })), ..Body::empty(whole) }, diagnostics)
}

/// The properties of all objects of an array.
fn objects_of(items: Vec<JsonValue>, diagnostics: &mut Diagnostics) -> Vec<JsonProperty> {
    let mut properties = Vec::new();
    for item in items {
        match item.kind {
            JsonKind::Object(body) => properties.extend(Arc::unwrap_or_clone(body).properties),
            _ => diagnostics.push(not_an_object(item.span)),
        }
    }
    properties
}

fn not_an_object(span: Span) -> Diagnostic {
    Diagnostic::error("A JSON object is required")
        .detail("A configuration in JSON is an object, or an array of objects.")
        .at(span)
}

struct Reader<'a> {
    file: FileId,
    base: usize,
    text: &'a str,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn span(&self, range: jsonc_parser::common::Range) -> Span {
        Span::new(self.file, self.base + range.start..self.base + range.end)
    }

    fn read(&mut self) -> Option<JsonValue> {
        let strict = ParseOptions {
            allow_comments: false,
            allow_loose_object_property_names: false,
            allow_trailing_commas: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        match jsonc_parser::parse_to_ast(self.text, &CollectOptions::default(), &strict) {
            Ok(result) => self.value(result.value.as_ref()?, 0),
            Err(error) => {
                let diagnostic = self.syntax_error(&error);
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    fn syntax_error(&self, error: &jsonc_parser::errors::ParseError) -> Diagnostic {
        let end = self.text.trim_end().len();
        let is_early_end = matches!(
            error.kind(),
            ParseErrorKind::ExpectedObjectValue
                | ParseErrorKind::UnterminatedArray
                | ParseErrorKind::UnterminatedObject
                | ParseErrorKind::ExpectedColonAfterObjectKey
        ) && error.range().end >= end;
        let range = error.range();
        if is_early_end {
            let place = jsonc_parser::common::Range::new(end, end);
            let diagnostic = Diagnostic::error("Unclosed JSON")
                .detail("The file ends before its value is complete.")
                .at(self.span(place));
            return diagnostic.label(self.span(range), "opened here");
        }
        Diagnostic::error("Invalid JSON").detail(format!("{}.", error.kind())).at(self.span(range))
    }

    fn value(&mut self, value: &ast::Value<'_>, depth: usize) -> Option<JsonValue> {
        use jsonc_parser::common::Ranged;
        let span = self.span(value.range());
        if depth > MAX_JSON_DEPTH {
            self.diagnostics.push(
                Diagnostic::error("Nested too deeply")
                    .detail("Arrays and objects nest more deeply here than any configuration needs.")
                    .at(span),
            );
            return None;
        }
        let kind = match value {
            ast::Value::NullKeyword(_) => JsonKind::Literal(Value::null(Type::Any)),
            ast::Value::BooleanLit(bool) => JsonKind::Literal(Value::bool(bool.value)),
            ast::Value::NumberLit(number) => JsonKind::Literal(self.number(number.value, span)),
            ast::Value::StringLit(string) => JsonKind::String(self.string(&string.value, span)),
            ast::Value::Array(array) => {
                JsonKind::Array(array.elements.iter().filter_map(|item| self.value(item, depth + 1)).collect())
            }
            ast::Value::Object(object) => JsonKind::Object(Arc::new(self.object(object, depth))),
        };
        Some(JsonValue { span, kind })
    }

    fn number(&mut self, text: &str, span: Span) -> Value {
        text.parse::<Number>().map_or_else(
            |_| {
                self.diagnostics
                    .push(Diagnostic::error("Invalid number").detail("This number cannot be represented.").at(span));
                Value::unknown(Type::Number)
            },
            Value::number,
        )
    }

    fn object(&mut self, object: &ast::Object<'_>, depth: usize) -> JsonBody {
        let properties = object.properties.iter().filter_map(|property| {
            let range = match &property.name {
                ast::ObjectPropName::String(name) => name.range,
                ast::ObjectPropName::Word(name) => name.range,
            };
            let name = self.string(property.name.as_str(), self.span(range));
            Some(JsonProperty { name, value: self.value(&property.value, depth + 1)? })
        });
        JsonBody { properties: properties.collect() }
    }

    fn string(&self, text: &str, span: Span) -> JsonString {
        let raw = self.text.get(span.start as usize - self.base + 1..(span.end as usize - self.base).saturating_sub(1));
        let map = raw.filter(|raw| raw.contains('\\')).map(escape_map).filter(|map| map.len() == text.len() + 1);
        JsonString { text: Arc::from(text), span, map: map.map(Arc::from) }
    }
}

/// For each byte of the text, and for its end, the offset in the escaped text.
fn escape_map(raw: &str) -> Vec<u32> {
    let mut map = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while let Some(character) = raw[at..].chars().next() {
        let (escaped, meant) =
            if character == '\\' { escaped_length(&raw[at..]) } else { (character.len_utf8(), character.len_utf8()) };
        for byte in 0..meant {
            let offset = if character == '\\' { at } else { at + byte };
            map.push(u32::try_from(offset).unwrap_or(u32::MAX));
        }
        at = (at + escaped).min(raw.len());
        while !raw.is_char_boundary(at) {
            at += 1;
        }
    }
    map.push(u32::try_from(raw.len()).unwrap_or(u32::MAX));
    map
}

/// The lengths of an escape and of the character that it means.
fn escaped_length(rest: &str) -> (usize, usize) {
    let code = |from: usize| rest.get(from..from + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    if !rest.starts_with("\\u") {
        return (2, 1);
    }
    match code(2) {
        Some(0xD800..=0xDBFF) => (12, 4),
        Some(code) => (6, char::from_u32(code).map_or(3, char::len_utf8)),
        None => (2, 1),
    }
}

impl Body {
    /// Whether it is in the JSON form, and nothing said yet which of its properties are blocks.
    pub fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// The body with its arguments and blocks told apart.
    ///
    /// A body of the native form is returned as it is. In the JSON form, the properties with
    /// the keywords of `blocks` become blocks (and `dynamic` does, where any block may stand),
    /// the others arguments; what does not fit is reported. The bodies of the blocks are to be
    /// resolved in turn.
    pub fn resolved(&self, blocks: &[BlockShape<'_>]) -> (Cow<'_, Body>, Diagnostics) {
        let Some(json) = &self.json else { return (Cow::Borrowed(self), Diagnostics::new()) };
        let mut resolver = Resolver { body: Body::empty(self.span), diagnostics: Diagnostics::new() };
        for property in json.properties.iter().filter(|property| &*property.name.text != "//") {
            let shape = blocks.iter().find(|shape| shape.keyword == &*property.name.text);
            match shape.map(|shape| shape.labels) {
                Some(labels) => resolver.blocks(property, &property.value, labels, &mut Vec::new()),
                None if &*property.name.text == "dynamic" && !blocks.is_empty() => {
                    resolver.blocks(property, &property.value, 1, &mut Vec::new());
                }
                None => resolver.attribute(property),
            }
        }
        (Cow::Owned(resolver.body), resolver.diagnostics)
    }
}

struct Resolver {
    body: Body,
    diagnostics: Diagnostics,
}

impl Resolver {
    fn attribute(&mut self, property: &JsonProperty) {
        let name = property.name.ident();
        if let Some(first) = self.body.attribute(&name.name) {
            self.diagnostics.push(
                Diagnostic::error("Attribute redefined")
                    .detail(format!("The argument {:?} is set twice in the same body.", name.name))
                    .label(name.span, "set again here")
                    .label(first.name.span, "set here first"),
            );
            return;
        }
        let expr = Arc::new(self.expr(&property.value));
        self.body.attributes.push(Attribute { name, expr });
    }

    fn blocks(&mut self, keyword: &JsonProperty, value: &JsonValue, labels: usize, so_far: &mut Vec<Ident>) {
        match &value.kind {
            JsonKind::Array(items) => {
                for item in items {
                    self.blocks(keyword, item, labels, so_far);
                }
            }
            JsonKind::Object(body) if labels == 0 => self.body.blocks.push(Block {
                keyword: keyword.name.ident(),
                labels: so_far.clone(),
                body: Body { json: Some(body.clone()), ..Body::empty(value.span) },
            }),
            JsonKind::Object(body) => {
                for property in &body.properties {
                    so_far.push(property.name.ident());
                    self.blocks(keyword, &property.value, labels - 1, so_far);
                    so_far.pop();
                }
            }
            JsonKind::Literal(null) if null.is_null() => {}
            _ => self.diagnostics.push(
                Diagnostic::error("A JSON object is required")
                    .detail(format!(
                        "The value of {:?} is a block: an object, or an array of objects for several.",
                        keyword.name.text
                    ))
                    .at(value.span),
            ),
        }
    }

    fn expr(&mut self, value: &JsonValue) -> Expr {
        let kind = match &value.kind {
            JsonKind::Literal(literal) => ExprKind::Literal(literal.clone()),
            JsonKind::String(string) => return self.template(string),
            JsonKind::Array(items) => ExprKind::Tuple(items.iter().map(|item| Arc::new(self.expr(item))).collect()),
            JsonKind::Object(body) => {
                let items = body.properties.iter().map(|property| {
                    let key = Arc::new(self.template(&property.name));
                    (key, Arc::new(self.expr(&property.value)))
                });
                ExprKind::Object(items.collect())
            }
        };
        Expr { kind, span: value.span }
    }

    fn template(&mut self, string: &JsonString) -> Expr {
        let places =
            Places { file: string.span.file, base: string.span.start as usize + 1, map: string.map.as_deref() };
        let mut parser = Parser::with_places(&string.text, places);
        let expr = parser.bare_template();
        self.diagnostics.extend(parser.diagnostics);
        // A part of plain text tells it from a native string: see [`Expr::as_json_text`].
        let kind = match expr.kind {
            ExprKind::Literal(text) => match text.into_data() {
                Data::String(text) => ExprKind::Template(vec![TemplatePart::Text(text)]),
                other => ExprKind::Literal(other.into()),
            },
            kind => kind,
        };
        Expr { kind, span: string.span }
    }
}

/// What an expression means where references are expected: a string of the JSON form, or each of
/// a list of them, is the expression in it, with or without `${ }` around. Everything else is
/// itself.
pub fn unquoted(expr: &Arc<Expr>) -> (Arc<Expr>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let expr = match &expr.kind {
        ExprKind::Template(parts) => match parts.as_slice() {
            [TemplatePart::Text(text)] => {
                let places = Places { file: expr.span.file, base: expr.span.start as usize + 1, map: None };
                let mut parser = Parser::with_places(text, places);
                let inner = parser.bare_expression(0..text.len());
                diagnostics.extend(parser.diagnostics);
                Arc::new(inner)
            }
            _ => expr.clone(),
        },
        // A string that is one interpolation.
        ExprKind::Parentheses(inner) => inner.clone(),
        ExprKind::Tuple(items) => {
            let items = items.iter().map(|item| {
                let (item, problems) = unquoted(item);
                diagnostics.extend(problems);
                item
            });
            Arc::new(Expr { kind: ExprKind::Tuple(items.collect()), span: expr.span })
        }
        _ => expr.clone(),
    };
    (expr, diagnostics)
}

impl JsonString {
    fn ident(&self) -> Ident {
        Ident { name: self.text.clone(), span: self.span }
    }
}
