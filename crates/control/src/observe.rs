//! Writes down what an edge reports, and asks the reconcilers that it concerns to look again.
//!
//! Cost follows what changed: a report that changes nothing for a connection or a prefix wakes
//! nobody. Decides nothing.

use crate::now;
use meetme_model::Prefix;
use meetme_model::connection::Connection;
use meetme_model::link::{ApplyResult, PrefixEvidence, RouterState, SessionRoutes};
use meetme_model::unit::UnitName;
use meetme_store::{self as store, Store, StoreError, Tx, WorkKind};
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, StoreError>;

/// Takes a router's state.
pub(crate) async fn router(store: &Store, state: RouterState) -> Result<()> {
    let mut tx = store.begin().await?;
    router_in(&mut tx, state).await?;
    tx.commit().await
}

async fn router_in(tx: &mut Tx, state: RouterState) -> Result<()> {
    let before = store::router_state_get(tx, &state.router).await?;
    let connections = store::connections_on_router(tx, &state.router).await?;
    for connection in &connections {
        let concerns = concern(before.as_ref(), &state, connection);
        // A sibling that is being validated is held against what is seen of this one.
        if concerns.refusal || (concerns.onboarding && under_way(tx, connection).await?) {
            enqueue(tx, WorkKind::Peering, connection.peering_id).await?;
        }
        if concerns.prefixes && connection.state.is_open() {
            prefixes_of(tx, connection, |_| true).await?;
        }
    }
    store::router_state_put(tx, &state).await
}

/// True when any connection of the peering is on its way to Active or out.
async fn under_way(tx: &mut Tx, connection: &Connection) -> Result<bool> {
    let siblings = store::connections_of(tx, connection.peering_id).await?;
    Ok(siblings.iter().any(|c| !c.state.is_open() || c.removal.is_some()))
}

struct Concerns {
    onboarding: bool,
    prefixes: bool,
    /// What the router refuses of it is something else.
    refusal: bool,
}

/// What a new router state means for a connection on it.
fn concern(before: Option<&RouterState>, after: &RouterState, connection: &Connection) -> Concerns {
    let Some(before) = before else {
        return Concerns { onboarding: true, prefixes: true, refusal: true };
    };
    let reachable = before.reachable != after.reachable;
    let lag = connection.lag_name();
    let lags = before.lags.get(&lag) != after.lags.get(&lag);
    let mut sessions = false;
    let mut passing = false;
    for v4 in [true, false] {
        let name = connection.session_name(v4);
        let (old, new) = (before.sessions.get(&name), after.sessions.get(&name));
        sessions |= old != new;
        passing |= old.map(|s| (s.bgp, s.gate_open)) != new.map(|s| (s.bgp, s.gate_open));
    }
    let unit = UnitName::Connection(lag);
    let fault = |state: &RouterState| state.pending.get(&unit).and_then(|p| p.fault.clone());
    let refusal = fault(before) != fault(after);
    Concerns { onboarding: reachable || lags || sessions, prefixes: reachable || passing, refusal }
}

/// Takes what applying an intent came to.
pub(crate) async fn applied(store: &Store, result: ApplyResult) -> Result<()> {
    let mut tx = store.begin().await?;
    let peerings: BTreeSet<i64> = store::connections_on_router(&mut tx, &result.router)
        .await?
        .iter()
        .filter(|c| !c.state.is_open() || c.removal.is_some())
        .map(|c| c.peering_id)
        .collect();
    for id in peerings {
        enqueue(&mut tx, WorkKind::Peering, id).await?;
    }
    store::apply_result_put(&mut tx, &result).await?;
    tx.commit().await
}

/// Takes a session's route summary.
pub(crate) async fn routes(store: &Store, routes: SessionRoutes) -> Result<()> {
    let mut tx = store.begin().await?;
    let before = store::session_routes_get(&mut tx, &routes.router, &routes.session).await?;
    let connections = store::connections_on_router(&mut tx, &routes.router).await?;
    let connection =
        connections.iter().find(|c| [true, false].iter().any(|v4| c.session_name(*v4) == routes.session));
    if let Some(connection) = connection {
        if !connection.state.is_open() {
            enqueue(&mut tx, WorkKind::Peering, connection.peering_id).await?;
        } else if before.as_ref().is_none_or(|b| b.synced != routes.synced || b.error != routes.error) {
            prefixes_of(&mut tx, connection, |_| true).await?;
        } else {
            let before = before.as_ref().map_or(&[][..], |b| &b.evidence);
            changed_prefixes(&mut tx, connection, before, &routes.evidence).await?;
        }
    }
    store::session_routes_put(&mut tx, &routes).await?;
    tx.commit().await
}

/// Routers of a site whose edge is gone keep their last state, marked as unseen.
pub(crate) async fn site_unseen(store: &Store, site: &str, reason: &str) -> Result<()> {
    let mut tx = store.begin().await?;
    let Some((_, inventory)) = store::inventory_get(&mut tx).await? else {
        return Ok(());
    };
    for router in inventory.routers.iter().filter(|r| r.site == site) {
        let Some(before) = store::router_state_get(&mut tx, &router.name).await? else {
            continue;
        };
        if before.reachable {
            let state = RouterState { reachable: false, error: Some(reason.to_owned()), at: now(), ..before };
            router_in(&mut tx, state).await?;
        }
    }
    tx.commit().await
}

/// What the peer registered or activated of the prefixes that are `wanted` is to be looked at again.
async fn prefixes_of(tx: &mut Tx, connection: &Connection, wanted: impl Fn(&Prefix) -> bool) -> Result<()> {
    let Some(peering) = store::peering_by_id(tx, connection.peering_id).await? else {
        return Ok(());
    };
    for registered in store::registered_prefixes_of_asn(tx, peering.spec.asn).await? {
        if !wanted(&registered.prefix) {
            continue;
        }
        if registered.peering_id == peering.id {
            enqueue(tx, WorkKind::RegisteredPrefix, registered.id).await?;
        }
        for service in store::service_prefixes_of_registration(tx, registered.id).await? {
            enqueue(tx, WorkKind::ServicePrefix, service.id).await?;
        }
    }
    Ok(())
}

/// Only the prefixes whose evidence changed are to be looked at again.
async fn changed_prefixes(
    tx: &mut Tx,
    connection: &Connection,
    before: &[PrefixEvidence],
    after: &[PrefixEvidence],
) -> Result<()> {
    let changed: BTreeSet<_> = after
        .iter()
        .filter(|new| !before.iter().any(|old| old == *new))
        .chain(before.iter().filter(|old| !after.iter().any(|new| new.prefix == old.prefix)))
        .map(|e| e.prefix)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    prefixes_of(tx, connection, |prefix| changed.contains(prefix)).await
}

async fn enqueue(tx: &mut Tx, kind: WorkKind, id: i64) -> Result<()> {
    store::work_enqueue(tx, kind, &id.to_string(), now()).await
}
