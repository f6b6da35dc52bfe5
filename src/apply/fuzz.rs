//! One valid state, one configuration, one fault: the run after it converges, and a plan after
//! that is empty. A failing case prints itself as a test.

use portolan_lang::Value;
use portolan_provider::Error;
use portolan_provider::scripted::{Fault, OBJECT, Operation, Readiness, Rule};
use proptest::prelude::*;

use crate::plan::{Mode, text};
use crate::testing::{NAMES, Scene, Table, configuration, request};

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Refuse,
    LoseAnswer,
    LeaveBehind,
    Kill,
    KillBefore,
    Vanish,
    Edit,
    GoBack,
}

impl Trouble {
    fn fault(self) -> Fault {
        match self {
            Trouble::Refuse | Trouble::GoBack => Fault::Fail(Error::denied("no")),
            Trouble::LoseAnswer => Fault::LoseAnswer(Error::failed("cut")),
            Trouble::LeaveBehind => Fault::LeaveBehind(Error::failed("half")),
            Trouble::Kill => Fault::Stop,
            Trouble::KillBefore => Fault::StopBefore,
            Trouble::Vanish => Fault::Vanish,
            Trouble::Edit => Fault::Edit("value".to_owned(), Value::number(99)),
        }
    }
}

fn trouble() -> impl Strategy<Value = (Operation, u32, Trouble)> {
    let operation = prop::sample::select(vec![
        Operation::Create,
        Operation::Update,
        Operation::Delete,
        Operation::Read,
        Operation::Ready,
        Operation::Gone,
    ]);
    let trouble = prop::sample::select(vec![
        Trouble::Refuse,
        Trouble::LoseAnswer,
        Trouble::LeaveBehind,
        Trouble::Kill,
        Trouble::KillBefore,
        Trouble::Vanish,
        Trouble::Edit,
        Trouble::GoBack,
    ]);
    (operation, 1..5u32, trouble)
}

/// Applies `before`, then `after` with the fault, then `after` without: the world is as it
/// ought to be and the record knows it.
async fn survives(before: &str, after: &str, (operation, nth, trouble): (Operation, u32, Trouble), mode: Mode) {
    let scene = Scene::after(&[before]).await;
    let table = Table::new(after);
    for name in NAMES {
        scene.world.awaits(name, move |_| match trouble {
            Trouble::GoBack => Readiness::GoesBack("no"),
            _ => Readiness::At(Vec::new()),
        });
        scene.world.leaves(name, move |_| match trouble {
            Trouble::GoBack => Readiness::Fails("no"),
            _ => Readiness::At(Vec::new()),
        });
    }
    scene.world.script(Rule::on(operation).nth(nth).meets(trouble.fault()));
    let wanted = request(mode);
    tokio::select! {
        _ = scene.run_as(&table, &wanted) => {}
        () = scene.world.stopped() => {}
    }
    scene.world.heal();
    let report = scene.run_as(&table, &wanted).await;
    assert!(report.succeeded(), "{:?}", report.diagnostics);
    let plan = scene.plan_as(&table, &wanted).await;
    assert!(!plan.has_changes(), "{}", text(&plan));
    let snapshot = scene.state.snapshot();
    assert!(snapshot.unfinished.is_empty());
    let mut recorded: Vec<String> = snapshot
        .resources
        .iter()
        .filter(|resource| &*resource.resource_type == OBJECT)
        .map(|resource| resource.identity.to_string())
        .collect();
    recorded.sort();
    assert_eq!(recorded, scene.world.identities(OBJECT), "nothing is duplicated or forgotten");
}

fn run(before: &str, after: &str, trouble: (Operation, u32, Trouble), mode: Mode) {
    println!("survives({before:?}, {after:?}, {trouble:?}, {mode:?}).await;");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(survives(before, after, trouble, mode));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_single_fault_is_survived(before in configuration(), after in configuration(), trouble in trouble()) {
        run(&before, &after, trouble, Mode::Normal);
    }

    #[test]
    fn any_single_fault_while_destroying_is_survived(before in configuration(), trouble in trouble()) {
        run(&before, &before, trouble, Mode::Destroy);
    }
}
