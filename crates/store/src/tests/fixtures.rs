//! Values that the tests fill a store with.

use crate::db::Store;
use crate::*;
use jiff::Timestamp;
use meetme_model::connection::Connection;
use meetme_model::intent::{BfdTimers, RouterIntent, SessionIntent, SessionPhase};
use meetme_model::inventory::OfferingKind;
use meetme_model::peer_asn::{AsnState, PeerAsn, PeerAsnSpec};
use meetme_model::peering::{AddressProvider, ConnectionSpec, Peering, PeeringSpec, Sku};
use meetme_model::peering_service::{
    ActivePath, LearnedType, PeeringService, PeeringServiceSpec, ServicePrefix,
};
use meetme_model::registered_prefix::{PrefixVerdict, RegisteredPrefix, Usage};
use meetme_model::route::SessionPolicy;
use meetme_model::{Asn, NamedSecret, Prefix, Secret};

pub const SUB: &str = "Sub-A";
pub const OTHER_SUB: &str = "sub-b";
pub const KEY: &str = "a very secret key";

/// A time so many seconds after a fixed one.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub fn peer_asn(subscription: &str, name: &str, asn: u32) -> PeerAsn {
    PeerAsn {
        id: 0,
        subscription: subscription.into(),
        name: name.into(),
        spec: PeerAsnSpec { asn: Asn(asn), peer_name: "Contoso".into(), contacts: vec![] },
        state: AsnState::Pending,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: meetme_model::stamp::Stamp::new("test", at(0)),
    }
}

pub fn peering(subscription: &str, group: &str, name: &str, location: &str) -> Peering {
    Peering {
        id: 0,
        subscription: subscription.into(),
        resource_group: group.into(),
        name: name.into(),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering: OfferingKind::Voice,
            sku: Sku::Premium_Direct_Free,
            location: location.into(),
            peer_asn_name: "Contoso".into(),
            asn: Asn(64510),
            tags: Default::default(),
            probes: vec![],
        },
        deleting: false,
        stamp: meetme_model::stamp::Stamp::new("test", at(0)),
    }
}

pub fn connection(identifier: &str) -> ConnectionSpec {
    ConnectionSpec {
        identifier: identifier.into(),
        bandwidth_mbps: 10_000,
        facility_id: 1,
        address_provider: AddressProvider::Host,
        use_for_peering_service: true,
        session_prefix_v4: None,
        session_prefix_v6: None,
        max_prefixes_v4: 1000,
        max_prefixes_v6: None,
        md5_key: Some(Secret::new(KEY)),
    }
}

pub fn registered(peering_id: i64, name: &str, text: &str) -> RegisteredPrefix {
    RegisteredPrefix {
        id: 0,
        peering_id,
        name: name.into(),
        prefix: prefix(text),
        usage: Usage::default(),
        key: None,
        verdict: PrefixVerdict::pending(),
        troubled: false,
        since: at(0),
        stamp: meetme_model::stamp::Stamp::new("test", at(0)),
    }
}

pub fn service(subscription: &str, name: &str) -> PeeringService {
    PeeringService {
        id: 0,
        subscription: subscription.into(),
        resource_group: "RG".into(),
        name: name.into(),
        spec: PeeringServiceSpec {
            region: "westeurope".into(),
            location: "North Holland".into(),
            provider: "Contoso".into(),
            primary: Some("Amsterdam".into()),
            backup: None,
            sku: None,
            tags: Default::default(),
        },
        stamp: meetme_model::stamp::Stamp::new("test", at(0)),
    }
}

pub fn activated(service_id: i64, name: &str, registration: &RegisteredPrefix) -> ServicePrefix {
    ServicePrefix {
        id: 0,
        service_id,
        name: name.into(),
        prefix: registration.prefix,
        key: "key".into(),
        registered_prefix_id: registration.id,
        verdict: PrefixVerdict::pending(),
        learned: LearnedType::None,
        active_path: ActivePath::Internet,
        activated_at: None,
        path: None,
        seen: Default::default(),
        stamp: meetme_model::stamp::Stamp::new("test", at(0)),
    }
}

/// A key with a name that tells it from others and doesn't show it.
pub fn named(key: &str) -> NamedSecret {
    NamedSecret::new(format!("key-{}", key.bytes().map(u32::from).sum::<u32>()), key)
}

pub fn intent(router: &str, md5_key: &str) -> RouterIntent {
    RouterIntent {
        router: router.into(),
        generation: 0,
        asn: Asn(64500),
        router_id: "198.18.255.11".parse().unwrap(),
        loopback: "198.18.255.11".parse().unwrap(),
        loopback_v6: None,
        lags: vec![],
        sessions: vec![SessionIntent {
            name: "c1v4".into(),
            description: "Contoso".into(),
            lag: "lag1".into(),
            local_address: "198.18.192.1".parse().unwrap(),
            peer_address: "198.18.192.0".parse().unwrap(),
            bfd: BfdTimers { interval_ms: 100, multiplier: 3, strict: false },
            md5_key: Some(named(md5_key)),
            max_prefixes: 1000,
            phase: SessionPhase::Denied,
            voice: true,
            policy: SessionPolicy {
                host_asn: Asn(64500),
                peer_asn: Asn(64510),
                route_server: false,
                behind: [].into(),
                next_hop: "198.18.192.0".parse().unwrap(),
                host_space: [].into(),
                max_length: 29,
                registration_required: true,
                ordinary_used: false,
                community: None,
                long_prefix_max_path: 3,
                max_path: None,
                prefixes: [].into(),
                space: Default::default(),
            },
        }],
        ibgp: vec![],
        transits: vec![],
        announced: [].into(),
        bmp: None,
    }
}

/// Keeps the peer ASN "Contoso" (64510) for both subscriptions.
pub async fn with_peer_asns(store: &Store) {
    let mut tx = store.begin().await.unwrap();
    for subscription in [SUB, OTHER_SUB] {
        peer_asn_insert(&mut tx, &peer_asn(subscription, "Contoso", 64510)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Keeps a peering of [`SUB`] at `location` with two connections, and its peer ASNs.
pub async fn with_peering(store: &Store, location: &str) -> (Peering, Vec<Connection>) {
    let exists = peer_asn_get(&mut store.read().await.unwrap(), SUB, "contoso").await;
    if exists.unwrap().is_none() {
        with_peer_asns(store).await;
    }
    let mut tx = store.begin().await.unwrap();
    let kept = peering_insert(
        &mut tx,
        &peering(SUB, "RG", location, location),
        &[connection("ID-1"), connection("id-2")],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    kept
}
