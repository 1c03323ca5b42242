//! Tells an edge what its routers should be: of each snapshot, the parts that the edge doesn't have yet
//! (`meetme_model::intent_parts`).

use meetme_model::intent_parts::{Digest, IntentPart, References};
use meetme_model::link::ToEdge;
use meetme_model::unit::UnitName;
use meetme_store::{self as store, Db, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, StoreError>;

/// Before everything is sent once more.
const AGAIN: Duration = Duration::from_secs(10);

/// What an edge was sent of one router's snapshot on this link.
#[derive(Clone, Default)]
pub(crate) struct Sent {
    generation: u64,
    /// Nothing is sent before: an edge that can't use what it gets isn't sent everything all the time.
    not_before: Option<Instant>,
    units: BTreeMap<UnitName, (Digest, References)>,
    lists: BTreeSet<Digest>,
    keys: BTreeSet<String>,
}

impl Sent {
    /// The edge has nothing of it, and is sent everything, a while later.
    pub fn start_again(&mut self) {
        *self = Self { not_before: Some(Instant::now() + AGAIN), ..Self::default() };
    }
}

/// The parts of a router's newest snapshot that the edge lacks, and the head that ends them. Nothing
/// while it has all of them, or while the snapshot is just being replaced: the next look finds the new one.
pub(crate) async fn news(db: &mut impl Db, router: &str, sent: &mut Sent) -> Result<Vec<ToEdge>> {
    let is_early = sent.not_before.is_some_and(|at| at > Instant::now());
    if is_early || store::router_intent_generation(db, router).await? <= sent.generation {
        return Ok(Vec::new());
    }
    let Some((messages, now)) = parts(db, router, sent).await? else { return Ok(Vec::new()) };
    *sent = now;
    Ok(messages)
}

async fn parts(db: &mut impl Db, router: &str, sent: &Sent) -> Result<Option<(Vec<ToEdge>, Sent)>> {
    let Some(head) = store::router_intent_head(db, router).await? else { return Ok(None) };
    let mut now = Sent { generation: head.generation, ..Sent::default() };
    let (mut units, mut shared) = (Vec::new(), Vec::new());
    for (name, digest) in store::router_units(db, router).await? {
        if let Some(had) = sent.units.get(&name)
            && had.0 == digest
        {
            now.units.insert(name, had.clone());
            continue;
        }
        let found = store::router_unit_get(db, router, &name).await?;
        let Some((unit, references)) = found else { return Ok(None) };
        now.units.insert(name.clone(), (unit.digest.clone(), references));
        units.push(IntentPart::Unit { name, document: Some(unit) });
    }
    let gone = sent.units.keys().filter(|name| !now.units.contains_key(name));
    units.extend(gone.map(|name| IntentPart::Unit { name: name.clone(), document: None }));
    now.lists.insert(head.own.announced.clone());
    for (_, references) in now.units.values() {
        now.lists.extend(references.lists.iter().cloned());
        now.keys.extend(references.keys.iter().cloned());
    }
    for digest in now.lists.difference(&sent.lists) {
        let Some(document) = store::router_list_get(db, router, digest).await? else { return Ok(None) };
        shared.push(IntentPart::List { document });
    }
    for name in now.keys.difference(&sent.keys) {
        let Some(key) = store::md5_key_named(db, name).await? else { return Ok(None) };
        shared.push(IntentPart::Key { name: name.clone(), key });
    }
    // Each read sees the newest commit: what was replaced meanwhile isn't one snapshot.
    if store::router_intent_generation(db, router).await? != head.generation {
        return Ok(None);
    }
    let part = |part| ToEdge::IntentPart { router: router.to_owned(), part };
    let mut messages: Vec<ToEdge> = shared.into_iter().chain(units).map(part).collect();
    messages.push(ToEdge::Intent { head: Box::new(head) });
    Ok(Some((messages, now)))
}

#[cfg(test)]
pub(crate) mod tests;
