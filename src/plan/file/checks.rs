//! What became of conditions, as a saved plan keeps it.

use portolan_lang::Address;
use serde::{Deserialize, Serialize};

use super::stored::{Damage, read_address};
use crate::compile::{CheckStatus, Checked, CheckedInstance};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredChecked {
    subject: String,
    instances: Vec<StoredInstance>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredInstance {
    address: String,
    #[serde(with = "StoredStatus")]
    status: CheckStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CheckStatus", rename_all = "snake_case")]
enum StoredStatus {
    Pass,
    Unknown,
    Fail,
    Error,
}

pub(super) fn write(checked: &Checked) -> StoredChecked {
    let instance = |instance: &CheckedInstance| StoredInstance {
        address: instance.address.to_string(),
        status: instance.status,
        problems: instance.problems.clone(),
    };
    StoredChecked { subject: checked.subject.to_string(), instances: checked.instances.iter().map(instance).collect() }
}

pub(super) fn read(stored: StoredChecked) -> Result<Checked, Damage> {
    let subject: Address = read_address(&stored.subject)?;
    let instance = |StoredInstance { address, status, problems }: StoredInstance| {
        Ok(CheckedInstance { address: read_address(&address)?, status, problems })
    };
    Ok(Checked { subject, instances: stored.instances.into_iter().map(instance).collect::<Result<_, Damage>>()? })
}
