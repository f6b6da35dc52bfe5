//! Which proxy the environment puts before a server.
//!
//! The rules are those of Go's net/http, and so of kubectl: `HTTPS_PROXY` or `HTTP_PROXY` by the
//! scheme of the server, in either case, but for hosts that `NO_PROXY` lists, and never for this
//! machine itself.

use std::net::IpAddr;

use ipnet::IpNet;

/// The proxy for a server, as the environment says it; `None` for none.
pub(super) fn from_environment(scheme: &str, host: &str) -> Option<String> {
    let variable = |name: &str| {
        let values = [name.to_owned(), name.to_ascii_lowercase()].map(|name| std::env::var(name).ok());
        values.into_iter().flatten().find(|value| !value.is_empty())
    };
    let proxy = variable(if scheme == "http" { "HTTP_PROXY" } else { "HTTPS_PROXY" })?;
    let proxy = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    (!is_excepted(host, &variable("NO_PROXY").unwrap_or_default())).then_some(proxy)
}

/// Whether a host is reached without a proxy. A rule is `*`, an address, a network, or a name
/// that stands for itself and, unless it begins with a dot, what ends with it.
fn is_excepted(host: &str, rules: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    rules.split(',').map(|rule| rule.trim().to_ascii_lowercase()).filter(|rule| !rule.is_empty()).any(|rule| {
        let name =
            rule.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(&*rule, |(name, _)| name);
        match (address, name.parse::<IpNet>(), name.parse::<IpAddr>()) {
            _ if rule == "*" => true,
            (Some(address), Ok(network), _) => network.contains(&address),
            (Some(address), _, Ok(excepted)) => address == excepted,
            (Some(_), ..) => false,
            (None, ..) => {
                let suffix = name.trim_start_matches("*.").trim_start_matches('.');
                let is_under = host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
                is_under || host == suffix && !name.starts_with('.')
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_no_proxy() {
        let rules = "corp.example, .internal,10.0.0.0/8,192.0.2.7,shop.test:6443";
        for host in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "corp.example",
            "a.corp.example",
            "b.internal",
            "10.1.2.3",
            "192.0.2.7",
            "shop.test",
        ] {
            assert!(is_excepted(host, rules), "{host}");
        }
        for host in ["corp.example.com", "internal", "notcorp.example", "11.0.0.1", "192.0.2.8"] {
            assert!(!is_excepted(host, rules), "{host}");
        }
        assert!(is_excepted("anything", "*") && !is_excepted("anything", ""));
    }
}
