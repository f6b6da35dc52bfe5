//! Reporting to etcd, for as long as the agent lives.

use std::time::Duration;

use etcd_client::PutOptions;
use portolan_etcd_client::error_of;
use portolan_fleet::{Report, Store};
use portolan_provider::Error;
use tokio::sync::watch::Receiver;
use tokio::time::{interval, sleep};

/// After how many seconds without a word a node counts as gone.
const LIFETIME: i64 = 10;

/// How often the agent says that it lives.
const PULSE: Duration = Duration::from_secs(3);

/// How long to wait before etcd is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// What there is to report, and through what.
pub(crate) type Reported = (Option<Store>, Option<Report>);

/// Keeps the report of a node in etcd until nobody has anything to report any more, and takes it
/// away then.
pub(crate) async fn keep_reporting(node: String, mut reported: Receiver<Reported>) {
    loop {
        let (store, report) = reported.borrow_and_update().clone();
        let (Some(store), Some(_)) = (store, report) else {
            match reported.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            }
        };
        match report_through(&store, &node, &mut reported).await {
            Ok(true) => {}
            Ok(false) => return,
            // The agent's watching tells that etcd is away.
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// Reports under one lease, until that is gone or another connection is there; whether there is
/// more to come.
async fn report_through(store: &Store, node: &str, reported: &mut Receiver<Reported>) -> Result<bool, Error> {
    let wrong = |error| error_of("reporting to etcd", error);
    let mut client = store.client();
    let lease = client.lease_grant(LIFETIME, None).await.map_err(wrong)?.id();
    let (mut keeper, mut alive) = client.lease_keep_alive(lease).await.map_err(wrong)?;
    let mut pulse = interval(PULSE);
    let mut said = None;
    loop {
        let report = reported.borrow_and_update().1.clone();
        if let Some(report) = report.filter(|report| said.as_ref() != Some(report)) {
            let options = PutOptions::new().with_lease(lease);
            client.put(store.prefix().node(node), report.encode(), Some(options)).await.map_err(wrong)?;
            said = Some(report);
        }
        tokio::select! {
            changed = reported.changed() => if changed.is_err() {
                client.lease_revoke(lease).await.map_err(wrong)?;
                return Ok(false);
            },
            _ = pulse.tick() => {
                keeper.keep_alive().await.map_err(wrong)?;
                let answer = alive.message().await.map_err(wrong)?;
                if answer.is_none_or(|answer| answer.ttl() <= 0) {
                    return Ok(true);
                }
            }
        }
    }
}
