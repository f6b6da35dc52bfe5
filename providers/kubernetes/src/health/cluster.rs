//! Kinds that belong to the cluster: volumes, namespaces, nodes, API extensions.

use super::live::Live;
use super::{Health, State};

pub(super) fn volume_claim(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "Bound" => Health::ready("it is bound"),
        "Lost" => Health::failed("its volume is lost"),
        _ => Health::progressing("it is not bound to a volume yet"),
    }
}

pub(super) fn volume(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "Failed" => Health::failed(or_else(live.text("/status/message"), "its reclamation failed")),
        "" | "Pending" => Health::progressing("it is not available yet"),
        phase => Health::ready(format!("it is {}", phase.to_lowercase())),
    }
}

pub(super) fn namespace(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "Terminating" => Health::new(State::Terminating, "it is being deleted"),
        _ => Health::ready("it is there"),
    }
}

pub(super) fn node(live: &Live<'_>) -> Health {
    match live.condition("Ready") {
        Some(ready) if ready.status == Some(true) => Health::ready("it is ready"),
        Some(ready) => Health::progressing(ready.words()),
        None => Health::progressing("its kubelet has not reported yet"),
    }
}

pub(super) fn custom_resource_definition(live: &Live<'_>) -> Health {
    if let Some(terminating) = live.condition("Terminating").filter(|it| it.status == Some(true)) {
        return Health::new(State::Terminating, terminating.words());
    }
    let refused = live.condition("NamesAccepted").filter(|names| names.status == Some(false));
    let broken = live.condition("NonStructuralSchema").filter(|schema| schema.status == Some(true));
    if let Some(problem) = refused.or(broken) {
        return Health::degraded(problem.words());
    }
    match live.condition("Established") {
        Some(established) if established.status == Some(true) => Health::ready("its kind is served"),
        Some(established) if established.status == Some(false) && established.reason != "Installing" => {
            Health::degraded(established.words())
        }
        _ => Health::progressing("its kind is not served yet"),
    }
}

pub(super) fn api_service(live: &Live<'_>) -> Health {
    match live.condition("Available") {
        Some(available) if available.status == Some(true) => Health::ready("it is served"),
        Some(available) => Health::progressing(available.words()),
        None => Health::progressing("it is not served yet"),
    }
}

pub(super) fn signing_request(live: &Live<'_>) -> Health {
    let refused = live
        .conditions()
        .find(|condition| condition.status != Some(false) && ["Denied", "Failed"].contains(&condition.kind));
    match refused {
        Some(refused) => Health::failed(refused.words()),
        None if !live.text("/status/certificate").is_empty() => Health::ready("its certificate is issued"),
        None if live.is_true("Approved") => Health::progressing("it is approved, and not signed yet"),
        None => Health::progressing("nobody has approved it yet"),
    }
}

pub(super) fn volume_attachment(live: &Live<'_>) -> Health {
    if live.is_set("/status/attached") {
        return Health::ready("it is attached");
    }
    match live.text("/status/attachError/message") {
        "" => Health::progressing("it is not attached yet"),
        error => Health::degraded(error),
    }
}

fn or_else<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
