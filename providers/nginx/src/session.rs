//! Reading and changing the files of a tree.

use std::sync::Arc;

use async_trait::async_trait;
use portolan_fleet::path;
use portolan_lang::{AttributePath, Marks, Type, Value};
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Session, Wanted};

use crate::check::Target;
use crate::store::{Store, StoredFile};
use crate::{config, file, schema};

/// A session over the files that a store keeps.
pub(crate) struct FilesSession {
    store: Arc<dyn Store>,
    target: Target,
}

impl FilesSession {
    /// A session over `store`, whose files a server like `target` reads.
    pub(crate) fn new(store: Arc<dyn Store>, target: Target) -> Self {
        FilesSession { store, target }
    }

    async fn read_one(&self, path: &str) -> Result<Option<StoredFile>, Error> {
        let mut files = self.store.read(&[Arc::from(path)]).await;
        files.pop().unwrap_or_else(|| Err(Error::failed("the file was not read")))
    }

    /// Puts the planned file in its place if what is there is `before`: what the engine knows
    /// of, or nothing. What is there already as planned is left alone.
    async fn put(&self, resource_type: &str, planned: &Value, before: Option<&Value>) -> Result<Applied, Error> {
        let path = text(planned, "path")?;
        if let Some(problem) = path::problem(&path) {
            return Err(Error::invalid(problem).at(AttributePath::attribute("path")));
        }
        let value = completed(resource_type, planned)?;
        let wanted = stored(&value)?;
        let live = self.read_one(&path).await?;
        if live.as_ref() != Some(&wanted) {
            if let Some(live) = &live {
                undisturbed(&path, live, before, &wanted)?;
            }
            self.store.write(&path, wanted).await?;
        }
        Ok(Applied { identity: path, value })
    }

    async fn delete(&self, identity: &str, prior: &Value) -> Result<(), Error> {
        let Some(live) = self.read_one(identity).await? else { return Ok(()) };
        if !is_content(prior, &live) {
            return Err(changed_meanwhile(identity));
        }
        self.store.delete(identity).await
    }
}

#[async_trait]
impl Session for FilesSession {
    fn identity(&self, _resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        planned.get("path").as_ref().and_then(Value::as_str).map(Arc::from)
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        let paths: Vec<Arc<str>> = wanted.iter().map(|wanted| wanted.identity.clone()).collect();
        let files = self.store.read(&paths).await;
        for (wanted, file) in wanted.iter().zip(&files) {
            // A creation that was cut short before the rename.
            if wanted.prior.is_none() && matches!(file, Ok(None)) {
                // It is only for tidiness; whoever writes there next is told what is wrong.
                let _ = self.store.clear(&wanted.identity).await;
            }
        }
        let value = |(wanted, file): (&Wanted, Result<Option<StoredFile>, Error>)| {
            Ok(file?.map(|file| live_value(wanted, &file)))
        };
        wanted.iter().zip(files).map(value).collect()
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        plan(proposal, &self.target)
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        match change {
            Change::Create { planned } => self.put(resource_type, planned, None).await.map(Some),
            Change::Update { prior, planned, .. } => self.put(resource_type, planned, Some(prior)).await.map(Some),
            Change::Delete { identity, prior } => self.delete(identity, prior).await.map(|()| None),
        }
    }

    /// The id is the path.
    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        let identity: Arc<str> = Arc::from(id);
        let wanted = Wanted { resource_type: Arc::from(resource_type), identity: identity.clone(), prior: None };
        let file = self.read_one(id).await?;
        Ok(file.map(|file| Applied { identity, value: live_value(&wanted, &file) }))
    }
}

/// Plans a file of either type, which a server like `target` reads.
pub(crate) fn plan(proposal: Proposal<'_>, target: &Target) -> Result<Planned, Error> {
    let errors = match proposal.resource_type {
        schema::CONFIG => config::check(proposal.proposed, target),
        _ => file::validate(proposal.config),
    };
    if !errors.is_empty() {
        return Err(config::first(errors));
    }
    let written = match proposal.resource_type {
        schema::CONFIG => with(proposal.proposed, "content", config::content(proposal.proposed)?),
        _ => proposal.proposed.clone(),
    };
    let value = with(&written, "mode", file::mode(&proposal, &content(&written)));
    let Some(prior) = proposal.prior else { return Ok(Planned { value, replace: Vec::new() }) };
    let moved = prior.get("path") != value.get("path");
    let replace = moved.then(|| AttributePath::attribute("path")).into_iter().collect();
    Ok(Planned { value, replace })
}

fn with(value: &Value, name: &'static str, attribute: Value) -> Value {
    value.with(&AttributePath::attribute(name), attribute)
}

fn text(value: &Value, name: &'static str) -> Result<Arc<str>, Error> {
    let text = value.get(name);
    let text = text.as_ref().and_then(Value::as_str).map(Arc::from);
    text.ok_or_else(|| Error::invalid(format!("{name} is missing")).at(AttributePath::attribute(name)))
}

/// The planned object with what only the provider sets, which may have been unknown when it
/// was planned.
pub(crate) fn completed(resource_type: &str, planned: &Value) -> Result<Value, Error> {
    let given = planned.get("mode").filter(|mode| mode.as_str().is_some());
    let written = match resource_type {
        schema::CONFIG => with(planned, "content", config::content(planned)?),
        _ => planned.clone(),
    };
    let mode = given.unwrap_or_else(|| file::mode_of(&content(&written)));
    Ok(with(&written, "mode", mode))
}

fn content(file: &Value) -> Value {
    file.get("content").unwrap_or_else(|| Value::null(Type::String))
}

/// The bytes and permissions of a wholly known object.
///
/// The permissions were settled when it was planned: what is applied tells no longer what is
/// sensitive.
pub(crate) fn stored(value: &Value) -> Result<StoredFile, Error> {
    let content = text(value, "content")?;
    let mode = text(value, "mode")?;
    let mode = file::parse_mode(&mode)
        .ok_or_else(|| Error::invalid("the mode is wrong").at(AttributePath::attribute("mode")))?;
    Ok(StoredFile { content: content.as_bytes().to_vec(), mode })
}

/// The object that a file is. What a file does not tell is taken from what was recorded.
pub(crate) fn live_value(wanted: &Wanted, file: &StoredFile) -> Value {
    let text = String::from_utf8_lossy(&file.content).into_owned();
    let recorded = |name: &str, ty: Type| {
        let recorded = wanted.prior.as_ref().and_then(|prior| prior.get(name));
        recorded.unwrap_or_else(|| Value::null(ty))
    };
    let marks = recorded("content", Type::String).marks();
    let hidden = marks.contains(Marks::SENSITIVE) || file::holds_private_key(&text);
    let content = Value::string(text).mark(if hidden { marks.union(Marks::SENSITIVE) } else { marks });
    let path = Value::string(wanted.identity.clone());
    let mode = Value::string(file::mode_text(file.mode));
    if &*wanted.resource_type == schema::FILE {
        return Value::object([("path", path), ("content", content), ("mode", mode)]);
    }
    Value::object([
        ("path", path),
        ("directives", recorded("directives", Type::Any)),
        ("context", recorded("context", Type::String)),
        ("variables", recorded("variables", Type::list(Type::String))),
        ("content", content),
        ("mode", mode),
    ])
}

fn is_content(value: &Value, file: &StoredFile) -> bool {
    let content = value.get("content");
    content.as_ref().and_then(Value::as_str) == Some(&*String::from_utf8_lossy(&file.content))
}

/// Fails where a file that is about to be replaced is not the one that the engine knows.
fn undisturbed(path: &str, live: &StoredFile, before: Option<&Value>, wanted: &StoredFile) -> Result<(), Error> {
    let Some(before) = before else {
        // A creation that was cut short after the rename left the wanted content.
        return if live.content == wanted.content { Ok(()) } else { Err(already_there(path)) };
    };
    let is_known = is_content(before, live) || live.content == wanted.content;
    if is_known { Ok(()) } else { Err(changed_meanwhile(path)) }
}

fn already_there(path: &str) -> Error {
    Error::failed(format!("{path} is there already, with another content"))
        .at(AttributePath::attribute("path"))
        .help(format!("import it with the id {path:?}, or delete it"))
}

fn changed_meanwhile(path: &str) -> Error {
    Error::conflict(format!("{path} was changed by somebody else since it was read"))
}
