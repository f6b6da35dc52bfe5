//! The Kubernetes objects of one service in one cluster, and their order.

use std::sync::Arc;

use portolan_lang::{Address, Type, Value};

use super::service::{Kind, Service};
use super::site::TargetCluster;
use super::values::{fields, list_if_any, null, text};
use super::{Application, network, pod, rollout, workload};
use crate::compile::domain::{CompiledResource, object as config};

/// What every object begins with.
pub(super) struct Head {
    version: &'static str,
    kind: &'static str,
    name: String,
    namespace: Option<Arc<str>>,
    labels: Value,
}

impl Head {
    /// The head of an object of a service.
    pub(super) fn of(
        application: &Application<'_>,
        service: &Service<'_>,
        version: &'static str,
        kind: &'static str,
        name: String,
    ) -> Head {
        let labels = pod::labels(application, service);
        Head { version, kind, name, namespace: Some(application.namespace.clone()), labels }
    }

    fn fields(&self) -> [(&'static str, Value); 3] {
        let metadata = fields([
            ("name", text(&self.name)),
            ("namespace", self.namespace.as_ref().map_or_else(null, text)),
            ("labels", self.labels.clone()),
        ]);
        [("apiVersion", text(self.version)), ("kind", text(self.kind)), ("metadata", metadata)]
    }
}

/// An object with a `spec`.
pub(super) fn object(head: &Head, spec: Value) -> Value {
    let [version, kind, metadata] = head.fields();
    fields([version, kind, metadata, ("spec", spec)])
}

/// The namespace of the application in a cluster.
pub(super) fn namespace(application: &Application<'_>, cluster: &TargetCluster) -> CompiledResource {
    let head = Head {
        version: "v1",
        kind: "Namespace",
        name: application.namespace.to_string(),
        namespace: None,
        labels: pod::owner_labels(application),
    };
    let [version, kind, metadata] = head.fields();
    CompiledResource {
        address: namespace_address(application, cluster),
        group: application.block.address.clone(),
        resource_type: "kubernetes_object",
        connection: Some(cluster.address.clone()),
        config: config([("manifest", fields([version, kind, metadata]))]),
        dependencies: Vec::new(),
    }
}

fn namespace_address(application: &Application<'_>, cluster: &TargetCluster) -> Address {
    application.block.address.part(format!("namespace@{}", cluster.name))
}

/// The objects of one service in one cluster.
pub(super) struct Objects<'a> {
    pub(super) application: &'a Application<'a>,
    pub(super) service: &'a Service<'a>,
    pub(super) cluster: &'a TargetCluster,
    /// The cluster's position in the application.
    pub(super) at: usize,
}

impl Objects<'_> {
    /// All of them: first what the workload needs and what leads to it, then the workload. A Service
    /// leads to no pod that is not ready, and pods may have to find each other by it before they
    /// are.
    pub(super) fn all(&self) -> Vec<CompiledResource> {
        let mut needed = vec![self.service_account()];
        needed.extend(self.config_map());
        needed.extend(self.secret());
        needed.extend(self.claims());
        needed.extend(self.network_policy());
        needed.extend(self.services());
        let mut before: Vec<Address> = needed.iter().map(|resource| resource.address.clone()).collect();
        before.extend(self.started_before());
        before.extend(self.turn_before());
        let copies = self.application.copies(&self.service.name, self.at);
        needed.extend(self.workload(copies, before));
        needed.extend(self.disruption_budget(copies));
        needed
    }

    fn workload(&self, copies: u32, before: Vec<Address>) -> Option<CompiledResource> {
        let manifest = workload::manifest(self.application, self.service, copies)?;
        let said = [("manifest", manifest.clone())].into_iter().chain(rollout::settings(self.service));
        let config = Value::object(said);
        Some(CompiledResource { config, ..self.resource(self.service.kind.part(), manifest, before) })
    }

    fn part(&self, service: &Service<'_>, part: &str) -> Address {
        service.address.part(format!("{part}@{}", self.cluster.name))
    }

    /// The workload of the cluster whose turn comes before.
    fn turn_before(&self) -> Option<Address> {
        let before = &self.application.clusters[self.application.turn_before(self.service, self.at)?];
        Some(self.service.address.part(format!("{}@{}", self.service.kind.part(), before.name)))
    }

    fn resource(&self, part: &str, manifest: Value, mut dependencies: Vec<Address>) -> CompiledResource {
        dependencies.push(namespace_address(self.application, self.cluster));
        CompiledResource {
            address: self.part(self.service, part),
            group: self.service.address.clone(),
            resource_type: "kubernetes_object",
            connection: Some(self.cluster.address.clone()),
            config: config([("manifest", manifest)]),
            dependencies,
        }
    }

    /// The workloads that must be ready first: those of the same cluster or, of a service that has
    /// no copies there, all of them.
    fn started_before(&self) -> Vec<Address> {
        let services = &self.application.services;
        let dependencies = self.service.depends_on.iter();
        let found = dependencies.filter_map(|name| services.iter().find(|service| service.name == *name));
        let address = |service: &Service<'_>| match self.application.copies(&service.name, self.at) {
            0 => service.address.clone(),
            _ => self.part(service, service.kind.part()),
        };
        found.map(address).collect()
    }

    fn head(&self, version: &'static str, kind: &'static str) -> Head {
        Head::of(self.application, self.service, version, kind, self.service.name.to_string())
    }

    fn service_account(&self) -> CompiledResource {
        let [version, kind, metadata] = self.head("v1", "ServiceAccount").fields();
        let automount = Value::bool(self.service.is_on("service_account_token"));
        let manifest = fields([version, kind, metadata, ("automountServiceAccountToken", automount)]);
        self.resource("service_account", manifest, Vec::new())
    }

    fn config_map(&self) -> Option<CompiledResource> {
        let files = self.service.take("config");
        pod::has_entries(&files).then(|| {
            let [version, kind, metadata] = self.head("v1", "ConfigMap").fields();
            self.resource("config_map", fields([version, kind, metadata, ("data", files)]), Vec::new())
        })
    }

    fn secret(&self) -> Option<CompiledResource> {
        let entries = self.service.take("secret");
        pod::has_entries(&entries).then(|| {
            let [version, kind, metadata] = self.head("v1", "Secret").fields();
            let manifest =
                fields([version, kind, metadata, ("type", text("Opaque")), ("stringData", entries.sensitive())]);
            self.resource("secret", manifest, Vec::new())
        })
    }

    /// The claims for the volumes of a service that is not a stateful set.
    fn claims(&self) -> Vec<CompiledResource> {
        if self.service.kind == Kind::StatefulSet {
            return Vec::new();
        }
        let volumes = self.service.take("volume");
        let entries = volumes.entries().into_iter().flat_map(|entries| entries.iter());
        let claim = |(name, volume): (&Arc<str>, &Value)| {
            let head =
                Head { name: workload::claim_name(self.service, name), ..self.head("v1", "PersistentVolumeClaim") };
            let part = format!("persistent_volume_claim.{name}");
            self.resource(&part, object(&head, workload::claim_spec(volume)), Vec::new())
        };
        entries.map(claim).collect()
    }

    fn network_policy(&self) -> Option<CompiledResource> {
        self.application.restricts_network.then(|| {
            let head = self.head("networking.k8s.io/v1", "NetworkPolicy");
            self.resource("network_policy", object(&head, network::policy(self.application, self.service)), Vec::new())
        })
    }

    /// The Service, and for a stateful set the one that names its pods.
    fn services(&self) -> Vec<CompiledResource> {
        let mut services = Vec::new();
        let ports = self.service.ports();
        let selector = || pod::selector(self.application, self.service);
        let list_of = |with_node_ports: bool| {
            list_if_any(ports.iter().map(|(name, port)| service_port(name, port, with_node_ports)).collect())
        };
        if !ports.is_empty() && self.service.kind.is_lasting() {
            let outside = ports.values().any(|port| port.get("node_port").is_some_and(|port| !port.is_null()));
            let spec = fields([
                ("type", text(if outside { "NodePort" } else { "ClusterIP" })),
                ("selector", selector()),
                ("ports", list_of(true)),
            ]);
            services.push(self.resource("service", object(&self.head("v1", "Service"), spec), Vec::new()));
        }
        if self.service.kind == Kind::StatefulSet {
            let head = Head { name: workload::headless_name(self.service), ..self.head("v1", "Service") };
            let spec = fields([("clusterIP", text("None")), ("selector", selector()), ("ports", list_of(false))]);
            services.push(self.resource("headless_service", object(&head, spec), Vec::new()));
        }
        services
    }

    /// Where there are several copies, nodes are drained without losing all of them at once.
    fn disruption_budget(&self, copies: u32) -> Option<CompiledResource> {
        let counted = matches!(self.service.kind, Kind::Deployment | Kind::StatefulSet) && copies > 1;
        counted.then(|| {
            let available = self.service.inner("disruption", "min_available");
            let unavailable = self.service.inner("disruption", "max_unavailable");
            let neither = available.is_null() && unavailable.is_null();
            let unavailable = if neither { Value::number(1) } else { number_or_share(&unavailable) };
            let spec = fields([
                ("minAvailable", number_or_share(&available)),
                ("maxUnavailable", unavailable),
                ("selector", fields([("matchLabels", pod::selector(self.application, self.service))])),
            ]);
            let head = self.head("policy/v1", "PodDisruptionBudget");
            self.resource("pod_disruption_budget", object(&head, spec), Vec::new())
        })
    }
}

fn service_port(name: &Arc<str>, port: &Value, with_node_port: bool) -> Value {
    let take = |attribute: &str| port.get(attribute).unwrap_or_else(null);
    fields([
        ("name", text(name)),
        ("port", take("number")),
        ("targetPort", text(name)),
        ("protocol", take("protocol")),
        ("nodePort", if with_node_port { take("node_port") } else { null() }),
    ])
}

/// `"2"` as a number, `"50%"` as a text.
fn number_or_share(value: &Value) -> Value {
    match value.as_str().map(str::parse::<i64>) {
        Some(Ok(number)) => Value::number(number),
        _ if value.is_known() => value.clone(),
        _ => Value::unknown(Type::Any),
    }
}
