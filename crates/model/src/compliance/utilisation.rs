//! How much of a connection is used (`docs/rules.md` §8): the larger of in and out, as averages of
//! 5 minutes, 95th percentile.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// Share of the capacity at which more is due.
pub const AUGMENT_AT: f64 = 0.40;

/// What a connection carries, as far as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Utilisation {
    /// 95th percentile, in bits per second.
    pub p95_bps: f64,
    /// How many intervals of five minutes it comes from.
    pub intervals: usize,
    /// End of the time looked at.
    pub until: Timestamp,
}

/// From averages by interval, in bits per second; `None` where nothing was measured.
pub fn utilisation(
    ingress: &BTreeMap<i64, f64>,
    egress: &BTreeMap<i64, f64>,
    until: Timestamp,
) -> Option<Utilisation> {
    let mut larger = ingress.clone();
    for (at, bps) in egress {
        larger.entry(*at).and_modify(|kept| *kept = kept.max(*bps)).or_insert(*bps);
    }
    let mut values: Vec<f64> = larger.into_values().collect();
    values.sort_by(f64::total_cmp);
    // Nearest rank: the least value that 95 % of all don't exceed.
    let rank = (values.len() * 95).div_ceil(100);
    let p95_bps = *values.get(rank.checked_sub(1)?)?;
    Some(Utilisation { p95_bps, intervals: values.len(), until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_direction_counts_at_its_95th_percentile() {
        let until = Timestamp::UNIX_EPOCH;
        let ingress: BTreeMap<i64, f64> = (0..100).map(|i| (i, i as f64)).collect();
        let egress = BTreeMap::from([(0, 1000.0), (1, 0.5), (200, 2000.0)]);
        let found = utilisation(&ingress, &egress, until).unwrap();
        // 101 intervals: 1, 1, 2 … 99, 1000, 2000 without 0; the 96th of them.
        assert_eq!((found.p95_bps, found.intervals), (96.0, 101));
        assert_eq!(utilisation(&BTreeMap::new(), &BTreeMap::new(), until), None, "nothing measured");
    }
}
