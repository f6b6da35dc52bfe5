//! What happened to workloads.

use std::collections::{BTreeSet, HashMap};

use portolan_provider::Event;
use serde_json::Value as Json;

use super::Sought;
use super::namespace::{Namespace, name_of, text};

/// The events of a namespace, by the kind of what they are about.
pub(super) struct Happened(HashMap<String, Vec<Json>>);

impl Happened {
    pub(super) fn of(events: Vec<Json>) -> Happened {
        let mut kinds: HashMap<String, Vec<Json>> = HashMap::new();
        for event in events {
            kinds.entry(text(&event, "/involvedObject/kind").to_owned()).or_default().push(event);
        }
        Happened(kinds)
    }
}

/// The events about a workload, what stands between it and its pods, and its pods, also those that
/// are gone; the oldest first.
pub(super) fn events(one: &Sought, namespace: &Namespace, happened: &Happened) -> Vec<Event> {
    let mut makers: BTreeSet<String> = BTreeSet::from([one.identity.name.clone()]);
    if let Some(live) = namespace.workload(&one.identity.kind, &one.identity.name) {
        makers.extend(namespace.between(live).map(|between| name_of(between).to_owned()));
    }
    let is_about = |event: &&Json| {
        let (kind, name) = (text(event, "/involvedObject/kind"), text(event, "/involvedObject/name"));
        match kind {
            "Pod" | "ReplicaSet" | "Job" => makers.contains(name) || is_made_by(name, &makers),
            kind => kind == one.identity.kind && name == one.identity.name,
        }
    };
    let kinds = ["Pod", "ReplicaSet", "Job", &*one.identity.kind].into_iter().collect::<BTreeSet<_>>();
    let about = kinds.into_iter().filter_map(|kind| happened.0.get(kind)).flatten().filter(is_about);
    let mut found: Vec<Event> = about.map(event).collect();
    found.sort_by(|left, right| (&left.time, &left.id).cmp(&(&right.time, &right.id)));
    found
}

/// Whether a name is that of a maker and a suffix as controllers give them.
fn is_made_by(name: &str, makers: &BTreeSet<String>) -> bool {
    name.rsplit_once('-').is_some_and(|(maker, suffix)| !suffix.is_empty() && makers.contains(maker))
}

fn event(event: &Json) -> Event {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    let time = times.into_iter().map(|pointer| text(event, pointer)).find(|time| !time.is_empty()).unwrap_or_default();
    let counts = ["/series/count", "/count"].into_iter().filter_map(|pointer| event.pointer(pointer)?.as_u64());
    Event {
        id: text(event, "/metadata/uid").to_owned(),
        time: time.to_owned(),
        count: counts.max().unwrap_or(1),
        is_warning: text(event, "/type") != "Normal",
        object: format!("{} {}", text(event, "/involvedObject/kind"), text(event, "/involvedObject/name")),
        reason: text(event, "/reason").to_owned(),
        message: text(event, "/message").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_are_gone_are_told_by_their_names() {
        let makers = BTreeSet::from(["web".to_owned(), "web-5d4f".to_owned()]);
        assert!(is_made_by("web-5d4f-x2x9", &makers) && is_made_by("web-0", &makers));
        assert!(!is_made_by("web-api-0", &makers) && !is_made_by("web-", &makers) && !is_made_by("other-0", &makers));
    }
}
