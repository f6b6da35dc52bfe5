//! The real nginx accepts what is rendered, and answers as configured.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portolan_lang::Value;
use portolan_nginx::syntax::Directive;

use crate::tools;
use crate::tree::{self, Ports};
use crate::world::{CONFIG, FILE, World, config, file};

/// Has nginx read the tree; `None` where servers are left out.
fn nginx(directory: &Path, arguments: &[&str]) -> Option<Command> {
    let mut command = Command::new(tools::program("nginx", "nginx-light")?);
    // The log that is open before the configuration is read lies in the tree as well.
    command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "early.log"]).args(arguments);
    Some(command)
}

fn accepted(directory: &Path) -> bool {
    let Some(mut command) = nginx(directory, &["-t"]) else { return false };
    let output = tools::run(&mut command);
    assert!(output.status.success(), "{}", tools::said(&output));
    true
}

/// A certificate for `shop.example.com` that the test made.
async fn put_certificate(world: &World) -> bool {
    let Some(openssl) = tools::program("openssl", "openssl") else { return false };
    let directory = tempfile::tempdir().expect("a directory");
    let (key, certificate) = (directory.path().join("key"), directory.path().join("certificate"));
    let mut command = Command::new(openssl);
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    command.args(["-subj", "/CN=shop.example.com", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    let output = tools::run(&mut command);
    assert!(output.status.success(), "{}", tools::said(&output));
    let text = |path: &Path| Value::string(std::fs::read_to_string(path).expect("a file"));
    world.create(FILE, &file("certs/shop.pem", text(&certificate))).await.expect("a certificate");
    world.create(FILE, &file("certs/shop.key", text(&key).sensitive())).await.expect("a key");
    true
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// A backend that answers each request with what it was asked.
fn backend() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || echo(stream));
        }
    });
    port
}

fn echo(stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
    let mut request = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            request.push(line);
            continue;
        }
        let body = request.join("\n");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if (&stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
        request.clear();
    }
}

/// A running nginx, which goes with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Its quick way to stop takes its workers along.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

fn start(world: &World, port: u16) -> Running {
    let mut command = nginx(world.directory.path(), &["-g", "daemon off;"]).expect("nginx is there");
    let running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx starts"));
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "nginx does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    running
}

/// The whole answer to a request for a path of a host; empty where there was none.
fn get(port: u16, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("sets");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sends");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("reads");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The answer over TLS, and what openssl says of the connection.
fn get_over_tls(port: u16, server_name: &str, path: &str) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-servername", server_name, "-connect", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server_name}\r\nConnection: close\r\n\r\n");
    // A handshake that was refused closes the pipe.
    let _ = child.stdin.as_mut().expect("a pipe").write_all(request.as_bytes());
    let output = child.wait_with_output().expect("openssl ends");
    tools::said(&output)
}

async fn site() -> Option<(World, Ports)> {
    let world = World::new().await;
    if !put_certificate(&world).await {
        return None;
    }
    let ports = Ports { plain: free_port(), tls: free_port(), backend: backend() };
    world.create(CONFIG, &config("nginx.conf", &tree::main())).await.expect("the main file");
    world.create(CONFIG, &config("conf.d/shop.conf", &tree::site(&ports))).await.expect("a site");
    Some((world, ports))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_site_is_answered_as_configured() {
    let Some((world, ports)) = site().await else { return };
    assert!(accepted(world.directory.path()));
    let _running = start(&world, ports.plain);
    let shop = |path: &str| get(ports.plain, "shop.example.com", path);

    let passed = shop("/cart?id=1");
    assert!(passed.starts_with("HTTP/1.1 200"), "{passed}");
    assert!(passed.contains("GET /cart?id=1 HTTP/1.1\nHost: shop.example.com\n"), "{passed}");
    assert!(passed.contains("X-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http\n"), "{passed}");
    assert!(passed.contains("Connection: close"), "{passed}");
    assert!(shop("/orders/7").contains("GET /v2/7 HTTP/1.1"), "{}", shop("/orders/7"));
    assert!(shop("/old/2024/a").contains("GET /v2/2024?rest=a HTTP/1.1"), "{}", shop("/old/2024/a"));

    assert!(shop("/healthz").ends_with("\r\n\r\nok"), "{}", shop("/healthz"));
    assert!(shop("/a.JPG").ends_with("no pictures of /a.JPG"), "{}", shop("/a.JPG"));
    assert!(shop("/gone").starts_with("HTTP/1.1 410"));
    assert!(shop("/moved?a=b").contains("Location: https://shop.example.com/new?a=b\r\n"));
    assert_eq!(shop("/closed"), "");
    let tenant = get(ports.plain, "acme.shops.example", "/healthz");
    assert!(tenant.contains("X-Tenant: tenant=acme; \"q\" \\ end\r\n"), "{tenant}");

    let other = get(ports.plain, "other.example.com", "/");
    assert!(other.starts_with("HTTP/1.1 404") && other.ends_with("no such site; \"sorry\" {really}"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_answered_for_the_site_and_refused_for_others() {
    let Some((world, ports)) = site().await else { return };
    let _running = start(&world, ports.tls);
    let shop = get_over_tls(ports.tls, "shop.example.com", "/cart");
    assert!(shop.contains("CN = shop.example.com") && shop.contains("X-Forwarded-Proto: https"), "{shop}");
    let other = get_over_tls(ports.tls, "other.example.com", "/");
    assert!(other.contains("alert") && !other.contains("HTTP/1.1"), "{other}");
}

#[tokio::test]
async fn nginx_takes_every_text_as_it_is_meant() {
    let texts = ["a;b{c}#d", "it's \"quoted\"", "back\\slash \\n \\", "tab\tand ü", "# no comment", "}", "a  b"];
    let world = World::new().await;
    let port = free_port();
    let mut server = vec![Directive::simple("listen", &[&format!("127.0.0.1:{port}")])];
    server.extend(texts.iter().enumerate().map(|(number, text)| {
        let path = format!("/{number}");
        Directive::with_block("location", &["=", &path], vec![Directive::simple("return", &["200", text])])
    }));
    let site = [Directive::with_block("server", &[], server)];
    world.create(CONFIG, &config("nginx.conf", &tree::main())).await.expect("the main file");
    world.create(CONFIG, &config("conf.d/texts.conf", &site)).await.expect("a site");
    if !accepted(world.directory.path()) {
        return;
    }
    let _running = start(&world, port);
    for (number, text) in texts.iter().enumerate() {
        let answer = get(port, "any", &format!("/{number}"));
        assert!(answer.ends_with(&format!("\r\n\r\n{text}")), "{text:?}: {answer}");
    }
}

#[tokio::test]
async fn nginx_knows_every_directive_that_is_allowed() {
    use portolan_nginx::directives::{self, Context};
    use portolan_nginx::version::Flavor;
    let Some(program) = tools::program("nginx", "nginx-light") else { return };
    let said = tools::said(&tools::run(Command::new(&program).arg("-v")));
    let version = said.rsplit('/').next().and_then(|version| version.split_whitespace().next()).expect("a version");
    let version = version.parse().expect("a version");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("nginx.conf");
    let loaded = ["ndk_http", "ngx_stream", "ngx_http_lua"];
    let loaded: String = loaded.map(|name| format!("load_module /usr/lib/nginx/modules/{name}_module.so;\n")).concat();
    let others = ["http_dyups", "http_upstream_check", "http_upstream_dynamic"];
    let unknown: Vec<&str> = directives::all()
        .filter(|directive| directive.missing_in(Flavor::Nginx, Some(version)).is_none())
        .filter(|directive| directive.module.is_none_or(|module| !others.contains(&module)))
        // These are words of a block, not directives of a module.
        .filter(|directive| directive.contexts != [Context::Map])
        .filter(|directive| {
            // nginx looks a name up before anything else.
            std::fs::write(&file, format!("{loaded}{} ;", directive.name)).expect("writes");
            let output = nginx(directory.path(), &["-t"]).map(|mut command| tools::run(&mut command));
            output.is_some_and(|output| tools::said(&output).contains("unknown directive"))
        })
        .map(|directive| directive.name)
        .collect();
    assert!(unknown.is_empty(), "nginx {version:?} does not know {unknown:?}");
}
