//! The files of a tree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, path};

/// The only format that is known.
const FORMAT: u32 = 1;

/// A tree of files, without their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The files by their paths, all of which [`path::problem`] allows.
    pub files: BTreeMap<String, Entry>,
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What finds its bytes.
    pub sha256: Digest,
    /// Its permissions in octal: `0644`.
    pub mode: String,
    /// What it belongs to: `route.shop`. Files of one unit are changed together or not at all.
    pub unit: String,
}

impl Entry {
    /// The permissions as a number; what cannot be read is for its owner alone.
    pub fn mode_bits(&self) -> u32 {
        u32::from_str_radix(&self.mode, 8).ok().filter(|mode| *mode <= 0o777).unwrap_or(0o600)
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    files: BTreeMap<String, Entry>,
}

impl Manifest {
    /// Its bytes: the same for the same tree.
    pub fn encode(&self) -> Vec<u8> {
        // A map of texts to texts can always be written.
        serde_json::to_vec(&Stored { format: FORMAT, files: self.files.clone() }).unwrap_or_default()
    }

    /// The tree that these bytes stand for.
    ///
    /// # Errors
    ///
    /// Why they are no manifest, or not one that may be carried out.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, String> {
        let stored: Stored =
            serde_json::from_slice(bytes).map_err(|error| format!("the manifest cannot be read: {error}"))?;
        if stored.format != FORMAT {
            return Err(format!("the manifest has the format {}, and only {FORMAT} is known", stored.format));
        }
        match stored.files.keys().find_map(|path| path::problem(path)) {
            Some(problem) => Err(format!("the manifest names an unsuitable path: {problem}")),
            None => Ok(Manifest { files: stored.files }),
        }
    }

    /// What finds the manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> Manifest {
        let entry = Entry { sha256: Digest::of(b"x"), mode: "0644".into(), unit: "route.a".into() };
        Manifest { files: BTreeMap::from([(path.to_owned(), entry)]) }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let manifest = manifest("conf.d/a.conf");
        assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
    }

    #[test]
    fn no_path_leads_out_of_the_tree() {
        for path in ["../a", "/etc/passwd", "a/../../b", ".hidden", "a\nb"] {
            assert!(Manifest::decode(&manifest(path).encode()).is_err(), "{path}");
        }
    }

    #[test]
    fn other_formats_and_other_bytes_are_refused() {
        for bytes in ["", "{}", "{\"format\":2,\"files\":{}}", "[]"] {
            assert!(Manifest::decode(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn an_unreadable_mode_is_private() {
        let entry = |mode: &str| Entry { sha256: Digest::of(b""), mode: mode.into(), unit: String::new() };
        assert_eq!(entry("0644").mode_bits(), 0o644);
        assert_eq!(entry("4755").mode_bits(), 0o600);
        assert_eq!(entry("x").mode_bits(), 0o600);
    }
}
