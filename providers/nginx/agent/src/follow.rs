//! Following pods between releases: the table changes with them, and it is known for which of them
//! nginx has to be reloaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use portolan_fleet::{Known, Needs, Pods};

use crate::endpoints::is_need;
use crate::table::{Followed, Table, is_followed};
use crate::tree::Tree;

/// What a tree that lies there needs of pods.
#[derive(Debug, Default)]
pub(crate) struct Following {
    /// What the tree is called.
    name: String,
    followed: Vec<Followed>,
    /// Which of them have servers among these pods.
    by_pods: BTreeMap<String, Vec<usize>>,
    /// Pods for which nginx is reloaded.
    reloaded: BTreeSet<String>,
    /// Whether some of its units wait, perhaps for pods.
    has_waiting: bool,
}

impl Following {
    /// For the tree that nginx reads; this one where it is the same as before.
    pub(crate) fn renewed(self, tree: &Tree) -> io::Result<Following> {
        let name = tree.current_name().unwrap_or_default();
        if name == self.name {
            return Ok(self);
        }
        let Some(kept) = tree.current() else { return Ok(Following::default()) };
        let folder = tree.place(&kept);
        let has_waiting = !kept.quarantined.is_empty();
        let mut following = Following { name, has_waiting, ..Following::default() };
        for path in kept.files.keys().filter(|path| is_need(path)) {
            let needs = Needs::decode(&fs::read(folder.join(path))?).map_err(io::Error::other)?;
            for (name, upstream) in &needs.upstreams {
                let conf = fs::read_to_string(folder.join(format!("{}{name}.conf", portolan_fleet::NEEDS)));
                match Followed::of(name, upstream).filter(|_| conf.is_ok_and(|conf| is_followed(&conf))) {
                    Some(followed) => following.add(followed),
                    None => {
                        let pods = upstream.servers.iter().filter_map(|member| member.pods.as_ref());
                        following.reloaded.extend(pods.map(Pods::key));
                    }
                }
            }
        }
        Ok(following)
    }

    fn add(&mut self, followed: Followed) {
        for pods in followed.pods() {
            self.by_pods.entry(pods.key()).or_default().push(self.followed.len());
        }
        self.followed.push(followed);
    }

    /// Whether a change of these pods needs more than the table.
    pub(crate) fn needs_more(&self, changed: &BTreeSet<String>) -> bool {
        self.name.is_empty() || self.has_waiting || !self.reloaded.is_disjoint(changed)
    }

    /// Puts the servers of these pods into the table.
    pub(crate) fn follow(&self, changed: &BTreeSet<String>, known: &Known, table: &Table) -> io::Result<()> {
        let concerned: BTreeSet<usize> =
            changed.iter().filter_map(|key| self.by_pods.get(key)).flatten().copied().collect();
        let followed = concerned.iter().filter_map(|at| self.followed.get(*at));
        table.put(followed.filter_map(|followed| Some((followed.key.clone(), followed.line(known)?))).collect())
    }

    /// All pods that the table is about.
    pub(crate) fn pods(&self) -> BTreeSet<String> {
        self.by_pods.keys().cloned().collect()
    }
}
