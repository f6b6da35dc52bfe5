//! The blocks of the domain, and what they compile to.
//!
//! A kind of domain block is a schema and a pure function from its evaluated attributes, and
//! the decisions about it, to ordinary resources. The function runs whenever more is known;
//! which resources it gives may only depend on what is known before planning, and it says
//! precisely what is missing where something is not.
//!
//! Blocks see each other as values alone: a reference to another block is an object that
//! carries its `address` and what others may need of it.

mod application;
pub mod autoscale;
pub mod availability;
mod claim;
mod cluster;
mod edge;
mod manifests;
mod names;
mod network;
pub mod orders;
pub mod placement;
pub mod probe;
mod quantity;
pub mod switch;
mod wants;
mod weights;

use std::sync::Arc;

pub(super) use application::cluster_name;
pub use claim::Claim;
pub(super) use claim::clashes;
use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::eval::Scope;
use portolan_lang::syntax::Body;
use portolan_lang::{Address, AttributePath, Data, Diagnostic, Diagnostics, Schema, Span, Step, Value};
use portolan_state::Decision;

use crate::catalog::Catalog;
use crate::compile::DeletionLimit;
use placement::Ledger;
pub use wants::{BlockPlacement, ServicePlacement, Wanted, Wants};

/// A kind of domain block.
pub struct Kind {
    /// Its keyword.
    pub keyword: &'static str,
    /// What a block of it may hold, given which providers there are.
    pub schema: fn(&Catalog) -> Schema,
    /// What a block of it wants to be placed, for kinds of which anything is.
    pub wants: Option<AskWants>,
    /// What a block of it compiles to.
    pub compile: fn(&Block<'_>, &dyn Scope) -> Compiled,
}

/// Says what a block wants to be placed, from the block, its scope and all clusters of its module.
pub type AskWants = fn(&Block<'_>, &dyn Scope, &[Value], &mut Ledger) -> Wants;

/// One instance of a domain block.
pub struct Block<'a> {
    /// Its address.
    pub address: &'a Address,
    /// Its name.
    pub name: &'a str,
    /// What it holds; to be decoded with the kind's schema.
    pub body: &'a Body,
    /// Its header.
    pub span: Span,
    /// The decisions about it and what is in it, sorted by subject and kind.
    pub decisions: &'a [Decision],
    /// Reads for [`Block::read`].
    pub read: Read<'a>,
    /// Which providers there are.
    pub catalog: &'a Catalog,
    /// Where its services are placed, if it has any and they are.
    pub placement: Option<&'a BlockPlacement>,
}

/// What a data source of a connection says, asked with a configuration.
pub type Read<'a> = &'a dyn Fn(&Address, &str, &Value) -> Option<Value>;

impl Block<'_> {
    /// What the data source `source` says of the system that the block at `connection` describes.
    /// `config` says what is asked: an object of attributes of the source, of which those that are
    /// left out are null.
    ///
    /// `None` says that the answer is not there yet: it is asked for, and the block is compiled
    /// again when it is there. Until then it may compile to anything, and what it says is pending
    /// is not told. The answer is unknown where `config` is not wholly known.
    pub fn read(&self, connection: &Address, source: &str, config: &Value) -> Option<Value> {
        (self.read)(connection, source, config)
    }

    /// The decision about a thing in the block that answers a question.
    pub fn decision(&self, subject: &Address, kind: &str) -> Option<&Decision> {
        let order = |decision: &Decision| (&decision.subject, &*decision.kind).cmp(&(subject, kind));
        self.decisions.binary_search_by(order).ok().and_then(|at| self.decisions.get(at))
    }

    /// The place of the value at a path, or of the innermost block around it that can be found.
    /// A step into named blocks is the label.
    pub fn path_span(&self, path: &AttributePath) -> Span {
        span_within(self.body, self.span, path.steps())
    }

    /// The place of an attribute's value, or the block's header where it is not set.
    pub fn attribute_span(&self, name: &str) -> Span {
        self.body.attribute(name).map_or(self.span, |attribute| attribute.expr.span)
    }
}

/// The place of the value at a path in a body, or of the innermost block around it that can be
/// found; `header` for the body itself.
pub(crate) fn span_within(mut body: &Body, header: Span, path: &[Step]) -> Span {
    let mut span = header;
    let mut steps = path.iter().filter_map(|step| match step {
        Step::Attribute(name) | Step::Key(name) => Some(&**name),
        Step::Index(_) => None,
    });
    while let Some(name) = steps.next() {
        if let Some(attribute) = body.attribute(name) {
            return attribute.expr.span;
        }
        let mut named = body.blocks.iter().filter(|block| &*block.keyword.name == name).peekable();
        let labelled = named.peek().is_some_and(|block| !block.labels.is_empty());
        let label = if labelled { steps.next() } else { None };
        let found = named.find(|block| block.labels.first().map(|first| &*first.name) == label);
        let Some(block) = found else { return span };
        (body, span) = (&block.body, block.header());
    }
    span
}

/// What a block compiles to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What a reference to the block gives: an object with its `address`, its `name`, and what
    /// others may need.
    pub exports: Value,
    /// The system that the block describes, if it does: provider, and a configuration for it.
    pub connection: Option<CompiledConnection>,
    /// The resources.
    pub resources: Vec<CompiledResource>,
    /// Decisions that were made or changed.
    pub decisions: Vec<Decision>,
    /// What the block wants for itself alone.
    pub claims: Vec<Claim>,
    /// The host names that it has to do with.
    pub hosts: Hosts,
    /// The backends between which people can switch its requests by hand.
    pub backends: Vec<Arc<str>>,
    /// What is wrong.
    pub diagnostics: Diagnostics,
}

/// The host names that a block has to do with, in lower case and without a dot at the end. A name
/// is published once it is served, and taken back before.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Whose requests it answers.
    pub served: Vec<Arc<str>>,
    /// Which it tells the world the addresses of.
    pub published: Option<Arc<str>>,
}

/// How to reach the system that a block describes.
#[derive(Debug, Clone)]
pub struct CompiledConnection {
    /// The provider.
    pub provider: &'static str,
    /// Its configuration.
    pub config: Value,
    /// How much of what is recorded of it a plan may delete, where that is limited.
    pub limit: Option<DeletionLimit>,
    /// How it is found out whether the system is alive, where that is wanted.
    pub probe: Option<probe::Probe>,
}

/// A resource that a block compiles to.
#[derive(Debug, Clone)]
pub struct CompiledResource {
    /// Its address: the block's or one under it, with a part.
    pub address: Address,
    /// What it belongs to: the block, or the service of an application.
    pub group: Address,
    /// Its resource type.
    pub resource_type: &'static str,
    /// The block that says how to reach its system: `cluster.beijing`.
    pub connection: Option<Address>,
    /// What it ought to be, unknown in parts.
    pub config: Value,
    /// What it depends on beside what the block refers to: addresses of other resources, or of
    /// groups, that this block compiles to.
    pub dependencies: Vec<Address>,
}

impl Compiled {
    /// What a block compiles to that cannot be understood.
    pub fn nothing(diagnostics: Diagnostics) -> Self {
        Compiled {
            exports: Value::unknown(portolan_lang::Type::Any),
            connection: None,
            resources: Vec::new(),
            decisions: Vec::new(),
            claims: Vec::new(),
            hosts: Hosts::default(),
            backends: Vec::new(),
            diagnostics,
        }
    }
}

/// How an instance of a resource type comes to know all others of its connection.
pub struct Gather {
    /// The resource type.
    pub resource_type: &'static str,
    /// The attribute that is made from the others.
    pub attribute: &'static str,
    /// What one of the others adds to it.
    pub of: Gathered,
}

/// What an instance adds to one that gathers it, from the address of its group and from what it is:
/// an entry of an object. `None` while that is not known.
pub type Gathered = fn(&Address, &Value) -> Option<(Arc<str>, Value)>;

/// How instances of this resource type come to know all others of their connection, if they do.
pub fn gather(resource_type: &str) -> Option<&'static Gather> {
    [&edge::RELEASE].into_iter().find(|gather| gather.resource_type == resource_type)
}

/// Every kind of domain block.
pub const KINDS: &[Kind] = &[
    application::APPLICATION,
    cluster::CLUSTER,
    manifests::MANIFESTS,
    edge::NGINX,
    edge::ROUTE,
    edge::STREAM,
    names::ZONE,
    names::RECORD,
    network::NETWORK,
    #[cfg(test)]
    crate::testing::READING,
];

/// The kind of this keyword.
pub fn kind(keyword: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.keyword == keyword)
}

/// The object that a reference to a block gives: its address, its name, and `others`.
pub fn exports(address: &Address, name: &str, others: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let own = [("address", Value::string(address.to_string())), ("name", Value::string(name))];
    Value::record(own.into_iter().chain(others))
}

/// An object of these attributes.
pub(crate) fn object<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Value::record(entries)
}

/// The address of the block that an attribute's value refers to, which must be of a kind.
pub(crate) fn reference(block: &Block<'_>, value: &Value, name: &str, kind: &str) -> Result<Address, Diagnostic> {
    let target = value.get(name).unwrap_or(Value::TRUE);
    if !target.is_known() {
        return Err(undecided(&format!("\"{name}\""), block.attribute_span(name)));
    }
    referred(&target, kind).ok_or_else(|| {
        Diagnostic::error("Unsuitable reference")
            .detail(format!("\"{name}\" must refer to a {kind} block."))
            .at(block.attribute_span(name))
            .help(format!("Write {kind}.NAME, without quotes."))
    })
}

/// Where what decides the shape may come from.
const KNOWN: &str = "Use values that come from variables, locals, data sources that need no resource, or attributes that a block states itself.";

/// The problem of something that is not known and decides what there will be.
pub(crate) fn undecided(what: &str, at: Span) -> Diagnostic {
    Diagnostic::error("Not known before apply")
        .detail(format!(
            "{what} depends on something that will only be known after apply, but it decides what there will be."
        ))
        .at(at)
        .help(KNOWN)
        .pending()
}

/// The address of the block of this kind that a value refers to.
pub(crate) fn referred(value: &Value, kind: &str) -> Option<Address> {
    let address: Address = value.get("address")?.as_str()?.parse().ok()?;
    let of_kind = address.local().segments().first().is_some_and(|first| &*first.name == kind);
    of_kind.then_some(address)
}

/// The problem of a word that is none of those that are known.
pub(crate) fn unknown_word(summary: &str, given: &Value, known: &[&str]) -> Diagnostic {
    let listed = known.join(", ");
    let Some(given) = given.as_str() else {
        return Diagnostic::error("Not known before apply")
            .detail(format!("It decides what there will be, and is one of {listed}, so it cannot depend on something that will only be known after apply."))
            .help(KNOWN)
            .pending();
    };
    let problem = Diagnostic::error(summary).detail(format!("\"{given}\" is none of {listed}."));
    match did_you_mean(given, known.iter().copied()) {
        Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
        None => problem,
    }
}

/// The text of an attribute on which the shape of what is compiled depends.
pub(crate) fn known_text(block: &Block<'_>, value: &Value, name: &str) -> Result<Arc<str>, Diagnostic> {
    let attribute = value.get(name);
    match attribute.as_ref().map(Value::data) {
        Some(Data::String(text)) => Ok(text.clone()),
        // Decoding has told that it is null where it must not be.
        _ => Err(undecided(&format!("\"{name}\""), block.attribute_span(name))),
    }
}
