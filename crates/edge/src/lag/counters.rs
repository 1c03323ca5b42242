//! From what LAG members have counted to what passed in between. Reading is the backends'.
//!
//! Only what two readings show is told: a counter that was reset or wrapped, a member that came or
//! went, or readings too far apart give nothing, never a negative or a guess.

use super::{LagError, bonding, ovs};
use meetme_model::inventory::LagBackend;
use meetme_model::link::LagState;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Readings that are closer say little about a rate, and readings farther apart belong to
/// different minutes.
const BETWEEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The least that an Ethernet frame has without its checksum (IEEE 802.3 §3.2.8): the size counted
/// for dropped packets when no packet passed whose size could tell.
const LEAST_FRAME_BYTES: f64 = 60.0;

/// One direction's counters of an interface, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Bytes of frames that passed, without checksums.
    pub bytes: u64,
    /// Frames that passed.
    pub packets: u64,
    /// Frames that were dropped.
    pub dropped: u64,
}

impl Direction {
    /// What was counted since `before`; `None` when a counter went back.
    fn since(self, before: Self) -> Option<Self> {
        Some(Self {
            bytes: self.bytes.checked_sub(before.bytes)?,
            packets: self.packets.checked_sub(before.packets)?,
            dropped: self.dropped.checked_sub(before.dropped)?,
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            packets: self.packets.saturating_add(other.packets),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }
}

/// An interface's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// From the peer.
    pub received: Direction,
    /// To the peer.
    pub sent: Direction,
}

/// What passed a LAG, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// From the peer.
    pub ingress_bps: f64,
    /// To the peer.
    pub egress_bps: f64,
    /// Dropped, in both directions: packets at the mean size of those that passed meanwhile.
    pub drop_bps: f64,
}

/// Reads the counters of a router's interfaces, by name.
///
/// # Errors
/// The bundling's daemon or tool can't be asked.
pub async fn read(backend: &LagBackend) -> Result<BTreeMap<String, Counters>, LagError> {
    match backend {
        LagBackend::Ovs { ctl, .. } => ovs::counters(ctl).await,
        LagBackend::Bonding { netns } => bonding::counters(netns.as_deref()).await,
    }
}

/// What is remembered from reading to reading.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    lags: BTreeMap<String, (Instant, BTreeMap<String, Counters>)>,
}

impl Traffic {
    /// Takes in a reading; the rates of those LAGs of which all members can be compared.
    pub fn take(
        &mut self,
        now: Instant,
        lags: &BTreeMap<String, LagState>,
        counters: &BTreeMap<String, Counters>,
    ) -> BTreeMap<String, Rate> {
        let mut rates = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for (name, lag) in lags.iter().filter(|(_, lag)| !lag.members.is_empty()) {
            let member = |member: &String| Some((member.clone(), *counters.get(member)?));
            let Some(members) = lag.members.keys().map(member).collect::<Option<BTreeMap<_, _>>>() else {
                continue;
            };
            let before = self.lags.get(name);
            if let Some(rate) = before.and_then(|(at, before)| rate(now - *at, before, &members)) {
                rates.insert(name.clone(), rate);
            }
            seen.insert(name.clone(), (now, members));
        }
        self.lags = seen;
        rates
    }
}

fn rate(
    elapsed: Duration,
    before: &BTreeMap<String, Counters>,
    now: &BTreeMap<String, Counters>,
) -> Option<Rate> {
    if !(BETWEEN.0..=BETWEEN.1).contains(&elapsed) || !before.keys().eq(now.keys()) {
        return None;
    }
    let (mut received, mut sent) = (Direction::default(), Direction::default());
    for (now, before) in now.values().zip(before.values()) {
        received = received.and(now.received.since(before.received)?);
        sent = sent.and(now.sent.since(before.sent)?);
    }
    let both = received.and(sent);
    let mean_bytes = match both.packets {
        0 => LEAST_FRAME_BYTES,
        packets => both.bytes as f64 / packets as f64,
    };
    let per_second = |bytes: f64| bytes * 8.0 / elapsed.as_secs_f64();
    Some(Rate {
        ingress_bps: per_second(received.bytes as f64),
        egress_bps: per_second(sent.bytes as f64),
        drop_bps: per_second(both.dropped as f64 * mean_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use meetme_model::link::MemberState;

    const TEN: Duration = Duration::from_secs(10);

    fn lag(members: &[&str]) -> BTreeMap<String, LagState> {
        let members = members.iter().map(|m| ((*m).to_owned(), MemberState::default()));
        [("lag1".to_owned(), LagState { members: members.collect() })].into()
    }

    fn reading(members: &[(&str, u64, u64)]) -> BTreeMap<String, Counters> {
        let counters = |(name, bytes, dropped): &(&str, u64, u64)| {
            let received = Direction { bytes: *bytes, packets: bytes / 100, dropped: *dropped };
            let sent = Direction { bytes: 2 * bytes, packets: bytes / 50, dropped: 0 };
            ((*name).to_owned(), Counters { received, sent })
        };
        members.iter().map(counters).collect()
    }

    #[test]
    fn a_rate_is_what_all_members_counted_between_two_readings() {
        let (mut traffic, start) = (Traffic::default(), Instant::now());
        let members = lag(&["et1", "et2"]);
        let first = reading(&[("et1", 1_000_000, 7), ("et2", 50, 0), ("et9", 3, 0)]);
        assert!(traffic.take(start, &members, &first).is_empty(), "one reading shows no rate");
        let second = reading(&[("et1", 1_001_000, 9), ("et2", 9_050, 0), ("et9", 4_000, 0)]);
        let rate = traffic.take(start + TEN, &members, &second)["lag1"];
        assert!((rate.ingress_bps - 8_000.0).abs() < 1e-6, "{rate:?}");
        assert!((rate.egress_bps - 16_000.0).abs() < 1e-6, "{rate:?}");
        assert!((rate.drop_bps - 160.0).abs() < 2.0, "two packets of 100 bytes: {rate:?}");
    }

    #[test]
    fn a_counter_that_was_reset_gives_nothing_and_the_next_reading_counts_from_there() {
        let (mut traffic, start) = (Traffic::default(), Instant::now());
        let members = lag(&["et1", "et2"]);
        traffic.take(start, &members, &reading(&[("et1", 5_000, 0), ("et2", 5_000, 0)]));
        let reset = reading(&[("et1", 100, 0), ("et2", 90_000, 0)]);
        assert!(traffic.take(start + TEN, &members, &reset).is_empty());
        let after = reading(&[("et1", 1_100, 0), ("et2", 90_000, 0)]);
        let rate = traffic.take(start + 2 * TEN, &members, &after)["lag1"];
        assert!((rate.ingress_bps - 800.0).abs() < 1e-6);
    }

    #[test]
    fn members_that_come_and_go_and_readings_far_apart_give_nothing() {
        let (mut traffic, start) = (Traffic::default(), Instant::now());
        let both = reading(&[("et1", 5_000, 0), ("et2", 5_000, 0)]);
        traffic.take(start, &lag(&["et1"]), &both);
        assert!(traffic.take(start + TEN, &lag(&["et1", "et2"]), &both).is_empty(), "one came");
        let one = reading(&[("et1", 5_000, 0)]);
        assert!(traffic.take(start + 2 * TEN, &lag(&["et1", "et2"]), &one).is_empty(), "one isn't counted");
        assert!(traffic.take(start + 3 * TEN, &lag(&["et1", "et2"]), &both).is_empty(), "nothing to compare");
        assert!(traffic.take(start + 8 * TEN, &lag(&["et1", "et2"]), &both).is_empty(), "50 s apart");
        assert_eq!(traffic.take(start + 9 * TEN, &lag(&["et1", "et2"]), &both).len(), 1);
        assert!(traffic.take(start + 10 * TEN, &lag(&[]), &both).is_empty());
    }

    #[test]
    fn packets_dropped_while_none_passed_count_at_the_least_size() {
        let (mut traffic, start) = (Traffic::default(), Instant::now());
        let members = lag(&["et1"]);
        traffic.take(start, &members, &reading(&[("et1", 0, 0)]));
        let rate = traffic.take(start + TEN, &members, &reading(&[("et1", 0, 10)]))["lag1"];
        assert!((rate.drop_bps - 480.0).abs() < 1e-6, "{rate:?}");
    }
}
