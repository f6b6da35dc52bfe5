//! `portolan agent`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use portolan_agent::Options;
use portolan_etcd_client::Connection;
use portolan_fleet::Prefix;
use portolan_lang::{Diagnostic, Type, Value};

use super::arguments::{AgentCommand, NginxAgentArguments};
use super::{Exit, Failure, Outcome, interrupts};

/// How many threads the agent works on: one for the disk, one for etcd.
const THREADS: usize = 2;

pub(crate) fn run(command: &AgentCommand) -> Outcome {
    match command {
        AgentCommand::Nginx(arguments) => nginx(arguments),
    }
}

fn nginx(arguments: &NginxAgentArguments) -> Outcome {
    let options = options(arguments)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        let say = |line: &str| {
            // Whoever read it and left does not end the agent.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
        };
        let ended = portolan_agent::run(options, interrupts(), say).await;
        ended.map(|()| Exit::Success).map_err(|error| {
            let problem = Diagnostic::error("The agent cannot work").detail(error.to_string());
            Failure::from(problem)
        })
    })
}

/// Who publishes decides what nginx reads, and a check opens all of it.
fn check_user(arguments: &NginxAgentArguments) -> Result<(), Failure> {
    if arguments.allow_root || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let detail = "It runs as root, and so would each `nginx -t`: whoever may publish could have any file of this machine \
                  opened.";
    let help = "Run it and nginx as a user of their own: ports below 1024 need CAP_NET_BIND_SERVICE, and nothing else does. \
                Where it has to be root, say --allow-root.";
    Err(Diagnostic::error("The agent does not work as root").detail(detail).help(help).into())
}

fn options(arguments: &NginxAgentArguments) -> Result<Options, Failure> {
    check_user(arguments)?;
    let prefix = Prefix::new(&arguments.prefix).map_err(|problem| invalid("--prefix", &problem))?;
    let node = match &arguments.node {
        Some(node) => node.clone(),
        None => host_name(),
    };
    let is_name = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    if node.is_empty() || node.len() > 253 || !node.chars().all(is_name) {
        return Err(invalid("--node", "a name has letters, digits, dots, dashes and underscores"));
    }
    let status: SocketAddr =
        arguments.status.parse().map_err(|_| invalid("--status", "write an address and a port: 127.0.0.1:9581"))?;
    if !status.ip().is_loopback() {
        return Err(invalid("--status", "it has to be an address of the loopback, as it is for the agent alone"));
    }
    Ok(Options {
        etcd: connection(arguments)?,
        prefix,
        node,
        directory: arguments.directory.clone(),
        nginx: arguments.nginx.clone(),
        status,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn connection(arguments: &NginxAgentArguments) -> Result<Connection, Failure> {
    let file = |flag: &str, path: &Option<PathBuf>| path.as_deref().map(|path| read(flag, path)).transpose();
    let text = |text: Option<String>| text.map_or_else(|| Value::null(Type::String), Value::string);
    let password = file("--password-file", &arguments.password_file)?.map(|text| text.trim_end().to_owned());
    let config = Value::object([
        ("endpoints", Value::strings(arguments.etcd.iter().map(String::as_str))),
        ("username", text(arguments.user.clone())),
        ("password", text(password)),
        ("certificate_authority", text(file("--ca", &arguments.ca)?)),
        ("client_certificate", text(file("--cert", &arguments.cert)?)),
        ("client_key", text(file("--key", &arguments.key)?)),
    ]);
    Connection::of(&config).map_err(|error| {
        let problem = Diagnostic::error("Unsuitable connection").detail(error.message);
        match error.help {
            Some(help) => problem.help(help).into(),
            None => problem.into(),
        }
    })
}

fn read(flag: &str, path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| invalid(flag, &format!("{}: {error}", path.display())))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn invalid(flag: &str, problem: &str) -> Failure {
    Diagnostic::error(format!("Invalid {flag} option")).detail(problem).into()
}
