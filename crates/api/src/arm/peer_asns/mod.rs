//! `peerAsns`: a peer's claims to ASNs (`docs/rules.md` §1). One file per operation.

mod delete;
mod get;
mod list;
mod names;
mod put;
mod wire;

pub(crate) use names::{folded, is_approved};
pub(crate) use wire::id;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

const LIST: &str = "/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns";
const ONE: &str = "/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns/{peer_asn}";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, LIST, Access::Subscription, list::list)
        .add(Method::GET, ONE, Access::Subscription, get::get)
        .add(Method::PUT, ONE, Access::Subscription, put::put)
        .add(Method::DELETE, ONE, Access::Subscription, delete::delete)
}
