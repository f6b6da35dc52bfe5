//! kubectl, which tells tests what is really in a cluster, and puts there what they need.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

/// kubectl with one context of a kubeconfig, and perhaps one namespace.
#[derive(Debug, Clone)]
pub struct Kubectl {
    kubeconfig: PathBuf,
    context: String,
    namespace: Option<String>,
    /// Where it keeps what it has discovered; by default where the user's own does.
    cache: Option<PathBuf>,
}

/// What kubectl said and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// The code it ended with; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The standard output.
    pub text: String,
    /// The standard error.
    pub error: String,
}

impl Answer {
    /// Whether it ended with 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }
}

impl Kubectl {
    pub(crate) fn new(kubeconfig: PathBuf, context: String) -> Kubectl {
        Kubectl { kubeconfig, context, namespace: None, cache: None }
    }

    /// The same with a cache of its own. Clusters of tests have the addresses of earlier ones, of
    /// which the user's cache may tell.
    pub(crate) fn caching_beside_kubeconfig(self) -> Kubectl {
        Kubectl { cache: Some(self.kubeconfig.with_extension("cache")), ..self }
    }

    /// The same, in a namespace.
    pub fn within(&self, namespace: &str) -> Kubectl {
        Kubectl { namespace: Some(namespace.to_owned()), ..self.clone() }
    }

    /// kubectl with these arguments, not yet started.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--context", &self.context]);
        if let Some(namespace) = &self.namespace {
            command.args(["--namespace", namespace]);
        }
        if let Some(cache) = &self.cache {
            command.arg("--cache-dir").arg(cache);
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs it to its end, however that is.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "")
    }

    /// Runs it to its end with something on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("kubectl is missing: run tools/install test");
        // It may end without having read all.
        let _ = process.stdin.take().expect("its input").write_all(input.as_bytes());
        let output = process.wait_with_output().expect("that kubectl ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Answer { code: output.status.code(), text: text(&output.stdout), error: text(&output.stderr) }
    }

    /// What it says, which has to end with 0.
    pub fn text(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert!(answer.succeeded(), "kubectl {arguments:?}: {}", answer.error);
        answer.text
    }

    /// An object or a list of them: `json(&["get", "deployments"])`.
    pub fn json(&self, arguments: &[&str]) -> Json {
        let arguments = [arguments, &["--output=json"]].concat();
        let text = self.text(&arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error} in {text}"))
    }

    /// Applies manifests, in YAML or JSON.
    pub fn apply(&self, manifests: &str) {
        let answer = self.run_with(&["apply", "--filename=-"], manifests);
        assert!(answer.succeeded(), "{}", answer.error);
    }
}
