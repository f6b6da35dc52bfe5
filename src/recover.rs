//! What a killed run left: changes that began and of which no outcome is recorded.
//!
//! Before anything is planned, each of them is looked for by the identity in its journal
//! entry, all those of a connection in one call. What was being created and is there is
//! recorded; what is not there is forgotten; what was being changed or deleted is recorded as
//! it is. So nothing is made twice, and nothing that was made is forgotten. Whether it is as it
//! ought to be is for the plan to say. What somebody else made in the place of what was being
//! created is left alone, and its creation will be refused.

use futures::future::join_all;
use portolan_lang::{Address, Diagnostic, Diagnostics, Value};
use portolan_provider::{Error, Session, Wanted, departures_from_plan};
use portolan_state::{Edit, JournalEntry, Operation, Outcome, Resource, ResourceStatus, Snapshot};
use rustc_hash::FxHashMap;

use crate::marks::marked_like;
use crate::refresh::read_patiently;
use crate::sessions::{Sessions, diagnostic_of};

/// What became of the unfinished changes: edits to commit before planning. An object that
/// cannot be read is an error, and its entry stays in the journal; so does that of one in a cluster
/// that is lost.
pub async fn recover(sessions: &Sessions<'_>, snapshot: &Snapshot) -> (Vec<Edit>, Diagnostics) {
    let lost = &sessions.desired().lost;
    let is_lost =
        |entry: &&JournalEntry| entry.resource.connection.as_ref().is_some_and(|connection| lost.contains(connection));
    // What could not be named before it was made cannot be found.
    let (named, nameless): (Vec<_>, Vec<_>) = snapshot
        .unfinished
        .iter()
        .filter(|entry| !is_lost(entry))
        .partition(|entry| !entry.resource.identity.is_empty());
    let killed = |entry: &JournalEntry| end(entry, Outcome::Failed("the run was ended in the middle".to_owned()));
    let mut edits: Vec<Edit> = nameless.into_iter().map(killed).collect();
    let mut diagnostics = Diagnostics::new();
    let mut by_connection: FxHashMap<(&str, Option<&Address>), Vec<&JournalEntry>> = FxHashMap::default();
    for entry in named {
        let place = (&*entry.resource.provider, entry.resource.connection.as_ref());
        by_connection.entry(place).or_default().push(entry);
    }
    for (found, problems) in join_all(by_connection.values().map(|entries| look(sessions, entries))).await {
        edits.extend(found);
        diagnostics.extend(problems);
    }
    (edits, diagnostics)
}

/// What was found of an object.
type Answer = Result<Option<Value>, Error>;

async fn look(sessions: &Sessions<'_>, entries: &[&JournalEntry]) -> (Vec<Edit>, Vec<Diagnostic>) {
    let opened = match entries.first() {
        Some(entry) => sessions.of_resource(&entry.resource).await,
        None => return (Vec::new(), Vec::new()),
    };
    let session = match opened {
        Ok(session) => session,
        Err(diagnostic) => return (Vec::new(), vec![diagnostic]),
    };
    let answers = read_patiently(&*session, entries.iter().map(|entry| wanted(entry)).collect()).await;
    let answers = if session.knows_its_own() { answers } else { as_planned(&*session, entries, answers).await };
    let (mut edits, mut problems) = (Vec::with_capacity(entries.len()), Vec::new());
    for (entry, answer) in entries.iter().zip(answers) {
        match answer {
            Ok(found) => edits.push(end(entry, outcome(&*session, entry, found))),
            Err(error) => problems.push(
                diagnostic_of("Cannot find out what became of an unfinished change", &error)
                    .of(&entry.resource.key.address)
                    .help("A run was ended while it changed this object. Once it can be read, run again."),
            ),
        }
    }
    (edits, problems)
}

/// Where a system does not tell who made an object, what is in the place of one that was being
/// created, and is otherwise than that was to be, is somebody else's: the object is not there. It is
/// read again beside what was planned, because there are many ways to write the same.
async fn as_planned(session: &dyn Session, entries: &[&JournalEntry], mut answers: Vec<Answer>) -> Vec<Answer> {
    let is_doubtful =
        |at: &usize| entries[*at].operation == Operation::Create && matches!(answers.get(*at), Some(Ok(Some(_))));
    let doubtful: Vec<usize> = (0..entries.len()).filter(is_doubtful).collect();
    let planned = |at: usize| entries[at].resource.value.unmark_deep();
    let again = doubtful.iter().map(|at| Wanted { prior: Some(planned(*at)), ..wanted(entries[*at]) });
    for (at, answer) in doubtful.iter().zip(read_patiently(session, again.collect()).await) {
        answers[*at] = answer.map(|found| found.filter(|found| departures_from_plan(&planned(*at), found).is_empty()));
    }
    answers
}

fn wanted(entry: &JournalEntry) -> Wanted {
    Wanted {
        resource_type: entry.resource.resource_type.clone(),
        identity: entry.resource.identity.clone(),
        prior: (entry.operation != Operation::Create).then(|| entry.resource.value.unmark_deep()),
    }
}

fn end(entry: &JournalEntry, outcome: Outcome) -> Edit {
    Edit::End { run: entry.run.clone(), key: entry.resource.key.clone(), outcome }
}

fn outcome(session: &dyn Session, entry: &JournalEntry, found: Option<Value>) -> Outcome {
    let Some(value) = found else {
        return match entry.operation {
            Operation::Create => Outcome::Failed("the run was ended before the object was made".to_owned()),
            Operation::Update | Operation::Delete => Outcome::Removed,
        };
    };
    let is_awaited = session.is_awaited(&entry.resource.resource_type, &value);
    let value = marked_like(value, &entry.resource.value);
    let status = match (entry.operation, entry.resource.status) {
        (Operation::Update | Operation::Delete, ResourceStatus::Tainted) => ResourceStatus::Tainted,
        (Operation::Create | Operation::Update, _) if is_awaited => ResourceStatus::Pending,
        (Operation::Create, _) => ResourceStatus::Ready,
        (Operation::Update | Operation::Delete, status) => status,
    };
    Outcome::Put(Box::new(Resource { value, status, ..entry.resource.clone() }))
}
