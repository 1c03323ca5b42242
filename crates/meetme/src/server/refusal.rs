//! What the server refuses by itself, because the router would have to guess what was meant, or
//! couldn't know: in the shape of the API's errors.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode, Version};
use std::fmt::Write;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest path with its query, in bytes.
const MAX_TARGET_BYTES: usize = 8 * 1024;
/// All header fields together, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Fields that say something else when there are two of them.
const SINGLE: [header::HeaderName; 2] = [header::AUTHORIZATION, header::CONTENT_TYPE];
/// How long a connection that is refused may take to go.
const SAY_TIMEOUT: Duration = Duration::from_millis(500);

/// A refusal.
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(header::HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    fn with(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn body(&self) -> String {
        serde_json::json!({ "error": { "code": self.code, "message": self.message } }).to_string()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
            headers.insert("x-ms-request-id", id);
        }
        response
    }
}

/// Every connection has a request in flight.
pub fn crowded() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServerBusy",
        "there are too many connections at this moment; try again in a moment",
    )
    .with(header::RETRY_AFTER, "1")
}

/// Plain HTTP where TLS is spoken.
pub fn plain_on_tls() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "TlsRequired",
        "this port speaks HTTPS; write https:// in front of the address",
    )
}

/// A header that isn't there in time.
pub fn late_header() -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "RequestTimeout",
        "the request's header wasn't there in time; send it at once",
    )
}

/// Writes an answer to a connection that no HTTP is spoken on (any more), and closes it.
pub async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, refusal: &Refusal) {
    let body = refusal.body();
    let mut text = format!("HTTP/1.1 {}\r\ncontent-type: application/json\r\n", refusal.status);
    for (name, value) in &refusal.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let farewell = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await?;
        let mut dropped = [0_u8; 4096];
        while stream.read(&mut dropped).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A client that is gone or too slow doesn't get it.
    let _ = tokio::time::timeout(SAY_TIMEOUT, farewell).await;
}

/// Refuses what is ambiguous or too long, and brings the rest into one form: whatever the version
/// of HTTP, there is one `Host`, which names what was asked for (RFC 9110 §7.2, RFC 9112 §3.2).
pub fn check(request: &mut Request<Body>) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "this method isn't served; the Allow header lists those that are somewhere",
        )
        .with(header::ALLOW, "GET, HEAD, PUT, PATCH, POST, DELETE"));
    }
    if request.uri().path_and_query().is_some_and(|p| p.as_str().len() > MAX_TARGET_BYTES) {
        return Err(Refusal::new(
            StatusCode::URI_TOO_LONG,
            "UriTooLong",
            format!("the path with its query is longer than {MAX_TARGET_BYTES} bytes"),
        ));
    }
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    if fields.sum::<usize>() > MAX_HEADER_BYTES {
        return Err(Refusal::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "RequestHeaderFieldsTooLarge",
            format!("the header is larger than {MAX_HEADER_BYTES} bytes"),
        ));
    }
    for name in SINGLE {
        if request.headers().get_all(&name).iter().nth(1).is_some() {
            let message = format!("there is more than one {name} header; send one");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "DuplicateHeader", message));
        }
    }
    let hosts: Vec<&HeaderValue> = request.headers().get_all(header::HOST).iter().collect();
    let named = match (request.uri().authority(), hosts.as_slice()) {
        (_, [_, _, ..]) => return Err(bad_host("there is more than one Host header; send one")),
        (Some(authority), _) => Some(authority.as_str().to_owned()),
        (None, [host]) => match host.to_str() {
            Ok(host) => Some(host.to_owned()),
            Err(_) => return Err(bad_host("the Host header can't be read")),
        },
        (None, []) if request.version() == Version::HTTP_10 => None,
        (None, []) => return Err(bad_host("the Host header is missing")),
    };
    // An empty one is allowed, and names nothing.
    if let Some(named) = named.filter(|n| !n.is_empty()) {
        let value = HeaderValue::from_str(&named).ok().filter(|_| is_host(&named));
        let value =
            value.ok_or_else(|| bad_host("the host isn't a name or an address with or without a port"))?;
        request.headers_mut().insert(header::HOST, value);
    }
    Ok(())
}

/// A name or an address, with a port or without one.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let port = text.strip_prefix(authority.host());
    let of_digits = |p: &str| p.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    port.is_some_and(|p| p.is_empty() || of_digits(p))
}

fn bad_host(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "InvalidHost", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(build: impl FnOnce(hyper::http::request::Builder) -> hyper::http::request::Builder) -> String {
        let mut request = build(Request::builder().uri("/")).body(Body::empty()).unwrap();
        match check(&mut request) {
            Ok(()) => request.headers().get(header::HOST).map_or("-", |h| h.to_str().unwrap()).to_owned(),
            Err(refusal) => format!("{} {}", refusal.status.as_u16(), refusal.code),
        }
    }

    #[test]
    fn there_is_one_host_however_it_was_named() {
        assert_eq!(told(|r| r.header("host", "[2001:db8::1]:8971")), "[2001:db8::1]:8971");
        assert_eq!(told(|r| r.uri("http://b.example/x").header("host", "a.example")), "b.example");
        assert_eq!(told(|r| r.version(Version::HTTP_2).uri("https://b.example:1/x")), "b.example:1");
        assert_eq!(told(|r| r.version(Version::HTTP_10)), "-");
        assert_eq!(told(|r| r.header("host", "")), "");
        for host in ["a b", "a/b", "user@a.example", "a.example:x", "ä", "a,b\"", "a\\b", "<a>"] {
            assert_eq!(
                told(|r| r.header("host", HeaderValue::from_bytes(host.as_bytes()).unwrap())),
                "400 InvalidHost",
                "{host}"
            );
        }
        assert_eq!(told(|r| r.header("host", "a").header("host", "a")), "400 InvalidHost");
        assert_eq!(told(|r| r), "400 InvalidHost");
    }

    #[test]
    fn what_is_too_long_and_methods_that_would_turn_the_connection_into_something_else_are_refused() {
        let host = |r: hyper::http::request::Builder| r.header("host", "a");
        assert_eq!(told(|r| host(r).uri(format!("/{}", "x".repeat(9000)))), "414 UriTooLong");
        assert_eq!(told(|r| host(r).header("x", "y".repeat(17_000))), "431 RequestHeaderFieldsTooLarge");
        assert_eq!(told(|r| host(r).method("TRACE")), "405 MethodNotAllowed");
        assert_eq!(told(|r| host(r).method("CONNECT").uri("a:443")), "405 MethodNotAllowed");
    }
}
