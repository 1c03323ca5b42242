//! Checks an inventory whole, and what replacing one by another would take away
//! (`docs/rules.md` §2, §8). Every fault is told at once, each with where it is.

use crate::inventory::{Inventory, OfferingKind};
use crate::own_space::single;
use crate::prefix::Prefix;
use crate::violation::Violations;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

mod catalogue;

/// Checks that every name is unique, every reference leads somewhere, and every number is in its
/// bounds. Targets are paths in the file: `router[2].port[0].speed_mbps`.
pub fn check(inventory: &Inventory) -> Result<(), Violations> {
    let mut v = Violations::default();
    check_host(inventory, &mut v);
    check_places(inventory, &mut v);
    check_routers(inventory, &mut v);
    check_pools(inventory, &mut v);
    check_attachments(inventory, &mut v);
    catalogue::check_cdn_prefixes(inventory, &mut v);
    catalogue::check_legacy_sessions(inventory, &mut v);
    v.into_result(())
}

/// What people read as a name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && !name.chars().any(char::is_control)
}

fn unique<'a>(names: impl Iterator<Item = (String, &'a str)>, what: &str, v: &mut Violations) {
    let mut seen = BTreeSet::new();
    for (target, name) in names {
        if !is_name(name) {
            v.add("NameInvalid", target, format!("a {what} needs a name of 1 to 63 characters"));
        } else if !seen.insert(name.to_ascii_lowercase()) {
            v.add("NameNotUnique", target, format!("there are two of {what} '{name}'"));
        }
    }
}

fn check_host(inventory: &Inventory, v: &mut Violations) {
    let host = &inventory.host;
    if let Some(rfc) = host.public_space.reserved_by(host.asn) {
        v.add("HostAsnReserved", "host.asn", format!("AS{} is reserved by {rfc}", host.asn));
    }
    if host.announced.is_empty() {
        v.add("AnnouncedEmpty", "host.announced", "the host announces nothing; list its service prefixes");
    }
    for (i, prefix) in host.announced.iter().enumerate() {
        let reason = if prefix.is_default() {
            Some("a default route")
        } else {
            prefix.bogon_reason(&host.public_space)
        };
        if let Some(reason) = reason {
            v.add("AnnouncedInvalid", format!("host.announced[{i}]"), format!("{prefix}: {reason}"));
        }
    }
    for (i, prefix) in host.peer_session_space.iter().enumerate() {
        if let Some(reason) = prefix.not_unicast_reason() {
            v.add(
                "PeerSessionSpaceInvalid",
                format!("host.peer_session_space[{i}]"),
                format!("{prefix}: {reason}; no interface has such an address"),
            );
        }
    }
    unique(
        inventory.offerings.iter().enumerate().map(|(i, o)| (format!("offering[{i}].name"), o.name.as_str())),
        "offering",
        v,
    );
    for (i, offering) in inventory.offerings.iter().enumerate() {
        let at = |field: &str| format!("offering[{i}].{field}");
        if inventory.offerings[..i].iter().any(|o| o.kind == offering.kind) {
            v.add(
                "OfferingKindNotUnique",
                at("kind"),
                format!("there are two offerings of kind {:?}", offering.kind),
            );
        }
        if offering.kind == OfferingKind::Exchange {
            v.add(
                "OfferingKindNotBuilt",
                at("kind"),
                "peerings of kind Exchange can't be provisioned yet; offer IxRs at an exchange with a route server",
            );
        }
        if !(10..=60_000).contains(&offering.bfd.interval_ms) || !(2..=255).contains(&offering.bfd.multiplier)
        {
            v.add("BfdTimersInvalid", at("bfd"), "interval_ms is 10 to 60000 and multiplier 2 to 255");
        }
        if !(8..=32).contains(&offering.max_length_v4) || !(16..=128).contains(&offering.max_length_v6) {
            v.add(
                "MaxLengthInvalid",
                at("max_length_v4"),
                "max_length_v4 is 8 to 32, max_length_v6 16 to 128",
            );
        }
    }
}

fn check_places(inventory: &Inventory, v: &mut Violations) {
    unique(
        inventory.locations.iter().enumerate().map(|(i, l)| (format!("location[{i}].name"), l.name.as_str())),
        "location",
        v,
    );
    for (i, location) in inventory.locations.iter().enumerate() {
        if location.country.len() != 2 || !location.country.chars().all(|c| c.is_ascii_uppercase()) {
            v.add(
                "CountryInvalid",
                format!("location[{i}].country"),
                "the country is a two-letter code, such as NL",
            );
        }
        if location.speeds_mbps.is_empty()
            || location.speeds_mbps.iter().any(|s| *s < 10_000 || s % 10_000 != 0)
        {
            v.add(
                "SpeedInvalid",
                format!("location[{i}].speeds_mbps"),
                "link speeds are multiples of 10000 Mbps, at least one (the least speed of an interconnect is 10 Gbps)",
            );
        }
    }
    unique(
        inventory.sites.iter().enumerate().map(|(i, s)| (format!("site[{i}].name"), s.name.as_str())),
        "site",
        v,
    );
    for (i, site) in inventory.sites.iter().enumerate() {
        if inventory.location(&site.location).is_none() {
            v.add(
                "LocationUnknown",
                format!("site[{i}].location"),
                format!("there is no location '{}'", site.location),
            );
        }
        if inventory.sites[..i]
            .iter()
            .any(|s| s.facility_id == site.facility_id && s.location == site.location)
        {
            v.add(
                "FacilityNotUnique",
                format!("site[{i}].facility_id"),
                "two sites of a location have this facility",
            );
        }
        let degrees = |d: Option<f64>, most: f64| d.is_none_or(|d| d.abs() <= most);
        if !degrees(site.latitude, 90.0) || !degrees(site.longitude, 180.0) {
            v.add(
                "CoordinatesInvalid",
                format!("site[{i}].latitude"),
                "degrees are up to 90 north and 180 east",
            );
        }
    }
}

fn check_routers(inventory: &Inventory, v: &mut Violations) {
    let names =
        inventory.routers.iter().enumerate().map(|(i, r)| (format!("router[{i}].name"), r.name.as_str()));
    let backbone =
        inventory.backbone.iter().enumerate().map(|(i, r)| (format!("backbone[{i}].name"), r.name.as_str()));
    unique(names.chain(backbone), "router", v);
    for (i, router) in inventory.backbone.iter().enumerate().filter(|(_, r)| r.loopback.is_ipv6()) {
        v.add(
            "LoopbackNotIpv4",
            format!("backbone[{i}].loopback"),
            format!("iBGP goes between IPv4 loopbacks; {} is IPv6", router.loopback),
        );
    }
    let mut loopbacks: BTreeMap<IpAddr, &String> = BTreeMap::new();
    for (i, router) in inventory.routers.iter().enumerate() {
        if inventory.site(&router.site).is_none() {
            v.add("SiteUnknown", format!("router[{i}].site"), format!("there is no site '{}'", router.site));
        }
        let v6 = router.loopback_v6.map(|address| ("loopback_v6", IpAddr::from(address)));
        for (field, address) in std::iter::once(("loopback", router.loopback.into())).chain(v6) {
            if let Some(other) = loopbacks.insert(address, &router.name) {
                let told = format!("{other} has {address} too");
                v.add("LoopbackNotUnique", format!("router[{i}].{field}"), told);
            }
        }
        if let Some(address) = router.loopback_v6
            && (address.is_unicast_link_local() || single(address.into()).not_unicast_reason().is_some())
        {
            let told = format!("{address} can't be a next hop of routes: give a global unicast address");
            v.add("LoopbackNotUnicast", format!("router[{i}].loopback_v6"), told);
        }
        unique(
            router
                .ports
                .iter()
                .enumerate()
                .map(|(p, x)| (format!("router[{i}].port[{p}].name"), x.name.as_str())),
            "port",
            v,
        );
        for (p, port) in router.ports.iter().enumerate() {
            if port.speed_mbps < 10_000 || port.speed_mbps % 10_000 != 0 {
                v.add(
                    "SpeedInvalid",
                    format!("router[{i}].port[{p}].speed_mbps"),
                    "a port's speed is a multiple of 10000 Mbps",
                );
            }
            let linux_name = port.name.len() <= 15
                && port.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if !linux_name {
                v.add(
                    "PortNameInvalid",
                    format!("router[{i}].port[{p}].name"),
                    "an interface name has up to 15 of A-Z a-z 0-9 - _ .",
                );
            }
        }
    }
}

fn check_pools(inventory: &Inventory, v: &mut Violations) {
    for (i, pool) in inventory.pools.iter().enumerate() {
        let at = |field: &str| format!("pool[{i}].{field}");
        let lengths = if pool.prefix.is_ipv4() { [30, 31] } else { [126, 127] };
        if !lengths.contains(&pool.subnet_length) || pool.subnet_length < pool.prefix.len() {
            v.add(
                "SubnetLengthInvalid",
                at("subnet_length"),
                format!(
                    "subnets of {} are /{} or /{}, and inside the pool",
                    pool.prefix, lengths[0], lengths[1]
                ),
            );
        }
        if inventory.location(&pool.location).is_none() {
            v.add("LocationUnknown", at("location"), format!("there is no location '{}'", pool.location));
        }
        if let Some(other) = inventory.pools[..i].iter().find(|p| p.prefix.overlaps(pool.prefix)) {
            v.add("PoolOverlap", at("prefix"), format!("{} overlaps pool {}", pool.prefix, other.prefix));
        }
    }
}

fn check_attachments(inventory: &Inventory, v: &mut Violations) {
    unique(
        inventory.transits.iter().enumerate().map(|(i, t)| (format!("transit[{i}].name"), t.name.as_str())),
        "transit",
        v,
    );
    for (i, transit) in inventory.transits.iter().enumerate() {
        if inventory.router(&transit.router).is_none() {
            v.add(
                "RouterUnknown",
                format!("transit[{i}].router"),
                format!("there is no router '{}'", transit.router),
            );
        }
        if transit.asn == inventory.host.asn {
            v.add(
                "TransitAsnInvalid",
                format!("transit[{i}].asn"),
                "a transit has another ASN than the host",
            );
        }
    }
}

/// What is in use and would be orphaned if it left the inventory.
#[derive(Clone, Debug, Default)]
pub struct InUse {
    /// (router, port, by which peering).
    pub ports: Vec<(String, String, String)>,
    /// (session subnet, by which peering).
    pub subnets: Vec<(Prefix, String)>,
    /// (location, by which peering or peering service).
    pub locations: Vec<(String, String)>,
    /// (offering kind as shown, by which peering).
    pub offerings: Vec<(crate::inventory::OfferingKind, String)>,
}

/// Refuses an inventory that lacks something in use.
pub fn check_orphans(new: &Inventory, in_use: &InUse) -> Result<(), Violations> {
    let mut v = Violations::default();
    for (router, port, by) in &in_use.ports {
        if !new.router(router).is_some_and(|r| r.ports.iter().any(|p| p.name == *port)) {
            v.add(
                "PortInUse",
                format!("router '{router}' port '{port}'"),
                format!("it is in use by {by}; keep it, or delete that first"),
            );
        }
    }
    for (subnet, by) in &in_use.subnets {
        if !new.pools.iter().any(|p| p.prefix.contains(*subnet)) {
            v.add(
                "SubnetInUse",
                format!("pool of {subnet}"),
                format!("{subnet} is in use by {by}; keep the pool"),
            );
        }
    }
    for (location, by) in &in_use.locations {
        if new.location(location).is_none() {
            v.add(
                "LocationInUse",
                format!("location '{location}'"),
                format!("it is in use by {by}; keep it"),
            );
        }
    }
    for (kind, by) in &in_use.offerings {
        if new.offering(*kind).is_none() {
            v.add(
                "OfferingInUse",
                format!("offering of kind {kind:?}"),
                format!("it is in use by {by}; keep it"),
            );
        }
    }
    v.into_result(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_inventory_in_order_passes() {
        assert_eq!(check(&testing::inventory()), Ok(()));
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_place() {
        let mut inventory = testing::inventory();
        inventory.sites[1].location = "Nowhere".into();
        inventory.routers[1].name = "ams1-er1".into();
        inventory.routers[2].ports[0].speed_mbps = 1_000;
        inventory.pools[0].subnet_length = 29;
        inventory.host.peer_session_space = ["10.0.0.0/8", "224.0.0.0/24"].map(|p| p.parse().unwrap()).into();
        inventory.pools[1].prefix = "198.18.192.128/25".parse().unwrap();
        inventory.transits[0].router = "gone".into();
        inventory.offerings[1].kind = OfferingKind::Exchange;
        let found = check(&inventory).unwrap_err();
        let targets: Vec<&str> = found.0.iter().map(|v| v.target.as_str()).collect();
        assert_eq!(
            targets,
            [
                "host.peer_session_space[1]",
                "offering[1].kind",
                "site[1].location",
                "router[1].name",
                "router[2].port[0].speed_mbps",
                "pool[0].subnet_length",
                "pool[1].prefix",
                "transit[0].router"
            ]
        );
    }

    #[test]
    fn what_is_in_use_may_not_leave() {
        let mut new = testing::inventory();
        new.routers.remove(0);
        new.pools.remove(0);
        new.locations.remove(0);
        new.offerings.remove(0);
        let by = "contoso-ams".to_owned();
        let in_use = InUse {
            ports: vec![("ams1-er1".into(), "et1".into(), by.clone())],
            subnets: vec![("198.18.192.0/31".parse().unwrap(), by.clone())],
            locations: vec![("Amsterdam".into(), by.clone())],
            offerings: vec![(crate::inventory::OfferingKind::Voice, by)],
        };
        let codes: Vec<String> =
            check_orphans(&new, &in_use).unwrap_err().0.into_iter().map(|v| v.code).collect();
        assert_eq!(codes, ["PortInUse", "SubnetInUse", "LocationInUse", "OfferingInUse"]);
        assert_eq!(check_orphans(&testing::inventory(), &in_use), Ok(()));
    }
}
