//! Lists in pages: a token that says where the next page starts, and ARM's `nextLink`.
//!
//! Tokens are opaque to callers: the position's text in hexadecimal. A changed token is refused.

use crate::call::Call;
use crate::error::ApiError;
use meetme_store::IdPage;
use serde::Serialize;

/// A page of a list, as ARM writes it.
#[derive(Serialize)]
pub(crate) struct Page<T> {
    value: Vec<T>,
    /// How many rows match, where the list counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    #[serde(rename = "nextLink", skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
}

impl<T> Page<T> {
    /// A list that is whole.
    pub fn whole(value: Vec<T>) -> Self {
        Self { value, count: None, next_link: None }
    }

    /// A page whose next one starts after `next`, a position that [`position`] gives back.
    pub fn part(call: &Call, value: Vec<T>, next: Option<String>) -> Self {
        Self::part_with(call, value, next, &[])
    }

    /// The same, where the next one is asked for with other query parameters.
    pub fn part_with(call: &Call, value: Vec<T>, next: Option<String>, changed: &[(&str, &str)]) -> Self {
        let next_link = next.map(|position| {
            let token = encode(&position);
            call.link_with(&[changed, &[("$skipToken", &token)]].concat())
        });
        Self { value, count: None, next_link }
    }

    /// The page of a list of which so many rows match altogether.
    pub fn counted(self, count: i64) -> Self {
        Self { count: Some(count), ..self }
    }
}

/// One page of what the store gave: `rows` has at most one more than the page holds, which tells
/// that there are more. `key` is what the next page continues after.
pub(crate) fn page<R, T>(
    call: &Call,
    mut rows: Vec<R>,
    key: impl Fn(&R) -> String,
    show: impl FnMut(R) -> T,
) -> Page<T> {
    let size = call.state.settings.page_size;
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(key);
    Page::part(call, rows.into_iter().map(show).collect(), next)
}

/// How many rows to ask the store for: one more than a page holds.
pub(crate) fn limit(call: &Call) -> u32 {
    u32::try_from(call.state.settings.page_size).map_or(u32::MAX, |n| n.saturating_add(1))
}

/// What to ask the store for, in a list in the order of names.
pub(crate) fn by_name(call: &Call) -> Result<meetme_store::Page, ApiError> {
    Ok(meetme_store::Page { after: position(call)?, limit: limit(call) })
}

/// What to ask the store for, in a list in the order of ids.
pub(crate) fn by_id(call: &Call) -> Result<IdPage, ApiError> {
    let after = position(call)?.map(|text| text.parse().map_err(|_| bad_token())).transpose()?;
    Ok(IdPage { after, limit: limit(call) })
}

/// Where the asked page starts, when it isn't the first.
pub(crate) fn position(call: &Call) -> Result<Option<String>, ApiError> {
    match call.query("$skipToken").filter(|token| !token.is_empty()) {
        None => Ok(None),
        Some(token) => decode(token).map(Some).ok_or_else(bad_token),
    }
}

pub(crate) fn bad_token() -> ApiError {
    ApiError::bad_request(
        "InvalidSkipToken",
        "$skipToken",
        "this token isn't one of ours; follow nextLink as it is, or start from the first page",
    )
}

fn encode(position: &str) -> String {
    position.bytes().map(|b| format!("{b:02x}")).collect()
}

fn decode(token: &str) -> Option<String> {
    if !token.bytes().all(|b| b.is_ascii_hexdigit()) || token.len() % 2 == 1 || token.len() > 1024 {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..token.len()).step_by(2).map(|i| u8::from_str_radix(&token[i..i + 2], 16).ok()).collect();
    String::from_utf8(bytes?).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_and_a_changed_one_does_not() {
        assert_eq!(decode(&encode("198.18.0.0/24 c1v4")).unwrap(), "198.18.0.0/24 c1v4");
        for bad in ["zz", "abc", "ff", "é0", "+1"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
