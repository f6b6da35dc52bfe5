//! Reading what is recorded.

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::backend::{Error, Serial, Snapshot};
use crate::format::{FormatError, words};
use crate::record::{Change, Decision, ResourceKey, Run};
use crate::seal::KeySource;
use crate::sqlite::connection::Database;
use crate::sqlite::decode::{Decoder, column};
use crate::sqlite::failure::Place;

const RESOURCES: &str = "SELECT address, deposed, resource_type, provider, connection, identity, type, value, \
                         schema_version, dependencies, status, create_before_destroy FROM resources";

const JOURNAL: &str = "SELECT run, operation, address, deposed, resource_type, provider, connection, identity, type, \
                       value, schema_version, dependencies, status, create_before_destroy \
                       FROM journal ORDER BY sequence";

impl Database {
    pub(crate) async fn load(&mut self, keys: &KeySource) -> Result<Snapshot, Error> {
        let place = self.place.clone();
        let mut transaction = self.view().await?;
        let connection = &mut *transaction;
        let mut decoder = Decoder::open(&place, keys, connection).await?;
        let serial: i64 = sqlx::query_scalar("SELECT serial FROM state")
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| place.failed("reading", error))?;
        let mut resources = each(&place, connection, RESOURCES, |row| decoder.resource(row)).await?;
        resources.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        let unfinished = each(&place, connection, JOURNAL, |row| decoder.journal_entry(row)).await?;
        let decisions = "SELECT subject, kind, value, reason, time FROM decisions";
        let mut decisions = each(&place, connection, decisions, |row| decision(&place, &mut decoder, row)).await?;
        decisions.sort_unstable_by(|left, right| (&left.subject, &left.kind).cmp(&(&right.subject, &right.kind)));
        let outputs = "SELECT name, type, value FROM outputs ORDER BY name";
        let outputs = each(&place, connection, outputs, |row| decoder.output(row)).await?;
        let lineage = decoder.lineage().into();
        Ok(Snapshot { lineage, serial: Serial(serial.cast_unsigned()), resources, decisions, outputs, unfinished })
    }

    pub(crate) async fn runs(&mut self, limit: usize) -> Result<Vec<Run>, Error> {
        let place = self.place.clone();
        let mut transaction = self.view().await?;
        sqlx::query("SELECT id, command, who, started, ended, status, summary FROM runs ORDER BY sequence DESC LIMIT ?")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut *transaction)
            .await
            .map_err(|error| place.failed("reading", error))?
            .iter()
            .map(|row| run(&place, row))
            .collect()
    }

    pub(crate) async fn changes(&mut self, run: &str) -> Result<Vec<Change>, Error> {
        let place = self.place.clone();
        let mut transaction = self.view().await?;
        sqlx::query("SELECT address, deposed, operation, failure FROM changes WHERE run = ? ORDER BY sequence")
            .bind(run)
            .fetch_all(&mut *transaction)
            .await
            .map_err(|error| place.failed("reading", error))?
            .iter()
            .map(|row| change(&place, row))
            .collect()
    }
}

/// Reads each row that a query gives, as it comes.
async fn each<T>(
    place: &Place,
    connection: &mut SqliteConnection,
    query: &'static str,
    mut read: impl FnMut(&SqliteRow) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut rows = sqlx::query(query).fetch(connection);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(|error| place.failed("reading", error))? {
        found.push(read(&row)?);
    }
    Ok(found)
}

fn decision(place: &Place, decoder: &mut Decoder<'_>, row: &SqliteRow) -> Result<Decision, Error> {
    let (subject, kind): (&str, &str) = (column(place, row, 0)?, column(place, row, 1)?);
    let value = serde_json::from_str(column(place, row, 2)?)
        .map_err(|error| place.unreadable(&format!("the decision on {subject} ({kind})"), &FormatError::from(error)))?;
    Ok(Decision {
        subject: decoder.address(subject)?,
        kind: kind.into(),
        value,
        reason: column(place, row, 3)?,
        time: column(place, row, 4)?,
    })
}

fn run(place: &Place, row: &SqliteRow) -> Result<Run, Error> {
    let status: &str = column(place, row, 5)?;
    Ok(Run {
        id: column::<&str>(place, row, 0)?.into(),
        command: column(place, row, 1)?,
        who: column(place, row, 2)?,
        started: column(place, row, 3)?,
        ended: column(place, row, 4)?,
        status: words::read_run_status(status).ok_or_else(|| place.corrupt(format!("unknown word {status:?}")))?,
        summary: column(place, row, 6)?,
    })
}

fn change(place: &Place, row: &SqliteRow) -> Result<Change, Error> {
    let (address, deposed): (&str, &str) = (column(place, row, 0)?, column(place, row, 1)?);
    let operation: Option<&str> = column(place, row, 2)?;
    Ok(Change {
        key: ResourceKey {
            address: address.parse().map_err(|_| place.corrupt(format!("{address:?} is not an address")))?,
            deposed: (!deposed.is_empty()).then(|| deposed.into()),
        },
        operation: operation.and_then(words::read_operation),
        failure: column(place, row, 3)?,
    })
}
