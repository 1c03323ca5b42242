//! What a session shows of a prefix, gathered from what the edges reported, in the verdicts' shape.

use meetme_model::connection::Connection;
use meetme_model::link::{BgpState, RouterState};
use meetme_model::prefix::Prefix;
use meetme_model::registered_prefix::SessionView;
use meetme_store::{self as store, Db, StoreError};

/// What a connection's session of `prefix`'s family shows of it; `None` when it has no such session.
pub async fn view(
    db: &mut impl Db,
    connection: &Connection,
    prefix: Prefix,
) -> Result<Option<SessionView>, StoreError> {
    let subnet = if prefix.is_ipv4() { connection.subnet_v4 } else { connection.subnet_v6 };
    let (Some(ports), Some(subnet)) = (&connection.ports, subnet) else {
        return Ok(None);
    };
    let name = connection.session_name(prefix.is_ipv4());
    let state: Option<RouterState> = store::router_state_get(db, &ports.router).await?;
    let session = state.as_ref().and_then(|s| s.sessions.get(&name));
    let established = session.is_some_and(|s| s.bgp == BgpState::Established);
    let gate_open = session.is_some_and(|s| s.gate_open);
    let routes = store::session_routes_get(db, &ports.router, &name).await?;
    let reachable = state.as_ref().is_some_and(|s| s.reachable);
    // A session that is down shows nothing, for certain; one that is up only once it is in sync.
    let known = reachable && (!established || routes.as_ref().is_some_and(|r| r.synced));
    let route = routes
        .as_ref()
        .filter(|_| established)
        .and_then(|r| r.evidence.iter().find(|e| e.prefix == prefix))
        .and_then(|e| e.route.clone());
    let at = routes.map(|r| r.at).or(state.map(|s| s.at)).unwrap_or_default();
    Ok(Some(SessionView {
        peer_address: subnet.peer,
        router: ports.router.clone(),
        known,
        established,
        gate_open,
        route,
        at,
    }))
}
