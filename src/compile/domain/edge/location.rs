//! `location`: requests whose path matches, and what becomes of them.

use std::sync::Arc;

use portolan_lang::{Address, Attribute, Block as Nested, Diagnostic, Diagnostics, Schema, Span, Type, Value};

use super::build::{Build, Feature};
use super::canary::{self, Canary};
use super::directive::{block, directive, words};
use super::fleet::{CONNECTION_UPGRADE, Fleet};
use super::part::Part;
use super::protocol::Protocol;
use super::server;
use super::server_tls::{self, Names, ServerTls, TlsFile};
use super::template::{self, Custom};
use super::upstream::{Health, Upstream, Upstreams, ZONE};
use super::{backends, health, limits, logs, pods};
use crate::catalog::Catalog;
use crate::compile::domain::switch::Switch;
use crate::compile::domain::unknown_word;

const MATCHES: [&str; 3] = ["prefix", "exact", "regex"];
const BALANCES: [&str; 3] = ["round_robin", "least_conn", "ip_hash"];
const REDIRECTS: [i64; 5] = [301, 302, 303, 307, 308];

pub(super) fn schema() -> Schema {
    let schema = backends::target(Schema::new("Requests whose path matches the label."));
    let schema = requests(servers(schema)).with(template::names()).with(template::attribute());
    let schema = schema.block(backends::block()).block(Nested::named("canary", canary::schema(backends::target)));
    let schema = schema
        .block(Nested::single("health_check", health::schema()))
        .block(Nested::single("server_tls", server_tls::schema()))
        .block(logs::block());
    limits::location_blocks().into_iter().fold(schema, Schema::block)
}

/// What is said of requests.
fn requests(schema: Schema) -> Schema {
    schema
        .with(
            Attribute::optional("redirect", Type::String)
                .doc("In place of \"to\": the address that requests are redirected to."),
        )
        .with(
            Attribute::optional("redirect_code", Type::Number)
                .default(Value::number(302))
                .doc("The answer by which they are: 301, 302, 303, 307 or 308."),
        )
        .with(
            Attribute::optional("match", Type::String)
                .default(Value::string("prefix"))
                .doc("How the label is compared: prefix, exact, regex."),
        )
        .with(Attribute::optional("rewrites", Type::list(Type::map(Type::String))).doc(
            "Other paths for requests, in order: { from = \"^/old/(.*)$\", to = \"/new/$1\" }; the first that fits counts.",
        ))
        .with(
            Attribute::optional("websocket", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether connections may be upgraded."),
        )
        .with(Protocol::attribute())
        .with(Attribute::optional("body_size", Type::String).doc("The largest request body: \"10m\"."))
        .with(Attribute::optional("headers", Type::map(Type::String)).doc("Headers that are added to the answers."))
}

/// What is said of the servers.
fn servers(schema: Schema) -> Schema {
    let duration = |name: &'static str, default: &'static str, doc| {
        Attribute::optional(name, Type::String).default(Value::string(default)).doc(doc)
    };
    schema
        .with(duration("connect_timeout", "5s", "How long connecting may take."))
        .with(duration("timeout", "60s", "How long the other side may be silent."))
        .with(
            Attribute::optional("tries", Type::Number)
                .default(Value::number(2))
                .doc("How many servers are tried for a request."),
        )
        .with(
            Attribute::optional("retry_on", Type::list(Type::String))
                .default(Value::strings(["error", "timeout", "http_502", "http_503"]))
                .doc("What makes it try another one, as nginx calls it; \"off\" for nothing."),
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
}

/// What the locations of a route share.
pub(super) struct Surroundings<'a> {
    pub(super) route: &'a Address,
    /// What its upstreams are called.
    pub(super) stem: &'a str,
    /// What a reference to the fleet gives.
    pub(super) fleet: Value,
    pub(super) build: Build,
    pub(super) catalog: &'a Catalog,
    /// Where its requests go by hand.
    pub(super) switch: Option<Switch>,
}

/// What stands beside the servers of a route, in `http`.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) upstreams: Upstreams,
    /// The questions of canaries.
    pub(super) questions: Vec<Value>,
    /// What is needed to speak TLS with servers.
    pub(super) files: Vec<TlsFile>,
}

/// A location as nginx reads it.
pub(super) struct Made {
    pub(super) matcher: Vec<Value>,
    pub(super) lines: Vec<Value>,
}

impl Made {
    /// The block, with these lines before its own.
    pub(super) fn block(&self, before: Option<&Value>) -> Value {
        block("location", self.matcher.iter().cloned(), before.into_iter().chain(&self.lines).cloned())
    }
}

pub(super) struct Location<'a> {
    pub(super) path: Arc<str>,
    pub(super) part: Part<'a>,
    pub(super) around: &'a Surroundings<'a>,
}

impl Location<'_> {
    /// The location; what it needs beside the servers is added there.
    pub(super) fn made(&self, beside: &mut Beside) -> Result<Made, Diagnostics> {
        let matcher = self.matcher()?;
        let mut lines = self.answers()?;
        lines.extend(template::named(&self.part, &self.around.fleet, "location")?);
        lines.extend(self.rewrites()?);
        lines.extend(self.target(beside)?);
        let custom = Custom {
            catalog: self.around.catalog,
            build: &self.around.build,
            context: "location",
            is_operators: false,
        };
        lines.extend(custom.read(&self.part, &lines)?);
        Ok(Made { matcher, lines })
    }

    /// The arguments of `location`.
    fn matcher(&self) -> Result<Vec<Value>, Diagnostic> {
        let path = Value::string(self.path.clone());
        let how = self.part.take("match");
        if how.as_str() != Some("regex") && !self.path.starts_with('/') {
            let detail = format!("The path \"{}\" does not begin with a slash.", self.path);
            return Err(self.part.problem("", "Unsuitable path", detail));
        }
        match how.as_str() {
            Some("prefix") => Ok(vec![path]),
            Some("exact") => Ok(vec![Value::string("="), path]),
            Some("regex") => Ok(vec![Value::string("~"), path]),
            _ => Err(unknown_word("Unknown way of matching", &how, &MATCHES).at(self.part.span("match"))),
        }
    }

    /// Where regular expressions are asked one after the other, where this one stands; `None` for other ways of matching.
    pub(super) fn turn(&self) -> Option<Option<Span>> {
        (self.part.take("match").as_str() == Some("regex")).then(|| self.part.position())
    }

    /// What is said of its requests and answers.
    fn answers(&self) -> Result<Vec<Value>, Diagnostic> {
        let headers = self.part.take("headers");
        let headers = headers.entries().into_iter().flat_map(|entries| entries.iter());
        let add = |(name, value): (&Arc<str>, &Value)| {
            directive("add_header", [Value::string(name.clone()), value.clone(), Value::string("always")])
        };
        let mut lines: Vec<Value> = headers.map(add).collect();
        lines.extend(logs::line(&self.part, &self.around.build)?);
        lines.extend(limits::lines(&self.part, &self.around.fleet)?);
        Ok(lines)
    }

    fn rewrites(&self) -> Result<Vec<Value>, Diagnostic> {
        let rewrites = self.part.take("rewrites");
        let one = |rewrite: &Value| {
            let [from, to] = ["from", "to"].map(|name| rewrite.get(name).filter(|value| !value.is_null()));
            match (from, to, rewrite.entries().map(|entries| entries.len())) {
                (Some(from), Some(to), Some(2)) => Ok(directive("rewrite", [from, to, Value::string("break")])),
                _ => Err(self.part.problem(
                    "rewrites",
                    "Unsuitable rewrite",
                    "A rewrite has \"from\" and \"to\", and nothing else.",
                )),
            }
        };
        rewrites.items().unwrap_or_default().iter().map(one).collect()
    }

    /// Where its requests go.
    fn target(&self, beside: &mut Beside) -> Result<Vec<Value>, Diagnostic> {
        let redirect = self.part.take("redirect");
        match (backends::is_set(&self.part), redirect.is_null()) {
            (false, false) => Ok(vec![directive("return", [Value::string(self.redirect_code()?), redirect])]),
            (true, true) => self.pass(beside),
            _ => {
                Err(self.part.problem("redirect", "Unclear location", "A location has either \"to\" or \"redirect\"."))
            }
        }
    }

    fn redirect_code(&self) -> Result<String, Diagnostic> {
        let code = self.part.number("redirect_code")?.and_then(|code| code.to_i64()).unwrap_or(302);
        if REDIRECTS.contains(&code) {
            return Ok(code.to_string());
        }
        let detail = format!("{code} does not redirect; 301, 302, 303, 307 and 308 do.");
        Err(self.part.problem("redirect_code", "Unsuitable code", detail))
    }

    pub(super) fn is_grpc(&self) -> bool {
        Protocol::of(&self.part).is_ok_and(Protocol::is_grpc)
    }

    fn pass(&self, beside: &mut Beside) -> Result<Vec<Value>, Diagnostic> {
        let protocol = Protocol::of(&self.part)?;
        let balance = self.part.take("balance");
        if !balance.as_str().is_some_and(|balance| BALANCES.contains(&balance)) {
            return Err(unknown_word("Unknown balance", &balance, &BALANCES).at(self.part.span("balance")));
        }
        if protocol.is_grpc() {
            self.around.build.require(&Feature::GRPC, self.part.span("protocol"))?;
        }
        let names = Names { stem: self.around.stem, path: &self.path };
        let tls = ServerTls::of(&self.part, &names, &self.around.build)?;
        let health = self.health(&balance)?;
        let Some(own) = backends::upstream(&self.part)? else {
            // An upstream cannot be empty; this is what a client would hear of dead servers too.
            return Ok(vec![words("return", &["503"])]);
        };
        let own = self.group(own, &health, &mut beside.upstreams)?;
        let canaries = self.canaries(&health, beside)?;
        let names = canary::Names::new(self.around.route, &self.path);
        let (questions, target) = canary::questions(&canaries, &own, &names, &self.around.build)?;
        beside.questions.extend(questions);
        let mut lines = self.proxy(protocol.prefix(), &format!("{}://{target}", protocol.scheme()));
        lines.extend(tls.lines);
        beside.files.extend(tls.files);
        Ok(lines)
    }

    fn health(&self, balance: &Value) -> Result<Health, Diagnostic> {
        let build = &self.around.build;
        let check = self.part.single("health_check");
        let mut checks = check
            .map(|check| health::checks(&check, Protocol::of(&self.part)?, build))
            .transpose()?
            .unwrap_or_default();
        let resolver = self.around.fleet.get("resolver");
        let has_resolver = resolver.is_some_and(|resolver| resolver.items().is_some_and(|items| !items.is_empty()));
        if has_resolver && build.has(&Feature::DYNAMIC_RESOLVE) {
            checks.push(words("dynamic_resolve", &["fallback=stale"]));
        }
        checks.push(directive("keepalive", [Value::string("16")]));
        Ok(Health {
            max_fails: self.part.take("max_fails"),
            fail_timeout: self.part.take("fail_timeout"),
            balance: balance.as_str().map(Arc::from),
            zone: build.has(&Feature::ZONE).then_some(ZONE),
            resolves: has_resolver && build.has(&Feature::RESOLVE),
            checks,
        })
    }

    fn canaries(&self, health: &Health, beside: &mut Beside) -> Result<Vec<Canary<'_>>, Diagnostic> {
        let mut canaries = Vec::new();
        for (label, part) in self.part.named("canary") {
            if let Some(problem) = canary::unreachable(&part, &label) {
                return Err(problem);
            }
            // Without copies it gets no requests.
            let Some(upstream) = backends::upstream(&part)? else { continue };
            let group = self.group(upstream, health, &mut beside.upstreams)?;
            canaries.push(Canary { part, group });
        }
        Ok(canaries)
    }

    /// The name of the group of these servers, which is shared by locations that want the very same one.
    fn group(&self, mut upstream: Upstream, health: &Health, upstreams: &mut Upstreams) -> Result<String, Diagnostic> {
        if upstream.has_pods() && !Fleet::of(&self.around.fleet).has_agents {
            return Err(pods::unreachable(self.part.span("to")));
        }
        upstreams.backends.extend(upstream.servers.iter().filter_map(|server| server.backend.clone()));
        if let Some(switch) = &self.around.switch {
            server::switch(&mut upstream.servers, switch);
        }
        let spoken = Protocol::of(&self.part)?.group(&self.path);
        let base = format!("{}_{}{spoken}", self.around.stem, upstream.name);
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
                    return Ok(name);
                }
            }
        }
        Ok(base)
    }

    fn proxy(&self, prefix: &str, target: &str) -> Vec<Value> {
        let named = |rest: &str| format!("{prefix}_{rest}");
        let header = |name: &str, value: &str| words(&named("set_header"), &[name, value]);
        let mut lines = vec![words(&named("pass"), &[target])];
        lines.extend((prefix == "proxy").then(|| words("proxy_http_version", &["1.1"])));
        lines.extend([
            header("Host", "$host"),
            header("X-Real-IP", "$remote_addr"),
            header("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
            header("X-Forwarded-Proto", "$scheme"),
        ]);
        match (prefix, self.part.is("websocket")) {
            ("proxy", true) => lines
                .extend([header("Upgrade", "$http_upgrade"), header("Connection", &format!("${CONNECTION_UPGRADE}"))]),
            ("proxy", false) => lines.push(header("Connection", "")),
            _ => {}
        }
        let retry = self.part.take("retry_on");
        let retry = retry.items().map_or_else(|| vec![Value::unknown(Type::String)], <[Value]>::to_vec);
        lines.push(directive(&named("next_upstream"), retry));
        let settings = [
            (named("next_upstream_tries"), "tries"),
            (named("connect_timeout"), "connect_timeout"),
            (named("read_timeout"), "timeout"),
            (named("send_timeout"), "timeout"),
            ("client_max_body_size".to_owned(), "body_size"),
        ];
        let is_known = |attribute: &str| attribute != "tries" || self.around.build.has(&Feature::TRIES);
        let set = settings.into_iter().filter(|(_, attribute)| is_known(attribute));
        let set = set.map(|(name, attribute)| (name, self.part.take(attribute)));
        lines.extend(set.filter(|(_, value)| !value.is_null()).map(|(name, value)| directive(&name, [value])));
        lines
    }
}
