//! A tree of files in etcd, from where agents fetch it.
//!
//! A file is there when its bytes are; nobody serves them until the release of the fleet names
//! them. So files are written one by one, and what is served changes at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use portolan_fleet::{Digest, Manifest, Prefix, Published, Release, Store};
use portolan_lang::{AttributePath, Step, Value};
use portolan_provider::{
    Applied, Awaited, Change, Error, ErrorKind, NotReady, Planned, Proposal, Recorded, Report, Session, Status, Usage,
    Waiting, Wanted, Workloads,
};

use crate::check::Target;
use crate::nodes::{self, Reports, Verdict};
use crate::session::{self, completed, live_value, stored};
use crate::store::StoredFile;
use crate::{file, release, schema};

/// How long to wait before the nodes are asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// How many bytes that nothing names are taken away at the same time.
const DELETIONS_AT_ONCE: usize = 8;

/// A session over the files that are published in etcd.
pub(crate) struct PublishedSession {
    store: Store,
    target: Target,
}

impl PublishedSession {
    /// A session over the fleet that the block `etcd` describes, whose servers are like `target`.
    pub(crate) async fn open(etcd: &Value, target: Target) -> Result<Self, Error> {
        let at = |name: &'static str| {
            [Step::Attribute(Arc::from("etcd")), Step::Attribute(Arc::from(name))]
                .into_iter()
                .collect::<AttributePath>()
        };
        let prefix = etcd.get("prefix");
        let prefix = Prefix::new(prefix.as_ref().and_then(Value::as_str).unwrap_or_default());
        let prefix = prefix.map_err(|problem| Error::invalid(problem).at(at("prefix")))?;
        let client = portolan_etcd_client::open(etcd).await?;
        Ok(PublishedSession { store: Store::new(client, prefix), target })
    }

    async fn read_files(&self, wanted: &[&Wanted]) -> Vec<Result<Option<Value>, Error>> {
        let content = |wanted: &&Wanted| wanted.prior.as_ref().and_then(digest);
        let digests: Vec<Option<Digest>> = wanted.iter().map(content).collect();
        let asked: Vec<Digest> = digests.iter().flatten().cloned().collect();
        let mut found = match self.store.read(&asked).await {
            Ok(found) => found.into_iter(),
            Err(error) => return vec![Err(error); wanted.len()],
        };
        // What a killed run left cannot be told without its bytes: it is written again.
        let answer = |(wanted, digest): (&&Wanted, Option<Digest>)| {
            let content = digest.and_then(|_| found.next().flatten());
            Ok(content.map(|content| live_value(wanted, &StoredFile { content, mode: mode(wanted) })))
        };
        wanted.iter().zip(digests).map(answer).collect()
    }

    async fn read_release(&self, wanted: &Wanted) -> Result<Option<Value>, Error> {
        let Some((published, manifest)) = self.current().await? else { return Ok(None) };
        // One whose manifest was taken away names nothing any more.
        let manifest = manifest.unwrap_or_default();
        Ok(Some(release::live(wanted.prior.as_ref(), published.release.revision, &manifest)))
    }

    async fn current(&self) -> Result<Option<(Published, Option<Manifest>)>, Error> {
        let Some(published) = self.store.current().await? else { return Ok(None) };
        let manifest = self.store.manifest(&published.release).await?;
        Ok(Some((published, manifest)))
    }

    async fn put_file(&self, resource_type: &str, planned: &Value) -> Result<Applied, Error> {
        let value = completed(resource_type, planned)?;
        self.store.put(&stored(&value)?.content).await?;
        let path = value.get("path").and_then(|path| path.as_str().map(Arc::from));
        let identity = path.ok_or_else(|| Error::invalid("path is missing").at(AttributePath::attribute("path")))?;
        Ok(Applied { identity, value })
    }

    /// Takes the bytes of a file away, unless what is served names them.
    async fn delete_file(&self, prior: &Value) -> Result<(), Error> {
        let Some(digest) = digest(prior) else { return Ok(()) };
        let manifest = self.current().await?.and_then(|(_, manifest)| manifest).unwrap_or_default();
        if manifest.files.values().any(|entry| entry.sha256 == digest) {
            return Ok(());
        }
        self.store.delete(&digest).await
    }

    /// Lets the planned tree count where `prior` does, or nothing.
    async fn publish(&self, prior: Option<&Value>, planned: &Value) -> Result<Applied, Error> {
        let wanted = release::manifest(planned)?;
        let current = self.current().await?;
        let before = current.as_ref().and_then(|(_, manifest)| manifest.as_ref());
        let revision = match &current {
            Some((published, Some(manifest))) if *manifest == wanted => published.release.revision,
            _ => {
                undisturbed(prior, current.as_ref().map(|(_, manifest)| manifest.as_ref()))?;
                self.replace(prior, planned, &wanted, current.as_ref().map(|(published, _)| published)).await?
            }
        };
        let kept: Vec<&Manifest> = [Some(&wanted), before].into_iter().flatten().collect();
        // What is left over is taken away by the next release.
        let _ = self.prune(&kept).await;
        Ok(Applied { identity: Arc::from(release::IDENTITY), value: release::published(planned, revision) })
    }

    async fn replace(
        &self,
        prior: Option<&Value>,
        planned: &Value,
        wanted: &Manifest,
        before: Option<&Published>,
    ) -> Result<u64, Error> {
        let present = self.store.digests().await?;
        if let Some((path, _)) = wanted.files.iter().find(|(_, entry)| !present.contains(&entry.sha256)) {
            return Err(Error::conflict(format!("the bytes of {path} were taken away since they were written")));
        }
        let manifest = self.store.put(&wanted.encode()).await?;
        let recorded = [prior, Some(planned)].into_iter().flatten().map(release::revision).max();
        let last = before.map(|published| published.release.revision).max(recorded).unwrap_or_default();
        let release = Release::new(last + 1, manifest);
        match self.store.publish(&release, before).await? {
            true => Ok(release.revision),
            false => Err(Error::conflict("somebody else published at the same time")),
        }
    }

    /// Takes away all bytes that nothing in these trees names.
    async fn prune(&self, kept: &[&Manifest]) -> Result<(), Error> {
        let mut named = HashSet::new();
        for manifest in kept {
            named.insert(manifest.digest());
            named.extend(manifest.files.values().map(|entry| entry.sha256.clone()));
        }
        let mut unused = self.store.digests().await?;
        unused.retain(|digest| !named.contains(digest));
        let deletions = unused.into_iter().map(|digest| {
            let store = self.store.clone();
            async move { store.delete(&digest).await }
        });
        stream::iter(deletions).buffer_unordered(DELETIONS_AT_ONCE).try_collect().await
    }

    async fn withdraw(&self, prior: &Value) -> Result<(), Error> {
        let Some((published, manifest)) = self.current().await? else { return Ok(()) };
        undisturbed(Some(prior), Some(manifest.as_ref()))?;
        if !self.store.withdraw(&published).await? {
            return Err(Error::conflict("somebody else published at the same time"));
        }
        // The files are taken away one by one.
        let own = Manifest { files: release::manifest(prior)?.files };
        let _ = self.prune(&[&own]).await;
        let _ = self.store.delete(&own.digest()).await;
        Ok(())
    }

    async fn reports(&self, value: &Value) -> Result<(Release, Reports), Error> {
        Ok((release::wanted(value)?, self.store.reports().await?))
    }

    async fn look(&self, value: &Value) -> Result<Verdict, Error> {
        let (release, reports) = self.reports(value).await?;
        match self.store.current().await? {
            Some(published) if published.release == release => {}
            _ => return Err(Error::failed(format!("revision {} was replaced by somebody else", release.revision))),
        }
        Ok(nodes::judge(&release, &reports, release::least_nodes(value)))
    }
}

/// Fails where what counts is not what the engine knows.
fn undisturbed(prior: Option<&Value>, current: Option<Option<&Manifest>>) -> Result<(), Error> {
    let known = prior.map(release::manifest).transpose()?;
    match (&known, current) {
        // Whose manifest is gone serves nothing that could be lost.
        (_, None | Some(None)) => Ok(()),
        (Some(known), Some(Some(current))) if known == current => Ok(()),
        (Some(_), _) => Err(Error::conflict("somebody else published since it was read")),
        (None, _) => Err(Error::failed("another configuration is published under this prefix already")
            .help("give each fleet a prefix of its own, or import it with the id \"release\"")),
    }
}

/// What finds the bytes of a file.
fn digest(value: &Value) -> Option<Digest> {
    Some(Digest::of(value.get("content")?.as_str()?.as_bytes()))
}

fn mode(wanted: &Wanted) -> u32 {
    let mode = wanted.prior.as_ref().and_then(|prior| prior.get("mode"));
    mode.as_ref().and_then(Value::as_str).and_then(file::parse_mode).unwrap_or(file::PUBLIC)
}

fn is_release(resource_type: &str) -> bool {
    resource_type == schema::RELEASE
}

#[async_trait]
impl Session for PublishedSession {
    fn identity(&self, resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        match is_release(resource_type) {
            true => Some(Arc::from(release::IDENTITY)),
            false => planned.get("path").as_ref().and_then(Value::as_str).map(Arc::from),
        }
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        let files: Vec<&Wanted> = wanted.iter().filter(|wanted| !is_release(&wanted.resource_type)).collect();
        let mut files = self.read_files(&files).await.into_iter();
        let mut answers = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            answers.push(match is_release(&wanted.resource_type) {
                true => self.read_release(wanted).await,
                false => files.next().unwrap_or_else(|| Err(Error::failed("the file was not read"))),
            });
        }
        answers
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        match is_release(proposal.resource_type) {
            true => release::plan(proposal),
            false => session::plan(proposal, &self.target),
        }
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        match (is_release(resource_type), change) {
            (true, Change::Create { planned }) => self.publish(None, planned).await.map(Some),
            (true, Change::Update { prior, planned, .. }) => self.publish(Some(prior), planned).await.map(Some),
            (true, Change::Delete { prior, .. }) => self.withdraw(prior).await.map(|()| None),
            (false, Change::Create { planned } | Change::Update { planned, .. }) => {
                self.put_file(resource_type, planned).await.map(Some)
            }
            (false, Change::Delete { prior, .. }) => self.delete_file(prior).await.map(|()| None),
        }
    }

    fn is_awaited(&self, resource_type: &str, value: &Value) -> bool {
        is_release(resource_type) && release::is_awaited(value)
    }

    async fn ready(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), NotReady> {
        let until = tokio::time::Instant::now() + release::patience(awaited.value);
        let mut told = None;
        loop {
            let waiting = match self.look(awaited.value).await {
                Ok(Verdict::Ready) => return Ok(()),
                Ok(Verdict::Failed(error)) => return Err(error.into()),
                Ok(Verdict::Waiting(waiting)) => waiting,
                Err(error) if error.kind == ErrorKind::Transient => {
                    Waiting { why: "etcd does not answer".to_owned(), reasons: vec![error.message] }
                }
                Err(error) => return Err(error.into()),
            };
            if tokio::time::Instant::now() >= until {
                return Err(late(&waiting).into());
            }
            if told.as_ref() != Some(&waiting) {
                report(waiting.clone());
                told = Some(waiting);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn workloads(&self) -> Option<&dyn Workloads> {
        Some(self)
    }

    /// The id is `release`; files are found by what names them, and need no import.
    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        if !is_release(resource_type) || id != release::IDENTITY {
            return Err(Error::invalid("only nginx_release can be imported from etcd, with the id \"release\""));
        }
        let wanted = Wanted { resource_type: resource_type.into(), identity: id.into(), prior: None };
        let value = self.read_release(&wanted).await?;
        Ok(value.map(|value| Applied { identity: Arc::from(id), value }))
    }
}

fn late(waiting: &Waiting) -> Error {
    let reasons = waiting.reasons.join("; ");
    let message = format!("it is published, but by now {}: {reasons}", waiting.why);
    Error::failed(message).help(
        "The agents go on. Apply again to wait for them, set \"timeout\" to wait longer, or \"nodes = 0\" where \
         names may be published before any agent runs.",
    )
}

#[async_trait]
impl Workloads for PublishedSession {
    async fn status(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Option<Status>, Error>> {
        let mut answers = Vec::with_capacity(workloads.len());
        for workload in workloads {
            let reports = self.reports(workload.value).await;
            let told = reports.map(|(release, reports)| {
                Some(nodes::status(&release, &reports, release::least_nodes(workload.value)))
            });
            answers.push(told);
        }
        answers
    }

    /// An nginx is no copy that anything could be done in from here.
    async fn copies(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Vec<portolan_provider::Copy>, Error>> {
        workloads.iter().map(|_| Ok(Vec::new())).collect()
    }

    /// Nobody measures what a fleet uses.
    async fn usage(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Usage, Error>> {
        workloads.iter().map(|_| Ok(Usage::default())).collect()
    }

    async fn events(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Vec<portolan_provider::Event>, Error>> {
        workloads.iter().map(|_| Ok(Vec::new())).collect()
    }
}
