//! Zones on a real name server, by transfer and dynamic update.

use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use portolan_dns::DnsProvider;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::{self, Client, Subject};
use portolan_provider::{Error, ErrorKind};

use crate::tools;
use crate::world::{RRSET, ZONE, rrset, zone};

/// The key that may read and change the zone, and one that the server does not know.
const KEY: &str = "hmac-sha256:portolan:c2VjcmV0LW9mLXRoZS10ZXN0cw==";
const OTHER_KEY: &str = "hmac-sha256:portolan:YW5vdGhlci1zZWNyZXQ=";

/// A name server with the zone `example.com`, which goes with the test.
struct Named {
    process: Option<Child>,
    home: tempfile::TempDir,
    port: u16,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Named {
    fn start() -> Option<Named> {
        tools::program("named", "bind9")?;
        let home = tempfile::tempdir().expect("a directory");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        let udp = UdpSocket::bind(("127.0.0.1", port)).expect("a port");
        drop((tcp, udp));
        let path = home.path().display().to_string();
        let secret = KEY.rsplit(':').next().expect("a secret");
        let config = format!(
            "options {{ directory \"{path}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             recursion no; pid-file \"{path}/named.pid\"; session-keyfile \"{path}/session.key\"; \
             dnssec-validation no; notify no; }};\ncontrols {{ }};\n\
             key portolan {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n\
             zone \"example.com\" {{ type primary; file \"{path}/zone\"; \
             allow-transfer {{ key portolan; }}; allow-update {{ key portolan; }}; }};\n",
        );
        std::fs::write(home.path().join("named.conf"), config).expect("writes");
        let records = "$TTL 3600\n@ IN SOA ns1.example.net. hostmaster.example.com. 7 7200 900 1209600 300\n\
                       @ IN NS ns1.example.net.\nforeign IN A 192.0.2.99\n";
        std::fs::write(home.path().join("zone"), records).expect("writes");
        let mut server = Named { process: None, home, port };
        server.run();
        Some(server)
    }

    fn run(&mut self) {
        let named = tools::program("named", "bind9").expect("was there before");
        let log = std::fs::File::create(self.home.path().join("log")).expect("a log");
        let mut command = Command::new(named);
        command.args(["-g", "-c"]).arg(self.home.path().join("named.conf")).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("named starts"));
        let started = Instant::now();
        while self.ask("example.com", "SOA").is_empty() {
            let log = || std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(20), "named does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The answers in the words of `dig +short`, sorted.
    fn ask(&self, name: &str, rtype: &str) -> Vec<String> {
        let dig = tools::program("dig", "bind9-dnsutils").expect("comes with the server");
        let port = self.port.to_string();
        let mut command = Command::new(dig);
        command.args(["@127.0.0.1", "-p", &port, "+short", "+tries=1", "+time=2", name, rtype]);
        let output = tools::run(&mut command);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut answers: Vec<String> = text.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect();
        answers.sort();
        answers
    }

    /// Changes the zone as somebody else, in the words of nsupdate.
    fn change(&self, commands: &str) {
        let nsupdate = tools::program("nsupdate", "bind9-dnsutils").expect("comes with the server");
        let script = self.home.path().join("update");
        let text = format!("server 127.0.0.1 {}\nzone example.com\n{commands}\nsend\n", self.port);
        std::fs::write(&script, text).expect("writes");
        let output = tools::run(Command::new(nsupdate).args(["-y", KEY]).arg(script));
        assert!(output.status.success(), "{}", tools::said(&output));
    }

    fn connection(&self, key: &str) -> Value {
        let server = [("server", Value::string(format!("127.0.0.1:{}", self.port))), ("key", Value::string(key))];
        Value::object([("rfc2136", Value::object(server))])
    }

    async fn client(&self) -> Client {
        Client::connect(DnsProvider::new(), &self.connection(KEY)).await.expect("connects")
    }

    fn serial(&self) -> u32 {
        let soa = self.ask("example.com", "SOA").remove(0);
        soa.split_whitespace().nth(2).expect("a serial").parse().expect("a number")
    }
}

#[async_trait]
impl Subject for Named {
    fn resource_type(&self) -> &str {
        RRSET
    }

    fn config(&self, number: usize) -> Value {
        rrset(&format!("host{number}"), "A", &["192.0.2.1"])
    }

    fn changed(&self, config: &Value) -> Value {
        let values = Value::set(Type::String, [Value::string("192.0.2.7"), Value::string("192.0.2.8")]);
        config.with(&AttributePath::attribute("values"), values)
    }

    async fn change_outside(&self, identity: &str) {
        let owner = identity.split('/').nth(1).expect("an owner");
        self.change(&format!("update delete {owner}. A 192.0.2.7\nupdate add {owner}. 300 A 192.0.2.99"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn record_sets_on_a_server_keep_the_promises() {
    let Some(server) = Named::start() else { return };
    assert_eq!(conformance::check(&server.client().await, &server).await, Ok(()));
}

#[tokio::test]
async fn what_was_configured_is_served_and_foreign_records_stay() {
    let Some(server) = Named::start() else { return };
    let client = server.client().await;
    let before = server.serial();
    client.create(ZONE, &zone("example.com", &["ns1.example.net.", "ns2.example.net."])).await.expect("takes over");
    assert_eq!(server.ask("example.com", "NS"), ["ns1.example.net.", "ns2.example.net."]);
    let long = "0123456789".repeat(40);
    let records = [
        ("shop", "A", &["192.0.2.1", "192.0.2.2"][..]),
        ("www", "CNAME", &["shop"]),
        ("*.dev", "A", &["192.0.2.3"]),
        ("@", "MX", &["10 mail.example.net."]),
        ("@", "TXT", &["say \"hi\"; $(reboot) \\ ü"]),
        ("long", "TXT", &[&long]),
        ("_sip._tcp", "SRV", &["0 5 5060 sip.example.net."]),
        ("@", "CAA", &["0 issue ca.example.net"]),
        ("bücher", "AAAA", &["2001:db8::1"]),
    ];
    let mut objects = Vec::new();
    for (name, rtype, values) in records {
        let object = client.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
        assert_eq!(client.read(RRSET, &object).await.expect("reads"), Some(object.value.clone()), "{name} {rtype}");
        objects.push(object);
    }
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(server.ask("www.example.com", "CNAME"), ["shop.example.com."]);
    assert_eq!(server.ask("any.dev.example.com", "A"), ["192.0.2.3"]);
    assert_eq!(server.ask("long.example.com", "TXT"), [format!("\"{}\" \"{}\"", &long[..255], &long[255..])]);
    assert_eq!(server.ask("xn--bcher-kva.example.com", "AAAA"), ["2001:db8::1"]);
    assert!(server.serial() > before, "{} is not beyond {before}", server.serial());

    for object in &objects {
        client.delete(RRSET, object).await.expect("deletes");
    }
    assert_eq!(server.ask("shop.example.com", "A"), [""; 0]);
    assert_eq!(server.ask("foreign.example.com", "A"), ["192.0.2.99"]);
}

#[tokio::test]
async fn what_others_changed_meanwhile_is_not_lost() {
    let Some(server) = Named::start() else { return };
    let client = server.client().await;
    let shop = client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    server.change("update add shop.example.com. 300 A 192.0.2.50");
    let refused = client.update(RRSET, &shop, &rrset("shop", "A", &["192.0.2.2"])).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.1", "192.0.2.50"]);
    let refused = client.create(RRSET, &rrset("foreign", "A", &["192.0.2.2"])).await.expect_err("is refused");
    assert!(refused.message.contains("foreign"), "{refused:?}");
}

#[tokio::test]
async fn thousands_of_records_need_few_messages() {
    let Some(server) = Named::start() else { return };
    let client = server.client().await;
    let before = server.serial();
    let sets: Vec<Value> = (0..5000)
        .map(|number| rrset(&format!("host{number}"), "A", &[&format!("192.0.{}.{}", number / 250, number % 250 + 1)]))
        .collect();
    let made = futures::future::join_all(sets.iter().map(|set| client.create(RRSET, set))).await;
    for outcome in made {
        outcome.expect("creates");
    }
    assert_eq!(server.ask("host4999.example.com", "A"), ["192.0.19.250"]);
    // The server counts a serial for each message.
    assert!(server.serial() - before < 20, "{} messages", server.serial() - before);
}

/// A server that was restored from an older copy has a serial that went back.
#[tokio::test]
async fn what_changed_is_told_and_a_zone_that_went_back_is_read_anew() {
    let Some(mut server) = Named::start() else { return };
    let client = server.client().await;
    let shop = client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    let long = client.create(RRSET, &rrset("long", "TXT", &[&"x".repeat(600)])).await.expect("creates");
    let values = |object: Option<Value>| object.and_then(|object| object.get("values"));
    for change in [
        "update add shop.example.com. 300 A 192.0.2.2",
        "update delete shop.example.com. A 192.0.2.1",
        "update delete shop.example.com. A\nupdate add shop.example.com. 60 A 192.0.2.3\nupdate add new.example.com. 60 A 192.0.2.4",
        "update delete long.example.com.",
    ] {
        server.change(change);
        // Who never read it before sees the same as who is told what changed.
        for object in [&shop, &long] {
            let told = client.read(RRSET, object).await.expect("reads");
            assert_eq!(told, server.client().await.read(RRSET, object).await.expect("reads"), "{change}");
        }
    }
    server.stop();
    std::fs::remove_file(server.home.path().join("zone.jnl")).expect("a journal");
    server.run();
    assert_eq!(values(client.read(RRSET, &shop).await.expect("reads")), None);
}

async fn problem(server: &Named, key: &str) -> Error {
    let client = Client::connect(DnsProvider::new(), &server.connection(key)).await.expect("connects");
    client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect_err("is refused")
}

#[tokio::test]
async fn wrong_keys_and_servers_that_are_away_are_told() {
    let Some(mut server) = Named::start() else { return };
    let refused = problem(&server, OTHER_KEY).await;
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused:?}");
    assert!(!refused.message.contains("YW5v"), "{refused:?}");
    server.stop();
    let away = problem(&server, KEY).await;
    assert_eq!(away.kind, ErrorKind::Transient, "{away:?}");
    let Err(wrong) = Client::connect(DnsProvider::new(), &server.connection("no key")).await else {
        panic!("a key that is none is taken");
    };
    assert_eq!(wrong.kind, ErrorKind::Invalid, "{wrong:?}");
}
