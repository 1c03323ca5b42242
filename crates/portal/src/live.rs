//! Tells open pages that something changed, so that they ask for their live parts again. Says
//! nothing about what changed: a page only ever gets what its viewer may see.

use crate::PortalState;
use crate::session::Context;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Changes within this time are told as one.
const GATHER: Duration = Duration::from_millis(200);
/// Told at least this often: times on pages go on, and a missed wake heals.
const REFRESH: Duration = Duration::from_secs(15);
/// A session's end is noticed within this time.
const LIFE: Duration = Duration::from_secs(300);

/// Answers a stream of `changed` events.
pub(crate) async fn stream(
    _: Context,
    State(state): State<Arc<PortalState>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ends = tokio::time::Instant::now() + LIFE;
    let events = futures::stream::unfold(state, move |state| async move {
        let changed = state.store.changed();
        tokio::select! {
            () = changed => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(REFRESH) => {}
            () = tokio::time::sleep_until(ends) => return None,
        }
        // A browser drops an event without data.
        Some((Ok(Event::default().event("changed").data("1")), state))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
}
