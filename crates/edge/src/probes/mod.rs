//! The probes that a site's routers send (`docs/rules.md` §8): ICMP echo or a TCP connection from
//! the router's loopback, and the path to where they go.
//!
//! The control plane says which; this runs them and tells what each try came to. It decides
//! nothing about them, and goes on while the control plane is away.

pub mod path;
pub mod ping;
mod run;
pub mod tcp;

use crate::place::Place;
use meetme_model::probe::{Probe, ProbeOutcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

/// Tries and paths under way at once from one router.
const AT_ONCE: usize = 32;

/// What a try came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Answered after so many milliseconds.
    After(f64),
    /// Not answered, and why.
    Missing(String),
    /// It couldn't be tried, which says nothing about the destination.
    Untried(String),
}

/// One try, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Try {
    /// For the control plane.
    pub outcome: ProbeOutcome,
    /// Difference to the round trip of the try before, when both were answered.
    pub jitter_ms: Option<f64>,
    /// Whether it was tried at all.
    pub is_measured: bool,
}

/// Takes tries as they come.
pub type Tell = Arc<dyn Fn(Try) + Send + Sync>;

/// All probes of a site.
pub struct Probes {
    tell: Tell,
    wanted: Vec<Probe>,
    running: BTreeMap<String, Running>,
    slots: BTreeMap<String, Arc<Semaphore>>,
}

struct Running {
    probe: Probe,
    place: Place,
    newest: Arc<Mutex<Option<ProbeOutcome>>>,
    /// Ends with it.
    _task: AbortOnDropHandle<()>,
}

impl Probes {
    /// No probes yet.
    pub fn new(tell: Tell) -> Self {
        Self { tell, wanted: Vec::new(), running: BTreeMap::new(), slots: BTreeMap::new() }
    }

    /// All probes there are to be, in place of those before.
    pub fn want(&mut self, probes: Vec<Probe>, places: &BTreeMap<String, Place>) {
        self.wanted = probes;
        self.place(places);
    }

    /// Runs the wanted probes of the routers there are. One that is as it was goes on undisturbed.
    pub fn place(&mut self, places: &BTreeMap<String, Place>) {
        self.slots.retain(|router, _| places.contains_key(router));
        let wanted: BTreeMap<&str, &Probe> = self.wanted.iter().map(|p| (p.id.as_str(), p)).collect();
        let is_wanted = |running: &Running| {
            wanted.get(running.probe.id.as_str()) == Some(&&running.probe)
                && places.get(&running.probe.router) == Some(&running.place)
        };
        let gone: BTreeSet<String> =
            self.running.iter().filter(|(_, r)| !is_wanted(r)).map(|(id, _)| id.clone()).collect();
        self.running.retain(|id, _| !gone.contains(id));
        for probe in &self.wanted {
            let Some(place) = places.get(&probe.router) else {
                tracing::warn!(
                    probe = probe.id,
                    router = probe.router,
                    "probe from a router that isn't of this site, left out"
                );
                continue;
            };
            if self.running.contains_key(&probe.id) {
                continue;
            }
            let slots = self.slots.entry(probe.router.clone());
            let slots = slots.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone();
            let running = start(probe.clone(), place.clone(), slots, self.tell.clone());
            self.running.insert(probe.id.clone(), running);
        }
    }

    /// The newest outcome of every probe, for a control plane that may have missed it.
    pub fn newest(&self) -> impl Iterator<Item = ProbeOutcome> {
        let newest = |r: &Running| r.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.running.values().filter_map(newest)
    }
}

fn start(probe: Probe, place: Place, slots: Arc<Semaphore>, tell: Tell) -> Running {
    let newest: Arc<Mutex<Option<ProbeOutcome>>> = Arc::default();
    let kept = newest.clone();
    let keep_and_tell = move |tried: Try| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(tried.outcome.clone());
        tell(tried);
    };
    let task = tokio::spawn(run::run(probe.clone(), place.clone(), slots, keep_and_tell));
    Running { probe, place, newest, _task: AbortOnDropHandle::new(task) }
}

#[cfg(test)]
mod tests;
