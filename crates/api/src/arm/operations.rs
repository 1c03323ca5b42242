//! `GET /providers/Microsoft.Peering/operations`: what can be done here, as ARM lists it.

use crate::arm::metrics::{ServiceSpecification, specification};
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use meetme_model::metric::MeteredResource;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    is_data_action: bool,
    display: Display,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    service_specification: ServiceSpecification,
}

#[derive(Serialize)]
struct Display {
    provider: &'static str,
    resource: &'static str,
    operation: &'static str,
    description: String,
}

/// The operations whose `properties` describe metrics.
const PEERING_METRICS: &str = "peerings/providers/Microsoft.Insights/metricDefinitions";
const SERVICE_METRICS: &str = "peeringServices/providers/Microsoft.Insights/metricDefinitions";

/// Resource, as people call it, and what can be done with it.
const OPERATIONS: &[(&str, &str, &[&str])] = &[
    ("peerAsns", "Peer ASN", &["read", "write", "delete"]),
    ("peerings", "Peering", &["read", "write", "delete"]),
    ("peerings/registeredPrefixes", "Registered prefix", &["read", "write", "delete", "validate/action"]),
    ("peerings/registeredAsns", "Registered ASN", &["read", "write", "delete"]),
    ("peerings/receivedRoutes", "Received route", &["read"]),
    ("peerings/rpUnbilledPrefixes", "Unbilled prefix", &["read"]),
    ("peeringServices", "Peering service", &["read", "write", "delete"]),
    ("peeringServices/prefixes", "Peering service prefix", &["read", "write", "delete"]),
    ("peeringServices/connectionMonitorTests", "Connection monitor test", &["read", "write", "delete"]),
    ("peeringLocations", "Peering location", &["read"]),
    ("cdnPeeringPrefixes", "CDN prefix", &["read"]),
    ("legacyPeerings", "Legacy peering", &["read"]),
    ("peeringServiceLocations", "Peering service location", &["read"]),
    ("peeringServiceCountries", "Peering service country", &["read"]),
    ("peeringServiceProviders", "Peering service provider", &["read"]),
    ("checkServiceProviderAvailability", "Peering service provider", &["action"]),
    ("initializeConnectionMonitor", "Connection monitor", &["action"]),
    ("lookingGlass", "Looking glass", &["action"]),
    ("peerings/providers/Microsoft.Insights/metrics", "Metric", &["read"]),
    (PEERING_METRICS, "Metric definition", &["read"]),
    ("peeringServices/providers/Microsoft.Insights/metrics", "Metric", &["read"]),
    (SERVICE_METRICS, "Metric definition", &["read"]),
];

/// Answers the list.
pub(crate) async fn list(_call: Call) -> Answer {
    let all = OPERATIONS
        .iter()
        .flat_map(|(path, resource, verbs)| verbs.iter().map(move |verb| (path, resource, verb)))
        .map(|(path, resource, verb)| Operation {
            name: format!("Microsoft.Peering/{path}/{verb}"),
            is_data_action: false,
            display: Display {
                provider: "Microsoft.Peering",
                resource,
                operation: verb,
                description: describe(resource, verb),
            },
            properties: metered(path).map(|kind| Properties { service_specification: specification(kind) }),
        })
        .collect();
    ok(Page::whole(all))
}

/// The resource whose metrics an operation describes.
fn metered(path: &str) -> Option<MeteredResource> {
    match path {
        PEERING_METRICS => Some(MeteredResource::Peering),
        SERVICE_METRICS => Some(MeteredResource::PeeringService),
        _ => None,
    }
}

fn describe(resource: &str, verb: &str) -> String {
    let resource = resource.to_ascii_lowercase();
    match verb {
        "read" => format!("Reads a {resource} or lists them"),
        "write" => format!("Creates or changes a {resource}"),
        "delete" => format!("Deletes a {resource}"),
        "validate/action" => format!("Has a {resource} looked at again"),
        "action" if resource == "looking glass" => "Looks from an edge router".to_owned(),
        "action" if resource == "connection monitor" => format!("Initializes a subscription's {resource}"),
        _ => format!("Says whether a {resource} is available at a location"),
    }
}
