//! `registeredPrefixes`: prefixes that a peer lists on a peering (`docs/rules.md` §5). One file per
//! operation.

mod delete;
mod get;
mod list;
mod put;
mod rules;
mod validate;
mod wire;

pub(crate) use get::registered_prefix_of;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const LIST: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/registeredPrefixes";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/registeredPrefixes/{registered_prefix}";
const VALIDATE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/registeredPrefixes/{registered_prefix}/validate";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, LIST, Access::Subscription, list::list)
        .add(Method::GET, ONE, Access::Subscription, get::get)
        .add(Method::PUT, ONE, Access::Subscription, put::put)
        .add(Method::DELETE, ONE, Access::Subscription, delete::delete)
        .add(Method::POST, VALIDATE, Access::Subscription, validate::validate)
}
