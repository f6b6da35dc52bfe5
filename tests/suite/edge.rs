//! What a fleet in a directory does with requests: the built program writes it, the real nginx
//! serves it, and clients ask.

#![cfg(feature = "nginx")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portolan_test_support::tools;

use crate::program::{Project, Said, until};

/// A server that answers every request with its name and the request.
fn backend(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(name, stream));
        }
    });
    address
}

fn answer(name: &str, stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let heard: Vec<String> = lines.collect();
    let answer = match heard.iter().any(|line| line.eq_ignore_ascii_case("upgrade: websocket")) {
        true => "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".to_owned(),
        false => {
            let body = format!("{name} heard\n{}\n", heard.join("\n"));
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        }
    };
    // Whoever asked may have gone.
    let _ = reader.get_mut().write_all(answer.as_bytes());
    if answer.contains(" 101 ") {
        let mut bytes = [0; 64];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            let _ = reader.get_mut().write_all(&bytes[..read]);
        }
    }
}

/// A fleet that the program wrote and that nginx serves, until it is dropped.
pub(crate) struct Edge {
    pub(crate) project: Project,
    http: u16,
    https: u16,
    _server: Running,
}

impl Edge {
    /// `None` where servers are left out. `fleet` stands in the block of the fleet, `blocks` beside it.
    fn start(fleet: &str, externals: &[(&str, SocketAddr)], blocks: &str) -> Option<Edge> {
        let nginx = tools::program("nginx", "nginx-light")?;
        let (http, https) = (tools::free_port(), tools::free_port());
        let external = |(name, address): &(&str, SocketAddr)| {
            format!("  external \"{name}\" {{\n    addresses = [\"{address}\"]\n  }}\n")
        };
        let externals: String = externals.iter().map(external).collect();
        let project = Project::new(format!(
            "nginx \"edge\" {{\n  version = \"1.22\"\n  listen = [\"127.0.0.1\"]\n  http_port = {http}\n  https_port = \
             {https}\n  directory {{\n    path = \"out\"\n  }}\n{fleet}\n}}\napplication \"shop\" \
             {{\n{externals}}}\n{blocks}"
        ));
        project.succeed(&["apply", "--auto-approve"]);
        project.is_settled();
        let mut command = Command::new(nginx);
        command.arg("-p").arg(project.path("out")).args(["-c", "nginx.conf", "-e", "early.log", "-g", "daemon off;"]);
        let server = Running(command.stdout(Stdio::null()).spawn().expect("nginx starts"));
        until("nginx does not listen", || TcpStream::connect(("127.0.0.1", http)).is_ok());
        Some(Edge { project, http, https, _server: server })
    }

    /// A fleet with one route for `a.example.com`, of these locations.
    pub(crate) fn of(fleet: &str, externals: &[(&str, SocketAddr)], locations: &str) -> Option<Edge> {
        let route = format!("route \"a\" {{\n  nginx = nginx.edge\n  hosts = [\"a.example.com\"]\n{locations}\n}}\n");
        Edge::start(fleet, externals, &route)
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n{headers}\r\n"))
    }

    fn send(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream.write_all(request.as_ref()).expect("asks");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

/// An nginx, until it is dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Its quick way to stop takes its workers along.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn canaries_get_requests_by_header_then_by_cookie_then_by_share() {
    let externals = [("old", backend("old")), ("new", backend("new")), ("next", backend("next"))];
    let Some(edge) = Edge::of(
        "",
        &externals,
        r#"
  location "/" {
    to = application.shop.external.old

    canary "new" {
      to     = application.shop.external.new
      header = "X-Canary"
      cookie = "canary"
    }
    canary "next" {
      to           = application.shop.external.next
      header       = "X-Canary"
      header_value = "next"
      weight       = 20
    }
  }
  location "/sticky" {
    to = application.shop.external.old

    canary "new" {
      to     = application.shop.external.new
      key    = "cookie:user"
      weight = 50
    }
  }
"#,
    ) else {
        return;
    };
    let who = |path: &str, headers: &str| {
        let answer = edge.get(path, headers);
        answer.split("\r\n\r\n").nth(1).and_then(|body| body.split(' ').next()).expect("a name").to_owned()
    };
    assert_eq!(who("/", "X-Canary: always\r\nCookie: canary=never\r\n"), "new");
    assert_eq!(who("/", "X-Canary: next\r\nCookie: canary=always\r\n"), "next");
    assert_eq!(who("/", "Cookie: canary=always\r\n"), "new");
    (0..20).for_each(|_| assert_eq!(who("/", "X-Canary: never\r\n"), "old"));
    let shared: Vec<String> = (0..400).map(|_| who("/", "")).collect();
    let next = shared.iter().filter(|name| *name == "next").count();
    assert!((40..=130).contains(&next), "{next} of 400, where 80 are meant");
    assert!(!shared.contains(&"new".to_owned()), "it has no share");

    let mut seen = std::collections::BTreeSet::new();
    for user in 0..40 {
        let cookie = format!("Cookie: user={user}\r\n");
        let first = who("/sticky", &cookie);
        (0..3).for_each(|_| assert_eq!(who("/sticky", &cookie), first));
        seen.insert(first);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn backends_share_requests_and_one_stands_by() {
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let externals = [("a", backend("a")), ("b", backend("b")), ("gone", gone)];
    let locations = r#"
  location "/shared" {
    backend "a" {
      to     = application.shop.external.a
      weight = 3
    }
    backend "b" {
      to = application.shop.external.b
    }
  }
  location "/spare" {
    backend "gone" {
      to = application.shop.external.gone
    }
    backend "spare" {
      to     = application.shop.external.b
      backup = true
    }
  }
"#;
    let Some(edge) = Edge::of("", &externals, locations) else { return };
    let of_a = (0..80).filter(|_| edge.get("/shared", "").contains("a heard")).count();
    assert!((52..=68).contains(&of_a), "{of_a} of 80, where 60 are meant");
    assert!(edge.get("/spare", "").contains("b heard"));
}

#[test]
fn requests_are_limited_rewritten_redirected_and_logged() {
    let externals = [("old", backend("old"))];
    let fleet = r#"
  access_log {
    format = "json"
    path   = "access.json"
  }
  rate_limit "clients" {
    rate = "1r/m"
  }
  connection_limit "clients" {
  }
  template "static" {
    context    = "location"
    directives = { add_header = ["X-Kind", "a \"b\"; }"] }
  }
  template "by_hand" {
    context = "location"
    text    = "if ($http_x_trace) { return 418; }\n"
  }
"#;
    let locations = r#"
  location "/limited" {
    to = application.shop.external.old

    rate_limit {
      limit = "clients"
      burst = 2
    }
    connection_limit {
      limit       = "clients"
      connections = 5
    }
    access_log {
      format = "off"
    }
  }
  location "/old/" {
    to         = application.shop.external.old
    rewrites   = [{ from = "^/old/([0-9]+)$", to = "/items/$1?from=old" }]
    body_size  = "1k"
    templates  = ["static", "by_hand"]
    directives = { proxy_set_header = ["X-Old", "$uri"] }
  }
  location "/moved" {
    redirect      = "https://www.example.com$request_uri"
    redirect_code = 308
  }
"#;
    let Some(edge) = Edge::of(fleet, &externals, locations) else { return };
    let limited: Vec<String> = (0..6).map(|_| edge.get("/limited", "").chars().skip(9).take(3).collect()).collect();
    assert_eq!(limited, ["200", "200", "200", "429", "429", "429"]);

    let old = edge.get("/old/7", "");
    assert!(old.contains("GET /items/7?from=old HTTP/1.1") && old.contains("X-Old: /items/7"), "{old}");
    assert!(old.contains("X-Kind: a \"b\"; }\r\n"), "{old}");
    assert!(edge.get("/old/7", "X-Trace: 1\r\n").starts_with("HTTP/1.1 418"));
    let body = "x".repeat(2000);
    let large = format!(
        "POST /old/1 HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\nContent-Length: 2000\r\n\r\n{body}"
    );
    assert!(edge.send(large).starts_with("HTTP/1.1 413"));
    let moved = edge.get("/moved?a=b", "");
    assert!(
        moved.starts_with("HTTP/1.1 308") && moved.contains("Location: https://www.example.com/moved?a=b"),
        "{moved}"
    );

    // A log is written where it is asked for, and each line of this one is an object.
    assert!(edge.get("/moved?quote=%22%5C&raw=\\\"", "User-Agent: a\"b\\c\r\n").starts_with("HTTP/1.1 308"));
    let lines = || edge.project.read("out/access.json").lines().map(str::to_owned).collect::<Vec<_>>();
    until("the requests are logged", || lines().iter().any(|line| line.contains("quote=")));
    for line in lines() {
        let logged: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(logged["uri"], "/limited");
    }
    let last: serde_json::Value = serde_json::from_str(lines().last().expect("a line")).expect("an object");
    assert_eq!(last["user_agent"], "a\"b\\c");
    let plan = edge.project.succeed(&["plan"]);
    assert!(plan.error_in_one_line().contains("only nginx itself looks at it"), "{}", plan.all());
}

#[test]
fn websockets_pass() {
    let Some(edge) = Edge::of(
        "",
        &[("chat", backend("chat"))],
        "  location \"/\" {\n    to = application.shop.external.chat\n    websocket = true\n  }\n",
    ) else {
        return;
    };
    let mut stream = TcpStream::connect(("127.0.0.1", edge.http)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    write!(stream, "GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .expect("asks");
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let head: Vec<String> = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    assert!(head[0].starts_with("HTTP/1.1 101"), "{head:?}");
    stream.write_all(b"hello").expect("says");
    let mut echo = [0; 5];
    reader.read_exact(&mut echo).expect("hears");
    assert_eq!(&echo, b"hello");
}

/// An nginx whose only server has these lines.
pub(crate) fn nginx_backend(directory: &Path, listen: &str, lines: &str) -> Option<(SocketAddr, Running)> {
    let nginx = tools::program("nginx", "nginx-light")?;
    let port = tools::free_port();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path temp_{name};\n"))
        .concat();
    let text = format!(
        "pid nginx.pid;\nerror_log error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}server {{\nlisten \
         127.0.0.1:{port} {listen};\n{lines}\n}}\n}}\n"
    );
    std::fs::write(directory.join("nginx.conf"), text).expect("writes");
    let mut command = Command::new(nginx);
    command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"]);
    let running = Running(command.spawn().expect("nginx starts"));
    until("it does not listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some((SocketAddr::from(([127, 0, 0, 1], port)), running))
}

/// Asks by gRPC's kind of request, over TLS.
pub(crate) fn ask_grpc(edge: &Edge, path: &str) -> Said {
    let curl = tools::program("curl", "curl").expect("servers are not left out");
    let mut command = Command::new(curl);
    command.args(["-sik", "--http2", "--max-time", "20", "-X", "POST", "-H", "TE: trailers"]);
    command.args(["-H", "Content-Type: application/grpc", "--data-binary", "x"]);
    command.args(["--resolve", &format!("a.example.com:{}:127.0.0.1", edge.https)]);
    command.arg(format!("https://a.example.com:{}{path}", edge.https));
    Said::of(&command.output().expect("curl starts"))
}

#[test]
fn grpc_is_passed_on_by_http2_and_browsers_are_told_to_come_encrypted() {
    let directory = tempfile::tempdir().expect("a directory");
    let lines =
        "location / {\ndefault_type application/grpc;\nreturn 200 \"$server_protocol $request_uri $http_te\";\n}";
    let Some((address, _backend)) = nginx_backend(directory.path(), "http2", lines) else { return };
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/tls/self-signed-for-tests");
    let locations = format!(
        r#"
  tls {{
    certificate = file("{example}.crt")
    key         = file("{example}.key")
    hsts        = "2d"
  }}
  location "/" {{
    to       = application.shop.external.rpc
    protocol = "grpc"
    headers  = {{ X-Own = "1" }}
  }}
"#
    );
    let edge = Edge::of("", &[("rpc", address)], &locations).expect("servers are not left out");
    let said = ask_grpc(&edge, "/shop.Cart/Get");
    assert!(said.text.contains("HTTP/2.0 /shop.Cart/Get trailers"), "{}", said.all());
    let text = said.text.to_lowercase();
    assert!(text.contains("strict-transport-security: max-age=172800") && text.contains("x-own: 1"), "{text}");
}

#[test]
fn streams_pass_on_tcp_and_udp_and_choose_by_the_name_in_a_handshake() {
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let udp = datagrams.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok((read, from)) = datagrams.recv_from(&mut bytes) {
            let _ = datagrams.send_to(&[b"heard ", &bytes[..read]].concat(), from);
        }
    });
    let (named, named_calls) = listener();
    let (other, other_calls) = listener();
    let ports = [tools::free_port(), tools::free_port(), tools::free_port()];
    let [tcp_port, udp_port, tls_port] = ports;
    let blocks = format!(
        r#"
stream "web" {{
  nginx      = nginx.edge
  listen     = {tcp_port}
  to         = application.shop.external.web
  access_log = "stream.log"
}}

stream "datagrams" {{
  nginx     = nginx.edge
  listen    = {udp_port}
  protocol  = "udp"
  to        = application.shop.external.datagrams
  responses = 1
}}

stream "encrypted" {{
  nginx  = nginx.edge
  listen = {tls_port}
  to     = application.shop.external.other

  sni "named" {{
    hosts = ["named.example.com"]
    to    = application.shop.external.named
  }}
}}
"#
    );
    let fleet = "  load_modules = [\"/usr/lib/nginx/modules/ngx_stream_module.so\"]\n";
    let externals = [("web", backend("web")), ("datagrams", udp), ("named", named), ("other", other)];
    let Some(edge) = Edge::start(fleet, &externals, &blocks) else { return };

    let mut stream = TcpStream::connect(("127.0.0.1", tcp_port)).expect("a connection");
    write!(stream, "GET /by/stream HTTP/1.1\r\nConnection: close\r\n\r\n").expect("asks");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("an answer");
    assert!(said.contains("web heard\nGET /by/stream"), "{said}");
    until("the connection is logged", || edge.project.read("out/stream.log").contains("TCP 200"));

    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    client.send_to(b"hello", ("127.0.0.1", udp_port)).expect("says");
    let mut bytes = [0; 64];
    let read = client.recv(&mut bytes).expect("hears");
    assert_eq!(&bytes[..read], b"heard hello");

    let openssl = tools::program("openssl", "openssl").expect("servers are not left out");
    let shake_hands = |name: &str| {
        let mut command = Command::new(&openssl);
        command.args(["s_client", "-connect", &format!("127.0.0.1:{tls_port}"), "-servername", name]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("openssl starts");
    };
    shake_hands("named.example.com");
    assert_eq!((named_calls.load(Ordering::SeqCst), other_calls.load(Ordering::SeqCst)), (1, 0));
    shake_hands("another.example.com");
    assert_eq!((named_calls.load(Ordering::SeqCst), other_calls.load(Ordering::SeqCst)), (1, 1));
}

/// A server that counts who comes, and hangs up.
fn listener() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    (address, calls)
}

#[test]
fn a_configuration_with_a_secret_is_for_its_owner_alone() {
    let project = Project::new(
        r#"
variable "key" {
  sensitive = true
}

nginx "edge" {
  directory {
    path = "out"
  }
}

application "shop" {
  external "orders" {
    addresses = ["192.0.2.10:8080"]
  }
}

route "open" {
  nginx = nginx.edge
  hosts = ["open.example.com"]

  location "/" {
    to = application.shop.external.orders
  }
}

route "secret" {
  nginx = nginx.edge
  hosts = ["secret.example.com"]

  location "/" {
    to      = application.shop.external.orders
    headers = { X-Key = var.key }
  }
}
"#,
    );
    let mode = |path: &str| std::fs::metadata(project.path(path)).expect("a file").permissions().mode() & 0o777;
    assert!(!project.succeed(&["plan", "--var=key=hush"]).all().contains("hush"));
    assert!(!project.succeed(&["apply", "--auto-approve", "--var=key=hush"]).all().contains("hush"));
    assert!(project.read("out/conf.d/secret.conf").contains("hush"));
    assert_eq!(mode("out/conf.d/secret.conf"), 0o600);
    assert_eq!(mode("out/conf.d/open.conf"), 0o644);

    // What is wrong with a secret is told without it.
    let refused = project.refused(&["plan", "--var=key=hu$sh"], "a sensitive value does not fit here");
    assert!(!refused.all().contains("hu$sh"), "{}", refused.all());

    // Others that may read it are a change from outside, which is mended.
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(project.path("out/conf.d/secret.conf"), readable).expect("sets");
    project.succeed(&["apply", "--auto-approve", "--var=key=hush"]);
    assert_eq!(mode("out/conf.d/secret.conf"), 0o600);
}

#[test]
fn streams_and_named_backends_are_switched_by_hand() {
    let project = Project::new(
        r#"
nginx "edge" {
  load_modules = ["/usr/lib/nginx/modules/ngx_stream_module.so"]
  directory {
    path = "out"
  }
}

application "shop" {
  external "blue" {
    addresses = ["192.0.2.10:3306"]
  }
  external "green" {
    addresses = ["192.0.2.11:3306", "192.0.2.12:3306"]
  }
}

stream "database" {
  nginx  = nginx.edge
  listen = 3306

  backend "blue" {
    to     = application.shop.external.blue
    weight = 3
  }
  backend "green" {
    to = application.shop.external.green
  }
}
"#,
    );
    project.succeed(&["apply", "--auto-approve"]);
    let servers = || {
        let text = project.read("out/stream.d/database.conf");
        let servers = text.lines().filter(|line| line.contains("server 192."));
        let words =
            |line: &str| line.split_whitespace().skip(1).map(|word| word.trim_end_matches(';').to_owned()).collect();
        servers.map(words).collect::<Vec<Vec<String>>>()
    };
    let weights = || servers().iter().map(|server| server[1].clone()).collect::<Vec<_>>();
    assert_eq!(weights(), ["weight=6", "weight=1", "weight=1"]);
    project.succeed(&["route", "switch", "stream.database", "--to", "green", "--auto-approve"]);
    let stands_by = || servers().iter().map(|server| server.contains(&"backup".to_owned())).collect::<Vec<_>>();
    assert_eq!(stands_by(), [true, false, false]);
    project.is_settled();
    project.succeed(&["route", "switch", "stream.database", "--back", "--auto-approve"]);
    assert_eq!(weights(), ["weight=6", "weight=1", "weight=1"]);
    assert_eq!(stands_by(), [false, false, false]);
}
