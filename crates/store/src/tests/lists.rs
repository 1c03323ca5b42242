//! Lists that are filtered, sorted and shown in parts.

use super::database::Database;
use super::fixtures::*;
use crate::db::Access;
use crate::*;
use meetme_model::Asn;
use meetme_model::connection::ConnectionState;
use meetme_model::peering_service::ActivePath;
use meetme_model::registered_prefix::PrefixState;

/// Peerings of two subscriptions in three metros.
async fn some_peerings(db: &Database) {
    for (group, location, name) in
        [("rg1", "Amsterdam", "zulu"), ("rg2", "Frankfurt", "Alpha"), ("rg1", "Paris", "mike_1")]
    {
        peering_at(db, SUB, 64510, [group, name, location]).await;
    }
    peering_at(db, OTHER_SUB, 9_000, ["rg9", "other", "Amsterdam"]).await;
}

async fn peering_at(db: &Database, subscription: &str, asn: u32, [group, name, location]: [&str; 3]) {
    let mut tx = db.store.begin().await.unwrap();
    if peer_asn_get(&mut tx, subscription, "Contoso").await.unwrap().is_none() {
        peer_asn_insert(&mut tx, &peer_asn(subscription, "Contoso", asn)).await.unwrap();
    }
    let mut new = peering(subscription, group, name, location);
    new.spec.asn = Asn(asn);
    peering_insert(&mut tx, &new, &[connection(&format!("{name}-1"))]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn names(db: &Database, asked: &Listing<'_>) -> (Vec<String>, i64) {
    let listed = peerings_listed(&mut db.store.read().await.unwrap(), asked).await.unwrap();
    assert!(listed.rows.iter().all(|(_, connections)| connections.len() == 1));
    (listed.rows.into_iter().map(|(p, _)| p.name).collect(), listed.matching)
}

pub async fn peerings_are_filtered_sorted_and_counted(db: &Database) {
    some_peerings(db).await;
    let all = Listing::all(Scope::All, 10);
    let listed = async |asked: &Listing<'_>| names(db, asked).await.0;
    assert_eq!(names(db, &all).await, (["zulu", "Alpha", "mike_1", "other"].map(str::to_owned).into(), 4));
    for (sort, expected) in [
        ("name", ["Alpha", "mike_1", "other", "zulu"]),
        ("location", ["zulu", "other", "Alpha", "mike_1"]),
        ("asn", ["other", "zulu", "Alpha", "mike_1"]),
        ("group", ["zulu", "mike_1", "Alpha", "other"]),
        ("subscription", ["zulu", "Alpha", "mike_1", "other"]),
    ] {
        assert_eq!(listed(&Listing { sort, ..all }).await, expected, "{sort}");
    }
    assert_eq!(listed(&Listing { sort: "name", descending: true, ..all }).await[0], "zulu");
    assert_eq!(listed(&Listing { sort: "asn", descending: true, ..all }).await[3], "other");
    for (words, expected) in [
        ("AMSTER zu", &["zulu"][..]),
        ("as9000", &["other"]),
        ("rg1", &["zulu", "mike_1"]),
        ("mike_", &["mike_1"]),
        ("m_ke", &[]),
        ("voice other", &["other"]),
        ("%", &[]),
    ] {
        assert_eq!(listed(&Listing { words, ..all }).await, expected, "{words}");
    }
    let own = Listing { scope: Scope::Subscription(SUB), ..all };
    assert_eq!(names(db, &Listing { location: Some("AMSTERDAM"), ..own }).await.1, 1);
    assert_eq!(names(db, &Listing { kind: Some("Edge"), ..own }).await.1, 0);
    assert_eq!(names(db, &Listing { kind: Some("Voice"), ..own }).await.1, 3);
    let part = Listing { sort: "name", skip: 1, limit: 1, ..own };
    assert_eq!(names(db, &part).await, (vec!["mike_1".to_owned()], 3));
    assert_eq!(names(db, &Listing { skip: 99, ..part }).await, (vec![], 3), "behind the last");
    let mut tx = db.store.begin().await.unwrap();
    let peering = peering_get(&mut tx, SUB, "rg2", "alpha").await.unwrap().unwrap();
    let mut connection = connections_of(&mut tx, peering.id).await.unwrap().remove(0);
    connection.state = ConnectionState::Active;
    connection_update(&mut tx, &connection).await.unwrap();
    let waiting = connections_waiting(&mut tx, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|(_, p)| p.name.as_str()).collect::<Vec<_>>(), ["zulu", "mike_1", "other"]);
    let ids = [waiting[2].0.id, connection.id];
    let found = connections_with_peering(&mut tx, &ids).await.unwrap();
    assert_eq!(found.iter().map(|(_, p)| p.name.as_str()).collect::<Vec<_>>(), ["Alpha", "other"]);
    tx.commit().await.unwrap();
    assert_eq!(listed(&Listing { state: Some("Active"), ..all }).await, ["Alpha"]);
    assert_eq!(listed(&Listing { sort: "state", ..all }).await[0], "Alpha");
}

/// Registered prefixes: one of each state that is given, in the order of their numbers.
async fn some_prefixes(db: &Database, states: &[PrefixState]) {
    let (peering, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    for (n, state) in states.iter().enumerate() {
        let new = registered(peering.id, &format!("p{n}"), &format!("{}.0.0.0/24", n + 9));
        let mut kept = registered_prefix_insert(&mut tx, &new).await.unwrap();
        kept.verdict.state = *state;
        registered_prefix_update(&mut tx, &kept).await.unwrap();
    }
    tx.commit().await.unwrap();
}

pub async fn registered_prefixes_with_problems_come_first(db: &Database) {
    use PrefixState::{Failed, Pending, Verified};
    some_prefixes(db, &[Verified, Pending, Failed, Verified]).await;
    let all = Listing::all(Scope::All, 10);
    let listed = async |asked: Listing<'_>| -> Vec<String> {
        let listed = registered_prefixes_listed(&mut db.store.read().await.unwrap(), &asked).await.unwrap();
        assert!(listed.rows.iter().all(|(_, peering)| peering.name == "Amsterdam"));
        listed.rows.into_iter().map(|(r, _)| r.name).collect()
    };
    assert_eq!(listed(all).await, ["p2", "p1", "p0", "p3"]);
    assert_eq!(listed(Listing { sort: "prefix", ..all }).await, ["p0", "p1", "p2", "p3"]);
    assert_eq!(listed(Listing { sort: "prefix", descending: true, ..all }).await, ["p3", "p2", "p1", "p0"]);
    assert_eq!(listed(Listing { state: Some("Verified"), ..all }).await, ["p0", "p3"]);
    assert_eq!(listed(Listing { words: "10.0.0 as64510", ..all }).await, ["p1"]);
    assert_eq!(listed(Listing { location: Some("amsterdam"), kind: Some("Voice"), ..all }).await.len(), 4);
    assert_eq!(listed(Listing { scope: Scope::Subscription(OTHER_SUB), ..all }).await.len(), 0);
    for sort in REGISTERED_PREFIX_SORTS {
        assert_eq!(listed(Listing { sort, descending: true, ..all }).await.len(), 4, "{sort}");
    }
}

pub async fn activated_prefixes_are_found_by_place_and_path(db: &Database) {
    some_prefixes(db, &[PrefixState::Verified, PrefixState::Verified]).await;
    let mut tx = db.store.begin().await.unwrap();
    let service = peering_service_insert(&mut tx, &service(SUB, "Voice-NL")).await.unwrap();
    for (text, path) in [("9.0.0.0/24", ActivePath::Primary), ("10.0.0.0/24", ActivePath::Internet)] {
        let kept = registered_prefix_by_prefix(&mut tx, prefix(text)).await.unwrap().unwrap();
        let new = activated(service.id, &kept.name, &kept);
        let mut new = service_prefix_insert(&mut tx, &new).await.unwrap();
        new.active_path = path;
        service_prefix_update(&mut tx, &new).await.unwrap();
    }
    tx.commit().await.unwrap();
    let all = Listing::all(Scope::All, 10);
    let listed = async |asked: Listing<'_>| -> Vec<String> {
        let listed = activated_prefixes_listed(&mut db.store.read().await.unwrap(), &asked).await.unwrap();
        listed.rows.into_iter().map(|(a, _)| a.name).collect()
    };
    assert_eq!(listed(all).await, ["p0", "p1"]);
    assert_eq!(listed(Listing { sort: "path", ..all }).await, ["p1", "p0"]);
    assert_eq!(listed(Listing { kind: Some("primary"), ..all }).await, ["p0"]);
    assert_eq!(listed(Listing { location: Some("Amsterdam"), words: "voice-nl", ..all }).await.len(), 2);
    assert_eq!(listed(Listing { location: Some("Paris"), ..all }).await.len(), 0);
    for sort in ACTIVATED_PREFIX_SORTS {
        assert_eq!(listed(Listing { sort, descending: true, ..all }).await.len(), 2, "{sort}");
    }
}

/// What the migration finds in documents is what is written beside them since.
pub async fn what_was_listed_before_this_version_is_listed_by_it(db: &Database) {
    some_prefixes(db, &[PrefixState::Failed]).await;
    let mut tx = db.store.begin().await.unwrap();
    let migration = include_str!("../../migrations/0010_lists.sql");
    let update = migration.split(';').find(|s| s.contains("UPDATE registered_prefixes")).unwrap();
    sqlx::raw_sql("UPDATE registered_prefixes SET state = 'None'").execute(tx.connection()).await.unwrap();
    let text = tx.engine().render(update);
    sqlx::raw_sql(text).execute(tx.connection()).await.unwrap();
    let failed = Listing { state: Some("Failed"), ..Listing::all(Scope::All, 10) };
    assert_eq!(registered_prefixes_listed(&mut tx, &failed).await.unwrap().matching, 1);
}
