//! What nginx takes and nobody means.
//!
//! `nginx -t` accepts all of it, or only warns. Each trap is found in one file; what several files
//! make together is known to those who write them.

use std::collections::HashSet;

use portolan_lang::{AttributePath, Step};
use portolan_provider::Error;

use crate::syntax::{Argument, Block, Directive, step};

/// Lists that a block inherits only as long as it has none of its own.
const REPLACED: [&str; 4] = ["add_header", "grpc_set_header", "proxy_set_header", "error_page"];

/// The traps in a tree; `at` is its path in the resource.
pub(crate) fn traps(directives: &[Directive], at: &AttributePath) -> Vec<Error> {
    let mut finder = Finder { path: at.clone(), errors: Vec::new() };
    finder.block(directives, &Around { lists: &[], location: None });
    finder.errors
}

/// What stands around a block.
struct Around<'a> {
    /// Directives of [`REPLACED`] that it would inherit.
    lists: &'a [&'a Directive],
    /// The arguments of the innermost location.
    location: Option<&'a [Argument]>,
}

struct Finder {
    path: AttributePath,
    errors: Vec<Error>,
}

impl Finder {
    fn refuse(&mut self, index: usize, message: String, help: &str) {
        let path = self.path.steps().iter().cloned().chain([Step::Index(index)]).collect();
        self.errors.push(Error::invalid(message).at(path).help(help));
    }

    fn block(&mut self, directives: &[Directive], around: &Around<'_>) {
        self.same_names(directives);
        self.not_inherited(directives, around.lists);
        let own = |directive: &&Directive| directive.name.text().is_some_and(|name| REPLACED.contains(&name));
        let lists: Vec<&Directive> = around.lists.iter().copied().chain(directives.iter().filter(own)).collect();
        for (index, directive) in directives.iter().enumerate() {
            self.place(index, directive, around.location);
            let Block::Directives(inner) = &directive.block else { continue };
            let is_location = directive.name.text() == Some("location");
            let location = if is_location { Some(&*directive.arguments) } else { around.location };
            self.path.push(Step::Index(index));
            self.path.push(step::block());
            self.block(inner, &Around { lists: &lists, location });
            self.path.pop();
            self.path.pop();
        }
    }

    /// Servers of a file that answer for the same name at the same address, or both for all others.
    fn same_names(&mut self, directives: &[Directive]) {
        let mut seen = HashSet::new();
        for (index, server) in directives.iter().enumerate() {
            let (Some("server"), Block::Directives(inner)) = (server.name.text(), &server.block) else { continue };
            let of = |name: &'static str| inner.iter().filter(move |line| line.name.text() == Some(name));
            let names: Vec<&str> = of("server_name").flat_map(|line| texts(&line.arguments)).collect();
            let listens: Vec<Vec<&str>> = of("listen").map(|line| texts(&line.arguments).collect()).collect();
            let mut found = Vec::new();
            for listen in &listens {
                let address = listen.first().copied().unwrap_or_default();
                found.extend(names.iter().map(|name| (address, name.to_ascii_lowercase())));
                found.extend(listen.contains(&"default_server").then(|| (address, "default_server".to_owned())));
            }
            for (address, name) in found {
                if !seen.insert((address.to_owned(), name.clone())) {
                    let message = format!("server: another server has {name} at {address} already");
                    self.refuse(index, message, "nginx would warn, and have the first one answer");
                }
            }
        }
    }

    /// Headers around a block that has some of its own.
    fn not_inherited(&mut self, directives: &[Directive], around: &[&Directive]) {
        for name in REPLACED {
            let is_one = |directive: &&Directive| directive.name.text() == Some(name);
            let Some(index) = directives.iter().position(|directive| is_one(&directive)) else { continue };
            let lost = around.iter().copied().filter(is_one).find(|outer| !directives.contains(outer));
            if let Some(lost) = lost {
                let argument = lost.arguments.first().and_then(Argument::text).unwrap_or_default();
                let message = format!("{name}: {argument:?} of the block around is not inherited here");
                self.refuse(index, message, "repeat it here: a block with one of its own inherits none");
            }
        }
    }

    /// Directives that are wrong in some locations.
    fn place(&mut self, index: usize, directive: &Directive, location: Option<&[Argument]>) {
        let Some(location) = location else { return };
        let words: Vec<&str> = texts(location).collect();
        let first = directive.arguments.first().and_then(Argument::text);
        match (directive.name.text(), first) {
            (Some("alias"), Some(directory)) => self.alias(index, directory, &words),
            (Some("proxy_pass"), Some(target)) if is_matched(&words) && has_path(target) => self.refuse(
                index,
                format!("proxy_pass: {target:?} has a path, which nothing replaces in a location without a prefix"),
                "leave the path out, and rewrite the path of the request",
            ),
            _ => {}
        }
    }

    fn alias(&mut self, index: usize, directory: &str, location: &[&str]) {
        if is_matched(location) {
            let message = "alias: all paths of a regular expression would be this one file".to_owned();
            return self.refuse(index, message, "use root, or a location with a prefix");
        }
        let prefix = location.last().copied().unwrap_or_default();
        if location.first() != Some(&"=") && prefix.ends_with('/') != directory.ends_with('/') {
            let message = format!("alias: only one of {prefix:?} and {directory:?} ends in a slash");
            self.refuse(index, message, "end both in a slash: otherwise a path leads out of the directory, or nowhere");
        }
    }
}

fn texts(arguments: &[Argument]) -> impl Iterator<Item = &str> {
    arguments.iter().filter_map(Argument::text)
}

/// Whether a location is found by something else than a prefix or a path.
fn is_matched(location: &[&str]) -> bool {
    location.first().is_some_and(|first| ["~", "~*"].contains(first) || first.starts_with('@'))
}

/// Whether a target holds a path behind the server.
fn has_path(target: &str) -> bool {
    let server = target.split_once("://").map_or(target, |(_, server)| server);
    !target.contains('$') && !server.starts_with("unix:") && server.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tree: &[Directive]) -> Vec<String> {
        let errors = traps(tree, &AttributePath::attribute("directives"));
        errors.iter().map(|error| format!("{}: {}", error.path.as_ref().expect("a path"), error.message)).collect()
    }

    fn location(arguments: &[&str], inner: Vec<Directive>) -> Directive {
        Directive::with_block("location", arguments, inner)
    }

    fn simple(name: &str, arguments: &[&str]) -> Directive {
        Directive::simple(name, arguments)
    }

    #[test]
    fn an_alias_leads_nowhere_else() {
        for (path, directory) in [("/files", "/srv/files/"), ("/files/", "/srv/files")] {
            assert_eq!(found(&[location(&[path], vec![simple("alias", &[directory])])]).len(), 1, "{path} {directory}");
        }
        assert_eq!(found(&[location(&["~", "/(a|b)/"], vec![simple("alias", &["/srv/"])])]).len(), 1);
        for (path, directory) in [("/files/", "/srv/files/"), ("/files", "/srv/files")] {
            assert_eq!(found(&[location(&[path], vec![simple("alias", &[directory])])]), [""; 0]);
        }
        assert_eq!(found(&[location(&["=", "/a.html"], vec![simple("alias", &["/srv/a.html"])])]), [""; 0]);
    }

    #[test]
    fn a_path_is_passed_only_where_a_prefix_is_replaced() {
        let pass = |target: &str| vec![simple("proxy_pass", &[target])];
        assert_eq!(found(&[location(&["~", "^/a"], pass("http://shop/b"))]).len(), 1);
        assert_eq!(found(&[location(&["@a"], pass("http://shop/"))]).len(), 1);
        assert_eq!(
            found(&[location(&["~", "^/a"], pass("http://shop")), location(&["/a"], pass("http://shop/b"))]),
            [""; 0]
        );
    }

    #[test]
    fn headers_around_are_not_lost() {
        let secure = || simple("add_header", &["X-Frame-Options", "DENY"]);
        let own = || simple("add_header", &["X-Own", "1"]);
        let server =
            |inner: Vec<Directive>| Directive::with_block("server", &[], vec![secure(), location(&["/"], inner)]);
        assert_eq!(
            found(&[server(vec![own()])]),
            [
                "directives[0].block[1].block[0]: add_header: \"X-Frame-Options\" of the block around is not inherited here"
            ]
        );
        assert_eq!(found(&[server(vec![]), server(vec![own(), secure()])]), [""; 0]);
    }

    #[test]
    fn a_name_is_one_servers() {
        let server = |listen: &[&str], names: &[&str]| {
            Directive::with_block("server", &[], vec![simple("listen", listen), simple("server_name", names)])
        };
        assert_eq!(found(&[server(&["80"], &["a", "b"]), server(&["80"], &["B"])]).len(), 1);
        assert_eq!(
            found(&[server(&["80", "default_server"], &["a"]), server(&["80", "default_server"], &["b"])]).len(),
            1
        );
        assert_eq!(found(&[server(&["80"], &["a"]), server(&["81"], &["a"])]), [""; 0]);
    }
}
