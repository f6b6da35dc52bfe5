//! Reading many objects with few requests.
//!
//! The objects of a kind that carry our labels are listed, whatever their number; what is not among
//! them is looked for, because somebody may have taken its labels: a few objects each by itself, many
//! on a list of what there is, of which the metadata are enough where they are not there.

use std::collections::HashMap;

use futures::stream::{FuturesUnordered, StreamExt};
use portolan_lang::Value;
use portolan_provider::{Error, Wanted};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::api::Target;
use super::discovery::{Kind, Missing};
use super::follow::Objects;
use super::lists::{collect, of_ours};
use super::observe::{Observed, observe};
use super::pages::{Next, Page, Pages};
use super::refusal::Trouble;
use super::rehearse::Purpose;
use super::whose::{Whose, declared};
use super::{ServerSession, Wish, api_version_of, found_object, parse_identity, wire};
use crate::identity::Identity;
use crate::manifest::OWNER_LABEL;
use crate::{manifest_of, object_of};

/// How many lists, and how many single objects, are asked for at the same time.
const LISTS: usize = 6;
const OBJECTS: usize = 16;

/// How many objects of a kind are asked for one by one.
const SINGLES: usize = 16;

type Answer = Result<Option<Value>, Error>;

/// An object that is looked for.
struct Sought {
    /// Its place in the batch.
    at: usize,
    identity: Identity,
    /// What was recorded of it.
    prior: Option<Value>,
}

/// The objects of a list that are looked for, by [`place`].
type Left = HashMap<String, Sought>;

pub(super) fn place(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or_default())
}

impl ServerSession {
    pub(super) async fn read_batch(&self, wanted: &[Wanted]) -> Vec<Answer> {
        if self.followed.get().is_some()
            && let Err(error) = self.is_the_same().await
        {
            return wanted.iter().map(|_| Err(error.clone())).collect();
        }
        let mut answers: Vec<Option<Answer>> = wanted.iter().map(|_| None).collect();
        let mut kinds: HashMap<(String, String, Option<String>), Vec<Sought>> = HashMap::new();
        for (at, one) in wanted.iter().enumerate() {
            match parse_identity(&one.identity) {
                Ok(identity) => {
                    let version = one.prior.as_ref().and_then(|prior| api_version_of(&manifest_of(prior).ok()?));
                    let key = (identity.group.clone(), identity.kind.clone(), version);
                    kinds.entry(key).or_default().push(Sought { at, identity, prior: one.prior.clone() });
                }
                Err(error) => answers[at] = Some(Err(error)),
            }
        }
        for found in
            at_once(LISTS, kinds.into_iter().map(|((_, _, version), sought)| self.read_kind(version, sought))).await
        {
            found.into_iter().for_each(|(at, answer)| answers[at] = Some(answer));
        }
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err(Error::failed("it was not looked for"))))
            .collect()
    }

    /// The objects of one kind.
    async fn read_kind(&self, version: Option<String>, sought: Vec<Sought>) -> Vec<(usize, Answer)> {
        let Some(first) = sought.first() else { return Vec::new() };
        let kind = match self.kind(&first.identity, version.as_deref()).await {
            Err(Missing::OtherVersion(_)) => self.kind(&first.identity, None).await,
            found => found,
        };
        let places: Vec<usize> = sought.iter().map(|one| one.at).collect();
        let all = |answer: Answer| places.iter().map(|at| (*at, answer.clone())).collect();
        let kind = match kind {
            Ok(kind) => kind,
            // A kind that is served no more has no objects.
            Err(Missing::Unknown { .. }) => return all(Ok(None)),
            Err(missing) => return all(Err(missing.error())),
        };
        let namespace = only_namespace(&sought);
        let mut left: Left =
            sought.into_iter().map(|one| (place(one.identity.namespace.as_deref(), &one.identity.name), one)).collect();
        match self.list(&kind, namespace.as_deref(), &mut left).await {
            Ok(mut answers) => {
                answers.extend(self.read_left(&kind, namespace.as_deref(), left).await);
                answers
            }
            Err(trouble) => all(Err(trouble.error(&format!("listing {} at {}", kind.plural, self.api.server)))),
        }
    }

    /// Lists the objects of a kind that are ours; those that are found are no longer among those that
    /// are left.
    async fn list(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        left: &mut Left,
    ) -> Result<Vec<(usize, Answer)>, Trouble> {
        let ours = of_ours(kind.list(namespace));
        let Some(followed) = self.followed.get() else { return self.list_all(ours, kind, left).await };
        let found = kept_in(&followed.objects(&self.api, &ours).await?, kind, left)?;
        Ok(at_once(OBJECTS, found.into_iter().map(|(one, live)| self.answer(kind, one, live))).await)
    }

    /// The same for a list that is asked for now.
    async fn list_all(&self, list: Target, kind: &Kind, left: &mut Left) -> Result<Vec<(usize, Answer)>, Trouble> {
        let mut pages = Pages::of(&self.api, list);
        let mut answers = Vec::with_capacity(left.len());
        loop {
            let answer = match pages.next().await? {
                Next::Page(answer) => answer,
                // What was found was there a moment ago.
                Next::Restarted => continue,
                Next::End => return Ok(answers),
            };
            let page: Page<'_> = answer.parse()?;
            let found = found_in(&page, kind, left)?;
            answers.extend(at_once(OBJECTS, found.into_iter().map(|(one, live)| self.answer(kind, one, live))).await);
            pages.continue_with(page.metadata);
        }
    }

    /// What is not among our objects: it is gone, or somebody took its labels.
    async fn read_left(&self, kind: &Kind, namespace: Option<&str>, left: Left) -> Vec<(usize, Answer)> {
        if left.len() <= SINGLES {
            return self.read_each(kind, left).await;
        }
        let there = match collect(&self.api, &kind.metadata_only().list(namespace)).await {
            Ok(there) => there.objects,
            Err(trouble) => {
                let error = trouble.error(&format!("listing {} at {}", kind.plural, self.api.server));
                return left.into_values().map(|one| (one.at, Err(error.clone()))).collect();
            }
        };
        let (mut left, gone): (Left, Left) = left.into_iter().partition(|(place, _)| there.contains_key(place));
        let mut answers: Vec<(usize, Answer)> = gone.into_values().map(|one| (one.at, Ok(None))).collect();
        if left.len() > SINGLES
            && let Ok(found) = self.list_all(kind.list(namespace), kind, &mut left).await
        {
            answers.extend(found);
        }
        answers.extend(self.read_each(kind, left).await);
        answers
    }

    async fn read_each(&self, kind: &Kind, left: Left) -> Vec<(usize, Answer)> {
        at_once(OBJECTS, left.into_values().map(|one| self.read_one(kind, one))).await
    }

    async fn read_one(&self, kind: &Kind, one: Sought) -> (usize, Answer) {
        match self.live(kind, &one.identity).await {
            Ok(Some(live)) => self.answer(kind, one, live).await,
            Ok(None) => (one.at, Ok(None)),
            Err(error) => (one.at, Err(error)),
        }
    }

    async fn answer(&self, kind: &Kind, one: Sought, live: Json) -> (usize, Answer) {
        (one.at, self.told_of(kind, &one, &live).await)
    }

    /// What is told of an object that was found.
    async fn told_of(&self, kind: &Kind, one: &Sought, live: &Json) -> Answer {
        let whose = Whose::of(live, &self.owner);
        let Some(prior) = &one.prior else {
            // Where nothing was recorded, what somebody else made is not what a killed run left.
            return Ok((whose == Whose::Ours).then(|| object_of(declared_by_us(live))));
        };
        if let Whose::OtherRecord(_) = whose {
            return Err(Error::conflict(format!(
                "{} is not ours any more: {}",
                self.shown(&one.identity),
                whose.told()
            ))
            .help("One of the two records has to let go of it: a `removed` block that says `destroy = false`."));
        }
        let manifest = manifest_of(prior)?;
        let mut observed = self.settle(&one.identity, kind, &manifest, live).await;
        if whose != Whose::Ours {
            observed.lost.insert(format!("metadata.labels[{OWNER_LABEL:?}]"), whose.told());
        }
        Ok(Some(found_object(prior, observed)))
    }

    /// What a live object makes of a manifest. Where it seems to differ, the server is asked what it
    /// would make of the manifest now: what stays as it is, is the server's way to say the same.
    pub(super) async fn settle(&self, identity: &Identity, kind: &Kind, manifest: &Value, live: &Json) -> Observed {
        let declared = wire::with_data(manifest);
        let observed = observe(&declared, live);
        let Some(changed) = &observed.changed else { return observed };
        let wish = Wish {
            identity: identity.clone(),
            api_version: kind.api_version.clone(),
            manifest: manifest.clone(),
            object: Value::FALSE,
            force: true,
        };
        let shown = self.send(&wish, kind, Purpose::Show, false).await.ok();
        let would_be = shown.and_then(|shown| observe(&declared, &shown).changed);
        let changed = (would_be.as_ref() != Some(changed)).then(|| wire::with_string_data(manifest, changed.clone()));
        Observed { changed, lost: observed.lost }
    }
}

/// What we own of an object of which nothing is recorded.
fn declared_by_us(live: &Json) -> Value {
    let head = ["apiVersion", "kind"].map(|name| (name, Value::from_json_untyped(&live[name])));
    let named = ["name", "namespace"].into_iter().filter_map(|name| Some((name, live["metadata"].get(name)?)));
    let metadata = Value::object(named.map(|(name, value)| (name, Value::from_json_untyped(value))));
    let skeleton = Value::object(head.into_iter().chain([("metadata", metadata)]));
    observe(&skeleton, live).changed.unwrap_or_else(|| declared(live))
}

/// Those objects of a page that are looked for.
fn found_in(page: &Page<'_>, kind: &Kind, left: &mut Left) -> Result<Vec<(Sought, Json)>, Trouble> {
    let mut found = Vec::new();
    for item in &page.items {
        let Some(one) = left.remove(&place_of(item)?) else { continue };
        found.push((one, of_kind(parse(item)?, kind)));
    }
    Ok(found)
}

/// Those of kept objects that are looked for.
fn kept_in(objects: &Objects, kind: &Kind, left: &mut Left) -> Result<Vec<(Sought, Json)>, Trouble> {
    let (there, rest): (Left, Left) = left.drain().partition(|(place, _)| objects.contains_key(place));
    *left = rest;
    let mut found = Vec::with_capacity(there.len());
    for (place, one) in there {
        let Some(item) = objects.get(&place) else { continue };
        let broken = |error| Error::transient(format!("an object cannot be read: {error}"));
        let live = serde_json::from_str(item).map_err(|error| Trouble::NoAnswer(broken(error)))?;
        found.push((one, of_kind(live, kind)));
    }
    Ok(found)
}

/// An item of a list with what it is, which a list does not say of each item.
fn of_kind(mut live: Json, kind: &Kind) -> Json {
    live["apiVersion"] = kind.api_version.as_str().into();
    live["kind"] = kind.name.as_str().into();
    live
}

/// The namespace that everything is in, if it is one.
fn only_namespace(sought: &[Sought]) -> Option<String> {
    let first = sought.first()?.identity.namespace.as_ref()?;
    sought.iter().all(|one| one.identity.namespace.as_ref() == Some(first)).then(|| first.clone())
}

/// What several tasks come to, so many of them at the same time.
pub(super) async fn at_once<F: Future>(limit: usize, tasks: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting = tasks;
    let mut running: FuturesUnordered<F> = waiting.by_ref().take(limit).collect();
    let mut done = Vec::new();
    while let Some(output) = running.next().await {
        done.push(output);
        running.extend(waiting.next());
    }
    done
}

/// Where an item of a list lives.
pub(super) fn place_of(item: &RawValue) -> Result<String, Trouble> {
    let head: Head<'_> = parse(item)?;
    Ok(place(head.metadata.namespace.as_deref(), &head.metadata.name))
}

pub(super) fn parse<'a, T: Deserialize<'a>>(item: &'a RawValue) -> Result<T, Trouble> {
    let broken = |error| Error::transient(format!("an item of a list cannot be read: {error}"));
    serde_json::from_str(item.get()).map_err(|error| Trouble::NoAnswer(broken(error)))
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: HeadMetadata<'a>,
}

#[derive(Deserialize)]
struct HeadMetadata<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Option<std::borrow::Cow<'a, str>>,
}
