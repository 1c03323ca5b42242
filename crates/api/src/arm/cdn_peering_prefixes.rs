//! `GET …/cdnPeeringPrefixes`: the host's prefixes that are served at or near a peering location,
//! from the inventory.

use crate::arm::inventory;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{self, Page};
use meetme_model::inventory::{CdnPrefix, Location};
use meetme_model::{Community, Prefix};
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    prefix: Prefix,
    azure_region: String,
    azure_service: String,
    is_primary_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bgp_community: Option<Community>,
}

/// Answers a location's prefixes in their order; none for a location that there isn't.
pub(crate) async fn list(call: Call) -> Answer {
    let name = call.query("peeringLocation").map(str::trim).filter(|l| !l.is_empty()).ok_or_else(|| {
        ApiError::bad_request(
            "InvalidFilter",
            "peeringLocation",
            "say of which peering location: peeringLocation=Amsterdam, as peeringLocations lists them",
        )
    })?;
    let after = page::position(&call)?
        .map(|text| text.parse::<Prefix>().map_err(|_| page::bad_token()))
        .transpose()?;
    let inventory = inventory(&call).await?;
    let Some(location) = inventory.location(name) else {
        return ok(Page::<Shown>::whole(Vec::new()));
    };
    let mut served: Vec<&CdnPrefix> = inventory
        .cdn_prefixes
        .iter()
        .filter(|cdn| cdn.location.eq_ignore_ascii_case(&location.name))
        .filter(|cdn| after.is_none_or(|after| cdn.prefix > after))
        .collect();
    served.sort_by_key(|cdn| cdn.prefix);
    ok(page::page(&call, served, |cdn| cdn.prefix.to_string(), |cdn| show(&call, location, cdn)))
}

fn show(call: &Call, location: &Location, cdn: &CdnPrefix) -> Shown {
    let name = format!("CdnPrefix_{}", cdn.prefix.to_string().replace(['.', ':', '/'], "_"));
    Shown {
        id: format!(
            "/subscriptions/{}/providers/Microsoft.Peering/cdnPeeringPrefixes/{name}",
            call.subscription()
        ),
        name,
        r#type: "Microsoft.Peering/cdnPeeringPrefixes",
        properties: Properties {
            prefix: cdn.prefix,
            azure_region: location.region.clone(),
            azure_service: cdn.service.clone(),
            is_primary_region: cdn.primary,
            bgp_community: cdn.community,
        },
    }
}
