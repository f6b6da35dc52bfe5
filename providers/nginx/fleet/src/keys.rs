//! Where everything is in etcd.

use crate::Digest;

/// What all keys of a fleet begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The prefix that a person wrote: `/portolan/edge`, with or without a slash at the end.
    ///
    /// # Errors
    ///
    /// Why it cannot be one.
    pub fn new(text: &str) -> Result<Prefix, String> {
        let clean = text.trim_end_matches('/');
        if clean.is_empty() {
            return Err("the prefix must not be empty: everything in etcd would lie below it".to_owned());
        }
        if clean.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(format!("the prefix {text:?} holds a space or a control character"));
        }
        Ok(Prefix(clean.to_owned()))
    }

    /// Below which everything lies.
    pub fn all(&self) -> String {
        format!("{}/", self.0)
    }

    /// The key that says what counts.
    pub fn release(&self) -> String {
        format!("{}/release", self.0)
    }

    /// Below which the bytes are.
    pub fn blobs(&self) -> String {
        format!("{}/blobs/", self.0)
    }

    /// Below which the pieces of some bytes are.
    pub fn blob(&self, digest: &Digest) -> String {
        format!("{}/blobs/{digest}/", self.0)
    }

    /// A piece of some bytes. Their order is that of the keys.
    pub fn piece(&self, digest: &Digest, number: usize) -> String {
        format!("{}/blobs/{digest}/{number:05}", self.0)
    }

    /// Below which the addresses of pods are.
    pub fn endpoints(&self) -> String {
        format!("{}/endpoints/", self.0)
    }

    /// Below which agents report.
    pub fn nodes(&self) -> String {
        format!("{}/nodes/", self.0)
    }

    /// What the agent of a node reports.
    pub fn node(&self, name: &str) -> String {
        format!("{}/nodes/{name}", self.0)
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn a_prefix_is_some_text() {
        assert_eq!(Prefix::new("/portolan/edge/").map(|prefix| prefix.release()), Ok("/portolan/edge/release".into()));
        for text in ["", "/", "//", "/a b", "/a\nb"] {
            assert!(Prefix::new(text).is_err(), "{text:?}");
        }
    }
}
