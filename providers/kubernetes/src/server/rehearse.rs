//! What a change would come to, found out by applying it for show (`dryRun=All`).
//!
//! The server admits, validates and merges as it would in earnest, and writes nothing. What it
//! could not yet know, because other changes come first, is no error here.

use portolan_lang::{AttributePath, Step, Value};
use portolan_provider::Error;
use serde_json::Value as Json;

use super::discovery::{Kind, Missing};
use super::refusal::{Cause, Refusal, Trouble};
use super::whose::{Whose, is_there};
use super::{MANAGER, ServerSession, Wish, wire};
use crate::manifest::ATTRIBUTE;

/// The version of an object that never is one: it stands where an object must not be there.
const NEVER: &str = "1";

/// Why an object is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'a> {
    /// It must not be there yet.
    Create,
    /// It is there, under this uid.
    Update(&'a str),
    /// It does not matter whether it is there.
    Show,
}

impl ServerSession {
    /// Sends a server-side apply.
    pub(super) async fn send(
        &self,
        wish: &Wish,
        kind: &Kind,
        purpose: Purpose<'_>,
        in_earnest: bool,
    ) -> Result<Json, Trouble> {
        let object = wire::object(&wish.manifest, &kind.api_version, &self.owner);
        let target = kind.object(wish.identity.namespace.as_deref(), &wish.identity.name).with("fieldManager", MANAGER);
        let target = if wish.force { target.with("force", "true") } else { target };
        let target = if in_earnest { target } else { target.with("dryRun", "All") };
        let answer = match self.api.apply(&target, &with_condition(&object, purpose)).await {
            Err(Trouble::Refused(refusal)) if purpose == Purpose::Create && is_not_there(&refusal) => {
                self.api.apply(&target, &object).await?.json()?
            }
            answer => answer?.json()?,
        };
        if in_earnest {
            self.wrote(kind, &wish.identity, &answer);
        }
        Ok(answer)
    }

    /// Whether the object can be applied, and what would need a new one.
    pub(super) async fn rehearse(&self, wish: &Wish, is_there: bool) -> Result<Vec<AttributePath>, Error> {
        let kind = match self.kind(&wish.identity, Some(&wish.api_version)).await {
            Ok(kind) => kind,
            Err(Missing::Unknown { may_come: true, .. }) if !is_there => return Ok(Vec::new()),
            Err(missing) => return Err(missing.error()),
        };
        let purpose = if is_there { Purpose::Show } else { Purpose::Create };
        match self.send(wish, &kind, purpose, false).await {
            Ok(_) => Ok(Vec::new()),
            Err(Trouble::Refused(refusal)) => self.judge(wish, &kind, is_there, refusal).await,
            Err(trouble) => Err(trouble.error(&self.shown(&wish.identity))),
        }
    }

    async fn judge(
        &self,
        wish: &Wish,
        kind: &Kind,
        is_there: bool,
        refusal: Refusal,
    ) -> Result<Vec<AttributePath>, Error> {
        if is_for_later(&refusal) {
            return Ok(Vec::new());
        }
        if is_there && refusal.code == 422 {
            let replaced = immutable_fields(&refusal, &wish.manifest);
            if !replaced.is_empty() {
                return Ok(replaced);
            }
        }
        if !is_there && let Some(live) = self.live(kind, &wish.identity).await? {
            return match Whose::of(&live, &self.owner) {
                // The object that this one takes the place of; it is gone by then.
                Whose::Ours => Ok(Vec::new()),
                other => Err(self.is_there(wish, &other)),
            };
        }
        Err(self.refused(wish, refusal).await)
    }

    pub(super) fn is_there(&self, wish: &Wish, whose: &Whose) -> Error {
        is_there(&self.shown(&wish.identity), whose, &wish.identity.to_string())
    }
}

/// The object with what has to hold of the one that is there.
fn with_condition(object: &Json, purpose: Purpose<'_>) -> Json {
    let mut object = object.clone();
    match purpose {
        Purpose::Create => object["metadata"]["resourceVersion"] = NEVER.into(),
        Purpose::Update(uid) => object["metadata"]["uid"] = uid.into(),
        Purpose::Show => {}
    }
    object
}

/// Old servers do not let the condition of a creation pass for a few kinds, Services among them.
/// That they come to say so tells that there is no such object.
fn is_not_there(refusal: &Refusal) -> bool {
    refusal.message.contains("resourceVersion should not be set on objects to be created")
}

/// Whether other changes of the same plan may do away with what stands against this one.
fn is_for_later(refusal: &Refusal) -> bool {
    let message = &refusal.message;
    match refusal.code {
        // The namespace is not there yet.
        404 => true,
        // A webhook that cannot be asked for show.
        400 => message.contains("dry run") || message.contains("dryRun"),
        403 => message.contains("exceeded quota"),
        _ => false,
    }
}

/// The fields that cannot be changed in place, as the server says.
fn immutable_fields(refusal: &Refusal, manifest: &Value) -> Vec<AttributePath> {
    const WORDS: [&str; 6] = [
        "field is immutable",
        "may not be changed",
        "may not change",
        "cannot be changed",
        "updates to",
        "is immutable",
    ];
    let is_fixed = |cause: &&Cause| WORDS.iter().any(|word| cause.message.contains(word));
    let mut paths: Vec<AttributePath> =
        refusal.causes.iter().filter(is_fixed).map(|cause| path_in(manifest, &cause.field)).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The part of a path, as servers write it, that leads into the manifest.
fn path_in(manifest: &Value, field: &str) -> AttributePath {
    let mut path = AttributePath::attribute(ATTRIBUTE);
    let mut at = manifest.clone();
    for name in field.split('.').filter(|name| !name.is_empty()) {
        let (name, index) = name.split_once('[').map_or((name, None), |(name, rest)| (name, Some(rest)));
        let Some(inner) = at.get(name) else { break };
        path.push(Step::Attribute(name.into()));
        at = inner;
        let Some(index) = index.and_then(|index| index.trim_end_matches(']').parse::<usize>().ok()) else { continue };
        let Some(inner) = at.items().and_then(|items| items.get(index)).cloned() else { break };
        path.push(Step::Index(index));
        at = inner;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn what_is_immutable_is_found_in_the_manifest() {
        let cause =
            |field: &str, message: &str| Cause { field: field.into(), message: message.into(), ..Cause::default() };
        let refusal = Refusal {
            code: 422,
            causes: vec![
                cause("spec.selector", "Invalid value: x: field is immutable"),
                cause("spec.template.spec.containers[1].name", "Forbidden: may not be changed"),
                cause("spec", "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"),
                cause("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
            ],
            ..Refusal::default()
        };
        let manifest =
            yaml::read("{spec: {selector: {}, template: {spec: {containers: [{name: a}]}}}}").expect("a manifest");
        let found: Vec<String> = immutable_fields(&refusal, &manifest).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["manifest.spec", "manifest.spec.selector", "manifest.spec.template.spec.containers"]);
    }
}
