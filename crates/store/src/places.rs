//! What there is at each peering location.

use crate::db::{Db, Scope};
use crate::error::Result;
use crate::statement::{Columns, sql};
use std::collections::BTreeMap;

statements! {
    CONNECTIONS = "SELECT p.location, c.state, COUNT(*) FROM connections c
                   JOIN peerings p ON p.id = c.peering_id
                   WHERE CAST($1 AS TEXT) IS NULL OR p.subscription = $1
                   GROUP BY p.location, c.state";
}

/// How many connections there are in each state (by its name on the wire) at each peering location
/// that has any. Locations are named in lower case.
pub async fn connections_by_location(
    db: &mut impl Db,
    scope: Scope<'_>,
) -> Result<BTreeMap<String, BTreeMap<String, i64>>> {
    let mut counts: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for row in sql(CONNECTIONS).bind(scope.parameter()).all(db).await? {
        counts.entry(row.text(0)?).or_default().insert(row.text(1)?, row.int(2)?);
    }
    Ok(counts)
}
