//! What a name is answered with: the same in all of its zones, or in each view of a server what that is
//! to say.
//!
//! DNS has no weights: a server gives all addresses of a set, in turn. Where it has several views, each for
//! a part of those who ask, weights say how many of the views answer with which value.

use std::collections::BTreeSet;

use portolan_lang::{Diagnostic, Diagnostics, Type, Value};

use super::record::Target;
use crate::compile::domain::placement::division::{Candidate, divide};
use crate::compile::domain::{Block, undecided};

/// The attributes of which one says what the answers are; `answers` may have `values` beside it, for the
/// other views.
const ATTRIBUTES: [&str; 3] = ["values", "answers", "weights"];

/// The values of a record.
pub(super) struct Answers {
    /// In each zone, in the order of the zones. Where a view is to have none, there is no such name.
    pub(super) each: Vec<Value>,
    /// All of them, each once.
    pub(super) all: Value,
    /// The attribute that says them.
    pub(super) attribute: &'static str,
}

impl Answers {
    /// What a block gives as answers in these zones.
    pub(super) fn of(block: &Block<'_>, given: &Value, zones: &[Target]) -> Result<Answers, Diagnostics> {
        if zones.is_empty() {
            // Why, is told already.
            return Ok(Answers::undecided());
        }
        let values = ATTRIBUTES.map(|name| given.get(name).filter(|value| !value.is_null()));
        let (attribute, each) = match values {
            [Some(same), None, None] => ("values", Ok(zones.iter().map(|_| same.clone()).collect())),
            [others, Some(answers), None] => ("answers", by_view(block, zones, &answers, others.as_ref())),
            [None, None, Some(weights)] => ("weights", by_weight(block, zones, &weights).map_err(Diagnostics::from)),
            _ => return Err(unclear(block).into()),
        };
        let each = each?;
        Ok(Answers { all: together(&each), each, attribute })
    }

    /// What is not known, or not rightly said.
    pub(super) fn undecided() -> Answers {
        Answers { each: Vec::new(), all: Value::unknown(Type::list(Type::String)), attribute: "values" }
    }

    /// The lists that are written, each once.
    pub(super) fn lists(&self) -> Vec<&Value> {
        let mut lists: Vec<&Value> = Vec::new();
        for list in &self.each {
            if !lists.contains(&list) {
                lists.push(list);
            }
        }
        lists
    }
}

fn unclear(block: &Block<'_>) -> Diagnostic {
    Diagnostic::error("Values of a record")
        .detail(
            "A record has either \"values\", which are the same for all who ask; or \"answers\" for each view, with \
             \"values\" for the others; or \"weights\".",
        )
        .at(block.span)
        .help("Write values = [\"192.0.2.1\"], or answers = { beijing = [\"192.0.2.1\"] }.")
}

/// What is said for each view by its key; the `others` are answered alike.
fn by_view(
    block: &Block<'_>,
    zones: &[Target],
    answers: &Value,
    others: Option<&Value>,
) -> Result<Vec<Value>, Diagnostics> {
    let span = block.attribute_span("answers");
    let problem = |detail: String| Diagnostic::error("Answers of views").detail(detail).at(span);
    let Some(said) = answers.entries() else { return Err(undecided("\"answers\"", span).into()) };
    let mut problems = Diagnostics::new();
    let has_key = |key: &str| zones.iter().any(|zone| zone.key.as_deref() == Some(key));
    for key in said.keys().filter(|key| !has_key(key)) {
        problems.push(
            problem(format!("The zone has no view \"{key}\"."))
                .help("The keys are those of a dns_zone with for_each: zone = dns_zone.NAME."),
        );
    }
    let answer = |zone: &Target| {
        let key = zone.key.as_deref().unwrap_or_default();
        let own = said.get(key).or(others).map(|values| values.clone().mark(answers.marks()));
        own.ok_or_else(|| {
            problem(format!("Nothing is said of the view \"{key}\"."))
                .help("Give its answer, or \"values\" for all others; [] where the name is not to be there.")
        })
    };
    let each: Vec<Value> = zones.iter().filter_map(|zone| problems.keep(answer(zone))).collect();
    if problems.has_errors() { Err(problems) } else { Ok(each) }
}

/// Divides the views among values, as near to their weights as whole views are.
fn by_weight(block: &Block<'_>, zones: &[Target], weights: &Value) -> Result<Vec<Value>, Diagnostic> {
    let span = block.attribute_span("weights");
    let problem = |detail: String| Diagnostic::error("Weights of answers").detail(detail).at(span);
    let Some(entries) = weights.entries().filter(|_| weights.is_wholly_known()) else {
        return Err(undecided("\"weights\"", span));
    };
    let mut candidates = Vec::new();
    for (value, weight) in entries.iter() {
        let weight = weight.as_number().and_then(|weight| weight.to_u64()).filter(|weight| *weight <= u32::MAX.into());
        let weight = weight.ok_or_else(|| problem(format!("The weight of \"{value}\" is not a whole number.")))?;
        if weight > 0 {
            candidates.push(Candidate { name: value, weight, kept: 0, min: 0, limit: u32::MAX, leads_region: false });
        }
    }
    let total: u64 = candidates.iter().map(|candidate| candidate.weight).sum();
    let Some(least) = candidates.iter().min_by_key(|candidate| candidate.weight) else {
        return Err(problem("No value has a weight.".to_owned()).help("Write weights = { \"192.0.2.1\" = 3 }."));
    };
    // Whoever has less than half a view would have none, or much more than is wanted.
    let needed = total.div_ceil(2 * least.weight);
    if (zones.len() as u64) < needed {
        return Err(problem(format!(
            "\"{}\" is to have {} of {total}, which takes at least {needed} views; the zone has {}.",
            least.name,
            least.weight,
            zones.len()
        ))
        .help("Give the zone more views, each for a part of those who ask; or let a route divide the requests."));
    }
    let count = u32::try_from(zones.len()).unwrap_or(u32::MAX);
    let seats = divide(count, &candidates).seats;
    let shares = candidates.iter().zip(seats).flat_map(|(candidate, seats)| (0..seats).map(|_| candidate.name));
    Ok(shares.map(|value| Value::strings([value]).mark(weights.deep_marks())).collect())
}

/// All values of some lists, each once; unknown where one of them is.
fn together(lists: &[Value]) -> Value {
    let mut seen = BTreeSet::new();
    match lists {
        [] => Value::list(Type::String, []),
        [first, others @ ..] if others.iter().all(|other| other == first) => first.clone(),
        _ if lists.iter().any(|list| !list.is_wholly_known()) => Value::unknown(Type::list(Type::String)),
        _ => {
            let marks = lists.iter().map(Value::deep_marks).fold(Default::default(), |all, own| own.union(all));
            let items = lists.iter().flat_map(|list| list.items().unwrap_or_default());
            let once = items.filter(|item| item.as_str().is_none_or(|text| seen.insert(text.to_owned()))).cloned();
            Value::list(Type::String, once.collect::<Vec<_>>()).mark(marks)
        }
    }
}
