//! Names of zones, of owners and of hosts.
//!
//! A name that ends in a dot is absolute, `@` is the zone itself, and any other is relative
//! to the zone: the rule of zone files. International names are taken as people write them
//! and kept in the form of DNS (`xn--…`), in lower case.

use bytes::Bytes;

/// An absolute name. Compared without regard to case, ordered canonically (RFC 4034, 6.1).
pub type Name = domain::base::Name<Bytes>;

/// The longest name in the form with dots.
const MAX_NAME: usize = 253;

/// Reads the name of a zone, with a dot at the end or without.
pub fn zone(text: &str) -> Result<Name, String> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let ascii = to_ascii(bare)?;
    ascii.split('.').try_for_each(|label| host_label(label).map_err(|problem| format!("in {text:?}, {problem}")))?;
    absolute(&ascii, text)
}

/// Reads the owner of a record of `zone`: `shop`, `@`, `*.dev`, `_sip._tcp`, `a.example.com.`.
pub fn owner(text: &str, zone: &Name) -> Result<Name, String> {
    let name = in_zone(text, zone, owner_label)?;
    if !name.ends_with(zone) {
        return Err(format!("{text:?} does not lie in the zone {zone}"));
    }
    Ok(name)
}

/// Reads the name of a host in a record of `zone`. A name of several labels must end in a
/// dot, because nobody can tell whether `mail.example.net` was meant to be relative.
pub fn host(text: &str, zone: &Name) -> Result<Name, String> {
    if text == "." {
        return Ok(Name::root_bytes());
    }
    if !text.ends_with('.') && text.contains('.') {
        return Err(format!("{text:?} must end in a dot: write {:?}", format!("{text}.")));
    }
    in_zone(text, zone, host_label)
}

/// Reads a mailbox: `hostmaster@example.com`, or the name that stands for it.
pub fn mailbox(text: &str, zone: &Name) -> Result<Name, String> {
    let Some((local, domain)) = text.split_once('@').filter(|(local, _)| !local.is_empty()) else {
        return host(text, zone);
    };
    let valid = local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
    if !valid || local.len() > 63 {
        return Err(format!("{text:?} is not a mailbox that a zone can name"));
    }
    let domain = self::zone(domain)?;
    // A dot in the local part belongs to its label.
    absolute(&format!("{}.{domain}", local.replace('.', "\\.")), text)
}

/// Reads a name that stands in a zone already, and may be none that could be configured.
pub fn kept(text: &str, zone: &Name, read: fn(&str, &Name) -> Result<Name, String>) -> Result<Name, String> {
    read(text, zone).or_else(|problem| parse(text).map_err(|_| problem))
}

/// The mailbox that a name stands for: `hostmaster@example.com`; the name itself where it
/// stands for none that [`mailbox`] reads.
pub fn mailbox_text(name: &Name) -> String {
    let mut labels = name.iter();
    let local = labels.next().map(|label| String::from_utf8_lossy(label.as_slice()).into_owned()).unwrap_or_default();
    let domain: Vec<String> = labels.filter(|label| !label.is_root()).map(|label| label.to_string()).collect();
    let text = format!("{local}@{}", domain.join("."));
    match mailbox(&text, name) {
        Ok(read) if read == *name && !local.is_empty() => text,
        _ => dotted(name),
    }
}

fn in_zone(text: &str, zone: &Name, check: fn(&str) -> Result<(), String>) -> Result<Name, String> {
    if text == "@" {
        return Ok(zone.clone());
    }
    let (bare, suffix) = match text.strip_suffix('.') {
        Some(bare) => (bare, None),
        None => (text, Some(zone)),
    };
    let ascii = to_ascii(bare)?;
    for (index, label) in ascii.split('.').enumerate() {
        // A wildcard stands first and alone.
        if !(index == 0 && label == "*") {
            check(label).map_err(|problem| format!("in {text:?}, {problem}"))?;
        }
    }
    let Some(zone) = suffix else { return absolute(&ascii, text) };
    let inside = zone.to_string();
    if ascii == inside || ascii.ends_with(&format!(".{inside}")) {
        return Err(format!("{text:?} would stand for {ascii}.{inside}.; end it in a dot, or leave out {inside}"));
    }
    absolute(&format!("{ascii}.{inside}"), text)
}

/// International labels to their form in DNS, everything to lower case.
fn to_ascii(text: &str) -> Result<String, String> {
    if text.is_ascii() {
        return Ok(text.to_ascii_lowercase());
    }
    let label = |label: &str| match label.is_ascii() {
        true => Ok(label.to_ascii_lowercase()),
        false => idna::domain_to_ascii(label).map_err(|_| format!("{text:?} is not an international name")),
    };
    // Full-width dots divide labels too.
    let labels: Result<Vec<String>, String> = text.split(['.', '\u{3002}', '\u{FF0E}']).map(label).collect();
    labels.map(|labels| labels.join("."))
}

fn label(text: &str, allowed: &[u8]) -> Result<(), String> {
    if text.is_empty() {
        return Err("a label is empty".to_owned());
    }
    if text.len() > 63 {
        return Err(format!("the label {text:?} is longer than 63 bytes"));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(format!("the label {text:?} begins or ends with a hyphen"));
    }
    match text.chars().find(|char| !char.is_ascii_alphanumeric() && !allowed.iter().any(|a| char::from(*a) == *char)) {
        Some(char) => Err(format!("the character {char:?} is not allowed")),
        None => Ok(()),
    }
}

fn host_label(text: &str) -> Result<(), String> {
    label(text, b"-_")
}

/// Owners may hold a slash as well, for reverse zones of less than 256 addresses (RFC 2317).
fn owner_label(text: &str) -> Result<(), String> {
    label(text, b"-_/")
}

fn absolute(ascii: &str, text: &str) -> Result<Name, String> {
    if ascii.len() > MAX_NAME {
        return Err(format!("{text:?} stands for a name longer than {MAX_NAME} bytes"));
    }
    parse(&format!("{ascii}.")).map_err(|error| format!("{text:?} is not a name: {error}"))
}

/// The absolute name that a text is, which need not be one that could be configured.
///
/// # Errors
///
/// Why it is none.
pub fn parse(text: &str) -> Result<Name, String> {
    let name = domain::base::Name::vec_from_str(text).map_err(|error| error.to_string())?;
    exact(name)
}

/// The name in no more memory than it needs: while it was made it had room for the longest of all.
fn exact(name: domain::base::Name<Vec<u8>>) -> Result<Name, String> {
    Name::from_octets(Bytes::from(name.into_octets().into_boxed_slice())).map_err(|error| error.to_string())
}

/// The absolute name as text, with its dot.
pub fn dotted(name: &Name) -> String {
    name.fmt_with_dot().to_string()
}

/// The name as it is written in a file of `zone`: `@`, `shop`, or absolute.
pub fn relative(name: &Name, zone: &Name) -> String {
    if name == zone {
        return "@".to_owned();
    }
    name.clone().strip_suffix(zone).map_or_else(|name| dotted(&name), |relative| relative.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Name {
        zone("example.com").expect("a zone")
    }

    #[test]
    fn owners_are_relative_unless_they_end_in_a_dot() {
        for (text, want) in [
            ("shop", "shop.example.com."),
            ("Shop.EU", "shop.eu.example.com."),
            ("@", "example.com."),
            ("*", "*.example.com."),
            ("*.dev", "*.dev.example.com."),
            ("_sip._tcp", "_sip._tcp.example.com."),
            ("a.example.com.", "a.example.com."),
            ("münchen", "xn--mnchen-3ya.example.com."),
            ("0/25", "0/25.example.com."),
        ] {
            assert_eq!(owner(text, &example()).map(|name| dotted(&name)).as_deref(), Ok(want));
        }
    }

    #[test]
    fn wrong_names_are_told() {
        for (text, want) in [
            ("", "empty"),
            ("a..b", "empty"),
            ("a.example.com", "end it in a dot"),
            ("example.com", "end it in a dot"),
            ("a.example.net.", "does not lie in the zone"),
            ("a b", "' ' is not allowed"),
            ("a;b", "';' is not allowed"),
            ("a\nb", "'\\n' is not allowed"),
            ("a\\b", "is not allowed"),
            ("$TTL", "'$' is not allowed"),
            ("a.*.b", "'*' is not allowed"),
            ("-a", "hyphen"),
            (&"a".repeat(64), "63 bytes"),
            (&["abcdefgh"; 30].join("."), "253 bytes"),
        ] {
            let problem = owner(text, &example()).expect_err(text);
            assert!(problem.contains(want), "{text}: {problem}");
        }
        assert!(host("mail.example.net", &example()).expect_err("no dot").contains("\"mail.example.net.\""));
        assert!(zone("..").is_err());
        assert!(zone("a/b").is_err());
    }

    #[test]
    fn mailboxes_become_names() {
        let mailbox = |text| mailbox(text, &example()).map(|name| dotted(&name));
        assert_eq!(mailbox("hostmaster@example.com").as_deref(), Ok("hostmaster.example.com."));
        assert_eq!(mailbox("a.b@example.com").as_deref(), Ok("a\\.b.example.com."));
        assert_eq!(mailbox("hostmaster").as_deref(), Ok("hostmaster.example.com."));
        assert!(mailbox("a b@example.com").is_err());
        let back = |text: &str| mailbox_text(&super::mailbox(text, &example()).expect("a mailbox"));
        assert_eq!(back("a.b@example.com"), "a.b@example.com");
        assert_eq!(back("hostmaster"), "hostmaster@example.com");
        assert_eq!(mailbox_text(&Name::root_bytes()), ".");
    }

    #[test]
    fn names_are_shown_relative_to_the_zone() {
        let shown = |text| relative(&owner(text, &example()).expect("a name"), &example());
        assert_eq!(shown("shop.eu"), "shop.eu");
        assert_eq!(shown("@"), "@");
        assert_eq!(relative(&zone("example.net").expect("a zone"), &example()), "example.net.");
    }
}
