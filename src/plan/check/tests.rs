//! Plans that are not sound are told from those that are.

use super::{violations, wrong_order, wrong_outcome};
use crate::graph::Graph;
use crate::plan::{Action, Mode, Operation, OperationKind, Plan, Request, Step};
use crate::testing::{Scene, Table, request};

/// What is said of the plan for the second configuration after the first one, once something was
/// done to it.
async fn said(before: &str, after: &str, request: &Request, damage: impl FnOnce(&mut Plan)) -> String {
    let scene = Scene::after(&[before]).await;
    let table = Table::new(after);
    let mut plan = scene.plan_as(&table, request).await;
    damage(&mut plan);
    let (graph, snapshot) = (Graph::new(&table.desired).expect("no cycle"), scene.state.snapshot());
    let mut said = violations(&plan);
    if said.is_empty() {
        said.extend(wrong_outcome(&plan, &table.desired, &snapshot));
        said.extend(wrong_order(&plan, &graph, &snapshot));
    }
    said.join("\n")
}

async fn is_told(before: &str, after: &str, damage: impl FnOnce(&mut Plan), expected: &str) {
    let said = said(before, after, &Request::default(), damage).await;
    assert!(said.contains(expected), "{expected:?} is not in {said:?}");
}

fn unordered(plan: &mut Plan) {
    plan.operations.iter_mut().for_each(|operation| operation.after.clear());
}

fn leave_out(plan: &mut Plan, at: usize) {
    unordered(plan);
    let change = plan.operations[at].change;
    plan.operations.retain(|operation| operation.change != change);
    plan.changes.remove(change);
    plan.operations
        .iter_mut()
        .filter(|operation| operation.change > change)
        .for_each(|operation| operation.change -= 1);
}

#[tokio::test]
async fn what_is_left_is_compared_with_what_ought_to_exist() {
    is_told("", "a = 1\nb = 1", |plan| leave_out(plan, 1), "object.b ought to exist and does not at the end").await;
    is_told("a = 1\nb = 1", "a = 1", |plan| leave_out(plan, 0), "object.b is left at the end").await;
    let again = |plan: &mut Plan| plan.changes[0].before = plan.changes[0].after.clone();
    is_told("", "a = 1", again, "something is there before").await;
    let elsewhere = |plan: &mut Plan| plan.changes[0].previous_address = Some("object.x".parse().expect("an address"));
    is_told("a = 1", "a = 2", elsewhere, "object.x moves away but was not recorded").await;
    let twice = |plan: &mut Plan| plan.changes[0].key = plan.changes[1].key.clone();
    is_told("", "a = 1\nb = 1", twice, "object.b is created though it is there").await;
}

#[tokio::test]
async fn what_must_not_be_deleted_is_known() {
    let forced = |plan: &mut Plan| {
        plan.changes[0].action = Action::DeleteThenCreate;
        plan.operations = vec![
            Operation { kind: OperationKind::Delete, change: 0, after: Vec::new() },
            Operation { kind: OperationKind::Create, change: 0, after: vec![Step::Operation(0)] },
        ];
    };
    is_told("a = 1 !prevent", "a = 2 !prevent", forced, "object.a is deleted though that is prevented").await;
}

#[tokio::test]
async fn the_wrong_order_is_told() {
    is_told("", "a = 1\nb = 1 : a", unordered, "it depends on that").await;
    is_told("", "a = 1\nb[]: a\nc = 1 : b", unordered, "it depends on that").await;
    is_told("a = 1\nb = 1 : a", "", unordered, "that depended on it").await;
    is_told("a = 1\nb = 1 : a", "b = 2", unordered, "that depended on it until then").await;
    is_told("a = 1 !cbd", "a = 1 !cbd !name=x", unordered, "it is created first").await;
    is_told("a = 1", "a = 1 !name=x", unordered, "it is deleted first").await;
    let released_early = |plan: &mut Plan| {
        let first = plan.operations.len() - 1;
        plan.operations[first].after.truncate(1);
    };
    is_told(
        "a = 1 !cbd\nb = a.revision",
        "a = 1 !cbd !name=x\nb = a.revision",
        released_early,
        "the old object is used until then",
    )
    .await;
}

#[tokio::test]
async fn a_plan_to_destroy_leaves_nothing() {
    let said = said("a = 1\nb = 1 : a", "", &request(Mode::Destroy), |plan| leave_out(plan, 0)).await;
    assert!(said.contains("object.b is left at the end"), "{said}");
}
