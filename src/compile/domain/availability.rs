//! Which clusters take part: whether one runs what is placed there, is drained, or is lost.
//!
//! That a cluster does not is a decision about it. It holds until another one takes its place,
//! whatever the configuration says.

use portolan_lang::Address;
use portolan_state::{Answer, Decision};
use serde::{Deserialize, Serialize};

use super::orders::Giver;

/// The question whether a cluster takes part.
pub const AVAILABILITY: &str = "availability";

/// Whether a cluster takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It runs what is placed there.
    Active,
    /// It answers, and runs nothing that can run elsewhere.
    Drained,
    /// It is taken to be dead: nothing is asked of it, nothing is done there, and what it ran runs
    /// elsewhere.
    Lost,
}

/// What the decision says.
#[derive(Serialize, Deserialize)]
struct Available {
    availability: Availability,
    /// Who decided it.
    by: String,
}

impl Availability {
    /// The decision about a cluster.
    pub fn decision(self, cluster: &Address, giver: &Giver) -> Decision {
        let done = match self {
            Availability::Active => "restored",
            Availability::Drained => "drained",
            Availability::Lost => "given up for lost",
        };
        let why = giver.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        Decision {
            subject: cluster.clone(),
            kind: AVAILABILITY.into(),
            value: Answer::of(&Available { availability: self, by: giver.who.clone() }),
            reason: format!("{done} by {}{why}", giver.who),
            time: giver.time.clone(),
        }
    }

    /// What a decision says, where it is about whether a cluster takes part.
    pub fn of(decision: &Decision) -> Option<Availability> {
        let decided = Some(decision).filter(|decision| is_availability(decision))?.value.read::<Available>()?;
        Some(decided.availability)
    }

    /// Whether a cluster takes part, given all decisions.
    pub fn standing(decisions: &[Decision], cluster: &Address) -> Availability {
        let own = decisions.iter().find(|decision| is_availability(decision) && decision.subject == *cluster);
        own.and_then(Availability::of).unwrap_or(Availability::Active)
    }

    /// Who made a decision about whether a cluster takes part.
    pub fn decided_by(decision: &Decision) -> Option<String> {
        let decided = Some(decision).filter(|decision| is_availability(decision))?.value.read::<Available>()?;
        Some(decided.by)
    }
}

/// Whether a decision is about whether a cluster takes part.
fn is_availability(decision: &Decision) -> bool {
    &*decision.kind == AVAILABILITY
}

/// The clusters of which this was decided.
pub(in crate::compile) fn clusters(
    decisions: &[Decision],
    availability: Availability,
) -> impl Iterator<Item = &Address> {
    let is_so = move |decision: &&Decision| Availability::of(decision) == Some(availability);
    decisions.iter().filter(is_so).map(|decision| &decision.subject)
}

/// Decisions about clusters that there are no more.
pub(in crate::compile) fn withdrawn<'a>(
    decisions: impl Iterator<Item = &'a Decision>,
    is_declared: impl Fn(&Address) -> bool,
) -> Vec<(Address, std::sync::Arc<str>)> {
    let gone = decisions.filter(|decision| is_availability(decision) && !is_declared(&decision.subject));
    gone.map(|decision| (decision.subject.clone(), decision.kind.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_decision_about_a_cluster_counts() {
        let giver = Giver { who: "joe".to_owned(), why: Some("repairs".to_owned()), time: String::new() };
        let cluster: Address = "cluster.north".parse().expect("an address");
        let drained = Availability::Drained.decision(&cluster, &giver);
        assert_eq!(drained.reason, "drained by joe: repairs");
        assert_eq!(Availability::standing(std::slice::from_ref(&drained), &cluster), Availability::Drained);
        let other: Address = "cluster.south".parse().expect("an address");
        assert_eq!(Availability::standing(&[drained], &other), Availability::Active);
    }
}
