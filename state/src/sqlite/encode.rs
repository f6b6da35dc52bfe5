//! Rows on their way to the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Address, Type, Value};
use rustc_hash::FxHashMap;

use crate::backend::Error;
use crate::batch::{Batch, Ended};
use crate::format::document::{self, Unknowns};
use crate::format::{types, words};
use crate::record::{Decision, JournalEntry, Output, Resource, ResourceKey, Run};
use crate::seal::{KeySource, Row, Sealer};
use crate::sqlite::statement::Cell;

/// A connection: the block, and how it said to connect.
pub(crate) type ConnectionKey = (Option<Address>, Option<Arc<Value>>);

/// What a writer knows of the database, so that it need not ask at each commit. It holds as
/// long as nobody else writes.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) lineage: String,
    pub(crate) key_check: Option<Vec<u8>>,
    pub(crate) sealer: Option<Sealer>,
    pub(crate) types: FxHashMap<Type, i64>,
    pub(crate) connections: BTreeMap<ConnectionKey, i64>,
    /// The id that the next new type or connection gets: higher than all.
    pub(crate) next_id: i64,
}

impl Known {
    fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id - 1
    }
}

/// The cells of an object, in the order of the columns from `address` on.
const OBJECT: usize = 12;

/// The rows of a commit, in the order of the columns.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) key_check: Option<Vec<u8>>,
    pub(crate) types: Vec<[Cell; 2]>,
    pub(crate) connections: Vec<[Cell; 4]>,
    pub(crate) resources: Vec<[Cell; OBJECT]>,
    pub(crate) removed_resources: Vec<[Cell; 2]>,
    pub(crate) ended: Vec<[Cell; 5]>,
    pub(crate) journal: Vec<[Cell; OBJECT + 2]>,
    pub(crate) removed_journal: Vec<[Cell; 3]>,
    pub(crate) decisions: Vec<[Cell; 5]>,
    pub(crate) removed_decisions: Vec<[Cell; 2]>,
    pub(crate) outputs: Vec<[Cell; 3]>,
    pub(crate) removed_outputs: Vec<[Cell; 1]>,
    pub(crate) runs: Vec<[Cell; 7]>,
}

/// Turns rows into cells, and learns the types and connections that they use.
pub(crate) struct Encoder<'a> {
    pub(crate) keys: &'a KeySource,
    pub(crate) known: &'a mut Known,
    pub(crate) tables: Tables,
}

impl Encoder<'_> {
    /// The rows that a batch comes to.
    pub(crate) fn encode(mut self, batch: &Batch<'_>) -> Result<Tables, Error> {
        for resource in batch.resources.put() {
            let row = self.resource(resource)?;
            self.tables.resources.push(row);
        }
        for entry in batch.journal.put() {
            let row = self.journal_entry(entry)?;
            self.tables.journal.push(row);
        }
        for output in batch.outputs.put() {
            let row = self.output(output)?;
            self.tables.outputs.push(row);
        }
        for decision in batch.decisions.put() {
            self.tables.decisions.push(decision_row(decision)?);
        }
        let mut tables = self.tables;
        tables.removed_resources = batch.resources.removed().into_iter().map(key_cells).collect();
        tables.removed_journal = batch.journal.removed().into_iter().map(journal_key_cells).collect();
        tables.removed_decisions = batch
            .decisions
            .removed()
            .iter()
            .map(|(subject, kind)| [subject.to_string().into(), (*kind).into()])
            .collect();
        tables.removed_outputs = batch.outputs.removed().into_iter().map(|name| [name.into()]).collect();
        tables.ended = batch.ended.iter().map(ended_row).collect();
        tables.runs = batch.runs.put().into_iter().map(run_row).collect();
        Ok(tables)
    }

    fn resource(&mut self, resource: &Resource) -> Result<[Cell; OBJECT], Error> {
        let [address, deposed] = key_texts(&resource.key);
        let row = Row::Resource(&address, &deposed);
        let (ty, value) = self.value(row, &resource.value, Unknowns::Refused)?;
        self.object(resource, ty, value)
    }

    fn journal_entry(&mut self, entry: &JournalEntry) -> Result<[Cell; OBJECT + 2], Error> {
        let [address, deposed] = key_texts(&entry.resource.key);
        let row = Row::Journal(&address, &deposed);
        let (ty, value) = self.value(row, &entry.resource.value, Unknowns::Allowed)?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.object(&entry.resource, ty, value)?;
        Ok([(&*entry.run).into(), words::operation(entry.operation).into(), a, b, c, d, e, f, g, h, i, j, k, l])
    }

    fn object(&mut self, resource: &Resource, ty: i64, value: Cell) -> Result<[Cell; OBJECT], Error> {
        let connection = self.connection(resource)?;
        let dependencies: Vec<String> = resource.dependencies.iter().map(Address::to_string).collect();
        let [address, deposed] = key_texts(&resource.key);
        Ok([
            address.into(),
            deposed.into(),
            (&*resource.resource_type).into(),
            (&*resource.provider).into(),
            connection.into(),
            (&*resource.identity).into(),
            ty.into(),
            value,
            resource.schema_version.cast_signed().into(),
            serde_json::Value::from(dependencies).to_string().into(),
            words::resource_status(resource.status).into(),
            i64::from(resource.create_before_destroy).into(),
        ])
    }

    fn output(&mut self, output: &Output) -> Result<[Cell; 3], Error> {
        let (ty, value) = self.value(Row::Output(&output.name), &output.value, Unknowns::Refused)?;
        Ok([(&*output.name).into(), ty.into(), value])
    }

    /// The id of a resource's connection, if it has one.
    fn connection(&mut self, resource: &Resource) -> Result<Option<i64>, Error> {
        if resource.connection.is_none() && resource.connection_config.is_none() {
            return Ok(None);
        }
        let key = (resource.connection.clone(), resource.connection_config.clone());
        if let Some(id) = self.known.connections.get(&key) {
            return Ok(Some(*id));
        }
        let address = resource.connection.as_ref().map(Address::to_string);
        let row = Row::Connection(address.as_deref().unwrap_or_default());
        let (ty, config) = match &resource.connection_config {
            Some(config) => {
                let (ty, config) = self.value(row, config, Unknowns::Refused)?;
                (Cell::from(ty), config)
            }
            None => (Cell::Null, Cell::Null),
        };
        let id = self.known.new_id();
        self.tables.connections.push([id.into(), address.into(), ty, config]);
        self.known.connections.insert(key, id);
        Ok(Some(id))
    }

    /// The id of a value's type, and its document, sealed where it must be.
    fn value(&mut self, row: Row<'_>, value: &Value, unknowns: Unknowns) -> Result<(i64, Cell), Error> {
        let ty = value.ty();
        let document = document::write(value, &ty, unknowns)
            .map_err(|error| Error::Unstorable { what: row.to_string(), reason: error.to_string() })?;
        let cell = match document.sensitive {
            true => Cell::Blob(self.sealer()?.seal(&row, &document.text)?),
            false => Cell::Text(document.text),
        };
        Ok((self.type_id(ty), cell))
    }

    fn type_id(&mut self, ty: Type) -> i64 {
        if let Some(id) = self.known.types.get(&ty) {
            return *id;
        }
        let id = self.known.new_id();
        self.tables.types.push([id.into(), types::write(&ty).into()]);
        self.known.types.insert(ty, id);
        id
    }

    /// The key. With the first value that is sealed, a check of the key is recorded; from
    /// then on it must be that key.
    fn sealer(&mut self) -> Result<Sealer, Error> {
        if let Some(sealer) = &self.known.sealer {
            return Ok(sealer.clone());
        }
        let sealer = match &self.known.key_check {
            Some(check) => {
                let sealer = self.keys.existing(&self.known.lineage)?;
                sealer.accept(check)?;
                sealer
            }
            None => {
                let sealer = self.keys.existing_or_new(&self.known.lineage)?;
                let check = sealer.check()?;
                self.tables.key_check = Some(check.clone());
                self.known.key_check = Some(check);
                sealer
            }
        };
        Ok(self.known.sealer.insert(sealer).clone())
    }
}

fn key_texts(key: &ResourceKey) -> [String; 2] {
    [key.address.to_string(), key.deposed.as_deref().unwrap_or_default().to_owned()]
}

fn key_cells(key: &ResourceKey) -> [Cell; 2] {
    key_texts(key).map(Cell::Text)
}

fn journal_key_cells((run, key): (&str, &ResourceKey)) -> [Cell; 3] {
    let [address, deposed] = key_cells(key);
    [run.into(), address, deposed]
}

fn ended_row(ended: &Ended<'_>) -> [Cell; 5] {
    let [address, deposed] = key_cells(ended.key);
    let operation = ended.operation.map(words::operation);
    [ended.run.into(), operation.into(), address, deposed, ended.failure.into()]
}

fn decision_row(decision: &Decision) -> Result<[Cell; 5], Error> {
    let subject = decision.subject.to_string();
    let value = decision.value.as_str();
    // Readers of JSON bound how deep it nests; what they refuse must not be written.
    if serde_json::from_str::<serde_json::Value>(value).is_err() {
        let what = format!("the decision on {subject} ({})", decision.kind);
        return Err(Error::Unstorable { what, reason: "it nests too deep".to_owned() });
    }
    Ok([
        subject.into(),
        (&*decision.kind).into(),
        value.into(),
        decision.reason.as_str().into(),
        decision.time.as_str().into(),
    ])
}

fn run_row(run: &Run) -> [Cell; 7] {
    [
        (&*run.id).into(),
        run.command.as_str().into(),
        run.who.as_str().into(),
        run.started.as_str().into(),
        run.ended.as_deref().into(),
        words::run_status(run.status).into(),
        run.summary.as_str().into(),
    ]
}
