//! `GET /api/v1/queue`: what waits for an operator, oldest first, with what is overdue.

use super::waiting::{Checked, Names, Waiting};
use crate::call::{Answer, Call, ok};
use meetme_store::{IdPage, connections_pending, peer_asns_pending};
use serde::Serialize;

/// Most of each kind that are shown; a queue longer than this is worked off from its old end.
const SHOWN: u32 = 500;

#[derive(Serialize)]
struct Queue {
    value: Vec<Waiting>,
    overdue: usize,
}

/// Answers the queue.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let mut value = Vec::new();
    let mut claims = peer_asns_pending(&mut db, IdPage::first(SHOWN)).await?;
    claims.retain(|asn| asn.decision.is_none());
    if !claims.is_empty() {
        let names = Names::read(&mut db).await?;
        value.extend(claims.into_iter().map(|asn| names.claim(asn, call.now)));
    }
    let mut connections = connections_pending(&mut db, IdPage::first(SHOWN)).await?;
    connections.retain(|c| c.decision.is_none() && c.removal.is_none());
    if !connections.is_empty() {
        let inventory = crate::arm::inventory_in(&mut db).await?;
        let mut checked = Checked::read(&mut db, &inventory).await?;
        for c in connections {
            value.extend(checked.connection(&mut db, c, call.now).await?);
        }
    }
    value.sort_by_key(|w| w.since);
    let overdue = value.iter().filter(|w| w.overdue).count();
    ok(Queue { value, overdue })
}
