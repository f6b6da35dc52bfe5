//! The releases on the disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use portolan_fleet::{Digest, Entry, Manifest, Quarantined, Release};
use serde::{Deserialize, Serialize};

/// What is said of a release in its folder. Nothing that nginx includes is called so.
const META: &str = ".release.json";

/// Where a release is put together.
const NEW: &str = ".new";

/// What nginx reads.
const CURRENT: &str = "current";

/// What nginx was last seen to serve.
const GOOD: &str = "good";

/// How many releases are kept beside those two.
const KEPT: usize = 3;

/// The directory of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    root: PathBuf,
}

/// A release that lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What it is called.
    pub(crate) name: String,
    /// What was published.
    pub(crate) release: Release,
    /// The files that lie there.
    pub(crate) files: BTreeMap<String, Entry>,
    /// The units that are not as published.
    pub(crate) quarantined: Vec<Quarantined>,
}

impl Tree {
    /// The directory, which is made where it is missing.
    pub(crate) fn open(root: &Path) -> io::Result<Tree> {
        // nginx wants whole paths, and its messages are searched for them.
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        for name in ["releases", "scratch"] {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(root.join(name))?;
        }
        Ok(Tree { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A lock that lets one agent work here, as long as it is kept.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(self.root.join(".agent.lock"))?;
        file.try_lock().map_err(|_| io::Error::other("another agent works there"))?;
        Ok(file)
    }

    fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// Where a tree is put together and checked.
    pub(crate) fn candidate(&self) -> PathBuf {
        self.releases().join(NEW)
    }

    /// Where a release lies.
    pub(crate) fn place(&self, kept: &Kept) -> PathBuf {
        self.releases().join(&kept.name)
    }

    /// What nginx was last seen to serve.
    pub(crate) fn good(&self) -> Option<Kept> {
        self.kept(&self.name_of(GOOD)?)
    }

    /// What nginx reads.
    pub(crate) fn current(&self) -> Option<Kept> {
        self.kept(&self.name_of(CURRENT)?)
    }

    /// What that is called, where there is anything.
    pub(crate) fn current_name(&self) -> Option<String> {
        self.name_of(CURRENT)
    }

    fn name_of(&self, link: &str) -> Option<String> {
        let target = fs::read_link(self.root.join(link)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    fn kept(&self, name: &str) -> Option<Kept> {
        let kept: Kept = serde_json::from_slice(&fs::read(self.releases().join(name).join(META)).ok()?).ok()?;
        (kept.name == name).then_some(kept)
    }

    /// Puts what was put together under its name.
    pub(crate) fn keep(&self, kept: &Kept) -> io::Result<()> {
        let meta = serde_json::to_vec(kept).map_err(io::Error::other)?;
        write(&self.candidate().join(META), &meta, 0o600)?;
        // All of it is to outlast a crash before anything leads there.
        rustix::fs::syncfs(File::open(self.candidate())?)?;
        let place = self.releases().join(&kept.name);
        remove(&place)?;
        fs::rename(self.candidate(), &place)?;
        File::open(self.releases())?.sync_all()
    }

    /// Lets nginx read a release from now on, or none.
    pub(crate) fn switch(&self, name: Option<&str>) -> io::Result<()> {
        self.link(CURRENT, name)
    }

    /// Notes that nginx serves a release, and takes old ones away.
    pub(crate) fn note_good(&self, name: &str) -> io::Result<()> {
        self.link(GOOD, Some(name))?;
        self.tidy()
    }

    /// A link is replaced by another one in one step.
    fn link(&self, link: &str, name: Option<&str>) -> io::Result<()> {
        let place = self.root.join(link);
        let Some(name) = name else { return remove_file(&place) };
        if self.name_of(link).as_deref() == Some(name) {
            return Ok(());
        }
        let beside = self.root.join(format!(".{link}.new"));
        remove_file(&beside)?;
        symlink(Path::new("releases").join(name), &beside)?;
        fs::rename(&beside, &place)?;
        File::open(&self.root)?.sync_all()
    }

    fn tidy(&self) -> io::Result<()> {
        let used: Vec<String> = [CURRENT, GOOD].iter().filter_map(|link| self.name_of(link)).collect();
        let mut old = Vec::new();
        for entry in fs::read_dir(self.releases())? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if name != NEW && !used.contains(&name) {
                old.push((entry.metadata()?.modified()?, name));
            }
        }
        old.sort();
        old.truncate(old.len().saturating_sub(KEPT));
        old.iter().try_for_each(|(_, name)| remove(&self.releases().join(name)))
    }
}

/// A tree that is being put together from new bytes and from files that are there already.
pub(crate) struct Candidate {
    folder: PathBuf,
    /// Where the files lie that are there already.
    good: Option<(PathBuf, Kept)>,
    new: HashMap<Digest, Vec<u8>>,
    placed: BTreeMap<String, Entry>,
}

impl Candidate {
    /// An empty one; `new` are the bytes that `good` does not have.
    pub(crate) fn new(tree: &Tree, good: Option<Kept>, new: HashMap<Digest, Vec<u8>>) -> io::Result<Candidate> {
        let folder = tree.candidate();
        remove(&folder)?;
        fs::DirBuilder::new().mode(0o755).create(&folder)?;
        let good = good.map(|good| (tree.releases().join(&good.name), good));
        Ok(Candidate { folder, good, new, placed: BTreeMap::new() })
    }

    /// Where it is put together.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files as they are placed now.
    pub(crate) fn placed(&self) -> &BTreeMap<String, Entry> {
        &self.placed
    }

    /// Places these files, and no others.
    pub(crate) fn arrange(&mut self, files: BTreeMap<String, Entry>) -> io::Result<()> {
        for (path, _) in self.placed.iter().filter(|(path, entry)| files.get(*path) != Some(entry)) {
            remove_file(&self.folder.join(path))?;
        }
        for (path, entry) in files.iter().filter(|(path, entry)| self.placed.get(*path) != Some(entry)) {
            self.place(path, entry)?;
        }
        self.placed = files;
        Ok(())
    }

    fn place(&self, path: &str, entry: &Entry) -> io::Result<()> {
        let place = self.folder.join(path);
        let parent = place.parent().unwrap_or(&self.folder);
        fs::DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
        if let Some(bytes) = self.new.get(&entry.sha256) {
            return write(&place, bytes, entry.mode_bits());
        }
        let lost = || io::Error::new(ErrorKind::NotFound, format!("the bytes of {path} are not there"));
        let (folder, good) = self.good.as_ref().ok_or_else(lost)?;
        let same = |(_, other): &(&String, &Entry)| other.sha256 == entry.sha256;
        // Nearly always it is the same path.
        let beside = good.files.get_key_value(path).filter(same).or_else(|| good.files.iter().find(same));
        let (from, old) = beside.ok_or_else(lost)?;
        let from = folder.join(from);
        let bytes = fs::read(&from)?;
        if Digest::of(&bytes) != entry.sha256 {
            return Err(io::Error::other(format!("{} was changed by hand", from.display())));
        }
        match old.mode == entry.mode {
            true => fs::hard_link(&from, &place),
            false => write(&place, &bytes, entry.mode_bits()),
        }
    }

    /// Writes a file that belongs to the agent alone.
    pub(crate) fn add(&self, path: &str, text: &str) -> io::Result<()> {
        let place = self.folder.join(path);
        fs::DirBuilder::new().recursive(true).mode(0o755).create(place.parent().unwrap_or(&self.folder))?;
        remove_file(&place)?;
        write(&place, text.as_bytes(), 0o644)
    }
}

/// The files of a tree in which some units stay as they were.
pub(crate) fn mixed(wanted: &Manifest, good: Option<&Kept>, keeps: impl Fn(&str) -> bool) -> BTreeMap<String, Entry> {
    let new = wanted.files.iter().filter(|(_, entry)| !keeps(&entry.unit));
    let old = good.into_iter().flat_map(|good| &good.files).filter(|(_, entry)| keeps(&entry.unit));
    new.chain(old).map(|(path, entry)| (path.clone(), entry.clone())).collect()
}

fn write(place: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(place)?;
    file.write_all(bytes)?;
    // What the process's mask took away is given back.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

fn remove(place: &Path) -> io::Result<()> {
    absent(fs::remove_dir_all(place))
}

fn remove_file(place: &Path) -> io::Result<()> {
    absent(fs::remove_file(place))
}

fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
