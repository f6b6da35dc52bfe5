//! Webhooks refuse, change and fail, in their namespace only.

use portolan_test_support::{Cluster, Verdict, Webhook};
use serde_json::json;

#[test]
fn webhooks_have_their_say() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, other) = (cluster.namespace("asked"), cluster.namespace("unasked"));
    let create = ["create", "configmap", "settings"];

    let Some(webhook) = Webhook::of(&cluster, &namespace, Verdict::Refuse("not on a Friday".into())) else { return };
    let refused = namespace.kubectl().run(&create);
    assert!(!refused.succeeded() && refused.error.contains("not on a Friday"), "{refused:?}");
    assert!(webhook.asked() > 0);
    drop(webhook);

    let webhook = Webhook::of(&cluster, &namespace, Verdict::Fail);
    let failed = namespace.kubectl().run(&create);
    assert!(!failed.succeeded() && failed.error.contains("failed calling webhook"), "{failed:?}");
    drop(webhook);

    let patch = json!([{ "op": "add", "path": "/metadata/labels", "value": { "by": "webhook" } }]);
    let _webhook = Webhook::of(&cluster, &namespace, Verdict::Change(patch));
    namespace.kubectl().text(&create);
    other.kubectl().text(&create);
    let labels = ["get", "configmap", "settings", "--output=jsonpath={.metadata.labels}"];
    assert_eq!(namespace.kubectl().text(&labels), r#"{"by":"webhook"}"#);
    assert_eq!(other.kubectl().text(&labels), "");
}
