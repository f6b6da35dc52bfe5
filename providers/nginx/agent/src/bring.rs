//! Bringing a release to nginx, from etcd to the last worker.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use portolan_fleet::{Digest, Entry, Known, Manifest, Quarantined, Release, Store};
use portolan_provider::Error;
use tokio::time::Instant;

use crate::endpoints::{self, Placed, Sources};
use crate::heart::Outcome;
use crate::nginx::{Master, Nginx};
use crate::ports::{self, Files};
use crate::quarantine::{Objection, Search, Step};
use crate::table::{BESIDE, COUNTS, Table, load_modules};
use crate::tree::{Candidate, Kept, Tree, mixed};

/// Where nginx looks for what belongs to the agent.
const STATUS: &str = "agent.d/status.conf";

/// Brings releases to an nginx.
#[derive(Clone)]
pub(crate) struct Bringer {
    pub(crate) tree: Tree,
    pub(crate) nginx: Nginx,
    pub(crate) table: Table,
}

/// Why a release was not brought there.
enum Problem {
    Refused(String),
    Failed(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Failed(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::Failed(error.message)
    }
}

/// A tree that nginx takes, and how long it took to check it.
struct Checked {
    kept: Kept,
    /// The upstreams that stand in the table.
    followed: BTreeSet<String>,
    check: Duration,
}

impl Bringer {
    /// Brings a release there, as far as nginx takes it, with the addresses that are known of pods.
    pub(crate) async fn bring(&self, store: &Store, release: &Release, known: &Known) -> Outcome {
        if let Some(name) = self.is_there(release).await {
            let noted = self.tree.note_good(&name).map_err(|error| Outcome::Failed(error.to_string()));
            return noted.err().unwrap_or(Outcome::There { name, is_served: true, quarantined: Vec::new() });
        }
        let found = match self.prepare(store, release, known).await {
            Ok(checked) => self.settle(&checked).await.map_err(Problem::from),
            Err(problem) => Err(problem),
        };
        found.unwrap_or_else(|problem| match problem {
            Problem::Refused(why) => Outcome::Refused(why),
            Problem::Failed(why) => Outcome::Failed(why),
        })
    }

    /// The name of a release that is served whole, as after a restart of the agent.
    async fn is_there(&self, release: &Release) -> Option<String> {
        let current = self.tree.current()?;
        // Which pods there are is another question than what was published.
        let needs_pods = current.files.keys().any(|path| endpoints::is_need(path));
        let is_whole = current.release == *release && current.quarantined.is_empty() && !needs_pods;
        let serves = self.nginx.serves().await.ok().filter(|_| is_whole && self.nginx.master().is_some())?;
        (serves == current.name).then_some(current.name)
    }

    /// Puts together what nginx takes of a release.
    async fn prepare(&self, store: &Store, release: &Release, known: &Known) -> Result<Checked, Problem> {
        let manifest = store.manifest(release).await?;
        let manifest = manifest.ok_or_else(|| Problem::Failed("the manifest is not in etcd".to_owned()))?;
        let good = self.tree.good();
        let new = fetch(store, &manifest, good.as_ref()).await?;
        let mut candidate = Candidate::new(&self.tree, good.clone(), new)?;
        candidate.arrange(manifest.files.clone())?;
        let mut search = Search::new(changed(&manifest, good.as_ref()));
        let place = good.as_ref().map(|good| self.tree.place(good));
        loop {
            let begun = Instant::now();
            let placed = self.place(&candidate, place.as_deref(), known).await?;
            let answer = match &placed {
                Ok(placed) => {
                    self.add_own(&candidate, &release.name(), placed)?;
                    self.ask(&candidate).await?
                }
                Err(objection) => Err(objection.clone()),
            };
            let check = begun.elapsed();
            match search.on(answer) {
                Step::Try(keeps) => {
                    candidate.arrange(mixed(&manifest, good.as_ref(), |unit| keeps.contains(unit)))?;
                }
                Step::Refuse(words) => return Err(Problem::Refused(words)),
                Step::Accept(bad) => {
                    candidate.arrange(mixed(&manifest, good.as_ref(), |unit| bad.contains_key(unit)))?;
                    let placed = self.place(&candidate, place.as_deref(), known).await?;
                    let placed = placed.map_err(|objection| Problem::Refused(objection.words))?;
                    let kept = self.keep(&candidate, release, bad, &placed)?;
                    self.table.add(&placed.lines)?;
                    return Ok(Checked { kept, followed: placed.followed, check });
                }
            }
        }
    }

    /// Writes the servers of upstreams whose servers are pods, in the way that this nginx has.
    async fn place(
        &self,
        candidate: &Candidate,
        good: Option<&Path>,
        known: &Known,
    ) -> io::Result<Result<Placed, Objection>> {
        let needs_pods = candidate.placed().keys().any(|path| endpoints::is_need(path));
        let can_follow = needs_pods && self.nginx.can_follow(&load_modules(&main_file(candidate))).await?;
        endpoints::place(candidate, &Sources { good, known, table: can_follow.then_some(&self.table) })
    }

    /// Writes what belongs to the agent alone.
    fn add_own(&self, candidate: &Candidate, name: &str, placed: &Placed) -> io::Result<()> {
        let mut text = self.nginx.status_text(name);
        if !placed.followed.is_empty() {
            text.push_str(BESIDE);
            // nginx has one such block in a place, and that of the operator counts.
            text.push_str(if main_file(candidate).contains("log_by_lua") { "" } else { COUNTS });
        }
        candidate.add(STATUS, &text)
    }

    /// What speaks against a tree: nginx's words, with the unit that they name, or a port that is not free.
    async fn ask(&self, candidate: &Candidate) -> Result<Result<(), Objection>, Problem> {
        let folder = self.tree.candidate();
        let below = format!("{}/", folder.display());
        if let Err(words) = self.nginx.check(&folder).await? {
            let unit = named(&words, &below, candidate.placed());
            return Ok(Err(Objection { words: words.replace(&below, ""), unit }));
        }
        Ok(self.held(candidate).map_or(Ok(()), Err))
    }

    /// A port that another program holds. Where no nginx runs, there is none that could not take it yet.
    fn held(&self, candidate: &Candidate) -> Option<Objection> {
        self.nginx.master()?;
        let read: Vec<Kept> = [self.tree.current(), self.tree.good()].into_iter().flatten().collect();
        let folders: Vec<_> = read.iter().map(|kept| self.tree.place(kept)).collect();
        let read = read.iter().zip(&folders).map(|(kept, folder)| Files { folder, entries: &kept.files });
        let wanted = Files { folder: candidate.folder(), entries: candidate.placed() };
        ports::held(&wanted, &read.collect::<Vec<_>>())
    }

    fn keep(
        &self,
        candidate: &Candidate,
        release: &Release,
        bad: BTreeMap<String, String>,
        placed: &Placed,
    ) -> io::Result<Kept> {
        let files = candidate.placed().clone();
        let mut name = release.name();
        if !bad.is_empty() {
            let actual = Manifest { files: files.clone() }.digest();
            name = format!("{name}-q{}", &actual.short()[..8]);
        }
        if let Some(digest) = &placed.digest {
            name = format!("{name}-e{}", &digest.short()[..8]);
        }
        let quarantined = bad.into_iter().map(|(unit, error)| {
            let is_awaited = endpoints::is_awaited(&error);
            Quarantined { unit, error, is_awaited }
        });
        let quarantined = quarantined.collect();
        let kept = Kept { name, release: release.clone(), files, quarantined };
        self.add_own(candidate, &kept.name, placed)?;
        // What lies there under the same name is the same tree.
        if self.tree.current().as_ref() != Some(&kept) {
            self.tree.keep(&kept)?;
        }
        Ok(kept)
    }

    /// Lets nginx read a tree, and sees whether it comes to serve it.
    async fn settle(&self, checked: &Checked) -> io::Result<Outcome> {
        let kept = &checked.kept;
        let good = self.tree.good();
        self.tree.switch(Some(&kept.name))?;
        let there =
            |is_served| Outcome::There { name: kept.name.clone(), is_served, quarantined: kept.quarantined.clone() };
        let Some(master) = self.nginx.master() else { return Ok(there(false)) };
        // What was asked about once more may have come out the same.
        let is_served = self.nginx.serves().await.is_ok_and(|name| name == kept.name);
        let served = match is_served {
            true => Ok(()),
            false => self.reload(master, &kept.name, checked.check).await,
        };
        match served {
            Ok(()) => {
                self.tree.note_good(&kept.name)?;
                self.table.retain(&checked.followed)?;
                Ok(there(true))
            }
            Err(why) => self.roll_back(good.as_ref(), checked.check, why).await,
        }
    }

    async fn reload(&self, master: Master, name: &str, check: Duration) -> Result<(), String> {
        let (before, log_end) = (self.nginx.workers(master), self.nginx.log_end());
        self.nginx.reload(master).map_err(|error| format!("nginx cannot be told to reload: {error}"))?;
        self.nginx.comes_to_serve(name, &before, log_end, check).await
    }

    /// Goes back to what was good, on the disk and in the process.
    async fn roll_back(&self, good: Option<&Kept>, check: Duration, why: String) -> io::Result<Outcome> {
        self.tree.switch(good.map(|good| &*good.name))?;
        let (Some(good), Some(master)) = (good, self.nginx.master()) else { return Ok(Outcome::RolledBack(why)) };
        // A reload that nginx refused left its workers as they were.
        if self.nginx.serves().await.is_ok_and(|name| name == good.name) {
            return Ok(Outcome::RolledBack(why));
        }
        match self.reload(master, &good.name, check).await {
            Ok(()) => Ok(Outcome::RolledBack(why)),
            Err(also) => Ok(Outcome::RolledBack(format!("{why}; going back to {}: {also}", good.name))),
        }
    }
}

/// `nginx.conf`, as far as there is one.
fn main_file(candidate: &Candidate) -> String {
    fs::read_to_string(candidate.folder().join("nginx.conf")).unwrap_or_default()
}

/// The bytes of a tree that are not on the disk.
async fn fetch(store: &Store, manifest: &Manifest, good: Option<&Kept>) -> Result<HashMap<Digest, Vec<u8>>, Problem> {
    let there: HashSet<&Digest> = good.iter().flat_map(|good| good.files.values()).map(|entry| &entry.sha256).collect();
    let wanted: BTreeSet<&Digest> = manifest.files.values().map(|entry| &entry.sha256).collect();
    let missing: Vec<Digest> = wanted.into_iter().filter(|digest| !there.contains(digest)).cloned().collect();
    let found = store.get(&missing).await?;
    let pair = |(digest, bytes): (Digest, Option<Vec<u8>>)| Some((digest, bytes?));
    let new: HashMap<Digest, Vec<u8>> = missing.into_iter().zip(found).filter_map(pair).collect();
    let lost =
        manifest.files.iter().find(|(_, entry)| !there.contains(&entry.sha256) && !new.contains_key(&entry.sha256));
    match lost {
        Some((path, _)) => Err(Problem::Failed(format!("the bytes of {path} are not in etcd"))),
        None => Ok(new),
    }
}

/// The units that differ between what is published and what was good.
fn changed(wanted: &Manifest, good: Option<&Kept>) -> BTreeSet<String> {
    let nothing = BTreeMap::new();
    let old = good.map_or(&nothing, |good| &good.files);
    let differs = |files: &BTreeMap<String, Entry>, others: &BTreeMap<String, Entry>| {
        let different = files.iter().filter(|(path, entry)| others.get(*path) != Some(entry));
        different.map(|(_, entry)| entry.unit.clone()).collect::<BTreeSet<_>>()
    };
    differs(&wanted.files, old).into_iter().chain(differs(old, &wanted.files)).collect()
}

/// The unit of the file that nginx's words name.
fn named(words: &str, below: &str, placed: &BTreeMap<String, Entry>) -> Option<String> {
    words.split(below).skip(1).find_map(|rest| {
        let end = rest.find(|char: char| !(char.is_ascii_alphanumeric() || "._-/".contains(char)));
        Some(placed.get(&rest[..end.unwrap_or(rest.len())])?.unit.clone())
    })
}
