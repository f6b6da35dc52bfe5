//! Opening the way to an API server.
//!
//! Everything comes to one form, a kubeconfig with one context, whatever it was said by. What is
//! not said is not guessed: a file's current context counts for nothing, and a certificate that
//! cannot be verified is never accepted.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use kube::config::{
    AuthInfo, Cluster, Config, Context, ExecConfig, ExecInteractiveMode, KubeConfigOptions, Kubeconfig,
    KubeconfigError, NamedAuthInfo, NamedCluster, NamedContext,
};
use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{AttributePath, Step};
use portolan_provider::Error;

use super::proxy;
use crate::connection::{Credentials, Host, ServerAddress, Way};

/// How long a connection may take to be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the programs that credentials come from may take.
const EXEC_TIMEOUT: Duration = Duration::from_secs(60);

fn at(name: &str) -> AttributePath {
    ["kubernetes", name].map(|name| Step::Attribute(name.into())).into_iter().collect()
}

/// A client, and the address of its server.
pub(super) async fn client(address: &ServerAddress) -> Result<(kube::Client, String), Error> {
    let mut config = match &address.way {
        Way::InCluster => in_cluster()?,
        Way::Kubeconfig { path, context } => from_file(path.as_deref(), context.as_deref()).await?,
        Way::Host(host) => from_kubeconfig(of_host(host), "host").await?,
    };
    if let Some(impersonate) = &address.impersonate {
        config.auth_info.impersonate = Some(impersonate.user.clone());
        config.auth_info.impersonate_groups = Some(impersonate.groups.clone()).filter(|groups| !groups.is_empty());
    }
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    if let Some(exec) = &mut config.auth_info.exec
        && exec.interactive_mode != Some(ExecInteractiveMode::Always)
        && !std::io::stdin().is_terminal()
    {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    check(&config)?;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    // Credentials may come from a program, which is waited for.
    let made = tokio::task::spawn_blocking(move || kube::Client::try_from(config));
    match tokio::time::timeout(EXEC_TIMEOUT, made).await {
        Ok(Ok(Ok(client))) => Ok((client, server)),
        Ok(Ok(Err(error))) => Err(unusable(&error)),
        Ok(Err(_)) => Err(Error::failed("the credentials could not be read")),
        Err(_) => {
            Err(Error::failed(format!("the program for the credentials gave none within {} s", EXEC_TIMEOUT.as_secs())))
        }
    }
}

fn in_cluster() -> Result<Config, Error> {
    Config::incluster().map_err(|error| {
        let error =
            Error::failed(format!("this program does not run in a pod with a service account: {}", chain(&error)));
        error.at(at("in_cluster"))
    })
}

/// The context of a kubeconfig. Where none is named, the file must have a single one.
async fn from_file(path: Option<&Path>, context: Option<&str>) -> Result<Config, Error> {
    let (read, shown) = match path {
        Some(path) => (Kubeconfig::read_from(path), path.display().to_string()),
        None => (Kubeconfig::read(), shown_default()),
    };
    let kubeconfig = read.map_err(|error| unreadable(&error, &shown).at(at("config_path")))?;
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| &*context.name).collect();
    let chosen = match (context, names.as_slice()) {
        (Some(context), names) if names.contains(&context) => context.to_owned(),
        (Some(context), names) => return Err(no_context(context, names, &shown)),
        (None, [only]) => (*only).to_owned(),
        (None, names) => {
            let error = Error::invalid(format!("{shown} has {} contexts, and none is named", names.len()));
            return Err(error.at(at("context")).help(format!("Name one with `context`: {}.", names.join(", "))));
        }
    };
    from_kubeconfig(kubeconfig, &chosen).await
}

fn shown_default() -> String {
    std::env::var("KUBECONFIG").unwrap_or_else(|_| "~/.kube/config".to_owned())
}

fn no_context(context: &str, names: &[&str], shown: &str) -> Error {
    let error = Error::invalid(format!("{shown} has no context {context:?}")).at(at("context"));
    match did_you_mean(context, names.iter().copied()) {
        Some(near) => error.help(format!("Did you mean {near:?}?")),
        None if names.is_empty() => error.help("It has no contexts at all."),
        None => error.help(format!("It has: {}.", names.join(", "))),
    }
}

async fn from_kubeconfig(kubeconfig: Kubeconfig, context: &str) -> Result<Config, Error> {
    let cluster = cluster_of(&kubeconfig, context);
    let proxy_url = cluster.and_then(|cluster| cluster.proxy_url.clone()).filter(|url| !url.is_empty());
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unreadable(&error, &format!("the context {context:?}")))?;
    let url = &config.cluster_url;
    let proxy_url = proxy_url.or_else(|| proxy::from_environment(url.scheme_str()?, url.host()?));
    config.proxy_url = proxy_url.map(|url| url.parse()).transpose().map_err(|_| {
        // Not shown: a password may be in it.
        Error::invalid("the address of the proxy is not a URL").at(at("proxy_url"))
    })?;
    Ok(config)
}

fn cluster_of<'a>(kubeconfig: &'a Kubeconfig, context: &str) -> Option<&'a Cluster> {
    let context = kubeconfig.contexts.iter().find(|found| found.name == context)?.context.as_ref()?;
    kubeconfig.clusters.iter().find(|found| found.name == context.cluster)?.cluster.as_ref()
}

/// What is said in attributes, as a kubeconfig says it.
fn of_host(host: &Host) -> Kubeconfig {
    let name = || "host".to_owned();
    let cluster = Cluster {
        server: Some(host.url.clone()),
        certificate_authority_data: host.authorities.as_ref().map(|pem| STANDARD.encode(pem)),
        proxy_url: host.proxy_url.clone(),
        tls_server_name: host.tls_server_name.clone(),
        ..Cluster::default()
    };
    let context = Context { cluster: name(), user: Some(name()), ..Context::default() };
    Kubeconfig {
        clusters: vec![NamedCluster { name: name(), cluster: Some(cluster), ..NamedCluster::default() }],
        auth_infos: vec![NamedAuthInfo {
            name: name(),
            auth_info: Some(auth_info(&host.credentials)),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext { name: name(), context: Some(context), ..NamedContext::default() }],
        ..Kubeconfig::default()
    }
}

fn auth_info(credentials: &Credentials) -> AuthInfo {
    let nobody = AuthInfo::default();
    match credentials {
        Credentials::None => nobody,
        Credentials::Token(token) => AuthInfo { token: Some(token.trim().to_owned().into()), ..nobody },
        Credentials::Certificate { certificate, key } => AuthInfo {
            client_certificate_data: Some(STANDARD.encode(certificate)),
            client_key_data: Some(STANDARD.encode(key).into()),
            ..nobody
        },
        Credentials::Exec(exec) => {
            let variable = |(name, value): &(String, String)| {
                [("name", name), ("value", value)].map(|(key, text)| (key.to_owned(), text.clone())).into()
            };
            let exec = ExecConfig {
                api_version: Some(exec.api_version.clone()),
                command: Some(exec.command.clone()),
                args: Some(exec.args.clone()),
                env: Some(exec.env.iter().map(variable).collect()),
                ..ExecConfig::default()
            };
            AuthInfo { exec: Some(exec), ..nobody }
        }
    }
}

/// Refuses what would hand credentials to whoever answers.
fn check(config: &Config) -> Result<(), Error> {
    if config.accept_invalid_certs {
        let error = Error::invalid("the kubeconfig says insecure-skip-tls-verify: whoever answers would be trusted");
        return Err(
            error.help("Give the certificate of the cluster's authority in its place: `certificate-authority`.")
        );
    }
    let is_here = |url: &Uri| matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match config.cluster_url.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_here(&config.cluster_url) => Ok(()),
        Some("http") => Err(Error::invalid(format!("{} is not encrypted", config.cluster_url))
            .at(at("host"))
            .help("Use https, or a proxy on this machine.")),
        _ => Err(Error::invalid(format!(
            "{:?} is not an address such as \"https://192.0.2.1:6443\"",
            config.cluster_url.to_string()
        ))
        .at(at("host"))),
    }
}

/// Why a kubeconfig cannot be read; never what stands in it.
fn unreadable(error: &KubeconfigError, shown: &str) -> Error {
    match error {
        KubeconfigError::Parse(_) => Error::invalid(format!("{shown} is not a kubeconfig")),
        KubeconfigError::ReadConfig(error, path) => {
            Error::failed(format!("{} cannot be read: {error}", path.display()))
        }
        KubeconfigError::FindPath => Error::invalid("there is no home directory that could hold a kubeconfig"),
        other => Error::invalid(format!("{shown}: {}", chain(other))),
    }
}

/// Why no client can be made.
fn unusable(error: &kube::Error) -> Error {
    let kube::Error::Auth(error) = error else { return Error::invalid(chain(error)) };
    match error {
        kube::client::AuthError::AuthExecRun { out, .. } => {
            // What it prints on its output may be the credentials.
            let told = String::from_utf8_lossy(&out.stderr);
            let last = told.trim().lines().next_back().map(|line| format!(": {line}")).unwrap_or_default();
            Error::denied(format!("the program for the credentials ended with {}{last}", out.status))
        }
        kube::client::AuthError::AuthExecStart(error) => {
            Error::failed(format!("the program for the credentials cannot be started: {error}"))
        }
        kube::client::AuthError::AuthExecParse(_) => {
            Error::failed("what the program for the credentials printed is no ExecCredential")
        }
        other => Error::denied(chain(other)),
    }
}

/// An error with its causes, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        source = cause.source();
    }
    text
}
