//! `route`: hosts and locations, and whom their requests go to.

use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Block as Nested, Diagnostic, Diagnostics, Marks, Schema, Type, Value};

use super::build::{Build, Feature};
use super::directive::{block, directive, words};
use super::fleet::{CONNECTION_UPGRADE, Fleet};
use super::keys::digest;
use super::location::{self, Beside, Location, Made, Surroundings};
use super::part::Part;
use super::protocol::Protocol;
use super::server_tls::TlsFile;
use super::template::{self, Custom};
use super::tls::{self, Pair};
use super::{host, logs, pods, shadow};
use crate::compile::domain::switch::Switch;
use crate::compile::domain::{Block, Compiled, CompiledResource, Hosts, Kind, exports, object, reference};

/// `route "shop" { nginx = nginx.edge … }`
pub(in crate::compile::domain) const ROUTE: Kind =
    Kind { keyword: "route", schema: |_| schema(), wants: None, compile };

fn schema() -> Schema {
    Schema::new("Hosts and locations that a fleet serves, and whom requests go to.")
        .with(Attribute::required("nginx", Type::Any).doc("The fleet: nginx.NAME."))
        .with(Attribute::required("hosts", Type::list(Type::String)).doc("The host names."))
        .with(template::names())
        .with(template::attribute())
        .block(Nested::single("tls", tls::schema()))
        .block(logs::block())
        .block(Nested::named("location", location::schema()).required())
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let nginx = diagnostics.keep(reference(input, &value, "nginx", "nginx"));
    diagnostics.extend(host::check(input, &take("hosts")));
    let part = Part::of(input, &value);
    let around = Surroundings {
        route: input.address,
        stem: &stem(input.address),
        build: Build::of(&take("nginx")),
        fleet: take("nginx"),
        catalog: input.catalog,
        switch: Switch::of_block(input),
    };
    let route = Route {
        input,
        fleet: Fleet::of(&take("nginx")),
        hosts: take("hosts"),
        tls: part.single("tls"),
        part,
        around: &around,
    };
    let (locations, beside, problems) = route.locations();
    diagnostics.extend(problems);
    let backends: Vec<Arc<str>> = beside.upstreams.backends.iter().cloned().collect();
    diagnostics.extend(route.without_effect(&backends));
    let made = route.resources(nginx.as_ref(), &locations, beside);
    let shown = [("hosts", take("hosts")), ("nginx", take("nginx"))];
    let claims = nginx.iter().flat_map(|nginx| host::claims(input, nginx, &route.hosts)).collect();
    let named = route.hosts.items().unwrap_or_default().iter().filter_map(Value::as_str);
    let hosts = Hosts { served: named.map(|host| Arc::from(host.to_lowercase())).collect(), published: None };
    let resources = made.unwrap_or_else(|problems| {
        diagnostics.extend(problems);
        Vec::new()
    });
    Compiled {
        exports: exports(input.address, input.name, shown),
        connection: None,
        resources: if diagnostics.has_errors() { Vec::new() } else { resources },
        decisions: Vec::new(),
        claims,
        hosts,
        backends,
        diagnostics,
    }
}

struct Route<'a> {
    input: &'a Block<'a>,
    part: Part<'a>,
    fleet: Fleet,
    hosts: Value,
    tls: Option<Part<'a>>,
    around: &'a Surroundings<'a>,
}

impl Route<'_> {
    /// That the backend is gone to which it is switched.
    fn without_effect(&self, backends: &[Arc<str>]) -> Option<Diagnostic> {
        let switch = self.around.switch.as_ref().filter(|switch| !backends.contains(&switch.to))?;
        let problem = Diagnostic::warning("Switch without effect")
            .detail(switch.missing(self.input.address, backends))
            .at(self.input.span);
        Some(problem.help(format!("Switch it back: portolan route switch {} --back", self.input.address)))
    }

    /// The locations, with those of regular expressions in the order in which they are written, which is
    /// the order in which nginx asks them.
    fn locations(&self) -> (Vec<Made>, Beside, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let mut beside = Beside::default();
        let parts = self.part.named("location").into_iter();
        let mut locations: Vec<Location<'_>> =
            parts.map(|(path, part)| Location { path, part, around: self.around }).collect();
        locations.sort_by_key(|location| location.turn().map(|place| place.map_or(u32::MAX, |span| span.start)));
        diagnostics.extend(shadow::shadowed(&locations));
        diagnostics.extend(locations.iter().filter_map(|location| self.unencrypted(location)));
        let made = locations.iter().filter_map(|location| match location.made(&mut beside) {
            Ok(made) => {
                diagnostics.extend(template::lost(&location.part, &self.around.fleet, &made.lines));
                Some(made)
            }
            Err(problems) => {
                diagnostics.extend(problems);
                None
            }
        });
        (made.collect(), beside, diagnostics)
    }

    /// gRPC is HTTP/2, which shares a port with HTTP/1 only under TLS, or in new servers.
    fn unencrypted(&self, location: &Location<'_>) -> Option<Diagnostic> {
        let has_http2 = self.around.build.has(&Feature::HTTP2_DIRECTIVE);
        let is_served_plain = self.tls.is_none() && location.is_grpc() && !has_http2;
        is_served_plain.then(|| {
            let detail = "gRPC needs HTTP/2, which these servers have only together with TLS.";
            let help = "Give the route a tls block; nginx can do without from 1.25.1 on.";
            location.part.problem("protocol", "Not possible with this fleet", detail).help(help)
        })
    }

    /// Nothing while the fleet is not known.
    fn resources(
        &self,
        nginx: Option<&Address>,
        locations: &[Made],
        beside: Beside,
    ) -> Result<Vec<CompiledResource>, Diagnostics> {
        let resource = |part: &str, resource_type, config, dependencies| CompiledResource {
            address: self.input.address.part(part),
            group: self.input.address.clone(),
            resource_type,
            connection: nginx.cloned(),
            config,
            dependencies,
        };
        let file = |part: &str, content: Value| {
            let mode = mode(&content);
            let config = object([("path", Value::string(self.tls_file(part))), ("content", content), ("mode", mode)]);
            resource(part, "nginx_file", config, Vec::new())
        };
        let mut resources = Vec::new();
        let pair = self.tls.as_ref().map(|tls| tls::pair(tls, &self.around.build)).transpose()?;
        if let Some(Pair::Written(certificate, key)) = &pair {
            resources.extend([file("certificate", certificate.clone()), file("key", key.clone())]);
        }
        for TlsFile { part, path, content } in &beside.files {
            let config = [("path", path.clone()), ("content", content.clone()), ("mode", mode(content))];
            resources.push(resource(part, "nginx_file", object(config), Vec::new()));
        }
        if !beside.upstreams.needs.is_empty() {
            let (path, content) = pods::file(self.around.stem, &beside.upstreams.needs);
            let config = object([("path", path), ("content", content)]);
            resources.push(resource("endpoints", "nginx_file", config, Vec::new()));
        }
        let files: Vec<Address> = resources.iter().map(|file| file.address.clone()).collect();
        let mut directives: Vec<Value> = beside.upstreams.directives.into_values().chain(beside.questions).collect();
        directives.extend(self.servers(locations, pair)?);
        let directives = Value::tuple(directives);
        let config = object([
            ("path", Value::string(format!("conf.d/{}.conf", self.around.stem))),
            ("mode", mode(&directives)),
            ("directives", directives),
            ("variables", Value::strings([CONNECTION_UPGRADE])),
        ]);
        resources.push(resource("server", "nginx_config", config, files));
        Ok(if nginx.is_some() { resources } else { Vec::new() })
    }

    fn tls_file(&self, part: &str) -> String {
        let extension = if part == "key" { "key" } else { "crt" };
        format!("tls/{}.{extension}", self.around.stem)
    }

    /// What is said of all its requests.
    fn settings(&self) -> Result<Vec<Value>, Diagnostics> {
        let mut lines: Vec<Value> = logs::line(&self.part, &self.around.build)?.into_iter().collect();
        lines.extend(template::named(&self.part, &self.around.fleet, "server")?);
        let custom =
            Custom { catalog: self.around.catalog, build: &self.around.build, context: "server", is_operators: false };
        lines.extend(custom.read(&self.part, &lines)?);
        Ok(lines)
    }

    /// The server for HTTP and the one for HTTPS; the first redirects to the second where there is
    /// one, unless it is told to serve as well.
    fn servers(&self, locations: &[Made], pair: Option<Pair>) -> Result<Vec<Value>, Diagnostics> {
        let names = || match self.hosts.items() {
            Some(hosts) => directive("server_name", hosts.to_vec()),
            None => directive("server_name", [Value::unknown(Type::String)]),
        };
        let settings = self.settings()?;
        let mut plain = self.fleet.listen(&self.fleet.http_port, &[]);
        plain.push(names());
        plain.extend(settings.iter().cloned());
        let all = |before: Option<&Value>| locations.iter().map(|location| location.block(before)).collect::<Vec<_>>();
        let parts = self.part.named("location");
        let is_grpc = parts.iter().any(|(_, part)| Protocol::of(part).is_ok_and(Protocol::is_grpc));
        let (Some(tls), Some(pair)) = (&self.tls, pair) else {
            plain
                .extend((is_grpc && self.around.build.has(&Feature::HTTP2_DIRECTIVE)).then(|| words("http2", &["on"])));
            plain.extend(all(None));
            return Ok(vec![block("server", [], plain)]);
        };
        let files = match pair {
            Pair::There(certificate, key) => [certificate, key],
            Pair::Written(..) => ["certificate", "key"].map(|part| Value::string(self.tls_file(part))),
        };
        let mut secure = self.fleet.listen_tls();
        secure.push(names());
        secure.extend(tls::settings(tls, &self.around.build, files)?);
        secure.extend(settings);
        secure.extend(all(tls::hsts(tls)?.as_ref()));
        match tls.take("redirect").as_bool() {
            Some(false) => plain.extend(all(None)),
            _ => plain.push(block(
                "location",
                [Value::string("/")],
                [words("return", &["308", "https://$host$request_uri"])],
            )),
        }
        Ok(vec![block("server", [], plain), block("server", [], secure)])
    }
}

/// The permissions of a file that is made of this: others must not read a secret.
pub(super) fn mode(content: &Value) -> Value {
    Value::string(if content.deep_marks().contains(Marks::SENSITIVE) { "0600" } else { "0644" })
}

/// What the files and upstreams of a route are called: its address without what all routes
/// share. Where characters have to be replaced, a digest keeps names apart.
pub(super) fn stem(address: &Address) -> String {
    let names = address.segments().iter().filter(|segment| !matches!(&*segment.name, "module" | "route" | "stream"));
    let parts = names.flat_map(|segment| {
        let key = segment.key.as_ref().map(|key| match key {
            portolan_lang::InstanceKey::Index(index) => index.to_string(),
            portolan_lang::InstanceKey::Key(key) => key.to_string(),
        });
        std::iter::once(segment.name.to_string()).chain(key)
    });
    let joined = parts.collect::<Vec<_>>().join("_");
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let clean: String = joined.chars().map(|character| if allowed(character) { character } else { '_' }).collect();
    if clean == joined && address.segments().len() == 2 && address.key().is_none() {
        return clean;
    }
    format!("{clean}-{}", digest(&address.to_string()))
}
