//! `terraform_remote_state`: the outputs that another state file records.
//!
//! The file is Terraform's state file of format version 4. Outputs that it marks as sensitive
//! are sensitive here too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Attribute, AttributePath, Schema, Step, Type, Value};
use portolan_provider::Error;

pub(crate) const TYPE: &str = "terraform_remote_state";

const DEFAULT_PATH: &str = "terraform.tfstate";
const DEFAULT_WORKSPACE: &str = "default";
const DEFAULT_WORKSPACE_DIR: &str = "terraform.tfstate.d";
const CONFIG_NAMES: [&str; 2] = ["path", "workspace_dir"];
/// The only format of state file that is read.
const FORMAT_VERSION: u64 = 4;

pub(crate) fn schema() -> Schema {
    Schema::new("The outputs of another configuration, read from its state file.")
        .with(Attribute::required("backend", Type::String).doc("Where the state is: `local`, a file."))
        .with(Attribute::optional("config", Type::Any).doc("For `local`: `path` and `workspace_dir`."))
        .with(Attribute::optional("defaults", Type::Any).doc("Values of outputs that the state does not have."))
        .with(Attribute::optional("workspace", Type::String).doc("The workspace; `default` if not set."))
        .with(Attribute::computed("outputs", Type::Any).doc("The outputs by name."))
}

/// All that is wrong with the known parts.
pub(crate) fn validate(config: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let backend = attribute(config, "backend");
    if let Some(name) = backend.as_str().filter(|name| *name != "local") {
        let message = format!("the backend {name:?} cannot be read, only \"local\" can");
        errors.push(Error::invalid(message).at(AttributePath::attribute("backend")));
        return errors;
    }
    let settings = attribute(config, "config");
    if settings.is_known() && !settings.is_null() && settings.entries().is_none() {
        errors.push(Error::invalid("an object is required").at(AttributePath::attribute("config")));
    }
    for (step, value) in settings.children() {
        errors.extend(wrong_setting(step, value));
    }
    let defaults = attribute(config, "defaults");
    if defaults.is_known() && !defaults.is_null() && defaults.entries().is_none() {
        errors.push(Error::invalid("an object is required").at(AttributePath::attribute("defaults")));
    }
    if attribute(config, "workspace").as_str().is_some_and(|name| !is_workspace_name(name)) {
        let message = "a workspace name is not empty and has no slash in it";
        errors.push(Error::invalid(message).at(AttributePath::attribute("workspace")));
    }
    errors
}

fn wrong_setting(step: Step, value: &Value) -> Option<Error> {
    let (Step::Attribute(name) | Step::Key(name)) = &step else { return None };
    let path = AttributePath::attribute("config").then(step.clone());
    if !CONFIG_NAMES.contains(&&**name) {
        let error = Error::invalid(format!("the backend \"local\" has no setting {name:?}")).at(path);
        return Some(match did_you_mean(name, CONFIG_NAMES) {
            Some(meant) => error.help(format!("Did you mean {meant:?}?")),
            None => error,
        });
    }
    let fits = !value.is_known() || value.is_null() || value.as_str().is_some();
    (!fits).then(|| Error::invalid("a string is required").at(path))
}

fn is_workspace_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

/// Reads the file and completes the configuration with the outputs.
pub(crate) async fn read(config: &Value) -> Result<Value, Error> {
    if let Some(error) = validate(config).into_iter().next() {
        return Err(error);
    }
    let path = state_file(config);
    let blame = || AttributePath::attribute("config").then(Step::Attribute(Arc::from("path")));
    let text = tokio::fs::read(&path).await.map_err(|error| unreadable(&path, &error).at(blame()))?;
    let recorded = outputs_of(&text).map_err(|problem| {
        let message = format!("{} is not a state file: {problem}", path.display());
        Error::failed(message).at(blame())
    })?;
    let defaults = attribute(config, "defaults");
    let defaults = defaults.entries().into_iter().flat_map(|entries| entries.iter());
    let defaults = defaults.map(|(name, value)| (name.clone(), value.clone()));
    let outputs = Value::object(defaults.chain(recorded));
    let names = ["backend", "config", "defaults", "workspace"];
    let given = names.map(|name| (name, attribute(config, name)));
    Ok(Value::object(given.into_iter().chain([("outputs", outputs)])))
}

fn state_file(config: &Value) -> PathBuf {
    let settings = attribute(config, "config");
    let setting = |name: &str| settings.get(name).and_then(|value| value.as_str().map(PathBuf::from));
    let workspace = attribute(config, "workspace");
    match workspace.as_str().filter(|name| *name != DEFAULT_WORKSPACE) {
        Some(name) => {
            setting("workspace_dir").unwrap_or_else(|| DEFAULT_WORKSPACE_DIR.into()).join(name).join(DEFAULT_PATH)
        }
        None => setting("path").unwrap_or_else(|| DEFAULT_PATH.into()),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::failed(format!("there is no state file {}", path.display()))
            .help("Apply the other configuration first, or correct the path; it counts from the working directory.");
    }
    Error::io(format_args!("reading the state file {}", path.display()), error)
}

/// The outputs by name; the problem in words where the text is not a state file.
fn outputs_of(text: &[u8]) -> Result<Vec<(Arc<str>, Value)>, String> {
    let state: serde_json::Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match state.get("version").map(serde_json::Value::as_u64) {
        Some(Some(FORMAT_VERSION)) => {}
        Some(Some(version)) => return Err(format!("its format version is {version}, only {FORMAT_VERSION} is read")),
        _ => return Err("it has no format version".to_owned()),
    }
    let Some(outputs) = state.get("outputs").and_then(serde_json::Value::as_object) else {
        return Ok(Vec::new());
    };
    outputs.iter().map(|(name, output)| Ok((Arc::from(name.as_str()), output_value(name, output)?))).collect()
}

fn output_value(name: &str, output: &serde_json::Value) -> Result<Value, String> {
    let ty = output.get("type").and_then(Type::from_json);
    let ty = ty.ok_or_else(|| format!("the type of the output {name:?} is not one"))?;
    let value = output.get("value").and_then(|value| Value::from_json(value, &ty));
    let value = value.ok_or_else(|| format!("the value of the output {name:?} is not of its type, {ty}"))?;
    let sensitive = output.get("sensitive").and_then(serde_json::Value::as_bool) == Some(true);
    Ok(if sensitive { value.sensitive() } else { value })
}

fn attribute(value: &Value, name: &str) -> Value {
    value.get(name).unwrap_or_else(|| Value::null(Type::Any))
}
