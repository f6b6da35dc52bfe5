//! `terraform_data` has Terraform's meaning and keeps the promises of the seam.

use async_trait::async_trait;
use portolan_builtin::Builtin;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::{self, Client, Subject};

const TYPE: &str = "terraform_data";

async fn client() -> Client {
    Client::connect(Builtin::new(), &Value::object::<&str>([])).await.expect("connects")
}

fn config(input: Value, triggers: Value) -> Value {
    let null = || Value::null(Type::String);
    Value::object([("id", null()), ("input", input), ("output", null()), ("triggers_replace", triggers)])
}

fn null() -> Value {
    Value::null(Type::Any)
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
    assert_eq!(conformance::check(&client().await, &Datum).await, Ok(()));
}

#[tokio::test]
async fn what_is_planned_for_each_change() {
    let client = client().await;
    let prior = client.create(TYPE, &config(Value::number(1), Value::string("t"))).await.expect("creates").value;
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
        let planned = client.plan(TYPE, prior, &config).await.expect("plans");
        assert_eq!(line(&planned.value), expected);
        let replaced = prior.is_some() && expected.starts_with("id=?");
        assert_eq!(!planned.replace.is_empty(), replaced, "{expected}");
        assert!(planned.replace.iter().all(|path| path.to_string() == "triggers_replace"));
    }
}

#[tokio::test]
async fn an_import_knows_the_id_alone() {
    let client = client().await;
    let imported = client.session.import(TYPE, "fixed-id").await.expect("imports").expect("an object");
    assert_eq!(&*imported.identity, "fixed-id");
    assert_eq!(line(&imported.value), r#"id="fixed-id" input=null output=null triggers_replace=null"#);
    let config = config(Value::number(1), null());
    let planned = client.plan(TYPE, Some(&imported.value), &config).await.expect("plans");
    assert_eq!(line(&planned.value), r#"id="fixed-id" input=1 output=?number triggers_replace=null"#);
    let updated = client.update(TYPE, &imported, &config).await.expect("updates");
    assert_eq!(line(&updated.value), r#"id="fixed-id" input=1 output=1 triggers_replace=null"#);
}

#[tokio::test]
async fn marks_are_kept_and_are_no_change() {
    let client = client().await;
    let prior = client.create(TYPE, &config(Value::string("s"), null())).await.expect("creates").value;
    let planned =
        client.plan(TYPE, Some(&prior), &config(Value::string("s").sensitive(), null())).await.expect("plans");
    assert!(planned.value.is_wholly_known());
    let created = client.create(TYPE, &config(Value::string("s").sensitive(), null())).await.expect("creates").value;
    assert!(created.get("output").is_some_and(|output| output.is_sensitive()));
}
