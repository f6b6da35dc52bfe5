//! Documents, and where they come from.

use std::sync::Arc;

use portolan_lang::eval::Host;
use portolan_lang::{Diagnostic, Value, yaml_documents};

use super::in_metadata;

/// The ends of the names of files that hold manifests.
const ENDS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The annotation by which Helm tells what it would only make on occasion, and the words for what
/// it makes to test a release.
const HOOK: &str = "helm.sh/hook";
const TESTS: [&str; 3] = ["test", "test-success", "test-failure"];

/// The label by which tools say that an object is theirs. Who applies it is another one here.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// An object that is written down.
pub(super) struct Document {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) manifest: Value,
    /// Where it stands: `deploy/web.yaml:12`.
    pub(super) place: String,
}

impl Document {
    fn of(manifest: Value, place: String) -> Result<Document, Diagnostic> {
        let manifest = without_manager(manifest);
        let text = |name: &str| manifest.get(name).and_then(|value| value.as_str().map(str::to_owned));
        let metadata = |name: &str| manifest.at(&in_metadata(name)).and_then(|value| value.as_str().map(str::to_owned));
        let (Some(api_version), Some(kind), Some(name)) = (text("apiVersion"), text("kind"), metadata("name")) else {
            let problem = Diagnostic::error("Not a manifest")
                .detail(format!("What begins at {place} is no object of Kubernetes."));
            return Err(problem.help("A manifest has apiVersion, kind, and metadata with a name."));
        };
        Ok(Document { api_version, kind, namespace: metadata("namespace"), name, manifest, place })
    }

    /// The same, in a namespace.
    pub(super) fn within(self, namespace: &Value) -> Document {
        let metadata = self.manifest.get("metadata").unwrap_or_else(|| Value::object::<&str>([]));
        let manifest = with(&self.manifest, "metadata", with(&metadata, "namespace", namespace.clone()));
        Document { manifest, namespace: namespace.as_str().map(str::to_owned), ..self }
    }

    /// The API group: empty for `v1`.
    pub(super) fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Its part of addresses: `deployment:shop:web`; the group too where Kubernetes does not ship
    /// the kind, because another one may be called the same.
    pub(super) fn part(&self) -> String {
        let group = self.group();
        let kind = self.kind.to_ascii_lowercase();
        let kind = if group.contains('.') && !group.ends_with(".k8s.io") { format!("{kind}.{group}") } else { kind };
        let words = [Some(kind.as_str()), self.namespace.as_deref(), Some(self.name.as_str())];
        words.into_iter().flatten().collect::<Vec<_>>().join(":")
    }

    /// As people call it.
    pub(super) fn shown(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    fn is_test(&self) -> bool {
        let hook = self.manifest.at(&in_metadata("annotations")).and_then(|annotations| annotations.get(HOOK));
        let words = hook.as_ref().and_then(Value::as_str);
        words.is_some_and(|words| words.split(',').any(|word| TESTS.contains(&word.trim())))
    }
}

/// The same object with another value of an attribute.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let Some(entries) = object.entries() else { return object.clone() };
    Value::object(entries.with(name, value).iter().map(|(name, value)| (name.clone(), value.clone())))
}

/// A manifest that does not say whose object it is: the engine does.
fn without_manager(manifest: Value) -> Value {
    let labels = manifest.at(&in_metadata("labels"));
    let Some(labels) = labels.as_ref().and_then(Value::entries).filter(|labels| labels.get(MANAGED_BY).is_some())
    else {
        return manifest;
    };
    let others = labels.iter().filter(|(name, _)| &***name != MANAGED_BY);
    let others: Vec<(Arc<str>, Value)> = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    let metadata = manifest.get("metadata").unwrap_or_else(|| Value::object::<&str>([]));
    with(&manifest, "metadata", with(&metadata, "labels", Value::object(others)))
}

/// The documents that the attribute `name` leads to. Tests of Helm releases are left out.
pub(super) fn documents(name: &str, given: &Value, host: &dyn Host) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let is_sensitive = given.is_sensitive();
    let given = given.unmark_deep();
    let text = given.as_str();
    let texts = match (name, text) {
        ("directory", Some(directory)) => in_directory(directory, host)?,
        ("text", Some(text)) => vec![("text".to_owned(), text.to_owned())],
        _ => {
            let paths = given.items().unwrap_or_default().iter().filter_map(Value::as_str);
            read_all(paths.map(str::to_owned), host)?
        }
    };
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (path, text) in texts {
        match in_text(&path, &text) {
            Ok(documents) => found.extend(documents),
            Err(problem) => problems.push(problem),
        }
    }
    if is_sensitive {
        found.iter_mut().for_each(|document| document.manifest = document.manifest.clone().sensitive());
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn in_directory(directory: &str, host: &dyn Host) -> Result<Vec<(String, String)>, Vec<Diagnostic>> {
    let files = host.files(directory).map_err(|why| vec![unreadable(directory, &why)])?;
    let wanted = files.into_iter().filter(|file| ENDS.iter().any(|end| file.ends_with(end)));
    let texts = read_all(wanted.map(|file| format!("{}/{file}", directory.trim_end_matches('/'))), host)?;
    match texts.is_empty() {
        false => Ok(texts),
        true => Err(vec![
            Diagnostic::error("No manifests")
                .detail(format!("No file below \"{directory}\" ends in .yaml, .yml or .json.")),
        ]),
    }
}

/// The texts of files, by their paths.
fn read_all(paths: impl Iterator<Item = String>, host: &dyn Host) -> Result<Vec<(String, String)>, Vec<Diagnostic>> {
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let text =
            host.read(&path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
        match text {
            Ok(text) => texts.push((path, text)),
            Err(why) => problems.push(unreadable(&path, &why)),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

fn unreadable(path: &str, why: &str) -> Diagnostic {
    Diagnostic::error("Unreadable manifests").detail(format!("\"{path}\": {why}."))
}

/// The objects in a text; those of lists one by one, and empty documents left out.
fn in_text(path: &str, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let broken = |why| Diagnostic::error("Unreadable manifests").detail(format!("\"{path}\": {why}."));
    let mut found = Vec::new();
    for (line, value) in yaml_documents(text).map_err(broken)? {
        let place = format!("{path}:{line}");
        for manifest in listed(value) {
            found.push(Document::of(manifest, place.clone())?);
        }
    }
    found.retain(|document| !document.is_test());
    Ok(found)
}

/// The objects of a document, which may be a list of them.
fn listed(value: Value) -> Vec<Value> {
    let is_list = value.get("kind").is_some_and(|kind| kind.as_str() == Some("List"));
    match value.get("items") {
        _ if value.is_null() => Vec::new(),
        Some(items) if is_list => items.items().unwrap_or_default().to_vec(),
        _ => vec![value],
    }
}
