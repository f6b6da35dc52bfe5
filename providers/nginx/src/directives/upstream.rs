//! Groups of servers that requests are passed to.

use super::Context::{Http, Map, Upstream};
use super::{NOTHING, Specification, directive, exactly, followed_by, optionally};
use crate::kind::{Kind, Parameter};

/// What is said of one server of a group.
pub(super) const SERVER: &[Parameter] = &[
    Parameter { name: "weight", value: Some(&Kind::Number(1, 65_535)) },
    Parameter { name: "max_conns", value: Some(&Kind::Number(0, 1_000_000)) },
    Parameter { name: "max_fails", value: Some(&Kind::Number(0, 1_000_000)) },
    Parameter { name: "fail_timeout", value: Some(&Kind::Seconds) },
    Parameter { name: "backup", value: None },
    Parameter { name: "down", value: None },
    Parameter { name: "resolve", value: None },
];

pub(super) const DIRECTIVES: &[Specification] = &[
    directive("upstream", &[Http], exactly(&[Kind::Name])).opens(Upstream).repeats(),
    directive("server", &[Upstream], followed_by(&[Kind::Endpoint], Kind::Parameters(SERVER))).repeats(),
    directive("zone", &[Upstream], optionally(&[Kind::Name], &[Kind::Size])).since(1, 9, 0),
    directive("keepalive", &[Upstream], exactly(&[Kind::Number(1, 65_535)])).since(1, 1, 4),
    directive("keepalive_requests", &[Upstream], exactly(&[Kind::Number(1, 100_000_000)])).since(1, 15, 3),
    directive("keepalive_time", &[Upstream], exactly(&[Kind::Time])).since(1, 19, 10),
    directive("keepalive_timeout", &[Upstream], exactly(&[Kind::Time])).since(1, 15, 3).since_tengine(1, 4, 5),
    directive("least_conn", &[Upstream], NOTHING).since(1, 3, 1),
    directive("ip_hash", &[Upstream], NOTHING),
    directive("hash", &[Upstream], optionally(&[Kind::Text], &[Kind::OneOf(&["consistent"])])).since(1, 7, 2),
    directive("random", &[Upstream], optionally(&[], &[Kind::OneOf(&["two"]), Kind::OneOf(&["least_conn"])]))
        .since(1, 15, 1),
    // The special words of blocks whose directives are keys.
    directive("default", &[Map], exactly(&[Kind::Text])),
    directive("hostnames", &[Map], NOTHING),
    directive("volatile", &[Map], NOTHING).since(1, 11, 7),
];
