//! Sealing of sensitive values at rest.
//!
//! A document that holds a sensitive part is stored encrypted and authenticated with
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): 24 random bytes of nonce, the ciphertext,
//! 16 bytes of tag. The lineage of the state and the row that the document belongs to are
//! authenticated with it, so that a sealed value cannot be moved to another row or state.
//!
//! The key is 32 bytes, given in base64: by the environment variable [`KEY_VARIABLE`] or,
//! where that is not set, in a file of mode 0600 beside the state, which is made when the
//! first value is sealed. No error and no debug text shows a key or a value.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::backend::Error;
use crate::durable;

/// The environment variable that may hold the key.
pub const KEY_VARIABLE: &str = "PORTOLAN_STATE_KEY";

const NONCE_BYTES: usize = 24;

/// What a check of the key seals.
const CHECK: &str = "portolan";

/// Where the key comes from.
#[derive(Clone)]
pub struct KeySource {
    given: Option<String>,
    file: PathBuf,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySource").field("given", &self.given.is_some()).field("file", &self.file).finish()
    }
}

/// The key, ready for use.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    lineage: String,
    origin: String,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl KeySource {
    /// This key, in base64.
    pub fn given(key: impl Into<String>) -> Self {
        KeySource { given: Some(key.into()), file: PathBuf::new() }
    }

    /// The key in this file, which is made when it is first needed.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        KeySource { given: None, file: path.into() }
    }

    /// The key of the environment variable [`KEY_VARIABLE`] if it is set and not empty, or
    /// the one in this file.
    pub fn environment_or_file(path: impl Into<PathBuf>) -> Self {
        let given = std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty());
        KeySource { given, file: path.into() }
    }

    /// The key that values of the state are already sealed with; it is never made.
    ///
    /// # Errors
    ///
    /// [`Error::Sealed`] where it is missing or no key, [`Error::Io`] where its file cannot
    /// be read.
    pub fn existing(&self, lineage: &str) -> Result<Sealer, Error> {
        match self.read(lineage)? {
            Some(sealer) => Ok(sealer),
            None => Err(sealed(format!(
                "the key file {} is missing; restore it, or set {KEY_VARIABLE}",
                self.file.display()
            ))),
        }
    }

    /// The key to seal the first value of a state with. A key file is made where there is
    /// none, and is on disk before anything is sealed with it.
    ///
    /// # Errors
    ///
    /// As [`KeySource::existing`], and [`Error::Io`] where the file cannot be made.
    pub fn existing_or_new(&self, lineage: &str) -> Result<Sealer, Error> {
        if let Some(sealer) = self.read(lineage)? {
            return Ok(sealer);
        }
        let key = BASE64_STANDARD.encode(XChaCha20Poly1305::generate_key(&mut OsRng));
        // Another process may have been quicker: then its key is the one to use.
        match durable::create_new(&self.file, |file| writeln!(file, "{key}")) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(self.io_error("writing", &error)),
            _ => self.existing(lineage),
        }
    }

    fn read(&self, lineage: &str) -> Result<Option<Sealer>, Error> {
        let (text, origin) = match &self.given {
            Some(given) => (given.clone(), KEY_VARIABLE.to_owned()),
            None => match std::fs::read(&self.file) {
                Ok(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), self.file.display().to_string()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(self.io_error("reading", &error)),
            },
        };
        let key = BASE64_STANDARD.decode(text.trim()).ok().filter(|key| key.len() == 32);
        let key = key.ok_or_else(|| sealed(format!("{origin} is not a key: 32 bytes in base64 are expected")))?;
        let cipher = XChaCha20Poly1305::new(key.as_slice().into());
        Ok(Some(Sealer { cipher, lineage: lineage.to_owned(), origin }))
    }

    fn io_error(&self, doing: &'static str, error: &io::Error) -> Error {
        Error::Io { doing, place: self.file.display().to_string(), reason: error.to_string() }
    }
}

impl Sealer {
    /// Seals a document of this row.
    ///
    /// # Errors
    ///
    /// [`Error::Sealed`] where it is larger than the cipher takes (256 GiB).
    pub fn seal(&self, row: &Row<'_>, document: &str) -> Result<Vec<u8>, Error> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let associated = self.associated(row);
        let payload = Payload { msg: document.as_bytes(), aad: &associated };
        let ciphertext =
            self.cipher.encrypt(&nonce, payload).map_err(|_| sealed(format!("the value of {row} cannot be sealed")))?;
        Ok([nonce.as_slice(), &ciphertext].concat())
    }

    /// Opens what was sealed for this row.
    ///
    /// # Errors
    ///
    /// [`Error::Sealed`] where it was sealed with another key or for another row, and where
    /// it was changed since.
    pub fn open(&self, row: &Row<'_>, sealed_bytes: &[u8]) -> Result<String, Error> {
        let associated = self.associated(row);
        let opened = sealed_bytes.split_at_checked(NONCE_BYTES).and_then(|(nonce, ciphertext)| {
            let payload = Payload { msg: ciphertext, aad: &associated };
            self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
        });
        opened.and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| {
            sealed(format!(
                "the value of {row} was sealed with another key than that of {}, or was changed",
                self.origin
            ))
        })
    }

    /// A sealed text by which [`Sealer::accept`] knows the key again.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`].
    pub fn check(&self) -> Result<Vec<u8>, Error> {
        self.seal(&Row::Check, CHECK)
    }

    /// Whether this is the key that made the check.
    ///
    /// # Errors
    ///
    /// [`Error::Sealed`] where it is not.
    pub fn accept(&self, check: &[u8]) -> Result<(), Error> {
        match self.open(&Row::Check, check) {
            Ok(_) => Ok(()),
            Err(_) => Err(sealed(format!(
                "the key of {} is not the one that the values were sealed with; restore that key, or set {KEY_VARIABLE} to it",
                self.origin
            ))),
        }
    }

    /// Each part with its length before it, so that no two rows give the same bytes.
    fn associated(&self, row: &Row<'_>) -> Vec<u8> {
        let (kind, first, second) = row.parts();
        let mut bytes = Vec::new();
        for part in [&self.lineage, kind, first, second] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// The row that a sealed document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row<'a> {
    /// The check of the key.
    Check,
    /// A connection, by its address.
    Connection(&'a str),
    /// An object, by its address and the id it was put aside under.
    Resource(&'a str, &'a str),
    /// An object in the journal, likewise.
    Journal(&'a str, &'a str),
    /// An output, by its name.
    Output(&'a str),
    /// A saved plan, by what its file says of it in the clear.
    Plan(&'a str),
}

impl<'a> Row<'a> {
    fn parts(&self) -> (&'static str, &'a str, &'a str) {
        match self {
            Row::Check => ("check", "", ""),
            Row::Connection(address) => ("connection", address, ""),
            Row::Resource(address, deposed) => ("resource", address, deposed),
            Row::Journal(address, deposed) => ("journal", address, deposed),
            Row::Output(name) => ("output", name, ""),
            Row::Plan(header) => ("plan", header, ""),
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Row::Check => f.write_str("the key's check"),
            Row::Connection(address) => write!(f, "the connection {address}"),
            Row::Resource(address, "") => f.write_str(address),
            Row::Resource(address, deposed) => write!(f, "{address} (deposed {deposed})"),
            Row::Journal(address, _) => write!(f, "{address} in the journal"),
            Row::Output(name) => write!(f, "the output {name}"),
            Row::Plan(_) => f.write_str("the saved plan"),
        }
    }
}

fn sealed(reason: String) -> Error {
    Error::Sealed { reason }
}

/// The key file of a state in this file: `key` beside it.
pub fn key_file_beside(state: &Path) -> PathBuf {
    state.with_file_name("key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(folder: &tempfile::TempDir) -> Sealer {
        KeySource::file(folder.path().join("key")).existing_or_new("lineage").expect("a key")
    }

    #[test]
    fn what_is_sealed_opens_for_its_row_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let sealer = sealer(&folder);
        let row = Row::Resource("a.b", "");
        let sealed = sealer.seal(&row, "hunter2").expect("sealed");
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(sealer.open(&row, &sealed).expect("opened"), "hunter2");
        for other in [Row::Resource("a.c", ""), Row::Resource("a.b", "1"), Row::Journal("a.b", ""), Row::Output("a.b")]
        {
            assert!(sealer.open(&other, &sealed).is_err(), "{other}");
        }
        for cut in [0, 3, NONCE_BYTES, sealed.len() - 1] {
            assert!(sealer.open(&row, &sealed[..cut]).is_err(), "{cut}");
        }
        let elsewhere = KeySource::file(folder.path().join("key")).existing("other").expect("a key");
        assert!(elsewhere.open(&row, &sealed).is_err());
    }

    #[test]
    fn a_key_file_is_private_and_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let check = sealer(&folder).check().expect("a check");
        let mode = folder.path().join("key").metadata().expect("a key file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        sealer(&folder).accept(&check).expect("the same key");
    }

    #[test]
    fn wrong_and_missing_keys_say_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = sealer(&folder).check().expect("a check");
        let other = BASE64_STANDARD.encode([7; 32]);
        let wrong = KeySource::given(&other).existing("lineage").expect("a key").accept(&check);
        let missing = KeySource::file(folder.path().join("none")).existing("lineage");
        let broken = KeySource::given("c2hvcnQ=").existing("lineage");
        for (error, part) in [
            (wrong.expect_err("another key"), "set PORTOLAN_STATE_KEY to it"),
            (missing.expect_err("no key"), "is missing; restore it"),
            (broken.expect_err("not a key"), "PORTOLAN_STATE_KEY is not a key: 32 bytes in base64 are expected"),
        ] {
            let text = error.to_string();
            assert!(text.contains(part), "{text}");
            assert!(!text.contains("c2hvcnQ") && !text.contains(&other), "{text}");
        }
        let debug = format!("{:?}{:?}", KeySource::given(&other), sealer(&folder));
        assert!(!debug.contains(&other), "{debug}");
    }
}
