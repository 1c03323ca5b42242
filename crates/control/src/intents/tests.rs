//! What an edge gets of a router's snapshot, and what it isn't sent again.

use super::*;
use crate::testing;
use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::intent::*;
use meetme_model::intent_parts::Assembly;
use meetme_model::inventory::OfferingKind;
use meetme_model::route::{PrefixPolicy, PrefixRole, SessionPolicy};
use meetme_store::Store;
use std::sync::Arc;

/// An edge at the other end of a link.
#[derive(Default)]
pub(crate) struct Edge {
    sent: Sent,
    assembly: Assembly,
    /// What it makes of what it was sent.
    pub intent: Option<RouterIntent>,
}

impl Edge {
    /// Takes what there is to be sent; tells what that was.
    pub async fn look(&mut self, db: &mut impl Db, router: &str) -> Vec<String> {
        let mut taken = Vec::new();
        for message in news(db, router, &mut self.sent).await.unwrap() {
            match message {
                ToEdge::IntentPart { part, .. } => {
                    taken.push(match &part {
                        IntentPart::List { .. } => "list".into(),
                        IntentPart::Key { .. } => "key".into(),
                        IntentPart::Unit { name, document: Some(_) } => name.to_string(),
                        IntentPart::Unit { name, document: None } => format!("no {name}"),
                    });
                    self.assembly.take(part).unwrap();
                }
                ToEdge::Intent { head } => self.intent = Some(self.assembly.whole(&head).unwrap()),
                other => panic!("another message: {other:?}"),
            }
        }
        taken
    }
}

fn session(n: u8, prefixes: &Arc<[PrefixPolicy]>) -> SessionIntent {
    let peer = format!("198.18.192.{}", 2 * n).parse().unwrap();
    SessionIntent {
        name: format!("c{n}v4"),
        description: String::new(),
        lag: format!("lag{n}"),
        local_address: format!("198.18.192.{}", 2 * n + 1).parse().unwrap(),
        peer_address: peer,
        bfd: BfdTimers { interval_ms: 100, multiplier: 3, strict: false },
        md5_key: None,
        max_prefixes: 1_000,
        phase: SessionPhase::Open,
        voice: true,
        policy: SessionPolicy {
            host_asn: Asn(64500),
            peer_asn: Asn(64510),
            route_server: false,
            behind: [].into(),
            next_hop: peer,
            host_space: ["198.18.0.0/17".parse().unwrap()].into(),
            max_length: 29,
            registration_required: true,
            ordinary_used: false,
            community: None,
            long_prefix_max_path: 3,
            max_path: None,
            prefixes: prefixes.clone(),
            space: Arc::new(PublicSpace::default()),
        },
    }
}

fn registered(prefix: &str) -> Arc<[PrefixPolicy]> {
    [PrefixPolicy { prefix: prefix.parse().unwrap(), role: PrefixRole::Primary }].into()
}

fn snapshot(sessions: u8) -> RouterIntent {
    let prefixes = registered("198.19.10.0/24");
    RouterIntent {
        router: "er1".into(),
        generation: 0,
        asn: Asn(64500),
        router_id: "198.18.255.11".parse().unwrap(),
        loopback: "198.18.255.11".parse().unwrap(),
        loopback_v6: None,
        lags: vec![],
        sessions: (1..=sessions).map(|n| session(n, &prefixes)).collect(),
        ibgp: vec![],
        transits: vec![],
        announced: ["198.18.0.0/17".parse().unwrap()].into(),
        bmp: None,
    }
}

async fn put(store: &Store, intent: &RouterIntent) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let generation = store::router_intent_put(&mut tx, intent).await.unwrap();
    tx.commit().await.unwrap();
    generation
}

#[tokio::test]
async fn an_edge_is_sent_everything_once_and_then_only_what_changed() {
    let (store, _directory) = testing::empty_store().await;
    let mut edge = Edge::default();
    let mut reader = store.read().await.unwrap();
    assert!(edge.look(&mut reader, "er1").await.is_empty(), "nothing is intended yet");
    let mut wanted = snapshot(9);
    wanted.generation = put(&store, &wanted).await;
    let all = edge.look(&mut reader, "er1").await;
    assert_eq!(all.iter().filter(|part| part.starts_with("lag")).count(), 9);
    assert_eq!(edge.intent, Some(wanted.clone()));
    assert!(edge.look(&mut reader, "er1").await.is_empty());

    wanted.sessions[3].policy.prefixes = registered("198.19.20.0/24");
    wanted.generation = put(&store, &wanted).await;
    assert_eq!(edge.look(&mut reader, "er1").await, ["list", "lag4"]);
    assert_eq!(edge.intent, Some(wanted.clone()));

    wanted.sessions.remove(0);
    wanted.generation = put(&store, &wanted).await;
    assert_eq!(edge.look(&mut reader, "er1").await, ["no lag1"]);
    assert_eq!(edge.intent, Some(wanted.clone()));

    // A list that was forgotten, since nothing referred to it, comes again.
    wanted.sessions[2].policy.prefixes = registered("198.19.10.0/24");
    put(&store, &wanted).await;
    edge.look(&mut reader, "er1").await;
    wanted.sessions[2].policy.prefixes = registered("198.19.20.0/24");
    wanted.generation = put(&store, &wanted).await;
    assert_eq!(edge.look(&mut reader, "er1").await, ["list", "lag4"]);
    assert_eq!(edge.intent, Some(wanted));
}

#[tokio::test]
async fn a_key_goes_by_itself_and_again_only_when_it_is_another_one() {
    let (store, _directory) = testing::empty_store().await;
    let mut tx = store.begin().await.unwrap();
    testing::with_peer_asn(&mut tx).await;
    let new = testing::peering("Amsterdam", OfferingKind::Voice);
    let (_, connection) = testing::with_active_connection(&mut tx, &new, "er1", "198.18.192.2/31").await;
    tx.commit().await.unwrap();
    let mut edge = Edge::default();
    let mut reader = store.read().await.unwrap();
    let mut wanted = snapshot(2);
    let mut seen = Vec::new();
    for key in ["one", "one", "two"] {
        let mut tx = store.begin().await.unwrap();
        store::md5_key_put(&mut tx, connection.id, &meetme_model::Secret::new(key)).await.unwrap();
        wanted.sessions[1].md5_key = store::md5_key_get(&mut tx, connection.id).await.unwrap();
        wanted.generation = store::router_intent_put(&mut tx, &wanted).await.unwrap();
        tx.commit().await.unwrap();
        let taken = edge.look(&mut reader, "er1").await;
        seen.push(taken.iter().filter(|part| *part == "key").count());
        assert_eq!(edge.intent.as_ref(), Some(&wanted));
    }
    assert_eq!(seen, [1, 0, 1]);
    let mut tx = store.begin().await.unwrap();
    store::md5_key_delete(&mut tx, connection.id).await.unwrap();
    wanted.sessions[0].max_prefixes += 1;
    store::router_intent_put(&mut tx, &wanted).await.unwrap();
    tx.commit().await.unwrap();
    // What is already there of the key isn't asked for again; a new edge waits for the next snapshot.
    assert_eq!(edge.look(&mut reader, "er1").await, ["lag1"]);
    assert!(Edge::default().look(&mut reader, "er1").await.is_empty());
}
