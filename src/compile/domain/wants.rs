//! What blocks want to be placed, and where it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Diagnostics, Value};

use super::autoscale::Autoscale;
use super::placement::{Placed, Request, Unplaced};
use crate::compile::Loss;

/// What a block wants to be placed.
#[derive(Debug, Clone, Default)]
pub struct Wants {
    /// By service.
    pub services: Vec<Wanted>,
    /// What is wrong.
    pub diagnostics: Diagnostics,
}

/// What one service of a block wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The service's name in the block.
    pub name: Arc<str>,
    /// The clusters that suit it, as references to them give them.
    pub clusters: Vec<Value>,
    /// How the number of its copies follows its load, where it does.
    pub autoscale: Option<Autoscale>,
    /// What is divided over these clusters; `None` for what runs in each of them.
    pub request: Option<Request>,
}

/// Where the services of a block are placed.
#[derive(Debug, Clone, Default)]
pub struct BlockPlacement {
    /// The services that could be understood, by name.
    pub services: BTreeMap<Arc<str>, ServicePlacement>,
    /// What is wrong with what the block wants.
    pub diagnostics: Diagnostics,
}

/// Where a service is placed.
#[derive(Debug, Clone)]
pub struct ServicePlacement {
    /// The clusters that suit it.
    pub clusters: Vec<Value>,
    /// How the number of its copies follows its load, where it does.
    pub autoscale: Option<Autoscale>,
    /// How it is divided over them; `None` for what runs in each of them.
    pub placed: Option<Result<Placed, Unplaced>>,
    /// What it loses with clusters that are lost.
    pub loss: Option<Loss>,
}
