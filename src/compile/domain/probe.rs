//! `probe` of a cluster: how it is found out whether it is alive, and what is done when it is back.

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::{Attribute, AttributePath, Diagnostic, Diagnostics, Number, Schema, Step, Type, Value, duration};

use super::{Block, unknown_word};

/// How a cluster is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The time between two looks.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many of its nodes are asked, of those that its API server told of.
    pub nodes: usize,
    /// What is asked in place of such nodes, where it is declared.
    pub targets: Vec<Target>,
    /// After how many failures in a row something counts as dead.
    pub failures: u32,
    /// After how many successes in a row it counts as alive again.
    pub successes: u32,
    /// Who gives a cluster its replicas back.
    pub failback: Failback,
    /// How long a cluster has to be alive before it gets its replicas back by itself.
    pub stable: Duration,
}

/// What answers where a node is alive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// Whoever takes a connection at `host:port`.
    Tcp(Arc<str>),
    /// A server at `host:port` that answers a path with success.
    Http(Arc<str>, Arc<str>),
}

/// Who gives a cluster its replicas back that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failback {
    /// The daemon.
    Automatic,
    /// A person, who is told that it is time.
    Manual,
    /// A person, who is not told.
    Never,
}

const FAILBACKS: [&str; 3] = ["automatic", "manual", "never"];

/// The block.
pub(super) fn schema() -> Schema {
    let text = |name, default: &str, doc: &'static str| {
        Attribute::optional(name, Type::String).default(Value::string(default)).doc(doc)
    };
    let number = |name, doc: &'static str| Attribute::optional(name, Type::Number).default(Value::number(3)).doc(doc);
    Schema::new("How `watch` finds out whether the cluster is alive; without this block it does not.")
        .with(text("interval", "10s", "The time between two looks."))
        .with(text("timeout", "3s", "How long an answer may take."))
        .with(number("nodes", "How many of its nodes are asked beside its API server, at their kubelets."))
        .with(
            Attribute::optional("targets", Type::list(Type::String))
                .default(Value::strings::<&str>([]))
                .doc("What is asked in place of kubelets: \"tcp://10.0.0.1:10250\", \"http://10.0.0.2:8080/healthz\"."),
        )
        .with(number("failures", "After how many failures in a row something counts as dead."))
        .with(number("successes", "After how many successes in a row it counts as alive again."))
        .with(text("failback", "automatic", "Who gives a lost cluster its replicas back: \"automatic\", \"manual\" (a person, who is told), \"never\" (a person)."))
        .with(text("stable", "5m", "How long it has to be alive before it gets its replicas back by itself."))
}

/// How a cluster is probed, as far as it says so; what cannot be understood is told.
pub(super) fn read(input: &Block<'_>, block: &Value) -> (Option<Probe>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    if block.is_null() {
        return (None, diagnostics);
    }
    let mut reader = Reader { input, block, diagnostics: &mut diagnostics };
    let probe = Probe {
        interval: reader.duration("interval"),
        timeout: reader.duration("timeout"),
        nodes: reader.number("nodes") as usize,
        targets: reader.targets(),
        failures: reader.number("failures"),
        successes: reader.number("successes"),
        failback: reader.failback(),
        stable: reader.duration("stable"),
    };
    (Some(probe).filter(|_| !diagnostics.has_errors()), diagnostics)
}

struct Reader<'a> {
    input: &'a Block<'a>,
    block: &'a Value,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn take(&self, name: &str) -> Value {
        self.block.get(name).unwrap_or_else(|| Value::null(Type::Any))
    }

    fn tell(&mut self, name: &str, problem: Diagnostic) {
        let path: AttributePath = ["probe", name].map(|name| Step::Attribute(name.into())).into_iter().collect();
        self.diagnostics.push(problem.at(self.input.path_span(&path)));
    }

    fn duration(&mut self, name: &str) -> Duration {
        let given = self.take(name);
        let found = given.as_str().and_then(duration).filter(|duration| !duration.is_zero());
        found.unwrap_or_else(|| {
            let detail = format!("\"{name}\" is a time like \"500ms\", \"10s\" or \"5m\", and not zero.");
            self.tell(name, Diagnostic::error("Unsuitable duration").detail(detail));
            Duration::from_secs(1)
        })
    }

    fn number(&mut self, name: &str) -> u32 {
        let given = self.take(name).as_number().and_then(Number::to_u64).and_then(|number| u32::try_from(number).ok());
        given.filter(|number| (1..=1000).contains(number)).unwrap_or_else(|| {
            let detail = format!("\"{name}\" is a whole number from 1 to 1000.");
            self.tell(name, Diagnostic::error("Unsuitable number").detail(detail));
            1
        })
    }

    fn targets(&mut self) -> Vec<Target> {
        let given = self.take("targets");
        let mut targets = Vec::new();
        for text in given.items().unwrap_or_default() {
            match text.as_str().and_then(Target::parse) {
                Some(target) => targets.push(target),
                None => self.tell(
                    "targets",
                    Diagnostic::error("Unsuitable target")
                        .detail("A target is \"tcp://HOST:PORT\" or \"http://HOST:PORT/PATH\"."),
                ),
            }
        }
        targets
    }

    fn failback(&mut self) -> Failback {
        let given = self.take("failback");
        match given.as_str() {
            Some("automatic") => Failback::Automatic,
            Some("manual") => Failback::Manual,
            Some("never") => Failback::Never,
            _ => {
                self.tell("failback", unknown_word("Unknown failback", &given, &FAILBACKS));
                Failback::Never
            }
        }
    }
}

impl Target {
    fn parse(text: &str) -> Option<Target> {
        let is_place = |place: &str| {
            let port = place.rsplit_once(':').and_then(|(host, port)| Some(port).filter(|_| !host.is_empty()));
            port.is_some_and(|port| port.parse::<u16>().is_ok()) && !place.contains(char::is_whitespace)
        };
        if let Some(place) = text.strip_prefix("tcp://") {
            return is_place(place).then(|| Target::Tcp(place.into()));
        }
        let rest = text.strip_prefix("http://")?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
        (is_place(place) && is_plain).then(|| Target::Http(place.into(), format!("/{path}").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_places_that_can_be_asked() {
        assert_eq!(Target::parse("tcp://10.0.0.1:10250"), Some(Target::Tcp("10.0.0.1:10250".into())));
        assert_eq!(Target::parse("http://n:80"), Some(Target::Http("n:80".into(), "/".into())));
        assert_eq!(Target::parse("http://[::1]:80/a?b"), Some(Target::Http("[::1]:80".into(), "/a?b".into())));
        for wrong in ["10.0.0.1:1", "tcp://:1", "tcp://a:99999", "http://a:1/x\r\ny", "https://a:1", "tcp://a b:1"] {
            assert_eq!(Target::parse(wrong), None, "{wrong}");
        }
    }
}
