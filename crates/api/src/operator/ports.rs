//! `GET /api/v1/ports`: every port for peers, with the connection that has it and its light.

use crate::arm::peerings;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::Page;
use meetme_model::connection::Connection;
use meetme_model::peering::Peering;
use meetme_store::{Db, IdPage, connections_of_range, peerings_all, ports_used, router_state_list};
use serde::Serialize;
use std::collections::BTreeMap;

/// Peerings read at a time.
const BATCH: u32 = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    router: String,
    site: String,
    name: String,
    speed_mbps: u32,
    panel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_by: Option<User>,
    /// `null` where the router told nothing of it.
    light: Option<bool>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    connection: i64,
    /// The peering.
    resource_id: String,
    asn: u32,
    connection_state: &'static str,
    removing: bool,
    #[serde(skip)]
    lag: String,
}

impl User {
    fn new(c: &Connection, resource_id: String, asn: u32) -> Self {
        Self {
            connection: c.id,
            resource_id,
            asn,
            connection_state: c.state.wire_name(),
            removing: c.removal.is_some(),
            lag: c.lag_name(),
        }
    }
}

/// Answers all ports, in the order of the inventory.
pub(super) async fn list(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let states: BTreeMap<_, _> =
        router_state_list(&mut db).await?.into_iter().map(|s| (s.router.clone(), s)).collect();
    let used = ports_used(&mut db).await?;
    let used: BTreeMap<_, _> = used.into_iter().map(|(router, port, c)| ((router, port), c)).collect();
    let users = if used.is_empty() { BTreeMap::new() } else { users(&mut db).await? };
    let mut shown = Vec::new();
    for router in &inventory.routers {
        let state = states.get(&router.name).filter(|s| s.reachable);
        for port in &router.ports {
            let holder = used.get(&(router.name.clone(), port.name.clone()));
            let used_by = holder.and_then(|c| users.get(c).cloned());
            let lag = used_by.as_ref().and_then(|u| state?.lags.get(&u.lag));
            shown.push(Shown {
                router: router.name.clone(),
                site: router.site.clone(),
                name: port.name.clone(),
                speed_mbps: port.speed_mbps,
                panel: port.panel.clone(),
                light: lag.and_then(|l| l.members.get(&port.name)).map(|m| m.carrier),
                used_by,
            });
        }
    }
    ok(Page::whole(shown))
}

/// Every connection that has ports.
async fn users(db: &mut impl Db) -> Result<BTreeMap<i64, User>, ApiError> {
    let mut users = BTreeMap::new();
    let mut page = IdPage::first(BATCH);
    loop {
        let all: BTreeMap<i64, Peering> =
            peerings_all(db, page).await?.into_iter().map(|p| (p.id, p)).collect();
        let (Some(first), Some(last)) = (all.keys().next(), all.keys().next_back()) else {
            return Ok(users);
        };
        for c in connections_of_range(db, *first, *last).await?.iter().filter(|c| c.ports.is_some()) {
            if let Some(p) = all.get(&c.peering_id) {
                users.insert(c.id, User::new(c, peerings::id(p), p.spec.asn.0));
            }
        }
        page.after = Some(*last);
    }
}
