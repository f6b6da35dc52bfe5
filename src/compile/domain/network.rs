//! `network`: the pod network of flannel's nodes, which several clusters share.
//!
//! What flannel reads is kept in one etcd: the network, and for each node that is named here a
//! subnet without a lease, which is never given to another node. What leaves the network with the
//! nodes' own addresses, and what does not, is told to `ip-masq-agent` in every cluster.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, AttributePath, Diagnostic, Diagnostics, Schema, Step, Type, Value};

use super::application::cluster_name;
use super::{
    Block, Claim, Compiled, CompiledConnection, CompiledResource, Hosts, Kind, exports, object, referred, undecided,
};
use crate::catalog::Catalog;

/// `network "pods" { cidr = "10.244.0.0/16" … }`
pub(super) const NETWORK: Kind = Kind { keyword: "network", schema, wants: None, compile };

/// Where flannel looks if it is told nothing else.
const FLANNEL_PREFIX: &str = "/coreos.com/network";

/// The only way of packets between nodes that is modelled.
const BACKEND: &str = "vxlan";

/// The provider of what is in etcd; how to reach one is its own.
const PROVIDER: &str = "etcd";

fn connection(catalog: &Catalog) -> &[Attribute] {
    catalog.provider(PROVIDER).map_or(&[], |provider| &provider.schema().connection.attributes)
}

fn schema(catalog: &Catalog) -> Schema {
    use portolan_lang::Block as Nested;
    let text = |name: &'static str, doc| Attribute::optional(name, Type::String).doc(doc);
    let number = |name: &'static str, doc| Attribute::optional(name, Type::Number).doc(doc);
    let vxlan = Schema::new("How packets travel between nodes: in VXLAN (RFC 7348).")
        .with(number("vni", "The number of the VXLAN network.").default(Value::number(1)))
        .with(number("port", "The UDP port.").default(Value::number(8472)))
        .with(number("mtu", "The largest packet, in bytes; flannel finds it out if not given."))
        .with(
            Attribute::optional("direct_routing", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether nodes in one network segment reach each other without a tunnel."),
        )
        .with(
            Attribute::optional("group_policy", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether packets carry VXLAN group policies."),
        );
    let etcd = connection(catalog).iter().fold(
        Schema::new("The etcd that flannel reads.")
            .with(text("prefix", "Where flannel's keys are.").default(Value::string(FLANNEL_PREFIX))),
        |schema, attribute| schema.with(attribute.clone()),
    );
    let node = Schema::new("A node that keeps its subnet.")
        .with(Attribute::required("subnet", Type::String).doc("Its pods' addresses: \"10.244.7.0/24\"."))
        .with(Attribute::required("address", Type::String).doc("Its own address."))
        .with(text("mac", "The hardware address of its tunnel's end; flannel writes it if not given."));
    let masquerade =
        Schema::new("Packets that leave the network with their node's address, by ip-masq-agent.")
            .with(Attribute::required("except", Type::list(Type::String)).doc(
                "Where packets keep their pod's address: [\"10.0.0.0/8\"]; the network itself is always among them.",
            ))
            .with(
                Attribute::optional("link_local", Type::Bool)
                    .default(Value::FALSE)
                    .doc("Whether packets to link-local addresses get their node's."),
            )
            .with(text("resync_interval", "How often the agent reads it again.").default(Value::string("60s")))
            .with(text("namespace", "The namespace of the agent.").default(Value::string("kube-system")));
    Schema::new("The pod network of flannel's nodes, in one or several clusters.")
        .with(Attribute::required("cidr", Type::String).doc("All addresses of pods: \"10.244.0.0/16\"."))
        .with(number("subnet_length", "The prefix length of a node's subnet.").default(Value::number(24)))
        .with(text("subnet_min", "The first subnet that is given to a node."))
        .with(text("subnet_max", "The last subnet that is given to a node."))
        .with(Attribute::optional("clusters", Type::Any).doc("The clusters that share it: [cluster.NAME]."))
        .block(Nested::single("vxlan", vxlan))
        .block(Nested::single("etcd", etcd).required())
        .block(Nested::named("node", node))
        .block(Nested::single("masquerade", masquerade))
}

fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &schema(block.catalog), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let network = Network { block, value: &value };
    diagnostics.extend(network.check());
    let clusters = diagnostics.keep(network.clusters()).unwrap_or_default();
    let mut resources = vec![network.network()];
    resources.extend(network.nodes().map(|(name, node)| network.subnet(name, node)));
    resources.extend(network.masquerade(&clusters));
    let etcd = network.take("etcd");
    let connection = connection(block.catalog).iter().map(|known| (known.name.clone(), attribute(&etcd, &known.name)));
    Compiled {
        exports: exports(block.address, block.name, [("cidr", network.take("cidr"))]),
        connection: Some(CompiledConnection {
            provider: PROVIDER,
            config: Value::object(connection),
            limit: None,
            probe: None,
        }),
        resources: if diagnostics.has_errors() { Vec::new() } else { resources },
        decisions: Vec::new(),
        claims: network.claims(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}

/// A block with its attributes.
struct Network<'a> {
    block: &'a Block<'a>,
    value: &'a Value,
}

impl Network<'_> {
    fn take(&self, name: &str) -> Value {
        attribute(self.value, name)
    }

    fn prefix(&self) -> Value {
        attribute(&self.take("etcd"), "prefix")
    }

    /// The nodes by their names.
    fn nodes(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        let nodes = self.value.entries().and_then(|entries| entries.get("node")).and_then(Value::entries);
        nodes.into_iter().flat_map(|nodes| nodes.iter())
    }

    fn resource(&self, part: &str, resource_type: &'static str, config: Value) -> CompiledResource {
        CompiledResource {
            address: self.block.address.part(part),
            group: self.block.address.clone(),
            resource_type,
            connection: Some(self.block.address.clone()),
            config,
            dependencies: Vec::new(),
        }
    }

    fn network(&self) -> CompiledResource {
        let vxlan = self.take("vxlan");
        let of_vxlan = |name: &'static str, default: Value| {
            let given = attribute(&vxlan, name);
            (name, if given.is_null() { default } else { given })
        };
        let config = [
            ("prefix", self.prefix()),
            ("network", self.take("cidr")),
            ("backend", Value::string(BACKEND)),
            ("subnet_length", self.take("subnet_length")),
            ("subnet_min", self.take("subnet_min")),
            ("subnet_max", self.take("subnet_max")),
            of_vxlan("vni", Value::number(1)),
            of_vxlan("port", Value::number(8472)),
            of_vxlan("mtu", Value::null(Type::Number)),
            of_vxlan("group_policy", Value::FALSE),
            of_vxlan("direct_routing", Value::FALSE),
        ];
        self.resource("network", "flannel_network", object(config))
    }

    fn subnet(&self, name: &str, node: &Value) -> CompiledResource {
        let config = [
            ("prefix", self.prefix()),
            ("subnet", attribute(node, "subnet")),
            ("address", attribute(node, "address")),
            ("backend", Value::string(BACKEND)),
            ("vni", Value::null(Type::Number)),
            ("mac", attribute(node, "mac")),
        ];
        let subnet = self.resource("subnet", "flannel_subnet", object(config));
        let address = self.block.address.join("node").join(name).part("subnet");
        CompiledResource { address, dependencies: vec![self.block.address.part("network")], ..subnet }
    }

    /// What tells the agent of each cluster.
    fn masquerade(&self, clusters: &[(Arc<str>, Address)]) -> Vec<CompiledResource> {
        let masquerade = self.take("masquerade");
        if masquerade.is_null() {
            return Vec::new();
        }
        let manifest = self.config_map(&masquerade);
        let resource = |(name, cluster): &(Arc<str>, Address)| CompiledResource {
            connection: Some(cluster.clone()),
            ..self.resource(
                &format!("masquerade@{name}"),
                "kubernetes_object",
                object([("manifest", manifest.clone())]),
            )
        };
        clusters.iter().map(resource).collect()
    }

    /// The agent reads YAML, of which JSON is a part.
    fn config_map(&self, masquerade: &Value) -> Value {
        let except = attribute(masquerade, "except");
        let settings = [except.clone(), self.take("cidr"), attribute(masquerade, "link_local")];
        let config = match settings.iter().all(Value::is_wholly_known) {
            false => Value::unknown(Type::String),
            true => {
                let own = std::iter::once(self.take("cidr").to_json());
                let except = except.items().unwrap_or_default().iter().map(Value::to_json);
                let mut kept: Vec<_> = own.chain(except).collect();
                let mut seen = HashSet::new();
                kept.retain(|cidr| seen.insert(cidr.to_string()));
                let config = serde_json::json!({
                    "nonMasqueradeCIDRs": kept,
                    "masqLinkLocal": attribute(masquerade, "link_local").to_json(),
                    "resyncInterval": attribute(masquerade, "resync_interval").to_json(),
                });
                Value::string(config.to_string())
            }
        };
        object([
            ("apiVersion", Value::string("v1")),
            ("kind", Value::string("ConfigMap")),
            (
                "metadata",
                object([("name", Value::string("ip-masq-agent")), ("namespace", attribute(masquerade, "namespace"))]),
            ),
            ("data", object([("config", config)])),
        ])
    }

    fn clusters(&self) -> Result<Vec<(Arc<str>, Address)>, Diagnostic> {
        let clusters = self.take("clusters");
        let items = clusters.items().unwrap_or_default();
        let found: Option<Vec<_>> = items.iter().map(|item| referred(item, "cluster")).collect();
        let unsuitable = |detail: &str| {
            Diagnostic::error("Unsuitable clusters")
                .detail(detail)
                .at(self.block.attribute_span("clusters"))
                .help("Write [cluster.NAME, cluster.NAME], without quotes.")
        };
        match found {
            _ if !clusters.is_known() || items.iter().any(|item| !item.is_known()) => {
                Err(undecided("\"clusters\"", self.block.attribute_span("clusters")))
            }
            Some(found) if found.is_empty() && !self.take("masquerade").is_null() => {
                Err(unsuitable("\"masquerade\" needs to know which clusters share the network."))
            }
            Some(found) => {
                Ok(found.into_iter().map(|address| (cluster_name(&address, self.block.address), address)).collect())
            }
            None => Err(unsuitable("Every element must refer to a cluster block.")),
        }
    }

    /// What only the whole network can tell: subnets that do not fit it, or each other. What is
    /// wrong with one value alone is told by the provider.
    fn check(&self) -> Diagnostics {
        let Some(network) = parsed::<Ipv4Net>(self.value, "cidr") else { return self.check_cidr() };
        let length = self.take("subnet_length").to_json().as_u64();
        let mut problems = Diagnostics::new();
        let mut subnets: Vec<(Ipv4Net, &str)> = Vec::new();
        let mut addresses: HashMap<Ipv4Addr, &str> = HashMap::new();
        for (name, node) in self.nodes() {
            if let Some(subnet) = parsed::<Ipv4Net>(node, "subnet") {
                problems.extend(self.check_subnet(name, subnet, network, length));
                subnets.push((subnet, name));
            }
            let address = parsed::<Ipv4Addr>(node, "address");
            if let Some((address, other)) =
                address.and_then(|address| Some((address, addresses.insert(address, name)?)))
            {
                problems.push(self.problem(
                    name,
                    "address",
                    format!("{address} is the address of the node \"{other}\" already."),
                ));
            }
        }
        problems.extend(self.check_overlaps(subnets));
        problems
    }

    fn check_subnet(&self, name: &str, subnet: Ipv4Net, network: Ipv4Net, length: Option<u64>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        if !network.contains(&subnet) {
            problems.push(self.problem(name, "subnet", format!("{subnet} is not in the network {network}.")));
        }
        if let Some(length) = length.filter(|length| *length != u64::from(subnet.prefix_len())) {
            let detail = format!("{subnet} is not of the length {length} that subnets of this network have.");
            problems.push(self.problem(name, "subnet", detail));
        }
        problems
    }

    /// Two subnets are apart or one is in the other: in order of their first addresses, whoever
    /// begins before the widest one so far ends has addresses in common with it.
    fn check_overlaps(&self, mut subnets: Vec<(Ipv4Net, &str)>) -> Vec<Diagnostic> {
        subnets.sort_by_key(|(subnet, _)| (subnet.network(), subnet.prefix_len()));
        let mut widest: Option<(Ipv4Net, &str)> = None;
        let mut problems = Vec::new();
        for (subnet, name) in subnets {
            match widest {
                Some((other, whose)) if subnet.network() <= other.broadcast() => {
                    let detail = format!("{subnet} and {other} of the node \"{whose}\" have addresses in common.");
                    problems.push(self.problem(name, "subnet", detail));
                }
                _ => widest = Some((subnet, name)),
            }
        }
        problems
    }

    fn problem(&self, node: &str, attribute: &str, detail: String) -> Diagnostic {
        let path: AttributePath =
            ["node", node, attribute].into_iter().map(|step| Step::Attribute(step.into())).collect();
        Diagnostic::error("Unsuitable subnet").detail(detail).at(self.block.path_span(&path))
    }

    fn check_cidr(&self) -> Diagnostics {
        let mut problems = Diagnostics::new();
        if self.take("cidr").is_known() {
            problems.push(
                Diagnostic::error("Unsuitable network")
                    .detail("\"cidr\" must be an IPv4 network such as \"10.244.0.0/16\".")
                    .at(self.block.attribute_span("cidr")),
            );
        }
        problems
    }

    /// A place in an etcd describes one network.
    fn claims(&self) -> Vec<Claim> {
        let endpoints = attribute(&self.take("etcd"), "endpoints");
        let mut endpoints: Vec<String> =
            endpoints.items().unwrap_or_default().iter().filter_map(Value::as_str).map(str::to_owned).collect();
        endpoints.sort();
        let prefix = self.prefix();
        let place = prefix.as_str().map(|prefix| Claim {
            owner: self.block.address.clone(),
            what: format!("\"{}\" in the etcd at {}", prefix.trim_end_matches('/'), endpoints.join(", ")),
            share: None,
            span: self.block.span,
            help: "Give each network a prefix of its own.",
        });
        place.into_iter().collect()
    }
}

/// An attribute read as a `T`; `None` where it is not given, not known, or something else.
fn parsed<T: std::str::FromStr>(value: &Value, name: &str) -> Option<T> {
    value.get(name)?.as_str()?.parse().ok()
}

fn attribute(value: &Value, name: &str) -> Value {
    value.get(name).unwrap_or_else(|| Value::null(Type::Any))
}
