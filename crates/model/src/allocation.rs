//! Which port and which addresses a connection gets (`docs/rules.md` §2, §3).
//!
//! Both choices are functions of what is in use; the store's unique keys are what makes two
//! choices at the same moment impossible, and then this is asked again.

use crate::connection::{PortAssignment, SessionSubnet};
use crate::inventory::{AddressPool, Inventory};
use crate::peering::MAX_LAG_MEMBERS;
use crate::prefix::Prefix;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Freed session addresses rest this long before they are given out again.
pub const ADDRESS_REST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A subnet of a pool that can't be given out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetUse {
    /// The subnet.
    pub prefix: Prefix,
    /// When it was freed; `None` while in use.
    pub freed_at: Option<Timestamp>,
}

/// The lowest subnet of `pool` that is neither in use nor resting, or `None` when it is exhausted.
/// Cost follows how many are in use, not how large the pool is.
pub fn allocate_subnet(pool: &AddressPool, used: &[SubnetUse], now: Timestamp) -> Option<SessionSubnet> {
    let (pool_bits, base) = match pool.prefix.net() {
        IpNet::V4(net) => (32, u128::from(u32::from(net.network()))),
        IpNet::V6(net) => (128, u128::from(net.network())),
    };
    let step = 1u128 << (pool_bits - pool.subnet_length);
    let end = base + ((1u128 << (pool_bits - pool.prefix.len())) - 1);
    let taken: BTreeMap<u128, u128> = used
        .iter()
        .filter(|u| u.freed_at.is_none_or(|at| now.duration_since(at) < ADDRESS_REST))
        .filter(|u| u.prefix.is_ipv4() == pool.prefix.is_ipv4())
        .map(|u| range(u.prefix))
        .collect();
    let mut candidate = base;
    for (&low, &high) in &taken {
        if low > candidate + (step - 1) {
            break;
        }
        if high >= candidate {
            // The next boundary behind what is taken.
            candidate = base + (high - base) / step * step + step;
        }
    }
    if candidate.checked_add(step - 1)? > end {
        return None;
    }
    let net = match pool.prefix.net() {
        IpNet::V4(_) => {
            IpNet::new(std::net::Ipv4Addr::from(u32::try_from(candidate).ok()?).into(), pool.subnet_length)
        }
        IpNet::V6(_) => IpNet::new(std::net::Ipv6Addr::from(candidate).into(), pool.subnet_length),
    };
    SessionSubnet::of(Prefix::containing(net.ok()?))
}

/// First and last address of a prefix as numbers.
fn range(prefix: Prefix) -> (u128, u128) {
    let (bits, base) = match prefix.net() {
        IpNet::V4(net) => (32, u128::from(u32::from(net.network()))),
        IpNet::V6(net) => (128, u128::from(net.network())),
    };
    let size = bits - prefix.len();
    (base, if size == 128 { u128::MAX } else { base + ((1u128 << size) - 1) })
}

/// Why no port can be given to a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPort {
    /// The location's routers with ports free all serve this peering already.
    #[error(
        "no other edge router at facility {facility_id} has the ports free: {used} already serve(s) this peering, and each connection needs a router of its own"
    )]
    NoDiverseRouter {
        /// The facility.
        facility_id: i32,
        /// Routers already used, joined.
        used: String,
    },
    /// No router has enough free ports of a fitting speed.
    #[error(
        "no edge router at facility {facility_id} has free ports for {bandwidth_mbps} Mbps; add ports to the inventory or free some"
    )]
    NoFreePorts {
        /// The facility.
        facility_id: i32,
        /// What was asked.
        bandwidth_mbps: u32,
    },
}

/// By link speed in Mbps, how many ports of it the router with most of them has at a facility, used or not:
/// the most links that one LAG there can ever have.
pub fn most_links(inventory: &Inventory, facility_id: i32) -> BTreeMap<u32, u32> {
    let mut most: BTreeMap<u32, u32> = BTreeMap::new();
    for router in &inventory.routers {
        if inventory.site(&router.site).is_none_or(|s| s.facility_id != facility_id) {
            continue;
        }
        let mut own: BTreeMap<u32, u32> = BTreeMap::new();
        for port in &router.ports {
            *own.entry(port.speed_mbps).or_default() += 1;
        }
        for (speed, links) in own {
            let most = most.entry(speed).or_default();
            *most = links.min(MAX_LAG_MEMBERS).max(*most);
        }
    }
    most
}

/// Chooses ports for a connection of `bandwidth_mbps` at facility `facility_id`: on a router that
/// doesn't serve this peering yet (`avoid`), with as few links as the free ports allow, and among
/// equals on the router with most free ports, then by name. `in_use` holds (router, port).
pub fn select_ports(
    inventory: &Inventory,
    facility_id: i32,
    bandwidth_mbps: u32,
    avoid: &BTreeSet<String>,
    in_use: &BTreeSet<(String, String)>,
) -> Result<PortAssignment, NoPort> {
    let mut best: Option<(u32, std::cmp::Reverse<usize>, &str, PortAssignment)> = None;
    let mut shared_only = false;
    for router in &inventory.routers {
        if inventory.site(&router.site).is_none_or(|s| s.facility_id != facility_id) {
            continue;
        }
        let mut free: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for port in &router.ports {
            if !in_use.contains(&(router.name.clone(), port.name.clone())) {
                free.entry(port.speed_mbps).or_default().push(&port.name);
            }
        }
        for (&speed, ports) in &free {
            if speed == 0 || !bandwidth_mbps.is_multiple_of(speed) {
                continue;
            }
            let links = bandwidth_mbps / speed;
            if links == 0 || links > MAX_LAG_MEMBERS || ports.len() < links as usize {
                continue;
            }
            if avoid.contains(&router.name) {
                shared_only = true;
                continue;
            }
            let chosen = PortAssignment {
                router: router.name.clone(),
                ports: ports.iter().take(links as usize).map(|p| (*p).to_owned()).collect(),
                port_speed_mbps: speed,
            };
            let rank = (links, std::cmp::Reverse(ports.len()), router.name.as_str(), chosen);
            if best.as_ref().is_none_or(|b| (rank.0, rank.1, rank.2) < (b.0, b.1, b.2)) {
                best = Some(rank);
            }
        }
    }
    best.map(|(.., chosen)| chosen).ok_or_else(|| {
        if shared_only {
            let used = avoid.iter().cloned().collect::<Vec<_>>().join(", ");
            NoPort::NoDiverseRouter { facility_id, used }
        } else {
            NoPort::NoFreePorts { facility_id, bandwidth_mbps }
        }
    })
}

#[cfg(test)]
mod tests;
