//! What makes peers providers of Peering Service: of each peering only what decides that, because all
//! peerings are looked at for it.

use crate::db::Db;
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql};
use meetme_model::connection::ConnectionState;
use meetme_model::inventory::OfferingKind;
use serde::Deserialize;
use serde::de::IgnoredAny;

statements! {
    CHUNK = "SELECT MAX(p.id), string_agg(concat('[', p.doc, ',[', (
                 SELECT string_agg(c.doc, ',') FROM connections c WHERE c.peering_id = p.id), ']]'), ' ' ORDER BY p.id)
             FROM (SELECT id, doc FROM peerings WHERE id > $1 ORDER BY id LIMIT $2) AS p";
}

/// Peerings as a query found them, not parsed yet: several threads can do that.
pub struct ProvidingChunk(String);

/// A peering that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Providing {
    /// Its subscription, and there its claim to an ASN.
    pub subscription: String,
    /// The claim's name.
    pub peer_asn_name: String,
    /// Its peering location.
    pub location: String,
    /// Whether a connection of it carries traffic.
    pub is_open: bool,
}

#[derive(Deserialize)]
struct Peering {
    subscription: String,
    deleting: bool,
    spec: PeeringSpec,
}

#[derive(Deserialize)]
struct PeeringSpec {
    peer_asn_name: String,
    location: String,
    offering: OfferingKind,
}

#[derive(Deserialize)]
struct Connection {
    state: ConnectionState,
    #[serde(default)]
    removal: Option<IgnoredAny>,
    spec: ConnectionSpec,
}

#[derive(Deserialize)]
struct ConnectionSpec {
    use_for_peering_service: bool,
}

impl ProvidingChunk {
    /// Those that serve (`docs/rules.md` §6), oldest first.
    pub fn read(&self) -> Result<Vec<Providing>> {
        let mut found = Vec::new();
        for row in serde_json::Deserializer::from_str(&self.0).into_iter() {
            let (peering, mut connections): (Peering, Vec<Connection>) =
                row.map_err(|e| StoreError::corrupt("peering", e))?;
            connections.retain(|c| c.removal.is_none());
            let asked = connections.iter().any(|c| c.spec.use_for_peering_service);
            if peering.deleting || !peering.spec.offering.peering_service(asked) {
                continue;
            }
            found.push(Providing {
                subscription: peering.subscription,
                peer_asn_name: peering.spec.peer_asn_name,
                location: peering.spec.location,
                is_open: connections.iter().any(|c| c.state.is_open()),
            });
        }
        Ok(found)
    }
}

/// Everybody's peerings, oldest first: `take` gets up to `chunk` of them at a time.
pub async fn peerings_providing(
    db: &mut impl Db,
    chunk: u32,
    mut take: impl FnMut(ProvidingChunk) + Send,
) -> Result<()> {
    let mut after = Some(0);
    while let Some(id) = after {
        let rows = sql(CHUNK).bind(id).bind(i64::from(chunk)).all(db).await?;
        let Some(row) = rows.first() else { break };
        after = row.int_or_null(0)?;
        if let Some(text) = row.text_or_null(1)? {
            take(ProvidingChunk(text));
        }
    }
    Ok(())
}
