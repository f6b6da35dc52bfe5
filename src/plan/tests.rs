//! Small configurations and their plans as text.

use portolan_lang::Value;
use portolan_provider::scripted::{Fault, Operation, Rule};

use super::{Action, DriftRules, Mode, Plan, Reason, Request, text};
use crate::compile::{Import, Moved, Removed};
use crate::config::OnDrift;
use crate::testing::{Scene, Table, address, replacing, request, targeting};

/// The plan for the last of some configurations, the others having been applied before it.
async fn plan_after(before: &[&str], table: &Table) -> Plan {
    Scene::after(before).await.plan(table).await
}

/// The plan as text, which has no errors.
async fn check(before: &[&str], last: &str, expected: &str) {
    check_table(before, &Table::new(last), expected).await;
}

async fn check_table(before: &[&str], table: &Table, expected: &str) {
    let plan = plan_after(before, table).await;
    assert!(!plan.diagnostics.has_errors(), "{:?}", plan.diagnostics);
    same_lines(&text(&plan), expected);
}

fn same_lines(found: &str, expected: &str) {
    let expected: String =
        expected.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
    assert_eq!(found, expected);
}

fn summaries(plan: &Plan) -> Vec<&str> {
    plan.diagnostics.iter().map(|diagnostic| &*diagnostic.summary).collect()
}

#[tokio::test]
async fn what_is_as_wanted_stays() {
    check(&["a = 1\nb = a.value"], "a = 1\nb = a.value", "").await;
}

#[tokio::test]
async fn creations_and_changes_follow_references() {
    check(&[], "b = a.value\na = 1", "0 create object.a\n1 create object.b after 0").await;
    check(&["a = 1\nb = a.value"], "a = 2\nb = a.value", "0 update object.a\n1 update object.b after 0").await;
}

#[tokio::test]
async fn order_passes_through_what_stays() {
    check(
        &["a = 1\nb = 1 : a\nc = 1 : b"],
        "a = 2\nb = 1 : a\nc = 2 : b",
        "0 update object.a\n1 update object.c after 0",
    )
    .await;
}

#[tokio::test]
async fn deletions_go_in_reverse() {
    check(
        &["a = 1\nb = 1 : a\nc = 1 : b"],
        "a = 1",
        "0 delete object.c (no configuration)\n1 delete object.b (no configuration) after 0",
    )
    .await;
    let scene = Scene::after(&["a = 1\nb = 1 : a\nc = 1 : b"]).await;
    let plan = scene.plan_as(&Table::new("a = 1\nb = 1 : a\nc = 1 : b"), &request(Mode::Destroy)).await;
    same_lines(&text(&plan), "0 delete object.c\n1 delete object.b after 0\n2 delete object.a after 1");
}

#[tokio::test]
async fn what_is_deleted_waits_for_what_depends_on_it_no_more() {
    check(&["a = 1\nb = a.value"], "b = 2", "0 update object.b\n1 delete object.a (no configuration) after 0").await;
}

/// An object of the value 0 does nothing for others.
#[tokio::test]
async fn what_is_withdrawn_goes_as_if_it_were_deleted() {
    let before = "a = 1\nb = 1 : a\nc = 1 : b";
    check(
        &[before],
        "a = 0\nb = 0 : a\nc = 0 : b",
        "0 update object.c (withdrawal)\n1 update object.b (withdrawal) after 0\n2 update object.a (withdrawal) after 1",
    )
    .await;
    check(
        &["a = 0\nb = 0 : a\nc = 0 : b"],
        before,
        "0 update object.a\n1 update object.b after 0\n2 update object.c after 1",
    )
    .await;
    // Through what stays, behind what is changed, and behind what is deleted.
    check(
        &[before],
        "a = 0\nb = 1 : a\nc = 0 : b",
        "0 update object.c (withdrawal)\n1 update object.a (withdrawal) after 0",
    )
    .await;
    check(&[before], "a = 0\nb = 2 : a\nc = 1 : b", "0 update object.b\n1 update object.a (withdrawal) after 0").await;
    check(
        &[before],
        "a = 0\nb = 1 : a",
        "0 delete object.c (no configuration)\n1 update object.a (withdrawal) after 0",
    )
    .await;
    // Who uses a value of it is told that before.
    check(
        &["a = 1\nb = a.value"],
        "a = 0\nb = a.value",
        "0 update object.b (withdrawal)\n1 update object.a (withdrawal) after 0",
    )
    .await;
}

#[tokio::test]
async fn what_stands_for_others_is_ready_before_they_go() {
    // Given up in one place, for more in another; those of other blocks do not wait.
    check(
        &["s[@north] = 1\ns[@south] = 1\nt[@south] = 1"],
        "s[@north] = 2\ns[@south] = 0\nt[@south] = 0",
        "0 update object.s/copy@north\n1 update object.t/copy@south (withdrawal)\n2 update object.s/copy@south (withdrawal) after 0",
    )
    .await;
    check(
        &["s[@south] = 1"],
        "s[@north] = 1",
        "0 create object.s/copy@north\n1 delete object.s/copy@south (no configuration) after 0",
    )
    .await;
    // What depends on it comes in between.
    check(
        &["s[@south] = 1\nt = 1 : s"],
        "s[@north] = 1\nt = 2 : s",
        "0 create object.s/copy@north\n1 update object.t after 0\n2 delete object.s/copy@south (no configuration) after 0, 1",
    )
    .await;
    // What all give up goes at once.
    check(
        &["s[@north] = 1\ns[@south] = 1"],
        "s[@north] = 0\ns[@south] = 0",
        "0 update object.s/copy@north (withdrawal)\n1 update object.s/copy@south (withdrawal)",
    )
    .await;
}

#[tokio::test]
async fn a_replacement_deletes_first() {
    check(
        &["a = 1\nb = a.revision"],
        "a = 1 !name=other\nb = a.revision",
        "0 delete object.a (cannot update)\n1 create object.a (cannot update) after 0\n2 update object.b after 1",
    )
    .await;
}

#[tokio::test]
async fn replacements_that_depend_on_each_other() {
    check(
        &["a = 1\nb = 1 : a"],
        "a = 1 !name=x\nb = 1 !name=y : a",
        "0 delete object.b (cannot update)
         1 delete object.a (cannot update) after 0
         2 create object.a (cannot update) after 1
         3 create object.b (cannot update) after 0, 2",
    )
    .await;
}

#[tokio::test]
async fn create_before_destroy_deletes_last() {
    check(
        &["a = 1 !cbd\nb = a.revision"],
        "a = 1 !cbd !name=other\nb = a.revision",
        "0 create object.a (cannot update)
         1 update object.b after 0
         2 delete object.a (cannot update) after 0, 1",
    )
    .await;
}

#[tokio::test]
async fn create_before_destroy_is_passed_on_to_dependencies() {
    check(
        &["a = 1\nb = 1 !cbd : a"],
        "a = 1 !name=x\nb = 1 !cbd !name=y : a",
        "0 create object.a (cannot update)
         1 create object.b (cannot update) after 0
         2 delete object.b (cannot update) after 1
         3 delete object.a (cannot update) after 0, 1, 2",
    )
    .await;
}

#[tokio::test]
async fn large_groups_meet_in_a_join() {
    let members = |name: &str, after: &str| (0..10).map(|at| format!("{name}[{at}] = 1{after}\n")).collect::<String>();
    let plan = plan_after(&[], &Table::new(&(members("a", "") + &members("b", " : a")))).await;
    let text = text(&plan);
    assert!(text.contains("10 create object.b[0] after j0\n"), "{text}");
    assert!(text.ends_with("j0 after 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"), "{text}");
}

#[tokio::test]
async fn instances_come_and_go_by_their_keys() {
    check(
        &["a[0] = 1\na[1] = 1\na[2] = 1"],
        "a[0] = 1",
        "0 delete object.a[1] (count index)\n1 delete object.a[2] (count index)",
    )
    .await;
    check(&["a[0] = 1"], "a[]", "0 delete object.a[0] (count index)").await;
    check(&["a[x] = 1\na[y] = 1"], "a[y] = 1", "0 delete object.a[\"x\"] (each key)").await;
    check(
        &["a[0] = 1\na[1] = 1"],
        "a[x] = 1",
        "0 create object.a[\"x\"]
         1 delete object.a[0] (wrong repetition)
         2 delete object.a[1] (wrong repetition)",
    )
    .await;
}

#[tokio::test]
async fn the_only_instance_becomes_the_first_one_and_back() {
    check(&["a = 1 !name=n"], "a[0] = 1 !name=n\na[1] = 1", "move object.a[0] from object.a\n0 create object.a[1]")
        .await;
    check(
        &["a[0] = 1 !name=n\na[1] = 1"],
        "a = 1 !name=n",
        "move object.a from object.a[0]\n0 delete object.a[1] (wrong repetition)",
    )
    .await;
}

#[tokio::test]
async fn modules_that_are_gone() {
    check(&["m/a = 1\nb = 1"], "b = 1", "0 delete module.m.object.a (no module)").await;
    check(&["m/a = 1\nm/b = 1"], "m/b = 1", "0 delete module.m.object.a (no configuration)").await;
}

fn moved(table: &str, moves: &[(&str, &str)]) -> Table {
    let mut table = Table::new(table);
    let span = portolan_lang::Span::new(portolan_lang::FileId(0), 0..1);
    table.desired.moved = moves.iter().map(|(from, to)| Moved { from: address(from), to: address(to), span }).collect();
    table
}

#[tokio::test]
async fn what_moved_and_is_gone_is_forgotten() {
    for mode in [Mode::Normal, Mode::RefreshOnly] {
        let scene = Scene::after(&["a = 1"]).await;
        let table = moved("", &[("object.a", "object.b")]);
        scene.world.script(Rule::on(Operation::Read).of("a").meets(Fault::Vanish));
        let plan = scene.plan_as(&table, &request(mode)).await;
        same_lines(&text(&plan), "drift object.b gone");
        assert!(scene.apply(&table, &plan).await.succeeded());
        assert_eq!(scene.recorded(), Vec::<String>::new(), "{mode:?}");
    }
}

#[tokio::test]
async fn moves_rename_what_is_recorded() {
    let rename = moved("b = 1 !name=a", &[("object.a", "object.b")]);
    check_table(&["a = 1"], &rename, "move object.b from object.a").await;
    let chain = moved("c = 2 !name=a", &[("object.b", "object.c"), ("object.a", "object.b")]);
    check_table(&["a = 1"], &chain, "move object.c from object.a\n0 update object.c").await;
    let module = moved("n/a = 1 !name=m/a", &[("module.m", "module.n")]);
    check_table(&["m/a = 1"], &module, "move module.n.object.a from module.m.object.a").await;
    let keys = moved("a[x] = 1 !name=a[0]", &[("object.a[0]", "object.a[\"x\"]")]);
    check_table(&["a[0] = 1"], &keys, "move object.a[\"x\"] from object.a[0]").await;
    let all = moved("b[0] = 1 !name=a[0]\nb[1] = 1 !name=a[1]", &[("object.a", "object.b")]);
    check_table(&["a[0] = 1\na[1] = 1"], &all, "move object.b[0] from object.a[0]\nmove object.b[1] from object.a[1]")
        .await;
}

#[tokio::test]
async fn moves_that_cannot_be_made() {
    let plan = plan_after(&["a = 1\nb = 1"], &moved("b = 1", &[("object.a", "object.b")])).await;
    assert_eq!(summaries(&plan), ["Unresolved resource instance address changes"]);
    same_lines(&text(&plan), "0 delete object.a (no configuration)");
    let plan = plan_after(&[], &moved("a = 1\nb = 1", &[("object.a", "object.b")])).await;
    assert_eq!(summaries(&plan), ["Moved object still exists"]);
    let plan = plan_after(&[], &moved("", &[("object.a", "object.a")])).await;
    assert_eq!(summaries(&plan), ["Redundant move statement"]);
    let circle = [("object.a", "object.b"), ("object.b", "object.a")];
    let plan = plan_after(&["a = 1\nb = 1"], &moved("", &circle)).await;
    assert_eq!(summaries(&plan), ["Cyclic dependency in move statements"]);
    let plan = plan_after(&["a = 1"], &moved("", &[("object.a", "object.b")])).await;
    same_lines(&text(&plan), "move object.b from object.a\n0 delete object.b (no move target)");
}

fn removed(table: &str, from: &str, destroy: bool) -> Table {
    let mut table = Table::new(table);
    let span = portolan_lang::Span::new(portolan_lang::FileId(0), 0..1);
    table.desired.removed.push(Removed { from: address(from), destroy, span });
    table
}

#[tokio::test]
async fn removed_objects_are_deleted_or_forgotten() {
    let plan = plan_after(&["m/a = 1"], &removed("", "module.m", false)).await;
    same_lines(&text(&plan), "0 forget module.m.object.a (no module)");
    assert_eq!(summaries(&plan), ["Some objects will no longer be managed"]);
    let plan = plan_after(&["a = 1"], &removed("", "object.a", true)).await;
    same_lines(&text(&plan), "0 delete object.a (no configuration)");
    let plan = plan_after(&["a = 1"], &removed("a = 1", "object.a", false)).await;
    assert_eq!(summaries(&plan), ["Removed resource still exists"]);
}

#[tokio::test]
async fn replacements_that_are_asked_for() {
    let scene = Scene::after(&["a = 1\nb = 1 !triggered=a : a"]).await;
    let table = Table::new("a = 1\nb = 1 !triggered=a : a");
    let plan = scene.plan_as(&table, &replacing(&["object.a"])).await;
    assert_eq!(plan.changes[0].reason, Some(Reason::Requested));
    assert_eq!(plan.changes[1].reason, Some(Reason::Triggered));
    check(
        &["a = 1\nb = 1 !triggered=a.value : a"],
        "a = 2\nb = 1 !triggered=a.value : a",
        "0 update object.a\n1 delete object.b (triggered)\n2 create object.b (triggered) after 0, 1",
    )
    .await;
}

#[tokio::test]
async fn what_is_to_be_ignored() {
    check(&["a = 1 !ignore=value"], "a = 2 !ignore=value", "").await;
    check(&["a = 1 !ignore=all"], "a = 2 !name=other !ignore=all", "").await;
}

#[tokio::test]
async fn prevent_destroy_is_an_error() {
    let plan = plan_after(&["a = 1 !prevent"], &Table::new("a = 1 !prevent !name=other")).await;
    assert_eq!(summaries(&plan), ["Instance cannot be destroyed"]);
    let scene = Scene::after(&["a = 1 !prevent"]).await;
    let plan = scene.plan_as(&Table::new("a = 1 !prevent"), &request(Mode::Destroy)).await;
    assert_eq!(summaries(&plan), ["Instance cannot be destroyed"]);
    let plan = scene.plan(&Table::new("")).await;
    assert_eq!(summaries(&plan), Vec::<&str>::new());
}

#[tokio::test]
async fn conditions_are_told_all_at_once() {
    let plan = plan_after(&[], &Table::new("a = 1 !before\nb = 1 !after\nc = 1")).await;
    assert_eq!(summaries(&plan), ["Resource precondition failed", "Resource postcondition failed"]);
    same_lines(&text(&plan), "0 create object.b\n1 create object.c");
}

#[tokio::test]
async fn targets_select_dependencies_and_what_depends_on_the_deleted() {
    let scene = Scene::after(&["a = 1\nb = a.value\nc = 1\nd = 1\ne = 1 : d"]).await;
    let table = Table::new("a = 2\nb = a.value\nc = 2");
    let plan = scene.plan_as(&table, &targeting(&["object.b"])).await;
    same_lines(&text(&plan), "0 update object.a\n1 update object.b after 0");
    assert_eq!(plan.changes.len(), 2);
    assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
    let plan = scene.plan_as(&table, &targeting(&["object.d"])).await;
    same_lines(&text(&plan), "0 delete object.e (no configuration)\n1 delete object.d (no configuration) after 0");
    let destroy = Request { mode: Mode::Destroy, ..targeting(&["object.a"]) };
    same_lines(&text(&scene.plan_as(&table, &destroy).await), "0 delete object.b\n1 delete object.a after 0");
}

#[tokio::test]
async fn what_was_changed_outside_is_left_where_that_is_asked_for() {
    let text_of = "a = 1 !drift=ignore\nb = 1 !drift=report\nc = 1\nd = 1\ne = 1 !drift=ignore\nf = a.value";
    let scene = Scene::after(&[text_of]).await;
    for name in ["a", "b", "c", "d", "e"] {
        scene.world.edit("scripted_object", name, "value", Value::number(7));
    }
    let drift = DriftRules::Declared { otherwise: OnDrift::Repair, resting: [address("object.d")].into() };
    let daemon = Request { drift, ..Request::default() };
    let table = Table::new(text_of);
    let plan = scene.plan_as(&table, &daemon).await;
    same_lines(&text(&plan), "drift object.c changed\n0 update object.c");
    let left: Vec<String> = plan.left.iter().map(|left| format!("{} {:?}", left.drift.key.address, left.why)).collect();
    assert_eq!(left, ["object.a Ignored", "object.b Reported", "object.d Resting", "object.e Ignored"]);
    assert!(plan.changes.iter().filter(|change| change.action != Action::NoOp).all(|change| plan.is_repair(change)));
    // Applying it records nothing else of what is left.
    assert!(scene.apply(&table, &plan).await.succeeded());
    same_lines(&text(&scene.plan_as(&table, &daemon).await), "");

    // What the configuration changes is made as it is declared, and is no repair.
    let changed = Table::new(&text_of.replace("e = 1", "e = 2"));
    let plan = scene.plan_as(&changed, &daemon).await;
    same_lines(&text(&plan), "drift object.e changed\n0 update object.e");
    assert!(!plan.changes.iter().any(|change| change.action != Action::NoOp && plan.is_repair(change)));
    // What is gone is left as well.
    scene.world.remove("scripted_object", "a");
    same_lines(&text(&scene.plan_as(&table, &daemon).await), "");
    // A person's plan shows and does everything.
    let all = "drift object.a gone\ndrift object.b changed\ndrift object.d changed\ndrift object.e changed\n\
               0 create object.a\n1 update object.b\n2 update object.d\n3 update object.e";
    same_lines(&text(&scene.plan(&table).await), all);
}

#[tokio::test]
async fn what_was_changed_outside_is_shown_apart() {
    let scene = Scene::after(&["a = 1\nb = 1\nc = 1"]).await;
    scene.world.edit("scripted_object", "a", "value", Value::number(7));
    scene.world.edit("scripted_object", "b", "revision", Value::number(7));
    scene.world.remove("scripted_object", "c");
    let table = Table::new("a = 1\nb = 1\nc = 1");
    let expected =
        "drift object.a changed\ndrift object.b changed\ndrift object.c gone\n0 update object.a\n1 create object.c";
    same_lines(&text(&scene.plan(&table).await), expected);
    let unread = Request { refresh: false, ..Request::default() };
    same_lines(&text(&scene.plan_as(&table, &unread).await), "");
    let plan = scene.plan_as(&table, &request(Mode::RefreshOnly)).await;
    same_lines(&text(&plan), "drift object.a changed\ndrift object.b changed\ndrift object.c gone");
    assert!(plan.is_applicable());
}

#[tokio::test]
async fn a_mark_alone_is_recorded_without_a_change() {
    let scene = Scene::after(&["a = 1"]).await;
    let table = Table::new("a = 1 !secret");
    same_lines(&text(&scene.plan(&table).await), "");
    scene.run(&table).await;
    let recorded = scene.state.snapshot().resources[0].value.clone();
    assert!(recorded.get("value").is_some_and(|value| value.is_sensitive()));
}

#[tokio::test]
async fn data_is_read_while_planning_where_that_can_be() {
    let scene = Scene::after(&["a = 5"]).await;
    let plan = scene.plan(&Table::new("a = 5\nd = a.name !data\nc = d.value")).await;
    same_lines(&text(&plan), "0 create object.c");
    assert_eq!(plan.changes[2].after.as_ref().and_then(|after| after.get("value")), Some(Value::number(5)));
    let plan = scene.plan(&Table::new("a = 6\nd = a.name !data\nc = d.value")).await;
    same_lines(
        &text(&plan),
        "0 update object.a\n1 read object.d (dependency pending) after 0\n2 create object.c after 1",
    );
    let plan = scene.plan(&Table::new("x = 6\nd = x.revision !data")).await;
    assert_eq!(plan.changes[1].reason, Some(Reason::ConfigUnknown));
}

#[tokio::test]
async fn data_waits_for_changes_of_what_it_names_alone() {
    let scene = Scene::after(&["a = 5\nb = 1 : a\nc[0] = 1\nc[1] = 1"]).await;
    let further = scene.plan(&Table::new("a = 6\nb = 1 : a\nd = b.name !data\nc[0] = 1\nc[1] = 1")).await;
    same_lines(&text(&further), "0 update object.a");
    let through_data = Table::new("a = 6\nb = 1 : a\nd = a.name !data\ne = b.name !data : d\nc[0] = 1\nc[1] = 1");
    let through_data = scene.plan(&through_data).await;
    same_lines(&text(&through_data), "0 update object.a\n1 read object.d (dependency pending) after 0");
    let fewer = scene.plan(&Table::new("a = 5\nb = 1 : a\nc[0] = 1\nd = b.name !data : c")).await;
    same_lines(&text(&fewer), "0 delete object.c[1] (count index)\n1 read object.d (dependency pending)");
}

#[tokio::test]
async fn imports_take_over_what_is_there() {
    let scene = Scene::after(&["a = 1\nb = 2"]).await;
    scene
        .state
        .commit_now(&[portolan_state::Edit::RemoveResource(portolan_state::ResourceKey::current(address("object.a")))]);
    let span = portolan_lang::Span::new(portolan_lang::FileId(0), 0..1);
    let import = |id: &str| Import { to: address("object.a"), id: id.into(), to_span: span, span };
    let mut table = Table::new("a = 9\nb = 2");
    table.desired.imports.push(import("a"));
    let plan = scene.plan(&table).await;
    same_lines(&text(&plan), "import object.a from a\n0 update object.a");
    table.desired.imports[0] = import("nothing");
    assert_eq!(summaries(&scene.plan(&table).await), ["Cannot import non-existent object"]);
    table.desired.imports = vec![import("a"), import("b")];
    assert_eq!(summaries(&scene.plan(&table).await), ["Duplicate import configuration for \"object.a\""]);
    let mut table = Table::new("b = 2");
    table.desired.imports.push(import("a"));
    assert_eq!(summaries(&scene.plan(&table).await), ["Configuration for import target does not exist"]);
}

#[tokio::test]
async fn outputs_are_planned() {
    let scene = Scene::after(&["a = 1"]).await;
    let mut table = Table::new("a = 1");
    table.outputs = vec!["a"];
    let plan = scene.plan(&table).await;
    same_lines(&text(&plan), "output a is new");
    assert!(plan.has_changes());
    assert!(scene.apply(&table, &plan).await.succeeded());
    same_lines(&text(&scene.plan(&table).await), "");
    same_lines(&text(&scene.plan(&Table::new("a = 1")).await), "output a goes");
}

#[tokio::test]
async fn an_output_that_is_null_is_not_recorded() {
    let scene = Scene::after(&["a"]).await;
    let mut table = Table::new("a");
    table.outputs = vec!["a"];
    let plan = scene.plan(&table).await;
    assert!(!plan.has_changes());
    assert!(scene.apply(&table, &plan).await.succeeded());
    assert_eq!(scene.state.snapshot().outputs, []);
    for (value, recorded) in [("a = 1", 1), ("a", 0)] {
        let mut table = Table::new(value);
        table.outputs = vec!["a"];
        let plan = scene.plan(&table).await;
        assert!(plan.has_changes());
        assert!(scene.apply(&table, &plan).await.succeeded());
        assert_eq!(scene.state.snapshot().outputs.len(), recorded, "{value}");
    }
}

#[tokio::test]
async fn refusals_of_providers_are_problems_of_the_instance() {
    let plan = plan_after(&[], &Table::new("a = 1 !name=\nb = 1")).await;
    assert_eq!(summaries(&plan), ["Invalid configuration"]);
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].action, Action::Create);
}
