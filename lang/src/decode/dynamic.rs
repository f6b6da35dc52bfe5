//! `dynamic` blocks: one block for each element of a collection.

use std::sync::Arc;

use crate::convert::convert;
use crate::decode::{Decoder, shape};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::eval::{Host, Reference, Resolved, Scope, evaluate};
use crate::limits::MAX_SIZE;
use crate::schema::{self, Schema};
use crate::syntax::{Attribute, Block, BlockShape, Body, Expr};
use crate::types::Type;
use crate::value::{Data, Marks, Value};

/// What a dynamic block consists of.
pub(super) struct Parts {
    /// What is gone through.
    pub(super) for_each: Arc<Expr>,
    /// The name that `.key` and `.value` are read of.
    pub(super) iterator: Arc<str>,
    /// The labels of the blocks.
    pub(super) labels: Option<Arc<Expr>>,
    /// The body of the blocks.
    pub(super) content: Body,
}

/// The block in a dynamic block that holds what its blocks hold.
pub(super) const CONTENT: BlockShape<'static> = BlockShape { keyword: "content", labels: 0 };

/// Whether this is a dynamic block that makes blocks of this keyword.
pub(super) fn is_for(block: &Block, keyword: &str) -> bool {
    &*block.keyword.name == "dynamic" && block.labels.first().is_some_and(|label| &*label.name == keyword)
}

/// The kind of blocks that a dynamic block makes.
pub(super) fn kind_of<'s>(block: &Block, schema: &'s Schema) -> Option<&'s schema::Block> {
    schema.blocks.iter().find(|kind| is_for(block, &kind.name))
}

pub(super) fn unknown_kind(block: &Block, schema: &Schema) -> Diagnostic {
    let Some(label) = block.labels.first() else {
        return Diagnostic::error("Missing name for dynamic")
            .detail("A dynamic block is named by the keyword of the blocks that it makes.")
            .at(block.header());
    };
    let problem = Diagnostic::error("Unsupported block type")
        .detail(format!("Blocks of type {:?} are not expected here.", &*label.name))
        .at(label.span);
    match did_you_mean(&label.name, schema.blocks.iter().map(|kind| &*kind.name)) {
        Some(known) => problem.help(format!("did you mean {known:?}?")),
        None => problem,
    }
}

/// The parts of a dynamic block, and what is wrong with it.
pub(super) fn parts(block: &Block, kind: &schema::Block) -> (Option<Parts>, Diagnostics) {
    let (body, mut problems) = block.body.resolved(&[CONTENT]);
    let known = ["for_each", "iterator", "labels"];
    for attribute in body.attributes.iter().filter(|attribute| !known.contains(&&*attribute.name.name)) {
        problems.push(
            Diagnostic::error("Unsupported argument")
                .detail(format!("A dynamic block has no argument {:?}.", &*attribute.name.name))
                .at(attribute.name.span)
                .help("the arguments of the blocks that it makes stand in content { … }"),
        );
    }
    for other in body.blocks.iter().filter(|inner| &*inner.keyword.name != "content") {
        problems.push(
            Diagnostic::error("Unsupported block type")
                .detail(format!("A dynamic block holds no block {:?} but content.", &*other.keyword.name))
                .at(other.header()),
        );
    }
    let missing = |what: &str| {
        Diagnostic::error(format!("Missing {what} in dynamic block"))
            .detail(format!("A dynamic block needs {what}."))
            .at(block.header())
    };
    let for_each = body.attribute("for_each").map(|attribute| attribute.expr.clone());
    let content = body.blocks("content").next().map(|content| content.body.clone());
    if for_each.is_none() {
        problems.push(missing("for_each"));
    }
    if content.is_none() {
        problems.push(missing("content"));
    }
    let iterator = iterator(&body, kind, &mut problems);
    let labels = body.attribute("labels").map(|attribute| attribute.expr.clone());
    if labels.is_none() && shape::labels_of(kind) > 0 {
        problems.push(missing("labels"));
    }
    let parts = for_each.zip(content).map(|(for_each, content)| Parts { for_each, iterator, labels, content });
    (parts, problems)
}

fn too_many(block: &Block) -> Diagnostic {
    Diagnostic::error("Value too large")
        .detail(format!("The blocks that are made here would take more than {} MiB.", MAX_SIZE >> 20))
        .at(block.header())
}

fn iterator(body: &Body, kind: &schema::Block, problems: &mut Diagnostics) -> Arc<str> {
    let Some(Attribute { expr, .. }) = body.attribute("iterator") else { return kind.name.clone() };
    match (expr.as_name(), expr.as_json_text()) {
        (Some(name), _) => name.clone(),
        (_, Some(name)) => Arc::from(name),
        _ => {
            problems.push(
                Diagnostic::error("Invalid dynamic iterator name")
                    .detail("The iterator is a plain name.")
                    .at(expr.span),
            );
            kind.name.clone()
        }
    }
}

/// The keys and values that a `for_each` goes through; `None` where it is no collection, or not known.
pub(super) fn elements(for_each: &Value) -> Option<Vec<(Value, Value)>> {
    match for_each.data() {
        Data::List(_) | Data::Tuple(_) => {
            let items = for_each.items()?.iter().enumerate();
            Some(items.map(|(at, item)| (Value::number(at), item.clone())).collect())
        }
        Data::Set(set) => Some(set.items.iter().map(|item| (item.clone(), item.clone())).collect()),
        Data::Map(_) | Data::Object(_) => {
            let entries = for_each.entries()?;
            Some(entries.iter().map(|(name, value)| (Value::string(name.clone()), value.clone())).collect())
        }
        _ => None,
    }
}

impl Parts {
    /// The scope of the content, for an element: an object of its key and its value.
    pub(super) fn scope<'a>(&'a self, outer: &'a dyn Scope, element: Value) -> ElementScope<'a> {
        ElementScope { outer, name: &self.iterator, element }
    }
}

impl Decoder<'_> {
    /// Adds the blocks that a dynamic block makes; `false` where they are not known.
    pub(super) fn dynamic(
        &mut self,
        block: &Block,
        kind: &schema::Block,
        blocks: &mut Vec<(Option<Arc<str>>, Value)>,
    ) -> bool {
        let (parts, problems) = parts(block, kind);
        self.problems.extend(problems);
        let Some(parts) = parts else { return false };
        let (for_each, problems) = evaluate(&parts.for_each, self.scope);
        let failed = problems.has_errors();
        self.problems.extend(problems);
        if failed {
            return false;
        }
        let elements = self.problems.keep(checked_elements(&for_each, &parts.for_each)).flatten();
        let Some(elements) = elements else {
            // The content is still worth a check.
            self.element(&parts, kind, Value::unknown(Type::Any), Value::unknown(Type::Any), for_each.marks());
            return false;
        };
        for (key, value) in elements {
            match self.element(&parts, kind, key, value, for_each.marks()) {
                Some(made) => blocks.push(made),
                None => return false,
            }
            if self.size > MAX_SIZE {
                self.problems.push(too_many(block));
                return false;
            }
        }
        true
    }

    /// One block; `None` where its label is not known.
    fn element(
        &mut self,
        parts: &Parts,
        kind: &schema::Block,
        key: Value,
        value: Value,
        marks: Marks,
    ) -> Option<(Option<Arc<str>>, Value)> {
        let element = Value::object([("key", key.mark(marks)), ("value", value.mark(marks))]);
        let scope = parts.scope(self.scope, element);
        let mut decoder = Decoder { scope: &scope, problems: Diagnostics::new(), size: self.size };
        let label = match (&parts.labels, shape::labels_of(kind)) {
            (Some(labels), 1..) => decoder.label(labels).map(Some),
            _ => Some(None),
        };
        let value = decoder.body(&parts.content, &kind.schema).mark(marks);
        self.problems.extend(decoder.problems);
        self.size = decoder.size + u64::from(value.size());
        Some((label?, value))
    }

    fn label(&mut self, labels: &Expr) -> Option<Arc<str>> {
        let (value, problems) = evaluate(labels, self.scope);
        let failed = problems.has_errors();
        self.problems.extend(problems);
        if failed { None } else { self.problems.keep(label(&value, labels)).flatten() }
    }
}

/// The keys and values that a `for_each` goes through; `None` where they are not known.
pub(super) fn checked_elements(for_each: &Value, expr: &Expr) -> Result<Option<Vec<(Value, Value)>>, Diagnostic> {
    let found = elements(for_each);
    let may_be_known_later = matches!(for_each.data(), Data::Unknown(unknown) if !unknown.ty.is_primitive());
    if found.is_some() || may_be_known_later {
        return Ok(found);
    }
    let name = for_each.ty().friendly_name();
    let what = if for_each.is_null() { "null".to_owned() } else { format!("a {name}") };
    Err(Diagnostic::error("Invalid dynamic for_each value")
        .detail("The for_each of a dynamic block is a collection.")
        .label(expr.span, format!("this is {what}")))
}

/// The one label that a list of labels holds; `None` where it is not known.
pub(super) fn label(labels: &Value, expr: &Expr) -> Result<Option<Arc<str>>, Diagnostic> {
    let first = labels.items().and_then(<[Value]>::first);
    match first.and_then(|label| convert(label, &Type::String).ok()).map(Value::into_data) {
        Some(Data::String(label)) => Ok(Some(label)),
        Some(Data::Unknown(_)) => Ok(None),
        _ if !labels.is_known() => Ok(None),
        _ => Err(Diagnostic::error("Invalid dynamic block label")
            .detail("The labels are a list of one string.")
            .at(expr.span)),
    }
}

/// A scope with the element of a dynamic block.
pub(super) struct ElementScope<'a> {
    outer: &'a dyn Scope,
    name: &'a str,
    element: Value,
}

impl Scope for ElementScope<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        if &*reference.root == self.name {
            return Ok(Resolved { value: self.element.clone(), steps: 0 });
        }
        self.outer.resolve(reference)
    }

    fn host(&self) -> &dyn Host {
        self.outer.host()
    }
}
