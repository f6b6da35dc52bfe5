//! Files that are written beside their place.
//!
//! A file is written whole under another name and then renamed, so that a reader meets the old
//! one or the new one. A process that is killed in between leaves the other name behind. It
//! holds a lock on the file while it lives, so that the next run can tell what is left over from
//! what somebody else is writing.
//!
//! What somebody puts there under that name, a hyphen and more, like the journal of a database,
//! is left over where the file of the name itself is, or where there is none.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
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
    loop {
        let file = builder(mode).tempfile_in(directory)?;
        match file.as_file().try_lock() {
            Ok(()) if is_there(file.as_file())? => return Ok(file),
            // Another run swept before it was locked.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // Where files cannot be locked, this is only not protected against other runs.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

#[cfg(unix)]
fn builder(mode: u32) -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).permissions(fs::Permissions::from_mode(mode));
    builder
}

#[cfg(not(unix))]
fn builder(_: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    builder
}

/// Whether a file that is open still has a name.
#[cfg(unix)]
fn is_there(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() > 0)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_there(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// Removes what killed runs left in a directory. What cannot be removed stays: it harms nobody.
pub fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let writer = rest.split('-').next().unwrap_or_default();
        remove(&entry.path(), &directory.join(format!("{PREFIX}{writer}")));
    }
}

/// Removes a file if nobody writes the file of its writer any more.
fn remove(path: &Path, writer: &Path) {
    let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if !is_file(path) {
        return;
    }
    // Held until the file is gone.
    let locked = File::open(writer).map(|file| file.try_lock().map(|()| file));
    let is_left = match &locked {
        Ok(locked) => locked.is_ok() && is_file(writer),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_left {
        let _ = fs::remove_file(path);
    }
}

/// Takes away what killed runs left, once a directory.
#[derive(Debug, Default)]
pub struct Leftovers {
    swept: Mutex<HashSet<PathBuf>>,
}

impl Leftovers {
    /// Sweeps a directory, unless that was done before.
    pub fn sweep(&self, directory: &Path) {
        // Held to the end, so that whoever comes second writes into a directory that is swept.
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.insert(directory.to_owned()) {
            sweep(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(directory: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(directory).expect("lists").flatten();
        entries.map(|entry| entry.file_name().into_string().expect("text")).collect()
    }

    #[test]
    fn what_nobody_writes_is_swept_with_what_belongs_to_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        for name in [".portolan-dead", ".portolan-dead-db", ".portolan-gone-db-journal", ".other", "portolan-x"] {
            fs::write(path(name), "half").expect("writes");
        }
        fs::create_dir(path(".portolan-directory")).expect("makes");
        let living = new_file(directory.path(), 0o600).expect("a file");
        let name = living.path().file_name().and_then(|name| name.to_str()).expect("text").to_owned();
        fs::write(path(&format!("{name}-db")), "half").expect("writes");
        sweep(directory.path());
        let left = [&name, &format!("{name}-db"), ".other", "portolan-x", ".portolan-directory"].map(str::to_owned);
        assert_eq!(names(directory.path()), BTreeSet::from(left));
    }

    #[test]
    fn a_directory_is_swept_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let leftovers = Leftovers::default();
        leftovers.sweep(directory.path());
        fs::write(directory.path().join(".portolan-dead"), "half").expect("writes");
        leftovers.sweep(directory.path());
        assert_eq!(names(directory.path()).len(), 1);
    }

    #[test]
    fn whoever_writes_beside_a_sweep_keeps_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let sweeping = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while sweeping.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep(directory.path());
                }
            });
            for _ in 0..2000 {
                let file = new_file(directory.path(), 0o600).expect("a file");
                assert!(file.path().exists());
            }
            sweeping.store(false, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
