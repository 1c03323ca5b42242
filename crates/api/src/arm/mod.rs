//! The ARM resources of `Microsoft.Peering`: paths, shapes, paging and errors as its clients know
//! them, so that they work unchanged. One folder or file per resource, one file per operation.

pub(crate) mod peer_asns;
pub(crate) mod peering_services;
pub(crate) mod peerings;
pub(crate) mod registered_prefixes;
pub(crate) mod service_prefixes;
pub(crate) mod version;

mod cdn_peering_prefixes;
mod connection_monitor_tests;
mod initialize_connection_monitor;
mod legacy_peerings;
mod looking_glass;
pub(crate) mod metrics;
mod operations;
mod peering_locations;
mod providers;
mod received_routes;
mod registered_asns;
mod resource;
pub(crate) mod resource_manager;
mod rp_unbilled_prefixes;
mod service_places;
pub(crate) mod system_data;
mod tags;

use crate::auth::Access;
use crate::call::Call;
use crate::error::ApiError;
use crate::routes::Routes;
use axum::http::{Method, StatusCode};
use meetme_model::inventory::Inventory;
use meetme_store::{Db, inventory_get};
use std::sync::Arc;

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    let get = Method::GET;
    routes
        .with(peer_asns::routes)
        .with(peerings::routes)
        .with(registered_prefixes::routes)
        .with(registered_asns::routes)
        .with(peering_services::routes)
        .with(connection_monitor_tests::routes)
        .with(service_prefixes::routes)
        .with(resource_manager::routes)
        .with(metrics::routes)
        .add(
            get.clone(),
            "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/receivedRoutes",
            Access::Subscription,
            received_routes::list,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/rpUnbilledPrefixes",
            Access::Subscription,
            rp_unbilled_prefixes::list,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/providers/Microsoft.Peering/cdnPeeringPrefixes",
            Access::Subscription,
            cdn_peering_prefixes::list,
        )
        .add(
            get.clone(),
            "/subscriptions/{subscription}/providers/Microsoft.Peering/legacyPeerings",
            Access::Subscription,
            legacy_peerings::list,
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
            Method::POST,
            "/subscriptions/{subscription}/providers/Microsoft.Peering/initializeConnectionMonitor",
            Access::Subscription,
            initialize_connection_monitor::post,
        )
        .add(
            Method::POST,
            "/subscriptions/{subscription}/providers/Microsoft.Peering/lookingGlass",
            Access::Subscription,
            looking_glass::post,
        )
        .add(
            get,
            "/providers/Microsoft.Peering/operations",
            Access::Anyone,
            operations::list,
        )
}

/// The inventory in force.
pub(crate) async fn inventory(call: &Call) -> Result<Arc<Inventory>, ApiError> {
    inventory_in(&mut call.state.store.read().await?).await
}

/// The same, for who holds a handle already: nobody waits for a second one.
pub(crate) async fn inventory_in(db: &mut impl Db) -> Result<Arc<Inventory>, ApiError> {
    match inventory_get(db).await? {
        Some((_, inventory)) => Ok(inventory),
        None => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "InventoryMissing",
            "this network has no inventory yet; its operators apply one with 'meetme inventory apply FILE'",
        )),
    }
}
