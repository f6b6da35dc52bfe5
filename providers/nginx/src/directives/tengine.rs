//! What modules of Tengine know: active health checks, names that are resolved while it runs, and
//! upstreams that are changed without a reload.

use super::Context::{Http, Location, Server, Upstream};
use super::{NOTHING, Specification, directive, exactly, followed_by, optionally};
use crate::kind::{Kind, Parameter};

const CHECK: &[Parameter] = &[
    Parameter { name: "interval", value: Some(&Kind::Number(1, 86_400_000)) },
    Parameter { name: "fall", value: Some(&Kind::Number(1, 1000)) },
    Parameter { name: "rise", value: Some(&Kind::Number(1, 1000)) },
    Parameter { name: "timeout", value: Some(&Kind::Number(1, 86_400_000)) },
    Parameter { name: "default_down", value: Some(&Kind::OneOf(&["true", "false"])) },
    Parameter { name: "type", value: Some(&Kind::OneOf(&["tcp", "ssl_hello", "http", "mysql", "ajp"])) },
    Parameter { name: "port", value: Some(&Kind::Number(1, 65_535)) },
];

const EXPECTED: Kind = Kind::OneOf(&["http_2xx", "http_3xx", "http_4xx", "http_5xx"]);

const RESOLVED: &[Parameter] = &[
    Parameter { name: "fallback", value: Some(&Kind::OneOf(&["next", "stale", "shutdown"])) },
    Parameter { name: "fail_timeout", value: Some(&Kind::Seconds) },
];

const CHECKS: &str = "http_upstream_check";
const DYUPS: &str = "http_dyups";

pub(super) const DIRECTIVES: &[Specification] = &[
    directive("check", &[Upstream], followed_by(&[Kind::Parameters(CHECK)], Kind::Parameters(CHECK)))
        .only_tengine(1, 4, 0)
        .module(CHECKS),
    directive("check_http_send", &[Upstream], exactly(&[Kind::Request])).only_tengine(1, 4, 0).module(CHECKS),
    directive("check_http_expect_alive", &[Upstream], followed_by(&[EXPECTED], EXPECTED))
        .only_tengine(1, 4, 0)
        .module(CHECKS),
    directive("check_keepalive_requests", &[Upstream], exactly(&[Kind::Number(1, 100_000_000)]))
        .only_tengine(2, 0, 0)
        .module(CHECKS),
    directive("check_shm_size", &[Http], exactly(&[Kind::Size])).only_tengine(1, 4, 0).module(CHECKS),
    directive("check_status", &[Server, Location], optionally(&[], &[Kind::OneOf(&["html", "csv", "json"])]))
        .only_tengine(1, 4, 0)
        .module(CHECKS),
    directive("dynamic_resolve", &[Upstream], followed_by(&[Kind::Parameters(RESOLVED)], Kind::Parameters(RESOLVED)))
        .only_tengine(2, 1, 0)
        .module("http_upstream_dynamic"),
    directive("dyups_interface", &[Location], NOTHING).module(DYUPS),
    directive("dyups_read_msg_timeout", &[Http], exactly(&[Kind::Time])).module(DYUPS),
    directive("dyups_shm_zone_size", &[Http], exactly(&[Kind::Size])).module(DYUPS),
    directive("dyups_trylock", &[Http], exactly(&[Kind::OnOff])).module(DYUPS),
];
