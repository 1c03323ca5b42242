//! What an edge measures, minute by minute (`docs/rules.md` §8).
//!
//! Only what a router's own counters and states give is here: what wasn't measured in a minute is
//! absent, never zero.

use crate::cut::{ENTRIES, cut};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Measurements of one quantity, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// How many.
    pub count: u32,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Stat {
    /// One measurement.
    pub fn of(value: f64) -> Self {
        Self { count: 1, sum: value, min: value, max: value }
    }

    /// This with one more measurement.
    #[must_use]
    pub fn with(self, value: f64) -> Self {
        self.and(Self::of(value))
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The mean.
    pub fn average(self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }
}

/// One router's minute, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouterSamples {
    /// The router.
    pub router: String,
    /// Start of the minute, a whole one.
    pub minute: Timestamp,
    /// Which part of the minute it is, from 0.
    pub part: u32,
    /// Sessions by name.
    pub sessions: BTreeMap<String, SessionSample>,
    /// LAGs by name.
    pub lags: BTreeMap<String, LagSample>,
    /// Probes by [`crate::probe::Probe::id`].
    pub probes: BTreeMap<String, ProbeSample>,
}

impl RouterSamples {
    /// A whole minute in parts of bounded size, the same ones each time.
    pub fn into_parts(self) -> Vec<Self> {
        let Self { router, minute, sessions, lags, probes, .. } = self;
        let none = Self {
            router,
            minute,
            part: 0,
            sessions: BTreeMap::new(),
            lags: BTreeMap::new(),
            probes: BTreeMap::new(),
        };
        let sessions = cut(sessions, ENTRIES).map(|sessions| Self { sessions, ..none.clone() });
        let lags = cut(lags, ENTRIES).map(|lags| Self { lags, ..none.clone() });
        let probes = cut(probes, ENTRIES).map(|probes| Self { probes, ..none.clone() });
        let parts = (0..).zip(sessions.chain(lags).chain(probes));
        parts.map(|(part, samples)| Self { part, ..samples }).collect()
    }
}

/// A session's minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSample {
    /// 1 for each second whose look saw it Established, else 0. What the router doesn't tell of, or
    /// what is meant to be shut down, isn't counted.
    pub available: Stat,
    /// How often it left Established.
    pub flaps: u32,
}

/// A LAG's minute, over its members.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LagSample {
    /// Received from the peer, in bits per second.
    pub ingress_bps: Stat,
    /// Sent to the peer, in bits per second.
    pub egress_bps: Stat,
    /// Dropped in either direction, in bits per second: dropped packets at the mean size of the
    /// packets of the same time, as the counters have no bits of what was dropped; at the least
    /// size of a frame when no packet passed.
    pub drop_bps: Stat,
}

/// A probe's minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSample {
    /// 100 for each try that was answered, else 0.
    pub available_percent: Stat,
    /// Round trip of those that were answered, in milliseconds.
    pub rtt_ms: Option<Stat>,
    /// Difference of consecutive round trips, in milliseconds (RFC 3550 §6.4.1, not smoothed).
    pub jitter_ms: Option<Stat>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_cut_into_parts_without_loss() {
        let sample = SessionSample { available: Stat::of(1.0), flaps: 0 };
        let whole = RouterSamples {
            router: "er1".into(),
            minute: Timestamp::UNIX_EPOCH,
            part: 0,
            sessions: (0..200).map(|n| (format!("c{n}v4"), sample)).collect(),
            lags: BTreeMap::new(),
            probes: BTreeMap::new(),
        };
        let parts = whole.clone().into_parts();
        assert_eq!(
            parts.iter().map(|p| (p.part, p.sessions.len())).collect::<Vec<_>>(),
            [(0, 64), (1, 64), (2, 64), (3, 8)]
        );
        let together: BTreeMap<_, _> = parts.into_iter().flat_map(|p| p.sessions).collect();
        assert_eq!(together, whole.sessions);
    }

    #[test]
    fn measurements_add_up() {
        let stat = Stat::of(2.0).with(4.0).and(Stat::of(9.0));
        assert_eq!(stat, Stat { count: 3, sum: 15.0, min: 2.0, max: 9.0 });
        assert!((stat.average() - 5.0).abs() < f64::EPSILON);
    }
}
