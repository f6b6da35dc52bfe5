//! Plans that are carried out in a scripted world.

use std::sync::Arc;

use portolan_lang::{AttributePath, Value};
use portolan_provider::Error;
use portolan_provider::scripted::{Fault, NUMBERED, OBJECT, Operation, Rule};
use portolan_state::{Edit, Operation as Journalled, Outcome as Ended, ResourceStatus, RunStatus};
use tokio::sync::mpsc::unbounded_channel;

use super::Outcome;
use crate::plan::{Mode, OperationKind, text};
use crate::testing::{Scene, Table, replacing, request};

fn summaries(report: &super::Report) -> Vec<&str> {
    report.diagnostics.iter().map(|diagnostic| &*diagnostic.summary).collect()
}

/// What was left undone is done by the next run, and nothing is left to do then.
async fn converges(scene: &Scene, table: &Table) {
    scene.world.heal();
    let report = scene.run(table).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    let plan = scene.plan(table).await;
    assert!(!plan.has_changes(), "{}", text(&plan));
    assert!(scene.state.snapshot().unfinished.is_empty());
}

#[tokio::test]
async fn everything_is_made_recorded_and_taken_away() {
    let table = Table::new("a = 1\nb = a.revision\nc[0] = 1 !numbered\nc[1] = 2 !numbered : b");
    let scene = Scene::new();
    let report = scene.run(&table).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert_eq!(scene.recorded(), ["object.a", "object.b", "object.c[0]", "object.c[1]"]);
    assert_eq!(scene.world.object(OBJECT, "b").and_then(|b| b.get("value")), Some(Value::number(1)));
    assert_eq!(scene.state.run("run-1").status, RunStatus::Succeeded);
    let report = scene.run_as(&table, &request(Mode::Destroy)).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert!(scene.recorded().is_empty());
    assert!(scene.world.identities(OBJECT).is_empty() && scene.world.identities(NUMBERED).is_empty());
}

#[tokio::test]
async fn the_first_failure_lets_nothing_new_start() {
    let scene = Scene::new();
    scene.world.script(Rule::on(Operation::Create).of("a").fails(Error::denied("no")));
    let table = Table::new("a = 1\nb = 1 : a\nc = 1");
    let plan = scene.plan(&table).await;
    let report = scene.apply(&table, &plan).await;
    assert_eq!(report.outcomes, [Outcome::Failed, Outcome::Done, Outcome::NotStarted]);
    assert_eq!(summaries(&report), ["Cannot create object.a"]);
    assert_eq!(scene.recorded(), ["object.c"]);
    assert!(scene.state.snapshot().unfinished.is_empty(), "what was not begun is closed");
    assert_eq!(scene.state.run("run-1").status, RunStatus::Failed);
    converges(&scene, &table).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_go_away_is_tried_again() {
    let scene = Scene::new();
    scene.world.script(Rule::on(Operation::Create).of("a").times(3).fails(Error::transient("busy")));
    let table = Table::new("a = 1");
    assert!(scene.run(&table).await.succeeded());
    assert_eq!(scene.world.calls_of(Operation::Create).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_knows_what_was_done_the_next_run_looks() {
    let scene = Scene::new();
    scene.world.script(Rule::on(Operation::Create).of("a").always().meets(Fault::LoseAnswer(Error::transient("cut"))));
    let table = Table::new("a = 1");
    let report = scene.run(&table).await;
    assert_eq!(report.outcomes, [Outcome::Unknown]);
    assert_eq!(scene.state.snapshot().unfinished.len(), 1);
    scene.recover(&Table::new("")).await;
    assert_eq!(scene.recorded(), ["object.a"], "found, and not made again");
    converges(&scene, &table).await;
}

#[tokio::test]
async fn what_a_failure_left_behind_is_tainted_and_replaced() {
    let scene = Scene::new();
    let half_made = Fault::LeaveBehind(Error::failed("it does not become ready"));
    scene.world.script(Rule::on(Operation::Create).of("a").meets(half_made));
    let table = Table::new("a = 1");
    scene.run(&table).await;
    assert_eq!(scene.state.snapshot().resources[0].status, ResourceStatus::Tainted);
    let plan = scene.plan(&table).await;
    assert_eq!(text(&plan), "0 delete object.a (tainted)\n1 create object.a (tainted) after 0\n");
    converges(&scene, &table).await;
}

#[tokio::test]
async fn old_objects_are_put_aside_and_back() {
    let scene = Scene::after(&["a = 1 !cbd"]).await;
    let table = Table::new("a = 1 !cbd !name=other");
    scene.world.script(Rule::on(Operation::Create).of("other").fails(Error::denied("no")));
    scene.run(&table).await;
    assert_eq!(scene.recorded(), ["object.a"], "the old one is back in its place");
    scene.world.script(Rule::on(Operation::Delete).of("a").fails(Error::denied("no")));
    scene.run(&table).await;
    assert_eq!(scene.recorded(), ["object.a", "object.a deposed"]);
    let plan = scene.plan(&table).await;
    assert!(text(&plan).starts_with("0 delete object.a deposed "), "{}", text(&plan));
    converges(&scene, &table).await;
    assert_eq!(scene.world.identities(OBJECT), ["other"]);
}

#[tokio::test]
async fn values_are_checked_against_the_plan() {
    let scene = Scene::new();
    let planned_for = Table::new("a = 1\nb = a.revision");
    let plan = scene.plan(&planned_for).await;
    let report = scene.apply(&Table::new("a = 2\nb = a.revision"), &plan).await;
    assert_eq!(summaries(&report), ["Configuration is not as it was planned"]);
    assert!(report.diagnostics.iter().next().is_some_and(|problem| problem.detail.contains("value")));
    assert!(scene.world.identities(OBJECT).is_empty());
}

#[tokio::test]
async fn stale_plans_are_refused_with_what_changed() {
    let scene = Scene::after(&["a = 1\nb = 1"]).await;
    let table = Table::new("a = 2\nb = 1");
    let plan = scene.plan(&table).await;
    scene.run(&Table::new("a = 3\nb = 1")).await;
    let report = scene.apply(&table, &plan).await;
    let problem = report.diagnostics.iter().next().expect("a problem");
    assert_eq!(problem.summary, "The plan is stale");
    assert!(problem.detail.contains("object.a is recorded in another way"), "{}", problem.detail);
    assert!(!problem.detail.contains("object.b"));
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_finishes_what_runs() {
    let scene = Scene::new();
    scene.world.script(Rule::on(Operation::Create).of("a").meets(Fault::Wait(std::time::Duration::from_secs(5))));
    let table = Table::new("a = 1\nb = 1 : a");
    let plan = scene.plan(&table).await;
    let (interrupt, mut interrupts) = unbounded_channel();
    let interrupted = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        interrupt.send(()).expect("somebody listens");
        std::future::pending::<()>().await;
    };
    let report = tokio::select! {
        report = scene.apply_with(&table, &plan, &mut interrupts) => report,
        () = interrupted => unreachable!("it waits for ever"),
    };
    assert!(report.was_interrupted && !report.succeeded());
    assert_eq!(report.outcomes, [Outcome::Done, Outcome::NotStarted]);
    converges(&scene, &table).await;
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_ends_at_once_and_the_journal_knows() {
    let scene = Scene::new();
    scene.world.script(Rule::on(Operation::Create).of("a").meets(Fault::Stop));
    let table = Table::new("a = 1\nb = 1 : a");
    let plan = scene.plan(&table).await;
    let (interrupt, mut interrupts) = unbounded_channel();
    let stop_twice = async {
        scene.world.stopped().await;
        interrupt.send(()).expect("somebody listens");
        interrupt.send(()).expect("somebody listens");
        std::future::pending::<()>().await;
    };
    let report = tokio::select! {
        report = scene.apply_with(&table, &plan, &mut interrupts) => report,
        () = stop_twice => unreachable!("it waits for ever"),
    };
    assert_eq!(report.outcomes, [Outcome::Unknown, Outcome::NotStarted]);
    let unfinished = scene.state.snapshot().unfinished;
    assert!(unfinished.iter().any(|entry| entry.operation == Journalled::Create && &*entry.resource.identity == "a"));
    converges(&scene, &table).await;
    assert_eq!(scene.world.calls_of(Operation::Create), ["a", "b"]);
}

#[tokio::test]
async fn a_lost_lease_stops_everything() {
    let scene = Scene::new();
    let table = Table::new("a = 1\nb = 1 : a");
    let plan = scene.plan(&table).await;
    scene.state.lose_lease();
    let report = scene.apply(&table, &plan).await;
    assert_eq!(summaries(&report), ["The state cannot be written"]);
    assert!(scene.world.identities(OBJECT).is_empty(), "nothing was journalled, so nothing was begun");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_written_again() {
    for lose_answer in [false, true] {
        let scene = Scene::new();
        match lose_answer {
            true => scene.state.lose_answer(),
            false => scene.state.fail_commits(5),
        }
        let table = Table::new("a = 1 !numbered\nb = a.revision\nc = 1 : b");
        let report = scene.run(&table).await;
        assert!(report.succeeded(), "{:?}", report.diagnostics);
        assert_eq!(report.serial, scene.state.snapshot().serial);
        converges(&scene, &table).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_written_lets_what_runs_come_to_its_end() {
    let scene = Scene::new();
    let table = Table::new("a = 1 !numbered\nb = 1\nc = 1 : a b");
    let plan = scene.plan(&table).await;
    // It is full once the entries are written, and has room again by the time all have ended.
    let wait = |seconds| Fault::Wait(std::time::Duration::from_secs(seconds));
    scene.world.script(Rule::on(Operation::Create).of("").meets(wait(1)));
    scene.world.script(Rule::on(Operation::Create).of("b").meets(wait(60)));
    let (_keep_open, mut interrupts) = unbounded_channel();
    let fill = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        scene.state.fail_commits(6);
    };
    let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), fill);
    assert_eq!(summaries(&report), ["The state cannot be written"]);
    assert_eq!(report.outcomes, [Outcome::Done, Outcome::Done, Outcome::NotStarted]);
    assert_eq!(scene.recorded(), ["object.a", "object.b"]);
    assert!(scene.state.snapshot().unfinished.is_empty());
    converges(&scene, &table).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_holds_until_its_end() {
    for (seconds, outcomes) in [(20, [Outcome::Done, Outcome::Done]), (50, [Outcome::Done, Outcome::NotStarted])] {
        let scene = Scene::new();
        let table = Table::new("a = 1\nb = 1 : a");
        let plan = scene.plan(&table).await;
        scene.world.script(Rule::on(Operation::Create).of("a").meets(Fault::Wait(std::time::Duration::from_secs(60))));
        scene.state.fail_renewals(true);
        let (_keep_open, mut interrupts) = unbounded_channel();
        let mend = async {
            tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
            scene.state.fail_renewals(false);
        };
        let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), mend);
        assert_eq!(report.outcomes, outcomes, "{seconds} s: {:?}", report.diagnostics);
        assert_eq!(scene.recorded().len(), report.done(&plan, OperationKind::Create), "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_and_cannot_be_recorded_is_told() {
    let scene = Scene::new();
    let table = Table::new("a = 1 !numbered\nb = 1");
    let plan = scene.plan(&table).await;
    scene.world.script(Rule::on(Operation::Create).always().meets(Fault::Wait(std::time::Duration::from_secs(1))));
    let (_keep_open, mut interrupts) = unbounded_channel();
    let fill = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        scene.state.fail_commits(u32::MAX);
    };
    let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), fill);
    assert_eq!(summaries(&report), ["The state cannot be written", "Objects were made that are not recorded"]);
    let unrecorded = report.diagnostics.iter().last().expect("a problem");
    assert!(unrecorded.detail.ends_with("\n  - object.a, id \"1\""), "{}", unrecorded.detail);
    scene.state.fail_commits(0);
    scene.recover(&table).await;
    assert_eq!(scene.recorded(), ["object.b"], "what has a name is found");
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_after_a_failure_lets_what_runs_come_to_its_end() {
    let scene = Scene::new();
    scene.world.script(Rule::on(Operation::Create).of("a").fails(Error::denied("no")));
    scene.world.script(Rule::on(Operation::Create).of("b").meets(Fault::Wait(std::time::Duration::from_secs(5))));
    let table = Table::new("a = 1\nb = 1");
    let plan = scene.plan(&table).await;
    let (interrupt, mut interrupts) = unbounded_channel();
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        interrupt.send(()).expect("somebody listens");
    };
    let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), stop);
    assert_eq!(report.outcomes, [Outcome::Failed, Outcome::Done]);
    assert_eq!(scene.recorded(), ["object.b"]);
}

#[tokio::test]
async fn commits_are_few() {
    let layers: String = (0..400)
        .map(|layer| match layer {
            0 => "l0 = 1\n".to_owned(),
            _ => format!("l{layer} = l{}.revision\n", layer - 1),
        })
        .collect();
    let scene = Scene::new();
    let report = scene.run(&Table::new(&layers)).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert!(scene.state.commits().len() < 40, "{} commits", scene.state.commits().len());
}

#[tokio::test]
async fn as_many_run_at_once_as_may() {
    let scene = Scene::new();
    let table: String = (0..50).map(|at| format!("a{at} = 1\n")).collect();
    scene.run(&Table::new(&table)).await;
    assert_eq!(scene.world.most_at_once(), 4);
}

#[tokio::test]
async fn what_is_made_together_is_asked_for_at_once_and_has_one_place() {
    let scene = Scene::new();
    scene.world.gather();
    let table: String = (0..50).map(|at| format!("a{at} = 1\n")).collect();
    let report = scene.run(&Table::new(&table)).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert_eq!(scene.world.most_at_once(), 50);
}

#[tokio::test]
async fn an_identity_that_is_known_late_is_journalled_again() {
    let scene = Scene::new();
    let table = Table::new("a = 1 !numbered\nb = 1 !namedby=a.id");
    scene.world.script(Rule::on(Operation::Create).of("1").meets(Fault::Stop));
    let plan = scene.plan(&table).await;
    tokio::select! {
        _ = scene.apply(&table, &plan) => unreachable!("it is stopped"),
        () = scene.world.stopped() => {}
    }
    let identities: Vec<Arc<str>> =
        scene.state.snapshot().unfinished.iter().map(|entry| entry.resource.identity.clone()).collect();
    assert_eq!(identities, [Arc::from("1")]);
    converges(&scene, &table).await;
    assert_eq!(scene.world.calls_of(Operation::Create), ["", "1"]);
}

#[tokio::test]
async fn unfinished_changes_of_every_kind_are_looked_for() {
    let scene = Scene::after(&["a = 1\nb = 1\nc = 1"]).await;
    let table = Table::new("a = 2\nc = 1");
    scene.world.script(Rule::on(Operation::Update).of("a").meets(Fault::Stop));
    let plan = scene.plan(&table).await;
    tokio::select! {
        _ = scene.apply(&table, &plan) => unreachable!("it is stopped"),
        () = scene.world.stopped() => {}
    }
    scene.world.remove(OBJECT, "b");
    converges(&scene, &table).await;
    assert_eq!(scene.recorded(), ["object.a", "object.c"]);
    assert_eq!(scene.world.object(OBJECT, "a").and_then(|a| a.get("value")), Some(Value::number(2)));
}

#[tokio::test]
async fn deferred_data_is_read_when_it_can_be() {
    let scene = Scene::after(&["a = 5"]).await;
    let table = Table::new("a = 6\nd = a.name !data\nc = d.value");
    let plan = scene.plan(&table).await;
    let report = scene.apply(&table, &plan).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert_eq!(report.done(&plan, OperationKind::Read), 1);
    assert_eq!(scene.world.object(OBJECT, "c").and_then(|c| c.get("value")), Some(Value::number(6)));
    converges(&scene, &table).await;
}

#[tokio::test]
async fn refreshing_records_what_is_there() {
    let scene = Scene::after(&["a = 1\nb = 1"]).await;
    scene.world.edit(OBJECT, "a", "value", Value::number(7));
    scene.world.remove(OBJECT, "b");
    let table = Table::new("a = 1\nb = 1");
    assert!(scene.run_as(&table, &request(Mode::RefreshOnly)).await.succeeded());
    assert_eq!(scene.recorded(), ["object.a"]);
    assert_eq!(scene.state.snapshot().resources[0].value.get("value"), Some(Value::number(7)));
    converges(&scene, &table).await;
}

#[tokio::test]
async fn a_replacement_is_journalled_in_two_steps() {
    let scene = Scene::after(&["a = 1\nb = a.revision"]).await;
    let table = Table::new("a = 1\nb = a.revision");
    scene.world.script(Rule::on(Operation::Create).of("a").meets(Fault::StopBefore));
    let plan = scene.plan_as(&table, &replacing(&["object.a"])).await;
    tokio::select! {
        _ = scene.apply(&table, &plan) => unreachable!("it is stopped"),
        () = scene.world.stopped() => {}
    }
    let snapshot = scene.state.snapshot();
    assert!(snapshot.unfinished.iter().any(|entry| entry.operation == Journalled::Create));
    converges(&scene, &table).await;
}

#[tokio::test]
async fn objects_that_cannot_be_read_stay_in_the_journal() {
    let scene = Scene::new();
    let table = Table::new("a = 1");
    scene.world.script(Rule::on(Operation::Create).of("a").meets(Fault::Stop));
    let plan = scene.plan(&table).await;
    tokio::select! {
        _ = scene.apply(&table, &plan) => unreachable!("it is stopped"),
        () = scene.world.stopped() => {}
    }
    scene.world.heal();
    scene.world.script(Rule::on(Operation::Read).of("a").fails(Error::denied("no")));
    let (edits, diagnostics) = scene.look(&table).await;
    assert!(edits.is_empty() && diagnostics.has_errors());
    let (edits, _) = scene.look(&table).await;
    assert!(matches!(&edits[..], [Edit::End { outcome: Ended::Put(_), .. }]));
}

#[tokio::test]
async fn sensitive_values_stay_marked() {
    let scene = Scene::new();
    let table = Table::new("a = x !secret\nb = a.value");
    assert!(scene.run(&table).await.succeeded());
    let is_secret = |at: usize| {
        let value = scene.state.snapshot().resources[at].value.clone();
        value.at(&AttributePath::attribute("value")).is_some_and(|value| value.is_sensitive())
    };
    assert!(is_secret(0) && is_secret(1));
    converges(&scene, &table).await;
}
