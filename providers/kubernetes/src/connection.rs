//! The ways to a cluster, each a nested block of the connection.

use std::path::PathBuf;

use portolan_lang::{Attribute, AttributePath, Block, Schema, Step, Type, Value};
use portolan_provider::Error;

/// A way to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connection {
    /// A directory of manifests, which something else brings to a cluster.
    Directory {
        /// The directory; it is made where it does not exist.
        path: PathBuf,
    },
    /// The API server of a cluster.
    Server(Box<ServerAddress>),
}

/// How an API server is reached, and how it is dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) way: Way,
    pub(crate) impersonate: Option<Impersonate>,
    /// Whether fields that other managers own are taken from them.
    pub(crate) force_conflicts: bool,
}

/// Where an API server and the credentials for it are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// A context of a kubeconfig: of this file, or of those that kubectl would read.
    Kubeconfig { path: Option<PathBuf>, context: Option<String> },
    /// The cluster that this program runs in, as the service account of its pod.
    InCluster,
    /// All of it is said here.
    Host(Box<Host>),
}

/// An API server by its address, with credentials.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Host {
    /// `https://192.0.2.1:6443`.
    pub(crate) url: String,
    /// The certificates of the authorities that are trusted, as PEM; those of the system if empty.
    pub(crate) authorities: Option<String>,
    /// The name that the server's certificate is for, if not that of the address.
    pub(crate) tls_server_name: Option<String>,
    pub(crate) proxy_url: Option<String>,
    pub(crate) credentials: Credentials,
}

/// How one proves to be somebody.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) enum Credentials {
    #[default]
    None,
    /// A bearer token.
    Token(String),
    /// A client certificate and its key, as PEM.
    Certificate { certificate: String, key: String },
    /// A program that prints credentials.
    Exec(Exec),
}

/// A program that prints an `ExecCredential`.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Exec {
    pub(crate) api_version: String,
    pub(crate) command: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

/// Whom to act as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Impersonate {
    pub(crate) user: String,
    pub(crate) groups: Vec<String>,
}

/// Secrets are in it.
impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("url", &self.url).finish_non_exhaustive()
    }
}

const DIRECTORY: &str = "directory";
const SERVER: &str = "kubernetes";

pub(crate) fn schema() -> Schema {
    let path = Attribute::required("path", Type::String)
        .doc("The directory of the manifests; if relative, it counts from the working directory.");
    Schema::new("How the objects reach the cluster.")
        .block(Block::single(DIRECTORY, Schema::new("A directory of manifests, one file an object.").with(path)))
        .block(Block::single(SERVER, server_schema()))
}

fn server_schema() -> Schema {
    let text = |name: &'static str, doc| Attribute::optional(name, Type::String).doc(doc);
    let exec = Schema::new("A program that prints credentials, as kubeconfig files name them.")
        .with(Attribute::required("command", Type::String).doc("The program."))
        .with(Attribute::optional("args", Type::list(Type::String)).doc("Its arguments."))
        .with(
            Attribute::optional("env", Type::map(Type::String))
                .sensitive()
                .doc("Variables of its environment, beside those of this program."),
        )
        .with(
            Attribute::optional("api_version", Type::String)
                .default(Value::string("client.authentication.k8s.io/v1"))
                .doc("The version of the answer that it gives."),
        );
    let impersonate = Schema::new("Whom to act as.")
        .with(Attribute::required("user", Type::String).doc("The user."))
        .with(Attribute::optional("groups", Type::list(Type::String)).doc("The groups."));
    Schema::new("The API server of a cluster: by a kubeconfig, from within the cluster, or by its address.")
        .with(text("context", "The context of the kubeconfig. It may be left out only where the file has no other; the file's current context counts for nothing."))
        .with(text("config_path", "The kubeconfig file; if not given, those that KUBECONFIG names, or ~/.kube/config."))
        .with(Attribute::optional("in_cluster", Type::Bool).doc("Use the service account of the pod that this program runs in."))
        .with(text("host", "The address: \"https://192.0.2.1:6443\"."))
        .with(text("cluster_ca_certificate", "The certificates of the authorities that are trusted, as PEM text. If not given, those of the system."))
        .with(text("token", "A bearer token.").sensitive())
        .with(text("client_certificate", "A client certificate, as PEM text."))
        .with(text("client_key", "Its key, as PEM text.").sensitive())
        .with(text("tls_server_name", "The name that the server's certificate is for, if it is not that of the host."))
        .with(text("proxy_url", "A proxy on the way: http, https or socks5.").sensitive())
        .with(
            Attribute::optional("force_conflicts", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether fields are taken from other managers where they want another value. Objects can say so themselves."),
        )
        .block(Block::single("exec", exec))
        .block(Block::single("impersonate", impersonate))
}

/// The path to an attribute of a way.
fn path(names: &[&str]) -> AttributePath {
    names.iter().map(|name| Step::Attribute((*name).into())).collect()
}

impl Connection {
    /// The connection that a wholly known configuration names.
    pub(crate) fn of(config: &Value) -> Result<Connection, Error> {
        let set = config.entries().into_iter().flat_map(|entries| entries.iter());
        let set: Vec<&str> = set.filter(|(_, value)| !value.is_null()).map(|(name, _)| &**name).collect();
        match set.as_slice() {
            [DIRECTORY] => Connection::directory(config),
            [SERVER] => server(&config.get(SERVER).unwrap_or(Value::FALSE)),
            [] => Err(Error::invalid("the connection is missing")
                .help("Add a block `kubernetes` with a `context`, or a block `directory` with a `path`.")),
            [other] => {
                let error = Error::invalid(format!("the connection {other:?} is not supported"));
                Err(error.at(AttributePath::attribute(*other)).help(format!("Supported: {DIRECTORY}, {SERVER}.")))
            }
            several => Err(Error::invalid(format!("one connection is needed, not {}", several.join(" and ")))),
        }
    }

    fn directory(config: &Value) -> Result<Connection, Error> {
        let path_value = config.get(DIRECTORY).and_then(|directory| directory.get("path"));
        match path_value.as_ref().and_then(Value::as_str) {
            Some(path) if !path.is_empty() && !path.contains('\0') => Ok(Connection::Directory { path: path.into() }),
            _ => Err(Error::invalid("the path of a directory is required").at(path(&[DIRECTORY, "path"]))),
        }
    }
}

/// What stands in a `kubernetes` block.
struct Reader<'a>(&'a Value);

impl Reader<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_str().filter(|text| !text.trim().is_empty() && !text.contains('\0')) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Error::invalid("text is required that is not empty").at(path(&[SERVER, name]))),
        }
    }

    fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn texts(value: &Value, name: &str) -> Vec<String> {
        let items = value.get(name);
        let items = items.as_ref().and_then(Value::items).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// What belongs to the address of a host alone.
const OF_HOST: [&str; 7] =
    ["cluster_ca_certificate", "token", "client_certificate", "client_key", "tls_server_name", "proxy_url", "exec"];

fn server(block: &Value) -> Result<Connection, Error> {
    let block = Reader(block);
    let impersonate = block.get("impersonate").map(|value| impersonate(&value)).transpose()?;
    let force_conflicts = block.get("force_conflicts").and_then(|value| value.as_bool()).unwrap_or(false);
    Ok(Connection::Server(Box::new(ServerAddress { way: way(&block)?, impersonate, force_conflicts })))
}

fn way(block: &Reader<'_>) -> Result<Way, Error> {
    let in_cluster = block.get("in_cluster").and_then(|value| value.as_bool()).unwrap_or(false);
    let kubeconfig = block.is_set("context") || block.is_set("config_path");
    let host = block.text("host")?;
    let ways = [kubeconfig, in_cluster, host.is_some()].into_iter().filter(|set| *set).count();
    if ways != 1 {
        let found = if ways == 0 { "none is" } else { "several are" };
        let error = Error::invalid(format!("one way to the API server is needed, and {found} given"));
        return Err(error
            .at(path(&[SERVER]))
            .help("Give a `context` (and a `config_path`), or `in_cluster = true`, or a `host` with credentials."));
    }
    let stray = OF_HOST.into_iter().find(|name| host.is_none() && block.is_set(name));
    if let Some(name) = stray {
        let error = Error::invalid(format!("`{name}` belongs to a `host`")).at(path(&[SERVER, name]));
        return Err(error.help("Leave it out, or give the address with `host` in the place of the other way."));
    }
    match host {
        Some(url) => Ok(Way::Host(Box::new(host_of(block, url)?))),
        None if in_cluster => Ok(Way::InCluster),
        None => {
            Ok(Way::Kubeconfig { path: block.text("config_path")?.map(PathBuf::from), context: block.text("context")? })
        }
    }
}

fn host_of(block: &Reader<'_>, url: String) -> Result<Host, Error> {
    Ok(Host {
        url,
        authorities: block.text("cluster_ca_certificate")?,
        tls_server_name: block.text("tls_server_name")?,
        proxy_url: block.text("proxy_url")?,
        credentials: credentials(block)?,
    })
}

fn credentials(block: &Reader<'_>) -> Result<Credentials, Error> {
    let exec = block.get("exec");
    let certificate = (block.text("client_certificate")?, block.text("client_key")?);
    match (block.text("token")?, certificate, exec) {
        (None, (None, None), None) => Ok(Credentials::None),
        (Some(token), (None, None), None) => Ok(Credentials::Token(token)),
        (None, (Some(certificate), Some(key)), None) => Ok(Credentials::Certificate { certificate, key }),
        (None, (None, None), Some(exec)) => Ok(Credentials::Exec(exec_of(&exec)?)),
        (None, (None, Some(_)), None) => {
            Err(Error::invalid("a client key needs its certificate").at(path(&[SERVER, "client_key"])))
        }
        (None, (Some(_), None), None) => {
            Err(Error::invalid("a client certificate needs its key").at(path(&[SERVER, "client_certificate"])))
        }
        _ => Err(Error::invalid("one sort of credentials is needed, and several are given")
            .at(path(&[SERVER]))
            .help("Give a `token`, or a `client_certificate` with its `client_key`, or `exec`.")),
    }
}

fn exec_of(block: &Value) -> Result<Exec, Error> {
    let reader = Reader(block);
    let missing = || Error::invalid("the program is required").at(path(&[SERVER, "exec", "command"]));
    let env = block.get("env");
    let env = env.as_ref().and_then(Value::entries).into_iter().flat_map(|entries| entries.iter());
    Ok(Exec {
        command: reader.text("command")?.ok_or_else(missing)?,
        api_version: reader.text("api_version")?.unwrap_or_default(),
        args: Reader::texts(block, "args"),
        env: env.filter_map(|(name, value)| Some((name.to_string(), value.as_str()?.to_owned()))).collect(),
    })
}

fn impersonate(block: &Value) -> Result<Impersonate, Error> {
    let missing = || Error::invalid("the user is required").at(path(&[SERVER, "impersonate", "user"]));
    let user = Reader(block).text("user")?.ok_or_else(missing)?;
    Ok(Impersonate { user, groups: Reader::texts(block, "groups") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &'static str, attributes: &[(&'static str, Value)]) -> Value {
        Value::object([(name, Value::object(attributes.iter().cloned()))])
    }

    fn refused(config: &Value) -> String {
        Connection::of(config).expect_err("an error").message
    }

    #[test]
    fn one_connection_is_needed() {
        let directory = |path: &str| Value::object([("path", Value::string(path))]);
        let null = || Value::null(Type::Any);
        let good = Value::object([("directory", directory("out")), ("kubernetes", null())]);
        assert_eq!(Connection::of(&good).expect("a connection"), Connection::Directory { path: "out".into() });
        assert_eq!(refused(&Value::object([("directory", null())])), "the connection is missing");
        assert_eq!(refused(&Value::object([("directory", directory(""))])), "the path of a directory is required");
        assert_eq!(refused(&Value::object([("docker", directory("a"))])), "the connection \"docker\" is not supported");
        let both = Value::object([("directory", directory("a")), ("kubernetes", directory("a"))]);
        assert_eq!(refused(&both), "one connection is needed, not directory and kubernetes");
    }

    #[test]
    fn one_way_to_a_server_is_needed() {
        let text = |text: &str| Value::string(text);
        let server = |attributes: &[(&'static str, Value)]| Connection::of(&block("kubernetes", attributes));
        let way = |attributes: &[(&'static str, Value)]| match server(attributes).expect("a connection") {
            Connection::Server(address) => address.way,
            other => panic!("{other:?}"),
        };
        let context = Way::Kubeconfig { path: None, context: Some("eu".to_owned()) };
        assert_eq!(way(&[("context", text("eu")), ("in_cluster", Value::FALSE)]), context);
        assert_eq!(way(&[("in_cluster", Value::TRUE)]), Way::InCluster);
        let Way::Host(host) = way(&[("host", text("https://x")), ("token", text("t"))]) else { panic!("a host") };
        assert!(host.credentials == Credentials::Token("t".to_owned()));
        assert!(!format!("{host:?}").contains("\"t\""));

        let cases: [(&[(&'static str, Value)], &str); 7] = [
            (&[], "one way to the API server is needed, and none is given"),
            (
                &[("context", text("a")), ("host", text("b"))],
                "one way to the API server is needed, and several are given",
            ),
            (&[("context", text("a")), ("token", text("b"))], "`token` belongs to a `host`"),
            (&[("context", text(""))], "text is required that is not empty"),
            (&[("host", text("a")), ("client_key", text("b"))], "a client key needs its certificate"),
            (&[("host", text("a")), ("client_certificate", text("b"))], "a client certificate needs its key"),
            (
                &[("host", text("a")), ("token", text("b")), ("exec", Value::object([("command", text("c"))]))],
                "one sort of credentials is needed, and several are given",
            ),
        ];
        for (attributes, expected) in cases {
            assert_eq!(refused(&block("kubernetes", attributes)), expected);
        }
    }
}
