//! Prefixes as lists show them: filtered, sorted and in parts. By themselves those with problems come
//! first, then what is on its way.

use crate::db::Db;
use crate::error::Result;
use crate::listing::{Listed, Listing, id_rows, ids, in_order};
use crate::search::pairs;
use crate::statement::sql;
use meetme_model::peering::Peering;
use meetme_model::peering_service::{PeeringService, ServicePrefix};
use meetme_model::registered_prefix::RegisteredPrefix;

/// What registered prefixes are sorted by.
pub const REGISTERED_PREFIX_SORTS: [&str; 6] =
    ["prefix", "state", "asn", "location", "since", "subscription"];
/// What activated prefixes are sorted by.
pub const ACTIVATED_PREFIX_SORTS: [&str; 6] =
    ["prefix", "state", "path", "primary", "backup", "subscription"];

statements! {
    REGISTERED_IDS = "SELECT id, COUNT(*) OVER () FROM (
             SELECT r.id, r.state, r.first_address, CASE CAST($6 AS TEXT)
               WHEN 'prefix' THEN r.first_address
               WHEN 'state' THEN r.state
               WHEN 'location' THEN p.location
               WHEN 'since' THEN r.doc{as_json} ->> 'since'
               WHEN 'subscription' THEN p.subscription END AS word,
             CASE CAST($6 AS TEXT) WHEN 'asn' THEN p.asn ELSE 0 END AS number
             FROM registered_prefixes r JOIN peerings p ON p.id = r.peering_id
             WHERE (CAST($2 AS TEXT) IS NULL OR p.subscription = $2)
               AND (CAST($3 AS TEXT) IS NULL OR r.state = $3)
               AND (CAST($4 AS TEXT) IS NULL OR p.location = $4)
               AND (CAST($5 AS TEXT) IS NULL OR p.offering = $5)
               AND (CAST($1 AS TEXT) = '[]' OR NOT EXISTS (SELECT 1 FROM {rows} WHERE
                    r.prefix || ' ' || r.name || ' ' || p.path || ' as' || CAST(p.asn AS TEXT) || ' '
                    || p.location || ' ' || p.subscription NOT LIKE value ->> 0 ESCAPE '!'))
           ) AS listed
           ORDER BY CASE WHEN $7 = 0 THEN word END {by_bytes}, CASE WHEN $7 = 1 THEN word END {by_bytes} DESC,
             CASE WHEN $7 = 0 THEN number ELSE -number END,
             CASE state WHEN 'Failed' THEN 0 WHEN 'Invalid' THEN 0 WHEN 'Unknown' THEN 0 WHEN 'Warning' THEN 1
               WHEN 'Pending' THEN 1 WHEN 'None' THEN 2 ELSE 3 END,
             first_address, id
           LIMIT $8 OFFSET $9";
    ACTIVATED_IDS = "SELECT id, COUNT(*) OVER () FROM (
             SELECT a.id, a.state, a.first_address, CASE CAST($6 AS TEXT)
               WHEN 'prefix' THEN a.first_address
               WHEN 'state' THEN a.state
               WHEN 'path' THEN a.doc{as_json} ->> 'active_path'
               WHEN 'primary' THEN COALESCE(s.doc{as_json} -> 'spec' ->> 'primary', '')
               WHEN 'backup' THEN COALESCE(s.doc{as_json} -> 'spec' ->> 'backup', '')
               WHEN 'subscription' THEN s.subscription END AS word
             FROM service_prefixes a JOIN peering_services s ON s.id = a.service_id
             WHERE (CAST($2 AS TEXT) IS NULL OR s.subscription = $2)
               AND (CAST($3 AS TEXT) IS NULL OR a.state = $3)
               AND (CAST($4 AS TEXT) IS NULL OR LOWER(s.doc{as_json} -> 'spec' ->> 'primary') = $4
                    OR LOWER(s.doc{as_json} -> 'spec' ->> 'backup') = $4)
               AND (CAST($5 AS TEXT) IS NULL OR a.doc{as_json} ->> 'active_path' = $5)
               AND (CAST($1 AS TEXT) = '[]' OR NOT EXISTS (SELECT 1 FROM {rows} WHERE
                    a.prefix || ' ' || a.name || ' ' || s.path || ' ' || s.subscription
                    NOT LIKE value ->> 0 ESCAPE '!'))
           ) AS listed
           ORDER BY CASE WHEN $7 = 0 THEN word END {by_bytes}, CASE WHEN $7 = 1 THEN word END {by_bytes} DESC,
             CASE state WHEN 'Failed' THEN 0 WHEN 'Invalid' THEN 0 WHEN 'Unknown' THEN 0 WHEN 'Warning' THEN 1
               WHEN 'Pending' THEN 1 WHEN 'None' THEN 2 ELSE 3 END,
             first_address, id
           LIMIT $8 OFFSET $9";
    REGISTERED = "SELECT r.id, r.doc, p.id, p.doc FROM registered_prefixes r JOIN peerings p ON p.id = r.peering_id
                  WHERE r.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows})";
    ACTIVATED = "SELECT a.id, a.doc, s.id, s.doc FROM service_prefixes a
                 JOIN peering_services s ON s.id = a.service_id
                 WHERE a.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows})";
}

/// A part of the registered prefixes that are asked for, with their peerings. Their kind is the
/// offering's: `Voice`, `Edge`, `IxRs`, `Exchange`.
pub async fn registered_prefixes_listed(
    db: &mut impl Db,
    asked: &Listing<'_>,
) -> Result<Listed<(RegisteredPrefix, Peering)>> {
    let (ids, matching) = ids(db, REGISTERED_IDS, asked).await?;
    let rows = pairs(&sql(REGISTERED).bind(id_rows(&ids)?).all(db).await?)?;
    Ok(Listed { rows: in_order(&ids, rows, |(r, _): &(RegisteredPrefix, _)| r.id), matching })
}

/// A part of the activated prefixes that are asked for, with their services. A location is the primary or
/// the backup one; their kind is the path in use: `primary`, `backup`, `ordinary`, `internet`.
pub async fn activated_prefixes_listed(
    db: &mut impl Db,
    asked: &Listing<'_>,
) -> Result<Listed<(ServicePrefix, PeeringService)>> {
    let (ids, matching) = ids(db, ACTIVATED_IDS, asked).await?;
    let rows = pairs(&sql(ACTIVATED).bind(id_rows(&ids)?).all(db).await?)?;
    Ok(Listed { rows: in_order(&ids, rows, |(a, _): &(ServicePrefix, _)| a.id), matching })
}
