//! Peerings in a line each, of all subscriptions and of one; registered prefixes and activated ones of all. Each list
//! is filtered, sorted and paged where it is kept. Whole resources are ARM's business.

use crate::arm::{peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::listing::{CONNECTION_STATES, Known, OFFERINGS, PREFIX_STATES, listing, page};
use jiff::Timestamp;
use meetme_model::Prefix;
use meetme_model::connection::Connection;
use meetme_model::inventory::Inventory;
use meetme_model::peering::Peering;
use meetme_model::peering_service::ActivePath;
use meetme_store::{
    ACTIVATED_PREFIX_SORTS, PEERING_SORTS, REGISTERED_PREFIX_SORTS, Scope, activated_prefixes_listed,
    peerings_listed, registered_prefixes_listed,
};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPeering {
    resource_id: String,
    subscription: String,
    resource_group: String,
    name: String,
    asn: u32,
    peering_location: String,
    offering: String,
    deleting: bool,
    created_at: Timestamp,
    connections: Vec<ShownConnection>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownConnection {
    id: i64,
    connection_state: &'static str,
    removing: bool,
    bandwidth_in_mbps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRegistered {
    resource_id: String,
    subscription: String,
    asn: u32,
    peering_location: String,
    prefix: Prefix,
    prefix_validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    since: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownActivated {
    resource_id: String,
    subscription: String,
    prefix: Prefix,
    prefix_validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    active_path: ActivePath,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_peering_location: Option<String>,
}

/// `GET /api/v1/peerings`.
pub(super) async fn all_peerings(call: Call) -> Answer {
    peerings_of(&call, Scope::All).await
}

/// `GET /api/v1/subscriptions/{subscription}/peerings`.
pub(super) async fn subscription_peerings(call: Call) -> Answer {
    peerings_of(&call, Scope::Subscription(call.subscription())).await
}

async fn peerings_of(call: &Call, scope: Scope<'_>) -> Answer {
    let known = Known { sorts: &PEERING_SORTS, states: CONNECTION_STATES, kind: ("offering", OFFERINGS) };
    let asked = listing(call, scope, &known)?;
    let mut db = call.state.store.read().await?;
    let inventory = crate::arm::inventory_in(&mut db).await?;
    let listed = peerings_listed(&mut db, &asked).await?;
    let rows = listed.rows.into_iter().map(|(p, connections)| shown(&inventory, p, connections));
    ok(page(call, &asked, rows.collect(), listed.matching))
}

fn shown(inventory: &Inventory, p: Peering, connections: Vec<Connection>) -> ShownPeering {
    ShownPeering {
        resource_id: peerings::id(&p),
        asn: p.spec.asn.0,
        offering: inventory
            .offering(p.spec.offering)
            .map_or_else(|| format!("{:?}", p.spec.offering), |o| o.name.clone()),
        peering_location: p.spec.location,
        deleting: p.deleting,
        created_at: p.stamp.created_at,
        subscription: p.subscription,
        resource_group: p.resource_group,
        name: p.name,
        connections: connections
            .into_iter()
            .map(|c| ShownConnection {
                id: c.id,
                connection_state: c.state.wire_name(),
                removing: c.removal.is_some(),
                bandwidth_in_mbps: c.spec.bandwidth_mbps,
                router: c.ports.map(|p| p.router),
            })
            .collect(),
    }
}

/// `GET /api/v1/registeredPrefixes`.
pub(super) async fn all_registered(call: Call) -> Answer {
    let known =
        Known { sorts: &REGISTERED_PREFIX_SORTS, states: PREFIX_STATES, kind: ("offering", OFFERINGS) };
    let asked = listing(&call, Scope::All, &known)?;
    let mut db = call.state.store.read().await?;
    let listed = registered_prefixes_listed(&mut db, &asked).await?;
    let rows = listed.rows.into_iter().map(|(r, p)| ShownRegistered {
        resource_id: format!("{}/registeredPrefixes/{}", peerings::id(&p), r.name),
        subscription: p.subscription,
        asn: p.spec.asn.0,
        peering_location: p.spec.location,
        prefix: r.prefix,
        prefix_validation_state: r.verdict.state.wire_name(),
        error_message: r.verdict.error_message,
        since: r.since,
    });
    ok(page(&call, &asked, rows.collect(), listed.matching))
}

/// `GET /api/v1/activatedPrefixes`.
pub(super) async fn all_activated(call: Call) -> Answer {
    let known = Known {
        sorts: &ACTIVATED_PREFIX_SORTS,
        states: PREFIX_STATES,
        kind: ("activePath", &["primary", "backup", "ordinary", "internet"]),
    };
    let asked = listing(&call, Scope::All, &known)?;
    let mut db = call.state.store.read().await?;
    let listed = activated_prefixes_listed(&mut db, &asked).await?;
    let rows = listed.rows.into_iter().map(|(r, s)| ShownActivated {
        resource_id: format!("{}/prefixes/{}", peering_services::id(&s), r.name),
        subscription: s.subscription,
        prefix: r.prefix,
        prefix_validation_state: r.verdict.state.wire_name(),
        error_message: r.verdict.error_message,
        active_path: r.active_path,
        primary_peering_location: s.spec.primary,
        backup_peering_location: s.spec.backup,
    });
    ok(page(&call, &asked, rows.collect(), listed.matching))
}
