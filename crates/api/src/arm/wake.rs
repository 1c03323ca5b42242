//! Telling the routers that what their sessions accept has changed.

use crate::error::ApiError;
use jiff::Timestamp;
use meetme_model::Asn;
use meetme_store::{Tx, WorkKind, connections_of, peerings_of_asn, work_enqueue};
use std::collections::BTreeSet;

/// Has every router that carries a connection of this peer looked at again: its policy holds the
/// peer's registered prefixes and their roles, and the ASNs behind its route servers.
pub(super) async fn routers_of(tx: &mut Tx, asn: Asn, now: Timestamp) -> Result<(), ApiError> {
    let mut routers = BTreeSet::new();
    for peering in peerings_of_asn(tx, asn).await? {
        let connections = connections_of(tx, peering.id).await?;
        routers.extend(connections.into_iter().filter_map(|c| Some(c.ports?.router)));
    }
    for router in routers {
        work_enqueue(tx, WorkKind::Router, &router, now).await?;
    }
    Ok(())
}
