//! Reading objects back from their files.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portolan_lang::value::Entries;
use portolan_lang::{AttributePath, Data, Type, Value};
use portolan_provider::{Error, Wanted};

use super::blocking;
use super::file::Folder;
use super::place::Place;
use crate::alike::like_recorded;
use crate::identity::Identity;
use crate::manifest::{ATTRIBUTE, OWNER, OWNER_LABEL};
use crate::{object_of, yaml};

/// A directory is listed once where at least this many of its files are asked for; fewer are
/// just opened, because it may hold very many others.
const WORTH_LISTING: usize = 8;

/// How many files one task reads.
const FILES_A_TASK: usize = 512;

/// What a file holds.
pub(super) struct Content {
    /// The manifest without the label that says that it is ours.
    pub(super) manifest: Value,
    pub(super) text: String,
    pub(super) is_ours: bool,
}

/// Answers a batch: one listing a directory, and one reading of each file that is there. A file
/// of somebody else where nothing was recorded is not an object that a killed run left. Where
/// nothing was recorded and nothing is there, what a killed run left of its writing goes.
pub(super) async fn read_batch(folder: &Arc<Folder>, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
    let places: Arc<Vec<_>> = Arc::new(wanted.iter().map(|one| Place::of_text(&one.identity)).collect());
    let listing = {
        let (folder, places) = (folder.clone(), places.clone());
        match blocking(move || list_directories(&folder, &places)).await {
            Ok(listing) => Arc::new(listing),
            Err(error) => return wanted.iter().map(|_| Err(error.clone())).collect(),
        }
    };
    let mut tasks = Vec::new();
    for (number, part) in wanted.chunks(FILES_A_TASK).enumerate() {
        let recorded: Vec<Option<Value>> = part.iter().map(|one| one.prior.clone()).collect();
        let (folder, places, listing) = (folder.clone(), places.clone(), listing.clone());
        let task = tokio::task::spawn_blocking(move || {
            let places = places.iter().skip(number * FILES_A_TASK);
            places
                .zip(&recorded)
                .map(|(place, recorded)| read_one(&folder, &listing, place, recorded.as_ref()))
                .collect()
        });
        tasks.push((part.len(), task));
    }
    let mut answers = Vec::with_capacity(wanted.len());
    for (length, task) in tasks {
        let answered: Vec<Result<Option<Value>, Error>> = match task.await {
            Ok(answered) => answered,
            Err(_) => vec![Err(Error::failed("work on files was stopped before its end")); length],
        };
        answers.extend(answered);
    }
    answers
}

/// The names in those directories that are worth listing.
type Listing = HashMap<PathBuf, Result<HashSet<OsString>, Error>>;

fn list_directories(folder: &Folder, places: &[Result<Place, Error>]) -> Listing {
    let mut asked: HashMap<&Path, usize> = HashMap::new();
    for directory in places.iter().flatten().filter_map(|place| place.file.parent()) {
        *asked.entry(directory).or_default() += 1;
    }
    let worth = asked.into_iter().filter(|(_, count)| *count >= WORTH_LISTING);
    worth.map(|(directory, _)| (directory.to_owned(), folder.list(directory))).collect()
}

fn read_one(
    folder: &Folder,
    listing: &Listing,
    place: &Result<Place, Error>,
    recorded: Option<&Value>,
) -> Result<Option<Value>, Error> {
    let place = place.as_ref().map_err(Clone::clone)?;
    if let (Some(directory), Some(name)) = (place.file.parent(), place.file.file_name()) {
        match listing.get(directory) {
            Some(Ok(names)) if recorded.is_some() && !names.contains(name) => return Ok(None),
            Some(Err(error)) => return Err(error.clone()),
            _ => {}
        }
    }
    let manifest = recorded.and_then(|recorded| recorded.get(ATTRIBUTE));
    let content = content_of(folder, place, manifest.as_ref())?;
    if content.is_none() && recorded.is_none() {
        folder.tidy(&place.file)?;
    }
    if let Some(content) = &content
        && manifest.is_none()
        && !content.is_ours
    {
        return Ok(None);
    }
    Ok(content.map(|content| match (&manifest, recorded) {
        (Some(manifest), Some(recorded)) if *manifest == content.manifest => recorded.clone(),
        // A file says nothing of what stands beside the manifest.
        (_, Some(recorded)) => recorded.with(&AttributePath::attribute(ATTRIBUTE), content.manifest),
        (_, None) => object_of(content.manifest),
    }))
}

/// What the file of an object holds; `None` where there is no file. A file that holds another
/// object or no object is an error.
pub(super) fn content_of(folder: &Folder, place: &Place, recorded: Option<&Value>) -> Result<Option<Content>, Error> {
    let Some(text) = folder.read(&place.file)? else { return Ok(None) };
    if let Some(recorded) = recorded
        && yaml::write(&add_owner(recorded)) == text
    {
        return Ok(Some(Content { manifest: recorded.clone(), text, is_ours: true }));
    }
    let manifest = parse(folder, &place.file, &text)?;
    let identity = Identity::of(&manifest);
    if identity.as_ref() != Some(&place.identity) {
        let found = identity.map_or_else(|| "no object of Kubernetes".to_owned(), |identity| identity.to_string());
        let message = format!("{} holds {found} in the place of {}", folder.shown(&place.file), place.identity);
        return Err(Error::conflict(message).help("Move the file away, or mend it by hand."));
    }
    let is_ours = owner_of(&manifest) == Some(OWNER);
    let manifest = match recorded {
        Some(recorded) if owner_of(recorded).is_some() => manifest,
        _ => without_owner(&manifest),
    };
    let manifest = recorded.map_or_else(|| manifest.clone(), |recorded| like_recorded(recorded, manifest.clone()));
    Ok(Some(Content { manifest, text, is_ours }))
}

/// The identity of the object in a file; `None` where there is no file.
pub(super) fn identity_in(folder: &Folder, file: &Path) -> Result<Option<Identity>, Error> {
    let Some(text) = folder.read(file)? else { return Ok(None) };
    let manifest = parse(folder, file, &text)?;
    let no_object = || Error::invalid(format!("{} holds no object of Kubernetes", folder.shown(file)));
    Identity::of(&manifest).map(Some).ok_or_else(no_object)
}

fn parse(folder: &Folder, file: &Path, text: &str) -> Result<Value, Error> {
    let broken = |problem| {
        let message = format!("the manifest cannot be read: {}:{problem}", folder.shown(file));
        Error::failed(message).help("Mend the file, or bring it back to what was last applied.")
    };
    yaml::read(text).map_err(broken)
}

fn owner_of(manifest: &Value) -> Option<&str> {
    let metadata = manifest.entries()?.get("metadata")?;
    metadata.entries()?.get("labels")?.entries()?.get(OWNER_LABEL)?.as_str()
}

/// The manifest with the label that says that it is ours.
pub(super) fn add_owner(manifest: &Value) -> Value {
    with_labels(manifest, |labels| Some(labels.with(OWNER_LABEL, Value::string(OWNER))))
}

/// The manifest without that label, and without labels where it was the only one.
fn without_owner(manifest: &Value) -> Value {
    if owner_of(manifest) != Some(OWNER) {
        return manifest.clone();
    }
    with_labels(manifest, |labels| {
        let others = labels.iter().filter(|(name, _)| &***name != OWNER_LABEL);
        let others: Entries = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        (!others.is_empty()).then_some(others)
    })
}

fn with_labels(manifest: &Value, change: impl FnOnce(&Entries) -> Option<Entries>) -> Value {
    let none = Entries::default();
    let root = manifest.entries().unwrap_or(&none);
    let metadata = root.get("metadata").and_then(Value::entries).unwrap_or(&none);
    let labels = metadata.get("labels").and_then(Value::entries).unwrap_or(&none);
    let object = |entries: Entries| Value::from(Data::Object(Arc::new(entries)));
    let labels = change(labels).map_or_else(|| Value::null(Type::Any), object);
    let metadata = metadata.iter().filter(|(name, _)| &***name != "labels" || !labels.is_null());
    let metadata: Entries = metadata.map(|(name, value)| (name.clone(), value.clone())).collect();
    let metadata = if labels.is_null() { metadata } else { metadata.with("labels", labels) };
    object(root.with("metadata", object(metadata)))
}
