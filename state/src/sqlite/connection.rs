//! Finding, making and opening the database.
//!
//! A database is made whole under another name and then given its own, so a kill leaves none
//! or a whole one. That is why a file that is there and empty is never taken for a state that
//! was never written: it has lost its contents.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, Sqlite, Transaction};
use tempfile::TempPath;
use uuid::Uuid;

use crate::backend::Error;
use crate::durable;
use crate::sqlite::encode::Known;
use crate::sqlite::failure::Place;
use crate::sqlite::migrations::{MIGRATIONS, migrate};

/// Says in the file's header that the database is a state: "PRTL".
const APPLICATION_ID: i32 = 0x5052_544c;

/// How long to wait for other processes' short transactions.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// An open database of ours.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) place: Place,
    pub(crate) connection: SqliteConnection,
    /// How many migrations it has run.
    pub(crate) form: usize,
    /// What the last commit learnt about the database; only a holder of the lock may keep it.
    pub(crate) known: Option<Known>,
    /// Whether a commit failed on the connection. A full disk may have ended its transaction
    /// without the connection's knowledge, and then it begins none any more.
    pub(crate) is_doubtful: bool,
    file: FileId,
}

/// Opens the database; `None` where there is no such file.
pub(crate) async fn open(place: &Place, access: Access) -> Result<Option<Database>, Error> {
    let Some(metadata) = existing(place)? else { return Ok(None) };
    let mut connection =
        options(place.path(), access)?.connect().await.map_err(|error| place.failed("opening", error))?;
    let form = check_form(place, &mut connection).await?;
    let file = FileId::of(&metadata);
    Ok(Some(Database { place: place.clone(), connection, form, known: None, is_doubtful: false, file }))
}

/// Opens the database for writing, and makes it where there is none.
pub(crate) async fn open_or_create(place: &Place) -> Result<Database, Error> {
    if let Some(database) = open(place, Access::Write).await? {
        return Ok(database);
    }
    create(place).await?;
    open(place, Access::Write).await?.ok_or_else(|| place.io("opening", &io::ErrorKind::NotFound.into()))
}

fn existing(place: &Place) -> Result<Option<Metadata>, Error> {
    match place.path().metadata() {
        Ok(metadata) if metadata.is_dir() => Err(place.corrupt("it is a directory")),
        Ok(metadata) if metadata.len() == 0 => Err(place.corrupt("the file is empty")),
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(place.io("opening", &error)),
    }
}

fn options(path: &Path, access: Access) -> Result<SqliteConnectOptions, Error> {
    // A path that is not absolute could be taken for a URI.
    let absolute = std::path::absolute(path).map_err(|error| Place::new(path.into()).io("opening", &error))?;
    Ok(SqliteConnectOptions::new()
        .filename(absolute)
        .read_only(access == Access::Read)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging())
}

/// How many migrations the database has run, if it is one of ours.
async fn check_form(place: &Place, connection: &mut SqliteConnection) -> Result<usize, Error> {
    let row = sqlx::query("SELECT application_id, user_version FROM pragma_application_id, pragma_user_version")
        .fetch_one(connection)
        .await
        .map_err(|error| place.failed("opening", error))?;
    let (application, version): (i32, i32) = (row.get(0), row.get(1));
    if application != APPLICATION_ID {
        return Err(place.corrupt("it is a database of another program"));
    }
    let form = usize::try_from(version).map_err(|_| place.corrupt("its format is negative"))?;
    if form > MIGRATIONS.len() {
        let (found, known) = (form as u64, MIGRATIONS.len() as u64);
        return Err(Error::Newer { place: place.name(), found, known });
    }
    Ok(form)
}

/// Makes an empty state; leaves one that is there as it is.
async fn create(place: &Place) -> Result<(), Error> {
    let failed = |error| place.io("making", &error);
    // The database has another name than the file that says that it is being made, which is locked:
    // in some file systems the database itself could not be, then.
    let sign = durable::temporary_beside(place.path()).map_err(failed)?;
    let database = private_file(with_suffix(sign.path(), "-db")).map_err(failed)?;
    fill(&database, place).await?;
    match durable::publish(database, place.path()) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        published => published.map_err(failed),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A new file of mode 0600, removed when it is dropped.
fn private_file(path: PathBuf) -> io::Result<TempPath> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?;
    TempPath::try_from_path(path)
}

async fn fill(file: &Path, place: &Place) -> Result<(), Error> {
    let failed = |error| place.failed("making", error);
    let mut connection = options(file, Access::Write)?.connect().await.map_err(failed)?;
    migrate(&mut connection, 0, MIGRATIONS).await.map_err(failed)?;
    sqlx::query("INSERT INTO state (lineage, serial) VALUES (?, 0)")
        .bind(Uuid::new_v4().to_string())
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    let rest = format!(
        "INSERT INTO lock (fence) VALUES (0); PRAGMA application_id = {APPLICATION_ID}; PRAGMA journal_mode = WAL;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(rest)).execute(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

impl Database {
    /// Whether an older program wrote it.
    pub(crate) fn is_older(&self) -> bool {
        self.form < MIGRATIONS.len()
    }

    /// A transaction in which the database has the present form and stays as it is. Dropping
    /// it leaves no trace.
    pub(crate) async fn view(&mut self) -> Result<Transaction<'_, Sqlite>, Error> {
        let begin = if self.is_older() { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let failed = |error| self.place.failed("reading", error);
        let mut transaction = self.connection.begin_with(begin).await.map_err(failed)?;
        migrate(&mut transaction, self.form, MIGRATIONS).await.map_err(failed)?;
        Ok(transaction)
    }

    /// Connects to the same file anew, where the connection is doubtful.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        if self.is_doubtful {
            let options = options(self.place.path(), Access::Write)?;
            self.connection = options.connect().await.map_err(|error| self.place.failed("opening", error))?;
            self.is_doubtful = false;
        }
        self.check_file()
    }

    /// Closes the database, which folds what stands beside the file into it.
    pub(crate) async fn close(self) -> Result<(), Error> {
        let Database { place, connection, .. } = self;
        connection.close().await.map_err(|error| place.failed("closing", error))
    }

    /// Refuses to go on where the file was deleted or replaced since it was opened: what is
    /// written to it now would be lost.
    fn check_file(&self) -> Result<(), Error> {
        match self.place.path().metadata() {
            Ok(metadata) if FileId::of(&metadata) == self.file => Ok(()),
            _ => Err(Error::Io {
                doing: "writing",
                place: self.place.name(),
                reason: "the file was deleted or replaced meanwhile".to_owned(),
            }),
        }
    }
}

/// What tells a file from another one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> FileId {
        use std::os::unix::fs::MetadataExt;
        FileId(metadata.dev(), metadata.ino())
    }

    /// Elsewhere an open file can be neither deleted nor replaced.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> FileId {
        FileId(0, 0)
    }
}
