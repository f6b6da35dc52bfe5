//! Reading what is recorded.

use futures::TryStreamExt;
use serde::Deserialize;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::Answer;
use crate::backend::{Error, Serial, Snapshot};
use crate::format::{FormatError, words};
use crate::record::{Change, Decision, ResourceKey, Run};
use crate::seal::KeySource;
use crate::sqlite::connection::Database;
use crate::sqlite::decode::{Decoder, Page, column, pages};
use crate::sqlite::failure::Place;

impl Database {
    pub(crate) async fn load(&mut self, keys: &KeySource) -> Result<Snapshot, Error> {
        let place = self.place.clone();
        let mut transaction = self.view().await?;
        let connection = &mut *transaction;
        let mut decoder = Decoder::open(&place, keys, connection).await?;
        let serial = serial(&place, connection).await?;
        let mut resources = objects(&place, connection, "resources", "", |page| decoder.resource(page)).await?;
        resources.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        let begun = "json_array(run, operation) ||";
        let unfinished = objects(&place, connection, "journal", begun, |page| decoder.journal_entry(page)).await?;
        let decisions = "SELECT subject, kind, value, reason, time FROM decisions";
        let mut decisions = each(&place, connection, decisions, |row| decision(&place, &mut decoder, row)).await?;
        decisions.sort_unstable_by(|left, right| (&left.subject, &left.kind).cmp(&(&right.subject, &right.kind)));
        let outputs = "SELECT name, type, value FROM outputs ORDER BY name";
        let outputs = each(&place, connection, outputs, |row| decoder.output(row)).await?;
        let lineage = decoder.lineage().into();
        Ok(Snapshot { lineage, serial, resources, decisions, outputs, unfinished })
    }

    pub(crate) async fn serial(&mut self) -> Result<Serial, Error> {
        let place = self.place.clone();
        serial(&place, &mut *self.view().await?).await
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

async fn serial(place: &Place, connection: &mut SqliteConnection) -> Result<Serial, Error> {
    let read = sqlx::query_scalar("SELECT serial FROM state").fetch_one(connection).await;
    read.map(|serial: i64| Serial(serial.cast_unsigned())).map_err(|error| place.failed("reading", error))
}

/// Reads all objects of a table, with what stands before each.
async fn objects<T>(
    place: &Place,
    connection: &mut SqliteConnection,
    table: &str,
    before: &str,
    mut read: impl FnMut(&mut Page<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    let query = AssertSqlSafe(pages(table, before));
    each(place, connection, query, |row| {
        let Some(text) = column::<Option<&str>>(place, row, 0)? else { return Ok(()) };
        let mut page = Page::from_str(text);
        let count = usize::deserialize(&mut page).map_err(|error| place.unreadable(table, &error.into()))?;
        for _ in 0..count {
            found.push(read(&mut page)?);
        }
        page.end().map_err(|error| place.unreadable(table, &error.into()))
    })
    .await?;
    // An index knows how many there are: damage must not make them fewer in silence.
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count: i64 =
        sqlx::query_scalar(count).fetch_one(connection).await.map_err(|error| place.failed("reading", error))?;
    if usize::try_from(count) == Ok(found.len()) {
        Ok(found)
    } else {
        Err(place.corrupt(format!("rows of {table} are missing")))
    }
}

/// Reads each row that a query gives, as it comes.
async fn each<T>(
    place: &Place,
    connection: &mut SqliteConnection,
    query: impl SqlSafeStr,
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
    let value = Answer::parse(column(place, row, 2)?)
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
