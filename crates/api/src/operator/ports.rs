//! `GET /api/v1/ports`: every port for peers, with the connection that has it and its light.

use crate::arm::peerings;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::listing::{Known, listing, page};
use meetme_model::connection::Connection;
use meetme_model::inventory::{Inventory, Port, Router};
use meetme_model::peering::Peering;
use meetme_store::{Db, Scope, connections_with_peering, ports_used, router_states_latest};
use serde::Serialize;
use std::collections::HashMap;

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
    tracking_id: String,
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
            tracking_id: c.name.clone(),
            resource_id,
            asn,
            connection_state: c.state.wire_name(),
            removing: c.removal.is_some(),
            lag: c.lag_name(),
        }
    }
}

const KNOWN: Known =
    Known { sorts: &["router", "name", "speed"], states: &[], kind: ("use", &["free", "used"]) };

/// Answers the ports that are asked for, by themselves in the order of the inventory.
pub(super) async fn list(call: Call) -> Answer {
    let asked = listing(&call, Scope::All, &KNOWN)?;
    let mut db = call.state.store.read().await?;
    let inventory = crate::arm::inventory_in(&mut db).await?;
    let used = ports_used(&mut db).await?;
    let used: HashMap<(&str, &str), i64> =
        used.iter().map(|(router, port, c)| ((router.as_str(), port.as_str()), *c)).collect();
    let words: Vec<String> = asked.words.split_whitespace().map(str::to_lowercase).collect();
    let mut all: Vec<(&Router, &Port, Option<i64>)> = Vec::new();
    for router in inventory.routers.iter().filter(|router| is_at(&inventory, router, asked.location)) {
        let holder = |port: &Port| used.get(&(router.name.as_str(), port.name.as_str())).copied();
        let ports = router.ports.iter().map(|port| (router, port, holder(port)));
        all.extend(ports.filter(|(_, port, holder)| {
            let text =
                || format!("{} {} {} {}", router.name, router.site, port.name, port.panel).to_lowercase();
            asked.kind.is_none_or(|kind| (kind == "used") == holder.is_some())
                && (words.is_empty() || words.iter().all(|word| text().contains(word)))
        }));
    }
    match asked.sort {
        "router" => all.sort_by_key(|(router, ..)| &router.name),
        "name" => all.sort_by_key(|(_, port, _)| &port.name),
        "speed" => all.sort_by_key(|(_, port, _)| port.speed_mbps),
        _ => {}
    }
    if asked.descending {
        all.reverse();
    }
    let matching = all.len() as i64;
    let part: Vec<_> = all.into_iter().skip(asked.skip as usize).take(asked.limit as usize).collect();
    let users = users(&mut db, part.iter().filter_map(|(.., holder)| *holder)).await?;
    let states = router_states_latest(&mut db).await?;
    let rows = part.into_iter().map(|(router, port, holder)| {
        let used_by = holder.and_then(|c| users.get(&c).cloned());
        let state = states.get(&router.name).filter(|s| s.reachable);
        let lag = used_by.as_ref().and_then(|u| state?.lags.get(&u.lag));
        Shown {
            router: router.name.clone(),
            site: router.site.clone(),
            name: port.name.clone(),
            speed_mbps: port.speed_mbps,
            panel: port.panel.clone(),
            light: lag.and_then(|l| l.members.get(&port.name)).map(|m| m.carrier),
            used_by,
        }
    });
    ok(page(&call, &asked, rows.collect(), matching))
}

fn is_at(inventory: &Inventory, router: &Router, location: Option<&str>) -> bool {
    let at = || inventory.location_of(router).map(|l| l.name.as_str());
    location.is_none_or(|wanted| at().is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
}

/// The connections that have ports, by their numbers.
async fn users(
    db: &mut impl Db,
    connections: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, User>, ApiError> {
    let found = connections_with_peering(db, &connections.collect::<Vec<_>>()).await?;
    let user = |(c, p): (Connection, Peering)| (c.id, User::new(&c, peerings::id(&p), p.spec.asn.0));
    Ok(found.into_iter().map(user).collect())
}
