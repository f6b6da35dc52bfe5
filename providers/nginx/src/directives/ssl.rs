//! TLS towards clients.

use super::Context::{Http, Server, Stream, StreamServer};
use super::{Context, Specification, directive, exactly, followed_by};
use crate::kind::Kind;

const LEVELS: &[Context] = &[Http, Server, Stream, StreamServer];

/// What versions of TLS are called.
pub(super) const PROTOCOL: Kind = Kind::OneOf(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);

pub(super) const DIRECTIVES: &[Specification] = &[
    directive("ssl_certificate", LEVELS, exactly(&[Kind::File])).repeats(),
    directive("ssl_certificate_key", LEVELS, exactly(&[Kind::File])).repeats(),
    directive("ssl_password_file", LEVELS, exactly(&[Kind::File])).since(1, 7, 3),
    directive("ssl_protocols", LEVELS, followed_by(&[PROTOCOL], PROTOCOL)),
    directive("ssl_ciphers", LEVELS, exactly(&[Kind::Ciphers])),
    directive("ssl_prefer_server_ciphers", LEVELS, exactly(&[Kind::OnOff])),
    directive("ssl_ecdh_curve", LEVELS, exactly(&[Kind::Ciphers])),
    directive("ssl_dhparam", LEVELS, exactly(&[Kind::File])),
    directive("ssl_conf_command", LEVELS, exactly(&[Kind::Name, Kind::Literal])).repeats().since(1, 19, 4),
    directive("ssl_session_cache", LEVELS, followed_by(&[Kind::SessionCache], Kind::SessionCache)),
    directive("ssl_session_tickets", LEVELS, exactly(&[Kind::OnOff])).since(1, 5, 9),
    directive("ssl_session_ticket_key", LEVELS, exactly(&[Kind::File])).repeats().since(1, 5, 7),
    directive("ssl_session_timeout", LEVELS, exactly(&[Kind::Seconds])),
    directive("ssl_client_certificate", LEVELS, exactly(&[Kind::File])),
    directive("ssl_trusted_certificate", LEVELS, exactly(&[Kind::File])).since(1, 3, 7),
    directive("ssl_crl", LEVELS, exactly(&[Kind::File])),
    directive("ssl_verify_client", LEVELS, exactly(&[Kind::OneOf(&["on", "off", "optional", "optional_no_ca"])])),
    directive("ssl_verify_depth", LEVELS, exactly(&[Kind::Number(0, 100)])),
    directive("ssl_buffer_size", &[Http, Server], exactly(&[Kind::Size])).since(1, 5, 9),
    directive("ssl_early_data", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 15, 3),
    directive("ssl_reject_handshake", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 19, 4),
    directive("ssl_stapling", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 3, 7),
    directive("ssl_stapling_verify", &[Http, Server], exactly(&[Kind::OnOff])).since(1, 3, 7),
    directive("ssl_preread", &[Stream, StreamServer], exactly(&[Kind::OnOff])).since(1, 11, 5),
];
