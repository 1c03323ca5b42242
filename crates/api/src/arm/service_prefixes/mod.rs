//! `peeringServices/prefixes`: prefixes activated for optimized routing (`docs/rules.md` §6). One
//! file per operation.

mod delete;
mod get;
mod list;
mod put;
mod wire;

pub(crate) use get::service_prefix_of;
pub(crate) use put::{check_syntax, field_of, try_put};
pub(crate) use wire::SentProperties;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const LIST: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/prefixes";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/prefixes/{prefix}";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, LIST, Access::Subscription, list::list)
        .add(Method::GET, ONE, Access::Subscription, get::get)
        .add(Method::PUT, ONE, Access::Subscription, put::put)
        .add(Method::DELETE, ONE, Access::Subscription, delete::delete)
}
