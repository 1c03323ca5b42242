//! `connectionMonitorTests`: tries of a destination from the sites of a peering service
//! (`docs/rules.md` §6). One file per operation. The edges send them.

mod delete;
mod get;
mod list;
mod put;
mod wire;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const LIST: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/connectionMonitorTests";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/connectionMonitorTests/{connection_monitor_test}";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, LIST, Access::Subscription, list::list)
        .add(Method::GET, ONE, Access::Subscription, get::get)
        .add(Method::PUT, ONE, Access::Subscription, put::put)
        .add(Method::DELETE, ONE, Access::Subscription, delete::delete)
}
