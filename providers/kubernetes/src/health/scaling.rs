//! Kinds that watch over the number of pods.

use serde_json::Value as Json;

use super::live::{Condition, Live};
use super::{Health, State};

/// Where version 1 of the API keeps the conditions.
const CONDITIONS_OF_V1: &str = "/metadata/annotations/autoscaling.alpha.kubernetes.io~1conditions";

pub(super) fn autoscaler(live: &Live<'_>) -> Health {
    let of_v1: Json = serde_json::from_str(live.text(CONDITIONS_OF_V1)).unwrap_or_default();
    let of_v1 = of_v1.as_array().map(Vec::as_slice).unwrap_or_default();
    let conditions: Vec<Condition<'_>> = live.conditions().chain(of_v1.iter().filter_map(Condition::of)).collect();
    if let Some(broken) = conditions.iter().find(|condition| is_broken(condition)) {
        return Health::degraded(broken.words());
    }
    let works = |condition: &&Condition<'_>| {
        condition.status == Some(true) && ["AbleToScale", "ScalingLimited"].contains(&condition.kind)
    };
    match conditions.iter().find(works) {
        Some(condition) => Health::ready(condition.words()),
        None => Health::progressing("it has not scaled yet"),
    }
}

fn is_broken(condition: &Condition<'_>) -> bool {
    match condition.kind {
        "AbleToScale" => ["FailedGetScale", "FailedUpdateScale"].contains(&condition.reason),
        "ScalingActive" => condition.reason.starts_with("FailedGet") || condition.reason.starts_with("Invalid"),
        _ => false,
    }
}

pub(super) fn disruption_budget(live: &Live<'_>) -> Health {
    // That too few pods are healthy to let one go is no fault of the budget.
    let failed =
        live.conditions().find(|condition| condition.status == Some(false) && condition.reason != "InsufficientPods");
    match failed {
        Some(failed) => Health::degraded(failed.words()),
        None if live.at("/status").is_none_or(|status| status.as_object().is_none_or(|status| status.is_empty())) => {
            Health::progressing("its controller has not seen it yet")
        }
        None => {
            let [healthy, wanted] = ["/status/currentHealthy", "/status/desiredHealthy"].map(|at| live.count(at));
            Health::new(State::Ready, format!("{healthy} pods are healthy, {wanted} have to be"))
        }
    }
}
