//! A directory of manifests in the place of a cluster.
//!
//! An object is the file `NAMESPACE/KIND-NAME.yaml`, or `_cluster/KIND-NAME.yaml` where it
//! belongs to the whole cluster. Files that are ours carry a label that says so, which is
//! written and read past what is configured. A file at the place of an object that does not
//! carry it is somebody else's: it is never overwritten until it is imported.
//!
//! All work on files is done on the threads for blocking work, many files a task.

mod file;
mod place;
mod read;
mod workloads;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use file::Folder;
use place::Place;
use portolan_lang::{Marks, Value};
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Session, Wanted, Workloads};
use read::{add_owner, content_of, identity_in};

use crate::alike::are_alike;
use crate::identity::Identity;
use crate::{manifest, manifest_of, object_of, yaml};

/// A session on a directory.
pub(crate) struct DirectorySession {
    folder: Arc<Folder>,
}

impl DirectorySession {
    /// A session on this directory, which need not exist yet.
    pub(crate) async fn open(path: PathBuf) -> Result<Self, Error> {
        let folder = Arc::new(Folder::new(path));
        let found = folder.clone();
        blocking(move || found.check()).await??;
        Ok(DirectorySession { folder })
    }
}

/// Runs work on files on a thread where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let stopped = |_| Error::failed("work on files was stopped before its end");
    tokio::task::spawn_blocking(work).await.map_err(stopped)
}

#[async_trait]
impl Session for DirectorySession {
    fn identity(&self, _resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        crate::identity_of(planned)
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        read::read_batch(&self.folder, wanted).await
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        crate::plan(proposal)
    }

    fn is_withdrawal(&self, _resource_type: &str, prior: &Value, planned: &Value) -> bool {
        crate::is_withdrawal(prior, planned)
    }

    async fn apply(&self, _resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        let folder = self.folder.clone();
        match change {
            Change::Create { planned } => {
                let wanted = WantedFile::of(planned)?;
                blocking(move || create(&folder, wanted)).await?.map(Some)
            }
            Change::Update { identity, prior, planned } => {
                let wanted = WantedFile::of(planned)?;
                if wanted.place.identity.to_string() != identity {
                    let message = format!("{identity} would become {}, another object", wanted.place.identity);
                    return Err(Error::conflict(message));
                }
                let prior = manifest_of(prior)?;
                blocking(move || update(&folder, &prior, wanted)).await?.map(Some)
            }
            Change::Delete { identity, prior } => {
                let place = Place::of_text(identity)?;
                let prior = manifest_of(prior)?;
                blocking(move || delete(&folder, &prior, &place)).await??;
                Ok(None)
            }
        }
    }

    async fn data(&self, source: &str, _config: &Value) -> Result<Value, Error> {
        let error = Error::invalid(format!("a directory of manifests cannot tell {source}"));
        Err(error.help("Ask a cluster that is reached by its API server, or declare what is needed."))
    }

    fn workloads(&self) -> Option<&dyn Workloads> {
        Some(self)
    }

    async fn import(&self, _resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        let (folder, id) = (self.folder.clone(), id.to_owned());
        blocking(move || import(&folder, &id)).await?
    }
}

/// A file that is to be there.
struct WantedFile {
    place: Place,
    object: Value,
    manifest: Value,
    text: String,
    secret: bool,
}

impl WantedFile {
    fn of(object: &Value) -> Result<Self, Error> {
        let manifest = manifest_of(object)?;
        if let Some(error) = manifest::check(&manifest).into_iter().next() {
            return Err(error);
        }
        if let Some(path) = object.paths(&|value| !value.is_known()).into_iter().next() {
            return Err(Error::invalid("a manifest must be known to be written").at(path));
        }
        let identity = Identity::of(&manifest).ok_or_else(|| Error::invalid("the manifest names no object"))?;
        let secret = identity.kind == "Secret" || manifest.deep_marks().contains(Marks::SENSITIVE);
        let text = yaml::write(&add_owner(&manifest));
        Ok(WantedFile { place: Place::of(identity)?, object: object.clone(), manifest, text, secret })
    }

    fn applied(self) -> Applied {
        Applied { identity: Arc::from(self.place.identity.to_string()), value: self.object }
    }
}

fn create(folder: &Folder, wanted: WantedFile) -> Result<Applied, Error> {
    if folder.write_new(&wanted.place.file, &wanted.text, wanted.secret)? {
        return Ok(wanted.applied());
    }
    let Some(found) = content_of(folder, &wanted.place, Some(&wanted.manifest))? else {
        return Err(Error::conflict(format!("{} is being changed by somebody else", folder.shown(&wanted.place.file))));
    };
    if found.is_ours && are_alike(&found.manifest, &wanted.manifest) {
        return Ok(wanted.applied());
    }
    let owner = if found.is_ours { "is there already, in another form" } else { "is there already and is not ours" };
    Err(Error::conflict(format!("{} {owner}", folder.shown(&wanted.place.file)))
        .help(format!("Adopt it with `import`, id {:?}, or move the file away.", wanted.place.identity.to_string())))
}

fn update(folder: &Folder, prior: &Value, wanted: WantedFile) -> Result<Applied, Error> {
    let Some(found) = content_of(folder, &wanted.place, Some(prior))? else {
        return Err(Error::conflict(format!("{} is gone", folder.shown(&wanted.place.file))));
    };
    let is_done = are_alike(&found.manifest, &wanted.manifest);
    if !is_done && !are_alike(&found.manifest, prior) {
        return Err(changed_meanwhile(folder, &wanted.place));
    }
    if found.text != wanted.text {
        folder.replace(&wanted.place.file, &wanted.text, wanted.secret)?;
    }
    Ok(wanted.applied())
}

fn delete(folder: &Folder, prior: &Value, place: &Place) -> Result<(), Error> {
    match content_of(folder, place, Some(prior))? {
        Some(found) if !are_alike(&found.manifest, prior) => Err(changed_meanwhile(folder, place)),
        Some(_) => folder.remove(&place.file),
        // A run that was killed may have come no further.
        None => folder.tidy(&place.file),
    }
}

/// Takes the identity of an object or the name of its file.
fn import(folder: &Folder, id: &str) -> Result<Option<Applied>, Error> {
    let place = match Place::named_file(folder.path(), id) {
        None => Place::of_text(id)?,
        Some(file) => {
            let Some(identity) = identity_in(folder, &file)? else { return Ok(None) };
            let place = Place::of(identity)?;
            if place.file != file {
                let expected = folder.shown(&place.file);
                let message = format!("{} is not where its object belongs", folder.shown(&file));
                return Err(Error::invalid(message).help(format!("Move the file to {expected} first.")));
            }
            place
        }
    };
    let found = content_of(folder, &place, None)?;
    let identity = Arc::from(place.identity.to_string());
    Ok(found.map(|found| Applied { identity, value: object_of(found.manifest) }))
}

fn changed_meanwhile(folder: &Folder, place: &Place) -> Error {
    Error::conflict(format!("{} was changed meanwhile", folder.shown(&place.file)))
}
