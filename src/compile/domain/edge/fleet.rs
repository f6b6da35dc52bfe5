//! `nginx`: a fleet, and the configuration that all its routes share.

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Attribute, Block as Nested, Data, Schema, Type, Value};

use super::directive::{block, directive, words};
use crate::compile::domain::cluster::directory_claim;
use crate::compile::domain::{
    Block, Compiled, CompiledConnection, CompiledResource, Hosts, Kind, exports, object, unknown_word,
};

/// `nginx "edge" { flavor = "nginx" … }`
pub(in crate::compile::domain) const NGINX: Kind =
    Kind { keyword: "nginx", schema: |_| schema(), wants: None, compile };

/// The variable that routes with WebSockets put into the header `Connection`.
pub(super) const CONNECTION_UPGRADE: &str = "connection_upgrade";

fn schema() -> Schema {
    let directory = Schema::new("A directory that holds the whole configuration: nginx -p PATH -c nginx.conf")
        .with(Attribute::required("path", Type::String).doc("The directory."));
    Schema::new("A fleet of nginx servers with one configuration.")
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
        .block(Nested::single("directory", directory).required())
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    const FLAVORS: [&str; 2] = ["nginx", "tengine"];
    let flavor = take("flavor");
    if !flavor.as_str().is_some_and(|flavor| FLAVORS.contains(&flavor)) {
        diagnostics.push(unknown_word("Unknown flavor", &flavor, &FLAVORS).at(input.attribute_span("flavor")));
    }
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
    let config = object([("directory", take("directory")), ("flavor", take("flavor")), ("version", take("version"))]);
    Compiled {
        exports: exports(input.address, input.name, shown),
        connection: Some(CompiledConnection { provider: "nginx", config, limit: None }),
        resources: vec![main],
        decisions: Vec::new(),
        claims: directory_claim(input, &value).into_iter().collect(),
        hosts: Hosts::default(),
        diagnostics,
    }
}

/// What routes need to know of their fleet.
pub(super) struct Fleet {
    listen: Vec<Value>,
    pub(super) http_port: Value,
    pub(super) https_port: Value,
    /// `None` where it is not said: then nothing is used that old versions lack.
    version: Option<Vec<u64>>,
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
