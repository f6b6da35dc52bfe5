//! TLS towards clients.

use super::Context::{Http, Server, Stream, StreamServer};
use super::{Context, Specification, directive, exactly, followed_by};
use crate::kind::Kind;

const LEVELS: &[Context] = &[Http, Server, Stream, StreamServer];

/// What versions of TLS are called.
pub(super) const PROTOCOL: Kind = Kind::OneOf(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);

const fn ssl(name: &'static str, contexts: &'static [Context], arguments: super::Arguments) -> Specification {
    directive(name, contexts, arguments).module("http_ssl")
}

pub(super) const DIRECTIVES: &[Specification] = &[
    ssl("ssl_certificate", LEVELS, exactly(&[Kind::File])).repeats(),
    ssl("ssl_certificate_key", LEVELS, exactly(&[Kind::File])).repeats(),
    ssl("ssl_password_file", LEVELS, exactly(&[Kind::File])).since(1, 7, 3),
    ssl("ssl_protocols", LEVELS, followed_by(&[PROTOCOL], PROTOCOL)),
    ssl("ssl_ciphers", LEVELS, exactly(&[Kind::Ciphers])),
    ssl("ssl_prefer_server_ciphers", LEVELS, exactly(&[Kind::OnOff])),
    ssl("ssl_ecdh_curve", LEVELS, exactly(&[Kind::Ciphers])),
    ssl("ssl_dhparam", LEVELS, exactly(&[Kind::File])),
    ssl("ssl_conf_command", LEVELS, exactly(&[Kind::Name, Kind::Literal])).repeats().since(1, 19, 4),
    ssl("ssl_session_cache", LEVELS, followed_by(&[Kind::SessionCache], Kind::SessionCache)),
    ssl("ssl_session_tickets", LEVELS, exactly(&[Kind::OnOff])).since(1, 5, 9),
    ssl("ssl_session_ticket_key", LEVELS, exactly(&[Kind::File])).repeats().since(1, 5, 7),
    ssl("ssl_session_timeout", LEVELS, exactly(&[Kind::Seconds])),
    ssl("ssl_client_certificate", LEVELS, exactly(&[Kind::File])),
    ssl("ssl_trusted_certificate", LEVELS, exactly(&[Kind::File])).since(1, 3, 7),
    ssl("ssl_crl", LEVELS, exactly(&[Kind::File])),
    ssl("ssl_verify_client", LEVELS, exactly(&[Kind::OneOf(&["on", "off", "optional", "optional_no_ca"])])),
    ssl("ssl_verify_depth", LEVELS, exactly(&[Kind::Number(0, 100)])),
    ssl("ssl_buffer_size", &[Http, Server], exactly(&[Kind::Size])).since(1, 5, 9),
    ssl("ssl_early_data", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 15, 3),
    ssl("ssl_reject_handshake", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 19, 4),
    ssl("ssl_stapling", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 3, 7),
    ssl("ssl_stapling_verify", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 3, 7),
    directive("ssl_preread", &[Stream, StreamServer], exactly(&[Kind::OnOff]))
        .since(1, 11, 5)
        .module("stream_ssl_preread"),
];
