//! The api-versions that are spoken. Handlers speak the newest; what older ones know and how they
//! look is in `openapi/differences.rs`.

use crate::error::{ApiError, echoed};

/// Known api-versions, oldest first.
pub const VERSIONS: &[&str] = &[
    "2019-08-01-preview",
    "2019-09-01-preview",
    "2020-01-01-preview",
    "2020-04-01",
    "2020-10-01",
    "2021-01-01",
    "2021-06-01",
    "2022-01-01",
    "2022-06-01",
    "2022-10-01",
    "2025-05-01",
];

/// Refuses a request for something of another namespace without an api-version of the usual form.
pub(crate) fn check_foreign(query: &[(String, String)]) -> Result<(), ApiError> {
    let given = query.iter().find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
    let given = given.map_or("", |(_, value)| value.as_str());
    let date = given.strip_suffix("-preview").unwrap_or(given);
    if date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok() {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "MissingApiVersionParameter",
        "api-version",
        "the query parameter api-version is missing or no date; write it as 2021-04-01",
    ))
}

/// The api-version as it is written in [`VERSIONS`]; a request without a known one is refused, and
/// those are listed.
pub(crate) fn check(query: &[(String, String)]) -> Result<&'static str, ApiError> {
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
    if let Some(known) = VERSIONS.iter().find(|v| v.eq_ignore_ascii_case(given)) {
        return Ok(known);
    }
    Err(ApiError::bad_request(
        "InvalidApiVersionParameter",
        "api-version",
        format!("the api-version '{}' isn't known; use one of {known}", echoed(given)),
    ))
}
