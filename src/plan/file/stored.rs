//! The stored form, version 1: kept apart from the plan's own types, so that those can change
//! without breaking what was saved.

use std::sync::Arc;

use indexmap::IndexMap;
use portolan_lang::diagnostic::Label;
use portolan_lang::{Address, AttributePath, Diagnostic, FileId, Severity, Sources, Span, Step as PathStep, Value};
use portolan_state::format::FormatError;
use portolan_state::{Answer, Decision, ResourceKey, Serial};
use serde::{Deserialize, Serialize};

use super::checks::{self, StoredChecked};
use super::values::{Reader, StoredValue, Writer};
use super::{Origin, SavedPlan};
use crate::compile::DataQuery;
use crate::host::Sighting;
use crate::plan::model::{
    Action, Change, Drift, Join, Mode, Operation, OperationKind, OutputChange, Plan, Reason, Step,
};

/// Why a text is no saved plan. It quotes nothing of the text.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("{0}")]
    Format(#[from] FormatError),
    #[error("{0}")]
    Other(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    types: Vec<String>,
    sources: Vec<(Arc<str>, Arc<str>)>,
    variables: Vec<(Arc<str>, StoredValue)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<StoredAnswer>,
    plan_time: String,
    seen: Vec<Sighting>,
    #[serde(with = "StoredMode")]
    mode: Mode,
    lineage: Arc<str>,
    serial: u64,
    changes: Vec<StoredChange>,
    drift: Vec<StoredDrift>,
    operations: Vec<StoredOperation>,
    joins: Vec<Vec<StoredStep>>,
    #[serde(default)]
    awaits: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    awaited: Vec<String>,
    outputs: Vec<StoredOutput>,
    decisions: Vec<StoredDecision>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<(String, Arc<str>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    decided: Vec<StoredDecision>,
    targets: Vec<String>,
    checks: Vec<StoredChecked>,
    warnings: Vec<StoredWarning>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Mode", rename_all = "snake_case")]
enum StoredMode {
    Normal,
    Destroy,
    RefreshOnly,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Action", rename_all = "snake_case")]
enum StoredAction {
    NoOp,
    Create,
    Read,
    Update,
    DeleteThenCreate,
    CreateThenDelete,
    Delete,
    Forget,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reason", rename_all = "snake_case")]
enum StoredReason {
    CannotUpdate,
    Tainted,
    Requested,
    Triggered,
    NoConfiguration,
    CountIndex,
    EachKey,
    WrongRepetition,
    NoModule,
    NoMoveTarget,
    ConfigUnknown,
    DependencyPending,
    CheckNested,
    Withdrawal,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OperationKind", rename_all = "snake_case")]
enum StoredOperationKind {
    Create,
    Update,
    Delete,
    Forget,
    Read,
    Await,
}

/// A reason where there may be none.
#[derive(Serialize, Deserialize)]
struct SomeReason(#[serde(with = "StoredReason")] Reason);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStep {
    Operation(usize),
    Join(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPathStep {
    Attribute(Arc<str>),
    Key(Arc<str>),
    Index(usize),
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deposed: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChange {
    key: StoredKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_address: Option<String>,
    is_declared: bool,
    is_data: bool,
    resource_type: Arc<str>,
    provider: Arc<str>,
    #[serde(with = "StoredAction")]
    action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<SomeReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<StoredValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<StoredValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replace_paths: Vec<Vec<StoredPathStep>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    importing: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDrift {
    key: StoredKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_address: Option<String>,
    resource_type: Arc<str>,
    provider: Arc<str>,
    recorded: StoredValue,
    live: Option<StoredValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ownership: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredOperation {
    #[serde(with = "StoredOperationKind")]
    kind: OperationKind,
    change: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    after: Vec<StoredStep>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredOutput {
    name: Arc<str>,
    before: Option<StoredValue>,
    after: Option<StoredValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDecision {
    subject: String,
    kind: Arc<str>,
    value: Answer,
    reason: String,
    time: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredWarning {
    summary: String,
    detail: String,
    help: Option<String>,
    address: Option<String>,
    labels: Vec<StoredLabel>,
}

/// What a data source was asked and what it said.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAnswer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    block: Option<String>,
    provider: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    source: Arc<str>,
    config: StoredValue,
    answer: StoredValue,
}

/// The file's position among the sources, the bytes from and to, and the words.
#[derive(Serialize, Deserialize)]
struct StoredLabel(u32, u32, u32, String);

pub(super) fn write(plan: &Plan, origin: &Origin) -> Result<String, FormatError> {
    let mut values = Writer::default();
    let mut stored = Stored {
        types: Vec::new(),
        sources: origin.sources.iter().map(|(_, source)| (source.name.clone(), source.text.clone())).collect(),
        variables: origin
            .variables
            .iter()
            .map(|(name, value)| Ok((name.clone(), values.value(value)?)))
            .collect::<Result<_, FormatError>>()?,
        data: origin
            .data
            .iter()
            .map(|(query, answer)| write_answer(query, answer, &mut values))
            .collect::<Result<_, _>>()?,
        plan_time: origin.plan_time.clone(),
        seen: origin.seen.clone(),
        mode: plan.mode,
        lineage: plan.lineage.clone(),
        serial: plan.serial.0,
        changes: plan.changes.iter().map(|change| write_change(change, &mut values)).collect::<Result<_, _>>()?,
        drift: plan.drift.iter().map(|drift| write_drift(drift, &mut values)).collect::<Result<_, _>>()?,
        operations: plan.operations.iter().map(write_operation).collect(),
        awaits: plan.awaits,
        awaited: plan.awaited.iter().map(Address::to_string).collect(),
        joins: plan.joins.iter().map(|join| write_steps(&join.after)).collect(),
        outputs: plan.outputs.iter().map(|output| write_output(output, &mut values)).collect::<Result<_, _>>()?,
        decisions: plan.decisions.iter().map(write_decision).collect(),
        withdrawn: plan.withdrawn.iter().map(|(subject, kind)| (subject.to_string(), kind.clone())).collect(),
        decided: plan.decided.iter().map(write_decision).collect(),
        targets: plan.targets.iter().map(Address::to_string).collect(),
        checks: plan.checks.iter().map(checks::write).collect(),
        warnings: plan.diagnostics.iter().map(write_warning).collect(),
    };
    stored.types = values.into_types();
    Ok(serde_json::to_string(&stored)?)
}

fn write_answer(query: &DataQuery, answer: &Value, values: &mut Writer) -> Result<StoredAnswer, FormatError> {
    Ok(StoredAnswer {
        block: query.block.as_ref().map(Address::to_string),
        provider: query.provider.clone(),
        connection: query.connection.as_ref().map(Address::to_string),
        source: query.source.clone(),
        config: values.value(&query.config)?,
        answer: values.value(answer)?,
    })
}

fn write_key(key: &ResourceKey) -> StoredKey {
    StoredKey { address: key.address.to_string(), deposed: key.deposed.clone() }
}

fn write_change(change: &Change, values: &mut Writer) -> Result<StoredChange, FormatError> {
    Ok(StoredChange {
        key: write_key(&change.key),
        previous_address: change.previous_address.as_ref().map(Address::to_string),
        is_declared: change.instance.is_some(),
        is_data: change.is_data,
        resource_type: change.resource_type.clone(),
        provider: change.provider.clone(),
        action: change.action,
        reason: change.reason.map(SomeReason),
        identity: change.identity.clone(),
        before: values.optional(change.before.as_ref())?,
        after: values.optional(change.after.as_ref())?,
        replace_paths: change.replace_paths.iter().map(write_path).collect(),
        importing: change.importing.clone(),
    })
}

fn write_path(path: &AttributePath) -> Vec<StoredPathStep> {
    let step = |step: &PathStep| match step {
        PathStep::Attribute(name) => StoredPathStep::Attribute(name.clone()),
        PathStep::Key(key) => StoredPathStep::Key(key.clone()),
        PathStep::Index(index) => StoredPathStep::Index(*index),
    };
    path.steps().iter().map(step).collect()
}

fn write_drift(drift: &Drift, values: &mut Writer) -> Result<StoredDrift, FormatError> {
    Ok(StoredDrift {
        key: write_key(&drift.key),
        previous_address: drift.previous_address.as_ref().map(Address::to_string),
        resource_type: drift.resource_type.clone(),
        provider: drift.provider.clone(),
        recorded: values.value(&drift.recorded)?,
        live: values.optional(drift.live.as_ref())?,
        ownership: drift.ownership.clone(),
    })
}

fn write_operation(operation: &Operation) -> StoredOperation {
    StoredOperation { kind: operation.kind, change: operation.change, after: write_steps(&operation.after) }
}

fn write_steps(steps: &[Step]) -> Vec<StoredStep> {
    let step = |step: &Step| match *step {
        Step::Operation(operation) => StoredStep::Operation(operation),
        Step::Join(join) => StoredStep::Join(join),
    };
    steps.iter().map(step).collect()
}

fn write_output(output: &OutputChange, values: &mut Writer) -> Result<StoredOutput, FormatError> {
    let before = values.optional(output.before.as_ref())?;
    let after = values.optional(output.after.as_ref())?;
    Ok(StoredOutput { name: output.name.clone(), before, after })
}

fn write_decision(decision: &Decision) -> StoredDecision {
    StoredDecision {
        subject: decision.subject.to_string(),
        kind: decision.kind.clone(),
        value: decision.value.clone(),
        reason: decision.reason.clone(),
        time: decision.time.clone(),
    }
}

fn write_warning(warning: &Diagnostic) -> StoredWarning {
    let labels = warning.labels.iter();
    StoredWarning {
        summary: warning.summary.clone(),
        detail: warning.detail.clone(),
        help: warning.help.clone(),
        address: warning.address.clone(),
        labels: labels
            .map(|label| StoredLabel(label.span.file.0, label.span.start, label.span.end, label.message.clone()))
            .collect(),
    }
}

pub(super) fn read(text: &str) -> Result<(Origin, SavedPlan), Damage> {
    let stored: Stored = serde_json::from_str(text).map_err(FormatError::from)?;
    let mut values = Reader::new(&stored.types)?;
    let mut sources = Sources::new();
    for (name, text) in stored.sources {
        sources.add(name, text);
    }
    let variables = stored.variables.iter().map(|(name, value)| Ok((name.clone(), values.value(value)?)));
    let variables: IndexMap<_, _> = variables.collect::<Result<_, Damage>>()?;
    let data = stored.data.into_iter().map(|answer| read_answer(answer, &mut values));
    let data = Arc::new(data.collect::<Result<_, Damage>>()?);
    let declared = stored.changes.iter().map(|change| change.is_declared).collect();
    let mut plan = Plan {
        mode: stored.mode,
        lineage: stored.lineage,
        serial: Serial(stored.serial),
        changes: stored.changes.into_iter().map(|change| read_change(change, &mut values)).collect::<Result<_, _>>()?,
        drift: stored.drift.into_iter().map(|drift| read_drift(drift, &mut values)).collect::<Result<_, _>>()?,
        operations: stored.operations.into_iter().map(read_operation).collect(),
        is_offline: false,
        awaits: stored.awaits,
        awaited: stored.awaited.iter().map(|address| read_address(address)).collect::<Result<_, _>>()?,
        joins: stored.joins.into_iter().map(|after| Join { after: read_steps(after) }).collect(),
        outputs: stored.outputs.into_iter().map(|output| read_output(output, &mut values)).collect::<Result<_, _>>()?,
        decisions: stored.decisions.into_iter().map(read_decision).collect::<Result<_, _>>()?,
        withdrawn: stored
            .withdrawn
            .into_iter()
            .map(|(subject, kind)| Ok((read_address(&subject)?, kind)))
            .collect::<Result<_, Damage>>()?,
        decided: stored.decided.into_iter().map(read_decision).collect::<Result<_, _>>()?,
        targets: stored.targets.iter().map(|target| read_address(target)).collect::<Result<_, _>>()?,
        checks: stored.checks.into_iter().map(checks::read).collect::<Result<_, _>>()?,
        ..Plan::default()
    };
    plan.diagnostics.extend(stored.warnings.into_iter().map(read_warning));
    let origin = Origin { sources, variables, data, plan_time: stored.plan_time, seen: stored.seen };
    Ok((origin, SavedPlan { plan, declared }))
}

pub(super) fn read_address(text: &str) -> Result<Address, Damage> {
    text.parse().map_err(|_| Damage::Other("an address cannot be read"))
}

fn read_answer(stored: StoredAnswer, values: &mut Reader) -> Result<(DataQuery, Value), Damage> {
    let query = DataQuery {
        block: stored.block.as_deref().map(read_address).transpose()?,
        provider: stored.provider,
        connection: stored.connection.as_deref().map(read_address).transpose()?,
        source: stored.source,
        config: values.value(&stored.config)?,
    };
    Ok((query, values.value(&stored.answer)?))
}

fn read_key(key: StoredKey) -> Result<ResourceKey, Damage> {
    Ok(ResourceKey { address: read_address(&key.address)?, deposed: key.deposed })
}

fn read_change(change: StoredChange, values: &mut Reader) -> Result<Change, Damage> {
    Ok(Change {
        key: read_key(change.key)?,
        previous_address: change.previous_address.map(|address| read_address(&address)).transpose()?,
        instance: None,
        is_data: change.is_data,
        resource_type: change.resource_type,
        provider: change.provider,
        action: change.action,
        reason: change.reason.map(|SomeReason(reason)| reason),
        identity: change.identity,
        before: values.optional(change.before.as_ref())?,
        after: values.optional(change.after.as_ref())?,
        replace_paths: change.replace_paths.into_iter().map(read_path).collect(),
        importing: change.importing,
    })
}

fn read_path(steps: Vec<StoredPathStep>) -> AttributePath {
    let step = |step| match step {
        StoredPathStep::Attribute(name) => PathStep::Attribute(name),
        StoredPathStep::Key(key) => PathStep::Key(key),
        StoredPathStep::Index(index) => PathStep::Index(index),
    };
    steps.into_iter().map(step).collect()
}

fn read_drift(drift: StoredDrift, values: &mut Reader) -> Result<Drift, Damage> {
    Ok(Drift {
        key: read_key(drift.key)?,
        previous_address: drift.previous_address.map(|address| read_address(&address)).transpose()?,
        resource_type: drift.resource_type,
        provider: drift.provider,
        recorded: values.value(&drift.recorded)?,
        live: values.optional(drift.live.as_ref())?,
        ownership: drift.ownership,
    })
}

fn read_operation(operation: StoredOperation) -> Operation {
    Operation { kind: operation.kind, change: operation.change, after: read_steps(operation.after) }
}

fn read_steps(steps: Vec<StoredStep>) -> Vec<Step> {
    let step = |step| match step {
        StoredStep::Operation(operation) => Step::Operation(operation),
        StoredStep::Join(join) => Step::Join(join),
    };
    steps.into_iter().map(step).collect()
}

fn read_output(output: StoredOutput, values: &mut Reader) -> Result<OutputChange, Damage> {
    let before = values.optional(output.before.as_ref())?;
    let after = values.optional(output.after.as_ref())?;
    Ok(OutputChange { name: output.name, before, after })
}

fn read_decision(decision: StoredDecision) -> Result<Decision, Damage> {
    let StoredDecision { subject, kind, value, reason, time } = decision;
    Ok(Decision { subject: read_address(&subject)?, kind, value, reason, time })
}

fn read_warning(warning: StoredWarning) -> Diagnostic {
    let labels = warning
        .labels
        .into_iter()
        .map(|StoredLabel(file, start, end, message)| Label { span: Span { file: FileId(file), start, end }, message });
    Diagnostic {
        severity: Severity::Warning,
        summary: warning.summary,
        detail: warning.detail,
        labels: labels.collect(),
        help: warning.help,
        address: warning.address,
        is_pending: false,
    }
}
