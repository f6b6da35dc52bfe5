//! What became of everything that must hold: the validations of variables, the preconditions of
//! outputs, the conditions of resources and the assertions of checks.

use portolan_lang::Address;

use super::conditions::{Verdict, judge};
use super::evaluation::{Evaluation, is_read};
use super::evaluator::Evaluator;
use super::module::{ModuleId, ModuleInstance};
use super::scope::{Each, ModuleScope};
use crate::config::{Check, Condition, ResourceBlock};

/// Something that has conditions, and whether they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What has the conditions, without an instance key: `var.tag`, `output.host`, `check.health`,
    /// `terraform_data.a`, each behind the modules around it, which have no keys either.
    pub subject: Address,
    /// Its instances; none where it has none.
    pub instances: Vec<CheckedInstance>,
}

/// One instance of what has conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedInstance {
    /// Its address, with all keys.
    pub address: Address,
    /// Whether its conditions hold.
    pub status: CheckStatus,
    /// For each condition that does not, what its author says of that.
    pub problems: Vec<String>,
}

/// Whether conditions hold; of several, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CheckStatus {
    /// All of them do.
    #[default]
    Pass,
    /// It depends on what is not known yet.
    Unknown,
    /// At least one does not.
    Fail,
    /// At least one is wrong itself.
    Error,
}

impl Checked {
    /// Whether the conditions of all instances hold.
    pub fn status(&self) -> CheckStatus {
        self.instances.iter().map(|instance| instance.status).max().unwrap_or_default()
    }
}

impl Evaluation<'_> {
    /// Everything that has conditions, sorted by subject, judged by what is known.
    pub fn checked(&self) -> Vec<Checked> {
        let Some(evaluator) = self.evaluator() else { return Vec::new() };
        let mut list = List::default();
        for at in 0..evaluator.module_count() {
            let id = ModuleId(at as u32);
            Judge { evaluator, id, module: &evaluator.module(id), list: &mut list }.module();
        }
        // They were told when the conditions were checked.
        evaluator.take_diagnostics();
        list.into_checked()
    }
}

/// What was judged, by subject.
#[derive(Default)]
struct List(std::collections::BTreeMap<Address, Vec<CheckedInstance>>);

impl List {
    fn into_checked(self) -> Vec<Checked> {
        self.0.into_iter().map(|(subject, instances)| Checked { subject, instances }).collect()
    }
}

/// Judges what one module instance declares.
struct Judge<'a> {
    evaluator: &'a Evaluator,
    id: ModuleId,
    module: &'a ModuleInstance,
    list: &'a mut List,
}

impl Judge<'_> {
    fn module(&mut self) {
        let (module, scope) = (&self.module.module, self.evaluator.scope(self.id, Each::None));
        for variable in module.variables.values() {
            self.named("var", &variable.name.name, &variable.validations, &scope);
        }
        for output in module.outputs.values() {
            self.named("output", &output.name.name, &output.preconditions, &scope);
        }
        for check in module.checks.values() {
            let address = self.module.address.join("check").join(check.name.name.clone());
            let (status, problems) = self.check(check, &scope);
            self.add(CheckedInstance { address, status, problems });
        }
        for (position, block) in module.resources.values().enumerate() {
            self.resource(position, block);
        }
    }

    fn add(&mut self, instance: CheckedInstance) {
        self.list.0.entry(instance.address.without_keys()).or_default().push(instance);
    }

    fn named(&mut self, kind: &str, name: &str, conditions: &[Condition], scope: &ModuleScope<'_>) {
        if conditions.is_empty() {
            return;
        }
        let address = self.module.address.join(kind).join(name);
        let (status, problems) = judged(conditions, scope);
        self.add(CheckedInstance { address, status, problems });
    }

    fn check(&self, check: &Check, scope: &ModuleScope<'_>) -> (CheckStatus, Vec<String>) {
        match is_read(self.evaluator, self.id, check) {
            true => judged(&check.assertions, scope),
            false => (CheckStatus::Fail, vec!["The data source of the check cannot be read.".to_owned()]),
        }
    }

    fn resource(&mut self, position: usize, block: &ResourceBlock) {
        let (before, after) = (&block.lifecycle.preconditions, &block.lifecycle.postconditions);
        if before.is_empty() && after.is_empty() {
            return;
        }
        let local = if block.is_data { Address::root().join("data") } else { Address::root() };
        let local = local.join(block.resource_type.name.clone()).join(block.name.name.clone());
        let address = self.module.address.append(&local);
        self.list.0.entry(address.without_keys()).or_default();
        let instances = self.evaluator.resource_instances(self.id, position, block);
        for at in 0..instances.len() {
            let itself = self.evaluator.known(self.id, position, at);
            let scope = self.evaluator.scope(self.id, instances.each(at));
            let (status, mut problems) = judged(before, &scope);
            let (more, after) = judged(after, &scope.with_self(itself));
            problems.extend(after);
            let address = address.instance(instances.key(at));
            self.add(CheckedInstance { address, status: status.max(more), problems });
        }
    }
}

fn judged(conditions: &[Condition], scope: &ModuleScope<'_>) -> (CheckStatus, Vec<String>) {
    let mut status = CheckStatus::Pass;
    let mut problems = Vec::new();
    for condition in conditions {
        let (verdict, _) = judge(condition, scope);
        status = status.max(match verdict {
            Verdict::Holds => CheckStatus::Pass,
            Verdict::Unknown => CheckStatus::Unknown,
            Verdict::Wrong => CheckStatus::Error,
            Verdict::Fails(message) => {
                problems.push(message);
                CheckStatus::Fail
            }
        });
    }
    (status, problems)
}
