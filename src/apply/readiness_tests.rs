//! What is waited for, and what comes of it when that does not become ready.

use std::time::Duration;

use portolan_lang::Value;
use portolan_provider::scripted::{Fault, OBJECT, Operation, Readiness, Rule};
use portolan_state::ResourceStatus;
use tokio::sync::mpsc::unbounded_channel;

use super::{Outcome, Report};
use crate::plan::text;
use crate::testing::{Scene, Table};

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn summaries(report: &Report) -> Vec<&str> {
    report.diagnostics.iter().map(|diagnostic| diagnostic.summary.as_str()).collect()
}

fn is_two(value: &Value) -> bool {
    value.get("value").and_then(|value| value.as_number()?.to_i64()) == Some(2)
}

async fn converges(scene: &Scene, table: &Table) {
    scene.world.heal();
    let report = scene.run(table).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert!(!scene.plan(table).await.has_changes());
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_an_object_waits_until_it_is_ready() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::At(vec![(minutes(1), "1 of 2"), (minutes(1), "2 of 2")]));
    let begun = tokio::time::Instant::now();
    let report = scene.run(&Table::new("a = 1\nb = 1 : a")).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    let after_ready = |call: &portolan_provider::scripted::Call| (call.operation, call.identity.clone());
    let calls: Vec<_> = scene.world.calls().iter().map(after_ready).collect();
    let at = |operation, name: &str| calls.iter().position(|call| *call == (operation, name.to_owned()));
    assert!(at(Operation::Ready, "a") < at(Operation::Create, "b"), "{calls:?}");
    assert!(begun.elapsed() >= minutes(2));
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_no_place_of_what_runs() {
    let scene = Scene::new();
    let names: Vec<String> = (0..20).map(|number| format!("a{number}")).collect();
    for name in &names {
        scene.world.awaits(name, |_| Readiness::At(vec![(minutes(1), "soon")]));
    }
    let rows: Vec<String> = names.iter().map(|name| format!("{name} = 1")).collect();
    let begun = tokio::time::Instant::now();
    let report = scene.run(&Table::new(&rows.join("\n"))).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert!(begun.elapsed() < minutes(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_not_ready_stops_its_dependants_only() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::Fails("no such image"));
    let table = Table::new("a = 1\nb = 1 : a\nc = 1 : b\nd = 1\ne = 1 : d");
    let report = scene.run(&table).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    assert!(report.diagnostics.iter().any(|problem| problem.detail == "no such image"));
    assert_eq!(scene.world.identities(OBJECT), ["a", "d", "e"]);
    assert_eq!(scene.recorded(), ["object.a", "object.d", "object.e"]);
    assert!(!report.succeeded());
    let outcomes = [Outcome::NotReady, Outcome::NotStarted, Outcome::NotStarted, Outcome::Done, Outcome::Done];
    assert_eq!(report.outcomes.len(), outcomes.len());
    assert!(outcomes.iter().all(|wanted| report.outcomes.contains(wanted)), "{:?}", report.outcomes);
    assert_eq!(scene.state.snapshot().resources[0].status, ResourceStatus::Pending);
    assert!(scene.state.snapshot().unfinished.is_empty());
    converges(&scene, &table).await;
}

#[tokio::test]
async fn the_next_run_waits_for_what_is_unchanged_and_needed() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::Fails("no such image"));
    let table = Table::new("a = 1\nb = 1 : a");
    scene.run(&table).await;
    assert_eq!(text(&scene.plan(&table).await), "0 await object.a\n1 create object.b after 0\n");
    let report = scene.run(&table).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    assert_eq!(scene.world.identities(OBJECT), ["a"], "b is still waited with");
    assert_eq!(scene.world.calls_of(Operation::Update), Vec::<String>::new());
    converges(&scene, &table).await;
    assert!(scene.state.snapshot().resources.iter().all(|row| row.status == ResourceStatus::Ready));
}

#[tokio::test]
async fn nothing_is_waited_for_that_nothing_needs() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::Fails("no such image"));
    scene.run(&Table::new("a = 1")).await;
    let plan = scene.plan(&Table::new("a = 1\nb = 1")).await;
    assert_eq!(text(&plan), "0 create object.b\n");
}

#[tokio::test]
async fn what_was_ready_once_has_to_be_when_it_is_needed() {
    let scene = Scene::after(&["a = 1\nb = 1 : a"]).await;
    scene.world.awaits("a", |_| Readiness::Fails("it fell over"));
    let report = scene.run(&Table::new("a = 1\nb = 2 : a")).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    assert!(scene.world.calls_of(Operation::Update).is_empty());
    converges(&scene, &Table::new("a = 1\nb = 2 : a")).await;
}

#[tokio::test]
async fn an_old_object_goes_once_the_new_one_is_ready() {
    let scene = Scene::after(&["a = 1 !cbd"]).await;
    let table = Table::new("a = 1 !cbd !name=other");
    scene.world.awaits("other", |_| Readiness::Fails("no such image"));
    let report = scene.run(&table).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    assert_eq!(scene.world.identities(OBJECT), ["a", "other"], "the old one still serves");
    assert_eq!(scene.recorded(), ["object.a", "object.a deposed"]);
    converges(&scene, &table).await;
    assert_eq!(scene.world.identities(OBJECT), ["other"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_waiting() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::Never("0 of 1"));
    let table = Table::new("a = 1\nb = 1 : a");
    let plan = scene.plan(&table).await;
    let (interrupt, mut interrupts) = unbounded_channel();
    let stop = async {
        tokio::time::sleep(minutes(1)).await;
        interrupt.send(()).expect("it listens");
    };
    let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), stop);
    assert!(report.was_interrupted);
    assert_eq!(report.outcomes, [Outcome::NotReady, Outcome::NotStarted]);
    assert_eq!(summaries(&report), Vec::<&str>::new());
    assert_eq!(scene.recorded(), ["object.a"]);
    assert!(scene.state.snapshot().unfinished.is_empty());
    converges(&scene, &table).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_lets_what_runs_come_to_its_end_and_waits_for_none_of_it() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::Never("0 of 1"));
    scene.world.script(Rule::on(Operation::Create).of("a").meets(Fault::Wait(minutes(2))));
    let table = Table::new("a = 1");
    let plan = scene.plan(&table).await;
    let (interrupt, mut interrupts) = unbounded_channel();
    let stop = async {
        tokio::time::sleep(minutes(1)).await;
        interrupt.send(()).expect("it listens");
    };
    let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), stop);
    assert_eq!(report.outcomes, [Outcome::NotReady]);
    assert_eq!(scene.world.identities(OBJECT), ["a"]);
    converges(&scene, &table).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_elsewhere_does_not_end_the_waiting() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::At(vec![(minutes(1), "soon")]));
    let late = Rule::on(Operation::Create).of("b").meets(Fault::Wait(Duration::from_secs(1)));
    scene.world.script(late);
    scene.world.script(Rule::on(Operation::Create).of("b").fails(portolan_provider::Error::denied("no")));
    let report = scene.run(&Table::new("a = 1\nb = 1\nc = 1 : a")).await;
    assert_eq!(summaries(&report), ["Cannot create object.b"]);
    let ready = scene.state.snapshot().resources.iter().all(|row| row.status == ResourceStatus::Ready);
    assert!(ready, "a was waited for");
    assert_eq!(scene.world.identities(OBJECT), ["a"], "nothing new was begun");
}

#[tokio::test]
async fn what_goes_back_is_again_what_it_was() {
    let scene = Scene::after(&["a = 1\nb = 1 : a"]).await;
    let goes_back = |value: &Value| match is_two(value) {
        true => Readiness::GoesBack("no such image"),
        false => Readiness::At(Vec::new()),
    };
    scene.world.awaits("a", goes_back);
    let table = Table::new("a = 2\nb = 2 : a");
    let report = scene.run(&table).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    let problem = report.diagnostics.iter().next().expect("a problem");
    assert_eq!(
        (problem.detail.as_str(), problem.help.as_deref()),
        ("no such image", Some("It is what it was before, and ready."))
    );
    assert!(!scene.world.object(OBJECT, "a").is_some_and(|live| is_two(&live)));
    assert!(!scene.world.object(OBJECT, "b").is_some_and(|live| is_two(&live)), "its dependants were left out");
    let recorded = scene.state.snapshot();
    assert!(recorded.resources.iter().all(|row| !is_two(&row.value) && row.status == ResourceStatus::Ready));
    assert!(recorded.unfinished.is_empty());
    assert_eq!(text(&scene.plan(&table).await), "0 update object.a\n1 update object.b after 0\n");
    converges(&scene, &table).await;
}

#[tokio::test]
async fn what_goes_back_may_not_be_ready_either() {
    let scene = Scene::after(&["a = 1"]).await;
    scene.world.awaits("a", |_| Readiness::GoesBack("no such image"));
    let report = scene.run(&Table::new("a = 2")).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    let help = report.diagnostics.iter().next().and_then(|problem| problem.help.clone()).unwrap_or_default();
    assert_eq!(help, "It is what it was before, and not ready either: no such image");
    assert_eq!(scene.state.snapshot().resources[0].status, ResourceStatus::Pending);
    assert_eq!(scene.world.calls_of(Operation::Update), ["a", "a"]);
}

#[tokio::test]
async fn what_was_just_created_has_nothing_to_go_back_to() {
    let scene = Scene::new();
    scene.world.awaits("a", |_| Readiness::GoesBack("no such image"));
    let report = scene.run(&Table::new("a = 1")).await;
    assert_eq!(summaries(&report), ["object.a is not ready"]);
    assert_eq!(scene.recorded(), ["object.a"]);
    assert!(scene.world.calls_of(Operation::Update).is_empty());
}

#[tokio::test]
async fn a_run_killed_while_it_goes_back_is_recovered() {
    let scene = Scene::after(&["a = 1"]).await;
    scene.world.awaits("a", |_| Readiness::GoesBack("no such image"));
    scene.world.script(Rule::on(Operation::Update).of("a").nth(2).meets(Fault::Stop));
    let table = Table::new("a = 2");
    tokio::select! {
        _ = scene.run(&table) => panic!("it was to be killed"),
        () = scene.world.stopped() => {}
    }
    assert_eq!(scene.state.snapshot().unfinished.len(), 1);
    converges(&scene, &table).await;
}

#[tokio::test]
async fn going_back_can_fail() {
    let scene = Scene::after(&["a = 1"]).await;
    scene.world.awaits("a", |_| Readiness::GoesBack("no such image"));
    scene.world.script(Rule::on(Operation::Update).of("a").nth(2).fails(portolan_provider::Error::denied("no")));
    let report = scene.run(&Table::new("a = 2")).await;
    assert_eq!(summaries(&report), ["object.a is not ready", "Cannot change object.a"]);
    converges(&scene, &Table::new("a = 2")).await;
}
