//! `portolan watch --listen`: the page in a real browser, the API, and the metrics in a real Prometheus.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use portolan_test_support::tools;
use serde_json::Value as Json;

use crate::program::{Project, until};
use crate::prometheus::Prometheus;
use crate::watching::{Daemon, shop};

const VIEW: &str = "a-token-of-somebody-who-looks";
const OPERATE: &str = "a-token-of-somebody-who-operates";

/// A daemon that listens, over two services in a directory.
struct Listening<'a> {
    daemon: Daemon<'a>,
    address: String,
}

impl<'a> Listening<'a> {
    fn start(project: &'a Project, more: &[&str]) -> Listening<'a> {
        let daemon = Daemon::start(project, &[&["--listen=127.0.0.1:0"], more].concat());
        daemon.says("listening at http://");
        let log = daemon.log();
        let address =
            log.split("listening at http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        Listening { address: address.to_owned(), daemon }
    }

    fn connect(&self, method: &str, path: &str, host: &str, token: Option<&str>) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a limit");
        let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{token}Connection: close\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        BufReader::new(stream)
    }

    /// The status and the body of an answer.
    fn ask(&self, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
        self.ask_as(method, path, &self.address, token)
    }

    fn ask_as(&self, method: &str, path: &str, host: &str, token: Option<&str>) -> (u16, String) {
        let mut answer = String::new();
        self.connect(method, path, host, token).read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    fn json(&self, path: &str, token: Option<&str>) -> Json {
        let (status, body) = self.ask("GET", path, token);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn state(&self) -> String {
        self.json("/api/v1/overview", None)["state"].as_str().expect("a state").to_owned()
    }
}

fn tokens(project: &Project, text: &str, mode: u32) -> PathBuf {
    project.write("who", text);
    let path = project.path("who");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("rights");
    path
}

fn observability(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/observability").join(name)
}

#[test]
fn programs_are_told_what_it_does_and_what_waits() {
    let project = Project::new(shop("shop/web:1", true));
    let listening = Listening::start(&project, &[]);
    listening.daemon.says("everything is as it ought to be");
    assert_eq!(listening.ask("GET", "/healthz", None), (200, "ok\n".to_owned()));
    until("it is ready", || listening.ask("GET", "/readyz", None).0 == 200);
    until("it has settled", || listening.state() == "settled");
    let services = listening.json("/api/v1/services", None);
    assert_eq!(services["services"].as_array().map(Vec::len), Some(2), "{services}");
    let runs = listening.json("/api/v1/runs", None);
    assert_eq!(
        (&runs["runs"][0]["command"], &runs["runs"][0]["status"]),
        (&"watch".into(), &"succeeded".into()),
        "{runs}"
    );
    let id = runs["runs"][0]["id"].as_str().expect("an id");
    let changes = listening.json(&format!("/api/v1/runs/{id}/changes"), None);
    let is_made = |change: &Json| change["operation"] == "create" && change["failure"].is_null();
    assert!(
        changes["changes"].as_array().is_some_and(|changes| changes.len() > 2 && changes.iter().all(is_made)),
        "{changes}"
    );

    // Whoever looks hears of a change at once.
    let mut events = listening.connect("GET", "/api/v1/events", &listening.address, None).lines();
    let mut told = |what: &str| {
        let line = events.find_map(|line| {
            Some(line.expect("a line")).filter(|line| line.starts_with("data:") && line.contains(what))
        });
        line.unwrap_or_else(|| panic!("{what} is not told"))
    };
    told(r#""state":"settled""#);
    project.write("main.hcl", shop("shop/web:2", false));
    let held = told(r#""state":"held""#);
    let held: Json = serde_json::from_str(held.trim_start_matches("data:")).expect("JSON");
    let plan = &held["plan"];
    assert!(plan["held"].as_str().is_some_and(|why| why.contains("service.api/deployment@a")), "{plan}");
    assert!(plan["text"].as_str().is_some_and(|text| text.contains("shop/web:2")), "{plan}");
    project.succeed(&["apply", "--auto-approve"]);
    listening.ask("GET", "/api/v1/overview", None);
    project.write("main.hcl", shop("shop/web:2", false) + "# looked at\n");
    told(r#""state":"settled""#);

    // Nobody may tell it anything without a token, and a name that leads here is not this machine.
    assert_eq!(listening.ask("POST", "/api/v1/look", None).0, 403);
    assert_eq!(listening.ask_as("GET", "/api/v1/overview", "example.com", None).0, 403);
    assert_eq!(listening.ask("GET", "/nowhere", None).0, 404);
    listening.daemon.end();
}

#[test]
fn whoever_has_no_token_sees_nothing() {
    let project = Project::new(shop("shop/web:1", false));
    let path = tokens(&project, &format!("# who\n\nanna operate {OPERATE}\ngraphs view {VIEW}\n"), 0o600);
    let listening = Listening::start(&project, &["--tokens", path.to_str().expect("text")]);
    listening.daemon.says("everything is as it ought to be");
    for path in
        ["/metrics", "/api/v1/overview", "/api/v1/services", "/api/v1/runs", "/api/v1/runs/x/changes", "/api/v1/events"]
    {
        for token in [None, Some("guessed"), Some(""), Some(&VIEW[1..])] {
            let (status, body) = listening.ask("GET", path, token);
            assert_eq!(status, 401, "{path}: {body}");
        }
    }
    assert_eq!(listening.ask("GET", "/metrics", Some(VIEW)).0, 200);
    assert_eq!(listening.ask("GET", "/api/v1/overview", Some(OPERATE)).0, 200);
    let (status, body) = listening.ask("POST", "/api/v1/look", Some(VIEW));
    assert_eq!((status, body.contains("graphs may not do that")), (403, true), "{body}");
    // What changed unseen is found when somebody asks.
    assert_eq!(listening.ask("POST", "/api/v1/look", Some(OPERATE)).0, 202);
    listening.daemon.says("anna has it look now");
    // The page, the health and the document tell nothing of what runs.
    for path in ["/", "/page.js", "/page.css", "/openapi.json", "/healthz", "/readyz"] {
        assert_ne!(listening.ask("GET", path, None).0, 401, "{path}");
    }
    let log = listening.daemon.end();
    assert!(!log.contains(VIEW) && !log.contains(OPERATE), "{log}");
}

#[test]
fn a_file_of_tokens_that_is_wrong_is_refused_and_not_told() {
    let project = Project::new(shop("shop/web:1", false));
    let watch = |text: &str, mode: u32| {
        let path = tokens(&project, text, mode).display().to_string();
        let said =
            project.refused(&["watch", "--listen=127.0.0.1:0", "--tokens", &path], "The file of tokens cannot be used");
        assert!(!said.all().contains(VIEW), "{}", said.all());
        said.error_in_one_line()
    };
    let said = watch(&format!("anna admin {VIEW}\nbert view\ncleo view short\n"), 0o600);
    for what in ["line 1: \"admin\" is no role", "line 2: it has 2 words", "line 3: the token of cleo is shorter"] {
        assert!(said.contains(what), "{said}");
    }
    assert!(watch(&format!("anna view {VIEW}\n"), 0o644).contains("Others than its owner"));
    project.refused(&["watch", "--listen=127.0.0.1:0", "--tokens=nowhere"], "No such file");
    project.refused(&["watch", "--listen=0.0.0.0:0"], "Everybody could look");
    project.refused(&["watch", "--listen=here"], "cannot be understood");
    assert!(!project.path("out").exists(), "nothing is done where something is wrong");
}

#[test]
fn the_document_describes_what_is_answered() {
    let project = Project::new(shop("shop/web:1", false));
    let listening = Listening::start(&project, &[]);
    until("it is ready", || listening.ask("GET", "/readyz", None).0 == 200);
    let document = listening.json("/openapi.json", None);
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 8, "{}", paths.len());
    for (path, methods) in paths {
        if path == "/api/v1/events" {
            continue;
        }
        let method = methods.as_object().and_then(|methods| methods.keys().next()).expect("a method");
        let (status, body) = listening.ask(&method.to_uppercase(), &path.replace("{id}", "none"), None);
        let told = &methods[method]["responses"][status.to_string()];
        assert!(told.is_object(), "{path} answers {status}: {body}");
        if let Some(schema) = told.pointer("/content/application~1json/schema") {
            let answer: Json = serde_json::from_str(&body).expect("JSON");
            assert_eq!(unlike(&document, schema, &answer, path), Vec::<String>::new());
        }
    }
    listening.daemon.end();
}

/// Where an answer is not as the document has it: a property that is missing, or one that is not told of.
fn unlike(document: &Json, schema: &Json, answer: &Json, at: &str) -> Vec<String> {
    if let Some(to) = schema["$ref"].as_str() {
        return unlike(document, document.pointer(to.trim_start_matches('#')).expect("a schema"), answer, at);
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let schema = either.iter().find(|schema| (schema["type"] == "null") == answer.is_null()).expect("a schema");
        return unlike(document, schema, answer, at);
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(answer) { Vec::new() } else { vec![format!("{at}: {answer}")] };
    }
    match (schema["type"].as_str(), answer) {
        (Some("object"), Json::Object(entries)) => {
            let known = schema["properties"].as_object();
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            let missing =
                required.filter(|name| !entries.contains_key(*name)).map(|name| format!("{at}.{name} is missing"));
            let inside = entries.iter().filter_map(|(name, value)| Some((known?.get(name)?, name, value)));
            let inside =
                inside.flat_map(|(schema, name, value)| unlike(document, schema, value, &format!("{at}.{name}")));
            missing.chain(inside).collect()
        }
        (Some("array"), Json::Array(items)) => {
            items.iter().flat_map(|item| unlike(document, &schema["items"], item, &format!("{at}[]"))).collect()
        }
        (Some("string"), Json::String(_))
        | (Some("integer" | "number"), Json::Number(_))
        | (Some("boolean"), Json::Bool(_))
        | (Some("null"), Json::Null) => Vec::new(),
        _ => vec![format!("{at}: {answer} is not {schema}")],
    }
}

/// A Prometheus with the configuration of the examples, which asks an address.
fn prometheus(address: &str) -> Option<Prometheus> {
    let config = std::fs::read_to_string(observability("prometheus.yml")).expect("a file");
    let config = config.replace("127.0.0.1:8080", address).replace("scrape_interval: 15s", "scrape_interval: 1s");
    let alerts = std::fs::read_to_string(observability("alerts.yml")).expect("a file");
    Prometheus::start(&[("prometheus.yml", &config), ("alerts.yml", &alerts), ("token", VIEW)])
}

#[test]
fn prometheus_understands_the_metrics_and_the_examples_are_about_them() {
    let project = Project::new(shop("shop/web:1", false));
    let path = tokens(&project, &format!("graphs view {VIEW}\n"), 0o600);
    let listening = Listening::start(&project, &["--tokens", path.to_str().expect("text")]);
    until("it is ready", || listening.ask("GET", "/readyz", None).0 == 200);
    let Some(prometheus) = prometheus(&listening.address) else { return };
    let query = |expression: &str| {
        let mut stream = TcpStream::connect(&prometheus.address).ok()?;
        let request = format!("GET /api/v1/query?query={expression} HTTP/1.0\r\nHost: {}\r\n\r\n", prometheus.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let answer: Json = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    until("it has asked", || query("portolan_recorded_resources").is_some_and(|number| number != "0"));
    assert_eq!(query("up").as_deref(), Some("1"));
    assert_eq!(query("portolan_held").as_deref(), Some("0"));

    let (_, metrics) = listening.ask("GET", "/metrics", Some(VIEW));
    let page = include_str!("../../docs/watch.md");
    let families =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split(' ').next());
    // It is there where clusters are probed.
    let families: Vec<&str> = families.chain(["portolan_cluster_up"]).collect();
    assert!(families.len() > 8, "{metrics}");
    for family in &families {
        assert!(page.contains(&format!("`{family}")), "docs/watch.md does not tell of {family}");
    }
    let word = regex(r"portolan_[a-z_]+");
    for example in ["alerts.yml", "dashboard.json"] {
        let text = std::fs::read_to_string(observability(example)).expect("a file");
        let named: Vec<&str> = word.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(!named.is_empty());
        for name in named {
            assert!(families.iter().any(|family| name.starts_with(family)), "{example}: there is no {name}");
        }
    }
    let dashboard = std::fs::read_to_string(observability("dashboard.json")).expect("a file");
    let dashboard: Json = serde_json::from_str(&dashboard).expect("JSON");
    let targets = dashboard["panels"]
        .as_array()
        .expect("panels")
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let rules = targets.map(|target| format!("  - record: a:b\n    expr: {}\n", target["expr"])).collect::<String>();
    project.write("rules.yml", format!("groups:\n- name: dashboard\n  rules:\n{rules}"));
    promtool(project.root(), &["check", "rules", "rules.yml"]);
    listening.daemon.end();
}

fn regex(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).expect("a pattern")
}

fn promtool(directory: &Path, arguments: &[&str]) {
    let Some(program) = tools::program("promtool", "prometheus") else { return };
    let output = tools::run(Command::new(program).args(arguments).current_dir(directory));
    // What is asked twice in the dashboard is told, and is no fault.
    assert!(output.status.success(), "{arguments:?}: {}", tools::said(&output));
}

#[test]
fn the_alerts_do_what_they_say() {
    let directory = observability("");
    promtool(&directory, &["check", "rules", "alerts.yml"]);
    promtool(&directory, &["test", "rules", "alerts.test.yml"]);
}

#[test]
fn a_browser_shows_the_page() {
    let project = Project::new(shop("shop/web:1", true));
    let listening = Listening::start(&project, &[]);
    until("it has settled", || listening.ask("GET", "/readyz", None).0 == 200);
    let greeting = "  env = { GREETING = \"<b>bold</b>\" }\n  resources";
    project.write("main.hcl", shop("shop/web:2", false).replace("  resources", greeting));
    until("it waits", || listening.state() == "held");
    let Some(program) = tools::program("chromium", "chromium") else { return };
    let profile = tempfile::tempdir().expect("a directory");
    let mut chromium = Command::new(program);
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=20000",
    ]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display())).arg("--timeout=60000").arg("--dump-dom");
    let output = tools::run(chromium.arg(format!("http://{}/", listening.address)));
    let page = String::from_utf8_lossy(&output.stdout);
    for shown in [">held</p>", ">shop<", ">api<", ">shop/web:1<", "It waits: a person has to allow", ">succeeded<"] {
        assert!(page.contains(shown), "{shown} is not in\n{page}");
    }
    // What somebody wrote is text on it, and nothing else.
    assert!(page.contains("&lt;b&gt;bold&lt;/b&gt;") && !page.contains("<b>bold"), "{page}");
    listening.daemon.end();
}
