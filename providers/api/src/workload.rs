//! Looking at what runs: the copies of programs that a system keeps running.
//!
//! A provider says, without I/O, which of its objects are workloads
//! ([`Provider::workload`](crate::Provider::workload)); a session to a system that runs them says
//! how they are ([`Session::workloads`](crate::Session::workloads)). Nothing here changes anything
//! but what a person does inside of a copy.

use async_trait::async_trait;
use portolan_lang::Value;
use tokio::sync::mpsc;

use crate::Error;

/// What is declared of an object that keeps copies of a program running.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workload {
    /// How many copies are wanted; `None` where that is no number of its own: one on each node, or
    /// as scheduled.
    pub wanted: Option<u64>,
    /// What the copies run, without what is sensitive.
    pub images: Vec<String>,
    /// Whether it is declared to stand still.
    pub is_stopped: bool,
}

/// An object that is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Its resource type.
    pub resource_type: &'a str,
    /// What finds it.
    pub identity: &'a str,
    /// The object as it was last read or changed, without marks.
    pub value: &'a Value,
}

/// How a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// It does what it is there for.
    Ready,
    /// It is on its way.
    Waiting,
    /// It stands still because somebody wants that.
    Stopped,
    /// Something is wrong that does not mend itself, or has not yet.
    Failing,
    /// Nobody knows.
    Unknown,
}

/// How a workload was found. Texts come from the system, and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How it is.
    pub condition: Condition,
    /// What tells so, a phrase without a full stop: `2 of 3 replicas are ready`.
    pub why: String,
    /// What holds it up, a phrase each, the most telling first.
    pub reasons: Vec<String>,
    /// How many copies the system is told to run.
    pub wanted: Option<u64>,
    /// How many copies are ready or, of what has an end, have come to it; `None` where that is not
    /// known.
    pub ready: Option<u64>,
    /// What the copies run, those that are there.
    pub images: Vec<String>,
    /// How often containers of the copies were started again.
    pub restarts: Option<u64>,
    /// Since when the youngest copy has been there: RFC 3339. Of a workload without copies, since
    /// when that has.
    pub since: Option<String>,
}

/// A copy of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What finds it in its system.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Whether it does what it is there for.
    pub is_ready: bool,
    /// The programs that run in it, the main one first.
    pub containers: Vec<String>,
}

/// What is wanted of the log of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRequest {
    /// Whether to go on as more is written.
    pub follows: bool,
    /// Only what was written since then: RFC 3339.
    pub since: Option<String>,
    /// Only so many lines, the last ones.
    pub tail: Option<u64>,
    /// Whether the program is meant that ran before the last restart.
    pub previous: bool,
}

/// What a workload uses, over all of its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// How many copies were measured.
    pub copies: u64,
    /// Processor time, in thousandths of a processor.
    pub cpu: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// The processor time that those copies request; `None` where one requests none.
    pub requested_cpu: Option<u64>,
    /// The memory that those copies request; `None` where one requests none.
    pub requested_memory: Option<u64>,
}

/// What one copy of a workload uses, and whether that tells anything of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Whether it does not run yet.
    pub is_pending: bool,
    /// Whether it does what it is there for.
    pub is_ready: bool,
    /// Whether the processor time that it uses is that of a copy that takes its part of the load, and
    /// not that of one that starts.
    pub is_warm: bool,
    /// Processor time, in thousandths of a processor; `None` where it was not measured.
    pub cpu: Option<u64>,
    /// Memory, in bytes; `None` where it was not measured.
    pub memory: Option<u64>,
    /// The processor time that it requests; `None` where a container requests none.
    pub requested_cpu: Option<u64>,
    /// The memory that it requests; `None` where a container requests none.
    pub requested_memory: Option<u64>,
}

/// What the copies of a workload use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples {
    /// Each copy.
    pub copies: Vec<Sample>,
    /// Why nothing was measured, where nothing was.
    pub unmeasured: Option<String>,
}

/// Something that happened to a workload or to what belongs to it. Texts may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What tells it from all others of its system.
    pub id: String,
    /// When it happened last: RFC 3339.
    pub time: String,
    /// How often it happened.
    pub count: u64,
    /// Whether something was wrong.
    pub is_warning: bool,
    /// What it is about: `Pod web-1`.
    pub object: String,
    /// A word for it.
    pub reason: String,
    /// What happened.
    pub message: String,
}

/// What goes to and comes from a command that runs in a copy.
#[derive(Debug)]
pub struct Streams {
    /// Its input, which ends with the channel; `None` for none at all.
    pub input: Option<mpsc::Receiver<Vec<u8>>>,
    /// What it writes.
    pub output: mpsc::Sender<Output>,
    /// The sizes of the terminal that it is given, in lines and columns; `None` for no terminal.
    pub sizes: Option<mpsc::Receiver<(u16, u16)>>,
}

/// What a command writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// On its standard output.
    Out(Vec<u8>),
    /// On its standard error.
    Error(Vec<u8>),
}

/// A session to a system that keeps workloads running.
#[async_trait]
pub trait Workloads: Send + Sync {
    /// How workloads are, with few calls whatever their number. The answers stand in the order of
    /// `workloads`; `None` says that the object is certainly not there.
    async fn status(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Option<Status>, Error>>;

    /// The copies of workloads, in their order, with few calls.
    async fn copies(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Vec<Copy>, Error>> {
        workloads.iter().map(|_| Err(nothing_runs())).collect()
    }

    /// Sends the lines of a log, without their ends, until there are no more or nobody receives
    /// them.
    async fn log(
        &self,
        copy: &str,
        container: &str,
        request: &LogRequest,
        lines: mpsc::Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        let _ = (copy, container, request, lines);
        Err(nothing_runs())
    }

    /// Runs a command in a copy and answers the code that it ends with.
    async fn exec(&self, copy: &str, container: &str, command: &[String], streams: Streams) -> Result<i32, Error> {
        let _ = (copy, container, command, streams);
        Err(nothing_runs())
    }

    /// What workloads use, in their order, with few calls. A system where nothing is measured says
    /// so in an error.
    async fn usage(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Usage, Error>> {
        workloads.iter().map(|_| Err(nothing_runs())).collect()
    }

    /// What each copy of these workloads uses, in their order, with few calls: of the copies that are
    /// to be there, not of those that have failed or are being taken away.
    async fn samples(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Samples, Error>> {
        workloads.iter().map(|_| Err(nothing_runs())).collect()
    }

    /// What happened to workloads and to what belongs to them, in their order, with few calls;
    /// the events of each in the order of time.
    async fn events(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Vec<Event>, Error>> {
        workloads.iter().map(|_| Err(nothing_runs())).collect()
    }
}

fn nothing_runs() -> Error {
    Error::invalid("nothing runs there: it is only written down what is wanted")
}
