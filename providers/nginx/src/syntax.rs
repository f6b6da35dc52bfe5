//! The syntax tree of an nginx configuration file, and its form as data.
//!
//! A directive is an object `{ name, args, block }`: `args` is a list of strings that are
//! the *meaning* of each argument, never text that is quoted already, and `block` is a list
//! of directives, or null for a directive that ends in a semicolon. What is unknown while
//! planning stays a gap in the tree, so that the rest can be checked.

use std::sync::Arc;

use portolan_lang::{AttributePath, Step, Value};
use portolan_provider::Error;

/// How deep blocks may nest. nginx itself needs five levels at most.
pub const MAX_DEPTH: usize = 16;

/// One directive, with all that stands in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its name; in a `map` or a `types` block, the key.
    pub name: Argument,
    /// Its arguments in order.
    pub arguments: Vec<Argument>,
    /// What stands between its braces.
    pub block: Block,
}

/// One argument, as nginx is to understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// This text.
    Text(Arc<str>),
    /// One argument that is not known yet.
    Unknown,
    /// Any number of arguments that are not known yet.
    UnknownRest,
}

/// What follows the arguments of a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A semicolon.
    None,
    /// Directives in braces.
    Directives(Vec<Directive>),
    /// Not known yet.
    Unknown,
}

impl Argument {
    /// The text, where it is known.
    pub fn text(&self) -> Option<&str> {
        if let Argument::Text(text) = self { Some(text) } else { None }
    }
}

impl Directive {
    /// A directive that ends in a semicolon.
    pub fn simple(name: &str, arguments: &[&str]) -> Directive {
        let arguments = arguments.iter().map(|text| Argument::Text(Arc::from(*text))).collect();
        Directive { name: Argument::Text(Arc::from(name)), arguments, block: Block::None }
    }

    /// A directive with a block.
    pub fn with_block(name: &str, arguments: &[&str], directives: Vec<Directive>) -> Directive {
        Directive { block: Block::Directives(directives), ..Directive::simple(name, arguments) }
    }
}

/// The path of a directive's parts inside the value that it was read from.
pub(crate) mod step {
    use std::sync::Arc;

    use portolan_lang::Step;

    pub(crate) fn name() -> Step {
        Step::Attribute(Arc::from("name"))
    }

    pub(crate) fn arguments() -> Step {
        Step::Attribute(Arc::from("args"))
    }

    pub(crate) fn block() -> Step {
        Step::Attribute(Arc::from("block"))
    }
}

/// Reads a tree from its form as data. `at` is the path of `value` in the resource; every
/// problem is reported with the path of what is wrong.
pub fn from_value(value: &Value, at: &AttributePath) -> Result<Vec<Directive>, Vec<Error>> {
    let mut reader = Reader { path: at.clone(), errors: Vec::new(), depth: 0 };
    let directives = reader.directives(value);
    if reader.errors.is_empty() { Ok(directives) } else { Err(reader.errors) }
}

/// The form as data of a tree without gaps. A gap becomes an unknown value.
pub fn to_value(directives: &[Directive]) -> Value {
    Value::tuple(directives.iter().map(directive_to_value))
}

fn directive_to_value(directive: &Directive) -> Value {
    use portolan_lang::Type;
    let argument = |argument: &Argument| match argument {
        Argument::Text(text) => Value::string(text.clone()),
        Argument::Unknown | Argument::UnknownRest => Value::unknown(Type::String),
    };
    let arguments = match directive.arguments.contains(&Argument::UnknownRest) {
        true => Value::unknown(Type::list(Type::String)),
        false => Value::list(Type::String, directive.arguments.iter().map(argument)),
    };
    let block = match &directive.block {
        Block::None => Value::null(Type::Any),
        Block::Directives(directives) => to_value(directives),
        Block::Unknown => Value::unknown(Type::Any),
    };
    Value::object([("name", argument(&directive.name)), ("args", arguments), ("block", block)])
}

struct Reader {
    path: AttributePath,
    errors: Vec<Error>,
    depth: usize,
}

impl Reader {
    fn refuse(&mut self, message: impl Into<String>) {
        self.errors.push(Error::invalid(message).at(self.path.clone()));
    }

    /// Reads what lies one step further in.
    fn inside<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = read(self);
        self.path.pop();
        result
    }

    fn directives(&mut self, value: &Value) -> Vec<Directive> {
        let Some(items) = value.items() else {
            self.refuse(format!("a list of directives is needed, not {}", described(value)));
            return Vec::new();
        };
        if self.depth == MAX_DEPTH {
            self.refuse(format!("blocks nest deeper than {MAX_DEPTH} levels"));
            return Vec::new();
        }
        self.depth += 1;
        let directives = items.iter().enumerate();
        let directives =
            directives.map(|(index, item)| self.inside(Step::Index(index), |reader| reader.directive(item))).collect();
        self.depth -= 1;
        directives
    }

    fn directive(&mut self, value: &Value) -> Directive {
        let gap = Directive { name: Argument::Unknown, arguments: vec![Argument::UnknownRest], block: Block::Unknown };
        if !value.is_known() {
            return gap;
        }
        let Some(entries) = value.entries() else {
            self.refuse(format!("a directive is an object with name, args and block, not {}", described(value)));
            return gap;
        };
        for unknown in entries.keys().filter(|key| !["name", "args", "block"].contains(&&***key)) {
            self.refuse(format!("a directive has no attribute {unknown:?}: it has name, args and block"));
        }
        let name = self.inside(step::name(), |reader| match entries.get("name") {
            Some(name) => reader.argument(name),
            None => {
                reader.refuse("the directive has no name");
                Argument::Unknown
            }
        });
        let arguments = self.inside(step::arguments(), |reader| reader.arguments(entries.get("args")));
        let block = self.inside(step::block(), |reader| reader.block(entries.get("block")));
        Directive { name, arguments, block }
    }

    fn arguments(&mut self, value: Option<&Value>) -> Vec<Argument> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Vec::new() };
        if !value.is_known() {
            return vec![Argument::UnknownRest];
        }
        let Some(items) = value.items() else {
            self.refuse(format!("a list of strings is needed, not {}", described(value)));
            return vec![Argument::UnknownRest];
        };
        let items = items.iter().enumerate();
        items.map(|(index, item)| self.inside(Step::Index(index), |reader| reader.argument(item))).collect()
    }

    /// A string, or a number in its decimal digits.
    fn argument(&mut self, value: &Value) -> Argument {
        if let Some(text) = value.as_str() {
            return Argument::Text(Arc::from(text));
        }
        if let Some(number) = value.as_number() {
            return Argument::Text(Arc::from(number.to_string()));
        }
        if value.is_known() {
            self.refuse(format!("a string is needed, not {}", described(value)));
        }
        Argument::Unknown
    }

    fn block(&mut self, value: Option<&Value>) -> Block {
        match value {
            None => Block::None,
            Some(value) if value.is_null() => Block::None,
            Some(value) if !value.is_known() => Block::Unknown,
            Some(value) => Block::Directives(self.directives(value)),
        }
    }
}

/// What a value of the wrong kind is called in a message, without its content.
fn described(value: &Value) -> String {
    if value.is_null() { "null".to_owned() } else { format!("a value of type {}", value.ty().friendly_name()) }
}

#[cfg(test)]
mod tests {
    use portolan_lang::Type;

    use super::*;

    fn at() -> AttributePath {
        AttributePath::attribute("directives")
    }

    fn problems(value: &Value) -> Vec<String> {
        let errors = from_value(value, &at()).expect_err("problems");
        errors.iter().map(|error| format!("{}: {error}", error.path.as_ref().expect("a path"))).collect()
    }

    #[test]
    fn trees_come_back_from_their_data() {
        let tree = vec![
            Directive::simple("pid", &["nginx.pid"]),
            Directive::with_block("http", &[], vec![Directive::simple("gzip", &["on"])]),
        ];
        assert_eq!(from_value(&to_value(&tree), &at()).expect("a tree"), tree);
    }

    #[test]
    fn every_problem_has_a_path() {
        let value = Value::tuple([
            Value::object([("name", Value::string("a")), ("args", Value::tuple([Value::TRUE]))]),
            Value::object([("nam", Value::string("b")), ("block", Value::string("x"))]),
            Value::number(1),
        ]);
        assert_eq!(
            problems(&value),
            [
                "directives[0].args[0]: a string is needed, not a value of type bool",
                "directives[1]: a directive has no attribute \"nam\": it has name, args and block",
                "directives[1].name: the directive has no name",
                "directives[1].block: a list of directives is needed, not a value of type string",
                "directives[2]: a directive is an object with name, args and block, not a value of type number",
            ]
        );
    }

    #[test]
    fn what_is_unknown_is_a_gap() {
        let value = Value::tuple([
            Value::unknown(Type::Any),
            Value::object([("name", Value::string("server")), ("args", Value::unknown(Type::list(Type::String)))]),
        ]);
        let tree = from_value(&value, &at()).expect("a tree");
        assert_eq!(tree[0].block, Block::Unknown);
        assert_eq!(tree[1].arguments, [Argument::UnknownRest]);
    }

    #[test]
    fn depth_is_limited() {
        let nested = (0..10_000).fold(Value::tuple([]), |inner, _| {
            Value::tuple([Value::object([("name", Value::string("a")), ("block", inner)])])
        });
        assert!(problems(&nested)[0].ends_with("blocks nest deeper than 16 levels"));
        // Dropping ten thousand levels by recursion is the test's own problem.
        std::mem::forget(nested);
    }
}
