//! Kinds that lead to pods.

use super::Health;
use super::live::Live;

pub(super) fn service(live: &Live<'_>) -> Health {
    if live.text("/spec/type") != "LoadBalancer" {
        return Health::ready("it needs nothing outside the cluster");
    }
    // Where there is no status at all, as in a directory of manifests, an address says as much.
    if !live.list("/status/loadBalancer/ingress").is_empty() {
        return Health::ready("its load balancer has an address");
    }
    Health::progressing("its load balancer has no address yet")
}

/// Many controllers never report an address, so that nobody waits for one: see
/// [`can_be_unready`](super::can_be_unready).
pub(super) fn ingress(live: &Live<'_>) -> Health {
    match live.list("/status/loadBalancer/ingress").is_empty() {
        true => Health::progressing("its controller has reported no address"),
        false => Health::ready("it has an address"),
    }
}
