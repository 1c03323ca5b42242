//! Resource groups: how a subscription sorts its peerings and peering services.

use crate::stamp::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A resource group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceGroup {
    /// Subscription, as first written.
    pub subscription: String,
    /// Its name, as first written.
    pub name: String,
    /// Where its description is kept, as sent; the group's resources may be anywhere.
    pub location: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}
