//! A site's hands and eyes: drives its routers, listens to their BMP, and speaks with the
//! control plane over one stream.
//!
//! Only this crate touches a router, only routers that the control plane lists, and only the parts
//! of their configuration that are marked as the product's by name. It knows no SQL and no HTTP
//! API. What should be comes from the control plane, and its newest word is kept sealed; what is comes
//! from the routers, and is never kept.

pub mod agent;
pub mod bmp;
mod coupling;
pub mod lag;
pub mod looking_glass;
mod place;
pub mod probes;
pub mod process;
pub mod routers;
