//! `portolan endpoints`

use std::sync::Arc;

use portolan::plan::Request;
use portolan_endpoints::{Cluster, Connect, Fleet};
use portolan_etcd_client::Connection;
use portolan_fleet::Prefix;
use portolan_lang::{Diagnostic, Value};
use portolan_provider::Error;

use super::arguments::EndpointsArguments;
use super::planning::{Start, prepare};
use super::project::Project;
use super::{Exit, Failure, Outcome, block_on, interrupts, record};
use crate::setup;

pub(crate) fn run(arguments: &EndpointsArguments) -> Outcome {
    block_on(async {
        let project = Project::load(&arguments.variables)?;
        let (clusters, fleets) = systems(&project).await?;
        if fleets.is_empty() {
            let problem = Diagnostic::error("No fleet to tell")
                .detail("The configuration has no fleet that is published in etcd.")
                .help("Write nginx \"NAME\" { etcd { … } }.");
            return Err(project.failure(problem.into()));
        }
        portolan_endpoints::run(clusters, fleets, interrupts(), |line| {
            // Whoever read it and left does not end the publisher.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
        })
        .await;
        Ok(Exit::Success)
    })
}

/// The clusters and the fleets of the configuration.
async fn systems(project: &Project) -> Result<(Vec<Cluster>, Vec<Fleet>), Failure> {
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let snapshot = record::load(&*backend).await?;
    // It may have no right to look at anything else in the clusters.
    let request = Request { refresh: false, ..Request::default() };
    let prepared = prepare(project, Start::of(snapshot), &request).await?;
    let (mut clusters, mut fleets) = (Vec::new(), Vec::new());
    for connection in &prepared.desired.connections {
        let (address, config) = (connection.address.to_string(), connection.config.unmark_deep());
        match &*connection.provider {
            "kubernetes" => clusters.push(Cluster { address, connect: connect(config) }),
            "nginx" => fleets.extend(fleet(project, address, &config)?),
            _ => {}
        }
    }
    Ok((clusters, fleets))
}

fn connect(config: Value) -> Connect {
    let config = Arc::new(config);
    Arc::new(move || {
        let config = config.clone();
        Box::pin(async move {
            let client = portolan_kubernetes::client(&config).await?;
            client.ok_or_else(|| Error::invalid("the cluster is a directory, whose pods nobody knows"))
        })
    })
}

/// The fleet of a connection, if it is published in etcd.
fn fleet(project: &Project, address: String, config: &Value) -> Result<Option<Fleet>, Failure> {
    let Some(etcd) = config.get("etcd").filter(|etcd| !etcd.is_null()) else { return Ok(None) };
    let prefix = etcd.get("prefix").and_then(|prefix| prefix.as_str().map(str::to_owned)).unwrap_or_default();
    let problem = |detail: String| project.failure(Diagnostic::error("Unsuitable fleet").detail(detail).into());
    let prefix = Prefix::new(&prefix).map_err(|detail| problem(format!("{address}: {detail}")))?;
    let etcd = Connection::of(&etcd).map_err(|error| problem(format!("{address}: {}", error.message)))?;
    Ok(Some(Fleet { address, etcd, prefix }))
}
