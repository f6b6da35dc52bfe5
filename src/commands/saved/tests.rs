use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use portolan_lang::{Sources, Value};
use portolan_state::Serial;

use super::*;

/// A plan with a secret in it, its key, and the bytes of its file.
fn sealed(folder: &tempfile::TempDir) -> (KeySource, Vec<u8>) {
    let keys = KeySource::file(folder.path().join("key"));
    let plan = Plan { lineage: "lineage".into(), serial: Serial(7), ..Plan::default() };
    let mut sources = Sources::new();
    sources.add("main.hcl", "password = \"hunter2\"");
    let mut origin = Origin { sources, ..Origin::default() };
    origin.variables.insert(Arc::from("v"), Value::string("hunter2").sensitive());
    let bytes = seal(&keys, &plan, &file::write(&plan, &origin).expect("a text")).expect("sealed");
    (keys, bytes)
}

fn problem(keys: &KeySource, bytes: &[u8]) -> String {
    open(keys, "p.plan", bytes).err().expect("refused").summary
}

#[test]
fn a_plan_opens_with_its_key_and_shows_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let (keys, bytes) = sealed(&folder);
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    let saved = open(&keys, "p.plan", &bytes).expect("opened");
    assert_eq!(saved.shown().serial, Serial(7));
    assert_eq!(saved.origin.variables["v"], Value::string("hunter2").sensitive());
}

#[test]
fn every_change_of_the_file_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let (keys, bytes) = sealed(&folder);
    let header = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    for length in (0..bytes.len()).step_by(7) {
        let expected = if length < header { "Not a saved plan" } else { "The saved plan is damaged" };
        assert_eq!(problem(&keys, &bytes[..length]), expected, "cut off at {length}");
    }
    for at in (0..bytes.len()).step_by(5) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(open(&keys, "p.plan", &changed).is_err(), "changed at {at}");
    }
}

#[test]
fn what_is_no_plan_for_this_program_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (keys, bytes) = sealed(&folder);
    assert_eq!(problem(&keys, b""), "Not a saved plan");
    assert_eq!(problem(&keys, b"resource \"a\" \"b\" {}\n"), "Not a saved plan");
    assert_eq!(problem(&keys, &[0xff; 10_000]), "Not a saved plan");
    assert_eq!(problem(&keys, b"{\"portolan_plan\":2,\"more\":true}\nx"), "The saved plan is newer than this program");
    assert_eq!(problem(&keys, b"{\"portolan_plan\":1}\nx"), "The saved plan is damaged");
    let missing = KeySource::file(folder.path().join("none"));
    assert_eq!(problem(&missing, &bytes), "Sensitive values cannot be opened");
    let other = tempfile::tempdir().expect("a folder");
    assert_eq!(problem(&sealed(&other).0, &bytes), "The saved plan is damaged");
}

#[test]
fn a_file_is_private_and_replaced_in_one_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("p.plan");
    fs::write(&file, "old").expect("a file");
    store(&file, b"new").expect("stored");
    assert_eq!(fs::read(&file).expect("a file"), b"new");
    assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    assert!(store(folder.path(), b"new").is_err());
    assert!(store(&folder.path().join("none/p.plan"), b"new").is_err());
    assert!(load(folder.path()).is_err());
}
