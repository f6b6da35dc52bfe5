//! Any two configurations one after the other, and anything that can be asked of the plan for
//! the second one: the plan is sound, and carrying it out leads where it says.

use portolan_lang::{FileId, Span};
use portolan_provider::scripted::{Fault, Operation, Rule};
use proptest::prelude::*;

use super::{Mode, Request, text};
use crate::compile::{Moved, Removed};
use crate::testing::{NAMES, Scene, Table, address, configuration};

/// What is asked for beside the configurations; names are those of rows.
#[derive(Debug, Clone)]
struct Wish {
    mode: Mode,
    targets: Vec<&'static str>,
    replace: Vec<&'static str>,
    moved: Vec<(&'static str, &'static str)>,
    removed: Vec<(&'static str, bool)>,
    /// Which of the objects is taken away by somebody else before.
    vanishes: Option<&'static str>,
}

fn wish() -> impl Strategy<Value = Wish> {
    let name = || prop::sample::select(NAMES.to_vec());
    let mode = prop_oneof![4 => Just(Mode::Normal), 1 => Just(Mode::Destroy), 1 => Just(Mode::RefreshOnly)];
    let targets = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(name(), 1..3)];
    let replace = prop::collection::vec(name(), 0..1);
    let moved = prop::collection::vec((name(), name()), 0..3);
    let removed = prop::collection::vec((name(), any::<bool>()), 0..2);
    (mode, targets, replace, moved, removed, prop::option::weighted(0.3, name())).prop_map(
        |(mode, targets, replace, moved, removed, vanishes)| Wish { mode, targets, replace, moved, removed, vanishes },
    )
}

fn row(name: &str) -> portolan_lang::Address {
    address(&format!("object.{name}"))
}

/// The configuration with what the wish declares, where that contradicts nothing.
fn table(configuration: &str, wish: &Wish) -> Table {
    let span = Span::new(FileId(0), 0..1);
    let mut table = Table::new(configuration);
    let is_declared = |name: &str| table.desired.groups.iter().any(|group| group.address == row(name));
    let moves = wish.moved.iter().filter(|(from, to)| from < to && !is_declared(from));
    let moved: Vec<Moved> = moves.map(|(from, to)| Moved { from: row(from), to: row(to), span }).collect();
    let gone = wish.removed.iter().filter(|(from, _)| !is_declared(from));
    let removed = gone.map(|(from, destroy)| Removed { from: row(from), destroy: *destroy, span }).collect();
    (table.desired.moved, table.desired.removed) = (moved, removed);
    table
}

async fn is_sound(before: &str, after: &str, wish: &Wish) {
    let scene = Scene::after(&[before]).await;
    let table = table(after, wish);
    if let Some(name) = wish.vanishes {
        scene.world.script(Rule::on(Operation::Read).of(name).meets(Fault::Vanish));
    }
    let request = Request {
        mode: wish.mode,
        targets: wish.targets.iter().map(|name| row(name)).collect(),
        replace: if wish.mode == Mode::Normal {
            wish.replace.iter().map(|name| row(name)).collect()
        } else {
            Vec::new()
        },
        ..Request::default()
    };
    // Planning checks the plan.
    let plan = scene.plan_as(&table, &request).await;
    scene.world.heal();
    assert!(!plan.diagnostics.has_errors(), "{:?}", plan.diagnostics);
    let report = scene.apply(&table, &plan).await;
    assert!(report.succeeded(), "{:?}\n{}", report.diagnostics, text(&plan));
    let again = scene.plan_as(&table, &Request { replace: Vec::new(), ..request }).await;
    assert!(again.drift.is_empty(), "{}\nand then\n{}", text(&plan), text(&again));
    // What is in the way of a move may be gone afterwards.
    let may_move = plan.diagnostics.iter().any(|problem| problem.summary.starts_with("Unresolved"));
    assert!(may_move || !again.has_changes(), "{}\nand then\n{}", text(&plan), text(&again));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_plan_is_sound(before in configuration(), after in configuration(), wish in wish()) {
        println!("is_sound({before:?}, {after:?}, &{wish:?}).await;");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(is_sound(&before, &after, &wish));
    }
}
