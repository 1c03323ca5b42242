//! Ports and subnets: each to one connection.

use super::database::Database;
use super::fixtures::*;
use crate::*;

pub async fn ports_are_never_assigned_twice(db: &Database) {
    let (_, connections) = with_peering(&db.store, "Amsterdam").await;
    let ids: Vec<i64> = connections.iter().map(|c| c.id).collect();
    let other_process = db.open_again().await;
    let mut tasks = tokio::task::JoinSet::new();
    for (n, store) in [&db.store, &other_process].into_iter().cycle().take(8).enumerate() {
        let (store, id) = (store.clone(), ids[n % 2]);
        tasks.spawn(async move {
            let mut tx = store.begin().await?;
            port_assign(&mut tx, id, "ams1-er1", &["et1", "et2"]).await?;
            tx.commit().await.map(|()| id)
        });
    }
    let mut winners = Vec::new();
    for result in tasks.join_all().await {
        match result {
            Ok(id) => winners.push(id),
            Err(error) => {
                let Some(Conflict::PortTaken { router, port, connection_id }) = error.conflict() else {
                    panic!("{error}");
                };
                assert_eq!((router.as_str(), port.as_str()), ("ams1-er1", "et1"));
                assert!(ids.contains(connection_id));
            }
        }
    }
    // Assigning again to the holder changes nothing, so one connection may win several times.
    assert!(!winners.is_empty());
    assert!(winners.iter().all(|id| *id == winners[0]));
    let used = ports_used(&mut db.store.read().await.unwrap()).await.unwrap();
    let expect = ["et1", "et2"].map(|p| ("ams1-er1".to_owned(), p.to_owned(), winners[0]));
    assert_eq!(used, expect);
    other_process.close().await;
}

pub async fn ports_become_free_with_their_connection(db: &Database) {
    let (_, connections) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    port_assign(&mut tx, connections[0].id, "r", &["et1"]).await.unwrap();
    connection_delete(&mut tx, connections[0].id, at(1)).await.unwrap();
    assert_eq!(ports_used(&mut tx).await.unwrap(), []);
    port_assign(&mut tx, connections[1].id, "r", &["et1"]).await.unwrap();
    ports_free(&mut tx, connections[1].id).await.unwrap();
    assert_eq!(ports_used(&mut tx).await.unwrap(), []);
}

pub async fn subnets_never_overlap_and_rest_after_use(db: &Database) {
    let (_, connections) = with_peering(&db.store, "Amsterdam").await;
    let (one, two) = (connections[0].id, connections[1].id);
    let taken = prefix("198.18.192.4/31");
    let mut tx = db.store.begin().await.unwrap();
    subnet_take(&mut tx, one, taken).await.unwrap();
    subnet_take(&mut tx, one, taken).await.unwrap();
    subnet_take(&mut tx, two, prefix("2001:db8::/127")).await.unwrap();
    tx.commit().await.unwrap();
    for overlapping in ["198.18.192.4/31", "198.18.192.4/30", "198.18.192.5/32"] {
        let mut tx = db.store.begin().await.unwrap();
        let error = subnet_take(&mut tx, two, prefix(overlapping)).await.unwrap_err();
        assert_eq!(
            error.conflict(),
            Some(&Conflict::SubnetTaken { prefix: prefix(overlapping), connection_id: one })
        );
    }
    let mut tx = db.store.begin().await.unwrap();
    subnets_release(&mut tx, one, at(10)).await.unwrap();
    let pool = prefix("198.18.192.0/24");
    let resting = SubnetUse { prefix: taken, connection_id: None, freed_at: Some(at(10)) };
    assert_eq!(subnets_overlapping(&mut tx, pool).await.unwrap(), [resting]);
    assert_eq!(subnets_counted(&mut tx, pool, at(9)).await.unwrap(), (0, 1));
    assert_eq!(subnets_counted(&mut tx, pool, at(10)).await.unwrap(), (0, 0), "freed before that");
    assert_eq!(subnets_overlapping(&mut tx, prefix("198.18.193.0/24")).await.unwrap(), []);
    assert_eq!(subnets_overlapping(&mut tx, prefix("::/0")).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let mut tx = db.store.begin().await.unwrap();
    let error = subnet_take(&mut tx, two, taken).await.unwrap_err();
    assert!(matches!(error.conflict(), Some(Conflict::SubnetResting { .. })), "{error}");
    drop(tx);
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(subnets_purge(&mut tx, at(9)).await.unwrap(), 0);
    assert_eq!(subnets_purge(&mut tx, at(10)).await.unwrap(), 1);
    subnet_take(&mut tx, two, taken).await.unwrap();
}

pub async fn a_subnet_is_never_taken_twice_at_once(db: &Database) {
    let (_, connections) = with_peering(&db.store, "Amsterdam").await;
    let other_process = db.open_again().await;
    let mut tasks = tokio::task::JoinSet::new();
    for (store, id) in [(db.store.clone(), connections[0].id), (other_process.clone(), connections[1].id)] {
        tasks.spawn(async move {
            let mut tx = store.begin().await?;
            subnet_take(&mut tx, id, prefix("198.18.192.0/31")).await?;
            tx.commit().await
        });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
    let lost = results.into_iter().find_map(Result::err).unwrap();
    assert!(matches!(lost.conflict(), Some(Conflict::SubnetTaken { .. })), "{lost}");
    other_process.close().await;
}
