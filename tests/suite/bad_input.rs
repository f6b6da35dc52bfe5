//! What is wrong is told, with exit code 1, and nothing is changed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use crate::program::{Project, Said, until};

/// How large a file may grow in KiB where the disk is to be full in the middle.
const LIMIT_KIB: u64 = 100;

/// One object in a directory, and one that is only recorded.
const SMALL: &str = r#"
resource "terraform_data" "note" {
  input = "hello"
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/names"
  }
}
"#;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Every command that reads the configuration refuses it, and makes nothing.
fn is_refused(project: &Project, why: &str) {
    for command in [&["validate"][..], &["plan"], &APPLY] {
        project.refused(command, why);
    }
    assert!(!project.path("out").exists() && !project.path(".portolan").exists());
}

#[test]
fn broken_configurations() {
    let nested =
        |open: &str, close: &str| format!("locals {{\n  a = {}1{}\n}}\n", open.repeat(5000), close.repeat(5000));
    for (text, why) in [
        ("resource \"terraform_data\" \"a\" {\n  input = [1,\n}\n".to_owned(), "Incomplete expression"),
        ("locals {\n  a = local.a\n}\n".to_owned(), "local.a"),
        ("resource \"nothing\" \"a\" {\n}\n".to_owned(), "nothing"),
        (nested("(", ")"), "Nested too deeply"),
        (nested("[", "]"), "Nested too deeply"),
        (nested("\"${", "}\""), "Nested too deeply"),
        (nested("-", ""), "Nested too deeply"),
        ("a {\n".repeat(5000) + &"}\n".repeat(5000), "Nested too deeply"),
        ("\0".to_owned(), "main.hcl:1:1"),
    ] {
        is_refused(&Project::new(text), why);
    }
}

#[test]
fn what_is_no_text() {
    is_refused(&Project::new(b"locals {\n  a = \"\xff\xfe\"\n}\n"), "is not in UTF-8");
}

#[test]
fn a_huge_file() {
    let project = Project::new("");
    let file = fs::File::create(project.path("main.hcl")).expect("a file");
    file.set_len(1 << 40).expect("room for nothing");
    is_refused(&project, "larger than 64 MiB");
}

#[test]
fn links_that_go_round_in_circles() {
    let project = Project::new("");
    symlink("other.hcl", project.path("one.hcl")).expect("a link");
    symlink("one.hcl", project.path("other.hcl")).expect("a link");
    is_refused(&project, "one.hcl: Too many levels of symbolic links");

    let project = Project::new("module \"inner\" {\n  source = \"./loop\"\n}\n");
    symlink(".", project.path("loop")).expect("a link");
    is_refused(&project, "Module calls itself");
}

#[test]
fn a_place_that_is_no_configuration() {
    let project = Project::new(SMALL);
    fs::remove_file(project.path("main.hcl")).expect("removes");
    project.refused(&["plan"], "No configuration files");
    fs::create_dir(project.path("main.hcl")).expect("a directory");
    project.refused(&["plan"], "No configuration files");
    project.write("file", "");
    for (place, why) in [("nowhere", "No such file or directory"), ("file", "Not a directory")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        let output = command.arg("-C").arg(project.path(place)).arg("plan").output();
        let said = Said::of(&output.expect("the program starts"));
        assert_eq!(said.code, Some(1), "{}", said.all());
        assert!(said.error.contains(why), "{}", said.error);
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file() {
    let project = Project::new("");
    fs::remove_file(project.path("main.hcl")).expect("removes");
    assert!(Command::new("mkfifo").arg(project.path("main.hcl")).status().expect("mkfifo starts").success());
    is_refused(&project, "not a regular file");
}

/// What to put before a command so that permissions mean something to it; to the administrator,
/// they do not.
fn as_nobody(project: &Project) -> Option<Vec<String>> {
    let me =
        project.root().metadata().map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata)).expect("metadata");
    if me != 0 {
        return Some(Vec::new());
    }
    if Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: setpriv is missing (apt-get install util-linux), and the administrator may do everything");
        return None;
    }
    let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    Some(words.map(str::to_owned).to_vec())
}

/// Runs the program as somebody who may write into the project only what `writable` names.
fn run_restricted(project: &Project, writable: &[&str]) -> Option<Said> {
    let prefix = as_nobody(project)?;
    // The program has to be where everybody may go.
    let program = project.path("portolan");
    fs::copy(env!("CARGO_BIN_EXE_portolan"), &program).expect("copies");
    fs::set_permissions(project.root(), fs::Permissions::from_mode(0o755)).expect("permissions");
    for name in writable {
        fs::create_dir_all(project.path(name)).expect("makes");
        fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o777)).expect("permissions");
    }
    let words: Vec<String> = prefix.into_iter().chain([program.display().to_string()]).collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("-C").arg(project.root()).args(APPLY).stdin(Stdio::null());
    if words.len() == 1 {
        fs::set_permissions(project.root(), fs::Permissions::from_mode(0o555)).expect("permissions");
    }
    let said = Said::of(&command.output().expect("the program starts"));
    fs::set_permissions(project.root(), fs::Permissions::from_mode(0o755)).expect("permissions");
    Some(said)
}

#[test]
fn a_state_that_cannot_be_written() {
    let project = Project::new(SMALL);
    let Some(said) = run_restricted(&project, &["out"]) else { return };
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(
        said.error.contains("The state cannot be used") && said.error.contains("Permission denied"),
        "{}",
        said.error
    );
    assert!(project.files("out").is_empty() && project.files(".portolan").is_empty());
}

#[test]
fn an_output_directory_that_cannot_be_written() {
    let project = Project::new(SMALL);
    let Some(said) = run_restricted(&project, &[".portolan"]) else { return };
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.error.contains("out/names/example.com.zone: Permission denied"), "{}", said.error);
    assert!(project.files("out").is_empty());
    // As soon as it can be written, the rest is done.
    fs::set_permissions(project.path(".portolan"), fs::Permissions::from_mode(0o700)).expect("permissions");
    project.succeed(&APPLY);
    project.is_settled();
}

#[test]
fn a_file_in_the_place_of_a_directory() {
    let project = Project::new(SMALL);
    project.write("out", "a file");
    project.refused(&APPLY, "out/names/example.com.zone: Not a directory");
    assert_eq!(project.read("out"), "a file");
    let project = Project::new(SMALL);
    project.write(".portolan", "a file");
    project.refused(&APPLY, "The state cannot be used");
    assert!(!project.path("out").exists());
}

/// No file may grow beyond so many KiB, which the program meets like a full disk.
fn run_with_limit(project: &Project, kibibytes: usize, arguments: &[&str]) -> Said {
    let limit = format!("ulimit -f {kibibytes}; exec \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &limit, "bash", env!("CARGO_BIN_EXE_portolan"), "-C"]).arg(project.root()).args(arguments);
    Said::of(&command.stdin(Stdio::null()).output().expect("bash starts"))
}

#[test]
fn a_full_disk() {
    let large = SMALL.replace("hello", &"0123456789".repeat(20_000));
    for limit in [4, 40, 100] {
        let project = Project::new(&large);
        let said = run_with_limit(&project, limit, &APPLY);
        assert_eq!(said.code, Some(1), "{limit} KiB: {}", said.all());
        assert!(said.error.contains("The state cannot be"), "{limit} KiB: {}", said.error);
        let told = ["disk is full", "disk I/O error"].iter().any(|reason| said.error.contains(reason));
        assert!(told, "{limit} KiB: {}", said.error);
        project.succeed(&APPLY);
        project.is_settled();
        project.succeed(&["destroy", "--auto-approve"]);
        assert!(project.files("out").is_empty());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_has_room_again_in_time() {
    let project = Project::new(SMALL);
    project.succeed(&APPLY);
    project.write("main.hcl", SMALL.replace("hello", &"0123456789".repeat(20_000)));
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    // The soft limit, which can be raised while the program runs.
    let limited = format!("ulimit -S -f {LIMIT_KIB}; exec \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &limited, "bash", env!("CARGO_BIN_EXE_portolan"), "-C"]).arg(project.root()).args(APPLY);
    let program = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let program = program.expect("bash starts");
    let id = Pid::from_raw(program.id().cast_signed());
    let said = std::thread::spawn(|| Said::of(&program.wait_with_output().expect("it ends")));
    let log = project.path(".portolan/state.db-wal");
    let full = (LIMIT_KIB - 8) * 1024;
    until("the disk is full", || fs::metadata(&log).is_ok_and(|log| log.len() > full));
    let unlimited = Rlimit { current: None, maximum: None };
    prlimit(id, Resource::Fsize, unlimited).expect("the limit is raised");
    let said = said.join().expect("what it said");
    assert_eq!(said.code, Some(0), "{}", said.all());
    project.is_settled();
}

#[test]
fn a_state_that_is_no_state() {
    let project = Project::new(SMALL);
    project.succeed(&APPLY);
    let before = project.files("out");
    for (content, why) in
        [("something else entirely, and long enough", "file is not a database"), ("", "the file is empty")]
    {
        project.write(".portolan/state.db", content);
        for command in [&["plan"][..], &APPLY, &["destroy", "--auto-approve"]] {
            project.refused(command, why);
        }
        assert_eq!(project.read(".portolan/state.db"), content);
        assert_eq!(project.files("out"), before);
    }
}

#[test]
fn a_state_that_lost_a_part() {
    let project = Project::new(SMALL);
    project.succeed(&APPLY);
    let whole = fs::read(project.path(".portolan/state.db")).expect("a state");
    for damage in 0..40 {
        let mut content = whole.clone();
        let at = content.len() / 40 * damage;
        content.iter_mut().skip(at).take(200).for_each(|byte| *byte ^= 0x5a);
        project.write(".portolan/state.db", &content);
        let said = project.run(&["plan"]);
        // Some parts of the file are not in use.
        assert!(matches!(said.code, Some(0 | 1 | 141)), "damage {damage}: {}", said.all());
        assert!(!said.error.contains("panicked"), "damage {damage}: {}", said.error);
    }
    for length in [100, 5000, whole.len() / 2] {
        project.write(".portolan/state.db", &whole[..length]);
        project.refused(&["plan"], "The state is damaged");
    }
}

#[test]
fn a_state_of_a_newer_program() {
    let project = Project::new(SMALL);
    project.succeed(&APPLY);
    let mut state = fs::read(project.path(".portolan/state.db")).expect("a state");
    // The format's number, in the header of an SQLite database.
    state[60..64].copy_from_slice(&99_u32.to_be_bytes());
    project.write(".portolan/state.db", &state);
    for command in [&["plan"][..], &APPLY] {
        project.refused(command, "has format 99");
    }
    assert_eq!(fs::read(project.path(".portolan/state.db")).expect("a state"), state);
}

#[test]
fn an_output_that_nobody_reads() {
    let project = Project::example("shop");
    for arguments in ["plan", "plan --json", "plan --markdown", "apply --auto-approve", "validate", "help"] {
        let line = format!("\"$0\" -C \"$1\" {arguments} | true; exit ${{PIPESTATUS[0]}}");
        let mut command = Command::new("bash");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_portolan")]).arg(project.root()).stdin(Stdio::null());
        let said = Said::of(&command.output().expect("bash starts"));
        assert_eq!(said.error, "", "{arguments}");
        assert!(matches!(said.code, Some(0 | 1 | 141)), "{arguments}: {:?}", said.code);
    }
}

#[test]
fn nobody_to_approve() {
    let project = Project::new(SMALL);
    for arguments in [&["apply"][..], &["apply", "--json"]] {
        project.refused(arguments, "there is nobody to ask");
    }
    assert!(!project.path("out").exists());
    project.succeed(&APPLY);
    project.refused(&["destroy"], "there is nobody to ask");
    project.is_settled();
}
