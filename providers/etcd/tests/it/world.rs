//! An etcd of a test's own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client::Client;
use portolan_etcd::Etcd;
use portolan_lang::{Type, Value};
use portolan_provider::Error;
use portolan_provider::conformance::Client as Provider;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);

/// An etcd on loopback, in a folder of its own, that ends with the test.
pub(crate) struct World {
    folder: tempfile::TempDir,
    server: Option<Child>,
    ports: [u16; 2],
    arguments: Vec<String>,
    scheme: &'static str,
}

impl World {
    /// One that anybody may use.
    pub(crate) fn start() -> World {
        let mut world = World::stopped("http");
        world.run();
        world
    }

    /// One that speaks TLS alone and asks for a client certificate.
    pub(crate) fn start_with_tls() -> World {
        let mut world = World::stopped("https");
        world.make_certificates();
        let file = |name: &str| world.file(name).display().to_string();
        world.arguments = vec![
            format!("--cert-file={}", file("server.crt")),
            format!("--key-file={}", file("server.key")),
            format!("--trusted-ca-file={}", file("ca.crt")),
            "--client-cert-auth".to_owned(),
        ];
        world.run();
        world
    }

    fn stopped(scheme: &'static str) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        World { folder, server: None, ports: [free(), free()], arguments: Vec::new(), scheme }
    }

    /// Starts the server, also once more after [`World::kill`].
    pub(crate) fn run(&mut self) {
        let [client, peer] = self.ports;
        let (client, peer) = (format!("{}://127.0.0.1:{client}", self.scheme), format!("http://127.0.0.1:{peer}"));
        let log = std::fs::File::create(self.file("log")).expect("a log");
        let server = Command::new("etcd")
            .args(["--name=one", "--logger=zap", &format!("--data-dir={}", self.file("data").display())])
            .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
            .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
            .arg(format!("--initial-cluster=one={peer}"))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("etcd starts");
        self.server = Some(server);
        let begun = Instant::now();
        while !self.has_leader() {
            assert!(begun.elapsed() < PATIENCE, "etcd does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn has_leader(&self) -> bool {
        self.log().contains("published local member to cluster")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// Ends the server at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("etcd is killed");
            server.wait().expect("etcd ends");
        }
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in the folder.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("a file")
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.ports[0])
    }

    /// A connection with these beside the endpoint.
    pub(crate) fn connection<const N: usize>(&self, given: [(&'static str, Value); N]) -> Value {
        let names = ["username", "password", "certificate_authority", "client_certificate", "client_key"];
        let unset = names.map(|name| (name, Value::null(Type::String)));
        let endpoints = ("endpoints", Value::strings([self.endpoint()]));
        Value::object(unset.into_iter().chain([endpoints]).chain(given))
    }

    pub(crate) async fn connect<const N: usize>(&self, given: [(&'static str, Value); N]) -> Result<Provider, Error> {
        Provider::connect(Etcd::new(), &self.connection(given)).await
    }

    pub(crate) async fn provider(&self) -> Provider {
        self.connect([]).await.expect("connects")
    }

    /// A client beside the provider's.
    pub(crate) async fn client(&self) -> Client {
        Client::connect([self.endpoint()], None).await.expect("connects")
    }

    fn make_certificates(&self) {
        openssl(
            self.folder.path(),
            &["req", "-x509", "-nodes", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt"],
        );
        for (name, usage) in [("server", "serverAuth,clientAuth"), ("client", "clientAuth")] {
            let (key, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"));
            let extensions = format!("{name}.ext");
            let said = format!("basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n");
            std::fs::write(self.file(&extensions), said).expect("writes");
            let subject = format!("/CN={name}");
            openssl(self.folder.path(), &["req", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &request]);
            let signed = ["x509", "-req", "-in", &request, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
            openssl(self.folder.path(), &[&signed[..], &["-extfile", &extensions, "-out", &certificate]].concat());
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let curve: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let curve = if arguments[0] == "req" { curve } else { &[] };
    let done = Command::new("openssl").args(arguments).args(curve).current_dir(folder).output().expect("openssl runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
