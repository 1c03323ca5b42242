//! Tags of a resource, where they are changed alone.

use crate::error::ApiError;
use std::collections::BTreeMap;

/// Tags as sent in a PATCH, within ARM's limits; a PATCH without tags leaves them as they are.
pub(super) fn check(
    tags: Option<BTreeMap<String, String>>,
) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    let Some(tags) = tags else { return Ok(None) };
    let fits = tags.len() <= 50 && tags.iter().all(|(k, v)| (1..=512).contains(&k.len()) && v.len() <= 256);
    if fits {
        return Ok(Some(tags));
    }
    Err(ApiError::bad_request(
        "TagsInvalid",
        "tags",
        "at most 50 tags, names of 1 to 512 and values of up to 256 bytes",
    ))
}
