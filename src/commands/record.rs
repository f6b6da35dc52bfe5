//! The state: read, locked, and told about in this program's words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_lang::Diagnostic;
use portolan_state::{Backend, Edit, Error, Holder, Lease, Serial, Snapshot};

use super::Failure;

/// How long a lease holds from its last renewal.
const LEASE: Duration = Duration::from_secs(30);

/// How often a taken lock is asked for again.
const RETRY: Duration = Duration::from_millis(500);

/// The right to write the state.
pub(crate) struct Locked {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) lease: Lease,
}

/// Everything that is recorded.
pub(crate) async fn load(backend: &dyn Backend) -> Result<Snapshot, Diagnostic> {
    backend.load().await.map_err(explain)
}

/// The serial of the last commit.
pub(crate) async fn serial(backend: &dyn Backend) -> Result<Serial, Diagnostic> {
    backend.serial().await.map_err(explain)
}

/// Does some work under the lock, which is waited for at most so long, and gives it back.
pub(crate) async fn with_lock<T>(
    backend: &Arc<dyn Backend>,
    command: &str,
    patience: Duration,
    work: impl AsyncFnOnce(&Locked) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let locked = lock(backend.clone(), command, patience).await?;
    let done = work(&locked).await;
    match (done, locked.release().await) {
        (done, Ok(())) => done,
        (Ok(_), Err(problem)) => Err(problem.into()),
        (Err(mut failure), Err(problem)) => {
            failure.diagnostics.push(problem);
            Err(failure)
        }
    }
}

/// Takes the lock, waiting for it at most so long.
async fn lock(backend: Arc<dyn Backend>, command: &str, patience: Duration) -> Result<Locked, Diagnostic> {
    let holder = Holder { who: who(), command: command.to_owned() };
    let deadline = Instant::now() + patience;
    loop {
        match backend.lock(&holder, LEASE).await {
            Ok(lease) => return Ok(Locked { backend, lease }),
            Err(Error::Locked { .. }) if Instant::now() + RETRY < deadline => tokio::time::sleep(RETRY).await,
            Err(error) => return Err(explain(error)),
        }
    }
}

impl Locked {
    /// Commits edits on top of a snapshot.
    pub(crate) async fn commit(&self, base: Serial, edits: &[Edit]) -> Result<Serial, Diagnostic> {
        self.backend.commit(&self.lease, base, edits).await.map_err(explain)
    }

    /// Does some work, and renews the lease meanwhile.
    pub(crate) async fn renewed<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut work = std::pin::pin!(work);
        let period = self.lease.ttl / 3;
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = tick.tick() => self.backend.renew(&self.lease).await.map_err(explain)?,
            }
        }
    }

    /// Gives the lock back.
    async fn release(self) -> Result<(), Diagnostic> {
        self.backend.unlock(&self.lease).await.map_err(explain)
    }
}

/// The user who runs the program.
pub(crate) fn user() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "somebody".to_owned())
}

/// Who runs the program: the user, the machine and the process.
pub(crate) fn who() -> String {
    format!("{}, process {}", person(), std::process::id())
}

/// Who runs the program: the user and the machine.
pub(crate) fn person() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{}@{name}", user())
}

/// What went wrong with the state, and what to do.
pub(crate) fn explain(error: Error) -> Diagnostic {
    let (summary, help) = match &error {
        Error::Locked { .. } => (
            "The state is locked",
            "Wait until the other run has ended, or say for how long to wait: --lock-timeout=5m. The lock of a process that died runs out by itself.",
        ),
        Error::Fenced => {
            ("The lock was lost", "Run it again: what was done is recorded, or found again by the journal.")
        }
        Error::Stale { .. } => ("The state has changed", "Plan again."),
        Error::Newer { .. } => ("The state is newer than this program", "Use a newer version of the program."),
        Error::Corrupt { .. } => ("The state is damaged", "Restore it from a backup. It was left as it is."),
        Error::Sealed { .. } => (
            "Sensitive values cannot be opened",
            "Give the key that they were sealed with, in PORTOLAN_STATE_KEY or in the key file beside the state.",
        ),
        Error::Unstorable { .. } => {
            ("A value cannot be recorded", "Use a simpler value: the limits stand in docs/state.md.")
        }
        Error::Io { .. } => (
            "The state cannot be used",
            "See to the file, its directory and the room on its disk; nothing was changed.",
        ),
    };
    Diagnostic::error(summary).detail(format!("{error}.")).help(help)
}

/// The duration that a flag gives: `30s`, `5m`, `1h`.
pub(crate) fn duration(flag: &str, text: &str) -> Result<Duration, Diagnostic> {
    portolan_lang::duration(text).ok_or_else(|| {
        Diagnostic::error(format!("Invalid {flag} option"))
            .detail(format!("\"{text}\" is not a duration."))
            .help("Write a number with its unit: 30s, 5m, 1h.")
    })
}
