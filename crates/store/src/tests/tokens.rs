//! Tokens.

use super::database::{Database, files_contain};
use super::fixtures::*;
use crate::*;

fn token(role: Role, subscription: Option<&str>) -> NewToken {
    NewToken {
        name: "ci".into(),
        role,
        subscription: subscription.map(str::to_owned),
        expires_at: Some(at(100)),
    }
}

pub async fn a_token_stands_for_its_principal_until_it_ends(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let (clear, who) = token_create(&mut tx, token(Role::Peer, Some(SUB)), at(0)).await.unwrap();
    let (other, _) = token_create(&mut tx, token(Role::Operator, None), at(0)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(clear.starts_with("mt_") && clear.len() == 67 && clear != other);
    assert_eq!((who.role, who.subscription.as_deref()), (Role::Peer, Some(SUB)));
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(token_find(&mut tx, &clear, at(99)).await.unwrap(), Some(who.clone()));
    assert_eq!(token_find(&mut tx, &clear, at(100)).await.unwrap(), None);
    assert_eq!(token_find(&mut tx, "mt_00", at(1)).await.unwrap(), None);
    token_revoke(&mut tx, who.id, at(5)).await.unwrap();
    assert_eq!(token_find(&mut tx, &clear, at(6)).await.unwrap(), None);
    assert!(token_revoke(&mut tx, who.id, at(7)).await.is_err());
    let all = token_list(&mut tx).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].revoked_at, all[1].revoked_at), (Some(at(5)), None));
    assert!(!files_contain(&db.files, clear.as_bytes()));
}

pub async fn a_token_that_another_process_ends_works_a_second_longer_at_most(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(token_principal(&db.store, "mt_00", at(0)).await.unwrap(), None);
    let (clear, who) = token_create(&mut tx, token(Role::Operator, None), at(0)).await.unwrap();
    let (ours, also) = token_create(&mut tx, token(Role::Operator, None), at(0)).await.unwrap();
    tx.commit().await.unwrap();
    let known =
        async |token: &str, second| token_principal(&db.store, token, at(second)).await.unwrap().is_some();
    assert!(known(&clear, 10).await && known(&ours, 10).await);
    let other = db.open_again().await;
    let mut tx = other.begin().await.unwrap();
    token_revoke(&mut tx, who.id, at(10)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(known(&clear, 10).await, "it was seen within this second");
    assert!(!known(&clear, 11).await);
    let mut tx = db.store.begin().await.unwrap();
    token_revoke(&mut tx, also.id, at(11)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!known(&ours, 10).await, "this process ended it itself");
}

pub async fn a_peer_s_token_needs_a_subscription(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let result = token_create(&mut tx, token(Role::Peer, None), at(0)).await;
    assert!(matches!(result, Err(StoreError::TokenWithoutSubscription)));
}
