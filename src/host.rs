//! What functions ask of the outside: files, the time, the home directory.
//!
//! Relative paths start in the directory of the configuration, whatever directory the program
//! was started in.

mod witness;

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use jiff::fmt::strtime;
use portolan_lang::eval::Host;
pub use witness::{Question, Sighting, Witness, changed_since};

/// The largest file that a function reads: 64 MiB.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The most files that a function lists.
const MAX_FILES: usize = 1_000_000;

/// The file system and the clock of this machine. The time of the plan is fixed when it is
/// made.
#[derive(Debug, Clone)]
pub struct LocalHost {
    directory: PathBuf,
    plan_time: String,
    now: Option<String>,
}

impl LocalHost {
    /// The host for planning the configuration in a directory: the time of the run is unknown.
    pub fn planning(directory: impl Into<PathBuf>) -> Self {
        LocalHost { directory: directory.into(), plan_time: present(), now: None }
    }

    /// The same host for what was planned at `plan_time` (RFC 3339 in UTC).
    #[must_use]
    pub fn planned_at(self, plan_time: impl Into<String>) -> Self {
        LocalHost { plan_time: plan_time.into(), ..self }
    }

    /// The same host for applying a plan that was made at `plan_time` (RFC 3339 in UTC): the
    /// time of the run is the present.
    #[must_use]
    pub fn applying(self, plan_time: impl Into<String>) -> Self {
        LocalHost { plan_time: plan_time.into(), now: Some(present()), ..self }
    }

    /// Where a path leads that the configuration wrote.
    fn resolve(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }
}

/// The present in whole seconds: RFC 3339 in UTC.
fn present() -> String {
    strtime::format("%Y-%m-%dT%H:%M:%SZ", Timestamp::now()).unwrap_or_default()
}

impl Host for LocalHost {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let full = self.resolve(path);
        // Asked before the file is opened, because opening a pipe waits for its writer.
        if !fs::metadata(&full).map_err(explain)?.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&full).map_err(explain)?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(explain)?;
        match bytes.len() as u64 > MAX_FILE_BYTES {
            true => Err(format!("it is larger than {} MiB, the most that is read", MAX_FILE_BYTES >> 20)),
            false => Ok(bytes),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        match fs::metadata(self.resolve(path)) {
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(metadata) if metadata.is_dir() => Err("it is a directory, not a file".to_owned()),
            Ok(_) => Err("it is not a regular file".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(explain(error)),
        }
    }

    fn files(&self, directory: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut left = vec![(self.resolve(directory), String::new())];
        while let Some((directory, prefix)) = left.pop() {
            for entry in fs::read_dir(&directory).map_err(explain)? {
                let entry = entry.map_err(explain)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let shown = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                // A link to a directory is not followed: it may lead round in a circle.
                if entry.file_type().map_err(explain)?.is_dir() {
                    left.push((entry.path(), shown));
                } else if entry.path().is_file() {
                    found.push(shown);
                }
                if found.len() + left.len() > MAX_FILES {
                    return Err(format!("there are more than {MAX_FILES} files"));
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        let whole = std::path::absolute(self.resolve(path)).map_err(explain)?;
        clean(&whole).into_os_string().into_string().map_err(|_| "its path is not in Unicode".to_owned())
    }

    fn home(&self) -> Option<String> {
        std::env::home_dir()?.into_os_string().into_string().ok()
    }

    fn now(&self) -> Option<String> {
        self.now.clone()
    }

    fn plan_time(&self) -> Option<String> {
        Some(self.plan_time.clone())
    }
}

/// An absolute path without `.` and `..`, by the text alone.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

fn explain(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_in_the_directory_of_the_configuration() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("in")).expect("a directory");
        fs::write(directory.path().join("in/a.txt"), "hello").expect("a file");
        std::os::unix::fs::symlink("..", directory.path().join("in/circle")).expect("a link");
        let host = LocalHost::planning(directory.path());

        assert_eq!(host.read("in/a.txt"), Ok(b"hello".to_vec()));
        assert_eq!(host.read("b.txt"), Err("no such file or directory".to_owned()));
        assert_eq!(host.read("in"), Err("it is not a regular file".to_owned()));
        assert_eq!(host.exists("./in/../in/a.txt"), Ok(true));
        assert_eq!(host.exists("b.txt"), Ok(false));
        assert!(host.exists("in").is_err());
        assert_eq!(host.files("."), Ok(vec!["in/a.txt".to_owned()]));
        let absolute = directory.path().join("in/a.txt");
        assert_eq!(host.absolute("in/x/../a.txt").as_deref(), Ok(absolute.to_str().expect("Unicode")));
    }

    #[test]
    fn the_time_of_the_run_is_unknown_while_planning() {
        let host = LocalHost::planning(".");
        assert_eq!(host.now(), None);
        let applying = host.applying("2026-01-02T03:04:05Z");
        assert_eq!(applying.plan_time().as_deref(), Some("2026-01-02T03:04:05Z"));
        assert!(applying.now().is_some_and(|now| now.parse::<Timestamp>().is_ok()));
    }
}
