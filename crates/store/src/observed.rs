//! What the edges report: the latest state of each router, the latest route summary of each
//! session, and the last results of applying. Routes themselves stay at the edge.

use crate::db::{Db, Tx};
use crate::error::Result;
use crate::router_intents::router_intent_generation;
use crate::statement::{Columns, sql, to_doc};
use meetme_model::connection::Connection;
use meetme_model::link::{ApplyResult, RouterState, SessionRoutes};
use meetme_model::plan::validation::Observed;
use meetme_model::unit::UnitName;
use std::collections::HashMap;
use std::sync::Arc;

/// So many results of applying are kept per router.
pub const APPLY_RESULTS_KEPT: u32 = 50;

statements! {
    STATE_PUT = "INSERT INTO router_states (router, at_ms, doc) VALUES ($1, $2, $3)
                 ON CONFLICT (router) DO UPDATE SET at_ms = excluded.at_ms, doc = excluded.doc";
    STATE_GET = "SELECT doc FROM router_states WHERE router = $1";
    STATE_AT = "SELECT at_ms FROM router_states WHERE router = $1";
    STATES_AT = "SELECT router, at_ms FROM router_states";
    STATES = "SELECT doc FROM router_states ORDER BY router";
    ROUTES_PUT = "INSERT INTO session_routes (router, session, at_ms, doc, received) VALUES ($1, $2, $3, $4, $5)
                  ON CONFLICT (router, session)
                  DO UPDATE SET at_ms = excluded.at_ms, doc = excluded.doc, received = excluded.received";
    ROUTES_RECEIVED = "SELECT router, CAST(SUM(received) AS BIGINT) FROM session_routes GROUP BY router";
    ROUTES_GET = "SELECT doc FROM session_routes WHERE router = $1 AND session = $2";
    ROUTES = "SELECT doc FROM session_routes WHERE router = $1 ORDER BY session";
    ROUTES_DELETE = "DELETE FROM session_routes WHERE router = $1 AND session = $2";
    APPLY_ADD = "INSERT INTO apply_results (router, at_ms, doc) VALUES ($1, $2, $3)";
    APPLY_TRIM = "DELETE FROM apply_results WHERE router = $1 AND id <= (
                  SELECT id FROM apply_results WHERE router = $1
                  ORDER BY id DESC LIMIT 1 OFFSET $2)";
    APPLIES = "SELECT doc FROM apply_results WHERE router = $1 ORDER BY id DESC LIMIT $2";
}

/// Keeps a router's state instead of the one before.
pub async fn router_state_put(tx: &mut Tx, state: &RouterState) -> Result<()> {
    sql(STATE_PUT)
        .bind(state.router.as_str())
        .bind_time(state.at)
        .bind(to_doc(state, "router state")?)
        .run(tx)
        .await?;
    Ok(())
}

/// A router's latest state; `None` when its edge never reported.
pub async fn router_state_get(db: &mut impl Db, router: &str) -> Result<Option<RouterState>> {
    let row = sql(STATE_GET).bind(router).optional(db).await?;
    row.map(|row| row.doc(0, "router state")).transpose()
}

/// A router's latest state, which its row says was told at `at_ms`: from memory if it is the one
/// that is remembered.
pub(crate) async fn router_state_at(
    db: &mut impl Db,
    router: &str,
    at_ms: i64,
) -> Result<Option<Arc<RouterState>>> {
    if let Some(state) = db.memory().state(router, at_ms) {
        return Ok(Some(state));
    }
    let state = router_state_get(db, router).await?.map(Arc::new);
    if let Some(state) = &state {
        db.memory().keep_state(state);
    }
    Ok(state)
}

/// All routers' latest states by name, from memory where they are those that are remembered.
pub async fn router_states_latest(db: &mut impl Db) -> Result<HashMap<String, Arc<RouterState>>> {
    let rows = sql(STATES_AT).all(db).await?;
    let mut states = HashMap::with_capacity(rows.len());
    for row in &rows {
        let router = row.text(0)?;
        if let Some(state) = router_state_at(db, &router, row.int(1)?).await? {
            states.insert(router, state);
        }
    }
    Ok(states)
}

/// A router's latest state, from memory where it is the one that is remembered.
async fn router_state_latest(db: &mut impl Db, router: &str) -> Result<Option<Arc<RouterState>>> {
    match sql(STATE_AT).bind(router).optional(db).await? {
        Some(row) => router_state_at(db, router, row.int(0)?).await,
        None => Ok(None),
    }
}

/// All routers' latest states.
pub async fn router_state_list(db: &mut impl Db) -> Result<Vec<RouterState>> {
    let rows = sql(STATES).all(db).await?;
    rows.iter().map(|row| row.doc(0, "router state")).collect()
}

/// Keeps a session's route summary instead of the one before.
pub async fn session_routes_put(tx: &mut Tx, routes: &SessionRoutes) -> Result<()> {
    sql(ROUTES_PUT)
        .bind(routes.router.as_str())
        .bind(routes.session.as_str())
        .bind_time(routes.at)
        .bind(to_doc(routes, "session routes")?)
        .bind(i64::from(routes.received))
        .run(tx)
        .await?;
    Ok(())
}

/// A session's latest route summary.
pub async fn session_routes_get(
    db: &mut impl Db,
    router: &str,
    session: &str,
) -> Result<Option<SessionRoutes>> {
    let row = sql(ROUTES_GET).bind(router).bind(session).optional(db);
    let row = row.await?;
    row.map(|row| row.doc(0, "session routes")).transpose()
}

/// The latest route summaries of a router's sessions.
pub async fn session_routes_list(db: &mut impl Db, router: &str) -> Result<Vec<SessionRoutes>> {
    let rows = sql(ROUTES).bind(router).all(db).await?;
    rows.iter().map(|row| row.doc(0, "session routes")).collect()
}

/// The latest route summaries of sessions given as (router, session); those that have none are
/// left out.
pub async fn session_routes_of(
    db: &mut impl Db,
    sessions: &[(String, String)],
) -> Result<Vec<SessionRoutes>> {
    let mut found = Vec::with_capacity(sessions.len());
    for (router, session) in sessions {
        found.extend(session_routes_get(db, router, session).await?);
    }
    Ok(found)
}

/// How many routes each router receives over all its sessions; one without sessions isn't there.
pub async fn routes_received(db: &mut impl Db) -> Result<HashMap<String, u64>> {
    let rows = sql(ROUTES_RECEIVED).all(db).await?;
    rows.iter().map(|row| Ok((row.text(0)?, u64::try_from(row.int(1)?).unwrap_or(0)))).collect()
}

/// Forgets a session that was removed.
pub async fn session_routes_delete(tx: &mut Tx, router: &str, session: &str) -> Result<()> {
    sql(ROUTES_DELETE).bind(router).bind(session).run(tx).await?;
    Ok(())
}

/// Adds a result of applying, and drops the router's oldest beyond [`APPLY_RESULTS_KEPT`].
pub async fn apply_result_put(tx: &mut Tx, result: &ApplyResult) -> Result<()> {
    sql(APPLY_ADD)
        .bind(result.router.as_str())
        .bind_time(result.at)
        .bind(to_doc(result, "apply result")?)
        .run(tx)
        .await?;
    sql(APPLY_TRIM).bind(result.router.as_str()).bind(i64::from(APPLY_RESULTS_KEPT)).run(tx).await?;
    Ok(())
}

/// A router's last results of applying, newest first.
pub async fn apply_results_list(db: &mut impl Db, router: &str, limit: u32) -> Result<Vec<ApplyResult>> {
    let rows = sql(APPLIES).bind(router).bind(i64::from(limit)).all(db).await?;
    rows.iter().map(|row| row.doc(0, "apply result")).collect()
}

/// What is known of a connection on its router, gathered from what the edges reported last, in the
/// planners' shape; nothing before it has ports.
pub async fn connection_observed(db: &mut impl Db, connection: &Connection) -> Result<Observed> {
    let mut observed = Observed::default();
    let Some(ports) = &connection.ports else {
        return Ok(observed);
    };
    if let Some(state) = router_state_latest(db, &ports.router).await? {
        observed.reachable = Some(state.reachable);
        // What an edge says of an older snapshot says nothing about this one.
        if state.generation >= Some(router_intent_generation(db, &ports.router).await?) {
            let unit = UnitName::Connection(connection.lag_name());
            let pending = state.pending.get(&unit);
            observed.confirmed = pending.is_none();
            observed.apply_fault = pending.and_then(|p| p.fault.clone());
        }
        observed.lag = state.lags.get(&connection.lag_name()).cloned();
        for v4 in [true, false] {
            let name = connection.session_name(v4);
            if let Some(session) = state.sessions.get(&name) {
                observed.sessions.insert(name, session.clone());
            }
        }
    }
    for (name, _) in connection.sessions() {
        if let Some(routes) = session_routes_get(db, &ports.router, &name).await? {
            observed.routes.insert(name, routes);
        }
    }
    Ok(observed)
}
