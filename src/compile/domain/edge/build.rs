//! What the servers of a fleet understand, by flavor, version and modules.
//!
//! A [`Feature`] that the servers lack is left out where something else does as well, and told
//! where it was asked for. The provider holds all directives against its own table besides.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_lang::{Diagnostic, Span, Type, Value};

use super::part::Part;

type Version = [u64; 3];

/// Something that not every server understands.
pub(super) struct Feature {
    /// What it is called in messages.
    pub(super) what: &'static str,
    /// The first version of nginx that has it; `None` where none has.
    nginx: Option<Version>,
    /// The first version of Tengine that has it; `None` where none has.
    tengine: Option<Version>,
    /// The modules that it needs, beyond those that are always there.
    modules: &'static [&'static str],
    /// What can be done without it.
    help: &'static str,
}

const fn feature(what: &'static str, nginx: Version, tengine: Version, modules: &'static [&'static str]) -> Feature {
    Feature { what, nginx: Some(nginx), tengine: Some(tengine), modules, help: "" }
}

impl Feature {
    pub(super) const TLS: Feature = feature("TLS", [1, 0, 0], [1, 0, 0], &["http_ssl"]);
    pub(super) const TLS_1_3: Feature = feature("TLS 1.3", [1, 13, 0], [2, 3, 0], &["http_ssl"]);
    pub(super) const SESSION_TICKETS: Feature = feature("ssl_session_tickets", [1, 5, 9], [2, 1, 0], &["http_ssl"]);
    pub(super) const REJECT_HANDSHAKE: Feature = feature("ssl_reject_handshake", [1, 19, 4], [2, 4, 0], &["http_ssl"]);
    pub(super) const HTTP2_LISTEN: Feature = feature("HTTP/2", [1, 9, 5], [2, 2, 0], &["http_ssl", "http_v2"]);
    pub(super) const HTTP2_DIRECTIVE: Feature = feature("http2 on", [1, 25, 1], [2, 3, 0], &["http_v2"]);
    pub(super) const GRPC: Feature = feature("gRPC", [1, 13, 10], [2, 3, 0], &["http_v2"]);
    pub(super) const SHUTDOWN_TIMEOUT: Feature = feature("worker_shutdown_timeout", [1, 11, 11], [2, 3, 0], &[]);
    pub(super) const TRIES: Feature = feature("proxy_next_upstream_tries", [1, 7, 5], [2, 2, 0], &[]);
    pub(super) const ZONE: Feature = feature("zone", [1, 9, 0], [2, 3, 0], &[]);
    pub(super) const REQUEST_ID: Feature = Feature {
        help: "Use another key: \"client\", or \"cookie:NAME\".",
        ..feature("the key \"request\"", [1, 11, 0], [2, 3, 0], &[])
    };
    pub(super) const JSON_LOG: Feature = Feature {
        help: "Use the format \"combined\".",
        ..feature("the log format \"json\"", [1, 11, 8], [2, 3, 0], &[])
    };
    pub(super) const STREAM: Feature = Feature {
        help: "Where the servers have the module, say so: modules = [\"stream\", …], or load_modules = \
               [\"/usr/lib/nginx/modules/ngx_stream_module.so\"] where it is loaded.",
        ..feature("passing on TCP and UDP", [1, 9, 0], [2, 3, 0], &["stream"])
    };
    pub(super) const UDP: Feature = feature("passing on UDP", [1, 9, 13], [2, 3, 0], &["stream"]);
    pub(super) const SSL_PREREAD: Feature =
        feature("choosing by the name in a TLS handshake", [1, 11, 5], [2, 3, 0], &["stream", "stream_ssl_preread"]);
    pub(super) const RESOLVE: Feature = Feature {
        tengine: None,
        help: "Write addresses, or reload the servers when the names change.",
        ..feature("resolving names of servers while it runs", [1, 27, 3], [0, 0, 0], &[])
    };
    pub(super) const DYNAMIC_RESOLVE: Feature =
        Feature { nginx: None, ..feature("dynamic_resolve", [0, 0, 0], [2, 1, 0], &["http_upstream_dynamic"]) };
    pub(super) const CHECK: Feature = Feature {
        nginx: None,
        help: "Leave health_check out: \"max_fails\" and \"fail_timeout\" watch the requests themselves, and \
               \"retry_on\" has another server answer.",
        ..feature("active health checks", [0, 0, 0], [1, 4, 0], &["http_upstream_check"])
    };
}

/// The modules that the usual packages build in, beside those that every nginx has. Those of
/// streams only matter where there is `stream`.
const USUAL: [&str; 10] = [
    "http_auth_request",
    "http_gunzip",
    "http_gzip_static",
    "http_realip",
    "http_ssl",
    "http_stub_status",
    "http_v2",
    "stream_realip",
    "stream_ssl",
    "stream_ssl_preread",
];

/// What counts where no version is given: the oldest that distributions still keep up.
const ASSUMED_NGINX: Version = [1, 18, 0];
const ASSUMED_TENGINE: Version = [2, 3, 3];

/// What kind of servers a fleet has.
pub(super) struct Build {
    is_tengine: bool,
    /// As it is written; `None` where it is not said.
    version: Option<Arc<str>>,
    /// Their modules, beyond those that are always there.
    modules: BTreeSet<Arc<str>>,
}

impl Build {
    /// From the attributes of a fleet.
    pub(super) fn of(fleet: &Value) -> Build {
        let text = |name: &str| fleet.get(name).and_then(|value| value.as_str().map(Arc::<str>::from));
        let is_tengine = text("flavor").as_deref() == Some("tengine");
        let list = |name: &str| fleet.get(name).and_then(|value| value.items().map(<[Value]>::to_vec));
        let mut modules: BTreeSet<Arc<str>> = match list("modules") {
            Some(given) => given.iter().filter_map(|name| name.as_str().map(Arc::from)).collect(),
            None => USUAL.into_iter().chain(is_tengine.then_some("http_upstream_check")).map(Arc::from).collect(),
        };
        let loaded = list("load_modules").unwrap_or_default();
        modules.extend(loaded.iter().filter_map(|file| module_of(file.as_str()?)));
        Build { is_tengine, version: text("version"), modules }
    }

    /// All of it, for the provider.
    pub(super) fn target(&self) -> Value {
        let version = self.version.clone().map_or_else(|| Value::null(Type::String), Value::string);
        let flavor = Value::string(if self.is_tengine { "tengine" } else { "nginx" });
        Value::object([("flavor", flavor), ("version", version), ("modules", self.modules())])
    }

    /// The modules, for the provider.
    pub(super) fn modules(&self) -> Value {
        Value::strings(self.modules.iter().cloned())
    }

    pub(super) fn has(&self, feature: &Feature) -> bool {
        self.lack(feature).is_none()
    }

    /// The problem of something that was asked for and is not there.
    pub(super) fn require(&self, feature: &Feature, at: Span) -> Result<(), Diagnostic> {
        let Some(lack) = self.lack(feature) else { return Ok(()) };
        let problem = Diagnostic::error("Not possible with this fleet")
            .detail(format!("This needs {}, and {lack}.", feature.what))
            .at(at);
        Err(match feature.help {
            "" => {
                problem.help("Correct \"flavor\", \"version\" and \"modules\" of the nginx block, or leave this out.")
            }
            help => problem.help(help),
        })
    }

    /// What keeps the servers from having a feature.
    fn lack(&self, feature: &Feature) -> Option<String> {
        let (name, other, since, assumed) = match self.is_tengine {
            true => ("Tengine", "nginx", feature.tengine, ASSUMED_TENGINE),
            false => ("nginx", "Tengine", feature.nginx, ASSUMED_NGINX),
        };
        let Some(since) = since else { return Some(format!("only {other} has that")) };
        let version = self.version.as_deref().map_or(assumed, numbers);
        if version < since {
            let [major, minor, patch] = since;
            let has = match &self.version {
                Some(version) => format!("the fleet has {version}"),
                None => format!("no version is given, which counts as {}.{}", assumed[0], assumed[1]),
            };
            return Some(format!("{name} has that from {major}.{minor}.{patch} on; {has}"));
        }
        let missing = feature.modules.iter().find(|module| !self.modules.contains(**module))?;
        Some(format!("the servers do not have the module \"{missing}\""))
    }
}

/// A version of two numbers is the newest of its line.
fn numbers(text: &str) -> Version {
    let mut parts = text.split('.').map_while(|part| part.parse().ok());
    std::array::from_fn(|_| parts.next().unwrap_or(u64::MAX))
}

/// `stream` of `/usr/lib/nginx/modules/ngx_stream_module.so`.
fn module_of(file: &str) -> Option<Arc<str>> {
    let name = file.rsplit('/').next()?.strip_suffix("_module.so")?;
    Some(Arc::from(name.strip_prefix("ngx_").unwrap_or(name)))
}

/// What is wrong with the names of modules.
pub(super) fn check_modules(fleet: &Part<'_>) -> Vec<Diagnostic> {
    let modules = fleet.take("modules");
    let given = modules.items().unwrap_or_default().iter().filter_map(Value::as_str);
    let wrong = given.filter(|name| {
        let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        !is_name || name.is_empty() || name.starts_with("ngx_") || name.ends_with("_module")
    });
    let problem = |name: &str| {
        fleet
            .problem("modules", "Unsuitable module", format!("\"{name}\" is not the name of a module."))
            .help("Write what nginx -V says, without --with- and _module: \"http_ssl\", \"stream\".")
    };
    wrong.map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(flavor: &str, version: Option<&str>, modules: Option<&[&str]>) -> Build {
        let mut entries = vec![("flavor", Value::string(flavor))];
        entries.extend(version.map(|version| ("version", Value::string(version))));
        entries.extend(modules.map(|modules| ("modules", Value::strings(modules.iter().copied()))));
        Build::of(&Value::object(entries))
    }

    #[test]
    fn what_is_lacking_is_told() {
        let lack = |build: Build, feature: &Feature| build.lack(feature).unwrap_or_default();
        assert_eq!(lack(build("nginx", Some("1.27"), None), &Feature::RESOLVE), "");
        assert_eq!(
            lack(build("nginx", Some("1.27.2"), None), &Feature::RESOLVE),
            "nginx has that from 1.27.3 on; the fleet has 1.27.2"
        );
        assert_eq!(
            lack(build("nginx", None, None), &Feature::HTTP2_DIRECTIVE),
            "nginx has that from 1.25.1 on; no version is given, which counts as 1.18"
        );
        assert_eq!(lack(build("nginx", None, None), &Feature::CHECK), "only Tengine has that");
        assert_eq!(lack(build("tengine", None, None), &Feature::CHECK), "");
        assert_eq!(
            lack(build("tengine", Some("2.3.2"), Some(&["http_ssl"])), &Feature::CHECK),
            "the servers do not have the module \"http_upstream_check\""
        );
        assert_eq!(
            lack(build("tengine", Some("2.3"), None), &Feature::REJECT_HANDSHAKE),
            "Tengine has that from 2.4.0 on; the fleet has 2.3"
        );
    }

    #[test]
    fn what_is_loaded_is_there() {
        let loaded = Value::strings(["/usr/lib/nginx/modules/ngx_stream_module.so"]);
        let build = Build::of(&Value::object([("load_modules", loaded)]));
        assert!(build.has(&Feature::SSL_PREREAD) && build.has(&Feature::TLS));
    }
}
