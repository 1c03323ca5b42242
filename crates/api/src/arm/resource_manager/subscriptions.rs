//! Subscriptions that the caller reaches, and the host's regions as their locations.

use crate::arm::inventory;
use crate::call::{Answer, Call, ok};
use crate::page::{Page, by_name, page};
use meetme_model::region::region_key;
use meetme_store::subscriptions_list;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    subscription_id: String,
    display_name: String,
    state: &'static str,
    authorization_source: &'static str,
}

fn shown(subscription: String) -> Shown {
    Shown {
        id: format!("/subscriptions/{subscription}"),
        subscription_id: subscription.clone(),
        display_name: subscription,
        state: "Enabled",
        authorization_source: "RoleBased",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    id: String,
    name: String,
    display_name: String,
    regional_display_name: String,
    metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    region_type: &'static str,
    region_category: &'static str,
}

/// Answers the caller's own subscription; to operators, all that a token or a resource names.
pub(super) async fn list(call: Call) -> Answer {
    if let Some(own) = &call.principal.subscription {
        return ok(Page::whole(vec![shown(own.clone())]));
    }
    let asked = by_name(&call)?;
    let mut db = call.state.store.read().await?;
    let rows = subscriptions_list(&mut db, &asked).await?;
    ok(page(&call, rows, Clone::clone, shown))
}

/// Answers none: whoever signs in does so by a token, for whatever tenant.
pub(super) async fn tenants(_call: Call) -> Answer {
    ok(Page::<()>::whole(Vec::new()))
}

/// Answers one.
pub(super) async fn get(call: Call) -> Answer {
    ok(shown(call.subscription().to_owned()))
}

/// Answers the regions of the host's peering and service locations.
pub(super) async fn locations(call: Call) -> Answer {
    let inventory = inventory(&call).await?;
    let mut regions: BTreeMap<String, String> = BTreeMap::new();
    let peering = inventory.locations.iter().map(|l| (&l.region, &l.name));
    let service = inventory.service_locations.iter().map(|l| (&l.region, &l.name));
    for (region, place) in peering.chain(service) {
        regions.entry(region_key(region)).or_insert_with(|| format!("{region} ({place})"));
    }
    let shown = regions.into_iter().map(|(name, display)| Location {
        id: format!("/subscriptions/{}/locations/{name}", call.subscription()),
        name,
        regional_display_name: display.clone(),
        display_name: display,
        metadata: Metadata { region_type: "Physical", region_category: "Recommended" },
    });
    ok(Page::whole(shown.collect()))
}
