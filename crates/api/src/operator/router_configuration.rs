//! `GET …/peerings/{name}/routerConfiguration`: what the peer's own routers need, connection by
//! connection, in a vendor's words. Nothing is sent to anybody's router, and no key is shown.

use crate::arm::inventory;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::Page;
use meetme_model::Prefix;
use meetme_model::connection::Connection;
use meetme_model::intent::BfdTimers;
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::peer_config::{PeerSession, PeerSide, Vendor, render};
use meetme_model::peering::Peering;
use meetme_store::{connections_of, md5_key_get, peerings_of_asn, registered_prefixes_of_asn};
use serde::Serialize;

/// Where the inventory has the offering no longer (`docs/rules.md` §8).
const USUAL_BFD: BfdTimers = BfdTimers { interval_ms: 100, multiplier: 3, strict: false };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    connection_identifier: String,
    tracking_id: String,
    vendor: &'static str,
    vendor_name: &'static str,
    file_name: String,
    text: String,
}

/// Answers a text for each connection that has its addresses, and each vendor or the one of
/// `?vendor=`.
pub(super) async fn list(call: Call) -> Answer {
    let vendors = vendors(&call)?;
    let inventory = inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let peering = peering_of(&call, &mut db).await?;
    let own: Vec<i64> = peerings_of_asn(&mut db, peering.spec.asn)
        .await?
        .into_iter()
        .filter(|p| p.subscription.eq_ignore_ascii_case(&peering.subscription))
        .map(|p| p.id)
        .collect();
    let mut prefixes: Vec<Prefix> = registered_prefixes_of_asn(&mut db, peering.spec.asn)
        .await?
        .into_iter()
        .filter(|p| own.contains(&p.peering_id))
        .map(|p| p.prefix)
        .collect();
    prefixes.sort();
    let mut shown = Vec::new();
    for c in connections_of(&mut db, peering.id).await? {
        if c.removal.is_some() || c.sessions().next().is_none() {
            continue;
        }
        let has_md5_key = md5_key_get(&mut db, c.id).await?.is_some();
        let side = side(&peering, &c, &inventory, prefixes.clone(), has_md5_key);
        shown.extend(vendors.iter().map(|vendor| show(&c, *vendor, &side)));
    }
    ok(Page::whole(shown))
}

fn vendors(call: &Call) -> Result<Vec<Vendor>, ApiError> {
    let Some(key) = call.query("vendor").filter(|v| !v.is_empty()) else {
        return Ok(Vendor::ALL.to_vec());
    };
    let known = || Vendor::ALL.map(Vendor::key).join(", ");
    let vendor = Vendor::of_key(key)
        .ok_or_else(|| ApiError::bad_request("UnknownVendor", "vendor", format!("use one of {}", known())))?;
    Ok(vec![vendor])
}

fn side(
    peering: &Peering,
    c: &Connection,
    inventory: &Inventory,
    prefixes: Vec<Prefix>,
    has_md5_key: bool,
) -> PeerSide {
    let kind = peering.spec.offering;
    let offering = inventory.offering(kind);
    // Without Peering Service nothing is registered, and every route may be announced by the peer's
    // own choice: the community says nothing there.
    let registers = kind == OfferingKind::Voice || c.spec.use_for_peering_service;
    PeerSide {
        connection: c.name.clone(),
        session_stem: format!("c{}", c.id),
        asn: peering.spec.asn,
        host_asn: inventory.host.asn,
        is_route_server: kind == OfferingKind::IxRs,
        links: c.ports.as_ref().map_or(0, |p| p.ports.len()),
        bfd: offering.map_or(USUAL_BFD, |o| o.bfd),
        has_md5_key,
        community: offering.filter(|_| registers).and_then(|o| o.community(inventory.host.asn)),
        prefixes,
        sessions: c
            .sessions()
            .map(|(_, subnet)| PeerSession {
                local: subnet.peer,
                prefix_len: subnet.prefix.len(),
                remote: subnet.host,
                max_prefixes: inventory.advised_max_prefixes(subnet.prefix.is_ipv4()),
            })
            .collect(),
    }
}

fn show(c: &Connection, vendor: Vendor, side: &PeerSide) -> Shown {
    Shown {
        connection_identifier: c.spec.identifier.clone(),
        tracking_id: c.name.clone(),
        vendor: vendor.key(),
        vendor_name: vendor.title(),
        file_name: format!("{}-{}.txt", c.name, vendor.key()),
        text: render(vendor, side),
    }
}
