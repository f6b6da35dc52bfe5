//! Directives that no attribute stands for.
//!
//! `directives` is a map of names to arguments. Each is held against the provider's table for the
//! block that it is to stand in and for the fleet's version and modules, so that its place in the
//! source is told. A fleet's `template` gives a name to such
//! a map, or, in a file of its own that only the operator of the fleet can add, to text that
//! nobody checks.

use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Attribute, Block as Nested, Data, Diagnostic, Diagnostics, Marks, Schema, Type, Value};

use super::build::Build;
use super::directive::{directive, words};
use super::part::Part;
use crate::catalog::Catalog;
use crate::compile::domain::object;

/// Where a template may stand.
pub(super) const CONTEXTS: [&str; 7] = ["main", "events", "http", "server", "location", "stream", "stream_server"];

/// What a block says by other attributes, or what would reach beyond it.
const MODELLED: [&str; 24] = [
    "access_log",
    "grpc_pass",
    "grpc_ssl_certificate",
    "grpc_ssl_certificate_key",
    "grpc_ssl_verify",
    "http2",
    "include",
    "limit_conn",
    "limit_req",
    "listen",
    "load_module",
    "pid",
    "proxy_pass",
    "proxy_ssl_certificate",
    "proxy_ssl_certificate_key",
    "proxy_ssl_verify",
    "server_name",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_preread",
    "ssl_protocols",
    "stub_status",
    "user",
];

/// Those that may stand beside one of the same name.
pub(super) const REPEATED: [&str; 10] = [
    "add_header",
    "allow",
    "deny",
    "error_page",
    "grpc_set_header",
    "log_format",
    "proxy_hide_header",
    "proxy_set_header",
    "rewrite",
    "set_real_ip_from",
];

/// `directives = { … }` of routes, locations and streams.
pub(super) fn attribute() -> Attribute {
    Attribute::optional("directives", Type::Any)
        .doc("Directives that no attribute stands for, by name: a value, a list of arguments, or a list of such lists.")
}

/// `templates = […]` of routes, locations and streams.
pub(super) fn names() -> Attribute {
    Attribute::optional("templates", Type::list(Type::String))
        .default(Value::strings::<&str>([]))
        .doc("The labels of templates of the fleet that stand here.")
}

/// `template "NAME" { … }` of a fleet.
pub(super) fn block() -> Nested {
    let schema = Schema::new("Directives with a name, for blocks of the fleet and its routes.")
        .with(Attribute::required("context", Type::String).doc(
            "Where it may stand: main, events, http and stream, where it always does; server, location and \
             stream_server, where a block names it.",
        ))
        .with(attribute())
        .with(
            Attribute::optional("text", Type::String)
                .doc("In place of \"directives\": text that is not checked, in a file of its own. A plan warns of it."),
        );
    Nested::named("template", schema)
}

/// The file of a template's unchecked text.
pub(super) fn file(label: &str) -> String {
    format!("templates/{label}.conf")
}

/// Looks at the directives of a block of the configuration.
pub(super) struct Custom<'a> {
    pub(super) catalog: &'a Catalog,
    /// What the servers understand.
    pub(super) build: &'a Build,
    /// The block of nginx that they stand in.
    pub(super) context: &'static str,
    /// Whether the operator of the fleet wrote them.
    pub(super) is_operators: bool,
}

impl Custom<'_> {
    /// The directives that the attribute says.
    pub(super) fn read(&self, part: &Part<'_>, beside: &[Value]) -> Result<Vec<Value>, Diagnostics> {
        let given = part.take("directives");
        if given.is_null() {
            return Ok(Vec::new());
        }
        let mut problems = Diagnostics::new();
        let Some(entries) = given.entries() else {
            let detail = "They are a map of names to arguments.";
            problems.push(
                part.problem("directives", "Unsuitable directives", detail)
                    .help("Write directives = { gzip = true, gzip_types = [\"text/css\"] }."),
            );
            return Err(problems);
        };
        let mut made = Vec::new();
        for (name, value) in entries.iter() {
            if let Some(problem) = self.out_of_place(part, name, beside) {
                problems.push(problem);
                continue;
            }
            for arguments in lines(value) {
                let one = match arguments {
                    Some(arguments) => directive(name, arguments),
                    None => object([
                        ("name", Value::string(name.clone())),
                        ("args", Value::unknown(Type::list(Type::String))),
                        ("block", Value::null(Type::Any)),
                    ]),
                };
                problems.extend(self.refused(part, name, &one));
                made.push(one);
            }
        }
        if problems.has_errors() { Err(problems) } else { Ok(made) }
    }

    fn out_of_place(&self, part: &Part<'_>, name: &str, beside: &[Value]) -> Option<Diagnostic> {
        let named = |line: &Value| line.get("name").is_some_and(|other| other.as_str() == Some(name));
        let problem = |detail: String| Some(unsuitable(part, name, detail));
        if MODELLED.contains(&name) {
            return problem(format!("\"{name}\" is what other attributes say."));
        }
        if !self.is_operators && (name.ends_with("_by_lua_file") || name.starts_with("lua_")) {
            return problem(format!("\"{name}\" runs programs on the servers."))
                .map(|problem| problem.help("Only a template of the fleet may hold it."));
        }
        if beside.iter().any(named) && !REPEATED.contains(&name) {
            return problem(format!("\"{name}\" is set here already, by another attribute or a template."));
        }
        None
    }

    /// What the provider says against a directive.
    fn refused(&self, part: &Part<'_>, name: &str, directive: &Value) -> Vec<Diagnostic> {
        let config = object([
            ("path", Value::string("check.conf")),
            ("context", Value::string(self.context)),
            ("directives", Value::tuple([directive.unmark_deep()])),
            ("server", self.build.target()),
        ]);
        let Some(provider) = self.catalog.provider("nginx") else { return Vec::new() };
        let is_secret = directive.deep_marks().contains(Marks::SENSITIVE);
        let problem = |error: portolan_provider::Error| {
            let message = if is_secret { "a sensitive argument does not fit" } else { &error.message };
            let found = unsuitable(part, name, format!("{message}."));
            match error.help.filter(|_| !is_secret) {
                Some(help) => found.help(help),
                None => found,
            }
        };
        provider.validate("nginx_config", &config).into_iter().map(problem).collect()
    }
}

fn unsuitable(part: &Part<'_>, name: &str, detail: String) -> Diagnostic {
    Diagnostic::error("Unsuitable directive").detail(detail).at(part.entry_span("directives", name))
}

/// The argument lists that a value stands for; `None` for one that is not known.
fn lines(value: &Value) -> Vec<Option<Vec<Value>>> {
    let is_list = |value: &Value| value.items().is_some();
    match value.items() {
        Some(items) if items.iter().any(is_list) => items.iter().flat_map(lines).collect(),
        Some(items) => vec![Some(items.iter().map(word).collect())],
        None if value.is_null() => Vec::new(),
        None if !value.is_known() => vec![None],
        None => vec![Some(vec![word(value)])],
    }
}

fn word(value: &Value) -> Value {
    let text = match value.data() {
        Data::Bool(true) => Value::string("on"),
        Data::Bool(false) => Value::string("off"),
        Data::Number(number) => Value::string(number.to_string()),
        _ => return value.clone(),
    };
    text.mark(value.marks())
}

/// A template of the fleet, as references to the fleet tell it.
pub(super) fn exported(fleet: &Part<'_>, catalog: &Catalog) -> (Value, Diagnostics) {
    let build = Build::of(&fleet.value);
    let mut problems = Diagnostics::new();
    let mut entries: Vec<(Arc<str>, Value)> = Vec::new();
    for (label, part) in fleet.named("template") {
        let Some(context) = problems.keep(part.word("context", &CONTEXTS)) else { continue };
        let text = !part.take("text").is_null();
        if text != part.take("directives").is_null() {
            let detail = "A template has either \"directives\" or \"text\".";
            problems.push(part.problem("text", "Unclear template", detail));
            continue;
        }
        if !is_label(&label) {
            let detail = format!("\"{label}\" is to be the name of a file: letters, digits, \"_\" and \"-\".");
            problems.push(part.problem("", "Unsuitable label", detail));
            continue;
        }
        let lines = match text {
            true => {
                problems.push(unchecked(&part, &label));
                Ok(vec![words("include", &[&file(&label)])])
            }
            false => Custom { catalog, build: &build, context, is_operators: true }.read(&part, &[]),
        };
        match lines {
            Ok(lines) => {
                let entry = object([("context", Value::string(context)), ("lines", Value::tuple(lines))]);
                entries.push((label, entry));
            }
            Err(found) => problems.extend(found),
        }
    }
    (Value::object(entries), problems)
}

fn is_label(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// What a plan says of text that nobody checks.
fn unchecked(part: &Part<'_>, label: &str) -> Diagnostic {
    Diagnostic::warning("Unchecked configuration")
        .detail(format!("The text of the template \"{label}\" goes to nginx as it is; only nginx itself looks at it."))
        .at(part.span("text"))
}

/// The lines of a fleet's templates that always stand in a context.
pub(super) fn standing(templates: &Value, context: &str) -> Vec<Value> {
    let entries = templates.entries().into_iter().flat_map(|entries| entries.values());
    let of_context = entries.filter(|template| template.get("context").is_some_and(|of| of.as_str() == Some(context)));
    of_context.flat_map(template_lines).collect()
}

fn template_lines(template: &Value) -> Vec<Value> {
    template.get("lines").and_then(|lines| lines.items().map(<[Value]>::to_vec)).unwrap_or_default()
}

/// That a block has lists of its own, so that it inherits none from the templates of `http`.
pub(super) fn lost(part: &Part<'_>, fleet: &Value, lines: &[Value]) -> Option<Diagnostic> {
    const REPLACED: [&str; 3] = ["add_header", "grpc_set_header", "proxy_set_header"];
    let templates = fleet.get("templates")?;
    let name = |line: &Value| line.get("name").and_then(|name| name.as_str().map(str::to_owned));
    let own: Vec<String> = lines.iter().filter_map(name).collect();
    let around = standing(&templates, "http");
    let lost = around.iter().filter_map(name).find(|name| REPLACED.contains(&&**name) && own.contains(name))?;
    let detail = format!(
        "The location has \"{lost}\" of its own, and nginx then takes none from around it: those of the fleet's \
         templates for http do not count here."
    );
    let problem = Diagnostic::warning("Headers that are not inherited").detail(detail).at(part.span(""));
    Some(problem.help("Write them in a template for locations, and name it here."))
}

/// The lines of the templates that a block names.
pub(super) fn named(part: &Part<'_>, fleet: &Value, context: &str) -> Result<Vec<Value>, Diagnostic> {
    let wanted = part.take("templates");
    let templates = fleet.get("templates").unwrap_or_else(|| Value::unknown(Type::Any));
    let mut lines = Vec::new();
    for label in wanted.items().unwrap_or_default().iter().filter_map(Value::as_str) {
        let Some(entries) = templates.entries() else { break };
        let problem = |detail| Err(part.problem("templates", "Unknown template", detail));
        match entries.get(label) {
            Some(template) => match template.get("context").as_ref().and_then(Value::as_str) {
                Some(of) if of == context => lines.extend(template_lines(template)),
                of => {
                    return problem(format!(
                        "The template \"{label}\" is for {}, not for {context}.",
                        of.unwrap_or("others")
                    ));
                }
            },
            None => {
                let found = problem(format!("The fleet has no template \"{label}\"."));
                let near = did_you_mean(label, entries.keys().map(|label| &**label));
                return found.map_err(|problem: Diagnostic| match near {
                    Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
                    None => problem,
                });
            }
        }
    }
    Ok(lines)
}
