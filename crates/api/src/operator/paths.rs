//! `GET …/prefixes/{name}/paths`: over which path an activated prefix' traffic left, newest first; with
//! `?since=`, back to the path that held then (`docs/rules.md` §6).

use crate::arm::service_prefixes::service_prefix_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{by_id, page};
use jiff::Timestamp;
use meetme_model::peering_service::{ActivePath, PathSince};
use meetme_store::{StoredPath, prefix_paths_list};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    since: Timestamp,
    path: &'static str,
    peering_locations: Vec<String>,
}

impl From<StoredPath> for Shown {
    fn from(kept: StoredPath) -> Self {
        let PathSince { since, seen } = kept.path;
        let path = match seen.path {
            Some(ActivePath::Primary) => "primary",
            Some(ActivePath::Backup) => "backup",
            Some(ActivePath::Ordinary) => "ordinary",
            Some(ActivePath::Internet) => "internet",
            None => "unknown",
        };
        Self { since, path, peering_locations: seen.locations }
    }
}

/// Answers the history of an activated prefix' path.
pub(super) async fn list(call: Call) -> Answer {
    let since = match call.query("since").filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| not_a_time(text))?,
        None => Timestamp::UNIX_EPOCH,
    };
    let mut db = call.state.store.read().await?;
    let (_, prefix) = service_prefix_of(&call, &mut db).await?;
    let rows = prefix_paths_list(&mut db, prefix.id, since, by_id(&call)?).await?;
    ok(page(&call, rows, |row| row.id.to_string(), Shown::from))
}

fn not_a_time(text: &str) -> ApiError {
    ApiError::bad_request(
        "InvalidTime",
        "since",
        format!("'{text}' isn't a time; write one as 2026-01-05T10:00:00Z (RFC 3339)"),
    )
}
