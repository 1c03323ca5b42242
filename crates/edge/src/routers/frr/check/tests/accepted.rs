//! Whatever the API accepts of a peer, the router takes: from the draft as sent by way of the
//! planner to the checks. One connection's values never hold up a router.

use super::*;
use ipnet::IpNet;
use meetme_model::asn::Asn;
use meetme_model::connection::{Connection, ConnectionState, PortAssignment};
use meetme_model::inventory::Inventory;
use meetme_model::peer_asn::AsnState;
use meetme_model::peering::{
    ConnectionDraft, ConnectionSpec, Peering, PeeringDraft, PeeringSpec, ResolvedAsn, ValidateContext,
    validate,
};
use meetme_model::plan::router::{RouterConnection, router_intent};
use meetme_model::stamp::Stamp;
use serde_json::json;

/// A host with something of every kind that has an address. Its laboratory's settings let nearly
/// everything count as public, so that only the rules themselves are between a draft and a router.
fn inventory() -> Inventory {
    serde_json::from_value(json!({
        "host": {
            "name": "Example Cloud", "asn": 64500, "announced": ["198.18.0.0/17", "2001:db8:1::/48"],
            "internal_space": ["10.9.0.0/16"],
            "public_space": {
                "asns": [[64496, 64511]],
                "prefixes": ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"],
            },
        },
        "offering": [{ "name": "AS64500", "kind": "Edge" }],
        "location": [{ "name": "Amsterdam", "country": "NL", "region": "westeurope" }],
        "site": [{
            "name": "ams1", "location": "Amsterdam", "facility_id": 64, "address": "1 Harbour Way",
            "bmp": "192.0.2.1:1790",
        }],
        "router": [{
            "name": "ams1-er1", "site": "ams1", "loopback": "198.18.255.11",
            "management": {
                "driver": "frr", "vty_dir": "/run/frr", "bmp_source": "192.0.2.11",
                "lag": { "backend": "bonding" },
            },
            "port": [{ "name": "et1", "speed_mbps": 10000, "panel": "PP1:1" }],
        }],
        "pool": [{ "prefix": "198.18.192.0/24", "location": "Amsterdam", "subnet_length": 31 }],
        "backbone": [{ "name": "ams1-cr1", "loopback": "198.18.255.1" }],
        "transit": [{ "name": "internet", "router": "ams1-er1", "address": "198.18.250.1", "asn": 64499 }],
    }))
    .unwrap()
}

/// A plain peering with one connection on addresses of the peer's.
fn draft(name: String, v4: String, v6: Option<String>, key: String, most: (i64, i64)) -> PeeringDraft {
    PeeringDraft {
        name,
        kind: Some("Direct".into()),
        sku: Some("Basic_Direct_Free".into()),
        region: Some("westeurope".into()),
        location: Some("Amsterdam".into()),
        direct_peering_type: Some("Edge".into()),
        peer_asn_id: Some("contoso".into()),
        connections: vec![ConnectionDraft {
            bandwidth_mbps: Some(10_000),
            facility_id: Some(64),
            address_provider: Some("Peer".into()),
            session_prefix_v4: Some(v4),
            session_prefix_v6: v6,
            max_prefixes_v4: Some(most.0),
            max_prefixes_v6: Some(most.1),
            md5_key: Some(meetme_model::Secret::new(key)),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// What the API makes of a draft; `None`: refused.
fn accepted(inventory: &Inventory, draft: &PeeringDraft) -> Option<(PeeringSpec, ConnectionSpec)> {
    let asn = ResolvedAsn { name: "contoso".into(), asn: Asn(64510), state: AsnState::Approved };
    let context = ValidateContext { inventory, asn: Some(asn), existing: None };
    let guid = || "5f1c7c9e-63a8-4f5e-8a52-0b6f3a1d9c01".to_owned();
    let (spec, mut connections) = validate(draft, &context, &mut { guid }).ok()?;
    Some((spec, connections.remove(0)))
}

/// The router once the connection is Active there.
fn active(inventory: &Inventory, name: &str, spec: PeeringSpec, connection: ConnectionSpec) -> RouterIntent {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let peering = Peering {
        id: 1,
        subscription: "sub-a".into(),
        resource_group: "rg".into(),
        name: name.into(),
        spec,
        deleting: false,
        stamp: Stamp::new("test", at),
    };
    let subnet = |prefix: Option<meetme_model::Prefix>| prefix.and_then(SessionSubnet::of);
    let connection = Connection {
        id: 1,
        peering_id: 1,
        name: "contoso-ams-1".into(),
        state: ConnectionState::Active,
        since: at,
        error_message: None,
        decision: None,
        ports: Some(PortAssignment {
            router: "ams1-er1".into(),
            ports: vec!["et1".into()],
            port_speed_mbps: 10_000,
        }),
        subnet_v4: subnet(connection.session_prefix_v4),
        subnet_v6: subnet(connection.session_prefix_v6),
        spec: connection,
        loa: None,
        light_at: None,
        active_at: Some(at),
        reached: Default::default(),
        removal: None,
    };
    let md5_key = connection.spec.md5_key.clone().map(|secret| NamedSecret { name: "key".into(), secret });
    let on_router =
        RouterConnection { peering: &peering, connection: &connection, md5_key, prefixes: &[], behind: &[] };
    router_intent(inventory, &inventory.routers[0], &[on_router])
}

/// Addresses where something special is near, or anywhere.
fn v4() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "0.0.0.0",
        "10.9.3.0",
        "127.0.0.0",
        "169.254.1.0",
        "192.0.2.0",
        "192.0.2.8",
        "198.18.1.0",
        "198.18.192.0",
        "198.18.250.0",
        "198.18.255.0",
        "198.18.255.8",
        "224.0.0.0",
        "240.0.0.0",
        "255.255.255.248",
    ])
    .prop_map(|text| u32::from(text.parse::<std::net::Ipv4Addr>().unwrap()));
    (prop_oneof![special, any::<u32>()], 0u32..8, 28u8..=32, any::<bool>()).prop_map(
        |(base, off, len, cut)| {
            let net = ipnet::Ipv4Net::new(base.wrapping_add(off).into(), len).unwrap();
            if cut { net.trunc().to_string() } else { net.to_string() }
        },
    )
}

fn v6() -> impl Strategy<Value = Option<String>> {
    let special = prop::sample::select(vec![
        "::",
        "::ffff:192.0.2.0",
        "::192.0.2.0",
        "::1:0",
        "fe80::",
        "ff02::",
        "2001:db8:1::",
        "2a00::",
        "8000::",
    ])
    .prop_map(|text| u128::from(text.parse::<std::net::Ipv6Addr>().unwrap()));
    let text = (prop_oneof![special, any::<u128>()], 0u128..8, 60u8..=128).prop_map(|(base, off, len)| {
        IpNet::from(ipnet::Ipv6Net::new(base.wrapping_add(off).into(), len).unwrap()).trunc().to_string()
    });
    prop::option::of(text)
}

proptest! {
    #[test]
    fn nothing_that_the_api_accepts_is_refused_on_the_router(
        name in "[A-Za-z0-9_.-]{1,63}|MEETME-[A-Z]{1,9}|password",
        v4 in v4(),
        v6 in v6(),
        key in "[!-~]{0,81}|(MEETME|meetme)-[!-~]{0,40}",
        most in (0i64..30_000, 0i64..3_000),
    ) {
        let inventory = inventory();
        let Some((spec, connection)) = accepted(&inventory, &draft(name.clone(), v4, v6, key, most)) else {
            return Ok(());
        };
        let wanted = active(&inventory, &name, spec, connection);
        prop_assert_eq!(wanted.sessions.is_empty(), false);
        prop_assert_eq!(refused(&Owned::default(), &wanted), None);
    }
}

#[test]
fn what_the_property_is_about_does_get_through() {
    let inventory = inventory();
    let (v4, v6) = ("198.19.10.4/30".to_owned(), Some("2a00:1::/127".to_owned()));
    let draft = draft("edge".into(), v4, v6, "MEETME-x".into(), (1000, 100));
    let (spec, connection) = accepted(&inventory, &draft).unwrap();
    let wanted = active(&inventory, "edge", spec, connection);
    assert_eq!((wanted.sessions.len(), refused(&Owned::default(), &wanted)), (2, None));
}
