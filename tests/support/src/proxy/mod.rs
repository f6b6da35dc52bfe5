//! What stands in front of an API server, and has faults.
//!
//! It serves the same paths with the same users, so that a kubeconfig which leads to it does for
//! the program what one of the cluster does. Between the two it listens: it keeps the line of
//! every request (`GET /api/v1/pods?limit=500`), and looks which [`Fault`] is due.

mod fault;
mod serve;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use regex::Regex;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::certificate::Certificate;
use crate::{Cluster, Kubectl};
use fault::Action;
pub use fault::Fault;

/// A proxy in front of the API server of one cluster. It ends with this.
///
/// It speaks TLS with a certificate of its own. What a client's token allows, it allows; who has a
/// client certificate instead is whom the cluster's kubeconfig names.
#[derive(Debug)]
pub struct Proxy {
    directory: TempDir,
    context: String,
    world: Arc<World>,
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
}

/// What all connections share.
#[derive(Debug, Default)]
struct World {
    book: Mutex<Book>,
    door: watch::Sender<Door>,
}

/// What was asked, and what is to go wrong.
#[derive(Debug, Default)]
struct Book {
    requests: Vec<String>,
    faults: Vec<Fault>,
}

/// Whether connections are taken. Any change ends those that there are.
#[derive(Debug, Default, Clone, Copy)]
struct Door {
    is_closed: bool,
}

impl Proxy {
    /// A proxy before this cluster, without faults.
    pub fn before(cluster: &Cluster) -> Proxy {
        Proxy::with(cluster, Certificate::made_in)
    }

    /// A proxy whose own certificate ended at the beginning of 2024-01-02.
    pub fn with_old_certificate(cluster: &Cluster) -> Proxy {
        Proxy::with(cluster, Certificate::ended_in)
    }

    fn with(cluster: &Cluster, certify: fn(&Path) -> Certificate) -> Proxy {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let world = Arc::<World>::default();
        let directory = tempfile::tempdir().expect("a directory");
        let certificate = certify(directory.path());
        // In a thread of its own, as this one may be carrying out asynchronous tasks.
        let start = || runtime.block_on(serve::start(cluster, &certificate, Arc::clone(&world)));
        let address = thread::scope(|scope| scope.spawn(start).join()).expect("a proxy that starts");
        let context = cluster.context().to_owned();
        let proxy = Proxy { directory, context, world, runtime: Some(runtime) };
        fs::write(proxy.kubeconfig(), leading_to(address, &certificate, cluster)).expect("a kubeconfig");
        proxy
    }

    /// A kubeconfig like the cluster's, with the same context, that leads to the proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// kubectl, through the proxy.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(self.kubeconfig(), self.context.clone()).caching_beside_kubeconfig()
    }

    /// Lets something go wrong from now on. Of several faults that fit a request, the one that was
    /// given first strikes, until it has struck as often as it shall.
    pub fn strike(&self, fault: Fault) {
        self.world.book().faults.push(fault);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.world.book().faults.clear();
    }

    /// Ends all connections there are, in the middle of whatever they carry.
    pub fn cut(&self) {
        self.world.door.send_replace(Door { is_closed: false });
    }

    /// Ends all connections and refuses new ones, as where there is no server.
    pub fn close(&self) {
        self.world.door.send_replace(Door { is_closed: true });
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.world.door.send_replace(Door { is_closed: false });
    }

    /// The lines of all requests until now, in their order: `GET /api/v1/pods?limit=500`.
    pub fn requests(&self) -> Vec<String> {
        self.world.book().requests.clone()
    }

    /// How many requests had a line that fits a regular expression.
    pub fn count(&self, pattern: &str) -> usize {
        let pattern = Regex::new(pattern).expect("a regular expression");
        self.world.book().requests.iter().filter(|line| pattern.is_match(line)).count()
    }

    /// Counts anew.
    pub fn forget(&self) {
        self.world.book().requests.clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl World {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no test has failed while it held this")
    }

    /// Writes a request down, and tells what becomes of it.
    fn note(&self, line: &str) -> Action {
        let mut book = self.book();
        book.requests.push(line.to_owned());
        book.faults.iter_mut().find_map(|fault| fault.struck_by(line)).unwrap_or(Action::Pass)
    }
}

/// The kubeconfig of a cluster with another server in it.
fn leading_to(address: SocketAddr, certificate: &Certificate, cluster: &Cluster) -> String {
    let mut kubeconfig = cluster.kubectl().json(&["config", "view", "--raw", "--minify"]);
    let server = json!({ "server": format!("https://{address}"), "certificate-authority": certificate.path() });
    kubeconfig["clusters"][0]["cluster"] = server;
    kubeconfig.to_string()
}
