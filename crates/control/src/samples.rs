//! Writes down what the edges measured, minute by minute, and lets go of what is old
//! (`docs/rules.md` §8). Which series a minute belongs to is the model's choice.

use crate::now;
use jiff::{SignedDuration, Timestamp};
use meetme_model::metric::{Grain, ProbeOf, measured};
use meetme_model::probe_id::ProbeId;
use meetme_model::samples::RouterSamples;
use meetme_store::{self as store, Db, Store, StoreError};
use std::collections::BTreeMap;
use tracing::warn;

type Result<T> = std::result::Result<T, StoreError>;

/// So far an edge's clock may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Series (or paths) that are looked at in one transaction of pruning: others wait as long.
const PRUNED_AT_ONCE: u32 = 100;

/// Takes a part of a router's minute. One that was taken before changes nothing; one that can't be kept
/// is told and left out.
pub(crate) async fn take(store: &Store, samples: RouterSamples) -> Result<()> {
    let (router, minute) = (samples.router.as_str(), samples.minute);
    if let Err(reason) = check(minute, now()) {
        warn!(router, %minute, "what was measured isn't kept: {reason}");
        return Ok(());
    }
    // Read before the transaction: others write meanwhile. What is deleted in between is left out
    // by the store.
    let mut reader = store.read().await?;
    let connections = store::connections_on_router(&mut reader, router).await?;
    let mut probes = BTreeMap::new();
    for id in samples.probes.keys() {
        if let Some(of) = probe_of(&mut reader, id).await? {
            probes.insert(id.clone(), of);
        }
    }
    drop(reader);
    let measured = measured(&samples, &connections, &probes);
    let mut tx = store.begin().await?;
    store::metric_minute_put(&mut tx, router, minute, samples.part, &measured).await?;
    tx.commit().await
}

/// Whether a minute can be kept at `now`.
fn check(minute: Timestamp, now: Timestamp) -> std::result::Result<(), &'static str> {
    if minute.as_millisecond() % 60_000 != 0 {
        return Err("it doesn't begin at a whole minute");
    }
    if minute > now + AHEAD {
        return Err("it lies in the future; set the clock of the edge's machine");
    }
    // Older ones aren't known to be written any more: a repeated one would count twice.
    if minute < now - SignedDuration::from_hours(Grain::Minute.kept_hours()) {
        return Err("it is too old");
    }
    Ok(())
}

/// Whose probe it is; `None`: nobody's any more.
async fn probe_of(db: &mut impl Db, id: &str) -> Result<Option<ProbeOf>> {
    Ok(match id.parse() {
        Ok(ProbeId::Test(id)) => store::monitor_test_by_id(db, id)
            .await?
            .map(|test| ProbeOf::Test { service_id: test.service_id, name: test.name }),
        Ok(ProbeId::Peering { id, place }) => store::peering_by_id(db, id)
            .await?
            .and_then(|peering| peering.spec.probes.into_iter().find(|p| p.place == place))
            .map(|p| ProbeOf::Peering { peering_id: id, protocol: p.protocol.wire_name().to_owned() }),
        Err(_) => None,
    })
}

/// Lets go of what is older than it is kept, in many short transactions. What fails is told and
/// left to the next time.
pub(crate) async fn prune(store: Store) {
    let now = now();
    let mut after = Some(0);
    while let Some(from) = after {
        after = match prune_step(&store, now, from).await {
            Ok(next) => next,
            Err(e) => return warn!("old metrics couldn't be pruned, tried again later: {e}"),
        };
        tokio::task::yield_now().await;
    }
    if let Err(e) = prune_paths(&store, now).await {
        warn!("old paths of prefixes couldn't be pruned, tried again later: {e}");
    }
}

/// Lets go of paths that prefixes had before their history begins.
async fn prune_paths(store: &Store, now: Timestamp) -> Result<()> {
    loop {
        let mut tx = store.begin().await?;
        let gone = store::prefix_paths_prune(&mut tx, now, PRUNED_AT_ONCE).await?;
        tx.commit().await?;
        if gone < u64::from(PRUNED_AT_ONCE) {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

async fn prune_step(store: &Store, now: Timestamp, after: i64) -> Result<Option<i64>> {
    let mut tx = store.begin().await?;
    let next = store::metrics_prune(&mut tx, now, after, PRUNED_AT_ONCE).await?;
    tx.commit().await?;
    Ok(next)
}

#[cfg(test)]
mod tests;
