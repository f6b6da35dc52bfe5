//! A namespace of a test's own.

use std::fmt;

use crate::{Cluster, Kubectl};

/// A namespace that nobody else uses. It is deleted with this, though the cluster takes its time.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    inside: Kubectl,
}

impl Namespace {
    pub(crate) fn create(cluster: &Cluster, purpose: &str) -> Namespace {
        let name = format!("{purpose}-{:08x}", rand::random::<u32>());
        cluster.kubectl().text(&["create", "namespace", &name]);
        Namespace { inside: cluster.kubectl().within(&name), name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// kubectl within it.
    pub fn kubectl(&self) -> &Kubectl {
        &self.inside
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cluster may be gone before.
        self.inside.run(&["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"]);
    }
}
