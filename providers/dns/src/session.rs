//! Reading and changing zones and their records.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::Value;
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Session, Wanted};

use crate::name::{self, Name};
use crate::resolver::Resolver;
use crate::rrset::Place;
use crate::zone::{Edit, Ownership, Zone};
use crate::zones::Zones;
use crate::{apex, field, marker, rrset, schema};

/// A session over the zones of one place.
pub(crate) struct ZonesSession {
    zones: Arc<dyn Zones>,
    /// Whose the sets are that are made here, where that is marked.
    owner: Option<String>,
    resolver: Resolver,
}

impl ZonesSession {
    /// A session over `zones`.
    pub(crate) fn new(zones: Arc<dyn Zones>, owner: Option<String>, resolver: Resolver) -> Self {
        ZonesSession { zones, owner, resolver }
    }

    async fn put_set(&self, planned: &Value, prior: Option<&Value>) -> Result<Applied, Error> {
        refuse(rrset::validate(planned))?;
        let place = rrset::place(planned)?;
        let wanted = rrset::records(planned, &place)?;
        let before = prior.map(|prior| rrset::records(prior, &place)).transpose()?;
        let said = |value: &Value| field::text(value, "owner");
        let owner = Ownership { before: prior.and_then(said), own: said(planned) };
        let edit = Edit::PutSet { key: place.key.clone(), before, wanted, owner };
        self.zones.change(&place.zone, edit).await?;
        Ok(Applied { identity: Arc::from(place.identity()), value: planned.clone() })
    }

    async fn put_zone(&self, planned: &Value, prior: Option<&Value>) -> Result<Applied, Error> {
        let value = apex::completed(planned);
        refuse(apex::validate(&value))?;
        let zone = apex::zone(&value)?;
        let wanted = apex::apex(&value, &zone)?;
        let before = prior.map(|prior| apex::apex(prior, &zone)).transpose()?;
        self.zones.change(&zone, Edit::PutApex { before, wanted }).await?;
        Ok(Applied { identity: Arc::from(zone.to_string()), value })
    }

    async fn delete(&self, resource_type: &str, identity: &str, prior: &Value) -> Result<(), Error> {
        if resource_type == schema::ZONE {
            let zone = name::zone(identity).map_err(Error::invalid)?;
            return self.zones.change(&zone, Edit::DeleteZone).await;
        }
        let place = Place::from_identity(identity)?;
        let before = rrset::records(prior, &place)?;
        let owner = Ownership { before: field::text(prior, "owner"), own: self.owner.clone() };
        self.zones.change(&place.zone, Edit::DeleteSet { key: place.key, before, owner }).await
    }
}

/// Fails with the first of several problems and the number of the others.
fn refuse(errors: Vec<Error>) -> Result<(), Error> {
    let others = errors.len().saturating_sub(1);
    let Some(mut first) = errors.into_iter().next() else { return Ok(()) };
    if others > 0 {
        first.message = format!("{} (and {others} more)", first.message);
    }
    Err(first)
}

/// What a wanted object is.
enum Found {
    Zone(Name),
    Set(Place),
}

impl Found {
    fn of(wanted: &Wanted) -> Result<Found, Error> {
        match &*wanted.resource_type {
            schema::ZONE => name::zone(&wanted.identity).map(Found::Zone).map_err(Error::invalid),
            _ => Place::from_identity(&wanted.identity).map(Found::Set),
        }
    }

    fn zone(&self) -> &Name {
        match self {
            Found::Zone(zone) => zone,
            Found::Set(place) => &place.zone,
        }
    }

    fn value(&self, zone: &Zone, prior: Option<&Value>, own: Option<&str>) -> Option<Value> {
        let place = match self {
            Found::Zone(name) => return Some(apex::live_value(name, &zone.apex(), prior)),
            Found::Set(place) => place,
        };
        let marked = || marker::owner_of(&place.key, zone);
        // Where nothing was said of an owner, nothing is.
        let owner = match prior {
            Some(prior) => field::text(prior, "owner").and_then(|_| marked()),
            None => marked().filter(|marked| Some(*marked) == own),
        };
        zone.sets.get(&place.key).map(|set| rrset::live_value(place, set, owner, prior))
    }

    /// Whether it is certain that somebody else made it.
    fn is_foreign(&self, zone: &Zone, own: Option<&str>) -> bool {
        match self {
            Found::Zone(_) => false,
            Found::Set(place) => own.is_some() && marker::owner_of(&place.key, zone) != own,
        }
    }
}

#[async_trait]
impl Session for ZonesSession {
    fn identity(&self, resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        let identity = match resource_type {
            schema::ZONE => apex::zone(planned).map(|zone| zone.to_string()),
            _ => rrset::place(planned).map(|place| place.identity()),
        };
        identity.ok().map(Arc::from)
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        let found: Vec<Result<Found, Error>> = wanted.iter().map(Found::of).collect();
        // Each zone is read once.
        let mut zones: HashMap<&Name, Result<Option<Arc<Zone>>, Error>> = HashMap::new();
        for zone in found.iter().filter_map(|found| found.as_ref().ok()).map(Found::zone) {
            if !zones.contains_key(zone) {
                let found = self.zones.read(zone).await;
                if matches!(found, Ok(None)) && wanted.iter().any(|wanted| wanted.prior.is_none()) {
                    // It is only for tidiness; whoever writes there next is told what is wrong.
                    let _ = self.zones.clear(zone).await;
                }
                zones.insert(zone, found);
            }
        }
        let answer = |(wanted, found): (&Wanted, &Result<Found, Error>)| {
            let found = found.as_ref().map_err(Clone::clone)?;
            let zone = zones.get(found.zone()).cloned().unwrap_or(Ok(None))?;
            let own = self.owner.as_deref();
            let zone = zone.filter(|zone| wanted.prior.is_some() || !found.is_foreign(zone, own));
            Ok(zone.and_then(|zone| found.value(&zone, wanted.prior.as_ref(), own)))
        };
        wanted.iter().zip(&found).map(answer).collect()
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        let is_zone = proposal.resource_type == schema::ZONE;
        let errors = if is_zone { apex::validate(proposal.proposed) } else { rrset::validate(proposal.proposed) };
        refuse(errors)?;
        let planned = if is_zone { apex::planned } else { rrset::planned };
        let value = planned(proposal.config, proposal.proposed);
        let replaced = if is_zone { apex::replaced } else { rrset::replaced };
        let replace = proposal.prior.map(|prior| replaced(prior, &value)).unwrap_or_default();
        Ok(Planned { value, replace })
    }

    fn knows_its_own(&self) -> bool {
        self.owner.is_some()
    }

    fn gathers(&self) -> bool {
        true
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        let (planned, prior) = match change {
            Change::Create { planned } => (planned, None),
            Change::Update { prior, planned, .. } => (planned, Some(prior)),
            Change::Delete { identity, prior } => {
                return self.delete(resource_type, identity, prior).await.map(|()| None);
            }
        };
        match resource_type {
            schema::ZONE => self.put_zone(planned, prior).await.map(Some),
            _ => self.put_set(planned, prior).await.map(Some),
        }
    }

    /// The id of a zone is its name; that of a record set is `zone/name/type`.
    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        let wanted = Wanted { resource_type: Arc::from(resource_type), identity: Arc::from(id), prior: None };
        let found = Found::of(&wanted)?;
        let identity = match &found {
            Found::Zone(zone) => zone.to_string(),
            Found::Set(place) => place.identity(),
        };
        let zone = self.zones.read(found.zone()).await?;
        let value = zone.and_then(|zone| found.value(&zone, None, self.owner.as_deref()));
        Ok(value.map(|value| Applied { identity: Arc::from(identity), value }))
    }

    async fn data(&self, source: &str, config: &Value) -> Result<Value, Error> {
        match source {
            schema::ADDRESSES => self.resolver.addresses(config).await,
            _ => Err(Error::invalid(format!("{source} is not a data source"))),
        }
    }
}
