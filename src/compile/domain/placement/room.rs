//! What a cluster has room for.

use portolan_lang::{Number, Value};

use crate::compile::domain::quantity::{self, thousandths};

/// What one copy of a service takes, in thousandths of a processor and of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::compile::domain) struct Demand {
    pub(in crate::compile::domain) cpu: u64,
    pub(in crate::compile::domain) memory: u64,
    pub(in crate::compile::domain) ephemeral_storage: u64,
}

/// What is left of a cluster's capacity, in the same units; `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::compile::domain) struct Room {
    pub(in crate::compile::domain) cpu: Option<u64>,
    pub(in crate::compile::domain) memory: Option<u64>,
    pub(in crate::compile::domain) ephemeral_storage: Option<u64>,
    pub(in crate::compile::domain) pods: Option<u64>,
}

impl Demand {
    /// From the `resources` of a service, which have been checked.
    pub(in crate::compile::domain) fn of(resources: &Value) -> Demand {
        let amount = |name: &str| amount(resources, name).unwrap_or(0);
        Demand { cpu: amount("cpu"), memory: amount("memory"), ephemeral_storage: amount("ephemeral_storage") }
    }
}

impl Room {
    /// From the `capacity` of a cluster, which has been checked.
    pub(in crate::compile::domain) fn of(capacity: &Value) -> Room {
        let pods = capacity.get("pods").and_then(|pods| pods.as_number().and_then(Number::to_u64));
        Room {
            cpu: amount(capacity, "cpu"),
            memory: amount(capacity, "memory"),
            ephemeral_storage: amount(capacity, "ephemeral_storage"),
            pods,
        }
    }

    fn pairs(&self, demand: &Demand) -> [(Option<u64>, u64); 4] {
        [
            (self.cpu, demand.cpu),
            (self.memory, demand.memory),
            (self.ephemeral_storage, demand.ephemeral_storage),
            (self.pods, 1),
        ]
    }

    /// How many such copies fit; `None` where nothing limits them.
    pub(in crate::compile::domain) fn fits(&self, demand: &Demand) -> Option<u32> {
        let limits = self.pairs(demand).into_iter().filter_map(|(room, one)| room?.checked_div(one));
        limits.min().map(|limit| u32::try_from(limit).unwrap_or(u32::MAX))
    }

    /// What is left once so many copies are there.
    #[must_use]
    pub(in crate::compile::domain) fn after(&self, demand: &Demand, copies: u32) -> Room {
        let less =
            |room: Option<u64>, one: u64| room.map(|room| room.saturating_sub(one.saturating_mul(u64::from(copies))));
        Room {
            cpu: less(self.cpu, demand.cpu),
            memory: less(self.memory, demand.memory),
            ephemeral_storage: less(self.ephemeral_storage, demand.ephemeral_storage),
            pods: less(self.pods, 1),
        }
    }
}

fn amount(value: &Value, name: &str) -> Option<u64> {
    let text = quantity::text(&value.get(name)?).ok()??;
    thousandths(&text)
}
