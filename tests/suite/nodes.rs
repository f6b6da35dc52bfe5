//! Nodes of fleets, what stands behind them, and clients that ask on fresh connections all the time.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use portolan_test_support::Etcd;
use tempfile::TempDir;

use crate::program::{Project, Said, until};

pub(crate) const NGINX: &str = "/usr/sbin/nginx";

/// Whether tests with servers are left out on purpose.
pub(crate) fn is_skipped() -> bool {
    let skipped = std::env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, nginx is not run");
    }
    skipped
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// Whether the tests themselves run as root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A server that answers everything with its name until it is dropped.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Backend {
    pub(crate) fn start(name: &'static str) -> Backend {
        Backend::start_at(std::net::Ipv4Addr::LOCALHOST.into(), name)
    }

    /// One at an address of this machine.
    pub(crate) fn start_at(address: std::net::IpAddr, name: &'static str) -> Backend {
        let listener = TcpListener::bind((address, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !over.load(Ordering::SeqCst)) {
                let mut reader = BufReader::new(stream);
                let head = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                head.for_each(drop);
                let length = name.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{name}");
                // Whoever asked may have gone.
                let _ = reader.get_mut().write_all(answer.as_bytes());
            }
        });
        Backend { address, is_over }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // The listener wakes up, and is closed.
        let _ = TcpStream::connect(self.address);
    }
}

/// The code and the body of an answer on a fresh connection.
pub(crate) fn ask(port: u16, host: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    code.zip(body).ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))
}

/// Clients that ask for a host again and again.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    pub(crate) asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    pub(crate) fn start(port: u16, host: &'static str) -> Load {
        let (is_over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| {
            let (is_over, asked) = (is_over.clone(), asked.clone());
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    match ask(port, host) {
                        Ok((200, _)) => {}
                        other => failed.push(format!("{other:?}")),
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                }
                failed
            })
        };
        let clients = (0..4).map(client).collect();
        Load { is_over, asked, clients }
    }

    /// No request may have failed.
    pub(crate) fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        let failed: Vec<String> =
            self.clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        let asked = self.asked.load(Ordering::SeqCst);
        assert!(asked > 100, "only {asked} requests");
        assert!(failed.is_empty(), "{} of {asked} requests failed: {:?}", failed.len(), failed.first());
    }
}

/// A node: an nginx and its agent.
pub(crate) struct Node {
    name: &'static str,
    pub(crate) directory: TempDir,
    status: u16,
    agent: Option<Child>,
    nginx: Option<Child>,
    pub(crate) checker: PathBuf,
    /// What nginx loads besides what the configuration says, as if it were built in.
    pub(crate) loads: String,
}

impl Node {
    pub(crate) fn new(name: &'static str) -> Node {
        let directory = tempfile::tempdir().expect("a directory");
        Node {
            name,
            directory,
            status: free_port(),
            agent: None,
            nginx: None,
            checker: NGINX.into(),
            loads: String::new(),
        }
    }

    pub(crate) fn run_agent(&mut self, project: &Project, etcd: &Etcd) {
        self.run_agent_with(project, &["--etcd".to_owned(), etcd.endpoint()]);
    }

    /// Starts the agent, which is told how etcd is reached.
    pub(crate) fn run_agent_with(&mut self, project: &Project, ways: &[String]) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("agent.log")).expect("a log");
        let directory = self.directory.path().to_str().expect("text").to_owned();
        let mut command = project.command(&["agent", "nginx", "--prefix", "/portolan/edge", "--node", self.name]);
        command.args(ways).args(["--directory", &directory]);
        command.args(is_root().then_some("--allow-root"));
        command.arg("--nginx").arg(&self.checker).args(["--status", &format!("127.0.0.1:{}", self.status)]);
        let agent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.agent = Some(agent.expect("the agent starts"));
    }

    /// Starts nginx as soon as there is something to serve.
    pub(crate) fn run_nginx(&mut self) {
        until("there is something to serve", || self.path("current/nginx.conf").exists());
        let mut command = Command::new(NGINX);
        command.arg("-p").arg(self.directory.path()).args(["-c", "current/nginx.conf"]);
        command.args(["-g", &format!("{}daemon off;", self.loads)]);
        command.arg("-e").arg(self.path("error.log")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.nginx = Some(command.spawn().expect("nginx starts"));
        until("nginx says what it serves", || self.serves().is_some());
    }

    /// Ends nginx as it is, without a word.
    pub(crate) fn kill_nginx(&mut self) {
        let workers = self.workers();
        if let Some(mut nginx) = self.nginx.take() {
            nginx.kill().expect("nginx is killed");
            nginx.wait().expect("nginx ends");
        }
        let pids = workers.iter().map(ToString::to_string);
        let _ = Command::new("kill").arg("-9").args(pids).stderr(Stdio::null()).status();
    }

    /// The processes that serve.
    pub(crate) fn workers(&self) -> BTreeSet<u32> {
        let Some(nginx) = &self.nginx else { return BTreeSet::new() };
        let said =
            Command::new("ps").args(["-o", "pid=", "--ppid", &nginx.id().to_string()]).output().expect("ps runs");
        String::from_utf8_lossy(&said.stdout).split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    pub(crate) fn kill_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().expect("the agent is killed");
            agent.wait().expect("the agent ends");
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("agent.log")).unwrap_or_default()
    }

    /// What nginx says that it serves.
    pub(crate) fn serves(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.status)).ok()?;
        write!(stream, "GET /revision HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }

    pub(crate) fn link(&self, name: &str) -> String {
        let target = std::fs::read_link(self.path(name)).unwrap_or_default();
        target.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
    }

    /// Waits until the disk and the process are at the same revision.
    pub(crate) fn comes_to(&self, revision: u64) {
        let prefix = format!("{revision}-");
        let is_there = || {
            let (current, good, serves) = (self.link("current"), self.link("good"), self.serves());
            current.starts_with(&prefix) && good == current && serves.as_ref() == Some(&current)
        };
        let begun = std::time::Instant::now();
        while !is_there() {
            let told = (self.link("current"), self.link("good"), self.serves());
            assert!(begun.elapsed() < Duration::from_secs(60), "{} is at {told:?}:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        if let Some(nginx) = &mut self.nginx {
            // Its quick way to stop takes its workers along.
            let _ = Command::new("kill").args(["-TERM", &nginx.id().to_string()]).status();
            let _ = nginx.wait();
        }
    }
}

/// A fleet of which `more` is said, and its name in a zone.
pub(crate) fn edge(etcd: &Etcd, port: u16, more: &str) -> String {
    format!(
        r#"
nginx "edge" {{
  version    = "1.22"
  addresses  = ["192.0.2.1"]
  listen     = ["127.0.0.1"]
  http_port  = {port}
  https_port = {tls}
  {more}
  etcd {{
    endpoints = ["{endpoint}"]
    prefix    = "/portolan/edge"
    timeout   = "60s"
  }}
}}
dns_zone "corp" {{
  name        = "example.com"
  nameservers = ["ns1"]
  directory {{
    path = "zones"
  }}
}}
dns_record "shop" {{
  zone   = dns_zone.corp
  name   = "shop"
  type   = "A"
  values = nginx.edge.addresses
}}
"#,
        // Below the ports that others are given by the system.
        tls = port / 2,
        endpoint = etcd.endpoint(),
    )
}

/// A configuration of a fleet; `more` are further blocks, and `settings` are of its one sound route.
pub(crate) fn fleet(etcd: &Etcd, port: u16, backends: &[&Backend], settings: &str, more: &str) -> String {
    let addresses: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    format!(
        r#"
cluster "here" {{
  directory {{
    path = "out/here"
  }}
}}
application "shop" {{
  placement {{
    clusters = [cluster.here]
  }}
  external "web" {{
    addresses = [{addresses}]
  }}
}}
route "shop" {{
  nginx = nginx.edge
  hosts = ["shop.example.com"]
  location "/" {{
    to = application.shop.external.web
    {settings}
  }}
}}
{edge}
{more}
"#,
        addresses = addresses.join(", "),
        edge = edge(etcd, port, ""),
    )
}

/// Moments by chance, which come again with the seed that is printed where a test fails.
pub(crate) struct Chance(u64);

impl Chance {
    /// The seed is `PORTOLAN_TEST_SEED`, if that is set.
    pub(crate) fn new() -> Chance {
        let given = std::env::var("PORTOLAN_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(rand::random);
        eprintln!("PORTOLAN_TEST_SEED={seed}");
        Chance(seed)
    }

    /// Sleeps for less than so long.
    pub(crate) fn sleep(&mut self, most: Duration) {
        // SplitMix64 (Steele, Lea and Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default();
        std::thread::sleep(most.mul_f64(f64::from(part) / f64::from(u32::MAX)));
    }
}

/// Begins to apply what stands there.
pub(crate) fn begin(project: &Project) -> Child {
    let mut command = project.command(&["apply", "--auto-approve"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// All that was said, without the places where it is folded.
pub(crate) fn told(said: &Said) -> String {
    format!("{}{}", said.text, said.error_in_one_line())
}

pub(crate) fn apply(project: &Project, main: &str) -> Said {
    project.write("main.hcl", main);
    project.run(&["apply", "--auto-approve"])
}

pub(crate) fn applied(project: &Project, main: &str) {
    project.write("main.hcl", main);
    project.succeed(&["apply", "--auto-approve"]);
}
