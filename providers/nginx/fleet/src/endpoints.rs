//! Upstreams whose servers are pods: what a tree says of them, and what is known of their addresses.
//!
//! A tree has, for each unit with such upstreams, a file below [`NEEDS`] that lists their servers:
//! addresses that stand fast, and sets of pods. The addresses of pods are in keys of their own, one
//! for a port of a service in a cluster, since they change without a release. From both together
//! come the servers of an upstream and their weights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The only format that is known.
const FORMAT: u32 = 1;

/// The folder of a tree in which its units say which pods they need.
pub const NEEDS: &str = "endpoints.d/";

/// The largest weight that is given: nginx reads 32 bits, and finer shares do not matter to it.
const MAX_WEIGHT: u64 = 10_000;

/// What a unit of a tree needs: its upstreams by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    format: u32,
    /// The upstreams, whose servers nginx includes from `endpoints.d/NAME.conf`.
    pub upstreams: BTreeMap<String, Upstream>,
}

/// An upstream of which some servers are pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// What follows each address, as `max_fails=3`.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// The word for a server that stands by: `backup`, or `down`.
    pub standby: String,
    /// How requests are divided, where that is not by turns.
    #[serde(default)]
    pub balance: Option<String>,
    /// Whether it stands among streams.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stream: bool,
    /// The servers.
    pub servers: Vec<Member>,
}

/// A server of an upstream, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `address:port`, for one that stands fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The pods, otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// The weight of all of them together.
    pub weight: u64,
    /// Whether they get requests only while no others answer.
    #[serde(default)]
    pub stands_by: bool,
}

/// The pods of a service in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pods {
    /// The block of the cluster: `cluster.beijing`.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// The name of its port.
    pub port: String,
    /// How many of them there ought to be: where there are fewer, they get less.
    #[serde(default)]
    pub copies: u64,
}

/// The addresses of a set of pods, as they are in etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    format: u32,
    /// `address:port` of each pod that takes requests, in order. Empty where the cluster says that
    /// there is none.
    pub addresses: Vec<String>,
}

/// A server as nginx is to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    /// `address:port`
    pub address: String,
    /// Its weight.
    pub weight: u64,
    /// Whether it gets requests only while no others answer.
    pub stands_by: bool,
}

/// The addresses of pods, by what finds them below [`Prefix::endpoints`](crate::Prefix::endpoints).
pub type Known = BTreeMap<String, Addresses>;

impl Needs {
    /// What the bytes of a file below [`NEEDS`] stand for.
    ///
    /// # Errors
    ///
    /// Why they say nothing that can be understood.
    pub fn decode(bytes: &[u8]) -> Result<Needs, String> {
        let needs: Needs =
            serde_json::from_slice(bytes).map_err(|error| format!("what pods are needed cannot be read: {error}"))?;
        match needs.format {
            FORMAT => Ok(needs),
            other => Err(format!("what pods are needed has the format {other}, and only {FORMAT} is known")),
        }
    }

    /// All pods that are needed.
    pub fn pods(&self) -> impl Iterator<Item = &Pods> {
        self.upstreams.values().flat_map(|upstream| &upstream.servers).filter_map(|member| member.pods.as_ref())
    }
}

impl Pods {
    /// What finds their addresses, below the prefix of all addresses.
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.cluster, self.namespace, self.service, self.port)
    }
}

impl Addresses {
    /// These addresses, in order and each once.
    pub fn new(mut addresses: Vec<String>) -> Addresses {
        addresses.sort();
        addresses.dedup();
        Addresses { format: FORMAT, addresses }
    }

    /// The bytes of their key.
    pub fn encode(&self) -> Vec<u8> {
        // Texts can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The addresses that the bytes of their key stand for; `None` for what nobody here wrote, or
    /// what nginx would not take for addresses.
    pub fn decode(bytes: &[u8]) -> Option<Addresses> {
        let found: Addresses = serde_json::from_slice(bytes).ok()?;
        let is_address = |text: &String| text.parse::<std::net::SocketAddr>().is_ok();
        (found.format == FORMAT && found.addresses.iter().all(is_address)).then_some(found)
    }
}

impl Upstream {
    /// Its servers, with weights by which each member gets its share however many pods it has.
    ///
    /// # Errors
    ///
    /// The pods of which nothing is known, where nothing is known of any.
    pub fn servers(&self, known: &Known) -> Result<Vec<Server>, &Pods> {
        let mut shares: Vec<(Server, u64)> = Vec::new();
        let (mut is_known, mut missing) = (false, None);
        for member in &self.servers {
            let one = |address: &String| Server {
                address: address.clone(),
                weight: member.weight,
                stands_by: member.stands_by,
            };
            match (&member.address, &member.pods) {
                (Some(address), _) => {
                    is_known = true;
                    shares.push((one(address), 1));
                }
                (None, Some(pods)) => match known.get(&pods.key()) {
                    Some(found) => {
                        is_known = true;
                        let parts = pods.copies.max(found.addresses.len() as u64).max(1);
                        shares.extend(found.addresses.iter().map(|address| (one(address), parts)));
                    }
                    None => missing = Some(pods),
                },
                (None, None) => {}
            }
        }
        match missing.filter(|_| !is_known) {
            Some(missing) => Err(missing),
            None => {
                // nginx has no upstream in which all servers stand by.
                let is_nobody_first = shares.iter().all(|(server, _)| server.stands_by);
                shares.iter_mut().for_each(|(server, _)| server.stands_by &= !is_nobody_first);
                Ok(weighed(shares))
            }
        }
    }
}

/// Servers of which each gets one of so many parts of its weight.
fn weighed(shares: Vec<(Server, u64)>) -> Vec<Server> {
    // What no share is made finer than, so that many different numbers of pods do not overflow it.
    const FINEST: u64 = 1 << 32;
    let common = shares.iter().fold(1_u64, |all, (_, parts)| match (all / divisor(all, *parts)).checked_mul(*parts) {
        Some(common) if common <= FINEST => common,
        _ => FINEST,
    });
    let fine: Vec<u64> = shares.iter().map(|(server, parts)| server.weight.saturating_mul(common / parts)).collect();
    let least = fine.iter().copied().fold(0, divisor).max(1);
    let scale = (fine.iter().max().copied().unwrap_or(1) / least).div_ceil(MAX_WEIGHT).max(1);
    let weigh = |((server, _), fine): ((Server, u64), u64)| Server { weight: (fine / least / scale).max(1), ..server };
    shares.into_iter().zip(fine).map(weigh).collect()
}

fn divisor(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { divisor(right, left % right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(cluster: &str, weight: u64, copies: u64) -> Member {
        let pods = Pods {
            cluster: cluster.into(),
            namespace: "shop".into(),
            service: "web".into(),
            port: "http".into(),
            copies,
        };
        Member { address: None, pods: Some(pods), weight, stands_by: false }
    }

    fn weights(members: &[Member], known: &[(&str, usize)]) -> Option<Vec<u64>> {
        let address = |cluster: &str, number: usize| format!("10.0.{}.{number}:80", cluster.len());
        let known = known.iter().map(|(cluster, count)| {
            let addresses = (0..*count).map(|number| address(cluster, number)).collect();
            (format!("{cluster}/shop/web/http"), Addresses::new(addresses))
        });
        let upstream = Upstream {
            parameters: Vec::new(),
            standby: "backup".into(),
            balance: None,
            is_stream: false,
            servers: members.to_vec(),
        };
        let servers = upstream.servers(&known.collect()).ok()?;
        Some(servers.iter().map(|server| server.weight).collect())
    }

    #[test]
    fn clusters_get_what_the_division_gives_them() {
        assert_eq!(weights(&[pods("a", 4, 4), pods("bb", 2, 2)], &[("a", 4), ("bb", 2)]), Some(vec![1; 6]));
        // More pods than decided, as while they are replaced: the cluster's share stays.
        assert_eq!(weights(&[pods("a", 1, 1), pods("bb", 1, 1)], &[("a", 2), ("bb", 1)]), Some(vec![1, 1, 2]));
        // Fewer, as half of them are broken: nobody gets more for that.
        assert_eq!(weights(&[pods("a", 2, 2), pods("bb", 2, 2)], &[("a", 1), ("bb", 2)]), Some(vec![1, 1, 1]));
        // A tenth by hand.
        assert_eq!(weights(&[pods("a", 9, 1), pods("bb", 1, 1)], &[("a", 1), ("bb", 1)]), Some(vec![9, 1]));
    }

    #[test]
    fn a_cluster_that_nobody_knows_of_is_not_waited_for_where_another_is() {
        assert_eq!(weights(&[pods("a", 1, 1), pods("bb", 1, 1)], &[("a", 1)]), Some(vec![1]));
        assert_eq!(weights(&[pods("a", 1, 1)], &[]), None);
        assert_eq!(weights(&[pods("a", 1, 1)], &[("a", 0)]), Some(vec![]));
    }

    #[test]
    fn only_addresses_are_taken() {
        let encoded = Addresses::new(vec!["10.0.0.2:80".into(), "10.0.0.1:80".into(), "[fd00::1]:80".into()]).encode();
        assert_eq!(Addresses::decode(&encoded).map(|found| found.addresses.len()), Some(3));
        for text in ["10.0.0.1", "10.0.0.1:80; }", "a:80", "unix:/x"] {
            let bad = Addresses { format: FORMAT, addresses: vec![text.into()] }.encode();
            assert_eq!(Addresses::decode(&bad), None, "{text}");
        }
    }

    #[test]
    fn many_numbers_of_pods_do_not_overflow() {
        let members: Vec<Member> = (1..=40).map(|length| pods(&"a".repeat(length), 7, 0)).collect();
        let names: Vec<String> = (1..=40).map(|length| "a".repeat(length)).collect();
        let known: Vec<(&str, usize)> = names.iter().map(|name| (&**name, name.len() * 2 + 1)).collect();
        let weights = weights(&members, &known).expect("weights");
        assert!(weights.iter().all(|weight| (1..=MAX_WEIGHT).contains(weight)));
    }
}
