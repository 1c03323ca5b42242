//! Where something stands in a JSON document, written as callers know it from our answers:
//! `properties.direct.connections[1].bandwidthInMbps`, and `$` for the whole.

use serde_json::Value;
use std::fmt::Write;

/// Longest part of a key that is shown, in characters.
const KEY_SHOWN: usize = 64;
/// Longest place that is shown, in bytes; what follows is left out.
const PLACE_SHOWN: usize = 512;

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The steps as text.
pub(super) fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        if text.len() > PLACE_SHOWN {
            text.push('…');
            break;
        }
        match step {
            Step::Index(i) => {
                let _ = write!(text, "[{i}]");
            }
            Step::Key(key) if is_plain(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Key(key) => {
                let _ = write!(text, "['{}']", shortened(key, KEY_SHOWN));
            }
        }
    }
    if text.is_empty() || text.starts_with('[') {
        text.insert(0, '$');
    }
    text
}

/// The first characters of a text, without any that could break a line or a terminal.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == most {
            out.push('…');
            break;
        }
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The value at a place.
pub(super) fn at<'v>(whole: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(whole, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(i) => value.get_mut(*i),
    })
}

fn is_plain(key: &str) -> bool {
    (1..=KEY_SHOWN).contains(&key.len())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-$@".contains(c))
}
