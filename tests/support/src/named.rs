//! A BIND of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tools;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A name server on loopback, in a folder of its own, that ends with the test.
pub struct Named {
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
    /// The key that may read and change the zones of [`Named::dynamic`].
    pub const KEY: &str = "hmac-sha256:portolan:c2VjcmV0LW9mLXRoZS10ZXN0cw==";

    /// A server of what `statements` says in the words of `named.conf`, given the server's folder;
    /// `None` where tests with servers are left out.
    pub fn start(statements: impl FnOnce(&Path) -> String) -> Option<Named> {
        tools::program("named", "bind9")?;
        let mut server =
            Named { process: None, home: tempfile::tempdir().expect("a folder"), port: tools::free_port() };
        let (path, port) = (server.home().display().to_string(), server.port);
        let statements = statements(server.home());
        let config = format!(
            "options {{ directory \"{path}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             recursion no; pid-file \"{path}/named.pid\"; session-keyfile \"{path}/session.key\"; \
             dnssec-validation no; notify no; }};\ncontrols {{ }};\n{}{statements}",
            key_statement("portolan", Named::KEY)
        );
        std::fs::write(server.home().join("named.conf"), config).expect("writes");
        server.run();
        Some(server)
    }

    /// A server of zones that the key may read and change. Beside what every zone has, each holds
    /// these records.
    pub fn dynamic(zones: &[(&str, &str)]) -> Option<Named> {
        Named::with_policy(zones, "grant portolan zonesub ANY;")
    }

    /// The same, but that the key may change only what a policy says.
    pub fn with_policy(zones: &[(&str, &str)], policy: &str) -> Option<Named> {
        let zone = |home: &Path, (zone, records): &(&str, &str)| {
            let file = Named::zone_file(home, zone, zone, records);
            format!(
                "zone \"{zone}\" {{ type primary; file \"{}\"; allow-transfer {{ key portolan; }}; \
                 update-policy {{ {policy} }}; }};\n",
                file.display()
            )
        };
        Named::start(|home| zones.iter().map(|one| zone(home, one)).collect())
    }

    /// The file of a zone, which holds what every zone has and these records.
    pub fn zone_file(home: &Path, file: &str, zone: &str, records: &str) -> PathBuf {
        let path = home.join(format!("{file}.zone"));
        let text = format!(
            "$TTL 3600\n$ORIGIN {zone}.\n@ IN SOA ns1.example.net. hostmaster.example.com. 7 7200 900 1209600 300\n\
             @ IN NS ns1.example.net.\n{records}"
        );
        std::fs::write(&path, text).expect("writes");
        path
    }

    /// Starts the server, also once more after [`Named::stop`].
    pub fn run(&mut self) {
        let named = tools::program("named", "bind9").expect("was there before");
        let log = std::fs::File::create(self.home().join("log")).expect("a log");
        let mut command = Command::new(named);
        command.args(["-g", "-c"]).arg(self.home().join("named.conf")).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("named starts"));
        let started = Instant::now();
        while !self.dig(&[], ".", "SOA").status.success() {
            assert!(started.elapsed() < PATIENCE, "named does not answer:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the server at once.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Has the server read its files again.
    pub fn reload(&self) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        assert!(tools::run(Command::new("kill").args(["-HUP", &process])).status.success());
    }

    /// The folder of its files.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its address with its port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn dig(&self, options: &[&str], name: &str, rtype: &str) -> std::process::Output {
        let dig = tools::program("dig", "bind9-dnsutils").expect("comes with the server");
        let mut command = Command::new(dig);
        command.args(["@127.0.0.1", "-p", &self.port.to_string(), "+short", "+tries=1", "+time=2"]);
        tools::run(command.args(options).args([name, rtype]))
    }

    /// The answers in the words of `dig +short`, sorted.
    pub fn ask(&self, name: &str, rtype: &str) -> Vec<String> {
        self.ask_with(&[], name, rtype)
    }

    /// The answers to who shows a key: `algorithm:name:secret`.
    pub fn ask_as(&self, key: &str, name: &str, rtype: &str) -> Vec<String> {
        self.ask_with(&["-y", key], name, rtype)
    }

    /// The answers to who asks from an address of the loopback, such as `127.0.0.2`.
    pub fn ask_from(&self, address: &str, name: &str, rtype: &str) -> Vec<String> {
        self.ask_with(&["-b", address], name, rtype)
    }

    /// The same, in the order in which they are given.
    pub fn ask_in_order(&self, address: &str, name: &str, rtype: &str) -> Vec<String> {
        answers(&self.dig(&["-b", address], name, rtype))
    }

    fn ask_with(&self, options: &[&str], name: &str, rtype: &str) -> Vec<String> {
        let mut answers = answers(&self.dig(options, name, rtype));
        answers.sort();
        answers
    }

    /// What the server says of itself.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home().join("log")).unwrap_or_default()
    }

    /// The records of a zone in the words of `dig`, as they are transferred to who shows the key.
    pub fn transfer(&self, zone: &str) -> Vec<String> {
        let dig = tools::program("dig", "bind9-dnsutils").expect("comes with the server");
        let mut command = Command::new(dig);
        command.args(["@127.0.0.1", "-p", &self.port.to_string(), "-y", Named::KEY, "+onesoa", "+noall", "+answer"]);
        let output = tools::run(command.args([zone, "AXFR"]));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')).map(str::to_owned).collect()
    }

    /// The serial of a zone.
    pub fn serial(&self, zone: &str) -> u32 {
        let soa = self.ask(zone, "SOA").remove(0);
        soa.split_whitespace().nth(2).expect("a serial").parse().expect("a number")
    }

    /// Changes a zone as somebody else, in the words of nsupdate.
    pub fn change(&self, zone: &str, commands: &str) {
        let output = self.try_change(zone, commands);
        assert!(output.status.success(), "{}", tools::said(&output));
    }

    /// Tries to change a zone as somebody else.
    pub fn try_change(&self, zone: &str, commands: &str) -> std::process::Output {
        let nsupdate = tools::program("nsupdate", "bind9-dnsutils").expect("comes with the server");
        let script = self.home().join("update");
        let text = format!("server 127.0.0.1 {}\nzone {zone}\n{commands}\nsend\n", self.port);
        std::fs::write(&script, text).expect("writes");
        tools::run(Command::new(nsupdate).args(["-y", Named::KEY]).arg(script))
    }
}

/// The answers of `dig +short`.
fn answers(output: &std::process::Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect()
}

/// A key in the words of `named.conf`, of `algorithm:name:secret`.
fn key_statement(name: &str, key: &str) -> String {
    let secret = key.rsplit(':').next().expect("a secret");
    format!("key {name} {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n")
}
