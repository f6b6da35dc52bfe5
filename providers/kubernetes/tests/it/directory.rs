//! A directory of manifests keeps the promises of the seam, and its files are what people
//! expect to find in Git.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::StreamExt;
use portolan_kubernetes::{Kubernetes, OBJECT};
use portolan_lang::{AttributePath, Step, Type, Value};
use portolan_provider::conformance::{self, Client, Subject};
use portolan_provider::{Applied, Error, ErrorKind, Provider, Wanted};
use tempfile::TempDir;

/// A directory that is not there yet, and who works on it.
struct Cluster {
    _parent: TempDir,
    path: PathBuf,
    client: Client,
}

impl Cluster {
    async fn new() -> Self {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("out/eu");
        let client = connect(&path).await.expect("connects");
        Cluster { _parent: parent, path, client }
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).expect("a file")
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        fs::write(path, text).expect("writes");
    }

    fn mode(&self, file: &str) -> u32 {
        fs::metadata(self.path.join(file)).expect("a file").permissions().mode() & 0o777
    }

    async fn create(&self, object: &Value) -> Result<Applied, Error> {
        self.client.create(OBJECT, object).await
    }

    async fn update(&self, prior: &Applied, config: &Value) -> Result<Applied, Error> {
        self.client.update(OBJECT, prior, config).await
    }

    async fn delete(&self, object: &Applied) -> Result<(), Error> {
        self.client.delete(OBJECT, object).await
    }

    async fn read(&self, object: &Applied) -> Result<Option<Value>, Error> {
        self.find(&object.identity, Some(&object.value)).await
    }

    async fn find(&self, identity: &str, prior: Option<&Value>) -> Result<Option<Value>, Error> {
        self.client.find(OBJECT, identity, prior).await
    }
}

async fn connect(path: &Path) -> Result<Client, Error> {
    let directory = Value::object([("path", Value::string(path.to_str().expect("text")))]);
    Client::connect(Kubernetes::new(), &Value::object([("directory", directory)])).await
}

fn object(kind: &str, name: &str, rest: Value) -> Value {
    let metadata = Value::object([("name", Value::string(name)), ("namespace", Value::string("shop"))]);
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    let manifest = Value::object([
        ("apiVersion", Value::string(api_version)),
        ("kind", Value::string(kind)),
        ("metadata", metadata),
        ("data", rest),
    ]);
    Value::object([
        ("manifest", manifest),
        ("manifest_file", Value::null(Type::String)),
        ("force_conflicts", Value::null(Type::Bool)),
        ("lost_fields", Value::null(Type::map(Type::String))),
        ("wait", Value::null(Type::Bool)),
        ("timeout", Value::null(Type::String)),
        ("on_failure", Value::null(Type::String)),
    ])
}

fn config_map(name: &str, data: &str) -> Value {
    object("ConfigMap", name, Value::object([("key", Value::string(data))]))
}

fn data_path() -> AttributePath {
    ["manifest", "data", "key"].map(|name| Step::Attribute(name.into())).into_iter().collect()
}

struct ConfigMaps(PathBuf);

#[async_trait]
impl Subject for ConfigMaps {
    fn resource_type(&self) -> &str {
        OBJECT
    }

    fn config(&self, number: usize) -> Value {
        config_map(&format!("map-{number}"), "on")
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&data_path(), Value::string("0x1f\n  two\n"))
    }

    async fn change_outside(&self, identity: &str) {
        let name = identity.rsplit('/').next().expect("a name");
        let path = self.0.join(format!("shop/configmap-{name}.yaml"));
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains("0x1f"));
        fs::write(path, text.replace("0x1f", "0x2f")).expect("writes");
    }
}

#[tokio::test]
async fn it_conforms() {
    let cluster = Cluster::new().await;
    let subject = ConfigMaps(cluster.path.clone());
    assert_eq!(conformance::check(&cluster.client, &subject).await, Ok(()));
    assert_eq!(fs::read_dir(&cluster.path).expect("lists").count(), 0, "nothing is left");
}

#[tokio::test]
async fn a_file_is_what_people_expect() {
    let cluster = Cluster::new().await;
    let applied = cluster.create(&config_map("settings", "yes")).await.expect("creates");
    assert_eq!(&*applied.identity, "core/ConfigMap/shop/settings");
    assert_eq!(
        cluster.text("shop/configmap-settings.yaml"),
        "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: portolan
data:
  key: \"yes\"
"
    );
    assert_eq!(cluster.mode("shop/configmap-settings.yaml") & 0o044, 0o044);
    assert_eq!(fs::read_dir(cluster.path.join("shop")).expect("lists").count(), 1, "no temporary file is left");
}

#[tokio::test]
async fn secrets_are_their_owners_alone() {
    let cluster = Cluster::new().await;
    let secret = object("Secret", "token", Value::object([("key", Value::string("cw=="))]));
    cluster.create(&secret).await.expect("creates");
    assert_eq!(cluster.mode("shop/secret-token.yaml"), 0o600);
    let marked = config_map("plain", "a").with(&data_path(), Value::string("a").sensitive());
    let applied = cluster.create(&marked).await.expect("creates");
    assert_eq!(cluster.mode("shop/configmap-plain.yaml"), 0o600);
    let read = cluster.read(&applied).await.expect("reads").expect("an object");
    assert!(read.at(&data_path()).is_some_and(|value| value.is_sensitive()));
}

#[tokio::test]
async fn types_and_nulls_are_read_as_they_were_applied() {
    let cluster = Cluster::new().await;
    let data = Value::object([
        ("list", Value::strings(["b", "a"])),
        ("set", Value::set(Type::Number, [Value::number(2), Value::number(1)])),
        ("map", Value::map(Type::Bool, [("on", Value::TRUE)])),
        ("none", Value::null(Type::String)),
        ("big", Value::number("12345678901234567890123".parse::<portolan_lang::Number>().expect("a number"))),
    ]);
    let applied = cluster.create(&object("Thing", "a", data.clone())).await.expect("creates");
    let read = cluster.read(&applied).await.expect("reads").expect("an object");
    assert_eq!(read, object("Thing", "a", data));
    let text = cluster.text("shop/thing-a.yaml");
    assert!(text.contains("big: 12345678901234567890123\n") && !text.contains("none"), "{text}");
    // Read from the text as well, where it is not byte for byte what was written.
    cluster.write("shop/thing-a.yaml", &format!("---\n{text}"));
    assert_eq!(cluster.read(&applied).await.expect("reads"), Some(read));
}

#[tokio::test]
async fn an_edit_by_hand_is_seen() {
    let cluster = Cluster::new().await;
    let applied = cluster.create(&config_map("a", "one")).await.expect("creates");
    let text = cluster.text("shop/configmap-a.yaml");
    cluster.write("shop/configmap-a.yaml", &format!("# A comment is no change.\n{text}"));
    assert_eq!(cluster.read(&applied).await.expect("reads"), Some(applied.value.clone()));
    cluster.write("shop/configmap-a.yaml", &text.replace("one", "1"));
    let found = cluster.read(&applied).await.expect("reads").expect("an object");
    assert_eq!(found.at(&data_path()), Some(Value::number(1)));
}

#[tokio::test]
async fn a_broken_file_fails_alone_and_with_its_place() {
    let cluster = Cluster::new().await;
    let first = cluster.create(&config_map("a", "one")).await.expect("creates");
    let second = cluster.create(&config_map("b", "two")).await.expect("creates");
    cluster.write("shop/configmap-a.yaml", "apiVersion: v1\nkind: [\n");
    let wanted = [&first, &second].map(|object| Wanted {
        resource_type: OBJECT.into(),
        identity: object.identity.clone(),
        prior: Some(object.value.clone()),
    });
    let answers = cluster.client.session.read(&wanted).await;
    let error = answers[0].as_ref().expect_err("a broken file");
    assert!(error.message.contains("shop/configmap-a.yaml:3:1: "), "{}", error.message);
    assert_eq!(answers[1].as_ref().expect("reads"), &Some(second.value.clone()));
}

#[tokio::test]
async fn a_file_of_somebody_else_is_not_overwritten() {
    let cluster = Cluster::new().await;
    let theirs = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {key: one}\n";
    cluster.write("shop/configmap-a.yaml", theirs);
    let error = cluster.create(&config_map("a", "one")).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.ends_with("shop/configmap-a.yaml is there already and is not ours"), "{}", error.message);
    let help = error.help.expect("help");
    assert!(help.contains("`import`, id \"core/ConfigMap/shop/a\""), "{help}");
    assert_eq!(cluster.text("shop/configmap-a.yaml"), theirs);

    // It is not what a killed run left.
    assert_eq!(cluster.find("v1/ConfigMap/shop/a", None).await.expect("reads"), None);

    for id in ["v1/ConfigMap/shop/a", "shop/configmap-a.yaml"] {
        let imported = cluster.client.session.import(OBJECT, id).await.expect("imports").expect("an object");
        assert_eq!(imported, Applied { identity: "core/ConfigMap/shop/a".into(), value: config_map("a", "one") });
    }
    let imported =
        cluster.client.session.import(OBJECT, "shop/configmap-a.yaml").await.expect("imports").expect("an object");
    cluster.update(&imported, &config_map("a", "two")).await.expect("updates");
    assert!(cluster.text("shop/configmap-a.yaml").contains("app.kubernetes.io/managed-by: portolan"));
    assert_eq!(cluster.client.session.import(OBJECT, "shop/configmap-none.yaml").await.expect("imports"), None);
    assert_eq!(cluster.client.session.import(OBJECT, "v1/ConfigMap/shop/none").await.expect("imports"), None);
}

#[tokio::test]
async fn another_object_in_the_file_is_a_conflict() {
    let cluster = Cluster::new().await;
    let applied = cluster.create(&config_map("a", "one")).await.expect("creates");
    let text = cluster.text("shop/configmap-a.yaml");
    cluster.write("shop/configmap-a.yaml", &text.replace("name: a", "name: b"));
    let error = cluster.read(&applied).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("holds core/ConfigMap/shop/b in the place of core/ConfigMap/shop/a"));
    let error = cluster.client.session.import(OBJECT, "shop/configmap-a.yaml").await.expect_err("a wrong place");
    assert!(error.message.ends_with("shop/configmap-a.yaml is not where its object belongs"), "{}", error.message);
}

#[tokio::test]
async fn what_changed_since_it_was_read_is_not_overwritten() {
    let cluster = Cluster::new().await;
    let applied = cluster.create(&config_map("a", "one")).await.expect("creates");
    let text = cluster.text("shop/configmap-a.yaml").replace("one", "outside");
    cluster.write("shop/configmap-a.yaml", &text);
    let error = cluster.update(&applied, &config_map("a", "two")).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    let error = cluster.delete(&applied).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(cluster.text("shop/configmap-a.yaml"), text);
    fs::remove_file(cluster.path.join("shop/configmap-a.yaml")).expect("removes");
    let error = cluster.update(&applied, &config_map("a", "two")).await.expect_err("a conflict");
    assert!(error.message.ends_with("is gone"));
    assert_eq!(cluster.read(&applied).await.expect("reads"), None);
}

#[tokio::test]
async fn a_recovered_object_is_found_by_its_identity() {
    let cluster = Cluster::new().await;
    let applied = cluster.create(&config_map("a", "one")).await.expect("creates");
    assert_eq!(cluster.find(&applied.identity, None).await.expect("reads"), Some(applied.value));
    assert_eq!(cluster.find("v1/ConfigMap/shop/b", None).await.expect("reads"), None);
    assert_eq!(cluster.find("nonsense", None).await.expect_err("an error").kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn other_files_are_left_alone() {
    let cluster = Cluster::new().await;
    cluster.write("shop/README.md", "ours");
    let applied = cluster.create(&config_map("a", "one")).await.expect("creates");
    cluster.delete(&applied).await.expect("deletes");
    assert_eq!(cluster.text("shop/README.md"), "ours");
}

#[tokio::test]
async fn an_unchanged_update_leaves_the_file_untouched() {
    let cluster = Cluster::new().await;
    let applied = cluster.create(&config_map("a", "one")).await.expect("creates");
    let before = fs::metadata(cluster.path.join("shop/configmap-a.yaml")).expect("a file").modified().expect("a time");
    cluster.update(&applied, &config_map("a", "one")).await.expect("updates");
    let after = fs::metadata(cluster.path.join("shop/configmap-a.yaml")).expect("a file").modified().expect("a time");
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_wrong_manifest_is_never_written() {
    let cluster = Cluster::new().await;
    for name in ["../up", "..", "a/b", "", "A"] {
        let error = cluster.create(&config_map(name, "one")).await.expect_err("a wrong name");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(error.path.expect("a path").to_string(), "manifest.metadata.name");
    }
    assert!(!cluster.path.exists());
}

#[tokio::test]
async fn a_connection_that_cannot_be_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = connect(file.path()).await.expect_err("an error");
    assert!(error.message.ends_with("is not a directory"));
    assert_eq!(error.path.expect("a path").to_string(), "directory.path");
    let docker = Value::object([("docker", Value::object([("context", Value::string("eu"))]))]);
    let error = Kubernetes::new().connect(&docker, "").await.err().expect("an error");
    assert_eq!(error.message, "the connection \"docker\" is not supported");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_made_side_by_side_are_read_in_one_batch() {
    let cluster = Cluster::new().await;
    let creations = (0..500).map(|number| {
        let cluster = &cluster;
        async move { cluster.create(&config_map(&format!("map-{number}"), "text")).await.expect("creates") }
    });
    let created: Vec<Applied> = futures::stream::iter(creations).buffer_unordered(32).collect().await;
    let wanted = |object: &Applied| Wanted {
        resource_type: OBJECT.into(),
        identity: object.identity.clone(),
        prior: Some(object.value.clone()),
    };
    let batch: Vec<Wanted> = created.iter().map(wanted).collect();
    let answers = cluster.client.session.read(&batch).await;
    assert!(
        answers.iter().zip(&created).all(|(answer, one)| answer.as_ref().expect("reads").as_ref() == Some(&one.value))
    );
    let unrecorded: Vec<Wanted> = batch.into_iter().map(|one| Wanted { prior: None, ..one }).collect();
    let answers = cluster.client.session.read(&unrecorded).await;
    assert!(answers.iter().all(|answer| answer.as_ref().expect("reads").is_some()));
}
