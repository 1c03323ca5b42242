//! What isn't as it should be in a subscription, and how much there is of everything.

use crate::db::{Db, Scope};
use crate::error::Result;
use crate::observed::router_states_latest;
use crate::search::pairs;
use crate::statement::{Columns, entities, fold, sql};
use meetme_model::connection::{Connection, connection_of};
use meetme_model::peer_asn::PeerAsn;
use meetme_model::peering::Peering;
use meetme_model::peering_service::{PeeringService, ServicePrefix};
use meetme_model::registered_prefix::{PrefixState, RegisteredPrefix};
use std::collections::{BTreeMap, BTreeSet};

statements! {
    COUNTS = "SELECT
        (SELECT COUNT(*) FROM peer_asns WHERE CAST($1 AS TEXT) IS NULL OR subscription = $1),
        (SELECT COUNT(*) FROM peerings WHERE CAST($1 AS TEXT) IS NULL OR subscription = $1),
        (SELECT COUNT(*) FROM registered_prefixes WHERE CAST($1 AS TEXT) IS NULL
            OR peering_id IN (SELECT id FROM peerings WHERE subscription = $1)),
        (SELECT COUNT(*) FROM peering_services WHERE CAST($1 AS TEXT) IS NULL OR subscription = $1),
        (SELECT COUNT(*) FROM service_prefixes WHERE CAST($1 AS TEXT) IS NULL
            OR service_id IN (SELECT id FROM peering_services WHERE subscription = $1))";
    STATES = "SELECT state, COUNT(*) FROM connections WHERE CAST($1 AS TEXT) IS NULL
              OR peering_id IN (SELECT id FROM peerings WHERE subscription = $1) GROUP BY state";
    ASNS = "SELECT id, doc FROM peer_asns WHERE subscription = $1 AND state <> 'Approved'
            ORDER BY id LIMIT $2";
    CONNECTIONS = "SELECT c.id, c.doc, p.id, p.doc FROM connections c JOIN peerings p ON p.id = c.peering_id
                   WHERE p.subscription = $1 AND c.state <> 'Active' ORDER BY c.since_ms, c.id LIMIT $2";
    ACTIVE = "SELECT string_agg(CAST(c.id AS TEXT), ' ')
              FROM connections c JOIN peerings p ON p.id = c.peering_id
              WHERE p.subscription = $1 AND c.state = 'Active'";
    CONNECTION = "SELECT c.id, c.doc, p.id, p.doc FROM connections c JOIN peerings p ON p.id = c.peering_id
                  WHERE c.id = $1";
    REGISTERED = "SELECT r.id, r.doc, p.id, p.doc FROM registered_prefixes r
                  JOIN peerings p ON p.id = r.peering_id
                  WHERE p.subscription = $1 AND r.state <> 'Verified'
                  ORDER BY r.id LIMIT $2";
    ACTIVATED = "SELECT a.id, a.doc, s.id, s.doc FROM service_prefixes a
                 JOIN peering_services s ON s.id = a.service_id
                 WHERE s.subscription = $1 AND a.state <> 'Verified'
                 ORDER BY a.id LIMIT $2";
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Claims to ASNs.
    pub peer_asns: i64,
    /// Peerings.
    pub peerings: i64,
    /// Connections by state, by wire names.
    pub connections: BTreeMap<String, i64>,
    /// Registered prefixes.
    pub registered_prefixes: i64,
    /// Peering services.
    pub peering_services: i64,
    /// Activated prefixes.
    pub service_prefixes: i64,
}

/// What isn't as it should be, or not yet; the oldest of each kind first.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    /// Not approved.
    pub peer_asns: Vec<PeerAsn>,
    /// Not Active, or Active with a link or a session that its router says is down.
    pub connections: Vec<(Connection, Peering)>,
    /// Not Verified.
    pub registered_prefixes: Vec<(RegisteredPrefix, Peering)>,
    /// Not Verified.
    pub service_prefixes: Vec<(ServicePrefix, PeeringService)>,
}

/// How much there is within a scope.
pub async fn counts(db: &mut impl Db, scope: Scope<'_>) -> Result<Counts> {
    let mut counts = Counts::default();
    if let Some(row) = sql(COUNTS).bind(scope.parameter()).optional(db).await? {
        counts.peer_asns = row.int(0)?;
        counts.peerings = row.int(1)?;
        counts.registered_prefixes = row.int(2)?;
        counts.peering_services = row.int(3)?;
        counts.service_prefixes = row.int(4)?;
    }
    for row in sql(STATES).bind(scope.parameter()).all(db).await? {
        counts.connections.insert(row.text(0)?, row.int(1)?);
    }
    Ok(counts)
}

/// What isn't settled in a subscription, `limit` of each kind.
pub async fn unsettled(db: &mut impl Db, subscription: &str, limit: u32) -> Result<Unsettled> {
    let scope = Scope::Subscription(subscription).parameter();
    let asked = |text: &'static str| sql(text).bind(scope.clone()).bind(i64::from(limit));
    let mut found = Unsettled {
        peer_asns: entities(&asked(ASNS).all(db).await?)?,
        connections: pairs(&asked(CONNECTIONS).all(db).await?)?,
        registered_prefixes: pairs(&asked(REGISTERED).all(db).await?)?,
        service_prefixes: pairs(&asked(ACTIVATED).all(db).await?)?,
    };
    let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(found.connections.len());
    found.connections.extend(down(db, subscription, room).await?);
    found.registered_prefixes.retain(|(prefix, _)| prefix.verdict.state != PrefixState::Verified);
    found.service_prefixes.retain(|(prefix, _)| prefix.verdict.state != PrefixState::Verified);
    Ok(found)
}

/// Active connections of which something is down, `room` at most.
async fn down(db: &mut impl Db, subscription: &str, room: usize) -> Result<Vec<(Connection, Peering)>> {
    let states = router_states_latest(db).await?;
    let down: BTreeSet<i64> = states.values().flat_map(|s| s.down()).filter_map(connection_of).collect();
    if down.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql(ACTIVE).bind(fold(subscription)).all(db).await?;
    let active = rows.first().map(|row| row.text_or_null(0)).transpose()?.flatten().unwrap_or_default();
    let of_subscription = active.split(' ').filter_map(|id| id.parse().ok()).filter(|id| down.contains(id));
    let mut found = Vec::new();
    for id in of_subscription.take(room) {
        found.extend(pairs(&sql(CONNECTION).bind(id).all(db).await?)?);
    }
    Ok(found)
}
