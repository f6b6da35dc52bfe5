//! Connections that are passed on without looking into them.

use super::Context::{Stream, StreamServer, StreamUpstream};
use super::{Context, NOTHING, Specification, directive, exactly, followed_by, optionally, upstream};
use crate::kind::{Kind, Parameter};

const LEVELS: &[Context] = &[Stream, StreamServer];

const LISTEN: &[Parameter] = &[
    Parameter { name: "ssl", value: None },
    Parameter { name: "udp", value: None },
    Parameter { name: "proxy_protocol", value: None },
    Parameter { name: "reuseport", value: None },
    Parameter { name: "backlog", value: Some(&Kind::Number(1, 1_000_000)) },
    Parameter { name: "ipv6only", value: Some(&Kind::OnOff) },
    Parameter { name: "so_keepalive", value: Some(&Kind::OnOff) },
];

pub(super) const DIRECTIVES: &[Specification] = &[
    directive("server", &[Stream], NOTHING).opens(StreamServer).repeats(),
    directive("upstream", &[Stream], exactly(&[Kind::Name])).opens(StreamUpstream).repeats(),
    directive("server", &[StreamUpstream], followed_by(&[Kind::Endpoint], Kind::Parameters(upstream::SERVER)))
        .repeats(),
    directive("zone", &[StreamUpstream], optionally(&[Kind::Name], &[Kind::Size])),
    directive("least_conn", &[StreamUpstream], NOTHING),
    directive("hash", &[StreamUpstream], optionally(&[Kind::Text], &[Kind::OneOf(&["consistent"])])),
    directive("listen", &[StreamServer], followed_by(&[Kind::Listen], Kind::Parameters(LISTEN))).repeats(),
    directive("proxy_pass", &[StreamServer], exactly(&[Kind::StreamTarget])),
    directive("proxy_connect_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("proxy_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("proxy_next_upstream", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_next_upstream_tries", LEVELS, exactly(&[Kind::Number(0, 1000)])),
    directive("proxy_next_upstream_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("proxy_protocol", LEVELS, exactly(&[Kind::OnOff])).since(1, 9, 2),
    directive("proxy_responses", LEVELS, exactly(&[Kind::Number(0, 1_000_000)])).since(1, 9, 13),
    directive("proxy_requests", LEVELS, exactly(&[Kind::Number(0, 1_000_000)])).since(1, 15, 7),
    directive("proxy_socket_keepalive", LEVELS, exactly(&[Kind::OnOff])).since(1, 15, 6),
    directive("preread_buffer_size", LEVELS, exactly(&[Kind::Size])).since(1, 11, 5),
    directive("preread_timeout", LEVELS, exactly(&[Kind::Time])).since(1, 11, 5),
    directive("tcp_nodelay", LEVELS, exactly(&[Kind::OnOff])).since(1, 9, 4),
    directive("allow", LEVELS, exactly(&[Kind::Or(&["all", "unix:"], &Kind::Network)])).repeats(),
    directive("deny", LEVELS, exactly(&[Kind::Or(&["all", "unix:"], &Kind::Network)])).repeats(),
    directive("random", &[StreamUpstream], optionally(&[], &[Kind::OneOf(&["two"]), Kind::OneOf(&["least_conn"])]))
        .since(1, 15, 1),
];
