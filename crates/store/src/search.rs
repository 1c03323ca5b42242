//! Resources found by a word: part of a name, a number, the start of a prefix, or a prefix's key.

use crate::db::{Db, Scope};
use crate::error::Result;
use crate::listing::literal;
use crate::statement::{Entity, entities, entity, entity_at, fold, sql};
use meetme_model::peer_asn::PeerAsn;
use meetme_model::peering::Peering;
use meetme_model::peering_service::{PeeringService, ServicePrefix};
use meetme_model::registered_prefix::RegisteredPrefix;
use sqlx::any::AnyRow;

statements! {
    ASNS = "SELECT id, doc FROM peer_asns
            WHERE (CAST($1 AS TEXT) IS NULL OR subscription = $1)
              AND (name LIKE $2 ESCAPE '!' OR CAST(asn AS TEXT) = $4 OR peer_name LIKE $3 ESCAPE '!')
            ORDER BY id LIMIT $5";
    PEERINGS = "SELECT id, doc FROM peerings
                WHERE (CAST($1 AS TEXT) IS NULL OR subscription = $1)
                  AND (path LIKE $2 ESCAPE '!' OR CAST(asn AS TEXT) = $3 OR location LIKE $2 ESCAPE '!')
                ORDER BY id LIMIT $4";
    SERVICES = "SELECT id, doc FROM peering_services
                WHERE (CAST($1 AS TEXT) IS NULL OR subscription = $1) AND path LIKE $2 ESCAPE '!'
                ORDER BY id LIMIT $3";
    REGISTERED = "SELECT r.id, r.doc, p.id, p.doc FROM registered_prefixes r
                  JOIN peerings p ON p.id = r.peering_id
                  WHERE (CAST($1 AS TEXT) IS NULL OR p.subscription = $1)
                    AND (r.name LIKE $2 ESCAPE '!' OR r.prefix LIKE $3 ESCAPE '!' OR r.prefix_key = $4)
                  ORDER BY r.id LIMIT $5";
    ACTIVATED = "SELECT a.id, a.doc, s.id, s.doc FROM service_prefixes a
                 JOIN peering_services s ON s.id = a.service_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR s.subscription = $1)
                   AND (a.name LIKE $2 ESCAPE '!' OR a.prefix LIKE $3 ESCAPE '!')
                 ORDER BY a.id LIMIT $4";
}

/// What was found, oldest first within each kind.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// By name, number, or start of the peer's name.
    pub peer_asns: Vec<PeerAsn>,
    /// By name, resource group, ASN or location.
    pub peerings: Vec<Peering>,
    /// By name or resource group.
    pub peering_services: Vec<PeeringService>,
    /// By name, start of the prefix, or key.
    pub registered_prefixes: Vec<(RegisteredPrefix, Peering)>,
    /// By name or start of the prefix.
    pub service_prefixes: Vec<(ServicePrefix, PeeringService)>,
}

/// Everything within `scope` that `word` finds, `limit` of each kind.
pub async fn search(db: &mut impl Db, scope: Scope<'_>, word: &str, limit: u32) -> Result<Found> {
    let word = fold(word.trim());
    let (scope, limit) = (scope.parameter(), i64::from(limit));
    let (anywhere, start) = (format!("%{}%", literal(&word)), format!("{}%", literal(&word)));
    let number = word.strip_prefix("as").unwrap_or(&word).to_owned();
    let asns = sql(ASNS).bind(scope.clone()).bind(anywhere.clone()).bind(start.clone()).bind(number.clone());
    let peerings = sql(PEERINGS).bind(scope.clone()).bind(anywhere.clone()).bind(number).bind(limit);
    let services = sql(SERVICES).bind(scope.clone()).bind(anywhere.clone()).bind(limit);
    let registered =
        sql(REGISTERED).bind(scope.clone()).bind(anywhere.clone()).bind(start.clone()).bind(word);
    let activated = sql(ACTIVATED).bind(scope).bind(anywhere).bind(start).bind(limit);
    Ok(Found {
        peer_asns: entities(&asns.bind(limit).all(db).await?)?,
        peerings: entities(&peerings.all(db).await?)?,
        peering_services: entities(&services.all(db).await?)?,
        registered_prefixes: pairs(&registered.bind(limit).all(db).await?)?,
        service_prefixes: pairs(&activated.all(db).await?)?,
    })
}

/// Reads rows of `id, doc` of one kind, then of another.
pub(crate) fn pairs<A: Entity, B: Entity>(rows: &[AnyRow]) -> Result<Vec<(A, B)>> {
    let pair = |row: &AnyRow| Ok((entity(row)?, entity_at(row, 2)?));
    rows.iter().map(pair).collect()
}
