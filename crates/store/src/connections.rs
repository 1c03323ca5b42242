//! Connections of peerings (`docs/rules.md` §3), and their MD5 keys, sealed in a table of their
//! own: a connection that was read never carries its key.

use crate::db::{Access, Db, IdPage, Page, Tx};
use crate::error::{Conflict, Result, StoreError};
use crate::observed::{router_state_at, router_states_latest};
use crate::peerings::{path_key, peering_by_id};
use crate::ports::ports_free;
use crate::providing::serving;
use crate::statement::{Columns, Entity, entities, entity, entity_or_none, fold, sql, to_doc};
use crate::subnets::subnets_release;
use jiff::Timestamp;
use meetme_model::connection::{Connection, ConnectionState, Reached, Stage};
use meetme_model::link::RouterState;
use meetme_model::peering::{ConnectionSpec, Peering};
use meetme_model::{NamedSecret, Secret};
use sqlx::any::AnyRow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

impl Entity for Connection {
    const WHAT: &'static str = "connection";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    OF = "SELECT id, doc FROM connections WHERE peering_id = $1 ORDER BY id";
    // A key is looked for by connection, not joined: what PostgreSQL makes of a join depends on whether it counted the
    // rows of both tables, and a page that reads all keys for each peering takes a hundred times as long.
    SHOWN = "SELECT COUNT(*), MAX(found.path), string_agg(found.shown, ' ' ORDER BY found.path) FROM (
                 SELECT p.path, concat('[', p.id, ',', p.doc, ',[', (
                     SELECT string_agg(
                         concat('[', c.id, ',', COALESCE((
                             SELECT CAST(k.connection_id AS TEXT) FROM md5_keys k WHERE k.connection_id = c.id), 'null'),
                         ',', c.doc, ']'), ',')
                     FROM connections c WHERE c.peering_id = p.id), ']]') AS shown
                 FROM peerings p WHERE p.subscription = $1
                 AND (CAST($2 AS TEXT) IS NULL OR p.resource_group = $2) AND p.path > $3
                 ORDER BY p.path LIMIT $4) AS found";
    SHOWN_ONE = "SELECT p.id, p.doc, s.at_ms, k.connection_id, c.id, c.doc FROM peerings p
                 LEFT JOIN connections c ON c.peering_id = p.id
                 LEFT JOIN md5_keys k ON k.connection_id = c.id
                 LEFT JOIN router_states s ON s.router = c.router
                 WHERE p.subscription = $1 AND p.path = $2";
    LOCK = "SELECT id, doc FROM connections WHERE peering_id = $1 ORDER BY id {for_update}";
    BY_ID = "SELECT id, doc FROM connections WHERE id = $1";
    ON_ROUTER = "SELECT id, doc FROM connections WHERE router = $1 ORDER BY id";
    PENDING = "SELECT id, doc FROM connections WHERE state = 'PendingApproval' AND id > $1
               ORDER BY id LIMIT $2";
    BY_STATE = "SELECT state, CASE WHEN {doc} ->> 'removal' IS NULL THEN 0 ELSE 1 END AS leaving, COUNT(*)
                FROM connections GROUP BY state, leaving";
    INSERT = "INSERT INTO connections (peering_id, identifier, state, since_ms, doc, serving)
              VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE connections SET state = $1, since_ms = $2, router = $3, doc = $4,
              serving = $5 WHERE id = $6";
    DELETE = "DELETE FROM connections WHERE id = $1";
    KEY_PUT = "INSERT INTO md5_keys (connection_id, sealed, name) VALUES ($1, $2, $3)
               ON CONFLICT (connection_id) DO UPDATE SET sealed = excluded.sealed, name = excluded.name";
    KEY_GET = "SELECT connection_id, sealed, name FROM md5_keys WHERE connection_id = $1";
    KEY_NAMED = "SELECT connection_id, sealed, name FROM md5_keys WHERE name = $1";
    KEY_DELETE = "DELETE FROM md5_keys WHERE connection_id = $1";
}

/// Those of a peering, oldest first.
pub async fn connections_of(db: &mut impl Db, peering_id: i64) -> Result<Vec<Connection>> {
    entities(&sql(OF).bind(peering_id).all(db).await?)
}

/// A connection with what is shown beside it.
#[derive(Clone, Debug)]
pub struct SeenConnection {
    /// The connection.
    pub connection: Connection,
    /// Whether an MD5 key is set: the flag that is shown instead of it.
    pub has_md5_key: bool,
    /// What its router told last, once it has ports and the router told anything.
    pub router: Option<Arc<RouterState>>,
}

/// Peerings with their connections as a query found them, not parsed yet: that takes longer than the
/// query, and can be done by several threads.
pub struct ShownChunk {
    text: String,
    states: Arc<HashMap<String, Arc<RouterState>>>,
}

impl ShownChunk {
    /// The peerings in the order of [`path_key`], each with its connections, oldest first, and what is
    /// shown beside them.
    pub fn read(&self) -> Result<Vec<(Peering, Vec<SeenConnection>)>> {
        let found = serde_json::Deserializer::from_str(&self.text).into_iter();
        let seen = |(id, key, connection): SeenRow| SeenConnection {
            has_md5_key: key.is_some(),
            router: connection.ports.as_ref().and_then(|p| self.states.get(&p.router)).cloned(),
            connection: Connection { id, ..connection },
        };
        let read = |row: serde_json::Result<(i64, Peering, Vec<SeenRow>)>| {
            let (id, peering, connections) = row.map_err(|e| StoreError::corrupt("page of peerings", e))?;
            let mut shown: Vec<SeenConnection> = connections.into_iter().map(seen).collect();
            shown.sort_unstable_by_key(|c| c.connection.id);
            Ok((Peering { id, ..peering }, shown))
        };
        found.map(read).collect()
    }
}

/// Those of a subscription (of one resource group) in the order of [`path_key`], with their connections
/// and what is shown beside them. `take` gets up to `chunk` of them at a time while the next ones are
/// still to be found; a chunk comes as one row, because the engine's thread hands over each row by itself.
pub async fn peerings_shown(
    db: &mut impl Db,
    subscription: &str,
    resource_group: Option<&str>,
    page: &Page,
    chunk: u32,
    mut take: impl FnMut(ShownChunk) + Send,
) -> Result<()> {
    // Few routers have many connections: looking up each connection's costs more than reading all.
    let states = Arc::new(router_states_latest(db).await?);
    let (subscription, resource_group) = (fold(subscription), resource_group.map(fold));
    let (mut after, mut wanted) = (page.after_key(), page.limit);
    while wanted > 0 {
        let limit = wanted.min(chunk);
        let statement =
            sql(SHOWN).bind(subscription.clone()).bind(resource_group.clone()).bind(after.clone());
        let rows = statement.bind(i64::from(limit)).all(db).await?;
        let Some(found) = rows.first() else { break };
        let count = u32::try_from(found.int(0)?).map_err(|e| StoreError::corrupt("page of peerings", e))?;
        if count > 0 {
            after = found.text(1)?;
            take(ShownChunk { text: found.text(2)?, states: states.clone() });
        }
        if count < limit {
            break;
        }
        wanted -= count;
    }
    Ok(())
}

/// A connection's id, its id again if it has a key, and itself.
type SeenRow = (i64, Option<i64>, Connection);

/// The peering of a name, any case, with its connections as [`peerings_shown`] gives them: in one
/// query altogether.
pub async fn peering_shown(
    db: &mut impl Db,
    subscription: &str,
    resource_group: &str,
    name: &str,
) -> Result<Option<(Peering, Vec<SeenConnection>)>> {
    let rows = sql(SHOWN_ONE).bind(fold(subscription)).bind(path_key(resource_group, name)).all(db).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let peering = entity(first)?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(id) = row.int_or_null(4)? {
            let connection = Connection { id, ..row.doc(5, Connection::WHAT)? };
            shown.push(seen(db, connection, row.int_or_null(3)?, row.int_or_null(2)?).await?);
        }
    }
    shown.sort_unstable_by_key(|c| c.connection.id);
    Ok(Some((peering, shown)))
}

/// A connection with whether a row of its key was found, and the state that its router's row has.
async fn seen(
    db: &mut impl Db,
    connection: Connection,
    key: Option<i64>,
    state_at_ms: Option<i64>,
) -> Result<SeenConnection> {
    let router = match (&connection.ports, state_at_ms) {
        (Some(ports), Some(at_ms)) => router_state_at(db, &ports.router, at_ms).await?,
        _ => None,
    };
    Ok(SeenConnection { connection, has_md5_key: key.is_some(), router })
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

/// How many connections everybody has in each state, by its name on the wire; `Removing`: those that
/// are being taken away, whatever their state.
pub async fn connections_by_state(db: &mut impl Db) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for row in sql(BY_STATE).all(db).await? {
        let state = if row.int(1)? == 0 { row.text(0)? } else { "Removing".to_owned() };
        *counts.entry(state).or_insert(0) += u64::try_from(row.int(2)?).unwrap_or(0);
    }
    Ok(counts)
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
    let peering = peering_by_id(tx, peering_id)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "peering", key: peering_id.to_string() })?;
    let mut connection = Connection {
        id: 0,
        peering_id,
        name: Connection::next_name(&peering.name, &connections_of(tx, peering_id).await?),
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
        reached: Reached { requested_at: Some(at), ..Reached::default() },
        removal: None,
    };
    let md5_key = connection.spec.md5_key.take();
    let row = sql(INSERT)
        .bind(peering_id)
        .bind(spec.identifier.to_ascii_lowercase())
        .bind(connection.state.wire_name())
        .bind_time(connection.since)
        .bind(to_doc(&connection, Connection::WHAT)?)
        .bind(serving(&connection))
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
        .bind(serving(connection))
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

/// Seals and keeps a connection's MD5 key, instead of the one it had. Another value gets another name.
pub async fn md5_key_put(tx: &mut Tx, connection_id: i64, key: &Secret) -> Result<()> {
    if md5_key_get(tx, connection_id).await?.is_some_and(|kept| kept.secret == *key) {
        return Ok(());
    }
    let sealed = tx.sealer().seal(&sealed_as(connection_id), key.reveal().as_bytes());
    let name = format!("key-{:032x}", rand::random::<u128>());
    sql(KEY_PUT).bind(connection_id).bind(sealed).bind(name).run(tx).await?;
    Ok(())
}

/// A connection's MD5 key in clear: for its router's intent only.
pub async fn md5_key_get(db: &mut impl Db, connection_id: i64) -> Result<Option<NamedSecret>> {
    let row = sql(KEY_GET).bind(connection_id).optional(db).await?;
    row.map(|row| open_key(db, &row)).transpose()
}

/// The MD5 key of a name in clear: for its router's edge only.
pub async fn md5_key_named(db: &mut impl Db, name: &str) -> Result<Option<Secret>> {
    let row = sql(KEY_NAMED).bind(name).optional(db).await?;
    row.map(|row| Ok(open_key(db, &row)?.secret)).transpose()
}

fn open_key(db: &impl Db, row: &AnyRow) -> Result<NamedSecret> {
    let clear = db.sealer().open(&sealed_as(row.int(0)?), &row.bytes(1)?)?;
    let text = String::from_utf8(clear).map_err(|e| StoreError::corrupt("MD5 key", e))?;
    Ok(NamedSecret { name: row.text(2)?, secret: Secret::new(text) })
}

/// Forgets a connection's MD5 key, if it has one.
pub async fn md5_key_delete(tx: &mut Tx, connection_id: i64) -> Result<()> {
    sql(KEY_DELETE).bind(connection_id).run(tx).await?;
    Ok(())
}

fn sealed_as(connection_id: i64) -> String {
    format!("the MD5 key of connection {connection_id}")
}
