//! The domain of Meetme: types, states, transitions, rules and planning.
//!
//! Everything here is a value or a pure function over values. Nothing in this crate does I/O,
//! awaits, reads a clock or draws random numbers: `now` and fresh identifiers are passed in.
//! The rules are written down in `docs/rules.md`; docstrings name the section they enforce.

pub mod allocation;
pub mod asn;
pub mod community;
pub mod compliance;
pub mod connection;
pub mod connectivity_probe;
pub mod consolidate;
pub mod coupling;
pub mod cut;
pub mod destination;
pub mod intent;
pub mod intent_parts;
pub mod inventory;
pub mod inventory_check;
pub mod link;
pub mod mail;
pub mod metric;
pub mod monitor_test;
pub mod own_space;
pub mod peer_asn;
pub mod peer_config;
pub mod peering;
pub mod peering_service;
pub mod plan;
pub mod prefix;
pub mod probe;
pub mod probe_id;
pub mod region;
pub mod registered_asn;
pub mod registered_prefix;
pub mod resource_group;
pub mod revision;
pub mod route;
pub mod samples;
pub mod secret;
pub mod session_down;
pub mod session_space;
pub mod stamp;
#[cfg(test)]
pub(crate) mod testing;
pub mod unit;
pub mod violation;

pub use asn::{Asn, PublicAsn, PublicSpace};
pub use community::Community;
pub use prefix::Prefix;
pub use secret::{NamedSecret, Secret};
pub use violation::{Violation, Violations};
