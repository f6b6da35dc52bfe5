//! The shell: what happens is told to the heart, and what that says is done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portolan_fleet::Store;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::heart::{Action, Event, Heart, Place};
use crate::{Cluster, Fleet, fleet, watch};

/// How long nobody wakes up where nothing is to be expected.
const LONG: Duration = Duration::from_secs(3600);

/// What those that watch tell.
pub(crate) enum News {
    /// Something is otherwise than before.
    Event(Event),
    /// A fleet is reached through this from now on.
    Connected(usize, Box<Store>),
    /// Something answers.
    Reached(String),
    /// Something does not answer, for this reason.
    Lost(String, String),
}

/// Tells fleets of the pods of clusters until `stop` tells that it is enough. `say` is told what
/// happens, a line each. Whatever goes wrong is told and tried again.
pub async fn run(clusters: Vec<Cluster>, fleets: Vec<Fleet>, mut stop: UnboundedReceiver<()>, say: impl Fn(&str)) {
    let (sender, mut news) = unbounded_channel();
    let mut heart = Heart::new(fleets.len());
    let names = fleets.iter().map(|fleet| fleet.address.clone()).collect();
    let watching = fleets.into_iter().enumerate().map(|(at, one)| tokio::spawn(fleet::watch(at, one, sender.clone())));
    let watching: Vec<JoinHandle<()>> = watching.collect();
    let clusters = clusters.into_iter().map(|cluster| (cluster.address.clone(), cluster)).collect();
    let mut shell = Shell {
        clusters,
        names,
        stores: BTreeMap::new(),
        places: BTreeMap::new(),
        lost: BTreeMap::new(),
        sender,
        say: &say,
    };
    let begun = Instant::now();
    loop {
        let wake = heart.wake().unwrap_or(LONG).max(begun.elapsed());
        let event = tokio::select! {
            told = news.recv() => match told {
                Some(told) => shell.take(told),
                None => break,
            },
            () = sleep_until(begun + wake) => Some(Event::Passed),
            _ = stop.recv() => break,
        };
        let Some(event) = event else { continue };
        for action in heart.on(event, begun.elapsed()) {
            shell.act(action);
        }
    }
    watching.iter().chain(shell.places.values()).for_each(JoinHandle::abort);
    say("ended");
}

struct Shell<'a, Say> {
    clusters: BTreeMap<String, Cluster>,
    /// The fleets.
    names: Vec<String>,
    stores: BTreeMap<usize, Store>,
    /// Who watches what.
    places: BTreeMap<Place, JoinHandle<()>>,
    /// What does not answer, and why, as it was last told.
    lost: BTreeMap<String, String>,
    sender: UnboundedSender<News>,
    say: &'a Say,
}

impl<Say: Fn(&str)> Shell<'_, Say> {
    /// What news mean to the heart.
    fn take(&mut self, news: News) -> Option<Event> {
        match news {
            News::Event(event) => return Some(event),
            News::Connected(at, store) => drop(self.stores.insert(at, *store)),
            News::Reached(what) => {
                let words = if self.lost.remove(&what).is_some() { "is reached again" } else { "is watched" };
                (self.say)(&format!("{what} {words}"));
            }
            News::Lost(what, why) => {
                if self.lost.get(&what) != Some(&why) {
                    (self.say)(&format!("{what} is not reached, and stays as it is: {why}"));
                }
                self.lost.insert(what, why);
            }
        }
        None
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Watch(place, services) => self.watch(place, services),
            Action::Leave(place) => {
                if let Some(watching) = self.places.remove(&place) {
                    watching.abort();
                }
            }
            Action::Write(at, changes) => {
                let name = self.names.get(at).cloned().unwrap_or_default();
                (self.say)(&format!("{name}: {} of its services have other pods", changes.len()));
                let (store, sender) = (self.stores.get(&at).cloned(), self.sender.clone());
                tokio::spawn(async move {
                    let written = match store {
                        Some(store) => fleet::write(&store, &changes).await,
                        None => Ok(()),
                    };
                    let is_done = written.is_ok();
                    if let Err(error) = written {
                        let _ = sender.send(News::Lost(name, error.message));
                    }
                    let _ = sender.send(News::Event(Event::Written(at, is_done)));
                });
            }
        }
    }

    fn watch(&mut self, place: Place, services: BTreeSet<String>) {
        let Some(cluster) = self.clusters.get(&place.cluster) else {
            (self.say)(&format!("{} is needed, and not declared here", place.cluster));
            return;
        };
        let watching = tokio::spawn(watch::watch(cluster.clone(), place.clone(), services, self.sender.clone()));
        if let Some(before) = self.places.insert(place, watching) {
            before.abort();
        }
    }
}
