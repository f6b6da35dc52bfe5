//! What counts.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The only format that is known.
const FORMAT: u32 = 1;

/// The tree that a fleet is to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    format: u32,
    /// Its number: one more than that of the release before it.
    pub revision: u64,
    /// What finds its manifest.
    pub manifest: Digest,
}

impl Release {
    /// A release of this number and manifest.
    pub fn new(revision: u64, manifest: Digest) -> Release {
        Release { format: FORMAT, revision, manifest }
    }

    /// What it is called, as a folder too: `7-0f343b0931126a20`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.revision, self.manifest.short())
    }

    /// The bytes of its key.
    pub fn encode(&self) -> Vec<u8> {
        // Numbers and texts can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The release that the bytes of its key stand for.
    ///
    /// # Errors
    ///
    /// Why they are none.
    pub fn decode(bytes: &[u8]) -> Result<Release, String> {
        let release: Release =
            serde_json::from_slice(bytes).map_err(|error| format!("the release cannot be read: {error}"))?;
        match release.format {
            FORMAT => Ok(release),
            other => Err(format!("the release has the format {other}, and only {FORMAT} is known")),
        }
    }
}
