//! A configuration as a table of text, for the tests of the engine.
//!
//! ```text
//! a = 1                  object.a with the value 1
//! b = a.value            object.b with the value of object.a, and so after it
//! c[0] = 1 : a b         one of several instances, after object.a and object.b
//! c[x] = 1 !cbd          flags: see [`Row`]
//! d[] : a                a block without instances
//! ```
//!
//! The objects are `scripted_object`s found by the text before the `=`; with `!numbered` they
//! are `scripted_numbered`, with `!data` a `scripted_value` of which the value is the name.

mod configuration;
mod memory;
mod reading;
mod scene;

use std::sync::Arc;

use portolan_lang::eval::Reference;
use portolan_lang::source::FileId;
use portolan_lang::{Address, AttributePath, Diagnostic, Diagnostics, InstanceKey, Span, Type, Value};
use portolan_provider::scripted::{NUMBERED, OBJECT, VALUE};

use crate::compile::{ConditionTime, Desired, Group, GroupId, Instance, InstanceId, OutputValue};
use crate::config::{IgnoreChanges, Lifecycle, OnDrift};
use crate::plan::Configurations;
pub(crate) use configuration::{NAMES, configuration};
pub(crate) use reading::READING;
pub(crate) use scene::{Scene, replacing, request, targeting};

/// What ought to exist, by a table.
pub(crate) fn desired(text: &str) -> Desired {
    Table::new(text).desired
}

/// An address, which must be one.
pub(crate) fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// A configuration, and what is known of its instances.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) desired: Desired,
    rows: Vec<Row>,
    values: Vec<Option<Value>>,
    /// An output for each of these instances: its value.
    pub(crate) outputs: Vec<&'static str>,
}

/// One line.
#[derive(Clone, Default)]
struct Row {
    /// `a` or `c[0]`.
    name: String,
    value: Expression,
    /// `!name=…`: another name of the object than that of the row.
    object_name: Option<String>,
    /// `!namedby=…`: the name is an attribute of another row.
    named_by: Option<(String, String)>,
    /// `!triggered=…`: another row, whose change replaces this one.
    triggered: Option<String>,
    /// `!before` and `!after`: conditions that do not hold.
    fails_before: bool,
    fails_after: bool,
    /// `!secret`: the value is sensitive.
    is_sensitive: bool,
    is_data: bool,
    is_numbered: bool,
}

#[derive(Clone, Default)]
enum Expression {
    #[default]
    Nothing,
    Literal(Value),
    /// The attribute of another row.
    Attribute(String, String),
}

impl Table {
    pub(crate) fn new(text: &str) -> Table {
        let mut table =
            Table { desired: Desired::default(), rows: Vec::new(), values: Vec::new(), outputs: Vec::new() };
        let lines: Vec<Line<'_>> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Line::read).collect();
        for line in &lines {
            table.add_group(line);
        }
        for (number, line) in lines.iter().enumerate() {
            table.add_instance(number, line);
            for dependency in &line.dependencies {
                let group = table.group(dependency).unwrap_or_else(|| panic!("no block {dependency}"));
                let own = table.group(line.block).expect("was added");
                let own = &mut table.desired.groups[own.0 as usize];
                if !own.dependencies.contains(&group) {
                    own.dependencies.push(group);
                }
                own.awaited = if line.flag("data").is_some() { own.dependencies.clone() } else { Vec::new() };
            }
        }
        table
    }

    fn group(&self, name: &str) -> Option<GroupId> {
        let block = block_address(name.split('[').next().unwrap_or(name));
        let at = self.desired.groups.iter().position(|group| group.address == block)?;
        Some(GroupId(at as u32))
    }

    pub(crate) fn instance(&self, name: &str) -> InstanceId {
        let at = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"));
        InstanceId(at as u32)
    }

    fn add_group(&mut self, line: &Line<'_>) {
        if self.group(line.block).is_none() {
            self.desired.groups.push(Group {
                address: block_address(line.block),
                members: Vec::new(),
                dependencies: Vec::new(),
                awaited: Vec::new(),
                lifecycle: Arc::new(line.lifecycle()),
            });
        }
    }

    fn add_instance(&mut self, number: usize, line: &Line<'_>) {
        let Some(key) = &line.key else { return };
        let group = self.group(line.block).expect("was added");
        let id = InstanceId(self.rows.len() as u32);
        self.desired.groups[group.0 as usize].members.push(id);
        let row = line.row();
        self.desired.instances.push(Instance {
            address: instance_address(line.block, key.clone()),
            is_data: row.is_data,
            is_check: false,
            resource_type: Arc::from(if row.is_data {
                VALUE
            } else if row.is_numbered {
                NUMBERED
            } else {
                OBJECT
            }),
            provider: Arc::from("scripted"),
            connection: None,
            group,
            dependencies: Vec::new(),
            span: Span::new(FileId(0), number..number + 1),
        });
        self.rows.push(row);
        self.values.push(None);
    }

    fn row(&self, id: InstanceId) -> &Row {
        &self.rows[id.0 as usize]
    }

    fn value(&self, id: InstanceId) -> Value {
        let row = self.row(id);
        let value = match &row.value {
            Expression::Nothing => Value::null(Type::Any),
            Expression::Literal(value) => value.clone(),
            Expression::Attribute(of, attribute) => self.attribute(of, attribute, Type::Any),
        };
        if row.is_sensitive { value.sensitive() } else { value }
    }

    fn attribute(&self, of: &str, attribute: &str, ty: Type) -> Value {
        match &self.values[self.instance(of).0 as usize] {
            Some(value) => value.get(attribute).unwrap_or_else(|| panic!("{of} has no {attribute}")),
            None => Value::unknown(ty),
        }
    }
}

impl Configurations for Table {
    fn set(&mut self, id: InstanceId, value: Value) {
        self.values[id.0 as usize] = Some(value);
    }

    fn configuration(&mut self, id: InstanceId) -> (Value, Diagnostics) {
        let row = self.row(id);
        let name = match &row.named_by {
            Some((of, attribute)) => self.attribute(of, attribute, Type::String),
            None => Value::string(row.object_name.as_deref().unwrap_or(&row.name)),
        };
        let null = |ty| Value::null(ty);
        let config = if row.is_data {
            Value::object([("name", self.value(id)), ("value", null(Type::Any))])
        } else if row.is_numbered {
            Value::object([("value", self.value(id)), ("id", null(Type::String)), ("revision", null(Type::Number))])
        } else {
            Value::object([
                ("name", name),
                ("value", self.value(id)),
                ("secret", null(Type::String)),
                ("revision", null(Type::Number)),
            ])
        };
        (config, Diagnostics::new())
    }

    fn place(&self, id: InstanceId, _path: &AttributePath) -> Span {
        self.desired.instance(id).span
    }

    fn is_replacement_triggered(
        &mut self,
        id: InstanceId,
        changed: &dyn Fn(InstanceId, Option<&str>) -> bool,
    ) -> (bool, Diagnostics) {
        let triggered = self.row(id).triggered.as_deref().map(|by| {
            let (by, attribute) = by.split_once('.').map_or((by, None), |(by, attribute)| (by, Some(attribute)));
            changed(self.instance(by), attribute)
        });
        (triggered.unwrap_or(false), Diagnostics::new())
    }

    fn conditions(&mut self, id: InstanceId, time: ConditionTime, _itself: Option<&Value>) -> Diagnostics {
        let row = self.row(id);
        let (fails, what) = match time {
            ConditionTime::Before => (row.fails_before, "Resource precondition failed"),
            ConditionTime::After => (row.fails_after, "Resource postcondition failed"),
        };
        let error = || Diagnostics::from(Diagnostic::error(what).of(&self.desired.instance(id).address));
        if fails { error() } else { Diagnostics::new() }
    }

    fn outputs(&mut self) -> (Vec<OutputValue>, Diagnostics) {
        let output = |name: &&str| {
            let value = self.values[self.instance(name).0 as usize].as_ref().and_then(|value| value.get("value"));
            OutputValue { name: Arc::from(*name), value: value.unwrap_or_else(|| Value::unknown(Type::Any)) }
        };
        (self.outputs.iter().map(output).collect(), Diagnostics::new())
    }
}

/// `a` is `object.a`, `m/a` is `module.m.object.a`.
/// A key `@north` makes a row the copy of its block in that place.
fn instance_address(block: &str, key: Option<InstanceKey>) -> Address {
    match &key {
        Some(InstanceKey::Key(place)) if place.starts_with('@') => block_address(block).part(format!("copy{place}")),
        _ => block_address(block).instance(key),
    }
}

fn block_address(block: &str) -> Address {
    match block.split_once('/') {
        Some((module, name)) => address(&format!("module.{module}.object.{name}")),
        None => address(&format!("object.{block}")),
    }
}

/// A line, taken apart.
struct Line<'a> {
    block: &'a str,
    /// `None` for a block without instances.
    key: Option<Option<InstanceKey>>,
    value: Option<&'a str>,
    flags: Vec<(&'a str, &'a str)>,
    dependencies: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Line<'a> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let flags = words.iter().filter_map(|word| word.strip_prefix('!'));
        let flags: Vec<_> = flags.map(|flag| flag.split_once('=').unwrap_or((flag, ""))).collect();
        words.retain(|word| !word.starts_with('!'));
        let colon = words.iter().position(|word| *word == ":" || word.ends_with(':')).unwrap_or(words.len());
        let mut dependencies: Vec<&str> = words.get(colon + 1..).unwrap_or_default().to_vec();
        let name = words[0].trim_end_matches(':');
        let value = words.iter().position(|word| *word == "=").and_then(|at| words.get(at + 1)).copied();
        let (block, key) = match name.split_once('[') {
            None => (name, Some(None)),
            Some((block, "]")) => (block, None),
            Some((block, key)) => (block, Some(Some(read_key(key.trim_end_matches(']'))))),
        };
        let named_by = flags.iter().find(|(flag, _)| *flag == "namedby").map(|(_, value)| *value);
        let references = [value, named_by].into_iter().flatten().filter_map(|value| value.split_once('.'));
        dependencies.extend(references.map(|(row, _)| row));
        Line { block, key, value, flags, dependencies }
    }

    fn flag(&self, name: &str) -> Option<&'a str> {
        self.flags.iter().find(|(flag, _)| *flag == name).map(|(_, value)| *value)
    }

    fn row(&self) -> Row {
        let key = match self.key.as_ref().and_then(Option::as_ref) {
            Some(InstanceKey::Index(index)) => format!("[{index}]"),
            Some(InstanceKey::Key(key)) => format!("[{key}]"),
            None => String::new(),
        };
        Row {
            name: format!("{}{key}", self.block),
            value: self.value.map(read_value).unwrap_or_default(),
            object_name: self.flag("name").map(str::to_owned),
            named_by: self
                .flag("namedby")
                .and_then(|by| by.split_once('.'))
                .map(|(of, attribute)| (of.to_owned(), attribute.to_owned())),
            triggered: self.flag("triggered").map(str::to_owned),
            fails_before: self.flag("before").is_some(),
            fails_after: self.flag("after").is_some(),
            is_sensitive: self.flag("secret").is_some(),
            is_data: self.flag("data").is_some(),
            is_numbered: self.flag("numbered").is_some(),
        }
    }

    fn lifecycle(&self) -> Lifecycle {
        let span = Span::new(FileId(0), 0..0);
        Lifecycle {
            create_before_destroy: self.flag("cbd").is_some(),
            prevent_destroy: self.flag("prevent").map(|_| span),
            ignore_changes: match self.flag("ignore") {
                None => IgnoreChanges::None,
                Some("all") => IgnoreChanges::All,
                Some(attribute) => IgnoreChanges::Paths(vec![Reference::new(attribute, [], span)]),
            },
            replace_triggered_by: self.flag("triggered").map(|_| nothing(span)).into_iter().collect(),
            on_drift: self.flag("drift").and_then(OnDrift::named),
            ..Lifecycle::default()
        }
    }
}

/// An expression that stands for one that is not looked at.
fn nothing(span: Span) -> Arc<portolan_lang::syntax::Expr> {
    Arc::new(portolan_lang::syntax::Expr { kind: portolan_lang::syntax::ExprKind::Literal(Value::TRUE), span })
}

fn read_key(key: &str) -> InstanceKey {
    key.parse::<u64>().map_or_else(|_| InstanceKey::from(key), InstanceKey::from)
}

fn read_value(value: &str) -> Expression {
    match (value.parse::<i64>(), value.split_once('.')) {
        (Ok(number), _) => Expression::Literal(Value::number(number)),
        (_, Some((row, attribute))) => Expression::Attribute(row.to_owned(), attribute.to_owned()),
        _ => Expression::Literal(Value::string(value)),
    }
}
