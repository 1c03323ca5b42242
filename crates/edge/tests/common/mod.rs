//! What the tests with real daemons share.
#![allow(dead_code)]

pub mod drive;
pub mod fixture;
pub mod net;
pub mod site;
pub mod speaker;
