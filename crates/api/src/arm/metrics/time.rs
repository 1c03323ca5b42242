//! `timespan` and `interval` of metrics: from when to when, and in how long points.
//!
//! Points begin at whole multiples of their length in UTC, so that the first one may begin before
//! the timespan does.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, civil};
use meetme_model::metric::{Definition, Grain, Interval};
use meetme_store::PointsAsked;

/// A time with both ends; the later one isn't part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimeSpan {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// How long points are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Length {
    /// So long.
    Each(Interval),
    /// One point over the whole time: `FULL`.
    Whole,
}

impl TimeSpan {
    /// Reads `start/end`, where one of them may be a duration, or a duration until `now`. The error
    /// is for the caller.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let (start, end) = match text.split_once('/') {
            None => (before(now, duration(text)?)?, now),
            Some((start, end)) if is_duration(start) => {
                let end = instant(end)?;
                (before(end, duration(start)?)?, end)
            }
            Some((start, end)) if is_duration(end) => {
                let start = instant(start)?;
                (start, before(start, -duration(end)?)?)
            }
            Some((start, end)) => (instant(start)?, instant(end)?),
        };
        if start >= end {
            return Err(format!("it ends at {end}, which isn't after its start at {start}"));
        }
        Ok(Self { start, end })
    }

    /// The last hour.
    pub fn default_at(now: Timestamp) -> Self {
        Self { start: now - SignedDuration::from_hours(1), end: now }
    }

    fn seconds(self) -> i64 {
        self.end.duration_since(self.start).as_secs()
    }

    /// As it is answered.
    pub fn show(self) -> String {
        format!("{}/{}", self.start, self.end)
    }

    /// The points that this time has, in `length` each.
    pub fn points(self, length: Length, now: Timestamp) -> PointsAsked {
        match length {
            Length::Each(interval) => PointsAsked {
                grain: interval.grain(),
                from: floor(self.start, interval.seconds),
                until: self.end,
                length_ms: i64::from(interval.seconds) * 1000,
            },
            Length::Whole => {
                let grain = self.finest_kept(now);
                let from = floor(self.start, grain.seconds());
                let length_ms = self.end.as_millisecond() - from.as_millisecond();
                PointsAsked { grain, from, until: self.end, length_ms }
            }
        }
    }

    /// The finest grain that still has the whole time, unless that were many points.
    fn finest_kept(self, now: Timestamp) -> Grain {
        let kept = |grain: Grain| self.start >= now - SignedDuration::from_hours(grain.kept_hours());
        match self.seconds() {
            s if s <= 86_400 && kept(Grain::Minute) => Grain::Minute,
            s if s <= 7 * 86_400 && kept(Grain::FiveMinutes) => Grain::FiveMinutes,
            _ => Grain::Hour,
        }
    }
}

/// How many points there are.
pub(super) fn count(asked: PointsAsked) -> u64 {
    let span = asked.until.as_millisecond() - asked.from.as_millisecond();
    u64::try_from(span).unwrap_or(0).div_ceil(u64::try_from(asked.length_ms).unwrap_or(1).max(1))
}

impl Length {
    /// What metrics are given in over `span` where nothing is asked for: finer for shorter times.
    pub fn default_of(span: TimeSpan, metrics: &[&Definition]) -> Self {
        let wanted = match (span.seconds() - 1) / 3600 {
            ..1 => 60,
            1..24 => 300,
            24..720 => 3600,
            720.. => 86_400,
        };
        at_least(wanted, metrics)
    }

    /// Reads an interval that all of `metrics` give; `adjust`: else takes the next longer one. The
    /// error is for the caller.
    pub fn parse(text: &str, metrics: &[&Definition], adjust: bool) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("FULL") {
            return Ok(Self::Whole);
        }
        let seconds = duration(text)?.as_secs();
        let given = |i: &&Interval| metrics.iter().all(|d| d.gives(**i));
        match Interval::ALL.iter().filter(given).find(|i| i64::from(i.seconds) == seconds) {
            Some(interval) => Ok(Self::Each(*interval)),
            None if adjust => Ok(at_least(seconds, metrics)),
            None => {
                let there: Vec<&str> = Interval::ALL.iter().filter(given).map(|i| i.iso).collect();
                Err(format!("these metrics are given in {} and FULL", there.join(", ")))
            }
        }
    }

    /// As it is answered.
    pub fn show(self) -> &'static str {
        match self {
            Self::Each(interval) => interval.iso,
            Self::Whole => "FULL",
        }
    }
}

/// The shortest interval of at least `seconds` that all metrics give; else the longest.
fn at_least(seconds: i64, metrics: &[&Definition]) -> Length {
    let fits = |i: &&Interval| i64::from(i.seconds) >= seconds && metrics.iter().all(|d| d.gives(**i));
    let longest = Interval::ALL[Interval::ALL.len() - 1];
    Length::Each(Interval::ALL.iter().find(fits).copied().unwrap_or(longest))
}

fn floor(at: Timestamp, seconds: u32) -> Timestamp {
    let length = i64::from(seconds);
    // A time before the first one that there is stays as it is.
    Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(at)
}

fn before(at: Timestamp, duration: SignedDuration) -> Result<Timestamp, String> {
    at.checked_sub(duration).map_err(|_| "it reaches beyond all times".to_owned())
}

fn is_duration(text: &str) -> bool {
    text.trim_start().starts_with(['P', 'p'])
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let usage = || "write durations as ISO 8601 does: PT5M, PT1H, P1D".to_owned();
    if !is_duration(text) {
        return Err(usage());
    }
    let span: Span = text.trim().parse().map_err(|_| usage())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| usage())?;
    if duration.is_positive() { Ok(duration) } else { Err("a duration is longer than nothing".to_owned()) }
}

/// A time; one without an offset is in UTC. A plus sign that a query turned into a space is one.
fn instant(text: &str) -> Result<Timestamp, String> {
    let text = text.trim().replace(' ', "+");
    let utc = || text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse()
        .ok()
        .or_else(|| utc().map(|z| z.timestamp()))
        .ok_or_else(|| "write times as 2026-01-05T10:00:00Z/2026-01-05T11:00:00Z, or a duration".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use meetme_model::metric::Metric;

    fn now() -> Timestamp {
        "2026-01-05T10:07:23Z".parse().unwrap()
    }

    fn span(text: &str) -> String {
        TimeSpan::parse(text, now()).map_or_else(|e| e, TimeSpan::show)
    }

    #[test]
    fn a_timespan_has_ends_or_a_length() {
        let day = "2026-01-04T10:00:00Z/2026-01-05T10:00:00Z";
        assert_eq!(span(day), day);
        assert_eq!(span("2026-01-04T10:00:00/2026-01-05T11:00:00 01:00"), day);
        assert_eq!(span("P1D/2026-01-05T10:00:00Z"), day);
        assert_eq!(span("2026-01-04T10:00:00Z/PT24H"), day);
        assert_eq!(span("PT7M23S"), "2026-01-05T10:00:00Z/2026-01-05T10:07:23Z");
    }

    #[test]
    fn a_timespan_that_is_none_is_told() {
        for (text, says) in [
            ("yesterday", "ISO 8601"),
            ("PT", "ISO 8601"),
            ("P1M", "ISO 8601"),
            ("PT0S", "longer than nothing"),
            ("2026-01-05T10:00:00Z/2026-01-05T10:00:00Z", "isn't after"),
            ("2026-01-05T10:00:00Z/later", "write times"),
            ("P99999D/-009999-01-05T10:00:00Z", "beyond all times"),
        ] {
            assert!(span(text).contains(says), "{text}: {}", span(text));
        }
    }

    #[test]
    fn points_begin_at_multiples_of_their_length() {
        let span = TimeSpan::parse("PT24H", now()).unwrap();
        let five = Length::parse("pt5m", &[Metric::FlapCounts.definition()], false).unwrap();
        let asked = span.points(five, now());
        assert_eq!(asked.from.to_string(), "2026-01-04T10:05:00Z");
        assert_eq!(count(asked), 289);
        let whole = span.points(Length::Whole, now());
        assert_eq!((count(whole), whole.grain), (1, Grain::Minute));
    }

    #[test]
    fn a_whole_is_read_from_what_is_kept_of_it() {
        let grain = |text: &str| TimeSpan::parse(text, now()).unwrap().points(Length::Whole, now()).grain;
        assert_eq!(grain("P1D"), Grain::Minute);
        assert_eq!(grain("2026-01-01T00:00:00Z/PT1H"), Grain::FiveMinutes);
        assert_eq!(grain("P30D"), Grain::Hour);
    }

    #[test]
    fn an_interval_is_one_that_the_metric_gives_or_the_next_longer_one() {
        let availability = [Metric::SessionAvailability.definition()];
        let of = |text: &str, adjust| Length::parse(text, &availability, adjust).map(Length::show);
        assert_eq!(of("PT60M", false), Ok("PT1H"));
        assert_eq!(of("full", false), Ok("FULL"));
        assert!(of("PT1M", false).unwrap_err().contains("PT5M, PT15M"));
        assert_eq!(of("PT1M", true), Ok("PT5M"));
        assert_eq!(of("PT7H", true), Ok("PT12H"));
        assert_eq!(of("P9D", true), Ok("P1D"));
        let default = |text: &str, metric: Metric| {
            Length::default_of(TimeSpan::parse(text, now()).unwrap(), &[metric.definition()]).show()
        };
        assert_eq!(default("PT1H", Metric::FlapCounts), "PT1M");
        assert_eq!(default("PT1H", Metric::SessionAvailability), "PT5M");
        assert_eq!(default("P1D", Metric::FlapCounts), "PT5M");
        assert_eq!(default("P7D", Metric::FlapCounts), "PT1H");
        assert_eq!(default("P90D", Metric::FlapCounts), "P1D");
    }
}
