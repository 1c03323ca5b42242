//! What a page of peerings is shown from.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use meetme_model::connection::{Connection, PortAssignment};
use meetme_model::link::RouterState;
use meetme_model::peering::Peering;

fn told(router: &str, second: i64) -> RouterState {
    RouterState::reached(router, at(second))
}

async fn tell(store: &Store, router: &str, second: i64) {
    let mut tx = store.begin().await.unwrap();
    router_state_put(&mut tx, &told(router, second)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn put_on(store: &Store, connection: &mut Connection, router: &str) {
    let mut tx = store.begin().await.unwrap();
    connection.ports =
        Some(PortAssignment { router: router.into(), ports: vec!["et1".into()], port_speed_mbps: 10_000 });
    connection_update(&mut tx, connection).await.unwrap();
    tx.commit().await.unwrap();
}

/// A page as a list shows it: each peering with its connections.
async fn page(db: &mut Reader, after: &str, limit: u32) -> Vec<(Peering, Vec<SeenConnection>)> {
    let asked = Page { after: Some(after.to_owned()).filter(|a| !a.is_empty()), limit };
    let mut rows = Vec::new();
    peerings_shown(db, SUB, Some("RG"), &asked, 2, |chunk| rows.extend(chunk.read().unwrap())).await.unwrap();
    rows
}

pub async fn a_page_shows_its_peerings_connections_and_no_others(db: &Database) {
    let mut all = Vec::new();
    for location in ["Amsterdam", "Berlin", "Cologne"] {
        all.push(with_peering(&db.store, location).await);
    }
    let mut tx = db.store.begin().await.unwrap();
    md5_key_delete(&mut tx, all[1].1[0].id).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = db.store.read().await.unwrap();
    let first = page(&mut read, "", 2).await;
    assert_eq!(first.iter().map(|(p, _)| p).collect::<Vec<_>>(), [&all[0].0, &all[1].0]);
    let shown: Vec<SeenConnection> = first.into_iter().flat_map(|(_, connections)| connections).collect();
    let ids = |range: std::ops::Range<usize>| -> Vec<i64> {
        all[range].iter().flat_map(|(_, connections)| connections.iter().map(|c| c.id)).collect()
    };
    assert_eq!(shown.iter().map(|c| c.connection.id).collect::<Vec<_>>(), ids(0..2));
    assert_eq!(shown.iter().map(|c| c.has_md5_key).collect::<Vec<_>>(), [true, true, false, true]);
    assert!(shown.iter().all(|c| c.router.is_none()));
    assert_eq!(
        shown[0].connection,
        connection_by_id(&mut read, shown[0].connection.id).await.unwrap().unwrap()
    );
    let second = page(&mut read, &path_key("rg", "berlin"), 2).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].1.iter().map(|c| c.connection.id).collect::<Vec<_>>(), ids(2..3));
    let (peering, connections) = peering_shown(&mut read, SUB, "rg", "BERLIN").await.unwrap().unwrap();
    assert_eq!(peering, all[1].0);
    let facts = |c: &SeenConnection| (c.connection.clone(), c.has_md5_key);
    assert_eq!(
        connections.iter().map(facts).collect::<Vec<_>>(),
        shown[2..].iter().map(facts).collect::<Vec<_>>()
    );
    assert!(peering_shown(&mut read, SUB, "rg", "dublin").await.unwrap().is_none());
    let mut tx = db.store.begin().await.unwrap();
    connection_delete(&mut tx, all[2].1[0].id, at(1)).await.unwrap();
    connection_delete(&mut tx, all[2].1[1].id, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    let (_, none) = peering_shown(&mut read, SUB, "rg", "cologne").await.unwrap().unwrap();
    assert!(page(&mut read, "", 9).await[2].1.is_empty());
    assert!(none.is_empty(), "a peering without connections is one all the same");
}

pub async fn a_router_s_state_is_shown_as_it_is_now(db: &Database) {
    let (_, mut connections) = with_peering(&db.store, "Amsterdam").await;
    put_on(&db.store, &mut connections[0], "r1").await;
    let seen = async || {
        let mut read = db.store.read().await.unwrap();
        let (_, shown) = page(&mut read, "", 1).await.remove(0);
        assert!(shown[1].router.is_none(), "it has no ports");
        let observed = connection_observed(&mut read, &shown[0].connection).await.unwrap();
        assert_eq!(observed.reachable.is_some(), shown[0].router.is_some());
        shown[0].router.as_ref().map(|r| r.at)
    };
    assert_eq!(seen().await, None, "it told nothing yet");
    // Later, the same again, and earlier: a clock may be set back.
    for second in [5, 6, 6, 2] {
        tell(&db.store, "r1", second).await;
        assert_eq!(seen().await, Some(at(second)));
    }
    tell(&db.open_again().await, "r1", 9).await;
    assert_eq!(seen().await, Some(at(9)), "another process wrote it");
}
