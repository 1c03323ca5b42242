//! What the host offers where, for those who choose: networks, SKUs, metros, facilities, bandwidths.

use super::seen::{gbps, read};
use crate::error::PageError;
use crate::query::encode;
use crate::session::Context;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

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
    peering_service: bool,
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

    /// Whether connections are used for Peering Service, of which somebody may wish so.
    pub fn serves(&self, wished: bool) -> bool {
        match self.peering_service.as_str() {
            "always" => true,
            "never" => false,
            _ => wished,
        }
    }

    /// The SKU of a peering whose connections are used for Peering Service, or aren't.
    pub fn sku(&self, serves: bool) -> Option<&Sku> {
        self.skus.iter().find(|sku| sku.peering_service == serves).or(self.skus.first())
    }
}

/// A metro.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub name: String,
    pub country: String,
    pub region: String,
    pub facilities: Vec<Facility>,
}

/// Where cross-connects are made.
#[derive(Clone, Debug)]
pub(super) struct Facility {
    /// Its number in PeeringDB.
    pub id: String,
    pub words: String,
    /// What one connection can have there.
    links: Vec<Links>,
}

/// Links of one speed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Links {
    speed_mbps: u32,
    most: u32,
}

/// A place as the extension of the API tells it.
#[derive(Deserialize)]
struct Placed {
    name: String,
    facilities: Vec<PlacedFacility>,
}

#[derive(Deserialize)]
struct PlacedFacility {
    #[serde(rename = "peeringDBFacilityId")]
    id: i64,
    links: Vec<Links>,
}

impl Facility {
    /// Bandwidths with the links that make them, as few as there can be, ascending.
    fn bandwidths(&self) -> BTreeMap<u32, &Links> {
        let mut slowest_first: Vec<&Links> = self.links.iter().collect();
        slowest_first.sort_by_key(|links| links.speed_mbps);
        let each = slowest_first
            .into_iter()
            .flat_map(|links| (1..=links.most).map(move |n| (links.speed_mbps * n, links)));
        // Of the same bandwidth the last stays, which is that of the fastest links.
        each.collect()
    }
}

impl Place {
    fn of(location: &Value, placed: &[Placed]) -> Self {
        let text = |pointer: &str| location.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
        let rows =
            |pointer: &str| location.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        let name = text("/properties/peeringLocation");
        let placed = placed.iter().find(|p| p.name.eq_ignore_ascii_case(&name));
        let links = |id: &str| {
            let found = placed.and_then(|p| p.facilities.iter().find(|f| f.id.to_string() == id));
            found.map(|f| f.links.clone()).unwrap_or_default()
        };
        let mut facilities: Vec<Facility> = Vec::new();
        for facility in rows("/properties/direct/peeringFacilities")
            .iter()
            .chain(&rows("/properties/exchange/peeringFacilities"))
        {
            let id = facility["peeringDBFacilityId"].to_string();
            let words = facility["address"].as_str().or(facility["exchangeName"].as_str()).unwrap_or("");
            if !facilities.iter().any(|known| known.id == id) {
                let words = format!("{words} (PeeringDB {id})");
                facilities.push(Facility { links: links(&id), words, id });
            }
        }
        Self {
            name,
            country: text("/properties/country"),
            region: text("/properties/azureRegion"),
            facilities,
        }
    }

    /// The facilities to choose from, each with its words.
    pub fn options(&self) -> Vec<(String, String)> {
        self.facilities.iter().map(|f| (f.id.clone(), f.words.clone())).collect()
    }

    /// Bandwidths that a connection can have at a facility, or where none is given at any of them, each
    /// with its words.
    pub fn bandwidths(&self, facility: Option<&str>) -> Vec<(String, String)> {
        let within: Vec<&Facility> =
            self.facilities.iter().filter(|f| facility.is_none_or(|id| f.id == id)).collect();
        let mut all: BTreeMap<u32, Vec<(&Facility, &Links)>> = BTreeMap::new();
        for facility in &within {
            for (mbps, links) in facility.bandwidths() {
                all.entry(mbps).or_default().push((facility, links));
            }
        }
        let words = |mbps: u32, at: &[(&Facility, &Links)]| {
            let speed = at.first().map_or(mbps, |(_, links)| links.speed_mbps);
            let own = format!("{} ({} × {})", gbps(mbps), mbps / speed, gbps(speed));
            if at.len() == within.len() {
                return own;
            }
            let only: Vec<&str> = at.iter().map(|(facility, _)| facility.words.as_str()).collect();
            format!("{own}, only at {}", only.join(" and "))
        };
        all.iter().map(|(mbps, at)| (mbps.to_string(), words(*mbps, at))).collect()
    }

    /// A facility's words.
    pub fn facility(&self, id: &str) -> String {
        self.facilities.iter().find(|known| known.id == id).map_or_else(|| id.to_owned(), |f| f.words.clone())
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
        let placed =
            context.api.list(&format!("/api/v1/subscriptions/{subscription}/locations"), usize::MAX).await?;
        let placed = placed.into_iter().map(read).collect::<Result<Vec<Placed>, _>>()?;
        Ok(Self { places: places.iter().map(|place| Place::of(place, &placed)).collect(), ..without })
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

    fn facility(id: &str, links: &[(u32, u32)]) -> Facility {
        let links = links.iter().map(|&(speed_mbps, most)| Links { speed_mbps, most }).collect();
        Facility { id: id.into(), words: format!("Way {id}"), links }
    }

    fn place(facilities: Vec<Facility>) -> Place {
        Place { name: String::new(), country: String::new(), region: String::new(), facilities }
    }

    #[test]
    fn each_bandwidth_is_offered_once_with_its_links() {
        let place = place(vec![facility("64", &[(10_000, 8), (40_000, 3)])]);
        let words: Vec<String> = place.bandwidths(None).into_iter().map(|(_, words)| words).collect();
        assert_eq!(words[1], "20 Gbps (2 × 10 Gbps)");
        assert_eq!(words[3], "40 Gbps (1 × 40 Gbps)", "the fewest links");
        assert_eq!(words.last().unwrap(), "120 Gbps (3 × 40 Gbps)");
        assert_eq!(words.len(), 9, "1 to 8 × 10, and 120");
        assert_eq!(place.facility("99"), "99");
    }

    #[test]
    fn what_a_facility_lacks_isn_t_offered_there() {
        let place = place(vec![facility("1", &[(10_000, 2)]), facility("2", &[(10_000, 1), (100_000, 1)])]);
        let values = |facility| {
            let all = place.bandwidths(facility).into_iter();
            all.map(|(mbps, _)| mbps).collect::<Vec<_>>()
        };
        assert_eq!(values(Some("1")), ["10000", "20000"]);
        assert_eq!(values(Some("2")), ["10000", "100000"]);
        let all = place.bandwidths(None);
        assert_eq!(all[0].1, "10 Gbps (1 × 10 Gbps)");
        assert_eq!(all[1].1, "20 Gbps (2 × 10 Gbps), only at Way 1");
        assert_eq!(all[2].1, "100 Gbps (1 × 100 Gbps), only at Way 2");
    }
}
