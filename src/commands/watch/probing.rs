//! Asking clusters whether they are alive: one task for each that says how.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use portolan::catalog::Catalog;
use portolan::compile::Connection;
use portolan::compile::domain::probe::{Probe, Target as Asked};
use portolan::watch::failover::{Event, Target};
use portolan_lang::{Address, Value};
use portolan_provider::{Error, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

/// How long opening the way to an API server may take; credentials may come from programs.
const OPENING: Duration = Duration::from_secs(15);

/// The tasks, which end with this.
pub(super) struct Prober {
    sender: UnboundedSender<Event>,
    tasks: BTreeMap<Address, (Probe, Arc<Value>, JoinHandle<()>)>,
}

impl Prober {
    /// Nothing is asked yet; what is found out is sent there.
    pub(super) fn new(sender: UnboundedSender<Event>) -> Prober {
        Prober { sender, tasks: BTreeMap::new() }
    }

    /// Asks these systems from now on, as far as they say how, and no others. One that is reached as
    /// before goes on being asked.
    pub(super) fn declare(&mut self, catalog: &Arc<Catalog>, connections: &[Connection]) {
        let mut old = std::mem::take(&mut self.tasks);
        for connection in connections {
            let Some(probe) = &connection.probe else { continue };
            let same = old.remove(&connection.address).filter(|(before, config, task)| {
                let is_same = before == probe && **config == *connection.config;
                if !is_same {
                    task.abort();
                }
                is_same
            });
            let task = same.unwrap_or_else(|| {
                let cluster = Cluster::new(catalog, connection, probe, &self.sender);
                (probe.clone(), connection.config.clone(), tokio::spawn(cluster.ask()))
            });
            self.tasks.insert(connection.address.clone(), task);
        }
        old.values().for_each(|(_, _, task)| task.abort());
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.tasks.values().for_each(|(_, _, task)| task.abort());
    }
}

/// A cluster that is asked.
struct Cluster {
    catalog: Arc<Catalog>,
    address: Address,
    provider: Arc<str>,
    config: Arc<Value>,
    probe: Probe,
    sender: UnboundedSender<Event>,
    session: Option<Arc<dyn Session>>,
    /// What is asked beside the API server.
    nodes: BTreeMap<Arc<str>, Asked>,
}

impl Cluster {
    fn new(catalog: &Arc<Catalog>, connection: &Connection, probe: &Probe, sender: &UnboundedSender<Event>) -> Cluster {
        let named = |target: &Asked| match target {
            Asked::Tcp(place) => (place.clone(), target.clone()),
            Asked::Http(place, path) => (Arc::from(format!("{place}{path}")), target.clone()),
        };
        Cluster {
            catalog: catalog.clone(),
            address: connection.address.clone(),
            provider: connection.provider.clone(),
            config: connection.config.clone(),
            probe: probe.clone(),
            sender: sender.clone(),
            session: None,
            nodes: probe.targets.iter().map(named).collect(),
        }
    }

    async fn ask(mut self) {
        let mut ticks = tokio::time::interval(self.probe.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.tell_nodes();
        loop {
            ticks.tick().await;
            let asked: Vec<(Arc<str>, Asked)> =
                self.nodes.iter().map(|(name, target)| (name.clone(), target.clone())).collect();
            let timeout = self.probe.timeout;
            let nodes = join_all(asked.iter().map(|(_, target)| answers(target, timeout)));
            let (server, nodes) = tokio::join!(self.server(), nodes);
            for ((name, _), outcome) in asked.into_iter().zip(nodes) {
                self.tell(Target::Node(name), outcome);
            }
            let outcome = server.map(|found| self.know(found));
            self.tell(Target::Server, outcome);
        }
    }

    fn tell(&self, target: Target, outcome: Result<(), Arc<str>>) {
        // Nobody listens any more when the daemon ends.
        let _ = self.sender.send(Event::Probed(self.address.clone(), target, outcome));
    }

    fn tell_nodes(&self) {
        let names: BTreeSet<Arc<str>> = self.nodes.keys().cloned().collect();
        let _ = self.sender.send(Event::Nodes(self.address.clone(), names));
    }

    /// Takes the nodes that the API server tells of for those that are asked, where no others are declared.
    fn know(&mut self, found: BTreeMap<String, String>) {
        if !self.probe.targets.is_empty() || found.is_empty() {
            return;
        }
        let found = found.into_iter().map(|(name, place)| (Arc::from(name), Asked::Tcp(Arc::from(place)))).collect();
        if self.nodes != found {
            self.nodes = found;
            self.tell_nodes();
        }
    }

    async fn server(&self) -> Result<BTreeMap<String, String>, Arc<str>> {
        let session = match &self.session {
            Some(session) => session.clone(),
            None => self.open().await?,
        };
        let asked = tokio::time::timeout(self.probe.timeout, session.probe(self.probe.nodes)).await;
        asked.map_err(|_| no_answer(self.probe.timeout))?.map_err(|error| told(&error))
    }

    async fn open(&self) -> Result<Arc<dyn Session>, Arc<str>> {
        let provider = self.catalog.provider(&self.provider).ok_or("its provider is left out of this program")?;
        let opened = tokio::time::timeout(OPENING, provider.connect(&self.config, "")).await;
        opened.map_err(|_| no_answer(OPENING))?.map_err(|error| told(&error))
    }
}

fn no_answer(time: Duration) -> Arc<str> {
    Arc::from(format!("no answer within {time:?}"))
}

/// An error in one line.
fn told(error: &Error) -> Arc<str> {
    let words: Vec<&str> = error.message.split_whitespace().collect();
    Arc::from(words.join(" "))
}

/// Whether a target answers.
async fn answers(target: &Asked, timeout: Duration) -> Result<(), Arc<str>> {
    let asked = async {
        match target {
            Asked::Tcp(place) => TcpStream::connect(&**place).await.map(drop).map_err(|error| said(&error)),
            Asked::Http(place, path) => http(place, path).await,
        }
    };
    tokio::time::timeout(timeout, asked).await.unwrap_or_else(|_| Err(no_answer(timeout)))
}

/// Asks for a page and reads no more than the status: any that is no error will do.
async fn http(place: &str, path: &str) -> Result<(), Arc<str>> {
    let mut stream = TcpStream::connect(place).await.map_err(|error| said(&error))?;
    let question = format!("GET {path} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: portolan\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await.map_err(|error| said(&error))?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.map_err(|error| said(&error))?;
    match start {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2' | b'3', _, _] => Ok(()),
        _ => Err(Arc::from(format!("{:?} is not the start of a good answer", String::from_utf8_lossy(&start)))),
    }
}

fn said(error: &std::io::Error) -> Arc<str> {
    Arc::from(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives one answer to everybody.
    async fn serving(answer: &'static str) -> Arc<str> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = listener.local_addr().expect("its address").to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut question = [0; 1024];
                let _ = stream.read(&mut question).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Arc::from(place)
    }

    #[tokio::test]
    async fn what_answers_is_alive() {
        let patience = Duration::from_secs(60);
        let good = serving("HTTP/1.1 200 OK\r\n\r\n").await;
        let bad = serving("HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        let path: Arc<str> = Arc::from("/healthz");
        assert_eq!(answers(&Asked::Tcp(bad.clone()), patience).await, Ok(()));
        assert_eq!(answers(&Asked::Http(good, path.clone()), patience).await, Ok(()));
        let told = answers(&Asked::Http(bad, path), patience).await.expect_err("an error");
        assert!(told.contains("503"), "{told}");
        // A port that nobody listens on any more.
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address");
        assert!(answers(&Asked::Tcp(Arc::from(free.to_string())), patience).await.is_err());
    }
}
