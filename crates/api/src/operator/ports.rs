//! `GET /api/v1/ports`: every port for peers, with the connection that has it and its light.

use crate::arm::peerings;
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use meetme_model::connection::Connection;
use meetme_store::{connection_by_id, peering_by_id, ports_used, router_state_list};
use serde::Serialize;
use std::collections::BTreeMap;

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
    let mut users: BTreeMap<i64, Option<User>> = BTreeMap::new();
    let mut used = BTreeMap::new();
    for (router, port, connection) in ports_used(&mut db).await? {
        if let std::collections::btree_map::Entry::Vacant(entry) = users.entry(connection) {
            let user = match connection_by_id(&mut db, connection).await? {
                Some(c) => peering_by_id(&mut db, c.peering_id)
                    .await?
                    .map(|p| User::new(&c, peerings::id(&p), p.spec.asn.0)),
                None => None,
            };
            entry.insert(user);
        }
        used.insert((router, port), connection);
    }
    let mut shown = Vec::new();
    for router in &inventory.routers {
        let state = states.get(&router.name).filter(|s| s.reachable);
        for port in &router.ports {
            let holder = used.get(&(router.name.clone(), port.name.clone()));
            let used_by = holder.and_then(|c| users.get(c).cloned().flatten());
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
