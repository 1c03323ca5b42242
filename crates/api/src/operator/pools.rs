//! `GET /api/v1/pools`: the ranges that session addresses come from, and how full they are.

use crate::call::{Answer, Call, ok};
use crate::page::Page;
use meetme_model::Prefix;
use meetme_model::allocation::ADDRESS_REST;
use meetme_store::subnets_counted;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    prefix: Prefix,
    location: String,
    subnet_length: u8,
    /// Subnets that it has room for; no more than fit into 53 bits.
    subnets: u64,
    used: i64,
    /// Freed lately, and not given out again yet.
    resting: i64,
}

/// Largest number that every JSON reader keeps whole.
const LARGEST: u64 = (1 << 53) - 1;

/// Answers all pools, in the order of the inventory.
pub(super) async fn list(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let mut shown = Vec::new();
    for pool in &inventory.pools {
        let (used, resting) = subnets_counted(&mut db, pool.prefix, call.now - ADDRESS_REST).await?;
        let bits = u32::from(pool.subnet_length.saturating_sub(pool.prefix.len()));
        shown.push(Shown {
            subnets: 1u64.checked_shl(bits).map_or(LARGEST, |n| n.min(LARGEST)),
            prefix: pool.prefix,
            location: pool.location.clone(),
            subnet_length: pool.subnet_length,
            used,
            resting,
        });
    }
    ok(Page::whole(shown))
}
