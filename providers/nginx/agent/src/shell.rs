//! The shell: what happens is told to the heart, and what that says is done.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portolan_fleet::{Addresses, Known, Report, Store};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::Options;
use crate::bring::Bringer;
use crate::follow::Following;
use crate::heart::{Action, Event, Heart, Outcome};
use crate::nginx::Nginx;
use crate::report::{Reported, keep_reporting};
use crate::table::Table;
use crate::tree::Tree;
use crate::watch::{News, watch as watch_etcd};

/// How long the last report may take when the agent ends.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long changes of pods are gathered before nginx is to know.
const FOLLOW: Duration = Duration::from_millis(20);

/// How long nobody wakes up where nothing is to be expected.
const LONG: Duration = Duration::from_secs(3600);

/// Runs an agent until `stop` tells that it is enough. `say` is told what happens, a line each.
///
/// # Errors
///
/// What keeps it from starting: the directory, or a program that is no nginx. Everything that
/// goes wrong later is reported and tried again.
pub async fn run(options: Options, mut stop: UnboundedReceiver<()>, say: impl Fn(&str)) -> io::Result<()> {
    let tree = Tree::open(&options.directory)?;
    let _lock = tree.lock()?;
    let table = Table::open(tree.root())?;
    let nginx = Nginx::new(&options.nginx, tree.root(), options.status);
    let version = nginx.version().await;
    let version = version.map_err(|error| io::Error::other(format!("{}: {error}", options.nginx.display())))?;
    let has_good = tree.good().is_some();
    say(&format!("{} works on {} with {version}", options.node, tree.root().display()));
    let (sender, mut news) = unbounded_channel();
    let renewal = Arc::new(Notify::new());
    let watching = {
        let (etcd, prefix) = (options.etcd.clone(), options.prefix.clone());
        tokio::spawn(watch_etcd(etcd, prefix, sender.clone(), renewal.clone()))
    };
    let (report, reported) = watch::channel::<Reported>((None, None));
    let reporting = tokio::spawn(keep_reporting(options.node.clone(), reported));
    let mut shell = Shell {
        bringer: Bringer { tree, nginx, table },
        agent: options.version.clone(),
        version,
        store: None,
        known: Known::new(),
        pods: FollowedPods::default(),
        report,
        sender,
        renewal,
        say: &say,
        lost: None,
    };
    let begun = Instant::now();
    let mut heart = Heart::new(options.node, has_good);
    loop {
        let wake = heart.wake().unwrap_or(LONG);
        let event = tokio::select! {
            told = news.recv() => match told {
                Some(told) => shell.take(told),
                None => break,
            },
            () = sleep_until(begun + wake) => Some(Event::Passed),
            () = sleep_until(shell.pods.due()) => shell.follow(),
            _ = stop.recv() => break,
        };
        let Some(event) = event else { continue };
        for action in heart.on(event, begun.elapsed()) {
            shell.act(action);
        }
    }
    watching.abort();
    drop(shell);
    // Where etcd is away, the lease ends by itself.
    let _ = timeout(FAREWELL, reporting).await;
    say("ended");
    Ok(())
}

/// Where the following of pods is.
#[derive(Default)]
struct FollowedPods {
    following: Following,
    /// Those that changed since the table was last written.
    changed: BTreeSet<String>,
    /// When it is to be written.
    due: Option<Instant>,
    /// Whether a release is being brought to nginx.
    is_bringing: bool,
}

impl FollowedPods {
    fn due(&self) -> Instant {
        self.due.unwrap_or_else(|| Instant::now() + LONG)
    }

    /// Notes that these changed.
    fn note(&mut self, changed: impl IntoIterator<Item = String>) {
        self.changed.extend(changed);
        self.due.get_or_insert_with(|| Instant::now() + FOLLOW);
    }
}

struct Shell<'a, Say> {
    bringer: Bringer,
    agent: String,
    version: String,
    store: Option<Store>,
    known: Known,
    pods: FollowedPods,
    report: watch::Sender<Reported>,
    sender: UnboundedSender<News>,
    /// Has etcd connected to once more.
    renewal: Arc<Notify>,
    say: &'a Say,
    /// Why etcd is not reached, as it was last told.
    lost: Option<String>,
}

impl<Say: Fn(&str)> Shell<'_, Say> {
    /// What news mean to the heart.
    fn take(&mut self, news: News) -> Option<Event> {
        match news {
            News::Event(event) => {
                if let Event::Brought(_, outcome) = &event {
                    self.brought();
                    if matches!(outcome, Outcome::Failed(_)) {
                        self.renewal.notify_one();
                    }
                }
                return Some(event);
            }
            News::Endpoints(changes, is_all) => self.learn(changes, is_all),
            News::Connected(store) => {
                if self.lost.take().is_some() {
                    (self.say)("what is published is followed again");
                }
                self.report.send_modify(|reported| reported.0 = Some((*store).clone()));
                self.store = Some(*store);
            }
            News::Lost(why) => {
                if self.lost.as_ref() != Some(&why) {
                    (self.say)(&format!("what is published cannot be followed: {why}"));
                }
                self.lost = Some(why);
            }
        }
        None
    }

    /// Takes in where pods are.
    fn learn(&mut self, changes: Vec<(String, Option<Addresses>)>, is_all: bool) {
        if is_all {
            let gone = std::mem::take(&mut self.known);
            self.pods.note(gone.into_keys());
        }
        for (name, found) in changes {
            match found {
                Some(found) => drop(self.known.insert(name.clone(), found)),
                None => drop(self.known.remove(&name)),
            }
            self.pods.note([name]);
        }
    }

    /// Has nginx ask the pods that are there now; the event, where the table is not enough.
    fn follow(&mut self) -> Option<Event> {
        self.pods.due = None;
        let changed = std::mem::take(&mut self.pods.changed);
        if let Err(error) = self.write_table(&changed) {
            (self.say)(&format!("the pods cannot be written: {error}"));
            return Some(Event::Endpoints);
        }
        // What is being brought may need what the tree before it did not.
        let needs_more = self.pods.is_bringing || self.pods.following.needs_more(&changed);
        needs_more.then_some(Event::Endpoints)
    }

    fn write_table(&mut self, changed: &BTreeSet<String>) -> io::Result<()> {
        let following = std::mem::take(&mut self.pods.following);
        self.pods.following = following.renewed(&self.bringer.tree)?;
        self.pods.following.follow(changed, &self.known, &self.bringer.table)
    }

    /// What was brought began with the pods of before.
    fn brought(&mut self) {
        self.pods.is_bringing = false;
        let following = std::mem::take(&mut self.pods.following).renewed(&self.bringer.tree);
        self.pods.following = following.unwrap_or_default();
        let pods = self.pods.following.pods();
        if let Err(error) = self.write_table(&pods) {
            (self.say)(&format!("the pods cannot be written: {error}"));
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Bring(release) => {
                self.pods.is_bringing = true;
                let (bringer, store, sender) = (self.bringer.clone(), self.store.clone(), self.sender.clone());
                let known = self.known.clone();
                tokio::spawn(async move {
                    let outcome = match store {
                        Some(store) => bringer.bring(&store, &release, &known).await,
                        None => Outcome::Failed("etcd is not reached".to_owned()),
                    };
                    let _ = sender.send(News::Event(Event::Brought(release, outcome)));
                });
            }
            Action::Look => {
                let (nginx, sender) = (self.bringer.nginx.clone(), self.sender.clone());
                tokio::spawn(async move {
                    let serves = nginx.serves().await.ok();
                    let _ = sender.send(News::Event(Event::Looked(serves)));
                });
            }
            Action::Report(report) => self.tell(*report),
        }
    }

    fn tell(&mut self, mut report: Report) {
        (self.say)(&line(&report));
        report.agent.clone_from(&self.agent);
        report.nginx.clone_from(&self.version);
        report.since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.report.send_modify(|reported| reported.1 = Some(report));
    }
}

/// A report, for the log.
fn line(report: &Report) -> String {
    let state = serde_json::to_value(report.state).ok().and_then(|state| state.as_str().map(str::to_owned));
    let mut line = format!("revision {}: {}", report.revision, state.unwrap_or_default().replace('_', " "));
    if !report.why.is_empty() {
        line.push_str(&format!(": {}", report.why));
    }
    for one in &report.quarantined {
        let words = if one.is_awaited { "" } else { "stays as it was: " };
        line.push_str(&format!("; {} {words}{}", one.unit, one.error));
    }
    line
}
