//! A tree of files in a directory.
//!
//! A file is written whole beside its place, synchronised and renamed into it, so that a
//! reader sees the old one or the new one and a crash loses neither. The file beside it is
//! called `.portolan-…`: no `include` of `*.conf` matches it, should a crash leave it.
//! Nothing is written or read through a symbolic link inside the tree.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use portolan_files::{Leftovers, new_file};
use portolan_fleet::path;
use portolan_provider::Error;
use rustix::fs::OFlags;

use crate::store::{Store, StoredFile};

/// A file larger than this was not made by us and is not read: 64 MiB.
const MAX_FILE: u64 = 64 << 20;

/// A tree of files in a directory.
#[derive(Debug, Clone)]
pub struct Directory {
    root: Arc<PathBuf>,
    /// Held for writing while empty directories are removed, and for reading while a file is
    /// put into one, so that no directory vanishes under a file that is being written.
    directories: Arc<RwLock<()>>,
    leftovers: Arc<Leftovers>,
}

impl Directory {
    /// The tree below `root`, which is made by the first file in it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Directory { root: Arc::new(root.into()), directories: Arc::default(), leftovers: Arc::default() }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let directory = self.clone();
        let work = tokio::task::spawn_blocking(move || work(&directory));
        work.await.map_err(|_| Error::transient("the program is stopping"))?
    }

    /// The place of a file, whose directories inside the tree are real ones where they exist.
    fn place(&self, path: &str) -> Result<PathBuf, Error> {
        if let Some(problem) = path::problem(path) {
            return Err(Error::invalid(problem));
        }
        let mut place = self.root.as_ref().clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            let is_directory = parts.peek().is_some();
            if is_directory && fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_symlink()) {
                return Err(Error::failed(format!("{} is a symbolic link", place.display()))
                    .help("use a real directory: files are not written through links that could lead elsewhere"));
            }
        }
        Ok(place)
    }

    fn read_one(&self, path: &str) -> Result<Option<StoredFile>, Error> {
        let place = self.place(path)?;
        read_file(&place).map_err(|error| Error::io(format_args!("cannot read {}", place.display()), &error))
    }

    fn write_one(&self, path: &str, file: &StoredFile) -> Result<(), Error> {
        let place = self.place(path)?;
        let _directories = self.directories.read().unwrap_or_else(PoisonError::into_inner);
        self.write_file(&place, file)
            .map_err(|error| Error::io(format_args!("cannot write {}", place.display()), &error))
    }

    fn delete_one(&self, path: &str) -> Result<(), Error> {
        let place = self.place(path)?;
        let _directories = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io(format_args!("cannot delete {}", place.display()), &error));
            }
            _ => self.tidy(&place),
        }
        Ok(())
    }

    /// Removes what killed runs left beside a file, and the directories that are empty then.
    fn tidy(&self, place: &Path) {
        let inside = |parent: &&Path| *parent != self.root.as_path();
        for parent in place.ancestors().skip(1).take_while(inside) {
            self.leftovers.sweep(parent);
            // One that is not empty stays, and so do those around it.
            if fs::remove_dir(parent).is_err() {
                // The deletion is to outlast a crash.
                let _ = sync_directory(parent);
                return;
            }
        }
        self.leftovers.sweep(&self.root);
        let _ = sync_directory(&self.root);
    }

    fn write_file(&self, place: &Path, file: &StoredFile) -> io::Result<()> {
        let parent = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        self.leftovers.sweep(parent);
        let mut beside = new_file(parent, 0o600)?;
        beside.write_all(&file.content)?;
        beside.as_file().set_permissions(Permissions::from_mode(file.mode))?;
        beside.as_file().sync_all()?;
        beside.persist(place).map_err(|error| error.error)?;
        sync_directory(parent)
    }
}

#[async_trait]
impl Store for Directory {
    async fn read(&self, paths: &[Arc<str>]) -> Vec<Result<Option<StoredFile>, Error>> {
        let wanted = paths.to_vec();
        let read = move |directory: &Directory| Ok(wanted.iter().map(|path| directory.read_one(path)).collect());
        match self.blocking(read).await {
            Ok(files) => files,
            Err(error) => paths.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn write(&self, path: &str, file: StoredFile) -> Result<(), Error> {
        let path = path.to_owned();
        self.blocking(move |directory| directory.write_one(&path, &file)).await
    }

    async fn clear(&self, path: &str) -> Result<(), Error> {
        let path = path.to_owned();
        let clear = move |directory: &Directory| {
            let place = directory.place(&path)?;
            let _directories = directory.directories.write().unwrap_or_else(PoisonError::into_inner);
            directory.tidy(&place);
            Ok(())
        };
        self.blocking(clear).await
    }

    async fn delete(&self, path: &str) -> Result<(), Error> {
        let path = path.to_owned();
        self.blocking(move |directory| directory.delete_one(&path)).await
    }
}

fn read_file(place: &Path) -> io::Result<Option<StoredFile>> {
    // Neither a link is followed nor a pipe waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(place) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(io::Error::other("it is a symbolic link"));
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > MAX_FILE {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(Some(StoredFile { content, mode: metadata.permissions().mode() & 0o777 }))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
