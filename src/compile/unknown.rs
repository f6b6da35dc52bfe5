//! What is not known though it decides what there is to be: which expression, and what for.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_lang::eval::{Reference, ReferenceStep, Scope, references};
use portolan_lang::syntax::{Body, Expr};
use portolan_lang::{Diagnostic, InstanceKey, Span, Step, Value};
use rustc_hash::FxHashMap;

use super::dependencies::Dependencies;
use super::desired::{Group, GroupId};
use super::evaluator::{Evaluator, Node};
use super::scope::Each;

/// How many blocks a message names.
const NAMED: usize = 5;

/// Every expression of an attribute in a body and in its blocks.
pub(super) fn exprs(body: &Body) -> Vec<Arc<Expr>> {
    let own = body.attributes.iter().map(|attribute| attribute.expr.clone());
    own.chain(body.blocks.iter().flat_map(|block| exprs(&block.body))).collect()
}

/// The expression of an attribute at a place in a body.
pub(super) fn expr_at(body: &Body, span: Span) -> Option<Arc<Expr>> {
    let own = body.attributes.iter().find(|attribute| attribute.expr.span == span);
    let inner = || body.blocks.iter().find_map(|block| expr_at(&block.body, span));
    own.map(|attribute| attribute.expr.clone()).or_else(inner)
}

/// Which resources groups wait for; each group is looked at once.
pub(super) struct Waits<'a> {
    groups: &'a [Group],
    is_data: Vec<bool>,
    found: FxHashMap<GroupId, Arc<BTreeSet<GroupId>>>,
}

impl<'a> Waits<'a> {
    pub(super) fn new(evaluator: &Evaluator, groups: &'a [Group], made: &FxHashMap<Node, Vec<GroupId>>) -> Self {
        let mut is_data = vec![false; groups.len()];
        for (node, made) in made {
            let Node::Resource(module, at) = *node else { continue };
            let instance = evaluator.module(module);
            let is_read = instance.module.resources.get_index(at as usize).is_some_and(|(_, block)| block.is_data);
            made.iter().for_each(|group| is_data[group.0 as usize] = is_read);
        }
        Waits { groups, is_data, found: FxHashMap::default() }
    }

    /// The groups of resources that a group is one of or, where it is a data source's, waits for:
    /// directly, or through other data sources.
    pub(super) fn resources(&mut self, group: GroupId) -> Arc<BTreeSet<GroupId>> {
        if let Some(found) = self.found.get(&group) {
            return found.clone();
        }
        let mut resources = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut left = vec![group];
        while let Some(next) = left.pop() {
            if !self.is_data[next.0 as usize] {
                resources.insert(next);
            } else if seen.insert(next) {
                left.extend(&self.groups[next.0 as usize].dependencies);
            }
        }
        let resources = Arc::new(resources);
        self.found.insert(group, resources.clone());
        resources
    }
}

/// Says in a pending problem which part of the expression is not known, and which resources that
/// waits for. `None` where there are none.
pub(super) fn explained(
    problem: &Diagnostic,
    evaluator: &Evaluator,
    dependencies: &mut Dependencies<'_>,
    waits: &mut Waits<'_>,
) -> Option<Diagnostic> {
    let place = problem.labels.first()?.span;
    let (module, exprs) = evaluator.blamed(place)?;
    let mut reasons = Vec::new();
    for reference in exprs.iter().flat_map(|expr| references(expr)) {
        let scope = evaluator.scope(module, Each::Unknown);
        let mut groups = BTreeSet::new();
        if !is_known(&reference, &scope) {
            dependencies.read(module, &reference, &mut groups);
        }
        reasons.extend(reason(&reference, &groups, waits));
    }
    reasons.sort();
    reasons.dedup();
    (!reasons.is_empty()).then(|| {
        let detail = format!("{} {}", problem.detail, reasons.join(" "));
        Diagnostic { detail: detail.trim().to_owned(), ..problem.clone() }
    })
}

/// Whether what a reference leads to is known.
fn is_known(reference: &Reference, scope: &dyn Scope) -> bool {
    let Ok(found) = scope.resolve(reference) else { return false };
    let step = |step: &ReferenceStep| match step {
        ReferenceStep::Attribute(name) => Some(Step::Attribute(name.clone())),
        ReferenceStep::Key(InstanceKey::Key(key)) => Some(Step::Key(key.clone())),
        ReferenceStep::Key(InstanceKey::Index(index)) => usize::try_from(*index).ok().map(Step::Index),
    };
    let rest = reference.steps.iter().skip(found.steps).map_while(step).collect();
    found.value.at(&rest).as_ref().is_some_and(Value::is_wholly_known)
}

/// `local.names waits for terraform_data.a.`
fn reason(reference: &Reference, groups: &BTreeSet<GroupId>, waits: &mut Waits<'_>) -> Option<String> {
    let mut names = BTreeSet::new();
    for group in groups {
        let resources = waits.resources(*group);
        let known = resources.iter().map(|resource| &waits.groups[resource.0 as usize].address);
        names.extend(known.map(ToString::to_string));
    }
    if names.is_empty() {
        return None;
    }
    let more = names.len().saturating_sub(NAMED);
    let mut listed: Vec<String> = names.into_iter().take(NAMED).collect();
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    Some(format!("{reference} waits for {}.", listed.join(", ")))
}
