//! Connections of peerings (`docs/rules.md` §3), and their MD5 keys, sealed in a table of their
//! own: a connection that was read never carries its key.

use crate::db::{Access, Db, IdPage, Tx};
use crate::error::{Conflict, Result, StoreError};
use crate::ports::ports_free;
use crate::statement::{Columns, Entity, entities, entity_or_none, sql, to_doc};
use crate::subnets::subnets_release;
use jiff::Timestamp;
use meetme_model::Secret;
use meetme_model::connection::{Connection, ConnectionState, Stage};
use meetme_model::peering::ConnectionSpec;

impl Entity for Connection {
    const WHAT: &'static str = "connection";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    OF = "SELECT id, doc FROM connections WHERE peering_id = $1 ORDER BY id";
    LOCK = "SELECT id, doc FROM connections WHERE peering_id = $1 ORDER BY id {for_update}";
    BY_ID = "SELECT id, doc FROM connections WHERE id = $1";
    ON_ROUTER = "SELECT id, doc FROM connections WHERE router = $1 ORDER BY id";
    PENDING = "SELECT id, doc FROM connections WHERE state = 'PendingApproval' AND id > $1
               ORDER BY id LIMIT $2";
    INSERT = "INSERT INTO connections (peering_id, identifier, state, since_ms, doc)
              VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE connections SET state = $1, since_ms = $2, router = $3, doc = $4
              WHERE id = $5";
    DELETE = "DELETE FROM connections WHERE id = $1";
    KEY_PUT = "INSERT INTO md5_keys (connection_id, sealed) VALUES ($1, $2)
               ON CONFLICT (connection_id) DO UPDATE SET sealed = excluded.sealed";
    KEY_GET = "SELECT sealed FROM md5_keys WHERE connection_id = $1";
    KEY_HAS = "SELECT 1 FROM md5_keys WHERE connection_id = $1";
    KEY_DELETE = "DELETE FROM md5_keys WHERE connection_id = $1";
}

/// Those of a peering, oldest first.
pub async fn connections_of(db: &mut impl Db, peering_id: i64) -> Result<Vec<Connection>> {
    entities(&sql(OF).bind(peering_id).all(db).await?)
}

pub(crate) async fn connections_lock(tx: &mut Tx, peering_id: i64) -> Result<Vec<Connection>> {
    entities(&sql(LOCK).bind(peering_id).all(tx).await?)
}

/// The one of an id. Whoever changes it locks its peering first.
pub async fn connection_by_id(db: &mut impl Db, id: i64) -> Result<Option<Connection>> {
    entity_or_none(sql(BY_ID).bind(id).optional(db).await?)
}

/// Those that have ports on a router.
pub async fn connections_on_router(db: &mut impl Db, router: &str) -> Result<Vec<Connection>> {
    entities(&sql(ON_ROUTER).bind(router).all(db).await?)
}

/// Everybody's that wait for approval, oldest first: the operators' queue.
pub async fn connections_pending(db: &mut impl Db, page: IdPage) -> Result<Vec<Connection>> {
    let rows = sql(PENDING).bind(page.after.unwrap_or(0)).bind(i64::from(page.limit)).all(db).await?;
    entities(&rows)
}

/// Adds a connection that waits for approval since `at`. Its MD5 key is sealed away.
///
/// # Errors
/// [`Conflict::ConnectionIdentifierTaken`].
pub async fn connection_insert(
    tx: &mut Tx,
    peering_id: i64,
    spec: &ConnectionSpec,
    at: Timestamp,
) -> Result<Connection> {
    let mut connection = Connection {
        id: 0,
        peering_id,
        spec: spec.clone(),
        state: ConnectionState::Onboarding(Stage::PendingApproval),
        since: at,
        error_message: None,
        decision: None,
        ports: None,
        subnet_v4: None,
        subnet_v6: None,
        loa: None,
        light_at: None,
        active_at: None,
        removal: None,
    };
    let md5_key = connection.spec.md5_key.take();
    let row = sql(INSERT)
        .bind(peering_id)
        .bind(spec.identifier.to_ascii_lowercase())
        .bind(connection.state.wire_name())
        .bind_time(connection.since)
        .bind(to_doc(&connection, Connection::WHAT)?)
        .optional(tx)
        .await?;
    let Some(row) = row else {
        return Err(Conflict::ConnectionIdentifierTaken { identifier: spec.identifier.clone() }.into());
    };
    connection.id = row.int(0)?;
    if let Some(key) = &md5_key {
        md5_key_put(tx, connection.id, key).await?;
    }
    Ok(connection)
}

/// Writes what changed. An MD5 key in the spec isn't: see [`md5_key_put`].
pub async fn connection_update(tx: &mut Tx, connection: &Connection) -> Result<()> {
    sql(UPDATE)
        .bind(connection.state.wire_name())
        .bind_time(connection.since)
        .bind(connection.ports.as_ref().map(|p| p.router.clone()))
        .bind(to_doc(connection, Connection::WHAT)?)
        .bind(connection.id)
        .run_one(tx, Connection::WHAT, connection.id)
        .await
}

/// Deletes a connection: its key is gone, its ports are free, its subnets rest from `at` on.
pub async fn connection_delete(tx: &mut Tx, id: i64, at: Timestamp) -> Result<()> {
    md5_key_delete(tx, id).await?;
    ports_free(tx, id).await?;
    subnets_release(tx, id, at).await?;
    sql(DELETE).bind(id).run_one(tx, Connection::WHAT, id).await
}

/// Seals and keeps a connection's MD5 key, instead of the one it had.
pub async fn md5_key_put(tx: &mut Tx, connection_id: i64, key: &Secret) -> Result<()> {
    let sealed = tx.sealer().seal(&key_name(connection_id), key.reveal().as_bytes());
    sql(KEY_PUT).bind(connection_id).bind(sealed).run(tx).await?;
    Ok(())
}

/// A connection's MD5 key in clear: for its router's intent only.
pub async fn md5_key_get(db: &mut impl Db, connection_id: i64) -> Result<Option<Secret>> {
    let Some(row) = sql(KEY_GET).bind(connection_id).optional(db).await? else {
        return Ok(None);
    };
    let clear = db.sealer().open(&key_name(connection_id), &row.bytes(0)?)?;
    let text = String::from_utf8(clear).map_err(|e| StoreError::corrupt("MD5 key", e))?;
    Ok(Some(Secret::new(text)))
}

/// Whether a connection has an MD5 key: the flag that is shown instead of it.
pub async fn md5_key_has(db: &mut impl Db, connection_id: i64) -> Result<bool> {
    Ok(sql(KEY_HAS).bind(connection_id).optional(db).await?.is_some())
}

/// Forgets a connection's MD5 key, if it has one.
pub async fn md5_key_delete(tx: &mut Tx, connection_id: i64) -> Result<()> {
    sql(KEY_DELETE).bind(connection_id).run(tx).await?;
    Ok(())
}

fn key_name(connection_id: i64) -> String {
    format!("the MD5 key of connection {connection_id}")
}
