//! The programs that tests run.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Where a program lies; `None` where tests with servers are left out on purpose. A program
/// that is missing otherwise fails the test and says what to install.
pub fn program(name: &str, package: &str) -> Option<PathBuf> {
    if std::env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1") {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, {name} is not run");
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from));
    let found = directories.map(|directory| directory.join(name)).find(|candidate| candidate.is_file());
    Some(
        found.unwrap_or_else(|| panic!("{name} is missing: install the package {package} (apt-get install {package})")),
    )
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// All that a program said.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A port of the loopback that is free for both protocols.
pub fn free_port() -> u16 {
    let free = || {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
    };
    std::iter::repeat_with(free).flatten().next().expect("a port")
}
