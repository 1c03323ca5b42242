//! `GET /api/v1/health`: how the product itself is, as far as it knows: what waits to be looked at,
//! mails that aren't sent, and what each site's routers are known to be.

use crate::call::{Answer, Call, ok};
use jiff::Timestamp;
use meetme_store::{inventory_get, mails_unsent, router_states_latest, work_depth};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    /// Of this server.
    version: &'static str,
    at: Timestamp,
    /// 0 before the first inventory was applied.
    inventory_version: i64,
    /// What the reconcilers have to look at or are looking at.
    work_depth: i64,
    mails_unsent: i64,
    sites: Vec<Site>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Site {
    name: String,
    location: String,
    routers: usize,
    routers_reachable: usize,
    bmp_connected: usize,
    /// When its edge told the newest change of a router; `null` before it told any.
    told_at: Option<Timestamp>,
    /// What is wrong with each router that isn't reached.
    errors: Vec<String>,
}

/// Answers the health.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let inventory = inventory_get(&mut db).await?;
    let states = router_states_latest(&mut db).await?;
    let mut sites = Vec::new();
    for site in inventory.iter().flat_map(|(_, i)| &i.sites) {
        let mut shown = Site {
            name: site.name.clone(),
            location: site.location.clone(),
            routers: 0,
            routers_reachable: 0,
            bmp_connected: 0,
            told_at: None,
            errors: Vec::new(),
        };
        for router in inventory.iter().flat_map(|(_, i)| &i.routers).filter(|r| r.site == site.name) {
            shown.routers += 1;
            let Some(state) = states.get(&router.name) else {
                shown.errors.push(format!("{}: its edge hasn't told anything yet", router.name));
                continue;
            };
            shown.told_at = shown.told_at.max(Some(state.at));
            shown.routers_reachable += usize::from(state.reachable);
            shown.bmp_connected += usize::from(state.reachable && state.bmp_connected);
            if !state.reachable {
                let error = state.error.as_deref().unwrap_or("it isn't reached");
                shown.errors.push(format!("{}: {error}", router.name));
            }
        }
        sites.push(shown);
    }
    ok(Health {
        version: env!("CARGO_PKG_VERSION"),
        at: call.now,
        inventory_version: inventory.as_ref().map_or(0, |(version, _)| *version),
        work_depth: work_depth(&mut db, call.now).await?,
        mails_unsent: mails_unsent(&mut db).await?,
        sites,
    })
}
