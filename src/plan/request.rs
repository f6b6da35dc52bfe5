//! What a plan is asked to do.

use std::collections::BTreeSet;

use portolan_lang::{Address, Diagnostic, Diagnostics};

use super::model::{Mode, WhyLeft};
use crate::compile::PlacementRequest;
use crate::config::{Lifecycle, OnDrift};

/// What a plan is asked to do, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// What for.
    pub mode: Mode,
    /// What to plan for alone, with all that it depends on; empty for everything.
    pub targets: Vec<Address>,
    /// The system to plan for alone, by the block that says how to reach it: what its objects depend
    /// on is taken to be as it is recorded. It stands among the targets as well.
    pub system: Option<Address>,
    /// What to replace though it could stay.
    pub replace: Vec<Address>,
    /// What is asked of the placement.
    pub placement: PlacementRequest,
    /// Whether the world is read first; where it is not, it is taken to be as recorded.
    pub refresh: bool,
    /// What becomes of what was changed outside.
    pub drift: DriftRules,
    /// How many changes are planned at the same time.
    pub parallelism: usize,
}

/// What becomes of what was changed outside. Where the configuration of an object has changed since it
/// was recorded, it is made as it is declared in any case.
#[derive(Debug, Clone, Default)]
pub enum DriftRules {
    /// All of it is put right.
    #[default]
    Repair,
    /// What is declared.
    Declared {
        /// What holds where the object's block does not say it.
        otherwise: OnDrift,
        /// Objects that are left alone whatever is declared.
        resting: BTreeSet<Address>,
    },
}

impl DriftRules {
    /// Why an object is left as it is; `None` where it is put right.
    pub(super) fn why_left(&self, object: &Address, lifecycle: &Lifecycle) -> Option<WhyLeft> {
        let DriftRules::Declared { otherwise, resting } = self else { return None };
        match lifecycle.on_drift.unwrap_or(*otherwise) {
            OnDrift::Repair => resting.contains(object).then_some(WhyLeft::Resting),
            OnDrift::Report => Some(WhyLeft::Reported),
            OnDrift::Ignore => Some(WhyLeft::Ignored),
        }
    }
}

/// How many operations run at the same time unless a person says otherwise.
pub const DEFAULT_PARALLELISM: usize = 10;

impl Default for Request {
    fn default() -> Self {
        Request {
            mode: Mode::Normal,
            targets: Vec::new(),
            system: None,
            replace: Vec::new(),
            placement: PlacementRequest::default(),
            refresh: true,
            drift: DriftRules::Repair,
            parallelism: DEFAULT_PARALLELISM,
        }
    }
}

impl Request {
    /// What the request asks for that does not go together.
    pub(crate) fn check(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        if !self.replace.is_empty() && self.mode != Mode::Normal {
            diagnostics.push(
                Diagnostic::error("Unsupported plan mode")
                    .detail("A replacement can be asked for only where the plan is a normal one.")
                    .help("Leave out --replace."),
            );
        }
        if !self.placement.lost.is_empty() && self.mode != Mode::Normal {
            diagnostics.push(
                Diagnostic::error("Unsupported plan mode")
                    .detail("What would be done without a cluster can be asked only where the plan is a normal one.")
                    .help("Leave out --simulate-loss, or the other mode."),
            );
        }
        if self.placement.anew.is_some() && self.mode != Mode::Normal {
            diagnostics.push(
                Diagnostic::error("Unsupported plan mode")
                    .detail("Replicas can be divided anew only where the plan is a normal one.")
                    .help("Leave out --refresh-only."),
            );
        }
        if self.placement.anew.is_some() && !self.refresh {
            diagnostics.push(
                Diagnostic::error("Incompatible plan mode options")
                    .detail("Clusters cannot be measured anew without looking at them.")
                    .help("Leave out --refresh=false."),
            );
        }
        if self.mode == Mode::RefreshOnly && !self.refresh {
            diagnostics.push(
                Diagnostic::error("Incompatible plan mode options")
                    .detail("A plan that only refreshes the record cannot leave out reading the world.")
                    .help("Leave out --refresh=false."),
            );
        }
        diagnostics
    }
}
