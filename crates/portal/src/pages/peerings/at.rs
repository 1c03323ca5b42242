//! Where a peering is: its pages, and its paths in the API.

use crate::query::encode;
use serde::Deserialize;

/// A peering by the names in its address.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::pages) struct At {
    /// Subscription.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Name.
    pub name: String,
}

/// Something within a peering.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::pages) struct Within {
    subscription: String,
    resource_group: String,
    name: String,
    /// Its name, or a connection's identifier.
    pub child: String,
}

impl Within {
    /// The peering.
    pub fn at(&self) -> At {
        At {
            subscription: self.subscription.clone(),
            resource_group: self.resource_group.clone(),
            name: self.name.clone(),
        }
    }
}

impl At {
    /// A peering by its resource id.
    pub fn of_id(id: &str) -> Option<Self> {
        let parts: Vec<&str> = id.trim_start_matches('/').split('/').collect();
        match parts[..] {
            [_, subscription, _, resource_group, _, _, _, name] => Some(Self {
                subscription: subscription.to_owned(),
                resource_group: resource_group.to_owned(),
                name: name.to_owned(),
            }),
            _ => None,
        }
    }

    /// The page below the peering's own: `/connections`; empty for its own.
    pub fn page(&self, below: &str) -> String {
        let [s, g, n] = self.encoded();
        format!("/peerings/{s}/{g}/{n}{below}")
    }

    /// The resource's path, without api-version.
    pub fn resource(&self) -> String {
        let [s, g, n] = self.encoded();
        format!("/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Peering/peerings/{n}")
    }

    /// The path in the extension API, below `/api/v1`.
    pub fn extension(&self) -> String {
        let [s, g, n] = self.encoded();
        format!("/api/v1/subscriptions/{s}/resourceGroups/{g}/peerings/{n}")
    }

    /// A registered prefix's path.
    pub fn prefix(&self, name: &str) -> String {
        format!("{}/registeredPrefixes/{}", self.resource(), encode(name))
    }

    fn encoded(&self) -> [String; 3] {
        [encode(&self.subscription), encode(&self.resource_group), encode(&self.name)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        let id = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Peering/peerings/a b";
        let at = At::of_id(id).unwrap();
        assert_eq!(at.page("/tags"), "/peerings/S/g/a%20b/tags");
        assert_eq!(at.extension(), "/api/v1/subscriptions/S/resourceGroups/g/peerings/a%20b");
        assert!(At::of_id("/subscriptions/S").is_none());
    }
}
