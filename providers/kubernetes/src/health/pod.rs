//! Pods.

use jiff::SignedDuration;
use serde_json::Value as Json;

use super::Health;
use super::live::Live;

/// How long a pod may be without a node before it counts as one that no node takes: the
/// scheduler's first answer is often too early. The figure is kstatus's.
const SCHEDULING: SignedDuration = SignedDuration::from_secs(15);

pub(super) fn health(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "" => Health::progressing("no node has taken it yet"),
        "Succeeded" => Health::ready("it has run to its end"),
        "Failed" => Health::failed(failure(live)),
        "Pending" => faulty(live).unwrap_or_else(|| pending(live)),
        "Running" => running(live),
        phase => Health::new(super::State::Unknown, format!("its phase is {phase}")),
    }
}

fn running(live: &Live<'_>) -> Health {
    // Such a pod has an end, and is ready once it has come to it.
    if !restarts_always(live) {
        let looping = containers(live).find(|container| waiting_reason(container) == "CrashLoopBackOff");
        return looping.map_or_else(|| Health::progressing("it is running"), in_trouble);
    }
    if let Some(faulty) = faulty(live) {
        return faulty;
    }
    if live.is_true("Ready") {
        return Health::ready("it is ready");
    }
    let fell = containers(live).find(|container| container.pointer("/lastState/terminated").is_some());
    match fell {
        Some(container) => Health::degraded(format!("container {} was restarted and is not ready", name(container))),
        None => Health::progressing(live.condition("Ready").map_or("it is not ready yet".to_owned(), |it| it.words())),
    }
}

fn pending(live: &Live<'_>) -> Health {
    let unschedulable = live
        .condition("PodScheduled")
        .filter(|scheduled| scheduled.status == Some(false) && scheduled.reason == "Unschedulable");
    let Some(unschedulable) = unschedulable else { return Health::progressing("it is being started") };
    let created = live.time("/metadata/creationTimestamp");
    let why = format!("no node takes it: {}", unschedulable.words());
    match created.is_some_and(|created| live.now.duration_since(created) < SCHEDULING) {
        true => Health::progressing(why),
        false => Health::degraded(why),
    }
}

/// A container of a pod that is to run for ever and cannot be started.
fn faulty(live: &Live<'_>) -> Option<Health> {
    let is_faulty = |container: &&Json| {
        let reason = waiting_reason(container);
        reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff")
    };
    restarts_always(live).then(|| containers(live).find(is_faulty)).flatten().map(in_trouble)
}

fn in_trouble(container: &Json) -> Health {
    let message = text(container, "/state/waiting/message");
    let message = if message.is_empty() { waiting_reason(container) } else { message };
    Health::degraded(format!("container {}: {message}", name(container)))
}

/// Why a pod has failed.
fn failure(live: &Live<'_>) -> String {
    match live.text("/status/message") {
        "" => {}
        message => return message.trim_end_matches('.').to_owned(),
    }
    let started = live.list("/status/initContainerStatuses").iter().chain(containers(live));
    let failed = started.filter(|container| {
        container.pointer("/state/terminated/exitCode").and_then(Json::as_i64).is_some_and(|code| code != 0)
    });
    failed.map(ended).next().unwrap_or_else(|| "it has failed".to_owned())
}

fn ended(container: &Json) -> String {
    let code = container.pointer("/state/terminated/exitCode").and_then(Json::as_i64).unwrap_or_default();
    let why = ["/state/terminated/message", "/state/terminated/reason"].map(|pointer| text(container, pointer).trim());
    match why.into_iter().find(|why| !why.is_empty() && *why != "Error") {
        Some(why) => format!("container {} ended with exit code {code}: {why}", name(container)),
        None => format!("container {} ended with exit code {code}", name(container)),
    }
}

fn restarts_always(live: &Live<'_>) -> bool {
    matches!(live.text("/spec/restartPolicy"), "" | "Always")
}

fn containers<'a>(live: &Live<'a>) -> impl Iterator<Item = &'a Json> {
    live.list("/status/containerStatuses").iter()
}

fn waiting_reason(container: &Json) -> &str {
    text(container, "/state/waiting/reason")
}

fn name(container: &Json) -> &str {
    text(container, "/name")
}

fn text<'a>(container: &'a Json, pointer: &str) -> &'a str {
    container.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}
