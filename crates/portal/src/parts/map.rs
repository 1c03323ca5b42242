//! A map of places: the world's land, near enough for the places, with a mark and a name for each.
//! What it shows stands in words beside it wherever it is used.
//!
//! Equirectangular, true to shape in the middle of what is shown. Positions are shares of the width
//! and height, so that marks and names keep their size on every screen; where names would lie upon
//! each other, those that come later are left to the mark's title. The land is a file of its own
//! (`assets/land.svg`: twentieths of a degree, east and south positive), which browsers keep. What lies
//! over the date line goes on beyond 180 degrees in it.

use super::state::Mood;
use crate::assets;
use maud::{Markup, html};

/// Width by height of every map.
const ASPECT: f64 = 2.0;
/// Height that is shown at least, in degrees of latitude: nearer, the land would be a few corners.
const LEAST_DEGREES: f64 = 9.0;
/// Part of what is shown that is left free around the marks, on each side.
const MARGIN: f64 = 0.18;
/// Units of the land's file in a degree.
const UNITS: f64 = 20.0;
/// Widths, in pixels, for which names are placed: of a page on a screen, and on a phone.
const WIDE: f64 = 800.0;
const NARROW: f64 = 300.0;
/// What a name takes: height of a line, and width of a character.
const LINE_PX: f64 = 16.0;
const CHARACTER_PX: f64 = 7.2;
/// From the middle of a mark to its edge, and to its name.
const MARK_PX: f64 = 9.0;
const NAME_PX: f64 = 15.0;

/// A place on a map.
pub(crate) struct Mark<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it is there, in words.
    pub words: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// How it is there.
    pub mood: Mood,
    /// Ringed: the place that matters now.
    pub is_ringed: bool,
    /// Where it leads.
    pub href: Option<String>,
}

/// What part of the world is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct View {
    west: f64,
    north: f64,
    /// In degrees of latitude.
    height: f64,
    /// Width of a degree of longitude, by that of latitude.
    squeeze: f64,
}

impl View {
    /// Holds all marks, with room around them.
    fn of(marks: &[Mark]) -> Self {
        let (west, across) = breadth(marks);
        let low = marks.iter().map(|m| m.latitude).fold(90.0, f64::min).max(-80.0);
        let high = marks.iter().map(|m| m.latitude).fold(-90.0, f64::max).min(80.0).max(low);
        let middle = f64::midpoint(low, high);
        let squeeze = middle.to_radians().cos().max(0.2);
        let room = 1.0 - 2.0 * MARGIN;
        let whole = 360.0 * squeeze / ASPECT;
        let height = ((high - low) / room).max(across * squeeze / ASPECT / room);
        let height = height.clamp(LEAST_DEGREES, whole.clamp(LEAST_DEGREES, 180.0));
        let width = height * ASPECT / squeeze;
        let centre = (west + across / 2.0 + 180.0).rem_euclid(360.0) - 180.0;
        Self { west: centre - width / 2.0, north: middle + height / 2.0, height, squeeze }
    }

    /// Where a place is, as shares of width and height.
    fn share(&self, latitude: f64, longitude: f64) -> (f64, f64) {
        let width = self.height * ASPECT / self.squeeze;
        let (x, y) =
            ((longitude - self.west).rem_euclid(360.0) / width, (self.north - latitude) / self.height);
        (x, y.clamp(0.03, 0.97))
    }
}

/// Where the marks begin in the west, and how many degrees they reach to the east: the other way
/// around the world than the widest gap between them.
fn breadth(marks: &[Mark]) -> (f64, f64) {
    let mut all: Vec<f64> = marks.iter().map(|m| m.longitude.rem_euclid(360.0)).collect();
    all.sort_by(f64::total_cmp);
    let next = |i: usize| if i + 1 < all.len() { all[i + 1] } else { all[0] + 360.0 };
    let widest = (0..all.len()).max_by(|a, b| (next(*a) - all[*a]).total_cmp(&(next(*b) - all[*b])));
    widest.map_or((0.0, 0.0), |i| (next(i).rem_euclid(360.0), 360.0 - (next(i) - all[i])))
}

/// A rectangle in pixels: left, top, right, bottom.
type Area = [f64; 4];

fn meet(a: &Area, b: &Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Where a name stands beside its mark.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Right,
    Left,
    Above,
    Below,
}

impl Side {
    /// `x`, `y` and the anchor of the text, from the mark's middle.
    fn text(self) -> (f64, f64, &'static str) {
        match self {
            Self::Right => (NAME_PX, 4.0, "start"),
            Self::Left => (-NAME_PX, 4.0, "end"),
            Self::Above => (0.0, -NAME_PX, "middle"),
            Self::Below => (0.0, NAME_PX + 10.0, "middle"),
        }
    }

    fn area(self, (x, y): (f64, f64), length: f64) -> Area {
        let half = LINE_PX / 2.0;
        match self {
            Self::Right => [x + NAME_PX, y - half, x + NAME_PX + length, y + half],
            Self::Left => [x - NAME_PX - length, y - half, x - NAME_PX, y + half],
            Self::Above => [x - length / 2.0, y - NAME_PX - LINE_PX, x + length / 2.0, y - NAME_PX],
            Self::Below => [x - length / 2.0, y + NAME_PX, x + length / 2.0, y + NAME_PX + LINE_PX],
        }
    }
}

/// For each mark the side of its name on a map of a width, where there is room for it.
fn sides(marks: &[Mark], places: &[(f64, f64)], width: f64) -> Vec<Option<Side>> {
    let height = width / ASPECT;
    let at = |(x, y): (f64, f64)| (x * width, y * height);
    let mut taken: Vec<Area> = places
        .iter()
        .map(|place| at(*place))
        .map(|(x, y)| [x - MARK_PX, y - MARK_PX, x + MARK_PX, y + MARK_PX])
        .collect();
    let free = |area: &Area, taken: &[Area]| {
        let inside = area[0] >= 0.0 && area[1] >= 0.0 && area[2] <= width && area[3] <= height;
        inside && !taken.iter().any(|other| meet(area, other))
    };
    let mut found = Vec::with_capacity(marks.len());
    for (mark, place) in marks.iter().zip(places) {
        let length = mark.name.chars().count() as f64 * CHARACTER_PX;
        let side = [Side::Right, Side::Left, Side::Above, Side::Below]
            .into_iter()
            .find(|side| free(&side.area(at(*place), length), &taken));
        taken.extend(side.map(|side| side.area(at(*place), length)));
        found.push(side);
    }
    found
}

/// The map. Marks that aren't anywhere (no number) are left out; without any there is no map.
pub(crate) fn map(label: &str, mut marks: Vec<Mark<'_>>) -> Markup {
    marks.retain(|m| m.latitude.is_finite() && m.longitude.is_finite());
    if marks.is_empty() {
        return html! {};
    }
    let view = View::of(&marks);
    let places: Vec<(f64, f64)> = marks.iter().map(|m| view.share(m.latitude, m.longitude)).collect();
    let (wide, narrow) = (sides(&marks, &places, WIDE), sides(&marks, &places, NARROW));
    html! {
        svg.map role="group" aria-label=(label) {
            (land(view))
            @for (i, mark) in marks.iter().enumerate() {
                svg x=(percent(places[i].0)) y=(percent(places[i].1)) overflow="visible" {
                    @if let Some(href) = &mark.href {
                        a href=(href) aria-label=(format!("{}: {}", mark.name, mark.words)) { (drawn(mark, wide[i], narrow[i])) }
                    } @else {
                        g role="img" aria-label=(format!("{}: {}", mark.name, mark.words)) { (drawn(mark, wide[i], narrow[i])) }
                    }
                }
            }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// The land behind the marks, once more on either side: what is shown may reach over the date line.
fn land(view: View) -> Markup {
    let width = view.height * ASPECT / view.squeeze;
    let north = view.north;
    let shown = [view.west * view.squeeze, -north, width * view.squeeze, view.height].map(|v| v * UNITS);
    let bounds = shown.map(|v| format!("{v:.1}")).join(" ");
    let turns = [-360.0, 0.0, 360.0].into_iter().filter(|turn| {
        let (left, right) = (turn - 180.0, turn + 180.0);
        left < view.west + width && view.west < right
    });
    let file = assets::path("land.svg");
    html! {
        svg.land viewBox=(bounds) preserveAspectRatio="none" aria-hidden="true" {
            @for turn in turns {
                g transform=(format!("scale({:.4} 1) translate({:.0} 0)", view.squeeze, turn * UNITS)) {
                    use href=(format!("{file}#land")) {}
                    use.borders href=(format!("{file}#borders")) {}
                }
            }
        }
    }
}

fn drawn(mark: &Mark, wide: Option<Side>, narrow: Option<Side>) -> Markup {
    let name = |class: &str, side: Option<Side>| {
        html! { @if let Some((x, y, anchor)) = side.map(Side::text) {
            text.(class) x=(x) y=(y) text-anchor=(anchor) aria-hidden="true" { (mark.name) }
        } }
    };
    html! {
        g.mark.(mark.mood.class()) {
            title { (mark.name) ": " (mark.words) }
            @if mark.is_ringed { circle.ring r="11" {} }
            @match mark.mood {
                Mood::Good => circle r="6" {},
                Mood::Waiting => path d="M0 -7l7 12h-14z" {},
                Mood::Bad => path d="M0 -7l7 7-7 7-7-7z" {},
                Mood::Moving | Mood::Quiet => circle.open r="5.5" {},
            }
            @if wide == narrow { (name("name", wide)) } @else { (name("name wide", wide)) (name("name narrow", narrow)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(name: &str, latitude: f64, longitude: f64) -> Mark<'_> {
        let words = "two connections".to_owned();
        Mark { name, words, latitude, longitude, mood: Mood::Good, is_ringed: false, href: None }
    }

    #[test]
    fn near_places_are_shown_near_and_far_ones_together() {
        let near = View::of(&[mark("ams1", 52.303, 4.938), mark("ams2", 52.4, 4.9)]);
        assert_eq!(near.height, LEAST_DEGREES);
        for marks in [
            vec![mark("a", 52.3, 4.9), mark("f", 50.1, 8.6)],
            vec![
                mark("n", 40.7, -74.0),
                mark("t", 35.7, 139.7),
                mark("j", -26.2, 28.0),
                mark("s", -33.4, -70.6),
            ],
            vec![mark("one", 90.0, 0.0)],
        ] {
            let view = View::of(&marks);
            assert!(view.height <= 180.0, "{view:?}");
            for m in &marks {
                let (x, y) = view.share(m.latitude.min(80.0), m.longitude);
                assert!((0.05..0.95).contains(&x) && (0.0..=1.0).contains(&y), "{} {x} {y} {view:?}", m.name);
            }
        }
    }

    #[test]
    fn places_on_both_sides_of_the_date_line_stand_beside_each_other() {
        let (west, across) = breadth(&[mark("Suva", -18.1, 178.4), mark("Apia", -13.8, -171.8)]);
        assert!((west - 178.4).abs() < 1e-9 && (across - 9.8).abs() < 1e-6, "{west} {across}");
        let view = View::of(&[mark("Suva", -18.1, 178.4), mark("Apia", -13.8, -171.8)]);
        assert!(view.share(-18.1, 178.4).0 < view.share(-13.8, -171.8).0);
        assert_eq!(land(view).into_string().matches("<g ").count(), 2, "the land on either side");
    }

    #[test]
    fn names_never_lie_upon_each_other_or_upon_marks() {
        let names: Vec<String> = (0..40).map(|n| format!("Location {n}")).collect();
        let spot = |n: usize| (45.0 + (n * 7 % 11) as f64 * 0.9, (n * 5 % 13) as f64 * 1.7);
        let marks: Vec<Mark> =
            names.iter().enumerate().map(|(n, name)| mark(name, spot(n).0, spot(n).1)).collect();
        let view = View::of(&marks);
        let places: Vec<(f64, f64)> = marks.iter().map(|m| view.share(m.latitude, m.longitude)).collect();
        for width in [WIDE, NARROW] {
            let named: Vec<Area> = sides(&marks, &places, width)
                .into_iter()
                .enumerate()
                .filter_map(|(i, side)| {
                    let at = (places[i].0 * width, places[i].1 * width / ASPECT);
                    Some(side?.area(at, marks[i].name.chars().count() as f64 * CHARACTER_PX))
                })
                .collect();
            assert!(!named.is_empty());
            for (i, a) in named.iter().enumerate() {
                assert!(named[..i].iter().all(|b| !meet(a, b)), "{width}");
                for (x, y) in &places {
                    let (x, y) = (x * width, y * width / ASPECT);
                    assert!(!meet(a, &[x - 1.0, y - 1.0, x + 1.0, y + 1.0]));
                }
            }
        }
    }

    #[test]
    fn a_place_s_name_is_text_and_its_mark_a_link_with_words() {
        let mut hostile = mark("\"><img src=x>", 1.0, 2.0);
        hostile.href = Some("#place-0".into());
        let text = map("Places", vec![hostile, mark("nowhere", f64::NAN, 0.0)]).into_string();
        assert!(text.contains("href=\"#place-0\"") && text.contains("two connections"));
        assert!(!text.contains("<img") && !text.contains("nowhere"));
        assert_eq!(map("Places", vec![]).into_string(), "");
    }
}
