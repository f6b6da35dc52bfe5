//! What is said of workloads that do not come up. The statuses and events are such as kubelets,
//! schedulers and controllers of 1.20 to 1.33 write.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::events::waits_for_consumer;
use super::{Around, last_events, reasons};

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap_or_default()
}

fn ago(seconds: i64) -> String {
    now().checked_sub(SignedDuration::from_secs(seconds)).unwrap_or_default().to_string()
}

fn deployment() -> Json {
    json!({"kind": "Deployment", "metadata": {"name": "web", "uid": "d"}, "spec": {"replicas": 2}})
}

fn owned(kind: &str, name: &str, uid: &str) -> Json {
    json!([{"kind": kind, "name": name, "uid": uid, "controller": true}])
}

fn replica_set(name: &str, revision: &str, status: Json) -> Json {
    json!({"kind": "ReplicaSet", "spec": {"replicas": 2}, "status": status, "metadata": {
        "name": name, "uid": name, "ownerReferences": owned("Deployment", "web", "d"),
        "annotations": {"deployment.kubernetes.io/revision": revision}}})
}

fn pod(set: &str, name: &str, status: Json) -> Json {
    let spec = json!({"containers": [{"name": "web", "image": "shop/web:2"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}}]});
    json!({"kind": "Pod", "spec": spec, "status": status,
        "metadata": {"name": name, "uid": name, "ownerReferences": owned("ReplicaSet", set, set)}})
}

fn event(kind: &str, name: &str, reason: &str, message: &str, age: i64) -> Json {
    json!({"kind": "Event", "type": "Warning", "reason": reason, "message": message, "lastTimestamp": ago(age),
        "involvedObject": {"kind": kind, "name": name}})
}

fn waiting(reason: &str, message: &str) -> Json {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    json!({"phase": "Pending", "containerStatuses": [{"name": "web", "image": "docker.io/shop/web:2", "state": state}]})
}

fn around(pods: Vec<Json>, events: Vec<Json>) -> Around {
    Around { replica_sets: vec![replica_set("web-1", "1", json!({"replicas": 2}))], pods, events }
}

fn check(around: &Around, wanted: &[&str]) {
    assert_eq!(reasons(&deployment(), around, now()), wanted);
}

#[test]
fn an_image_that_cannot_be_pulled() {
    let told = "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/shop/web:2\": not found";
    let pull = format!("Failed to pull image \"shop/web:2\": {told}");
    let wanted = format!("pod a: the image shop/web:2 of container web cannot be pulled: {told}");
    let pulling = || pod("web-1", "a", waiting("ErrImagePull", told));
    check(&around(vec![pulling()], vec![]), &[&wanted]);

    let backing_off = || pod("web-1", "a", waiting("ImagePullBackOff", "Back-off pulling image \"shop/web:2\""));
    check(&around(vec![backing_off()], vec![]), &["pod a: the image shop/web:2 of container web cannot be pulled"]);
    let events = vec![
        event("Pod", "a", "Failed", "Error: ImagePullBackOff", 1),
        event("Pod", "a", "Failed", &pull, 20),
        event("Pod", "other", "Failed", "Failed to pull image \"shop/web:2\": of another pod", 0),
    ];
    let wanted = format!("pod a: the image shop/web:2 of container web cannot be pulled: {pull}");
    check(&around(vec![backing_off()], events), &[&wanted]);

    let newer = "Back-off pulling image \"shop/web:2\": ErrImagePull: not found";
    let newer = pod("web-1", "a", waiting("ImagePullBackOff", newer));
    let wanted = "pod a: the image shop/web:2 of container web cannot be pulled: Back-off pulling image \"shop/web:2\": ErrImagePull: not found";
    check(&around(vec![newer], vec![]), &[wanted]);
}

fn crashing(ended: Json) -> Json {
    let state =
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}});
    json!({"phase": "Running", "containerStatuses": [
        {"name": "web", "restartCount": 4, "ready": false, "state": state, "lastState": {"terminated": ended}}]})
}

#[test]
fn a_container_that_crashes() {
    let crash = |ended| around(vec![pod("web-1", "a", crashing(ended))], vec![]);
    let exit = json!({"exitCode": 1, "reason": "Error", "message": "panic: no such host\n\tat db.go:17\n"});
    check(&crash(exit), &["pod a: container web ended with exit code 1: panic: no such host at db.go:17 (4 restarts)"]);
    let memory = json!({"exitCode": 137, "reason": "OOMKilled"});
    let wanted = "pod a: container web was killed because it used more memory than its limit (4 restarts)";
    check(&crash(memory), &[wanted]);
    let done = json!({"exitCode": 0, "reason": "Completed"});
    check(&crash(done), &["pod a: container web ended, though it is to go on (4 restarts)"]);
    let start = json!({"exitCode": 128, "reason": "StartError", "message": "exec: \"serve\": not found"});
    let wanted = "pod a: container web ended with exit code 128 (StartError): exec: \"serve\": not found (4 restarts)";
    check(&crash(start), &[wanted]);
}

#[test]
fn a_container_that_just_crashed_says_so_before_it_is_held_back() {
    let state = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
    let status = json!({"phase": "Running", "containerStatuses": [{"name": "web", "restartCount": 1, "state": state}]});
    check(
        &around(vec![pod("web-1", "a", status)], vec![]),
        &["pod a: container web ended with exit code 2 (1 restart)"],
    );
}

#[test]
fn a_container_that_lacks_its_configuration() {
    let status = waiting("CreateContainerConfigError", "secret \"web\" not found");
    let wanted = "pod a: container web cannot be started: secret \"web\" not found";
    check(&around(vec![pod("web-1", "a", status)], vec![]), &[wanted]);
}

fn unschedulable(message: &str) -> Json {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
    json!({"phase": "Pending", "conditions": [condition]})
}

#[test]
fn pods_that_no_node_takes_are_told_once() {
    let message = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
    let pods = ["a", "b"].map(|name| pod("web-1", name, unschedulable(message))).to_vec();
    let wanted = "2 pods, such as a: no node takes it: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector";
    check(&around(pods, vec![]), &[wanted]);
}

#[test]
fn a_claim_that_is_not_bound() {
    let message = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
    let binding = "no persistent volumes available for this claim and no storage class is set";
    let events = vec![event("PersistentVolumeClaim", "data-0", "FailedBinding", binding, 3)];
    let wanted = [
        "pod a: its claim data-0: no persistent volumes available for this claim and no storage class is set",
        "pod a: no node takes it: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims",
    ];
    check(&around(vec![pod("web-1", "a", unschedulable(message))], events), &wanted);
}

#[test]
fn a_quota_keeps_pods_from_being_made() {
    let message =
        "pods \"web-1-x\" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1";
    let wanted = format!("its pods cannot be made: {message}");
    let by_condition = json!({"replicas": 1,
        "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]});
    let sets = vec![replica_set("web-1", "1", by_condition)];
    check(&Around { replica_sets: sets, ..Around::default() }, &[&wanted]);
    let set = |there| vec![replica_set("web-1", "1", json!({"replicas": there}))];
    let events = || vec![event("ReplicaSet", "web-1", "FailedCreate", message, 5)];
    check(&Around { replica_sets: set(1), events: events(), ..Around::default() }, &[&wanted]);
    check(&Around { replica_sets: set(2), events: events(), ..Around::default() }, &[]);
}

#[test]
fn a_probe_that_fails() {
    let container = json!({"name": "web", "ready": false, "restartCount": 0, "state": {"running": {}}});
    let status = json!({"phase": "Running", "containerStatuses": [container]});
    let pods = || vec![pod("web-1", "a", status.clone())];
    check(&around(pods(), vec![]), &["pod a: container web runs, and is not ready yet"]);
    let events =
        vec![event("Pod", "a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 2)];
    let wanted = "pod a: container web is not ready: Readiness probe failed: HTTP probe failed with statuscode: 503";
    check(&around(pods(), events), &[wanted]);
}

#[test]
fn a_volume_that_cannot_be_mounted() {
    let status = waiting("ContainerCreating", "");
    let mount = "MountVolume.SetUp failed for volume \"tls\" : secret \"tls\" not found";
    let events = vec![event("Pod", "a", "FailedMount", mount, 2)];
    check(&around(vec![pod("web-1", "a", status.clone())], events), &[&format!("pod a: {mount}")]);
    check(&around(vec![pod("web-1", "a", status)], vec![]), &[]);
}

#[test]
fn only_the_newest_revision_counts_and_what_has_to_go() {
    let crash = json!({"exitCode": 1, "reason": "Error"});
    let mut gone = pod("web-9", "gone", json!({}));
    gone["metadata"]["deletionTimestamp"] = json!(ago(90));
    let around = Around {
        replica_sets: vec![replica_set("web-9", "9", json!({})), replica_set("web-10", "10", json!({"replicas": 2}))],
        pods: vec![
            pod("web-9", "old", crashing(crash.clone())),
            pod("web-10", "new", crashing(crash)),
            pod("other", "stranger", unschedulable("no")),
            gone,
        ],
        events: Vec::new(),
    };
    let wanted =
        ["pod new: container web ended with exit code 1 (4 restarts)", "pod gone: it ought to be gone for 90 s"];
    check(&around, &wanted);
}

#[test]
fn ready_pods_have_no_reasons_and_pods_are_their_own() {
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    check(&around(vec![pod("web-1", "a", ready)], vec![]), &[]);
    let alone = pod("web-1", "a", unschedulable("no"));
    assert_eq!(reasons(&alone, &Around::default(), now()), ["no node takes it: no"]);
}

#[test]
fn few_reasons_are_told_of_many() {
    let pods = (0..9).map(|at| pod("web-1", &format!("p{at}"), unschedulable(&format!("reason {at}")))).collect();
    let told = reasons(&deployment(), &around(pods, vec![]), now());
    assert_eq!(told.len(), 6);
    assert_eq!(told.last().map(String::as_str), Some("and 4 more"));
}

#[test]
fn the_last_events_are_told_with_their_age() {
    let mut normal = event("Pod", "a", "Pulling", "Pulling image", 1);
    normal["type"] = json!("Normal");
    let mut series = event("Pod", "a", "Unhealthy", "Readiness probe failed: refused", 600);
    series["series"] = json!({"count": 3, "lastObservedTime": ago(130)});
    let events = vec![
        event("Pod", "a", "BackOff", "Back-off restarting failed container", 300),
        event("Pod", "a", "BackOff", "Back-off restarting failed container", 10),
        event("Deployment", "web", "DeploymentRollbackRevisionNotFound", "no revision", 50),
        event("Pod", "stranger", "Failed", "no", 1),
        normal,
        series,
    ];
    let wanted = [
        "10 s ago, Pod a: BackOff: Back-off restarting failed container",
        "50 s ago, Deployment web: DeploymentRollbackRevisionNotFound: no revision",
        "2 min ago, Pod a: Unhealthy: Readiness probe failed: refused",
    ];
    let around = around(vec![pod("web-1", "a", json!({}))], events);
    assert_eq!(last_events(&deployment(), &around, now()), wanted);
}

#[test]
fn a_claim_that_waits_for_its_first_pod() {
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data-0", "uid": "c"}});
    let told = |reason| around(vec![], vec![event("PersistentVolumeClaim", "data-0", reason, "…", 1)]);
    assert!(waits_for_consumer(&claim, &told("WaitForFirstConsumer")));
    assert!(!waits_for_consumer(&claim, &told("ProvisioningFailed")));
}

#[test]
fn whatever_stands_in_objects_they_are_only_read() {
    let odd = [json!(null), json!([1]), json!("x"), json!(7), json!({"a": [null]})];
    for odd in odd {
        let pod = pod("web-1", "a", json!({"containerStatuses": [odd], "conditions": odd, "phase": odd}));
        let event = json!({"involvedObject": odd, "series": odd, "message": odd});
        let around =
            Around { replica_sets: vec![odd.clone()], pods: vec![pod, odd.clone()], events: vec![event, odd.clone()] };
        reasons(&deployment(), &around, now());
        reasons(&odd, &around, now());
        last_events(&odd, &around, now());
    }
}
