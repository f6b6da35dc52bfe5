//! `nginx`: a fleet, and the configuration that all its routes share.

use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{
    Address, Attribute, AttributePath, Block as Nested, Data, Diagnostics, Schema, Span, Step, Type, Value,
};

use super::build::{Build, Feature, check_modules};
use super::conf::Conf;
use super::directive::{directive, words};
use super::part::Part;
use super::release::RELEASE;
use super::route::mode;
use super::{limits, logs, template};
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
        .with(
            Attribute::optional("version", Type::String)
                .doc("The oldest version in the fleet: \"1.22\". If not given, 1.18 counts, of Tengine 2.3.3."),
        )
        .with(Attribute::optional("modules", Type::list(Type::String)).doc(
            "The modules that all servers have beyond those that are always there, as nginx -V calls them: \
             \"http_ssl\", \"stream\". If not given, those of the usual packages.",
        ))
        .with(
            Attribute::optional("load_modules", Type::list(Type::String))
                .default(Value::strings::<&str>([]))
                .doc("Files of modules to load: \"/usr/lib/nginx/modules/ngx_stream_module.so\"."),
        )
        .with(
            Attribute::optional("resolver", Type::list(Type::String))
                .default(Value::strings::<&str>([]))
                .doc("Name servers that resolve the names of servers while nginx runs, where it can."),
        )
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
        .block(Nested::single("directory", directory))
        .block(logs::block())
        .block(template::block());
    let schema = limits::fleet_blocks().into_iter().fold(schema, Schema::block);
    etcd(catalog).into_iter().fold(schema, Schema::block)
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(input.catalog), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let part = Part::of(input, &value);
    diagnostics.extend(checked(input, &part));
    let (templates, problems) = template::exported(&part, input.catalog);
    diagnostics.extend(problems);
    let (main, problems) = main_file(input, &part, &templates);
    diagnostics.extend(problems);
    let config = object([
        ("directory", take("directory")),
        ("etcd", reached(&take("etcd"))),
        ("flavor", take("flavor")),
        ("version", take("version")),
        ("modules", Build::of(&value).modules()),
    ]);
    let release = release(input, &take("etcd"));
    let places = directory_claim(input, &value).into_iter().chain(prefix_claim(input, &value));
    Compiled {
        exports: exports(input.address, input.name, shown(&value, templates)),
        connection: Some(CompiledConnection { provider: PROVIDER, config, limit: None, probe: None }),
        resources: texts(input, &part).into_iter().chain([main]).chain(release).collect(),
        decisions: Vec::new(),
        claims: places.chain(ports(input, &value)).collect(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}

/// What is wrong with what a fleet says of itself.
fn checked(input: &Block<'_>, part: &Part<'_>) -> Diagnostics {
    const FLAVORS: [&str; 2] = ["nginx", "tengine"];
    let mut problems = Diagnostics::new();
    let flavor = part.take("flavor");
    if !flavor.as_str().is_some_and(|flavor| FLAVORS.contains(&flavor)) {
        problems.push(unknown_word("Unknown flavor", &flavor, &FLAVORS).at(part.span("flavor")));
    }
    let ways = ["directory", "etcd"].map(|way| (way, part.take(way)));
    problems.extend(check_ways(input, "fleet", &ways));
    problems.extend(check_modules(part));
    problems
}

/// `nginx.conf`.
fn main_file(input: &Block<'_>, part: &Part<'_>, templates: &Value) -> (CompiledResource, Diagnostics) {
    let build = Build::of(&part.value);
    let (zones, mut problems) = limits::zones(part);
    let log = problems.keep(logs::line(part, &build)).flatten();
    let conf = Conf { fleet: &Fleet::of(&part.value), build: &build, part, zones, templates, log };
    let resource = CompiledResource {
        address: input.address.part("main"),
        group: input.address.clone(),
        resource_type: "nginx_config",
        connection: Some(input.address.clone()),
        config: object([("path", Value::string("nginx.conf")), ("directives", conf.directives())]),
        dependencies: Vec::new(),
    };
    (resource, problems)
}

/// What a reference to the fleet gives.
fn shown(value: &Value, templates: Value) -> impl Iterator<Item = (&'static str, Value)> {
    let same =
        ["flavor", "version", "modules", "load_modules", "resolver", "addresses", "listen", "http_port", "https_port"];
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    same.map(|name| (name, take(name))).into_iter().chain([
        ("rate_limits", limits::labels(value, limits::RATE)),
        ("connection_limits", limits::labels(value, limits::CONNECTIONS)),
        ("templates", templates),
        ("is_published", Value::bool(!take("etcd").is_null())),
    ])
}

/// The unchecked texts of templates, each a file of its own.
fn texts(input: &Block<'_>, fleet: &Part<'_>) -> Vec<CompiledResource> {
    let texts = fleet.named("template").into_iter().filter(|(_, part)| !part.take("text").is_null());
    let file = |(label, part): (Arc<str>, Part<'_>)| {
        let text = part.take("text");
        let path = Value::string(template::file(&label));
        CompiledResource {
            address: input.address.part(format!("unchecked@{label}")),
            group: input.address.clone(),
            resource_type: "nginx_file",
            connection: Some(input.address.clone()),
            config: object([("path", path), ("mode", mode(&text)), ("content", text)]),
            dependencies: Vec::new(),
        }
    };
    texts.map(file).collect()
}

/// The ports that all routes share.
fn ports(input: &Block<'_>, value: &Value) -> Vec<Claim> {
    let claim = |name: &'static str| {
        let port = value.get(name)?.as_number()?.to_string();
        Some(port_claim(input.address, input.address, &format!("{port}/tcp"), input.attribute_span(name)))
    };
    ["http_port", "https_port"].into_iter().filter_map(claim).collect()
}

/// A port of a fleet is listened on for one thing. `port` has its protocol: `53/udp`.
pub(super) fn port_claim(nginx: &Address, owner: &Address, port: &str, span: Span) -> Claim {
    Claim {
        owner: owner.clone(),
        what: format!("the port {port} of {nginx}"),
        share: None,
        span,
        help: "Give each a port of its own.",
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
    /// What its servers understand.
    build: Build,
    /// Whether agents bring the configuration to the servers.
    pub(super) has_agents: bool,
}

impl Fleet {
    /// From the attributes of the block, or from what a reference to it gives.
    pub(super) fn of(value: &Value) -> Fleet {
        let take = |name: &str| value.get(name).unwrap_or_else(|| Value::unknown(Type::Any));
        Fleet {
            listen: take("listen").items().map(<[Value]>::to_vec).unwrap_or_default(),
            http_port: take("http_port"),
            https_port: take("https_port"),
            build: Build::of(value),
            has_agents: value.get("etcd").is_some_and(|etcd| !etcd.is_null())
                || value.get("is_published").is_some_and(|is_published| is_published.as_bool() == Some(true)),
        }
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
        if self.build.has(&Feature::HTTP2_DIRECTIVE) {
            let mut lines = self.listen(&self.https_port, &["ssl"]);
            lines.push(words("http2", &["on"]));
            return lines;
        }
        let parameters: &[&str] = if self.build.has(&Feature::HTTP2_LISTEN) { &["ssl", "http2"] } else { &["ssl"] };
        self.listen(&self.https_port, parameters)
    }
}

/// `address:port`, unknown where either is.
fn join(address: &Value, port: &Value) -> Value {
    match (address.data(), port.data()) {
        (Data::String(address), Data::Number(port)) => Value::string(format!("{address}:{port}")),
        _ => Value::unknown(Type::String),
    }
}
