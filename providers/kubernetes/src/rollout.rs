//! How an object is rolled out: whether it is waited for, how long, and what happens when it does
//! not become ready. A cluster knows nothing of that; it stands beside the manifest.

use std::time::Duration;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value, duration};
use portolan_provider::Error;

const WAIT: &str = "wait";
const TIMEOUT: &str = "timeout";
const ON_FAILURE: &str = "on_failure";

/// What can be said of a failure.
const KEEP: &str = "keep";
const ROLLBACK: &str = "rollback";

/// How long kinds that run pods may take to become ready, and all others.
const LONG: Duration = Duration::from_secs(5 * 60);
const SHORT: Duration = Duration::from_secs(60);

/// How an object is rolled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rollout {
    /// Whether it is waited for.
    pub(crate) waits: bool,
    /// How long; `None` for as long as is usual for its kind.
    timeout: Option<Duration>,
    /// Whether it is to be again what it was before, should it not become ready.
    pub(crate) goes_back: bool,
}

impl Rollout {
    /// What an object says of its rollout. What is unknown or wrong counts as not said.
    pub(crate) fn of(object: &Value) -> Rollout {
        let text = |name: &str| object.get(name).and_then(|value| value.as_str().map(str::to_owned));
        Rollout {
            waits: object.get(WAIT).and_then(|wait| wait.as_bool()) != Some(false),
            timeout: text(TIMEOUT).and_then(|timeout| duration(&timeout)),
            goes_back: text(ON_FAILURE).as_deref() == Some(ROLLBACK),
        }
    }

    /// How long an object of this kind may take.
    pub(crate) fn timeout(&self, group: &str, kind: &str) -> Duration {
        let runs_pods = matches!(
            (group, kind),
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
                | ("batch", "Job")
                | ("", "Pod" | "ReplicationController")
        );
        self.timeout.unwrap_or(if runs_pods { LONG } else { SHORT })
    }
}

/// The schema of an object with what can be said of its rollout.
pub(crate) fn with_rollout(schema: Schema) -> Schema {
    schema
        .with(
            Attribute::optional(WAIT, Type::Bool)
                .doc("Whether what depends on it waits until it is ready; true if not given."),
        )
        .with(Attribute::optional(TIMEOUT, Type::String).doc(
            "How long it may take to become ready: \"10m\". If not given, 5m for what runs pods, and 1m for the rest.",
        ))
        .with(Attribute::optional(ON_FAILURE, Type::String).doc(
            "What happens when it was changed and does not become ready: \"keep\" leaves it, \"rollback\" makes it again what it was. \"keep\" if not given.",
        ))
}

/// What is wrong with what is said of a rollout.
pub(crate) fn check(object: &Value) -> Vec<Error> {
    let mut problems = Vec::new();
    let text = |name: &str| object.get(name).and_then(|value| value.as_str().map(str::to_owned));
    if let Some(timeout) = text(TIMEOUT).filter(|timeout| duration(timeout).is_none()) {
        let error = Error::invalid(format!("{timeout:?} is not a duration")).at(AttributePath::attribute(TIMEOUT));
        problems.push(error.help("Write a number with its unit: \"30s\", \"10m\", \"1h\"."));
    }
    if let Some(word) = text(ON_FAILURE).filter(|word| ![KEEP, ROLLBACK].contains(&word.as_str())) {
        let error = Error::invalid(format!("{word:?} is neither {KEEP:?} nor {ROLLBACK:?}"))
            .at(AttributePath::attribute(ON_FAILURE));
        problems.push(match did_you_mean(&word, [KEEP, ROLLBACK]) {
            Some(near) => error.help(format!("Did you mean {near:?}?")),
            None => error,
        });
    }
    problems
}

/// What is not said of a rollout, as it stands in an object.
pub(crate) fn unsaid() -> [(&'static str, Value); 3] {
    [(WAIT, Value::null(Type::Bool)), (TIMEOUT, Value::null(Type::String)), (ON_FAILURE, Value::null(Type::String))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(entries: &[(&'static str, Value)]) -> Value {
        Value::object(entries.iter().cloned())
    }

    #[test]
    fn what_is_not_said_depends_on_the_kind() {
        let rollout = Rollout::of(&object(&unsaid()));
        assert_eq!(rollout, Rollout { waits: true, timeout: None, goes_back: false });
        assert_eq!(rollout.timeout("apps", "Deployment"), LONG);
        assert_eq!(rollout.timeout("", "PersistentVolumeClaim"), SHORT);
        let said = Rollout::of(&object(&[
            (WAIT, Value::FALSE),
            (TIMEOUT, Value::string("2m")),
            (ON_FAILURE, Value::string(ROLLBACK)),
        ]));
        assert_eq!((said.waits, said.goes_back), (false, true));
        assert_eq!(said.timeout("apps", "Deployment"), Duration::from_secs(120));
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let wrong = object(&[(TIMEOUT, Value::string("soon")), (ON_FAILURE, Value::string("rolback"))]);
        let problems = check(&wrong);
        let told: Vec<_> = problems.iter().map(|error| (error.path.clone(), error.help.as_deref())).collect();
        assert_eq!(told[0].0, Some(AttributePath::attribute(TIMEOUT)));
        assert_eq!(told[1], (Some(AttributePath::attribute(ON_FAILURE)), Some("Did you mean \"rollback\"?")));
        assert!(check(&object(&unsaid())).is_empty());
        assert!(check(&object(&[(TIMEOUT, Value::unknown(Type::String))])).is_empty());
    }
}
