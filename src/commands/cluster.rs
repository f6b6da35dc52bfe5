//! `portolan cluster drain` and `portolan cluster restore`
//!
//! Each makes a decision about a cluster, and a plan for it like any other: shown, approved and
//! carried out in the same way. The plan is about everything, since replicas move between clusters.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan::compile::PlacementRequest;
use portolan::compile::domain::availability::Availability;
use portolan::plan::Request;
use portolan_lang::{Address, Diagnostic};

use super::arguments::ClusterCommand;
use super::ordering::{carry_out, giver};
use super::planning::{Prepared, Start, prepare, resumed};
use super::project::Project;
use super::record::{self, Locked};
use super::{Failure, Outcome, block_on};

pub(crate) fn run(command: &ClusterCommand) -> Outcome {
    let (command, name, order, availability) = match command {
        ClusterCommand::Drain(drain) if drain.lost => {
            ("cluster drain", &drain.cluster, &drain.order, Availability::Lost)
        }
        ClusterCommand::Drain(drain) => ("cluster drain", &drain.cluster, &drain.order, Availability::Drained),
        ClusterCommand::Restore(restore) => ("cluster restore", &restore.cluster, &restore.order, Availability::Active),
    };
    block_on(async {
        let giver = giver(order)?;
        carry_out(command, order, async |project, locked, request| {
            let cluster = meant(name, project, locked, &request).await?;
            let snapshot = record::load(&*locked.backend).await?;
            let is_so = Availability::standing(&snapshot.decisions, &cluster) == availability;
            let decided = if is_so { Vec::new() } else { vec![availability.decision(&cluster, &giver)] };
            let start = resumed(project, locked, Start::of(snapshot).deciding(decided), &request).await?;
            Ok::<(Prepared, Request), Failure>((prepare(project, start, &request).await?, request))
        })
        .await
    })
}

/// The cluster of this name, or of this address. Nothing is asked of it: it may be away.
async fn meant(name: &str, project: &Project, locked: &Locked, request: &Request) -> Result<Address, Failure> {
    let names = BTreeSet::from([Arc::from(name)]);
    let placement = PlacementRequest { lost: names.clone(), ..request.placement.clone() };
    let start = Start::of(record::load(&*locked.backend).await?);
    let prepared = prepare(project, start, &Request { placement, ..request.clone() }).await?;
    let (clusters, _) = prepared.desired.clusters_named(&names);
    match &clusters[..] {
        [cluster] => Ok(cluster.clone()),
        _ => {
            let listed: Vec<String> = clusters.iter().map(ToString::to_string).collect();
            let problem = Diagnostic::error("Several clusters")
                .detail(format!("These are called {name}: {}.", listed.join(", ")))
                .help("Write the whole address.");
            Err(project.failure(problem.into()))
        }
    }
}
