//! Files that are written beside their place, for providers that keep files.
//!
//! A file is written whole under another name and then renamed, so that a reader meets the old
//! one or the new one. A process that is killed in between leaves the other name behind. It
//! holds a lock on the file while it lives, so that the next run can tell what is left over from
//! what somebody else is writing.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

/// What the names of files that are being written begin with.
pub const PREFIX: &str = ".portolan-";

/// A new file in a directory, to be renamed into its place there. `mode` is its permissions, less
/// what the process's mask takes away.
///
/// # Errors
///
/// Those of making a file.
pub fn new_file(directory: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let file = builder.prefix(PREFIX).permissions(Permissions::from_mode(mode)).tempfile_in(directory)?;
    // Where files cannot be locked, this is only not protected against other runs.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Takes away what killed runs left, once a directory.
#[derive(Debug, Default)]
pub struct Leftovers {
    swept: Mutex<HashSet<PathBuf>>,
}

impl Leftovers {
    /// Removes the files that a killed run left in this directory, unless that was done before.
    /// What cannot be removed stays: it harms nobody.
    pub fn sweep(&self, directory: &Path) {
        // Held to the end, so that whoever comes second writes into a directory that is swept.
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if !swept.insert(directory.to_owned()) {
            return;
        }
        let Ok(entries) = fs::read_dir(directory) else { return };
        let left =
            entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        for path in left.map(|entry| entry.path()) {
            if is_abandoned(&path) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Whether nobody writes this file any more.
fn is_abandoned(path: &Path) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_writes_is_swept_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let (dead, other) = (directory.path().join(".portolan-dead"), directory.path().join(".other"));
        fs::write(&dead, "half").expect("writes");
        fs::write(&other, "").expect("writes");
        let living = new_file(directory.path(), 0o600).expect("a file");
        let leftovers = Leftovers::default();
        leftovers.sweep(directory.path());
        assert!(!dead.exists() && other.exists() && living.path().exists());
        assert_eq!(living.as_file().metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
        fs::write(&dead, "half").expect("writes");
        leftovers.sweep(directory.path());
        assert!(dead.exists());
    }
}
