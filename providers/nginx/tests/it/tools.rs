//! The programs that the tests need.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Where a program lies; `None` where tests with servers are left out on purpose. A program
/// that is missing otherwise fails the test and says what to install.
pub(crate) fn program(name: &str, package: &str) -> Option<PathBuf> {
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
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// All that a program said.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
