//! What compiling starts from.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use portolan_lang::Value;
use portolan_lang::eval::Host;
use portolan_state::Decision;

use super::data::DataAnswers;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::observe::Selection;

/// What functions ask of the outside, shared between stages.
pub type SharedHost = Arc<dyn Host + Send + Sync>;

/// A configuration and everything that its meaning depends on.
#[derive(Clone)]
pub struct Inputs {
    /// What people wrote.
    pub config: Arc<Config>,
    /// Values of the root module's variables, as given; those that are not given have their
    /// defaults.
    pub variables: IndexMap<Arc<str>, Value>,
    /// What was decided at run time.
    pub decisions: Vec<Decision>,
    /// What data sources said that were read because they decide what there is to be.
    pub data: Arc<DataAnswers>,
    /// The resource types that there are.
    pub catalog: Arc<Catalog>,
    /// What functions ask of the outside.
    pub host: SharedHost,
    /// What becomes of a block that is decided by something unknown.
    pub unknown_repetition: UnknownRepetition,
    /// What is asked of the placement beside what the configuration says.
    pub placement: PlacementRequest,
    /// The name that `portolan.workspace` gives.
    pub workspace: Arc<str>,
}

/// What is asked of the placement beside what the configuration says.
#[derive(Debug, Clone, Default)]
pub struct PlacementRequest {
    /// The services whose clusters are measured anew and whose replicas are divided by that,
    /// whatever is recorded about them; `None` for none.
    pub anew: Option<Selection>,
    /// Clusters that are taken to be dead, by name or by address.
    pub lost: BTreeSet<Arc<str>>,
    /// Whether nothing is read: clusters have the room that was measured before, where it was.
    pub unmeasured: bool,
}

/// What becomes of a block whose `count` or `for_each`, or another attribute that decides what
/// there is to be, is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownRepetition {
    /// That is an error: what ought to exist cannot be said.
    #[default]
    Refuse,
    /// One instance stands for all of them, with an unknown key, and a block of the domain stands
    /// for nothing: enough for checking a configuration without the values of its variables and
    /// without reading anything, and for nothing else.
    Represent,
}
