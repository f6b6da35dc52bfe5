//! What to watch, and what to write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portolan_fleet::{Addresses, Known, Pods};

use crate::slice::{Slice, addresses};

/// How often a fleet is written to at most.
const EVERY: Duration = Duration::from_millis(100);

/// How long to wait after a writing that failed.
const RETRY: Duration = Duration::from_secs(1);

/// How many keys are written at once: etcd takes 128 operations in a transaction by default.
const MOST: usize = 100;

/// A namespace of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The block of the cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
}

/// A key, and what is to stand there; `None` for nothing.
pub type Change = (String, Option<Addresses>);

/// Something that happened. Fleets go by their positions.
#[derive(Debug, Clone)]
pub enum Event {
    /// This is what a fleet's tree needs now.
    Needed(usize, BTreeSet<Pods>),
    /// This is what stands in etcd for a fleet.
    Stored(usize, Known),
    /// What was to be written to a fleet was, or was not.
    Written(usize, bool),
    /// These are all slices of these services of a place.
    Listed(Place, BTreeSet<String>, Vec<Slice>),
    /// These slices of a place are so now.
    Changed(Place, Vec<Slice>),
    /// A slice of a service of a place is gone.
    Gone(Place, Slice),
    /// Time has passed.
    Passed,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Watch the slices of these services of a place, and no others there any more.
    Watch(Place, BTreeSet<String>),
    /// Watch nothing there any more.
    Leave(Place),
    /// Write this to a fleet, all at once, and tell whether that was done.
    Write(usize, Vec<Change>),
}

/// Decides. Times are since the publisher was started.
#[derive(Debug)]
pub struct Heart {
    fleets: Vec<Fleet>,
    places: BTreeMap<Place, Watched>,
}

#[derive(Debug, Default)]
struct Fleet {
    /// What its tree needs, by place and service; `None` while that is not known.
    needs: Option<BTreeMap<(Place, String), BTreeSet<Pods>>>,
    /// What stands in etcd; `None` while that is not known.
    stored: Option<Known>,
    /// Of which services it may be otherwise than it stands there.
    dirty: BTreeSet<(Place, String)>,
    /// What stands there and is not needed any more.
    unneeded: BTreeSet<String>,
    writing: Option<Vec<Change>>,
    /// When it may be written to again.
    after: Duration,
}

/// What is known of a place.
#[derive(Debug, Default)]
struct Watched {
    /// What is watched.
    services: BTreeSet<String>,
    /// Of which of them it is known what there is.
    listed: BTreeSet<String>,
    /// The slices by service and name.
    slices: BTreeMap<String, BTreeMap<String, Slice>>,
}

impl Heart {
    /// For so many fleets.
    pub fn new(fleets: usize) -> Heart {
        Heart { fleets: (0..fleets).map(|_| Fleet::default()).collect(), places: BTreeMap::new() }
    }

    /// Takes in what happened and says what is to be done.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Needed(fleet, pods) => {
                self.need(fleet, pods);
                actions = self.watch();
            }
            Event::Stored(fleet, known) => self.fleet(fleet, |fleet| fleet.store(known)),
            Event::Written(fleet, is_done) => self.fleet(fleet, |fleet| fleet.written(is_done, now)),
            Event::Listed(place, services, slices) => self.list(place, services, slices),
            Event::Changed(place, slices) => self.change(&place, slices),
            Event::Gone(place, slice) => self.lose(&place, &slice),
            Event::Passed => {}
        }
        let places = &self.places;
        let writes = self.fleets.iter_mut().enumerate().filter_map(|(at, fleet)| {
            let changes = fleet.next(places, now)?;
            Some(Action::Write(at, changes))
        });
        actions.extend(writes);
        actions
    }

    /// When time matters next.
    pub fn wake(&self) -> Option<Duration> {
        let waits = |fleet: &&Fleet| fleet.writing.is_none() && fleet.stored.is_some() && fleet.has_work(&self.places);
        self.fleets.iter().filter(waits).map(|fleet| fleet.after).min()
    }

    fn fleet(&mut self, at: usize, act: impl FnOnce(&mut Fleet)) {
        if let Some(fleet) = self.fleets.get_mut(at) {
            act(fleet);
        }
    }

    fn need(&mut self, at: usize, pods: BTreeSet<Pods>) {
        let mut needs: BTreeMap<(Place, String), BTreeSet<Pods>> = BTreeMap::new();
        for one in pods {
            let place = Place { cluster: one.cluster.clone(), namespace: one.namespace.clone() };
            needs.entry((place, one.service.clone())).or_default().insert(one);
        }
        self.fleet(at, |fleet| {
            fleet.needs = Some(needs);
            fleet.compare();
        });
    }

    /// What is to be watched otherwise than it is.
    fn watch(&mut self) -> Vec<Action> {
        let mut wanted: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
        let needed = self.fleets.iter().filter_map(|fleet| fleet.needs.as_ref()).flat_map(BTreeMap::keys);
        for (place, service) in needed {
            wanted.entry(place.clone()).or_default().insert(service.clone());
        }
        let left: Vec<Place> = self.places.keys().filter(|place| !wanted.contains_key(*place)).cloned().collect();
        left.iter().for_each(|place| drop(self.places.remove(place)));
        let mut actions: Vec<Action> = left.into_iter().map(Action::Leave).collect();
        for (place, services) in wanted {
            let watched = self.places.entry(place.clone()).or_default();
            if watched.services != services {
                watched.services.clone_from(&services);
                // What is not watched any more may change unseen.
                watched.listed.retain(|service| services.contains(service));
                watched.slices.retain(|service, _| services.contains(service));
                actions.push(Action::Watch(place, services));
            }
        }
        actions
    }

    fn list(&mut self, place: Place, services: BTreeSet<String>, slices: Vec<Slice>) {
        let Some(watched) = self.places.get_mut(&place) else { return };
        let is_wanted = |service: &String| watched.services.contains(service);
        let services: BTreeSet<String> = services.into_iter().filter(is_wanted).collect();
        services.iter().for_each(|service| drop(watched.slices.remove(service)));
        for slice in slices.into_iter().filter(|slice| services.contains(&slice.service)) {
            watched.slices.entry(slice.service.clone()).or_default().insert(slice.name.clone(), slice);
        }
        watched.listed.extend(services.iter().cloned());
        services.into_iter().for_each(|service| self.touch(&place, service));
    }

    fn change(&mut self, place: &Place, slices: Vec<Slice>) {
        for slice in slices {
            let Some(watched) = self.places.get_mut(place) else { return };
            if watched.services.contains(&slice.service) {
                let service = slice.service.clone();
                watched.slices.entry(service.clone()).or_default().insert(slice.name.clone(), slice);
                self.touch(place, service);
            }
        }
    }

    fn lose(&mut self, place: &Place, slice: &Slice) {
        let slices = self.places.get_mut(place).and_then(|watched| watched.slices.get_mut(&slice.service));
        if slices.is_some_and(|slices| slices.remove(&slice.name).is_some()) {
            self.touch(place, slice.service.clone());
        }
    }

    fn touch(&mut self, place: &Place, service: String) {
        let key = (place.clone(), service);
        for fleet in &mut self.fleets {
            if fleet.needs.as_ref().is_some_and(|needs| needs.contains_key(&key)) {
                fleet.dirty.insert(key.clone());
            }
        }
    }
}

impl Fleet {
    fn store(&mut self, known: Known) {
        // What is being written may be there already or not.
        if self.writing.is_none() {
            self.stored = Some(known);
            self.compare();
        }
    }

    /// Looks at all of it once more.
    fn compare(&mut self) {
        let (Some(needs), Some(stored)) = (&self.needs, &self.stored) else { return };
        self.dirty = needs.keys().cloned().collect();
        let keys: BTreeSet<String> = needs.values().flatten().map(Pods::key).collect();
        self.unneeded = stored.keys().filter(|key| !keys.contains(*key)).cloned().collect();
    }

    fn written(&mut self, is_done: bool, now: Duration) {
        let changes = self.writing.take().unwrap_or_default();
        if !is_done {
            // Nobody knows what stands there; it is read again.
            (self.stored, self.after) = (None, now + RETRY);
            return;
        }
        for (key, found) in changes {
            self.unneeded.remove(&key);
            match (found, &mut self.stored) {
                (Some(found), Some(stored)) => drop(stored.insert(key, found)),
                (None, Some(stored)) => drop(stored.remove(&key)),
                _ => {}
            }
        }
    }

    fn has_work(&self, places: &BTreeMap<Place, Watched>) -> bool {
        !self.unneeded.is_empty() || self.dirty.iter().any(|key| is_listed(places, key))
    }

    /// What is to be written now.
    fn next(&mut self, places: &BTreeMap<Place, Watched>, now: Duration) -> Option<Vec<Change>> {
        if self.writing.is_some() || now < self.after {
            return None;
        }
        let (Some(needs), Some(stored)) = (&self.needs, &self.stored) else { return None };
        let mut changes: Vec<Change> = Vec::new();
        let ready: Vec<(Place, String)> = self.dirty.iter().filter(|key| is_listed(places, key)).cloned().collect();
        for key in ready {
            if changes.len() >= MOST {
                break;
            }
            for pods in needs.get(&key).into_iter().flatten() {
                let found = found(places, &key, &pods.port);
                if stored.get(&pods.key()) != Some(&found) {
                    changes.push((pods.key(), Some(found)));
                }
            }
            self.dirty.remove(&key);
        }
        let room = MOST.saturating_sub(changes.len());
        changes.extend(self.unneeded.iter().take(room).map(|key| (key.clone(), None)));
        if changes.is_empty() {
            return None;
        }
        self.after = now + EVERY;
        self.writing = Some(changes.clone());
        Some(changes)
    }
}

fn is_listed(places: &BTreeMap<Place, Watched>, (place, service): &(Place, String)) -> bool {
    places.get(place).is_some_and(|watched| watched.listed.contains(service))
}

fn found(places: &BTreeMap<Place, Watched>, (place, service): &(Place, String), port: &str) -> Addresses {
    let slices = places.get(place).and_then(|watched| watched.slices.get(service));
    let slices = slices.into_iter().flat_map(BTreeMap::values);
    Addresses::new(addresses(slices, port))
}

#[cfg(test)]
mod tests;
