//! A lab of real routers in network namespaces, described by a file (`docs/lab.md`).
//!
//! The nouns: a *topology* lists *nodes* (routers, hosts, sites) and *links*. A node may have *ports*, which are dark
//! until a *cable* joins two of them in the patch panel. Peer routers hold *sessions* and *announcements*. A *fault*
//! breaks something until it is mended. A *probe* sends real packets between two hosts, a *trace* shows their path.
//!
//! A supervisor process owns all of it inside namespaces of its own and answers on a unix socket; [`client::LabClient`]
//! is the way to talk to it. This crate knows nothing of the product: it never reads its database nor its API, and it
//! never sends a packet outside of the namespaces that it made.

pub mod client;
pub mod echo;
pub mod frr;
pub mod probe;
pub mod proto;
pub mod supervisor;
pub mod topology;
pub mod trace;
pub mod up;

mod construct;
mod daemons;
mod faults;
mod ovs;
mod panel;
mod peer;
mod render;
mod sys;
mod validate;

pub use client::LabClient;
pub use topology::Topology;
