//! What the program shows on a terminal: `script` gives it one.

use std::process::{Command, Stdio};

use crate::program::Project;

const NOTES: &str = "resource \"terraform_data\" \"note\" {\n  count = 3\n  input = \"n${count.index}\"\n}\n";

/// What the program writes to a terminal that is so wide, with these variables set.
fn on_a_terminal(project: &Project, columns: usize, environment: &[(&str, &str)], arguments: &str) -> Option<String> {
    if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: script is missing (apt-get install bsdutils)");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_portolan");
    let command = format!("stty cols {columns} rows 24; exec {program} -C {} {arguments}", project.root().display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).stdin(Stdio::null());
    script.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(environment.iter().copied());
    Some(String::from_utf8_lossy(&script.output().expect("script starts").stdout).into_owned())
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let project = Project::new(NOTES);
    let painted = |environment: &[(&str, &str)], arguments: &str| {
        on_a_terminal(&project, 80, environment, arguments).map(|text| text.contains("\u{1b}[32m"))
    };
    let Some(usually) = painted(&[], "plan") else { return };
    assert!(usually);
    assert_eq!(painted(&[("NO_COLOR", "1")], "plan"), Some(false));
    assert_eq!(painted(&[("NO_COLOR", "")], "plan"), Some(true));
    assert_eq!(painted(&[("TERM", "dumb")], "plan"), Some(false));
    for arguments in ["plan --no-color", "--no-color plan", "plan -no-color"] {
        assert_eq!(painted(&[], arguments), Some(false), "{arguments}");
    }
    let refused = on_a_terminal(&project, 80, &[], "--no-color plan --target=-").expect("script is there");
    assert!(refused.contains("Invalid --target option") && !refused.contains('\u{1b}'), "{refused:?}");
}

#[test]
fn an_apply_leaves_a_line_for_each_object_and_no_bar() {
    let project = Project::new(NOTES);
    for columns in [200, 60, 20] {
        let Some(text) = on_a_terminal(&project, columns, &[], "apply --auto-approve") else { return };
        let clean = "\u{1b}[2K";
        let after = text.rsplit(clean).next().expect("an end");
        assert!(text.contains("terraform_data.note[2]: created after"), "{text}");
        assert!(after.contains("Apply complete: 3 added"), "{text:?}");
        assert!(!after.contains("3/3"), "the bar is left: {text:?}");
        project.succeed(&["destroy", "--auto-approve"]);
    }
    let text = on_a_terminal(&project, 80, &[("TERM", "dumb")], "apply --auto-approve").expect("script is there");
    assert!(!text.contains('\u{1b}') && text.contains("terraform_data.note[0]: creating"), "{text:?}");
}

#[test]
fn a_locale_without_unicode_is_given_none() {
    let project = Project::new("locals {\n  a = nothing.here\n}\n");
    let text = on_a_terminal(&project, 80, &[("LC_ALL", "C"), ("NO_COLOR", "1")], "plan");
    assert!(text.as_ref().is_none_or(|text| text.is_ascii() && text.contains("undeclared")), "{text:?}");
    let text = on_a_terminal(&project, 80, &[("LC_ALL", "C.UTF-8"), ("NO_COLOR", "1")], "plan");
    assert!(text.as_ref().is_none_or(|text| text.contains("╭─")), "{text:?}");
}

#[test]
fn problems_fit_a_narrow_terminal() {
    let project = Project::new("locals {\n  a = nothing.here\n  bbbbbb = something.else_that_is_not_there\n}\n");
    let Some(text) = on_a_terminal(&project, 50, &[("NO_COLOR", "1")], "plan") else { return };
    let told = text
        .lines()
        .filter(|line| line.trim_start().starts_with(['│', '×']))
        .map(|line| line.trim_end().chars().count());
    assert!(told.clone().count() > 2 && told.max() <= Some(50), "{text}");
}
