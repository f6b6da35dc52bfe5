use std::time::Duration;

use portolan::apply::{Observer, Outcome, Progress, Report};
use portolan::compile::OutputValue;
use portolan::plan::{Action, Change, Mode, Operation, OperationKind, Plan};
use portolan_lang::{Diagnostic, Diagnostics, Sources, Type, Value};
use portolan_provider::Waiting;
use portolan_state::{ResourceKey, Serial};
use serde_json::{Value as Json, json};

use super::json::{Stream, conclusion_json};
use super::lines::Lines;
use super::{MOST_LISTED, conclusion, shown};

/// A plan that does these things to `terraform_data.r[0]`, `terraform_data.r[1]`, …
fn plan(kinds: &[OperationKind]) -> Plan {
    let mut plan = Plan::default();
    for (at, kind) in kinds.iter().enumerate() {
        let action = match kind {
            OperationKind::Create => Action::Create,
            OperationKind::Update => Action::Update,
            OperationKind::Delete => Action::Delete,
            OperationKind::Forget => Action::Forget,
            OperationKind::Read => Action::Read,
            OperationKind::Await => Action::NoOp,
        };
        plan.changes.push(Change {
            key: ResourceKey::current(format!("module.m.terraform_data.r[{at}]").parse().expect("an address")),
            previous_address: None,
            instance: None,
            is_data: false,
            resource_type: "terraform_data".into(),
            provider: "terraform".into(),
            action,
            reason: None,
            identity: None,
            before: None,
            after: None,
            replace_paths: Vec::new(),
            importing: None,
        });
        plan.operations.push(Operation { kind: *kind, change: at, after: Vec::new() });
    }
    plan
}

fn report(outcomes: &[Outcome], was_interrupted: bool) -> Report {
    let failed = outcomes.contains(&Outcome::Failed);
    let diagnostics = if failed { Diagnostic::error("It broke").into() } else { Diagnostics::new() };
    Report { outcomes: outcomes.to_vec(), diagnostics, serial: Serial(1), was_interrupted }
}

/// What plain lines say of these events.
fn lines(plan: &Plan, events: &[Progress<'_>]) -> String {
    let mut out = Vec::new();
    let mut lines = Lines::new(plan, &mut out);
    events.iter().for_each(|event| lines.on(*event));
    String::from_utf8(out).expect("text")
}

#[test]
fn an_operation_has_a_line_when_it_begins_and_when_it_ends() {
    let plan = plan(&[OperationKind::Create, OperationKind::Delete]);
    let problem = Diagnostic::error("It broke");
    let pause = Duration::from_secs(2);
    let text = lines(
        &plan,
        &[
            Progress::Started(0),
            Progress::Started(1),
            Progress::Finished(0),
            Progress::Retrying { operation: 1, attempts: 1, pause, message: "busy" },
            Progress::Stopping,
            Progress::Failed(1, &problem),
        ],
    );
    let expected = "\
module.m.terraform_data.r[0]: creating…
module.m.terraform_data.r[1]: deleting…
module.m.terraform_data.r[0]: created after 0.0s
module.m.terraform_data.r[1]: attempt 1 failed, again in 2.0s: busy
Stopping: what runs is brought to its end, nothing new is begun. Interrupt again to stop at once.
module.m.terraform_data.r[1]: could not delete it, after 0.0s: It broke
";
    assert_eq!(text, expected);
}

/// What a deployment is waited for.
fn waiting(why: &str, reasons: &[&str]) -> Waiting {
    Waiting { why: why.to_owned(), reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect() }
}

#[test]
fn what_is_waited_for_is_told_with_its_reasons() {
    let plan = plan(&[OperationKind::Update, OperationKind::Await]);
    let waiting = waiting("1 of 3 replicas are ready", &["pod a-1: no such image", "quota exceeded"]);
    let problem = Diagnostic::error("r is not ready").detail("1 of 3 replicas are ready after 5m\nand more");
    let text = lines(
        &plan,
        &[
            Progress::Started(0),
            Progress::Waiting(0, &waiting),
            Progress::Waiting(0, &waiting),
            Progress::GoingBack(0, &problem),
            Progress::NotReady(0, &problem),
            Progress::Started(1),
            Progress::Finished(1),
        ],
    );
    let expected = "\
module.m.terraform_data.r[0]: changing…
module.m.terraform_data.r[0]: not ready yet, after 0.0s: 1 of 3 replicas are ready; pod a-1: no such image; quota exceeded
module.m.terraform_data.r[0]: not ready after 0.0s, made again what it was: 1 of 3 replicas are ready after 5m
module.m.terraform_data.r[0]: not ready after 0.0s: 1 of 3 replicas are ready after 5m
module.m.terraform_data.r[1]: waiting until it is ready…
module.m.terraform_data.r[1]: ready after 0.0s
";
    assert_eq!(text, expected);
}

#[test]
fn a_large_plan_is_told_in_numbers() {
    let plan = plan(&vec![OperationKind::Create; MOST_LISTED + 1]);
    let problem = Diagnostic::error("It broke");
    let mut events: Vec<Progress<'_>> =
        (0..=MOST_LISTED).flat_map(|at| [Progress::Started(at), Progress::Finished(at)]).collect();
    events.insert(1, Progress::Failed(0, &problem));
    let text = lines(&plan, &events);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.first(), Some(&"module.m.terraform_data.r[0]: could not create it, after 0.0s: It broke"));
    assert_eq!(lines.last(), Some(&"1001 of 1001 operations done"));
    assert!(lines.len() < 10, "{text}");
}

#[test]
fn programs_are_told_in_lines_of_json() {
    let plan = plan(&[OperationKind::Create]);
    let mut out = Vec::new();
    let mut stream = Stream::new(&plan, &mut out);
    stream.on(Progress::Started(0));
    stream.on(Progress::Finished(0));
    let text = String::from_utf8(out).expect("text");
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(kinds, ["version", "planned_change", "change_summary", "apply_start", "apply_complete"]);
    let resource = json!({
        "addr": "module.m.terraform_data.r[0]",
        "module": "module.m",
        "resource": "terraform_data.r[0]",
        "implied_provider": "terraform",
        "resource_type": "terraform_data",
        "resource_name": "r",
        "resource_key": 0,
    });
    assert_eq!(lines[1]["change"], json!({"resource": resource, "action": "create"}));
    assert_eq!(lines[4]["hook"], json!({"resource": resource, "action": "create", "elapsed_seconds": 0}));
    for line in &lines {
        for field in ["@level", "@message", "@module", "@timestamp"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
}

#[test]
fn programs_are_told_what_is_waited_for() {
    let plan = plan(&[OperationKind::Create]);
    let mut out = Vec::new();
    let mut stream = Stream::new(&plan, &mut out);
    let waiting = waiting("1 of 3 replicas are ready", &["pod a-1: no such image"]);
    let problem = Diagnostic::error("r is not ready").detail("no such image");
    stream.on(Progress::Started(0));
    stream.on(Progress::Waiting(0, &waiting));
    stream.on(Progress::NotReady(0, &problem));
    let text = String::from_utf8(out).expect("text");
    let lines: Vec<Json> = text.lines().skip(4).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["type"], &lines[1]["type"]), (&json!("apply_progress"), &json!("apply_errored")));
    assert_eq!(lines[0]["hook"]["waiting_for"], "1 of 3 replicas are ready");
    assert_eq!(lines[0]["hook"]["reasons"], json!(["pod a-1: no such image"]));
    assert!(lines[1]["@message"].as_str().is_some_and(|message| message.ends_with("no such image")), "{}", lines[1]);
}

#[test]
fn the_end_in_json_hides_what_is_sensitive() {
    let plan = plan(&[OperationKind::Create]);
    let output = |name: &str, value| OutputValue { name: name.into(), value };
    let deep = Value::list(Type::String, [Value::string("hunter2").sensitive()]);
    let outputs =
        [output("a", Value::string("x")), output("b", Value::string("hunter2").sensitive()), output("c", deep)];
    let text = conclusion_json(&plan, &report(&[Outcome::Done], false), &outputs, &Sources::new());
    assert!(!text.contains("hunter2"), "{text}");
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let changes = json!({"add": 1, "change": 0, "import": 0, "remove": 0, "operation": "apply"});
    assert_eq!(lines[0]["changes"], changes);
    assert_eq!(lines[1]["outputs"]["a"], json!({"sensitive": false, "type": "string", "value": "x"}));
    assert_eq!(lines[1]["outputs"]["b"], json!({"sensitive": true, "type": "string"}));

    let text = conclusion_json(&plan, &report(&[Outcome::Failed], false), &outputs, &Sources::new());
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(kinds, ["diagnostic", "change_summary"]);
    assert_eq!(lines[0]["diagnostic"]["summary"], "It broke");
}

#[test]
fn the_end_says_what_was_and_was_not_done() {
    use OperationKind::{Create, Delete, Read, Update};
    let all = plan(&[Create, Update, Update, Read]);
    let done = report(&[Outcome::Done; 4], false);
    assert_eq!(conclusion(&all, &done), "\nApply complete: 1 added, 2 changed, 0 destroyed.\n");
    let destroy = Plan { mode: Mode::Destroy, ..plan(&[Delete]) };
    let done = report(&[Outcome::Done], false);
    assert_eq!(conclusion(&destroy, &done), "\nDestroy complete: 0 added, 0 changed, 1 destroyed.\n");

    let outcomes = [Outcome::Done, Outcome::Failed, Outcome::Unknown, Outcome::NotStarted];
    let expected = "
Not everything was done: 1 added, 0 changed, 0 destroyed.

Failed (1):
  change module.m.terraform_data.r[1]

Begun, and what became of it is not known; the next run finds out (1):
  change module.m.terraform_data.r[2]

Not begun (1):
  read module.m.terraform_data.r[3]
";
    assert_eq!(conclusion(&all, &report(&outcomes, false)), expected);
    assert!(conclusion(&all, &report(&outcomes, true)).starts_with("\nStopped before the end: 1 added"));
    let refused = Report { diagnostics: Diagnostic::error("Stale").into(), ..report(&[Outcome::NotStarted; 4], false) };
    assert_eq!(conclusion(&all, &refused), "\nNothing was changed.\n");
}

#[test]
fn the_end_names_what_is_not_ready() {
    let plan = plan(&[OperationKind::Create, OperationKind::Create]);
    let expected = "
Not everything is ready: 2 added, 0 changed, 0 destroyed.

Not ready, or not seen ready (1):
  module.m.terraform_data.r[1]
";
    assert_eq!(conclusion(&plan, &report(&[Outcome::Done, Outcome::NotReady], false)), expected);
}

#[test]
fn what_went_back_does_not_count_as_changed() {
    let plan = plan(&[OperationKind::Update, OperationKind::Update]);
    let expected = "
Not everything was done: 0 added, 1 changed, 0 destroyed.

Made again what it was, because it did not become ready (1):
  module.m.terraform_data.r[1]
";
    assert_eq!(conclusion(&plan, &report(&[Outcome::Done, Outcome::WentBack], false)), expected);
}

#[test]
fn many_addresses_are_counted() {
    let plan = plan(&[OperationKind::Create; 150]);
    let mut outcomes = vec![Outcome::NotStarted; 150];
    outcomes[0] = Outcome::Failed;
    let text = conclusion(&plan, &report(&outcomes, false));
    assert!(text.contains("Not begun (149):\n"), "{text}");
    assert!(text.ends_with("  and 49 more, which the next plan shows\n"), "{text}");
}

#[test]
fn durations_are_short() {
    assert_eq!(shown(Duration::from_millis(140)), "0.1s");
    assert_eq!(shown(Duration::from_secs(80)), "1m20s");
}
