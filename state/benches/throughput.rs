//! How fast the SQLite backend commits, and how fast it loads. A part of `make bench`.
//!
//!     cargo bench -p portolan-state --bench throughput -- [resources]
//!
//! Every resource is journalled as the engine does it: its change begins in one commit and
//! ends in another, a thousand edits a commit. The state lies where the program is built, since a
//! commit waits for the disk.

#![allow(clippy::print_stdout, reason = "a benchmark shows what it measured")]

use std::error::Error;
use std::time::{Duration, Instant};

use portolan_state::conformance::samples::{begin, changed, end, resource};
use portolan_state::sqlite::Sqlite;
use portolan_state::{Backend, Edit, Holder, Operation, Outcome, Resource};

/// Half of them begin changes, half of them end changes.
const EDITS_PER_COMMIT: usize = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds flags of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let count = arguments.next().map_or(Ok(100_000), |count| count.parse::<usize>())?;
    let folder = tempfile::Builder::new().prefix("throughput-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let state = Sqlite::at(folder.path().join("state.db"));

    let resources: Vec<Resource> = (0..count).map(resource).collect();
    apply(&state, "create", Operation::Create, &resources).await?;
    apply(&state, "update", Operation::Update, &resources).await?;
    for _ in 0..3 {
        load(&state).await?;
    }
    let secret: Vec<Resource> = resources.iter().take(count / 10).cloned().map(changed).collect();
    apply(&state, "seal a tenth", Operation::Update, &secret).await?;
    load(&state).await?;
    println!("file: {} MB", std::fs::metadata(state.path())?.len() / 1_000_000);
    Ok(())
}

async fn apply(state: &Sqlite, what: &str, operation: Operation, resources: &[Resource]) -> Result<(), Box<dyn Error>> {
    let holder = Holder { who: "throughput".to_owned(), command: what.to_owned() };
    let commits = commits(operation, resources);
    let edits: usize = commits.iter().map(Vec::len).sum();
    let started = Instant::now();
    let lease = state.lock(&holder, Duration::from_secs(600)).await?;
    let mut serial = state.load().await?.serial;
    let locked = started.elapsed();
    let started = Instant::now();
    for edits in &commits {
        serial = state.commit(&lease, serial, edits).await?;
    }
    let took = started.elapsed();
    state.unlock(&lease).await?;
    let rate = edits as f64 / took.as_secs_f64();
    println!("{what}: {edits} edits in {took:.2?}, {rate:.0} edits/s (lock and load {locked:.2?})");
    Ok(())
}

/// What ends in a commit began in the one before.
fn commits(operation: Operation, resources: &[Resource]) -> Vec<Vec<Edit>> {
    let groups: Vec<&[Resource]> = resources.chunks(EDITS_PER_COMMIT / 2).collect();
    let mut commits = vec![Vec::new(); groups.len() + 1];
    for (number, group) in groups.into_iter().enumerate() {
        for resource in group {
            commits[number].push(begin("run", operation, resource.clone()));
            let outcome = Outcome::Put(Box::new(resource.clone()));
            commits[number + 1].push(end("run", &resource.key, outcome));
        }
    }
    commits
}

async fn load(state: &Sqlite) -> Result<(), Box<dyn Error>> {
    let before = resident();
    let started = Instant::now();
    let snapshot = state.load().await?;
    let took = started.elapsed();
    let bytes = resident().saturating_sub(before) / snapshot.resources.len().max(1);
    println!("load: {} resources in {took:.2?}, {bytes} bytes each more resident", snapshot.resources.len());
    Ok(())
}

/// The bytes of memory in use; zero where the system does not say.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok()).unwrap_or(0) * 4096
}
