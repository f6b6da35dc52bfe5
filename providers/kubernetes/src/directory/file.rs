//! Files of a directory, changed so that a reader or a crash never meets half a file.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use portolan_files::{Leftovers, new_file};
use portolan_lang::{AttributePath, Step};
use portolan_provider::Error;
use tempfile::NamedTempFile;

/// The directory of a session. Files are named from it.
pub(super) struct Folder {
    root: PathBuf,
    /// Held shared while a file is put into a directory and alone while an empty directory is
    /// removed, so that no directory goes away under a file that is being written.
    directories: RwLock<()>,
    leftovers: Leftovers,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Folder { root, directories: RwLock::new(()), leftovers: Leftovers::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// A file as it is named to people.
    pub(super) fn shown(&self, file: &Path) -> String {
        self.root.join(file).display().to_string()
    }

    /// Refuses what is there and is not a directory.
    pub(super) fn check(&self) -> Result<(), Error> {
        let blame =
            || ["directory", "path"].map(|name| Step::Attribute(name.into())).into_iter().collect::<AttributePath>();
        match fs::metadata(&self.root) {
            Ok(found) if !found.is_dir() => {
                Err(Error::invalid(format!("{} is not a directory", self.root.display())).at(blame()))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format_args!("opening {}", self.root.display()), &error).at(blame()))
            }
            _ => Ok(()),
        }
    }

    /// The names in a directory; none where it does not exist.
    pub(super) fn list(&self, directory: &Path) -> Result<HashSet<OsString>, Error> {
        let path = self.root.join(directory);
        let listed = fs::read_dir(&path).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
        match listed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashSet::new()),
            listed => listed.map_err(|error| Error::io(format_args!("listing {}", path.display()), &error)),
        }
    }

    /// The text of a file; `None` where it does not exist.
    pub(super) fn read(&self, file: &Path) -> Result<Option<String>, Error> {
        match fs::read_to_string(self.root.join(file)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(format_args!("reading {}", self.shown(file)), &error)),
        }
    }

    /// Writes a file that is not there yet; `false` where it is.
    pub(super) fn write_new(&self, file: &Path, text: &str, secret: bool) -> Result<bool, Error> {
        let written = self.write(file, text, secret, |temporary, path| temporary.persist_noclobber(path).map(drop));
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::io(format_args!("writing {}", self.shown(file)), &error)),
        }
    }

    /// Writes a file in the place of the one that is there.
    pub(super) fn replace(&self, file: &Path, text: &str, secret: bool) -> Result<(), Error> {
        let written = self.write(file, text, secret, |temporary, path| temporary.persist(path).map(drop));
        written.map_err(|error| Error::io(format_args!("writing {}", self.shown(file)), &error))
    }

    /// Writes a temporary file beside the file, makes it durable, and then gives it its name.
    fn write(
        &self,
        file: &Path,
        text: &str,
        secret: bool,
        name: impl FnOnce(NamedTempFile, &Path) -> Result<(), tempfile::PersistError>,
    ) -> io::Result<()> {
        let path = self.root.join(file);
        let directory = path.parent().unwrap_or(&self.root);
        let _shared = self.directories.read().unwrap_or_else(PoisonError::into_inner);
        make_directory(directory)?;
        self.leftovers.sweep(directory);
        let mut temporary = new_file(directory, if secret { 0o600 } else { 0o644 })?;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        name(temporary, &path).map_err(|error| error.error)?;
        sync_directory(directory)
    }

    /// Removes a file, and its directory if nothing else is in it. A file that is gone is no
    /// error.
    pub(super) fn remove(&self, file: &Path) -> Result<(), Error> {
        let path = self.root.join(file);
        let removed = fs::remove_file(&path).and_then(|()| path.parent().map_or(Ok(()), sync_directory));
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(format_args!("removing {}", path.display()), &error));
            }
            _ => {}
        }
        self.tidy(file)
    }

    /// Removes what killed runs left beside a file, and its directory if nothing else is in it.
    pub(super) fn tidy(&self, file: &Path) -> Result<(), Error> {
        let path = self.root.join(file);
        let Some(directory) = path.parent() else { return Ok(()) };
        let _alone = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        self.leftovers.sweep(directory);
        // A directory that is not empty stays; that it could not be removed harms nobody.
        if fs::remove_dir(directory).is_err() {
            return Ok(());
        }
        sync_directory(&self.root).map_err(|error| Error::io(format_args!("writing {}", self.root.display()), &error))
    }
}

/// Makes a directory and those above it, each durable before the next.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    make_directory(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(parent),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    fs::File::open(path)?.sync_all()
}
