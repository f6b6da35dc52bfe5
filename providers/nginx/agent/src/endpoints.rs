//! The servers of upstreams that are pods: files beside those of the tree, which nginx includes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use portolan_fleet::{Digest, Known, NEEDS, Needs, Server, Upstream};

use crate::quarantine::Objection;
use crate::table::{Followed, Table, is_followed};
use crate::tree::Candidate;

/// What stands in an upstream of which its clusters say that nobody takes requests: an upstream
/// cannot be empty, and nobody is asked at an address that is another one's by now.
const NOBODY: &str = "server 127.0.0.1:1 down;\n";

/// What the pods of a tree come to.
#[derive(Default)]
pub(crate) struct Placed {
    /// What tells it from others; `None` where the tree needs no pods.
    pub(crate) digest: Option<Digest>,
    /// The upstreams that stand in the table.
    pub(crate) followed: BTreeSet<String>,
    /// Their lines, as far as their pods are known.
    pub(crate) lines: BTreeMap<String, String>,
}

/// What the servers of a tree are taken from.
pub(crate) struct Sources<'a> {
    /// The tree that was last seen to be served.
    pub(crate) good: Option<&'a Path>,
    /// The addresses that are known.
    pub(crate) known: &'a Known,
    /// Where servers stand that need no reload; `None` where nginx cannot have that.
    pub(crate) table: Option<&'a Table>,
}

/// Writes the servers of all upstreams of a tree whose servers are pods, or says which of its units
/// cannot be served yet. Where nothing is known any more of pods that are served, they stay.
pub(crate) fn place(candidate: &Candidate, sources: &Sources<'_>) -> io::Result<Result<Placed, Objection>> {
    let mut placed = Placed::default();
    let mut all = String::new();
    for (path, entry) in candidate.placed().iter().filter(|(path, _)| is_need(path)) {
        let objection = |words: String| Objection { words, unit: Some(entry.unit.clone()) };
        let needs = match Needs::decode(&fs::read(candidate.folder().join(path))?) {
            Ok(needs) => needs,
            Err(problem) => return Ok(Err(objection(problem))),
        };
        for (name, upstream) in &needs.upstreams {
            let found =
                included(name, upstream).and_then(|file| Ok((sources.text(name, &file, upstream, &mut placed)?, file)));
            let (text, file) = match found {
                Ok(found) => found,
                Err(problem) => return Ok(Err(objection(problem))),
            };
            candidate.add(&file, &text)?;
            all.push_str(&format!("{name}\n{text}"));
        }
    }
    placed.digest = (!all.is_empty()).then(|| Digest::of(all.as_bytes()));
    Ok(Ok(placed))
}

impl Sources<'_> {
    /// What nginx includes for an upstream; or why it has to wait.
    fn text(&self, name: &str, file: &str, upstream: &Upstream, placed: &mut Placed) -> Result<String, String> {
        let before = self.good.and_then(|good| fs::read_to_string(good.join(file)).ok());
        // What was served may come to have nobody; nothing begins so.
        let is_new = before.is_none();
        let servers = upstream.servers(self.known).ok();
        if is_new && servers.as_ref().is_some_and(Vec::is_empty) {
            return Err(nobody(upstream));
        }
        if let Some((table, followed)) = self.table.zip(Followed::of(name, upstream)) {
            let line = followed.line(self.known).or_else(|| table.of_name(name));
            if line.is_some() || table.has(&followed.key) {
                placed.followed.insert(followed.key.clone());
                placed.lines.extend(line.map(|line| (followed.key.clone(), line)));
                return Ok(followed.conf());
            }
        }
        let before = before.filter(|text| self.table.is_some() || !is_followed(text));
        servers.map(|servers| text(upstream, &servers)).or(before).ok_or_else(|| unknown(upstream))
    }
}

/// Whether a file of a tree says which pods are needed.
pub(crate) fn is_need(path: &str) -> bool {
    path.starts_with(NEEDS) && path.ends_with(".json")
}

/// Whether what is said against a unit is gone as soon as its pods take requests.
pub(crate) fn is_awaited(words: &str) -> bool {
    words.starts_with(WAITS)
}

/// How it begins.
const WAITS: &str = "waits for pods: ";

fn unknown(upstream: &Upstream) -> String {
    format!("{WAITS}no addresses are known of {}; `portolan endpoints` tells them", shown(upstream))
}

fn nobody(upstream: &Upstream) -> String {
    format!("{WAITS}none of {} takes requests yet", shown(upstream))
}

/// The pods of an upstream, for people.
fn shown(upstream: &Upstream) -> String {
    let pods = upstream.servers.iter().filter_map(|member| member.pods.as_ref());
    let shown = pods.map(|pods| format!("{}/{}:{} in {}", pods.namespace, pods.service, pods.port, pods.cluster));
    shown.collect::<Vec<_>>().join(", ")
}

/// The file of an upstream that nginx includes. Nothing of what was published is pasted but names
/// and numbers.
fn included(name: &str, upstream: &Upstream) -> Result<String, String> {
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || "._-".contains(char));
    let is_parameter =
        |text: &String| text.split_once('=').is_some_and(|(name, value)| is_word(name) && is_word(value));
    if !is_word(name) || name.starts_with('.') {
        return Err(format!("the upstream {name:?} cannot be the name of a file"));
    }
    match upstream.parameters.iter().find(|parameter| !is_parameter(parameter)) {
        Some(parameter) => Err(format!("the parameter {parameter:?} of a server is not a name and a value")),
        None => Ok(PathBuf::from(NEEDS).join(format!("{name}.conf")).display().to_string()),
    }
}

fn text(upstream: &Upstream, servers: &[Server]) -> String {
    if servers.is_empty() {
        return NOBODY.to_owned();
    }
    let standby = if upstream.standby == "down" { "down" } else { "backup" };
    let line = |server: &Server| {
        let mut line = format!("server {} weight={}", server.address, server.weight);
        let words = upstream.parameters.iter().map(String::as_str).chain(server.stands_by.then_some(standby));
        words.for_each(|word| {
            line.push(' ');
            line.push_str(word);
        });
        line + ";\n"
    };
    servers.iter().map(line).collect()
}
