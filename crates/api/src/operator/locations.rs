//! `GET …/locations`: the peering locations with where they are on the globe, and the connections
//! that there are: a subscription's, or everybody's under `/api/v1/locations`; and the links that a
//! connection can have at each facility.

use crate::arm::inventory;
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use meetme_model::allocation::most_links;
use meetme_model::inventory::{Inventory, Location};
use meetme_store::{Scope, connections_by_location};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Serialize)]
struct Shown {
    name: String,
    country: String,
    region: String,
    /// The mean of its sites' coordinates; absent when none of them has any.
    #[serde(flatten)]
    coordinates: Option<Coordinates>,
    /// By state.
    connections: BTreeMap<String, i64>,
    facilities: Vec<Facility>,
}

#[derive(Serialize)]
struct Facility {
    #[serde(rename = "peeringDBFacilityId")]
    id: i32,
    links: Vec<Links>,
}

/// Links that one connection can have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Links {
    speed_mbps: u32,
    most: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Coordinates {
    /// Degrees north.
    latitude: f64,
    /// Degrees east.
    longitude: f64,
}

/// Answers the locations with a subscription's connections.
pub(super) async fn of_subscription(call: Call) -> Answer {
    list(&call, Scope::Subscription(call.subscription())).await
}

/// Answers the locations with everybody's connections.
pub(super) async fn all(call: Call) -> Answer {
    list(&call, Scope::All).await
}

async fn list(call: &Call, scope: Scope<'_>) -> Answer {
    let inventory = inventory(call).await?;
    let mut db = call.state.store.read().await?;
    let mut connections = connections_by_location(&mut db, scope).await?;
    let mut shown = |location: &Location| Shown {
        name: location.name.clone(),
        country: location.country.clone(),
        region: location.region.clone(),
        coordinates: coordinates(&inventory, &location.name),
        connections: connections.remove(&location.name.to_ascii_lowercase()).unwrap_or_default(),
        facilities: facilities(&inventory, location),
    };
    ok(Page::whole(inventory.locations.iter().map(&mut shown).collect()))
}

/// A location's facilities with what a router there has ports for, of the speeds that are offered.
fn facilities(inventory: &Inventory, location: &Location) -> Vec<Facility> {
    let ids: BTreeSet<i32> =
        inventory.sites.iter().filter(|s| s.location == location.name).map(|s| s.facility_id).collect();
    let links = |id| {
        let offered = most_links(inventory, id).into_iter().filter(|(s, _)| location.speeds_mbps.contains(s));
        offered.map(|(speed_mbps, most)| Links { speed_mbps, most }).collect()
    };
    ids.into_iter().map(|id| Facility { id, links: links(id) }).collect()
}

/// Sites of a location are within one metro: their mean is in it, too, also across the date line.
fn coordinates(inventory: &Inventory, location: &str) -> Option<Coordinates> {
    let own: Vec<(f64, f64)> = inventory
        .sites
        .iter()
        .filter(|s| s.location == location)
        .filter_map(|s| Some((s.latitude?, s.longitude?)))
        .collect();
    let (_, first) = *own.first()?;
    let many = own.len() as f64;
    let latitude = own.iter().map(|(north, _)| north).sum::<f64>() / many;
    let beside = |east: f64| (east - first + 540.0).rem_euclid(360.0) - 180.0;
    let east = first + own.iter().map(|(_, east)| beside(*east)).sum::<f64>() / many;
    // To about ten metres: sums of fractions have long ones.
    let short = |degrees: f64| (degrees * 10_000.0).round() / 10_000.0;
    let longitude = short((east + 540.0).rem_euclid(360.0) - 180.0);
    Some(Coordinates { latitude: short(latitude), longitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fixture;

    #[test]
    fn a_location_is_amid_its_sites_also_at_the_date_line() {
        let mut inventory = fixture::inventory();
        assert_eq!(coordinates(&inventory, "Amsterdam"), None);
        let mut other = inventory.sites[0].clone();
        (inventory.sites[0].latitude, inventory.sites[0].longitude) = (Some(-16.0), Some(179.0));
        (other.latitude, other.longitude) = (Some(-18.0), Some(-177.0));
        inventory.sites.push(other);
        let found = coordinates(&inventory, "Amsterdam");
        assert_eq!(found, Some(Coordinates { latitude: -17.0, longitude: -179.0 }));
    }
}
