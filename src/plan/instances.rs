//! What becomes of each instance that ought to exist.
//!
//! Instances are gone through behind what they wait for, so that references give planned
//! values. What is as it ought to be is settled without asking its provider; for the others
//! several providers are asked at the same time. The evaluation is asked in one place, one
//! instance after the other.

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use portolan_lang::{Address, AttributePath, Diagnostic, Diagnostics, Marks, Schema, Severity, Type, Value};
use portolan_provider::{Error, Planned, Proposal, departures_from_config, plan_by_schema, propose};
use portolan_state::{ResourceKey, ResourceStatus};
use rustc_hash::{FxHashMap, FxHashSet};

use super::configurations::Configurations;
use super::ignore::ignoring;
use super::imports::Imported;
use super::model::{Action, Change, Reason, WhyLeft};
use super::order::creates_first;
use super::orphans::prevented;
use super::pending::Pending;
use super::request::Request;
use crate::compile::{ConditionTime, DataQuery, Instance, InstanceId, marked_answer};
use crate::config::Lifecycle;
use crate::graph::Graph;
use crate::marks::{marked_by_schema, marked_like, marked_where_repeated, same};
use crate::plan::records::Records;
use crate::refresh::Live;
use crate::retry::retrying;
use crate::sessions::{Sessions, attribute_of, diagnostic_of, listed};

/// What planning the instances needs to know.
pub(crate) struct Inputs<'a> {
    pub(crate) request: &'a Request,
    pub(crate) sessions: &'a Sessions<'a>,
    pub(crate) graph: &'a Graph,
    pub(crate) records: &'a Records<'a>,
    pub(crate) imported: FxHashMap<InstanceId, Imported>,
    /// Which instances the plan is about.
    pub(crate) selected: &'a [bool],
}

/// What becomes of the selected instances.
pub(crate) struct PlannedInstances {
    /// Their changes, in the order of the configuration.
    pub(crate) changes: Vec<Change>,
    /// Those that were changed outside, and are wanted as they were recorded.
    pub(crate) repairs: FxHashSet<InstanceId>,
    /// Those of them that are left as they are.
    pub(crate) left: FxHashMap<Address, WhyLeft>,
    /// All problems, in the order of the configuration.
    pub(crate) diagnostics: Diagnostics,
}

/// Plans the selected instances.
pub(crate) async fn plan<C: Configurations>(inputs: Inputs<'_>, evaluation: &mut C) -> PlannedInstances {
    let (graph, sessions, parallelism) = (inputs.graph, inputs.sessions, inputs.request.parallelism.max(1));
    let mut planner = Planner::new(inputs, evaluation);
    let mut walk = graph.walk();
    let mut asked = FuturesUnordered::new();
    loop {
        while asked.len() < parallelism
            && let Some(id) = walk.next_ready()
        {
            match planner.begin(id) {
                Some(question) => asked.push(ask(sessions, question)),
                None => walk.done(id),
            }
        }
        let Some((question, answer)) = asked.next().await else { break };
        planner.finish(&question, answer);
        walk.done(question.id);
    }
    planner.into_planned()
}

/// The object that is there before the change.
#[derive(Clone)]
struct Prior {
    value: Value,
    identity: Arc<str>,
    /// Whether it can be changed into what is wanted at all.
    stays: bool,
    is_tainted: bool,
    importing: Option<Arc<str>>,
}

/// What a provider is asked.
struct Question {
    id: InstanceId,
    prior: Option<Prior>,
    /// Why a new object is needed whatever the provider says.
    replaced: Option<Reason>,
    /// What is wanted, with marks: the configuration, and the configuration completed.
    config: Value,
    proposed: Value,
    is_data: bool,
}

/// What a provider answers.
enum Answer {
    /// What the object becomes in place, and whether others cannot use it then.
    InPlace(Value, bool),
    /// What the new object is, and the paths that need one.
    New(Value, Vec<AttributePath>),
    /// What a data source says.
    Data(Value),
}

/// Why there is no answer.
enum Unanswered {
    /// The system cannot be reached.
    Unreachable(Diagnostic),
    /// The provider refuses; with a summary of what it refuses.
    Refused(&'static str, Error),
}

/// The error without words that may quote the value that it is about, where that is sensitive.
fn hushed(error: &Error, config: &Value) -> Error {
    let about = error.path.as_ref().and_then(|path| config.at(path));
    let is_secret = about.is_some_and(|value| value.deep_marks().contains(Marks::SENSITIVE));
    let mut told = error.clone();
    if is_secret {
        told.message = "a sensitive value does not fit here".to_owned();
        told.help = None;
    }
    told
}

async fn ask(sessions: &Sessions<'_>, question: Question) -> (Question, Result<Answer, Unanswered>) {
    let instance = sessions.desired().instance(question.id);
    let answer = match sessions.of_instance(instance).await {
        Err(diagnostic) => Err(Unanswered::Unreachable(diagnostic)),
        Ok(session) if question.is_data => {
            let config = question.config.unmark_deep();
            let answer = retrying(|| session.data(&instance.resource_type, &config)).await;
            answer.map(Answer::Data).map_err(|error| Unanswered::Refused("Cannot read a data source", error))
        }
        Ok(session) => ask_plan(&*session, sessions, instance, &question)
            .await
            .map_err(|error| Unanswered::Refused("Cannot plan the change", error)),
    };
    (question, answer)
}

async fn ask_plan(
    session: &dyn portolan_provider::Session,
    sessions: &Sessions<'_>,
    instance: &Instance,
    question: &Question,
) -> Result<Answer, Error> {
    let resource_type = &*instance.resource_type;
    let config = question.config.unmark_deep();
    let is_sensitive = question.config.deep_marks().contains(Marks::SENSITIVE);
    let mut replace = Vec::new();
    if let Some(prior) = question.prior.as_ref().filter(|_| question.replaced.is_none()) {
        let (prior, proposed) = (prior.value.unmark_deep(), question.proposed.unmark_deep());
        let proposal =
            Proposal { resource_type, prior: Some(&prior), config: &config, proposed: &proposed, is_sensitive };
        let planned = retrying(|| session.plan(proposal)).await?;
        if planned.replace.is_empty() {
            let is_withdrawal = session.is_withdrawal(resource_type, &prior, &planned.value);
            return Ok(Answer::InPlace(planned.value, is_withdrawal));
        }
        replace = planned.replace;
    }
    let schema = sessions.catalog().resource(resource_type).map(|(_, resource)| &resource.schema);
    let proposed = schema.map_or_else(|| config.clone(), |schema| propose(schema, None, &config));
    let proposal = Proposal { resource_type, prior: None, config: &config, proposed: &proposed, is_sensitive };
    let Planned { value, .. } = retrying(|| session.plan(proposal)).await?;
    Ok(Answer::New(value, replace))
}

struct Planner<'a, 'e, C> {
    inputs: Inputs<'a>,
    evaluation: &'e mut C,
    creates_first: Vec<bool>,
    pending: Pending<'a>,
    changes: Vec<Option<Change>>,
    repairs: FxHashSet<InstanceId>,
    left: FxHashMap<Address, WhyLeft>,
    problems: Vec<(InstanceId, Diagnostics)>,
}

impl<'a, 'e, C: Configurations> Planner<'a, 'e, C> {
    fn new(inputs: Inputs<'a>, evaluation: &'e mut C) -> Self {
        let desired = inputs.sessions.desired();
        Planner {
            creates_first: creates_first(desired, inputs.graph),
            pending: Pending::new(desired, inputs.records),
            changes: vec![None; desired.instances.len()],
            repairs: FxHashSet::default(),
            left: FxHashMap::default(),
            problems: Vec::new(),
            inputs,
            evaluation,
        }
    }

    fn instance(&self, id: InstanceId) -> &'a Instance {
        self.inputs.sessions.desired().instance(id)
    }

    fn lifecycle(&self, id: InstanceId) -> &'a Lifecycle {
        let desired = self.inputs.sessions.desired();
        &desired.group(desired.instance(id).group).lifecycle
    }

    /// Settles an instance, or says what its provider has to be asked.
    fn begin(&mut self, id: InstanceId) -> Option<Question> {
        if !self.inputs.selected[id.0 as usize] {
            if let Some(prior) = self.prior(id) {
                self.evaluation.set(id, prior.value);
            }
            return None;
        }
        let mut problems = self.evaluation.conditions(id, ConditionTime::Before, None);
        let (config, found) = self.evaluation.configuration(id);
        problems.extend(found);
        let is_wrong = problems.has_errors();
        self.problems.push((id, problems));
        if is_wrong {
            return None;
        }
        if self.instance(id).is_data { self.begin_data(id, config) } else { self.begin_managed(id, config) }
    }

    fn begin_data(&mut self, id: InstanceId, config: Value) -> Option<Question> {
        let waits = self.pending.holds_up(id);
        let deferred = match config.is_wholly_known() {
            false => Some(Reason::ConfigUnknown),
            true if waits => Some(Reason::DependencyPending),
            true => None,
        };
        let Some(reason) = deferred else {
            if let Some(answer) = self.answered(id, &config) {
                self.finish_data(id, answer);
                return None;
            }
            return Some(Question { id, prior: None, replaced: None, proposed: config.clone(), config, is_data: true });
        };
        self.defer(id, reason, &config)
    }

    /// What a data source said that was read because it decides what there is to be.
    fn answered(&self, id: InstanceId, config: &Value) -> Option<Value> {
        let (instance, sessions) = (self.instance(id), self.inputs.sessions);
        let query = DataQuery {
            block: Some(instance.address.clone()),
            provider: instance.provider.clone(),
            connection: sessions.connection(instance).map(|connection| connection.address.clone()),
            source: instance.resource_type.clone(),
            config: config.unmark_deep(),
        };
        let answer = sessions.desired().data(&query)?;
        Some(self.marked_data(id, answer, config))
    }

    /// Has a data source read during apply.
    fn defer<T>(&mut self, id: InstanceId, reason: Reason, config: &Value) -> Option<T> {
        let instance = self.instance(id);
        let Some((_, schema)) = self.inputs.sessions.catalog().data(&instance.resource_type) else {
            return self.unknown_type(id);
        };
        let resource_type = &instance.resource_type;
        let proposal = Proposal { resource_type, prior: None, config, proposed: config, is_sensitive: false };
        let after = marked_by_schema(plan_by_schema(schema, proposal).value, schema);
        let change =
            Change { action: Action::Read, reason: Some(reason), after: Some(after), ..self.no_change(id, None) };
        self.settle(id, change);
        None
    }

    fn begin_managed(&mut self, id: InstanceId, config: Value) -> Option<Question> {
        let Some(schema) = self.schema(id) else { return self.unknown_type(id) };
        if let Some(recorded) = self.changed_outside(id).filter(|recorded| self.is_wanted_still(id, recorded, &config))
        {
            self.repairs.insert(id);
            let address = &self.instance(id).address;
            if let Some(why) = self.inputs.request.drift.why_left(address, self.lifecycle(id)) {
                self.left.insert(address.clone(), why);
                let change = self.no_change(id, Some(&recorded));
                self.settle(id, Change { after: Some(recorded.value), ..change });
                return None;
            }
        }
        let prior = self.prior(id);
        let kept = prior.as_ref().filter(|prior| !prior.is_tainted && prior.stays);
        let config = match kept {
            Some(prior) => ignoring(&self.lifecycle(id).ignore_changes, schema, &prior.value, &config),
            None => config,
        };
        let proposed = propose(schema, kept.map(|prior| &prior.value), &config);
        let replaced = prior.as_ref().and_then(|prior| self.why_replaced(id, prior));
        if let (Some(prior), None) = (&prior, replaced)
            && same(&prior.value, &proposed)
        {
            // One copy for both, unless the configuration's marks are other ones.
            let after = if prior.value == proposed { prior.value.clone() } else { proposed };
            let after = marked_by_schema(after, schema);
            let change = self.no_change(id, Some(prior));
            self.settle(id, Change { after: Some(after), ..change });
            return None;
        }
        if self.is_refused(id, &config) {
            return None;
        }
        Some(Question { id, prior, replaced, config, proposed, is_data: false })
    }

    fn schema(&self, id: InstanceId) -> Option<&'a Schema> {
        let (_, resource) = self.inputs.sessions.catalog().resource(&self.instance(id).resource_type)?;
        Some(&resource.schema)
    }

    fn unknown_type<T>(&mut self, id: InstanceId) -> Option<T> {
        let instance = self.instance(id);
        let error = Diagnostic::error(format!("Unknown resource type {:?}", instance.resource_type));
        self.problems.push((id, error.of(&instance.address).at(instance.span).into()));
        None
    }

    /// Whether the provider refuses the configuration, for reasons that the schema cannot give.
    fn is_refused(&mut self, id: InstanceId, config: &Value) -> bool {
        let instance = self.instance(id);
        let Some(provider) = self.inputs.sessions.catalog().provider(&instance.provider) else { return false };
        let errors = provider.validate(&instance.resource_type, &config.unmark_deep());
        let problems: Vec<Diagnostic> =
            errors.iter().map(|error| self.refused("Invalid configuration", id, &hushed(error, config))).collect();
        let is_refused = !problems.is_empty();
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(problems);
        self.problems.push((id, diagnostics));
        is_refused
    }

    /// A provider's problem with an instance, at the attribute that it is about.
    fn refused(&self, summary: &str, id: InstanceId, error: &Error) -> Diagnostic {
        let path = error.path.clone().unwrap_or_default();
        diagnostic_of(summary, error).of(&self.instance(id).address).at(self.evaluation.place(id, &path))
    }

    /// The object that is there: recorded and found, or imported.
    fn prior(&self, id: InstanceId) -> Option<Prior> {
        let instance = self.instance(id);
        if let Some(imported) = self.inputs.imported.get(&id) {
            return Some(Prior {
                value: imported.value.clone(),
                identity: imported.identity.clone(),
                stays: true,
                is_tainted: false,
                importing: Some(imported.id.clone()),
            });
        }
        let record = &self.inputs.records.list[self.inputs.records.current(&instance.address)?];
        let resource = record.resource;
        Some(Prior {
            value: record.live.value(resource)?.clone(),
            identity: resource.identity.clone(),
            stays: self.inputs.sessions.stays(resource, instance),
            is_tainted: resource.status == ResourceStatus::Tainted,
            importing: None,
        })
    }

    /// An object that was changed outside, as it is recorded.
    fn changed_outside(&self, id: InstanceId) -> Option<Prior> {
        let instance = self.instance(id);
        let record = &self.inputs.records.list[self.inputs.records.current(&instance.address)?];
        let resource = record.resource;
        let is_so = record.live != Live::AsRecorded && resource.status == ResourceStatus::Ready;
        let is_so = is_so && self.inputs.sessions.stays(resource, instance) && !self.inputs.imported.contains_key(&id);
        is_so.then(|| Prior {
            value: resource.value.clone(),
            identity: resource.identity.clone(),
            stays: true,
            is_tainted: false,
            importing: None,
        })
    }

    /// Whether the configuration wants an object as it was recorded.
    fn is_wanted_still(&self, id: InstanceId, recorded: &Prior, config: &Value) -> bool {
        let address = &self.instance(id).address;
        let is_asked_for = self.inputs.request.replace.iter().any(|wanted| wanted.contains(address));
        self.schema(id).filter(|_| !is_asked_for).is_some_and(|schema| {
            let config = ignoring(&self.lifecycle(id).ignore_changes, schema, &recorded.value, config);
            same(&recorded.value, &propose(schema, Some(&recorded.value), &config))
        })
    }

    fn why_replaced(&mut self, id: InstanceId, prior: &Prior) -> Option<Reason> {
        if prior.is_tainted {
            return Some(Reason::Tainted);
        }
        let address = &self.instance(id).address;
        if self.inputs.request.replace.iter().any(|wanted| wanted.contains(address)) {
            return Some(Reason::Requested);
        }
        if !prior.stays {
            return Some(Reason::CannotUpdate);
        }
        if self.lifecycle(id).replace_triggered_by.is_empty() {
            return None;
        }
        let changes = &self.changes;
        let changed = |other: InstanceId, attribute: Option<&str>| is_changed(&changes[other.0 as usize], attribute);
        let (is_triggered, problems) = self.evaluation.is_replacement_triggered(id, &changed);
        self.problems.push((id, problems));
        is_triggered.then_some(Reason::Triggered)
    }

    /// The change of an instance of which nothing becomes.
    fn no_change(&self, id: InstanceId, prior: Option<&Prior>) -> Change {
        let instance = self.instance(id);
        let record = self.inputs.records.current(&instance.address).map(|at| &self.inputs.records.list[at]);
        Change {
            key: ResourceKey::current(instance.address.clone()),
            previous_address: record.and_then(|record| record.previous_address()),
            instance: Some(id),
            is_data: instance.is_data,
            resource_type: instance.resource_type.clone(),
            provider: instance.provider.clone(),
            action: Action::NoOp,
            reason: None,
            identity: prior.map(|prior| prior.identity.clone()),
            before: prior.map(|prior| prior.value.clone()),
            after: None,
            replace_paths: Vec::new(),
            importing: prior.and_then(|prior| prior.importing.clone()),
        }
    }

    fn finish(&mut self, question: &Question, answer: Result<Answer, Unanswered>) {
        let id = question.id;
        let answer = answer.map_err(|why| match why {
            Unanswered::Unreachable(diagnostic) => diagnostic,
            Unanswered::Refused(summary, error) => self.refused(summary, id, &error),
        });
        match answer {
            _ if self.instance(id).is_check => self.finish_check(question, answer),
            Err(diagnostic) => self.problems.push((id, diagnostic.into())),
            Ok(Answer::Data(value)) => {
                let after = self.marked_data(id, &value, &question.config);
                self.finish_data(id, after);
            }
            Ok(Answer::InPlace(planned, is_withdrawal)) => {
                let after = self.marked(question, planned);
                self.check_promise(question, &after);
                let change = self.no_change(id, question.prior.as_ref());
                let is_same = change.before.as_ref().is_some_and(|before| same(before, &after));
                let action = if is_same { Action::NoOp } else { Action::Update };
                // What is not known before would have to come before those who use it.
                let is_withdrawal = is_withdrawal && !is_same && after.is_wholly_known();
                let reason = is_withdrawal.then_some(Reason::Withdrawal);
                self.settle(id, Change { action, reason, after: Some(after), ..change });
            }
            Ok(Answer::New(planned, paths)) => {
                let after = self.marked(question, planned);
                self.check_promise(question, &after);
                let change = self.new_object(question, after, paths);
                self.settle(id, change);
            }
        }
    }

    /// The data source of a check: the check is judged by what it says now, or left out where it
    /// says nothing, and judged again after apply.
    fn finish_check(&mut self, question: &Question, answer: Result<Answer, Diagnostic>) {
        let read = match answer {
            Ok(Answer::Data(value)) => self.marked_data(question.id, &value, &question.config),
            Ok(_) => Value::null(Type::Any),
            Err(diagnostic) => {
                let warning = Diagnostic { severity: Severity::Warning, ..diagnostic };
                self.problems.push((question.id, warning.into()));
                Value::null(Type::Any)
            }
        };
        self.defer::<()>(question.id, Reason::CheckNested, &question.config);
        self.evaluation.set(question.id, read);
    }

    fn marked_data(&self, id: InstanceId, value: &Value, config: &Value) -> Value {
        match self.inputs.sessions.catalog().data(&self.instance(id).resource_type) {
            Some((_, schema)) => marked_answer(value, config, schema),
            None => value.clone(),
        }
    }

    fn finish_data(&mut self, id: InstanceId, after: Value) {
        let change = self.no_change(id, None);
        self.settle(id, Change { before: Some(after.clone()), after: Some(after), ..change });
    }

    fn marked(&self, question: &Question, planned: Value) -> Value {
        let marked = marked_where_repeated(marked_like(planned, &question.proposed));
        self.schema(question.id).map_or(marked.clone(), |schema| marked_by_schema(marked, schema))
    }

    fn check_promise(&mut self, question: &Question, planned: &Value) {
        let Some(schema) = self.schema(question.id) else { return };
        let departures = departures_from_config(schema, &question.config, planned);
        if !departures.is_empty() {
            let instance = self.instance(question.id);
            let error = Diagnostic::error("Provider produced invalid plan")
                .detail(format!(
                    "The provider {:?} planned something else than the configuration says, at: {}.",
                    instance.provider,
                    listed(&departures)
                ))
                .help("This is a mistake in the provider, which should be reported.");
            self.problems.push((question.id, error.of(&instance.address).at(instance.span).into()));
        }
    }

    fn new_object(&mut self, question: &Question, after: Value, replace_paths: Vec<AttributePath>) -> Change {
        let change =
            Change { after: Some(after), replace_paths, ..self.no_change(question.id, question.prior.as_ref()) };
        if question.prior.is_none() {
            return Change { action: Action::Create, ..change };
        }
        let prevented =
            prevented(self.lifecycle(question.id), &change.key.address, Some(self.instance(question.id).span));
        self.problems.push((question.id, prevented.map(Diagnostics::from).unwrap_or_default()));
        let action = match self.creates_first[question.id.0 as usize] {
            true => Action::CreateThenDelete,
            false => Action::DeleteThenCreate,
        };
        Change { action, reason: Some(question.replaced.unwrap_or(Reason::CannotUpdate)), ..change }
    }

    /// Checks what can be checked of the planned object, and makes it known to the others.
    fn settle(&mut self, id: InstanceId, change: Change) {
        let problems = self.evaluation.conditions(id, ConditionTime::After, change.after.as_ref());
        self.problems.push((id, problems));
        if let Some(after) = &change.after {
            self.evaluation.set(id, after.clone());
        }
        self.pending.settle(id, change.action != Action::NoOp);
        self.changes[id.0 as usize] = Some(change);
    }

    fn into_planned(mut self) -> PlannedInstances {
        self.problems.retain(|(_, problems)| !problems.is_empty());
        self.problems.sort_by_key(|(id, _)| *id);
        let mut diagnostics = Diagnostics::new();
        self.problems.into_iter().for_each(|(_, problems)| diagnostics.extend(problems));
        let changes = self.changes.into_iter().flatten().collect();
        PlannedInstances { changes, repairs: self.repairs, left: self.left, diagnostics }
    }
}

/// Whether a change is one that `replace_triggered_by` speaks of: of an instance, that it is
/// updated or replaced; of an attribute, that its value differs.
fn is_changed(change: &Option<Change>, attribute: Option<&str>) -> bool {
    let Some(change) = change else { return false };
    let Some(name) = attribute else {
        return change.action == Action::Update || change.action.replaces();
    };
    let of = |value: &Option<Value>| value.as_ref().map(|value| attribute_of(value, name));
    match (of(&change.before), of(&change.after)) {
        (Some(before), Some(after)) => !same(&before, &after),
        (before, after) => before.is_some() != after.is_some(),
    }
}
