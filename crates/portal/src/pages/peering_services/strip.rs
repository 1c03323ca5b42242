//! Over which path a prefix' traffic left, as a strip over time: its height and colour say where,
//! a gap says that nothing was written down. The same stands in a table of changes.

use super::Service;
use crate::error::PageError;
use crate::parts::state::{Mood, shown};
use crate::parts::time;
use crate::query::encode;
use crate::session::Context;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

/// Changes that are read of a prefix, at most.
const READ: usize = 300;
/// Height of the strip's tallest part, in pixels.
const TALL: u32 = 24;
/// Words below the strip.
const TICKS: i64 = 4;

/// A length of time to look back on.
pub(super) struct Span {
    pub key: &'static str,
    pub words: &'static str,
    hours: i64,
}

/// Those that can be looked at; the first one is usual.
pub(super) const SPANS: [Span; 3] = [
    Span { key: "1h", words: "1 hour", hours: 1 },
    Span { key: "1d", words: "1 day", hours: 24 },
    Span { key: "7d", words: "7 days", hours: 7 * 24 },
];

/// How a page with strips is asked for.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    span: String,
}

impl Asked {
    pub fn span(&self) -> &'static Span {
        SPANS.iter().find(|s| s.key == self.span).unwrap_or(&SPANS[0])
    }

    /// Links to the spans, on the page of a path.
    pub fn links(&self, path: &str) -> Markup {
        let here = self.span().key;
        html! {
            nav.tabs aria-label="Time" { @for span in &SPANS {
                a href=(format!("{path}?span={}", span.key)) aria-current=[(span.key == here).then_some("true")] { (span.words) }
            } }
        }
    }
}

/// Where traffic left from a time on.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub since: Timestamp,
    pub path: String,
    pub peering_locations: Vec<String>,
}

impl Entry {
    /// Where it left, in words.
    pub fn words(&self) -> String {
        let at = self.peering_locations.join(", ");
        match self.path.as_str() {
            "primary" => format!("Primary: {at}"),
            "backup" => format!("Backup: {at}"),
            "ordinary" => format!("Nearest peering: {at}"),
            "internet" => "Internet".to_owned(),
            _ => "Unknown: the edge couldn't be read".to_owned(),
        }
    }

    /// The same as a badge.
    pub fn badge(&self) -> Markup {
        shown(self.look().mood, &self.words())
    }

    fn look(&self) -> &'static Look {
        LOOKS.iter().find(|look| look.path == self.path).unwrap_or(&LOOKS[LOOKS.len() - 1])
    }
}

/// How a path is drawn.
struct Look {
    path: &'static str,
    words: &'static str,
    class: &'static str,
    mood: Mood,
    height_px: u32,
}

const LOOKS: [Look; 5] = [
    Look { path: "primary", words: "primary location", class: "primary", mood: Mood::Good, height_px: TALL },
    Look { path: "backup", words: "backup location", class: "backup", mood: Mood::Waiting, height_px: 18 },
    Look {
        path: "ordinary",
        words: "nearest peering",
        class: "ordinary",
        mood: Mood::Waiting,
        height_px: 12,
    },
    Look { path: "internet", words: "Internet", class: "internet", mood: Mood::Bad, height_px: 6 },
    Look { path: "unknown", words: "unknown", class: "unknown", mood: Mood::Quiet, height_px: TALL },
];

/// A prefix' history over a span, newest first.
pub(super) struct History {
    from: Timestamp,
    until: Timestamp,
    entries: Vec<Entry>,
    is_cut: bool,
}

impl History {
    /// Reads it.
    pub async fn read(
        context: &Context,
        service: &Service,
        prefix: &str,
        span: &Span,
        now: Timestamp,
    ) -> Result<Self, PageError> {
        let from = now - SignedDuration::from_hours(span.hours);
        let path = format!(
            "{}/prefixes/{}/paths?since={}",
            service.extension(),
            encode(prefix),
            encode(&from.to_string())
        );
        let rows = context.api.list(&path, READ).await?;
        let is_cut = rows.len() >= READ;
        let entries = serde_json::from_value(Value::Array(rows)).map_err(PageError::internal)?;
        Ok(Self { from, until: now, entries, is_cut })
    }

    /// The path now, if it is known since when.
    pub fn now(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// Each entry with when it begins and ends within the span, oldest first.
    fn pieces(&self) -> Vec<(&Entry, Timestamp, Timestamp)> {
        let ends = std::iter::once(self.until).chain(self.entries.iter().map(|e| e.since));
        let mut pieces: Vec<_> = self
            .entries
            .iter()
            .zip(ends)
            .map(|(entry, end)| (entry, entry.since.max(self.from), end))
            .filter(|(_, begin, end)| begin < end)
            .collect();
        pieces.reverse();
        pieces
    }

    /// Where a time is, in hundredths of the strip.
    fn share(&self, at: Timestamp) -> f64 {
        let whole = (self.until.as_millisecond() - self.from.as_millisecond()).max(1);
        (at.as_millisecond() - self.from.as_millisecond()) as f64 * 100.0 / whole as f64
    }

    /// The strip and the table of changes of a prefix.
    pub fn render(&self, prefix: &str) -> Markup {
        let pieces = self.pieces();
        html! {
            @if pieces.is_empty() {
                p.nothing { "Nothing is written down for this time. Paths are kept from the first look at the prefix on." }
            } @else {
                (self.strip(prefix, &pieces))
                details {
                    summary { "Changes of " (prefix) span.none { " (" (pieces.len()) ")" } }
                    @if self.is_cut { p.hint { "Only the newest " (READ) " are read." } }
                    (changes(prefix, &pieces))
                }
            }
        }
    }

    fn strip(&self, prefix: &str, pieces: &[(&Entry, Timestamp, Timestamp)]) -> Markup {
        html! {
            svg.strip role="img" aria-label=(self.described(prefix, pieces)) {
                @for (entry, begin, end) in pieces {
                    @let look = entry.look();
                    @let (x, width) = (self.share(*begin), self.share(*end) - self.share(*begin));
                    rect.(look.class) x=(format!("{x:.3}%")) width=(format!("{:.3}%", width.max(0.15))) y=(TALL - look.height_px) height=(look.height_px) {
                        title { (entry.words()) ", " (clock(*begin, self.format())) " to " (clock(*end, self.format())) " UTC (" (lasting(*begin, *end)) ")" }
                    }
                }
                line.base x1="0" x2="100%" y1=(TALL) y2=(TALL) {}
                @for i in 0..=TICKS {
                    @let at = self.from + SignedDuration::from_millis((self.until.as_millisecond() - self.from.as_millisecond()) * i / TICKS);
                    @let anchor = match i { 0 => "start", TICKS => "end", _ => "middle" };
                    text.odd[i % 2 == 1] x=(format!("{}%", 100 * i / TICKS)) y=(TALL + 15) text-anchor=(anchor) { (clock(at, self.format())) }
                }
            }
        }
    }

    fn format(&self) -> &'static str {
        if self.until.duration_since(self.from) > SignedDuration::from_hours(24) {
            "%d %b %H:%M"
        } else {
            "%H:%M"
        }
    }

    /// The strip in words: for how long each path was taken.
    fn described(&self, prefix: &str, pieces: &[(&Entry, Timestamp, Timestamp)]) -> String {
        let mut sums: Vec<(String, SignedDuration)> = Vec::new();
        for (entry, begin, end) in pieces {
            let (words, length) = (entry.words(), end.duration_since(*begin));
            match sums.iter_mut().find(|(known, _)| *known == words) {
                Some((_, sum)) => *sum += length,
                None => sums.push((words, length)),
            }
        }
        let told: Vec<String> =
            sums.iter().map(|(words, sum)| format!("{words} for {}", length(*sum))).collect();
        format!("Traffic of {prefix} left by {}", told.join("; "))
    }
}

fn changes(prefix: &str, pieces: &[(&Entry, Timestamp, Timestamp)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(format!("Changes of {prefix}")) { table {
            thead { tr { @for title in ["Since", "Traffic left", "For"] { th scope="col" { (title) } } } }
            tbody { @for (entry, begin, end) in pieces.iter().rev() { tr {
                td data-title="Since" { (time(&entry.since.to_string())) }
                td data-title="Traffic left" { (entry.badge()) }
                td data-title="For" { (lasting(*begin.min(&entry.since), *end)) }
            } } }
        } }
    }
}

/// What the strip's parts mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.legend { @for look in &LOOKS { li {
            svg.strip.swatch aria-hidden="true" focusable="false" {
                rect.(look.class) x="1" width="18" y=(TALL - look.height_px) height=(look.height_px) {}
            }
            (look.words)
        } } }
    }
}

fn clock(at: Timestamp, format: &str) -> String {
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

fn lasting(begin: Timestamp, end: Timestamp) -> String {
    length(end.duration_since(begin))
}

/// `2 d 3 h`: two units at most.
fn length(length: SignedDuration) -> String {
    let s = length.as_secs().max(0);
    let parts = [(s / 86_400, "d"), (s / 3600 % 24, "h"), (s / 60 % 60, "min"), (s % 60, "s")];
    let first = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let told: Vec<String> = parts[first..]
        .iter()
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    if told.is_empty() { "less than 1 s".to_owned() } else { told.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-05T{text}Z").parse().unwrap()
    }

    fn history(entries: &[(&str, &str, &str)]) -> History {
        let entry = |(since, path, location): &(&str, &str, &str)| Entry {
            since: at(since),
            path: (*path).to_owned(),
            peering_locations: location.split_whitespace().map(str::to_owned).collect(),
        };
        let entries = entries.iter().map(entry).collect();
        History { from: at("10:00:00"), until: at("11:00:00"), entries, is_cut: false }
    }

    #[test]
    fn a_path_holds_until_the_next_and_what_lies_before_the_span_is_cut_off() {
        let h = history(&[
            ("10:30:00", "primary", "Amsterdam"),
            ("10:15:00", "backup", "Frankfurt"),
            ("07:00:00", "primary", "Amsterdam"),
        ]);
        let text = h.render("198.19.10.0/24").into_string();
        for part in [
            r#"class="primary" x="0.000%" width="25.000%""#,
            r#"class="backup" x="25.000%" width="25.000%""#,
            r#"class="primary" x="50.000%" width="50.000%""#,
            "left by Primary: Amsterdam for 45 min; Backup: Frankfurt for 15 min",
            "3 h 15 min",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn nothing_is_drawn_for_a_time_of_which_nothing_is_known() {
        let text = history(&[("10:45:00", "unknown", "")]).render("p").into_string();
        assert_eq!(text.matches("<rect").count(), 1);
        assert!(text.contains(r#"class="unknown" x="75.000%""#), "{text}");
        assert!(history(&[]).render("p").into_string().contains("Nothing is written down"));
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        for (seconds, told) in [(0, "less than 1 s"), (61, "1 min 1 s"), (7200, "2 h"), (90_061, "1 d 1 h")] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), told);
        }
    }
}
