//! What the shop makes is taken by the real nginx, the real name server, and Kubernetes' schemas.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portolan_test_support::{Named, tools};

use crate::program::{Project, Said, until};

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers every request with its name, the request's line and what nginx added.
fn backend(name: &'static str, address: &str) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.expect("a connection"));
            let lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let heard: Vec<String> = lines.collect();
            let body = format!("{name} heard\n{}\n", heard.join("\n"));
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            // Whoever asked may have gone.
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

fn get(port: u16, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The answer over TLS, whose certificate is held against the one of the example.
fn get_over_tls(project: &Project, port: u16, host: &str, path: &str) -> String {
    let openssl = tools::program("openssl", "openssl").expect("servers are not left out");
    let mut command = Command::new(openssl);
    command.args(["s_client", "-quiet", "-verify_return_error", "-connect", &format!("127.0.0.1:{port}")]);
    command.args(["-servername", host, "-verify_hostname", host, "-CAfile"]);
    command.arg(project.path("tls/self-signed-for-tests.crt"));
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("openssl starts");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    process.stdin.as_mut().expect("its input").write_all(request.as_bytes()).expect("asks");
    Said::of(&process.wait_with_output().expect("its end")).all()
}

#[test]
fn nginx_serves_the_shop() {
    let Some(nginx) = tools::program("nginx", "nginx-light") else { return };
    let project = Project::example("shop");
    let (http, https) = (tools::free_port(), tools::free_port());
    let machine = backend("orders", "127.0.0.1:0");
    // The nodes' ports are the example's, so the nodes have addresses of their own.
    backend("web", "127.77.0.1:30080");
    backend("web", "127.77.0.2:30080");
    backend("catalog", "127.77.0.1:30081");
    backend("catalog", "127.77.0.2:30081");
    let ports = format!(
        "nginx \"edge\" {{\n  listen = [\"127.0.0.1\"]\n  http_port = {http}\n  https_port = {https}\n}}\n\
         cluster \"beijing\" {{\n  node_addresses = [\"127.77.0.1\"]\n}}\n\
         cluster \"shanghai\" {{\n  node_addresses = [\"127.77.0.2\"]\n}}\n"
    );
    project.write("here_override.hcl", ports);
    let machines = format!("--var=order_machines=[\"{machine}\"]");
    project.succeed(&["apply", "--auto-approve", &machines]);

    // nginx keeps logs and temporary files in its tree, so it gets it last.
    let mut command = Command::new(nginx);
    command.arg("-p").arg(project.path("out/edge")).args(["-c", "nginx.conf", "-e", "early.log", "-g", "daemon off;"]);
    let _server = Server(command.stdout(Stdio::null()).spawn().expect("nginx starts"));
    until("nginx does not listen", || TcpStream::connect(("127.0.0.1", https)).is_ok());

    let plain = get(http, "shop.example.com", "/cart?id=1");
    assert!(plain.starts_with("HTTP/1.1 308") && plain.contains("https://shop.example.com/cart?id=1"), "{plain}");
    let web = get_over_tls(&project, https, "shop.example.com", "/cart?id=1");
    assert!(web.contains("web heard\nGET /cart?id=1") && web.contains("X-Forwarded-Proto: https"), "{web}");
    let catalog = get_over_tls(&project, https, "www.example.com", "/api/items");
    assert!(catalog.contains("catalog heard\nGET /api/items"), "{catalog}");
    let orders = get(http, "orders.example.com", "/list");
    assert!(orders.contains("orders heard\nGET /list") && orders.contains("Host: orders.example.com"), "{orders}");
    assert!(get(http, "other.example.com", "/").starts_with("HTTP/1.1 404"));
    assert!(!get_over_tls(&project, https, "other.example.com", "/").contains("HTTP/1.1"));
}

#[test]
fn the_name_server_answers_for_the_shop() {
    let Some(check) = tools::program("named-checkzone", "bind9-utils") else { return };
    let project = Project::example("shop");
    project.succeed(&["apply", "--auto-approve"]);
    let zone = project.path("out/names/example.com.zone");
    let checked =
        Said::of(&Command::new(check).args(["-i", "local", "example.com"]).arg(&zone).output().expect("starts"));
    assert_eq!(checked.code, Some(0), "{}", checked.all());

    let statement = format!("zone \"example.com\" {{ type primary; file \"{}\"; }};\n", zone.display());
    let server = Named::start(|_| statement).expect("servers are not left out");
    for name in ["shop.example.com", "orders.example.com"] {
        assert_eq!(server.ask(name, "A"), ["192.0.2.80", "192.0.2.81"], "{name}");
    }
    assert_eq!(server.ask("www.example.com", "CNAME"), ["shop.example.com."]);
    assert_eq!(server.ask("example.com", "NS"), ["ns1.example.net.", "ns2.example.net."]);
}

#[test]
fn kubernetes_takes_the_manifests_of_the_shop() {
    if std::env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1") {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, the schemas are not installed");
        return;
    }
    let project = Project::example("shop");
    project.succeed(&["apply", "--auto-approve"]);
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubernetes_schema/check");
    let mut command = Command::new(check);
    command.arg(project.path("out/beijing")).arg(project.path("out/shanghai"));
    let said = Said::of(&command.output().expect("the check starts"));
    assert_eq!(said.code, Some(0), "{}", said.all());
}
