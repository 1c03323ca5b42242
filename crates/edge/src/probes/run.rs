//! One probe: try after try, at its interval.

use super::{Answer, Try, path, ping, tcp};
use crate::place::Place;
use jiff::Timestamp;
use meetme_model::probe::{Probe, ProbeOutcome};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The least time between tries, whatever is asked for.
const LEAST_INTERVAL: Duration = Duration::from_secs(10);
/// First tries are spread over this time.
const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// The path is looked for again after this time, or when the outcome changes.
const PATH_EVERY: Duration = Duration::from_secs(300);

/// Runs until it is dropped.
pub async fn run(probe: Probe, place: Place, slots: Arc<Semaphore>, tell: impl Fn(Try)) {
    let start = Instant::now();
    let mut history = History::default();
    let mut at = start + share(&probe.id, FIRST_WITHIN);
    loop {
        tokio::time::sleep_until(at).await;
        let Ok(_slot) = slots.acquire().await else {
            return;
        };
        let answer = try_once(&probe, &place).await;
        let ended = Timestamp::now();
        if probe.with_path && history.wants_path(&answer, Instant::now()) {
            history.path = path::find(&place, probe.destination).await;
        }
        tell(history.took(&probe, answer, ended));
        at = next(&probe, start, at, Instant::now());
    }
}

async fn try_once(probe: &Probe, place: &Place) -> Answer {
    match probe.tcp_port {
        None => ping::once(place, probe.destination).await,
        Some(port) => {
            let destination = SocketAddr::new(probe.destination, port);
            tcp::once(place, destination, probe.refusal_answers).await
        }
    }
}

/// A probe's next turn after the one it had: turns are its interval apart and differ from probe to
/// probe, so that probes that began together don't stay together.
fn next(probe: &Probe, start: Instant, had: Instant, now: Instant) -> Instant {
    let interval = Duration::from_secs(probe.interval_s.into()).max(LEAST_INTERVAL);
    let first = start + share(&probe.id, interval);
    let earliest = now.max(had + LEAST_INTERVAL);
    let ahead = earliest.saturating_duration_since(first);
    first + interval * u32::try_from(ahead.as_nanos().div_ceil(interval.as_nanos())).unwrap_or(u32::MAX)
}

/// A probe's own part of a time span, always the same (FNV-1a).
fn share(id: &str, of: Duration) -> Duration {
    let hash =
        id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    of.mul_f64(f64::from(hash) / f64::from(u32::MAX))
}

/// What is remembered from try to try.
#[derive(Debug, Default)]
struct History {
    rtt_ms: Option<f64>,
    was_answered: Option<bool>,
    path: Vec<String>,
    path_at: Option<Instant>,
}

impl History {
    /// Whether this answer asks for a look at the path, which then counts as taken.
    fn wants_path(&mut self, answer: &Answer, now: Instant) -> bool {
        let is_answered = match answer {
            Answer::After(_) => true,
            Answer::Missing(_) => false,
            Answer::Untried(_) => return false,
        };
        let changed = self.was_answered.is_some_and(|was| was != is_answered);
        let is_old = self.path_at.is_none_or(|at| now.duration_since(at) >= PATH_EVERY);
        if changed || is_old {
            self.path_at = Some(now);
        }
        changed || is_old
    }

    fn took(&mut self, probe: &Probe, answer: Answer, at: Timestamp) -> Try {
        let is_measured = !matches!(answer, Answer::Untried(_));
        let (rtt_ms, error) = match answer {
            Answer::After(ms) => (Some(ms), None),
            Answer::Missing(why) | Answer::Untried(why) => (None, Some(why)),
        };
        let jitter_ms = self.rtt_ms.zip(rtt_ms).map(|(before, now)| (now - before).abs());
        if is_measured {
            self.rtt_ms = rtt_ms;
            self.was_answered = Some(rtt_ms.is_some());
        }
        let outcome = ProbeOutcome {
            id: probe.id.clone(),
            router: probe.router.clone(),
            at,
            rtt_ms,
            path: self.path.clone(),
            error,
            untried: !is_measured,
        };
        Try { outcome, jitter_ms, is_measured }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(interval_s: u32) -> Probe {
        Probe {
            id: "test:1".into(),
            router: "er1".into(),
            destination: "192.0.2.1".parse().unwrap(),
            tcp_port: None,
            interval_s,
            refusal_answers: false,
            with_path: true,
        }
    }

    #[test]
    fn tries_keep_their_interval_and_never_come_closer_than_ten_seconds() {
        let start = Instant::now();
        let first = start + share("test:1", FIRST_WITHIN);
        for interval_s in [0, 10, 60, 86_400] {
            let probe = probe(interval_s);
            let interval = Duration::from_secs(interval_s.into()).max(LEAST_INTERVAL);
            let took = Duration::from_millis(300);
            let second = next(&probe, start, first, first + took);
            assert!(second - first >= LEAST_INTERVAL && second - first < LEAST_INTERVAL + interval);
            let third = next(&probe, start, second, second + took);
            assert_eq!(third - second, interval);
            let late = next(&probe, start, third, third + interval + took);
            assert_eq!(late - third, 2 * interval, "a turn that was missed is left out");
        }
    }

    #[test]
    fn probes_that_begin_together_do_not_stay_together() {
        let day = Duration::from_secs(86_400);
        let shares: std::collections::BTreeSet<_> =
            (0..20).map(|n| share(&format!("test:{n}"), day)).collect();
        assert_eq!(shares.len(), 20);
        assert!(shares.iter().all(|s| *s <= day));
    }

    #[test]
    fn jitter_is_between_tries_that_were_both_answered() {
        let (probe, mut history) = (probe(60), History::default());
        let mut took = |answer| {
            let tried = history.took(&probe, answer, Timestamp::UNIX_EPOCH);
            assert_eq!(tried.outcome.untried, !tried.is_measured, "the control plane is told");
            (tried.outcome.rtt_ms, tried.jitter_ms, tried.is_measured)
        };
        assert_eq!(took(Answer::After(4.0)), (Some(4.0), None, true));
        assert_eq!(took(Answer::After(3.0)), (Some(3.0), Some(1.0), true));
        assert_eq!(took(Answer::Untried("no ping here".into())), (None, None, false));
        assert_eq!(took(Answer::After(5.0)), (Some(5.0), Some(2.0), true));
        assert_eq!(took(Answer::Missing("no answer".into())), (None, None, true));
        assert_eq!(took(Answer::After(9.0)), (Some(9.0), None, true));
    }

    #[test]
    fn the_path_is_looked_for_at_first_when_the_outcome_changes_and_every_five_minutes() {
        let (probe, mut history, start) = (probe(60), History::default(), Instant::now());
        let mut wants = |answer: Answer, at_s: u64| {
            let wants = history.wants_path(&answer, start + Duration::from_secs(at_s));
            history.took(&probe, answer, Timestamp::UNIX_EPOCH);
            wants
        };
        let missing = || Answer::Missing("no answer".into());
        assert!(!wants(Answer::Untried("no ping here".into()), 0));
        assert!(wants(Answer::After(1.0), 1));
        assert!(!wants(Answer::After(1.0), 61));
        assert!(wants(missing(), 121));
        assert!(!wants(missing(), 181));
        assert!(wants(Answer::After(1.0), 241));
        assert!(!wants(Answer::After(1.0), 540));
        assert!(wants(Answer::After(1.0), 541));
    }
}
