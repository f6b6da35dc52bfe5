//! Reading what is really there.
//!
//! One call of [`Session::read`] for each connection, all connections at the same time.

use std::sync::Arc;

use futures::future::join_all;
use portolan_lang::{Diagnostic, Diagnostics, Value};
use portolan_provider::{Error, Session, Wanted};
use portolan_state::Resource;
use rustc_hash::FxHashMap;

use crate::marks::{marked_like, same};
use crate::retry::pause_after;
use crate::sessions::{Sessions, diagnostic_of};

/// How a recorded object was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Live {
    /// As it is recorded, or it was not looked for.
    #[default]
    AsRecorded,
    /// Changed, to this.
    Changed(Value),
    /// It is not there any more.
    Gone,
}

impl Live {
    /// The object as it is; `None` where it is gone.
    pub fn value<'a>(&'a self, resource: &'a Resource) -> Option<&'a Value> {
        match self {
            Live::AsRecorded => Some(&resource.value),
            Live::Changed(value) => Some(value),
            Live::Gone => None,
        }
    }
}

/// How each of the recorded objects is found, in their order. An object that cannot be read is
/// an error, and is taken to be as recorded.
pub async fn read(sessions: &Sessions<'_>, resources: &[&Resource]) -> (Vec<Live>, Diagnostics) {
    let mut by_connection: FxHashMap<_, Vec<usize>> = FxHashMap::default();
    let mut places = Vec::new();
    for (at, resource) in resources.iter().enumerate() {
        let place = (&resource.provider, &resource.connection);
        let members = by_connection.entry(place).or_insert_with(|| {
            places.push(place);
            Vec::new()
        });
        members.push(at);
    }
    let batches = places.iter().filter_map(|place| by_connection.get(place));
    let answers = join_all(batches.map(|members| read_batch(sessions, resources, members))).await;
    let mut live = vec![Live::AsRecorded; resources.len()];
    let mut diagnostics = Diagnostics::new();
    for (found, problems) in answers {
        diagnostics.extend(problems);
        found.into_iter().for_each(|(at, found)| live[at] = found);
    }
    (live, diagnostics)
}

async fn read_batch(
    sessions: &Sessions<'_>,
    resources: &[&Resource],
    members: &[usize],
) -> (Vec<(usize, Live)>, Vec<Diagnostic>) {
    let session = match members.first() {
        Some(first) => sessions.of_resource(resources[*first]).await,
        None => return (Vec::new(), Vec::new()),
    };
    let session = match session {
        Ok(session) => session,
        Err(diagnostic) => return (Vec::new(), vec![diagnostic]),
    };
    let answers = read_all(&session, members.iter().map(|at| resources[*at])).await;
    let (mut live, mut problems) = (Vec::with_capacity(members.len()), Vec::new());
    for (at, answer) in members.iter().zip(answers) {
        match answer {
            Ok(found) => live.push((*at, compare(resources[*at], found))),
            Err(error) => {
                problems.push(diagnostic_of("Cannot read a recorded object", &error).of(&resources[*at].key.address))
            }
        }
    }
    (live, problems)
}

/// Reads these objects in one call; the answers are as many as the objects.
async fn read_all<'a>(
    session: &Arc<dyn Session>,
    resources: impl Iterator<Item = &'a Resource>,
) -> Vec<Result<Option<Value>, Error>> {
    let wanted = resources.map(|resource| Wanted {
        resource_type: resource.resource_type.clone(),
        identity: resource.identity.clone(),
        prior: Some(resource.value.unmark_deep()),
    });
    read_patiently(&**session, wanted.collect()).await
}

/// Reads objects in one call, and once more those that could not be read for a reason that may
/// go away by itself. The answers are as many as what is wanted.
pub(crate) async fn read_patiently(session: &dyn Session, wanted: Vec<Wanted>) -> Vec<Result<Option<Value>, Error>> {
    let mut answers = read_once(session, &wanted).await;
    for attempts in 1.. {
        let failed = |answer: &Result<Option<Value>, Error>| {
            answer.as_ref().err().and_then(|error| pause_after(attempts, error))
        };
        let Some(pause) = answers.iter().filter_map(failed).max() else { break };
        tokio::time::sleep(pause).await;
        let again: Vec<usize> = (0..answers.len()).filter(|at| failed(&answers[*at]).is_some()).collect();
        let wanted: Vec<Wanted> = again.iter().map(|at| wanted[*at].clone()).collect();
        let later = read_once(session, &wanted).await;
        again.into_iter().zip(later).for_each(|(at, answer)| answers[at] = answer);
    }
    answers
}

async fn read_once(session: &dyn Session, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
    let mut answers = session.read(wanted).await;
    answers.resize_with(wanted.len(), || Err(Error::failed("the provider gave no answer")));
    answers
}

fn compare(resource: &Resource, found: Option<Value>) -> Live {
    match found {
        None => Live::Gone,
        Some(value) if same(&value, &resource.value) => Live::AsRecorded,
        Some(value) => Live::Changed(marked_like(value, &resource.value)),
    }
}
