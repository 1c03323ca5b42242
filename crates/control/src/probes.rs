//! Tells an edge what its routers probe, and writes down what tries come to: connection monitor
//! tests and connectivity probes (`docs/rules.md` §6, §8). Decides nothing about either.

use crate::now;
use jiff::SignedDuration;
use meetme_model::inventory::Inventory;
use meetme_model::link::ToEdge;
use meetme_model::probe::{Probe, ProbeOutcome};
use meetme_model::probe_id::ProbeId;
use meetme_model::region::same_region;
use meetme_store::{self as store, Conflict, Db, Store, StoreError, Tx};

type Result<T> = std::result::Result<T, StoreError>;

/// A try that comes to the same as the one before is written down this often.
const REPEAT: SignedDuration = SignedDuration::from_secs(60);

/// What an edge was told on this link.
#[derive(Default)]
pub(crate) struct Told {
    /// Versions of inventory and probes that `probes` was put together from.
    versions: Option<(i64, i64)>,
    probes: Vec<Probe>,
}

/// The list of a site's probes, when the edge doesn't have it yet. `inventory_version` is that of
/// the routers that the edge was told: with other routers it is told its probes again.
pub(crate) async fn news(
    db: &mut impl Db,
    site: &str,
    inventory_version: i64,
    told: &mut Told,
) -> Result<Option<ToEdge>> {
    let versions = (inventory_version, store::probes_version(db).await?);
    if told.versions == Some(versions) {
        return Ok(None);
    }
    let Some((_, inventory)) = store::inventory_get(db).await? else {
        return Ok(None);
    };
    let probes = of_site(db, &inventory, site).await?;
    let same_routers = told.versions.is_some_and(|(inventory, _)| inventory == inventory_version);
    told.versions = Some(versions);
    if same_routers && probes == told.probes {
        return Ok(None);
    }
    told.probes.clone_from(&probes);
    Ok(Some(ToEdge::Probes { probes }))
}

/// Everything that a site's routers probe.
async fn of_site(db: &mut impl Db, inventory: &Inventory, site: &str) -> Result<Vec<Probe>> {
    let tests = store::monitor_tests_at_site(db, site).await?;
    let mut probes: Vec<Probe> = tests.iter().filter_map(|t| t.probe(inventory)).collect();
    let location = inventory.site(site).and_then(|s| inventory.location(&s.location));
    let Some(region) = location.map(|l| &l.region) else {
        return Ok(probes);
    };
    let here = |p: &Probe| inventory.router(&p.router).is_some_and(|r| r.site == site);
    for peering in store::peerings_probing_from(db, region).await? {
        let own = peering.spec.probes.iter().filter(|p| same_region(&p.region, region));
        probes.extend(own.filter_map(|p| p.probe(inventory, peering.id)).filter(here));
    }
    Ok(probes)
}

/// An edge's clock may be this much ahead.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Takes what a probe's newest try came to.
pub(crate) async fn probed(store: &Store, outcome: ProbeOutcome) -> Result<()> {
    let Ok(id) = outcome.id.parse::<ProbeId>() else {
        tracing::warn!(probe = outcome.id, router = outcome.router, "an edge told of a probe that is none");
        return Ok(());
    };
    let latest = now() + AHEAD;
    if outcome.at > latest {
        tracing::warn!(router = outcome.router, at = %outcome.at, "a probe's outcome is of later; set the clock of the edge's machine");
        return Ok(());
    }
    let before = store::probe_outcome_get(&mut store.read().await?, id).await?;
    // What a clock that ran ahead told stands in nobody's way.
    if before.is_some_and(|before| before.at <= latest && !is_news(&before, &outcome)) {
        return Ok(());
    }
    let mut tx = store.begin().await?;
    if !is_asked_for(&mut tx, id, &outcome).await? {
        return Ok(());
    }
    match store::probe_outcome_put(&mut tx, id, &outcome).await {
        // It was deleted in this very moment.
        Err(e) if matches!(e.conflict(), Some(Conflict::Constraint { .. })) => Ok(()),
        Err(e) => Err(e),
        Ok(()) => tx.commit().await,
    }
}

/// True when somebody sees another result, or hasn't seen one for a while. Round trips always
/// differ: they are metrics.
fn is_news(before: &ProbeOutcome, now: &ProbeOutcome) -> bool {
    let result = |o: &ProbeOutcome| (o.router.clone(), o.rtt_ms.is_some(), o.path.clone(), o.error.clone());
    now.at > before.at && (now.at.duration_since(before.at) >= REPEAT || result(now) != result(before))
}

/// True when what was probed is still asked for, and hasn't been changed since.
async fn is_asked_for(tx: &mut Tx, id: ProbeId, outcome: &ProbeOutcome) -> Result<bool> {
    match id {
        ProbeId::Test(id) => {
            let test = store::monitor_test_by_id(tx, id).await?;
            Ok(test.is_some_and(|t| t.stamp.modified_at <= outcome.at))
        }
        ProbeId::Peering { id, place } => {
            let peering = store::peering_by_id(tx, id).await?;
            Ok(peering.is_some_and(|p| p.spec.probes.iter().any(|probe| probe.place == place)))
        }
    }
}

#[cfg(test)]
mod tests;
