//! What functions saw of the file system, so that it can be told later whether it still holds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use portolan_lang::eval::Host;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LocalHost;

/// What was asked of the file system, with the path as the configuration gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// What is in a file?
    Read(String),
    /// Is there such a file?
    Exists(String),
    /// Which files are under a directory?
    Files(String),
}

/// A question, and the SHA-256 digest of the answer in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// What was asked.
    pub question: Question,
    /// What the answer came to.
    pub digest: String,
}

/// A host that notes the first answer to each question about files. What it is asked beside
/// them (where the directory lies, whose home it is) shows in the values that come of it.
#[derive(Debug)]
pub struct Witness {
    host: LocalHost,
    seen: Mutex<BTreeMap<Question, String>>,
}

impl Witness {
    /// Has seen nothing yet.
    pub fn new(host: LocalHost) -> Self {
        Witness { host, seen: Mutex::default() }
    }

    /// What was seen so far, sorted.
    pub fn seen(&self) -> Vec<Sighting> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().map(|(question, digest)| Sighting { question: question.clone(), digest: digest.clone() }).collect()
    }

    fn note(&self, question: Question, digest: impl FnOnce() -> String) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(question).or_insert_with(digest);
    }
}

/// The paths of which another answer is given now, sorted.
pub fn changed_since(host: &dyn Host, seen: &[Sighting]) -> Vec<String> {
    let changed = seen.iter().filter_map(|Sighting { question, digest }| {
        let (path, now) = match question {
            Question::Read(path) => (path, digest_of(&host.read(path))),
            Question::Exists(path) => (path, digest_of(&host.exists(path).map(|exists| [u8::from(exists)]))),
            Question::Files(path) => (path, digest_of(&host.files(path).map(|files| files.join("\n")))),
        };
        (now != *digest).then(|| path.clone())
    });
    let mut changed: Vec<String> = changed.collect();
    changed.sort_unstable();
    changed.dedup();
    changed
}

/// Why a file could not be read does not count, only that it could not.
fn digest_of<T: AsRef<[u8]>>(answer: &Result<T, String>) -> String {
    let digest = match answer {
        Ok(bytes) => Sha256::new().chain_update([1]).chain_update(bytes).finalize(),
        Err(_) => Sha256::digest([0]),
    };
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Host for Witness {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let answer = self.host.read(path);
        self.note(Question::Read(path.to_owned()), || digest_of(&answer));
        answer
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        let answer = self.host.exists(path);
        self.note(Question::Exists(path.to_owned()), || digest_of(&answer.clone().map(|exists| [u8::from(exists)])));
        answer
    }

    fn files(&self, directory: &str) -> Result<Vec<String>, String> {
        let answer = self.host.files(directory);
        self.note(Question::Files(directory.to_owned()), || digest_of(&answer.clone().map(|files| files.join("\n"))));
        answer
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        self.host.absolute(path)
    }

    fn home(&self) -> Option<String> {
        self.host.home()
    }

    fn now(&self) -> Option<String> {
        self.host.now()
    }

    fn plan_time(&self) -> Option<String> {
        self.host.plan_time()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_seen_and_has_changed_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a.txt"), "one").expect("a file");
        fs::create_dir(path("in")).expect("a directory");
        fs::write(path("in/b.txt"), "two").expect("a file");

        let witness = Witness::new(LocalHost::planning(directory.path()));
        assert_eq!(witness.read("a.txt"), Ok(b"one".to_vec()));
        assert_eq!(witness.read("a.txt"), Ok(b"one".to_vec()));
        assert_eq!(witness.exists("c.txt"), Ok(false));
        assert_eq!(witness.files("in"), Ok(vec!["b.txt".to_owned()]));
        assert!(witness.read("d.txt").is_err());
        let seen = witness.seen();
        assert_eq!(seen.len(), 4);
        assert_eq!(changed_since(&witness, &seen), Vec::<String>::new());

        fs::write(path("a.txt"), "other").expect("a file");
        fs::write(path("in/e.txt"), "").expect("a file");
        fs::write(path("c.txt"), "").expect("a file");
        fs::write(path("d.txt"), "").expect("a file");
        assert_eq!(changed_since(&witness, &seen), ["a.txt", "c.txt", "d.txt", "in"]);
    }
}
