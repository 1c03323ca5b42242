//! One connection: the handshake where there is one, HTTP, and an end when it is late.

use super::activity::{Activity, InFlight, Late};
use super::received::Received;
use super::tls::Tls;
use super::watched::Watched;
use super::{Bounds, refusal};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::IntoResponse;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use meetme_api::Scheme;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::ServiceExt;
use tracing::debug;

/// What is kept of a connection's bytes at once. The header's own limit is smaller.
const BUFFER_BYTES: usize = 64 * 1024;
/// Requests at once on a connection of HTTP/2.
const MAX_STREAMS: u32 = 64;
/// A TLS record that begins a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// What every connection of a listener works with.
pub struct Service {
    pub app: Router,
    pub bounds: Bounds,
    pub stop: watch::Receiver<bool>,
}

/// Serves a connection to its end.
pub async fn serve(stream: TcpStream, tls: Option<Arc<Tls>>, service: &Service, activity: Arc<Activity>) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return http_1(stream, Scheme::Http, service, activity).await;
    };
    let handshake = tokio::time::timeout(service.bounds.handshake_timeout, shake_hands(stream, &tls));
    let stream = tokio::select! {
        shaken = handshake => match shaken {
            Ok(Ok(Some(stream))) => stream,
            Ok(Ok(None)) => return,
            Ok(Err(e)) => return debug!("a TLS handshake failed: {e}"),
            Err(_) => return debug!("a TLS handshake wasn't done in time"),
        },
        () = activity.evicted.notified() => return,
    };
    match stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        true => http_2(stream, service, activity).await,
        false => http_1(stream, Scheme::Https, service, activity).await,
    }
}

/// `None` when the client speaks plain HTTP; it is told.
async fn shake_hands(
    stream: TcpStream,
    tls: &Tls,
) -> io::Result<Option<tokio_rustls::server::TlsStream<TcpStream>>> {
    let mut first = [0_u8; 1];
    stream.peek(&mut first).await?;
    if first[0] != TLS_HANDSHAKE && first[0].is_ascii_alphabetic() {
        refusal::say(stream, &refusal::plain_on_tls()).await;
        return Ok(None);
    }
    tls.acceptor().accept(stream).await.map(Some)
}

async fn http_1<S>(stream: S, scheme: Scheme, service: &Service, activity: Arc<Activity>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    activity.begin_http(false);
    let io = TokioIo::new(Watched::new(stream, activity.clone()));
    let answer =
        service_fn(|request| answer(request, scheme, service.bounds, service.app.clone(), activity.clone()));
    let mut connection = http1::Builder::new()
        .half_close(true)
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(io, answer);
    let graceful = |c: &mut _| http1::Connection::graceful_shutdown(Pin::new(c));
    let late = drive(&mut connection, graceful, service, &activity).await;
    if late == Some(Late::Header) {
        refusal::say(connection.into_parts().io.into_inner(), &refusal::late_header()).await;
    }
}

async fn http_2<S>(stream: S, service: &Service, activity: Arc<Activity>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    activity.begin_http(true);
    let io = TokioIo::new(Watched::new(stream, activity.clone()));
    let (bounds, app, of) = (service.bounds, service.app.clone(), activity.clone());
    let answer = service_fn(move |request| answer(request, Scheme::Https, bounds, app.clone(), of.clone()));
    let mut connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(BUFFER_BYTES as u32)
        .initial_stream_window_size(BUFFER_BYTES as u32)
        .initial_connection_window_size(4 * BUFFER_BYTES as u32)
        .max_send_buf_size(4 * BUFFER_BYTES)
        .serve_connection(io, answer);
    let graceful = |c: &mut _| http2::Connection::graceful_shutdown(Pin::new(c));
    drive(&mut connection, graceful, service, &activity).await;
}

/// Runs a connection until it ends, has to give way, or is late: then says with what.
async fn drive<C, E>(
    connection: &mut C,
    graceful: impl Fn(&mut C),
    service: &Service,
    activity: &Activity,
) -> Option<Late>
where
    C: Future<Output = Result<(), E>> + Unpin,
    E: std::fmt::Display,
{
    let mut stop = service.stop.clone();
    let mut stopping = false;
    let mut alarm = pin!(tokio::time::sleep_until(Instant::now().into()));
    loop {
        // Whatever brings a deadline forward happens while the connection is polled.
        let run = poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(ended.map(|()| None));
            }
            loop {
                let (until, late) = activity.deadline(&service.bounds);
                if until <= Instant::now() {
                    return Poll::Ready(Ok(Some(late)));
                }
                if alarm.deadline() != until.into() {
                    alarm.as_mut().reset(until.into());
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        });
        tokio::select! {
            biased;
            () = activity.evicted.notified() => return None,
            _ = stop.wait_for(|stop| *stop), if !stopping => stopping = true,
            ended = run => match ended {
                // Closed in the proper way, which has its own deadline.
                Ok(Some(Late::Idle)) => activity.closing(),
                Ok(late) => return late,
                Err(e) => {
                    debug!("a connection ended: {e}");
                    return None;
                }
            },
        }
        graceful(connection);
    }
}

/// One request. The error ends a connection that has to give way.
async fn answer(
    request: Request<Incoming>,
    scheme: Scheme,
    bounds: Bounds,
    app: Router,
    activity: Arc<Activity>,
) -> Result<Response<Answered>, io::Error> {
    let in_flight = activity.begin().ok_or(io::ErrorKind::ConnectionAborted)?;
    let version = request.version();
    let (parts, body) = request.into_parts();
    let (body, unread) = Received::new(body, &parts.headers, &bounds);
    let mut request = Request::from_parts(parts, Body::new(body));
    request.extensions_mut().insert(scheme);
    let mut response = match refusal::check(&mut request) {
        Ok(()) => app.oneshot(request).await.unwrap_or_else(|never| match never {}),
        Err(refusal) => {
            drop(request);
            refusal.into_response()
        }
    };
    // The next request would begin in the middle of this one's body: its connection ends, and the client
    // is told (RFC 9112 §9.6). HTTP/2 has a stream for each.
    if version < Version::HTTP_2 && !unread.drop_rest().await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if response.status() == StatusCode::NO_CONTENT {
        // Never with 204 (RFC 9110 §8.6), and the router adds it to what HEAD is answered.
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    in_flight.offered();
    Ok(response.map(|body| Answered { body, in_flight }))
}

/// An answer's body: its request is in flight until it is sent. It is asked for more only when there
/// is room for it at the client.
struct Answered {
    body: Body,
    in_flight: InFlight,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.in_flight.taken();
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            self.in_flight.offered();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
