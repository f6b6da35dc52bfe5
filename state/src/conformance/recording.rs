//! What is committed is read back, wholly or not at all.

use portolan_lang::{Marks, Type, Value};

use super::samples::{begin, changed, decision, end, output, resource, run};
use super::{Outcome, States, Writer, ensure, refused, same};
use crate::backend::{Error, Serial, Snapshot};
use crate::record::{Change, Edit, Operation, Outcome as Ending, Resource, ResourceKey};

/// More rows than any limit of a statement or a request that a backend may have to mind.
const MANY: usize = 5_000;

pub(super) async fn check(states: &dyn States) -> Outcome {
    never_written(states).await?;
    rows_read_back(states).await?;
    the_last_edit_counts(states).await?;
    deposed_objects_stand_beside_current_ones(states).await?;
    special_values(states).await?;
    all_or_nothing(states).await?;
    the_journal(states).await?;
    the_journal_within_a_commit(states).await?;
    many_rows(states).await
}

fn put(resource: Resource) -> Edit {
    Edit::PutResource(Box::new(resource))
}

fn keys(snapshot: &Snapshot) -> Vec<&ResourceKey> {
    snapshot.resources.iter().map(|resource| &resource.key).collect()
}

/// Reading a state that was never written gives an empty one, and does not make it.
async fn never_written(states: &dyn States) -> Outcome {
    for _ in 0..2 {
        let state = states.open("never-written").await;
        let snapshot = state.load().await?;
        same("the lineage of a state never written", &&*snapshot.lineage, &"")?;
        same("its serial", &snapshot.serial, &Serial(0))?;
        ensure(snapshot.resources.is_empty() && snapshot.unfinished.is_empty(), || "it has rows".to_owned())?;
        ensure(state.runs(10).await?.is_empty(), || "it has runs".to_owned())?;
        ensure(state.changes("any").await?.is_empty(), || "it has changes".to_owned())?;
    }
    Ok(())
}

/// Every kind of row is read back as it was written, sorted.
async fn rows_read_back(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "rows").await?;
    let mut resources: Vec<Resource> = (0..50).map(resource).collect();
    resources[7] = changed(resource(7));
    resources[8].connection_config = None;
    resources[9].connection = None;
    resources[9].connection_config = None;
    let mut edits: Vec<Edit> = resources.iter().rev().cloned().map(put).collect();
    let decisions = [decision("api", "image"), decision("api", "replicas"), decision("shop", "replicas")];
    edits.extend(decisions.iter().rev().cloned().map(Edit::PutDecision));
    let outputs = [output("token"), output("url")];
    edits.extend(outputs.iter().rev().cloned().map(Edit::PutOutput));
    writer.commit(&edits).await?;

    let seen = writer.seen(states, "rows").await?;
    resources.sort_by(|left, right| left.key.cmp(&right.key));
    same("the resources", &seen.resources, &resources)?;
    same("the decisions", &seen.decisions, &decisions.to_vec())?;
    same("the outputs", &seen.outputs, &outputs.to_vec())?;
    ensure(!seen.lineage.is_empty(), || "the lineage is empty".to_owned())?;
    writer.commit(&[]).await?;
    let later = writer.seen(states, "rows").await?;
    same("the lineage after another commit", &later.lineage, &seen.lineage)
}

/// Edits of the same row take effect in the order of the list, and in that of the commits.
async fn the_last_edit_counts(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "order").await?;
    let [one, two, three] = [1, 2, 3].map(resource);
    let remove = |resource: &Resource| Edit::RemoveResource(resource.key.clone());
    writer.commit(&[put(one.clone()), remove(&one), put(two.clone()), remove(&two), put(two.clone())]).await?;
    same("what was put, or removed and put", &keys(&writer.seen(states, "order").await?), &vec![&two.key])?;

    let removals = [
        remove(&two),
        Edit::PutDecision(decision("shop", "image")),
        Edit::PutOutput(output("url")),
        put(three.clone()),
        put(changed(three.clone())),
    ];
    writer.commit(&removals).await?;
    same("what was put last", &writer.seen(states, "order").await?.resources, &vec![changed(three)])?;

    let forget = Edit::RemoveDecision { subject: decision("shop", "image").subject, kind: "image".into() };
    writer.commit(&[forget, Edit::RemoveOutput("url".into()), remove(&one)]).await?;
    let seen = writer.seen(states, "order").await?;
    ensure(seen.decisions.is_empty() && seen.outputs.is_empty(), || "removed rows are still there".to_owned())
}

/// An object that was put aside has a row of its own at the same address.
async fn deposed_objects_stand_beside_current_ones(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "deposed").await?;
    let current = resource(1);
    let mut aside = changed(resource(1));
    aside.key.deposed = Some("4f1c".into());
    writer.commit(&[put(current.clone()), put(aside.clone())]).await?;
    same("both", &writer.seen(states, "deposed").await?.resources, &vec![current.clone(), aside.clone()])?;
    writer.commit(&[Edit::RemoveResource(aside.key)]).await?;
    same("the current one", &writer.seen(states, "deposed").await?.resources, &vec![current])
}

/// Nothing of an ephemeral value is kept; of an unknown one its type is, in the journal.
async fn special_values(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "special").await?;
    let mut object = resource(1);
    object.value = Value::object([("token", Value::string("x").mark(Marks::EPHEMERAL))]);
    let mut planned = resource(2);
    planned.value = Value::object([("ip", Value::unknown(Type::String).sensitive()), ("name", Value::string("a"))]);
    planned.identity = "".into();
    writer.commit(&[put(object.clone()), begin("run", Operation::Create, planned.clone())]).await?;
    let seen = writer.seen(states, "special").await?;
    object.value = Value::object([("token", Value::null(Type::String))]);
    same("an ephemeral value", &seen.resources, &vec![object])?;
    let unfinished: Vec<&Resource> = seen.unfinished.iter().map(|entry| &entry.resource).collect();
    same("a planned value", &unfinished, &vec![&planned])
}

/// A list of edits of which one cannot be carried out is not carried out at all.
async fn all_or_nothing(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "all-or-nothing").await?;
    writer.commit(&[put(resource(1))]).await?;
    let mut unknown = resource(2);
    unknown.value = Value::object([("ip", Value::unknown(Type::String))]);
    let edits = [Edit::RemoveResource(resource(1).key), put(resource(3)), put(unknown)];
    let result = writer.backend.commit(&writer.lease, writer.serial, &edits).await;
    refused("a commit of an unknown value", result, |error| matches!(error, Error::Unstorable { .. }))?;
    same("what is there", &writer.seen(states, "all-or-nothing").await?.resources, &vec![resource(1)])?;
    writer.commit(&[put(resource(3))]).await
}

/// A change stands in the journal until it ends; its outcome is applied as it leaves.
async fn the_journal(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "journal").await?;
    let [created, updated, deleted, failed, open] = [4, 3, 2, 1, 0].map(resource);
    let begun = [
        begin("run", Operation::Create, created.clone()),
        begin("run", Operation::Update, updated.clone()),
        begin("run", Operation::Delete, deleted.clone()),
        begin("run", Operation::Update, failed.clone()),
        begin("run", Operation::Create, open.clone()),
        begin("older", Operation::Delete, failed.clone()),
    ];
    let existing = [&updated, &deleted, &failed].map(|resource| put(resource.clone()));
    writer.commit(&[vec![Edit::PutRun(run("run"))], existing.to_vec(), begun.to_vec()].concat()).await?;
    let seen = writer.seen(states, "journal").await?;
    let entries: Vec<Edit> = seen.unfinished.into_iter().map(|entry| Edit::Begin(Box::new(entry))).collect();
    same("what is unfinished, in order", &entries, &begun.to_vec())?;

    let ended = [
        end("run", &deleted.key, Ending::Removed),
        end("run", &failed.key, Ending::Failed("no quota".to_owned())),
        end("run", &created.key, Ending::Put(Box::new(created.clone()))),
        end("run", &updated.key, Ending::Put(Box::new(changed(updated.clone())))),
    ];
    writer.commit(&ended).await?;
    let seen = writer.seen(states, "journal").await?;
    let unfinished: Vec<_> = seen.unfinished.iter().map(|entry| (&*entry.run, &entry.resource.key)).collect();
    same("what is still unfinished", &unfinished, &vec![("run", &open.key), ("older", &failed.key)])?;
    let mut expected = [created.clone(), changed(updated.clone()), failed.clone()];
    expected.sort_by(|left, right| left.key.cmp(&right.key));
    same("the outcomes", &seen.resources, &expected.to_vec())?;

    let change = |resource: &Resource, operation, failure: Option<&str>| Change {
        key: resource.key.clone(),
        operation: Some(operation),
        failure: failure.map(str::to_owned),
    };
    let log = vec![
        change(&deleted, Operation::Delete, None),
        change(&failed, Operation::Update, Some("no quota")),
        change(&created, Operation::Create, None),
        change(&updated, Operation::Update, None),
    ];
    same("the changes of the run", &writer.backend.changes("run").await?, &log)
}

/// Changes may begin and end in one commit, several of them of the same object.
async fn the_journal_within_a_commit(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "journal-within").await?;
    let (old, new) = (resource(1), changed(resource(1)));
    writer.commit(&[put(old.clone()), begin("run", Operation::Delete, old.clone())]).await?;
    let replaced = [
        Edit::PutRun(run("run")),
        end("run", &old.key, Ending::Removed),
        begin("run", Operation::Create, new.clone()),
        end("run", &old.key, Ending::Put(Box::new(new.clone()))),
        begin("run", Operation::Update, new.clone()),
        end("run", &resource(2).key, Ending::Removed),
    ];
    writer.commit(&replaced).await?;
    let seen = writer.seen(states, "journal-within").await?;
    same("the object", &seen.resources, &vec![new])?;
    let operations: Vec<Operation> = seen.unfinished.iter().map(|entry| entry.operation).collect();
    same("what is unfinished", &operations, &vec![Operation::Update])?;
    let changes = writer.backend.changes("run").await?;
    let operations: Vec<Option<Operation>> = changes.iter().map(|change| change.operation).collect();
    same("the changes", &operations, &vec![Some(Operation::Delete), Some(Operation::Create), None])
}

/// A commit of many edits is one commit.
async fn many_rows(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "many").await?;
    let edits: Vec<Edit> = (0..MANY).map(resource).map(put).collect();
    writer.commit(&edits).await?;
    same("how many are there", &writer.seen(states, "many").await?.resources.len(), &MANY)?;
    let removals: Vec<Edit> = (0..MANY).map(|number| Edit::RemoveResource(resource(number).key)).collect();
    writer.commit(&removals).await?;
    same("how many are left", &writer.seen(states, "many").await?.resources.len(), &0)
}
