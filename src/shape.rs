//! Compiling until it is known what there is to be.
//!
//! What decides the shape (`count`, `for_each`, replicas, clusters …) may come from data sources
//! that need no resource, and a block of the domain may need something read. Compiling is pure: it
//! says what it wants, which is read here, and then it is done again with the answers, until it
//! wants nothing more. As known values never change when more becomes known, no question is asked
//! twice, and each round answers at least one; a chain of n data sources takes n rounds.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use portolan_lang::{Diagnostic, Diagnostics, Type, Value};

use crate::compile::{Desired, Inputs, WantedData, compile};
use crate::retry::retrying;
use crate::sessions::{OpenSessions, Sessions, diagnostic_of};

/// Compiles a configuration, and reads what decides the shape: `parallelism` data sources at the
/// same time, in sessions that are left open for what follows.
pub async fn settle(mut inputs: Inputs, opened: &OpenSessions, parallelism: usize) -> (Desired, Diagnostics) {
    loop {
        let (desired, mut diagnostics) = compile(inputs.clone());
        if diagnostics.has_errors() || desired.wanted.is_empty() {
            return (desired, diagnostics);
        }
        let sessions = Sessions::new(&inputs.catalog, &desired).sharing(opened);
        let reads = stream::iter(&desired.wanted).map(async |wanted| match is_lost(&desired, wanted) {
            true => Ok(unknown(&inputs, wanted)),
            false => read(&sessions, wanted).await,
        });
        let answers: Vec<_> = reads.buffered(parallelism.max(1)).collect().await;
        let data = Arc::make_mut(&mut inputs.data);
        for (wanted, answer) in desired.wanted.iter().zip(answers) {
            data.extend(diagnostics.keep(answer).map(|answer| (wanted.query.clone(), answer)));
        }
        if diagnostics.has_errors() {
            return (desired, diagnostics);
        }
    }
}

/// Compiles a configuration and reads nothing: that something would have to be read is an error.
pub fn settle_unread(inputs: Inputs) -> (Desired, Diagnostics) {
    let (desired, mut diagnostics) = compile(inputs);
    diagnostics.extend(desired.wanted.iter().map(unread));
    (desired, diagnostics)
}

/// Whether it is to be read in a cluster that is taken to be dead.
fn is_lost(desired: &Desired, wanted: &WantedData) -> bool {
    wanted.query.connection.as_ref().is_some_and(|connection| desired.lost.contains(connection))
}

/// What a data source says that nobody can ask.
fn unknown(inputs: &Inputs, wanted: &WantedData) -> Value {
    let schema = inputs.catalog.data(&wanted.query.source);
    Value::unknown(schema.map_or(Type::Any, |(_, schema)| schema.ty()))
}

async fn read(sessions: &Sessions<'_>, wanted: &WantedData) -> Result<Value, Diagnostic> {
    let session = sessions.of_query(&wanted.query, wanted.span).await?;
    let answer = retrying(|| session.data(&wanted.query.source, &wanted.query.config)).await;
    answer.map_err(|error| diagnostic_of("Cannot read a data source", &error).of(&wanted.asker).at(wanted.span))
}

fn unread(wanted: &WantedData) -> Diagnostic {
    Diagnostic::error("Data source not read")
        .detail(format!(
            "What {} says decides what there is to be, and it is not read for this plan.",
            match &wanted.query.block {
                Some(block) => block.to_string(),
                None => format!("the data source {}", wanted.query.source),
            }
        ))
        .of(&wanted.asker)
        .at(wanted.span)
        .help("Plan without --refresh=false.")
}

#[cfg(test)]
mod tests;
