//! From when to when a metrics page looks: one of a few ranges until now, or two times of its own, in
//! UTC. It stands in the page's address, so that a zoom can be gone back from and sent to somebody.

use crate::query::encode;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The shortest time that is looked at: a few minutes' points.
const LEAST: SignedDuration = SignedDuration::from_mins(5);
/// The longest: what is kept by the hour.
const MOST: SignedDuration = SignedDuration::from_hours(2 * 366 * 24);

/// A length of time until now.
pub(super) struct Range {
    pub key: &'static str,
    pub words: &'static str,
    hours: i64,
}

/// Those that can be chosen; the first one is usual.
pub(super) const RANGES: [Range; 4] = [
    Range { key: "1h", words: "1 hour", hours: 1 },
    Range { key: "1d", words: "1 day", hours: 24 },
    Range { key: "7d", words: "7 days", hours: 7 * 24 },
    Range { key: "30d", words: "30 days", hours: 30 * 24 },
];

/// From when to when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
    /// The range that it is, when it isn't one of its own.
    pub range: Option<&'static str>,
}

impl Window {
    /// A range until now.
    pub fn of_range(key: &str, now: Timestamp) -> Self {
        let range = RANGES.iter().find(|r| r.key == key).unwrap_or(&RANGES[0]);
        Self { from: now - SignedDuration::from_hours(range.hours), until: now, range: Some(range.key) }
    }

    /// Two times as they were typed; `until` may be left empty for now. Else what is wrong, by field.
    pub fn of_times(from: &str, until: &str, now: Timestamp) -> Result<Self, Vec<(&'static str, String)>> {
        let mut faults = Vec::new();
        let mut read = |field: &'static str, text: &str| {
            let found = instant(text);
            if found.is_none() {
                faults.push((field, "write a time in UTC, such as 2026-01-05T10:00".to_owned()));
            }
            found
        };
        let begin = read("from", from);
        let end = if until.trim().is_empty() { Some(now) } else { read("until", until) };
        let (Some(from), Some(until)) = (begin, end) else { return Err(faults) };
        if until.duration_since(from) < LEAST {
            return Err(vec![(
                "until",
                "it has to be five minutes later than the begin, or more".to_owned(),
            )]);
        }
        if until.duration_since(from) > MOST {
            return Err(vec![("from", "nothing is kept for more than two years".to_owned())]);
        }
        Ok(Self { from, until, range: None })
    }

    /// As it stands in an address.
    pub fn query(&self) -> String {
        match self.range {
            Some(range) => format!("range={range}"),
            None => format!("from={}&until={}", encode(&typed(self.from)), encode(&typed(self.until))),
        }
    }

    /// How long points are, in ISO 8601: few enough to be drawn, and as long as those that are still
    /// kept (`docs/rules.md` §8).
    pub fn interval(&self, now: Timestamp) -> &'static str {
        let age = now.duration_since(self.from).as_secs();
        let by_length = match self.length().as_secs() {
            s if s <= 2 * HOUR => 0,
            s if s <= DAY => 1,
            s if s <= 7 * DAY => 2,
            s if s <= 30 * DAY => 3,
            _ => 4,
        };
        let by_age = match age {
            s if s <= 2 * DAY => 0,
            s if s <= 30 * DAY => 1,
            _ => 2,
        };
        ["PT1M", "PT5M", "PT1H", "PT6H", "P1D"][by_length.max(by_age)]
    }

    fn length(&self) -> SignedDuration {
        self.until.duration_since(self.from)
    }

    /// The one that begins and ends so many of its own lengths later, and is so many times as long
    /// around its middle, up to now at most; `None` where that is the same, or too short or too long.
    pub fn moved(&self, by: f64, times: f64, now: Timestamp) -> Option<Self> {
        let seconds = self.length().as_secs_f64();
        let middle = self.from.as_second() as f64 + seconds * (0.5 + by);
        let whole_minutes = |s: f64| (s / MINUTE as f64).round() as i64 * MINUTE;
        let at = |s: f64| Timestamp::from_second(whole_minutes(s)).ok();
        let until = at(middle + seconds * times / 2.0)?.min(now);
        let from = at(middle - seconds * times / 2.0)?;
        let moved = Self { from, until, range: None };
        let fits = (LEAST..=MOST).contains(&moved.length());
        (fits && (moved.from, moved.until) != (self.from, self.until)).then_some(moved)
    }
}

/// A time as a field of type `datetime-local` has it, or RFC 3339's.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let local: DateTime = text.parse().ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// As a field of type `datetime-local` takes it, in UTC.
pub(super) fn typed(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn two_times_are_read_as_utc_and_come_back_from_an_address() {
        let now = at("2026-01-05T12:00:00Z");
        let window = Window::of_times("2026-01-05T10:00", "2026-01-05T11:30", now).unwrap();
        assert_eq!((window.from, window.until), (at("2026-01-05T10:00:00Z"), at("2026-01-05T11:30:00Z")));
        assert_eq!(window.query(), "from=2026-01-05T10%3A00&until=2026-01-05T11%3A30");
        assert_eq!(Window::of_times("2026-01-05T10:00", "", now).unwrap().until, now);
        assert_eq!(Window::of_range("7d", now).query(), "range=7d");
        assert_eq!(Window::of_range("?", now).query(), "range=1h");
    }

    #[test]
    fn what_is_no_time_or_too_short_is_told_by_its_field() {
        let now = at("2026-01-05T12:00:00Z");
        let fields = |from: &str, until: &str| -> Vec<&str> {
            let faults = Window::of_times(from, until, now).unwrap_err();
            faults.into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields("x", "2026-13-01T00:00"), ["from", "until"]);
        assert_eq!(fields("2026-01-05T10:00", "2026-01-05T10:01"), ["until"]);
        assert_eq!(fields("2020-01-05T10:00", ""), ["from"]);
    }

    #[test]
    fn points_are_as_long_as_those_that_are_kept() {
        let now = at("2026-01-05T12:00:00Z");
        assert_eq!(Window::of_range("1h", now).interval(now), "PT1M");
        assert_eq!(Window::of_range("30d", now).interval(now), "PT6H");
        let old = |from: &str, until: &str| Window::of_times(from, until, now).unwrap().interval(now);
        assert_eq!(old("2026-01-01T10:00", "2026-01-01T11:00"), "PT5M");
        assert_eq!(old("2025-11-01T10:00", "2025-11-01T11:00"), "PT1H");
        assert_eq!(old("2025-01-01T10:00", "2026-01-01T11:00"), "P1D");
    }

    #[test]
    fn a_window_moves_and_zooms_but_not_past_now() {
        let now = at("2026-01-05T12:00:00Z");
        let window = Window::of_times("2026-01-05T08:00", "2026-01-05T10:00", now).unwrap();
        let moved = |by, times| window.moved(by, times, now).map(|w| w.query());
        assert_eq!(moved(-0.5, 1.0).unwrap(), "from=2026-01-05T07%3A00&until=2026-01-05T09%3A00");
        assert_eq!(moved(0.0, 0.5).unwrap(), "from=2026-01-05T08%3A30&until=2026-01-05T09%3A30");
        assert_eq!(moved(0.0, 4.0).unwrap(), "from=2026-01-05T05%3A00&until=2026-01-05T12%3A00");
        assert_eq!(moved(0.0, 0.01), None, "too short");
    }
}
