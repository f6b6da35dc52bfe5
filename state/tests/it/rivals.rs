//! Several processes, one state.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use crate::process::{LONG, asked, holder, start, state};
use portolan_lang::{Number, Value};
use portolan_state::{Backend, Edit, Error, Output, Serial};

const PROCESSES: u64 = 4;
const ROUNDS: u64 = 15;
const SHORT: Duration = Duration::from_millis(400);

/// Adds one to an output again and again, each time under a lock of its own.
#[tokio::test]
#[ignore = "carried out by another test as a process of its own"]
async fn counter() {
    let Some(folder) = asked() else { return };
    let state = state(&folder);
    let mut done = 0;
    while done < ROUNDS {
        match state.lock(&holder("counter"), LONG).await {
            Ok(lease) => {
                let snapshot = state.load().await.expect("a state");
                let before = snapshot.outputs.first().and_then(|output| output.value.as_number()).cloned();
                let value = Value::number(before.unwrap_or(Number::ZERO).add(&Number::from(1)).expect("a number"));
                let edit = Edit::PutOutput(Output { name: "count".into(), value });
                state.commit(&lease, snapshot.serial, &[edit]).await.expect("a commit");
                state.unlock(&lease).await.expect("unlocked");
                done += 1;
            }
            Err(Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(2)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn no_update_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let children: Vec<_> = (0..PROCESSES).map(|_| start("rivals::counter", folder.path())).collect();
    for child in children {
        let output = child.wait_with_output().expect("its end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let snapshot = state(folder.path()).load().await.expect("a state");
    assert_eq!(snapshot.outputs.first().map(|output| output.value.clone()), Some(Value::number(60)));
    assert_eq!(snapshot.serial, Serial(PROCESSES * ROUNDS));
}

/// Holds the lock, renewing it, until it is killed.
#[tokio::test]
#[ignore = "carried out by another test as a process of its own"]
async fn keeper() {
    let Some(folder) = asked() else { return };
    let state = state(&folder);
    let lease = state.lock(&holder("keeper"), SHORT).await.expect("the lock");
    println!("\nlocked");
    loop {
        tokio::time::sleep(SHORT / 8).await;
        state.renew(&lease).await.expect("renewed");
    }
}

#[tokio::test]
async fn a_live_process_keeps_the_lock_and_a_dead_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = start("rivals::keeper", folder.path());
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "locked")));

    let state = state(folder.path());
    tokio::time::sleep(SHORT * 2).await;
    let locked = |error: &Error| matches!(error, Error::Locked { holder, .. } if holder.who == "keeper");
    assert!(state.lock(&holder("other"), LONG).await.is_err_and(|error| locked(&error)));
    child.kill().expect("killed");
    child.wait().expect("its end");
    state.lock(&holder("other"), LONG).await.expect("the lock of a dead process");
}
