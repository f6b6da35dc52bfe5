//! Rows on their way from the database.
//!
//! Names, addresses and types recur in most rows: each is kept once and shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::address::Segment;
use portolan_lang::{Address, Type, Value};
use rustc_hash::FxHashMap;
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

/// The columns of an object, from this one on.
#[derive(Clone, Copy)]
struct From(usize);

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

    /// A row of `SELECT` [`OBJECT`] `FROM resources`.
    pub(crate) fn resource(&mut self, row: &SqliteRow) -> Result<Resource, Error> {
        self.object(row, From(0), Row::Resource)
    }

    /// A row of `SELECT run, operation,` [`OBJECT`] `FROM journal`.
    pub(crate) fn journal_entry(&mut self, row: &SqliteRow) -> Result<JournalEntry, Error> {
        Ok(JournalEntry {
            run: self.reader.share(column(self.place, row, 0)?),
            operation: self.word(row, 1, words::read_operation)?,
            resource: self.object(row, From(2), Row::Journal)?,
        })
    }

    /// A row of `SELECT name, type, value FROM outputs`.
    pub(crate) fn output(&mut self, row: &SqliteRow) -> Result<Output, Error> {
        let name: &str = column(self.place, row, 0)?;
        let value = self.value(row, 2, column(self.place, row, 1)?, Row::Output(name))?;
        Ok(Output { name: name.into(), value })
    }

    fn object<'r>(
        &mut self,
        row: &'r SqliteRow,
        From(first): From,
        owner: fn(&'r str, &'r str) -> Row<'r>,
    ) -> Result<Resource, Error> {
        let place = self.place;
        let text = |index| column::<&str>(place, row, first + index);
        let (address, deposed) = (text(0)?, text(1)?);
        let value = self.value(row, first + 7, column(place, row, first + 6)?, owner(address, deposed))?;
        let (connection, connection_config) = match column::<Option<i64>>(place, row, first + 4)? {
            Some(id) => self.connections.get(&id).cloned().ok_or_else(|| place.corrupt("a connection is missing"))?,
            None => (None, None),
        };
        Ok(Resource {
            key: self.key(address, deposed)?,
            resource_type: self.reader.share(text(2)?),
            provider: self.reader.share(text(3)?),
            connection,
            connection_config,
            identity: text(5)?.into(),
            value,
            schema_version: column::<i64>(place, row, first + 8)?.cast_unsigned(),
            dependencies: self.addresses(text(9)?)?,
            status: self.word(row, first + 10, words::read_resource_status)?,
            create_before_destroy: column(place, row, first + 11)?,
        })
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
        let ty = self.types.get(&ty).ok_or_else(|| self.place.corrupt("a type is missing"))?;
        self.reader.read(text, ty).map_err(|error| self.place.unreadable(&owner.to_string(), &error))
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

    fn word<T>(&self, row: &SqliteRow, index: usize, read: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        let word: &str = column(self.place, row, index)?;
        read(word).ok_or_else(|| self.place.corrupt(format!("unknown word {word:?}")))
    }

    /// The key of an object, from its two columns.
    pub(crate) fn key(&mut self, address: &str, deposed: &str) -> Result<ResourceKey, Error> {
        let deposed = if deposed.is_empty() { None } else { Some(deposed.into()) };
        Ok(ResourceKey { address: self.address(address)?, deposed })
    }

    fn addresses(&mut self, json: &str) -> Result<Vec<Address>, Error> {
        if json == "[]" {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = serde_json::from_str(json)
            .map_err(|error| self.place.unreadable("the dependencies of a resource", &FormatError::from(error)))?;
        texts.iter().map(|text| self.address(text)).collect()
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
