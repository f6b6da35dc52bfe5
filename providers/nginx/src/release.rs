//! The resource `nginx_release`.

use std::collections::BTreeMap;
use std::time::Duration;

use portolan_fleet::{Digest, Entry, Manifest, Release, path};
use portolan_lang::{AttributePath, Step, Type, Value};
use portolan_provider::{Error, Planned, Proposal};

/// What finds the release: a fleet has one.
pub(crate) const IDENTITY: &str = "release";

/// How long nodes may take by default.
const PATIENCE: Duration = Duration::from_secs(120);

/// All that is wrong with a release.
pub(crate) fn validate(config: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let timeout = config.get("timeout");
    if let Some(text) = timeout.as_ref().and_then(Value::as_str)
        && duration(text).is_none()
    {
        let problem = format!("{text:?} is not a time: write a whole number and s, m or h, such as 90s");
        errors.push(Error::invalid(problem).at(AttributePath::attribute("timeout")));
    }
    let files = config.get("files").filter(Value::is_known);
    for (name, file) in files.as_ref().and_then(Value::entries).into_iter().flat_map(|files| files.iter()) {
        let at = || [Step::Attribute("files".into()), Step::Key(name.clone())].into_iter().collect();
        errors.extend(path::problem(name).map(|problem| Error::invalid(problem).at(at())));
        if file.is_wholly_known() && entry(file).is_none() {
            errors.push(Error::invalid("a file needs a sha256, a mode and a unit").at(at()));
        }
    }
    errors
}

/// A time like `90s`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|number| Duration::from_secs(u64::from(number) * seconds))
}

/// Another tree is another revision; which number it gets is told when it is published.
pub(crate) fn plan(proposal: Proposal<'_>) -> Result<Planned, Error> {
    if let Some(error) = validate(proposal.config).into_iter().next() {
        return Err(error);
    }
    let files = |value: &Value| value.get("files").map(|files| files.unmark_deep());
    let same = proposal.prior.filter(|prior| files(prior) == files(proposal.proposed));
    let revision = same.and_then(|prior| prior.get("revision"));
    let revision = revision.unwrap_or_else(|| Value::unknown_not_null(Type::Number));
    let value = proposal.proposed.with(&AttributePath::attribute("revision"), revision);
    Ok(Planned { value, replace: Vec::new() })
}

/// The tree of a wholly known release.
pub(crate) fn manifest(value: &Value) -> Result<Manifest, Error> {
    let files = value.get("files");
    let files = files.as_ref().and_then(Value::entries).into_iter().flat_map(|files| files.iter());
    let entries = files.map(|(path, file)| Some((path.to_string(), entry(file)?)));
    let entries: Option<BTreeMap<String, Entry>> = entries.collect();
    entries
        .map(|files| Manifest { files })
        .ok_or_else(|| Error::invalid("a file needs a sha256, a mode and a unit").at(AttributePath::attribute("files")))
}

fn entry(file: &Value) -> Option<Entry> {
    let text = |name: &str| file.get(name).and_then(|value| value.as_str().map(str::to_owned));
    Some(Entry { sha256: Digest::try_from(text("sha256")?).ok()?, mode: text("mode")?, unit: text("unit")? })
}

/// The release that is published. What that does not tell is taken from what was recorded.
pub(crate) fn live(prior: Option<&Value>, revision: u64, manifest: &Manifest) -> Value {
    let recorded = |name: &str, default: Value| prior.and_then(|prior| prior.get(name)).unwrap_or(default);
    let file = |(path, entry): (&String, &Entry)| {
        let texts = [("sha256", entry.sha256.as_str()), ("mode", &entry.mode), ("unit", &entry.unit)];
        (path.as_str().into(), Value::object(texts.map(|(name, text)| (name, Value::string(text)))))
    };
    Value::object([
        ("files", Value::object::<std::sync::Arc<str>>(manifest.files.iter().map(file))),
        ("nodes", recorded("nodes", Value::number(1))),
        ("wait", recorded("wait", Value::TRUE)),
        ("timeout", recorded("timeout", Value::string("2m"))),
        ("revision", number(revision)),
    ])
}

/// A number that is larger than any that is published is none.
fn number(revision: u64) -> Value {
    i64::try_from(revision).map_or_else(|_| Value::null(Type::Number), Value::number)
}

/// The object after its tree was published as this revision.
pub(crate) fn published(planned: &Value, revision: u64) -> Value {
    planned.with(&AttributePath::attribute("revision"), number(revision))
}

/// What is waited for: the release of a wholly known object.
pub(crate) fn wanted(value: &Value) -> Result<Release, Error> {
    Ok(Release::new(revision(value), manifest(value)?.digest()))
}

/// The number of a release that was published; 0 for one that was not.
pub(crate) fn revision(value: &Value) -> u64 {
    number_of(value, "revision").unwrap_or_default()
}

/// How many nodes have to serve it at least.
pub(crate) fn least_nodes(value: &Value) -> u64 {
    number_of(value, "nodes").unwrap_or(1)
}

fn number_of(value: &Value, name: &str) -> Option<u64> {
    value.get(name)?.as_number().and_then(|number| number.to_string().parse().ok())
}

/// How long to wait.
pub(crate) fn patience(value: &Value) -> Duration {
    let timeout = value.get("timeout");
    timeout.as_ref().and_then(Value::as_str).and_then(duration).unwrap_or(PATIENCE)
}

/// Whether to wait at all.
pub(crate) fn is_awaited(value: &Value) -> bool {
    value.get("wait").and_then(|wait| wait.as_bool()) != Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        for text in ["", "s", "90", "1.5s", "-1s", "1d", "1ü"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
