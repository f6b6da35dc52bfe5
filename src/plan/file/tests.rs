use portolan_lang::{Diagnostic, FileId, Span, Step as PathStep, Type};
use portolan_state::{Decision, ResourceKey, Serial};
use proptest::prelude::*;

use super::*;
use crate::compile::{CheckStatus, Checked, CheckedInstance, DataQuery};
use crate::host::Question;
use crate::plan::{Action, Change, Drift, Join, Mode, Operation, OperationKind, OutputChange, Reason, Step};
use crate::testing::{address, desired};

/// Values with every mark and every kind of part, some levels deep.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::null(Type::String)),
        Just(Value::unknown(Type::Number)),
        any::<bool>().prop_map(Value::bool),
        any::<i64>().prop_map(Value::number),
        "[a-zß\"\\\\\n]{0,6}".prop_map(Value::string),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        let strings = prop::collection::vec("[a-c]{0,2}", 0..4);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::tuple),
            prop::collection::btree_map("[a-d]{1,2}", inner.clone(), 0..4).prop_map(Value::object),
            strings.clone().prop_map(|items| Value::set(Type::String, items.into_iter().map(Value::string))),
            strings.prop_map(|items| Value::list(Type::String, items.into_iter().map(Value::string))),
            inner.prop_map(Value::sensitive),
        ]
    });
    (value, any::<bool>()).prop_map(|(value, hidden)| if hidden { value.sensitive() } else { value })
}

fn change(name: &str, action: Action, before: Option<Value>, after: Option<Value>) -> Change {
    Change {
        key: ResourceKey::current(address(name)),
        previous_address: None,
        instance: None,
        is_data: false,
        resource_type: "scripted_object".into(),
        provider: "scripted".into(),
        action,
        reason: None,
        identity: before.is_some().then(|| "a".into()),
        before,
        after,
        replace_paths: Vec::new(),
        importing: None,
    }
}

/// A plan in which every field says something.
fn full_plan(before: Value, after: Value) -> Plan {
    let mut replaced = change("object.a", Action::CreateThenDelete, Some(before.clone()), Some(after.clone()));
    replaced.previous_address = Some(address("module.m.object.x[\"k\"]"));
    replaced.reason = Some(Reason::CannotUpdate);
    replaced.importing = Some("id".into());
    let steps = [PathStep::Attribute("a".into()), PathStep::Key("a".into()), PathStep::Index(3)];
    replaced.replace_paths = vec![steps.into_iter().collect()];
    let mut old = change("object.b[0]", Action::Delete, Some(before.clone()), None);
    old.key.deposed = Some("old".into());
    old.is_data = true;
    let operation = |kind, change, after: &[Step]| Operation { kind, change, after: after.to_vec() };
    let span = Span { file: FileId(0), start: 1, end: 2 };
    let warning = Diagnostic::warning("w").detail("d").help("h").of("object.a").label(span, "here");
    let decision = Decision {
        subject: address("application.shop.service.api"),
        kind: "replicas".into(),
        value: portolan_state::Answer::of(&serde_json::json!({"total": 7, "share": 0.25})),
        reason: "because".to_owned(),
        time: "2026-01-02T03:04:05Z".to_owned(),
    };
    Plan {
        mode: Mode::Destroy,
        is_offline: false,
        lineage: "lineage".into(),
        serial: Serial(u64::MAX),
        changes: vec![replaced, old],
        left: Vec::new(),
        repairs: Default::default(),
        drift: vec![Drift {
            key: ResourceKey::current(address("object.a")),
            previous_address: Some(address("object.x")),
            resource_type: "scripted_object".into(),
            provider: "scripted".into(),
            recorded: before.clone(),
            live: Some(after.clone()),
            ownership: Some("lost".into()),
        }],
        operations: vec![
            operation(OperationKind::Create, 0, &[]),
            operation(OperationKind::Delete, 0, &[Step::Operation(0)]),
            operation(OperationKind::Delete, 1, &[Step::Operation(1), Step::Join(0)]),
        ],
        awaits: 3,
        awaited: vec![address("object.a")],
        joins: vec![Join { after: vec![Step::Operation(0)] }],
        outputs: vec![OutputChange { name: "o".into(), before: Some(before), after: Some(after) }],
        withdrawn: vec![(address("application.gone.service.api"), "replicas".into())],
        decided: vec![decision.clone()],
        decisions: vec![decision],
        // What a simulated loss means is shown, and never saved.
        lost: Vec::new(),
        unread: Vec::new(),
        losses: Vec::new(),
        targets: vec![address("object.a")],
        checks: vec![
            Checked { subject: address("object.a"), instances: Vec::new() },
            Checked {
                subject: address("module.m.var.x"),
                instances: vec![CheckedInstance {
                    address: address("module.m[0].var.x"),
                    status: CheckStatus::Fail,
                    problems: vec!["no".to_owned()],
                }],
            },
        ],
        diagnostics: warning.into(),
    }
}

fn origin(value: Value) -> Origin {
    let mut sources = Sources::new();
    sources.add("main.hcl", "a = 1\n");
    let answer = |block: Option<&str>| {
        let query = DataQuery {
            block: block.map(address),
            provider: "scripted".into(),
            connection: block.map(|_| address("provider.scripted")),
            source: "scripted_value".into(),
            config: Value::object([("name", Value::string("a")), ("value", Value::null(Type::Any))]),
        };
        (query, value.unmark_deep())
    };
    let data = Arc::new([answer(None), answer(Some("data.scripted_value.a[0]"))].into());
    let variables = IndexMap::from([(Arc::from("v"), value)]);
    let seen = vec![Sighting { question: Question::Read("t.txt".to_owned()), digest: "00".to_owned() }];
    Origin { sources, variables, data, plan_time: "2026-01-02T03:04:05Z".to_owned(), seen }
}

proptest! {
    #[test]
    fn a_plan_comes_back_as_it_was(before in values(), after in values()) {
        let (plan, from) = (full_plan(before, after.clone()), origin(after));
        let (origin, saved) = read(&write(&plan, &from).expect("saved")).expect("read");
        // The texts show everything but how a value is held in memory.
        prop_assert_eq!(format!("{:?}", saved.plan()), format!("{plan:?}"));
        prop_assert_eq!(format!("{origin:?}"), format!("{from:?}"));
        for (saved, change) in saved.plan().changes.iter().zip(&plan.changes) {
            prop_assert_eq!(&saved.before, &change.before);
            prop_assert_eq!(&saved.after, &change.after);
        }
        prop_assert_eq!(&origin.variables, &from.variables);
        prop_assert_eq!(&origin.data, &from.data);
    }

    #[test]
    fn damage_ends_in_a_problem(at in 0usize..2000, byte in any::<u8>()) {
        let text = write(&full_plan(Value::number(1), Value::string("x")), &origin(Value::TRUE)).expect("saved");
        let mut bytes = text.clone().into_bytes();
        let at = at % bytes.len();
        prop_assert!(read(&String::from_utf8_lossy(&bytes[..at])).is_err());
        bytes[at] = byte;
        // A changed letter of a name is a name; nothing may panic.
        let _ = read(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn changes_find_their_instances_again() {
    let wanted = desired("b = 1\na = 1");
    let mut plan = Plan::default();
    plan.changes.push(change("object.a", Action::Create, None, Some(Value::number(1))));
    plan.changes[0].instance = Some(InstanceId(1));
    plan.changes.push(change("object.gone", Action::Delete, Some(Value::number(1)), None));
    let text = write(&plan, &Origin::default()).expect("saved");
    let bound = read(&text).expect("read").1.bind(&wanted).expect("bound");
    assert_eq!(bound.changes.iter().map(|change| change.instance).collect::<Vec<_>>(), [Some(InstanceId(1)), None]);

    let problem = read(&text).expect("read").1.bind(&desired("b = 1")).expect_err("a is not declared");
    assert_eq!(problem.summary, "The plan is stale");
    assert!(problem.detail.contains("object.a "), "{}", problem.detail);
}

#[test]
fn a_plan_with_errors_is_not_saved() {
    let plan = Plan { diagnostics: Diagnostic::error("e").into(), ..Plan::default() };
    assert_eq!(write(&plan, &Origin::default()).expect_err("refused").summary, "The plan cannot be saved");
}
