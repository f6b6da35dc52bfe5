//! What an agent says of its node.

use serde::{Deserialize, Serialize};

use crate::{Digest, Release};

/// How a node is with the release that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every worker serves it.
    Serving,
    /// It is not the node's turn yet, or it is being brought there.
    Waiting,
    /// nginx does not take it, and goes on with what it served before.
    Refused,
    /// It was taken and did not come to be served; what was served before is served again.
    RolledBack,
    /// It lies on the disk, and no nginx runs that could serve it.
    NotRunning,
    /// What says so was written by a later version.
    #[serde(other)]
    Unknown,
}

/// A unit that nginx does not take: the node serves its last good version, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The unit: `route.shop`.
    pub unit: String,
    /// nginx's words.
    pub error: String,
    /// Whether it waits for something that comes by itself, as the addresses of pods do.
    #[serde(default)]
    pub is_awaited: bool,
}

/// What an agent says of its node. It goes with the agent's lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The number of the release that it is about.
    pub revision: u64,
    /// The manifest of that release; `None` where the node has seen none.
    pub manifest: Option<Digest>,
    /// How the node is with it.
    pub state: State,
    /// The name of what nginx serves now, as far as it is known.
    #[serde(default)]
    pub serves: Option<String>,
    /// What is wrong or waited for.
    #[serde(default)]
    pub why: String,
    /// The units that stay as they were.
    #[serde(default)]
    pub quarantined: Vec<Quarantined>,
    /// The version of the agent.
    #[serde(default)]
    pub agent: String,
    /// What nginx says of its version: `nginx/1.22.1`.
    #[serde(default)]
    pub nginx: String,
    /// When the agent's node came to be so: seconds since 1970.
    #[serde(default)]
    pub since: u64,
}

impl Report {
    /// Whether it is about this release.
    pub fn is_about(&self, release: &Release) -> bool {
        self.revision == release.revision && self.manifest.as_ref() == Some(&release.manifest)
    }

    /// Whether the node is done with this release: all of it is served but what is quarantined.
    pub fn serves(&self, release: &Release) -> bool {
        self.is_about(release) && self.state == State::Serving
    }

    /// Whether the node cannot come to serve this release by itself.
    pub fn has_failed(&self, release: &Release) -> bool {
        self.is_about(release) && matches!(self.state, State::Refused | State::RolledBack)
    }

    /// The bytes of its key.
    pub fn encode(&self) -> Vec<u8> {
        // Numbers and texts can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The report that the bytes of its key stand for; `None` for what nobody here wrote.
    pub fn decode(bytes: &[u8]) -> Option<Report> {
        serde_json::from_slice(bytes).ok()
    }
}
