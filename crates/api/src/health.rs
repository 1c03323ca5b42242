//! `/healthz` says that the process answers; `/readyz`, here, that its store does too. Both are
//! open and say nothing else.

use crate::ApiState;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use meetme_store::work_next_due;

/// 200 when the store can be read, else 503.
pub(crate) async fn ready(state: &ApiState) -> Response {
    let read = async {
        let mut db = state.store.read().await?;
        work_next_due(&mut db).await
    };
    match read.await {
        Ok(_) => "ready\n".into_response(),
        Err(e) => {
            tracing::warn!(error = %e, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store can't be read\n").into_response()
        }
    }
}
