//! The resource provider `Microsoft.Peering` as tools ask for it. Every subscription is registered
//! with it, as there is no other here.

use crate::arm::inventory;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::openapi;
use crate::page::Page;
use crate::path::NAMESPACE;
use serde::Serialize;
use std::collections::BTreeSet;

/// Resource types, and whether resources of the type have a location of their own.
const TYPES: &[(&str, bool)] = &[
    ("cdnPeeringPrefixes", false),
    ("checkServiceProviderAvailability", false),
    ("legacyPeerings", false),
    ("lookingGlass", false),
    ("operations", false),
    ("peerAsns", false),
    ("peeringLocations", false),
    ("peeringServiceCountries", false),
    ("peeringServiceLocations", false),
    ("peeringServiceProviders", false),
    ("peeringServices", true),
    ("peeringServices/connectionMonitorTests", false),
    ("peeringServices/prefixes", false),
    ("peerings", true),
    ("peerings/receivedRoutes", false),
    ("peerings/registeredAsns", false),
    ("peerings/registeredPrefixes", false),
    ("peerings/rpUnbilledPrefixes", false),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    namespace: &'static str,
    registration_policy: &'static str,
    registration_state: &'static str,
    resource_types: Vec<ResourceType>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceType {
    resource_type: &'static str,
    locations: Vec<String>,
    api_versions: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<&'static str>,
}

async fn shown(call: &Call) -> Result<Shown, ApiError> {
    let inventory = inventory(call).await?;
    let regions: BTreeSet<&String> = inventory.locations.iter().map(|l| &l.region).collect();
    let regions: Vec<String> = regions.into_iter().cloned().collect();
    let subscription = call.subscription();
    let id = if subscription.is_empty() {
        format!("/providers/{NAMESPACE}")
    } else {
        format!("/subscriptions/{subscription}/providers/{NAMESPACE}")
    };
    Ok(Shown {
        id,
        namespace: NAMESPACE,
        registration_policy: "RegistrationFree",
        registration_state: "Registered",
        resource_types: TYPES
            .iter()
            .map(|(resource_type, located)| ResourceType {
                resource_type,
                locations: if *located { regions.clone() } else { Vec::new() },
                api_versions: openapi::versions_of(resource_type),
                capabilities: located.then_some("SupportsTags, SupportsLocation"),
            })
            .collect(),
    })
}

/// Answers the provider; also to a request to register.
pub(super) async fn get(call: Call) -> Answer {
    ok(shown(&call).await?)
}

/// Answers the only provider there is.
pub(super) async fn list(call: Call) -> Answer {
    ok(Page::whole(vec![shown(&call).await?]))
}

/// Refuses: there is nothing to register with instead.
pub(super) async fn unregister(_call: Call) -> Answer {
    Err(ApiError::conflict(
        "CannotUnregister",
        "every subscription is registered with this provider and stays so; delete its resources instead",
    ))
}
