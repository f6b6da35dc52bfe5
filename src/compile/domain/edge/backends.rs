//! Whom requests go to: one target, or several with their shares, and those that stand by.

use std::sync::Arc;

use portolan_lang::{Attribute, Block as Nested, Diagnostic, Number, Schema, Type, Value};

use super::part::Part;
use super::server::Server;
use super::upstream::{Places, Upstream};
use crate::compile::domain::weights::{least, least_common_multiple};

/// `to` and `port`, in what passes requests on.
pub(super) fn target(schema: Schema) -> Schema {
    schema.with(Attribute::optional("to", Type::Any).doc("A service or an external of an application.")).with(
        Attribute::optional("port", Type::String).doc("The name of the service's port; not needed where there is one."),
    )
}

/// `backend "NAME" { … }`
pub(super) fn block() -> Nested {
    let schema =
        target(Schema::new("In place of \"to\": one of several targets, by whose label requests can be switched."))
            .with(
                Attribute::optional("weight", Type::Number)
                    .default(Value::number(1))
                    .doc("Its share beside those of the others, however many servers it has; 0 for none."),
            )
            .with(
                Attribute::optional("backup", Type::Bool)
                    .default(Value::FALSE)
                    .doc("Whether it gets requests only while no other answers."),
            );
    Nested::named("backend", schema)
}

/// Whether a block says whom requests go to.
pub(super) fn is_set(part: &Part<'_>) -> bool {
    !part.take("to").is_null() || !part.named("backend").is_empty()
}

/// The servers of `to`, or of all backends; `None` where there is none.
pub(super) fn upstream(part: &Part<'_>) -> Result<Option<Upstream>, Diagnostic> {
    let backends = part.named("backend");
    if backends.is_empty() {
        return one(part);
    }
    if !part.take("to").is_null() {
        return Err(part.problem("to", "Unclear target", "It has \"to\" and backends at the same time."));
    }
    let mut shares = Vec::new();
    for (label, backend) in &backends {
        let weight = weight(backend)?;
        if let Some(upstream) = one(backend)?.filter(|_| weight > 0) {
            shares.push(Share { label: label.clone(), weight, stands_by: backend.is("backup"), upstream });
        }
    }
    if shares.iter().all(|share| share.stands_by) && !shares.is_empty() {
        let detail = "All its backends stand by, and none is asked first.";
        return Err(part.problem("", "Backends without a first one", detail));
    }
    Ok((!shares.is_empty()).then(|| together(shares)))
}

fn one(part: &Part<'_>) -> Result<Option<Upstream>, Diagnostic> {
    let places = Places { to: part.span("to"), port: part.span("port") };
    Upstream::of(&part.take("to"), &part.take("port"), &places)
}

/// A backend's part of the requests.
struct Share {
    label: Arc<str>,
    weight: u64,
    stands_by: bool,
    upstream: Upstream,
}

impl Share {
    /// The weight of all its servers; `None` while one of them is not known.
    fn units(&self) -> Option<u64> {
        self.upstream.servers.iter().map(units).sum()
    }
}

fn units(server: &Server) -> Option<u64> {
    server.weight.as_ref().map_or(Some(1), |weight| weight.as_number()?.to_u64())
}

fn weight(backend: &Part<'_>) -> Result<u64, Diagnostic> {
    let weight = backend.number("weight")?.and_then(|weight| weight.to_u64());
    weight
        .filter(|weight| *weight <= 10_000)
        .ok_or_else(|| backend.problem("weight", "Unsuitable weight", "A weight is a whole number from 0 to 10000."))
}

/// One group of all servers, in which each backend has its share.
fn together(shares: Vec<Share>) -> Upstream {
    let name = shares.iter().map(|share| &*share.label).collect::<Vec<_>>().join("_");
    let sums: Option<Vec<u64>> = shares.iter().map(Share::units).collect();
    let whole = sums.map(|sums| sums.iter().fold(1, |all, sum| least_common_multiple(all, (*sum).max(1))));
    let weigh = |share: &Share, server: &Server| {
        let factor = share.weight.saturating_mul(whole? / share.units()?.max(1));
        Some(units(server)?.saturating_mul(factor))
    };
    let of_share = |share: &Share| share.upstream.servers.iter().map(|server| weigh(share, server)).collect::<Vec<_>>();
    let weights: Option<Vec<u64>> = shares.iter().flat_map(of_share).collect();
    let weights = weights.map(|weights| least(&weights));
    let servers = shares.into_iter().flat_map(|share| {
        let (label, stands_by) = (share.label, share.stands_by);
        share.upstream.servers.into_iter().map(move |server| Server {
            backend: Some(label.clone()),
            stands_by,
            ..server
        })
    });
    let weighed = servers.enumerate().map(|(at, server)| {
        let weight =
            weights.as_ref().and_then(|weights| weights.get(at)).map(|weight| Value::number(Number::from(*weight)));
        Server { weight: Some(weight.unwrap_or_else(|| Value::unknown(Type::Number))), ..server }
    });
    Upstream { name, servers: weighed.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(label: &str, weight: u64, servers: &[i64]) -> Share {
        let server = |weight: &i64| Server::new(None, Value::string("a"), Some(Value::number(*weight)));
        let servers = servers.iter().map(server).collect();
        Share { label: label.into(), weight, stands_by: false, upstream: Upstream { name: String::new(), servers } }
    }

    #[test]
    fn shares_do_not_depend_on_how_many_servers_there_are() {
        let weights = |shares: Vec<Share>| together(shares).servers.iter().filter_map(units).collect::<Vec<_>>();
        assert_eq!(weights(vec![share("a", 9, &[1]), share("b", 1, &[1, 2])]), [27, 1, 2]);
        assert_eq!(weights(vec![share("a", 1, &[4, 4]), share("b", 1, &[1])]), [1, 1, 2]);
    }
}
