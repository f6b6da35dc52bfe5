//! `portolan endpoints`

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use portolan::plan::Request;
use portolan::sessions::OpenSessions;
use portolan_endpoints::{Cluster, Connect, Fleet};
use portolan_etcd_client::Connection;
use portolan_fleet::Prefix;
use portolan_kubernetes::ApiServer;
use portolan_lang::{Address, Diagnostic, Diagnostics, Span, Value};
use portolan_provider::Error;

use super::arguments::EndpointsArguments;
use super::planning::{Start, prepare};
use super::project::Project;
use super::{Exit, Failure, Outcome, block_on, interrupts, record};
use crate::setup;

/// How long a cluster has to say who it is before the others are told of.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &EndpointsArguments) -> Outcome {
    block_on(async {
        let project = Project::load(&arguments.variables)?;
        let (reaches, fleets) = systems(&project).await?;
        if fleets.is_empty() {
            let problem = Diagnostic::error("No fleet to tell")
                .detail("The configuration has no fleet that is published in etcd.")
                .help("Write nginx \"NAME\" { etcd { … } }.");
            return Err(project.failure(problem.into()));
        }
        refuse_others(&project, &reaches).await?;
        let clusters = reaches.into_iter().map(Reach::cluster).collect();
        portolan_endpoints::run(clusters, fleets, interrupts(), |line| {
            // Whoever read it and left does not end the publisher.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
        })
        .await;
        Ok(Exit::Success)
    })
}

/// The clusters and the fleets of the configuration.
async fn systems(project: &Project) -> Result<(Vec<Reach>, Vec<Fleet>), Failure> {
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let snapshot = record::load(&*backend).await?;
    let systems = OpenSessions::of(&snapshot);
    // It may have no right to look at anything else in the clusters.
    let request = Request { refresh: false, ..Request::default() };
    let prepared = prepare(project, Start::of(snapshot), &request).await?;
    let (mut clusters, mut fleets) = (Vec::new(), Vec::new());
    for connection in &prepared.desired.connections {
        let (address, config) = (connection.address.clone(), connection.config.unmark_deep());
        match &*connection.provider {
            "kubernetes" => {
                clusters.push(Reach { address, config, span: connection.span, systems: systems.clone() });
            }
            "nginx" => fleets.extend(fleet(project, address.to_string(), &config)?),
            _ => {}
        }
    }
    Ok((clusters, fleets))
}

/// How a cluster is reached.
struct Reach {
    address: Address,
    config: Value,
    span: Span,
    /// Which systems were reached before.
    systems: OpenSessions,
}

impl Reach {
    fn cluster(self) -> Cluster {
        let address = self.address.to_string();
        let reach = Arc::new(self);
        let connect: Connect = Arc::new(move || {
            let reach = reach.clone();
            Box::pin(async move {
                let (server, problem) = reach.server().await?;
                let Some(problem) = problem else { return Ok(server.client) };
                Err(Error::failed(format!("{}. {}", problem.summary, problem.detail)))
            })
        });
        Cluster { address, connect }
    }

    /// The API server, and what speaks against asking it anything.
    async fn server(&self) -> Result<(ApiServer, Option<Diagnostic>), Error> {
        let server = ApiServer::of(&self.config).await?;
        let server = server.ok_or_else(|| Error::invalid("the cluster is a directory, whose pods nobody knows"))?;
        let checked = match self.systems.expects_system(&self.address) {
            true => self.systems.check_system(&self.address, &server.system().await?),
            false => Ok(()),
        };
        Ok((server, checked.err().map(|problem| problem.at(self.span))))
    }
}

/// Refuses where another cluster answers than the one that was meant. One that gives no answer may be
/// itself later, and is asked then.
async fn refuse_others(project: &Project, reaches: &[Reach]) -> Result<(), Failure> {
    let asked = reaches.iter().map(|reach| tokio::time::timeout(FIRST_ANSWER, reach.server()));
    let answers = join_all(asked).await.into_iter().flatten().flatten();
    let mut problems = Diagnostics::new();
    problems.extend(answers.filter_map(|(_, problem)| problem));
    if problems.has_errors() { Err(project.failure(problems)) } else { Ok(()) }
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
