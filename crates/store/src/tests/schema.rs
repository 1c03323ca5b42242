//! Opening and migrating.

use super::database::{Database, key};
use super::fixtures::*;
use crate::db::Access;
use crate::*;
use meetme_model::Asn;

pub async fn a_newer_schema_is_refused(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    sqlx::raw_sql("INSERT INTO schema_version (version) VALUES (999)")
        .execute(tx.connection())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let error = Store::open(&db.url, &key()).await.err().expect("refused");
    assert!(matches!(error, StoreError::NewerSchema { found: 999, .. }), "{error}");
}

pub async fn opening_twice_migrates_once(db: &Database) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = db.url.clone();
        tasks.spawn(async move { Store::open(&url, &key()).await.map(drop) });
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }
}

pub async fn peerings_come_through_the_migration_of_their_places(db: &Database) {
    let (kept, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    // As it was before: the first peering's ASN happens to be the number of the other one's claim.
    let others = peering(OTHER_SUB, "x", "y", "Amsterdam");
    let (others, _) = peering_insert(&mut tx, &others, &[]).await.unwrap();
    let before = "DROP INDEX peerings_by_place; ALTER TABLE peerings DROP COLUMN asn;
                  UPDATE peerings SET claim = -claim; UPDATE peerings SET claim = 64511;
                  ALTER TABLE peerings RENAME COLUMN claim TO asn";
    let before = before.replace("= 64511", &format!("= CASE id WHEN {} THEN 2 ELSE 64511 END", kept.id));
    sqlx::raw_sql(sqlx::AssertSqlSafe(before)).execute(tx.connection()).await.unwrap();
    let migration = include_str!("../../migrations/0009_places.sql");
    sqlx::raw_sql(migration).execute(tx.connection()).await.unwrap();
    let numbers = |list: Vec<meetme_model::peering::Peering>| list.iter().map(|p| p.id).collect::<Vec<_>>();
    assert_eq!(numbers(peerings_of_asn(&mut tx, Asn(2)).await.unwrap()), [kept.id]);
    assert_eq!(numbers(peerings_of_asn(&mut tx, Asn(64511)).await.unwrap()), [others.id]);
    let doubled = "INSERT INTO peerings (subscription, resource_group, path, peer_asn_id, claim, asn, location, offering, doc)
                   SELECT subscription, resource_group, 'z', peer_asn_id, claim, asn, location, offering, doc FROM peerings";
    assert!(sqlx::raw_sql(doubled).execute(tx.connection()).await.is_err(), "a claim has one of a place");
}

pub async fn connections_come_through_the_migration_of_their_names(db: &Database) {
    const MIGRATION: &str = include_str!("../../migrations/0015_connection_names.sql");
    let (kept, before) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let unnamed = r#"UPDATE connections SET
        doc = replace(replace(doc, '"name":"Amsterdam-1",', ''), '"name":"Amsterdam-2",', '')"#;
    sqlx::raw_sql(unnamed).execute(tx.connection()).await.unwrap();
    let text = tx.engine().render(MIGRATION);
    sqlx::raw_sql(text).execute(tx.connection()).await.unwrap();
    assert_eq!(connections_of(&mut tx, kept.id).await.unwrap(), before);
}

#[tokio::test]
async fn addresses_that_cannot_work_are_refused_with_what_to_do() {
    for (url, says) in [
        ("mysql://x/y", "sqlite:/path/to/file"),
        ("nonsense", "sqlite:/path/to/file"),
        ("sqlite::memory:", "give a file"),
        ("sqlite:", "file is missing"),
        ("sqlite:/no/such/directory/x.db", "directory must exist"),
    ] {
        let error = Store::open(url, &key()).await.err().expect("refused").to_string();
        assert!(error.contains(says), "{url}: {error}");
    }
    let error = Store::open("mysql://me:hunter2@host/y", &key()).await.err().unwrap();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_database_file_is_made_for_its_owner_only_whatever_its_name() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a name, with spaces.db");
    let store = Store::open(&format!("sqlite:{}", path.display()), &key()).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{entry:?}");
    }
    assert!(std::fs::metadata(&path).unwrap().len() > 0);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_share_a_new_file() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("x.db").display());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = url.clone();
        tasks.spawn(async move { Store::open(&url, &key()).await.map(drop) });
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }
}

pub async fn a_server_compiles_no_statement(db: &Database) {
    if !db.store.is_postgres() {
        return;
    }
    let mut tx = db.store.begin().await.unwrap();
    let mut reader = db.store.read().await.unwrap();
    for connection in [tx.connection(), reader.connection()] {
        let jit: String = sqlx::query_scalar("SHOW jit").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(jit, "off");
    }
}

#[tokio::test]
async fn commits_to_a_file_are_durable_and_constraints_are_on() {
    let db = Database::sqlite().await;
    let mut tx = db.store.begin().await.unwrap();
    let mut reader = db.store.read().await.unwrap();
    for connection in [tx.connection(), reader.connection()] {
        for (pragma, expect) in
            [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5000)]
        {
            let found: i64 = sqlx::query_scalar(pragma).fetch_one(&mut *connection).await.unwrap();
            assert_eq!(found, expect, "{pragma}");
        }
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(mode, "wal");
    }
}
