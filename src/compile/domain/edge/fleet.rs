//! `nginx`: a fleet, and the configuration that all its routes share.

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Attribute, AttributePath, Block as Nested, Data, Schema, Step, Type, Value};

use super::directive::{block, directive, words};
use super::release::RELEASE;
use crate::catalog::Catalog;
use crate::compile::domain::cluster::{check_ways, directory_claim};
use crate::compile::domain::{
    Block, Claim, Compiled, CompiledConnection, CompiledResource, Hosts, Kind, exports, object, unknown_word,
};

/// `nginx "edge" { flavor = "nginx" … }`
pub(in crate::compile::domain) const NGINX: Kind = Kind { keyword: "nginx", schema, wants: None, compile };

/// The variable that routes with WebSockets put into the header `Connection`.
pub(super) const CONNECTION_UPGRADE: &str = "connection_upgrade";

/// The provider of a fleet's files; how to reach them in etcd is its own.
const PROVIDER: &str = "nginx";

/// What a block `etcd` says of what is published there, beside how to reach it.
const PUBLISHED: [&str; 3] = ["nodes", "wait", "timeout"];

fn etcd(catalog: &Catalog) -> Option<Nested> {
    let provider = catalog.provider(PROVIDER)?.schema();
    let reached = provider.connection.blocks.iter().find(|block| &*block.name == "etcd")?;
    let release = &provider.resources.get(RELEASE.resource_type)?.schema;
    let published = PUBLISHED.into_iter().filter_map(|name| release.attribute(name));
    let schema = published.fold(reached.schema.clone(), |schema, attribute| schema.with(attribute.clone()));
    Some(Nested::single("etcd", schema))
}

fn schema(catalog: &Catalog) -> Schema {
    let directory = Schema::new("A directory that holds the whole configuration: nginx -p PATH -c nginx.conf")
        .with(Attribute::required("path", Type::String).doc("The directory."));
    let schema = Schema::new("A fleet of nginx servers with one configuration.")
        .with(
            Attribute::optional("flavor", Type::String)
                .default(Value::string("nginx"))
                .doc("\"nginx\" or \"tengine\"."),
        )
        .with(Attribute::optional("version", Type::String).doc("The oldest version in the fleet: \"1.22\"."))
        .with(
            Attribute::optional("addresses", Type::list(Type::String))
                .default(Value::strings::<&str>([]))
                .doc("The public addresses of the fleet, for DNS records and network policies."),
        )
        .with(
            Attribute::optional("listen", Type::list(Type::String))
                .default(Value::strings(["*"]))
                .doc("The addresses that the servers listen on: \"*\" for all of IPv4, \"[::]\" for all of IPv6."),
        )
        .with(Attribute::optional("http_port", Type::Number).default(Value::number(80)).doc("The port for HTTP."))
        .with(Attribute::optional("https_port", Type::Number).default(Value::number(443)).doc("The port for HTTPS."))
        .with(
            Attribute::optional("worker_connections", Type::Number)
                .default(Value::number(4096))
                .doc("How many connections a worker holds."),
        )
        .block(Nested::single("directory", directory));
    etcd(catalog).into_iter().fold(schema, Schema::block)
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(input.catalog), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    const FLAVORS: [&str; 2] = ["nginx", "tengine"];
    let flavor = take("flavor");
    if !flavor.as_str().is_some_and(|flavor| FLAVORS.contains(&flavor)) {
        diagnostics.push(unknown_word("Unknown flavor", &flavor, &FLAVORS).at(input.attribute_span("flavor")));
    }
    let ways = ["directory", "etcd"].map(|way| (way, take(way)));
    diagnostics.extend(check_ways(input, "fleet", &ways));
    let fleet = Fleet::of(&value);
    let main = CompiledResource {
        address: input.address.part("main"),
        group: input.address.clone(),
        resource_type: "nginx_config",
        connection: Some(input.address.clone()),
        config: object([
            ("path", Value::string("nginx.conf")),
            ("directives", main(&fleet, &take("worker_connections"))),
        ]),
        dependencies: Vec::new(),
    };
    let shown = ["flavor", "version", "addresses", "listen", "http_port", "https_port"].map(|name| (name, take(name)));
    let is_published = Value::bool(!take("etcd").is_null());
    let shown = shown.into_iter().chain([("is_published", is_published)]);
    let config = object([
        ("directory", take("directory")),
        ("etcd", reached(&take("etcd"))),
        ("flavor", take("flavor")),
        ("version", take("version")),
    ]);
    let release = release(input, &take("etcd"));
    Compiled {
        exports: exports(input.address, input.name, shown),
        connection: Some(CompiledConnection { provider: PROVIDER, config, limit: None }),
        resources: std::iter::once(main).chain(release).collect(),
        decisions: Vec::new(),
        claims: directory_claim(input, &value).into_iter().chain(prefix_claim(input, &value)).collect(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}

/// How the fleet's etcd is reached: the block without what it says of the release.
fn reached(etcd: &Value) -> Value {
    let Some(entries) = etcd.entries() else { return etcd.clone() };
    let own = entries.iter().filter(|(name, _)| !PUBLISHED.contains(&&***name));
    Value::object(own.map(|(name, value)| (name.clone(), value.clone())))
}

/// What the fleet serves, where that is published at once. It gathers the files by itself.
fn release(input: &Block<'_>, etcd: &Value) -> Option<CompiledResource> {
    let published = PUBLISHED.map(|name| (name, etcd.get(name).unwrap_or_else(|| Value::null(Type::Any))));
    let address = input.address.part("release");
    (!etcd.is_null()).then(|| CompiledResource {
        group: address.clone(),
        address,
        resource_type: RELEASE.resource_type,
        connection: Some(input.address.clone()),
        config: object(published),
        dependencies: Vec::new(),
    })
}

/// What is published under a prefix is one fleet's.
fn prefix_claim(input: &Block<'_>, value: &Value) -> Option<Claim> {
    let etcd = value.get("etcd")?;
    let prefix = etcd.get("prefix")?.as_str()?.trim_end_matches('/').to_owned();
    let endpoints = etcd.get("endpoints")?;
    let mut endpoints: Vec<&str> = endpoints.items()?.iter().filter_map(Value::as_str).collect();
    endpoints.sort_unstable();
    let path: AttributePath = ["etcd", "prefix"].into_iter().map(|name| Step::Attribute(name.into())).collect();
    Some(Claim {
        owner: input.address.clone(),
        what: format!("the prefix \"{prefix}\" of the etcd at {}", endpoints.join(", ")),
        share: None,
        span: input.path_span(&path),
        help: "Give each a prefix of its own.",
    })
}

/// What routes need to know of their fleet.
pub(super) struct Fleet {
    listen: Vec<Value>,
    pub(super) http_port: Value,
    pub(super) https_port: Value,
    /// `None` where it is not said: then nothing is used that old versions lack.
    version: Option<Vec<u64>>,
    /// Whether agents bring the configuration to the servers.
    pub(super) has_agents: bool,
}

impl Fleet {
    /// From the attributes of the block, or from what a reference to it gives.
    pub(super) fn of(value: &Value) -> Fleet {
        let take = |name: &str| value.get(name).unwrap_or_else(|| Value::unknown(Type::Any));
        let version =
            take("version").as_str().map(|text| text.split('.').map_while(|part| part.parse().ok()).collect());
        Fleet {
            listen: take("listen").items().map(<[Value]>::to_vec).unwrap_or_default(),
            http_port: take("http_port"),
            https_port: take("https_port"),
            version,
            has_agents: value.get("etcd").is_some_and(|etcd| !etcd.is_null())
                || value.get("is_published").is_some_and(|is_published| is_published.as_bool() == Some(true)),
        }
    }

    /// Whether all servers of the fleet are of this version or a later one. A version that is
    /// given without a third number is the newest of its line.
    fn is_at_least(&self, wanted: [u64; 3]) -> bool {
        self.version.as_ref().is_some_and(|version| {
            let mut version = version.clone();
            version.resize(wanted.len(), u64::MAX);
            version.as_slice() >= &wanted[..]
        })
    }

    /// `listen` for each address, on a port.
    pub(super) fn listen(&self, port: &Value, parameters: &[&str]) -> Vec<Value> {
        let endpoint = |address: &Value| join(address, port);
        let parameters = || parameters.iter().copied().map(Value::string);
        self.listen
            .iter()
            .map(|address| directive("listen", std::iter::once(endpoint(address)).chain(parameters())))
            .collect()
    }

    /// `listen` for HTTPS with HTTP/2, in the way that the version understands.
    pub(super) fn listen_tls(&self) -> Vec<Value> {
        if self.is_at_least([1, 25, 1]) {
            let mut lines = self.listen(&self.https_port, &["ssl"]);
            lines.push(words("http2", &["on"]));
            return lines;
        }
        self.listen(&self.https_port, &["ssl", "http2"])
    }
}

/// `address:port`, unknown where either is.
fn join(address: &Value, port: &Value) -> Value {
    match (address.data(), port.data()) {
        (Data::String(address), Data::Number(port)) => Value::string(format!("{address}:{port}")),
        _ => Value::unknown(Type::String),
    }
}

/// `nginx.conf`: runs without rights of its own from the directory that it lies in.
fn main(fleet: &Fleet, worker_connections: &Value) -> Value {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let upgrade = [words("default", &["upgrade"]), words("", &["close"])];
    let mut http = vec![words("default_type", &["application/octet-stream"])];
    http.extend(temporary.map(|name| directive(&format!("{name}_temp_path"), [Value::string(format!("temp_{name}"))])));
    http.extend([
        words("access_log", &["access.log"]),
        words("server_tokens", &["off"]),
        words("sendfile", &["on"]),
        words("tcp_nopush", &["on"]),
        words("keepalive_timeout", &["65s"]),
        words("server_names_hash_bucket_size", &["128"]),
        block("map", [Value::string("$http_upgrade"), Value::string(format!("${CONNECTION_UPGRADE}"))], upgrade),
        block("server", [], nobody(fleet)),
    ]);
    if fleet.is_at_least([1, 19, 4]) {
        let mut lines = fleet.listen(&fleet.https_port, &["ssl", "default_server"]);
        lines.extend([words("server_name", &["_"]), words("ssl_reject_handshake", &["on"])]);
        http.push(block("server", [], lines));
    }
    http.push(words("include", &["conf.d/*.conf"]));
    if fleet.has_agents {
        // What an agent adds, to see what is served.
        http.push(words("include", &["agent.d/*.conf"]));
    }
    Value::tuple([
        words("worker_processes", &["auto"]),
        words("pid", &["nginx.pid"]),
        words("error_log", &["error.log", "warn"]),
        words("worker_shutdown_timeout", &["60s"]),
        block("events", [], [directive("worker_connections", [worker_connections.clone()])]),
        block("http", [], http),
    ])
}

/// The server for hosts that no route has: it says that it lives, and nothing else.
fn nobody(fleet: &Fleet) -> Vec<Value> {
    let mut lines = fleet.listen(&fleet.http_port, &["default_server"]);
    lines.push(words("server_name", &["_"]));
    let alive = [words("access_log", &["off"]), words("return", &["200", "ok"])];
    lines.push(block("location", ["=", "/healthz"].map(Value::string), alive));
    lines.push(block("location", [Value::string("/")], [words("return", &["404"])]));
    lines
}
