//! A real name server serves what is written.

use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tools;
use crate::world::{RRSET, World, rrset};

/// A name server of the test's own, which goes with the test.
struct Named {
    process: Child,
    port: u16,
    dig: std::path::PathBuf,
}

impl Drop for Named {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    // Free for both protocols.
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = tcp.local_addr().expect("an address").port();
    let _udp = UdpSocket::bind(("127.0.0.1", port)).expect("a port");
    port
}

impl Named {
    fn start(world: &World) -> Option<Named> {
        let named = tools::program("named", "bind9")?;
        let dig = tools::program("dig", "bind9-dnsutils")?;
        let (home, port) = (world.directory.path(), free_port());
        let file = world.path("example.com");
        let config = format!(
            "options {{ directory \"{home}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             recursion no; pid-file \"{home}/named.pid\"; session-keyfile \"{home}/session.key\"; \
             dnssec-validation no; }};\ncontrols {{ }};\n\
             zone \"example.com\" {{ type primary; file \"{file}\"; }};\n",
            home = home.display(),
            file = file.display(),
        );
        let config_file = home.join("named.conf");
        std::fs::write(&config_file, config).expect("writes");
        let log = std::fs::File::create(home.join("named.log")).expect("a log");
        let mut command = Command::new(named);
        command.args(["-g", "-c"]).arg(&config_file).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().expect("named starts");
        let server = Named { process, port, dig };
        server.wait(world);
        Some(server)
    }

    fn wait(&self, world: &World) {
        let started = Instant::now();
        while self.ask("example.com", "SOA").is_empty() {
            let log = || std::fs::read_to_string(world.directory.path().join("named.log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(20), "named does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The answers in the words of `dig +short`, sorted.
    fn ask(&self, name: &str, rtype: &str) -> Vec<String> {
        let mut command = Command::new(&self.dig);
        let port = self.port.to_string();
        command.args(["@127.0.0.1", "-p", &port, "+short", "+tries=1", "+time=2", name, rtype]);
        let output = tools::run(&mut command);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut answers: Vec<String> = text.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect();
        answers.sort();
        answers
    }

    /// Has the server read its files again.
    fn reload(&self) {
        let process = self.process.id().to_string();
        assert!(tools::run(Command::new("kill").args(["-HUP", &process])).status.success());
    }
}

#[tokio::test]
async fn a_name_server_answers_what_was_configured() {
    let world = World::with_zone().await;
    let long = "0123456789".repeat(40);
    let records = [
        ("shop", "A", &["192.0.2.1", "192.0.2.2"][..]),
        ("shop", "AAAA", &["2001:db8::1"]),
        ("www", "CNAME", &["shop"]),
        ("*.dev", "A", &["192.0.2.3"]),
        ("@", "MX", &["10 mail.example.net."]),
        ("@", "TXT", &["say \"hi\""]),
        ("long", "TXT", &[&long]),
        ("_sip._tcp", "SRV", &["0 5 5060 sip.example.net."]),
        ("@", "CAA", &["0 issue ca.example.net"]),
        ("bücher", "A", &["192.0.2.4"]),
    ];
    let mut shop = None;
    for (name, rtype, values) in records {
        let object = world.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
        shop = shop.or(Some(object));
    }
    let Some(server) = Named::start(&world) else { return };
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(server.ask("shop.example.com", "AAAA"), ["2001:db8::1"]);
    assert_eq!(server.ask("www.example.com", "CNAME"), ["shop.example.com."]);
    assert_eq!(server.ask("anything.dev.example.com", "A"), ["192.0.2.3"]);
    assert_eq!(server.ask("example.com", "MX"), ["10 mail.example.net."]);
    assert_eq!(server.ask("example.com", "TXT"), [r#""say \"hi\"""#]);
    assert_eq!(server.ask("long.example.com", "TXT"), [format!("\"{}\" \"{}\"", &long[..255], &long[255..])]);
    assert_eq!(server.ask("_sip._tcp.example.com", "SRV"), ["0 5 5060 sip.example.net."]);
    assert_eq!(server.ask("example.com", "CAA"), [r#"0 issue "ca.example.net""#]);
    assert_eq!(server.ask("xn--bcher-kva.example.com", "A"), ["192.0.2.4"]);

    // The server takes the new file for newer, because the serial rose.
    let shop = shop.expect("an object");
    world.update(RRSET, &shop, &rrset("shop", "A", &["192.0.2.9"])).await.expect("updates");
    server.reload();
    let started = Instant::now();
    while server.ask("shop.example.com", "A") != ["192.0.2.9"] {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", server.ask("shop.example.com", "A"));
        std::thread::sleep(Duration::from_millis(100));
    }
}
