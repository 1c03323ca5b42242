//! Minutes on their way to the control plane: kept while it is away, and sent again on a new link
//! for a while after they were sent, as a link may break after it took a message.

use meetme_model::samples::RouterSamples;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What isn't sent by then is given up: so long after it was taken in, whatever minute it is of, as a
/// clock may have been wrong.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// Minutes kept at most, of all routers together.
const MINUTES: usize = 2000;
/// Measurements kept at most, of all minutes together: some 60 MB, whatever a router's size.
const MEASUREMENTS: usize = 400_000;
/// How long a minute is kept after it was sent.
const SENT_FOR: Duration = Duration::from_secs(600);

/// See the module. The oldest minutes come first.
#[derive(Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    /// How many of the first entries were sent on this link.
    sent: usize,
    measurements: usize,
    /// How many were given up unsent since the last new link.
    lost: u64,
}

#[derive(Debug)]
struct Entry {
    samples: RouterSamples,
    taken_at: Instant,
    sent_at: Option<Instant>,
}

impl History {
    /// Takes in a minute that is over.
    pub fn push(&mut self, samples: RouterSamples, now: Instant) {
        self.measurements += measurements(&samples);
        self.entries.push_back(Entry { samples, taken_at: now, sent_at: None });
        while let Some(first) = self.entries.front() {
            let done = first.sent_at.is_some_and(|at| now.saturating_duration_since(at) > SENT_FOR);
            let too_many = self.entries.len() > MINUTES || self.measurements > MEASUREMENTS;
            let too_old = now.saturating_duration_since(first.taken_at) > KEPT_FOR;
            if !done && !too_many && !too_old {
                break;
            }
            self.drop_first();
        }
    }

    /// At most `limit` minutes that weren't sent on this link, in parts; which counts them as sent.
    pub fn take(&mut self, limit: usize, now: Instant) -> Vec<RouterSamples> {
        let mut parts = Vec::new();
        for entry in self.entries.iter_mut().skip(self.sent).take(limit) {
            entry.sent_at.get_or_insert(now);
            parts.extend(entry.samples.clone().into_parts());
            self.sent += 1;
        }
        parts
    }

    /// A new link: everything that is still here is to be sent on it.
    pub fn start_again(&mut self) {
        self.sent = 0;
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            tracing::warn!(lost, "minutes of measurements were given up while there was no control plane");
        }
    }

    fn drop_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.measurements -= measurements(&entry.samples);
        self.sent = self.sent.saturating_sub(1);
        if entry.sent_at.is_none() {
            if self.lost == 0 {
                let minute = entry.samples.minute;
                tracing::warn!(router = entry.samples.router, %minute, "measurements wait for the control plane for too long; the oldest are given up from here on");
            }
            self.lost += 1;
        }
    }
}

fn measurements(samples: &RouterSamples) -> usize {
    samples.sessions.len() + samples.lags.len() + samples.probes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use meetme_model::samples::{SessionSample, Stat};

    fn minute(n: i64, sessions: usize) -> RouterSamples {
        let sample = SessionSample { available: Stat::of(1.0), flaps: 0 };
        RouterSamples {
            router: "er1".into(),
            minute: Timestamp::from_second(n * 60).unwrap(),
            part: 0,
            sessions: (0..sessions).map(|s| (format!("c{s}v4"), sample)).collect(),
            lags: Default::default(),
            probes: Default::default(),
        }
    }

    /// The minutes that are taken, each once whatever its parts.
    fn taken(history: &mut History, now: Instant) -> Vec<i64> {
        let mut minutes: Vec<i64> =
            history.take(usize::MAX, now).iter().map(|s| s.minute.as_second() / 60).collect();
        minutes.dedup();
        minutes
    }

    #[test]
    fn what_a_lost_link_could_not_take_is_sent_in_order_on_the_next() {
        let (mut history, now) = (History::default(), Instant::now());
        for n in 0..5 {
            history.push(minute(n, 1), now);
        }
        assert_eq!(history.take(2, now).len(), 2);
        assert_eq!(taken(&mut history, now), [2, 3, 4]);
        assert!(taken(&mut history, now).is_empty(), "once a link");
        history.start_again();
        assert_eq!(taken(&mut history, now), [0, 1, 2, 3, 4], "it may have been lost underway");
    }

    #[test]
    fn what_was_sent_ten_minutes_ago_is_not_sent_again() {
        let (mut history, start) = (History::default(), Instant::now());
        history.push(minute(0, 1), start);
        taken(&mut history, start);
        let later = start + SENT_FOR / 2;
        history.push(minute(5, 1), later);
        taken(&mut history, later);
        history.push(minute(11, 1), start + SENT_FOR + Duration::from_secs(1));
        history.start_again();
        assert_eq!(taken(&mut history, later), [5, 11]);
    }

    #[test]
    fn the_oldest_go_first_by_number_size_and_age() {
        let (mut history, now) = (History::default(), Instant::now());
        for n in 0..MINUTES as i64 + 3 {
            history.push(minute(n / 2, 1), now);
        }
        assert_eq!((history.entries.len(), history.lost), (MINUTES, 3));
        let (mut history, large) = (History::default(), MEASUREMENTS / 4);
        for n in 0..6 {
            history.push(minute(n, large), now);
        }
        assert_eq!(taken(&mut history, now), [2, 3, 4, 5]);
        let mut history = History::default();
        for n in [0, 1, 24 * 60 + 1] {
            history.push(minute(n, 1), now + Duration::from_secs(60 * n as u64));
        }
        assert_eq!(taken(&mut history, now), [1, 24 * 60 + 1]);
        assert_eq!(history.measurements, 2);
    }

    #[test]
    fn a_minute_of_a_clock_gone_wrong_drops_no_other() {
        let (mut history, now) = (History::default(), Instant::now());
        for n in [10, 11, 1_000_000, 12, 0] {
            history.push(minute(n, 1), now);
        }
        assert_eq!(taken(&mut history, now), [10, 11, 1_000_000, 12, 0]);
    }

    #[test]
    fn giving_up_what_was_sent_already_loses_nothing() {
        let (mut history, now) = (History::default(), Instant::now());
        for n in 0..MINUTES as i64 + 10 {
            history.push(minute(0, 1), now);
            assert_eq!(history.take(10, now).len(), 1, "{n}");
        }
        assert_eq!((history.entries.len(), history.lost), (MINUTES, 0));
    }
}
