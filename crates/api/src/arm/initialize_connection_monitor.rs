//! `POST …/initializeConnectionMonitor`: from then on the subscription's peering services have
//! connection monitor tests. Asked again it changes nothing.

use crate::call::{Answer, Call};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use meetme_store::connection_monitor_put;
use serde_json::json;

/// Initializes the subscription's connection monitor.
pub(super) async fn post(call: Call) -> Answer {
    let workspace = uuid::Uuid::new_v4().to_string();
    let mut tx = call.state.store.begin().await?;
    let created = connection_monitor_put(&mut tx, call.subscription(), &workspace, call.now).await?;
    call.audit(
        &mut tx,
        "initializeConnectionMonitor/action",
        &format!("/subscriptions/{}", call.subscription()),
        json!({ "created": created }),
    )
    .await?;
    tx.commit().await?;
    Ok(StatusCode::OK.into_response())
}
