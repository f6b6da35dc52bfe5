//! `cluster`: where applications run.

use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Attribute, AttributePath, Block as Nested, Diagnostic, Diagnostics, Schema, Step, Type, Value};

use super::{Block, Claim, Compiled, CompiledConnection, Hosts, Kind, exports, probe, quantity};
use crate::catalog::Catalog;

/// `cluster "beijing" { region = "north" … }`
pub(super) const CLUSTER: Kind = Kind { keyword: "cluster", schema, wants: None, compile };

/// What a cluster has room for, by attribute of its `capacity` block.
pub(super) const CAPACITIES: [&str; 4] = ["cpu", "memory", "pods", "ephemeral_storage"];

/// The provider of what is in a cluster; the ways to reach a cluster are its own.
const PROVIDER: &str = "kubernetes";

fn ways(catalog: &Catalog) -> &[Nested] {
    catalog.provider(PROVIDER).map_or(&[], |provider| &provider.schema().connection.blocks)
}

fn schema(catalog: &Catalog) -> Schema {
    let capacity =
        Schema::new("What the cluster has room for. A real cluster is measured; a directory has to be told.")
            .with(Attribute::optional("cpu", Type::String).doc("Processors: \"48\" or \"500m\"."))
            .with(Attribute::optional("memory", Type::String).doc("Memory: \"192Gi\"."))
            .with(Attribute::optional("pods", Type::Number).doc("How many pods."))
            .with(Attribute::optional("ephemeral_storage", Type::String).doc("Local disk: \"500Gi\"."));
    let schema = Schema::new("A Kubernetes cluster.")
        .with(Attribute::optional("region", Type::String).doc("The region it is in."))
        .with(Attribute::optional("labels", Type::map(Type::String)).doc("What placements choose clusters by."))
        .with(
            Attribute::optional("node_addresses", Type::list(Type::String))
                .default(Value::strings::<&str>([]))
                .doc("The nodes' addresses, at which node ports are reached."),
        )
        .block(Nested::single("capacity", capacity))
        .block(Nested::single("probe", probe::schema()));
    ways(catalog).iter().cloned().fold(schema, Schema::block)
}

/// The way in which a cluster is reached whose nodes can be looked at.
const LIVE: &str = "kubernetes";

/// The directory of a system, which holds what this block describes and nothing else.
pub(super) fn directory_claim(input: &Block<'_>, value: &Value) -> Option<Claim> {
    let path: AttributePath = ["directory", "path"].into_iter().map(|name| Step::Attribute(name.into())).collect();
    let directory = value.at(&path)?;
    let clean: std::path::PathBuf = std::path::Path::new(directory.as_str()?).components().collect();
    Some(Claim {
        owner: input.address.clone(),
        what: format!("the directory \"{}\"", clean.display()),
        share: None,
        span: input.path_span(&path),
        help: "Give each a directory of its own.",
    })
}

/// A system is reached in one way. `noun` is what people call it.
pub(super) fn check_ways<Name: AsRef<str>>(input: &Block<'_>, noun: &str, ways: &[(Name, Value)]) -> Diagnostics {
    let is_set = |value: &Value| !value.is_null();
    if ways.iter().filter(|(_, value)| is_set(value)).count() == 1 {
        return Diagnostics::new();
    }
    let names: Vec<&str> = ways.iter().map(|(name, _)| name.as_ref()).collect();
    let set: Vec<&str> = ways.iter().filter(|(_, value)| is_set(value)).map(|(name, _)| name.as_ref()).collect();
    let detail = match set.is_empty() {
        true => format!("It is not said how the {noun} is reached."),
        false => format!("The {noun} is reached by {} at the same time.", set.join(" and ")),
    };
    let error = Diagnostic::error("Unclear connection").detail(detail).at(input.span);
    error.help(format!("Give it one of these blocks: {}.", names.join(", "))).into()
}

fn compile(input: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(input.body, &schema(input.catalog), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let capacity = take("capacity");
    for name in CAPACITIES {
        if let Err(detail) = capacity.get(name).map_or(Ok(None), |value| quantity::text(&value)) {
            let path: AttributePath =
                [Step::Attribute("capacity".into()), Step::Attribute(name.into())].into_iter().collect();
            diagnostics.push(
                Diagnostic::error("Unsuitable quantity")
                    .detail(format!("{path}: {detail}."))
                    .at(input.path_span(&path)),
            );
        }
    }
    let (probe, problems) = probe::read(input, &take("probe"));
    diagnostics.extend(problems);
    let ways: Vec<(Arc<str>, Value)> =
        ways(input.catalog).iter().map(|way| (way.name.clone(), take(&way.name))).collect();
    diagnostics.extend(check_ways(input, "cluster", &ways));
    let is_live = ways.iter().any(|(name, way)| &**name == LIVE && !way.is_null());
    let shown = ["region", "labels", "node_addresses", "capacity"].map(|name| (name, take(name)));
    let shown = shown.into_iter().chain([("live", Value::bool(is_live))]);
    Compiled {
        exports: exports(input.address, input.name, shown),
        connection: Some(CompiledConnection { provider: PROVIDER, config: Value::object(ways), limit: None, probe }),
        resources: Vec::new(),
        decisions: Vec::new(),
        claims: directory_claim(input, &value).into_iter().collect(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}
