//! Measured figures: what a benchmark found, which bound it should keep, and by which commit it was measured.
//!
//! Every benchmark writes its figures through here, so that one file has them all in one form. Measures
//! nothing itself, and never decides what a bound is.

mod checkout;
mod figures;
pub mod readme;

pub use checkout::{commit, root};
pub use figures::{Figure, Figures, percentile};
