//! Reading and changing keys.

use std::sync::Arc;

use async_trait::async_trait;
use etcd_client::{Client, Compare, CompareOp, KeyValue, Txn, TxnOp, TxnOpResponse};
use futures::{StreamExt, TryStreamExt, stream};
use portolan_etcd_client::error_of;
use portolan_lang::{AttributePath, Value};
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Session, Wanted, plan_by_schema};

use crate::record::{EXPIRES, Record, record, schema};

/// How many keys are read in one transaction: etcd takes 128 operations by default.
const KEYS_A_TRANSACTION: usize = 100;

/// How many transactions of a reading are under way at the same time.
const READS_AT_ONCE: usize = 4;

/// A session with one etcd cluster.
pub(crate) struct EtcdSession {
    client: Client,
}

/// A key as it is.
struct Present {
    bytes: Vec<u8>,
    revision: i64,
    expires: bool,
}

impl From<&KeyValue> for Present {
    fn from(found: &KeyValue) -> Self {
        Present { bytes: found.value().to_vec(), revision: found.mod_revision(), expires: found.lease() != 0 }
    }
}

impl EtcdSession {
    /// A session over this client.
    pub(crate) fn new(client: Client) -> Self {
        EtcdSession { client }
    }

    /// The keys as they are, in the order asked for; all of a transaction are of one moment.
    async fn present(&self, keys: &[&str]) -> Result<Vec<Option<Present>>, Error> {
        let gets =
            |keys: &[&str]| Txn::new().and_then(keys.iter().map(|key| TxnOp::get(*key, None)).collect::<Vec<_>>());
        let transactions: Vec<Txn> = keys.chunks(KEYS_A_TRANSACTION).map(gets).collect();
        let readings = transactions.into_iter().map(|transaction| {
            let mut client = self.client.clone();
            async move { client.txn(transaction).await }
        });
        let answers: Result<Vec<_>, _> = stream::iter(readings).buffered(READS_AT_ONCE).try_collect().await;
        let answers = answers.map_err(|error| error_of("reading keys of etcd", error))?;
        Ok(answers.iter().flat_map(|answer| answer.op_responses()).map(|answer| found(&answer)).collect())
    }

    async fn one(&self, key: &str) -> Result<Option<Present>, Error> {
        Ok(self.present(&[key]).await?.pop().flatten())
    }

    /// Carries out `operation` where the key is still as it was found.
    async fn unless_changed(&self, key: &str, found: Option<&Present>, operation: TxnOp) -> Result<(), Error> {
        let still = Compare::mod_revision(key, CompareOp::Equal, found.map_or(0, |found| found.revision));
        let answer = self.client.clone().txn(Txn::new().when([still]).and_then([operation])).await;
        if answer.map_err(|error| error_of(key, error))?.succeeded() {
            return Ok(());
        }
        Err(Error::conflict(format!("{key} was changed by somebody else at the same time")))
    }

    async fn create(&self, kind: &dyn Record, planned: &Value) -> Result<Applied, Error> {
        let key = key_of(kind, planned)?;
        let found = self.one(&key).await?;
        let wanted = kind.encode(planned, None)?;
        match &found {
            Some(there) if differs(kind, &key, there, &wanted) => {
                return Err(Error::conflict(format!("{key} is there already, with something else in it"))
                    .help("Import it, or take it away."));
            }
            Some(there) if !there.expires => {}
            _ => self.unless_changed(&key, found.as_ref(), TxnOp::put(key.as_str(), wanted, None)).await?,
        }
        self.applied(kind, key).await
    }

    async fn update(&self, kind: &dyn Record, key: &str, prior: &Value, planned: &Value) -> Result<Applied, Error> {
        let found = self.one(key).await?;
        let wanted = kind.encode(planned, found.as_ref().map(|found| &*found.bytes))?;
        let done = found.as_ref().is_some_and(|found| found.bytes == wanted && !found.expires);
        if !done {
            let live = found.as_ref().map(|found| object(kind, key, found)).transpose()?;
            if live.as_ref().is_some_and(|live| live != prior) {
                return Err(Error::conflict(format!("{key} was changed by somebody else since it was read")));
            }
            self.unless_changed(key, found.as_ref(), TxnOp::put(key, wanted, None)).await?;
        }
        self.applied(kind, key.to_owned()).await
    }

    async fn delete(&self, kind: &dyn Record, key: &str, prior: &Value) -> Result<(), Error> {
        let Some(found) = self.one(key).await? else { return Ok(()) };
        if object(kind, key, &found)? != *prior {
            return Err(Error::conflict(format!("{key} was changed by somebody else since it was read")));
        }
        self.unless_changed(key, Some(&found), TxnOp::delete(key, None)).await
    }

    async fn applied(&self, kind: &dyn Record, key: String) -> Result<Applied, Error> {
        let found = self.one(&key).await?;
        let found = found.ok_or_else(|| Error::failed(format!("{key} was taken away right after it was written")))?;
        Ok(Applied { value: object(kind, &key, &found)?, identity: Arc::from(key) })
    }
}

fn found(answer: &TxnOpResponse) -> Option<Present> {
    match answer {
        TxnOpResponse::Get(get) => get.kvs().first().map(Present::from),
        _ => None,
    }
}

/// Whether a key holds something else than these bytes would mean.
fn differs(kind: &dyn Record, key: &str, there: &Present, wanted: &[u8]) -> bool {
    match (kind.decode(key, &there.bytes), kind.decode(key, wanted)) {
        (Ok(there), Ok(wanted)) => there != wanted,
        _ => there.bytes != wanted,
    }
}

fn object(kind: &dyn Record, key: &str, found: &Present) -> Result<Value, Error> {
    let value = kind.decode(key, &found.bytes)?;
    let entries = value.entries().into_iter().flat_map(|entries| entries.iter());
    let own = entries.map(|(name, value)| (name.clone(), value.clone()));
    Ok(Value::object(own.chain([(Arc::from(EXPIRES), Value::bool(found.expires))])))
}

fn key_of(kind: &dyn Record, object: &Value) -> Result<String, Error> {
    kind.key(object).ok_or_else(|| Error::invalid("the key is not known"))
}

fn kind_of(resource_type: &str) -> Result<&'static dyn Record, Error> {
    record(resource_type).ok_or_else(|| Error::invalid(format!("{resource_type} is not a resource type")))
}

#[async_trait]
impl Session for EtcdSession {
    fn identity(&self, resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        record(resource_type)?.key(planned).map(Arc::from)
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        let keys: Vec<&str> = wanted.iter().map(|wanted| &*wanted.identity).collect();
        let present = match self.present(&keys).await {
            Ok(present) => present,
            Err(error) => return vec![Err(error); wanted.len()],
        };
        let answer = |(wanted, found): (&Wanted, Option<Present>)| {
            let kind = kind_of(&wanted.resource_type)?;
            found.map(|found| object(kind, &wanted.identity, &found)).transpose()
        };
        wanted.iter().zip(present).map(answer).collect()
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        let kind = kind_of(proposal.resource_type)?;
        let planned = plan_by_schema(&schema(kind), proposal);
        let stays = AttributePath::attribute(EXPIRES);
        let expired = proposal.prior.and_then(|prior| prior.get(EXPIRES)) == Some(Value::TRUE);
        let changes = proposal.prior.is_none_or(|prior| *prior != planned.value);
        if !expired && !changes {
            return Ok(planned);
        }
        Ok(Planned { value: planned.value.with(&stays, Value::FALSE), replace: planned.replace })
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        let kind = kind_of(resource_type)?;
        match change {
            Change::Create { planned } => self.create(kind, planned).await.map(Some),
            Change::Update { identity, prior, planned } => self.update(kind, identity, prior, planned).await.map(Some),
            Change::Delete { identity, prior } => self.delete(kind, identity, prior).await.map(|()| None),
        }
    }

    /// The id is the key.
    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        let kind = kind_of(resource_type)?;
        let found = self.one(id).await?;
        let value = found.map(|found| object(kind, id, &found)).transpose()?;
        Ok(value.map(|value| Applied { identity: Arc::from(id), value }))
    }
}
