//! Registered ASNs.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use meetme_model::Asn;
use meetme_model::registered_asn::RegisteredAsn;
use meetme_model::stamp::Stamp;

fn asn(peering_id: i64, name: &str, asn: u32) -> RegisteredAsn {
    let (key, stamp) = (format!("key-{name}"), Stamp::new("test", at(0)));
    RegisteredAsn { id: 0, peering_id, name: name.into(), asn: Asn(asn), key, stamp }
}

pub async fn an_asn_is_registered_once_on_a_peering(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let (fra, _) = with_peering(&db.store, "Frankfurt").await;
    let mut tx = db.store.begin().await.unwrap();
    let kept = registered_asn_insert(&mut tx, &asn(ams.id, "One", 4_199_999_999)).await.unwrap();
    assert!(kept.id > 0);
    let error = registered_asn_insert(&mut tx, &asn(ams.id, "ONE", 1)).await.unwrap_err();
    assert_eq!(error.conflict(), Some(&Conflict::RegisteredAsnNameTaken { name: "ONE".into() }));
    let error = registered_asn_insert(&mut tx, &asn(ams.id, "two", 4_199_999_999)).await.unwrap_err();
    let taken = Conflict::AsnRegistered { asn: Asn(4_199_999_999), name: "One".into() };
    assert_eq!(error.conflict(), Some(&taken));
    registered_asn_insert(&mut tx, &asn(fra.id, "one", 4_199_999_999)).await.unwrap();
    assert_eq!(registered_asn_get(&mut tx, ams.id, "oNe").await.unwrap(), Some(kept.clone()));
    let found = registered_asn_by_number(&mut tx, ams.id, Asn(4_199_999_999)).await.unwrap();
    assert_eq!(found, Some(kept.clone()));
    let two = registered_asn_insert(&mut tx, &asn(ams.id, "two", 2)).await.unwrap();
    let first = registered_asns_list(&mut tx, ams.id, &Page::first(1)).await.unwrap();
    assert_eq!(first, std::slice::from_ref(&kept));
    let page = Page { after: Some("One".into()), limit: 9 };
    assert_eq!(registered_asns_list(&mut tx, ams.id, &page).await.unwrap(), [two]);
    registered_asn_delete(&mut tx, kept.id).await.unwrap();
    assert_eq!(registered_asn_get(&mut tx, ams.id, "one").await.unwrap(), None);
    let error = registered_asn_delete(&mut tx, kept.id).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

pub async fn registered_asns_go_with_their_peering(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    registered_asn_insert(&mut tx, &asn(ams.id, "one", 64_505)).await.unwrap();
    peering_delete(&mut tx, ams.id, at(1)).await.unwrap();
    assert_eq!(registered_asns_list(&mut tx, ams.id, &Page::first(9)).await.unwrap(), []);
    tx.commit().await.unwrap();
}
