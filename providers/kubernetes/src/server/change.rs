//! Carrying out one change.

use portolan_lang::Value;
use portolan_provider::{Applied, Error};
use serde_json::{Value as Json, json};

use super::api::Target;
use super::discovery::{Kind, Missing};
use super::gone::{conditions, going, why_it_stays};
use super::looks::Looks;
use super::refusal::{Refusal, Trouble};
use super::rehearse::Purpose;
use super::whose::Whose;
use super::{ServerSession, Wish, observe, wire};
use crate::identity::Identity;
use crate::manifest_of;

/// How often a version is met that is gone by the time of the request.
const ATTEMPTS_TO_DELETE: usize = 10;

/// The groups whose pods are gone before they are.
const WORKLOADS: [&str; 2] = ["apps", "batch"];

impl ServerSession {
    /// Makes an object. One that is there already as it is wanted is what an earlier attempt left.
    pub(super) async fn create(&self, wish: Wish) -> Result<Applied, Error> {
        let kind = self.served(&wish).await?;
        match self.send(&wish, &kind, Purpose::Create, true).await {
            Ok(_) => {}
            Err(Trouble::Refused(refusal)) if refusal.is_conflict() => self.is_left_by_us(&wish, &kind).await?,
            Err(Trouble::Refused(refusal)) => return Err(self.refused(&wish, refusal).await),
            Err(trouble) => return Err(trouble.error(&self.shown(&wish.identity))),
        }
        if wish.identity.kind == "CustomResourceDefinition" {
            self.is_established(&wish, &kind).await?;
        }
        Ok(wish.applied())
    }

    /// The kind of what is to be made, which may just have been declared.
    async fn served(&self, wish: &Wish) -> Result<Kind, Error> {
        match self.kind(&wish.identity, Some(&wish.api_version)).await {
            Err(Missing::Unknown { may_come: true, .. }) => {
                self.discovery.forget();
                self.kind(&wish.identity, Some(&wish.api_version)).await.map_err(Missing::error)
            }
            found => found.map_err(Missing::error),
        }
    }

    async fn is_left_by_us(&self, wish: &Wish, kind: &Kind) -> Result<(), Error> {
        let shown = self.shown(&wish.identity);
        let Some(live) = self.live(kind, &wish.identity).await? else {
            return Err(Error::transient(format!("{shown} came and went while it was made")));
        };
        if let Some(going) = going(&live) {
            return Err(Error::transient(format!("{shown} is still being deleted: {going}")));
        }
        let whose = Whose::of(&live, &self.owner);
        let is_wanted = whose == Whose::Ours && self.observed(wish, &live).is_none();
        if is_wanted { Ok(()) } else { Err(self.is_there(wish, &whose)) }
    }

    /// What of the manifest is otherwise in a live object.
    fn observed(&self, wish: &Wish, live: &Json) -> Option<Value> {
        observe(&wire::with_data(&wish.manifest), live).changed
    }

    /// Changes an object that is as `prior` says.
    pub(super) async fn update(&self, wish: Wish, prior: &Value) -> Result<Applied, Error> {
        let shown = self.shown(&wish.identity);
        let kind = self.kind(&wish.identity, Some(&wish.api_version)).await.map_err(Missing::error)?;
        let Some(live) = self.live(&kind, &wish.identity).await? else {
            return Err(Error::conflict(format!("{shown} is gone")));
        };
        if let Some(going) = going(&live) {
            return Err(Error::conflict(format!("{shown} is being deleted: {going}")));
        }
        if let other @ Whose::OtherRecord(_) = Whose::of(&live, &self.owner) {
            return Err(Error::conflict(format!("{shown} is not ours any more: {}", other.told())));
        }
        if wish.force
            && self.observed(&wish, &live).is_some()
            && self.is_otherwise(&wish, &manifest_of(prior)?, &live).await
        {
            return Err(Error::conflict(format!("{shown} was changed meanwhile")));
        }
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        match self.send(&wish, &kind, Purpose::Update(uid), true).await {
            Ok(_) => Ok(wish.applied()),
            Err(Trouble::Refused(refusal)) => Err(self.refused(&wish, refusal).await),
            Err(trouble) => Err(trouble.error(&shown)),
        }
    }

    /// Whether a live object is otherwise than it was when it was read.
    async fn is_otherwise(&self, wish: &Wish, prior: &Value, live: &Json) -> bool {
        let kind = self.kind(&wish.identity, None).await.ok();
        match kind {
            Some(kind) => self.settle(&wish.identity, &kind, prior, live).await.changed.is_some(),
            None => true,
        }
    }

    /// Takes away an object that is ours. Of a workload the pods go first. The answer is whether the
    /// object is still on its way.
    pub(super) async fn delete(&self, identity: &Identity, prior: &Value) -> Result<bool, Error> {
        // What is served no more is gone.
        let Some(kind) = self.recorded_kind(identity, prior).await? else { return Ok(false) };
        // Of an object whose status changes all the time, the version has to be met.
        for _ in 0..ATTEMPTS_TO_DELETE {
            let Some(live) = self.live(&kind, identity).await? else { return Ok(false) };
            self.may_delete(identity, &live)?;
            if going(&live).is_some() {
                return Ok(true);
            }
            match self.ask_to_delete(identity, &kind, &live).await? {
                Deletion::Done => return Ok(false),
                Deletion::Begun => return Ok(true),
                Deletion::Changed => {}
            }
        }
        Err(Error::transient(format!("{} changes while it is deleted", self.shown(identity))))
    }

    /// The kind of an object as it was recorded, in another version where that one is not served any
    /// more; `None` where the kind is not.
    pub(super) async fn recorded_kind(&self, identity: &Identity, prior: &Value) -> Result<Option<Kind>, Error> {
        let api_version = super::api_version_of(&manifest_of(prior)?);
        let found = match self.kind(identity, api_version.as_deref()).await {
            Err(Missing::OtherVersion(_)) => self.kind(identity, None).await,
            found => found,
        };
        match found {
            Err(Missing::Unknown { .. }) => Ok(None),
            found => found.map(Some).map_err(Missing::error),
        }
    }

    fn may_delete(&self, identity: &Identity, live: &Json) -> Result<(), Error> {
        match Whose::of(live, &self.owner) {
            Whose::Ours => Ok(()),
            whose => Err(Error::conflict(format!("{} is left alone: {}", self.shown(identity), whose.told()))
                .help("Take it out of the record with a `removed` block that says `destroy = false`.")),
        }
    }

    /// Asks the server to delete an object as it is now.
    async fn ask_to_delete(&self, identity: &Identity, kind: &Kind, live: &Json) -> Result<Deletion, Error> {
        let policy = if WORKLOADS.contains(&&*identity.group) { "Foreground" } else { "Background" };
        let metadata = &live["metadata"];
        let options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": policy,
            "preconditions": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
        });
        let target = kind.object(identity.namespace.as_deref(), &identity.name);
        match self.api.delete(&target, &options).await {
            Ok(answer) if answer.json().is_ok_and(|answer| answer["kind"] == "Status") => Ok(Deletion::Done),
            Ok(_) => Ok(Deletion::Begun),
            Err(Trouble::Refused(refusal)) if refusal.code == 404 => Ok(Deletion::Done),
            Err(Trouble::Refused(refusal)) if refusal.is_conflict() => Ok(Deletion::Changed),
            Err(trouble) => Err(trouble.error(&self.shown(identity))),
        }
    }

    /// Waits until the kind that a definition declares is served.
    async fn is_established(&self, wish: &Wish, kind: &Kind) -> Result<(), Error> {
        let spec = wish.manifest.get("spec").map(|spec| spec.to_json()).unwrap_or_default();
        let version = spec["versions"].as_array().into_iter().flatten().find(|version| version["served"] == true);
        let version = version.map_or(&spec["version"], |version| &version["name"]);
        let path =
            format!("/apis/{}/{}", spec["group"].as_str().unwrap_or_default(), version.as_str().unwrap_or_default());
        let mut looks = Looks::new();
        loop {
            let live = self.live(kind, &wish.identity).await?.unwrap_or_default();
            let holds = |name: &str| {
                let conditions = live["status"]["conditions"].as_array();
                conditions
                    .into_iter()
                    .flatten()
                    .any(|condition| condition["type"] == name && condition["status"] == "True")
            };
            if holds("Established") && self.api.get(&Target::path(path.clone())).await.is_ok() {
                self.discovery.forget();
                return Ok(());
            }
            if !looks.wait().await {
                let message = format!("{} is not served: {}", self.shown(&wish.identity), conditions(&live));
                return Err(Error::failed(message).left_behind(wish.object.clone()));
            }
        }
    }

    /// The error of a refused apply.
    pub(super) async fn refused(&self, wish: &Wish, refusal: Refusal) -> Error {
        let shown = self.shown(&wish.identity);
        let fields: Vec<String> = refusal.field_conflicts().map(conflict).collect();
        if !fields.is_empty() {
            let error = Error::conflict(format!("other managers own fields of {shown}: {}", fields.join("; ")));
            return error.help("Leave the fields out of the manifest, or take them over with `force_conflicts = true`, in the object or in the `kubernetes` block of the cluster.");
        }
        if refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating") {
            return self.terminating(wish).await;
        }
        refusal.error(&shown)
    }

    /// The error for an object in a namespace that is going away.
    async fn terminating(&self, wish: &Wish) -> Error {
        let namespace = wish.identity.namespace.as_deref().unwrap_or_default();
        let live = self.api.find(&Target::path(format!("/api/v1/namespaces/{namespace}"))).await;
        let live = live.ok().flatten().unwrap_or_default();
        let why = why_it_stays(&live);
        let message =
            format!("{} cannot be made: the namespace {namespace} is being deleted: {why}", self.shown(&wish.identity));
        Error::conflict(message).help("Wait until the namespace is gone, or see to what its finalizers wait for.")
    }
}

/// What comes of asking to delete.
enum Deletion {
    Done,
    /// It goes once what it waits for is done.
    Begun,
    /// It is another version by now.
    Changed,
}

/// A field and the manager that owns it, from a message such as `conflict with "kubectl-edit"
/// using apps/v1`.
fn conflict(cause: &super::refusal::Cause) -> String {
    let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message);
    format!("{} is owned by {manager:?}", cause.field.trim_start_matches('.'))
}
