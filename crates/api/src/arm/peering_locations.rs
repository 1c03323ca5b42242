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
    #[serde(skip_serializing_if = "Option::is_none")]
    direct: Option<Direct>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<Exchange>,
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
#[serde(rename_all = "camelCase")]
struct Exchange {
    peering_facilities: Vec<ExchangeFacility>,
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
struct ExchangeFacility {
    #[serde(rename = "exchangeName")]
    exchange_name: String,
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

/// Answers all locations of a kind, one page: there are as many as metros.
pub(crate) async fn list(call: Call) -> Answer {
    let direct = match call.query("kind") {
        Some(k) if k.eq_ignore_ascii_case("Direct") => true,
        Some(k) if k.eq_ignore_ascii_case("Exchange") => false,
        _ => {
            return Err(ApiError::bad_request(
                "InvalidFilter",
                "kind",
                "say which kind of peering: kind=Direct or kind=Exchange",
            ));
        }
    };
    let wanted = call.query("directPeeringType").filter(|t| !t.is_empty());
    let inventory = inventory(&call).await?;
    let kinds: Vec<OfferingKind> = inventory
        .offerings
        .iter()
        .map(|o| o.kind)
        .filter(|k| (*k == OfferingKind::Exchange) != direct)
        .filter(|k| wanted.is_none_or(|w| w.eq_ignore_ascii_case(offering_name(*k))))
        .collect();
    let shown = inventory
        .locations
        .iter()
        .filter(|_| !kinds.is_empty())
        .map(|l| show(&call, &inventory, l, &kinds, direct))
        .collect();
    ok(Page::whole(shown))
}

fn show(
    call: &Call,
    inventory: &Inventory,
    location: &Location,
    kinds: &[OfferingKind],
    direct: bool,
) -> Shown {
    let sites = || inventory.sites.iter().filter(|s| s.location == location.name);
    let link = |id: i32| format!("https://www.peeringdb.com/fac/{id}");
    let facilities = || {
        sites()
            .flat_map(|s| kinds.iter().map(move |k| (s, *k)))
            .map(|(s, kind)| Facility {
                address: s.address.clone(),
                direct_peering_type: offering_name(kind),
                id: s.facility_id,
                link: link(s.facility_id),
            })
            .collect()
    };
    Shown {
        id: format!(
            "/subscriptions/{}/providers/Microsoft.Peering/peeringLocations/{}",
            call.subscription(),
            location.name
        ),
        name: location.name.clone(),
        r#type: "Microsoft.Peering/peeringLocations",
        kind: if direct { "Direct" } else { "Exchange" },
        properties: Properties {
            direct: direct.then(|| Direct {
                peering_facilities: facilities(),
                bandwidth_offers: location
                    .speeds_mbps
                    .iter()
                    .map(|&mbps| Bandwidth {
                        offer_name: format!("{}Gbps", mbps / 1000),
                        value_in_mbps: mbps,
                    })
                    .collect(),
            }),
            exchange: (!direct).then(|| Exchange {
                peering_facilities: sites()
                    .map(|s| ExchangeFacility {
                        exchange_name: s.name.clone(),
                        id: s.facility_id,
                        link: link(s.facility_id),
                    })
                    .collect(),
            }),
            peering_location: location.name.clone(),
            country: location.country.clone(),
            azure_region: location.region.clone(),
        },
    }
}
