//! Sessions that outlive a run, for a process that plans again and again.
//!
//! Only those are kept that follow what they read. Each is found again by what it was opened with, so
//! that another configuration or another record never gets it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portolan_lang::{Address, Value};
use portolan_provider::{Changed, Session};
use rustc_hash::FxHashMap;

/// The sessions that are kept, shared by all runs.
#[derive(Clone)]
pub struct LivingSessions(Arc<Kept>);

struct Kept {
    changed: Changed,
    sessions: Mutex<FxHashMap<Address, Living>>,
}

/// A session and what it was opened with.
struct Living {
    config: Value,
    owner: Arc<str>,
    session: Arc<dyn Session>,
}

impl LivingSessions {
    /// None yet. `changed` is called whenever something may have changed that one of them has read.
    pub fn new(changed: Changed) -> Self {
        LivingSessions(Arc::new(Kept { changed, sessions: Mutex::default() }))
    }

    /// Keeps none of them any more: the next run opens new ones.
    pub fn end(&self) {
        self.sessions().clear();
    }

    pub(super) fn find(&self, address: &Address, config: &Value, owner: &str) -> Option<Arc<dyn Session>> {
        let sessions = self.sessions();
        let found = sessions.get(address).filter(|found| found.config == *config && &*found.owner == owner)?;
        Some(found.session.clone())
    }

    pub(super) fn keep(&self, address: &Address, config: &Value, owner: &Arc<str>, session: &Arc<dyn Session>) {
        if session.follow(self.0.changed.clone()) {
            let living = Living { config: config.clone(), owner: owner.clone(), session: session.clone() };
            self.sessions().insert(address.clone(), living);
        }
    }

    fn sessions(&self) -> MutexGuard<'_, FxHashMap<Address, Living>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
