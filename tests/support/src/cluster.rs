//! Clusters that run while tests need them.
//!
//! Each test may be a process of its own, so what they share lies outside of them: the script
//! `tests/cluster/cluster` starts a cluster that does not run yet, and ends it some minutes after
//! the last process that used it. A user holds a lock on a file for that, which the system gives
//! back however the process ends.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::{Kubectl, Namespace};

/// How long a cluster stays when nobody uses it, in seconds: between two tests of one run, and
/// after the only test that used it.
const LINGER_OF_SHARED: &str = "300";
const LINGER_OF_OWN: &str = "3";
/// Nodes of a shared cluster.
const NODES: usize = 2;

/// A running Kubernetes cluster, with all rights.
#[derive(Debug)]
pub struct Cluster {
    context: String,
    kubeconfig: PathBuf,
    kubectl: Kubectl,
    /// Where the script keeps it; `None` for a cluster of the user's own.
    directory: Option<PathBuf>,
    /// Held for as long as the cluster is used.
    _lock: Option<File>,
}

impl Cluster {
    /// A cluster that other tests use at the same time; tests therefore have namespaces of their
    /// own, and names of their own for what is in none. `a`, `b` and `c` are three clusters.
    ///
    /// With `PORTOLAN_TEST_KUBECONFIG` it is one of the user's: the first, second or third of the
    /// contexts in `PORTOLAN_TEST_CONTEXTS`, or the current one as `a`.
    ///
    /// `None` only where tests that need servers are left out on purpose, and where the user names
    /// fewer clusters.
    ///
    /// # Panics
    ///
    /// Where there is no such cluster, and none can be started.
    pub fn shared(name: &str) -> Option<Cluster> {
        if are_servers_left_out() {
            return None;
        }
        if let Some(kubeconfig) = env::var_os("PORTOLAN_TEST_KUBECONFIG").filter(|path| !path.is_empty()) {
            return Cluster::of_the_user(name, kubeconfig.into());
        }
        let lock = lock_file(name);
        lock.lock_shared().expect("a lock");
        Some(Cluster::started(name, (NODES, 0), LINGER_OF_SHARED, lock))
    }

    /// A cluster for one test alone, which may kill its processes, with nodes `node-1` to
    /// `node-{nodes}`. It takes some 10 seconds and 300 MB and 60 MB for each node, so a test has
    /// one only where it has to.
    ///
    /// `None` where tests that need servers are left out on purpose, and where they have clusters
    /// of the user's and Kubernetes was not built: nobody's own clusters are killed.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub fn own(nodes: usize) -> Option<OwnCluster> {
        Cluster::own_with_small(nodes, 0)
    }

    /// The same with so many small nodes among them, the last ones: with 4 cores and 16 GiB of
    /// memory in place of 16 and 64.
    pub fn own_with_small(nodes: usize, small: usize) -> Option<OwnCluster> {
        if are_servers_left_out() {
            return None;
        }
        if env::var_os("PORTOLAN_TEST_KUBECONFIG").is_some() && !is_built() {
            eprintln!("skipped: PORTOLAN_TEST_KUBECONFIG is set, and no cluster is built that may be killed");
            return None;
        }
        let (name, lock) = (1..1000).find_map(free_name).expect("a free name");
        script(&["down", &name]);
        Some(OwnCluster { cluster: Cluster::started(&name, (nodes, small), LINGER_OF_OWN, lock), name })
    }

    fn started(name: &str, (nodes, small): (usize, usize), linger: &str, lock: File) -> Cluster {
        let (nodes, small) = (nodes.to_string(), small.to_string());
        let said = script(&["up", "--nodes", &nodes, "--small", &small, "--linger", linger, name]);
        let kubeconfig = PathBuf::from(said.trim());
        let directory = kubeconfig.parent().map(Path::to_owned);
        let started = Cluster::of_context(name.to_owned(), kubeconfig);
        Cluster { kubectl: started.kubectl.caching_beside_kubeconfig(), directory, _lock: Some(lock), ..started }
    }

    fn of_the_user(name: &str, kubeconfig: PathBuf) -> Option<Cluster> {
        let contexts = env::var("PORTOLAN_TEST_CONTEXTS").unwrap_or_default();
        let mut contexts: Vec<String> = contexts.split(',').map(|context| context.trim().to_owned()).collect();
        if contexts == [""] {
            let current = Kubectl::new(kubeconfig.clone(), String::new()).text(&["config", "current-context"]);
            contexts = vec![current.trim().to_owned()];
        }
        let at = ["a", "b", "c"].iter().position(|known| *known == name).expect("a name of a shared cluster");
        let context = contexts.into_iter().nth(at);
        if context.is_none() {
            eprintln!("skipped: it takes {} clusters, and PORTOLAN_TEST_CONTEXTS names fewer", at + 1);
        }
        Some(Cluster::of_context(context?, kubeconfig))
    }

    fn of_context(context: String, kubeconfig: PathBuf) -> Cluster {
        let kubectl = Kubectl::new(kubeconfig.clone(), context.clone());
        Cluster { context, kubeconfig, kubectl, directory: None, _lock: None }
    }

    /// A kubeconfig in which this cluster is a context, perhaps not the current one.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The name of its context.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// kubectl, as an administrator of the cluster.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Makes a namespace whose name begins with a word.
    pub fn namespace(&self, purpose: &str) -> Namespace {
        Namespace::create(self, purpose)
    }

    /// How clients connect.
    pub async fn config(&self) -> kube::Config {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        let options = KubeConfigOptions { context: Some(self.context.clone()), ..KubeConfigOptions::default() };
        kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a context")
    }

    /// A client with the rights of an administrator.
    pub async fn client(&self) -> kube::Client {
        kube::Client::try_from(self.config().await).expect("a client")
    }

    /// The authority that signs the API server's certificate and those of users, as `ca.crt` and
    /// `ca.key`; an administrator's certificate, as `admin.crt` and `admin.key`; the API server's,
    /// as `apiserver.crt` and `apiserver.key`. `None` for a cluster of the user's own.
    /// Says so where there are none.
    pub fn keys(&self) -> Option<PathBuf> {
        if self.directory.is_none() {
            eprintln!("skipped: the keys of {} are not at hand", self.context);
        }
        self.directory.as_ref().map(|directory| directory.join("pki"))
    }

    /// The token of its administrator. Says so where there is none: users of other clusters have
    /// certificates, or programs that they log in with.
    pub fn token(&self) -> Option<String> {
        let view = self.kubectl.json(&["config", "view", "--raw", "--minify"]);
        let token = view["users"][0]["user"]["token"].as_str().map(str::to_owned);
        if token.is_none() {
            eprintln!("skipped: the kubeconfig has no token for {}", self.context);
        }
        token
    }

    /// Whether its nodes are those that `tests/cluster/build` makes, so that pods fare as their
    /// images' tags say, have logs, and know some commands. Says so where they are not.
    pub fn has_telling_pods(&self) -> bool {
        let has = self.directory.is_some() && env::var_os("PORTOLAN_KUBERNETES").is_none();
        if !has {
            eprintln!("skipped: the pods of {} do not fare as their images say", self.context);
        }
        has
    }

    /// What `KUBECONFIG` has to be for several clusters to be contexts.
    pub fn kubeconfigs<'a>(clusters: impl IntoIterator<Item = &'a Cluster>) -> OsString {
        env::join_paths(clusters.into_iter().map(Cluster::kubeconfig)).expect("paths without colons")
    }
}

/// A cluster of one test alone. It ends with this.
#[derive(Debug)]
pub struct OwnCluster {
    cluster: Cluster,
    name: String,
}

impl OwnCluster {
    /// Kills a process at once: `apiserver`, `etcd`, `controller-manager`, `scheduler`, `node-1` …
    pub fn kill(&self, process: &str) {
        script(&["kill", &self.name, process]);
    }

    /// Starts a process that was killed. It may take some seconds until it serves.
    pub fn start(&self, process: &str) {
        script(&["start", &self.name, process]);
    }
}

impl Deref for OwnCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        // Else it ends by itself, as nobody uses it.
        let _ = command(&["down", &self.name]).output();
    }
}

fn are_servers_left_out() -> bool {
    let left_out = env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1");
    if left_out {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, no cluster is used");
    }
    left_out
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster")
}

fn is_built() -> bool {
    let build = Command::new(scripts().join("build")).arg("--where").output();
    build.is_ok_and(|output| output.status.success())
}

/// Where the clusters of tests are: another place for other scripts or another Kubernetes, so that
/// several checkouts share those that are alike.
fn directory() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").expect("HOME")).join(".cache");
    let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map_or_else(home, PathBuf::from);
    let mut hasher = DefaultHasher::new();
    for directory in [scripts(), scripts().join("patches")] {
        contents(&directory).hash(&mut hasher);
    }
    env::var_os("PORTOLAN_KUBERNETES").hash(&mut hasher);
    cache.join("portolan/clusters").join(format!("tests-{:08x}", hasher.finish() as u32))
}

/// The files of a directory, by their names.
fn contents(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("tests/cluster").map(|entry| entry.expect("an entry"));
    entries.filter_map(|entry| Some((entry.file_name(), fs::read(entry.path()).ok()?))).collect()
}

/// The file that users of a cluster lock.
fn lock_file(name: &str) -> File {
    let directory = directory();
    fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join(format!("{name}.users"));
    File::options().create(true).append(true).open(path).expect("a file")
}

/// The name of a cluster that nobody uses, by its number, and the lock on it.
fn free_name(number: usize) -> Option<(String, File)> {
    let name = format!("own-{number}");
    let lock = lock_file(&name);
    lock.try_lock().is_ok().then_some((name, lock))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(scripts().join("cluster"));
    command.args(arguments).env("PORTOLAN_CLUSTERS", directory()).stdin(Stdio::null());
    command
}

/// Runs the script, which has to end with 0, and gives what it says.
fn script(arguments: &[&str]) -> String {
    let output = command(arguments).output().expect("tests/cluster/cluster starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tests/cluster/cluster {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
