//! The nodes of the syntax tree.

use std::sync::Arc;

use crate::eval::Reference;
use crate::source::Span;
use crate::syntax::json::JsonBody;
use crate::value::Value;

/// What stands between the braces of a block, or in a whole file: attributes and blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// The attributes in source order; no two have the same name.
    pub attributes: Vec<Attribute>,
    /// The blocks in source order.
    pub blocks: Vec<Block>,
    /// The braces with all between them, or the whole file.
    pub span: Span,
    /// The properties of a body in the JSON form, as long as nothing said which of them are
    /// blocks; see [`Body::resolved`].
    pub(crate) json: Option<Arc<JsonBody>>,
}

/// `name = expression`
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: Ident,
    /// The expression.
    pub expr: Arc<Expr>,
}

/// `keyword "label" "label" { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The keyword.
    pub keyword: Ident,
    /// The labels, quoted or not.
    pub labels: Vec<Ident>,
    /// What the block holds.
    pub body: Body,
}

/// A name with its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ident {
    /// The name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What kind of expression, with its parts.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number, `true`, `false`, `null`, or a string without interpolation.
    Literal(Value),
    /// A string with interpolations or directives, quoted or as a heredoc.
    Template(Vec<TemplatePart>),
    /// A name with the names and literal keys that follow it: what the scope is asked for, or a
    /// variable of a `for`.
    Reference(Reference),
    /// `expr.name`, where `expr` is not a reference.
    Attribute(Arc<Expr>, Ident),
    /// `expr[key]`, where `expr` is not a reference or `key` not a literal; `expr.0` is the same
    /// with a literal key.
    Index(Arc<Expr>, Arc<Expr>),
    /// `expr[*].steps` and `expr.*.steps`: `each` is evaluated for every element, which it
    /// refers to as [`ExprKind::Element`].
    Splat {
        /// What is gone through.
        source: Arc<Expr>,
        /// What is made of each element.
        each: Arc<Expr>,
    },
    /// The element of the innermost splat around it.
    Element,
    /// `!a`, `-a`
    Unary(UnaryOperator, Arc<Expr>),
    /// `a + b`
    Binary(BinaryOperator, Arc<Expr>, Arc<Expr>),
    /// `a ? b : c`
    Conditional(Arc<Expr>, Arc<Expr>, Arc<Expr>),
    /// `name(a, b...)`
    Call(Box<Call>),
    /// `[a, b]`
    Tuple(Vec<Arc<Expr>>),
    /// `{a = b}`
    Object(Vec<(Arc<Expr>, Arc<Expr>)>),
    /// `[for k, v in a : b if c]`, `{for k, v in a : b => c... if d}`
    For(Box<For>),
    /// `(a)`, kept because `(a) = b` in an object means the value of `a`.
    Parentheses(Arc<Expr>),
    /// What could not be parsed; the parser has told why.
    Invalid,
}

/// The parts of a call. They stand apart, because references, of which there are far more, need
/// less room.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function, with `::` between the names of a namespaced one.
    pub name: Ident,
    /// The arguments.
    pub arguments: Vec<Arc<Expr>>,
    /// Whether `...` follows the last argument.
    pub expand: bool,
}

/// The parts of a `for` expression.
#[derive(Debug, Clone, PartialEq)]
pub struct For {
    /// The variable for the key or index.
    pub key_variable: Option<Ident>,
    /// The variable for the element.
    pub value_variable: Ident,
    /// What is gone through.
    pub source: Arc<Expr>,
    /// The key of the result's element; there is one exactly if the result is an object.
    pub key: Option<Arc<Expr>>,
    /// The result's element.
    pub value: Arc<Expr>,
    /// Whether `...` follows: elements with the same key are grouped.
    pub group: bool,
    /// What must hold for an element to count.
    pub condition: Option<Arc<Expr>>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplatePart {
    /// Text as it is meant, with escapes and trimming done.
    Text(Arc<str>),
    /// `${expr}`
    Interpolation(Arc<Expr>),
    /// `%{ if a }…%{ else }…%{ endif }`
    If {
        /// What decides.
        condition: Arc<Expr>,
        /// The parts where it holds.
        then: Vec<TemplatePart>,
        /// The parts where it does not.
        otherwise: Vec<TemplatePart>,
        /// The whole directive.
        span: Span,
    },
    /// `%{ for k, v in a }…%{ endfor }`
    For {
        /// The variable for the key or index.
        key_variable: Option<Ident>,
        /// The variable for the element.
        value_variable: Ident,
        /// What is gone through.
        source: Arc<Expr>,
        /// The parts for each element.
        body: Vec<TemplatePart>,
        /// The whole directive.
        span: Span,
    },
}

/// Operators before one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `!`
    Not,
    /// `-`
    Negate,
}

/// Operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

impl Body {
    /// A body of nothing.
    pub fn empty(span: Span) -> Body {
        Body { attributes: Vec::new(), blocks: Vec::new(), span, json: None }
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name.name == name)
    }

    /// The blocks of this keyword.
    pub fn blocks<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| &*block.keyword.name == keyword)
    }
}

impl Expr {
    /// The name that the expression is, if it is nothing else. Where a keyword or the name of a
    /// variable is expected, it is written as such an expression.
    pub fn as_name(&self) -> Option<&Arc<str>> {
        match &self.kind {
            ExprKind::Reference(reference) if reference.steps.is_empty() => Some(&reference.root),
            _ => None,
        }
    }

    /// The text of a string that was written in the JSON form and has no interpolation. Where
    /// a reference or a type is expected, the JSON form writes it as such a string.
    pub fn as_json_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Template(parts) => match parts.as_slice() {
                [TemplatePart::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Block {
    /// The keyword and the labels: what messages about the whole block point at.
    pub fn header(&self) -> Span {
        self.labels.last().map_or(self.keyword.span, |label| self.keyword.span.to(label.span))
    }
}
