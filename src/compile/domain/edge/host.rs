//! The host names of a route.

use std::collections::BTreeSet;

use portolan_lang::{Address, Data, Diagnostic, Diagnostics, Marks, Span, Value};

use crate::compile::domain::{Block, Claim};

/// The longest name in DNS, in bytes (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;

/// What is wrong with the names.
pub(super) fn check(input: &Block<'_>, hosts: &Value) -> Diagnostics {
    check_at(input.attribute_span("hosts"), hosts)
}

/// What is wrong with the names that stand at a place.
pub(super) fn check_at(at: Span, hosts: &Value) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let items = hosts.items().unwrap_or_default();
    if hosts.is_known() && items.is_empty() {
        problems.push(Diagnostic::error("Route without hosts").detail("At least one host name is required.").at(at));
    }
    let hidden = hosts.deep_marks().contains(Marks::SENSITIVE);
    if hidden || items.iter().any(|host| matches!(host.data(), Data::Null(_))) {
        let detail = "A host name can be neither null nor sensitive.";
        problems.push(Diagnostic::error("Unsuitable host").detail(detail).at(at));
        return problems;
    }
    let mut seen = BTreeSet::new();
    for host in items.iter().filter_map(Value::as_str) {
        if let Some(help) = problem(host) {
            let detail = format!("\"{host}\" is not a host name.");
            problems.push(Diagnostic::error("Unsuitable host").detail(detail).at(at).help(help));
        } else if !seen.insert(host.to_ascii_lowercase()) {
            let detail = format!("\"{host}\" stands in the list twice.");
            problems.push(Diagnostic::error("Host given twice").detail(detail).at(at));
        }
    }
    problems
}

/// What to do about a text that is not a host name: labels of letters, digits, dashes and
/// underscores, of which the first may be `*`.
fn problem(host: &str) -> Option<&'static str> {
    if host.contains('/') || host.contains(':') {
        return Some("Write the name alone, without protocol, port and path.");
    }
    if !host.is_ascii() {
        return Some("Write the form that DNS knows, which begins with \"xn--\".");
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    if name.contains('*') {
        return Some("A star stands for the whole first label only: \"*.example.com\".");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = host.len() <= MAX_NAME && name.split('.').all(is_label);
    (!is_name).then_some("It has letters, digits and dashes, with dots between its labels: \"shop.example.com\".")
}

/// Every host is served by one route of a fleet.
pub(super) fn claims(input: &Block<'_>, nginx: &Address, hosts: &Value) -> Vec<Claim> {
    let names: BTreeSet<String> =
        hosts.items().unwrap_or_default().iter().filter_map(|host| Some(host.as_str()?.to_ascii_lowercase())).collect();
    let claim = |name: String| Claim {
        owner: input.address.clone(),
        what: format!("the host \"{name}\" of {nginx}"),
        share: None,
        span: input.attribute_span("hosts"),
        help: "Put all locations of a host into one route.",
    };
    names.into_iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names() {
        for host in ["a", "shop.example.com", "*.example.com", "a_b.example.com", "192.0.2.1", "xn--bcher-kva.example"]
        {
            assert_eq!(problem(host), None, "{host}");
        }
        let long = "a".repeat(64);
        for host in
            ["", ".", "a..b", "a.", "*", "a.*.b", "*a.b", "-a.b", "a b", "http://a", "a:80", "ü.example", &*long]
        {
            assert!(problem(host).is_some(), "{host}");
        }
    }
}
