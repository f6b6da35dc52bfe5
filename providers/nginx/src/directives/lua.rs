//! Lua, from files that lie on the servers: no code stands in a configuration.

use super::Context::{Http, Location, Server, Upstream};
use super::{Arguments, Context, Specification, directive, exactly};
use crate::kind::Kind;

const LEVELS: &[Context] = &[Http, Server, Location];

const fn lua(name: &'static str, contexts: &'static [Context], arguments: Arguments) -> Specification {
    directive(name, contexts, arguments).module("http_lua")
}

pub(super) const DIRECTIVES: &[Specification] = &[
    lua("lua_package_path", &[Http], exactly(&[Kind::Literal])),
    lua("lua_package_cpath", &[Http], exactly(&[Kind::Literal])),
    lua("lua_shared_dict", &[Http], exactly(&[Kind::Name, Kind::Size])).repeats(),
    lua("init_by_lua_file", &[Http], exactly(&[Kind::File])),
    lua("init_worker_by_lua_file", &[Http], exactly(&[Kind::File])),
    lua("balancer_by_lua_file", &[Upstream], exactly(&[Kind::File])),
    lua("rewrite_by_lua_file", LEVELS, exactly(&[Kind::File])),
    lua("access_by_lua_file", LEVELS, exactly(&[Kind::File])),
    lua("content_by_lua_file", &[Location], exactly(&[Kind::File])),
    lua("header_filter_by_lua_file", LEVELS, exactly(&[Kind::File])),
    lua("log_by_lua_file", LEVELS, exactly(&[Kind::File])),
];
