//! Two runs at once, and runs that are asked to stop.

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::program::{Project, Said, mixed};

/// Long enough that a signal meets the run in the middle.
const SIZE: usize = 600;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Starts to apply, and waits until the first file is there.
fn begin(project: &Project) -> Child {
    begin_until(project, || !project.files("out").is_empty())
}

/// Starts to apply, and waits until something is so.
fn begin_until(project: &Project, is_so: impl Fn() -> bool) -> Child {
    let mut command = project.command(&APPLY);
    // A pipe that nobody reads would hold the program up.
    let file = |name: &str| File::create(project.path(name)).expect("a file");
    let child = command.stdout(file("said")).stderr(file("told")).spawn().expect("the program starts");
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is made");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn signal(process: &Child, signals: &[&str]) {
    for signal in signals {
        let sent = Command::new("kill").arg(signal).arg(process.id().to_string()).status();
        assert!(sent.expect("kill starts").success());
    }
}

fn end(project: &Project, mut process: Child) -> Said {
    let code = process.wait().expect("its end").code();
    Said { code, text: project.read("said"), error: project.read("told") }
}

/// A run that was stopped says so, and the next one goes on where it ended.
fn is_stopped_by(signals: &[&str]) -> Said {
    let project = Project::new(mixed(SIZE));
    let process = begin(&project);
    signal(&process, signals);
    let said = end(&project, process);
    assert_eq!(said.code, Some(1), "{}", said.all());
    project.succeed(&APPLY);
    project.is_settled();
    project.succeed(&["destroy", "--auto-approve"]);
    assert!(project.files("out").is_empty());
    said
}

#[test]
fn an_interrupt_lets_what_runs_come_to_its_end() {
    for name in ["-INT", "-TERM"] {
        let said = is_stopped_by(&[name]).all().to_lowercase();
        assert!(said.contains("not begun") || said.contains("not started"), "{name}: {said}");
    }
}

/// Objects that are made at once, so that there is always something to do.
#[test]
fn an_interrupt_is_heard_while_there_is_always_something_to_do() {
    let project = Project::new("resource \"terraform_data\" \"note\" {\n  count = 20000\n}\n");
    let written = || project.path(".portolan/state.db-wal").metadata().map_or(0, |file| file.len());
    let child = begin_until(&project, || written() > 1_000_000);
    signal(&child, &["-INT"]);
    let ended = end(&project, child);
    assert_eq!(ended.code, Some(1), "{}", ended.error);
    assert!(ended.text.contains("Stopping") && !ended.text.contains("20000 added"), "{}", ended.error);
    assert!(project.succeed(&["state", "list"]).text.lines().count() < 20_000);
}

#[test]
fn a_second_interrupt_ends_at_once() {
    is_stopped_by(&["-INT", "-INT"]);
}

#[test]
fn a_second_run_is_refused_and_told_who_is_first() {
    let project = Project::new(mixed(SIZE));
    let first = begin(&project);
    let said = project.refused(&APPLY, "The state is locked");
    assert!(said.error.contains(&format!("process {}", first.id())), "{}", said.error);
    assert!(said.error.contains("(apply)"), "{}", said.error);
    let ended = end(&project, first);
    assert_eq!(ended.code, Some(0), "{}", ended.all());
    project.is_settled();
}

#[test]
fn a_plan_beside_another_run_has_all_of_it_or_nothing() {
    let project = Project::new(mixed(SIZE));
    let planned = || project.run(&["plan", "--detailed-exitcode"]);
    let everything = summary(&planned().text);
    assert!(everything.ends_with("to add, 0 to change, 0 to destroy."), "{everything}");
    let mut apply = begin(&project);
    let mut refused = 0;
    while apply.try_wait().expect("a child").is_none() {
        let said = planned();
        match said.code {
            Some(1) => {
                assert!(said.error.contains("The state is locked"), "{}", said.error);
                assert!(said.error.contains(&format!("process {}", apply.id())), "{}", said.error);
                refused += 1;
            }
            Some(2) => assert_eq!(summary(&said.text), everything),
            _ => assert_eq!(said.code, Some(0), "{}", said.all()),
        }
        assert!(!said.text.contains("Changed outside"), "{}", said.text);
    }
    assert!(refused > 0, "no plan was made beside the run");
    assert_eq!(end(&project, apply).code, Some(0));
    project.is_settled();
}

/// The line of a plan that counts.
fn summary(plan: &str) -> String {
    plan.lines().rfind(|line| line.starts_with("Plan: ")).unwrap_or_default().to_owned()
}

#[test]
fn a_plan_waits_for_another_run_as_long_as_it_is_told() {
    let project = Project::new(mixed(SIZE));
    let apply = begin(&project);
    let said = project.run(&["plan", "--detailed-exitcode", "--lock-timeout=60s"]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert_eq!(end(&project, apply).code, Some(0));
}

#[test]
fn a_second_run_waits_as_long_as_it_is_told() {
    let project = Project::new(mixed(100));
    let first = begin(&project);
    project.succeed(&["apply", "--auto-approve", "--lock-timeout=60s"]);
    assert_eq!(end(&project, first).code, Some(0));
    project.is_settled();
    project.refused(&["apply", "--lock-timeout=soon"], "not a duration");
}

#[test]
fn the_lock_of_a_killed_run_is_taken_over_at_once() {
    let project = Project::new(mixed(SIZE));
    let mut first = begin(&project);
    first.kill().expect("kills");
    first.wait().expect("its end");
    // Without a time to wait, a lock that is taken is refused.
    project.succeed(&APPLY);
    project.is_settled();
}
