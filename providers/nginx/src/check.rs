//! Checking a tree against the list of directives.
//!
//! All problems at once, each with the path of what is wrong. What is unknown is taken to
//! be right. Whether the files that a directive names exist, and whether an upstream that
//! another file defines is there, is left to nginx.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{AttributePath, Step, Value};
use portolan_provider::Error;

use crate::directives::{self, Arguments, Context, Specification};
use crate::kind::Kind;
use crate::render;
use crate::syntax::{Argument, Block, Directive, step};
use crate::variable::Variables;
use crate::version::{Flavor, Version};

/// What a tree is checked against.
#[derive(Debug, Clone)]
pub struct Target {
    /// The family of the server; `None` where that is not known yet, which allows both.
    pub flavor: Option<Flavor>,
    /// Its version; `None` allows all.
    pub version: Option<Version>,
    /// Its modules beyond those that are always there; `None` allows all.
    pub modules: Option<BTreeSet<Arc<str>>>,
}

impl Target {
    /// A server of which nothing is known.
    pub const ANY: Target = Target { flavor: None, version: None, modules: None };

    /// The server that a connection, or another object with `flavor`, `version` and `modules`, describes.
    pub(crate) fn of(config: &Value) -> Result<Target, Error> {
        let text = |name: &str| config.get(name).and_then(|value| value.as_str().map(str::to_owned));
        let wrong =
            |name: &'static str| move |problem: String| Error::invalid(problem).at(AttributePath::attribute(name));
        let flavor = text("flavor").map(|flavor| flavor.parse().map_err(wrong("flavor"))).transpose()?;
        let version = text("version").map(|version| version.parse().map_err(wrong("version"))).transpose()?;
        let modules = config.get("modules").filter(|modules| !modules.is_null());
        let modules = modules
            .as_ref()
            .and_then(Value::items)
            .map(|names| names.iter().filter_map(Value::as_str).map(Arc::from).collect());
        Ok(Target { flavor: Some(flavor.unwrap_or_default()), version, modules })
    }
}

/// What is wrong with the directives of a file that is included in `context`. `at` is the
/// path of the directives in the resource.
pub fn check(
    directives: &[Directive],
    context: Context,
    target: &Target,
    variables: &Variables,
    at: &AttributePath,
) -> Vec<Error> {
    let mut checker = Checker { target, variables, path: at.clone(), errors: Vec::new() };
    checker.block(directives, context);
    checker.errors
}

struct Checker<'a> {
    target: &'a Target,
    variables: &'a Variables,
    path: AttributePath,
    errors: Vec<Error>,
}

impl Checker<'_> {
    fn refuse(&mut self, steps: impl IntoIterator<Item = Step>, message: String) -> &mut Error {
        let path = self.path.steps().iter().cloned().chain(steps).collect();
        self.errors.push(Error::invalid(message).at(path));
        let last = self.errors.len() - 1;
        &mut self.errors[last]
    }

    fn block(&mut self, directives: &[Directive], context: Context) {
        self.unique(directives, context);
        for (index, directive) in directives.iter().enumerate() {
            self.path.push(Step::Index(index));
            self.directive(directive, context);
            self.path.pop();
        }
    }

    fn directive(&mut self, directive: &Directive, context: Context) {
        let Some(name) = directive.name.text() else { return };
        if let Some(specification) = directives::find(name, context) {
            self.available(name, specification, context);
            return self.known(name, directive, specification);
        }
        match directives::entry(context) {
            Some((key, arguments)) => self.entry(name, directive, key, arguments),
            None => self.unknown(name, context),
        }
    }

    /// Refuses what this server does not know.
    fn available(&mut self, name: &str, specification: &Specification, context: Context) {
        let missing = self.target.flavor.and_then(|flavor| specification.missing_in(flavor, self.target.version));
        if let Some(missing) = missing {
            self.refuse([step::name()], format!("{name}: {missing}"));
        }
        let (Some(module), Some(modules)) = (specification.module_in(context), &self.target.modules) else { return };
        if !modules.contains(&*module) {
            let error = self.refuse([step::name()], format!("{name}: the servers do not have the module {module}"));
            error.help = Some(format!("where they have it, add {module:?} to the \"modules\" of the fleet"));
        }
    }

    fn known(&mut self, name: &str, directive: &Directive, specification: &Specification) {
        self.arguments(name, &directive.arguments, &specification.arguments);
        match (&directive.block, specification.opens) {
            (Block::Directives(directives), Some(context)) => {
                self.path.push(step::block());
                if [Context::Upstream, Context::StreamUpstream].contains(&context) {
                    self.has_servers(name, directives);
                }
                self.block(directives, context);
                self.path.pop();
            }
            (Block::Directives(_), None) => {
                self.refuse([step::block()], format!("{name}: the directive has no block"));
            }
            (Block::None, Some(_)) => {
                self.refuse([], format!("{name}: the block is missing"));
            }
            (Block::Unknown, _) | (Block::None, None) => {}
        }
    }

    /// nginx refuses an upstream without servers; a file that it includes may have them.
    fn has_servers(&mut self, name: &str, directives: &[Directive]) {
        let has_servers =
            |directive: &Directive| directive.name.text().is_none_or(|name| ["server", "include"].contains(&name));
        let servers = directives.iter().any(has_servers);
        if !servers {
            self.refuse([], format!("{name}: there is no server in it"));
        }
    }

    /// An entry of a block whose directives are keys.
    fn entry(&mut self, name: &str, directive: &Directive, key: Kind, arguments: Arguments) {
        let written = render::quote(name).map(drop).map_err(|problem| problem.to_string());
        if let Err(problem) = written.and_then(|()| key.check(name, self.variables)) {
            self.refuse([step::name()], format!("key: {problem}"));
        }
        self.arguments("value", &directive.arguments, &arguments);
        if directive.block != Block::None {
            self.refuse([step::block()], "a key has a value and no block".to_owned());
        }
    }

    fn unknown(&mut self, name: &str, context: Context) {
        let contexts: BTreeSet<&str> = directives::contexts_of(name).into_iter().map(Context::name).collect();
        if contexts.is_empty() {
            let near = did_you_mean(name, directives::names_in(context));
            let error = self.refuse([step::name()], format!("{name:?} is not a directive that is supported"));
            error.help = near.map(|near| format!("did you mean {near:?}?"));
            return;
        }
        let contexts = contexts.into_iter().collect::<Vec<_>>().join(", ");
        self.refuse(
            [step::name()],
            format!("{name} is not allowed in {}; it is allowed in {contexts}", context.name()),
        );
    }

    fn arguments(&mut self, name: &str, given: &[Argument], arguments: &Arguments) {
        for (index, argument) in given.iter().enumerate() {
            if let Some(Err(problem)) = argument.text().map(|text| render::quote_argument(name, text)) {
                self.refuse_argument(name, index, &problem.to_string());
            }
        }
        if given.contains(&Argument::UnknownRest) {
            return;
        }
        match arguments {
            Arguments::List { required, optional, rest } => self.list(name, given, (required, optional, *rest)),
            Arguments::Location => self.location(given),
            Arguments::Return => self.answer(given),
            Arguments::ErrorPage => self.error_page(given),
        }
    }

    fn refuse_argument(&mut self, name: &str, index: usize, problem: &str) {
        self.refuse([step::arguments(), Step::Index(index)], format!("{name}: {problem}"));
    }

    fn argument(&mut self, name: &str, given: &[Argument], index: usize, kind: Kind) {
        let Some(text) = given.get(index).and_then(Argument::text) else { return };
        if let Err(problem) = kind.check(text, self.variables) {
            self.refuse_argument(name, index, &problem);
        }
    }

    fn list(&mut self, name: &str, given: &[Argument], kinds: (&[Kind], &[Kind], Option<Kind>)) {
        let (required, optional, rest) = kinds;
        let (least, most) = (required.len(), required.len() + optional.len());
        if given.len() < least || (given.len() > most && rest.is_none()) {
            return self.refuse_count(name, given.len(), least, rest.is_none().then_some(most));
        }
        let kinds = required.iter().chain(optional).copied().chain(std::iter::repeat_n(rest, given.len()).flatten());
        for (index, kind) in kinds.take(given.len()).enumerate() {
            self.argument(name, given, index, kind);
        }
    }

    fn refuse_count(&mut self, name: &str, given: usize, least: usize, most: Option<usize>) {
        let wanted = match most {
            Some(0) => "none".to_owned(),
            Some(most) if most == least => format!("{least}"),
            Some(most) => format!("{least} to {most}"),
            None => format!("at least {least}"),
        };
        self.refuse([step::arguments()], format!("{name}: {given} arguments are given, {wanted} are needed"));
    }

    fn location(&mut self, given: &[Argument]) {
        match given {
            [Argument::Text(path)] if path.starts_with('@') => self.named_location(path),
            [_] => self.argument("location", given, 0, Kind::UriPath),
            [modifier, _] => {
                let kind = match modifier.text() {
                    Some("=" | "^~") => Kind::UriPath,
                    Some("~" | "~*") => Kind::Regex,
                    Some(_) => return self.argument("location", given, 0, Kind::OneOf(&["=", "^~", "~", "~*"])),
                    None => return,
                };
                self.argument("location", given, 1, kind);
            }
            _ => self.refuse_count("location", given.len(), 1, Some(2)),
        }
    }

    fn named_location(&mut self, path: &str) {
        if let Err(problem) = Kind::Name.check(path.trim_start_matches('@'), self.variables) {
            self.refuse_argument("location", 0, &problem);
        }
    }

    fn answer(&mut self, given: &[Argument]) {
        let code = |argument: &Argument| argument.text().and_then(|text| text.parse::<u16>().ok());
        match given {
            [_, _] if matches!(given.first().and_then(code), Some(301 | 302 | 303 | 307 | 308)) => {
                self.argument("return", given, 1, Kind::Target);
            }
            [_, _] => {
                self.argument("return", given, 0, Kind::Status);
                self.argument("return", given, 1, Kind::Text);
            }
            // 444 closes the connection without an answer, and is a number like the others.
            [only] if only.text().is_some_and(|text| text.starts_with(|char: char| char.is_ascii_digit())) => {
                self.argument("return", given, 0, Kind::Status);
            }
            [_] => self.argument("return", given, 0, Kind::Target),
            _ => self.refuse_count("return", given.len(), 1, Some(2)),
        }
    }

    fn error_page(&mut self, given: &[Argument]) {
        let Some(last) = given.len().checked_sub(1).filter(|last| *last > 0) else {
            return self.refuse_count("error_page", given.len(), 2, None);
        };
        for (index, argument) in given.iter().enumerate().take(last) {
            let Some(text) = argument.text() else { continue };
            let instead = text.strip_prefix('=').filter(|_| index == last - 1 && index > 0);
            let checked = match instead {
                // Alone, it keeps the code of the page's own answer.
                Some("") => Ok(()),
                Some(code) => Kind::Status.check(code, self.variables),
                None => Kind::Number(300, 599).check(text, self.variables),
            };
            if let Err(problem) = checked {
                self.refuse_argument("error_page", index, &problem);
            }
        }
        self.argument("error_page", given, last, Kind::Target);
    }

    /// Refuses what nginx calls a duplicate: a setting that is made twice, and blocks or
    /// addresses that are the same.
    fn unique(&mut self, directives: &[Directive], context: Context) {
        let mut seen = HashSet::new();
        for (index, directive) in directives.iter().enumerate() {
            let Some(key) = identity(directive, context) else { continue };
            let what = key.join(" ");
            if !seen.insert(key) {
                self.refuse([Step::Index(index)], format!("{what}: the same stands in this block already"));
            }
        }
    }
}

/// What no other directive of the block may share; `None` where there is no such thing.
fn identity(directive: &Directive, context: Context) -> Option<Vec<&str>> {
    let name = directive.name.text()?;
    let Some(specification) = directives::find(name, context) else {
        return directives::entry(context).map(|_| vec![name]);
    };
    let arguments = directive.arguments.iter().map(Argument::text).collect::<Option<Vec<&str>>>();
    match name {
        // `^~` says how a prefix is searched for, and does not make it another one.
        "location" => Some([name].into_iter().chain(arguments?.into_iter().filter(|text| *text != "^~")).collect()),
        "upstream" | "listen" => Some(vec![name, arguments?.first().copied()?]),
        _ => (!specification.repeats).then(|| vec![name]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(context: Context, tree: &[Directive]) -> Vec<String> {
        let target = Target { flavor: Some(Flavor::Nginx), version: "1.22.1".parse().ok(), modules: None };
        let variables = Variables::of(tree, []);
        let errors = check(tree, context, &target, &variables, &AttributePath::attribute("directives"));
        errors.iter().map(|error| format!("{}: {error}", error.path.as_ref().expect("a path"))).collect()
    }

    fn location(arguments: &[&str]) -> Directive {
        Directive::with_block("location", arguments, vec![])
    }

    #[test]
    fn locations_and_answers_of_every_form_pass() {
        let server = Directive::with_block(
            "server",
            &[],
            vec![
                Directive::simple("listen", &["[::]:8443", "ssl", "http2", "default_server"]),
                Directive::simple("server_name", &["*.example.com", ""]),
                location(&["/"]),
                location(&["=", "/"]),
                location(&["^~", "/static/"]),
                location(&["~", r"\.php$"]),
                location(&["~*", r"\.(?<kind>png|jpg)$"]),
                location(&["@fallback"]),
                Directive::simple("return", &["301", "https://$host$request_uri"]),
                Directive::simple("error_page", &["502", "503", "=200", "/sorry.html"]),
                Directive::simple("rewrite", &["^/old/(.*)$", "/new/$1?kind=$kind", "last"]),
            ],
        );
        assert_eq!(problems(Context::Http, &[server]), [""; 0]);
    }

    #[test]
    fn problems_name_the_directive_and_the_place() {
        let tree = [
            Directive::simple("gzip", &["yes"]),
            Directive::simple("gizp_types", &[]),
            Directive::simple("pid", &["a"]),
            Directive::simple("http2", &["on"]),
            Directive::with_block(
                "server",
                &[],
                vec![
                    Directive::simple("listen", &[]),
                    Directive::simple("return", &["302", "javascript:alert(1)"]),
                    Directive::with_block("root", &["html"], vec![]),
                ],
            ),
        ];
        assert_eq!(
            problems(Context::Http, &tree),
            [
                "directives[0].args[0]: gzip: \"yes\" is not one of on, off",
                "directives[1].name: \"gizp_types\" is not a directive that is supported",
                "directives[2].name: pid is not allowed in http; it is allowed in main",
                "directives[3].name: http2: nginx 1.22.1 does not know it: it came with 1.25.1",
                "directives[4].block[0].args: listen: 0 arguments are given, at least 1 are needed",
                "directives[4].block[1].args[1]: return: \"javascript:alert(1)\" begins with none of /, @, http://, \
                 https:// and $scheme://",
                "directives[4].block[2].block: root: the directive has no block",
            ]
        );
    }

    #[test]
    fn duplicates_are_refused() {
        let server = [
            Directive::simple("client_max_body_size", &["1m"]),
            Directive::simple("client_max_body_size", &["2m"]),
            location(&["/a"]),
            location(&["^~", "/a"]),
            location(&["=", "/a"]),
            Directive::simple("listen", &["80"]),
            Directive::simple("listen", &["80", "ssl"]),
            Directive::simple("add_header", &["X-A", "1"]),
            Directive::simple("add_header", &["X-A", "2"]),
        ];
        assert_eq!(
            problems(Context::Server, &server),
            [
                "directives[1]: client_max_body_size: the same stands in this block already",
                "directives[3]: location /a: the same stands in this block already",
                "directives[6]: listen 80: the same stands in this block already",
            ]
        );
    }

    #[test]
    fn keys_of_a_map_are_text_or_expressions() {
        let map = |entries| vec![Directive::with_block("map", &["$http_upgrade", "$connection"], entries)];
        let good = vec![
            Directive::simple("default", &["upgrade"]),
            Directive::simple("", &["close"]),
            Directive::simple("two words; {", &["$host"]),
            Directive::simple("~^a+$", &["1"]),
        ];
        assert_eq!(problems(Context::Http, &map(good)), [""; 0]);
        let bad = vec![
            Directive::simple("~(", &["1"]),
            Directive::simple("a\nb", &["1"]),
            Directive::simple("x", &["$nothing"]),
            Directive::simple("x", &["1"]),
        ];
        assert_eq!(problems(Context::Http, &map(bad)).len(), 4);
    }

    #[test]
    fn an_empty_upstream_is_refused() {
        let tree = [Directive::with_block("upstream", &["shop"], vec![Directive::simple("ip_hash", &[])])];
        assert_eq!(problems(Context::Http, &tree), ["directives[0].block: upstream: there is no server in it"]);
    }

    #[test]
    fn gaps_are_taken_to_be_right() {
        let gap = Directive { name: Argument::Unknown, arguments: vec![Argument::UnknownRest], block: Block::Unknown };
        let server = Directive { arguments: vec![Argument::Unknown], ..Directive::simple("server_name", &[]) };
        let tree = [gap, server, Directive::simple("set", &["$a", "$from_a_gap"])];
        assert_eq!(problems(Context::Server, &tree), [""; 0]);
    }

    #[test]
    fn control_characters_are_refused_everywhere() {
        let tree = [Directive::simple("add_header", &["X-A", "a\r\nSet-Cookie: b"])];
        assert!(problems(Context::Server, &tree)[0].contains("control characters cannot be written"));
    }
}
