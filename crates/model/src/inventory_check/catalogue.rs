//! Checks what the host lists besides what it sells: prefixes served near a location, and sessions
//! that are older than the product.

use super::is_name;
use crate::inventory::{Inventory, LegacySession, OfferingKind, PeeringKind};
use crate::prefix::Prefix;
use crate::violation::Violations;

/// Checks `[[cdn_prefix]]`.
pub(super) fn check_cdn_prefixes(inventory: &Inventory, v: &mut Violations) {
    for (i, cdn) in inventory.cdn_prefixes.iter().enumerate() {
        let at = |field: &str| format!("cdn_prefix[{i}].{field}");
        let before = &inventory.cdn_prefixes[..i];
        if !inventory.host.announced.iter().any(|own| own.contains(cdn.prefix)) {
            v.add(
                "PrefixNotAnnounced",
                at("prefix"),
                format!("{} isn't within host.announced; peers don't receive it", cdn.prefix),
            );
        }
        if inventory.location(&cdn.location).is_none() {
            v.add("LocationUnknown", at("location"), format!("there is no location '{}'", cdn.location));
        }
        if before.iter().any(|b| b.prefix == cdn.prefix && b.location.eq_ignore_ascii_case(&cdn.location)) {
            v.add(
                "CdnPrefixNotUnique",
                at("prefix"),
                format!("{} is listed twice for {}", cdn.prefix, cdn.location),
            );
        }
        if cdn.primary && before.iter().any(|b| b.primary && b.prefix == cdn.prefix) {
            v.add(
                "PrimaryNotUnique",
                at("primary"),
                format!("{} has another primary location; one prefix has one", cdn.prefix),
            );
        }
        if !is_name(&cdn.service) {
            v.add("NameInvalid", at("service"), "a service needs a name of 1 to 63 characters");
        }
    }
}

/// Checks `[[legacy_session]]`.
pub(super) fn check_legacy_sessions(inventory: &Inventory, v: &mut Violations) {
    for (i, session) in inventory.legacy_sessions.iter().enumerate() {
        check_place(inventory, i, session, v);
        check_peer(inventory, i, session, v);
        check_subnets(inventory, i, session, v);
        check_numbers(i, session, v);
    }
}

fn target(i: usize, field: &str) -> String {
    format!("legacy_session[{i}].{field}")
}

fn check_place(inventory: &Inventory, i: usize, session: &LegacySession, v: &mut Violations) {
    let router = inventory.router(&session.router);
    if router.is_none() {
        v.add("RouterUnknown", target(i, "router"), format!("there is no router '{}'", session.router));
    }
    if let (Some(router), Some(port)) = (router, &session.port)
        && router.ports.iter().any(|p| p.name == *port)
    {
        v.add(
            "PortOffered",
            target(i, "port"),
            format!(
                "Meetme may give {port} to another peer: take it out of {}'s ports until this session is gone",
                router.name
            ),
        );
    }
}

fn check_peer(inventory: &Inventory, i: usize, session: &LegacySession, v: &mut Violations) {
    let host = &inventory.host;
    if let Some(rfc) = host.public_space.reserved_by(session.asn) {
        v.add(
            "AsnReserved",
            target(i, "asn"),
            format!("AS{} is reserved by {rfc}; nobody could associate it", session.asn),
        );
    } else if session.asn == host.asn {
        v.add("AsnOfHost", target(i, "asn"), "a peer has another ASN than the host");
    }
    if !is_name(&session.peer_name) {
        v.add("NameInvalid", target(i, "peer_name"), "a peer needs a name of 1 to 63 characters");
    }
    if session.kind == PeeringKind::Direct && session.direct_type == OfferingKind::Exchange {
        v.add(
            "TypeInvalid",
            target(i, "type"),
            "for a session at an exchange say kind = \"Exchange\" and leave out type",
        );
    }
}

fn check_subnets(inventory: &Inventory, i: usize, session: &LegacySession, v: &mut Violations) {
    let (v4, v6) = match session.kind {
        PeeringKind::Direct => (30..=31, 64..=127),
        PeeringKind::Exchange => (16..=31, 48..=127),
    };
    let families = [
        ("session_prefix_v4", Some(session.session_prefix_v4), true, v4),
        ("session_prefix_v6", session.session_prefix_v6, false, v6),
    ];
    for (field, prefix, is_v4, lengths) in families {
        let Some(prefix) = prefix else { continue };
        if prefix.is_ipv4() != is_v4 || !lengths.contains(&prefix.len()) {
            let family = if is_v4 { "IPv4" } else { "IPv6" };
            v.add(
                "SessionPrefixInvalid",
                target(i, field),
                format!("{prefix}: it is an {family} /{} to /{}", lengths.start(), lengths.end()),
            );
        } else if let Some(pool) = inventory.pools.iter().find(|p| p.prefix.overlaps(prefix)) {
            v.add(
                "SessionPrefixInPool",
                target(i, field),
                format!(
                    "Meetme may give {prefix} to another peer: leave it out of pool {} until this session is gone",
                    pool.prefix
                ),
            );
        } else if let Some(other) = held_by(&inventory.legacy_sessions[..i], session, prefix) {
            v.add(
                "SessionPrefixNotUnique",
                target(i, field),
                format!(
                    "{prefix} overlaps a subnet of {} (AS{}) on {}",
                    other.peer_name, other.asn, other.router
                ),
            );
        }
    }
}

/// Who of `others` has the subnet. At an exchange many have the same one, each once on a router.
fn held_by<'a>(
    others: &'a [LegacySession],
    session: &LegacySession,
    prefix: Prefix,
) -> Option<&'a LegacySession> {
    others.iter().find(|other| {
        let at_exchange = other.kind == PeeringKind::Exchange && session.kind == PeeringKind::Exchange;
        let same_peer = other.asn == session.asn && other.router == session.router;
        (!at_exchange || same_peer) && other.subnets().any(|subnet| subnet.overlaps(prefix))
    })
}

fn check_numbers(i: usize, session: &LegacySession, v: &mut Violations) {
    if session.bandwidth_mbps == 0 {
        v.add("BandwidthInvalid", target(i, "bandwidth_mbps"), "a session has some bandwidth");
    }
    let limits = [
        ("max_prefixes_v4", session.max_prefixes_v4, 20_000),
        ("max_prefixes_v6", session.max_prefixes_v6, 2_000),
    ];
    for (field, limit, most) in limits {
        if !(1..=most).contains(&limit) {
            v.add(
                "MaxPrefixesInvalid",
                target(i, field),
                format!("{limit}; the limit is 1 to {most} prefixes"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::Asn;
    use crate::inventory::CdnPrefix;
    use crate::inventory_check::check;
    use crate::testing;

    fn cdn(prefix: &str, location: &str) -> CdnPrefix {
        CdnPrefix {
            prefix: prefix.parse().unwrap(),
            location: location.into(),
            service: "Content".into(),
            community: None,
            primary: true,
        }
    }

    fn session(subnet: &str) -> LegacySession {
        LegacySession {
            router: "ams1-er1".into(),
            kind: PeeringKind::Direct,
            direct_type: OfferingKind::Edge,
            asn: Asn(64496),
            peer_name: "Old Friend".into(),
            session_prefix_v4: subnet.parse().unwrap(),
            session_prefix_v6: None,
            bandwidth_mbps: 10_000,
            port: Some("xe-0".into()),
            max_prefixes_v4: 1_000,
            max_prefixes_v6: 100,
        }
    }

    /// `code target` of everything that is wrong.
    fn faults(inventory: &Inventory) -> Vec<String> {
        let all = check(inventory).err().map_or_else(Vec::new, |v| v.0);
        all.iter().map(|v| format!("{} {}", v.code, v.target)).collect()
    }

    #[test]
    fn a_catalogue_in_order_passes() {
        let mut inventory = testing::inventory();
        let second = CdnPrefix { primary: false, ..cdn("198.18.1.0/24", "frankfurt") };
        inventory.cdn_prefixes = vec![cdn("198.18.1.0/24", "Amsterdam"), second];
        let lan = LegacySession { kind: PeeringKind::Exchange, ..session("198.19.8.0/22") };
        let neighbour = LegacySession { asn: Asn(64497), ..lan.clone() };
        let of_host = LegacySession {
            session_prefix_v6: Some("2001:db8:9::/64".parse().unwrap()),
            ..session("198.18.64.0/30")
        };
        inventory.legacy_sessions = vec![session("198.19.0.0/31"), lan, neighbour, of_host];
        assert_eq!(faults(&inventory), [""; 0]);
    }

    #[test]
    fn every_fault_of_a_cdn_prefix_is_told() {
        let mut inventory = testing::inventory();
        let unnamed = CdnPrefix { service: "\n".into(), ..cdn("198.19.0.0/24", "Nowhere") };
        inventory.cdn_prefixes =
            vec![cdn("198.18.1.0/24", "Amsterdam"), cdn("198.18.1.0/24", "amsterdam"), unnamed];
        assert_eq!(
            faults(&inventory),
            [
                "CdnPrefixNotUnique cdn_prefix[1].prefix",
                "PrimaryNotUnique cdn_prefix[1].primary",
                "PrefixNotAnnounced cdn_prefix[2].prefix",
                "LocationUnknown cdn_prefix[2].location",
                "NameInvalid cdn_prefix[2].service",
            ]
        );
    }

    #[test]
    fn every_fault_of_a_legacy_session_is_told() {
        let mut inventory = testing::inventory();
        let strange = LegacySession {
            router: "gone".into(),
            direct_type: OfferingKind::Exchange,
            asn: Asn(64512),
            peer_name: String::new(),
            session_prefix_v6: Some("198.19.4.0/31".parse().unwrap()),
            bandwidth_mbps: 0,
            max_prefixes_v4: 20_001,
            max_prefixes_v6: 0,
            ..session("198.19.2.0/24")
        };
        inventory.legacy_sessions = vec![strange];
        assert_eq!(
            faults(&inventory),
            [
                "RouterUnknown legacy_session[0].router",
                "AsnReserved legacy_session[0].asn",
                "NameInvalid legacy_session[0].peer_name",
                "TypeInvalid legacy_session[0].type",
                "SessionPrefixInvalid legacy_session[0].session_prefix_v4",
                "SessionPrefixInvalid legacy_session[0].session_prefix_v6",
                "BandwidthInvalid legacy_session[0].bandwidth_mbps",
                "MaxPrefixesInvalid legacy_session[0].max_prefixes_v4",
                "MaxPrefixesInvalid legacy_session[0].max_prefixes_v6",
            ]
        );
    }

    #[test]
    fn what_a_legacy_session_holds_is_given_to_nobody_else() {
        let mut inventory = testing::inventory();
        let ours = LegacySession { asn: Asn(64500), port: Some("et1".into()), ..session("198.18.192.4/31") };
        let lan = LegacySession { kind: PeeringKind::Exchange, ..session("198.19.8.0/22") };
        inventory.legacy_sessions =
            vec![ours, session("198.19.0.0/30"), session("198.19.0.2/31"), lan.clone(), lan];
        assert_eq!(
            faults(&inventory),
            [
                "PortOffered legacy_session[0].port",
                "AsnOfHost legacy_session[0].asn",
                "SessionPrefixInPool legacy_session[0].session_prefix_v4",
                "SessionPrefixNotUnique legacy_session[2].session_prefix_v4",
                "SessionPrefixNotUnique legacy_session[4].session_prefix_v4",
            ]
        );
    }
}
