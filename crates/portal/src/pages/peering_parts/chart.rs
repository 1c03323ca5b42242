//! Lines over time as SVG, drawn on the server: axes, a point with its value on hover for each
//! measurement, and a gap wherever nothing was measured.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
/// Room for the axes' words.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;
/// Looks of lines that there are; further lines begin anew.
const LOOKS: usize = 12;
/// Points of a chart up to which each is a dot: more would hide how lines differ.
const DOTTED: usize = 150;
/// Points of a chart up to which each tells its value on hover: more would make a heavy page. The file
/// of values has all.
const HOVERED: usize = 2000;
/// Parts that an axis has, about.
const PARTS: f64 = 4.0;

/// A line.
pub(super) struct Line {
    /// What it is of.
    pub name: String,
    /// The same for programs, in lower case; empty: of everything.
    pub id: String,
    /// Which of the looks it has.
    pub look: usize,
    /// When each point begins, in milliseconds, with what was measured in it.
    pub points: Vec<(i64, Option<f64>)>,
}

impl Line {
    /// What was measured when, and whether nothing was right before and after it.
    fn measured(&self) -> impl Iterator<Item = (i64, f64, bool)> + '_ {
        let known = |i: Option<usize>| i.and_then(|i| self.points.get(i)).is_some_and(|(_, v)| v.is_some());
        let points = self.points.iter().enumerate();
        points.filter_map(move |(i, (at, value))| {
            Some((*at, (*value)?, !known(i.checked_sub(1)) && !known(Some(i + 1))))
        })
    }

    /// True when anything was measured.
    pub fn is_measured(&self) -> bool {
        self.points.iter().any(|(_, value)| value.is_some())
    }
}

/// A chart.
pub(super) struct Chart<'a> {
    /// What it shows, in words.
    pub title: &'a str,
    /// The metric's unit in the wire format.
    pub unit: &'a str,
    /// Its lines, those without any measurement left out.
    pub lines: &'a [Line],
    /// Begin and end, in milliseconds.
    pub span_ms: (i64, i64),
}

impl Chart<'_> {
    fn x(&self, at_ms: i64) -> f64 {
        let (from, until) = self.span_ms;
        let share = (at_ms - from) as f64 / ((until - from).max(1) as f64);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// The highest value of the axis, and how far its ticks are apart.
    fn scale(&self) -> (f64, f64) {
        let highest = self
            .lines
            .iter()
            .flat_map(|l| l.points.iter().filter_map(|(_, value)| *value))
            .fold(0.0, f64::max);
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let step = tick(highest / PARTS);
        ((highest / step - 1e-9).ceil() * step, step)
    }

    /// The chart and its legend.
    pub fn render(&self) -> Markup {
        let (top, step) = self.scale();
        let y = |value: f64| HEIGHT - BOTTOM - (value / top).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM);
        let ticks = (top / step).round() as usize;
        let total = self.lines.iter().map(|line| line.measured().count()).sum::<usize>();
        html! {
            div.chart {
                div.drawn tabindex="0" role="region" aria-label=(format!("Chart of {}", self.title)) {
                    svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(self.title)
                        data-from=(self.span_ms.0) data-until=(self.span_ms.1) data-left=(LEFT / WIDTH) data-right=(1.0 - RIGHT / WIDTH) {
                        @for i in 0..=ticks {
                            @let value = step * i as f64;
                            line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(short(y(value))) y2=(short(y(value))) {}
                            text.axis x=(LEFT - 8.0) y=(short(y(value) + 4.0)) text-anchor="end" { (amount(value, self.unit)) }
                        }
                        @for (at, words) in times(self.span_ms) {
                            line.tick x1=(short(self.x(at))) x2=(short(self.x(at))) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM + 4.0) {}
                            text.axis x=(short(self.x(at))) y=(HEIGHT - 8.0) text-anchor="middle" { (words) }
                        }
                        @for line in self.lines {
                            g class=(format!("look{}", line.look % LOOKS)) {
                                path.line d=(self.path(line, &y)) {}
                                @for (at, value, is_alone) in line.measured().filter(|(_, _, is_alone)| *is_alone || total <= HOVERED) {
                                    circle.faint[!is_alone && total > DOTTED] cx=(short(self.x(at))) cy=(short(y(value))) r="2.5" {
                                        title { (line.name) ", " (moment(at)) ": " (amount(value, self.unit)) }
                                    }
                                }
                            }
                        }
                    }
                }
                ul.legend {
                    @for line in self.lines {
                        li class=(format!("look{}", line.look % LOOKS)) {
                            svg viewBox="0 0 28 8" aria-hidden="true" focusable="false" { path.line d="M1 4H27" {} }
                            (line.name)
                        }
                    }
                }
            }
        }
    }

    /// A line's way, begun anew after each gap.
    fn path(&self, line: &Line, y: &dyn Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut is_open = false;
        for (at, value) in &line.points {
            match value {
                Some(value) => {
                    let command = if is_open { 'L' } else { 'M' };
                    let _ = write!(path, "{command}{} {}", short(self.x(*at)), short(y(*value)));
                    is_open = true;
                }
                None => is_open = false,
            }
        }
        path
    }
}

/// A coordinate to a tenth.
fn short(value: f64) -> String {
    format!("{value:.1}")
}

/// The next of 1, 2, 5, 10, … that is not less.
fn tick(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|s| s * power).find(|s| *s >= least * (1.0 - 1e-9)).unwrap_or(power * 10.0)
}

/// Times to write below the chart, in UTC: whole hours or days, at most seven.
fn times((from, until): (i64, i64)) -> Vec<(i64, String)> {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let steps = [MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR, DAY, 5 * DAY, 30 * DAY];
    let step = steps.into_iter().find(|s| (until - from) / s <= 7).unwrap_or(90 * DAY);
    let first = from.div_euclid(step) * step + if from.rem_euclid(step) > 0 { step } else { 0 };
    let format = if step >= DAY { "%d %b" } else { "%H:%M" };
    (first..=until)
        .step_by(usize::try_from(step).unwrap_or(usize::MAX))
        .map(|at| (at, utc(at, format)))
        .collect()
}

/// A time in UTC, as `time` shows it on hover.
pub(super) fn moment(at_ms: i64) -> String {
    utc(at_ms, "%Y-%m-%d %H:%M UTC")
}

fn utc(at_ms: i64, format: &str) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// A value with its unit.
pub(in crate::pages) fn amount(value: f64, unit: &str) -> String {
    match unit {
        "BitsPerSecond" => {
            let (divisor, name) = match value {
                v if v >= 1e9 => (1e9, "Gbit/s"),
                v if v >= 1e6 => (1e6, "Mbit/s"),
                v if v >= 1e3 => (1e3, "kbit/s"),
                _ => (1.0, "bit/s"),
            };
            format!("{} {name}", plain(value / divisor))
        }
        "Percent" => format!("{} %", plain(value)),
        "MilliSeconds" => format!("{} ms", plain(value)),
        _ => plain(value),
    }
}

/// At most three decimals, none for nothing.
fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: Vec<(i64, Option<f64>)>) -> [Line; 1] {
        [Line { name: "<c1>".into(), id: "c1".into(), look: 13, points }]
    }

    fn chart(lines: &[Line]) -> Chart<'_> {
        Chart { title: "Traffic", unit: "BitsPerSecond", lines, span_ms: (0, 3_600_000) }
    }

    #[test]
    fn a_line_breaks_where_nothing_was_measured() {
        let points = vec![(0, Some(1e9)), (600_000, Some(2e9)), (1_200_000, None), (1_800_000, Some(0.0))];
        let lines = line(points);
        let c = chart(&lines);
        let path = c.path(&c.lines[0], &|v| v / 1e9);
        assert_eq!(path, "M76.0 1.0L181.3 2.0M392.0 0.0");
        let text = c.render().into_string();
        assert_eq!(text.matches("<circle").count(), 3, "a point for each measurement, none for the gap");
        assert!(text.contains("&lt;c1&gt;, 1970-01-01 00:10 UTC: 2 Gbit/s") && !text.contains("<c1>"));
    }

    #[test]
    fn many_points_are_a_line_but_one_alone_is_a_dot() {
        let many = |n: i64| -> Vec<_> {
            (0..n)
                .map(|i| (i * 1000, Some(1.0)))
                .chain([(n * 1000, None), (n * 1000 + 1000, Some(1.0))])
                .collect()
        };
        let dots = |n: i64| {
            let text = chart(&line(many(n))).render().into_string();
            (text.matches("<circle ").count(), text.matches("<circle class=\"faint\"").count())
        };
        assert_eq!(dots(20), (21, 0));
        assert_eq!(dots(200), (201, 200));
        assert_eq!(dots(3000), (1, 0));
    }

    #[test]
    fn the_axis_has_round_values_and_holds_the_highest() {
        for (highest, top, step) in [(9.3, 10.0, 5.0), (1.0, 1.0, 0.5), (0.0, 1.0, 0.5), (41e6, 60e6, 20e6)] {
            let (t, s) = chart(&line(vec![(0, Some(highest))])).scale();
            assert!((t - top).abs() < 1e-6 && (s - step).abs() < 1e-6, "{highest}: {t} by {s}");
        }
    }

    #[test]
    fn times_are_whole_hours_or_days_and_few() {
        const HOUR: i64 = 3_600_000;
        for (span, first) in
            [(HOUR, "00:10"), (24 * HOUR, "04:00"), (168 * HOUR, "02 Jan"), (720 * HOUR, "06 Jan")]
        {
            let found = times((1, span + 1));
            assert!((3..=8).contains(&found.len()), "{span}: {found:?}");
            assert_eq!(found[0].1, first);
        }
    }

    #[test]
    fn values_are_written_with_their_unit() {
        assert_eq!(amount(1_234_567.0, "BitsPerSecond"), "1.235 Mbit/s");
        assert_eq!(amount(0.0, "BitsPerSecond"), "0 bit/s");
        assert_eq!(amount(99.5, "Percent"), "99.5 %");
        assert_eq!(amount(100.0, "Count"), "100");
    }
}
