//! HTTP/1.1 and, over TLS, HTTP/2, within bounds of time and memory whoever connects.
//!
//! Knows nothing of the API: a router answers. What is refused before it is reached (`refusal`), how
//! long a connection may be silent or slow (`activity`, `connection`), how many there may be
//! (`crowd`), and certificates that change (`tls`) are here.

mod activity;
mod connection;
mod crowd;
mod received;
mod refusal;
mod tls;
mod watched;

pub use tls::{Files, Tls};

use axum::Router;
use connection::Service;
use crowd::Crowd;
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tracing::warn;

/// How long requests in flight may take to end when the server is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// After a failed accept: most likely there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "AsWritten")]
pub struct Bounds {
    /// Connections at once. Beyond, the one that is silent for the longest gives way.
    pub max_connections: usize,
    /// From a request's first byte to the end of its header.
    pub header_timeout: Duration,
    /// Silence between requests.
    pub idle_timeout: Duration,
    /// From a body's first byte to its last.
    pub body_timeout: Duration,
    /// The TLS handshake.
    pub handshake_timeout: Duration,
    /// A client that takes nothing of what is sent to it.
    pub write_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_connections: 512,
            header_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// [`Bounds`] as they stand in the configuration file, durations in ISO 8601.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AsWritten {
    max_connections: Option<usize>,
    header_timeout: Option<jiff::SignedDuration>,
    idle_timeout: Option<jiff::SignedDuration>,
    body_timeout: Option<jiff::SignedDuration>,
    handshake_timeout: Option<jiff::SignedDuration>,
    write_timeout: Option<jiff::SignedDuration>,
}

impl TryFrom<AsWritten> for Bounds {
    type Error = String;

    fn try_from(written: AsWritten) -> Result<Self, String> {
        let default = Self::default();
        let time = |name: &str, written: Option<jiff::SignedDuration>, default: Duration| match written {
            None => Ok(default),
            Some(d) => Duration::try_from(d)
                .ok()
                .filter(|d| !d.is_zero())
                .ok_or_else(|| format!("{name} must be longer than nothing, such as 'PT30S'")),
        };
        let max_connections = written.max_connections.unwrap_or(default.max_connections);
        if max_connections == 0 {
            return Err("max_connections must be at least 1".into());
        }
        Ok(Self {
            max_connections,
            header_timeout: time("header_timeout", written.header_timeout, default.header_timeout)?,
            idle_timeout: time("idle_timeout", written.idle_timeout, default.idle_timeout)?,
            body_timeout: time("body_timeout", written.body_timeout, default.body_timeout)?,
            handshake_timeout: time(
                "handshake_timeout",
                written.handshake_timeout,
                default.handshake_timeout,
            )?,
            write_timeout: time("write_timeout", written.write_timeout, default.write_timeout)?,
        })
    }
}

/// Serves until `stop` turns true; then requests in flight are finished, within [`STOP_GRACE`].
pub async fn serve(
    listener: TcpListener,
    app: Router,
    tls: Option<Arc<Tls>>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let crowd = Crowd::new(bounds.max_connections);
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // A sender that is gone can't tell any more.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(e) => {
                if !is_clients_fault(&e) {
                    warn!("a connection couldn't be accepted: {e}");
                    crowd.make_room();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let Some(place) = crowd.enter().await else {
            refuse(stream, tls.is_some(), &crowd);
            continue;
        };
        let service = Service { app: app.clone(), bounds, stop: stop.clone() };
        let (tls, alive) = (tls.clone(), alive.clone());
        tokio::spawn(async move {
            connection::serve(stream, tls, &service, place.activity()).await;
            drop((place, alive));
        });
    }
    drop(alive);
    let _ = tokio::time::timeout(STOP_GRACE, all_gone.recv()).await;
}

/// Every connection has a request in flight: the newcomer is told to come back, where that can be
/// told without a handshake.
fn refuse(stream: TcpStream, tls: bool, crowd: &Arc<Crowd>) {
    if let Some(turn) = crowd.refusal_turn().filter(|_| !tls) {
        tokio::spawn(async move {
            refusal::say(stream, &refusal::crowded()).await;
            drop(turn);
        });
    }
}

fn is_clients_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests;
