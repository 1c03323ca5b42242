//! All or nothing.

use super::database::Database;
use super::fixtures::*;
use crate::*;

pub async fn what_is_not_committed_never_happened(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    peer_asn_insert(&mut tx, &peer_asn(SUB, "Contoso", 64510)).await.unwrap();
    assert!(peer_asn_get(&mut tx, SUB, "contoso").await.unwrap().is_some());
    drop(tx);
    // The next writer isn't held up by the dropped one.
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(peer_asn_get(&mut tx, SUB, "contoso").await.unwrap(), None);
}

pub async fn change_audit_and_work_commit_together(db: &Database) {
    for commit in [false, true] {
        let mut tx = db.store.begin().await.unwrap();
        let kept = peer_asn_insert(&mut tx, &peer_asn(SUB, "Contoso", 64510)).await.unwrap();
        let id = "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns/Contoso";
        audit_add(&mut tx, at(1), "op", "peerAsns/write", id, serde_json::json!({"asn": 64510}))
            .await
            .unwrap();
        work_enqueue(&mut tx, WorkKind::PeerAsn, &kept.id.to_string(), at(1)).await.unwrap();
        if commit {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        // As after a crash: another process looks.
        let store = db.open_again().await;
        let mut reader = store.read().await.unwrap();
        let found = peer_asn_get(&mut reader, SUB, "Contoso").await.unwrap();
        let audit = audit_list(&mut reader, Scope::Subscription(SUB), IdPage::first(9)).await;
        let work = work_next_due(&mut reader).await.unwrap();
        assert_eq!(found.is_some(), commit);
        assert_eq!(audit.unwrap().len(), usize::from(commit));
        assert_eq!(work.is_some(), commit);
        drop(reader);
        store.close().await;
    }
}

pub async fn readers_go_on_beside_a_writer(db: &Database) {
    with_peer_asns(&db.store).await;
    let mut tx = db.store.begin().await.unwrap();
    let mut changed = peer_asn_get(&mut tx, SUB, "Contoso").await.unwrap().unwrap();
    changed.error_message = Some("refused".into());
    peer_asn_update(&mut tx, &changed).await.unwrap();
    let mut reader = db.store.read().await.unwrap();
    let seen = peer_asn_get(&mut reader, SUB, "Contoso").await.unwrap();
    assert_eq!(seen.unwrap().error_message, None);
    tx.commit().await.unwrap();
    let seen = peer_asn_get(&mut reader, SUB, "Contoso").await.unwrap();
    assert_eq!(seen.unwrap(), changed);
}
