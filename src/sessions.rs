//! Connections to the systems: each is opened once, when it is first needed, and shared.
//!
//! Which system answers at an address is recorded as a decision when it is first reached, and
//! checked ever after: what is recorded of one system is never carried out on another.

mod living;
mod offline;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use portolan_lang::{Address, AttributePath, Diagnostic, Span, Step, Type, Value};
use portolan_provider::{Error, Provider, Session};
use portolan_state::{Answer, Decision, Resource, Snapshot};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

pub use living::LivingSessions;
use offline::Offline;

use crate::catalog::Catalog;
use crate::compile::{Connection, DataQuery, Desired, Instance};
use crate::retry::retrying;

/// The question that a decision about a connection answers: which system is reached there.
pub const SYSTEM: &str = "system";

type Opened = Result<Arc<dyn Session>, Diagnostic>;
type Place = (Arc<str>, Option<Address>);

/// The sessions that were opened in a run, shared by those who see different parts of it.
#[derive(Clone, Default)]
pub struct OpenSessions(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Names the record among all records.
    owner: Arc<str>,
    sessions: Mutex<FxHashMap<Place, Arc<OnceCell<Opened>>>>,
    systems: Mutex<Systems>,
    /// Where sessions are kept that outlive the run; `None` where none does.
    living: Option<LivingSessions>,
}

/// Which system is reached at each address.
#[derive(Default)]
struct Systems {
    recorded: BTreeMap<Address, Decision>,
    found: BTreeMap<Address, Decision>,
}

impl OpenSessions {
    /// None yet, for what is recorded here.
    pub fn of(snapshot: &Snapshot) -> Self {
        OpenSessions::with(snapshot, None)
    }

    /// The same with sessions that outlive the run.
    pub fn living(snapshot: &Snapshot, living: &LivingSessions) -> Self {
        OpenSessions::with(snapshot, Some(living.clone()))
    }

    fn with(snapshot: &Snapshot, living: Option<LivingSessions>) -> Self {
        let shared = Shared { owner: snapshot.lineage.clone(), living, ..Shared::default() };
        let opened = OpenSessions(Arc::new(shared));
        opened.expect(&snapshot.decisions);
        opened
    }

    /// Forgets what could not be opened, so that it is tried again.
    pub fn forget_failures(&self) {
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, opened| !matches!(opened.get(), Some(Err(_))));
    }

    /// Expects the systems that these decisions are about.
    fn expect(&self, decisions: &[Decision]) {
        let about = decisions.iter().filter(|decision| &*decision.kind == SYSTEM);
        let about = about.map(|decision| (decision.subject.clone(), decision.clone()));
        self.0.systems.lock().unwrap_or_else(PoisonError::into_inner).recorded.extend(about);
    }

    /// Whether it is recorded which system there is at an address.
    pub fn expects_system(&self, address: &Address) -> bool {
        self.0.systems.lock().unwrap_or_else(PoisonError::into_inner).recorded.contains_key(address)
    }

    /// Whether the system at an address is the one that was there before.
    ///
    /// # Errors
    ///
    /// It is another one.
    pub fn check_system(&self, address: &Address, system: &str) -> Result<(), Diagnostic> {
        let mut systems = self.0.systems.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(recorded) = systems.recorded.get(address) else {
            systems.found.insert(address.clone(), decide_system(address, system));
            return Ok(());
        };
        let before = recorded.value.read::<SystemId>().map(|system| system.id).unwrap_or_default();
        if before == system {
            return Ok(());
        }
        Err(Diagnostic::error(format!("{address} is another system than before"))
            .detail(format!(
                "What is recorded at {address} is in the system {before}, which was first reached at {}. The one that answers now is {system}. Nothing was read from it, and nothing was changed.",
                recorded.second()
            ))
            .help("Let the connection lead to the system that was meant. Declare another system under another name."))
    }
}

/// What the decision about a system says.
#[derive(Serialize, Deserialize)]
struct SystemId {
    id: String,
}

fn decide_system(address: &Address, system: &str) -> Decision {
    Decision {
        subject: address.clone(),
        kind: Arc::from(SYSTEM),
        value: Answer::of(&SystemId { id: system.to_owned() }),
        reason: format!("{system}, reached for the first time"),
        time: String::new(),
    }
}

/// The sessions of one run.
pub struct Sessions<'a> {
    catalog: &'a Catalog,
    desired: &'a Desired,
    declared: FxHashMap<&'a Address, &'a Connection>,
    opened: OpenSessions,
    is_patient: bool,
    is_offline: bool,
}

impl<'a> Sessions<'a> {
    /// No session yet; those of connections that are still declared are opened as they are
    /// declared, the others as they were recorded.
    pub fn new(catalog: &'a Catalog, desired: &'a Desired) -> Self {
        let declared = desired.connections.iter().map(|connection| (&connection.address, connection)).collect();
        Sessions { catalog, desired, declared, opened: OpenSessions::default(), is_patient: true, is_offline: false }
    }

    /// The same with sessions that are open already. How a connection is reached must be the same
    /// as when its session was opened.
    #[must_use]
    pub fn sharing(self, opened: &OpenSessions) -> Self {
        Sessions { opened: opened.clone(), ..self }
    }

    /// The same, for people who wait: what does not answer at once is not tried again.
    #[must_use]
    pub fn impatient(self) -> Self {
        Sessions { is_patient: false, ..self }
    }

    /// The same without any connection: nothing is reached, and what can be planned without that is
    /// planned.
    #[must_use]
    pub fn offline(self) -> Self {
        Sessions { is_offline: true, opened: OpenSessions::default(), ..self }
    }

    /// Expects the systems that these decisions are about.
    pub fn expect(&self, decisions: &[Decision]) {
        self.opened.expect(decisions);
    }

    /// The systems that were reached for the first time, as decisions.
    pub fn found_systems(&self) -> Vec<Decision> {
        self.opened.0.systems.lock().unwrap_or_else(PoisonError::into_inner).found.values().cloned().collect()
    }

    /// Which provider has which resource type.
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// What ought to exist.
    pub fn desired(&self) -> &'a Desired {
        self.desired
    }

    /// The connection that an instance uses.
    pub fn connection(&self, instance: &Instance) -> Option<&'a Connection> {
        self.desired.connections.get(instance.connection?)
    }

    /// Whether a recorded object can become the instance at all: it is of the same type, and in
    /// the same system.
    pub(crate) fn stays(&self, resource: &Resource, instance: &Instance) -> bool {
        resource.resource_type == instance.resource_type
            && resource.provider == instance.provider
            && resource.connection.as_ref() == self.connection(instance).map(|connection| &connection.address)
    }

    /// The session for an instance.
    pub async fn of_instance(&self, instance: &Instance) -> Opened {
        let connection = self.connection(instance);
        let config = connection.map(|connection| &*connection.config);
        let span = connection.map_or(instance.span, |connection| connection.span);
        self.open(&instance.provider, connection.map(|connection| &connection.address), config, Some(span)).await
    }

    /// The session for an object that is recorded.
    pub async fn of_resource(&self, resource: &Resource) -> Opened {
        let declared = resource.connection.as_ref().and_then(|address| self.declared.get(address));
        let declared = declared.filter(|connection| connection.provider == resource.provider);
        let config = declared.map(|connection| &connection.config).or(resource.connection_config.as_ref());
        let span = declared.map(|connection| connection.span);
        self.open(&resource.provider, resource.connection.as_ref(), config.map(|config| &**config), span).await
    }

    /// The session that a data source is read in which decides what there is to be.
    pub(crate) async fn of_query(&self, query: &DataQuery, span: Span) -> Opened {
        let declared = query.connection.as_ref().and_then(|address| self.declared.get(address));
        let config = declared.map(|connection| &*connection.config);
        let span = declared.map_or(span, |connection| connection.span);
        self.open(&query.provider, query.connection.as_ref(), config, Some(span)).await
    }

    async fn open(
        &self,
        provider: &Arc<str>,
        connection: Option<&Address>,
        config: Option<&Value>,
        span: Option<Span>,
    ) -> Opened {
        let place = (provider.clone(), connection.cloned());
        let cell = {
            let mut opened = self.opened.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            opened.entry(place).or_default().clone()
        };
        cell.get_or_init(|| self.connect(provider, connection, config, span)).await.clone()
    }

    async fn connect(
        &self,
        name: &str,
        connection: Option<&Address>,
        config: Option<&Value>,
        span: Option<Span>,
    ) -> Opened {
        let Some(provider) = self.catalog.provider(name) else {
            return Err(Diagnostic::error(format!("Unknown provider {name:?}"))
                .detail("Recorded objects belong to a provider that this program was built without.")
                .help("Use the program that made them, or one that was built with this provider."));
        };
        if self.is_offline {
            return Ok(Arc::new(Offline(provider.clone())));
        }
        let nothing =
            || provider.schema().connection.attributes.iter().map(|a| (a.name.clone(), Value::null(a.ty.clone())));
        let config = config.map_or_else(|| Value::object(nothing()), Value::unmark_deep);
        let declared = connection.and_then(|address| self.declared.get(address));
        let declared = declared.filter(|connection| *connection.provider == *name);
        let located = |diagnostic: Diagnostic, path: AttributePath| {
            let place = declared.map(|connection| self.desired.connection_place(connection, &path)).or(span);
            place.map_or(diagnostic.clone(), |place| diagnostic.at(place))
        };
        let session = self.session_with(&**provider, connection, &config).await;
        let session = session.map_err(|error| {
            let whom = connection.map_or_else(|| name.to_owned(), Address::to_string);
            let diagnostic = diagnostic_of(&format!("Cannot connect to {whom}"), &error);
            located(diagnostic, error.path.unwrap_or_default())
        })?;
        if let (Some(address), Some(system)) = (connection, session.system()) {
            let checked = self.opened.check_system(address, &system);
            checked.map_err(|diagnostic| located(diagnostic, AttributePath::root()))?;
        }
        Ok(session)
    }

    /// The session that was kept, or a new one, which is kept if it can be.
    async fn session_with(
        &self,
        provider: &dyn Provider,
        connection: Option<&Address>,
        config: &Value,
    ) -> Result<Arc<dyn Session>, Error> {
        let owner = &self.opened.0.owner;
        let living = self.opened.0.living.as_ref().zip(connection);
        if let Some(session) = living.and_then(|(living, address)| living.find(address, config, owner)) {
            return Ok(session);
        }
        let connect = || provider.connect(config, owner);
        let session = if self.is_patient { retrying(connect).await? } else { connect().await? };
        if let Some((living, address)) = living {
            living.keep(address, config, owner, &session);
        }
        Ok(session)
    }
}

/// The problem that a provider reports, in the words of a person.
pub(crate) fn diagnostic_of(summary: &str, error: &Error) -> Diagnostic {
    let at = error.path.as_ref().filter(|path| !path.is_root()).map(|path| format!("{path}: ")).unwrap_or_default();
    let diagnostic = Diagnostic::error(summary).detail(format!("{at}{}", error.message));
    error.help.iter().fold(diagnostic, |diagnostic, help| diagnostic.help(help.as_str()))
}

/// A path for messages that names the attribute alone, for values that may be long.
pub(crate) fn listed(paths: &[AttributePath]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// An attribute of a value; null where there is none.
pub(crate) fn attribute_of(value: &Value, name: &str) -> Value {
    value.at(&[Step::Attribute(Arc::from(name))].into_iter().collect()).unwrap_or_else(|| Value::null(Type::Any))
}
