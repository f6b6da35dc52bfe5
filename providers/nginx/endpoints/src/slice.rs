//! What a cluster says of the pods of a service.

use kube::api::DynamicObject;
use serde_json::Value as Json;

/// The label by which slices say whose they are.
pub(crate) const SERVICE: &str = "kubernetes.io/service-name";

/// Some pods of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its name, which no other of the namespace has.
    pub name: String,
    /// The service.
    pub service: String,
    /// Whether its addresses are of IPv4.
    pub is_ipv4: bool,
    /// The ports by name.
    pub ports: Vec<(String, u16)>,
    /// The pods.
    pub endpoints: Vec<Endpoint>,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: String,
    /// Whether requests may go there. One that is stopping is not ready.
    pub is_ready: bool,
    /// Whether it answers, be it that it is stopping.
    pub is_serving: bool,
}

impl Slice {
    /// What an EndpointSlice says, of version v1 or v1beta1; `None` for one of no service, or of names
    /// in place of addresses.
    pub(crate) fn of_slice(object: &DynamicObject) -> Option<Slice> {
        let service = object.metadata.labels.as_ref()?.get(SERVICE)?.clone();
        let is_ipv4 = match object.data["addressType"].as_str()? {
            "IPv4" => true,
            "IPv6" => false,
            _ => return None,
        };
        let endpoints = list(&object.data["endpoints"]).iter().filter_map(endpoint).collect();
        let name = object.metadata.name.clone()?;
        Some(Slice { name, service, is_ipv4, ports: ports(&object.data["ports"]), endpoints })
    }

    /// What an Endpoints object says, of a server that has no slices: one for each subset.
    pub(crate) fn of_endpoints(object: &DynamicObject) -> Vec<Slice> {
        let Some(service) = object.metadata.name.clone() else { return Vec::new() };
        let subset = |(at, subset): (usize, &Json)| {
            let of = |name: &str, is_ready: bool| {
                let addresses = list(&subset[name]).iter().filter_map(|address| address["ip"].as_str());
                let endpoint = move |ip: &str| Endpoint { address: ip.to_owned(), is_ready, is_serving: is_ready };
                addresses.map(endpoint).collect::<Vec<_>>()
            };
            let mut endpoints = of("addresses", true);
            endpoints.extend(of("notReadyAddresses", false));
            let is_ipv4 = endpoints.first().is_none_or(|first| !first.address.contains(':'));
            Slice {
                name: format!("{service}.{at}"),
                service: service.clone(),
                is_ipv4,
                ports: ports(&subset["ports"]),
                endpoints,
            }
        };
        list(&object.data["subsets"]).iter().enumerate().map(subset).collect()
    }
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn ports(json: &Json) -> Vec<(String, u16)> {
    let port = |port: &Json| {
        let number = port["port"].as_u64().and_then(|number| u16::try_from(number).ok())?;
        Some((port["name"].as_str().unwrap_or_default().to_owned(), number))
    };
    list(json).iter().filter_map(port).collect()
}

/// All addresses of an endpoint are the same pod's: the first one stands for it.
fn endpoint(json: &Json) -> Option<Endpoint> {
    let address = list(&json["addresses"]).first()?.as_str()?.to_owned();
    // What is not said counts as the API says that it does.
    let is_ready = json["conditions"]["ready"].as_bool().unwrap_or(true);
    let is_serving = json["conditions"]["serving"].as_bool().unwrap_or(is_ready);
    Some(Endpoint { address, is_ready, is_serving })
}

/// `address:port` of the pods that take requests at a port: those that are ready, and where none is,
/// those that still answer while they stop. One family of addresses, so that no pod counts twice.
pub(crate) fn addresses<'a>(slices: impl Iterator<Item = &'a Slice> + Clone, port: &str) -> Vec<String> {
    let is_ipv4 = slices.clone().any(|slice| slice.is_ipv4 && !slice.endpoints.is_empty());
    let at_port = |slice: &'a Slice| {
        let number = slice.ports.iter().find(|(name, _)| name == port).map(|(_, number)| *number);
        number.into_iter().flat_map(|number| slice.endpoints.iter().map(move |endpoint| (endpoint, number)))
    };
    let of = |counts: fn(&Endpoint) -> bool| {
        let slices = slices.clone().filter(|slice| slice.is_ipv4 == is_ipv4);
        let found = slices.flat_map(at_port).filter(|(endpoint, _)| counts(endpoint));
        found.map(|(endpoint, number)| join(&endpoint.address, number)).collect::<Vec<_>>()
    };
    let ready = of(|endpoint| endpoint.is_ready);
    if ready.is_empty() { of(|endpoint| endpoint.is_serving) } else { ready }
}

fn join(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(data: Json) -> DynamicObject {
        let mut data = data;
        data["metadata"] = json!({ "name": "web-1", "labels": { SERVICE: "web" } });
        serde_json::from_value(data).expect("an object")
    }

    #[test]
    fn pods_that_are_ready_take_requests() {
        let slice = |address_type: &str, address: &str, conditions: Json| {
            let endpoint = json!({ "addresses": [address], "conditions": conditions });
            Slice::of_slice(&object(json!({
                "addressType": address_type,
                "ports": [{ "name": "http", "port": 8080 }, { "name": "metrics", "port": 9090 }],
                "endpoints": [endpoint],
            })))
            .expect("a slice")
        };
        let found = |slices: &[Slice]| addresses(slices.iter(), "http").join(" ");
        let ready = slice("IPv4", "10.0.0.1", json!({ "ready": true }));
        let unsaid = slice("IPv4", "10.0.0.2", json!({}));
        let stopping = slice("IPv4", "10.0.0.3", json!({ "ready": false, "serving": true, "terminating": true }));
        let broken = slice("IPv4", "10.0.0.4", json!({ "ready": false }));
        let other = slice("IPv6", "fd00::1", json!({ "ready": true }));
        assert_eq!(
            found(&[ready.clone(), unsaid, stopping.clone(), broken.clone(), other.clone()]),
            "10.0.0.1:8080 10.0.0.2:8080"
        );
        assert_eq!(found(&[stopping, broken.clone()]), "10.0.0.3:8080");
        assert_eq!(found(&[broken]), "");
        assert_eq!(found(&[other]), "[fd00::1]:8080");
        assert_eq!(addresses([ready].iter(), "nothing"), Vec::<String>::new());
    }

    #[test]
    fn old_servers_say_it_otherwise() {
        let endpoints = object(json!({ "subsets": [{
            "addresses": [{ "ip": "10.0.0.1" }],
            "notReadyAddresses": [{ "ip": "10.0.0.2" }],
            "ports": [{ "name": "http", "port": 8080 }],
        }]}));
        let slices = Slice::of_endpoints(&endpoints);
        assert_eq!(addresses(slices.iter(), "http"), ["10.0.0.1:8080"]);
    }
}
