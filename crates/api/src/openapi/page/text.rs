//! Text in HTML: escaped, always.

use serde_json::Value;
use std::fmt::Write;

/// `text` as it may stand between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A path that may break after each of its slashes.
pub(super) fn breakable(path: &str) -> String {
    escape(path).replace('/', "/<wbr>")
}

/// A text with words in backticks as code; nothing where there is none.
pub(super) fn paragraph(out: &mut String, text: &Value) {
    let Some(text) = text.as_str().filter(|t| !t.is_empty()) else { return };
    out.push_str("<p>");
    for (i, part) in text.split('`').enumerate() {
        let part = escape(part);
        let _ = if i % 2 == 1 { write!(out, "<code>{part}</code>") } else { write!(out, "{part}") };
    }
    out.push_str("</p>");
}
