//! `GET …/peeringServiceLocations` and `…/peeringServiceCountries`: where users of peering services
//! are, from the inventory.

use crate::arm::inventory;
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use serde::Serialize;

#[derive(Serialize)]
struct Place {
    id: String,
    name: String,
    r#type: &'static str,
    properties: PlaceProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceProperties {
    country: String,
    state: String,
    azure_region: String,
}

#[derive(Serialize)]
struct Country {
    id: String,
    name: String,
    r#type: &'static str,
}

/// Answers the places, of one country when `country` says which.
pub(crate) async fn locations(call: Call) -> Answer {
    let country = call.query("country").filter(|c| !c.is_empty());
    let inventory = inventory(&call).await?;
    let shown = inventory
        .service_locations
        .iter()
        .filter(|l| country.is_none_or(|c| c.eq_ignore_ascii_case(&l.country)))
        .map(|l| Place {
            id: id(&call, "peeringServiceLocations", &l.name),
            name: l.name.clone(),
            r#type: "Microsoft.Peering/peeringServiceLocations",
            properties: PlaceProperties {
                country: l.country.clone(),
                state: l.name.clone(),
                azure_region: l.region.clone(),
            },
        })
        .collect();
    ok(Page::whole(shown))
}

/// Answers the countries of the places.
pub(crate) async fn countries(call: Call) -> Answer {
    let inventory = inventory(&call).await?;
    let mut names: Vec<&str> = inventory.service_locations.iter().map(|l| l.country.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let shown = names
        .into_iter()
        .map(|name| Country {
            id: id(&call, "peeringServiceCountries", name),
            name: name.to_owned(),
            r#type: "Microsoft.Peering/peeringServiceCountries",
        })
        .collect();
    ok(Page::whole(shown))
}

fn id(call: &Call, kind: &str, name: &str) -> String {
    format!("/subscriptions/{}/providers/Microsoft.Peering/{kind}/{name}", call.subscription())
}
