//! What was deleted and takes its time to go away.

use std::time::Duration;

use portolan_provider::scripted::{Fault, OBJECT, Operation, Readiness, Rule};
use tokio::sync::mpsc::unbounded_channel;

use super::Outcome;
use crate::testing::{Scene, Table};

const MINUTE: Duration = Duration::from_secs(60);

fn empty() -> Table {
    Table::new("")
}

async fn converges(scene: &Scene) {
    scene.world.heal();
    let report = scene.run(&empty()).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert_eq!(scene.recorded(), Vec::<String>::new());
    assert_eq!(scene.world.identities(OBJECT), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_depended_on_goes_after_what_is_gone() {
    let scene = Scene::after(&["a = 1\nb = 1 : a"]).await;
    scene.world.leaves("b", |_| Readiness::At(vec![(MINUTE, "it has a finalizer")]));
    let begun = tokio::time::Instant::now();
    let report = scene.run(&empty()).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert!(begun.elapsed() >= MINUTE);
    let calls = scene.world.calls();
    let at = |operation, name: &str| {
        calls.iter().position(|call| (call.operation, call.identity.as_str()) == (operation, name))
    };
    assert!(at(Operation::Gone, "b") < at(Operation::Delete, "a"), "{calls:?}");
    converges(&scene).await;
}

#[tokio::test(start_paused = true)]
async fn going_away_takes_no_place_of_what_runs() {
    let names: Vec<String> = (0..20).map(|number| format!("a{number}")).collect();
    let rows: Vec<String> = names.iter().map(|name| format!("{name} = 1")).collect();
    let scene = Scene::after(&[&rows.join("\n")]).await;
    for name in &names {
        scene.world.leaves(name, |_| Readiness::At(vec![(MINUTE, "soon")]));
    }
    let begun = tokio::time::Instant::now();
    let report = scene.run(&empty()).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert!(begun.elapsed() < 2 * MINUTE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_stays_stops_only_what_waits_for_it() {
    let scene = Scene::after(&["a = 1\nb = 1 : a\nc = 1\nd = 1 : c"]).await;
    scene.world.leaves("b", |_| Readiness::Fails("its finalizers stay"));
    let report = scene.run(&empty()).await;
    let problems: Vec<&str> = report.diagnostics.iter().map(|problem| problem.summary.as_str()).collect();
    assert_eq!(problems, ["Cannot delete object.b"]);
    assert_eq!(scene.world.identities(OBJECT), ["a", "b"]);
    assert_eq!(scene.recorded(), ["object.a", "object.b"]);
    assert!(scene.state.snapshot().unfinished.is_empty());
    let outcomes = [Outcome::Failed, Outcome::NotStarted, Outcome::Done, Outcome::Done];
    assert!(outcomes.iter().all(|wanted| report.outcomes.contains(wanted)), "{:?}", report.outcomes);
    converges(&scene).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_waiting_and_the_next_run_looks() {
    let scene = Scene::after(&["a = 1\nb = 1 : a"]).await;
    scene.world.leaves("b", |_| Readiness::Never("it has a finalizer"));
    let plan = scene.plan(&empty()).await;
    let (interrupt, mut interrupts) = unbounded_channel();
    let stop = async {
        tokio::time::sleep(MINUTE).await;
        interrupt.send(()).expect("it listens");
    };
    let table = empty();
    let (report, ()) = tokio::join!(scene.apply_with(&table, &plan, &mut interrupts), stop);
    assert!(report.was_interrupted);
    assert_eq!(report.outcomes, [Outcome::Unknown, Outcome::NotStarted]);
    assert_eq!(scene.recorded(), ["object.a", "object.b"]);
    converges(&scene).await;
}

#[tokio::test]
async fn a_run_killed_while_something_goes_away_is_recovered() {
    let scene = Scene::after(&["b = 1"]).await;
    scene.world.leaves("b", |_| Readiness::At(Vec::new()));
    scene.world.script(Rule::on(Operation::Gone).of("b").meets(Fault::Stop));
    let table = empty();
    tokio::select! {
        _ = scene.run(&table) => panic!("it was to be killed"),
        () = scene.world.stopped() => {}
    }
    assert_eq!(scene.state.snapshot().unfinished.len(), 1);
    converges(&scene).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_replaced_is_gone_before_it_is_made_again() {
    let scene = Scene::after(&["a = 1"]).await;
    scene.world.leaves("a", |_| Readiness::At(vec![(MINUTE, "soon")]));
    let report = scene.run(&Table::new("a = 1 !name=other")).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    assert_eq!(scene.world.identities(OBJECT), ["other"]);
    let operations: Vec<Operation> = scene.world.calls().iter().map(|call| call.operation).collect();
    let at = |wanted| operations.iter().rposition(|operation| *operation == wanted);
    assert!(at(Operation::Gone) < at(Operation::Create), "{operations:?}");
}
