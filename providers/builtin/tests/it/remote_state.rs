//! `terraform_remote_state` reads the outputs of a state file.

use portolan_builtin::Builtin;
use portolan_lang::{Type, Value};
use portolan_provider::{Error, Provider};

const SOURCE: &str = "terraform_remote_state";

const STATE: &str = r#"{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"aaaa","outputs":{
    "x":{"value":["a",1],"type":["tuple",["string","number"]]},
    "many":{"value":["b"],"type":["list","string"]},
    "secret":{"value":"s","type":"string","sensitive":true}
},"resources":[],"check_results":null}"#;

fn config(path: &str, defaults: Value) -> Value {
    Value::object([
        ("backend", Value::string("local")),
        ("config", Value::object([("path", Value::string(path))])),
        ("defaults", defaults),
        ("workspace", Value::null(Type::String)),
        ("outputs", Value::null(Type::Any)),
    ])
}

async fn read(config: &Value) -> Result<Value, Error> {
    let session = Builtin::new().connect(&Value::object::<&str>([]), "").await.expect("connects");
    session.data(SOURCE, config).await
}

async fn read_text(text: &str, defaults: Value) -> Result<Value, Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("other.tfstate");
    std::fs::write(&path, text).expect("writes");
    read(&config(path.to_str().expect("text"), defaults)).await
}

#[tokio::test]
async fn outputs_have_their_types_and_marks() {
    let defaults = Value::object([("x", Value::string("unused")), ("y", Value::string("default"))]);
    let outputs = read_text(STATE, defaults).await.expect("reads").get("outputs").expect("outputs");
    assert_eq!(outputs.get("x"), Some(Value::tuple([Value::string("a"), Value::number(1)])));
    assert_eq!(outputs.get("many"), Some(Value::strings(["b"])));
    assert_eq!(outputs.get("y"), Some(Value::string("default")));
    assert!(outputs.get("secret").is_some_and(|secret| secret.is_sensitive()));
}

#[tokio::test]
async fn a_workspace_has_a_file_of_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(directory.path().join("blue")).expect("makes");
    std::fs::write(directory.path().join("blue/terraform.tfstate"), STATE).expect("writes");
    let settings = Value::object([("workspace_dir", Value::string(directory.path().to_str().expect("text")))]);
    let config = config("unused", Value::null(Type::Any));
    let config = config.with(&portolan_lang::AttributePath::attribute("config"), settings);
    let config = config.with(&portolan_lang::AttributePath::attribute("workspace"), Value::string("blue"));
    let outputs = read(&config).await.expect("reads").get("outputs").expect("outputs");
    assert_eq!(outputs.get("many"), Some(Value::strings(["b"])));
}

#[tokio::test]
async fn what_is_no_state_file_is_told() {
    let cases = [
        ("{", "EOF while parsing"),
        ("{}", "it has no format version"),
        (r#"{"version":3}"#, "its format version is 3, only 4 is read"),
        (r#"{"version":4,"outputs":{"a":{"value":1,"type":"heap"}}}"#, "the type of the output \"a\" is not one"),
        (
            r#"{"version":4,"outputs":{"a":{"value":1,"type":["list","string"]}}}"#,
            "the value of the output \"a\" is not of its type, list(string)",
        ),
    ];
    for (text, expected) in cases {
        let error = read_text(text, Value::null(Type::Any)).await.expect_err("an error");
        assert!(error.message.contains(expected), "{}", error.message);
        assert!(error.message.contains("other.tfstate"));
        assert_eq!(error.path.expect("a path").to_string(), "config.path");
    }
    let missing = read(&config("no/such/file", Value::null(Type::Any))).await.expect_err("an error");
    assert_eq!(missing.message, "there is no state file no/such/file");
}

#[test]
fn a_wrong_configuration_is_told_all_at_once() {
    let wrong = Value::object([
        ("backend", Value::string("local")),
        ("config", Value::object([("paht", Value::string("p")), ("workspace_dir", Value::number(1))])),
        ("defaults", Value::string("none")),
        ("workspace", Value::string("../up")),
    ]);
    let told: Vec<String> = Builtin::new()
        .validate(SOURCE, &wrong)
        .into_iter()
        .map(|error| format!("{}: {}", error.path.expect("a path"), error.message))
        .collect();
    assert_eq!(
        told,
        [
            "config.paht: the backend \"local\" has no setting \"paht\"",
            "config.workspace_dir: a string is required",
            "defaults: an object is required",
            "workspace: a workspace name is not empty and has no slash in it",
        ]
    );
    let other = wrong.with(&portolan_lang::AttributePath::attribute("backend"), Value::string("s3"));
    let errors = Builtin::new().validate(SOURCE, &other);
    assert_eq!(errors[0].message, "the backend \"s3\" cannot be read, only \"local\" can");
    let unknown = Value::object([("backend", Value::unknown(Type::String)), ("config", Value::unknown(Type::Any))]);
    assert!(Builtin::new().validate(SOURCE, &unknown).is_empty());
}
