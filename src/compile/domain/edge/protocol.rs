//! What the servers behind a location speak.

use portolan_lang::{Attribute, Diagnostic, Type, Value};

use super::keys::digest;
use super::part::Part;

const NAMES: [&str; 4] = ["http", "https", "grpc", "grpcs"];

/// `http`, `https`, `grpc` or `grpcs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protocol(&'static str);

impl Protocol {
    pub(super) const HTTP: Protocol = Protocol("http");

    /// `protocol` of a location.
    pub(super) fn attribute() -> Attribute {
        Attribute::optional("protocol", Type::String)
            .default(Value::string("http"))
            .doc("What the servers speak: http, https, grpc or grpcs.")
    }

    pub(super) fn of(location: &Part<'_>) -> Result<Protocol, Diagnostic> {
        location.word("protocol", &NAMES).map(Protocol)
    }

    /// Its name in an address.
    pub(super) fn scheme(self) -> &'static str {
        self.0
    }

    pub(super) fn is_grpc(self) -> bool {
        self.0.starts_with("grpc")
    }

    pub(super) fn is_tls(self) -> bool {
        self.0.ends_with('s')
    }

    /// What the directives begin with.
    pub(super) fn prefix(self) -> &'static str {
        if self.is_grpc() { "grpc" } else { "proxy" }
    }

    /// What tells the groups of servers apart that are spoken to in this way, by the path of the location.
    ///
    /// nginx keeps connections and TLS sessions for a group, and whoever shares the group gets them: an HTTP/2
    /// connection where HTTP/1.1 is spoken, or one whose server showed a certificate that another
    /// location accepts. So that a location which speaks TLS has groups of its own. No name of a route, a service
    /// or an external has a dot.
    pub(super) fn group(self, path: &str) -> String {
        match (self.0, self.is_tls()) {
            ("http", _) => String::new(),
            (name, false) => format!(".{name}"),
            (name, true) => format!(".{name}.{}", digest(path)),
        }
    }
}
