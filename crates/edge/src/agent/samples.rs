//! Where the tasks of a site leave what they measured, and the clock that sends it off.

use super::minutes::{Minutes, SeenSession, Tried};
use super::outbox::Outbox;
use crate::lag::counters::Rate;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So long after a minute its samples are sent off.
const AFTER: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Default)]
pub struct Samples {
    minutes: Mutex<Minutes>,
    outbox: Arc<Outbox>,
}

impl Samples {
    /// Nothing measured yet; what is goes to the outbox.
    pub fn new(outbox: Arc<Outbox>) -> Self {
        Self { minutes: Mutex::default(), outbox }
    }

    /// A look at a router's sessions.
    pub fn sessions(&self, router: &str, seen: Vec<SeenSession>) {
        // The clock is read under the lock, so that nobody comes late to a minute.
        let mut minutes = self.minutes();
        minutes.sessions(router, seen, Timestamp::now());
    }

    /// What passed a router's LAGs.
    pub fn lags(&self, router: &str, rates: BTreeMap<String, Rate>) {
        let mut minutes = self.minutes();
        minutes.lags(router, rates, Timestamp::now());
    }

    /// A try of a probe.
    pub fn probe(&self, router: &str, id: &str, tried: Tried) {
        let mut minutes = self.minutes();
        minutes.probe(router, id, tried, Timestamp::now());
    }

    /// Sends off each minute when it is over; never returns.
    pub async fn send_off(self: Arc<Self>) {
        loop {
            tokio::time::sleep(until_next_minute(Timestamp::now()) + AFTER).await;
            let closed = {
                let mut minutes = self.minutes();
                minutes.take_closed(Timestamp::now())
            };
            self.outbox.samples(closed);
        }
    }

    fn minutes(&self) -> MutexGuard<'_, Minutes> {
        // Sums stay whole whatever panicked while they were locked.
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn until_next_minute(now: Timestamp) -> Duration {
    let into = now.as_millisecond().rem_euclid(60_000);
    Duration::from_millis(60_000u64.saturating_sub(into.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_sent_off_at_the_whole_minute() {
        let wait = |text: &str| until_next_minute(text.parse().unwrap());
        assert_eq!(wait("2026-01-02T03:04:05.250Z"), Duration::from_millis(54_750));
        assert_eq!(wait("2026-01-02T03:04:00Z"), Duration::from_secs(60));
        assert_eq!(wait("1969-12-31T23:59:59Z"), Duration::from_secs(1));
    }
}
