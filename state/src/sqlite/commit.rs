//! Carrying out edits.

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::backend::{Error, KEPT_RUNS, Lease, Serial};
use crate::batch::Batch;
use crate::record::Edit;
use crate::seal::KeySource;
use crate::sqlite::connection::Database;
use crate::sqlite::decode::Decoder;
use crate::sqlite::encode::{Encoder, Tables};
use crate::sqlite::lease;
use crate::sqlite::statement::Statement;

const PUT_TYPES: Statement = Statement { before: "INSERT INTO types (id, form) ", after: "" };

const PUT_CONNECTIONS: Statement =
    Statement { before: "INSERT INTO connections (id, address, type, config) ", after: "" };

const PUT_RESOURCES: Statement = Statement {
    before: "INSERT INTO resources (address, deposed, resource_type, provider, connection, identity, type, value, \
             schema_version, dependencies, status, create_before_destroy) ",
    after: " ON CONFLICT (address, deposed) DO UPDATE SET resource_type = excluded.resource_type, \
            provider = excluded.provider, connection = excluded.connection, identity = excluded.identity, \
            type = excluded.type, value = excluded.value, schema_version = excluded.schema_version, \
            dependencies = excluded.dependencies, status = excluded.status, \
            create_before_destroy = excluded.create_before_destroy",
};

const REMOVE_RESOURCES: Statement =
    Statement { before: "DELETE FROM resources WHERE (address, deposed) IN (", after: ")" };

/// Where the change did not begin in the same commit, the journal knows what was done.
const PUT_CHANGES: Statement = Statement {
    before: "INSERT INTO changes (run, operation, address, deposed, failure) \
             SELECT e.column1, coalesce(e.column2, j.operation), e.column3, e.column4, e.column5 FROM (",
    after: ") AS e LEFT JOIN journal AS j ON j.run = e.column1 AND j.address = e.column3 AND j.deposed = e.column4",
};

/// A change that begins again goes to the journal's end.
const PUT_JOURNAL: Statement = Statement {
    before: "INSERT OR REPLACE INTO journal (run, operation, address, deposed, resource_type, provider, connection, \
             identity, type, value, schema_version, dependencies, status, create_before_destroy) ",
    after: "",
};

const REMOVE_JOURNAL: Statement =
    Statement { before: "DELETE FROM journal WHERE (run, address, deposed) IN (", after: ")" };

const PUT_DECISIONS: Statement =
    Statement { before: "INSERT OR REPLACE INTO decisions (subject, kind, value, reason, time) ", after: "" };

const REMOVE_DECISIONS: Statement =
    Statement { before: "DELETE FROM decisions WHERE (subject, kind) IN (", after: ")" };

const PUT_OUTPUTS: Statement = Statement { before: "INSERT OR REPLACE INTO outputs (name, type, value) ", after: "" };

const REMOVE_OUTPUTS: Statement = Statement { before: "DELETE FROM outputs WHERE name IN (", after: ")" };

/// What ends in the same commit belongs to the new run.
const PUT_RUNS: Statement = Statement {
    before: "INSERT INTO runs (id, command, who, started, ended, status, summary, previous) \
             SELECT *, (SELECT coalesce(max(sequence), 0) FROM changes) FROM (",
    after: ") WHERE TRUE ON CONFLICT (id) DO UPDATE SET command = excluded.command, who = excluded.who, \
            started = excluded.started, ended = excluded.ended, status = excluded.status, summary = excluded.summary",
};

impl Database {
    pub(crate) async fn commit(
        &mut self,
        keys: &KeySource,
        lease: &Lease,
        base: Serial,
        edits: &[Edit],
    ) -> Result<Serial, Error> {
        self.settle().await?;
        let committed = self.commit_in_transaction(keys, lease, base, edits).await;
        if committed.is_err() {
            // What was learnt on the way was not written.
            self.known = None;
            self.is_doubtful = true;
        }
        committed
    }

    async fn commit_in_transaction(
        &mut self,
        keys: &KeySource,
        lease: &Lease,
        base: Serial,
        edits: &[Edit],
    ) -> Result<Serial, Error> {
        let place = &self.place;
        let failed = |error| place.failed("writing", error);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        lease::check(place, &mut transaction, lease, base).await?;
        let known = match &mut self.known {
            Some(known) => known,
            unknown => unknown.insert(Decoder::open(place, keys, &mut transaction).await?.into_known()?),
        };
        let serial = Serial(base.0 + 1);
        let batch = Batch::of(edits);
        let encoder = Encoder { keys, known, tables: Tables::default() };
        let tables = encoder.encode(&batch)?;
        let new_run = !tables.runs.is_empty();
        write(&mut transaction, tables, serial).await.map_err(failed)?;
        if new_run {
            forget(&mut transaction).await.map_err(failed)?;
            self.known = None;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(serial)
    }
}

/// Writes what others refer to first, runs before what ended in them, and reads the journal
/// before it is changed.
async fn write(connection: &mut SqliteConnection, tables: Tables, serial: Serial) -> Result<(), sqlx::Error> {
    PUT_TYPES.execute(connection, tables.types).await?;
    PUT_CONNECTIONS.execute(connection, tables.connections).await?;
    PUT_RUNS.execute(connection, tables.runs).await?;
    PUT_CHANGES.execute(connection, tables.ended).await?;
    REMOVE_JOURNAL.execute(connection, tables.removed_journal).await?;
    PUT_JOURNAL.execute(connection, tables.journal).await?;
    REMOVE_RESOURCES.execute(connection, tables.removed_resources).await?;
    PUT_RESOURCES.execute(connection, tables.resources).await?;
    REMOVE_DECISIONS.execute(connection, tables.removed_decisions).await?;
    PUT_DECISIONS.execute(connection, tables.decisions).await?;
    REMOVE_OUTPUTS.execute(connection, tables.removed_outputs).await?;
    PUT_OUTPUTS.execute(connection, tables.outputs).await?;
    sqlx::query("UPDATE state SET serial = ?, key_check = coalesce(?, key_check)")
        .bind(serial.0.cast_signed())
        .bind(tables.key_check)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets the oldest runs with their changes, and types and connections of no row.
async fn forget(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM runs WHERE sequence <= (SELECT sequence FROM runs ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
    )
    .bind(KEPT_RUNS as i64)
    .execute(&mut *connection)
    .await?;
    for statement in [
        "DELETE FROM changes WHERE sequence <= (SELECT min(previous) FROM runs)",
        "DELETE FROM connections WHERE id NOT IN (SELECT connection FROM resources WHERE connection IS NOT NULL \
         UNION SELECT connection FROM journal WHERE connection IS NOT NULL)",
        "DELETE FROM types WHERE id NOT IN (SELECT type FROM resources UNION SELECT type FROM journal \
         UNION SELECT type FROM outputs UNION SELECT type FROM connections WHERE type IS NOT NULL)",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}
