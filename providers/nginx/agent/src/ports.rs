//! Ports that a tree is to listen on, and that another program holds. `nginx -t` does not look; nginx finds
//! out when it is to serve the tree.
//!
//! What nginx listens on already, in the tree that it reads now or that was good, is its own. What is new is
//! tried by taking it for a moment, without listening, so that nobody can connect.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use portolan_fleet::Entry;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use crate::quarantine::Objection;

/// The port of a server that says none.
const PORT: u16 = 80;

/// Files in a folder, as they are listed in a manifest.
pub(crate) struct Files<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) entries: &'a BTreeMap<String, Entry>,
}

impl Files<'_> {
    /// What a file says that nginx is to listen on.
    fn listens(&self, path: &str) -> Vec<Listen> {
        let text = fs::read_to_string(self.folder.join(path)).unwrap_or_default();
        text.lines().filter_map(Listen::read).collect()
    }

    fn has(&self, is_sought: impl Fn(&Listen) -> bool) -> bool {
        self.entries.keys().any(|path| self.listens(path).iter().any(&is_sought))
    }
}

/// What nginx listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Listen {
    address: SocketAddr,
    is_udp: bool,
}

impl Listen {
    /// Reads a line `listen 127.0.0.1:80 ssl;`. Names and sockets of the file system are left to nginx.
    fn read(line: &str) -> Option<Listen> {
        let mut words = line.trim().strip_prefix("listen ")?.trim_end_matches(';').split_whitespace();
        let address = words.next()?;
        let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        let address = match address.strip_prefix("*:").unwrap_or(address).parse() {
            Ok(port) => SocketAddr::new(everywhere, port),
            Err(_) => {
                let bare = address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
                address.parse().ok().or_else(|| bare.ok().map(|bare| SocketAddr::new(bare, PORT)))?
            }
        };
        Some(Listen { address, is_udp: words.any(|word| word == "udp") })
    }

    /// Whether who listens on this takes what comes for the other one too.
    fn covers(&self, other: &Listen) -> bool {
        let everywhere = match other.address.ip() {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let is_same_port = self.is_udp == other.is_udp && self.address.port() == other.address.port();
        is_same_port && (self.address.ip() == other.address.ip() || self.address.ip() == everywhere)
    }

    /// Whether somebody holds it. What cannot be tried is left to nginx.
    fn is_held(&self) -> bool {
        let family = if self.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let kind = if self.is_udp { SocketType::DGRAM } else { SocketType::STREAM };
        let Ok(socket) = socket(family, kind, None) else { return false };
        // As nginx does: connections that ended a while ago are in nobody's way, and IPv6 is apart.
        let _ = sockopt::set_socket_reuseaddr(&socket, !self.is_udp);
        let _ = self.address.is_ipv4() || sockopt::set_ipv6_v6only(&socket, true).is_ok();
        bind(&socket, &self.address) == Err(Errno::ADDRINUSE)
    }
}

/// What speaks against a tree, given those that nginx may have read.
pub(crate) fn held(wanted: &Files<'_>, read: &[Files<'_>]) -> Option<Objection> {
    let is_old = |path: &str, entry: &Entry| read.iter().any(|files| files.entries.get(path) == Some(entry));
    let mut new: BTreeMap<Listen, &str> = BTreeMap::new();
    for (path, entry) in wanted.entries.iter().filter(|(path, entry)| !is_old(path, entry)) {
        new.extend(wanted.listens(path).into_iter().map(|listen| (listen, &*entry.unit)));
    }
    let is_own = |listen: &Listen| read.iter().any(|files| files.has(|other| other == listen));
    // nginx takes the wider one of two that it is told of.
    let is_within = |listen: &Listen| wanted.has(|other| other != listen && other.covers(listen));
    let (listen, unit) =
        new.into_iter().find(|(listen, _)| listen.is_held() && !is_own(listen) && !is_within(listen))?;
    let words = format!("another program holds {}: Address already in use", listen.address);
    Some(Objection { words, unit: Some(unit.to_owned()) })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use portolan_fleet::Digest;

    use super::*;

    fn listen(text: &str) -> Option<(String, bool)> {
        Listen::read(text).map(|listen| (listen.address.to_string(), listen.is_udp))
    }

    #[test]
    fn lines_are_read() {
        for (line, address, is_udp) in [
            ("    listen 8080;", "0.0.0.0:8080", false),
            ("listen *:8080 default_server;", "0.0.0.0:8080", false),
            ("listen 127.0.0.1:53 udp reuseport;", "127.0.0.1:53", true),
            ("listen 127.0.0.1;", "127.0.0.1:80", false),
            ("listen [::]:443 ssl;", "[::]:443", false),
            ("listen [::1];", "[::1]:80", false),
        ] {
            assert_eq!(listen(line), Some((address.to_owned(), is_udp)), "{line}");
        }
        for line in ["listen unix:/run/a;", "listen localhost:80;", "listen 99999;", "# listen 80;", "listening 80;"] {
            assert_eq!(listen(line), None, "{line}");
        }
    }

    /// What is said against listening on something, beside what nginx listens on by now.
    fn said(now: &str, then: &str) -> Option<String> {
        let folders = [now, then].map(|text| {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("a.conf"), text).expect("writes");
            let entry = Entry { sha256: Digest::of(text.as_bytes()), mode: "0644".into(), unit: "route.a".into() };
            (folder, BTreeMap::from([("a.conf".to_owned(), entry)]))
        });
        let [now, then] = folders.each_ref().map(|(folder, entries)| Files { folder: folder.path(), entries });
        held(&then, &[now]).map(|objection| objection.words)
    }

    #[test]
    fn what_others_hold_is_told_and_what_is_nginxs_own_is_not() {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let (tcp, udp) = (tcp.local_addr().map(|at| (tcp, at)), udp.local_addr().map(|at| (udp, at)));
        let ((_tcp, tcp), (_udp, udp)) = (tcp.expect("an address"), udp.expect("an address"));
        let line = |address: &str| format!("    listen {address};\n");
        let taken = said("", &line(&tcp.to_string())).expect("is held");
        assert_eq!(taken, format!("another program holds {tcp}: Address already in use"));
        assert!(said("", &line(&format!("{udp} udp"))).is_some());
        assert!(said("", &line(&format!("*:{}", tcp.port()))).is_some());
        assert_eq!(said(&line(&tcp.to_string()), &format!("{}# new\n", line(&tcp.to_string()))), None);
        assert_eq!(said("", &line("127.0.0.1:0")), None);
        let both = format!("{}{}", line(&tcp.to_string()), line(&tcp.port().to_string()));
        assert!(said(&line(&tcp.port().to_string()), &both).is_none(), "the wider one is nginx's own");
    }
}
