//! What tells requests apart, for limits and canaries: a list of what is allowed, so that no
//! text of a user becomes an expression of nginx. And short names for long texts.

use portolan_lang::Diagnostic;
use sha2::{Digest, Sha256};

use super::part::Part;

/// Eight digits that stand for a text where its characters cannot, as in the names of files.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The variable of nginx that a key stands for: `$binary_remote_addr` for `client`.
pub(super) fn variable(key: &str) -> Option<String> {
    let fixed = match key {
        "request" => "$request_id",
        "client" => "$binary_remote_addr",
        "host" => "$host",
        "server" => "$server_name",
        "path" => "$uri",
        "user" => "$remote_user",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed.to_owned());
    }
    let (kind, name) = key.split_once(':')?;
    match kind {
        "header" => header(name),
        "cookie" => named("cookie", name),
        "argument" => named("arg", name),
        _ => None,
    }
}

/// The variable of a header field.
pub(super) fn header(name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_name = name.starts_with(|char: char| char.is_ascii_alphabetic()) && name.bytes().all(allowed);
    is_name.then(|| format!("$http_{}", name.to_ascii_lowercase().replace('-', "_")))
}

/// The variable of a cookie.
pub(super) fn cookie(name: &str) -> Option<String> {
    named("cookie", name)
}

fn named(kind: &str, name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(allowed)).then(|| format!("${kind}_{}", name.to_ascii_lowercase()))
}

/// The variable of the key that an attribute says.
pub(super) fn of(part: &Part<'_>, attribute: &str) -> Result<String, Diagnostic> {
    let given = part.text(attribute)?.unwrap_or_default();
    variable(&given).ok_or_else(|| {
        part.problem(attribute, "Unknown key", format!("\"{given}\" is nothing that tells requests apart."))
            .help("Use one of request, client, host, server, path, user, header:NAME, cookie:NAME and argument:NAME.")
    })
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn keys_are_variables_of_a_list() {
        assert_eq!(variable("client").as_deref(), Some("$binary_remote_addr"));
        assert_eq!(variable("header:X-Api-Key").as_deref(), Some("$http_x_api_key"));
        assert_eq!(variable("cookie:Session").as_deref(), Some("$cookie_session"));
        for key in
            ["", "$host", "header:", "header:a b", "header:$x", "cookie:a-b", "cookie:a;b", "arg:x", "header:a\n"]
        {
            assert_eq!(variable(key), None, "{key:?}");
        }
    }
}
