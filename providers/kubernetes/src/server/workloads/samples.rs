//! What each pod of a workload uses, and whether that tells anything of the load: as Kubernetes' own
//! autoscaler sorts pods (`groupPods` of its replica calculator).

use jiff::{SignedDuration, Timestamp};
use portolan_provider::{Sample, Samples};
use serde_json::Value as Json;

use super::Sought;
use super::namespace::{Namespace, text};
use super::usage::{Measured, requested_cpu, requested_memory, sum};

/// How long a pod may start, in which what it uses counts only while it is ready, and measured since.
const STARTING: SignedDuration = SignedDuration::from_mins(5);

/// A pod that was not ready any more so soon after its start was never ready.
const NEVER_READY: SignedDuration = SignedDuration::from_secs(30);

/// What the pods of a workload use that have not failed and are not being deleted.
pub(super) fn samples(
    one: &Sought,
    namespace: &Namespace,
    measured: &Result<Measured, String>,
    now: Timestamp,
) -> Samples {
    let unmeasured = measured.as_ref().err().cloned();
    let Some(live) = namespace.workload(&one.identity.kind, &one.identity.name) else {
        return Samples { unmeasured, ..Samples::default() };
    };
    let pods = namespace.pods(live).into_iter();
    let counted = pods.filter(|pod| {
        pod.pointer("/metadata/deletionTimestamp").is_none()
            && !["Failed", "Succeeded"].contains(&text(pod, "/status/phase"))
    });
    let metrics = |pod| measured.as_ref().ok().and_then(|measured| measured.of(pod));
    Samples { copies: counted.map(|pod| sample(pod, metrics(pod), now)).collect(), unmeasured }
}

fn sample(pod: &Json, metrics: Option<&Json>, now: Timestamp) -> Sample {
    Sample {
        is_ready: ready(pod).is_some_and(|ready| text(ready, "/status") == "True"),
        is_pending: text(pod, "/status/phase") == "Pending",
        is_warm: metrics.is_some_and(|metrics| is_warm(pod, metrics, now)),
        cpu: metrics.and_then(|metrics| sum(metrics, "/containers", "/usage/cpu", 1000)),
        memory: metrics.and_then(|metrics| sum(metrics, "/containers", "/usage/memory", 1)),
        requested_cpu: requested_cpu(pod),
        requested_memory: requested_memory(pod),
    }
}

/// What is said of whether a pod is ready.
fn ready(pod: &Json) -> Option<&Json> {
    let mut conditions = pod.pointer("/status/conditions").and_then(Json::as_array).into_iter().flatten();
    conditions.find(|condition| text(condition, "/type") == "Ready")
}

/// Whether the processor time of a pod is that of one that takes its part of the load.
fn is_warm(pod: &Json, metrics: &Json, now: Timestamp) -> bool {
    let time = |object: &Json, pointer: &str| text(object, pointer).parse::<Timestamp>().ok();
    let (Some(ready), Some(started)) = (ready(pod), time(pod, "/status/startTime")) else { return false };
    let is_ready = text(ready, "/status") != "False";
    let changed = time(ready, "/lastTransitionTime").unwrap_or(started);
    if now.duration_since(started) >= STARTING {
        return is_ready || changed.duration_since(started) >= NEVER_READY;
    }
    // The time that was measured may not begin before it became ready.
    let window = text(metrics, "/window").parse::<SignedDuration>().unwrap_or_default();
    let is_since = time(metrics, "/timestamp").is_none_or(|time| time.duration_since(changed) >= window);
    is_ready && is_since
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const START: &str = "2026-01-01T00:00:00Z";

    fn sampled(phase: &str, ready: (&str, &str), measured: Option<(&str, &str)>, now: &str) -> Sample {
        let pod = json!({
            "metadata": {"name": "web"},
            "spec": {"containers": [
                {"resources": {"requests": {"cpu": "100m", "memory": "1Mi"}}},
                {"resources": {"requests": {"cpu": "50m"}}},
            ]},
            "status": {
                "phase": phase,
                "startTime": START,
                "conditions": [{"type": "Ready", "status": ready.0, "lastTransitionTime": ready.1}],
            },
        });
        let metrics = measured.map(|(timestamp, cpu)| {
            json!({"timestamp": timestamp, "window": "30s", "containers": [{"usage": {"cpu": cpu, "memory": "2Mi"}}]})
        });
        sample(&pod, metrics.as_ref(), now.parse().expect("a time"))
    }

    #[test]
    fn what_a_pod_uses_and_requests() {
        let ready = ("True", "2026-01-01T00:00:10Z");
        let found = sampled("Running", ready, Some(("2026-01-01T01:00:00Z", "250m")), "2026-01-01T01:00:00Z");
        let wanted = Sample {
            is_pending: false,
            is_ready: true,
            is_warm: true,
            cpu: Some(250),
            memory: Some(2 << 20),
            requested_cpu: Some(150),
            requested_memory: None,
        };
        assert_eq!(found, wanted);
        let found = sampled("Running", ready, None, "2026-01-01T01:00:00Z");
        assert_eq!((found.cpu, found.is_warm, found.is_pending), (None, false, false));
        assert!(sampled("Pending", ready, None, START).is_pending);
    }

    #[test]
    fn what_a_pod_uses_while_it_starts_counts_for_nothing() {
        let is_warm = |ready, measured, now: &str| sampled("Running", ready, Some((measured, "1")), now).is_warm;
        let ready = ("True", "2026-01-01T00:01:00Z");
        // It was measured for a time that began before it was ready, and then for one that did not.
        assert!(!is_warm(ready, "2026-01-01T00:01:29Z", "2026-01-01T00:01:40Z"));
        assert!(is_warm(ready, "2026-01-01T00:01:30Z", "2026-01-01T00:01:40Z"));
        let never = ("False", "2026-01-01T00:00:20Z");
        let later = ("False", "2026-01-01T00:03:00Z");
        assert!(!is_warm(later, "2026-01-01T00:04:00Z", "2026-01-01T00:04:00Z"));
        // Later, one that was ready before counts, and one that never was does not.
        assert!(is_warm(later, "2026-01-01T00:06:00Z", "2026-01-01T00:06:00Z"));
        assert!(!is_warm(never, "2026-01-01T00:06:00Z", "2026-01-01T00:06:00Z"));
        assert!(is_warm(ready, "2026-01-01T00:06:00Z", "2026-01-01T00:06:00Z"));
    }
}
