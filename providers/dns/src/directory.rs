//! Zones as files `<zone>.zone` of a directory.
//!
//! Changes of one zone that are asked for at the same time are made together: the file is read,
//! changed by one after another, and written once, whole, beside its place, synchronised and
//! renamed into it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use portolan_files::{Leftovers, new_file};
use portolan_provider::Error;

use crate::draft::Draft;
use crate::name::Name;
use crate::serial::{self, Clock};
use crate::turns::{Turns, stopping};
use crate::zone::{Edit, Zone};
use crate::zonefile;
use crate::zones::Zones;

/// Zone files are read by a server that runs as somebody else.
const MODE: u32 = 0o644;

/// Zones as files of a directory.
pub struct Directory {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    /// By the names of zones, in lower case.
    zones: Mutex<HashMap<String, Arc<ZoneFile>>>,
    leftovers: Arc<Leftovers>,
}

/// One zone's file and who waits for it.
struct ZoneFile {
    path: PathBuf,
    origin: Name,
    clock: Arc<dyn Clock>,
    leftovers: Arc<Leftovers>,
    turns: Turns,
    /// The file as it was last read or written, so that a file that did not change is not
    /// parsed again.
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    text: Arc<[u8]>,
    zone: Arc<Zone>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded is replaced whole, so a panic elsewhere leaves nothing half-made.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Directory {
    /// The zones in `path`, which is made by the first one.
    pub fn new(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Directory { path: path.into(), clock, zones: Mutex::default(), leftovers: Arc::default() }
    }

    fn file(&self, zone: &Name) -> Arc<ZoneFile> {
        let name = zone.to_string().to_ascii_lowercase();
        let mut zones = lock(&self.zones);
        let make = || {
            Arc::new(ZoneFile {
                path: self.path.join(format!("{name}.zone")),
                origin: zone.clone(),
                clock: self.clock.clone(),
                leftovers: self.leftovers.clone(),
                turns: Turns::default(),
                known: Mutex::default(),
            })
        };
        if let Some(file) = zones.get(&name) {
            return file.clone();
        }
        let file = make();
        zones.insert(name, file.clone());
        file
    }
}

#[async_trait]
impl Zones for Directory {
    async fn read(&self, zone: &Name) -> Result<Option<Arc<Zone>>, Error> {
        let file = self.file(zone);
        blocking(move || Ok(file.load()?.map(|known| known.zone))).await
    }

    async fn clear(&self, _zone: &Name) -> Result<(), Error> {
        let (leftovers, path) = (self.leftovers.clone(), self.path.clone());
        blocking(move || {
            leftovers.sweep(&path);
            Ok(())
        })
        .await
    }

    async fn change(&self, zone: &Name, edit: Edit) -> Result<(), Error> {
        let file = self.file(zone);
        let make = |edits: Vec<Edit>| async {
            let (file, count) = (file.clone(), edits.len());
            let made = blocking(move || Ok(file.commit(&edits))).await;
            made.unwrap_or_else(|error| vec![Err(error); count])
        };
        file.turns.take(edit, make).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(stopping()))
}

impl ZoneFile {
    /// The zone and its text; `None` where there is no file.
    fn load(&self) -> Result<Option<Known>, Error> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(format_args!("cannot read {}", self.path.display()), &error)),
        };
        if let Some(known) = lock(&self.known).as_ref().filter(|known| *known.text == *text) {
            return Ok(Some(known.clone()));
        }
        let zone = zonefile::read(&text, &self.origin).map_err(|problem| {
            Error::failed(format!("{} is not a zone file: {problem}", self.path.display()))
                .help("mend the file, or move it away and let it be written anew")
        })?;
        let known = Known { text: text.into(), zone: Arc::new(zone) };
        *lock(&self.known) = Some(known.clone());
        Ok(Some(known))
    }

    /// Makes all changes; the outcome of each.
    fn commit(&self, edits: &[Edit]) -> Vec<Result<(), Error>> {
        self.leftovers.sweep(self.directory());
        let before = match self.load() {
            Ok(known) => known.map(|known| known.zone),
            Err(error) => return edits.iter().map(|_| Err(error.clone())).collect(),
        };
        let (outcomes, stored) = match before {
            Some(zone) => self.change(zone, edits),
            None => self.make(edits),
        };
        match stored {
            Ok(()) => outcomes,
            Err(error) => outcomes.into_iter().map(|outcome| outcome.and(Err(error.clone()))).collect(),
        }
    }

    /// Makes changes of a zone that is there, and stores it. A zone that is as it was keeps its serial.
    fn change(&self, mut zone: Arc<Zone>, edits: &[Edit]) -> (Vec<Result<(), Error>>, Result<(), Error>) {
        let mut draft = Draft::new(&zone);
        let outcomes: Vec<Result<(), Error>> = edits.iter().map(|edit| draft.apply(edit)).collect();
        let goes = |(edit, outcome): (&Edit, &Result<(), Error>)| matches!(edit, Edit::DeleteZone) && outcome.is_ok();
        if edits.iter().zip(&outcomes).any(goes) {
            return (outcomes, self.delete());
        }
        let Some(changes) = draft.changes() else { return (outcomes, Ok(())) };
        // Nobody else is to hold the zone, lest it be copied.
        *lock(&self.known) = None;
        let changed = Arc::make_mut(&mut zone);
        changed.take(changes);
        changed.soa.serial = serial::next(changed.soa.serial, self.clock.today());
        (outcomes, self.store(zone))
    }

    /// Makes a zone that is not there, and changes of it.
    fn make(&self, edits: &[Edit]) -> (Vec<Result<(), Error>>, Result<(), Error>) {
        let made = edits.iter().find_map(|edit| match edit {
            Edit::PutApex { wanted, .. } => Some(Zone::new(self.origin.clone(), wanted.clone())),
            _ => None,
        });
        let Some(mut zone) = made else { return (edits.iter().map(|edit| self.without_zone(edit)).collect(), Ok(())) };
        let mut draft = Draft::new(&zone);
        let outcomes = edits.iter().map(|edit| draft.apply(edit)).collect();
        draft.changes().into_iter().for_each(|changes| zone.take(changes));
        zone.soa.serial = serial::first(self.clock.today());
        (outcomes, self.store(Arc::new(zone)))
    }

    fn without_zone(&self, edit: &Edit) -> Result<(), Error> {
        match edit {
            Edit::PutSet { .. } => {
                Err(Error::failed(format!("there is no zone {} in {}", self.origin, self.path.display()))
                    .help("write a dns_zone of this name, and let the record refer to it"))
            }
            _ => Ok(()),
        }
    }

    fn store(&self, zone: Arc<Zone>) -> Result<(), Error> {
        let text: Arc<[u8]> = zonefile::write(&zone).into_bytes().into();
        self.replace(&text).map_err(|error| self.cannot("write", &error))?;
        *lock(&self.known) = Some(Known { text, zone });
        Ok(())
    }

    fn delete(&self) -> Result<(), Error> {
        *lock(&self.known) = None;
        remove(&self.path).map_err(|error| self.cannot("delete", &error))
    }

    fn cannot(&self, doing: &str, error: &io::Error) -> Error {
        Error::io(format_args!("cannot {doing} {}", self.path.display()), error)
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let directory = self.directory();
        fs::create_dir_all(directory)?;
        let mut beside = new_file(directory, 0o600)?;
        beside.write_all(text)?;
        beside.as_file().set_permissions(fs::Permissions::from_mode(MODE))?;
        beside.as_file().sync_all()?;
        beside.persist(&self.path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    }
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
