//! The API through its router, against SQLite in a directory of its own. One file per subject.

mod bad_input;
mod bad_input_json;
mod catalogue;
mod conditions;
mod connections;
mod connectivity_probes;
pub(crate) mod fixture;
mod held;
mod host_overview;
mod looking_glass;
mod metrics;
mod monitor_tests;
mod operator;
mod own;
mod peer_asns;
mod peering_parts;
mod peerings;
mod received_routes;
mod registered_asns;
mod registered_prefixes;
mod resource_manager;
mod scopes;
mod services;
mod unbilled_prefixes;
mod validate_only;
