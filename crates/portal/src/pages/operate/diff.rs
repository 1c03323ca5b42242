//! A difference between a router and what it is to be, line by line.

use maud::{Markup, html};

/// Shows a unified diff.
pub(super) fn diff(text: &str) -> Markup {
    html! {
        pre.diff tabindex="0" {
            @for line in text.lines() {
                @let (class, word) = kind(line);
                span class=[class] { @if let Some(word) = word { span.hidden { (word) } } (line) }
            }
        }
    }
}

/// How a line looks, and what it is for those who don't see that.
fn kind(line: &str) -> (Option<&'static str>, Option<&'static str>) {
    match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] | [b'@', b'@', ..] => (Some("place"), None),
        [b'+', ..] => (Some("added"), Some("added: ")),
        [b'-', ..] => (Some("removed"), Some("removed: ")),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_told_apart_and_stay_text() {
        let shown = super::diff("--- a\n+neighbor <x>\n-old\n same").into_string();
        assert!(shown.contains(r#"class="added""#) && shown.contains(r#"class="removed""#));
        assert!(shown.contains("&lt;x&gt;") && !shown.contains("<x>"));
        assert_eq!(shown.matches("class=\"added\"").count(), 1);
    }
}
