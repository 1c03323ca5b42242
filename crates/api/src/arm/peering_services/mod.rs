//! `peeringServices`: connections to optimized routing (`docs/rules.md` §6). One file per operation.

mod delete;
mod get;
mod list;
mod monitor;
mod patch;
mod put;
mod validate;
mod wire;

pub(crate) use get::service_of;
pub(crate) use validate::validate;
pub(crate) use wire::id;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const ALL: &str = "/subscriptions/{subscription}/providers/Microsoft.Peering/peeringServices";
const LIST: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, ALL, Access::Subscription, list::list)
        .add(Method::GET, LIST, Access::Subscription, list::list)
        .add(Method::GET, ONE, Access::Subscription, get::get)
        .add(Method::PUT, ONE, Access::Subscription, put::put)
        .add(Method::PATCH, ONE, Access::Subscription, patch::patch)
        .add(Method::DELETE, ONE, Access::Subscription, delete::delete)
}
