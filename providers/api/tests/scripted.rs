//! The scripted world keeps the promises of the seam, breaks them where the script says so, and
//! the conformance suite notices.

#![allow(clippy::expect_used, reason = "the functions beside the tests are tests too")]

use std::time::Duration;

use async_trait::async_trait;
use portolan_lang::{Type, Value};
use portolan_provider::conformance::{self, Client, Subject};
use portolan_provider::scripted::{Fault, NUMBERED, OBJECT, Operation, Rule, World};
use portolan_provider::{Change, Error, ErrorKind, Provider, Session, Wanted};

struct Objects(World, &'static str);

#[async_trait]
impl Subject for Objects {
    fn resource_type(&self) -> &str {
        self.1
    }

    fn config(&self, number: usize) -> Value {
        let (key, null) = match self.1 {
            OBJECT => (("name", Value::string(format!("object-{number}"))), "secret"),
            _ => (("id", Value::null(Type::String)), "revision"),
        };
        let none = Value::null(Type::Number);
        let mut entries = vec![key, ("value", Value::number(number)), ("revision", none)];
        if null == "secret" {
            entries.push((null, Value::null(Type::String)));
        }
        Value::object(entries)
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&portolan_lang::AttributePath::attribute("value"), Value::string("changed"))
    }

    async fn change_outside(&self, identity: &str) {
        assert!(self.0.edit(self.1, identity, "value", Value::string("outside")));
    }
}

async fn run(world: &World, resource_type: &'static str) -> Result<(), conformance::Violation> {
    let config = Value::object([("endpoint", Value::null(Type::String))]);
    let client = Client::connect(world.provider(), &config).await.expect("connects");
    conformance::check(&client, &Objects(world.clone(), resource_type)).await
}

async fn session(world: &World) -> std::sync::Arc<dyn Session> {
    world.provider().connect(&Value::object([("endpoint", Value::string("e"))]), "").await.expect("connects")
}

fn object(name: &str, value: i64) -> Value {
    Value::object([
        ("name", Value::string(name)),
        ("value", Value::number(value)),
        ("secret", Value::null(Type::String)),
        ("revision", Value::unknown(Type::Number)),
    ])
}

async fn create(session: &dyn Session, name: &str) -> Result<(), Error> {
    session.apply(OBJECT, Change::Create { planned: &object(name, 1) }).await.map(|_| ())
}

#[tokio::test]
async fn a_world_without_faults_conforms() {
    assert_eq!(run(&World::new(), OBJECT).await, Ok(()));
    assert_eq!(run(&World::new(), NUMBERED).await, Ok(()));
}

#[tokio::test]
async fn the_suite_notices_faults() {
    let cases = [
        (Rule::on(Operation::Create).nth(2), "a change fails"),
        (Rule::on(Operation::Read).nth(3), "reading fails"),
        (Rule::on(Operation::Read).nth(2).meets(Fault::Vanish), "read in another way"),
        (Rule::on(Operation::Read).nth(2).meets(Fault::Edit("value".into(), Value::TRUE)), "read in another way"),
        (Rule::on(Operation::Delete), "a deletion fails"),
        (Rule::on(Operation::Plan).nth(2), "planning fails"),
        (Rule::on(Operation::Create).nth(20).meets(Fault::LoseAnswer(Error::transient("cut"))), "a change fails"),
    ];
    for (rule, expected) in cases {
        let world = World::new();
        world.script(rule.clone());
        let violation = run(&world, OBJECT).await.expect_err("a fault");
        assert!(violation.message.contains(expected), "{rule:?}: {violation}");
    }
}

#[tokio::test]
async fn a_fault_meets_the_calls_that_its_rule_names() {
    let world = World::new();
    let session = session(&world).await;
    world.script(Rule::on(Operation::Create).of("b").nth(2).times(2).fails(Error::denied("no")));
    let mut answers = Vec::new();
    for name in ["a", "b", "b", "b", "b"] {
        answers.push(create(&*session, name).await.map_err(|error| error.kind));
    }
    assert_eq!(answers, [Ok(()), Ok(()), Err(ErrorKind::Denied), Err(ErrorKind::Denied), Ok(())]);
    assert_eq!(world.calls_of(Operation::Create), ["a", "b", "b", "b", "b"]);
}

#[tokio::test]
async fn what_is_left_behind_is_told() {
    let world = World::new();
    let session = session(&world).await;
    world.script(Rule::on(Operation::Create).meets(Fault::LeaveBehind(Error::failed("half"))));
    let error = create(&*session, "a").await.expect_err("fails");
    assert_eq!(error.left_behind, world.object(OBJECT, "a"));
    assert!(error.left_behind.is_some());
}

#[tokio::test]
async fn a_killed_process_leaves_what_it_did() {
    for (fault, left) in [(Fault::StopBefore, 0), (Fault::Stop, 1)] {
        let world = World::new();
        let session = session(&world).await;
        world.script(Rule::on(Operation::Create).meets(fault));
        tokio::select! {
            _ = create(&*session, "a") => panic!("answered"),
            () = world.stopped() => {}
        }
        assert_eq!(world.identities(OBJECT).len(), left);
        create(&*session, "a").await.expect("a repeat succeeds");
    }
}

#[tokio::test]
async fn what_changed_since_it_was_read_is_a_conflict() {
    let world = World::new();
    let session = session(&world).await;
    create(&*session, "a").await.expect("creates");
    let prior = world.object(OBJECT, "a").expect("there");
    world.edit(OBJECT, "a", "value", Value::number(7));
    let planned = object("a", 2);
    let change = Change::Update { identity: "a", prior: &prior, planned: &planned };
    let error = session.apply(OBJECT, change).await.expect_err("conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    let error = session.apply(OBJECT, Change::Delete { identity: "a", prior: &prior }).await.expect_err("conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn one_unreadable_object_leaves_the_others_of_the_batch() {
    let world = World::new();
    let session = session(&world).await;
    create(&*session, "a").await.expect("creates");
    create(&*session, "b").await.expect("creates");
    world.script(Rule::on(Operation::Read).of("a").always());
    let wanted = ["a", "b"].map(|name| Wanted { resource_type: OBJECT.into(), identity: name.into(), prior: None });
    let answers = session.read(&wanted).await;
    assert!(answers[0].is_err());
    assert_eq!(answers[1].as_ref().expect("read"), &world.object(OBJECT, "b"));
}

#[tokio::test]
async fn changes_that_take_time_run_at_the_same_time() {
    let world = World::new();
    let session = session(&world).await;
    world.script(Rule::on(Operation::Create).always().meets(Fault::Wait(Duration::from_millis(20))));
    let (first, second) = tokio::join!(create(&*session, "a"), create(&*session, "b"));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(world.most_at_once(), 2);
}

#[tokio::test]
async fn a_data_source_reads_an_object() {
    let world = World::new();
    let session = session(&world).await;
    create(&*session, "a").await.expect("creates");
    let config = |name: &str| Value::object([("name", Value::string(name)), ("value", Value::null(Type::Any))]);
    let read = session.data("scripted_value", &config("a")).await.expect("reads");
    assert_eq!(read.get("value"), Some(Value::number(1)));
    assert!(session.data("scripted_value", &config("b")).await.is_err());
}
