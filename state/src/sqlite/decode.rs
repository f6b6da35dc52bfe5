//! Rows on their way from the database.
//!
//! Names, addresses and types recur in most rows: each is kept once and shared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::address::Segment;
use portolan_lang::{Address, Type, Value};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::de::StrRead;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, TypeInfo, ValueRef};

use crate::backend::Error;
use crate::format::{FormatError, document, types, words};
use crate::record::{JournalEntry, Output, Resource, ResourceKey};
use crate::seal::{KeySource, Row, Sealer};
use crate::sqlite::encode::{ConnectionKey, Known};
use crate::sqlite::failure::Place;

/// Reads rows of one transaction.
pub(crate) struct Decoder<'a> {
    place: &'a Place,
    keys: &'a KeySource,
    lineage: String,
    key_check: Option<Vec<u8>>,
    sealer: Option<Sealer>,
    types: FxHashMap<i64, Type>,
    connections: FxHashMap<i64, ConnectionKey>,
    reader: document::Reader,
    addresses: FxHashMap<String, Address>,
}

/// How many rows a page takes.
const PAGE: usize = 64;

/// Some rows as JSON, one document after another: how many rows, and then of each what
/// stands before an object, its facts, its dependencies and its value.
pub(crate) type Page<'p> = serde_json::Deserializer<StrRead<'p>>;

/// The query for all objects of a table, a page in each row of its answer. Handing a row from
/// the connection's thread to another costs more than reading it; so there are few of them.
pub(crate) fn pages(table: &str, before: &str) -> String {
    format!(
        "WITH RECURSIVE page (first) AS (SELECT min(rowid) FROM {table} UNION ALL \
         SELECT first + {PAGE} FROM page WHERE first + {PAGE} <= (SELECT max(rowid) FROM {table})) \
         SELECT (SELECT count(*) || ' ' || group_concat({before} json_object('address', address, 'deposed', deposed, \
         'resource_type', resource_type, 'provider', provider, 'connection', connection, 'identity', identity, \
         'ty', type, 'sealed', typeof(value) = 'blob', 'schema_version', schema_version, 'status', status, \
         'create_before_destroy', create_before_destroy) || dependencies || \
         iif(typeof(value) = 'blob', json_quote(hex(value)), value), ' ') \
         FROM {table} WHERE rowid >= first AND rowid < first + {PAGE}) FROM page"
    )
}

/// What stands in an object's row beside its dependencies and its value.
#[derive(Deserialize)]
struct Facts<'p> {
    #[serde(borrow)]
    address: Cow<'p, str>,
    #[serde(borrow)]
    deposed: Cow<'p, str>,
    #[serde(borrow)]
    resource_type: Cow<'p, str>,
    #[serde(borrow)]
    provider: Cow<'p, str>,
    connection: Option<i64>,
    #[serde(borrow)]
    identity: Cow<'p, str>,
    ty: i64,
    sealed: u8,
    schema_version: i64,
    #[serde(borrow)]
    status: Cow<'p, str>,
    create_before_destroy: u8,
}

/// The bytes that hexadecimal digits stand for.
fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

impl<'a> Decoder<'a> {
    /// Reads what the rows refer to.
    pub(crate) async fn open(
        place: &'a Place,
        keys: &'a KeySource,
        connection: &mut SqliteConnection,
    ) -> Result<Self, Error> {
        let failed = |error| place.failed("reading", error);
        let (lineage, key_check) =
            sqlx::query_as("SELECT lineage, key_check FROM state").fetch_one(&mut *connection).await.map_err(failed)?;
        let mut decoder = Decoder {
            place,
            keys,
            lineage,
            key_check,
            sealer: None,
            types: FxHashMap::default(),
            connections: FxHashMap::default(),
            reader: document::Reader::new(),
            addresses: FxHashMap::default(),
        };
        let rows = sqlx::query("SELECT id, form FROM types").fetch_all(&mut *connection).await.map_err(failed)?;
        for row in rows {
            let ty = types::read(column(place, &row, 1)?).map_err(|error| place.unreadable("a type", &error))?;
            decoder.types.insert(column(place, &row, 0)?, ty);
        }
        let rows = sqlx::query("SELECT id, address, type, config FROM connections").fetch_all(&mut *connection).await;
        for row in rows.map_err(failed)? {
            let connection = decoder.connection(&row)?;
            decoder.connections.insert(column(place, &row, 0)?, connection);
        }
        Ok(decoder)
    }

    pub(crate) fn lineage(&self) -> &str {
        &self.lineage
    }

    /// What was read, for a writer to start with.
    pub(crate) fn into_known(self) -> Result<Known, Error> {
        let ids = self.types.keys().chain(self.connections.keys());
        let next_id = ids.max().map_or(1, |id| id.saturating_add(1));
        Ok(Known {
            lineage: self.lineage,
            key_check: self.key_check,
            sealer: self.sealer,
            types: self.types.into_iter().map(|(id, ty)| (ty, id)).collect(),
            connections: self.connections.into_iter().map(|(id, key)| (key, id)).collect::<BTreeMap<_, _>>(),
            next_id,
        })
    }

    fn connection(&mut self, row: &SqliteRow) -> Result<ConnectionKey, Error> {
        let address: Option<&str> = column(self.place, row, 1)?;
        let config = match column::<Option<i64>>(self.place, row, 2)? {
            Some(ty) => {
                let owner = Row::Connection(address.unwrap_or_default());
                Some(Arc::new(self.value(row, 3, ty, owner)?))
            }
            None => None,
        };
        let address = address.map(|address| self.address(address)).transpose()?;
        Ok((address, config))
    }

    /// The next object of a page of [`pages`] of the resources.
    pub(crate) fn resource(&mut self, page: &mut Page<'_>) -> Result<Resource, Error> {
        self.object(page, |address, deposed| Row::Resource(address, deposed))
    }

    /// The next entry of a page of [`pages`] of the journal.
    pub(crate) fn journal_entry(&mut self, page: &mut Page<'_>) -> Result<JournalEntry, Error> {
        let (run, operation): (Cow<'_, str>, Cow<'_, str>) = self.next(page, "the journal")?;
        let operation = words::read_operation(&operation).ok_or_else(|| self.unknown_word(&operation))?;
        Ok(JournalEntry {
            run: self.reader.share(&run),
            operation,
            resource: self.object(page, |address, deposed| Row::Journal(address, deposed))?,
        })
    }

    /// A row of `SELECT name, type, value FROM outputs`.
    pub(crate) fn output(&mut self, row: &SqliteRow) -> Result<Output, Error> {
        let name: &str = column(self.place, row, 0)?;
        let value = self.value(row, 2, column(self.place, row, 1)?, Row::Output(name))?;
        Ok(Output { name: name.into(), value })
    }

    fn object(
        &mut self,
        page: &mut Page<'_>,
        owner: for<'r> fn(&'r str, &'r str) -> Row<'r>,
    ) -> Result<Resource, Error> {
        let place = self.place;
        let facts: Facts<'_> = self.next(page, "a resource")?;
        let row = owner(&facts.address, &facts.deposed);
        let dependencies: Vec<Cow<'_, str>> = self.next(page, &row.to_string())?;
        let value = self.next_value(page, &facts, row)?;
        let (connection, connection_config) = match facts.connection {
            Some(id) => self.connections.get(&id).cloned().ok_or_else(|| place.corrupt("a connection is missing"))?,
            None => (None, None),
        };
        Ok(Resource {
            key: self.key(&facts.address, &facts.deposed)?,
            resource_type: self.reader.share(&facts.resource_type),
            provider: self.reader.share(&facts.provider),
            connection,
            connection_config,
            identity: facts.identity.as_ref().into(),
            value,
            schema_version: facts.schema_version.cast_unsigned(),
            dependencies: dependencies.iter().map(|text| self.address(text)).collect::<Result<_, _>>()?,
            status: words::read_resource_status(&facts.status).ok_or_else(|| self.unknown_word(&facts.status))?,
            create_before_destroy: facts.create_before_destroy != 0,
        })
    }

    fn next<'p, T: Deserialize<'p>>(&self, page: &mut Page<'p>, what: &str) -> Result<T, Error> {
        T::deserialize(page).map_err(|error| self.place.unreadable(what, &FormatError::from(error)))
    }

    fn next_value(&mut self, page: &mut Page<'_>, facts: &Facts<'_>, row: Row<'_>) -> Result<Value, Error> {
        if facts.sealed != 0 {
            let digits: Cow<'_, str> = self.next(page, &row.to_string())?;
            let sealed = hexadecimal(&digits).ok_or_else(|| self.place.corrupt(format!("{row}: not sealed")))?;
            let text = self.sealer()?.open(&row, &sealed)?;
            return self.read(&text, facts.ty, row);
        }
        let ty = self.types.get(&facts.ty).ok_or_else(|| self.place.corrupt("a type is missing"))?;
        self.reader.read_next(page, ty).map_err(|error| self.place.unreadable(&row.to_string(), &error))
    }

    fn read(&mut self, text: &str, ty: i64, row: Row<'_>) -> Result<Value, Error> {
        let ty = self.types.get(&ty).ok_or_else(|| self.place.corrupt("a type is missing"))?;
        self.reader.read(text, ty).map_err(|error| self.place.unreadable(&row.to_string(), &error))
    }

    fn unknown_word(&self, word: &str) -> Error {
        self.place.corrupt(format!("unknown word {word:?}"))
    }

    /// The value in a column, of the type with this id.
    fn value(&mut self, row: &SqliteRow, index: usize, ty: i64, owner: Row<'_>) -> Result<Value, Error> {
        let is_sealed = row.try_get_raw(index).is_ok_and(|value| value.type_info().name() == "BLOB");
        let opened;
        let text = match is_sealed {
            true => {
                let sealed = column(self.place, row, index)?;
                opened = self.sealer()?.open(&owner, sealed)?;
                opened.as_str()
            }
            false => column(self.place, row, index)?,
        };
        self.read(text, ty, owner)
    }

    fn sealer(&mut self) -> Result<&Sealer, Error> {
        let sealer = match self.sealer.take() {
            Some(sealer) => sealer,
            None => {
                let sealer = self.keys.existing(&self.lineage)?;
                let check = self.key_check.as_deref();
                sealer.accept(check.ok_or_else(|| self.place.corrupt("the key's check is missing"))?)?;
                sealer
            }
        };
        Ok(self.sealer.insert(sealer))
    }

    /// The key of an object, from its two columns.
    fn key(&mut self, address: &str, deposed: &str) -> Result<ResourceKey, Error> {
        let deposed = if deposed.is_empty() { None } else { Some(deposed.into()) };
        Ok(ResourceKey { address: self.address(address)?, deposed })
    }

    /// The address that a text stands for. Equal addresses share their segments, and so do
    /// the parts of one block.
    pub(crate) fn address(&mut self, text: &str) -> Result<Address, Error> {
        if let Some(address) = self.addresses.get(text) {
            return Ok(address.clone());
        }
        let parsed: Address =
            text.parse().map_err(|error| self.place.corrupt(format!("{text:?} is not an address: {error}")))?;
        let shared = match (parsed.part_name(), text.rsplit_once('/')) {
            (Some(part), Some((block, _))) => self.address(block)?.part(self.reader.share(part)),
            _ => Address::new(
                parsed
                    .segments()
                    .iter()
                    .map(|segment| Segment { name: self.reader.share(&segment.name), key: segment.key.clone() }),
            ),
        };
        self.addresses.insert(text.to_owned(), shared.clone());
        Ok(shared)
    }
}

/// A column of a row.
pub(crate) fn column<'r, T>(place: &Place, row: &'r SqliteRow, index: usize) -> Result<T, Error>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(index).map_err(|error| place.failed("reading", error))
}
