//! API servers that are killed, that never answer, and that nobody can trust any more.

#![cfg(feature = "kubernetes")]

use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use portolan_test_support::{Cluster, Fault, Kubectl, Namespace, Proxy, until};
use serde_json::Value as Json;

use crate::live::{Live, service};
use crate::program::{Project, Said};

/// Enough that a server can be killed in the middle.
const SIZE: usize = 400;

/// Config maps, and a Deployment after them; `VALUE` is the value of the variable `value`.
fn many(cluster: &Cluster, namespace: &Namespace) -> Project {
    let project = Project::new(format!(
        "variable \"value\" {{\n  default = \"1\"\n}}\n\
         cluster \"beijing\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
         resource \"kubernetes_object\" \"map\" {{\n  count = {SIZE}\n  provider = cluster.beijing\n  manifest = {{\n    \
         apiVersion = \"v1\"\n    kind = \"ConfigMap\"\n    metadata = {{ name = \"map-${{count.index}}\", namespace = \"{namespace}\" }}\n    \
         data = {{ value = var.value }}\n  }}\n}}\n\
         resource \"kubernetes_object\" \"web\" {{\n  provider = cluster.beijing\n  depends_on = [kubernetes_object.map]\n  \
         manifest_file = \"web.yaml\"\n}}\n",
        cluster.kubeconfig(),
        cluster.context()
    ));
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: NAMESPACE}\nspec:\n  \
                      replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    \
                      metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \"shop/web:1\"}]}\n";
    project.write("web.yaml", deployment.replace("NAMESPACE", namespace.name()));
    project
}

/// The config maps by name, with their uids and values.
fn maps(kubectl: &Kubectl) -> Vec<(String, String, String)> {
    let list = kubectl.json(&["get", "configmaps", "--selector=app.kubernetes.io/managed-by=portolan"]);
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let maps = list["items"].as_array().expect("items").iter();
    maps.map(|map| (text(&map["metadata"]["name"]), text(&map["metadata"]["uid"]), text(&map["data"]["value"])))
        .collect()
}

/// Starts to apply with what it says going into files.
fn begin(project: &Project, value: &str) -> Child {
    let file = |name: &str| File::create(project.path(name)).expect("a file");
    let arguments = ["apply", "--auto-approve", "--var", &format!("value={value}")];
    project.command(&arguments).stdout(file("said")).stderr(file("told")).spawn().expect("the program starts")
}

fn end(project: &Project, mut run: Child) -> Said {
    let status = run.wait().expect("its end");
    Said { code: status.code(), text: project.read("said"), error: project.read("told") }
}

#[test]
fn a_server_that_is_killed_in_the_middle_is_gone_on_with() {
    let Some(cluster) = Cluster::own(1) else { return };
    let namespace = cluster.namespace("killed");
    let kubectl = namespace.kubectl();
    let project = many(&cluster, &namespace);

    // It stays away: the run ends, and says what is the matter.
    let run = begin(&project, "1");
    until("the first objects are there", || maps(kubectl).len() > 20);
    cluster.kill("apiserver");
    let said = end(&project, run);
    assert_eq!(said.code, Some(1), "{}", said.all());
    let told = said.error_in_one_line();
    assert!(told.contains("https://127.0.0.1:") && told.contains("cannot be reached"), "{}", said.error);
    cluster.start("apiserver");
    until("it serves again", || kubectl.run(&["get", "configmaps"]).succeeded());
    let before = maps(kubectl);
    assert!((20..SIZE).contains(&before.len()), "{} are there", before.len());
    project.succeed(&["apply", "--auto-approve"]);
    let after = maps(kubectl);
    assert_eq!(after.len(), SIZE);
    assert!(before.iter().all(|map| after.contains(map)), "nothing is made twice");
    project.is_settled();

    // It comes back: the run may go on by itself, and else the next one does.
    let run = begin(&project, "2");
    until("the first objects are changed", || maps(kubectl).iter().filter(|map| map.2 == "2").count() > 20);
    cluster.kill("apiserver");
    cluster.start("apiserver");
    let said = end(&project, run);
    assert!(matches!(said.code, Some(0 | 1)), "{}", said.all());
    until("it serves again", || kubectl.run(&["get", "configmaps"]).succeeded());
    if said.code == Some(1) {
        project.succeed(&["apply", "--auto-approve", "--var", "value=2"]);
    }
    let changed = maps(kubectl);
    assert!(changed.iter().all(|map| map.2 == "2"));
    assert!(changed.iter().zip(&after).all(|(now, then)| now.1 == then.1), "they are the same objects");
    let sets = kubectl.json(&["get", "replicasets"])["items"].clone();
    assert_eq!(sets.as_array().map(Vec::len), Some(1), "{sets}");
    let settled = project.run(&["plan", "--detailed-exitcode", "--var", "value=2"]);
    assert_eq!(settled.code, Some(0), "{}", settled.all());
}

#[test]
fn a_certificate_of_a_server_that_has_ended_is_told_with_its_date() {
    let Some(live) = Live::new(&["a"], &service("web", "shop/web:1", 1, "")) else { return };
    let proxy = Proxy::with_old_certificate(live.cluster("a"));
    live.reach(&[("a", &proxy.kubeconfig())]);
    let said = live.refused(&["plan"], "its certificate ended on 2024-01-02 00:00:00 UTC");
    assert!(said.error.contains("Cannot connect to cluster.a"), "{}", said.error);
    assert!(said.error.contains("Renew the certificate"), "{}", said.error);
    assert_eq!(proxy.requests(), Vec::<String>::new());
}

/// A kubeconfig like the cluster's that leads to another server.
fn leading_to(cluster: &Cluster, server: &TcpListener) -> String {
    let mut kubeconfig = cluster.kubectl().json(&["config", "view", "--raw", "--minify", "--flatten"]);
    let address = server.local_addr().expect("an address");
    kubeconfig["clusters"][0]["cluster"]["server"] = format!("https://{address}").into();
    kubeconfig.to_string()
}

/// Runs commands at the same time, as each of them waits.
fn all(live: &Live, commands: &[&[&str]]) -> Vec<Said> {
    let start = |arguments: &&[&str]| {
        let mut command = live.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let runs: Vec<Child> = commands.iter().map(start).collect();
    let ends = runs.into_iter().map(|run| thread::spawn(|| Said::of(&run.wait_with_output().expect("its end"))));
    ends.collect::<Vec<_>>().into_iter().map(|end| end.join().expect("an end")).collect()
}

#[test]
fn a_server_that_never_answers_is_not_waited_for() {
    let Some(live) = Live::new(&["a", "b"], &service("web", "shop/web:1", 1, "")) else { return };
    let proxy = Proxy::before(live.cluster("a"));
    // Takes connections, and says nothing.
    let mute = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let way = live.path("way");
    fs::copy(proxy.kubeconfig(), &way).expect("a kubeconfig");
    live.reach(&[("a", &way), ("b", live.cluster("b").kubeconfig())]);
    live.apply();
    proxy.strike(Fault::delay(Duration::from_secs(3600)).always());
    let commands: [&[&str]; 5] =
        [&["status"], &["logs", "shop.web"], &["top"], &["events"], &["exec", "shop.web", "--cluster=a", "--", "true"]];
    for why in ["it gave no answer within 20 s", "cannot be reached"] {
        let begun = Instant::now();
        let said = all(&live, &commands);
        assert!(begun.elapsed() < Duration::from_secs(60), "they end by themselves");
        for (command, said) in commands.iter().zip(&said) {
            let text = said.all().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(why) && said.code != Some(0), "{command:?}\n{}", said.all());
        }
        let of_b = said[0].text.lines().find(|line| line.contains(" b ")).expect("what answers is shown");
        assert!(of_b.contains("1/1"), "{}", said[0].text);
        fs::write(&way, leading_to(live.cluster("a"), &mute)).expect("a kubeconfig");
    }
}

#[test]
fn a_webhook_that_fails_is_named_with_the_object_and_the_cluster() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("webhook");
    let Some(webhook) = portolan_test_support::Webhook::of(&cluster, &namespace, portolan_test_support::Verdict::Fail)
    else {
        return;
    };
    let project = Project::new(crate::identity::main(&cluster, namespace.name(), "one"));
    let said = project.refused(&["apply", "--auto-approve"], "tests.example.com");
    let told = said.error_in_one_line();
    assert!(told.contains("kubernetes_object.map") && told.contains("ConfigMap"), "{}", said.all());
    assert!(told.contains("https://127.0.0.1:") || told.contains("cluster.a"), "{}", said.all());
    assert!(webhook.asked() > 0);
    assert!(maps(namespace.kubectl()).is_empty());

    // Once it is gone, the same is carried out.
    drop(webhook);
    project.succeed(&["apply", "--auto-approve"]);
    project.is_settled();
}
