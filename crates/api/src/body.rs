//! A request's body, read whole within bounds: of bytes, of time, and of memory for all together.
//!
//! Says nothing about what is in it beyond its announced encoding and type; that is `json`'s.

use crate::error::ApiError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Largest body.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// Largest form that is read before its sender is known.
const FORM_LIMIT_BYTES: usize = 8 * 1024;

/// Such forms being read at once: 2 MiB.
const FORMS_AT_ONCE: usize = 256;
static FORMS: Semaphore = Semaphore::const_new(FORMS_AT_ONCE);

/// What is set aside at a time for a body being read.
const BLOCK_BYTES: usize = 64 * 1024;

/// Blocks for all bodies being read at once: 64 MiB. Slow senders can't hold more.
static BLOCKS: Semaphore = Semaphore::const_new(1024);

/// Blocks of one caller: 8 MiB, so that nobody holds up all others.
const OWN_BLOCKS: usize = 128;

/// Blocks held, by the caller's id.
static OWN: LazyLock<Mutex<HashMap<i64, usize>>> = LazyLock::new(Mutex::default);

/// Blocks that one body holds.
struct Held {
    principal_id: i64,
    permits: Vec<SemaphorePermit<'static>>,
}

impl Held {
    /// Holds blocks for so many bytes.
    fn reserve(&mut self, bytes: usize) -> Result<(), ApiError> {
        while self.permits.len() * BLOCK_BYTES < bytes {
            self.one_more()?;
        }
        Ok(())
    }

    fn one_more(&mut self) -> Result<(), ApiError> {
        let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        let held = own.entry(self.principal_id).or_default();
        if *held >= OWN_BLOCKS {
            return Err(busy());
        }
        match BLOCKS.try_acquire() {
            Ok(permit) => self.permits.push(permit),
            Err(_) => return Err(busy()),
        }
        *held += 1;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = own.get_mut(&self.principal_id) {
            *held -= self.permits.len();
            if *held == 0 {
                own.remove(&self.principal_id);
            }
        }
    }
}

/// The body, or why it isn't taken: 400 when it ends early, 408 when it isn't there after
/// `time_limit`, 413 when it is too long, 415 when it isn't announced as plain JSON, 503 when too
/// many are being read. A GET's or HEAD's body has no meaning (RFC 9110 §9.3.1) and isn't read.
pub(crate) async fn read(
    parts: &Parts,
    body: Body,
    principal_id: i64,
    time_limit: Duration,
) -> Result<Bytes, ApiError> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(Bytes::new());
    }
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.unwrap_or(body.size_hint().lower()) > BODY_LIMIT_BYTES as u64 {
        return Err(ApiError::too_large(BODY_LIMIT_BYTES));
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    check_encoding(&parts.headers)?;
    check_type(&parts.headers)?;
    let mut held = Held { principal_id, permits: Vec::new() };
    let whole = collect(body, BODY_LIMIT_BYTES, |bytes| held.reserve(bytes));
    tokio::time::timeout(time_limit, whole).await.unwrap_or_else(|_| {
        Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeout",
            format!("the body wasn't there after {} s; send it at once", time_limit.as_secs_f32()),
        ))
    })
}

/// A short form from somebody who isn't known yet; `None` when it is none, too long, late or broken off.
///
/// # Errors
/// 503 when too many are being read.
pub(crate) async fn form(
    headers: &HeaderMap,
    body: Body,
    time_limit: Duration,
) -> Result<Option<Bytes>, ApiError> {
    let of_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = of_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(None);
    }
    let _turn = FORMS.try_acquire().map_err(|_| busy())?;
    let whole = collect(body, FORM_LIMIT_BYTES, |_| Ok(()));
    Ok(tokio::time::timeout(time_limit, whole).await.ok().and_then(Result::ok))
}

/// A body up to a limit, in one piece; before it grows, `reserve` is asked for its size then.
async fn collect(
    mut body: Body,
    limit_bytes: usize,
    mut reserve: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let mut all: Vec<u8> = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| incomplete())?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit_bytes - all.len() {
            return Err(ApiError::too_large(limit_bytes));
        }
        reserve(all.len() + data.len())?;
        all.extend_from_slice(&data);
    }
    Ok(all.into())
}

fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let plain =
            value.to_str().is_ok_and(|v| v.trim().is_empty() || v.trim().eq_ignore_ascii_case("identity"));
        if !plain {
            return Err(unsupported(
                "Content-Encoding",
                "a compressed body isn't taken; send it as it is, without Content-Encoding",
            ));
        }
    }
    Ok(())
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    for value in headers.get_all(header::CONTENT_TYPE) {
        let Ok(text) = value.to_str() else {
            return Err(unsupported("Content-Type", "the type can't be read; use application/json"));
        };
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or("").to_ascii_lowercase();
        let json = essence == "application/json"
            || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
        if !json {
            return Err(unsupported("Content-Type", "the body must be JSON; use application/json"));
        }
        let charset =
            parts.filter_map(|p| p.split_once('=')).find(|(n, _)| n.trim().eq_ignore_ascii_case("charset"));
        if charset.is_some_and(|(_, set)| !set.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")) {
            return Err(unsupported("Content-Type", "JSON is UTF-8 (RFC 8259 §8.1); send it so"));
        }
    }
    Ok(())
}

fn unsupported(target: &str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message).target(target)
}

fn incomplete() -> ApiError {
    ApiError::bad_request(
        "IncompleteBody",
        "$",
        "the body ended before the length that was announced, or in the middle of a chunk; send it whole",
    )
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServerBusy",
        "too many requests are being received at this moment; try again in a moment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use futures::stream::{self, StreamExt};

    const SOON: Duration = Duration::from_millis(50);

    async fn sent(method: Method, headers: &[(&str, &str)], body: Body) -> Result<Bytes, (u16, String)> {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        read(&parts, body, 1, SOON).await.map_err(|e| (e.status.as_u16(), e.code))
    }

    fn refused(status: u16, code: &str) -> Result<Bytes, (u16, String)> {
        Err((status, code.to_owned()))
    }

    /// A body of so many chunks of 1 KiB that then breaks off, or just stops.
    fn chunks(number: usize, breaks_off: bool) -> Body {
        let sent = stream::iter((0..number).map(|_| Ok(vec![b' '; 1024])));
        let broken = || Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        match breaks_off {
            true => Body::from_stream(sent.chain(stream::once(async move { broken() }))),
            false => Body::from_stream(sent.chain(stream::pending())),
        }
    }

    #[tokio::test]
    async fn the_limit_holds_whether_the_length_is_announced_or_not() {
        let large = vec![b' '; BODY_LIMIT_BYTES + 1];
        assert_eq!(sent(Method::PUT, &[], large.clone().into()).await, refused(413, "RequestTooLarge"));
        let chunked = chunks(1 << 20, false);
        assert_eq!(sent(Method::PUT, &[], chunked).await, refused(413, "RequestTooLarge"));
        let announced = [("content-length", "1048577")];
        let never = chunks(0, false);
        assert_eq!(sent(Method::PUT, &announced, never).await, refused(413, "RequestTooLarge"));
        let fits = sent(Method::PUT, &[], large[1..].to_vec().into()).await.unwrap();
        assert_eq!(fits.len(), BODY_LIMIT_BYTES);
    }

    #[tokio::test]
    async fn a_body_that_stops_or_breaks_off_is_told_and_gives_back_what_it_held() {
        for _ in 0..200 {
            let breaks_off = chunks(1000, true);
            assert_eq!(sent(Method::PUT, &[], breaks_off).await, refused(400, "IncompleteBody"));
        }
        let stops = chunks(3, false);
        assert_eq!(sent(Method::PUT, &[], stops).await, refused(408, "RequestTimeout"));
    }

    #[tokio::test]
    async fn forms_of_strangers_are_short_and_not_too_many_at_once() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        let read = |body| form(&headers, body, Duration::from_millis(200));
        assert_eq!(read("a=b".into()).await.unwrap().unwrap(), "a=b");
        assert_eq!(read(chunks(8, true)).await.unwrap(), None);
        assert_eq!(read(vec![b'a'; FORM_LIMIT_BYTES + 1].into()).await.unwrap(), None);
        let slow: Vec<_> = (0..FORMS_AT_ONCE).map(|_| Box::pin(read(chunks(1, false)))).collect();
        let (told, one_more) =
            futures::future::join(futures::future::join_all(slow), read("a=b".into())).await;
        assert!(told.into_iter().all(|late| late.unwrap().is_none()));
        assert_eq!(one_more.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(read("a=b".into()).await.unwrap().unwrap(), "a=b");
    }

    #[tokio::test]
    async fn json_without_compression_is_taken_and_nothing_else() {
        for fine in
            ["application/json", "Application/JSON; charset=\"UTF-8\"", "application/merge-patch+json"]
        {
            assert_eq!(sent(Method::PUT, &[("content-type", fine)], "{}".into()).await.unwrap(), "{}");
        }
        assert_eq!(sent(Method::PUT, &[("content-encoding", "identity")], "{}".into()).await.unwrap(), "{}");
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", "application/json; charset=utf-16"),
            ("content-type", "application/xml+json+xml"),
            ("content-type", "json"),
            ("content-type", ""),
            ("content-encoding", "gzip"),
            ("content-encoding", "identity, br"),
        ] {
            let found = sent(Method::PATCH, &[(name, value)], "{}".into()).await;
            assert_eq!(found, refused(415, "UnsupportedMediaType"), "{name}: {value}");
        }
        let nothing = sent(Method::POST, &[("content-type", "text/plain")], Body::empty()).await;
        assert_eq!(nothing.unwrap(), "");
    }

    #[tokio::test]
    async fn what_a_get_sends_has_no_meaning() {
        let headers = [("content-length", "99999999"), ("content-type", "text/plain")];
        let never = chunks(0, false);
        assert_eq!(sent(Method::GET, &headers, never).await.unwrap(), "");
    }
}
