//! Whether files of a directory have changed.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a daemon writes itself, and what is no configuration.
const LEFT_OUT: [&str; 2] = [".portolan", ".git"];

/// What is seen of a file without reading it.
#[derive(PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    bytes: u64,
}

/// The files below a directory, as they were last seen.
pub(super) struct Files {
    directory: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
}

impl Files {
    /// The files below a directory, as they are now.
    pub(super) fn of(directory: impl Into<PathBuf>) -> Files {
        let directory = directory.into();
        let seen = seen_below(&directory);
        Files { directory, seen }
    }

    /// Whether any came, went or changed since it was asked last.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = seen_below(&self.directory);
        let have_changed = now != self.seen;
        self.seen = now;
        have_changed
    }
}

/// All files below a directory. What cannot be read is taken not to be there: that is told by the run
/// to which its absence leads. Links are not followed.
fn seen_below(directory: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_dir() {
                found.insert(entry.path(), seen(&metadata));
            } else if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                left.push(entry.path());
            }
        }
    }
    found
}

fn seen(metadata: &Metadata) -> Seen {
    Seen { changed: metadata.modified().ok(), bytes: metadata.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_below_are_seen_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut files = Files::of(directory.path());
        assert!(!files.have_changed());
        fs::create_dir_all(directory.path().join("out/a")).expect("makes");
        fs::write(directory.path().join("out/a/x"), "one").expect("writes");
        assert!(files.have_changed() && !files.have_changed());
        fs::write(directory.path().join("out/a/x"), "three").expect("writes");
        assert!(files.have_changed() && !files.have_changed());
        fs::create_dir(directory.path().join(".portolan")).expect("makes");
        fs::write(directory.path().join(".portolan/state.db"), "").expect("writes");
        assert!(!files.have_changed());
        fs::remove_file(directory.path().join("out/a/x")).expect("removes");
        assert!(files.have_changed());
    }
}
