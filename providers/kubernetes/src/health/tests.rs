//! What is said of objects, and how.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{State, can_be_unready, health};

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap_or_default()
}

fn check(object: &Json, state: State, why: &str) {
    let found = health(object, now());
    assert_eq!((found.state, found.why.as_str()), (state, why), "{object}");
}

fn object(api_version: &str, kind: &str, spec: Json, status: Json) -> Json {
    let metadata = json!({"name": "a", "generation": 2});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status})
}

/// The status of a deployment with so many replicas: existing, updated, ready, available.
fn deployed(counts: [i64; 4], available: &str) -> Json {
    let [replicas, updated, ready, available_replicas] = counts;
    json!({
        "observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready,
        "availableReplicas": available_replicas,
        "conditions": [
            {"type": "Available", "status": available},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    })
}

#[test]
fn a_deployment_says_what_it_waits_for() {
    let spec = || json!({"replicas": 3, "progressDeadlineSeconds": 600});
    let deployment = |status| object("apps/v1", "Deployment", spec(), status);
    let cases = [
        ([1, 1, 0, 0], "False", State::Progressing, "1 of 3 replicas exist"),
        ([3, 2, 3, 3], "True", State::Progressing, "2 of 3 replicas are updated"),
        ([4, 3, 3, 3], "True", State::Progressing, "1 old replica has still to go"),
        ([3, 3, 2, 2], "False", State::Progressing, "2 of 3 replicas are ready"),
        ([3, 3, 3, 2], "True", State::Progressing, "2 of 3 replicas are available"),
        ([3, 3, 3, 3], "False", State::Progressing, "it is not available yet"),
        ([3, 3, 3, 3], "True", State::Ready, "3 of 3 replicas are ready"),
    ];
    for (counts, available, state, why) in cases {
        check(&deployment(deployed(counts, available)), state, why);
    }
    check(&deployment(json!({})), State::Progressing, "its controller has not seen it yet");
    let old = json!({"observedGeneration": 1});
    check(&deployment(old), State::Progressing, "its controller has not seen the last change yet");
}

#[test]
fn a_deployment_past_its_deadline_has_failed() {
    let exceeded = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"a-1\" has timed out progressing."});
    let status = json!({"observedGeneration": 2, "conditions": [exceeded]});
    let why = "it exceeded its progress deadline: ReplicaSet \"a-1\" has timed out progressing";
    check(&object("apps/v1", "Deployment", json!({}), status), State::Failed, why);
}

#[test]
fn a_deployment_of_no_replicas_is_ready() {
    let status = deployed([0, 0, 0, 0], "True");
    check(&object("apps/v1", "Deployment", json!({"replicas": 0}), status), State::Ready, "no replicas are wanted");
}

#[test]
fn a_pod_that_no_node_takes_is_given_time() {
    let created = |age: i64| now().checked_sub(SignedDuration::from_secs(age)).unwrap_or_default().to_string();
    let pod = |age| {
        let message = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity.";
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "creationTimestamp": created(age)},
            "status": {"phase": "Pending", "conditions": [condition]}})
    };
    let why = "no node takes it: 0/2 nodes are available: 2 node(s) didn't match Pod's node affinity";
    check(&pod(3), State::Progressing, why);
    check(&pod(60), State::Degraded, why);
}

#[test]
fn a_failed_pod_says_which_container_and_why() {
    let terminated = json!({"name": "main", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
    let status = json!({"phase": "Failed", "containerStatuses": [terminated]});
    let why = "container main ended with exit code 137: OOMKilled";
    check(&object("v1", "Pod", json!({}), status), State::Failed, why);
}

#[test]
fn what_is_deleted_names_what_holds_it() {
    let mut namespace = object("v1", "Namespace", json!({}), json!({"phase": "Active"}));
    check(&namespace, State::Ready, "it is there");
    namespace["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    check(&namespace, State::Terminating, "it is being deleted");
    namespace["metadata"]["finalizers"] = json!(["a.example/x", "b.example/y"]);
    check(&namespace, State::Terminating, "it is being deleted, held by a.example/x, b.example/y");
}

#[test]
fn an_ingress_without_an_address_is_on_its_way_and_nobody_waits_for_it() {
    let ingress = object("networking.k8s.io/v1", "Ingress", json!({}), json!({"loadBalancer": {}}));
    check(&ingress, State::Progressing, "its controller has reported no address");
    assert!(!can_be_unready("networking.k8s.io", "Ingress"));
}

#[test]
fn what_stands_still_in_a_strategy_is_suspended() {
    let paused = json!({"updateStrategy": {"rollingUpdate": {"paused": true}}});
    let status = json!({"desiredNumberScheduled": 1, "currentNumberScheduled": 1, "updatedNumberScheduled": 1,
                        "numberReady": 1, "numberAvailable": 1});
    check(&object("apps.kruise.io/v1alpha1", "DaemonSet", paused, status), State::Suspended, "it is suspended");
}

#[test]
fn a_generation_that_is_written_as_text_counts() {
    let mut rollout = object("argoproj.io/v1alpha1", "Rollout", json!({}), json!({"observedGeneration": "3"}));
    rollout["metadata"]["generation"] = json!(4);
    check(&rollout, State::Progressing, "its controller has not seen the last change yet");
}

#[test]
fn nodes_are_counted_over_all_sets() {
    let spec = json!({"nodeSets": [{"count": 3}, {"count": 2}]});
    let elastic = |nodes: u32| {
        let status = json!({"availableNodes": nodes, "health": "green", "phase": "Ready"});
        object("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", spec.clone(), status)
    };
    check(&elastic(4), State::Progressing, "4 of 5 are ready");
    assert_eq!(health(&elastic(5), now()).state, State::Ready);
}

#[test]
fn an_annotation_can_make_something_stand_still_and_a_label_can_say_that_it_failed() {
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let mut database = object("postgresql.cnpg.io/v1", "Cluster", json!({}), ready.clone());
    assert_eq!(health(&database, now()).state, State::Ready);
    database["metadata"]["annotations"] = json!({"cnpg.io/hibernation": "on"});
    check(&database, State::Suspended, "its cnpg.io/hibernation is on");
    let mut pipeline = object("numaflow.numaproj.io/v1alpha1", "Pipeline", json!({}), ready);
    pipeline["metadata"]["labels"] = json!({"numaplane.numaproj.io/progressive-result-state": "failed"});
    check(&pipeline, State::Degraded, "its numaplane.numaproj.io/progressive-result-state is failed");
}

#[test]
fn a_condition_that_has_to_be_told_is_waited_for() {
    let told = |kinds: &[&str]| {
        let conditions: Vec<Json> = kinds.iter().map(|kind| json!({"type": kind, "status": "True"})).collect();
        object("s3.aws.upbound.io/v1", "Bucket", json!({}), json!({"conditions": conditions}))
    };
    check(&told(&["Synced"]), State::Progressing, "it does not report its condition Ready yet");
    assert_eq!(health(&told(&["Synced", "Ready"]), now()).state, State::Ready);
}

#[test]
fn every_ancestor_has_to_accept_a_policy() {
    let told = |kinds: [&str; 2]| {
        let ancestor = |kind: &str| json!({"conditions": [{"type": kind, "status": "True", "observedGeneration": 2}]});
        let status = json!({"ancestors": kinds.map(ancestor)});
        object("microgateway.airlock.com/v1alpha1", "ContentSecurity", json!({}), status)
    };
    check(&told(["Accepted", "Other"]), State::Progressing, "Accepted is not told everywhere yet");
    assert_eq!(health(&told(["Accepted", "Accepted"]), now()).state, State::Ready);
}

#[test]
fn environments_of_a_promotion_are_there_and_of_one_commit() {
    let told = |proposed: &[&str]| {
        let one =
            |sha: &&str| json!({"branch": "b", "active": {"dry": {"sha": sha}}, "proposed": {"dry": {"sha": sha}}});
        let environments: Vec<Json> = proposed.iter().map(one).collect();
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let status = json!({"conditions": ready, "environments": environments});
        object("promoter.argoproj.io/v1alpha1", "PromotionStrategy", json!({}), status)
    };
    check(&told(&[]), State::Progressing, "it does not report its environments yet");
    check(&told(&["a", "b"]), State::Progressing, "not every sha is the same yet");
    assert_eq!(health(&told(&["a", "a"]), now()).state, State::Ready);
}

#[test]
fn a_sentence_is_known_by_its_first_word() {
    let told = |status: &str| object("kubernetes-client.io/v1", "ExternalSecret", json!({}), json!({"status": status}));
    assert_eq!(health(&told("ERROR, no such key"), now()).state, State::Degraded);
}

#[test]
fn kinds_that_nothing_is_known_of_are_ready_unless_they_say_otherwise() {
    let strange = |status| object("example.com/v1", "Thing", json!({}), status);
    let ready = |status: &str| json!({"conditions": [{"type": "Ready", "status": status, "reason": "Failed"}]});
    check(&strange(Json::Null), State::Ready, "it reports no status");
    check(&strange(json!({"note": "hello"})), State::Ready, "it does not report yet whether it is ready");
    check(&strange(ready("False")), State::Progressing, "its condition Ready is false: Failed");
    check(&strange(ready("True")), State::Ready, "its condition Ready is true: Failed");
    check(&strange(json!({"phase": "Pending"})), State::Progressing, "it reports \"Pending\"");
    check(&strange(json!({"phase": "Zzz"})), State::Ready, "it does not report yet whether it is ready");
    let stalled = json!({"conditions": [{"type": "Stalled", "status": "True", "message": "no such key."}]});
    check(&strange(stalled), State::Failed, "no such key");
}

#[test]
fn kinds_that_always_report_are_waited_for() {
    check(
        &object("helm.toolkit.fluxcd.io/v2", "HelmRelease", json!({}), Json::Null),
        State::Progressing,
        "it reports no status",
    );
    let old = json!({"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1, "reason": "Up"}]});
    check(
        &object("argoproj.io/v1alpha1", "Thing", json!({}), old),
        State::Progressing,
        "its condition Ready is true: Up",
    );
}

#[test]
fn whatever_stands_in_an_object_it_is_only_read() {
    let odd = [json!(null), json!([]), json!("x"), json!(1), json!({"status": {"conditions": {}}}), json!({"type": 1})];
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Service", "Ingress", "Namespace"];
    for kind in kinds {
        for odd in &odd {
            let status = json!({"conditions": [odd], "containerStatuses": odd, "replicas": odd, "phase": odd});
            for object in [object("v1", kind, odd.clone(), odd.clone()), object("apps/v1", kind, odd.clone(), status)] {
                assert!(!health(&object, now()).why.is_empty());
            }
        }
    }
    odd.iter().for_each(|odd| assert!(!health(odd, now()).why.is_empty()));
}
