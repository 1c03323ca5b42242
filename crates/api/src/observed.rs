//! What is known of a connection on its router, in the planners' shape, gathered from what the
//! edges reported last.

use crate::error::ApiError;
use meetme_model::connection::Connection;
use meetme_model::plan::validation::Observed;
use meetme_store::{Db, router_state_get, session_routes_get};

/// What is known of `connection`; nothing before it has ports.
pub(crate) async fn observed(
    db: &mut impl Db,
    connection: &Connection,
) -> Result<Observed, ApiError> {
    let mut observed = Observed::default();
    let Some(ports) = &connection.ports else {
        return Ok(observed);
    };
    if let Some(mut state) = router_state_get(db, &ports.router).await? {
        observed.reachable = Some(state.reachable);
        observed.lag = state.lags.remove(&connection.lag_name());
        for (name, _) in connection.sessions() {
            if let Some(session) = state.sessions.remove(&name) {
                observed.sessions.insert(name, session);
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
