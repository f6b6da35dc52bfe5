//! Whole configurations with Terraform's answers, said in our words.
//!
//! Files keep their lines and columns: only names of files, the keyword `terraform` of the
//! settings, and the prefix of environment variables differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

/// A configuration with its steps.
pub(crate) struct Row {
    /// Its name: `count/null`.
    pub(crate) name: String,
    /// What is done one after the other.
    pub(crate) steps: Vec<Step>,
}

/// One step: the files and flags, and what is to be said and done.
pub(crate) struct Step {
    /// The files by name; the same as before where the row gives none.
    pub(crate) files: BTreeMap<String, String>,
    /// Flags of the command line.
    pub(crate) arguments: Vec<String>,
    /// Variables of the environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Terraform's answer; places in it name its files.
    pub(crate) want: Json,
    /// The whole plan in Terraform's format, where it was kept.
    pub(crate) plan: Option<Json>,
    /// What Terraform's apply told, line by line, where it was kept.
    pub(crate) stream: Option<Vec<Json>>,
}

/// A problem: its severity and its place, `main.hcl:1:2`, where it has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// `error` or `warning`.
    pub(crate) severity: String,
    /// The file with line and column.
    pub(crate) at: Option<String>,
}

/// All rows.
pub(crate) fn rows() -> Vec<Row> {
    let mut plans = by_step("plans.jsonl", "plan");
    let mut streams = by_step("apply_streams.jsonl", "lines");
    let mut rows: Vec<Row> = lines("configurations.jsonl").iter().map(row).collect();
    for row in &mut rows {
        for (at, step) in row.steps.iter_mut().enumerate() {
            step.plan = plans.remove(&(row.name.clone(), at as u64));
            let stream = streams.remove(&(row.name.clone(), at as u64));
            step.stream = stream.and_then(|stream| stream.as_array().cloned());
        }
    }
    assert!(plans.is_empty() && streams.is_empty(), "documents of no row");
    rows
}

fn lines(file: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = fs::read_to_string(path).expect("the vectors");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// One field of each line, by the row's name and the step.
fn by_step(file: &str, field: &str) -> BTreeMap<(String, u64), Json> {
    let key = |line: &Json| (line["name"].as_str().expect("a name").to_owned(), line["step"].as_u64().expect("a step"));
    lines(file).iter_mut().map(|line| (key(line), line[field].take())).collect()
}

fn row(json: &Json) -> Row {
    let mut files = BTreeMap::new();
    let steps = json["steps"].as_array().expect("steps").iter().map(|step| {
        if let Some(given) = step["files"].as_object() {
            files = given.iter().map(|(name, text)| (file_name(name), file_text(text))).collect();
        }
        let arguments = step["args"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let environment = step["env"].as_object().into_iter().flatten();
        Step {
            files: files.clone(),
            arguments: arguments.map(|argument| argument.replace(".tfvars", ".vars.hcl")).collect(),
            environment: environment
                .map(|(name, value)| {
                    (name.replace("TF_VAR_", "PORTOLAN_VAR_"), value.as_str().unwrap_or("").to_owned())
                })
                .collect(),
            want: step["want"].clone(),
            plan: None,
            stream: None,
        }
    });
    Row { steps: steps.collect(), name: json["name"].as_str().expect("a name").to_owned() }
}

/// The name of a file in our words.
pub(crate) fn file_name(name: &str) -> String {
    let endings =
        [(".tf.json", ".hcl.json"), (".tfvars.json", ".vars.json"), (".tfvars", ".vars.hcl"), (".tf", ".hcl")];
    for (theirs, ours) in endings {
        if let Some(stem) = name.strip_suffix(theirs) {
            let stem = if ours.contains("vars") && stem == "terraform" { "portolan" } else { stem };
            return format!("{stem}{ours}");
        }
    }
    name.to_owned()
}

fn file_text(text: &Json) -> String {
    let text = text.as_str().expect("text");
    text.replace("terraform {", "portolan {").replace("\"terraform\":", "\"portolan\":")
}

/// The problems in a list of Terraform's diagnostics.
pub(crate) fn problems(list: &Json) -> Vec<Problem> {
    let problem = |diagnostic: &Json| Problem {
        severity: diagnostic["severity"].as_str().expect("a severity").to_owned(),
        at: diagnostic["at"].as_str().map(|at| {
            let (name, position) = at.split_once(':').expect("a place");
            format!("{}:{position}", file_name(name))
        }),
    };
    let mut problems: Vec<Problem> = list.as_array().into_iter().flatten().map(problem).collect();
    problems.sort();
    problems.dedup();
    problems
}

/// Writes the files of a step into a directory.
pub(crate) fn write_files(directory: &Path, step: &Step) {
    for (name, text) in &step.files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
}
