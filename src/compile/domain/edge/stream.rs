//! `stream`: a port of a fleet whose connections are passed on as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Block as Nested, Diagnostic, Diagnostics, Schema, Type, Value};

use super::build::{Build, Feature};
use super::canary::Names;
use super::directive::{block, directive, words};
use super::fleet::{Fleet, port_claim};
use super::part::Part;
use super::route::{mode, stem};
use super::template::{self, Custom};
use super::upstream::{Health, STREAM_ZONE, Upstream};
use super::{backends, host, logs, pods, server};
use crate::compile::domain::switch::Switch;
use crate::compile::domain::{Block, Claim, Compiled, CompiledResource, Hosts, Kind, exports, object, reference};

/// `stream "database" { nginx = nginx.edge … }`
pub(in crate::compile::domain) const STREAM: Kind =
    Kind { keyword: "stream", schema: |_| schema(), wants: None, compile };

const PROTOCOLS: [&str; 2] = ["tcp", "udp"];
const BALANCES: [&str; 3] = ["round_robin", "least_conn", "client"];

fn schema() -> Schema {
    let duration = |name: &'static str, default: &'static str, doc| {
        Attribute::optional(name, Type::String).default(Value::string(default)).doc(doc)
    };
    let sni = backends::target(Schema::new("Where encrypted connections for some hosts go, which stay encrypted."))
        .with(Attribute::required("hosts", Type::list(Type::String)).doc("The hosts that clients ask for."))
        .block(backends::block());
    backends::target(Schema::new("A port of a fleet whose connections, or datagrams, are passed on as they are."))
        .with(Attribute::required("nginx", Type::Any).doc("The fleet: nginx.NAME."))
        .with(Attribute::required("listen", Type::Number).doc("The port that the fleet listens on."))
        .with(Attribute::optional("protocol", Type::String).default(Value::string("tcp")).doc("tcp or udp."))
        .with(duration("connect_timeout", "5s", "How long connecting may take."))
        .with(duration("timeout", "10m", "How long both sides may be silent."))
        .with(Attribute::optional("responses", Type::Number).doc("Of UDP: how many datagrams answer one."))
        .with(
            Attribute::optional("proxy_protocol", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether the servers are told the client's address, by the PROXY protocol."),
        )
        .with(
            Attribute::optional("max_fails", Type::Number)
                .default(Value::number(3))
                .doc("Failures after which a server is left out."),
        )
        .with(duration("fail_timeout", "10s", "In which time, and for how long it is left out."))
        .with(
            Attribute::optional("balance", Type::String)
                .default(Value::string("round_robin"))
                .doc("round_robin, least_conn, or client, by which each client keeps its server."),
        )
        .with(
            Attribute::optional("allow", Type::list(Type::String))
                .default(Value::strings::<&str>([]))
                .doc("The networks that may connect; all if not given."),
        )
        .with(Attribute::optional("access_log", Type::String).doc("The file in which connections are written down."))
        .with(template::names())
        .with(template::attribute())
        .block(backends::block())
        .block(Nested::named("sni", sni))
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let nginx = diagnostics.keep(reference(input, &value, "nginx", "nginx"));
    let stream = Stream {
        input,
        part: Part::of(input, &value),
        stem: stem(input.address),
        fleet: take("nginx"),
        build: Build::of(&take("nginx")),
        switch: Switch::of_block(input),
    };
    let made = stream.made().unwrap_or_else(|problems| {
        diagnostics.extend(problems);
        Made::default()
    });
    let hosts = stream.hosts();
    for (part, named) in &hosts {
        diagnostics.extend(host::check_at(part.span("hosts"), named));
    }
    let names = hosts.iter().flat_map(|(_, named)| named.items().unwrap_or_default().to_vec());
    let served = names.filter_map(|host| host.as_str().map(|host| Arc::from(host.to_lowercase()))).collect();
    let claims = nginx.iter().flat_map(|nginx| stream.claims(nginx)).collect();
    let resources = nginx.iter().flat_map(|nginx| stream.resources(nginx, &made)).collect();
    Compiled {
        exports: exports(input.address, input.name, [("nginx", take("nginx")), ("listen", take("listen"))]),
        connection: None,
        resources: if diagnostics.has_errors() { Vec::new() } else { resources },
        decisions: Vec::new(),
        claims,
        hosts: Hosts { served, published: None },
        backends: made.backends,
        diagnostics,
    }
}

struct Stream<'a> {
    input: &'a Block<'a>,
    part: Part<'a>,
    stem: String,
    /// What a reference to the fleet gives.
    fleet: Value,
    build: Build,
    switch: Option<Switch>,
}

/// The file, and between which backends people can switch.
#[derive(Default)]
struct Made {
    directives: Vec<Value>,
    backends: Vec<Arc<str>>,
    /// What the groups need whose servers are pods.
    needs: BTreeMap<String, Option<serde_json::Value>>,
}

impl<'a> Stream<'a> {
    fn resources(&self, nginx: &Address, made: &Made) -> Vec<CompiledResource> {
        let resource = |part: &str, resource_type, config, dependencies| CompiledResource {
            address: self.input.address.part(part),
            group: self.input.address.clone(),
            resource_type,
            connection: Some(nginx.clone()),
            config,
            dependencies,
        };
        let mut resources = Vec::new();
        if !made.needs.is_empty() {
            let (path, content) = pods::file(&format!("stream.{}", self.stem), &made.needs);
            resources.push(resource(
                "endpoints",
                "nginx_file",
                object([("path", path), ("content", content)]),
                Vec::new(),
            ));
        }
        let files = resources.iter().map(|file| file.address.clone()).collect();
        let directives = Value::tuple(made.directives.clone());
        let config = object([
            ("path", Value::string(format!("stream.d/{}.conf", self.stem))),
            ("context", Value::string("stream")),
            ("mode", mode(&directives)),
            ("directives", directives),
        ]);
        resources.push(resource("server", "nginx_config", config, files));
        resources
    }

    fn is_udp(&self) -> bool {
        self.part.take("protocol").as_str() == Some("udp")
    }

    /// The port, and the hosts behind it.
    fn claims(&self, nginx: &Address) -> Vec<Claim> {
        let protocol = if self.is_udp() { "udp" } else { "tcp" };
        let port = self.part.take("listen").as_number().map(|port| format!("{port}/{protocol}"));
        let claim = |port: String| port_claim(nginx, self.input.address, &port, self.part.span("listen"));
        port.map(claim).into_iter().collect()
    }

    /// The hosts of each block `sni`.
    fn hosts(&self) -> Vec<(Part<'a>, Value)> {
        let hosts = |(_, part): (Arc<str>, Part<'a>)| {
            let hosts = part.take("hosts");
            (part, hosts)
        };
        self.part.named("sni").into_iter().map(hosts).collect()
    }

    fn made(&self) -> Result<Made, Diagnostics> {
        self.build.require(&Feature::STREAM, self.part.span(""))?;
        let mut made = Made::default();
        let names = self.part.named("sni");
        let target = match names.is_empty() {
            true => self.group(&self.part, &mut made)?.ok_or_else(|| self.nobody(&self.part))?,
            false => self.by_name(&names, &mut made)?,
        };
        let mut lines = self.listen()?;
        lines.extend((!names.is_empty()).then(|| words("ssl_preread", &["on"])));
        lines.push(words("proxy_pass", &[&target]));
        lines.extend(self.settings());
        lines.extend(template::named(&self.part, &self.fleet, "stream_server")?);
        let custom =
            Custom { catalog: self.input.catalog, build: &self.build, context: "stream_server", is_operators: false };
        lines.extend(custom.read(&self.part, &lines)?);
        made.directives.push(block("server", [], lines));
        Ok(made)
    }

    fn listen(&self) -> Result<Vec<Value>, Diagnostic> {
        let protocol = self.part.word("protocol", &PROTOCOLS)?;
        let parameters: &[&str] = if protocol == "udp" { &["udp"] } else { &[] };
        if protocol == "udp" {
            self.build.require(&Feature::UDP, self.part.span("protocol"))?;
            if !self.part.named("sni").is_empty() {
                let detail = "The name in a TLS handshake is read from TCP alone.";
                return Err(self.part.problem("protocol", "Unsuitable protocol", detail));
            }
        }
        let port = self.part.number("listen")?.and_then(|port| port.to_u64());
        if !port.is_some_and(|port| (1..=65_535).contains(&port)) {
            return Err(self.part.problem("listen", "Unsuitable port", "A port is a whole number from 1 to 65535."));
        }
        Ok(Fleet::of(&self.fleet).listen(&self.part.take("listen"), parameters))
    }

    fn settings(&self) -> Vec<Value> {
        let attributes = [
            ("proxy_connect_timeout", "connect_timeout"),
            ("proxy_timeout", "timeout"),
            ("proxy_responses", "responses"),
        ];
        let set = attributes.map(|(name, attribute)| (name, self.part.take(attribute)));
        let set = set.into_iter().filter(|(_, value)| !value.is_null());
        let mut lines: Vec<Value> = set.map(|(name, value)| directive(name, [value])).collect();
        lines.extend(self.part.is("proxy_protocol").then(|| words("proxy_protocol", &["on"])));
        let allowed = self.part.take("allow");
        let allowed = allowed.items().unwrap_or_default();
        lines.extend(allowed.iter().map(|network| directive("allow", [network.clone()])));
        lines.extend((!allowed.is_empty()).then(|| words("deny", &["all"])));
        lines.extend(logs::stream_line(self.part.take("access_log")));
        lines
    }

    /// The problem of a stream without a server: there is no answer that could be given instead.
    fn nobody(&self, part: &Part<'_>) -> Diagnostic {
        part.problem("to", "Stream without servers", "There is no server that connections could be passed on to.")
    }

    /// The name of the group of a block's servers; `None` where it has none.
    fn group(&self, part: &Part<'_>, made: &mut Made) -> Result<Option<String>, Diagnostic> {
        let balance = self.part.word("balance", &BALANCES)?;
        let Some(mut upstream) = backends::upstream(part)? else { return Ok(None) };
        if upstream.has_pods() && !Fleet::of(&self.fleet).has_agents {
            return Err(pods::unreachable(part.span("to")));
        }
        made.backends.extend(upstream.servers.iter().filter_map(|server| server.backend.clone()));
        if let Some(switch) = &self.switch {
            server::switch(&mut upstream.servers, switch);
        }
        let health = Health {
            max_fails: self.part.take("max_fails"),
            fail_timeout: self.part.take("fail_timeout"),
            balance: Some(Arc::from(balance)),
            zone: Some(STREAM_ZONE),
            resolves: false,
            checks: Vec::new(),
        };
        let name = self.free_name(&upstream, made);
        if upstream.has_pods() {
            made.needs.insert(name.clone(), pods::stream_need(&upstream.servers, &health));
        }
        made.directives.push(upstream.directive(&name, &health));
        Ok(Some(name))
    }

    fn free_name(&self, upstream: &Upstream, made: &Made) -> String {
        // Routes and streams share the folder in which servers are included from; no route has a dot.
        let of_stream = if upstream.has_pods() { "stream." } else { "" };
        let base = format!("{of_stream}{}_{}", self.stem, upstream.name);
        let is_taken = |name: &str| {
            let first = |line: &Value| line.get("args").and_then(|args| args.items()?.first().cloned());
            made.directives.iter().any(|line| first(line).is_some_and(|arg| arg.as_str() == Some(name)))
        };
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base)
    }

    /// The variable that names the group for the host of a TLS handshake. Without one for other hosts,
    /// those connections are closed.
    fn by_name(&self, names: &[(Arc<str>, Part<'_>)], made: &mut Made) -> Result<String, Diagnostics> {
        self.build.require(&Feature::SSL_PREREAD, self.part.span(""))?;
        let mut groups: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for (_, part) in names {
            let group = self.group(part, made)?.ok_or_else(|| self.nobody(part))?;
            let hosts = part.take("hosts");
            for host in hosts.items().unwrap_or_default().iter().filter_map(Value::as_str) {
                if groups.insert(Arc::from(host.to_lowercase()), group.clone()).is_some() {
                    let detail = format!("\"{host}\" stands in two places of the stream.");
                    return Err(part.problem("hosts", "Host given twice", detail).into());
                }
            }
        }
        let others = match backends::is_set(&self.part) {
            true => self.group(&self.part, made)?.unwrap_or_default(),
            false => String::new(),
        };
        let mut entries = vec![words("hostnames", &[]), words("default", &[&others])];
        entries.extend(groups.iter().map(|(host, group)| words(host, &[group])));
        let variable = Names::new(self.input.address, "").host();
        made.directives.push(block("map", ["$ssl_preread_server_name", &variable].map(Value::string), entries));
        Ok(variable)
    }
}
