//! Passing requests on by gRPC.

use super::Context::{Http, Location, Server};
use super::{Context, Specification, directive, exactly, followed_by, proxy, ssl};
use crate::kind::Kind;

const LEVELS: &[Context] = &[Http, Server, Location];

/// The module is built where HTTP/2 is.
const fn grpc(name: &'static str, contexts: &'static [Context], arguments: super::Arguments) -> Specification {
    directive(name, contexts, arguments).since(1, 13, 10).module("http_v2")
}

pub(super) const DIRECTIVES: &[Specification] = &[
    grpc("grpc_pass", &[Location], exactly(&[Kind::GrpcTarget])),
    grpc("grpc_set_header", LEVELS, exactly(&[Kind::Header, Kind::Text])).repeats(),
    grpc("grpc_hide_header", LEVELS, exactly(&[Kind::Header])).repeats(),
    grpc("grpc_pass_header", LEVELS, exactly(&[Kind::Header])).repeats(),
    grpc("grpc_next_upstream", LEVELS, followed_by(&[proxy::NEXT_UPSTREAM], proxy::NEXT_UPSTREAM)),
    grpc("grpc_next_upstream_tries", LEVELS, exactly(&[Kind::Number(0, 1000)])),
    grpc("grpc_next_upstream_timeout", LEVELS, exactly(&[Kind::Time])),
    grpc("grpc_connect_timeout", LEVELS, exactly(&[Kind::Time])),
    grpc("grpc_read_timeout", LEVELS, exactly(&[Kind::Time])),
    grpc("grpc_send_timeout", LEVELS, exactly(&[Kind::Time])),
    grpc("grpc_buffer_size", LEVELS, exactly(&[Kind::Size])),
    grpc("grpc_intercept_errors", LEVELS, exactly(&[Kind::OnOff])),
    grpc("grpc_socket_keepalive", LEVELS, exactly(&[Kind::OnOff])).since(1, 15, 6),
    grpc("grpc_ssl_certificate", LEVELS, exactly(&[Kind::File])),
    grpc("grpc_ssl_certificate_key", LEVELS, exactly(&[Kind::File])),
    grpc("grpc_ssl_name", LEVELS, exactly(&[Kind::Or(&["$host"], &Kind::Host)])),
    grpc("grpc_ssl_protocols", LEVELS, followed_by(&[ssl::PROTOCOL], ssl::PROTOCOL)),
    grpc("grpc_ssl_server_name", LEVELS, exactly(&[Kind::OnOff])),
    grpc("grpc_ssl_trusted_certificate", LEVELS, exactly(&[Kind::File])),
    grpc("grpc_ssl_verify", LEVELS, exactly(&[Kind::OnOff])),
    grpc("grpc_ssl_verify_depth", LEVELS, exactly(&[Kind::Number(0, 100)])),
];
