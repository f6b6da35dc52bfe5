//! Transfers of one zone, shared by all who ask for it at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::link::{Link, Trouble};
use crate::name::Name;
use crate::zone::Zone;

/// One transfer at a time: servers allow few, and refuse the others.
#[derive(Default)]
pub(super) struct Transfers {
    /// How many have begun.
    begun: AtomicU64,
    last: Mutex<Option<Ended>>,
}

/// A transfer that came to its end.
struct Ended {
    number: u64,
    outcome: Result<Arc<Zone>, Trouble>,
}

impl Transfers {
    /// The zone as it is now: by a transfer that began after this was asked for.
    pub(super) async fn now(&self, link: &Link, zone: &Name) -> Result<Arc<Zone>, Trouble> {
        let asked = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(ended) = last.as_ref().filter(|ended| ended.number > asked) {
            return ended.outcome.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let known = last.take().and_then(|ended| ended.outcome.ok());
        let outcome = link.transfer(zone, known).await;
        *last = Some(Ended { number, outcome: outcome.clone() });
        outcome
    }
}
