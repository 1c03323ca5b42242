//! The demonstration and the whole-system figures: a provider goes from ASN to optimized routing
//! on real routers, through the public API, as a peer and an operator would.
//!
//! Uses the product by its binary and its API only, and the lab by its client. Holds no rule of
//! peering: what it checks is what a peer would see.

pub mod bench;
pub mod people;
pub mod provider;
pub mod run;
pub mod say;
pub mod tables;
pub mod traffic;
pub mod world;
