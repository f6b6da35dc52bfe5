//! Waiting until deleted objects of a cluster are gone. All of a kind are looked for on one list,
//! as those are that have yet to become ready.

use portolan_provider::{Awaited, Error, ErrorKind, Report, Waiting};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::discovery::Kind;
use super::looks::{Looks, PATIENCE};
use super::{ServerSession, parse_identity};
use crate::identity::Identity;

/// Kinds of which more than the metadata says why they stay.
const TELLING: [(&str, &str); 2] = [("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")];

impl ServerSession {
    /// Waits until an object is gone, or another one has its name.
    pub(super) async fn wait_until_gone(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), Error> {
        let identity = parse_identity(awaited.identity)?;
        let Some(kind) = self.recorded_kind(&identity, awaited.value).await? else { return Ok(()) };
        let mut looks = Looks::new();
        let mut told = String::new();
        let mut not_before = Instant::now();
        loop {
            let why = match self.look_for_going(&kind, &identity, not_before).await {
                Ok(live) => match live.filter(|live| going(live).is_some()) {
                    Some(live) => why_it_stays(&live),
                    None => return Ok(()),
                },
                Err(error) if error.kind == ErrorKind::Transient => error.message,
                Err(error) => return Err(error),
            };
            if told != why {
                report(Waiting { why: why.clone(), reasons: Vec::new() });
                told = why;
            }
            let pause = looks.pause();
            if !looks.wait().await {
                return Err(self.stays(&identity, &told));
            }
            not_before = not_before.max(Instant::now().checked_sub(pause).unwrap_or(not_before));
        }
    }

    async fn look_for_going(
        &self,
        kind: &Kind,
        identity: &Identity,
        not_before: Instant,
    ) -> Result<Option<Json>, Error> {
        let namespace = identity.namespace.as_deref();
        let tells_more = TELLING.contains(&(&*identity.group, &*identity.kind));
        let kind = &if tells_more { kind.clone() } else { kind.metadata_only() };
        match self.lists.find(&self.api, kind, namespace, &identity.name, not_before).await {
            Err(error) if error.kind == ErrorKind::Transient => Err(error),
            // It may be that lists are not allowed, or that nothing of the kind is served any more.
            Err(_) => self.live(kind, identity).await,
            found => found,
        }
    }

    fn stays(&self, identity: &Identity, why: &str) -> Error {
        let message =
            format!("{} is still there {} s after it was deleted: {why}", self.shown(identity), PATIENCE.as_secs());
        Error::failed(message).help("See to what its finalizers wait for, then run this again.")
    }
}

/// What keeps an object that is being deleted, with what its conditions say of it.
pub(super) fn why_it_stays(live: &Json) -> String {
    let going = going(live).unwrap_or_else(|| "nobody says why".to_owned());
    let told = conditions(live);
    if told.is_empty() { going } else { format!("{going}; {told}") }
}

/// What an object that is being deleted waits for; `None` for one that is not.
pub(super) fn going(live: &Json) -> Option<String> {
    live["metadata"]["deletionTimestamp"].as_str()?;
    let named = |list: &Json| {
        list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let finalizers: Vec<String> =
        named(&live["metadata"]["finalizers"]).into_iter().chain(named(&live["spec"]["finalizers"])).collect();
    Some(match finalizers.is_empty() {
        true => "it has no finalizers".to_owned(),
        false => format!("it waits for its finalizers {}", finalizers.join(", ")),
    })
}

/// What the conditions of an object say that ask for attention.
pub(super) fn conditions(live: &Json) -> String {
    let all = live["status"]["conditions"].as_array().into_iter().flatten();
    let told = all.filter_map(|condition| {
        let message = condition["message"].as_str().filter(|message| !message.is_empty())?;
        (condition["status"] == "True" || condition["status"] == "False")
            .then(|| format!("{}: {message}", condition["type"].as_str().unwrap_or_default()))
    });
    told.collect::<Vec<_>>().join("; ")
}
