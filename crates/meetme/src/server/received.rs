//! A request's body with a time limit, whoever reads it: a slow sender can't hold a handler for ever.
//! The API tells its callers so itself, a moment earlier.

use super::Bounds;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How much later than the API's own limit.
const GRACE: Duration = Duration::from_secs(1);

/// The body as it comes in.
pub struct Received {
    inner: Incoming,
    limit: Duration,
    /// Since the first bytes were asked for.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Received {
    /// Limits `inner`.
    pub fn new(inner: Incoming, bounds: &Bounds) -> Self {
        Self { inner, limit: bounds.body_timeout + GRACE, alarm: None }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame.map(|f| f.map_err(axum::Error::new)));
        }
        let limit = self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
        alarm.as_mut().poll(cx).map(|()| {
            Some(Err(axum::Error::new(io::Error::new(io::ErrorKind::TimedOut, "the body took too long"))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
