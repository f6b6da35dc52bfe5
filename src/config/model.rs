//! What a configuration declares.
//!
//! After loading, these can no longer occur: blocks of unknown kinds, names declared twice
//! in a module, attributes and blocks that a general block does not know, missing labels,
//! names that are not names, modules that call themselves.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use portolan_lang::constraint::TypeConstraint;
use portolan_lang::eval::Reference;
use portolan_lang::syntax::{Body, Expr, Ident};
use portolan_lang::{Sources, Span};
use rustc_hash::FxBuildHasher;

use super::watch::Watch;

/// Things by name, in the order of the source. The names are those that a person chose, so that
/// nobody has to fear a hash that can be foreseen.
pub type Named<T> = IndexMap<Arc<str>, T, FxBuildHasher>;

/// A whole configuration.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Every file that was read.
    pub sources: Sources,
    /// The module of the directory that was asked for.
    pub root: Arc<Module>,
    /// What the blocks `portolan` and `watch` of the root module say.
    pub settings: Settings,
}

/// What the blocks `portolan` and `watch` of the root module say.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The version constraint with its place; checked on loading.
    pub required_version: Option<(String, Span)>,
    /// The `backend "kind" { … }` block: kind and body.
    pub backend: Option<(Ident, Arc<Body>)>,
    /// The `watch` block.
    pub watch: Watch,
}

/// The files of one directory. A module that is called twice is loaded once and shared.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// The directory as `path.module` gives it: relative to the root module's.
    pub directory: PathBuf,
    /// Input variables by name.
    pub variables: Named<Arc<Variable>>,
    /// Local values by name.
    pub locals: Named<Arc<Local>>,
    /// Outputs by name.
    pub outputs: Named<Arc<Output>>,
    /// Calls of other modules by name.
    pub calls: Named<Arc<ModuleCall>>,
    /// `resource` and `data` blocks by local address: `terraform_data.a`, `data.kind.b`; also
    /// the `data` blocks in `check` blocks.
    pub resources: Named<Arc<ResourceBlock>>,
    /// Domain blocks by local address: `cluster.beijing`, `application.shop`, `route.shop`.
    pub domain: Named<Arc<DomainBlock>>,
    /// `provider` blocks by provider, or by provider and alias: `kubernetes`, `kubernetes.east`.
    /// Only the root module has any; all modules use them.
    pub providers: Named<Arc<ProviderBlock>>,
    /// `check` blocks by name.
    pub checks: Named<Arc<Check>>,
    /// `moved` blocks.
    pub moved: Vec<Moved>,
    /// `removed` blocks.
    pub removed: Vec<Removed>,
    /// `import` blocks.
    pub imports: Vec<Import>,
}

/// `variable "name" { … }`
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: Ident,
    /// What its value must fit.
    pub constraint: TypeConstraint,
    /// Whether a type is declared. What is given as text for a variable without one is a
    /// string.
    pub is_typed: bool,
    /// The value where none is given; it refers to nothing.
    pub default: Option<Arc<Expr>>,
    /// Whether its value is never to be shown.
    pub sensitive: bool,
    /// Whether its value is never to be recorded.
    pub ephemeral: bool,
    /// Whether null is a value of it; where it is not, null means the default.
    pub nullable: bool,
    /// What it is for.
    pub description: Option<String>,
    /// What must hold of its value.
    pub validations: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// One entry of a `locals` block.
#[derive(Debug, Clone)]
pub struct Local {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub expr: Arc<Expr>,
}

/// `output "name" { … }`
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub value: Arc<Expr>,
    /// Whether its value is never to be shown.
    pub sensitive: bool,
    /// Whether its value is never to be recorded.
    pub ephemeral: bool,
    /// What it is for.
    pub description: Option<String>,
    /// What it waits for beside what its value refers to.
    pub depends_on: Vec<Reference>,
    /// What must hold before it is used.
    pub preconditions: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// `module "name" { source = … }`
#[derive(Debug, Clone)]
pub struct ModuleCall {
    /// Its name.
    pub name: Ident,
    /// The directory relative to the caller's, as it is written.
    pub source: Arc<str>,
    /// The module that is called.
    pub module: Arc<Module>,
    /// What the call gives to the module's variables.
    pub arguments: Named<(Ident, Arc<Expr>)>,
    /// How many instances there are.
    pub repetition: Repetition,
    /// What everything in it waits for.
    pub depends_on: Vec<Reference>,
    /// The block's header.
    pub span: Span,
}

/// How often a block stands for something.
#[derive(Debug, Clone, Default)]
pub enum Repetition {
    /// Once.
    #[default]
    Single,
    /// `count = …`
    Count(Arc<Expr>),
    /// `for_each = …`
    ForEach(Arc<Expr>),
}

/// `resource "type" "name" { … }` or `data "type" "name" { … }`
#[derive(Debug, Clone)]
pub struct ResourceBlock {
    /// Whether it is a `data` block.
    pub is_data: bool,
    /// The resource type or data source.
    pub resource_type: Ident,
    /// Its name.
    pub name: Ident,
    /// How many instances there are.
    pub repetition: Repetition,
    /// What it waits for beside what it refers to.
    pub depends_on: Vec<Reference>,
    /// The `provider` attribute: which connection to use.
    pub provider: Option<ProviderReference>,
    /// How its life is ruled.
    pub lifecycle: Lifecycle,
    /// The `check` block that it stands in, which alone can refer to it.
    pub check: Option<Arc<str>>,
    /// The attributes and blocks of the resource type; those above are taken out.
    pub body: Arc<Body>,
    /// The block's header.
    pub span: Span,
}

/// `provider = kubernetes.east` or `provider = cluster.beijing[each.key]`
#[derive(Debug, Clone)]
pub struct ProviderReference {
    /// The block that has the connection.
    pub block: Reference,
    /// Which of its instances; any expression.
    pub key: Option<Arc<Expr>>,
}

impl ResourceBlock {
    /// Its address inside its module: `terraform_data.a`, `data.kind.b`.
    pub fn local_address(&self) -> String {
        let prefix = if self.is_data { "data." } else { "" };
        format!("{prefix}{}.{}", self.resource_type.name, self.name.name)
    }
}

/// The `lifecycle` block.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Whether a replacement is made before the old object is deleted.
    pub create_before_destroy: bool,
    /// Whether a plan that would delete the object is an error; with its place.
    pub prevent_destroy: Option<Span>,
    /// Attributes in which the configuration does not count.
    pub ignore_changes: IgnoreChanges,
    /// A change of these replaces the object.
    pub replace_triggered_by: Vec<Arc<Expr>>,
    /// What the daemon does where it was changed outside; as `watch` says where nothing is said.
    pub on_drift: Option<OnDrift>,
    /// What must hold before.
    pub preconditions: Vec<Condition>,
    /// What must hold after.
    pub postconditions: Vec<Condition>,
}

/// What the daemon does where something was changed outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// It is made again as it is declared.
    #[default]
    Repair,
    /// It is told, and left as it is.
    Report,
    /// It is left as it is.
    Ignore,
}

impl OnDrift {
    /// Those that can be declared, by their names.
    pub const NAMES: [&str; 3] = ["repair", "report", "ignore"];

    /// The one of a name.
    pub fn named(name: &str) -> Option<OnDrift> {
        let known = [OnDrift::Repair, OnDrift::Report, OnDrift::Ignore];
        OnDrift::NAMES.into_iter().zip(known).find(|(known, _)| *known == name).map(|(_, on_drift)| on_drift)
    }
}

/// The attributes in which the configuration does not count once the object is there.
#[derive(Debug, Clone, Default)]
pub enum IgnoreChanges {
    /// None.
    #[default]
    None,
    /// All of them.
    All,
    /// These, written relative to the resource.
    Paths(Vec<Reference>),
}

/// `provider "name" { … }`: a connection to a system, beside those that domain blocks declare.
#[derive(Debug, Clone)]
pub struct ProviderBlock {
    /// The provider.
    pub provider: Ident,
    /// The name of the connection where it is not the provider's only one.
    pub alias: Option<Ident>,
    /// The rest of the block, which fits the provider's connection schema.
    pub body: Arc<Body>,
    /// The block's header.
    pub span: Span,
}

/// Something that must hold, and what to say where it does not.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What must be true.
    pub condition: Arc<Expr>,
    /// What to say.
    pub error_message: Arc<Expr>,
    /// The block's header.
    pub span: Span,
}

/// `check "name" { … }`
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: Ident,
    /// The local address of the data block in it, which is among the module's resources.
    pub data: Option<Arc<str>>,
    /// What should hold; where it does not, that is a warning.
    pub assertions: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// `moved { from = …, to = … }`
#[derive(Debug, Clone)]
pub struct Moved {
    /// The old address, relative to the module.
    pub from: Reference,
    /// The new address, relative to the module.
    pub to: Reference,
    /// The block's header.
    pub span: Span,
}

/// `removed { from = … }`
#[derive(Debug, Clone)]
pub struct Removed {
    /// What is no longer declared.
    pub from: Reference,
    /// Whether the object is destroyed or only forgotten.
    pub destroy: bool,
    /// The block's header.
    pub span: Span,
}

/// `import { to = …, id = … }`
#[derive(Debug, Clone)]
pub struct Import {
    /// Where the object is to be recorded.
    pub to: Arc<Expr>,
    /// What finds it.
    pub id: Arc<Expr>,
    /// One import for each of these.
    pub for_each: Option<Arc<Expr>>,
    /// The block's header.
    pub span: Span,
}

/// A block of the domain: `cluster`, `application`, `nginx`, `route`, `dns_zone`,
/// `dns_record`.
#[derive(Debug, Clone)]
pub struct DomainBlock {
    /// Its keyword.
    pub kind: Ident,
    /// Its name.
    pub name: Ident,
    /// How many instances there are.
    pub repetition: Repetition,
    /// What its resources wait for beside what it refers to.
    pub depends_on: Vec<Reference>,
    /// How the life of its resources is ruled.
    pub lifecycle: Lifecycle,
    /// The rest of the block, which fits the schema of its kind.
    pub body: Arc<Body>,
    /// The block's header.
    pub span: Span,
}
