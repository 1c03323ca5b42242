//! `GET peerAsns`.

use super::wire::Shown;
use crate::call::{Answer, Call, ok};
use crate::page::{by_name, page};
use meetme_store::peer_asns_list;

/// Answers the subscription's peer ASNs by name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let mut db = call.state.store.read().await?;
    let rows = peer_asns_list(&mut db, call.subscription(), &asked).await?;
    ok(page(&call, rows, |p| p.name.clone(), Shown::from))
}
