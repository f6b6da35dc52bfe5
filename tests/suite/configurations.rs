//! The program does with each configuration what Terraform does: it validates, plans, applies,
//! records and answers the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Map, Value as Json, json};

use crate::documents;
use crate::vectors::{self, Problem, Row, Step};

/// What is otherwise than in Terraform: the row, the aspects, and why.
const DIFFERENT: [(&str, &[&str], &str); 17] = [
    ("res/self_ref", &["valid", "validate"], "the reference is wrong whatever the plan, so validating tells it"),
    ("check/error_in_condition", &["validate"], "the check has an assertion, although a wrong one"),
    ("json/syntax_error", &["validate"], "only the end of the text is told about, not what follows from it"),
    (
        "mod/sensitive_output",
        &["valid", "validate", "plan exit", "plan problems"],
        "what a module calls sensitive stays so outside of it; Terraform 1.11.4 shows it",
    ),
    (
        "check/data_scoped",
        &["plan problems", "apply problems"],
        "the place is the block's header, not the brace at its end",
    ),
    ("check/data_scoped", &["checks"], "the provider's words stand among the problems"),
    ("check/data_scoped", &["prior_state", "fields"], "a data source that cannot be read was not there before"),
    ("check/data_scoped", &["stream"], "what was tried to be read is told to be done"),
    ("flag/target", &["prior_state"], "what is not selected is not looked at"),
    ("removed/module", &["planned_values"], "what is forgotten is no planned value"),
    ("var/bool_from_string", &["variables"], "a value is told as it is used, not as it is given"),
    ("json/basic", &["configuration"], TEMPLATE),
    ("json/mixed", &["configuration"], TEMPLATE),
    ("json/heredoc_and_comment_keys", &["configuration"], TEMPLATE),
    ("mod/foreach", &["relevant_attributes"], MODULE_OUTPUTS),
    ("mod/depends_on", &["relevant_attributes"], MODULE_OUTPUTS),
    ("mod/depends_on", &["fields"], MODULE_OUTPUTS),
];

const TEMPLATE: &str = "a string of the JSON form that is a template is no constant";
const MODULE_OUTPUTS: &str = "outputs of modules that the root module does not use are no changes";

#[test]
fn the_same_as_terraform() {
    let rows = vectors::rows();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(differences(row));
        }
        found
    };
    let workers = thread::available_parallelism().map_or(2, |number| number.get() + 2);
    let found: Vec<Difference> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker that does not panic")).collect()
    });
    let known: BTreeSet<(&str, &str)> =
        DIFFERENT.iter().flat_map(|(row, aspects, _)| aspects.iter().map(|aspect| (*row, *aspect))).collect();
    let met: BTreeSet<(&str, &str)> = found.iter().map(|difference| (&*difference.row, difference.aspect)).collect();
    let new = found.iter().filter(|difference| !known.contains(&(&*difference.row, difference.aspect)));
    let new: Vec<String> = new.map(Difference::describe).collect();
    assert!(new.is_empty(), "{} differences\n{}", new.len(), new.join("\n"));
    let gone: Vec<_> = known.difference(&met).collect();
    assert!(gone.is_empty(), "these are the same by now: {gone:?}");
}

/// Something that is otherwise than in Terraform.
struct Difference {
    row: String,
    step: usize,
    aspect: &'static str,
    ours: Json,
    theirs: Json,
}

impl Difference {
    fn describe(&self) -> String {
        let Difference { row, step, aspect, ours, theirs } = self;
        format!("{row}, step {step}: {aspect}\n  ours   {ours}\n  theirs {theirs}")
    }
}

fn differences(row: &Row) -> Vec<Difference> {
    let directory = tempfile::tempdir().expect("a directory");
    let mut found = Vec::new();
    for (at, step) in row.steps.iter().enumerate() {
        write_files(directory.path(), step, at.checked_sub(1).map(|before| &row.steps[before]));
        let run = Run { directory: directory.path(), step };
        for (aspect, ours, theirs) in run.aspects() {
            if ours != theirs {
                found.push(Difference { row: row.name.clone(), step: at, aspect, ours, theirs });
            }
        }
    }
    found
}

/// Writes the files of a step, and takes away those of the step before.
fn write_files(directory: &Path, step: &Step, before: Option<&Step>) {
    for name in before.into_iter().flat_map(|before| before.files.keys()) {
        std::fs::remove_file(directory.join(name)).expect("a file of the step before");
    }
    vectors::write_files(directory, step);
}

/// An aspect, and what it is here and in Terraform.
pub(crate) type Aspect = (&'static str, Json, Json);

/// One step, in the directory that it runs in.
struct Run<'a> {
    directory: &'a Path,
    step: &'a Step,
}

/// What a command answered.
struct Answer {
    code: Option<i32>,
    out: String,
}

impl Run<'_> {
    fn aspects(&self) -> Vec<Aspect> {
        let want = &self.step.want;
        let mut aspects = self.validate();
        let planned = self.run(&["plan", "--json", "--detailed-exitcode"], true);
        aspects.push(("plan exit", json!(planned.code), want["plan_exit"].clone()));
        if want["valid"] == json!(false) {
            return aspects;
        }
        let plan: Json = serde_json::from_str(&planned.out).expect("a plan in JSON");
        aspects.push(problems_aspect("plan problems", &plan["diagnostics"], &want["plan_diags"]));
        if want["plan_exit"] == json!(1) || planned.code == Some(1) {
            return aspects;
        }
        aspects.extend(self.plan(&plan));
        aspects.extend(self.step.plan.iter().flat_map(|theirs| documents::aspects(&plan, theirs)));
        aspects.extend(self.apply(&plan["diagnostics"]));
        aspects
    }

    fn run(&self, command: &[&str], flags: bool) -> Answer {
        let mut program = Command::new(env!("CARGO_BIN_EXE_portolan"));
        program.args(command).args(self.step.arguments.iter().filter(|_| flags));
        program.current_dir(self.directory).envs(&self.step.environment).stdin(Stdio::null());
        let output = program.output().expect("a program that starts");
        Answer { code: output.status.code(), out: String::from_utf8(output.stdout).expect("text") }
    }

    fn validate(&self) -> Vec<Aspect> {
        let want = &self.step.want;
        let answer: Json = serde_json::from_str(&self.run(&["validate", "--json"], false).out).expect("JSON");
        vec![
            ("valid", answer["valid"].clone(), want["valid"].clone()),
            problems_aspect("validate", &answer["diagnostics"], &want["validate_diags"]),
        ]
    }

    fn plan(&self, plan: &Json) -> Vec<Aspect> {
        let want = &self.step.want;
        let ours: Map<String, Json> =
            list(&plan["resource_changes"]).iter().map(|change| (identity(change), our_change(change))).collect();
        let theirs: Map<String, Json> =
            list(&want["resource_changes"]).iter().map(|change| (identity(change), their_change(change))).collect();
        let mut aspects = vec![
            ("changes", Json::Object(ours), Json::Object(theirs)),
            ("summary", summary(list(&plan["resource_changes"])), want["summary"].clone()),
            ("planned outputs", outputs(&plan["output_changes"]), outputs(&want["output_changes"])),
        ];
        for flag in ["applyable", "complete", "errored"] {
            aspects.push((flag, plan[flag].clone(), want[flag].clone()));
        }
        aspects
    }

    /// `planned` is what was told while planning. Terraform applied a saved plan and told it once.
    fn apply(&self, planned: &Json) -> Vec<Aspect> {
        let want = &self.step.want;
        let applied = self.run(&["apply", "--auto-approve", "--json"], true);
        let stream = applied.out.lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
        let stream: Vec<Json> = stream.collect();
        let of_type = |kind: &str| stream.iter().filter(|line| line["type"] == json!(kind)).collect::<Vec<_>>();
        let told = of_type("diagnostic").into_iter().map(|line| line["diagnostic"].clone());
        let problems: Json = told.filter(|problem| !list(planned).contains(problem)).collect();
        let once = list(&want["apply_diags"]).iter().filter(|problem| !list(&want["plan_diags"]).contains(problem));
        let outputs = of_type("outputs").first().map_or(json!({}), |line| normal(&line["outputs"]));
        // Data sources are read, not recorded.
        let is_recorded = |address: &&Json| !address.as_str().unwrap_or("").starts_with("data.");
        let recorded = list(&want["state"]).iter().filter(is_recorded).cloned();
        let (told, heard) = match &self.step.stream {
            Some(theirs) => (documents::stream(&stream), documents::stream(theirs)),
            None => Default::default(),
        };
        vec![
            ("stream", told, heard),
            ("apply exit", json!(applied.code), want["apply_exit"].clone()),
            problems_aspect("apply problems", &problems, &once.cloned().collect()),
            ("outputs", outputs, their_outputs(&want["outputs"])),
            ("state", self.recorded(), sorted(recorded.collect())),
        ]
    }

    /// The addresses of what is recorded: what destroying everything would delete.
    fn recorded(&self) -> Json {
        let plan = self.run(&["plan", "--destroy", "--json"], false);
        let plan: Json = serde_json::from_str(&plan.out).expect("a plan in JSON");
        sorted(list(&plan["resource_changes"]).iter().map(|change| change["address"].clone()).collect())
    }
}

fn sorted(mut addresses: Vec<Json>) -> Json {
    addresses.sort_by_key(Json::to_string);
    Json::Array(addresses)
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// Where Terraform names no place, any will do.
fn problems_aspect(aspect: &'static str, ours: &Json, theirs: &Json) -> Aspect {
    let theirs = vectors::problems(theirs);
    let mut ours: Vec<Problem> = list(ours).iter().map(our_problem).collect();
    ours.sort();
    ours.dedup();
    let placeless: Vec<&Problem> = theirs.iter().filter(|problem| problem.at.is_none()).collect();
    for problem in placeless {
        let same = |ours: &&mut Problem| ours.severity == problem.severity && !theirs.contains(ours);
        if let Some(ours) = ours.iter_mut().find(same) {
            ours.at = None;
        }
    }
    ours.sort();
    let shown = |problems: &[Problem]| problems.iter().map(|problem| json!([problem.severity, problem.at])).collect();
    (aspect, shown(&ours), shown(&theirs))
}

fn our_problem(diagnostic: &Json) -> Problem {
    let range = &diagnostic["range"];
    let start = &range["start"];
    let at = range["filename"].as_str().map(|name| format!("{name}:{}:{}", start["line"], start["column"]));
    Problem { severity: diagnostic["severity"].as_str().expect("a severity").to_owned(), at }
}

fn identity(change: &Json) -> String {
    let deposed = change["deposed"].as_str().unwrap_or("");
    format!("{} {deposed}", change["address"].as_str().expect("an address")).trim_end().to_owned()
}

/// What both say of a change.
const CHANGE: [&str; 9] = [
    "actions",
    "action_reason",
    "after",
    "after_unknown",
    "after_sensitive",
    "replace_paths",
    "previous_address",
    "importing",
    "deposed",
];

fn our_change(change: &Json) -> Json {
    let of = |name: &&str| change["change"].get(*name).or(change.get(*name)).filter(|value| !value.is_null());
    CHANGE.iter().filter_map(|name| Some(((*name).to_owned(), normal(of(name)?)))).collect::<Map<_, _>>().into()
}

fn their_change(change: &Json) -> Json {
    let of = |name: &&str| change.get(*name).filter(|value| !value.is_null()).cloned();
    let mut shown: Map<String, Json> = CHANGE.iter().filter_map(|name| Some(((*name).to_owned(), of(name)?))).collect();
    if let Some(after) = shown.get_mut("after") {
        hide(after, &change["after_sensitive"]);
    }
    shown.into()
}

/// Makes null what is sensitive: it is never in our plans.
pub(crate) fn hide(value: &mut Json, sensitive: &Json) {
    match (value, sensitive) {
        (value, Json::Bool(true)) => *value = Json::Null,
        (Json::Object(entries), Json::Object(parts)) => {
            parts.iter().for_each(|(name, part)| {
                if let Some(value) = entries.get_mut(name) {
                    hide(value, part);
                }
            });
        }
        (Json::Array(items), Json::Array(parts)) => {
            items.iter_mut().zip(parts).for_each(|(item, part)| hide(item, part))
        }
        _ => {}
    }
}

fn outputs(changes: &Json) -> Json {
    let shown = |change: &Json| {
        let mut shown = BTreeMap::new();
        for name in ["actions", "after", "after_unknown", "after_sensitive"] {
            shown.insert(name, change.get(name).map_or(Json::Null, normal));
        }
        if let Some(after) = shown.get_mut("after") {
            hide(after, &change["after_sensitive"]);
        }
        json!(shown)
    };
    let changes = changes.as_object().into_iter().flatten();
    changes.map(|(name, change)| (name.clone(), shown(change))).collect::<Map<_, _>>().into()
}

/// The outputs with those that are sensitive hidden.
fn their_outputs(outputs: &Json) -> Json {
    let mut outputs = outputs.clone();
    for output in outputs.as_object_mut().into_iter().flat_map(|outputs| outputs.values_mut()) {
        if output["sensitive"] == json!(true) {
            output.as_object_mut().map(|output| output.remove("value"));
        }
    }
    outputs
}

fn summary(changes: &[Json]) -> Json {
    let does = |change: &&Json, action: &str| list(&change["change"]["actions"]).contains(&json!(action));
    let count = |action: &str| changes.iter().filter(|change| does(change, action)).count();
    let imported = changes.iter().filter(|change| change["change"].get("importing").is_some()).count();
    json!({"add": count("create"), "change": count("update"), "remove": count("delete"), "import": imported})
}

/// A value with identifiers that are new in every run named alike.
pub(crate) fn normal(value: &Json) -> Json {
    match value {
        Json::String(text) if is_uuid(text) => json!("<uuid>"),
        Json::Array(items) => items.iter().map(normal).collect(),
        Json::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), normal(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|character| character.is_ascii_hexdigit() || character == '-')
}
