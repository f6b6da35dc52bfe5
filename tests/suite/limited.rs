//! What `portolan watch` leaves to a person, and what it waits with.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::program::{Project, until};
use crate::watching::{Daemon, shop};

const WEB: &str = "out/a/shop/deployment-web.yaml";

fn limited(watch: &str, image: &str, is_both: bool) -> String {
    format!("watch {{\n{watch}\n}}\n{}", shop(image, is_both))
}

/// A window that is open all day but in this hour and the next, or only in these.
fn window(is_open: bool) -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let hour = |hours: i8| format!("{:02}:00", (now.hour() + hours).rem_euclid(24));
    let (from, to) = if is_open { (hour(-1), hour(3)) } else { (hour(2), hour(-1)) };
    format!("  window {{\n    from = \"{from}\"\n    to = \"{to}\"\n  }}")
}

#[test]
fn what_is_allowed_is_declared() {
    let project = Project::new(limited("  limits {\n    deletions = \"allowed\"\n  }", "shop/web:1", true));
    let daemon = Daemon::start(&project, &[]);
    daemon.says("everything is as it ought to be");
    project.write("main.hcl", limited("  limits {\n    deletions = \"never\"\n  }", "shop/web:1", false));
    daemon.says("a person has to allow that this is deleted or replaced: application.shop.service.api/deployment@a");
    project.write("main.hcl", limited("  limits {\n    deletions = \"allowed\"\n  }", "shop/web:1", false));
    until("it is gone", || !project.path("out/a/shop/deployment-api.yaml").exists());
    daemon.end();
    project.is_settled();
}

#[test]
fn while_it_is_paused_nothing_is_done_and_it_is_told_why() {
    let project = Project::new(shop("shop/web:1", true));
    project.succeed(&["apply", "--auto-approve"]);
    project.write("main.hcl", limited("  pause = \"the database moves\"", "shop/web:2", true));
    let daemon = Daemon::start(&project, &[]);
    daemon.says("1 to change, 0 to destroy: it is paused: the database moves");
    assert!(project.read(WEB).contains("shop/web:1"));
    project.write("main.hcl", shop("shop/web:2", true));
    until("it goes on", || project.read(WEB).contains("shop/web:2"));
    daemon.end();
}

#[test]
fn more_than_so_many_objects_wait_for_a_person() {
    let project = Project::new(limited("  limits {\n    changes = 1\n  }", "shop/web:1", true));
    let daemon = Daemon::start(&project, &[]);
    daemon.says("objects are changed at once: no more than 1 may be");
    assert!(!project.path(WEB).exists());
    project.succeed(&["apply", "--auto-approve"]);
    project.write("main.hcl", limited("  limits {\n    changes = \"20%\"\n  }", "shop/web:2", true));
    until("one of eight is changed", || project.read(WEB).contains("shop/web:2"));
    daemon.end();
}

#[test]
fn outside_of_its_window_the_configuration_waits_and_drift_does_not() {
    let project = Project::new(limited(&window(true), "shop/web:1", true));
    let daemon = Daemon::start(&project, &[]);
    daemon.says("everything is as it ought to be");
    let made = project.read(WEB);
    project.write("main.hcl", limited(&window(false), "shop/web:1", true));
    project.write(WEB, made.replace("replicas: 2", "replicas: 7"));
    until("what was changed outside is put right", || project.read(WEB) == made);
    project.write("main.hcl", limited(&window(false), "shop/web:2", true));
    daemon.says("it is not the time for what the configuration changes: application.shop.service.web/deployment@a");
    assert_eq!(project.read(WEB), made);
    project.write("main.hcl", limited(&window(true), "shop/web:2", true));
    until("the time has come", || project.read(WEB).contains("shop/web:2"));
    daemon.end();
    project.is_settled();
}

#[test]
fn what_is_wrong_with_it_is_told_all_at_once() {
    let watch = "  pause = \" \"\n  limits {\n    deletions = \"sometimes\"\n    changes = \"many\"\n    lost_clusters = -1\n    \
                 moves = 1\n  }\n  window {\n    days = [\"monday\"]\n    from = \"25:00\"\n    time_zone = \"Mars\"\n  }";
    let project = Project::new(limited(watch, "shop/web:1", false) + "watch {}\n");
    let said = project.run(&["validate"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    for problem in [
        "Missing reason",
        "\"deletions\" is \"never\" or \"allowed\"",
        "such as \"10%\"",
        "not below zero",
        "\"moves\"",
        "mon, tue, wed",
        "\"25:00\" is no time of a day",
        "\"to\"",
        "no time zone \"Mars\"",
        "Duplicate watch block",
    ] {
        assert!(said.error_in_one_line().contains(problem), "{problem} is not in\n{}", said.error);
    }
}
