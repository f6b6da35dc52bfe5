//! Other processes, each of which carries out one ignored test of this program.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portolan_state::Holder;
use portolan_state::seal::KeySource;
use portolan_state::sqlite::Sqlite;

/// The environment variable that tells such a test its folder.
pub(crate) const FOLDER: &str = "PORTOLAN_TEST_FOLDER";

/// The state in a folder.
pub(crate) fn state(folder: &Path) -> Sqlite {
    Sqlite::with_keys(folder.join("state.db"), KeySource::file(folder.join("key")))
}

/// The folder of a test that another process carries out; `None` where nobody asked for it.
pub(crate) fn asked() -> Option<std::path::PathBuf> {
    std::env::var_os(FOLDER).map(Into::into)
}

/// The command that carries out this ignored test.
pub(crate) fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--ignored", "--exact", "--nocapture", test]).env(FOLDER, folder);
    command
}

/// A process that carries out this ignored test, its output readable.
pub(crate) fn start(test: &str, folder: &Path) -> Child {
    command(test, folder).stdout(Stdio::piped()).spawn().expect("a process")
}

/// Who a test says it is.
pub(crate) fn holder(who: &str) -> Holder {
    Holder { who: who.to_owned(), command: "test".to_owned() }
}

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(600);
