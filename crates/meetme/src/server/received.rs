//! A request's body with a time limit, whoever reads it: a slow sender can't hold a handler for ever.
//! The API tells its callers so itself, a moment earlier. What nobody read comes back as [`Unread`]: it
//! stands between this request and the next one on the connection.

use super::Bounds;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};

/// How much later than the API's own limit.
const GRACE: Duration = Duration::from_secs(1);

/// What is taken and dropped of a body that nobody read: more isn't worth the connection.
const SMALL_BYTES: u64 = 64 * 1024;
/// How long that may take. The answer waits for it.
const DROP_TIMEOUT: Duration = Duration::from_millis(500);

/// The body as it comes in.
pub struct Received {
    /// Until it is dropped.
    inner: Option<Incoming>,
    limit: Duration,
    /// Since the first bytes were asked for.
    alarm: Option<Pin<Box<Sleep>>>,
    is_over: bool,
    unread: Unread,
}

impl Received {
    /// Limits `inner`, which came with these headers. What isn't read of it will be in the other one.
    ///
    /// A client that awaits `100 Continue` (RFC 9110 §10.1.1) doesn't send the rest at all, and where a
    /// chunked body ends its sender and others may disagree (RFC 9112 §6.1): that isn't waited for.
    pub fn new(inner: Incoming, headers: &HeaderMap, bounds: &Bounds) -> (Self, Unread) {
        let odd = headers.contains_key(header::EXPECT) || headers.contains_key(header::TRANSFER_ENCODING);
        let unread = Unread { rest: Arc::default(), is_worth_waiting: !odd };
        let limit = bounds.body_timeout + GRACE;
        let received =
            Self { inner: Some(inner), limit, alarm: None, is_over: false, unread: unread.clone() };
        (received, unread)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.is_over && !self.is_end_stream() {
            *self.unread.rest.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.take();
        }
    }
}

/// A body that was dropped before its end.
#[derive(Clone)]
pub struct Unread {
    rest: Arc<Mutex<Option<Incoming>>>,
    is_worth_waiting: bool,
}

impl Unread {
    /// Takes what is left, where that is little and comes soon; true when the connection is good for
    /// another request.
    pub async fn drop_rest(self) -> bool {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut rest) = rest else { return true };
        if !self.is_worth_waiting || rest.size_hint().upper().is_none_or(|bytes| bytes > SMALL_BYTES) {
            return false;
        }
        let to_its_end = async {
            loop {
                match poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await {
                    None => return true,
                    Some(Ok(_)) => {}
                    Some(Err(_)) => return false,
                }
            }
        };
        timeout(DROP_TIMEOUT, to_its_end).await.unwrap_or(false)
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            self.is_over |= frame.is_none();
            return Poll::Ready(frame.map(|f| f.map_err(axum::Error::new)));
        }
        let limit = self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
        alarm.as_mut().poll(cx).map(|()| {
            Some(Err(axum::Error::new(io::Error::new(io::ErrorKind::TimedOut, "the body took too long"))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}
