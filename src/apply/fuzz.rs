//! One valid state, one configuration, one fault: the run after it converges, and a plan after
//! that is empty. A failing case prints itself as a test.

use std::fmt::Write;

use portolan_lang::Value;
use portolan_provider::Error;
use portolan_provider::scripted::{Fault, OBJECT, Operation, Rule};
use proptest::prelude::*;

use crate::plan::{Mode, text};
use crate::testing::{Scene, Table, request};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What is declared of one name; `None` where nothing is.
#[derive(Debug, Clone)]
struct Declared {
    value: u8,
    /// Refers to the value of an earlier row, by its position.
    refers_to: Option<usize>,
    waits_for: Vec<usize>,
    is_renamed: bool,
    creates_first: bool,
    is_numbered: bool,
}

fn declared() -> impl Strategy<Value = Option<Declared>> {
    let refers_to = prop::option::of(0..NAMES.len());
    let waits_for = prop::collection::vec(0..NAMES.len(), 0..3);
    let flags = (prop::bool::weighted(0.3), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    let row = (0..3u8, refers_to, waits_for, flags).prop_map(
        |(value, refers_to, waits_for, (is_renamed, creates_first, is_numbered))| Declared {
            value,
            refers_to,
            waits_for,
            is_renamed,
            creates_first,
            is_numbered,
        },
    );
    prop::option::weighted(0.8, row)
}

/// A configuration as a table: rows refer to rows that come before them in one order of all
/// names, which differs from configuration to configuration.
fn configuration() -> impl Strategy<Value = String> {
    let rows = prop::collection::vec(declared(), NAMES.len());
    (rows, Just(NAMES).prop_shuffle()).prop_map(|(rows, names)| {
        let mut table = String::new();
        for (at, row) in rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let earlier = |other: &usize| *other < at && rows[*other].is_some();
            let value = match row.refers_to.filter(earlier) {
                Some(other) => format!("{}.revision", names[other]),
                None => row.value.to_string(),
            };
            let flags = [
                (row.is_renamed, format!(" !name={}2", names[at])),
                (row.creates_first, " !cbd".to_owned()),
                (row.is_numbered, " !numbered".to_owned()),
            ];
            let flags: String = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).collect();
            let waits: Vec<&str> =
                row.waits_for.iter().filter(|other| earlier(other)).map(|other| names[*other]).collect();
            writeln!(table, "{} = {value}{flags} : {}", names[at], waits.join(" ")).expect("a string");
        }
        table
    })
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Refuse,
    LoseAnswer,
    LeaveBehind,
    Kill,
    KillBefore,
    Vanish,
    Edit,
}

impl Trouble {
    fn fault(self) -> Fault {
        match self {
            Trouble::Refuse => Fault::Fail(Error::denied("no")),
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
    let operation =
        prop::sample::select(vec![Operation::Create, Operation::Update, Operation::Delete, Operation::Read]);
    let trouble = prop::sample::select(vec![
        Trouble::Refuse,
        Trouble::LoseAnswer,
        Trouble::LeaveBehind,
        Trouble::Kill,
        Trouble::KillBefore,
        Trouble::Vanish,
        Trouble::Edit,
    ]);
    (operation, 1..5u32, trouble)
}

/// Applies `before`, then `after` with the fault, then `after` without: the world is as it
/// ought to be and the record knows it.
async fn survives(before: &str, after: &str, (operation, nth, trouble): (Operation, u32, Trouble), mode: Mode) {
    let scene = Scene::after(&[before]).await;
    let table = Table::new(after);
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
