//! The resource `nginx_file`.

use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::{Error, Proposal};

use crate::config;

/// Permissions of a file that everybody may read.
pub(crate) const PUBLIC: u32 = 0o644;

/// Permissions of a file that only its owner may read.
pub(crate) const PRIVATE: u32 = 0o600;

/// All that is wrong with a file.
pub(crate) fn validate(config: &Value) -> Vec<Error> {
    let mut errors = config::path_errors(config);
    errors.extend(mode_error(config));
    errors
}

/// What is wrong with the mode of a resource of either type.
pub(crate) fn mode_error(config: &Value) -> Option<Error> {
    let mode = config.get("mode");
    let mode = mode.as_ref().and_then(Value::as_str).filter(|mode| parse_mode(mode).is_none())?;
    let problem = format!("{mode:?} is not a mode: write four octal digits that let the owner read, such as 0644");
    Some(Error::invalid(problem).at(AttributePath::attribute("mode")))
}

/// The permissions that a mode says. Bits beyond read, write and execute are refused, and
/// so is a file that its owner cannot read back.
pub(crate) fn parse_mode(text: &str) -> Option<u32> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| digits)?;
    (mode <= 0o777 && mode & 0o400 != 0).then_some(mode)
}

/// How a mode is written.
pub(crate) fn mode_text(mode: u32) -> String {
    format!("{mode:04o}")
}

/// The planned mode: as configured, otherwise after the content and whether any of it is sensitive.
pub(crate) fn mode(proposal: &Proposal<'_>, content: &Value) -> Value {
    let given = proposal.config.get("mode").filter(|mode| !mode.is_null());
    given.unwrap_or_else(|| match proposal.is_sensitive {
        true => Value::string(mode_text(PRIVATE)),
        false => mode_of(content),
    })
}

/// The mode of a file of which nothing but its content is known, and that perhaps not either.
pub(crate) fn mode_of(content: &Value) -> Value {
    match content.as_str() {
        Some(text) => Value::string(mode_text(default_mode(text))),
        None => Value::unknown_not_null(Type::String),
    }
}

fn default_mode(content: &str) -> u32 {
    if holds_private_key(content) { PRIVATE } else { PUBLIC }
}

/// Whether a private key in PEM form stands in it.
pub(crate) fn holds_private_key(content: &str) -> bool {
    content.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        assert_eq!(parse_mode("0644"), Some(0o644));
        assert_eq!(parse_mode("0600"), Some(0o600));
        for text in ["", "644", "0888", "00644", "+644", "4755", "0200", "rw"] {
            assert_eq!(parse_mode(text), None, "{text}");
        }
    }

    #[test]
    fn keys_and_secrets_are_private() {
        let config = Value::object([("mode", Value::null(Type::String))]);
        let mode = |content: Value, is_sensitive: bool| {
            let proposal =
                Proposal { resource_type: "", prior: None, config: &config, proposed: &config, is_sensitive };
            mode(&proposal, &content)
        };
        assert_eq!(mode(Value::string("page"), false), Value::string("0644"));
        assert_eq!(mode(Value::string("page"), true), Value::string("0600"));
        assert_eq!(mode(Value::unknown(Type::String), true), Value::string("0600"));
        assert_eq!(mode(Value::string("-----BEGIN EC PRIVATE KEY-----\n"), false), Value::string("0600"));
        assert!(!mode(Value::unknown(Type::String), false).is_known());
    }
}
