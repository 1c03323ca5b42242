//! The api-versions that are spoken. All of them have the same shape here: what a version doesn't
//! know is an additional property to it, which clients ignore.

use crate::error::ApiError;

/// Known api-versions, oldest first.
pub const VERSIONS: &[&str] = &[
    "2020-04-01",
    "2020-10-01",
    "2021-01-01",
    "2021-06-01",
    "2022-01-01",
    "2022-06-01",
    "2022-10-01",
    "2025-05-01",
];

/// Refuses a request without a known api-version, and lists those.
pub(crate) fn check(query: &[(String, String)]) -> Result<(), ApiError> {
    let given = query
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("api-version"))
        .map(|(_, value)| value.as_str())
        .unwrap_or("");
    let known = VERSIONS.join(", ");
    if given.is_empty() {
        return Err(ApiError::bad_request(
            "MissingApiVersionParameter",
            "api-version",
            format!("the query parameter api-version is missing; use one of {known}"),
        ));
    }
    if VERSIONS.iter().any(|v| v.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    let shown: String = given.chars().take(40).flat_map(char::escape_default).collect();
    Err(ApiError::bad_request(
        "InvalidApiVersionParameter",
        "api-version",
        format!("the api-version '{shown}' isn't known; use one of {known}"),
    ))
}
