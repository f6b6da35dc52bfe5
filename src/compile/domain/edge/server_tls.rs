//! TLS between nginx and the servers behind a location: `https` and `grpcs`.

use portolan_lang::{Attribute, Diagnostic, Schema, Type, Value};

use super::build::{Build, Feature};
use super::directive::{directive, words};
use super::keys::digest;
use super::part::Part;
use super::protocol::Protocol;
use super::tls::{self, Pair};

/// How long a chain of certificates may be: the server's, two between, and the authority's.
const DEPTH: &str = "3";

/// `server_tls { … }` of a location.
pub(super) fn schema() -> Schema {
    let schema = Schema::new("How servers are known that are spoken to by https or grpcs.")
        .with(
            Attribute::required("server_name", Type::String)
                .doc("The name that their certificates must have, and that they are told."),
        )
        .with(
            Attribute::optional("certificate_authority", Type::String)
                .doc("The certificates that theirs must be signed by, in PEM."),
        )
        .with(
            Attribute::optional("certificate_authority_file", Type::String)
                .doc("In place of the text: a file that the nodes have already."),
        )
        .with(
            Attribute::optional("verify", Type::Bool)
                .default(Value::TRUE)
                .doc("Whether they are refused otherwise. Without that, anybody in between can read and change all."),
        );
    tls::pair_attributes(schema)
}

/// A file of the tree: the certificates of authorities, or what nginx shows to the servers.
pub(super) struct TlsFile {
    /// What tells it from others of the route.
    pub(super) part: String,
    pub(super) path: Value,
    pub(super) content: Value,
}

/// The lines of a location, and the files that they need.
#[derive(Default)]
pub(super) struct ServerTls {
    pub(super) lines: Vec<Value>,
    pub(super) files: Vec<TlsFile>,
}

/// What the files of a location are called.
pub(super) struct Names<'a> {
    /// What the files of the route are called.
    pub(super) stem: &'a str,
    pub(super) path: &'a str,
}

impl Names<'_> {
    fn file(&self, part: &str, extension: &str, content: Value) -> TlsFile {
        let digest = digest(self.path);
        TlsFile {
            part: format!("{part}@{digest}"),
            path: Value::string(format!("tls/{}.{digest}.{extension}", self.stem)),
            content,
        }
    }
}

impl ServerTls {
    /// What a location says of its servers; nothing where they do not speak TLS.
    pub(super) fn of(location: &Part<'_>, names: &Names<'_>, build: &Build) -> Result<ServerTls, Diagnostic> {
        let protocol = Protocol::of(location)?;
        let tls = location.single("server_tls");
        match (protocol.is_tls(), tls) {
            (false, None) => Ok(ServerTls::default()),
            (false, Some(tls)) => Err(unused(&tls)),
            (true, None) => Err(missing(location)),
            (true, Some(tls)) => {
                let made = made(&tls, protocol.prefix(), names, build)?;
                build.require(&Feature::TLS, location.span("protocol"))?;
                Ok(made)
            }
        }
    }
}

fn made(tls: &Part<'_>, prefix: &str, names: &Names<'_>, build: &Build) -> Result<ServerTls, Diagnostic> {
    let named = |rest: &str| format!("{prefix}_ssl_{rest}");
    let protocols = ["TLSv1.2"].into_iter().chain(build.has(&Feature::TLS_1_3).then_some("TLSv1.3"));
    let mut lines = vec![
        directive(&named("name"), [tls.take("server_name")]),
        words(&named("server_name"), &["on"]),
        directive(&named("protocols"), protocols.map(Value::string)),
    ];
    let mut files = Vec::new();
    lines.extend(authority(tls, names, &mut files)?.map(|file| directive(&named("trusted_certificate"), [file])));
    lines.push(words(&named("verify"), &[if is_verified(tls) { "on" } else { "off" }]));
    lines.extend(is_verified(tls).then(|| words(&named("verify_depth"), &[DEPTH])));
    if let Some([certificate, key]) = shown(tls, names, build, &mut files)? {
        lines.push(directive(&named("certificate"), [certificate]));
        lines.push(directive(&named("certificate_key"), [key]));
    }
    Ok(ServerTls { lines, files })
}

/// Only a clear "false" turns it off.
fn is_verified(tls: &Part<'_>) -> bool {
    tls.take("verify").as_bool() != Some(false)
}

/// Where the certificates of authorities are.
fn authority(tls: &Part<'_>, names: &Names<'_>, files: &mut Vec<TlsFile>) -> Result<Option<Value>, Diagnostic> {
    let [text, file] = ["certificate_authority", "certificate_authority_file"].map(|name| tls.take(name));
    match (text.is_null(), file.is_null()) {
        (true, true) if is_verified(tls) => {
            let detail = "It is not said by whom the servers' certificates are signed.";
            let problem = tls.problem("", "Missing authority", detail);
            Err(problem.help("Write \"certificate_authority\" or \"certificate_authority_file\"."))
        }
        (true, true) => Ok(None),
        (false, false) => {
            let detail = "The authorities are given either as text or as a file.";
            Err(tls.problem("certificate_authority_file", "Unclear authority", detail))
        }
        (true, false) => Ok(Some(file)),
        (false, true) => {
            files.push(names.file("authority", "authority.crt", text));
            Ok(files.last().map(|file| file.path.clone()))
        }
    }
}

/// The certificate and the key that nginx shows to the servers.
fn shown(
    tls: &Part<'_>,
    names: &Names<'_>,
    build: &Build,
    files: &mut Vec<TlsFile>,
) -> Result<Option<[Value; 2]>, Diagnostic> {
    if tls::PAIR.iter().all(|name| tls.take(name).is_null()) {
        return Ok(None);
    }
    let (certificate, key) = match tls::pair(tls, build)? {
        Pair::There(certificate, key) => return Ok(Some([certificate, key])),
        Pair::Written(certificate, key) => (certificate, key),
    };
    let made = [("certificate", "client.crt", certificate), ("key", "client.key", key)]
        .map(|(part, extension, content)| names.file(part, extension, content));
    let paths = made.each_ref().map(|file| file.path.clone());
    files.extend(made);
    Ok(Some(paths))
}

fn missing(location: &Part<'_>) -> Diagnostic {
    let problem = location.problem("protocol", "Missing server_tls", "It is not said how the servers are known.");
    problem.help("Add a block: server_tls { server_name = \"…\" certificate_authority = file(\"…\") }.")
}

/// What is wrong with a block that would do nothing.
fn unused(tls: &Part<'_>) -> Diagnostic {
    let detail = "The servers are not spoken to by TLS, so that it would do nothing.";
    let problem = tls.problem("", "Unused server_tls", detail);
    problem.help("Write protocol = \"https\", or \"grpcs\"; or leave the block out.")
}
