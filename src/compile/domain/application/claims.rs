//! What an application wants for itself alone.

use portolan_lang::Value;

use super::Application;
use super::service::{Kind, Service};
use super::site::TargetCluster;
use super::workload::{claim_name, headless_name};
use crate::compile::domain::Claim;

impl Application<'_> {
    /// Its namespace and the node ports of its services, in each cluster where it has copies.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (at, cluster) in self.clusters.iter().enumerate() {
            let here = self.services.iter().filter(|service| self.copies(&service.name, at) > 0);
            let ports: Vec<Claim> = here.clone().flat_map(|service| node_ports(service, cluster)).collect();
            if here.count() > 0 {
                claims.push(self.namespace_claim(cluster));
            }
            claims.extend(ports);
        }
        claims.extend(self.services.iter().flat_map(|service| self.object_claims(service)));
        claims
    }

    /// The objects whose names are made of two: `web-pods`, `web-data`.
    fn object_claims(&self, service: &Service<'_>) -> Vec<Claim> {
        let claim = |kind: &str, name: String, path: &[&str]| Claim {
            owner: service.address.clone(),
            what: format!("the {kind} \"{name}\" of {}", self.block.address),
            share: None,
            span: service.span(path),
            help: "Rename one of them.",
        };
        let mut claims = vec![claim("Service", service.name.to_string(), &[])];
        if service.kind == Kind::StatefulSet {
            claims.push(claim("Service", headless_name(service), &[]));
            return claims;
        }
        let volumes = service.take("volume");
        let names = volumes.entries().into_iter().flat_map(|entries| entries.keys());
        claims.extend(names.map(|name| claim("PersistentVolumeClaim", claim_name(service, name), &["volume", name])));
        claims
    }

    fn namespace_claim(&self, cluster: &TargetCluster) -> Claim {
        Claim {
            owner: self.block.address.clone(),
            what: format!("the namespace \"{}\" of {}", self.namespace, cluster.address),
            share: None,
            span: self.block.attribute_span("namespace"),
            help: "Give each application a namespace of its own, or make one application of them.",
        }
    }
}

fn node_ports<'a>(service: &'a Service<'_>, cluster: &'a TargetCluster) -> impl Iterator<Item = Claim> + 'a {
    service.ports().into_iter().filter_map(|(name, port)| {
        let number = port.get("node_port").and_then(|number| number.as_number().cloned())?;
        let protocol = port.get("protocol").as_ref().and_then(Value::as_str).unwrap_or("TCP").to_owned();
        Some(Claim {
            owner: service.address.clone(),
            what: format!("the node port {number}/{protocol} of {}", cluster.address),
            share: None,
            span: service.span(&["port", &name, "node_port"]),
            help: "Choose another node_port, from 30000 to 32767.",
        })
    })
}
