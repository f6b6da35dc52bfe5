//! What only whole runs of the program show.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

/// Runs the program in a directory, with what it reads.
fn run(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_portolan"));
    program.args(arguments).current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("a program that starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("that it reads");
    child.wait_with_output().expect("that it ends")
}

/// Applies a configuration and expects that this works.
fn apply(directory: &Path, configuration: &str) {
    fs::write(directory.join("main.hcl"), configuration).expect("a file");
    let output = run(directory, &["apply", "--auto-approve"], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the console answers to each line.
fn console(directory: &Path, lines: &[&str]) -> Vec<Json> {
    let output = run(directory, &["console", "--json"], &lines.join("\n"));
    let answers = String::from_utf8(output.stdout).expect("text");
    answers.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_time_is_known_while_applying() {
    let directory = tempfile::tempdir().expect("a directory");
    apply(directory.path(), "resource \"terraform_data\" \"a\" {\n  input = timestamp()\n}\n");
    let lines = ["terraform_data.a.output < timestamp()", "can(formatdate(\"YYYY\", terraform_data.a.output))"];
    let answers = console(directory.path(), &lines);
    assert!(answers[0]["error"].is_string(), "{}", answers[0]);
    assert_eq!(answers[1]["value"], true, "{}", answers[1]);
}

#[test]
fn a_provider_block_is_a_connection() {
    let directory = tempfile::tempdir().expect("a directory");
    let object = |name: &str, provider: &str| {
        let manifest = format!(
            "{{ apiVersion = \"v1\", kind = \"ConfigMap\", metadata = {{ name = \"{name}\", namespace = \"x\" }} }}"
        );
        format!("resource \"kubernetes_object\" \"{name}\" {{\n  {provider}\n  manifest = {manifest}\n}}\n")
    };
    let provider = |head: &str, path: &str| {
        format!("provider \"kubernetes\" {{\n  {head}\n  directory {{\n    path = \"{path}\"\n  }}\n}}\n")
    };
    let configuration = [
        provider("", "north"),
        provider("alias = \"south\"", "south"),
        object("a", ""),
        object("b", "provider = kubernetes.south"),
    ];
    apply(directory.path(), &configuration.concat());
    let files = |place: &str| {
        let listed = run(directory.path(), &["console", "--json"], &format!("fileset(\".\", \"{place}/**/*.yaml\")"));
        serde_json::from_slice::<Json>(&listed.stdout).expect("JSON")["value"].to_string()
    };
    assert!(files("north").contains("a.yaml") && !files("north").contains("b.yaml"), "{}", files("north"));
    assert!(files("south").contains("b.yaml") && !files("south").contains("a.yaml"), "{}", files("south"));
}

#[test]
fn the_console_goes_on_after_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("main.hcl"), "variable \"secret\" {\n  default   = \"s\"\n  sensitive = true\n}\n")
        .expect("a file");
    let lines = ["1 + ", "  0.1 + 0.2", "nothing.here", "[", "  true,", "]", "<<EOT", "text", "EOT", "var.secret"];
    let answers = console(directory.path(), &lines);
    let value = |at: usize| answers[at]["value"].to_string();
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert!(answers[0]["error"].is_string());
    assert_eq!(value(1), "0.3");
    assert!(answers[2]["error"].is_string());
    assert_eq!(value(3), "[true]");
    assert_eq!(value(4), r#""text\n""#);
    assert_eq!((&answers[5]["sensitive"], &answers[5]["type"]), (&Json::Bool(true), &Json::from("string")));
}
