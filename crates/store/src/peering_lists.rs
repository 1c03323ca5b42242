//! Peerings as lists show them: filtered, sorted and in parts, with their connections.

use crate::db::Db;
use crate::error::Result;
use crate::listing::{Listed, Listing, id_rows, ids, in_order};
use crate::search::pairs;
use crate::statement::{entities, sql};
use meetme_model::connection::Connection;
use meetme_model::peering::Peering;
use std::collections::BTreeMap;

/// What peerings are sorted by; by themselves they stand in the order in which they were made.
pub const PEERING_SORTS: [&str; 7] =
    ["name", "location", "offering", "asn", "state", "group", "subscription"];

statements! {
    // A name follows its group and a slash in the path.
    IDS = "SELECT id, COUNT(*) OVER () FROM (
             SELECT p.id, CASE CAST($6 AS TEXT)
               WHEN 'name' THEN SUBSTR(p.path, LENGTH(p.resource_group) + 2)
               WHEN 'location' THEN p.location
               WHEN 'offering' THEN p.offering
               WHEN 'state' THEN COALESCE((SELECT MAX(c.state) FROM connections c WHERE c.peering_id = p.id), '')
               WHEN 'group' THEN p.resource_group
               WHEN 'subscription' THEN p.subscription END AS word,
             CASE CAST($6 AS TEXT) WHEN 'asn' THEN p.asn ELSE p.id END AS number
             FROM peerings p
             WHERE (CAST($2 AS TEXT) IS NULL OR p.subscription = $2)
               AND (CAST($3 AS TEXT) IS NULL
                    OR p.id IN (SELECT c.peering_id FROM connections c WHERE c.state = $3))
               AND (CAST($4 AS TEXT) IS NULL OR p.location = $4)
               AND (CAST($5 AS TEXT) IS NULL OR p.offering = $5)
               AND (CAST($1 AS TEXT) = '[]' OR NOT EXISTS (SELECT 1 FROM {rows} WHERE
                    p.path || ' as' || CAST(p.asn AS TEXT) || ' ' || p.location || ' ' || LOWER(p.offering)
                    || ' ' || p.subscription NOT LIKE value ->> 0 ESCAPE '!'))
           ) AS listed
           ORDER BY CASE WHEN $7 = 0 THEN word END {by_bytes}, CASE WHEN $7 = 1 THEN word END {by_bytes} DESC,
             CASE WHEN $7 = 0 THEN number ELSE -number END, id
           LIMIT $8 OFFSET $9";
    PEERINGS = "SELECT id, doc FROM peerings WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows})";
    CONNECTIONS = "SELECT id, doc FROM connections
                   WHERE peering_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows}) ORDER BY id";
    BY_IDS = "SELECT c.id, c.doc, p.id, p.doc FROM connections c JOIN peerings p ON p.id = c.peering_id
              WHERE c.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows}) ORDER BY c.id";
    PENDING = "SELECT c.id, c.doc, p.id, p.doc FROM connections c JOIN peerings p ON p.id = c.peering_id
               WHERE c.state = 'PendingApproval' ORDER BY c.since_ms, c.id LIMIT $1";
}

/// A part of the peerings that are asked for, each with its connections, oldest first. Their kind is the
/// offering's: `Voice`, `Edge`, `IxRs`, `Exchange`.
pub async fn peerings_listed(
    db: &mut impl Db,
    asked: &Listing<'_>,
) -> Result<Listed<(Peering, Vec<Connection>)>> {
    let (ids, matching) = ids(db, IDS, asked).await?;
    let peerings: Vec<Peering> = entities(&sql(PEERINGS).bind(id_rows(&ids)?).all(db).await?)?;
    let mut of = connections_of_peerings(db, &ids).await?;
    let rows = in_order(&ids, peerings, |p| p.id);
    let with_connections = |p: Peering| {
        let connections = of.remove(&p.id).unwrap_or_default();
        (p, connections)
    };
    Ok(Listed { rows: rows.into_iter().map(with_connections).collect(), matching })
}

/// The connections of some peerings by peering, oldest first.
pub async fn connections_of_peerings(
    db: &mut impl Db,
    peerings: &[i64],
) -> Result<BTreeMap<i64, Vec<Connection>>> {
    let rows = sql(CONNECTIONS).bind(id_rows(peerings)?).all(db).await?;
    let mut of: BTreeMap<i64, Vec<Connection>> = BTreeMap::new();
    for connection in entities::<Connection>(&rows)? {
        of.entry(connection.peering_id).or_default().push(connection);
    }
    Ok(of)
}

/// Some connections with their peerings, in the order of their ids.
pub async fn connections_with_peering(
    db: &mut impl Db,
    connections: &[i64],
) -> Result<Vec<(Connection, Peering)>> {
    pairs(&sql(BY_IDS).bind(id_rows(connections)?).all(db).await?)
}

/// Everybody's connections that wait for approval with their peerings, those first that wait longest.
pub async fn connections_waiting(db: &mut impl Db, limit: u32) -> Result<Vec<(Connection, Peering)>> {
    pairs(&sql(PENDING).bind(i64::from(limit)).all(db).await?)
}
