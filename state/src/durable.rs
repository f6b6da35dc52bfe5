//! Files that are whole and on disk, or not there at all.

use std::fs::{DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// Makes a file of mode 0600 with what `fill` writes, on disk when this returns; a kill at
/// any moment leaves either no file of this name or the whole one. The directory is made
/// where there is none.
///
/// # Errors
///
/// `AlreadyExists` where there is a file of this name, which is left as it is.
pub(crate) fn create_new(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // Open until it has its name, which keeps it locked.
    let (mut file, temporary) = temporary_beside(path)?.into_parts();
    fill(&mut file)?;
    publish(temporary, path)
}

/// An empty file of mode 0600 in the same directory, removed when it is dropped. While it is open,
/// no other run removes it or what has its name, a hyphen and more.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = parent(path);
    create_directory(&directory)?;
    portolan_files::new_file(&directory, 0o600)
}

/// Gives a temporary file its name, on disk when this returns.
pub(crate) fn publish(temporary: TempPath, path: &Path) -> io::Result<()> {
    File::open(&temporary)?.sync_all()?;
    temporary.persist_noclobber(path).map_err(|error| error.error)?;
    sync_directory(&parent(path))
}

/// Removes what killed runs left in the directory of a file.
pub(crate) fn sweep_beside(path: &Path) {
    portolan_files::sweep(&parent(path));
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes a directory that only its owner may enter.
fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    sync_directory(&parent(path))
}

/// Elsewhere a directory cannot be opened, and renames are durable by themselves.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
