//! How many copies a metric wants: the arithmetic of Kubernetes' HorizontalPodAutoscaler
//! (`ReplicaCalculator` of the release 1.33), over copies of all clusters.

use portolan_provider::Sample;

use crate::compile::domain::autoscale::{QueryTarget, Resource, Target};

/// What a metric wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proposal {
    /// How many copies over all clusters.
    pub(super) copies: u32,
    /// What was found, and what is aimed at.
    pub(super) said: String,
    /// Whether something of what was to be measured is missing.
    pub(super) is_partial: bool,
}

/// From what a number of copies is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis<'a> {
    /// The copies in the clusters that answered.
    pub(super) samples: &'a [Sample],
    /// How many copies there are in clusters that did not.
    pub(super) silent: u32,
    /// How many are wanted now.
    pub(super) current: u32,
    /// Up to which departure from a target nothing is changed.
    pub(super) tolerance: f64,
}

/// What one copy counts for.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    usage: u64,
    requested: u64,
}

/// The copies by what is known of them.
#[derive(Debug, Default)]
struct Sorted {
    measured: Vec<Counted>,
    /// What those request that take no part of the load yet.
    unready: Vec<u64>,
    /// What those request that were not measured.
    missing: Vec<u64>,
}

/// How many copies there have to be so that each uses what is aimed at. Copies that were not measured
/// count as idle where there would be more, and as fully used where there would be fewer; those that
/// start count as idle where there would be more.
///
/// # Errors
///
/// No copy was measured, or one of them requests nothing of which a share could be aimed at.
pub(super) fn of_resource(resource: Resource, target: Target, basis: Basis<'_>) -> Result<Proposal, String> {
    let sorted = Sorted::of(resource, target, basis)?;
    let ratio = target.ratio(&sorted.measured);
    let proposal = |copies| Proposal {
        copies,
        said: target.said(resource, &sorted.measured),
        is_partial: !sorted.missing.is_empty(),
    };
    let is_filled_up = !sorted.unready.is_empty() && ratio > 1.0;
    if !is_filled_up && sorted.missing.is_empty() {
        let is_near = is_near(ratio, basis.tolerance);
        return Ok(proposal(if is_near { basis.current } else { times(ratio, sorted.measured.len()) }));
    }
    let all = sorted.assumed(target, ratio);
    let corrected = target.ratio(&all);
    let is_turned = (ratio < 1.0 && corrected > 1.0) || (ratio > 1.0 && corrected < 1.0);
    if is_near(corrected, basis.tolerance) || is_turned {
        return Ok(proposal(basis.current));
    }
    let copies = times(corrected, all.len());
    let is_turned = (corrected < 1.0 && copies > basis.current) || (corrected > 1.0 && copies < basis.current);
    Ok(proposal(if is_turned { basis.current } else { copies }))
}

/// How many copies there have to be by the answer to a question: so many that each has what is aimed at,
/// or those that are ready, times what the answer exceeds it.
///
/// # Errors
///
/// The answer is no number of which anything could follow.
pub(super) fn of_query(name: &str, target: QueryTarget, answer: f64, basis: Basis<'_>) -> Result<Proposal, String> {
    if !answer.is_finite() || answer < 0.0 {
        return Err(format!("{name}: the answer is {answer}"));
    }
    let current = basis.current;
    let (ratio, copies, said) = match target {
        QueryTarget::AverageValue(aimed) => (
            answer / (aimed * f64::from(current)),
            (answer / aimed).ceil() as u32,
            format!("{name} is at {answer}, and {aimed} for each copy is aimed at"),
        ),
        QueryTarget::Value(aimed) => {
            let ready = basis.samples.iter().filter(|sample| sample.is_ready).count();
            let ready = if current == 0 { 1 } else { ready };
            let said = format!("{name} is at {answer}, and {aimed} is aimed at");
            (answer / aimed, times(answer / aimed, ready), said)
        }
    };
    let is_kept = current > 0 && is_near(ratio, basis.tolerance);
    Ok(Proposal { copies: if is_kept { current } else { copies }, said, is_partial: false })
}

impl Sorted {
    fn of(resource: Resource, target: Target, basis: Basis<'_>) -> Result<Sorted, String> {
        let name = resource.word();
        let mut sorted = Sorted::default();
        for sample in basis.samples {
            let (usage, requested) = match resource {
                Resource::Cpu => (sample.cpu, sample.requested_cpu),
                Resource::Memory => (sample.memory, sample.requested_memory),
            };
            let requested = match (requested, target) {
                (Some(requested), _) => requested,
                (None, Target::Average(_)) => 0,
                (None, Target::Utilization(_)) => return Err(format!("{name}: a copy does not request any")),
            };
            match usage {
                _ if sample.is_pending => sorted.unready.push(requested),
                None => sorted.missing.push(requested),
                Some(_) if resource == Resource::Cpu && !sample.is_warm => sorted.unready.push(requested),
                Some(usage) => sorted.measured.push(Counted { usage, requested }),
            }
        }
        let requested: u64 = sorted.measured.iter().map(|counted| counted.requested).sum();
        let each = requested.checked_div(sorted.measured.len() as u64);
        let Some(each) = each.filter(|_| requested > 0 || matches!(target, Target::Average(_))) else {
            return Err(match basis.samples.len() + basis.silent as usize {
                0 => format!("{name}: there is no copy yet"),
                copies => format!("{name}: none of {copies} copies was measured"),
            });
        };
        // Of copies in clusters that do not answer, what they request is known from the others.
        sorted.missing.extend((0..basis.silent).map(|_| each));
        Ok(sorted)
    }

    /// All copies that count, with what is assumed of those that were not measured.
    fn assumed(&self, target: Target, ratio: f64) -> Vec<Counted> {
        let idle = |requested: &u64| Counted { usage: 0, requested: *requested };
        let full = |requested: &u64| Counted { usage: target.full(*requested), requested: *requested };
        let mut all = self.measured.clone();
        if ratio < 1.0 {
            all.extend(self.missing.iter().map(full));
        }
        if ratio > 1.0 {
            all.extend(self.missing.iter().chain(&self.unready).map(idle));
        }
        all
    }
}

impl Target {
    /// What is used, as a multiple of what is aimed at. Shares and averages are cut to whole numbers,
    /// as Kubernetes does.
    fn ratio(self, copies: &[Counted]) -> f64 {
        let aimed = match self {
            Target::Utilization(percent) => f64::from(percent),
            Target::Average(amount) => amount as f64,
        };
        self.used(copies) as f64 / aimed
    }

    /// The share in percent, or the average, that copies use.
    fn used(self, copies: &[Counted]) -> u64 {
        let usage: u128 = copies.iter().map(|counted| u128::from(counted.usage)).sum();
        let requested: u128 = copies.iter().map(|counted| u128::from(counted.requested)).sum();
        let used = match self {
            Target::Utilization(_) => (usage * 100).checked_div(requested),
            Target::Average(_) => usage.checked_div(copies.len() as u128),
        };
        used.and_then(|used| u64::try_from(used).ok()).unwrap_or(u64::MAX)
    }

    /// What a copy that was not measured counts for where there would be fewer.
    fn full(self, requested: u64) -> u64 {
        match self {
            Target::Utilization(percent) => requested.saturating_mul(u64::from(percent.max(100))) / 100,
            Target::Average(amount) => amount,
        }
    }

    fn said(self, resource: Resource, measured: &[Counted]) -> String {
        let (name, used) = (resource.word(), self.used(measured));
        match self {
            Target::Utilization(percent) => {
                format!("{name} is at {used} % of what is requested, and {percent} % is aimed at")
            }
            Target::Average(aimed) => {
                let (used, aimed) = (amount(resource, used), amount(resource, aimed));
                format!("{name} is at {used} for each copy, and {aimed} is aimed at")
            }
        }
    }
}

/// An amount of a resource as people write it.
fn amount(resource: Resource, amount: u64) -> String {
    match resource {
        Resource::Cpu => format!("{amount}m"),
        Resource::Memory if amount >= 1 << 20 => format!("{}Mi", amount >> 20),
        Resource::Memory => format!("{amount}"),
    }
}

/// Whether a multiple of what is aimed at is no reason to change anything.
pub(super) fn is_near(ratio: f64, tolerance: f64) -> bool {
    (1.0 - tolerance..=1.0 + tolerance).contains(&ratio)
}

/// So many times a number of copies, rounded up.
pub(super) fn times(ratio: f64, copies: usize) -> u32 {
    // A number that is too large becomes the largest one.
    (ratio * copies as f64).ceil() as u32
}
