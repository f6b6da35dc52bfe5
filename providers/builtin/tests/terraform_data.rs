//! `terraform_data` has Terraform's meaning and keeps the promises of the seam.

#![allow(clippy::expect_used, clippy::panic, reason = "the functions beside the tests are tests too")]

use std::sync::Arc;

use async_trait::async_trait;
use portolan_builtin::Builtin;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::{self, Subject};
use portolan_provider::{Applied, Change, Planned, Proposal, Provider, Session, propose};

const TYPE: &str = "terraform_data";

async fn session() -> Arc<dyn Session> {
    Builtin::new().connect(&Value::object::<&str>([])).await.expect("connects")
}

fn config(input: Value, triggers: Value) -> Value {
    let null = || Value::null(Type::String);
    Value::object([("id", null()), ("input", input), ("output", null()), ("triggers_replace", triggers)])
}

fn null() -> Value {
    Value::null(Type::Any)
}

async fn plan(session: &dyn Session, prior: Option<&Value>, config: &Value) -> Planned {
    let builtin = Builtin::new();
    let schema = &builtin.schema().resources[TYPE].schema;
    let proposed = propose(schema, prior, config);
    session.plan(Proposal { resource_type: TYPE, prior, config, proposed: &proposed }).await.expect("plans")
}

async fn create(session: &dyn Session, config: &Value) -> Applied {
    let planned = plan(session, None, config).await;
    session.apply(TYPE, Change::Create { planned: &planned.value }).await.expect("creates").expect("an object")
}

/// The object in a line: `?` is unknown, and a UUID is not spelt out.
fn line(value: &Value) -> String {
    let names = ["id", "input", "output", "triggers_replace"];
    let parts = names.map(|name| match value.get(name) {
        Some(value) if !value.is_known() => format!("{name}=?{}", value.ty()),
        Some(value) if name == "id" && value.as_str().is_some_and(|id| id.len() == 36) => "id=uuid".to_owned(),
        Some(value) if value.is_null() => format!("{name}=null"),
        Some(value) => format!("{name}={value:?}"),
        None => format!("{name} is missing"),
    });
    parts.join(" ")
}

struct Datum;

#[async_trait]
impl Subject for Datum {
    fn resource_type(&self) -> &str {
        TYPE
    }

    fn config(&self, number: usize) -> Value {
        config(Value::tuple([Value::number(number), Value::string("a")]), Value::number(1))
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("input"), Value::string("changed"))
    }

    async fn change_outside(&self, identity: &str) {
        panic!("nobody else can change {identity}");
    }

    fn exists_outside(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn it_conforms() {
    assert_eq!(conformance::check(&Builtin::new(), &*session().await, &Datum).await, Ok(()));
}

#[tokio::test]
async fn what_is_planned_for_each_change() {
    let session = session().await;
    let prior = create(&*session, &config(Value::number(1), Value::string("t"))).await.value;
    assert_eq!(line(&prior), r#"id=uuid input=1 output=1 triggers_replace="t""#);
    let same_trigger = || Value::string("t");
    let cases = [
        (None, config(Value::number(1), null()), "id=?string input=1 output=?number triggers_replace=null"),
        (None, config(null(), null()), "id=?string input=null output=null triggers_replace=null"),
        (Some(&prior), config(Value::number(1), same_trigger()), r#"id=uuid input=1 output=1 triggers_replace="t""#),
        (
            Some(&prior),
            config(Value::string("1"), same_trigger()),
            r#"id=uuid input="1" output=?string triggers_replace="t""#,
        ),
        (Some(&prior), config(null(), same_trigger()), r#"id=uuid input=null output=?any triggers_replace="t""#),
        (
            Some(&prior),
            config(Value::unknown(Type::Number), same_trigger()),
            r#"id=uuid input=?number output=?number triggers_replace="t""#,
        ),
        (Some(&prior), config(null(), Value::number(2)), "id=?string input=null output=null triggers_replace=2"),
        (
            Some(&prior),
            config(Value::number(1), Value::unknown(Type::Any)),
            "id=?string input=1 output=?number triggers_replace=?any",
        ),
    ];
    for (prior, config, expected) in cases {
        let planned = plan(&*session, prior, &config).await;
        assert_eq!(line(&planned.value), expected);
        let replaced = prior.is_some() && expected.starts_with("id=?");
        assert_eq!(!planned.replace.is_empty(), replaced, "{expected}");
        assert!(planned.replace.iter().all(|path| path.to_string() == "triggers_replace"));
    }
}

#[tokio::test]
async fn an_import_knows_the_id_alone() {
    let session = session().await;
    let imported = session.import(TYPE, "fixed-id").await.expect("imports").expect("an object");
    assert_eq!(&*imported.identity, "fixed-id");
    assert_eq!(line(&imported.value), r#"id="fixed-id" input=null output=null triggers_replace=null"#);
    let planned = plan(&*session, Some(&imported.value), &config(Value::number(1), null())).await;
    assert_eq!(line(&planned.value), r#"id="fixed-id" input=1 output=?number triggers_replace=null"#);
    let change = Change::Update { identity: "fixed-id", prior: &imported.value, planned: &planned.value };
    let updated = session.apply(TYPE, change).await.expect("updates").expect("an object");
    assert_eq!(line(&updated.value), r#"id="fixed-id" input=1 output=1 triggers_replace=null"#);
}

#[tokio::test]
async fn marks_are_kept_and_are_no_change() {
    let session = session().await;
    let prior = create(&*session, &config(Value::string("s"), null())).await.value;
    let planned = plan(&*session, Some(&prior), &config(Value::string("s").sensitive(), null())).await;
    assert!(planned.value.is_wholly_known());
    let created = create(&*session, &config(Value::string("s").sensitive(), null())).await.value;
    assert!(created.get("output").is_some_and(|output| output.is_sensitive()));
}
