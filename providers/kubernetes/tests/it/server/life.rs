//! Objects come, change and go.

use portolan_kubernetes::{Kubernetes, OBJECT};
use portolan_lang::Value;
use portolan_provider::conformance::Client;
use portolan_provider::{Change, ErrorKind, Provider};
use portolan_test_support::{Cluster, Proxy, until};
use serde_json::json;

use super::{config_map, connect, connect_by, connection, create, deployment, manifest, object, read};

#[tokio::test]
async fn what_somebody_else_made_is_not_taken_over_unasked() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("adopt");
    let client = connect(&cluster).await;
    namespace.kubectl().apply(
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "1"}}).to_string(),
    );
    let config = config_map(namespace.name(), "map", &json!({"a": "2"}));
    for error in [
        client.plan(OBJECT, None, &config).await.expect_err("is there"),
        client.session.apply(OBJECT, Change::Create { planned: &config }).await.expect_err("is there"),
    ] {
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(error.message.contains("is there already: it does not carry our labels"), "{}", error.message);
        assert!(error.help.expect("help").contains(&format!("core/ConfigMap/{namespace}/map")));
    }
    let identity = format!("core/ConfigMap/{namespace}/map");
    assert_eq!(client.find(OBJECT, &identity, None).await.expect("reads"), None);

    let imported = client.session.import(OBJECT, &format!("v1/ConfigMap/{namespace}/map")).await.expect("imports");
    let imported = imported.expect("an object");
    assert_eq!(&*imported.identity, identity);
    assert_eq!(manifest(&imported.value)["data"], json!({"a": "1"}));
    // Nothing is deleted that does not carry our labels.
    let error = client.delete(OBJECT, &imported).await.expect_err("not ours");
    assert!(error.message.contains("is left alone: it does not carry our labels"), "{}", error.message);

    let config = super::forcing(&config);
    let ours = client.update(OBJECT, &imported, &config).await.expect("takes it over");
    assert_eq!(read(&client, &ours).await, ours.value);
    client.delete(OBJECT, &ours).await.expect("deletes");
    assert_eq!(client.read(OBJECT, &ours).await.expect("reads"), None);
}

#[tokio::test]
async fn what_belongs_to_another_record_is_left_alone() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("records");
    let client = connect(&cluster).await;
    let provider = Kubernetes::new();
    let attributes = json!({"config_path": cluster.kubeconfig().to_str(), "context": cluster.context()});
    let session = provider.connect(&connection(&attributes), "another").await.expect("connects");
    let others = Client { provider: std::sync::Arc::new(provider), session };

    let config = config_map(namespace.name(), "map", &json!({"a": "1"}));
    let made = create(&client, &config).await;
    for error in [
        others.create(OBJECT, &config).await.expect_err("another's"),
        others.read(OBJECT, &made).await.expect_err("another's"),
        others
            .update(OBJECT, &made, &config_map(namespace.name(), "map", &json!({"a": "2"})))
            .await
            .expect_err("another's"),
        others.delete(OBJECT, &made).await.expect_err("another's"),
    ] {
        assert!(error.message.contains("it belongs to another record of this program"), "{}", error.message);
    }
    assert_eq!(namespace.kubectl().json(&["get", "configmap", "map"])["data"], json!({"a": "1"}));
}

#[tokio::test]
async fn what_cannot_be_changed_in_place_is_replaced() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("replace");
    let client = connect(&cluster).await;
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    // A kind whose rules only the server knows.
    let service = |address: &str| {
        object(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace.name()},
            "spec": {"clusterIP": address, "ports": [{"port": 80, "protocol": "TCP"}]},
        }))
    };
    let headless = create(&client, &service("None")).await;
    let mut other = deployment(namespace.name(), "web", "shop/web:1");
    other["spec"]["selector"]["matchLabels"]["more"] = "x".into();
    other["spec"]["template"]["metadata"]["labels"]["more"] = "x".into();
    for (made, changed, path) in [
        (&made, object(&other), "manifest.spec.selector"),
        (&headless, service("10.0.200.1"), "manifest.spec.clusterIP"),
    ] {
        let planned = client.plan(OBJECT, Some(&made.value), &changed).await.expect("plans");
        assert_eq!(planned.replace.iter().map(ToString::to_string).collect::<Vec<_>>(), [path]);
        // As the engine does: the new object is planned while the old one is there.
        client.plan(OBJECT, None, &changed).await.expect("plans");
        client.delete(OBJECT, made).await.expect("deletes");
        create(&client, &changed).await;
    }
}

#[tokio::test]
async fn a_definition_and_its_objects_in_one_go() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("custom");
    let client = connect(&cluster).await;
    let group = format!("{namespace}.example.com");
    let definition = object(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("ships.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"kind": "Ship", "plural": "ships", "singular": "ship"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"sails": {"type": "integer", "default": 1}, "name": {"type": "string"}}}}}}}],
        },
    }));
    let ship = |kind: &str| {
        object(
            &json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": "a", "namespace": namespace.name()}, "spec": {"name": "x"}}),
        )
    };
    client.plan(OBJECT, None, &ship("Ship")).await.expect("what is not declared yet can be planned");
    let definition = create(&client, &definition).await;
    let made = create(&client, &ship("Ship")).await;
    assert_eq!(read(&client, &made).await, made.value);
    let error = client.create(OBJECT, &ship("Shp")).await.expect_err("no such kind");
    assert_eq!(error.help.as_deref(), Some("Did you mean \"Ship\"?"), "{}", error.message);
    client.delete(OBJECT, &made).await.expect("deletes");
    client.delete(OBJECT, &definition).await.expect("deletes");
    let fresh = connect(&cluster).await;
    assert_eq!(fresh.read(OBJECT, &made).await.expect("a kind that is gone has no objects"), None);
}

#[tokio::test]
async fn kinds_that_are_not_there_are_told() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let client = connect(&cluster).await;
    let named = |version: &str, kind: &str| {
        object(&json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "default"}}))
    };
    for (version, kind, message, help) in [
        ("apps/v1", "Deploymnt", "the cluster has no kind \"Deploymnt\" in apps", "Did you mean \"Deployment\"?"),
        (
            "v1",
            "Deployment",
            "the cluster has no kind \"Deployment\" in the core group",
            "Did you mean Deployment of apps/v1?",
        ),
        (
            "apps/v9",
            "Deployment",
            "the cluster does not serve Deployment as apps/v9, but as apps/v1",
            "Write the manifest for a version that it serves.",
        ),
    ] {
        let error = client.plan(OBJECT, None, &named(version, kind)).await.expect_err("no such kind");
        assert_eq!((&*error.message, error.help.as_deref()), (message, Some(help)));
    }
}

#[tokio::test]
async fn a_batch_is_read_by_lists() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, second) = (cluster.namespace("batch"), cluster.namespace("batch"));
    let proxy = Proxy::before(&cluster);
    let client = connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects");
    let mut made = Vec::new();
    for number in 0..30 {
        let namespace = if number % 2 == 0 { &namespace } else { &second };
        made.push(
            create(&client, &config_map(namespace.name(), &format!("map-{number}"), &json!({"n": number.to_string()})))
                .await,
        );
    }
    namespace.kubectl().text(&["delete", "configmap", "map-4"]);
    namespace.kubectl().text(&["label", "configmap", "map-6", "app.kubernetes.io/managed-by-"]);
    let before = proxy.requests().len();
    let wanted: Vec<portolan_provider::Wanted> = made
        .iter()
        .map(|one| portolan_provider::Wanted {
            resource_type: OBJECT.into(),
            identity: one.identity.clone(),
            prior: Some(one.value.clone()),
        })
        .collect();
    let answers = client.session.read(&wanted).await;
    for (number, (answer, one)) in answers.into_iter().zip(&made).enumerate() {
        let answer = answer.expect("reads");
        match number {
            4 => assert_eq!(answer, None),
            6 => assert!(super::lost(&answer.expect("an object")).to_string().contains("managed-by")),
            _ => assert_eq!(answer.as_ref(), Some(&one.value)),
        }
    }
    let asked = proxy.requests().split_off(before);
    let lists = asked.iter().filter(|line| line.contains("labelSelector")).count();
    assert!(lists >= 1 && asked.len() == lists + 2, "{asked:#?}");
}

#[tokio::test]
async fn a_workload_is_gone_after_its_pods() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("workload");
    let client = connect(&cluster).await;
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    until("its pods run", || namespace.kubectl().text(&["get", "deployment", "web"]).contains("2/2"));
    client.delete(OBJECT, &made).await.expect("deletes");
    assert_eq!(namespace.kubectl().json(&["get", "pods"])["items"], json!([]));
    client.delete(OBJECT, &made).await.expect("what is gone can be deleted");
}

#[tokio::test]
async fn another_object_of_the_same_name_is_not_deleted() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("again");
    let client = connect(&cluster).await;
    let made = create(&client, &config_map(namespace.name(), "map", &json!({"a": "1"}))).await;
    namespace.kubectl().text(&["delete", "configmap", "map"]);
    namespace.kubectl().text(&["create", "configmap", "map", "--from-literal=a=theirs"]);
    let error = client.delete(OBJECT, &made).await.expect_err("another object");
    assert!(error.message.contains("is left alone"), "{}", error.message);
    let found = read(&client, &made).await;
    assert_eq!(manifest(&found)["data"], json!({"a": "theirs"}));
    assert!(super::lost(&found).to_string().contains("it does not carry our labels"));
}

/// The value of a proposal in which nothing is known yet.
#[tokio::test]
async fn what_is_unknown_is_planned_without_asking() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("unknown");
    let client = connect(&cluster).await;
    let known = config_map(namespace.name(), "map", &json!({"a": "1"}));
    let path = ["manifest", "data", "a"].map(|name| portolan_lang::Step::Attribute(name.into())).into_iter().collect();
    let unknown = known.with(&path, Value::unknown(portolan_lang::Type::String));
    let planned = client.plan(OBJECT, None, &unknown).await.expect("plans");
    assert!(!planned.value.is_wholly_known());
    let error = client.session.apply(OBJECT, Change::Create { planned: &unknown }).await.expect_err("unknown");
    assert_eq!(error.path.map(|path| path.to_string()).as_deref(), Some("manifest.data.a"));
}
