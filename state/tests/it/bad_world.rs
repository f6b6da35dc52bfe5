//! Files and systems that are not as they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::process::{FOLDER, LONG, asked, command, holder, state};
use portolan_state::conformance::samples::{changed, output, resource};
use portolan_state::seal::KeySource;
use portolan_state::sqlite::Sqlite;
use portolan_state::{Backend, Edit, Error, Resource, Serial};

/// Writes some resources with sensitive values.
async fn write(state: &Sqlite, numbers: std::ops::Range<usize>) -> Result<(), Error> {
    put(state, numbers.map(resource).map(changed)).await
}

async fn put(state: &Sqlite, resources: impl Iterator<Item = Resource>) -> Result<(), Error> {
    let lease = state.lock(&holder("writer"), LONG).await?;
    let serial = state.load().await?.serial;
    let edits: Vec<Edit> = resources.map(|resource| Edit::PutResource(Box::new(resource))).collect();
    state.commit(&lease, serial, &edits).await?;
    state.unlock(&lease).await
}

async fn written() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    write(&state, 0..500).await.expect("a commit");
    (folder, state)
}

/// Neither reading nor writing goes on, and the file stays as it is.
async fn refuses(state: &Sqlite, part: &str, expected: impl Fn(&Error) -> bool) {
    let before = fs::read(state.path()).ok();
    for error in [state.load().await.expect_err("read"), write(state, 0..1).await.expect_err("written")] {
        assert!(expected(&error), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
    }
    assert!(fs::read(state.path()).ok() == before, "the file was changed");
}

fn corrupt(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. })
}

fn io(error: &Error) -> bool {
    matches!(error, Error::Io { .. })
}

#[tokio::test]
async fn reading_makes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(&folder.path().join("none"));
    assert_eq!(state.load().await.expect("empty").serial, Serial(0));
    assert!(!folder.path().join("none").exists());
}

#[tokio::test]
async fn what_is_made_is_private_and_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join(".portolan");
    write(&state(&directory), 0..2).await.expect("a commit");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("state.db")), 0o600);
    let mut names: Vec<_> = fs::read_dir(&directory).expect("a directory").flatten().map(|e| e.file_name()).collect();
    names.sort();
    assert_eq!(names, ["key", "state.db"]);
}

#[tokio::test]
async fn sensitive_values_are_not_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    let lease = state.lock(&holder("writer"), LONG).await.expect("the lock");
    let edits = [Edit::PutResource(Box::new(changed(resource(1)))), Edit::PutOutput(output("url"))];
    state.commit(&lease, Serial(0), &edits).await.expect("a commit");
    for name in ["state.db", "state.db-wal"] {
        let bytes = fs::read(folder.path().join(name)).expect("a file");
        for secret in ["hunter2", "t0ken"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is in {name}");
        }
    }
}

#[tokio::test]
async fn another_key_and_no_key_are_refused() {
    let (folder, state) = written().await;
    let sealed = |error: &Error| matches!(error, Error::Sealed { .. });
    let other = Sqlite::with_keys(state.path(), KeySource::given("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
    refuses(&other, "restore that key, or set PORTOLAN_STATE_KEY to it", sealed).await;
    fs::remove_file(folder.path().join("key")).expect("removed");
    let holder = holder("other");
    let fresh = crate::process::state(folder.path());
    assert!(sealed(&fresh.load().await.expect_err("no key")));
    assert!(!folder.path().join("key").exists(), "a key was made where another one is needed");
    assert!(matches!(fresh.lock(&holder, LONG).await, Err(Error::Locked { .. })), "the refused writer holds the lock");
}

#[tokio::test]
async fn other_files_are_no_states() {
    let (_folder, state) = written().await;
    for (contents, part) in [("", "the file is empty"), ("resource \"a\" \"b\" {}\n", "not a database")] {
        fs::write(state.path(), contents).expect("written");
        refuses(&state, part, corrupt).await;
    }
    fs::write(state.path(), vec![b'x'; 100_000]).expect("written");
    refuses(&state, "not a database", corrupt).await;
    fs::remove_file(state.path()).expect("removed");
    fs::create_dir(state.path()).expect("a directory");
    refuses(&state, "it is a directory", corrupt).await;
}

async fn execute(path: &Path, sql: &'static str) {
    use sqlx::Connection;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a database");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("carried out");
    connection.close().await.expect("closed");
}

#[tokio::test]
async fn databases_of_others_and_of_the_future_are_refused() {
    let (folder, state) = written().await;
    execute(state.path(), "PRAGMA user_version = 99").await;
    let newer = |error: &Error| matches!(error, Error::Newer { found: 99, known: 1, .. });
    refuses(&state, "has format 99; this program knows formats up to 1", newer).await;
    let other = Sqlite::at(folder.path().join("other.db"));
    execute(other.path(), "CREATE TABLE a (b)").await;
    refuses(&other, "a database of another program", corrupt).await;
}

#[tokio::test]
async fn lost_tables_and_broken_rows_are_said() {
    for (damage, part) in [
        ("DROP TABLE outputs", "no such table: outputs"),
        ("UPDATE resources SET dependencies = 'x'", "/deployment@cluster1: a stored document"),
        ("UPDATE resources SET value = '{\"value\":7'", "a stored document"),
        ("UPDATE resources SET status = 'lost'", "unknown word \"lost\""),
        ("UPDATE resources SET address = 'a..b'", "is not an address"),
        ("UPDATE types SET form = replace(form, 'string', 'heap')", "unknown word \"heap\""),
        ("PRAGMA foreign_keys = OFF; DELETE FROM types", "a type is missing"),
        ("DELETE FROM state", "a row is missing"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(folder.path());
        put(&state, [resource(1)].into_iter()).await.expect("a commit");
        execute(state.path(), damage).await;
        let error = state.load().await.expect_err(damage);
        assert!(corrupt(&error) && error.to_string().contains(part), "{damage}: {error}");
    }
}

/// Every kind of damage is told or does no harm; none is a panic, none gives a part of the
/// resources for the whole.
#[tokio::test]
async fn cut_and_overwritten_files_are_told() {
    let (_folder, state) = written().await;
    let whole = fs::read(state.path()).expect("the file");
    for cut in [1, 50, 100, 4096, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        fs::write(state.path(), &whole[..cut]).expect("written");
        let error = state.load().await.expect_err("a part");
        assert!(corrupt(&error), "cut to {cut}: {error:?}");
    }
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 100..(page + 1) * 4096].fill(0xa5);
        fs::write(state.path(), &bytes).expect("written");
        match state.load().await {
            Ok(snapshot) => assert_eq!(snapshot.resources.len(), 500, "page {page}"),
            Err(error) => assert!(corrupt(&error) || matches!(error, Error::Sealed { .. }), "page {page}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_takes_no_more_commits() {
    let (folder, state) = written().await;
    let lease = state.lock(&holder("writer"), LONG).await.expect("the lock");
    let serial = state.load().await.expect("a state").serial;
    fs::rename(state.path(), folder.path().join("away")).expect("moved");
    let error = state.commit(&lease, serial, &[]).await.expect_err("no file");
    assert!(error.to_string().contains("was deleted or replaced meanwhile"), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "").expect("written");
    refuses(&state(&folder.path().join("file")), "directory", io).await;
    let error = write(&state(Path::new("/proc/portolan")), 0..1).await.expect_err("no directory");
    assert!(io(&error) && error.to_string().starts_with("making /proc/portolan/state.db: "), "{error}");
}

/// Carried out as somebody who may not write to the folder.
#[tokio::test]
#[ignore = "carried out by another test as a process of its own"]
async fn intruder() {
    let Some(folder) = asked() else { return };
    let error = write(&state(&folder), 0..1).await.expect_err("not allowed");
    assert!(io(&error) && error.to_string().contains("ermission denied"), "{error:?}");
}

#[tokio::test]
async fn a_directory_of_somebody_else_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let allow = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("allowed");
    allow(0o555);
    let mut intruder = command("bad_world::intruder", folder.path());
    let mut run = match nobody(&intruder) {
        // Root may write everywhere.
        Some(command) => command,
        None => std::mem::replace(&mut intruder, Command::new("true")),
    };
    let output = run.output().expect("a process");
    allow(0o755);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!folder.path().join("state.db").exists());
}

/// The same command as a user without rights; `None` where this is one already.
fn nobody(command: &Command) -> Option<Command> {
    let uid = Command::new("id").arg("-u").output().expect("id");
    (uid.stdout.trim_ascii() == b"0").then(|| {
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(command.get_program());
        other.args(command.get_args()).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        other
    })
}

/// Commits until the system takes no more.
#[tokio::test]
#[ignore = "carried out by another test as a process of its own"]
async fn filler() {
    let Some(folder) = asked() else { return };
    let state = state(&folder);
    let lease = state.lock(&holder("filler"), LONG).await.expect("the lock");
    let mut serial = Serial(0);
    let error = loop {
        let first = usize::try_from(serial.0).expect("a small number") * 10;
        let edits: Vec<Edit> = (first..first + 10).map(|n| Edit::PutResource(Box::new(resource(n)))).collect();
        match state.commit(&lease, serial, &edits).await {
            Ok(next) => serial = next,
            Err(error) => break error,
        }
        assert!(serial.0 < 10_000, "there is no limit");
    };
    assert!(io(&error) && error.to_string().starts_with("writing "), "{error:?}");
    assert_eq!(state.load().await.expect("a whole state").serial, serial);
    println!("\nfull after {}", serial.0);
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let filler = command("bad_world::filler", folder.path());
    // No file may become larger than a megabyte; writing more fails instead of killing.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"]).arg(filler.get_program());
    limited.args(filler.get_args()).env(FOLDER, folder.path());
    let output = limited.output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let committed = text.lines().find_map(|line| line.strip_prefix("full after ")?.parse::<usize>().ok());

    let state = state(folder.path());
    let snapshot = state.load().await.expect("a whole state");
    assert_eq!(Some(snapshot.resources.len()), committed.map(|commits| commits * 10));
    assert!(!snapshot.resources.is_empty());
}
