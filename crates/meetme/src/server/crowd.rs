//! All connections of a listener, and which of them gives way when there are too many: the one
//! that was silent for the longest. One with a request in flight never does.

use super::activity::Activity;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Newcomers being told at once that there is no room.
const REFUSALS: usize = 32;

/// How long one that gives way may take to go: it may be being told why it is ended.
const GO_TIMEOUT: Duration = Duration::from_secs(1);

/// The connections.
pub struct Crowd {
    most: usize,
    members: Mutex<Members>,
    /// Somebody left.
    freed: Notify,
    refusals: Arc<Semaphore>,
}

#[derive(Default)]
struct Members {
    next: u64,
    by_number: HashMap<u64, Arc<Activity>>,
}

impl Crowd {
    /// Room for `most`.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            members: Mutex::default(),
            freed: Notify::new(),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
        })
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection, if need be that of a silent one, once it is gone.
    pub async fn enter(self: &Arc<Self>) -> Option<Place> {
        if let Some(place) = self.take_place() {
            return Some(place);
        }
        if !self.make_room() {
            return None;
        }
        let place = async {
            loop {
                match self.take_place() {
                    Some(place) => return place,
                    None => self.freed.notified().await,
                }
            }
        };
        tokio::time::timeout(GO_TIMEOUT, place).await.ok()
    }

    fn take_place(self: &Arc<Self>) -> Option<Place> {
        let mut members = self.members();
        if members.by_number.len() >= self.most {
            return None;
        }
        let number = members.next;
        members.next += 1;
        let activity = Arc::new(Activity::new());
        members.by_number.insert(number, activity.clone());
        Some(Place { crowd: self.clone(), number, activity })
    }

    /// Tells the connection that was silent for the longest to go; false when there is none.
    pub fn make_room(&self) -> bool {
        let members = self.members();
        let silent = members.by_number.values().filter_map(|a| Some((a.silent_since()?, a)));
        silent.min_by_key(|(since, _)| *since).is_some_and(|(_, activity)| activity.evict())
    }

    /// Leave to tell a newcomer that there is no room; those beyond are closed without a word.
    pub fn refusal_turn(&self) -> Option<OwnedSemaphorePermit> {
        self.refusals.clone().try_acquire_owned().ok()
    }
}

/// A connection's place; free when dropped.
pub struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    activity: Arc<Activity>,
}

impl Place {
    /// What the connection is doing.
    pub fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.members().by_number.remove(&self.number);
        self.crowd.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that goes when it is told to.
    fn obeys(place: Place) -> Arc<Activity> {
        let activity = place.activity();
        tokio::spawn(async move {
            place.activity.evicted.notified().await;
            drop(place);
        });
        activity
    }

    #[tokio::test]
    async fn the_longest_silent_gives_way_and_a_busy_one_never() {
        let crowd = Crowd::new(2);
        let first = obeys(crowd.enter().await.unwrap());
        let second = obeys(crowd.enter().await.unwrap());
        let busy = first.begin().unwrap();
        let third = obeys(crowd.enter().await.unwrap());
        assert!(second.begin().is_none(), "the second was silent, so it gave way");
        let also_busy = third.begin().unwrap();
        assert!(crowd.enter().await.is_none());
        drop((busy, also_busy));
        assert!(crowd.enter().await.is_some());
        assert!(crowd.members().by_number.len() <= 2);
    }

    #[tokio::test]
    async fn one_that_was_told_to_go_still_counts_until_it_is_gone() {
        let crowd = Crowd::new(1);
        let lingers = crowd.enter().await.unwrap();
        assert!(crowd.enter().await.is_none());
        drop(lingers);
        assert!(crowd.enter().await.is_some());
        assert!(crowd.members().by_number.is_empty());
    }
}
