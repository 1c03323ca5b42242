//! Tells open pages that something changed, so that they ask for their live parts again. Says
//! nothing about what changed: a page only ever gets what its viewer may see.

use crate::PortalState;
use crate::session::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Changes within this time are told as one.
const GATHER: Duration = Duration::from_millis(200);
/// Told at least this often: times on pages go on, and a missed wake heals.
const REFRESH: Duration = Duration::from_secs(15);
/// A session's end is noticed within this time.
const LIFE: Duration = Duration::from_secs(300);
/// A browser whose stream has ended comes again after this time.
const AGAIN: Duration = Duration::from_secs(1);
/// Streams at once: each holds a connection of the server.
const STREAMS: usize = 192;
/// Streams of one session at once.
const OF_A_SESSION: usize = 48;

/// Open streams by session.
static OPEN: LazyLock<Mutex<HashMap<i64, usize>>> = LazyLock::new(Mutex::default);

/// A place among the open streams.
struct Place(i64);

impl Place {
    fn take(session: i64) -> Option<Self> {
        let mut open = open();
        let own = open.get(&session).copied().unwrap_or(0);
        if own >= OF_A_SESSION || open.values().sum::<usize>() >= STREAMS {
            return None;
        }
        open.insert(session, own + 1);
        Some(Self(session))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = open();
        if let Some(own) = open.get_mut(&self.0) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.0);
            }
        }
    }
}

fn open() -> MutexGuard<'static, HashMap<i64, usize>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers a stream of `changed` events; 429 where too many are open: the page asks again later.
pub(crate) async fn stream(context: Context, State(state): State<Arc<PortalState>>) -> Response {
    let Some(place) = Place::take(context.viewer.session.id) else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let ends = tokio::time::Instant::now() + LIFE;
    let events = futures::stream::unfold((state, place), move |(state, place)| async move {
        let changed = state.store.changed();
        tokio::select! {
            () = changed => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(REFRESH) => {}
            () = tokio::time::sleep_until(ends) => return None,
        }
        // A browser drops an event without data.
        let event = Ok::<_, Infallible>(Event::default().event("changed").data("1").retry(AGAIN));
        Some((event, (state, place)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(3))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_holds_so_many_streams_and_no_more() {
        let mut held: Vec<Place> = (0..OF_A_SESSION).filter_map(|_| Place::take(-1)).collect();
        assert_eq!(held.len(), OF_A_SESSION);
        assert!(Place::take(-1).is_none());
        assert!(Place::take(-2).is_some(), "another session has its own");
        held.pop();
        assert!(Place::take(-1).is_some());
    }
}
