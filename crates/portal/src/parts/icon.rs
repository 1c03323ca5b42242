//! Icons as inline SVG: strokes in the colour of the text, drawn for this portal on a 20 × 20 grid.

use maud::{Markup, PreEscaped, html};

/// Path data by name.
const ICONS: &[(&str, &str)] = &[
    ("home", "M3 9l7-6 7 6v8h-5v-5H8v5H3z"),
    (
        "peering",
        "M4 6a2 2 0 104 0 2 2 0 10-4 0M12 14a2 2 0 104 0 2 2 0 10-4 0M8 6h3a3 3 0 013 3v3M12 14H9a3 3 0 01-3-3V8",
    ),
    ("service", "M3 14c3 0 3-8 7-8s4 8 7 8M10 3v3M10 14v3"),
    ("asn", "M3 5h14v10H3zM6 8h2M6 12h8M10 8h4"),
    ("glass", "M9 3a6 6 0 100 12A6 6 0 009 3zM13.5 13.5L17 17"),
    ("place", "M10 17s5-5 5-9a5 5 0 00-10 0c0 4 5 9 5 9zM10 8v.01"),
    ("queue", "M4 5h12M4 10h12M4 15h7M15 13v4M13 15h4"),
    ("router", "M3 11h14v5H3zM6 13.5v.01M9 13.5v.01M14 11V7M6 5a6 6 0 018 0"),
    ("port", "M4 4h12v9h-3v3H7v-3H4zM8 7v3M10 7v3M12 7v3"),
    (
        "pool",
        "M4 5c0-1 3-2 6-2s6 1 6 2-3 2-6 2-6-1-6-2zM4 5v10c0 1 3 2 6 2s6-1 6-2V5M4 10c0 1 3 2 6 2s6-1 6-2",
    ),
    ("offering", "M3 3h7l7 7-7 7-7-7zM7 7v.01"),
    ("prefix", "M3 6h5l2 2h7v8H3zM7 12h6"),
    ("mail", "M3 5h14v10H3zM3 6l7 5 7-5"),
    ("audit", "M5 3h10v14H5zM8 7h4M8 10h4M8 13h2"),
    ("people", "M7 9a3 3 0 100-6 3 3 0 000 6zM2 17c0-3 2-5 5-5s5 2 5 5M13 4a3 3 0 010 5M14 12c2 0 4 2 4 5"),
    ("health", "M2 10h4l2-5 4 10 2-5h4"),
    ("copy", "M7 3h9v11H7zM4 6v11h9"),
    ("add", "M10 4v12M4 10h12"),
    ("info", "M10 3a7 7 0 100 14 7 7 0 000-14zM10 9v5M10 6v.01"),
    ("warning", "M10 3l8 14H2zM10 8v4M10 14.5v.01"),
    ("error", "M10 3a7 7 0 100 14 7 7 0 000-14zM7.5 7.5l5 5M12.5 7.5l-5 5"),
    ("success", "M10 3a7 7 0 100 14 7 7 0 000-14zM7 10l2 2 4-4"),
    ("empty", "M3 7l7-4 7 4v7l-7 4-7-4zM3 7l7 4 7-4M10 11v7"),
    ("menu", "M3 5h14M3 10h14M3 15h14"),
];

/// The icon named so; nothing for a name that is none.
pub(crate) fn of(name: &str) -> Markup {
    let path = ICONS.iter().find(|(n, _)| *n == name).map(|(_, path)| *path);
    html! { @if let Some(path) = path { (svg(path)) } }
}

/// The navigation's button.
pub(crate) fn menu() -> Markup {
    of("menu")
}

/// The product's sign: two networks, one room.
pub(crate) fn logo() -> Markup {
    PreEscaped(
        r#"<svg class="logo" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><rect x="2" y="2" width="16" height="16" rx="4"/><path d="M5 7h4l2 6h4M5 13h4l2-6h4"/></svg>"#
            .to_owned(),
    )
}

fn svg(path: &'static str) -> Markup {
    html! {
        svg.icon viewBox="0 0 20 20" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}
