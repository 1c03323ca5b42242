//! Secrets reach the disk sealed.

use super::database::{Database, files_contain, key};
use super::fixtures::*;
use crate::*;
use meetme_model::Secret;

pub async fn no_secret_is_written_in_clear(db: &Database) {
    let (_, connections) = with_peering(&db.store, "Amsterdam").await;
    let id = connections[0].id;
    assert_eq!(connections[0].spec.md5_key, None);
    let mut tx = db.store.begin().await.unwrap();
    let first = md5_key_get(&mut tx, id).await.unwrap().unwrap();
    assert_eq!(first.secret, Secret::new(KEY));
    md5_key_put(&mut tx, id, &Secret::new(KEY)).await.unwrap();
    assert_eq!(md5_key_get(&mut tx, id).await.unwrap(), Some(first.clone()), "the same key keeps its name");
    assert_eq!(md5_key_named(&mut tx, &first.name).await.unwrap(), Some(Secret::new(KEY)));
    md5_key_put(&mut tx, id, &Secret::new("another secret key")).await.unwrap();
    router_intent_put(&mut tx, &intent("r1", KEY)).await.unwrap();
    let canary = serde_json::json!("a canary that is seen");
    audit_add(&mut tx, at(0), "op", "write", "x", canary).await.unwrap();
    tx.commit().await.unwrap();
    assert!(files_contain(&db.files, b"a canary that is seen"));
    assert!(!files_contain(&db.files, KEY.as_bytes()));
    assert!(!files_contain(&db.files, b"another secret key"));

    let mut tx = db.store.begin().await.unwrap();
    let second = md5_key_get(&mut tx, id).await.unwrap().unwrap();
    assert_eq!(second.secret, Secret::new("another secret key"));
    assert_ne!(second.name, first.name);
    assert_eq!(md5_key_named(&mut tx, &first.name).await.unwrap(), None);
    let read = connection_by_id(&mut tx, id).await.unwrap().unwrap();
    assert_eq!(read.spec.md5_key, None);
    md5_key_delete(&mut tx, id).await.unwrap();
    assert_eq!(md5_key_get(&mut tx, id).await.unwrap(), None);
}

pub async fn a_wrong_key_is_told_at_the_start(db: &Database) {
    let wrong = Store::open(&db.url, &SealKey::new([8; 32])).await;
    let error = wrong.err().expect("refused").to_string();
    assert!(error.contains("start with the key it was sealed with"), "{error}");
    Store::open(&db.url, &key()).await.unwrap().close().await;
}
