//! `portolan watch` within what the block `watch` declares.

use crate::program::{Project, until};
use crate::watching::{Daemon, shop};

const WEB: &str = "out/a/shop/deployment-web.yaml";
const API: &str = "out/a/shop/deployment-api.yaml";

/// A window that opens for a minute in a leap year.
const SHUT: &str = "window \"leap\" {\n  schedule = \"0 0 29 feb *\"\n  duration = \"1m\"\n}\n";

/// A shop that is as it is declared, with a daemon that is bound by this.
fn bound(watch: &str) -> Project {
    let project = Project::new(shop("shop/web:1", true));
    project.succeed(&["apply", "--auto-approve"]);
    project.write("watch.hcl", format!("watch {{\n{watch}\n}}\n"));
    project
}

fn count(daemon: &Daemon<'_>, what: &str) -> usize {
    daemon.log().matches(what).count()
}

/// Somebody changes the replicas of a service, and that is put right.
fn is_repaired(project: &Project, file: &str) {
    let made = project.read(file);
    let changed =
        made.lines().map(|line| if line.trim_start().starts_with("replicas:") { "  replicas: 7" } else { line });
    project.write(file, changed.collect::<Vec<_>>().join("\n") + "\n");
    until("it is as it was", || project.path(file).exists() && project.read(file) == made);
}

#[test]
fn nothing_is_done_while_it_is_paused() {
    let project = bound("pause = \"a move\"");
    let daemon = Daemon::start(&project, &["--interval=300ms"]);
    project.write("main.hcl", shop("shop/web:2", true));
    daemon.says("it is paused: a move; look at it with `portolan plan`, and do it with `portolan apply`");
    // It is told once, however often it is looked at, and again when it changes.
    project.write("watch.hcl", "watch {\n  pause = \"a long move\"\n}\n");
    daemon.says("it is paused: a long move");
    assert_eq!(count(&daemon, "it is paused: a move"), 1, "{}", daemon.log());
    assert!(project.read(WEB).contains("shop/web:1"));
    project.write("watch.hcl", "watch {}\n");
    until("it goes on", || project.read(WEB).contains("shop/web:2"));
    daemon.end();
    project.is_settled();
}

#[test]
fn what_is_too_much_waits_while_the_rest_is_put_right() {
    let project = bound("limits {\n  changes = 0\n  deletions = \"allowed\"\n}");
    let daemon = Daemon::start(&project, &["--interval=300ms"]);
    daemon.says("info: watching");
    project.write("main.hcl", shop("shop/web:2", true));
    daemon.says("a person has to allow that 1 objects are changed: the limit is 0 at once");
    project.write("watch.hcl", "watch {\n  limits {\n    changes = 1\n  }\n}\n");
    until("it is done", || project.read(WEB).contains("shop/web:2"));
    // Two changes at once are too many, and what others change meanwhile is put right all the same.
    project.write("main.hcl", shop("shop/web:3", true).replace("shop/api:1", "shop/api:2"));
    daemon.says("a person has to allow that 2 objects are changed: the limit is 1 at once");
    project.write("watch.hcl", "watch {\n  limits {\n    changes = 5\n  }\n}\n");
    until("both are done", || project.read(WEB).contains("shop/web:3") && project.read(API).contains("shop/api:2"));
    daemon.end();
    project.is_settled();
}

#[test]
fn a_deletion_waits_while_the_rest_is_put_right() {
    let project = bound("");
    let daemon = Daemon::start(&project, &["--interval=300ms"]);
    daemon.says("info: watching");
    project.write("main.hcl", shop("shop/web:1", false));
    daemon.says("a person has to allow that this is deleted or replaced");
    is_repaired(&project, WEB);
    assert!(project.path(API).exists());
    assert!(count(&daemon, "is deleted or replaced") <= 3, "{}", daemon.log());
    daemon.end();
    project.succeed(&["apply", "--auto-approve"]);
    assert!(!project.path(API).exists());
}

#[test]
fn changes_wait_for_a_window() {
    let project = bound(SHUT);
    let daemon = Daemon::start(&project, &["--interval=300ms"]);
    project.write("main.hcl", shop("shop/web:2", true));
    daemon.says("it waits until the window \"leap\" opens at ");
    is_repaired(&project, API);
    assert!(project.read(WEB).contains("shop/web:1"));
    let open = "watch {\n  window \"always\" {\n    schedule = \"* * * * *\"\n    duration = \"1h\"\n  }\n}\n";
    project.write("watch.hcl", open);
    until("it is done", || project.read(WEB).contains("shop/web:2"));
    daemon.end();
    project.is_settled();
}

#[test]
fn repairs_wait_for_a_window_where_that_is_declared() {
    let project = bound(&format!("outside_windows = []\n{SHUT}"));
    let daemon = Daemon::start(&project, &["--interval=300ms"]);
    daemon.says("info: watching");
    let changed = project.read(WEB).replace("replicas: 2", "replicas: 7");
    project.write(WEB, &changed);
    daemon.says("it waits until the window \"leap\" opens at ");
    assert_eq!(project.read(WEB), changed);
    daemon.end();
}

#[test]
fn what_was_changed_outside_is_left_where_that_is_declared() {
    let lifecycle = |word: &str| {
        let application = format!("application \"shop\" {{\n  lifecycle {{\n    on_drift = {word:?}\n  }}\n");
        shop("shop/web:1", true).replace("application \"shop\" {\n", &application)
    };
    let project = bound("");
    project.write("main.hcl", lifecycle("ignore"));
    let daemon = Daemon::start(&project, &["--interval=300ms"]);
    daemon.says("info: watching");
    let made = project.read(WEB);
    let changed = made.replace("replicas: 2", "replicas: 7");
    project.write(WEB, &changed);
    std::fs::remove_file(project.path(API)).expect("removes");
    // A change of the configuration is carried out, and makes that object as it is declared.
    project.write("main.hcl", lifecycle("ignore").replace("shop/api:1", "shop/api:2"));
    until("the new image is wanted", || project.path(API).exists() && project.read(API).contains("shop/api:2"));
    assert_eq!(project.read(WEB), changed);
    assert!(!daemon.log().contains("service.web/deployment"), "{}", daemon.log());

    project.write("main.hcl", lifecycle("report").replace("shop/api:1", "shop/api:2"));
    daemon.says("this was changed outside: application.shop.service.web/deployment@a, and is left as it is:");
    daemon.says("replicas");
    project.write("main.hcl", lifecycle("report").replace("shop/api:1", "shop/api:3"));
    until("the next image is wanted", || project.path(API).exists() && project.read(API).contains("shop/api:3"));
    assert_eq!(project.read(WEB), changed);
    assert_eq!(count(&daemon, "this was changed outside"), 1, "{}", daemon.log());
    // A person puts all of it right.
    daemon.end();
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(project.read(WEB), made);
}

#[test]
fn what_is_wrong_in_the_block_is_told_at_its_place() {
    let project = bound("intervall = \"1m\"\nlimits {\n  deletions = \"sometimes\"\n}");
    project.refused(&["validate"], "intervall");
    let project = bound("limits {\n  deletions = \"sometimes\"\n}");
    project.refused(&["validate"], "\"sometimes\" is none of never, allowed.");
    project.write("watch.hcl", "watch {}\nwatch {}\n");
    project.refused(&["validate"], "Duplicate watch configuration");
    project.write("watch.hcl", "watch {\n  interval = var.often\n}\n");
    project.refused(&["validate"], "Variables not allowed");
}
