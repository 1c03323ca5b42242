//! `registeredAsns`: the networks behind a peering with a route server, one key for each
//! (`docs/rules.md` §5). One file per operation.

mod delete;
mod get;
mod list;
mod put;
mod wire;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const LIST: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/registeredAsns";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/registeredAsns/{registered_asn}";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, LIST, Access::Subscription, list::list)
        .add(Method::GET, ONE, Access::Subscription, get::get)
        .add(Method::PUT, ONE, Access::Subscription, put::put)
        .add(Method::DELETE, ONE, Access::Subscription, delete::delete)
}
