//! Lists that are kept, and kept up to date by a watch each.
//!
//! A session that lives long reads again and again what hardly ever changes. Once it follows what it
//! reads, a list is asked for once; from its version on the server tells every change, and the list
//! is read from here. Where the server is not heard, nothing is taken from here: the next reading
//! asks for the list again, and fails where that fails.
//!
//! What was written by this session is known to be newer than what is kept, until the watch tells of
//! it: such an object is read by itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use portolan_provider::Changed;
use rand::Rng;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;

use super::api::{Api, Target};
use super::lists::{Collected, collect};
use super::read::{parse, place, place_of};
use super::refusal::Trouble;

/// How long a server may say nothing: it tells its version about once a minute. It is asked to go on
/// from there then, over a new connection if the old one is dead.
const SILENCE: Duration = Duration::from_secs(75);

/// How long a server is asked to go on with one watch, in seconds.
const LONGEST: &str = "290";

/// The longest line that is an event: 16 MiB.
const LONGEST_EVENT: u64 = 16 << 20;

/// The pauses between attempts to go on watching; each is shorter by chance, down to a half.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// The objects of a list as they were sent, by where they live.
pub(super) type Objects = HashMap<String, Arc<str>>;

/// The lists that a session follows.
pub(super) struct Followed {
    changed: Changed,
    /// By their addresses.
    lists: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Option<Kept>>>>>,
    /// The versions of what was written, by list and place, of which no watch has told yet.
    written: Arc<Mutex<HashMap<(String, String), String>>>,
}

impl Followed {
    pub(super) fn new(changed: Changed) -> Self {
        Followed { changed, lists: Mutex::default(), written: Arc::default() }
    }

    /// The objects of a list, without those that were written since.
    pub(super) async fn objects(&self, api: &Api, list: &Target) -> Result<Objects, Trouble> {
        let cell = lock(&self.lists).entry(list.to_string()).or_default().clone();
        let mut kept = cell.lock().await;
        let known = kept.as_ref().and_then(Kept::objects);
        let objects = match known {
            Some(mut objects) => {
                let written = lock(&self.written);
                let of_list = written.keys().filter(|(of, _)| *of == list.to_string());
                of_list.for_each(|(_, place)| drop(objects.remove(place)));
                objects
            }
            None => {
                // What is listed now is not older than what was written before.
                lock(&self.written).retain(|(of, _), _| *of != list.to_string());
                let news =
                    News { list: list.to_string(), changed: self.changed.clone(), written: self.written.clone() };
                let opened = Kept::open(api, list, news).await?;
                let objects = lock(&opened.state).objects.clone();
                *kept = Some(opened);
                objects
            }
        };
        Ok(objects)
    }

    /// Takes note of the version in which an object of one of these lists was written.
    pub(super) fn wrote(&self, lists: &[Target], namespace: Option<&str>, name: &str, version: &str) {
        let known = lock(&self.lists);
        for list in lists.iter().map(Target::to_string).filter(|list| known.contains_key(list)) {
            lock(&self.written).insert((list, place(namespace, name)), version.to_owned());
        }
    }
}

/// A list and the watch on it. The watch ends with this.
struct Kept {
    state: Arc<Mutex<State>>,
    watch: AbortHandle,
}

/// A list as far as it is known.
struct State {
    objects: Objects,
    /// The version up to which everything is known.
    version: String,
    /// Whether the server tells what changes.
    is_heard: bool,
}

/// Whom to tell of changes, and which of them are our own.
struct News {
    list: String,
    changed: Changed,
    written: Arc<Mutex<HashMap<(String, String), String>>>,
}

impl Kept {
    async fn open(api: &Api, list: &Target, news: News) -> Result<Kept, Trouble> {
        let Collected { objects, version } = collect(api, list).await?;
        let objects = objects.into_iter().map(|(place, item)| (place, Arc::from(item.get()))).collect();
        let state = Arc::new(Mutex::new(State { objects, version, is_heard: true }));
        let watcher = Watcher { api: api.clone(), list: list.clone(), state: state.clone(), news };
        let watch = tokio::spawn(watcher.run()).abort_handle();
        Ok(Kept { state, watch })
    }

    /// The objects, where they are known to be up to date.
    fn objects(&self) -> Option<Objects> {
        let state = lock(&self.state);
        state.is_heard.then(|| state.objects.clone())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// How a watch came to its end.
enum End {
    /// It can be gone on with.
    Over,
    /// The server has forgotten the version: the list has to be asked for anew.
    Forgotten,
}

struct Watcher {
    api: Api,
    list: Target,
    state: Arc<Mutex<State>>,
    news: News,
}

impl Watcher {
    /// Watches until the list has to be asked for anew.
    async fn run(self) {
        let mut failures = 0;
        loop {
            match self.watch(&mut failures).await {
                Ok(End::Over) => {}
                Ok(End::Forgotten) => break,
                Err(Trouble::Refused(refusal)) if refusal.code == 410 => break,
                Err(_) => {
                    lock(&self.state).is_heard = false;
                    failures += 1;
                    tokio::time::sleep(pause(failures)).await;
                }
            }
        }
        lock(&self.state).is_heard = false;
        (self.news.changed)();
    }

    /// One watch from the version that is known on. Where it begins, `failures` are over.
    async fn watch(&self, failures: &mut u32) -> Result<End, Trouble> {
        let version = lock(&self.state).version.clone();
        let target = self.list.clone().with("watch", "1").with("allowWatchBookmarks", "true");
        let target = target.with("timeoutSeconds", LONGEST).with("resourceVersion", &version);
        let mut stream = std::pin::pin!(self.api.in_time(self.api.stream(&target)).await?);
        lock(&self.state).is_heard = true;
        let mut told = 0;
        loop {
            match tokio::time::timeout(SILENCE, line(&mut stream)).await {
                Ok(Some(event)) => {
                    told += 1;
                    *failures = 0;
                    if let Some(end) = self.take(&event)? {
                        return Ok(end);
                    }
                }
                // Where it said nothing at all, it is not asked again at once.
                Ok(None) if told == 0 => {
                    return Err(Trouble::NoAnswer(portolan_provider::Error::transient("no events")));
                }
                Ok(None) | Err(_) => return Ok(End::Over),
            }
        }
    }

    /// What an event means for the list.
    fn take(&self, event: &str) -> Result<Option<End>, Trouble> {
        let Ok(event) = serde_json::from_str::<Event<'_>>(event) else { return Ok(Some(End::Forgotten)) };
        if event.kind == "ERROR" {
            return Ok(Some(End::Forgotten));
        }
        let version = parse::<Versioned>(event.object)?.metadata.resource_version;
        lock(&self.state).version.clone_from(&version);
        if event.kind == "BOOKMARK" {
            return Ok(None);
        }
        let place = place_of(event.object)?;
        let before = match &*event.kind {
            "DELETED" => lock(&self.state).objects.remove(&place),
            _ => lock(&self.state).objects.insert(place.clone(), Arc::from(event.object.get())),
        };
        let is_other =
            event.kind == "DELETED" || before.is_none_or(|before| counts(&before) != counts(event.object.get()));
        if !self.is_our_own(place, &version) && is_other {
            (self.news.changed)();
        }
        Ok(None)
    }

    /// Whether this is what we wrote. What we wrote and was passed by others is no longer noted.
    fn is_our_own(&self, place: String, version: &str) -> bool {
        let mut written = lock(&self.news.written);
        let key = (self.news.list.clone(), place);
        let Some(ours) = written.get(&key) else { return false };
        let is_ours = ours == version;
        if is_ours || has_passed(version, ours) {
            written.remove(&key);
        }
        is_ours
    }
}

/// Whether a version is not older than another one. Versions are numbers that rise; where they are
/// not, it cannot be told, and counts as so.
fn has_passed(version: &str, other: &str) -> bool {
    match (version.parse::<u64>(), other.parse::<u64>()) {
        (Ok(version), Ok(other)) => version >= other,
        _ => true,
    }
}

/// The next line; `None` where there is no more, or none that can be an event.
async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    let read = stream.take(LONGEST_EVENT).read_until(b'\n', &mut line).await.ok()?;
    let is_whole = read > 0 && line.last() == Some(&b'\n');
    String::from_utf8(line).ok().filter(|_| is_whole)
}

/// What of an object counts as a change: not its status, nor what every writing changes.
fn counts(object: &str) -> Option<Json> {
    let mut object: Json = serde_json::from_str(object).ok()?;
    object.as_object_mut()?.remove("status");
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    for name in ["generation", "managedFields", "resourceVersion"] {
        metadata.remove(name);
    }
    Some(object)
}

/// The pause after so many failures.
fn pause(failures: u32) -> Duration {
    let doubled = PAUSES.0.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(PAUSES.1).mul_f64(rand::rng().random_range(0.5..=1.0))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    resource_version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_as_a_change() {
        let object = |version: &str, key: &str, ready: u32| {
            format!(
                r#"{{"metadata":{{"name":"a","resourceVersion":"{version}"}},"data":{{"key":"{key}"}},"status":{{"ready":{ready}}}}}"#
            )
        };
        assert_eq!(counts(&object("1", "one", 0)), counts(&object("2", "one", 1)));
        assert_ne!(counts(&object("1", "one", 0)), counts(&object("2", "two", 0)));
        assert!(has_passed("10", "9") && !has_passed("9", "10") && has_passed("x", "y"));
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        assert!(pause(1) <= PAUSES.0 && pause(1) >= PAUSES.0 / 2);
        assert!(pause(u32::MAX) <= PAUSES.1 && pause(u32::MAX) >= PAUSES.1 / 2);
    }
}
