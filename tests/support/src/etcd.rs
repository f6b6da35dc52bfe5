//! An etcd of a test's own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// An etcd on loopback, in a folder of its own, that ends with the test.
pub struct Etcd {
    /// The names of members and the URLs by which they reach each other, in the words of etcd.
    cluster: String,
    name: &'static str,
    folder: tempfile::TempDir,
    server: Option<Child>,
    ports: [u16; 2],
    arguments: Vec<String>,
    scheme: &'static str,
}

impl Etcd {
    /// One that anybody may use.
    pub fn start() -> Etcd {
        let mut etcd = Etcd::stopped("one", "http");
        etcd.run();
        etcd
    }

    /// One that speaks TLS alone and asks for a client certificate. What a client needs lies in its
    /// folder: `ca.crt`, `client.crt` and `client.key`.
    pub fn start_with_tls() -> Etcd {
        let mut etcd = Etcd::stopped("one", "https");
        etcd.make_certificates();
        etcd.arguments = etcd.shows_certificates();
        etcd.run();
        etcd
    }

    /// Three members of one cluster, which speak TLS alone. What a client needs lies in the folder of the
    /// first one.
    pub fn three_with_tls() -> [Etcd; 3] {
        let mut members = ["one", "two", "three"].map(|name| Etcd::stopped(name, "https"));
        members[0].make_certificates();
        let (arguments, cluster) = (members[0].shows_certificates(), members.each_ref().map(Etcd::peer).join(","));
        for member in &mut members {
            (member.arguments, member.cluster) = (arguments.clone(), cluster.clone());
            member.spawn();
        }
        members.iter().for_each(Etcd::wait);
        members
    }

    fn shows_certificates(&self) -> Vec<String> {
        let file = |name: &str| self.file(name).display().to_string();
        vec![
            format!("--cert-file={}", file("server.crt")),
            format!("--key-file={}", file("server.key")),
            format!("--trusted-ca-file={}", file("ca.crt")),
            "--client-cert-auth".to_owned(),
        ]
    }

    fn peer(&self) -> String {
        format!("{}=http://127.0.0.1:{}", self.name, self.ports[1])
    }

    fn stopped(name: &'static str, scheme: &'static str) -> Etcd {
        let folder = tempfile::tempdir().expect("a folder");
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let (ports, arguments) = ([free(), free()], Vec::new());
        let mut etcd = Etcd { cluster: String::new(), name, folder, server: None, ports, arguments, scheme };
        etcd.cluster = etcd.peer();
        etcd
    }

    /// Starts the server, also once more after [`Etcd::kill`].
    pub fn run(&mut self) {
        self.spawn();
        self.wait();
    }

    fn spawn(&mut self) {
        let (client, peer) = (self.endpoint(), format!("http://127.0.0.1:{}", self.ports[1]));
        let log = std::fs::File::create(self.file("log")).expect("a log");
        // Nobody cuts the power, and a disk that others use does not make it late.
        let server = Command::new("etcd")
            .args([&format!("--name={}", self.name), "--logger=zap", "--unsafe-no-fsync"])
            .arg(format!("--data-dir={}", self.file("data").display()))
            .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
            .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
            .arg(format!("--initial-cluster={}", self.cluster))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("etcd starts");
        self.server = Some(server);
    }

    fn wait(&self) {
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
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("etcd is killed");
            server.wait().expect("etcd ends");
        }
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in the folder.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("a file")
    }

    /// The URL that clients are served at.
    pub fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.ports[0])
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

impl Drop for Etcd {
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
