//! What is right in a manifest whatever its kind. What is unknown is taken to be right.

use portolan_lang::value::Entries;
use portolan_lang::{AttributePath, Data, Step, Type, Value};
use portolan_provider::Error;

use crate::identity::group_of;
use crate::names::{Form, is_api_version, is_kind, is_label_key, is_label_value};
use crate::scope::{self, Scope};
use crate::yaml::{MAX_DEPTH, MAX_KEY_LENGTH};

/// The attribute that holds the manifest.
pub(crate) const ATTRIBUTE: &str = "manifest";

/// The label by which an object is known to be ours, and its value.
pub(crate) const OWNER_LABEL: &str = "app.kubernetes.io/managed-by";
pub(crate) const OWNER: &str = "portolan";

/// What a cluster writes into an object's metadata, so that a manifest cannot.
pub(crate) const SET_BY_CLUSTER: [&str; 4] = ["creationTimestamp", "managedFields", "resourceVersion", "uid"];

/// All that is wrong with a manifest.
pub(crate) fn check(manifest: &Value) -> Vec<Error> {
    if manifest.is_null() {
        let missing = Error::invalid("a manifest is missing").at(AttributePath::attribute(ATTRIBUTE));
        return vec![missing.help("Set `manifest`, or `manifest_file`.")];
    }
    let mut checker = Checker::default();
    let root = Place { value: manifest, path: AttributePath::attribute(ATTRIBUTE) };
    checker.check_manifest(&root);
    checker.check_shape(&root, 0);
    checker.errors
}

/// A value and the way to it.
struct Place<'a> {
    value: &'a Value,
    path: AttributePath,
}

/// What stands at a place.
enum Found<'a> {
    Absent,
    Unknown,
    There(Place<'a>),
}

impl<'a> Place<'a> {
    fn path_to(&self, name: &str) -> AttributePath {
        let in_map = matches!(self.value.data(), Data::Map(_));
        self.path.then(if in_map { Step::Key(name.into()) } else { Step::Attribute(name.into()) })
    }

    fn find(&self, name: &str) -> Found<'a> {
        match self.value.entries().and_then(|entries| entries.get(name)) {
            Some(value) if !value.is_known() => Found::Unknown,
            Some(value) if !value.is_null() => Found::There(Place { value, path: self.path_to(name) }),
            _ => Found::Absent,
        }
    }
}

#[derive(Default)]
struct Checker {
    errors: Vec<Error>,
}

impl Checker {
    fn wrong(&mut self, path: &AttributePath, message: impl Into<String>) {
        self.errors.push(Error::invalid(message).at(path.clone()));
    }

    fn check_manifest(&mut self, manifest: &Place<'_>) {
        if self.object(manifest).is_none() {
            return;
        }
        let api_version = self.required_text(manifest, "apiVersion");
        if let Some((text, path)) = api_version.as_ref().filter(|(text, _)| !is_api_version(text)) {
            self.wrong(path, format!("{text:?} is not an API version, such as \"v1\" or \"apps/v1\""));
        }
        let kind = self.required_text(manifest, "kind");
        if let Some((text, path)) = kind.as_ref().filter(|(text, _)| !is_kind(text)) {
            self.wrong(path, format!("{text:?} is not a kind, such as \"Deployment\""));
        }
        match manifest.find("metadata") {
            Found::Absent => self.wrong(&manifest.path, "metadata with a name is missing"),
            Found::Unknown => {}
            Found::There(metadata) => {
                let group = api_version.as_ref().map(|(text, _)| group_of(text));
                let kind = kind.as_ref().map(|(text, _)| text.as_str());
                self.check_metadata(&metadata, group.zip(kind));
            }
        }
    }

    fn check_metadata(&mut self, metadata: &Place<'_>, group_and_kind: Option<(&str, &str)>) {
        if self.object(metadata).is_none() {
            return;
        }
        let form = group_and_kind.map_or(Form::Subdomain, |(group, kind)| Form::of_kind(group, kind));
        if let Found::There(prefix) = metadata.find("generateName") {
            self.wrong(&prefix.path, "a generated name is another one each time: set `name`");
        } else if let Some((name, path)) = self.required_text(metadata, "name").filter(|(name, _)| !form.fits(name)) {
            self.wrong(&path, format!("{name:?} is not a name: {}", form.rule()));
        }
        if let Some((group, kind)) = group_and_kind {
            self.check_scope(metadata, group, kind);
        }
        if let Some((name, path)) = self.text(metadata, "namespace").filter(|(name, _)| !Form::Label.fits(name)) {
            self.wrong(&path, format!("{name:?} is not a namespace: {}", Form::Label.rule()));
        }
        for name in SET_BY_CLUSTER {
            if let Found::There(place) = metadata.find(name) {
                self.wrong(&place.path, format!("{name} is set by the cluster and cannot stand in a manifest"));
            }
        }
        self.check_words(metadata, "labels", is_label_value);
        self.check_words(metadata, "annotations", |_| true);
        self.check_owner(metadata);
    }

    fn check_scope(&mut self, metadata: &Place<'_>, group: &str, kind: &str) {
        match (scope::of_kind(group, kind), metadata.find("namespace")) {
            (Scope::Namespaced, Found::Absent) => {
                let message = format!("a {kind} lives in a namespace, and none is set");
                let error = Error::invalid(message).at(metadata.path.clone());
                self.errors.push(error.help("Set `namespace` in the metadata, to \"default\" if need be."));
            }
            (Scope::Cluster, Found::There(namespace)) => {
                self.wrong(&namespace.path, format!("a {kind} belongs to the whole cluster and has no namespace"));
            }
            _ => {}
        }
    }

    /// Labels or annotations: text by well-formed keys.
    fn check_words(&mut self, metadata: &Place<'_>, name: &str, fits: impl Fn(&str) -> bool) {
        let Found::There(words) = metadata.find(name) else { return };
        let Some(entries) = self.object(&words) else { return };
        for (key, value) in entries.iter() {
            let path = words.path_to(key);
            if !is_label_key(key) {
                self.wrong(&path, format!("{key:?} is not a key of {name}"));
            }
            match value.as_str() {
                Some(text) if !fits(text) => {
                    let rule =
                        "at most 63 letters, digits, hyphens, underscores and dots, a letter or digit first and last";
                    self.wrong(&path, format!("this is not the value of a label: {rule}"));
                }
                None if value.is_known() && !value.is_null() => {
                    let error = Error::invalid(format!("a string is required, not a {}", word_for(value))).at(path);
                    self.errors.push(error.help("Put the value in quotes."));
                }
                _ => {}
            }
        }
    }

    fn check_owner(&mut self, metadata: &Place<'_>) {
        let Found::There(labels) = metadata.find("labels") else { return };
        let Found::There(owner) = labels.find(OWNER_LABEL) else { return };
        if owner.value.as_str().is_some_and(|owner| owner != OWNER) {
            let error = Error::invalid(format!("the label {OWNER_LABEL} says who manages the object: {OWNER:?}"));
            self.errors.push(error.at(owner.path).help("Leave the label out; it is set by itself."));
        }
    }

    /// What no YAML reader could take.
    fn check_shape(&mut self, place: &Place<'_>, depth: usize) {
        if depth == MAX_DEPTH {
            return self.wrong(&place.path, format!("there are more than {MAX_DEPTH} levels of nesting"));
        }
        for (step, value) in place.value.children() {
            let child = Place { value, path: place.path.then(step.clone()) };
            match step {
                Step::Attribute(key) | Step::Key(key) if key.len() > MAX_KEY_LENGTH => {
                    self.wrong(&place.path, format!("a key in it is longer than {MAX_KEY_LENGTH} bytes"));
                }
                _ => self.check_shape(&child, depth + 1),
            }
        }
    }

    /// The entries of a place that must be an object.
    fn object<'a>(&mut self, place: &Place<'a>) -> Option<&'a Entries> {
        if place.value.is_known() && place.value.entries().is_none() {
            self.wrong(&place.path, format!("an object is required, not a {}", word_for(place.value)));
        }
        place.value.entries()
    }

    /// The text of this name and its path; `None` where it is absent, unknown or something else.
    fn text(&mut self, parent: &Place<'_>, name: &str) -> Option<(String, AttributePath)> {
        let Found::There(place) = parent.find(name) else { return None };
        if place.value.as_str().is_none() {
            self.wrong(&place.path, format!("a string is required, not a {}", word_for(place.value)));
        }
        place.value.as_str().map(|text| (text.to_owned(), place.path.clone()))
    }

    fn required_text(&mut self, parent: &Place<'_>, name: &str) -> Option<(String, AttributePath)> {
        if let Found::Absent = parent.find(name) {
            self.wrong(&parent.path, format!("{name} is missing"));
        }
        self.text(parent, name)
    }
}

fn word_for(value: &Value) -> String {
    match value.ty() {
        Type::Any if value.is_null() => "null".to_owned(),
        ty => ty.friendly_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn told(text: &str) -> Vec<String> {
        let manifest = yaml::read(text).expect("a manifest");
        let line = |error: Error| format!("{}: {}", error.path.expect("a path"), error.message);
        check(&manifest).into_iter().map(line).collect()
    }

    #[test]
    fn a_right_manifest_is_accepted() {
        let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a.b, namespace: shop, labels: {a: b}}}";
        assert!(told(text).is_empty());
        assert!(told("{apiVersion: a.io/v1, kind: Thing, metadata: {name: a}}").is_empty());
        assert!(
            told("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'a:b'}}").is_empty()
        );
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = "
apiVersion: V1
kind: [x]
metadata:
  name: ../up
  namespace: a.b
  uid: 1
  labels: {version: 1, 'a b': c, d: 'e f', app.kubernetes.io/managed-by: Helm}
  annotations: {port: true}
";
        let expected = [
            "manifest.apiVersion: \"V1\" is not an API version, such as \"v1\" or \"apps/v1\"",
            "manifest.kind: a string is required, not a tuple",
            "manifest.metadata.name: \"../up\" is not a name: at most 253",
            "manifest.metadata.namespace: \"a.b\" is not a namespace: at most 63",
            "manifest.metadata.uid: uid is set by the cluster and cannot stand in a manifest",
            "manifest.metadata.labels.a b: \"a b\" is not a key of labels",
            "manifest.metadata.labels.d: this is not the value of a label",
            "manifest.metadata.labels.version: a string is required, not a number",
            "manifest.metadata.annotations.port: a string is required, not a bool",
            "manifest.metadata.labels.app.kubernetes.io/managed-by: the label app.kubernetes.io/managed-by says who",
        ];
        let told = told(text);
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}\n{expected}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(told("1"), ["manifest: an object is required, not a number"]);
        assert_eq!(
            told("{}"),
            [
                "manifest: apiVersion is missing",
                "manifest: kind is missing",
                "manifest: metadata with a name is missing"
            ]
        );
        assert_eq!(
            told("{apiVersion: apps/v1, kind: Deployment, metadata: {}}"),
            [
                "manifest.metadata: name is missing",
                "manifest.metadata: a Deployment lives in a namespace, and none is set"
            ]
        );
        assert_eq!(
            told("{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}"),
            ["manifest.metadata.namespace: a Namespace belongs to the whole cluster and has no namespace"]
        );
    }

    #[test]
    fn what_is_unknown_is_taken_to_be_right() {
        assert!(check(&Value::unknown(Type::Any)).is_empty());
        let unknown = || Value::unknown(Type::String);
        let manifest = Value::object([("apiVersion", unknown()), ("kind", unknown()), ("metadata", unknown())]);
        assert!(check(&manifest).is_empty());
    }

    #[test]
    fn what_yaml_cannot_hold_is_refused() {
        let deep = (0..MAX_DEPTH).fold(Value::TRUE, |inner, _| Value::tuple([inner]));
        let long = Value::object([("k".repeat(MAX_KEY_LENGTH + 1), Value::TRUE)]);
        let text = "{apiVersion: a.io/v1, kind: Thing, metadata: {name: a}}";
        for value in [deep, long] {
            let manifest = yaml::read(text).expect("a manifest");
            let entries = manifest.entries().expect("entries").with("spec", value);
            assert_eq!(check(&Data::Object(entries.into()).into()).len(), 1);
        }
    }
}
