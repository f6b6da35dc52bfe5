//! Every example goes through its whole life: checked, planned, applied, found unchanged,
//! destroyed. What the shop makes is given to the real nginx and to BIND's checker.

#![allow(clippy::expect_used, reason = "a test ends where something is not as it should be")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of an example that may be written to.
struct Example {
    directory: tempfile::TempDir,
}

impl Example {
    fn copy(name: &str) -> Example {
        let directory = tempfile::tempdir().expect("a temporary directory");
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), directory.path());
        Example { directory }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// Runs the program in the example, and fails the test on any other exit code.
    fn run(&self, arguments: &[&str], exit_code: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.arg("-C").arg(self.directory.path()).args(arguments);
        expect_exit(&mut command, exit_code)
    }

    /// The files under a directory of the example, as paths relative to it, sorted.
    fn files(&self, relative: &str) -> Vec<String> {
        let mut found = Vec::new();
        collect_files(&self.path(relative), &mut found);
        let root = self.path(relative);
        let mut names: Vec<String> = found
            .iter()
            .map(|file| file.strip_prefix(&root).expect("a file below").to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a readable directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        // What somebody who tried the example left there.
        if ["out", ".portolan"].map(OsStr::new).contains(&&*entry.file_name()) {
            continue;
        }
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn collect_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn expect_exit(command: &mut Command, exit_code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a program that starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(exit_code), "{command:?}\n{stdout}{stderr}");
    format!("{stdout}{stderr}")
}

fn lives_its_life(name: &str) -> Example {
    let example = Example::copy(name);
    example.run(&["validate"], 0);
    example.run(&["plan", "--detailed-exitcode"], 2);
    assert_eq!(example.files("out"), Vec::<String>::new(), "planning changes nothing");
    example.run(&["apply", "--auto-approve"], 0);
    example.run(&["plan", "--detailed-exitcode"], 0);
    example
}

fn is_destroyed(example: &Example) {
    example.run(&["destroy", "--auto-approve"], 0);
    assert_eq!(example.files("out"), Vec::<String>::new(), "nothing is left");
    example.run(&["plan", "--detailed-exitcode"], 2);
}

#[test]
fn hello() {
    let example = lives_its_life("hello");
    let changed = example.run(&["apply", "--auto-approve", "--var", "name=Ann"], 0);
    assert!(changed.contains(r#"greeting = "Hello, Ann!""#), "{changed}");
    is_destroyed(&example);
}

#[test]
fn modules() {
    let example = lives_its_life("modules");
    assert_eq!(example.files("out"), ["east.example.com.zone", "north.example.com.zone"]);
    zone_is_valid("north.example.com", &example.path("out/north.example.com.zone"));
    is_destroyed(&example);
}

#[test]
fn sites() {
    let example = lives_its_life("sites");
    let zones = ["beijing", "elsewhere", "shanghai", "tianjin"].map(|view| format!("{view}/example.org.zone"));
    assert_eq!(example.files("out"), zones);
    zones.iter().for_each(|zone| zone_is_valid("example.org", &example.path("out").join(zone)));
    let mut checker = Command::new("named-checkconf");
    checker.env("PATH", "/usr/sbin:/usr/bin").args(["-z", "named.conf"]).current_dir(example.path("."));
    let loaded = expect_exit(&mut checker, 0);
    assert_eq!(loaded.matches("loaded serial").count(), 4, "{loaded}");
    is_destroyed(&example);
}

#[test]
fn shop() {
    let example = lives_its_life("shop");
    let manifests = example.files("out/shanghai");
    assert!(manifests.contains(&"shop/deployment-web.yaml".to_owned()), "{manifests:?}");
    let elsewhere = example.files("out/beijing");
    assert!(
        manifests.iter().all(|manifest| elsewhere.contains(manifest)),
        "the larger cluster runs all that the smaller does"
    );
    nginx_accepts(&example.path("out/edge"));
    zone_is_valid("example.com", &example.path("out/names/example.com.zone"));

    fs::remove_file(example.path("out/shanghai").join(&manifests[0])).expect("a manifest");
    let drift = example.run(&["plan", "--detailed-exitcode"], 2);
    assert!(drift.contains("outside"), "{drift}");
    example.run(&["apply", "--auto-approve"], 0);
    assert_eq!(example.files("out/shanghai"), manifests);
    is_destroyed(&example);
}

/// nginx makes directories where it is started, so it is given a copy.
fn nginx_accepts(tree: &Path) {
    let copy = tempfile::tempdir().expect("a temporary directory");
    copy_tree(tree, copy.path());
    let mut nginx = Command::new("nginx");
    nginx.env("PATH", "/usr/sbin:/usr/bin").args(["-t", "-e", "stderr", "-c", "nginx.conf", "-p"]).arg(copy.path());
    expect_exit(&mut nginx, 0);
}

fn zone_is_valid(name: &str, file: &Path) {
    let mut checker = Command::new("named-checkzone");
    checker.env("PATH", "/usr/sbin:/usr/bin").arg(name).arg(file);
    expect_exit(&mut checker, 0);
}
