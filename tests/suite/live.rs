//! An application on real clusters.

use std::fmt::Write as _;
use std::ops::Deref;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use portolan_test_support::{Cluster, Kubectl, until};
use serde_json::Value as Json;

use crate::program::{Project, Said};

/// The application `shop`, each of its services on all of some clusters, in a namespace of its own
/// there. It is taken away with this.
pub(crate) struct Live {
    project: Project,
    clusters: Vec<(Cluster, &'static str)>,
    pub(crate) namespace: String,
}

impl Deref for Live {
    type Target = Project;

    fn deref(&self) -> &Project {
        &self.project
    }
}

/// A service that needs little. `rest` is further lines of its block.
pub(crate) fn service(name: &str, image: &str, replicas: u32, rest: &str) -> String {
    format!(
        "service \"{name}\" {{\n  image = \"{image}\"\n  replicas = {replicas}\n  resources {{\n    cpu = \"10m\"\n    memory = \"16Mi\"\n  }}\n{rest}\n}}\n"
    )
}

/// A service of which nobody waits for the copies.
pub(crate) fn unawaited(name: &str, image: &str, rest: &str) -> String {
    service(name, image, 1, &format!("  rollout {{\n    wait = false\n  }}\n{rest}"))
}

impl Live {
    /// The application with these services on shared clusters, not yet applied. `None` where
    /// servers are left out.
    pub(crate) fn new(clusters: &[&'static str], services: &str) -> Option<Live> {
        let clusters: Vec<(Cluster, &str)> =
            clusters.iter().map(|name| Some((Cluster::shared(name)?, *name))).collect::<Option<_>>()?;
        let namespace = format!("shop-{:08x}", rand::random::<u32>());
        let live = Live { project: Project::new(""), clusters, namespace };
        let ways: Vec<(&str, &Path)> =
            live.clusters.iter().map(|(cluster, name)| (*name, cluster.kubeconfig())).collect();
        live.reach(&ways);
        live.declare(services);
        Some(live)
    }

    /// Says by which kubeconfigs the clusters are reached.
    pub(crate) fn reach(&self, ways: &[(&str, &Path)]) {
        let mut text = String::new();
        for (name, path) in ways {
            let context = self.cluster(name).context();
            let path = path.display();
            let _ = write!(
                text,
                "cluster \"{name}\" {{\n  kubernetes {{\n    config_path = \"{path}\"\n    context = \"{context}\"\n  }}\n}}\n"
            );
        }
        self.write("clusters.hcl", text);
    }

    /// Lets the application have these services.
    pub(crate) fn declare(&self, services: &str) {
        let names: Vec<String> = self.clusters.iter().map(|(_, name)| format!("cluster.{name}")).collect();
        let text = format!(
            "application \"shop\" {{\n  namespace = \"{}\"\n  placement {{\n    strategy = \"duplicated\"\n    clusters = [{}]\n  }}\n{services}}}\n",
            self.namespace,
            names.join(", ")
        );
        self.write("main.hcl", text);
    }

    pub(crate) fn cluster(&self, name: &str) -> &Cluster {
        let found = self.clusters.iter().find(|(_, found)| *found == name);
        &found.expect("a cluster of the application").0
    }

    /// kubectl in the namespace of the application.
    pub(crate) fn kubectl(&self, cluster: &str) -> Kubectl {
        self.cluster(cluster).kubectl().within(&self.namespace)
    }

    /// What `status --json` says.
    pub(crate) fn status(&self, arguments: &[&str]) -> (Option<i32>, Json) {
        let said = self.run(&[&["status", "--json"], arguments].concat());
        let json = serde_json::from_str(&said.text).unwrap_or_else(|_| panic!("{}", said.all()));
        (said.code, json)
    }

    /// Applies, and waits until the status says that all is well.
    pub(crate) fn apply(&self) {
        self.succeed(&["apply", "--auto-approve"]);
        until("all services are ready", || self.status(&[]).0 == Some(0));
    }

    /// Runs the program in a terminal of 120 columns and 30 lines, for so long at most.
    pub(crate) fn in_terminal(&self, arguments: &str, typed: &str, time: Duration) -> Said {
        self.in_terminal_beside("", arguments, typed, time)
    }

    /// The same with commands of a shell that come first.
    pub(crate) fn in_terminal_beside(&self, first: &str, arguments: &str, typed: &str, time: Duration) -> Said {
        let command = format!(
            "stty rows 30 cols 120; {first} exec {} -C {} {arguments}",
            env!("CARGO_BIN_EXE_portolan"),
            self.root().display()
        );
        let mut script = std::process::Command::new("timeout");
        script.args([
            "--signal=INT",
            &format!("{}", time.as_secs_f32()),
            "script",
            "--quiet",
            "--return",
            "--command",
            &command,
            "/dev/null",
        ]);
        let mut process =
            script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("script starts");
        let mut input = process.stdin.take().expect("its input");
        std::io::Write::write_all(&mut input, typed.as_bytes()).expect("that it reads");
        let output = process.wait_with_output().expect("its end");
        drop(input);
        Said::of(&output)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for (cluster, _) in &self.clusters {
            // It may never have been made, and nobody waits until it is gone.
            cluster.kubectl().run(&["delete", "namespace", &self.namespace, "--wait=false", "--ignore-not-found"]);
        }
    }
}
