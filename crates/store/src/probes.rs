//! What is probed from where, and what the newest try of each probe came to (`docs/rules.md` §8).
//!
//! Every change of what is probed is counted, so that an edge's list is put together only when it
//! can be another one.

use crate::db::{Db, Tx};
use crate::error::Result;
use crate::statement::{Columns, entities, sql, to_doc};
use meetme_model::peering::Peering;
use meetme_model::probe::ProbeOutcome;
use meetme_model::probe_id::ProbeId;
use meetme_model::region::region_key;
use std::collections::BTreeSet;

statements! {
    VERSION = "SELECT version FROM probe_changes";
    CHANGED = "UPDATE probe_changes SET version = version + 1";
    FROM_REGION = "SELECT p.id, p.doc FROM probing_peerings r JOIN peerings p ON p.id = r.peering_id
                   WHERE r.region = $1 ORDER BY p.id";
    REGION_ADD = "INSERT INTO probing_peerings (peering_id, region) VALUES ($1, $2)";
    REGIONS_DELETE = "DELETE FROM probing_peerings WHERE peering_id = $1";
    OUTCOME_PUT = "INSERT INTO probe_outcomes (probe, test_id, peering_id, at_ms, doc)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (probe) DO UPDATE SET at_ms = excluded.at_ms, doc = excluded.doc";
    OUTCOME_GET = "SELECT doc FROM probe_outcomes WHERE probe = $1";
    OUTCOME_FORGET = "DELETE FROM probe_outcomes WHERE probe = $1";
}

/// Another number whenever what is probed may have changed. Read it before what it counts.
pub async fn probes_version(db: &mut impl Db) -> Result<i64> {
    match sql(VERSION).optional(db).await? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

/// Counts a change.
pub(crate) async fn probes_changed(tx: &mut Tx) -> Result<()> {
    sql(CHANGED).run(tx).await?;
    Ok(())
}

/// Peerings that have connectivity probes from a region; not those that are being deleted.
pub async fn peerings_probing_from(db: &mut impl Db, region: &str) -> Result<Vec<Peering>> {
    entities(&sql(FROM_REGION).bind(region_key(region)).all(db).await?)
}

/// Notes from where a peering is probed, after it was written.
pub(crate) async fn probing_put(tx: &mut Tx, peering: &Peering) -> Result<()> {
    let before = sql(REGIONS_DELETE).bind(peering.id).run(tx).await?;
    let probes = if peering.deleting { &[][..] } else { &peering.spec.probes };
    let regions: BTreeSet<String> = probes.iter().map(|p| region_key(&p.region)).collect();
    for region in &regions {
        sql(REGION_ADD).bind(peering.id).bind(region.as_str()).run(tx).await?;
    }
    if before > 0 || !regions.is_empty() {
        probes_changed(tx).await?;
    }
    Ok(())
}

/// Keeps what a probe's newest try came to instead of the one before. What was asked for must
/// still be there.
pub async fn probe_outcome_put(tx: &mut Tx, probe: ProbeId, outcome: &ProbeOutcome) -> Result<()> {
    let (test, peering) = match probe {
        ProbeId::Test(id) => (Some(id), None),
        ProbeId::Peering { id, .. } => (None, Some(id)),
    };
    sql(OUTCOME_PUT)
        .bind(probe.to_string())
        .bind(test)
        .bind(peering)
        .bind_time(outcome.at)
        .bind(to_doc(outcome, "probe outcome")?)
        .run(tx)
        .await?;
    Ok(())
}

/// What a probe's newest try came to; `None` before the first.
pub async fn probe_outcome_get(db: &mut impl Db, probe: ProbeId) -> Result<Option<ProbeOutcome>> {
    let row = sql(OUTCOME_GET).bind(probe.to_string()).optional(db).await?;
    row.map(|row| row.doc(0, "probe outcome")).transpose()
}

/// Forgets what was found, if anything was.
pub(crate) async fn probe_outcome_forget(tx: &mut Tx, probe: ProbeId) -> Result<()> {
    sql(OUTCOME_FORGET).bind(probe.to_string()).run(tx).await?;
    Ok(())
}
