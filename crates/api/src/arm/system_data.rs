//! `systemData`: who made and changed a resource, and when.

use jiff::Timestamp;
use meetme_model::stamp::Stamp;
use serde::Serialize;

/// As shown. Who isn't known (of what was made before it was kept) is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemData {
    #[serde(flatten)]
    created: Option<Created>,
    created_at: Timestamp,
    #[serde(flatten)]
    modified: Option<Modified>,
    last_modified_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    created_by: String,
    created_by_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modified {
    last_modified_by: String,
    last_modified_by_type: &'static str,
}

impl From<&Stamp> for SystemData {
    fn from(stamp: &Stamp) -> Self {
        let known = |by: &String| Some(by.clone()).filter(|by| !by.is_empty());
        // Callers are known by tokens, which stand for programs and people alike.
        let by_type = "Application";
        Self {
            created: known(&stamp.created_by)
                .map(|created_by| Created { created_by, created_by_type: by_type }),
            created_at: stamp.created_at,
            modified: known(&stamp.modified_by)
                .map(|last_modified_by| Modified { last_modified_by, last_modified_by_type: by_type }),
            last_modified_at: stamp.modified_at,
        }
    }
}
