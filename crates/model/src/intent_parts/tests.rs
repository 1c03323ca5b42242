//! Snapshots go through their parts without loss, and nothing grows or leaks on the way.

use super::*;
use crate::intent::*;
use crate::route::{PrefixRole, SessionPolicy};
use crate::secret::NamedSecret;

fn prefixes(count: u8) -> Arc<[Prefix]> {
    (0..count).map(|n| format!("198.18.{n}.0/24").parse().unwrap()).collect()
}

/// Sessions of one peer, each with its own LAG and key.
fn snapshot(sessions: u16) -> RouterIntent {
    let host_space = prefixes(200);
    let registered: Arc<[PrefixPolicy]> = (0..=255)
        .map(|n| PrefixPolicy {
            prefix: format!("198.19.{n}.0/24").parse().unwrap(),
            role: PrefixRole::Registered,
        })
        .collect();
    let space = Arc::new(PublicSpace::default());
    let session = |n: u16| {
        let (own, peer) =
            (format!("10.0.{}.{}", n / 128, n % 128 * 2), format!("10.0.{}.{}", n / 128, n % 128 * 2 + 1));
        SessionIntent {
            name: format!("c{}v4", 1_000 + n),
            description: "AS64510".into(),
            lag: format!("lag{}", 1_000 + n),
            local_address: own.parse().unwrap(),
            peer_address: peer.parse().unwrap(),
            bfd: BfdTimers { interval_ms: 100, multiplier: 3, strict: false },
            md5_key: Some(NamedSecret { name: format!("key{}", 1_000 + n), secret: Secret::new("s3cret") }),
            max_prefixes: 1_000,
            phase: SessionPhase::Open,
            voice: true,
            policy: SessionPolicy {
                host_asn: Asn(64500),
                peer_asn: Asn(64510),
                route_server: false,
                behind: [].into(),
                next_hop: peer.parse().unwrap(),
                host_space: host_space.clone(),
                max_length: 29,
                registration_required: true,
                ordinary_used: false,
                community: None,
                long_prefix_max_path: 3,
                max_path: None,
                prefixes: registered.clone(),
                space: space.clone(),
            },
        }
    };
    let sessions: Vec<SessionIntent> = (0..sessions).map(session).collect();
    RouterIntent {
        router: "er1".into(),
        generation: 7,
        asn: Asn(64500),
        router_id: "198.18.255.11".parse().unwrap(),
        loopback: "198.18.255.11".parse().unwrap(),
        loopback_v6: None,
        lags: sessions
            .iter()
            .map(|s| LagIntent {
                name: s.lag.clone(),
                description: String::new(),
                members: vec!["et1".into()],
                addresses: vec![InterfaceAddress { address: s.local_address, prefix_len: 31 }],
            })
            .collect(),
        sessions,
        ibgp: vec![IbgpNeighbor { name: "er2".into(), address: "198.18.255.12".parse().unwrap(), bfd: None }],
        transits: vec![TransitIntent {
            name: "transit".into(),
            address: "203.0.113.1".parse().unwrap(),
            asn: Asn(64499),
            host_space: host_space.clone(),
            space,
        }],
        announced: prefixes(3),
        bmp: Some("192.0.2.1:1790".parse().unwrap()),
    }
}

/// An edge that has a snapshot.
fn edge(intent: &RouterIntent) -> (Assembly, IntentHead) {
    let (parts, head) = IntentParts::of(intent).one_by_one();
    let mut assembly = Assembly::default();
    parts.for_each(|part| assembly.take(part).unwrap());
    (assembly, head)
}

#[test]
fn a_snapshot_goes_through_its_parts_without_loss() {
    let intent = snapshot(20);
    assert_eq!(IntentParts::of(&intent).whole().unwrap(), intent);
    let (mut assembly, head) = edge(&intent);
    assert_eq!(assembly.whole(&head).unwrap(), intent);
}

#[test]
fn what_sessions_share_is_said_once_and_no_part_grows_with_their_number() {
    let longest = |parts: &IntentParts| {
        let texts = parts.units.values().chain(parts.lists.values()).map(|d| d.text.len());
        texts.chain([serde_json::to_string(&parts.head).unwrap().len()]).max()
    };
    let (few, many) = (IntentParts::of(&snapshot(10)), IntentParts::of(&snapshot(2_000)));
    assert_eq!(many.units.len(), 2_001);
    assert_eq!(many.lists.len(), few.lists.len());
    assert_eq!(longest(&many), longest(&few));
}

#[test]
fn keys_stand_in_no_document() {
    let parts = IntentParts::of(&snapshot(3));
    let texts = parts.units.values().chain(parts.lists.values()).map(|d| &d.text);
    assert!(texts.into_iter().all(|text| !text.contains("s3cret")));
    assert_eq!(parts.keys.len(), 3);
}

#[test]
fn one_changed_session_changes_one_unit_and_the_whole() {
    let mut intent = snapshot(20);
    let before = IntentParts::of(&intent);
    intent.generation += 1;
    assert_eq!(IntentParts::of(&intent).head.digest, before.head.digest, "counting on is no change");
    intent.sessions[4].max_prefixes = 5;
    let after = IntentParts::of(&intent);
    let changed: Vec<_> = after.units.iter().filter(|(name, unit)| before.units[*name] != **unit).collect();
    assert_eq!(changed.len(), 1);
    assert_ne!(after.head.digest, before.head.digest);

    let (mut assembly, _) = edge(&snapshot(20));
    assert_eq!(assembly.whole(&after.head), Err(PartsError::Mismatch { digest: after.head.digest.clone() }));
    let (name, document) = changed[0];
    assembly.take(IntentPart::Unit { name: name.clone(), document: Some(document.clone()) }).unwrap();
    assert_eq!(assembly.whole(&after.head).unwrap(), intent);
}

#[test]
fn what_no_unit_refers_to_any_more_is_forgotten() {
    let (mut assembly, _) = edge(&snapshot(3));
    let before = (assembly.lists.len(), assembly.keys.len());
    let mut without = snapshot(2);
    without.transits.clear();
    let parts = IntentParts::of(&without);
    assembly.take(IntentPart::Unit { name: UnitName::Connection("lag1002".into()), document: None }).unwrap();
    let backbone = parts.units[&UnitName::Backbone].clone();
    assembly.take(IntentPart::Unit { name: UnitName::Backbone, document: Some(backbone) }).unwrap();
    assert_eq!(assembly.whole(&parts.head).unwrap(), without);
    assert_eq!((assembly.lists.len(), assembly.keys.len()), (before.0, before.1 - 1));
}

#[test]
fn a_damaged_or_missing_part_is_told() {
    let parts = IntentParts::of(&snapshot(1));
    let mut damaged = parts.clone();
    damaged.units.get_mut(&UnitName::Backbone).unwrap().text.push(' ');
    assert!(matches!(damaged.whole(), Err(PartsError::Damaged { .. })));
    let mut keyless = parts.clone();
    keyless.keys.clear();
    assert_eq!(keyless.whole(), Err(PartsError::Missing { what: "the key key1000".into() }));
    let mut listless = parts;
    listless.lists.clear();
    assert!(matches!(listless.whole(), Err(PartsError::Missing { .. })));
}
