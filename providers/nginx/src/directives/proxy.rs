//! Passing requests on.

use super::Context::{Http, Location, Server};
use super::{Context, Specification, directive, exactly, followed_by, optionally};
use crate::kind::Kind;

const LEVELS: &[Context] = &[Http, Server, Location];

pub(super) const NEXT_UPSTREAM: Kind = Kind::OneOf(&[
    "error",
    "timeout",
    "invalid_header",
    "http_500",
    "http_502",
    "http_503",
    "http_504",
    "http_403",
    "http_404",
    "http_429",
    "non_idempotent",
    "off",
]);

const IGNORED_HEADERS: Kind = Kind::OneOf(&[
    "X-Accel-Redirect",
    "X-Accel-Expires",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
    "Expires",
    "Cache-Control",
    "Set-Cookie",
    "Vary",
]);

pub(super) const DIRECTIVES: &[Specification] = &[
    directive("proxy_pass", &[Location], exactly(&[Kind::ProxyTarget])),
    directive("proxy_set_header", LEVELS, exactly(&[Kind::Header, Kind::Text])).repeats(),
    directive("proxy_hide_header", LEVELS, exactly(&[Kind::Header])).repeats(),
    directive("proxy_pass_header", LEVELS, exactly(&[Kind::Header])).repeats(),
    directive("proxy_ignore_headers", LEVELS, followed_by(&[IGNORED_HEADERS], IGNORED_HEADERS)),
    directive("proxy_http_version", LEVELS, exactly(&[Kind::OneOf(&["1.0", "1.1"])])),
    directive("proxy_method", LEVELS, exactly(&[Kind::OneOf(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])])),
    directive("proxy_pass_request_body", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_pass_request_headers", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_next_upstream", LEVELS, followed_by(&[NEXT_UPSTREAM], NEXT_UPSTREAM)),
    directive("proxy_next_upstream_tries", LEVELS, exactly(&[Kind::Number(0, 1000)])).since(1, 7, 5),
    directive("proxy_next_upstream_timeout", LEVELS, exactly(&[Kind::Time])).since(1, 7, 5),
    directive("proxy_connect_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("proxy_read_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("proxy_send_timeout", LEVELS, exactly(&[Kind::Time])),
    directive("proxy_socket_keepalive", LEVELS, exactly(&[Kind::OnOff])).since(1, 15, 6),
    directive("proxy_buffering", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_buffer_size", LEVELS, exactly(&[Kind::Size])),
    directive("proxy_buffers", LEVELS, exactly(&[Kind::Number(1, 100_000), Kind::Size])),
    directive("proxy_busy_buffers_size", LEVELS, exactly(&[Kind::Size])),
    directive("proxy_max_temp_file_size", LEVELS, exactly(&[Kind::LargeSize])),
    directive("proxy_request_buffering", LEVELS, exactly(&[Kind::OnOff])).since(1, 7, 11),
    directive("proxy_temp_path", LEVELS, exactly(&[Kind::File])),
    directive("proxy_intercept_errors", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_ignore_client_abort", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_redirect", LEVELS, optionally(&[Kind::Or(&["off", "default"], &Kind::Text)], &[Kind::Text]))
        .repeats(),
    directive("proxy_cookie_domain", LEVELS, optionally(&[Kind::Or(&["off"], &Kind::Text)], &[Kind::Text])).repeats(),
    directive("proxy_cookie_path", LEVELS, optionally(&[Kind::Or(&["off"], &Kind::Text)], &[Kind::Text])).repeats(),
    directive("proxy_headers_hash_bucket_size", LEVELS, exactly(&[Kind::Size])),
    directive("proxy_headers_hash_max_size", LEVELS, exactly(&[Kind::Size])),
    directive("proxy_ssl_certificate", LEVELS, exactly(&[Kind::File])).since(1, 7, 8),
    directive("proxy_ssl_certificate_key", LEVELS, exactly(&[Kind::File])).since(1, 7, 8),
    directive("proxy_ssl_ciphers", LEVELS, exactly(&[Kind::Ciphers])).since(1, 5, 6),
    directive("proxy_ssl_name", LEVELS, exactly(&[Kind::Or(&["$proxy_host", "$host"], &Kind::Host)])).since(1, 7, 0),
    directive("proxy_ssl_protocols", LEVELS, followed_by(&[super::ssl::PROTOCOL], super::ssl::PROTOCOL)).since(1, 5, 6),
    directive("proxy_ssl_server_name", LEVELS, exactly(&[Kind::OnOff])).since(1, 7, 0),
    directive("proxy_ssl_session_reuse", LEVELS, exactly(&[Kind::OnOff])),
    directive("proxy_ssl_trusted_certificate", LEVELS, exactly(&[Kind::File])).since(1, 7, 0),
    directive("proxy_ssl_verify", LEVELS, exactly(&[Kind::OnOff])).since(1, 7, 0),
    directive("proxy_ssl_verify_depth", LEVELS, exactly(&[Kind::Number(0, 100)])).since(1, 7, 0),
    // Modules that nginx builds in and that write to directories of their own: their paths
    // must be moved into the tree for a server without privileges.
    directive("fastcgi_temp_path", LEVELS, exactly(&[Kind::File])),
    directive("scgi_temp_path", LEVELS, exactly(&[Kind::File])),
    directive("uwsgi_temp_path", LEVELS, exactly(&[Kind::File])),
];
