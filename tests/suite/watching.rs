//! `portolan watch`: the built program over directories.

use std::fs::File;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Project, until};

/// A daemon, with all that it says in a file.
pub(crate) struct Daemon<'a> {
    process: Child,
    project: &'a Project,
}

impl<'a> Daemon<'a> {
    pub(crate) fn start(project: &'a Project, more: &[&str]) -> Daemon<'a> {
        let log = File::create(project.path(".portolan-log")).expect("a file");
        let is_given = more.iter().any(|flag| flag.starts_with("--interval"));
        let interval: &[&str] = if is_given { &[] } else { &["--interval=1h"] };
        let mut command = project.command(&[&["watch", "--debounce=200ms"], interval, more].concat());
        let command = command.stdout(log.try_clone().expect("a file")).stderr(Stdio::from(log));
        Daemon { process: command.spawn().expect("starts"), project }
    }

    pub(crate) fn log(&self) -> String {
        self.project.read(".portolan-log")
    }

    #[track_caller]
    pub(crate) fn says(&self, what: &str) {
        until(&format!("it says {what:?}"), || self.log().contains(what));
    }

    /// Ends it as the system does.
    pub(crate) fn end(mut self) -> String {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).expect("a signal");
        assert_eq!(self.process.wait().expect("its end").code(), Some(0), "{}", self.log());
        self.log()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two services in a directory.
pub(crate) fn shop(image: &str, is_both: bool) -> String {
    let web = crate::live::service("web", image, 2, "");
    let api = if is_both { crate::live::service("api", "shop/api:1", 1, "") } else { String::new() };
    format!(
        "cluster \"a\" {{\n  directory {{\n    path = \"out/a\"\n  }}\n}}\napplication \"shop\" {{\n  placement {{\n    clusters = [cluster.a]\n  }}\n{web}{api}}}\n"
    )
}

const WEB: &str = "out/a/shop/deployment-web.yaml";
const API: &str = "out/a/shop/deployment-api.yaml";

#[test]
fn what_is_declared_is_kept_so() {
    let project = Project::new(shop("shop/web:1", true));
    let daemon = Daemon::start(&project, &[]);
    until("it is made", || project.path(API).exists() && project.path(WEB).exists());
    daemon.says("everything is as it ought to be");
    let made = project.read(WEB);

    // What others change is put right, and what they take away is made again.
    project.write(WEB, made.replace("replicas: 2", "replicas: 7"));
    until("it is as it was", || project.path(WEB).exists() && project.read(WEB) == made);
    std::fs::remove_file(project.path(API)).expect("removes");
    until("it is there again", || project.path(API).exists());

    // A new configuration is carried out; one that cannot be understood changes nothing.
    project.write("main.hcl", shop("shop/web:2", true));
    until("the new image is wanted", || project.read(WEB).contains("shop/web:2"));
    project.write("main.hcl", "application {");
    daemon.says("the run failed, and is tried again");
    assert!(project.read(WEB).contains("shop/web:2"));
    project.write("main.hcl", shop("shop/web:3", true));
    until("the next image is wanted", || project.read(WEB).contains("shop/web:3"));

    let log = daemon.end();
    assert!(log.contains("info: watching") && log.trim_end().ends_with("info: ended"), "{log}");
    project.is_settled();
}

#[test]
fn a_deletion_waits_for_a_person() {
    let project = Project::new(shop("shop/web:1", true));
    let daemon = Daemon::start(&project, &["--json"]);
    daemon.says("\"run_ended\"");
    // Nothing of such a plan is done.
    project.write("main.hcl", shop("shop/web:2", false));
    daemon.says("\"held\"");
    daemon.says("application.shop.service.api/deployment@a");
    assert!(project.path(API).exists() && project.read(WEB).contains("shop/web:1"));
    let log = daemon.end();
    assert!(log.lines().all(|line| line.starts_with("{\"@level\":")), "{log}");

    let daemon = Daemon::start(&project, &["--allow", "deletions"]);
    until("it is gone", || !project.path(API).exists());
    daemon.says("everything is as it ought to be");
    daemon.end();
    project.is_settled();
}

#[test]
fn what_was_changed_outside_can_be_told_and_left() {
    let project = Project::new(shop("shop/web:1", false));
    project.succeed(&["apply", "--auto-approve"]);
    let daemon = Daemon::start(&project, &["--on-drift", "report"]);
    daemon.says("info: watching");
    let changed = project.read(WEB).replace("replicas: 2", "replicas: 7");
    project.write(WEB, &changed);
    daemon.says("this was changed outside: application.shop.service.web/deployment@a");
    assert_eq!(project.read(WEB), changed);
    daemon.end();
}

#[test]
fn a_daemon_that_was_killed_is_followed_by_another_one() {
    let project = Project::new(crate::program::mixed(40));
    for pause in [0, 300, 600, 900] {
        let mut daemon = Daemon::start(&project, &[]);
        std::thread::sleep(std::time::Duration::from_millis(pause));
        daemon.process.kill().expect("kills");
        daemon.process.wait().expect("its end");
    }
    let daemon = Daemon::start(&project, &[]);
    daemon.says("everything is as it ought to be");
    daemon.end();
    project.is_settled();
    project.refused(&["watch", "--interval", "often"], "\"often\" is not a duration.");
}
