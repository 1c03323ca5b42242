//! `GET …/peeringLocations`: the metros with their facilities, from the inventory.

use crate::arm::inventory;
use crate::arm::peerings::offering_name;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::Page;
use meetme_model::inventory::{Inventory, Location, OfferingKind};
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    kind: &'static str,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    direct: Direct,
    peering_location: String,
    country: String,
    azure_region: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Direct {
    peering_facilities: Vec<Facility>,
    bandwidth_offers: Vec<Bandwidth>,
}

#[derive(Serialize)]
struct Facility {
    address: String,
    #[serde(rename = "directPeeringType")]
    direct_peering_type: &'static str,
    #[serde(rename = "peeringDBFacilityId")]
    id: i32,
    #[serde(rename = "peeringDBFacilityLink")]
    link: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bandwidth {
    offer_name: String,
    value_in_mbps: u32,
}

/// Answers all locations of a kind, one page: there are as many as metros. Of kind Exchange there are
/// none, as nobody can peer so.
pub(crate) async fn list(call: Call) -> Answer {
    match call.query("kind") {
        Some(k) if k.eq_ignore_ascii_case("Direct") => {}
        Some(k) if k.eq_ignore_ascii_case("Exchange") => return ok(Page::<Shown>::whole(Vec::new())),
        _ => {
            return Err(ApiError::bad_request(
                "InvalidFilter",
                "kind",
                "say which kind of peering: kind=Direct or kind=Exchange",
            ));
        }
    }
    let wanted = call.query("directPeeringType").filter(|t| !t.is_empty());
    let inventory = inventory(&call).await?;
    let kinds: Vec<OfferingKind> = inventory
        .offerings
        .iter()
        .map(|o| o.kind)
        .filter(|k| *k != OfferingKind::Exchange)
        // Facilities of an offering that the version has no word for would be said to be of any.
        .filter(|k| call.knows_value("DirectPeeringFacility", "directPeeringType", offering_name(*k)))
        .filter(|k| wanted.is_none_or(|w| w.eq_ignore_ascii_case(offering_name(*k))))
        .collect();
    let shown = inventory
        .locations
        .iter()
        .filter(|_| !kinds.is_empty())
        .map(|l| show(&call, &inventory, l, &kinds))
        .collect();
    ok(Page::whole(shown))
}

fn show(call: &Call, inventory: &Inventory, location: &Location, kinds: &[OfferingKind]) -> Shown {
    let sites = inventory.sites.iter().filter(|s| s.location == location.name);
    let facilities = sites
        .flat_map(|s| kinds.iter().map(move |k| (s, *k)))
        .map(|(s, kind)| Facility {
            address: s.address.clone(),
            direct_peering_type: offering_name(kind),
            id: s.facility_id,
            link: format!("https://www.peeringdb.com/fac/{}", s.facility_id),
        })
        .collect();
    Shown {
        id: format!(
            "/subscriptions/{}/providers/Microsoft.Peering/peeringLocations/{}",
            call.subscription(),
            location.name
        ),
        name: location.name.clone(),
        r#type: "Microsoft.Peering/peeringLocations",
        kind: "Direct",
        properties: Properties {
            direct: Direct {
                peering_facilities: facilities,
                bandwidth_offers: location
                    .speeds_mbps
                    .iter()
                    .map(|&mbps| Bandwidth {
                        offer_name: format!("{}Gbps", mbps / 1000),
                        value_in_mbps: mbps,
                    })
                    .collect(),
            },
            peering_location: location.name.clone(),
            country: location.country.clone(),
            azure_region: location.region.clone(),
        },
    }
}
