//! What a word finds, how much there is, and what isn't settled.

use super::database::Database;
use super::fixtures::*;
use crate::db::Access;
use crate::*;
use meetme_model::connection::ConnectionState;
use meetme_model::peer_asn::AsnState;
use meetme_model::registered_prefix::PrefixState;

/// A peering in Amsterdam with a registered and activated prefix.
async fn all_kinds(db: &Database) {
    let (peering, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let new = registered(peering.id, "Media_1", "198.19.10.0/24");
    let mut kept = registered_prefix_insert(&mut tx, &new).await.unwrap();
    kept.key = Some("KEY-of-media".into());
    registered_prefix_update(&mut tx, &kept).await.unwrap();
    let service = peering_service_insert(&mut tx, &service(SUB, "Voice-NL")).await.unwrap();
    service_prefix_insert(&mut tx, &activated(service.id, "sbc", &kept)).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many of each kind: ASNs, peerings, services, registered and activated prefixes.
async fn hits(db: &Database, scope: Scope<'_>, word: &str) -> [usize; 5] {
    let found = search(&mut db.store.read().await.unwrap(), scope, word, 10).await.unwrap();
    [
        found.peer_asns.len(),
        found.peerings.len(),
        found.peering_services.len(),
        found.registered_prefixes.len(),
        found.service_prefixes.len(),
    ]
}

pub async fn a_word_finds_resources_of_its_scope_only(db: &Database) {
    all_kinds(db).await;
    for (word, expected) in [
        ("AMSTER", [0, 1, 0, 0, 0]),
        ("as64510", [2, 1, 0, 0, 0]),
        ("64510", [2, 1, 0, 0, 0]),
        ("6451", [0; 5]),
        ("cont", [2, 0, 0, 0, 0]),
        ("voice-nl", [0, 0, 1, 0, 0]),
        ("198.19.", [0, 0, 0, 1, 1]),
        ("key-of-MEDIA", [0, 0, 0, 1, 0]),
        ("media_", [0, 0, 0, 1, 0]),
        ("a_1", [0, 0, 0, 1, 0]),
        ("a%1", [0; 5]),
        ("m_dia", [0; 5]),
        ("sbc", [0, 0, 0, 0, 1]),
    ] {
        assert_eq!(hits(db, Scope::All, word).await, expected, "{word}");
    }
    let own = Scope::Subscription(SUB);
    assert_eq!(hits(db, own, "64510").await, [1, 1, 0, 0, 0]);
    let other = Scope::Subscription(OTHER_SUB);
    assert_eq!(hits(db, other, "198.19.").await, [0; 5]);
    assert_eq!(hits(db, other, "contoso").await, [1, 0, 0, 0, 0]);
    let found = search(&mut db.store.read().await.unwrap(), own, "media", 10).await.unwrap();
    let (prefix, peering) = &found.registered_prefixes[0];
    assert_eq!((prefix.name.as_str(), peering.name.as_str()), ("Media_1", "Amsterdam"));
}

pub async fn letters_beyond_ascii_are_found_in_any_case(db: &Database) {
    all_kinds(db).await;
    let mut tx = db.store.begin().await.unwrap();
    let mut claim = peer_asn_get(&mut tx, SUB, "Contoso").await.unwrap().unwrap();
    claim.spec.peer_name = "ÅNGSTRÖM Télé".into();
    peer_asn_update(&mut tx, &claim).await.unwrap();
    let mut there = peering(SUB, "rg", "north", "Århus");
    there.spec.peer_asn_name = "Contoso".into();
    peering_insert(&mut tx, &there, &[]).await.unwrap();
    tx.commit().await.unwrap();
    for (word, expected) in [
        ("Ångström", [1, 0, 0, 0, 0]),
        ("ÅNGSTRÖM TÉLÉ", [1, 0, 0, 0, 0]),
        ("ångström t", [1, 0, 0, 0, 0]),
        ("angstrom", [0; 5]),
        ("århus", [0, 1, 0, 0, 0]),
        ("RHUS", [0, 1, 0, 0, 0]),
        ("ÅRH", [0, 1, 0, 0, 0]),
    ] {
        assert_eq!(hits(db, Scope::All, word).await, expected, "{word}");
    }
    // Rows as older versions wrote them are folded at the next migration.
    let mut tx = db.store.begin().await.unwrap();
    let older = "UPDATE peer_asns SET peer_name = ''; UPDATE peerings SET location = 'Århus' WHERE location = 'århus'";
    sqlx::raw_sql(older).execute(tx.connection()).await.unwrap();
    crate::folded::fold_all(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(hits(db, Scope::All, "ÅNGSTRÖM").await, [1, 0, 0, 0, 0]);
    assert_eq!(hits(db, Scope::All, "ÅRHUS").await, [0, 1, 0, 0, 0]);
}

pub async fn what_is_not_settled_is_told_until_it_is(db: &Database) {
    all_kinds(db).await;
    let mut tx = db.store.begin().await.unwrap();
    let there = counts(&mut tx, Scope::Subscription(SUB)).await.unwrap();
    assert_eq!((there.peer_asns, there.peerings, there.registered_prefixes), (1, 1, 1));
    assert_eq!((there.peering_services, there.service_prefixes), (1, 1));
    assert_eq!(there.connections, [("PendingApproval".to_owned(), 2)].into());
    assert_eq!(counts(&mut tx, Scope::All).await.unwrap().peer_asns, 2);
    assert_eq!(counts(&mut tx, Scope::Subscription("nobody")).await.unwrap(), Counts::default());
    let before = unsettled(&mut tx, SUB, 10).await.unwrap();
    assert_eq!((before.peer_asns.len(), before.connections.len()), (1, 2));
    assert_eq!((before.registered_prefixes.len(), before.service_prefixes.len()), (1, 1));
    assert_eq!(before.connections[0].1.name, "Amsterdam");
    assert_eq!(unsettled(&mut tx, SUB, 1).await.unwrap().connections.len(), 1);
    assert_eq!(unsettled(&mut tx, OTHER_SUB, 10).await.unwrap().connections.len(), 0);
    let mut claim = before.peer_asns[0].clone();
    claim.state = AsnState::Approved;
    peer_asn_update(&mut tx, &claim).await.unwrap();
    for (mut connection, _) in before.connections {
        connection.state = ConnectionState::Active;
        connection_update(&mut tx, &connection).await.unwrap();
    }
    let (mut prefix, _) = before.registered_prefixes[0].clone();
    prefix.verdict.state = PrefixState::Verified;
    registered_prefix_update(&mut tx, &prefix).await.unwrap();
    let (mut prefix, _) = before.service_prefixes[0].clone();
    prefix.verdict.state = PrefixState::Verified;
    service_prefix_update(&mut tx, &prefix).await.unwrap();
    let after = unsettled(&mut tx, SUB, 10).await.unwrap();
    assert!(after.peer_asns.is_empty() && after.connections.is_empty());
    assert!(after.registered_prefixes.is_empty() && after.service_prefixes.is_empty());
}
