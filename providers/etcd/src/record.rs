//! What a resource type makes of a key.

use portolan_lang::{Attribute, Schema, Type, Value};
use portolan_provider::Error;

use crate::flannel::{FlannelNetwork, FlannelSubnet};
use crate::key::EtcdKey;

/// A way to keep an object in one key.
pub(crate) trait Record: Send + Sync {
    /// The resource type.
    fn resource_type(&self) -> &'static str;

    /// Its attributes, without [`EXPIRES`].
    fn attributes(&self) -> Schema;

    /// What the schema cannot say; what is unknown is taken to be right.
    fn check(&self, config: &Value) -> Vec<Error>;

    /// The key of an object; `None` where it is not known yet.
    fn key(&self, object: &Value) -> Option<String>;

    /// The bytes of an object, over what is in its key.
    fn encode(&self, object: &Value, present: Option<&[u8]>) -> Result<Vec<u8>, Error>;

    /// The object that these bytes of a key stand for.
    fn decode(&self, key: &str, bytes: &[u8]) -> Result<Value, Error>;
}

/// The attribute that says whether a lease takes the key away by itself.
pub(crate) const EXPIRES: &str = "expires";

/// Every resource type.
pub(crate) const RECORDS: &[&dyn Record] = &[&EtcdKey, &FlannelNetwork, &FlannelSubnet];

/// The resource type of this name.
pub(crate) fn record(resource_type: &str) -> Option<&'static dyn Record> {
    RECORDS.iter().copied().find(|record| record.resource_type() == resource_type)
}

/// The whole schema of a resource type.
pub(crate) fn schema(record: &dyn Record) -> Schema {
    let expires = "Whether a lease takes the key away by itself; what is written here stays.";
    record.attributes().with(Attribute::computed(EXPIRES, Type::Bool).doc(expires))
}
