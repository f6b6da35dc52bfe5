//! One writer at a time, and none that comes late.

use std::time::Duration;

use futures::future::join_all;

use super::samples::resource;
use super::{LONG, Outcome, States, Violation, Writer, ensure, holder, refused, same};
use crate::backend::{Error, Holder, Lease, Serial};
use crate::record::Edit;

/// Long enough for a call, short enough to wait for.
const SHORT: Duration = Duration::from_millis(200);

/// How many race for the same thing.
const RIVALS: usize = 8;

pub(super) async fn check(states: &dyn States) -> Outcome {
    one_holds_the_lock(states).await?;
    renewing_keeps_the_lock(states).await?;
    an_expired_lease_is_taken_over(states).await?;
    what_was_given_back_is_gone(states).await?;
    stale_bases_are_refused(states).await?;
    rivals_get_one_lock(states).await
}

fn edit(number: usize) -> Vec<Edit> {
    vec![Edit::PutResource(Box::new(resource(number)))]
}

fn locked_by(who: &str) -> impl Fn(&Error) -> bool {
    move |error| matches!(error, Error::Locked { holder, remaining } if holder.who == who && *remaining <= LONG)
}

fn fenced(error: &Error) -> bool {
    matches!(error, Error::Fenced)
}

/// While one holds the lock, others are told who does; reading goes on.
async fn one_holds_the_lock(states: &dyn States) -> Outcome {
    let (first, second) = (states.open("one").await, states.open("one").await);
    let lease = first.lock(&holder("first"), LONG).await?;
    refused("locking what is locked", second.lock(&holder("second"), LONG).await, locked_by("first"))?;
    refused("locking it again", first.lock(&holder("first"), LONG).await, locked_by("first"))?;
    second.load().await?;
    first.commit(&lease, Serial(0), &edit(1)).await?;
    first.unlock(&lease).await?;
    let next = second.lock(&holder("second"), LONG).await?;
    ensure(next.fence > lease.fence, || format!("the fence went from {} to {}", lease.fence, next.fence))?;
    first.unlock(&lease).await?;
    refused("locking after a late unlock", first.lock(&holder("first"), LONG).await, locked_by("second"))
}

/// A lease holds as long as it is renewed in time.
async fn renewing_keeps_the_lock(states: &dyn States) -> Outcome {
    let (first, second) = (states.open("renewed").await, states.open("renewed").await);
    let lease = first.lock(&holder("first"), SHORT).await?;
    for _ in 0..4 {
        tokio::time::sleep(SHORT / 4).await;
        first.renew(&lease).await?;
    }
    refused("locking what is renewed", second.lock(&holder("second"), LONG).await, locked_by("first"))
}

/// A dead holder blocks nobody for longer than its lease, and a late one writes nothing.
async fn an_expired_lease_is_taken_over(states: &dyn States) -> Outcome {
    let (first, second) = (states.open("expired").await, states.open("expired").await);
    let late = first.lock(&holder("first"), SHORT).await?;
    let serial = first.commit(&late, Serial(0), &edit(1)).await?;
    tokio::time::sleep(SHORT + SHORT / 2).await;
    let serial = first.commit(&late, serial, &[]).await?;
    let lease = second.lock(&holder("second"), LONG).await?;
    refused("a late commit", first.commit(&late, serial, &edit(2)).await, fenced)?;
    refused("a late renewal", first.renew(&late).await, fenced)?;
    first.unlock(&late).await?;
    same("what is there", &second.load().await?.resources, &vec![resource(1)])?;
    second.commit(&lease, serial, &edit(3)).await?;
    refused("a late commit on an old base", first.commit(&late, serial, &edit(2)).await, fenced)?;
    let forged = Lease { fence: lease.fence + 1, ttl: LONG };
    refused("a fence from the future", first.commit(&forged, serial, &edit(2)).await, fenced)
}

/// A lease that was given back is of no use.
async fn what_was_given_back_is_gone(states: &dyn States) -> Outcome {
    let writer = Writer::start(states, "given-back").await?;
    writer.backend.unlock(&writer.lease).await?;
    writer.backend.unlock(&writer.lease).await?;
    refused("a commit", writer.backend.commit(&writer.lease, writer.serial, &edit(1)).await, fenced)?;
    refused("a renewal", writer.backend.renew(&writer.lease).await, fenced)?;
    same("what is there", &writer.seen(states, "given-back").await?.resources.len(), &0)
}

/// A commit on another base than the last serial is refused.
async fn stale_bases_are_refused(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "stale").await?;
    writer.commit(&edit(1)).await?;
    for base in [Serial(writer.serial.0 - 1), Serial(writer.serial.0 + 1)] {
        let stale =
            |error: &Error| matches!(error, Error::Stale { found, base: b } if *found == writer.serial && *b == base);
        refused("a commit on another base", writer.backend.commit(&writer.lease, base, &edit(2)).await, stale)?;
    }
    same("what is there", &writer.seen(states, "stale").await?.resources, &vec![resource(1)])
}

/// Of many that ask at the same moment one gets the lock, even for a state never written.
async fn rivals_get_one_lock(states: &dyn States) -> Outcome {
    let rivals: Vec<(Holder, _)> = join_all((0..RIVALS).map(async |number| {
        let backend = states.open("rivals").await;
        let rival = holder(&format!("rival {number}"));
        let result = backend.lock(&rival, LONG).await;
        (rival, result)
    }))
    .await;
    let winners: Vec<&Holder> = rivals.iter().filter(|(_, result)| result.is_ok()).map(|(rival, _)| rival).collect();
    let [winner] = winners[..] else {
        return Err(Violation { message: format!("the lock went to {winners:?}") });
    };
    for (rival, result) in &rivals {
        let told = matches!(result, Ok(_) | Err(Error::Locked { .. }));
        ensure(told, || format!("{} was told {result:?}", rival.who))?;
    }
    let late = states.open("rivals").await.lock(&holder("late"), LONG).await;
    refused("locking after the race", late, locked_by(&winner.who))
}
