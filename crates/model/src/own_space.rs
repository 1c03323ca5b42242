//! What is the host's: the one list of address space that nobody else may bring as a route, give
//! for a session, register, or look into from outside.
//!
//! Everybody who asks "is this ours?" asks here; which part of the list concerns them they say by
//! [`Own`]. Pure.

use crate::inventory::{Inventory, Management};
use crate::prefix::Prefix;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a range of the host's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Own {
    /// Service prefixes, announced to everybody.
    Announced,
    /// Addresses of sessions.
    Pool,
    /// Listed by the operator as internal: management networks, blocks of loopbacks.
    Internal,
    /// Loopbacks of edge routers and of the backbone.
    Loopback,
    /// A link to the Internet, with both of its ends.
    TransitLink,
    /// A BMP station, or where a router speaks to it from.
    Bmp,
}

impl Inventory {
    /// Every range of the host's, with what it is for. Sessions that are older than the product
    /// aren't among them: their subnets may be the peers'.
    pub fn own_space(&self) -> impl Iterator<Item = (Prefix, Own)> + '_ {
        let at_routers = self.routers.iter().flat_map(|r| r.announced.iter().flatten());
        let announced = self.host.announced.iter().chain(at_routers).map(|&p| (p, Own::Announced));
        let pools = self.pools.iter().map(|p| (p.prefix, Own::Pool));
        let internal = self.host.internal_space.iter().map(|&p| (p, Own::Internal));
        let edge = self
            .routers
            .iter()
            .flat_map(|r| std::iter::once(IpAddr::from(r.loopback)).chain(r.loopback_v6.map(IpAddr::from)));
        let loopbacks =
            edge.chain(self.backbone.iter().map(|b| b.loopback)).map(|a| (single(a), Own::Loopback));
        let links = self.transits.iter().map(|t| (link_of(t.address), Own::TransitLink));
        let sources = self.routers.iter().map(|r| {
            let Management::Frr { bmp_source, .. } = &r.management;
            *bmp_source
        });
        let stations = self.sites.iter().filter_map(|s| Some(s.bmp?.ip()));
        let bmp = sources.chain(stations).map(|a| (single(a), Own::Bmp));
        announced.chain(pools).chain(internal).chain(loopbacks).chain(links).chain(bmp)
    }

    /// The host's own space, each range once: no peer and no transit may announce anything inside
    /// it. What merely covers one of these ranges may be announced (`docs/decisions/014-…`).
    pub fn host_space(&self) -> Vec<Prefix> {
        self.own_space().map(|(prefix, _)| prefix).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// True when a prefix has addresses of the host's.
    pub fn touches_own_space(&self, prefix: Prefix) -> bool {
        self.own_space().any(|(own, _)| own.overlaps(prefix))
    }
}

/// An address as a prefix of its own.
pub fn single(address: IpAddr) -> Prefix {
    Prefix::containing(IpNet::from(address))
}

/// The link that a neighbour's address is on: both of its ends, with /30 or /31 (/126 or /127).
pub fn link_of(neighbour: IpAddr) -> Prefix {
    let whole = IpNet::from(neighbour);
    Prefix::containing(IpNet::new(neighbour, whole.prefix_len() - 2).unwrap_or(whole))
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn everything_that_has_an_address_is_in_it_once() {
        let mut inventory = testing::inventory();
        inventory.host.internal_space = vec!["198.18.240.0/24".parse().unwrap()];
        let space: Vec<String> = inventory.host_space().iter().map(ToString::to_string).collect();
        assert_eq!(
            space,
            [
                "192.0.2.1/32",
                "192.0.2.11/32",
                "192.0.2.12/32",
                "192.0.2.21/32",
                "192.0.2.22/32",
                "198.18.0.0/17",
                "198.18.192.0/24",
                "198.18.193.0/24",
                "198.18.240.0/24",
                "198.18.250.0/30",
                "198.18.255.1/32",
                "198.18.255.11/32",
                "198.18.255.12/32",
                "198.18.255.21/32",
                "198.18.255.22/32",
            ]
        );
    }
}
