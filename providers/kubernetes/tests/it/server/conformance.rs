//! The promises of the seam.

use async_trait::async_trait;
use portolan_kubernetes::OBJECT;
use portolan_lang::Value;
use portolan_provider::conformance::{self, Subject};
use portolan_test_support::{Cluster, Namespace};
use serde_json::json;

use super::{config_map, connect, forcing};

struct ConfigMaps<'a>(&'a Namespace);

#[async_trait]
impl Subject for ConfigMaps<'_> {
    fn resource_type(&self) -> &str {
        OBJECT
    }

    fn config(&self, number: usize) -> Value {
        forcing(&config_map(self.0.name(), &format!("map-{number}"), &json!({"key": "on", "port": "080"})))
    }

    fn changed(&self, config: &Value) -> Value {
        let name = config.get("manifest").and_then(|manifest| manifest.get("metadata")?.get("name"));
        let name = name.as_ref().and_then(Value::as_str).expect("a name");
        forcing(&config_map(self.0.name(), name, &json!({"key": "off"})))
    }

    async fn change_outside(&self, identity: &str) {
        let name = identity.rsplit('/').next().expect("a name");
        self.0.kubectl().text(&["patch", "configmap", name, "--patch", r#"{"data": {"key": "outside"}}"#]);
    }
}

#[tokio::test]
async fn it_conforms() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("conformance");
    let client = connect(&cluster).await;
    assert_eq!(conformance::check(&client, &ConfigMaps(&namespace)).await, Ok(()));
}
