//! The lock: one row, which says who may write and until when.
//!
//! The fence rises each time the lock is taken. Every write compares it in its own
//! transaction, so whoever lost the lock writes nothing, however late it comes. Times are
//! the machine's clock, in UTC; a clock that jumps can end a lease early or late, but the
//! fence still keeps two writers apart. The lease of a process that was killed on this machine
//! is taken over at once (`presence`).

use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use crate::backend::{Error, Holder, Lease, Serial};
use crate::sqlite::connection::Database;
use crate::sqlite::failure::Place;
use crate::sqlite::migrations::{MIGRATIONS, migrate};
use crate::sqlite::presence::Presence;

/// Milliseconds since 1970.
fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn until(ttl: Duration) -> i64 {
    now().saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

impl Database {
    /// Takes the lock. Whoever takes it first with a newer program brings the database to
    /// the present form. `presence` is this process's sign of life while it holds a lease.
    pub(crate) async fn lock(
        &mut self,
        holder: &Holder,
        ttl: Duration,
        presence: &mut Option<Presence>,
    ) -> Result<Lease, Error> {
        let failed = |error| self.place.failed("locking", error);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        migrate(&mut transaction, self.form, MIGRATIONS).await.map_err(failed)?;
        let found = if presence.is_none() { Presence::claim(self.place.path()) } else { None };
        if let Some((fence, locked)) = held(&mut transaction).await.map_err(failed)?
            && !found.as_ref().is_some_and(|found| found.tells_of(fence))
        {
            return Err(locked);
        }
        let take = "UPDATE lock SET fence = fence + 1, who = ?, command = ?, until = ? RETURNING fence";
        let fence: i64 = sqlx::query_scalar(take)
            .bind(&holder.who)
            .bind(&holder.command)
            .bind(until(ttl))
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        *presence = found.or(presence.take());
        // Before the commit, so that there is no instant in which a kill leaves a lease without a
        // sign; a sign without its lease tells of nothing.
        if let Some(presence) = presence {
            presence.announce(fence);
        }
        transaction.commit().await.map_err(failed)?;
        self.form = MIGRATIONS.len();
        Ok(Lease { fence: fence.cast_unsigned(), ttl })
    }

    pub(crate) async fn renew(&mut self, lease: &Lease) -> Result<(), Error> {
        self.settle().await?;
        let renewed = sqlx::query("UPDATE lock SET until = ? WHERE fence = ? AND until IS NOT NULL")
            .bind(until(lease.ttl))
            .bind(lease.fence.cast_signed())
            .execute(&mut self.connection)
            .await
            .map_err(|error| self.place.failed("renewing the lock of", error))?;
        if renewed.rows_affected() == 1 { Ok(()) } else { Err(Error::Fenced) }
    }

    pub(crate) async fn unlock(&mut self, lease: &Lease) -> Result<(), Error> {
        sqlx::query("UPDATE lock SET who = NULL, command = NULL, until = NULL WHERE fence = ?")
            .bind(lease.fence.cast_signed())
            .execute(&mut self.connection)
            .await
            .map_err(|error| self.place.failed("unlocking", error))?;
        Ok(())
    }
}

/// Who holds the lock, as its fence and the error that says so.
async fn held(connection: &mut SqliteConnection) -> Result<Option<(i64, Error)>, sqlx::Error> {
    let row = sqlx::query("SELECT who, command, until, fence FROM lock").fetch_one(connection).await?;
    let Some(until) = row.try_get::<Option<i64>, _>(2)? else { return Ok(None) };
    let remaining = until.saturating_sub(now());
    if remaining <= 0 {
        return Ok(None);
    }
    let text = |index| row.try_get::<Option<String>, _>(index).map(Option::unwrap_or_default);
    let holder = Holder { who: text(0)?, command: text(1)? };
    let locked = Error::Locked { holder, remaining: Duration::from_millis(remaining.unsigned_abs()) };
    Ok(Some((row.try_get(3)?, locked)))
}

/// Refuses to go on under a lease that was lost and on another base. Part of the transaction
/// that writes.
pub(crate) async fn check(
    place: &Place,
    connection: &mut SqliteConnection,
    lease: &Lease,
    base: Serial,
) -> Result<(), Error> {
    let row = sqlx::query("SELECT fence, until IS NOT NULL, serial FROM lock, state").fetch_one(connection).await;
    let read = |row: SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    let (fence, held, serial): (i64, bool, i64) = row.and_then(read).map_err(|error| place.failed("writing", error))?;
    let found = Serial(serial.cast_unsigned());
    if fence != lease.fence.cast_signed() || !held {
        return Err(Error::Fenced);
    }
    if found == base { Ok(()) } else { Err(Error::Stale { base, found }) }
}
