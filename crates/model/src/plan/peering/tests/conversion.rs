//! A connection on the addresses of a session that is older than the product.

use super::*;
use crate::inventory::{LegacySession, PeeringKind};
use crate::plan::approval::checks;

fn legacy(asn: u32, subnet: &str) -> LegacySession {
    LegacySession {
        router: "ams1-er1".into(),
        kind: PeeringKind::Direct,
        direct_type: OfferingKind::Edge,
        asn: Asn(asn),
        peer_name: "Network".into(),
        session_prefix_v4: subnet.parse().unwrap(),
        session_prefix_v6: None,
        bandwidth_mbps: 10_000,
        port: None,
        max_prefixes_v4: 1000,
        max_prefixes_v6: 100,
    }
}

/// One plain connection on 198.19.200.0/31 and 2001:db8:77::/127, and what the inventory lists.
fn world(sessions: Vec<LegacySession>) -> World {
    let mut w = World::new();
    w.peering.spec.offering = OfferingKind::Edge;
    let mut only = connection(1);
    only.spec.use_for_peering_service = false;
    only.spec.address_provider = AddressProvider::Peer;
    only.spec.session_prefix_v4 = Some("198.19.200.0/31".parse().unwrap());
    only.spec.session_prefix_v6 = Some("2001:db8:77::/127".parse().unwrap());
    w.connections = vec![only];
    w.inventory.host.public_space.prefixes.push("2001:db8::/32".parse().unwrap());
    w.inventory.legacy_sessions = sessions;
    w
}

#[test]
fn it_is_approved_by_itself_only_once_the_inventory_has_the_old_session_no_more() {
    let v6 = LegacySession {
        session_prefix_v6: Some("2001:db8:77::/126".parse().unwrap()),
        ..legacy(64510, "198.19.201.0/31")
    };
    for (session, told) in [
        (legacy(64510, "198.19.200.0/31"), "a session from before still has 198.19.200.0/31; it ends first"),
        (legacy(64509, "198.19.200.0/30"), "a session from before still has 198.19.200.0/31; it ends first"),
        (v6, "a session from before still has 2001:db8:77::/127; it ends first"),
    ] {
        let mut w = world(vec![session]);
        w.settle();
        assert_eq!(w.states(), ["PendingApproval"]);
        assert_eq!(w.connections[0].error_message.as_deref(), Some(told));
        w.inventory.legacy_sessions.clear();
        w.settle();
        assert_eq!(w.states(), ["Approved"]);
        assert_eq!(w.connections[0].error_message, None);
    }
}

#[test]
fn sessions_with_other_addresses_or_on_an_exchange_s_lan_do_not_hinder() {
    let lan = LegacySession { kind: PeeringKind::Exchange, ..legacy(64510, "198.19.200.0/22") };
    let mut w = world(vec![legacy(64510, "198.19.200.2/31"), lan]);
    w.settle();
    assert_eq!(w.states(), ["Approved"]);
}

#[test]
fn an_operator_sees_the_check_and_decides_all_the_same() {
    let mut w = world(vec![legacy(64510, "198.19.200.0/31")]);
    let found =
        checks(&w.inventory, &w.peering, &w.connections, &w.connections[0], Some(&w.asn), &w.ports(), &[]);
    let failing: Vec<&str> = found.iter().filter(|c| !c.ok).map(|c| c.name.as_str()).collect();
    assert_eq!(failing, ["LegacySessionGone"]);
    w.connections[0].decision = Some(Decision {
        approved: true,
        by: "op".into(),
        reason: "taken off the router just now".into(),
        at: w.now,
        checks: vec![],
    });
    w.settle();
    assert_eq!(w.states(), ["Approved"]);
}
