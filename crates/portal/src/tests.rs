//! The portal through its router: a store in a directory of its own, and an API that answers what a
//! test has it answer. One file per subject.

pub(crate) mod fixture;

mod accounts;
mod decisions;
mod drawings;
mod guarded;
mod home;
mod hostile;
mod kept;
mod lists;
mod operate;
mod peer_asns;
mod peering_parts;
mod peering_services;
mod peerings;
mod peerings_create;
mod people;
mod versions;
