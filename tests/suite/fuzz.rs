//! Whatever stands in a configuration, the program answers and does not fall over.
//!
//! Inputs that once went wrong, and others worth trying every time, are kept in `tests/corpus`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan::catalog::Catalog;
use portolan::compile::{self, Inputs, PlacementRequest, UnknownRepetition};
use portolan::config;
use portolan::graph::Graph;
use portolan::host::LocalHost;
use portolan_provider::Provider;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::program::{Project, Said};

/// Blocks that are right by themselves and refer to each other.
const FRAGMENTS: [&str; 16] = [
    "variable \"n\" {\n  type    = number\n  default = 2\n  validation {\n    condition     = var.n > 0\n    error_message = \"Too few: ${var.n}.\"\n  }\n}\n",
    "locals {\n  names = [for n in range(var.n) : \"name-${n}\"]\n  map   = { for name in local.names : name => length(name) if name != \"x\" }\n}\n",
    "locals {\n  text = <<-EOT\n    %{for key, value in local.map~}\n    ${key} is ${value}\n    %{endfor~}\n  EOT\n}\n",
    "resource \"terraform_data\" \"a\" {\n  count = var.n\n  input = local.names[count.index]\n}\n",
    "resource \"terraform_data\" \"b\" {\n  for_each = local.map\n  input    = [each.key, each.value, terraform_data.a[*].output]\n  lifecycle {\n    create_before_destroy = true\n    ignore_changes        = [input]\n  }\n}\n",
    "output \"all\" {\n  value     = { for key, b in terraform_data.b : key => b.output... }\n  sensitive = true\n}\n",
    "cluster \"c\" {\n  node_addresses = [\"192.0.2.1\"]\n  directory {\n    path = \"out/c\"\n  }\n  capacity {\n    cpu    = \"8\"\n    memory = \"32Gi\"\n    pods   = 110\n  }\n}\n",
    "application \"shop\" {\n  placement {\n    clusters = [cluster.c]\n  }\n  service \"api\" {\n    image    = \"api:1\"\n    replicas = var.n\n    port \"http\" {\n      number    = 8080\n      node_port = 30080\n    }\n    resources {\n      cpu    = \"1\"\n      memory = \"1Gi\"\n    }\n    env = local.map\n  }\n}\n",
    "nginx \"edge\" {\n  flavor    = \"nginx\"\n  version   = \"1.22\"\n  addresses = [\"192.0.2.80\"]\n  directory {\n    path = \"out/edge\"\n  }\n}\n",
    "route \"shop\" {\n  nginx = nginx.edge\n  hosts = [\"shop.example.com\"]\n  location \"/\" {\n    to   = application.shop.service.api\n    port = \"http\"\n  }\n}\n",
    "dns_zone \"corp\" {\n  name        = \"example.com\"\n  nameservers = [\"ns1.example.net\"]\n  directory {\n    path = \"out/names\"\n  }\n}\n",
    "dns_record \"shop\" {\n  for_each = toset(local.names)\n  zone     = dns_zone.corp\n  name     = each.key\n  type     = \"A\"\n  ttl      = 60\n  values   = nginx.edge.addresses\n}\n",
    "moved {\n  from = terraform_data.old\n  to   = terraform_data.a[0]\n}\nremoved {\n  from = terraform_data.gone\n  lifecycle {\n    destroy = false\n  }\n}\n",
    "check \"sane\" {\n  assert {\n    condition     = alltrue([for a in terraform_data.a : a.id != null])\n    error_message = \"No id.\"\n  }\n}\n",
    "locals {\n  odd = try(jsondecode(\"{\\\"a\\\": [1, 2.50, null]}\").a[1], regex(\"(\", \"x\"), 1 / 0)\n  big = 1e400 * 3 - 0.1\n  mix = concat([null], tolist([1, 2]), var.n == null ? [] : [\"x\"])\n}\n",
    "portolan {\n  required_version = \">= 0.1\"\n}\nmodule \"self\" {\n  source = \"./inner\"\n  n      = var.n\n}\n",
];

/// What is put into the middle of other things.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "${",
    "%{if true}",
    "<<EOT\n",
    "\n",
    "=",
    "...",
    "[*]",
    "each.value",
    "null",
    "-1",
    "1e999999999",
    "\u{0}",
    "ü\u{301}",
    "self",
    "for",
    "count = 1000000\n",
    "sensitive(\"x\")",
];

/// One change of a text, at some place in it.
#[derive(Debug, Clone)]
enum Edit {
    Insert(usize, &'static str),
    Remove(usize, usize),
    Repeat(usize, usize),
    Move(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..4000_usize;
    prop_oneof![
        (at.clone(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (at.clone(), 1..30_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (at.clone(), 1..60_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (at.clone(), 1..30_usize, at).prop_map(|(at, length, to)| Edit::Move(at, length, to)),
    ]
}

fn edited(text: &str, edit: &Edit) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return String::new();
    }
    let count = characters.len();
    let part = |at: usize, length: usize| at % count..(at % count + length).min(count);
    match *edit {
        Edit::Insert(at, piece) => {
            let at = at % count;
            characters.splice(at..at, piece.chars());
        }
        Edit::Remove(at, length) => drop(characters.drain(part(at, length))),
        Edit::Repeat(at, length) => {
            let copy = characters[part(at, length)].to_vec();
            characters.splice(at % count..at % count, copy);
        }
        Edit::Move(at, length, to) => {
            let moved: Vec<char> = characters.drain(part(at, length)).collect();
            let to = to % (characters.len() + 1);
            characters.splice(to..to, moved);
        }
    }
    characters.into_iter().collect()
}

/// Configurations that are nearly right.
fn configurations() -> impl Strategy<Value = String> {
    let fragments = prop::sample::subsequence(&FRAGMENTS[..], 0..=FRAGMENTS.len()).prop_map(|chosen| chosen.concat());
    (fragments, prop::collection::vec(edit(), 0..4))
        .prop_map(|(text, edits)| edits.iter().fold(text, |text, edit| edited(&text, edit)))
}

/// Texts of all sorts of words of the language.
fn texts() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        "[a-z_]{1,6}|[0-9.]{1,4}|[ \n]|[-+*/%!<>&|?:=,.]{1,2}|\\PC{1,3}",
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn catalog() -> Arc<Catalog> {
    let providers: [Arc<dyn Provider>; 5] = [
        Arc::new(portolan_builtin::Builtin::new()),
        Arc::new(portolan_kubernetes::Kubernetes::new()),
        Arc::new(portolan_nginx::NginxProvider::new()),
        Arc::new(portolan_dns::DnsProvider::new()),
        Arc::new(portolan_etcd::Etcd::new()),
    ];
    Arc::new(Catalog::new(providers))
}

/// From text to the graph, as far as it goes.
fn compile(text: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("main.hcl"), text).expect("writes");
    let catalog = catalog();
    let (mut config, diagnostics) = config::load(directory.path(), &catalog);
    if diagnostics.has_errors() {
        return;
    }
    let (variables, problems) = config::root_values(&mut config, directory.path(), std::iter::empty(), &[]);
    if problems.has_errors() {
        return;
    }
    let host = LocalHost::planning(directory.path());
    let (desired, _) = compile::compile(Inputs {
        config: Arc::new(config),
        variables,
        data: std::sync::Arc::default(),
        decisions: Vec::new(),
        catalog,
        host: Arc::new(host),
        unknown_repetition: UnknownRepetition::Refuse,
        placement: PlacementRequest::default(),
        workspace: Arc::from("default"),
    });
    drop(Graph::new(&desired));
}

fn settings(cases: u32) -> ProptestConfig {
    let place = FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/seeds.txt"));
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(place)),
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    }
}

/// The program ends by itself, soon, with one of its own exit codes and without a panic.
fn answers(project: &Project, name: &str) {
    for arguments in [&["validate"][..], &["plan", "--detailed-exitcode"]] {
        let mut command = project.command(arguments);
        let started = Instant::now();
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        while process.try_wait().expect("a process").is_none() {
            if started.elapsed() > Duration::from_secs(20) {
                process.kill().expect("kills");
                panic!("{name}: {arguments:?} does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let said = Said::of(&process.wait_with_output().expect("its end"));
        assert!(matches!(said.code, Some(0..=2)), "{name}: {arguments:?} ended with {:?}\n{}", said.code, said.error);
        assert!(!said.error.contains("panicked"), "{name}: {}", said.error);
    }
}

proptest! {
    #![proptest_config(settings(1500))]

    #[test]
    fn nearly_right_configurations_compile_or_are_refused(text in configurations()) {
        compile(&text);
    }

    #[test]
    fn any_text_compiles_or_is_refused(text in texts()) {
        compile(&text);
    }
}

proptest! {
    #![proptest_config(settings(60))]

    #[test]
    fn the_program_answers_nearly_right_configurations(text in configurations()) {
        answers(&Project::new(&text), &text);
    }
}

#[test]
fn the_program_answers_the_corpus() {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"));
    let mut names: Vec<_> = fs::read_dir(corpus).expect("lists").map(|entry| entry.expect("an entry").path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "hcl"));
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for path in names {
        answers(&Project::new(fs::read(&path).expect("reads")), &path.display().to_string());
    }
}

#[test]
fn the_fragments_are_right_together() {
    let project = Project::new(FRAGMENTS.concat().replace("module \"self\"", "module \"inner\""));
    project.write("inner/main.hcl", "variable \"n\" {\n  type = number\n}\noutput \"n\" {\n  value = var.n\n}\n");
    let mut command = project.command(&["plan", "--detailed-exitcode"]);
    let said = Said::of(&Command::output(&mut command).expect("the program starts"));
    assert_eq!(said.code, Some(2), "{}", said.all());
}
