//! Work is done at least once after each request, by one holder at a time.

use super::database::Database;
use super::fixtures::at;
use crate::*;
use std::collections::BTreeSet;
use std::time::Duration;

const LEASE_MS: u32 = 30_000;

async fn enqueue(store: &Store, key: &str, due: i64) {
    let mut tx = store.begin().await.unwrap();
    work_enqueue(&mut tx, WorkKind::Peering, key, at(due)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn claim(store: &Store, holder: &str, now: i64) -> Vec<WorkItem> {
    work_claim(store, holder, at(now), LEASE_MS, 10).await.unwrap()
}

async fn done(store: &Store, item: &WorkItem) {
    let mut tx = store.begin().await.unwrap();
    work_done(&mut tx, item).await.unwrap();
    tx.commit().await.unwrap();
}

async fn next_due(store: &Store) -> Option<jiff::Timestamp> {
    work_next_due(&mut store.read().await.unwrap()).await.unwrap()
}

async fn depth(store: &Store, now: i64) -> i64 {
    work_depth(&mut store.read().await.unwrap(), at(now)).await.unwrap()
}

pub async fn work_is_claimed_once_and_at_the_earliest_time_asked_for(db: &Database) {
    enqueue(&db.store, "1", 100).await;
    enqueue(&db.store, "1", 50).await;
    enqueue(&db.store, "1", 70).await;
    assert_eq!(next_due(&db.store).await, Some(at(50)));
    assert_eq!(depth(&db.store, 49).await, 0);
    assert_eq!(depth(&db.store, 50).await, 1);
    assert_eq!(claim(&db.store, "a", 49).await, []);
    let items = claim(&db.store, "a", 50).await;
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].seq, items[0].attempts), (3, 0));
    assert_eq!(claim(&db.store, "b", 50).await, []);
    assert_eq!(next_due(&db.store).await, Some(at(80)), "the lease's end");
    assert_eq!(depth(&db.store, 49).await, 1, "it is being looked at");
    done(&db.store, &items[0]).await;
    assert_eq!(next_due(&db.store).await, None);
}

pub async fn work_asked_for_during_a_run_is_done_once_more(db: &Database) {
    enqueue(&db.store, "1", 0).await;
    let items = claim(&db.store, "a", 0).await;
    enqueue(&db.store, "1", 1).await;
    assert_eq!(claim(&db.store, "b", 2).await, [], "it is still leased");
    done(&db.store, &items[0]).await;
    assert_eq!(claim(&db.store, "b", 2).await.len(), 1);
}

pub async fn a_reconciler_that_asks_for_its_next_run_waits_for_it(db: &Database) {
    enqueue(&db.store, "1", 0).await;
    let items = claim(&db.store, "a", 5).await;
    let mut tx = db.store.begin().await.unwrap();
    work_enqueue(&mut tx, WorkKind::Peering, "1", at(60)).await.unwrap();
    work_done(&mut tx, &items[0]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claim(&db.store, "a", 59).await, []);
    assert_eq!(next_due(&db.store).await, Some(at(60)));
    assert_eq!(claim(&db.store, "a", 60).await.len(), 1);
}

pub async fn an_expired_lease_is_claimed_and_the_late_holder_ignored(db: &Database) {
    enqueue(&db.store, "1", 0).await;
    let late = claim(&db.store, "a", 0).await;
    assert_eq!(claim(&db.store, "b", 29).await, []);
    let taken = claim(&db.store, "b", 30).await;
    assert_eq!(taken.len(), 1);
    done(&db.store, &late[0]).await;
    assert!(next_due(&db.store).await.is_some(), "b still has it");
    done(&db.store, &taken[0]).await;
    assert_eq!(next_due(&db.store).await, None);
}

pub async fn failed_work_is_tried_again_and_counts(db: &Database) {
    enqueue(&db.store, "1", 0).await;
    for attempts in 0..3 {
        let now = i64::from(attempts) * 10;
        let items = claim(&db.store, "a", now).await;
        assert_eq!(items[0].attempts, attempts);
        let mut tx = db.store.begin().await.unwrap();
        work_retry(&mut tx, &items[0], at(now + 10)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db.store, "a", now + 9).await, []);
    }
    enqueue(&db.store, "1", 21).await;
    assert_eq!(claim(&db.store, "a", 21).await.len(), 1, "a new request doesn't wait");
}

pub async fn the_longest_due_comes_first(db: &Database) {
    for (key, due) in [("b", 2), ("c", 3), ("a", 1)] {
        enqueue(&db.store, key, due).await;
    }
    let items = work_claim(&db.store, "a", at(9), LEASE_MS, 2).await.unwrap();
    let keys: Vec<&str> = items.iter().map(|i| i.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
}

pub async fn concurrent_claims_never_share_an_item(db: &Database) {
    const ITEMS: usize = 120;
    let mut tx = db.store.begin().await.unwrap();
    for key in 0..ITEMS {
        work_enqueue(&mut tx, WorkKind::Router, &key.to_string(), at(0)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let other_process = db.open_again().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..6 {
        let store = if n % 2 == 0 { &db.store } else { &other_process };
        let store = store.clone();
        tasks.spawn(async move {
            let mut mine = Vec::new();
            loop {
                match work_claim(&store, &format!("h{n}"), at(1), LEASE_MS, 7).await {
                    Ok(items) if items.is_empty() => return mine,
                    Ok(items) => mine.extend(items.into_iter().map(|i| i.key)),
                    Err(StoreError::Busy) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    let claimed: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), ITEMS);
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), ITEMS);
    other_process.close().await;
}

pub async fn waiters_wake_when_work_commits(db: &Database) {
    let long = Duration::from_secs(20);
    let here = db.store.changed();
    enqueue(&db.store, "1", 0).await;
    tokio::time::timeout(long, here).await.unwrap();
    if db.store.is_postgres() {
        let other_process = db.open_again().await;
        // Its listener may still be connecting, and wakes once when it is: enqueue until a wake.
        for _ in 0..2 {
            let there = other_process.changed();
            let asks = async {
                loop {
                    enqueue(&db.store, "1", 0).await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                () = there => {}
                () = asks => unreachable!(),
                () = tokio::time::sleep(long) => panic!("not woken by another process"),
            }
        }
        other_process.close().await;
    }
}
