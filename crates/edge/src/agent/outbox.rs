//! What is to be told to the control plane, whenever there is a link.
//!
//! Everything but answers is a snapshot of its subject, so only the newest of each is kept:
//! whoever writes here never waits, and an absent or slow control plane costs no memory.

use meetme_model::link::{ApplyResult, EdgeAnswer, RouterState, SessionRoutes, ToControl};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Answers kept for a link that is slow; older ones are given up, their askers have timed out.
const ANSWERS: usize = 64;

/// See the module.
#[derive(Default)]
pub struct Outbox {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default)]
struct Pending {
    routers: BTreeMap<String, RouterState>,
    results: BTreeMap<String, ApplyResult>,
    routes: BTreeMap<(String, String), SessionRoutes>,
    answers: VecDeque<ToControl>,
}

impl Outbox {
    /// A router's state.
    pub fn router(&self, state: RouterState) {
        self.pending().routers.insert(state.router.clone(), state);
        self.wake.notify_one();
    }

    /// What applying came to.
    pub fn applied(&self, result: ApplyResult) {
        self.pending().results.insert(result.router.clone(), result);
        self.wake.notify_one();
    }

    /// A session's routes.
    pub fn routes(&self, routes: SessionRoutes) {
        let key = (routes.router.clone(), routes.session.clone());
        self.pending().routes.insert(key, routes);
        self.wake.notify_one();
    }

    /// An answer to a query.
    pub fn answer(&self, id: u64, answer: Result<EdgeAnswer, String>) {
        let mut pending = self.pending();
        if pending.answers.len() == ANSWERS {
            pending.answers.pop_front();
        }
        pending.answers.push_back(ToControl::Answer { id, answer });
        drop(pending);
        self.wake.notify_one();
    }

    /// Waits until there is something, and takes all of it.
    pub async fn take(&self) -> Vec<ToControl> {
        loop {
            let messages = self.pending().drain();
            if !messages.is_empty() {
                return messages;
            }
            self.wake.notified().await;
        }
    }

    /// Forgets answers: they belong to a link that is gone.
    pub fn forget_answers(&self) {
        self.pending().answers.clear();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Maps stay whole whatever panicked while they were locked.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn drain(&mut self) -> Vec<ToControl> {
        let mut messages: Vec<ToControl> = std::mem::take(&mut self.answers).into();
        let results = std::mem::take(&mut self.results).into_values();
        messages.extend(results.map(|r| ToControl::Applied { result: Box::new(r) }));
        let routers = std::mem::take(&mut self.routers).into_values();
        messages.extend(routers.map(|r| ToControl::Router { state: Box::new(r) }));
        let routes = std::mem::take(&mut self.routes).into_values();
        messages.extend(routes.map(|r| ToControl::Routes { routes: Box::new(r) }));
        messages
    }
}
