//! The ARM resources of `Microsoft.Peering`: paths, shapes, paging and errors as its clients know
//! them, so that they work unchanged. One folder or file per resource, one file per operation.

pub(crate) mod peer_asns;
pub(crate) mod peering_services;
pub(crate) mod peerings;
pub(crate) mod registered_prefixes;
pub(crate) mod service_prefixes;
pub(crate) mod version;

mod operations;
mod peering_locations;
mod providers;
mod received_routes;
mod service_places;
mod tags;
mod wake;

use crate::auth::Access;
use crate::call::Call;
use crate::error::ApiError;
use crate::routes::Routes;
use axum::http::{Method, StatusCode};
use meetme_model::inventory::Inventory;
use meetme_store::inventory_get;

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    let get = Method::GET;
    routes
        .with(peer_asns::routes)
        .with(peerings::routes)
        .with(registered_prefixes::routes)
        .with(peering_services::routes)
        .with(service_prefixes::routes)
        .add(
            get.clone(),
            "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/receivedRoutes",
            Access::Subscription,
            received_routes::list,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/providers/Microsoft.Peering/peeringLocations",
            Access::Subscription,
            peering_locations::list,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/providers/Microsoft.Peering/peeringServiceLocations",
            Access::Subscription,
            service_places::locations,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/providers/Microsoft.Peering/peeringServiceCountries",
            Access::Subscription,
            service_places::countries,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/providers/Microsoft.Peering/peeringServiceProviders",
            Access::Subscription,
            providers::list,
        )
        .add(
            Method::POST,
            "/subscriptions/{subscription}/providers/Microsoft.Peering/checkServiceProviderAvailability",
            Access::Subscription,
            providers::check,
        )
        .add(
            get,
            "/providers/Microsoft.Peering/operations",
            Access::Anyone,
            operations::list,
        )
}

/// The inventory in force.
pub(crate) async fn inventory(call: &Call) -> Result<Inventory, ApiError> {
    let mut db = call.state.store.read().await?;
    match inventory_get(&mut db).await? {
        Some((_, inventory)) => Ok(inventory),
        None => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "InventoryMissing",
            "this network has no inventory yet; its operators apply one with 'meetme inventory apply FILE'",
        )),
    }
}
