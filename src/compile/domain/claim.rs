//! What blocks want for themselves alone: a host of a fleet, a port of the nodes, a namespace of a
//! cluster, a name of a zone, a directory.
//!
//! Each block says what it claims, knowing nothing of the others; they are compared once all of
//! them are compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Address, Diagnostic, Diagnostics, Span};

/// Something that only one block can have.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The block, or the service of an application.
    pub owner: Address,
    /// What it is, so that everybody who wants it says the same: `the host "a.example.com" of
    /// nginx.edge`.
    pub what: String,
    /// Those that say different things here can both have it, as records of different types
    /// share a name. Who says nothing wants it alone.
    pub share: Option<Arc<str>>,
    /// Where the claim is made.
    pub span: Span,
    /// What can be done where somebody else has it.
    pub help: &'static str,
}

impl Claim {
    fn excludes(&self, other: &Claim) -> bool {
        self.share.is_none() || self.share == other.share
    }

    fn clash(&self, first: &Claim) -> Diagnostic {
        let detail = match self.owner == first.owner {
            true => format!("{} wants {} twice.", self.owner, self.what),
            false => {
                format!("Both {} and {} want {}; only one of them can have it.", first.owner, self.owner, self.what)
            }
        };
        Diagnostic::error("Wanted twice")
            .detail(detail)
            .of(&self.owner)
            .label(self.span, format!("wanted by {}", self.owner))
            .label(first.span, "wanted first here")
            .help(self.help)
    }
}

/// The claims that cannot be met beside earlier ones.
pub(in crate::compile) fn clashes(claims: &[Claim]) -> Diagnostics {
    let mut problems = Diagnostics::new();
    // No two in a list exclude each other, so that the lists stay as short as there are ways to share.
    let mut met: BTreeMap<&str, Vec<&Claim>> = BTreeMap::new();
    for claim in claims {
        let others = met.entry(&claim.what).or_default();
        match others.iter().find(|other| claim.excludes(other) || other.excludes(claim)) {
            Some(first) => problems.push(claim.clash(first)),
            None => others.push(claim),
        }
    }
    problems
}
