//! `GET /providers/Microsoft.Peering/operations`: what can be done here, as ARM lists it.

use crate::call::{Answer, Call, ok};
use crate::page::Page;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    is_data_action: bool,
    display: Display,
}

#[derive(Serialize)]
struct Display {
    provider: &'static str,
    resource: &'static str,
    operation: &'static str,
    description: String,
}

/// Resource, as people call it, and what can be done with it.
const OPERATIONS: &[(&str, &str, &[&str])] = &[
    ("peerAsns", "Peer ASN", &["read", "write", "delete"]),
    ("peerings", "Peering", &["read", "write", "delete"]),
    ("peerings/registeredPrefixes", "Registered prefix", &["read", "write", "delete", "validate/action"]),
    ("peerings/receivedRoutes", "Received route", &["read"]),
    ("peeringServices", "Peering service", &["read", "write", "delete"]),
    ("peeringServices/prefixes", "Peering service prefix", &["read", "write", "delete"]),
    ("peeringLocations", "Peering location", &["read"]),
    ("peeringServiceLocations", "Peering service location", &["read"]),
    ("peeringServiceCountries", "Peering service country", &["read"]),
    ("peeringServiceProviders", "Peering service provider", &["read"]),
    ("checkServiceProviderAvailability", "Peering service provider", &["action"]),
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
        })
        .collect();
    ok(Page::whole(all))
}

fn describe(resource: &str, verb: &str) -> String {
    let resource = resource.to_ascii_lowercase();
    match verb {
        "read" => format!("Reads a {resource} or lists them"),
        "write" => format!("Creates or changes a {resource}"),
        "delete" => format!("Deletes a {resource}"),
        "validate/action" => format!("Has a {resource} looked at again"),
        _ => format!("Says whether a {resource} is available at a location"),
    }
}
