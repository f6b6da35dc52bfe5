//! What flannel reads from etcd: the network of a set of clusters, and the subnets of its nodes.
//!
//! The layout is flannel's own: `PREFIX/config` holds the network, `PREFIX/subnets/ADDRESS-LENGTH`
//! a node's subnet, both as JSON. A subnet without a lease is a reservation: flannel gives it to
//! the node of that address and never to another one, and writes the node's hardware address into
//! it. So only the fields that an object has are compared and written; others stay as they are.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
use portolan_provider::Error;
use serde_json::{Map, Value as Json};

use crate::record::Record;

/// The largest number of a VXLAN network (RFC 7348: 24 bits).
const LARGEST_VNI: i64 = (1 << 24) - 1;

/// `PREFIX/config`.
pub(crate) struct FlannelNetwork;

/// `PREFIX/subnets/ADDRESS-LENGTH`.
pub(crate) struct FlannelSubnet;

/// An attribute and its place in flannel's JSON.
struct Field {
    name: &'static str,
    place: &'static [&'static str],
    ty: Type,
}

const fn field(name: &'static str, place: &'static [&'static str], ty: Type) -> Field {
    Field { name, place, ty }
}

const NETWORK: [Field; 10] = [
    field("network", &["Network"], Type::String),
    field("subnet_length", &["SubnetLen"], Type::Number),
    field("subnet_min", &["SubnetMin"], Type::String),
    field("subnet_max", &["SubnetMax"], Type::String),
    field("backend", &["Backend", "Type"], Type::String),
    field("vni", &["Backend", "VNI"], Type::Number),
    field("port", &["Backend", "Port"], Type::Number),
    field("mtu", &["Backend", "MTU"], Type::Number),
    field("group_policy", &["Backend", "GBP"], Type::Bool),
    field("direct_routing", &["Backend", "DirectRouting"], Type::Bool),
];

const SUBNET: [Field; 4] = [
    field("address", &["PublicIP"], Type::String),
    field("backend", &["BackendType"], Type::String),
    field("vni", &["BackendData", "VNI"], Type::Number),
    field("mac", &["BackendData", "VtepMAC"], Type::String),
];

fn prefix() -> Attribute {
    Attribute::required("prefix", Type::String).replace().doc("Where flannel's keys are: \"/coreos.com/network\".")
}

impl Record for FlannelNetwork {
    fn resource_type(&self) -> &'static str {
        "flannel_network"
    }

    fn attributes(&self) -> Schema {
        let optional = |name: &'static str, ty, doc| Attribute::optional(name, ty).or_computed().doc(doc);
        Schema::new("The network of flannel's nodes. What is not given stays as it is there.")
            .with(prefix())
            .with(Attribute::required("network", Type::String).doc("All addresses: \"10.244.0.0/16\"."))
            .with(Attribute::required("backend", Type::String).doc("How packets travel between nodes: \"vxlan\"."))
            .with(optional("subnet_length", Type::Number, "The prefix length of a node's subnet; flannel's is 24."))
            .with(optional("subnet_min", Type::String, "The first subnet that is given to a node."))
            .with(optional("subnet_max", Type::String, "The last subnet that is given to a node."))
            .with(optional("vni", Type::Number, "The number of the VXLAN network; flannel's is 1."))
            .with(optional("port", Type::Number, "The UDP port; the kernel's is 8472."))
            .with(optional("mtu", Type::Number, "The largest packet, in bytes."))
            .with(optional("group_policy", Type::Bool, "Whether packets carry VXLAN group policies."))
            .with(optional("direct_routing", Type::Bool, "Whether nodes in one network segment skip the tunnel."))
    }

    fn check(&self, config: &Value) -> Vec<Error> {
        let network = parsed::<Ipv4Net>(config, "network", "an IPv4 network such as 10.244.0.0/16");
        let edges = ["subnet_min", "subnet_max"].map(|name| parsed::<Ipv4Addr>(config, name, "an IPv4 address"));
        let length = number(config, "subnet_length", 1..=30);
        let mut errors: Vec<Error> = [number(config, "vni", 1..=LARGEST_VNI), number(config, "port", 1..=65535)]
            .into_iter()
            .chain([number(config, "mtu", 576..=65535), length.clone()])
            .filter_map(Result::err)
            .collect();
        match (&network, length) {
            (Err(error), _) => errors.push(error.clone()),
            (Ok(Some(network)), _) if network.network() != network.addr() => {
                errors.push(wrong(
                    "network",
                    format!("{network} has bits set beyond its prefix; meant is {}", network.trunc()),
                ));
            }
            (Ok(Some(network)), Ok(Some(length))) if i64::from(network.prefix_len()) >= length => {
                errors.push(wrong("subnet_length", format!("no subnet of length {length} fits into {network}")))
            }
            _ => {}
        }
        for (name, edge) in ["subnet_min", "subnet_max"].into_iter().zip(edges) {
            match (edge, &network) {
                (Err(error), _) => errors.push(error),
                (Ok(Some(edge)), Ok(Some(network))) if !network.contains(&edge) => {
                    errors.push(wrong(name, format!("{edge} is not in {network}")));
                }
                _ => {}
            }
        }
        errors
    }

    fn key(&self, object: &Value) -> Option<String> {
        Some(format!("{}/config", prefix_of(object)?))
    }

    fn encode(&self, object: &Value, present: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        Ok(merged(&NETWORK, object, present))
    }

    fn decode(&self, key: &str, bytes: &[u8]) -> Result<Value, Error> {
        let prefix =
            key.strip_suffix("/config").ok_or_else(|| Error::invalid(format!("{key} is not PREFIX/config")))?;
        let own = [("prefix", Value::string(prefix))];
        Ok(Value::object(own.into_iter().chain(attributes(&NETWORK, &json(key, bytes)?))))
    }
}

impl Record for FlannelSubnet {
    fn resource_type(&self) -> &'static str {
        "flannel_subnet"
    }

    fn attributes(&self) -> Schema {
        let optional = |name: &'static str, ty, doc| Attribute::optional(name, ty).or_computed().doc(doc);
        Schema::new("The subnet that is reserved for a node.")
            .with(prefix())
            .with(Attribute::required("subnet", Type::String).replace().doc("Its addresses: \"10.244.7.0/24\"."))
            .with(Attribute::required("address", Type::String).doc("The node's own address."))
            .with(Attribute::required("backend", Type::String).doc("How packets travel to it: \"vxlan\"."))
            .with(optional("vni", Type::Number, "The number of the VXLAN network, which flannel writes."))
            .with(optional("mac", Type::String, "The hardware address of its tunnel's end, which flannel writes."))
    }

    fn check(&self, config: &Value) -> Vec<Error> {
        let subnet = parsed::<Ipv4Net>(config, "subnet", "an IPv4 network such as 10.244.7.0/24");
        let mut errors: Vec<Error> = [
            parsed::<Ipv4Addr>(config, "address", "an IPv4 address").err(),
            number(config, "vni", 1..=LARGEST_VNI).err(),
            mac(config).err(),
        ]
        .into_iter()
        .flatten()
        .collect();
        match subnet {
            Ok(Some(subnet)) if subnet.network() != subnet.addr() => {
                errors.push(wrong(
                    "subnet",
                    format!("{subnet} has bits set beyond its prefix; meant is {}", subnet.trunc()),
                ));
            }
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
        errors
    }

    fn key(&self, object: &Value) -> Option<String> {
        let subnet = object.get("subnet")?;
        Some(format!("{}/subnets/{}", prefix_of(object)?, subnet.as_str()?.replace('/', "-")))
    }

    fn encode(&self, object: &Value, present: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        Ok(merged(&SUBNET, object, present))
    }

    fn decode(&self, key: &str, bytes: &[u8]) -> Result<Value, Error> {
        let split = key.rsplit_once("/subnets/").and_then(|(prefix, name)| Some((prefix, name.rsplit_once('-')?)));
        let Some((prefix, (address, length))) = split else {
            return Err(Error::invalid(format!("{key} is not PREFIX/subnets/ADDRESS-LENGTH")));
        };
        let own = [("prefix", Value::string(prefix)), ("subnet", Value::string(format!("{address}/{length}")))];
        Ok(Value::object(own.into_iter().chain(attributes(&SUBNET, &json(key, bytes)?))))
    }
}

fn prefix_of(object: &Value) -> Option<String> {
    Some(object.get("prefix")?.as_str()?.trim_end_matches('/').to_owned())
}

fn wrong(name: &'static str, message: String) -> Error {
    Error::invalid(message).at(AttributePath::attribute(name))
}

/// The attribute read as a `T`; `None` where it is not given or not known.
fn parsed<T: std::str::FromStr>(config: &Value, name: &'static str, what: &str) -> Result<Option<T>, Error> {
    let Some(text) = config.get(name).and_then(|value| value.as_str().map(str::to_owned)) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| wrong(name, format!("{text:?} is not {what}")))
}

fn number(config: &Value, name: &'static str, range: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, Error> {
    let Some(given) = config.get(name).filter(|value| value.as_number().is_some()) else { return Ok(None) };
    match given.to_json().as_i64().filter(|number| range.contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(wrong(name, format!("{name} must be a whole number from {} to {}", range.start(), range.end()))),
    }
}

/// A hardware address is six pairs of hexadecimal digits with colons between them.
fn mac(config: &Value) -> Result<(), Error> {
    let given = config.get("mac");
    let Some(text) = given.as_ref().and_then(Value::as_str) else { return Ok(()) };
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.split(':').count() == 6 && text.split(':').all(is_pair) {
        return Ok(());
    }
    Err(wrong("mac", format!("{text:?} is not a hardware address such as 0e:1f:42:00:00:01")))
}

fn json(key: &str, bytes: &[u8]) -> Result<Json, Error> {
    let object = serde_json::from_slice(bytes).ok().filter(Json::is_object);
    object.ok_or_else(|| {
        Error::failed(format!("{key} does not hold a JSON object"))
            .help("Flannel cannot read it either: mend or take away the key by hand.")
    })
}

/// The fields of an object of flannel's, null where it does not have them.
fn attributes(fields: &[Field], json: &Json) -> Vec<(&'static str, Value)> {
    let value = |field: &Field| {
        let found = field.place.iter().try_fold(json, |json, step| json.get(step)).filter(|found| !found.is_null());
        found.and_then(|found| Value::from_json(found, &field.ty)).unwrap_or_else(|| Value::null(field.ty.clone()))
    };
    fields.iter().map(|field| (field.name, value(field))).collect()
}

/// The JSON with the fields that an object gives, and all else as it is.
fn merged(fields: &[Field], object: &Value, present: Option<&[u8]>) -> Vec<u8> {
    let present = present.and_then(|bytes| serde_json::from_slice::<Map<String, Json>>(bytes).ok());
    let mut whole = present.unwrap_or_default();
    for field in fields {
        let given = object.get(field.name).filter(|value| value.is_known() && !value.is_null());
        if let Some(value) = given {
            put(&mut whole, field.place, value.to_json());
        }
    }
    Json::Object(whole).to_string().into_bytes()
}

/// Puts a value at a place; objects on the way are made where there are none.
fn put(object: &mut Map<String, Json>, place: &[&str], value: Json) {
    match place {
        [] => {}
        [last] => {
            object.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let child = object.entry(*first).or_insert(Json::Null);
            if !child.is_object() {
                *child = Json::Object(Map::new());
            }
            if let Json::Object(child) = child {
                put(child, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(mac: Value) -> Value {
        Value::object([
            ("prefix", Value::string("/coreos.com/network/")),
            ("subnet", Value::string("10.244.7.0/24")),
            ("address", Value::string("192.0.2.7")),
            ("backend", Value::string("vxlan")),
            ("vni", Value::number(1)),
            ("mac", mac),
        ])
    }

    #[test]
    fn what_flannel_wrote_stays() {
        let there = br#"{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VtepMAC":"0e:00:00:00:00:01"}}"#;
        let object = subnet(Value::unknown(Type::String));
        assert_eq!(FlannelSubnet.key(&object).as_deref(), Some("/coreos.com/network/subnets/10.244.7.0-24"));
        let text = String::from_utf8(FlannelSubnet.encode(&object, Some(there)).expect("encodes")).expect("text");
        assert_eq!(
            text,
            r#"{"PublicIP":"192.0.2.7","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VtepMAC":"0e:00:00:00:00:01","VNI":1}}"#
        );
    }

    #[test]
    fn a_network_is_read_as_it_was_written() {
        let bytes =
            br#"{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan","VNI":1,"DirectRouting":true}}"#;
        let network = FlannelNetwork.decode("/n/config", bytes).expect("decodes");
        assert_eq!(network.get("vni"), Some(Value::number(1)));
        assert_eq!(network.get("mtu"), Some(Value::null(Type::Number)));
        assert_eq!(FlannelNetwork.encode(&network, Some(bytes)).expect("encodes"), bytes);
        assert!(FlannelNetwork.decode("/n/config", b"[]").is_err());
        assert!(FlannelNetwork.decode("/n/other", bytes).is_err());
    }

    #[test]
    fn wrong_values_are_all_told() {
        let network = Value::object([
            ("network", Value::string("10.244.1.0/16")),
            ("subnet_length", Value::number(33)),
            ("subnet_min", Value::string("10.1.0.0")),
            ("vni", Value::number(0)),
            ("port", Value::number(70_000)),
        ]);
        let messages = |errors: Vec<Error>| errors.into_iter().map(|error| error.message).collect::<Vec<_>>();
        assert_eq!(
            messages(FlannelNetwork.check(&network)),
            [
                "vni must be a whole number from 1 to 16777215",
                "port must be a whole number from 1 to 65535",
                "subnet_length must be a whole number from 1 to 30",
                "10.244.1.0/16 has bits set beyond its prefix; meant is 10.244.0.0/16",
                "10.1.0.0 is not in 10.244.1.0/16",
            ]
        );
        assert_eq!(
            messages(FlannelSubnet.check(&subnet(Value::string("0e:1f:4:00:00:01")))),
            ["\"0e:1f:4:00:00:01\" is not a hardware address such as 0e:1f:42:00:00:01"]
        );
    }
}
