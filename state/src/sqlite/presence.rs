//! Whether the holder of the lock still lives.
//!
//! A lease runs out by itself, but after a kill that would be a wait for nothing. So whoever
//! takes the lock also locks a file beside the database, which the system unlocks when the
//! process ends, and writes there under which fence and on which running system. Who finds a
//! lease that holds, gets that file's lock, and reads the lease's fence and its own system, knows
//! that the holder is dead. In all other cases (another machine, a file system without locks)
//! the lease decides.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// What a holder writes is shorter than this.
const MAX_LENGTH: u64 = 100;

/// The lock on the file, with what stands in the file.
#[derive(Debug)]
pub(crate) struct Presence {
    path: PathBuf,
    file: File,
    text: String,
}

impl Presence {
    /// Locks the file; `None` where somebody who lives has locked it, and where that cannot be
    /// told.
    pub(crate) fn claim(database: &Path) -> Option<Presence> {
        let mut name = database.as_os_str().to_owned();
        name.push("-holder");
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).ok()?;
        file.try_lock().ok()?;
        let mut text = String::new();
        (&file).take(MAX_LENGTH).read_to_string(&mut text).ok()?;
        Some(Presence { path, file, text })
    }

    /// Whether the lease with this fence is the one that the file tells of. Where the file was
    /// found so, the holder was killed.
    pub(crate) fn tells_of(&self, fence: i64) -> bool {
        note(fence).is_some_and(|note| note == self.text)
    }

    /// Says under which fence this process holds the lock. Where it cannot be said, the lease
    /// has to run out if the process is killed.
    pub(crate) fn announce(&mut self, fence: i64) {
        let Some(text) = note(fence) else { return };
        if self.write(&text).is_ok() {
            self.text = text;
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }

    /// Takes the file away: the lock was given back.
    pub(crate) fn end(self) {
        // One that stays says nothing once it is empty.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Presence {
    /// A process that lives on and has only forgotten its lease is not dead.
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}

/// The fence, and this system since it was started; `None` where the system has no name for that.
fn note(fence: i64) -> Option<String> {
    let system = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{fence} {}", system.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_killed_holder_is_dead() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("state.db");
        let mut holder = Presence::claim(&database).expect("nobody is there");
        holder.announce(7);
        assert!(Presence::claim(&database).is_none(), "the holder lives");
        drop(holder);
        assert!(!Presence::claim(&database).expect("nobody is there").tells_of(7), "it has only forgotten");

        // A killed process does not come to empty its file.
        fs::write(folder.path().join("state.db-holder"), note(8).expect("Linux")).expect("writes");
        let found = Presence::claim(&database).expect("nobody lives");
        assert!(found.tells_of(8) && !found.tells_of(7) && !found.tells_of(80));
        found.end();
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0);
    }
}
