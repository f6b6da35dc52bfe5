//! `nginx.conf`: what all routes and streams of a fleet share.
//!
//! The server runs without rights of its own from the directory that the file lies in.

use portolan_lang::{Type, Value};

use super::build::{Build, Feature};
use super::directive::{block, directive, words};
use super::fleet::{CONNECTION_UPGRADE, Fleet};
use super::part::Part;
use super::{logs, template};

/// What the file is made from.
pub(super) struct Conf<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) build: &'a Build,
    /// The block of the fleet.
    pub(super) part: &'a Part<'a>,
    /// What its limits count.
    pub(super) zones: Vec<Value>,
    pub(super) templates: &'a Value,
    /// How requests are written down; `None` where that is not said.
    pub(super) log: Option<Value>,
}

impl Conf<'_> {
    /// The whole file.
    pub(super) fn directives(&self) -> Value {
        let standing = |context: &str| template::standing(self.templates, context);
        let loaded = self.part.take("load_modules");
        let loaded = loaded.items().map(<[Value]>::to_vec).unwrap_or_default();
        let mut lines: Vec<Value> = loaded.into_iter().map(|file| directive("load_module", [file])).collect();
        lines.extend([
            words("worker_processes", &["auto"]),
            words("pid", &["nginx.pid"]),
            words("error_log", &["error.log", "warn"]),
        ]);
        lines.extend(self.build.has(&Feature::SHUTDOWN_TIMEOUT).then(|| words("worker_shutdown_timeout", &["60s"])));
        lines.extend(standing("main"));
        let mut events = vec![directive("worker_connections", [self.part.take("worker_connections")])];
        events.extend(standing("events"));
        lines.push(block("events", [], events));
        lines.push(block("http", [], self.http(standing("http"))));
        lines.extend(self.build.has(&Feature::STREAM).then(|| block("stream", [], self.stream(standing("stream")))));
        Value::tuple(own_before(lines, &standing("main")))
    }

    fn http(&self, standing: Vec<Value>) -> Vec<Value> {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let upgrade = [words("default", &["upgrade"]), words("", &["close"])];
        let mut http = vec![words("default_type", &["application/octet-stream"])];
        let path = |name: &str| directive(&format!("{name}_temp_path"), [Value::string(format!("temp_{name}"))]);
        http.extend(temporary.map(path));
        http.extend(logs::definition(self.build));
        http.extend([
            self.log.clone().unwrap_or_else(logs::usual),
            words("server_tokens", &["off"]),
            words("sendfile", &["on"]),
            words("tcp_nopush", &["on"]),
            words("keepalive_timeout", &["65s"]),
            words("server_names_hash_bucket_size", &["128"]),
            words("server_names_hash_max_size", &["65536"]),
        ]);
        http.extend(self.resolver());
        http.extend(self.zones.iter().cloned());
        http.extend(standing.iter().cloned());
        http.extend([
            block("map", [Value::string("$http_upgrade"), Value::string(format!("${CONNECTION_UPGRADE}"))], upgrade),
            block("server", [], self.nobody()),
        ]);
        http.extend(self.nobody_encrypted());
        http.push(words("include", &["conf.d/*.conf"]));
        // Where agents bring the configuration, what they add to see what is served.
        let has_agents = !self.part.take("etcd").is_null();
        http.extend(has_agents.then(|| words("include", &["agent.d/*.conf"])));
        own_before(http, &standing)
    }

    fn resolver(&self) -> Option<Value> {
        let servers = self.part.take("resolver");
        match servers.items() {
            Some([]) => None,
            Some(servers) => Some(directive("resolver", servers.to_vec())),
            None => Some(directive("resolver", [Value::unknown(Type::String)])),
        }
    }

    /// The server for hosts that no route has: it says that it lives, and nothing else.
    fn nobody(&self) -> Vec<Value> {
        let mut lines = self.fleet.listen(&self.fleet.http_port, &["default_server"]);
        lines.push(words("server_name", &["_"]));
        let alive = [words("access_log", &["off"]), words("return", &["200", "ok"])];
        lines.push(block("location", ["=", "/healthz"].map(Value::string), alive));
        lines.push(block("location", [Value::string("/")], [words("return", &["404"])]));
        lines
    }

    /// Without it, the first route's certificate would be shown for hosts that no route has.
    fn nobody_encrypted(&self) -> Option<Value> {
        self.build.has(&Feature::REJECT_HANDSHAKE).then(|| {
            let mut lines = self.fleet.listen(&self.fleet.https_port, &["ssl", "default_server"]);
            lines.extend([words("server_name", &["_"]), words("ssl_reject_handshake", &["on"])]);
            block("server", [], lines)
        })
    }

    fn stream(&self, standing: Vec<Value>) -> Vec<Value> {
        let mut stream = vec![logs::stream_definition()];
        stream.extend(standing);
        stream.push(words("include", &["stream.d/*.conf"]));
        stream
    }
}

/// The lines without those that a template of the operator says otherwise: `sendfile`, for example.
fn own_before(lines: Vec<Value>, standing: &[Value]) -> Vec<Value> {
    let name = |line: &Value| line.get("name").and_then(|name| name.as_str().map(str::to_owned));
    let said: Vec<Option<String>> = standing.iter().map(name).collect();
    let is_kept = |line: &Value| {
        let is_simple = line.get("block").is_none_or(|block| block.is_null());
        let is_repeated = name(line).is_some_and(|name| template::REPEATED.contains(&&*name) || name == "include");
        standing.contains(line) || !is_simple || is_repeated || !said.contains(&name(line))
    };
    lines.into_iter().filter(is_kept).collect()
}
