//! Expressions, unknown values and type conversions go through `console --json`, which gives
//! Terraform's answers, line by line.
//!
//! Every row is followed by a question of which the answer is known, so that each answer is
//! known to be that of its row, whatever became of the row before.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use portolan_lang::constraint::TypeConstraint;
use portolan_lang::syntax::{is_unfinished, parse_expr};
use portolan_lang::{FileId, Number};
use serde_json::{Value as Json, json};

use crate::program::Project;

/// The rows that do not hold here, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("false && (1/0 == 1)", "a division by zero is always an error: numbers have no infinity"),
    ("tostring(-0)", "numbers have no negative zero"),
    (
        "can(regex(\"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$\", uuid()))",
        "our identifiers carry the version that RFC 9562 asks for",
    ),
];

/// The files of vectors of this name: those of the project, and those of other projects, which
/// are run from the folder that `PORTOLAN_VECTORS` names.
fn rows(file: &str) -> Vec<Json> {
    let mut paths = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("lang/tests/vectors").join(file)];
    match std::env::var("PORTOLAN_VECTORS") {
        Ok(root) => paths.push(PathBuf::from(root).join("upstream").join(file)),
        Err(_) => eprintln!("PORTOLAN_VECTORS is not set: the rows of other projects are left out"),
    }
    let texts = paths.iter().map(|path| fs::read_to_string(path).expect("the vectors can be read"));
    let rows: Vec<Json> = texts
        .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Json>>())
        .collect();
    rows.into_iter().filter(|row| EXCEPTIONS.iter().all(|(exception, _)| row["expr"] != json!(exception))).collect()
}

/// Asks all questions, one after the other, and gives the answers to each.
fn ask(project: &Project, questions: &[String]) -> Vec<Vec<Json>> {
    let mut input = String::new();
    for (at, question) in questions.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(input, "{question}\n\"# answered {at}\"");
    }
    let mut command = project.command(&["console", "--json"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("an input");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("writes"));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("written");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut answers = vec![Vec::new()];
    for line in text.lines() {
        let answer: Json = serde_json::from_str(line).expect("a line of JSON");
        match answer == json!({"value": format!("# answered {}", answers.len() - 1), "type": "string"}) {
            true => answers.push(Vec::new()),
            false => answers.last_mut().expect("a list").push(answer),
        }
    }
    assert_eq!(answers.len(), questions.len() + 1, "{text}");
    answers.truncate(questions.len());
    answers
}

/// A question that goes on for ever is asked last.
fn ask_alone(project: &Project, question: &str) -> Vec<Json> {
    let mut command = project.command(&["console", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().expect("an input").write_all(question.as_bytes()).expect("writes");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What is wrong with the answers to a row; nothing where they are Terraform's.
fn difference(row: &Json, answers: &[Json]) -> Option<String> {
    let differs = || Some(format!("{}\n    gave {answers:?}", row["expr"]));
    if row["error"] == json!(true) {
        let is_error = |answer: &Json| {
            answer.as_object().is_some_and(|answer| answer.len() == 1)
                && answer["error"].as_str().is_some_and(|text| !text.trim().is_empty())
        };
        return if answers.iter().any(is_error) { None } else { differs() };
    }
    let [answer] = answers else { return differs() };
    match is_same(row, answer) {
        true => None,
        false => differs(),
    }
}

fn is_same(row: &Json, answer: &Json) -> bool {
    let is_unknown = row["unknown"] == json!(true);
    let content = if is_unknown { "unknown" } else { "value" };
    let mut names: Vec<&str> = answer.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    // Whether unknown values, variables and parts of values are sensitive was not written down.
    let tells_sensitive = !is_unknown && row.get("type_constraint").is_none();
    let is_sensitive = answer["sensitive"] == json!(true);
    names.retain(|name| *name != "sensitive");
    names.sort_unstable();
    let mut expected = [content, "type"];
    expected.sort_unstable();
    names == expected
        && (!tells_sensitive || is_sensitive == (row["sensitive"] == json!(true)))
        && same_type(answer["type"].as_str().unwrap_or_default(), row["type"].as_str().unwrap_or_default())
        && (if is_unknown { answer["unknown"] == json!(true) } else { same(&answer["value"], &row["want"]) })
}

/// Types are written with and without spaces, some with a comma behind the last part.
fn same_type(ours: &str, theirs: &str) -> bool {
    let plain = |text: &str| text.replace([' ', '\n'], "").replace(",)", ")").replace(",}", "}");
    plain(ours) == plain(theirs)
}

fn same(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Number(ours), Json::Number(theirs)) => same_number(&ours.to_string(), &theirs.to_string()),
        (Json::Array(ours), Json::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Json::Object(ours), Json::Object(theirs)) => {
            let part = |(name, ours): (&String, &Json)| theirs.get(name).is_some_and(|theirs| same(ours, theirs));
            ours.len() == theirs.len() && ours.iter().all(part)
        }
        _ => ours == theirs,
    }
}

/// Equal as decimals; fractions were written down as machine floats.
fn same_number(ours: &str, theirs: &str) -> bool {
    let (Ok(number), Ok(wanted)) = (ours.parse::<Number>(), theirs.parse::<Number>()) else { return false };
    number == wanted || (theirs.contains(['.', 'e']) && number.to_f64() == wanted.to_f64())
}

/// Asks the rows, each in a project with what it refers to, and fails with all that differ.
fn all_are_terraforms(rows: &[Json]) {
    let mut groups: BTreeMap<String, Vec<&Json>> = BTreeMap::new();
    for row in rows {
        let tables = ["locals", "vars", "files", "unknowns"].map(|table| row[table].clone());
        groups.entry(json!(tables).to_string()).or_default().push(row);
    }
    let mut differences = Vec::new();
    for rows in groups.values() {
        let project = project(rows[0]);
        let question = |row: &Json| in_module(row["expr"].as_str().expect("text").trim_matches('\n'), row);
        let (endless, others): (Vec<&Json>, Vec<&Json>) = rows.iter().partition(|row| is_unfinished(&question(row)));
        let questions: Vec<String> = others.iter().map(|row| question(row)).collect();
        let answers = ask(&project, &questions);
        differences.extend(others.iter().zip(answers).filter_map(|(row, answers)| difference(row, &answers)));
        let alone = endless.iter().map(|row| difference(row, &ask_alone(&project, &question(row))));
        differences.extend(alone.flatten());
    }
    assert!(rows.len() > 90, "there are only {} rows", rows.len());
    assert!(differences.is_empty(), "{} of {} rows differ:\n{}", differences.len(), rows.len(), differences.join("\n"));
}

/// A project with the locals, variables, files and unknown values of a row.
fn project(row: &Json) -> Project {
    let table = |name: &str| row[name].as_object().into_iter().flatten();
    let mut main = String::new();
    for (name, text) in table("locals") {
        let _ = writeln!(main, "locals {{\n  {name} = {}\n}}", in_module(text.as_str().expect("text"), row));
    }
    for (name, _) in table("vars") {
        let _ = writeln!(main, "variable {name:?} {{\n  type = any\n}}");
    }
    let mut inner = String::new();
    for (name, ty) in table("unknowns") {
        let ty = ty.as_str().expect("a type");
        let _ =
            writeln!(inner, "variable {name:?} {{\n  type = {ty}\n}}\noutput {name:?} {{\n  value = var.{name}\n}}");
    }
    if !inner.is_empty() {
        let arguments: String =
            table("unknowns").map(|(name, _)| format!("  {name} = terraform_data.later.output\n")).collect();
        let _ = write!(
            main,
            "resource \"terraform_data\" \"later\" {{\n}}\nmodule \"u\" {{\n  source = \"./u\"\n{arguments}}}\n"
        );
    }
    let project = Project::new(main);
    project.write("u/main.hcl", inner);
    project.write("portolan.vars.json", json!(table("vars").collect::<BTreeMap<_, _>>()).to_string());
    for (name, content) in table("files") {
        project.write(name, content.as_str().expect("text"));
    }
    project
}

/// Where there are unknown values, variables are outputs of a module.
fn in_module(text: &str, row: &Json) -> String {
    if row["unknowns"].as_object().is_none_or(|unknowns| unknowns.is_empty()) {
        return text.to_owned();
    }
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("var.") {
        let is_name = rest[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '.');
        changed.push_str(&rest[..at]);
        changed.push_str(if is_name { "var." } else { "module.u." });
        rest = &rest[at + 4..];
    }
    changed + rest
}

#[test]
fn expressions() {
    all_are_terraforms(&rows("expressions.jsonl"));
}

#[test]
fn unknown_values() {
    all_are_terraforms(&rows("unknown_values.jsonl"));
}

fn is_type(text: &str) -> bool {
    let (expr, problems) = parse_expr(FileId(0), text);
    !problems.has_errors() && TypeConstraint::parse(&expr).is_ok()
}

/// Each row is an argument of a module whose variable has the row's type.
#[test]
fn type_conversions() {
    let (wrong, rows): (Vec<Json>, Vec<Json>) = rows("type_conversions.jsonl")
        .into_iter()
        .partition(|row| !is_type(row["type_constraint"].as_str().expect("text")));
    for row in wrong {
        assert_eq!(row["error"], json!(true), "{row}");
        let ty = row["type_constraint"].as_str().expect("text");
        let project = Project::new(format!("variable \"x\" {{\n  type = {ty}\n  default = {}\n}}\n", row["expr"]));
        project.refused(&["console", "--json"], "main.hcl:2:");
    }
    let project = Project::new("");
    let mut main = String::new();
    for (at, row) in rows.iter().enumerate() {
        let (expr, ty) = (row["expr"].as_str().expect("text"), row["type_constraint"].as_str().expect("a type"));
        let _ = writeln!(main, "module \"r{at}\" {{\n  source = \"./r{at}\"\n  x = {expr}\n}}");
        let variable = format!("variable \"x\" {{\n  type = {ty}\n}}\noutput \"x\" {{\n  value = var.x\n}}\n");
        project.write(&format!("r{at}/main.hcl"), variable);
    }
    project.write("main.hcl", main);
    let questions: Vec<String> = (0..rows.len()).map(|at| format!("module.r{at}.x")).collect();
    let answers = ask(&project, &questions);
    let differences: Vec<String> =
        rows.iter().zip(answers).filter_map(|(row, answers)| difference(row, &answers)).collect();
    assert!(differences.is_empty(), "{} of {} rows differ:\n{}", differences.len(), rows.len(), differences.join("\n"));
}

#[test]
fn each_expression_is_answered_on_a_line_of_its_own() {
    let project = Project::new("resource \"terraform_data\" \"later\" {\n}\n");
    let questions = r#"1 + 1
[
  1,
  "a",
]

<<EOT
one
${1 + 1}
EOT
nothing.here
)
sensitive("s")
[sensitive("s")]
terraform_data.later.id
[terraform_data.later.id]
{ a = <<-X
  deep
  X
}
"%{ for x in ["p", "q"] }${x};%{ endfor }"
"last ${
"#;
    let answers: Vec<String> = ask_alone(&project, questions).iter().map(Json::to_string).collect();
    let expected = [
        r#"{"type":"number","value":2}"#,
        r#"{"type":"tuple([number,string])","value":[1,"a"]}"#,
        r#"{"type":"string","value":"one\n2\n"}"#,
        r#"{"error":"Reference to undeclared resource: There is no resource \"nothing.here\" in this module."}"#,
        r#"{"error":"Extra characters after expression: The bracket `)` closes nothing that was opened in this expression."}"#,
        r#"{"type":"string","value":"s","sensitive":true}"#,
        r#"{"type":"tuple([string])","value":["s"]}"#,
        r#"{"type":"string","unknown":true}"#,
        r#"{"type":"tuple([string])","value":[null],"unknown_parts":[true]}"#,
        r#"{"type":"object({a=string})","value":{"a":"deep\n"}}"#,
        r#"{"type":"string","value":"p;q;"}"#,
        r#"{"error":"Unclosed template sequence: The closing brace of this sequence is missing."}"#,
    ];
    assert_eq!(answers.join("\n"), expected.join("\n"));
}
