//! `route`: hosts and locations, and whom their requests go to.

use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Block as Nested, Diagnostic, Diagnostics, Marks, Schema, Span, Type, Value};
use sha2::{Digest, Sha256};

use super::directive::{block, directive, words};
use super::fleet::{CONNECTION_UPGRADE, Fleet};
use super::host;
use super::pods;
use super::server;
use super::upstream::{Health, Places, Upstream, Upstreams};
use crate::compile::domain::switch::Switch;
use crate::compile::domain::{
    Block, Compiled, CompiledResource, Hosts, Kind, exports, object, reference, unknown_word,
};

/// `route "shop" { nginx = nginx.edge … }`
pub(in crate::compile::domain) const ROUTE: Kind =
    Kind { keyword: "route", schema: |_| schema(), wants: None, compile };

fn schema() -> Schema {
    Schema::new("Hosts and locations that a fleet serves, and whom requests go to.")
        .with(Attribute::required("nginx", Type::Any).doc("The fleet: nginx.NAME."))
        .with(Attribute::required("hosts", Type::list(Type::String)).doc("The host names."))
        .block(Nested::single("tls", tls_schema()))
        .block(Nested::named("location", location_schema()).required())
}

fn tls_schema() -> Schema {
    Schema::new("Encryption, with today's protocols and ciphers.")
        .with(Attribute::required("certificate", Type::String).doc("The certificate with its chain, in PEM."))
        .with(Attribute::required("key", Type::String).sensitive().doc("Its private key, in PEM."))
        .with(
            Attribute::optional("redirect", Type::Bool)
                .default(Value::TRUE)
                .doc("Whether plain HTTP is redirected to HTTPS."),
        )
}

fn location_schema() -> Schema {
    let duration = |name: &'static str, default: &'static str, doc| {
        Attribute::optional(name, Type::String).default(Value::string(default)).doc(doc)
    };
    Schema::new("Requests whose path matches the label.")
        .with(Attribute::optional("to", Type::Any).doc("A service or an external of an application."))
        .with(
            Attribute::optional("port", Type::String)
                .doc("The name of the service's port; not needed where there is one."),
        )
        .with(
            Attribute::optional("redirect", Type::String)
                .doc("In place of \"to\": the address that requests are redirected to."),
        )
        .with(
            Attribute::optional("match", Type::String)
                .default(Value::string("prefix"))
                .doc("How the label is compared: prefix, exact, regex."),
        )
        .with(
            Attribute::optional("websocket", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether connections may be upgraded."),
        )
        .with(Attribute::optional("body_size", Type::String).doc("The largest request body: \"10m\"."))
        .with(duration("connect_timeout", "5s", "How long connecting may take."))
        .with(duration("timeout", "60s", "How long the other side may be silent."))
        .with(
            Attribute::optional("tries", Type::Number)
                .default(Value::number(2))
                .doc("How many servers are tried for a request."),
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
                .doc("round_robin, least_conn or ip_hash."),
        )
        .with(Attribute::optional("headers", Type::map(Type::String)).doc("Headers that are added to the answers."))
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let nginx = diagnostics.keep(reference(input, &value, "nginx", "nginx"));
    diagnostics.extend(host::check(input, &take("hosts")));
    let route = Route {
        input,
        stem: stem(input.address),
        fleet: Fleet::of(&take("nginx")),
        hosts: take("hosts"),
        tls: take("tls"),
        switch: Switch::of_block(input),
    };
    let (locations, upstreams, problems) = route.locations(&take("location"));
    diagnostics.extend(problems);
    let backends: Vec<Arc<str>> = upstreams.backends.iter().cloned().collect();
    diagnostics.extend(route.without_effect(&backends));
    let shown = [("hosts", take("hosts")), ("nginx", take("nginx"))];
    let claims = nginx.iter().flat_map(|nginx| host::claims(input, nginx, &route.hosts)).collect();
    let named = route.hosts.items().unwrap_or_default().iter().filter_map(Value::as_str);
    let hosts = Hosts { served: named.map(|host| Arc::from(host.to_lowercase())).collect(), published: None };
    let resources = nginx.map(|nginx| route.resources(&nginx, locations, upstreams)).unwrap_or_default();
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
    /// What its files and upstreams are called.
    stem: String,
    fleet: Fleet,
    hosts: Value,
    /// Null where there is none.
    tls: Value,
    /// Where its requests go by hand.
    switch: Option<Switch>,
}

impl Route<'_> {
    /// That the backend is gone to which it is switched.
    fn without_effect(&self, backends: &[Arc<str>]) -> Option<Diagnostic> {
        let switch = self.switch.as_ref().filter(|switch| !backends.contains(&switch.to))?;
        let problem = Diagnostic::warning("Switch without effect")
            .detail(switch.missing(self.input.address, backends))
            .at(self.input.span);
        Some(problem.help(format!("Switch it back: portolan route switch {} --back", self.input.address)))
    }

    fn resources(&self, nginx: &Address, locations: Vec<Value>, upstreams: Upstreams) -> Vec<CompiledResource> {
        let resource = |part: &str, resource_type, config, dependencies| CompiledResource {
            address: self.input.address.part(part),
            group: self.input.address.clone(),
            resource_type,
            connection: Some(nginx.clone()),
            config,
            dependencies,
        };
        let file = |part: &str, content: Value| {
            let mode = mode(&content);
            let config = object([("path", Value::string(self.tls_file(part))), ("content", content), ("mode", mode)]);
            resource(part, "nginx_file", config, Vec::new())
        };
        let mut resources = Vec::new();
        if let (Some(certificate), Some(key)) = (self.tls.get("certificate"), self.tls.get("key")) {
            resources.push(file("certificate", certificate));
            resources.push(file("key", key.sensitive()));
        }
        if !upstreams.needs.is_empty() {
            let (path, content) = pods::file(&self.stem, &upstreams.needs);
            resources.push(resource(
                "endpoints",
                "nginx_file",
                object([("path", path), ("content", content)]),
                Vec::new(),
            ));
        }
        let files: Vec<Address> = resources.iter().map(|file| file.address.clone()).collect();
        let mut directives: Vec<Value> = upstreams.directives.into_values().collect();
        directives.extend(self.servers(locations));
        let directives = Value::tuple(directives);
        let config = object([
            ("path", Value::string(format!("conf.d/{}.conf", self.stem))),
            ("mode", mode(&directives)),
            ("directives", directives),
            ("variables", Value::strings([CONNECTION_UPGRADE])),
        ]);
        resources.push(resource("server", "nginx_config", config, files));
        resources
    }

    fn tls_file(&self, part: &str) -> String {
        let extension = if part == "key" { "key" } else { "crt" };
        format!("tls/{}.{extension}", self.stem)
    }

    /// The server for HTTP and the one for HTTPS; the first redirects to the second where there is
    /// one, unless it is told to serve as well.
    fn servers(&self, locations: Vec<Value>) -> Vec<Value> {
        let names = || match self.hosts.items() {
            Some(hosts) => directive("server_name", hosts.to_vec()),
            None => directive("server_name", [Value::unknown(Type::String)]),
        };
        let mut plain = self.fleet.listen(&self.fleet.http_port, &[]);
        plain.push(names());
        if self.tls.is_null() {
            plain.extend(locations);
            return vec![block("server", [], plain)];
        }
        let mut secure = self.fleet.listen_tls();
        secure.push(names());
        secure.extend(self.tls_settings());
        secure.extend(locations.iter().cloned());
        if self.tls.get("redirect").and_then(|redirect| redirect.as_bool()) == Some(false) {
            plain.extend(locations);
        } else {
            plain.push(block(
                "location",
                [Value::string("/")],
                [words("return", &["308", "https://$host$request_uri"])],
            ));
        }
        vec![block("server", [], plain), block("server", [], secure)]
    }

    /// The intermediate profile that Mozilla's server side TLS guidelines 5.7 recommend.
    fn tls_settings(&self) -> Vec<Value> {
        const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
            ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
        vec![
            directive("ssl_certificate", [Value::string(self.tls_file("certificate"))]),
            directive("ssl_certificate_key", [Value::string(self.tls_file("key"))]),
            words("ssl_protocols", &["TLSv1.2", "TLSv1.3"]),
            words("ssl_ciphers", &[CIPHERS]),
            words("ssl_prefer_server_ciphers", &["off"]),
            words("ssl_session_cache", &["shared:portolan:10m"]),
            words("ssl_session_timeout", &["1d"]),
            words("ssl_session_tickets", &["off"]),
        ]
    }

    fn locations(&self, locations: &Value) -> (Vec<Value>, Upstreams, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let mut directives = Vec::new();
        let mut upstreams = Upstreams::default();
        let Some(entries) = locations.entries() else { return (directives, upstreams, diagnostics) };
        for (path, location) in entries.iter() {
            let location = Location { path, value: location, body: self.nested(path), route: self };
            let Some(matcher) = diagnostics.keep(location.matcher()) else { continue };
            let Some(lines) = diagnostics.keep(location.lines(&mut upstreams)) else { continue };
            directives.push(block("location", matcher, lines));
        }
        (directives, upstreams, diagnostics)
    }

    fn nested(&self, path: &str) -> Option<&portolan_lang::syntax::Block> {
        self.input.body.blocks("location").find(|block| block.labels.first().is_some_and(|label| &*label.name == path))
    }
}

struct Location<'a> {
    path: &'a Arc<str>,
    value: &'a Value,
    /// The block, for places in the source.
    body: Option<&'a portolan_lang::syntax::Block>,
    route: &'a Route<'a>,
}

impl Location<'_> {
    fn take(&self, name: &str) -> Value {
        self.value.get(name).unwrap_or_else(|| Value::null(Type::Any))
    }

    fn span(&self, name: &str) -> Span {
        let header = || self.body.map_or(self.route.input.span, |block| block.header());
        self.body.and_then(|block| block.body.attribute(name)).map_or_else(header, |attribute| attribute.expr.span)
    }

    /// The arguments of `location`.
    fn matcher(&self) -> Result<Vec<Value>, Diagnostic> {
        let path = Value::string(self.path.clone());
        let how = self.take("match");
        let needs_slash = how.as_str() != Some("regex");
        if needs_slash && !self.path.starts_with('/') {
            return Err(Diagnostic::error("Unsuitable path")
                .detail(format!("The path \"{}\" does not begin with a slash.", self.path))
                .at(self.span("")));
        }
        match how.as_str() {
            Some("prefix") => Ok(vec![path]),
            Some("exact") => Ok(vec![Value::string("="), path]),
            Some("regex") => Ok(vec![Value::string("~"), path]),
            _ => {
                Err(unknown_word("Unknown way of matching", &how, &["prefix", "exact", "regex"]).at(self.span("match")))
            }
        }
    }

    /// What stands in the location; adds the upstream that it needs.
    fn lines(&self, upstreams: &mut Upstreams) -> Result<Vec<Value>, Diagnostic> {
        let headers = self.take("headers");
        let headers = headers.entries().into_iter().flat_map(|entries| entries.iter());
        let add = |(name, value): (&Arc<str>, &Value)| {
            directive("add_header", [Value::string(name.clone()), value.clone(), Value::string("always")])
        };
        let mut lines: Vec<Value> = headers.map(add).collect();
        let (to, redirect) = (self.take("to"), self.take("redirect"));
        match (to.is_null(), redirect.is_null()) {
            (true, false) => lines.push(directive("return", [Value::string("302"), redirect])),
            (false, true) => lines.extend(self.pass(&to, upstreams)?),
            _ => {
                return Err(Diagnostic::error("Unclear location")
                    .detail("A location has either \"to\" or \"redirect\".")
                    .at(self.span("redirect")));
            }
        }
        Ok(lines)
    }

    fn pass(&self, to: &Value, upstreams: &mut Upstreams) -> Result<Vec<Value>, Diagnostic> {
        let balance = self.take("balance");
        const BALANCES: [&str; 3] = ["round_robin", "least_conn", "ip_hash"];
        if !balance.as_str().is_some_and(|balance| BALANCES.contains(&balance)) {
            return Err(unknown_word("Unknown balance", &balance, &BALANCES).at(self.span("balance")));
        }
        let places = Places { to: self.span("to"), port: self.span("port") };
        let Some(mut upstream) = Upstream::of(to, &self.take("port"), &places)? else {
            // An upstream cannot be empty; this is what a client would hear of dead servers too.
            return Ok(vec![words("return", &["503"])]);
        };
        if upstream.has_pods() && !self.route.fleet.has_agents {
            return Err(pods::unreachable(self.span("to")));
        }
        upstreams.backends.extend(upstream.servers.iter().filter_map(|server| server.backend.clone()));
        if let Some(switch) = &self.route.switch {
            server::switch(&mut upstream.servers, switch);
        }
        let health = Health {
            max_fails: self.take("max_fails"),
            fail_timeout: self.take("fail_timeout"),
            balance: balance.as_str().map(Arc::from),
        };
        let name = self.upstream_name(&upstream, &health, upstreams);
        let target = Value::string(format!("http://{name}"));
        Ok(self.proxy(target))
    }

    /// The name of the upstream, which is shared by locations that want the very same one.
    fn upstream_name(&self, upstream: &Upstream, health: &Health, upstreams: &mut Upstreams) -> String {
        let base = format!("{}_{}", self.route.stem, upstream.name);
        let numbered = (1..).map(|number| if number == 1 { base.clone() } else { format!("{base}_{number}") });
        for name in numbered {
            let wanted = upstream.directive(&name, health);
            match upstreams.directives.get(&name) {
                Some(there) if *there != wanted => {}
                _ => {
                    if upstream.has_pods() {
                        upstreams.needs.insert(name.clone(), pods::need(&upstream.servers, health));
                    }
                    upstreams.directives.insert(name.clone(), wanted);
                    return name;
                }
            }
        }
        base
    }

    fn proxy(&self, target: Value) -> Vec<Value> {
        let header = |name: &str, value: &str| words("proxy_set_header", &[name, value]);
        let mut lines = vec![
            directive("proxy_pass", [target]),
            words("proxy_http_version", &["1.1"]),
            header("Host", "$host"),
            header("X-Real-IP", "$remote_addr"),
            header("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
            header("X-Forwarded-Proto", "$scheme"),
        ];
        if self.take("websocket").as_bool() == Some(true) {
            lines.push(header("Upgrade", "$http_upgrade"));
            lines.push(header("Connection", &format!("${CONNECTION_UPGRADE}")));
        } else {
            lines.push(header("Connection", ""));
        }
        lines.push(words("proxy_next_upstream", &["error", "timeout", "http_502", "http_503"]));
        let settings = [
            ("proxy_next_upstream_tries", "tries"),
            ("proxy_connect_timeout", "connect_timeout"),
            ("proxy_read_timeout", "timeout"),
            ("proxy_send_timeout", "timeout"),
            ("client_max_body_size", "body_size"),
        ];
        let set = settings.into_iter().map(|(name, attribute)| (name, self.take(attribute)));
        lines.extend(set.filter(|(_, value)| !value.is_null()).map(|(name, value)| directive(name, [value])));
        lines
    }
}

/// The permissions of a file that is made of this: others must not read a secret.
fn mode(content: &Value) -> Value {
    Value::string(if content.deep_marks().contains(Marks::SENSITIVE) { "0600" } else { "0644" })
}

/// What the files and upstreams of a route are called: its address without what all routes
/// share. Where characters have to be replaced, a digest keeps names apart.
fn stem(address: &Address) -> String {
    let names = address.segments().iter().filter(|segment| !matches!(&*segment.name, "module" | "route"));
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
    let digest = Sha256::digest(address.to_string().as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{clean}-{digest}")
}
