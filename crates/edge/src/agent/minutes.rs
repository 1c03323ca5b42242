//! Measurements of the site's routers, summed up minute by minute (`docs/rules.md` §8). Pure: the
//! time is handed in. A minute in which nothing was measured isn't there.

use crate::lag::counters::Rate;
use jiff::{SignedDuration, Timestamp};
use meetme_model::samples::{LagSample, ProbeSample, RouterSamples, SessionSample, Stat};
use std::collections::BTreeMap;

/// A clock that was set back by less than this is waited for: two samples of one minute would
/// make the second one void.
const STEP_BACK: SignedDuration = SignedDuration::from_mins(1);

/// What one look showed of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSession {
    /// Its name.
    pub session: String,
    /// Whether it was Established.
    pub is_available: bool,
    /// How often it left Established since it was seen last.
    pub flaps: u32,
}

/// What one try of a probe measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Round trip, when it was answered.
    pub rtt_ms: Option<f64>,
    /// Difference to the round trip of the try before, when that was answered as well.
    pub jitter_ms: Option<f64>,
}

/// The minutes that are being filled, one a router.
#[derive(Debug, Default)]
pub struct Minutes {
    open: BTreeMap<String, Open>,
    closed: Vec<RouterSamples>,
}

#[derive(Debug)]
struct Open {
    samples: RouterSamples,
    /// The second whose look counted last.
    counted_second: i64,
}

impl Minutes {
    /// A look at a router's sessions. Availability counts once a second, as a router of which
    /// something is expected is looked at more often.
    pub fn sessions(&mut self, router: &str, seen: Vec<SeenSession>, now: Timestamp) {
        if seen.is_empty() {
            return;
        }
        let open = self.at(router, now);
        let second = now.as_second();
        let counts = std::mem::replace(&mut open.counted_second, second) != second;
        for SeenSession { session, is_available, flaps } in seen {
            let value = if is_available { 1.0 } else { 0.0 };
            let sessions = &mut open.samples.sessions;
            if let Some(sample) = sessions.get_mut(&session) {
                if counts {
                    sample.available = sample.available.with(value);
                }
                sample.flaps = sample.flaps.saturating_add(flaps);
            } else {
                sessions.insert(session, SessionSample { available: Stat::of(value), flaps });
            }
        }
    }

    /// What passed a router's LAGs.
    pub fn lags(&mut self, router: &str, rates: BTreeMap<String, Rate>, now: Timestamp) {
        if rates.is_empty() {
            return;
        }
        let lags = &mut self.at(router, now).samples.lags;
        for (name, rate) in rates {
            let sample = LagSample {
                ingress_bps: Stat::of(rate.ingress_bps),
                egress_bps: Stat::of(rate.egress_bps),
                drop_bps: Stat::of(rate.drop_bps),
            };
            let add = |known: &mut LagSample| {
                known.ingress_bps = known.ingress_bps.and(sample.ingress_bps);
                known.egress_bps = known.egress_bps.and(sample.egress_bps);
                known.drop_bps = known.drop_bps.and(sample.drop_bps);
            };
            lags.entry(name).and_modify(add).or_insert(sample);
        }
    }

    /// A try of a probe.
    pub fn probe(&mut self, router: &str, id: &str, tried: Tried, now: Timestamp) {
        let percent = if tried.rtt_ms.is_some() { 100.0 } else { 0.0 };
        let one = ProbeSample {
            available_percent: Stat::of(percent),
            rtt_ms: tried.rtt_ms.map(Stat::of),
            jitter_ms: tried.jitter_ms.map(Stat::of),
        };
        let both = |a: Option<Stat>, b: Option<Stat>| match (a, b) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (one, other) => one.or(other),
        };
        let add = |known: &mut ProbeSample| {
            known.available_percent = known.available_percent.and(one.available_percent);
            known.rtt_ms = both(known.rtt_ms, one.rtt_ms);
            known.jitter_ms = both(known.jitter_ms, one.jitter_ms);
        };
        let probes = &mut self.at(router, now).samples.probes;
        probes.entry(id.to_owned()).and_modify(add).or_insert(one);
    }

    /// The minutes that are over, each once.
    pub fn take_closed(&mut self, now: Timestamp) -> Vec<RouterSamples> {
        let over: Vec<String> =
            self.open.iter().filter(|(_, open)| open.is_over(now)).map(|(name, _)| name.clone()).collect();
        let open = &mut self.open;
        self.closed.extend(over.iter().filter_map(|name| open.remove(name)).map(|open| open.samples));
        std::mem::take(&mut self.closed)
    }

    fn at(&mut self, router: &str, now: Timestamp) -> &mut Open {
        if self.open.get(router).is_some_and(|open| open.is_over(now))
            && let Some(open) = self.open.remove(router)
        {
            self.closed.push(open.samples);
        }
        self.open.entry(router.to_owned()).or_insert_with(|| Open::new(router, now))
    }
}

impl Open {
    fn new(router: &str, now: Timestamp) -> Self {
        let samples = RouterSamples {
            router: router.to_owned(),
            minute: minute(now),
            part: 0,
            sessions: BTreeMap::new(),
            lags: BTreeMap::new(),
            probes: BTreeMap::new(),
        };
        Self { samples, counted_second: i64::MIN }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let ahead = minute(now).duration_since(self.samples.minute);
        ahead > SignedDuration::ZERO || ahead < -STEP_BACK
    }
}

/// The start of the minute that an instant is in.
fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-02T{text}Z").parse().unwrap()
    }

    fn seen(is_available: bool, flaps: u32) -> Vec<SeenSession> {
        vec![SeenSession { session: "c1v4".into(), is_available, flaps }]
    }

    fn stat(values: &[f64]) -> Stat {
        values.iter().skip(1).fold(Stat::of(values[0]), |stat, value| stat.with(*value))
    }

    #[test]
    fn looks_of_a_minute_are_told_together_once_it_is_over() {
        let mut minutes = Minutes::default();
        minutes.sessions("er1", seen(true, 0), at("03:04:58.2"));
        minutes.sessions("er1", seen(false, 1), at("03:04:59.999"));
        assert!(minutes.take_closed(at("03:04:59.999")).is_empty(), "it isn't over");
        minutes.sessions("er1", seen(true, 1), at("03:05:00"));
        let told = minutes.take_closed(at("03:05:00.1"));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].router.as_str(), told[0].minute), ("er1", at("03:04:00")));
        let sample = told[0].sessions["c1v4"];
        assert_eq!(sample, SessionSample { available: stat(&[1.0, 0.0]), flaps: 1 });
        let told = minutes.take_closed(at("03:06:00"));
        assert_eq!(told[0].minute, at("03:05:00"));
        assert_eq!(told[0].sessions["c1v4"].flaps, 1);
        assert!(minutes.take_closed(at("03:07:00")).is_empty(), "nothing was measured, nothing is told");
    }

    #[test]
    fn looking_more_often_weighs_no_more_and_loses_no_flap() {
        let mut minutes = Minutes::default();
        minutes.sessions("er1", seen(true, 0), at("03:04:00.9"));
        for look in ["03:04:01", "03:04:01.2", "03:04:01.4", "03:04:01.6"] {
            minutes.sessions("er1", seen(false, 1), at(look));
        }
        let told = minutes.take_closed(at("03:05:00"));
        let expected = SessionSample { available: stat(&[1.0, 0.0]), flaps: 4 };
        assert_eq!(told[0].sessions["c1v4"], expected);
    }

    #[test]
    fn lags_and_probes_are_summed_up_beside_them() {
        let mut minutes = Minutes::default();
        for bps in [10.0, 30.0] {
            let rate = Rate { ingress_bps: bps, egress_bps: 2.0 * bps, drop_bps: 0.0 };
            minutes.lags("er1", [("lag1".to_owned(), rate)].into(), at("03:04:05"));
        }
        minutes.probe("er1", "test:1", Tried { rtt_ms: Some(4.0), jitter_ms: None }, at("03:04:10"));
        minutes.probe("er1", "test:1", Tried { rtt_ms: None, jitter_ms: None }, at("03:04:20"));
        minutes.probe("er1", "test:1", Tried { rtt_ms: Some(5.0), jitter_ms: Some(1.0) }, at("03:04:30"));
        minutes.probe("er2", "test:2", Tried { rtt_ms: None, jitter_ms: None }, at("03:04:30"));
        let told = minutes.take_closed(at("03:05:00"));
        assert_eq!(told[0].lags["lag1"].egress_bps, stat(&[20.0, 60.0]));
        let probe = told[0].probes["test:1"];
        assert_eq!(probe.available_percent, stat(&[100.0, 0.0, 100.0]));
        assert_eq!((probe.rtt_ms, probe.jitter_ms), (Some(stat(&[4.0, 5.0])), Some(Stat::of(1.0))));
        assert_eq!(told[1].router, "er2");
        assert_eq!(told[1].probes["test:2"].rtt_ms, None, "what wasn't answered has no round trip");
    }

    #[test]
    fn a_clock_set_back_a_little_is_waited_for_and_one_set_far_back_is_followed() {
        let mut minutes = Minutes::default();
        minutes.sessions("er1", seen(true, 0), at("03:05:00.1"));
        minutes.sessions("er1", seen(true, 0), at("03:04:59.9"));
        assert!(minutes.take_closed(at("03:04:59.9")).is_empty());
        let told = minutes.take_closed(at("02:00:00"));
        assert_eq!((told[0].minute, told[0].sessions["c1v4"].available.count), (at("03:05:00"), 2));
    }
}
