//! Waiting until objects of a cluster are ready.
//!
//! All objects of a kind that are waited for at the same time are looked for on one list, which is
//! asked for again and again, ever less often. A list is asked for without a version, so that it
//! is never older than the question: an object that was just changed is seen with its change.

use std::time::Duration;

use jiff::Timestamp;
use portolan_lang::Value;
use portolan_provider::{Awaited, Error, ErrorKind, NotReady, Report, Waiting};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::discovery::{Kind, Missing};
use super::{ServerSession, api_version_of, parse_identity};
use crate::health::reasons::{last_events, reasons, waits_for_consumer};
use crate::health::{Health, State, can_be_unready, health};
use crate::identity::Identity;
use crate::manifest_of;
use crate::rollout::Rollout;

/// The pauses between two looks at an object grow with the time that it was waited for.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// How long an object is given before it is looked for reasons.
const SOON: Duration = Duration::from_secs(2);

/// How long it may take to find out why an object is not ready once its time is over.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Whether an object can be there and not be ready, and is to be waited for.
pub(super) fn is_awaited(object: &Value) -> bool {
    let Ok(manifest) = manifest_of(object) else { return false };
    let Some(identity) = Identity::of(&manifest) else { return false };
    let service_type = manifest.get("spec").and_then(|spec| spec.get("type"));
    let has_balancer = service_type.is_some_and(|service_type| service_type.as_str() == Some("LoadBalancer"));
    let is_plain_service = (&*identity.group, &*identity.kind) == ("", "Service") && !has_balancer;
    Rollout::of(object).waits && !is_plain_service && can_be_unready(&identity.group, &identity.kind)
}

/// An object while it is waited for.
struct Watched<'a> {
    session: &'a ServerSession,
    identity: Identity,
    kind: Kind,
    rollout: Rollout,
    begun: Instant,
}

/// How an object was found.
struct Seen {
    live: Json,
    health: Health,
}

impl ServerSession {
    /// Waits until an object is ready.
    pub(super) async fn wait(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), NotReady> {
        let begun = Instant::now();
        let rollout = Rollout::of(awaited.value);
        let goes_back = rollout.goes_back;
        let identity = parse_identity(awaited.identity)?;
        let asked = manifest_of(awaited.value).ok().and_then(|manifest| api_version_of(&manifest));
        let kind = self.kind(&identity, asked.as_deref()).await.map_err(Missing::error)?;
        let watched = Watched { session: self, identity, kind, rollout, begun };
        watched.wait(report).await.map_err(|error| NotReady { error, goes_back })
    }
}

impl Watched<'_> {
    fn timeout(&self) -> Duration {
        self.rollout.timeout(&self.identity.group, &self.identity.kind)
    }

    async fn wait(&self, report: Report<'_>) -> Result<(), Error> {
        let deadline = self.begun + self.timeout();
        let mut seen: Option<Seen> = None;
        let mut told: Option<Waiting> = None;
        let mut not_before = self.begun;
        loop {
            let Ok(looked) = timeout_at(deadline, self.look(not_before)).await else {
                return Err(self.too_late(seen, told).await);
            };
            let mut asked = Duration::ZERO;
            let waiting = match looked {
                Ok(found) if self.is_ready(&found).await => return Ok(()),
                Ok(found) if is_hopeless(found.health.state) => return Err(self.hopeless(&found).await),
                Ok(found) => {
                    let waiting = Waiting { why: found.health.why.clone(), reasons: self.reasons(&found).await };
                    seen = Some(found);
                    waiting
                }
                Err(error) if error.kind == ErrorKind::Transient => {
                    asked = error.retry_after.unwrap_or_default();
                    Waiting { why: error.message.clone(), reasons: Vec::new() }
                }
                Err(error) => return Err(error),
            };
            if told.as_ref() != Some(&waiting) {
                report(waiting.clone());
                told = Some(waiting);
            }
            let pause = (self.begun.elapsed() / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE).max(asked);
            if timeout_at(deadline, sleep(pause)).await.is_err() {
                return Err(self.too_late(seen, told).await);
            }
            not_before = self.begun.max(Instant::now().checked_sub(pause).unwrap_or(self.begun));
        }
    }

    async fn look(&self, not_before: Instant) -> Result<Seen, Error> {
        let Watched { session, identity, kind, .. } = self;
        let namespace = identity.namespace.as_deref();
        let listed = session.lists.find(&session.api, kind, namespace, &identity.name, not_before).await?;
        let live = match listed {
            Some(live) => Some(live),
            // Somebody may have taken its labels.
            None => session.live(kind, identity).await?,
        };
        let gone = || Error::failed(format!("{} is gone: somebody deleted it", session.shown(identity)));
        let live = live.ok_or_else(gone)?;
        Ok(Seen { health: health(&live, Timestamp::now()), live })
    }

    /// Whether nothing more will happen: it is ready, or stands still because somebody wants that,
    /// or something else has to come first.
    async fn is_ready(&self, found: &Seen) -> bool {
        match found.health.state {
            State::Ready | State::Suspended => true,
            State::Progressing if self.is_claim() => match &self.identity.namespace {
                Some(namespace) => {
                    waits_for_consumer(&found.live, &*self.session.lists.around(&self.session.api, namespace).await)
                }
                None => false,
            },
            _ => false,
        }
    }

    fn is_claim(&self) -> bool {
        (&*self.identity.group, &*self.identity.kind) == ("", "PersistentVolumeClaim")
    }

    async fn reasons(&self, found: &Seen) -> Vec<String> {
        match self.namespace_of_pods() {
            Some(namespace) if self.begun.elapsed() >= SOON => {
                let around = self.session.lists.around(&self.session.api, namespace).await;
                reasons(&found.live, &around, Timestamp::now())
            }
            _ => Vec::new(),
        }
    }

    /// The namespace of an object that runs pods.
    fn namespace_of_pods(&self) -> Option<&str> {
        let runs_pods = matches!(&*self.identity.group, "apps" | "batch")
            || self.identity.group.is_empty() && ["Pod", "ReplicationController"].contains(&&*self.identity.kind);
        self.identity.namespace.as_deref().filter(|_| runs_pods)
    }

    async fn too_late(&self, seen: Option<Seen>, told: Option<Waiting>) -> Error {
        let why = told.map_or_else(|| "it was not seen in time".to_owned(), |waiting| waiting.why);
        let lines = match &seen {
            Some(seen) => self.explained(seen).await,
            None => Vec::new(),
        };
        let head = format!("{why}, after {}", shown(self.timeout()));
        Error::failed(with_lines(head, &lines)).help("If it only needs longer, give it more time: timeout = \"10m\".")
    }

    async fn hopeless(&self, found: &Seen) -> Error {
        Error::failed(with_lines(found.health.why.clone(), &self.explained(found).await))
    }

    /// The reasons and the last events, as far as they can be had soon.
    async fn explained(&self, seen: &Seen) -> Vec<String> {
        let Some(namespace) = self.namespace_of_pods() else { return Vec::new() };
        let around = timeout(LAST_WORDS, self.session.lists.around(&self.session.api, namespace)).await;
        let Ok(around) = around else { return Vec::new() };
        let now = Timestamp::now();
        reasons(&seen.live, &around, now).into_iter().chain(last_events(&seen.live, &around, now)).collect()
    }
}

/// Whether waiting is of no use.
fn is_hopeless(state: State) -> bool {
    matches!(state, State::Failed | State::Terminating)
}

fn with_lines(head: String, lines: &[String]) -> String {
    lines.iter().fold(head, |text, line| format!("{text}\n  {line}"))
}

/// A duration for people: `45s`, `5m`, `1m30s`.
fn shown(duration: Duration) -> String {
    let (minutes, seconds) = (duration.as_secs() / 60, duration.as_secs() % 60);
    match (minutes, seconds) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}
