//! What the host offers where, for those who choose: networks, SKUs, metros, facilities, bandwidths.

use super::seen::{gbps, read};
use crate::error::PageError;
use crate::query::encode;
use crate::session::Context;
use serde::Deserialize;
use serde_json::Value;

/// Most links of one connection.
const MOST_LINKS: u32 = 8;

/// A kind of peering with what it forces.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offering {
    pub name: String,
    pub kind: String,
    pub direct_peering_type: String,
    pub skus: Vec<Sku>,
    pub session_address_providers: Vec<String>,
    pub peering_service: String,
    pub community: Option<String>,
}

/// A SKU.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sku {
    pub name: String,
    pub least_connections: u32,
}

impl Offering {
    /// Why it forces what it forces.
    pub fn why(&self) -> &'static str {
        match self.direct_peering_type.as_str() {
            "Voice" => "With Voice it is always so.",
            "IxRs" => "With a route server it is always so.",
            _ => "This network offers nothing else here.",
        }
    }

    /// Least number of connections with a SKU.
    pub fn least(&self, sku: &str) -> u32 {
        self.skus.iter().find(|s| s.name == sku).or(self.skus.first()).map_or(1, |s| s.least_connections)
    }
}

/// A metro.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub name: String,
    pub country: String,
    pub region: String,
    /// PeeringDB id and words of each facility.
    pub facilities: Vec<(String, String)>,
    /// Link speeds.
    pub speeds_mbps: Vec<u32>,
}

impl Place {
    fn of(location: &Value) -> Self {
        let text = |pointer: &str| location.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
        let rows =
            |pointer: &str| location.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut facilities: Vec<(String, String)> = Vec::new();
        for facility in rows("/properties/direct/peeringFacilities")
            .iter()
            .chain(&rows("/properties/exchange/peeringFacilities"))
        {
            let id = facility["peeringDBFacilityId"].to_string();
            let words = facility["address"].as_str().or(facility["exchangeName"].as_str()).unwrap_or("");
            if !facilities.iter().any(|(known, _)| *known == id) {
                facilities.push((id.clone(), format!("{words} (PeeringDB {id})")));
            }
        }
        let offers = rows("/properties/direct/bandwidthOffers");
        let speed = |offer: &Value| offer["valueInMbps"].as_u64().and_then(|n| u32::try_from(n).ok());
        Self {
            name: text("/properties/peeringLocation"),
            country: text("/properties/country"),
            region: text("/properties/azureRegion"),
            facilities,
            speeds_mbps: offers.iter().filter_map(speed).collect(),
        }
    }

    /// Bandwidths that a connection can have here, each with its words.
    pub fn bandwidths(&self) -> Vec<(String, String)> {
        let mut all: Vec<(u32, u32)> = self
            .speeds_mbps
            .iter()
            .flat_map(|speed| (1..=MOST_LINKS).map(move |links| (speed * links, *speed)))
            .collect();
        all.sort_unstable();
        all.dedup_by_key(|(mbps, _)| *mbps);
        let words = |mbps: u32, speed: u32| format!("{} ({} × {})", gbps(mbps), mbps / speed, gbps(speed));
        all.into_iter().map(|(mbps, speed)| (mbps.to_string(), words(mbps, speed))).collect()
    }

    /// A facility's words.
    pub fn facility(&self, id: &str) -> String {
        self.facilities
            .iter()
            .find(|(known, _)| known == id)
            .map_or_else(|| id.to_owned(), |(_, w)| w.clone())
    }
}

/// All that is offered to a subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    pub offerings: Vec<Offering>,
    pub places: Vec<Place>,
}

impl Catalogue {
    /// Reads it, places being those of Direct peerings, or of Exchange ones for type `Ix`.
    pub async fn of(context: &Context, subscription: &str, r#type: &str) -> Result<Self, PageError> {
        let without = Self::without_places(context, subscription).await?;
        let subscription = encode(subscription);
        let kind = if r#type == "Ix" { "Exchange" } else { "Direct" };
        let path =
            format!("/subscriptions/{subscription}/providers/Microsoft.Peering/peeringLocations?kind={kind}");
        let places = context.api.list(&path, usize::MAX).await?;
        Ok(Self { places: places.iter().map(Place::of).collect(), ..without })
    }

    /// Reads the offerings only.
    pub async fn without_places(context: &Context, subscription: &str) -> Result<Self, PageError> {
        let path = format!("/api/v1/subscriptions/{}/offerings", encode(subscription));
        let rows = context.api.list(&path, usize::MAX).await?;
        let offerings = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { offerings, places: Vec::new() })
    }

    /// The offering of a type.
    pub fn offering(&self, r#type: &str) -> Option<&Offering> {
        self.offerings.iter().find(|o| o.direct_peering_type == r#type)
    }

    /// The place of a name.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.places.iter().find(|p| p.name.eq_ignore_ascii_case(name))
    }

    /// An offering's name; the type itself where it isn't offered any more.
    pub fn network(&self, r#type: &str) -> String {
        self.offering(r#type).map_or_else(|| r#type.to_owned(), |o| o.name.clone())
    }
}

/// A SKU in words.
pub(super) fn sku_words(sku: &str) -> String {
    match sku {
        "Premium_Direct_Free" => "Premium Free (with Peering Service)".to_owned(),
        "Basic_Direct_Free" => "Basic Free (without Peering Service)".to_owned(),
        "Basic_Exchange_Free" => "Basic Free (exchange)".to_owned(),
        other => other.to_owned(),
    }
}

/// Who gives the session addresses, in words.
pub(super) fn provider_words(provider: &str) -> &'static str {
    match provider {
        "Peer" => "You (the peer)",
        _ => "The host, once the port is configured",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bandwidth_is_offered_once_with_its_links() {
        let place = Place {
            name: String::new(),
            country: String::new(),
            region: String::new(),
            facilities: vec![("64".into(), "1 Way".into())],
            speeds_mbps: vec![10_000, 100_000],
        };
        let all = place.bandwidths();
        assert_eq!(all[1], ("20000".into(), "20 Gbps (2 × 10 Gbps)".into()));
        assert_eq!(all.last().unwrap().0, "800000");
        assert_eq!(all.len(), 16);
        assert_eq!(place.facility("99"), "99");
    }
}
