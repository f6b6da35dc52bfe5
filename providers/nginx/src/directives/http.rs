//! Servers, locations and what they do with a request themselves.

use super::Context::{Http, Location, Map, Server, SplitClients, Stream, Types};
use super::{Arguments, Context, NOTHING, Specification, directive, exactly, followed_by, optionally};
use crate::kind::{Kind, Parameter};

/// Where most settings may stand: each level inherits from the one around it.
const LEVELS: &[Context] = &[Http, Server, Location];

const LISTEN: &[Parameter] = &[
    Parameter { name: "default_server", value: None },
    Parameter { name: "ssl", value: None },
    Parameter { name: "http2", value: None },
    Parameter { name: "quic", value: None },
    Parameter { name: "proxy_protocol", value: None },
    Parameter { name: "reuseport", value: None },
    Parameter { name: "deferred", value: None },
    Parameter { name: "bind", value: None },
    Parameter { name: "backlog", value: Some(&Kind::Number(1, 1_000_000)) },
    Parameter { name: "fastopen", value: Some(&Kind::Number(1, 1_000_000)) },
    Parameter { name: "rcvbuf", value: Some(&Kind::Size) },
    Parameter { name: "sndbuf", value: Some(&Kind::Size) },
    Parameter { name: "ipv6only", value: Some(&Kind::OnOff) },
    Parameter { name: "so_keepalive", value: Some(&Kind::OnOff) },
];

const LIMIT_REQ: &[Parameter] = &[
    Parameter { name: "zone", value: Some(&Kind::Name) },
    Parameter { name: "burst", value: Some(&Kind::Number(1, 1_000_000)) },
    Parameter { name: "nodelay", value: None },
    Parameter { name: "delay", value: Some(&Kind::Number(1, 1_000_000)) },
];

const ZONE: &[Parameter] = &[Parameter { name: "zone", value: Some(&Kind::NamedSize) }];

const ZONE_AND_RATE: &[Parameter] =
    &[Parameter { name: "zone", value: Some(&Kind::NamedSize) }, Parameter { name: "rate", value: Some(&Kind::Rate) }];

const RESOLVER: &[Parameter] = &[
    Parameter { name: "valid", value: Some(&Kind::Seconds) },
    Parameter { name: "ipv4", value: Some(&Kind::OnOff) },
    Parameter { name: "ipv6", value: Some(&Kind::OnOff) },
];

const LOG_LEVELS: Kind = Kind::OneOf(&["info", "notice", "warn", "error"]);

const REJECT_STATUS: Kind = Kind::Number(400, 599);

pub(super) const DIRECTIVES: &[Specification] = &[
    // Blocks.
    directive("server", &[Http], NOTHING).opens(Server).repeats(),
    directive("location", &[Server, Location], Arguments::Location).opens(Location).repeats(),
    directive("map", &[Http, Stream], exactly(&[Kind::Text, Kind::NewVariable])).opens(Map).repeats(),
    directive("map_hash_bucket_size", &[Http, Stream], exactly(&[Kind::Size])),
    directive("map_hash_max_size", &[Http, Stream], exactly(&[Kind::Size])),
    directive("split_clients", &[Http, Stream], exactly(&[Kind::Text, Kind::NewVariable]))
        .opens(SplitClients)
        .repeats(),
    directive("types", LEVELS, NOTHING).opens(Types),
    directive("default_type", LEVELS, exactly(&[Kind::MediaType])),
    directive("types_hash_bucket_size", LEVELS, exactly(&[Kind::Size])),
    directive("types_hash_max_size", LEVELS, exactly(&[Kind::Size])),
    // Which server answers.
    directive("listen", &[Server], followed_by(&[Kind::Listen], Kind::Parameters(LISTEN))).repeats(),
    directive("server_name", &[Server], followed_by(&[Kind::ServerName], Kind::ServerName)).repeats(),
    directive("http2", &[Http, Server], exactly(&[Kind::OnOff]))
        .since(1, 25, 1)
        .since_tengine(2, 3, 0)
        .module("http_v2"),
    directive("server_names_hash_bucket_size", &[Http], exactly(&[Kind::Size])),
    directive("server_names_hash_max_size", &[Http], exactly(&[Kind::Size])),
    directive("server_name_in_redirect", LEVELS, exactly(&[Kind::OnOff])),
    directive("port_in_redirect", LEVELS, exactly(&[Kind::OnOff])),
    directive("absolute_redirect", LEVELS, exactly(&[Kind::OnOff])).since(1, 11, 8),
    directive("server_tokens", LEVELS, exactly(&[Kind::OneOf(&["on", "off", "build"])])),
    directive("merge_slashes", &[Http, Server], exactly(&[Kind::OnOff])),
    directive("underscores_in_headers", &[Http, Server], exactly(&[Kind::OnOff])),
    directive("ignore_invalid_headers", &[Http, Server], exactly(&[Kind::OnOff])),
    directive("internal", &[Location], NOTHING),
    // Answers.
    directive("return", &[Server, Location], Arguments::Return),
    directive(
        "rewrite",
        &[Server, Location],
        optionally(&[Kind::Regex, Kind::Text], &[Kind::OneOf(&["last", "break", "redirect", "permanent"])]),
    )
    .repeats(),
    directive("rewrite_log", LEVELS, exactly(&[Kind::OnOff])),
    directive("set", &[Server, Location], exactly(&[Kind::NewVariable, Kind::Text])).repeats(),
    directive("break", &[Server, Location], NOTHING),
    directive("error_page", LEVELS, Arguments::ErrorPage).repeats(),
    directive("add_header", LEVELS, optionally(&[Kind::Header, Kind::Text], &[Kind::OneOf(&["always"])])).repeats(),
    directive("expires", LEVELS, exactly(&[Kind::Or(&["off", "max", "epoch"], &Kind::Seconds)])),
    directive("etag", LEVELS, exactly(&[Kind::OnOff])).since(1, 3, 3),
    directive("stub_status", &[Server, Location], NOTHING).since(1, 7, 5).module("http_stub_status"),
    // Files.
    directive("root", LEVELS, exactly(&[Kind::File])),
    directive("alias", &[Location], exactly(&[Kind::File])),
    directive("index", LEVELS, followed_by(&[Kind::File], Kind::File)),
    directive("try_files", &[Server, Location], followed_by(&[Kind::Text, Kind::Text], Kind::Text)),
    directive("autoindex", LEVELS, exactly(&[Kind::OnOff])),
    directive("sendfile", LEVELS, exactly(&[Kind::OnOff])),
    directive("tcp_nopush", LEVELS, exactly(&[Kind::OnOff])),
    directive("tcp_nodelay", LEVELS, exactly(&[Kind::OnOff])),
    directive("open_file_cache_errors", LEVELS, exactly(&[Kind::OnOff])),
    // Requests.
    directive("client_body_buffer_size", LEVELS, exactly(&[Kind::Size])),
    directive("client_body_temp_path", LEVELS, exactly(&[Kind::File])),
    directive("client_body_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("client_header_buffer_size", &[Http, Server], exactly(&[Kind::Size])),
    directive("client_header_timeout", &[Http, Server], exactly(&[Kind::Time])),
    directive("client_max_body_size", LEVELS, exactly(&[Kind::LargeSize])),
    directive("large_client_header_buffers", &[Http, Server], exactly(&[Kind::Number(1, 1024), Kind::Size])),
    directive("keepalive_requests", LEVELS, exactly(&[Kind::Number(1, 100_000_000)])),
    directive("keepalive_time", LEVELS, exactly(&[Kind::Time])).since(1, 19, 10),
    directive("keepalive_timeout", LEVELS, optionally(&[Kind::Time], &[Kind::Seconds])),
    directive("lingering_close", LEVELS, exactly(&[Kind::OneOf(&["off", "on", "always"])])),
    directive("lingering_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("reset_timedout_connection", LEVELS, exactly(&[Kind::OnOff])),
    directive("send_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("http2_max_concurrent_streams", &[Http, Server], exactly(&[Kind::Number(1, 100_000)]))
        .since(1, 9, 5)
        .module("http_v2"),
    directive("variables_hash_bucket_size", &[Http], exactly(&[Kind::Size])),
    directive("variables_hash_max_size", &[Http], exactly(&[Kind::Size])),
    directive("resolver", LEVELS, followed_by(&[Kind::Endpoint], Kind::EndpointOr(RESOLVER))),
    directive("resolver_timeout", LEVELS, exactly(&[Kind::Time])),
    // Who may ask, and how often.
    directive("allow", LEVELS, exactly(&[Kind::Or(&["all", "unix:"], &Kind::Network)])).repeats(),
    directive("deny", LEVELS, exactly(&[Kind::Or(&["all", "unix:"], &Kind::Network)])).repeats(),
    directive("satisfy", LEVELS, exactly(&[Kind::OneOf(&["all", "any"])])),
    directive("auth_basic", LEVELS, exactly(&[Kind::Text])),
    directive("auth_basic_user_file", LEVELS, exactly(&[Kind::File])),
    directive("auth_request", LEVELS, exactly(&[Kind::Or(&["off"], &Kind::UriPath)]))
        .since(1, 5, 4)
        .module("http_auth_request"),
    directive("auth_request_set", LEVELS, exactly(&[Kind::NewVariable, Kind::Text]))
        .repeats()
        .since(1, 5, 4)
        .module("http_auth_request"),
    directive("set_real_ip_from", LEVELS, exactly(&[Kind::Or(&["unix:"], &Kind::Network)]))
        .repeats()
        .module("http_realip"),
    directive("real_ip_header", LEVELS, exactly(&[Kind::Or(&["proxy_protocol"], &Kind::Header)])).module("http_realip"),
    directive("real_ip_recursive", LEVELS, exactly(&[Kind::OnOff])).module("http_realip"),
    directive("limit_req", LEVELS, followed_by(&[Kind::Parameters(LIMIT_REQ)], Kind::Parameters(LIMIT_REQ))).repeats(),
    directive("limit_req_dry_run", LEVELS, exactly(&[Kind::OnOff])).since(1, 17, 1),
    directive("limit_req_log_level", LEVELS, exactly(&[LOG_LEVELS])),
    directive("limit_req_status", LEVELS, exactly(&[REJECT_STATUS])).since(1, 3, 15),
    directive(
        "limit_req_zone",
        &[Http],
        exactly(&[Kind::Text, Kind::Parameters(ZONE_AND_RATE), Kind::Parameters(ZONE_AND_RATE)]),
    )
    .repeats(),
    directive("limit_conn", LEVELS, exactly(&[Kind::Name, Kind::Number(1, 65_535)])).repeats(),
    directive("limit_conn_log_level", LEVELS, exactly(&[LOG_LEVELS])),
    directive("limit_conn_status", LEVELS, exactly(&[REJECT_STATUS])).since(1, 3, 15),
    directive("limit_conn_zone", &[Http], exactly(&[Kind::Text, Kind::Parameters(ZONE)])).repeats(),
    directive("limit_rate", LEVELS, exactly(&[Kind::Size])),
    // Compression.
    directive("gzip", LEVELS, exactly(&[Kind::OnOff])),
    directive("gzip_comp_level", LEVELS, exactly(&[Kind::Number(1, 9)])),
    directive("gzip_http_version", LEVELS, exactly(&[Kind::OneOf(&["1.0", "1.1"])])),
    directive("gzip_min_length", LEVELS, exactly(&[Kind::Size])),
    directive("gzip_proxied", LEVELS, followed_by(&[GZIP_PROXIED], GZIP_PROXIED)),
    directive("gzip_static", LEVELS, exactly(&[Kind::OneOf(&["on", "off", "always"])])).module("http_gzip_static"),
    directive("gzip_types", LEVELS, followed_by(&[Kind::MediaType], Kind::MediaType)),
    directive("gzip_vary", LEVELS, exactly(&[Kind::OnOff])),
    directive("gunzip", LEVELS, exactly(&[Kind::OnOff])).since(1, 3, 6).module("http_gunzip"),
];

const GZIP_PROXIED: Kind =
    Kind::OneOf(&["off", "expired", "no-cache", "no-store", "private", "no_last_modified", "no_etag", "auth", "any"]);
