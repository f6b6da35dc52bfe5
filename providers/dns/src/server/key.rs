//! Keys that sign what goes to a server and what comes back (TSIG, RFC 8945).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::tsig::{Algorithm, KeyName};

/// A key, as `[ALGORITHM:]NAME:SECRET` with the secret in base64: the form of `dig -y`. The
/// algorithm is hmac-sha256 where none is given.
#[derive(Clone)]
pub struct Key(Arc<domain::tsig::Key>);

/// Its secret is not shown.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.name())
    }
}

impl AsRef<domain::tsig::Key> for Key {
    fn as_ref(&self) -> &domain::tsig::Key {
        &self.0
    }
}

impl FromStr for Key {
    type Err = String;

    /// Problems never quote the text, which is a secret.
    fn from_str(text: &str) -> Result<Key, String> {
        let parts: Vec<&str> = text.trim().split(':').collect();
        let (algorithm, name, secret) = match parts[..] {
            [name, secret] => ("hmac-sha256", name, secret),
            [algorithm, name, secret] => (algorithm, name, secret),
            _ => return Err("the key is not [algorithm:]name:secret, with the secret in base64".to_owned()),
        };
        let algorithm = Algorithm::from_str(&algorithm.to_ascii_lowercase())
            .map_err(|_| "the key's algorithm is not hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512".to_owned())?;
        let name = KeyName::from_str(name).map_err(|_| "the key's name is not a domain name".to_owned())?;
        let secret = BASE64_STANDARD.decode(secret).map_err(|_| "the key's secret is not in base64".to_owned())?;
        let key = domain::tsig::Key::new(algorithm, &secret, name, None, None);
        key.map(|key| Key(Arc::new(key))).map_err(|_| "the key cannot be used".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn keys_are_read_and_never_shown() {
        for good in ["name:c2VjcmV0", "hmac-sha512:a.name.:c2VjcmV0", "HMAC-SHA1:name:c2VjcmV0"] {
            let key: Key = good.parse().expect(good);
            assert!(!format!("{key:?}").contains("c2VjcmV0"), "{key:?}");
        }
        for bad in ["", "c2VjcmV0", "md5:name:c2VjcmV0", "name:not base64", "a..b:c2VjcmV0", "a:b:c:d"] {
            let problem = bad.parse::<Key>().expect_err(bad);
            assert!(bad.is_empty() || !problem.contains(bad), "{problem}");
        }
    }
}
