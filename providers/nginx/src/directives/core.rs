//! The process, its connections and its logs.

use super::Context::{Events, Http, Location, Main, Server, Stream, StreamServer, Upstream};
use super::{Arguments, Context, Specification, directive, exactly, followed_by, optionally};
use crate::kind::{Kind, Parameter};

const LOGGING: &[Context] = &[Main, Http, Server, Location, Stream, StreamServer];

const LEVELS: Kind = Kind::OneOf(&["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"]);

const LOG_PARAMETERS: &[Parameter] = &[
    Parameter { name: "buffer", value: Some(&Kind::Size) },
    Parameter { name: "flush", value: Some(&Kind::Time) },
    Parameter { name: "gzip", value: Some(&Kind::Number(1, 9)) },
];

pub(super) const DIRECTIVES: &[Specification] = &[
    directive("user", &[Main], optionally(&[Kind::Name], &[Kind::Name])),
    directive("daemon", &[Main], exactly(&[Kind::OnOff])),
    directive("master_process", &[Main], exactly(&[Kind::OnOff])),
    directive("pid", &[Main], exactly(&[Kind::File])),
    directive("lock_file", &[Main], exactly(&[Kind::File])),
    directive("load_module", &[Main], exactly(&[Kind::File])).repeats().since(1, 9, 11),
    directive("pcre_jit", &[Main], exactly(&[Kind::OnOff])).since(1, 1, 12),
    directive("timer_resolution", &[Main], exactly(&[Kind::Time])),
    directive("worker_processes", &[Main], exactly(&[Kind::Or(&["auto"], &Kind::Number(1, 1024))])),
    directive("worker_cpu_affinity", &[Main], followed_by(&[Kind::Name], Kind::Name)),
    directive("worker_priority", &[Main], exactly(&[Kind::Number(0, 19)])),
    directive("worker_rlimit_nofile", &[Main], exactly(&[Kind::Number(1, 10_000_000)])),
    directive("worker_shutdown_timeout", &[Main], exactly(&[Kind::Time])).since(1, 11, 11),
    directive("working_directory", &[Main], exactly(&[Kind::File])),
    directive("events", &[Main], super::NOTHING).opens(Events),
    directive("http", &[Main], super::NOTHING).opens(Http),
    directive("stream", &[Main], super::NOTHING).opens(Stream).since(1, 9, 0).module("stream"),
    directive("accept_mutex", &[Events], exactly(&[Kind::OnOff])),
    directive("multi_accept", &[Events], exactly(&[Kind::OnOff])),
    directive("use", &[Events], exactly(&[Kind::OneOf(&["epoll", "kqueue", "poll", "select"])])),
    directive("worker_connections", &[Events], exactly(&[Kind::Number(1, 10_000_000)])),
    directive("error_log", LOGGING, optionally(&[Kind::Or(&["stderr"], &Kind::File)], &[LEVELS])).repeats(),
    directive(
        "access_log",
        &[Http, Server, Location, Stream, StreamServer],
        Arguments::List {
            required: &[Kind::Or(&["off"], &Kind::File)],
            optional: &[Kind::Name],
            rest: Some(Kind::Parameters(LOG_PARAMETERS)),
        },
    )
    .repeats(),
    directive("log_format", &[Http, Stream], followed_by(&[Kind::Name, Kind::Text], Kind::Text)).repeats(),
    directive(
        "include",
        &[
            Main,
            Events,
            Http,
            Server,
            Location,
            Upstream,
            Context::Map,
            Context::Types,
            Stream,
            StreamServer,
            Context::StreamUpstream,
        ],
        exactly(&[Kind::Files]),
    )
    .repeats(),
];
