//! Networks of flannel's nodes, in a real etcd.

use etcd_client::{Client, DeleteOptions, GetOptions};
use portolan_test_support::Etcd;
use serde_json::{Value as Json, json};

use crate::program::Project;

/// A network with two nodes, one of which keeps its subnet where it says.
fn network(etcd: &Etcd, subnet_of_b: &str) -> String {
    format!(
        r#"
variable "password" {{
  type      = string
  sensitive = true
}}

network "pods" {{
  cidr          = "10.244.0.0/16"
  subnet_length = 24

  vxlan {{
    vni = 7
  }}
  etcd {{
    endpoints = ["{endpoint}"]
    prefix    = "/platform/network"
    username  = "root"
    password  = var.password
  }}
  node "a" {{
    subnet  = "10.244.1.0/24"
    address = "192.0.2.1"
    mac     = "0e:1f:42:00:00:01"
  }}
  node "b" {{
    subnet  = "{subnet_of_b}"
    address = "192.0.2.2"
  }}
}}
"#,
        endpoint = etcd.endpoint()
    )
}

const PASSWORD: &str = "of-the-platform";

/// A client with the rights of `root`, which needs a password from then on.
async fn secured(etcd: &Etcd) -> Client {
    let mut client = Client::connect([etcd.endpoint()], None).await.expect("connects");
    client.user_add("root", PASSWORD, None).await.expect("a user");
    client.user_grant_role("root", "root").await.expect("a role");
    client.auth_enable().await.expect("is enabled");
    let options = etcd_client::ConnectOptions::new().with_user("root", PASSWORD);
    Client::connect([etcd.endpoint()], Some(options)).await.expect("connects")
}

/// What flannel reads: each key under the prefix with its document, and whether it expires.
async fn kept(client: &mut Client) -> Vec<(String, Json, bool)> {
    let answer = client.get("/platform/network", Some(GetOptions::new().with_prefix())).await.expect("answers");
    let rows = answer.kvs().iter().map(|row| {
        let document = serde_json::from_slice(row.value()).expect("JSON");
        (row.key_str().expect("text").to_owned(), document, row.lease() != 0)
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_flannel_reads_is_written_mended_and_removed() {
    let etcd = Etcd::start();
    let mut client = secured(&etcd).await;
    let project = Project::new(network(&etcd, "10.244.2.0/24"));
    project.write("portolan.vars.hcl", format!("password = \"{PASSWORD}\"\n"));

    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(!said.all().contains(PASSWORD), "{}", said.all());
    let backend = json!({ "Type": "vxlan", "VNI": 7, "Port": 8472, "GBP": false, "DirectRouting": false });
    let config = json!({ "Network": "10.244.0.0/16", "SubnetLen": 24, "Backend": backend });
    let wanted = kept(&mut client).await;
    assert_eq!(wanted[0], ("/platform/network/config".to_owned(), config, false));
    assert_eq!(wanted[1].0, "/platform/network/subnets/10.244.1.0-24");
    assert_eq!(wanted[1].1["PublicIP"], "192.0.2.1");
    assert_eq!(wanted[1].1["BackendData"]["VtepMAC"], "0e:1f:42:00:00:01");
    assert_eq!(wanted[2].0, "/platform/network/subnets/10.244.2.0-24");
    assert!(wanted.iter().all(|(_, _, expires)| !expires), "{wanted:?}");
    project.is_settled();

    // By hand: another network, and a node that is gone. A key of somebody else is not ours to see.
    client.put("/platform/network/config", r#"{"Network":"10.99.0.0/16"}"#, None).await.expect("writes");
    client.delete("/platform/network/subnets/10.244.2.0-24", None).await.expect("deletes");
    client.put("/platform/network/subnets/10.244.9.0-24", r#"{"PublicIP":"192.0.2.9"}"#, None).await.expect("writes");
    let said = project.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.text.contains("10.99.0.0/16"), "{}", said.text);
    project.succeed(&["apply", "--auto-approve"]);
    let mended = kept(&mut client).await;
    assert_eq!(mended[..3], wanted[..]);
    assert_eq!(mended.len(), 4, "{mended:?}");

    // Another subnet is another key.
    project.write("main.hcl", network(&etcd, "10.244.3.0/24"));
    project.succeed(&["apply", "--auto-approve"]);
    let keys: Vec<String> = kept(&mut client).await.into_iter().map(|(key, _, _)| key).collect();
    let subnets = ["10.244.1.0-24", "10.244.3.0-24", "10.244.9.0-24"];
    let subnets = subnets.map(|subnet| format!("/platform/network/subnets/{subnet}"));
    assert_eq!(keys[1..], subnets);

    project.succeed(&["destroy", "--auto-approve"]);
    let left = kept(&mut client).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].0.ends_with("10.244.9.0-24"), "{left:?}");
    client.delete("/platform", Some(DeleteOptions::new().with_prefix())).await.expect("deletes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_does_not_answer_changes_nothing() {
    let mut etcd = Etcd::start();
    secured(&etcd).await;
    let project = Project::new(network(&etcd, "10.244.2.0/24"));
    project.refused(&["apply", "--auto-approve", "--var=password=of-somebody-else"], "network.pods");
    project.write("portolan.vars.hcl", format!("password = \"{PASSWORD}\"\n"));
    project.succeed(&["apply", "--auto-approve"]);

    etcd.kill();
    let said = project.refused(&["plan"], &etcd.endpoint());
    assert!(!said.all().contains(PASSWORD), "{}", said.all());
    etcd.run();
    project.is_settled();
}
