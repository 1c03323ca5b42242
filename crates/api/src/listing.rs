//! Lists that are filtered, sorted and paged where they are kept: their query parameters, and their pages.
//!
//! A page of such a list is a range of rows in the order that was asked for, so that any page can be asked for at
//! once, and each tells how many rows match altogether. Rows that come or go meanwhile move the others.

use crate::call::Call;
use crate::error::ApiError;
use crate::page::{Page, bad_token, position};
use meetme_model::violation::Violations;
use meetme_store::{Listing, Scope};
use serde::Serialize;

/// Longest filter, in bytes.
const FILTER_BYTES: usize = 200;
/// Rows that can be left out at the beginning.
const MOST_SKIPPED: u32 = 10_000_000;

/// What a list can be asked for.
pub(crate) struct Known {
    /// What it is sorted by.
    pub sorts: &'static [&'static str],
    /// The states of its rows.
    pub states: &'static [&'static str],
    /// The parameter for the kind of its rows, with the kinds.
    pub kind: (&'static str, &'static [&'static str]),
}

/// The states of connections.
pub(crate) const CONNECTION_STATES: &[&str] = &[
    "PendingApproval",
    "Approved",
    "ProvisioningStarted",
    "ProvisioningCompleted",
    "Validating",
    "ProvisioningFailed",
    "ExternalBlocker",
    "Active",
    "TypeChangeRequested",
    "TypeChangeInProgress",
];
/// The states of prefixes.
pub(crate) const PREFIX_STATES: &[&str] =
    &["None", "Pending", "Verified", "Warning", "Failed", "Invalid", "Unknown"];
/// Offerings, as the store names their kinds.
pub(crate) const OFFERINGS: &[&str] = &["Voice", "Edge", "IxRs", "Exchange"];

/// What this request asks for of a list.
///
/// # Errors
/// All parameters that don't hold, each with what could be said instead.
pub(crate) fn listing<'a>(call: &'a Call, scope: Scope<'a>, known: &Known) -> Result<Listing<'a>, ApiError> {
    let given = |name| call.query(name).map(str::trim).filter(|v| !v.is_empty());
    let mut wrong = Violations::default();
    let words = given("filter").unwrap_or("");
    if words.len() > FILTER_BYTES {
        wrong.add(
            "InvalidQuery",
            "filter",
            format!("this is longer than {FILTER_BYTES} bytes; use fewer words"),
        );
    }
    let sort = given("sort").unwrap_or("");
    let key = sort.strip_prefix('-').unwrap_or(sort);
    if !key.is_empty() && !known.sorts.contains(&key) {
        let sorts = known.sorts.join(", ");
        let message = format!("use one of {sorts}, with - before it for the other way round");
        wrong.add("InvalidQuery", "sort", message);
    }
    let mut one_of = |name: &'static str, values: &'static [&'static str]| -> Option<&'static str> {
        let value = given(name)?;
        let found = values.iter().find(|v| v.eq_ignore_ascii_case(value)).copied();
        if found.is_none() {
            wrong.add("InvalidQuery", name, format!("use one of {}", values.join(", ")));
        }
        found
    };
    let state = one_of("state", known.states);
    let kind = one_of(known.kind.0, known.kind.1);
    let page_size = u32::try_from(call.state.settings.page_size).unwrap_or(u32::MAX);
    let mut number = |name: &'static str, most: u32| -> Option<u32> {
        let value = given(name)?;
        let number = value.parse::<u32>().ok().filter(|n| *n <= most);
        if number.is_none() {
            wrong.add("InvalidQuery", name, format!("use a number from 0 to {most}"));
        }
        number
    };
    let limit = number("$top", page_size).unwrap_or(page_size);
    let skip = number("$skip", MOST_SKIPPED).unwrap_or(0);
    let (location, descending) = (given("location"), sort.starts_with('-'));
    wrong.into_result(())?;
    // A link to a next page says itself where that starts.
    let skip = match position(call)? {
        Some(text) => text.parse().ok().filter(|n| *n <= MOST_SKIPPED).ok_or_else(bad_token)?,
        None => skip,
    };
    Ok(Listing { scope, words, state, location, kind, sort: key, descending, skip, limit })
}

/// The page of the rows that were found of all that match.
pub(crate) fn page<T: Serialize>(call: &Call, asked: &Listing<'_>, rows: Vec<T>, matching: i64) -> Page<T> {
    let behind = i64::from(asked.skip) + rows.len() as i64;
    let next = (behind < matching && !rows.is_empty()).then(|| behind.to_string());
    Page::part(call, rows, next).counted(matching)
}
