//! A process that is killed at any moment leaves a whole state.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::process::{asked, holder, start, state};
use portolan_state::conformance::samples::{begin, changed, end, resource, run};
use portolan_state::{Backend, Edit, Error, JournalEntry, Lease, Operation, Outcome, Resource, Serial, Snapshot};

const ROUNDS: usize = 25;
const GROUP: usize = 3;
const TTL: Duration = Duration::from_millis(50);

fn group(commit: u64) -> Vec<Resource> {
    let first = usize::try_from(commit).expect("a small number") * GROUP;
    (first..first + GROUP).map(resource).collect()
}

/// How the n-th change of a group ends.
fn outcome(number: usize, resource: Resource) -> Outcome {
    match number {
        0 => Outcome::Put(Box::new(changed(resource))),
        1 => Outcome::Failed("refused".to_owned()),
        _ => Outcome::Removed,
    }
}

/// The edits that lead to this serial: a group of changes begins, the one before ends.
fn edits(serial: u64) -> Vec<Edit> {
    let begun = group(serial).into_iter().map(|resource| begin("run", Operation::Create, resource));
    let ended = group(serial - 1).into_iter().enumerate().map(|(number, resource)| {
        let key = resource.key.clone();
        end("run", &key, outcome(number, resource))
    });
    let ended = ended.filter(|_| serial > 1);
    ended.chain(begun).chain([Edit::PutRun(run("run"))]).collect()
}

/// Commits until it is killed, and says after each commit that it is done.
#[tokio::test]
#[ignore = "carried out by another test as a process of its own"]
async fn writer() {
    let Some(folder) = asked() else { return };
    let state = state(&folder);
    let lease = lock(&state).await;
    let mut serial = state.load().await.expect("a state").serial;
    loop {
        serial = state.commit(&lease, serial, &edits(serial.0 + 1)).await.expect("a commit");
        state.renew(&lease).await.expect("the lock");
        println!("\ncommitted {}", serial.0);
    }
}

/// Waits until the lease of the process that was killed has expired.
async fn lock(state: &impl Backend) -> Lease {
    loop {
        match state.lock(&holder("writer"), TTL).await {
            Ok(lease) => return lease,
            Err(Error::Locked { .. }) => tokio::time::sleep(TTL / 10).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The last commit that the process knew to be done.
fn last_committed(output: &str) -> Option<u64> {
    let lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.filter_map(|line| line.trim().strip_prefix("committed ")?.parse().ok()).next_back()
}

fn check(snapshot: &Snapshot) {
    let serial = snapshot.serial.0;
    let begun: Vec<JournalEntry> = group(serial)
        .into_iter()
        .map(|resource| JournalEntry { run: "run".into(), operation: Operation::Create, resource })
        .collect();
    assert_eq!(snapshot.unfinished, if serial == 0 { Vec::new() } else { begun }, "at {serial}");
    let mut put: Vec<Resource> = (1..serial).map(|commit| changed(group(commit).swap_remove(0))).collect();
    put.sort_by(|left, right| left.key.cmp(&right.key));
    assert_eq!(snapshot.resources, put, "at {serial}");
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_what_was_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut last = Serial(0);
    for round in 0..ROUNDS {
        let mut child = start("killed::writer", folder.path());
        // From before the state is made to amid its many commits.
        let moment = Duration::from_micros(u64::from(rand::random::<u16>()) * 3 * (round as u64 % 3 + 1));
        tokio::time::sleep(moment).await;
        child.kill().expect("killed");
        let mut output = String::new();
        child.stdout.take().expect("its output").read_to_string(&mut output).expect("its output");
        assert!(!child.wait().expect("its end").success());

        let snapshot = state(folder.path()).load().await.expect("a whole state");
        check(&snapshot);
        assert!(snapshot.serial >= last, "from {last:?} to {:?}", snapshot.serial);
        if let Some(known) = last_committed(&output) {
            // One more commit may have been done before the process could say so.
            assert!((known..=known + 1).contains(&snapshot.serial.0), "{known} and {:?}", snapshot.serial);
        }
        last = snapshot.serial;
    }
    assert!(last > Serial(0), "no process came as far as a commit");
}

/// What is being made in a folder, by the names.
fn begun(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".portolan-")).collect()
}

#[tokio::test]
async fn what_a_kill_leaves_of_a_state_that_is_made_is_taken_away() {
    let mut left = 0;
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = start("killed::writer", folder.path());
        while begun(folder.path()).is_empty() && !folder.path().join("state.db").exists() {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        tokio::time::sleep(Duration::from_micros(u64::from(rand::random::<u16>() / 16))).await;
        child.kill().expect("killed");
        child.wait().expect("its end");
        left += usize::from(!begun(folder.path()).is_empty());
        let state = state(folder.path());
        let lease = lock(&state).await;
        assert_eq!(begun(folder.path()), Vec::<String>::new());
        state.unlock(&lease).await.expect("the lock is given back");
    }
    assert!(left > 0, "no process was killed in the middle");
}
