//! What makes peers providers of Peering Service: of each peering only what decides that, in one row
//! altogether, because all peerings are looked at for it.

use crate::db::Db;
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql};
use meetme_model::connection::Connection;
use meetme_model::inventory::OfferingKind;
use serde::Deserialize;

statements! {
    PROVIDING = "SELECT string_agg(concat('[', s.claim, ',', s.flags, ',', CAST({quoted}(s.offering) AS TEXT), ',',
                     CAST({quoted}(s.location) AS TEXT), ']'), ',' ORDER BY s.id)
                 FROM (SELECT p.id, p.claim, p.offering, p.location,
                           MAX(COALESCE(c.serving, 0) & 2) + MAX(COALESCE(c.serving, 0) & 4) AS flags
                       FROM peerings p LEFT JOIN connections c ON c.peering_id = p.id
                       WHERE p.deleting = 0 GROUP BY p.id, p.claim, p.offering, p.location) AS s";
}

/// A connection asks for Peering Service.
const ASKS: i64 = 2;
/// A connection carries traffic.
const CARRIES: i64 = 4;

/// A peering that isn't being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Providing {
    /// The claim to an ASN that it was asked for with.
    pub peer_asn_id: i64,
    /// Its offering.
    pub offering: OfferingKind,
    /// Its peering location, in lower case.
    pub location: String,
    /// Whether a connection that stays asks for Peering Service.
    pub asks: bool,
    /// Whether a connection that stays carries traffic.
    pub is_open: bool,
}

#[derive(Deserialize)]
struct Row(i64, i64, OfferingKind, String);

/// The column `serving` of a connection.
pub(crate) fn serving(connection: &Connection) -> i64 {
    if connection.removal.is_some() {
        return 0;
    }
    let asks = if connection.spec.use_for_peering_service { ASKS } else { 0 };
    let carries = if connection.state.is_open() { CARRIES } else { 0 };
    1 + asks + carries
}

/// Everybody's peerings, oldest first.
pub async fn peerings_providing(db: &mut impl Db) -> Result<Vec<Providing>> {
    let rows = sql(PROVIDING).all(db).await?;
    let text = rows.first().map(|row| row.text_or_null(0)).transpose()?.flatten().unwrap_or_default();
    let found: Vec<Row> =
        serde_json::from_str(&format!("[{text}]")).map_err(|e| StoreError::corrupt("peering", e))?;
    let read = |Row(peer_asn_id, flags, offering, location)| Providing {
        peer_asn_id,
        offering,
        location,
        asks: flags & ASKS != 0,
        is_open: flags & CARRIES != 0,
    };
    Ok(found.into_iter().map(read).collect())
}
