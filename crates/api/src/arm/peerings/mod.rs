//! `peerings`: a peer at a location, with its connections (`docs/rules.md` §2). One file per
//! operation.

mod delete;
mod get;
mod held;
pub(crate) mod leaving;
mod list;
mod patch;
mod put;
mod sent;
mod shape;
mod wire;

pub(crate) use get::peering_of;
pub(crate) use put::validate_only;
pub(crate) use shape::{BgpSession, ShownSku, SubResource, offering_name, provider_name};
pub(crate) use wire::{bgp_name, id, kind_name, provisioning_state};

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const ALL: &str = "/subscriptions/{subscription}/providers/Microsoft.Peering/peerings";
const LIST: &str =
    "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}";

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
