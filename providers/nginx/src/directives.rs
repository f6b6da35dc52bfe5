//! The directives that a configuration may hold.
//!
//! An allow-list: what does not stand here is refused, so that nothing gets into a file
//! whose meaning was not looked at. `if`, and the directives that hold code or open a shell
//! of any sort, are left out on purpose; Lua is run from files alone.

mod core;
mod grpc;
mod http;
mod lua;
mod proxy;
mod ssl;
mod stream;
mod tengine;
mod upstream;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::kind::Kind;
use crate::version::{Flavor, Version};

/// Where a directive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The top of `nginx.conf`.
    Main,
    /// `events`.
    Events,
    /// `http`.
    Http,
    /// `server` in `http`.
    Server,
    /// `location`.
    Location,
    /// `upstream` in `http`.
    Upstream,
    /// `map`, in `http` or `stream`: keys and values.
    Map,
    /// `split_clients`: shares and values.
    SplitClients,
    /// `types`: media types and the endings of file names.
    Types,
    /// `stream`.
    Stream,
    /// `server` in `stream`.
    StreamServer,
    /// `upstream` in `stream`.
    StreamUpstream,
}

impl Context {
    /// Every context.
    pub const ALL: [Context; 12] = [
        Context::Main,
        Context::Events,
        Context::Http,
        Context::Server,
        Context::Location,
        Context::Upstream,
        Context::Map,
        Context::SplitClients,
        Context::Types,
        Context::Stream,
        Context::StreamServer,
        Context::StreamUpstream,
    ];

    /// What messages and the `context` attribute call it.
    pub fn name(self) -> &'static str {
        match self {
            Context::Main => "main",
            Context::Events => "events",
            Context::Http => "http",
            Context::Server => "server",
            Context::Location => "location",
            Context::Upstream => "upstream",
            Context::Map => "map",
            Context::SplitClients => "split_clients",
            Context::Types => "types",
            Context::Stream => "stream",
            Context::StreamServer => "stream_server",
            Context::StreamUpstream => "stream_upstream",
        }
    }

    /// The context of this name.
    pub fn from_name(name: &str) -> Option<Context> {
        Context::ALL.into_iter().find(|context| context.name() == name)
    }
}

/// One directive that is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Specification {
    /// Its name.
    pub name: &'static str,
    /// Where it may stand.
    pub contexts: &'static [Context],
    /// What its arguments are.
    pub arguments: Arguments,
    /// What its block holds; `None` where it has none.
    pub opens: Option<Context>,
    /// Whether it may stand in one block more than once.
    pub repeats: bool,
    /// The first version of nginx that knows it.
    pub since: Version,
    /// The first version of Tengine that knows it, where its core does not tell.
    pub tengine: Option<Version>,
    /// Whether only Tengine knows it.
    pub only_tengine: bool,
    /// The module that knows it, where that is not always built in: what `nginx -V` calls it,
    /// without `--with-` and `_module`.
    pub module: Option<&'static str>,
}

/// What the arguments of a directive are.
#[derive(Debug, Clone, Copy)]
pub enum Arguments {
    /// One of each kind in order.
    List {
        /// Those that must be there.
        required: &'static [Kind],
        /// Those that may follow.
        optional: &'static [Kind],
        /// What all further ones are; `None` where there may be none.
        rest: Option<Kind>,
    },
    /// A path, or one of `=`, `~`, `~*` and `^~` and what it applies to, or `@name`.
    Location,
    /// A status code and perhaps a text or a target; or a target alone.
    Return,
    /// Status codes, perhaps `=code`, and a target.
    ErrorPage,
}

/// No arguments.
const NOTHING: Arguments = Arguments::List { required: &[], optional: &[], rest: None };

/// Exactly these.
const fn exactly(required: &'static [Kind]) -> Arguments {
    Arguments::List { required, optional: &[], rest: None }
}

/// The first ones, and perhaps the others.
const fn optionally(required: &'static [Kind], optional: &'static [Kind]) -> Arguments {
    Arguments::List { required, optional, rest: None }
}

/// These, and any number more of one kind.
const fn followed_by(required: &'static [Kind], rest: Kind) -> Arguments {
    Arguments::List { required, optional: &[], rest: Some(rest) }
}

/// A directive without a block that every version knows.
const fn directive(name: &'static str, contexts: &'static [Context], arguments: Arguments) -> Specification {
    Specification {
        name,
        contexts,
        arguments,
        opens: None,
        repeats: false,
        since: Version::new(1, 0, 0),
        tengine: None,
        only_tengine: false,
        module: None,
    }
}

impl Specification {
    const fn opens(mut self, context: Context) -> Self {
        self.opens = Some(context);
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn since(mut self, major: u16, minor: u16, patch: u16) -> Self {
        self.since = Version::new(major, minor, patch);
        self
    }

    const fn since_tengine(mut self, major: u16, minor: u16, patch: u16) -> Self {
        self.tengine = Some(Version::new(major, minor, patch));
        self
    }

    const fn only_tengine(mut self, major: u16, minor: u16, patch: u16) -> Self {
        self.only_tengine = true;
        self.since_tengine(major, minor, patch)
    }

    const fn module(mut self, name: &'static str) -> Self {
        self.module = Some(name);
        self
    }

    /// The module that knows the directive in a context: what is of HTTP has a brother for streams.
    pub fn module_in(&self, context: Context) -> Option<String> {
        let module = self.module?;
        let is_stream = matches!(context, Context::Stream | Context::StreamServer | Context::StreamUpstream);
        Some(match module.strip_prefix("http_").filter(|_| is_stream) {
            Some(rest) => format!("stream_{rest}"),
            None => module.to_owned(),
        })
    }

    /// Why a server of this flavor and version does not know the directive; a server of
    /// unknown version is taken to know it.
    pub fn missing_in(&self, flavor: Flavor, version: Option<Version>) -> Option<String> {
        match flavor {
            Flavor::Nginx if self.only_tengine => Some("only Tengine knows it".to_owned()),
            Flavor::Nginx => {
                let version = version.filter(|version| *version < self.since)?;
                Some(format!("nginx {version} does not know it: it came with {}", self.since))
            }
            Flavor::Tengine => {
                let version = version?;
                let known = match self.tengine {
                    Some(since) => version >= since,
                    None => version.core_of_tengine() >= self.since,
                };
                (!known).then(|| format!("Tengine {version} does not know it"))
            }
        }
    }
}

static BY_NAME: LazyLock<HashMap<&'static str, Vec<&'static Specification>>> = LazyLock::new(|| {
    let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
    for specification in all() {
        by_name.entry(specification.name).or_default().push(specification);
    }
    by_name
});

/// Every directive of the list. A name that means different things in different contexts
/// stands in it more than once.
pub fn all() -> impl Iterator<Item = &'static Specification> {
    [
        core::DIRECTIVES,
        http::DIRECTIVES,
        upstream::DIRECTIVES,
        proxy::DIRECTIVES,
        grpc::DIRECTIVES,
        ssl::DIRECTIVES,
        stream::DIRECTIVES,
        lua::DIRECTIVES,
        tengine::DIRECTIVES,
    ]
    .into_iter()
    .flatten()
}

/// The directive of this name that may stand in this context.
pub fn find(name: &str, context: Context) -> Option<&'static Specification> {
    BY_NAME.get(name)?.iter().find(|specification| specification.contexts.contains(&context)).copied()
}

/// What keys and values are in a block whose directives are keys; `None` for the block of
/// any other context.
pub fn entry(context: Context) -> Option<(Kind, Arguments)> {
    match context {
        Context::Map => Some((Kind::MapKey, exactly(&[Kind::Text]))),
        Context::SplitClients => Some((Kind::Share, exactly(&[Kind::Text]))),
        Context::Types => Some((Kind::MediaType, followed_by(&[Kind::Name], Kind::Name))),
        _ => None,
    }
}

/// The names of the directives that may stand in a context.
pub fn names_in(context: Context) -> impl Iterator<Item = &'static str> {
    all().filter(move |specification| specification.contexts.contains(&context)).map(|specification| specification.name)
}

/// The contexts in which a directive of this name may stand; empty for an unknown one.
pub fn contexts_of(name: &str) -> Vec<Context> {
    let known = BY_NAME.get(name).into_iter().flatten();
    known.flat_map(|specification| specification.contexts.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_thing_in_a_context() {
        for specification in all() {
            for context in specification.contexts {
                let same = all().filter(|other| other.name == specification.name && other.contexts.contains(context));
                assert_eq!(same.count(), 1, "{} in {}", specification.name, context.name());
            }
        }
    }

    #[test]
    fn versions_and_flavors_are_told_apart() {
        let http2 = find("http2", Context::Server).expect("http2");
        let old = Some(Version::new(1, 22, 1));
        assert_eq!(
            http2.missing_in(Flavor::Nginx, old).as_deref(),
            Some("nginx 1.22.1 does not know it: it came with 1.25.1")
        );
        assert_eq!(http2.missing_in(Flavor::Nginx, None), None);
        assert_eq!(http2.missing_in(Flavor::Tengine, Some(Version::new(2, 3, 2))), None);
        assert!(http2.missing_in(Flavor::Tengine, Some(Version::new(2, 2, 0))).is_some());
        let check = find("check", Context::Upstream).expect("check");
        assert!(check.missing_in(Flavor::Nginx, None).is_some());
        assert_eq!(check.missing_in(Flavor::Tengine, Some(Version::new(2, 3, 2))), None);
    }
}
