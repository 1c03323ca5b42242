//! What a resource manager gives around its resources, as far as SDKs and tools need it:
//! subscriptions, resource groups, the provider, and lists of all resources.
//!
//! These belong to other namespaces than `Microsoft.Peering`, so any api-version is taken.

mod groups;
mod list_query;
mod provider;
mod resources;
mod search;
mod subscriptions;

pub(crate) use groups::ensure;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const GROUPS: &str = "/subscriptions/{subscription}/resourceGroups";
const GROUP: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    let own = Access::Subscription;
    routes
        .add(Method::GET, "/tenants", Access::Anyone, subscriptions::tenants)
        .add(Method::GET, "/subscriptions", Access::Anyone, subscriptions::list)
        .add(Method::GET, "/subscriptions/{subscription}", own, subscriptions::get)
        .add(Method::GET, "/subscriptions/{subscription}/locations", own, subscriptions::locations)
        .add(Method::GET, GROUPS, own, groups::list)
        .add(Method::GET, GROUP, own, groups::get)
        .add(Method::HEAD, GROUP, own, groups::get)
        .add(Method::PUT, GROUP, own, groups::put)
        .add(Method::PATCH, GROUP, own, groups::patch)
        .add(Method::DELETE, GROUP, own, groups::delete)
        .add(Method::GET, "/subscriptions/{subscription}/resources", own, resources::list)
        .add(
            Method::GET,
            "/subscriptions/{subscription}/resourceGroups/{resource_group}/resources",
            own,
            resources::list,
        )
        .add(Method::GET, "/providers", Access::Anyone, provider::list)
        .add(Method::GET, "/providers/Microsoft.Peering", Access::Anyone, provider::get)
        .add(Method::GET, "/subscriptions/{subscription}/providers", own, provider::list)
        .add(Method::GET, "/subscriptions/{subscription}/providers/Microsoft.Peering", own, provider::get)
        .add(
            Method::POST,
            "/subscriptions/{subscription}/providers/Microsoft.Peering/register",
            own,
            provider::get,
        )
        .add(
            Method::POST,
            "/subscriptions/{subscription}/providers/Microsoft.Peering/unregister",
            own,
            provider::unregister,
        )
}
