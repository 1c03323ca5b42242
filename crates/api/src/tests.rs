//! The API through its router, against SQLite in a directory of its own. One file per subject.

mod bad_input;
mod connections;
mod fixture;
mod held;
mod operator;
mod peer_asns;
mod peerings;
mod received_routes;
mod registered_prefixes;
mod scopes;
mod services;
