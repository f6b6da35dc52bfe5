//! The program is killed at any moment, and run again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use portolan_state::sqlite::Sqlite;
use portolan_state::{Backend, Edit, Holder, JournalEntry, Operation};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::program::{Project, mixed};

/// How many times a project is made and taken away again.
const ROUNDS: usize = 10;

/// How many `terraform_data` there are of each kind, and how many names.
const SIZE: usize = 40;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A project with what it is when everything was made, and how long that takes.
struct Whole {
    project: Project,
    names: Vec<PathBuf>,
    addresses: Vec<String>,
    /// How long it takes to make everything, and to take it away.
    takes: [Duration; 2],
}

impl Whole {
    fn new() -> Whole {
        let project = Project::new(mixed(SIZE));
        let apply = time(|| project.succeed(&["apply", "--auto-approve"]));
        let names = names(&project.files("out"));
        let addresses = addresses(&project);
        assert!(addresses.len() > 150, "{addresses:?}");
        let destroy = time(|| project.succeed(&["destroy", "--auto-approve"]));
        Whole { project, names, addresses, takes: [apply, destroy] }
    }

    /// Starts a command and kills it after some time, less than it takes; whether that was
    /// before its end.
    fn kill(&self, command: &str, random: &mut StdRng) -> bool {
        let mut process = self.project.start(&[command, "--auto-approve"]);
        let takes = self.takes[usize::from(command == "destroy")];
        std::thread::sleep(takes.mul_f64(random.random_range(0.0..0.9)));
        process.kill().expect("kills");
        process.wait().expect("its end").code().is_none()
    }

    fn is_made(&self, context: &str) {
        self.project.is_settled();
        let mut beside = names(&self.project.files(".portolan"));
        beside.retain(|name| name.to_string_lossy().starts_with(".portolan-"));
        assert_eq!(beside, Vec::<PathBuf>::new(), "{context}");
        assert_eq!(names(&self.project.files("out")), self.names, "{context}");
        assert_eq!(addresses(&self.project), self.addresses, "{context}");
    }

    fn is_gone(&self, context: &str) {
        assert_eq!(names(&self.project.files("out")), Vec::<PathBuf>::new(), "{context}");
        assert_eq!(addresses(&self.project), Vec::<String>::new(), "{context}");
    }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn names(files: &Files) -> Vec<PathBuf> {
    files.keys().cloned().collect()
}

/// The addresses of what is recorded, with nothing left in the middle.
fn addresses(project: &Project) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let state = Sqlite::at(project.path(".portolan/state.db"));
    let snapshot = runtime.block_on(state.load()).expect("a state");
    assert!(snapshot.unfinished.is_empty(), "{:?}", snapshot.unfinished);
    assert!(snapshot.resources.iter().all(|resource| resource.key.deposed.is_none()));
    snapshot.resources.iter().map(|resource| resource.key.address.to_string()).collect()
}

/// Each round kills some runs of `apply` and then lets one come to its end, and does the same
/// with `destroy`; in some rounds `destroy` follows right after a killed `apply`.
#[test]
fn a_killed_run_loses_nothing_and_makes_nothing_twice() {
    let whole = Whole::new();
    let seed = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed = 0;
    for round in 0..ROUNDS {
        let context = format!("seed {seed}, round {round}");
        for _ in 0..random.random_range(1..=3) {
            killed += usize::from(whole.kill("apply", &mut random));
        }
        if random.random_bool(0.7) {
            whole.project.succeed(&["apply", "--auto-approve"]);
            whole.is_made(&context);
            for _ in 0..random.random_range(1..=2) {
                killed += usize::from(whole.kill("destroy", &mut random));
            }
        }
        whole.project.succeed(&["destroy", "--auto-approve"]);
        whole.is_gone(&context);
    }
    assert!(killed >= ROUNDS / 2, "seed {seed}: only {killed} runs were ended in the middle");
}

/// The state as a run leaves it that is killed after everything was made, and before any of it was
/// recorded.
fn forget_that_it_was_made(project: &Project) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let state = Sqlite::at(project.path(".portolan/state.db"));
    runtime.block_on(async {
        let holder = Holder { who: "the test".to_owned(), command: "apply".to_owned() };
        let lease = state.lock(&holder, Duration::from_secs(60)).await.expect("the lock");
        let snapshot = state.load().await.expect("a state");
        let run = state.runs(1).await.expect("runs").remove(0);
        let named = snapshot.resources.into_iter().filter(|resource| !resource.identity.is_empty());
        let edits: Vec<Edit> = named
            .filter(|resource| &*resource.resource_type != "terraform_data")
            .flat_map(|resource| {
                let removed = Edit::RemoveResource(resource.key.clone());
                let entry = JournalEntry { run: run.id.clone(), operation: Operation::Create, resource };
                [removed, Edit::Begin(Box::new(entry))]
            })
            .collect();
        assert!(edits.len() > 80, "{}", edits.len());
        state.commit(&lease, snapshot.serial, &edits).await.expect("a commit");
        state.unlock(&lease).await.expect("the lock is given back");
    });
}

#[test]
fn what_was_made_and_not_recorded_is_found_by_what_it_is() {
    let project = Project::new(mixed(SIZE));
    project.succeed(&["apply", "--auto-approve"]);
    let (files, recorded) = (project.files("out"), addresses(&project));
    forget_that_it_was_made(&project);
    project.is_settled();
    assert_eq!(addresses(&project), recorded);
    assert_eq!(project.files("out"), files);
}

#[test]
fn what_somebody_else_made_is_not_taken_for_what_was_being_made() {
    let project = Project::new(mixed(SIZE));
    project.succeed(&["apply", "--auto-approve"]);
    let files: Vec<PathBuf> = names(&project.files("out"));
    forget_that_it_was_made(&project);
    for file in &files {
        let path = project.path("out").join(file);
        let theirs = std::fs::read_to_string(&path).expect("text").replace("8080", "8081").replace("300", "301");
        std::fs::write(path, theirs).expect("writes");
    }
    let theirs = project.files("out");
    project.refused(&["apply", "--auto-approve"], "is there already");
    let after = project.files("out");
    let touched: Vec<&PathBuf> =
        theirs.iter().filter(|(name, text)| after.get(*name) != Some(text)).map(|(name, _)| name).collect();
    assert_eq!(touched, Vec::<&PathBuf>::new());
}
