//! What a provider is asked to do, and the asking.

use std::pin::Pin;
use std::sync::Arc;

use portolan_lang::Value;
use portolan_provider::{Applied, Change, Error, NotReady, Session, Waiting};

/// What is under way.
pub(super) type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// What a provider is asked to do; without marks.
pub(super) enum Work {
    Create { resource_type: Arc<str>, planned: Value },
    Update { resource_type: Arc<str>, identity: Arc<str>, prior: Value, planned: Value },
    Delete { resource_type: Arc<str>, identity: Arc<str>, prior: Value },
    Read { source: Arc<str>, config: Value },
}

/// Something that was waited for, of an operation.
pub(super) enum Happened {
    /// A provider answered.
    Answered(usize, Result<Option<Applied>, Error>),
    /// A data source answered.
    Told(usize, Result<Value, Error>),
    /// An object is ready, or will not be.
    Ready(usize, Result<(), NotReady>),
    /// An object is gone, or does not go away.
    Gone(usize, Result<(), Error>),
    /// A pause is over.
    Rested(usize),
}

/// What an object is waited for by now, of an operation.
pub(super) struct News {
    pub(super) operation: usize,
    pub(super) waiting: Waiting,
}

/// Asks once.
pub(super) async fn ask(session: Arc<dyn Session>, operation: usize, work: Arc<Work>) -> Happened {
    let (resource_type, change) = match &*work {
        Work::Read { source, config } => return Happened::Told(operation, session.data(source, config).await),
        Work::Create { resource_type, planned } => (resource_type, Change::Create { planned }),
        Work::Update { resource_type, identity, prior, planned } => {
            (resource_type, Change::Update { identity, prior, planned })
        }
        Work::Delete { resource_type, identity, prior } => (resource_type, Change::Delete { identity, prior }),
    };
    Happened::Answered(operation, session.apply(resource_type, change).await)
}
