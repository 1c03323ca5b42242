//! The FRR driver (FRR 8.4 and later: zebra, staticd, bfdd, bgpd with the BMP module, and mgmtd where
//! there is one). What differs by version is in [`version`].
//!
//! Speaks with the daemons by their vty sockets. `render` and `diff` are pure; `apply` runs what
//! they computed and can undo it. It never touches what [`owned`] doesn't call ours.

pub mod apply;
pub mod check;
mod contact;
mod coupling;
pub mod diff;
pub mod error;
mod glass;
pub mod owned;
pub mod plan;
mod policy;
pub mod read;
mod regex;
pub mod render;
pub mod state;
pub mod steps;
mod verified;
pub mod version;
pub mod vty;

#[cfg(test)]
#[path = "../../../tests/common/fixture.rs"]
#[allow(dead_code)]
pub(crate) mod fixture;

pub use apply::Frr;
pub use error::FrrError;
