//! Sockets and tasks of the BMP station: accepts routers, feeds their messages to their state, and
//! tells the owner what changed. Decides nothing about routes.

use super::decode::decode;
use super::query::{self, Wanted};
use super::router::Router;
use super::{StationEvent, StationRouter, StationSession, frame};
use jiff::Timestamp;
use meetme_model::link::{JudgedRoute, RouteFilter, SessionRoutes};
use meetme_model::prefix::Prefix;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Sources whose refusal is remembered, so that each is logged once.
const MAX_REFUSED: usize = 1024;
/// An idle connection is normal; one whose router is gone is found by TCP keepalive.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// Pause after a failed accept, for instance when out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Messages handled before other tasks get their turn.
const MESSAGES_PER_TURN: usize = 64;
const READ_BUFFER: usize = 64 * 1024;

type SharedRouter = Arc<Mutex<Router>>;

/// The BMP station of a site.
#[derive(Debug)]
pub struct Station {
    routers: Mutex<BTreeMap<String, SharedRouter>>,
    refused: Mutex<HashSet<IpAddr>>,
    events: mpsc::Sender<StationEvent>,
    changed: Notify,
}

/// State is replaced as a whole under each lock, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Station {
    /// A station without routers; `events` gets what changes, once [`Station::listen`] runs.
    pub fn new(events: mpsc::Sender<StationEvent>) -> Arc<Self> {
        Arc::new(Self {
            routers: Mutex::default(),
            refused: Mutex::default(),
            events,
            changed: Notify::new(),
        })
    }

    /// Serves `listener` until the receiver of the events is dropped.
    ///
    /// # Errors
    /// When the listener has no local address, hence is no usable socket.
    pub async fn listen(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        tracing::info!(address = %listener.local_addr()?, "BMP station listens");
        let connections = CancellationToken::new();
        let _ended = connections.clone().drop_guard();
        tokio::select! {
            () = self.accept(&listener, &connections) => {}
            () = self.tell() => {}
        }
        Ok(())
    }

    /// Sets the routers that may connect. One that is no longer listed loses its connection and routes.
    pub fn configure_routers(&self, wanted: Vec<StationRouter>) {
        let mut routers = lock(&self.routers);
        let mut kept = BTreeMap::new();
        for StationRouter { name, bmp_source } in wanted {
            let source = bmp_source.to_canonical();
            let known = routers.remove(&name);
            let router = known.unwrap_or_else(|| Arc::new(Mutex::new(Router::new(name.clone(), source))));
            {
                let mut state = lock(&router);
                if state.source != source {
                    state.source = source;
                    state.end("the router's BMP address was changed");
                }
            }
            kept.insert(name, router);
        }
        for gone in std::mem::replace(&mut *routers, kept).into_values() {
            lock(&gone).end("the router was removed from the inventory");
        }
        drop(routers);
        lock(&self.refused).clear();
        self.changed.notify_one();
    }

    /// Sets the sessions of a router, which must be configured. Sessions that are no longer listed
    /// lose their routes; a changed policy judges again what it can change.
    pub fn configure_sessions(&self, router: &str, sessions: Vec<StationSession>) {
        match self.router(router) {
            Some(known) => lock(&known).configure(sessions),
            None => tracing::warn!(router, "sessions of a router that isn't configured; ignored"),
        }
        self.changed.notify_one();
    }

    /// To be called just before the router is asked to send a doubtful session's routes again (FRR:
    /// `clear bgp … soft in`): they are forgotten, and those that come until silence are trusted.
    /// Nothing happens to a session without an error from a malformed message. Without this, a
    /// doubtful session makes the station end the connection after ten seconds.
    pub fn refresh(&self, router: &str, session: &str) {
        if let Some(known) = self.router(router) {
            lock(&known).refresh(session, Instant::now());
            self.changed.notify_one();
        }
    }

    /// A page of received routes of `sessions` (router, session name), in the order of prefix, then
    /// session name, after `after`; and the `after` of the next page, when there is one. A page has
    /// `limit` rows at most, except that sessions of one name on several routers stay together.
    pub fn received_routes(
        &self,
        sessions: &[(String, String)],
        filter: &RouteFilter,
        after: Option<(Prefix, String)>,
        limit: u32,
    ) -> (Vec<JudgedRoute>, Option<(Prefix, String)>) {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        let wanted = Wanted::new(filter);
        let mut rows = Vec::new();
        for (router, session) in sessions.iter().collect::<HashSet<_>>() {
            let Some(state) = self.router(router) else {
                continue;
            };
            // Of the cursor's own prefix, only sessions after the cursor's are still to come.
            let mut from = match &after {
                Some((prefix, last)) => (Some(*prefix), session > last),
                None => (None, true),
            };
            let mut taken = 0;
            while taken <= limit {
                let name = (router.as_str(), session.as_str());
                let chunk = query::chunk(&lock(&state), name, &wanted, from, limit + 1 - taken);
                taken += chunk.rows.len();
                rows.extend(chunk.rows);
                match chunk.resume_after {
                    Some(prefix) => from = (Some(prefix), false),
                    None => break,
                }
            }
        }
        rows.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.router.cmp(&b.router)));
        let mut end = rows.len().min(limit);
        while end > 0 && end < rows.len() && place(&rows[end]) == place(&rows[end - 1]) {
            end += 1;
        }
        let more = end < rows.len();
        rows.truncate(end);
        let next = rows.last().filter(|_| more).map(|row| (row.route.prefix, row.session.clone()));
        (rows, next)
    }

    /// Every session's whole summary, for a control plane that connects anew.
    pub fn summaries(&self) -> Vec<SessionRoutes> {
        let routers: Vec<SharedRouter> = lock(&self.routers).values().cloned().collect();
        let now = Timestamp::now();
        routers.iter().flat_map(|router| lock(router).summaries(now)).collect()
    }

    fn router(&self, name: &str) -> Option<SharedRouter> {
        lock(&self.routers).get(name).cloned()
    }

    fn router_at(&self, source: IpAddr) -> Option<SharedRouter> {
        let routers = lock(&self.routers);
        routers.values().find(|r| lock(r).source == source).cloned()
    }

    async fn accept(self: &Arc<Self>, listener: &TcpListener, all: &CancellationToken) {
        loop {
            let (stream, source) = match listener.accept().await {
                Ok((stream, address)) => (stream, address.ip().to_canonical()),
                Err(error) => {
                    tracing::warn!(%error, "accepting a BMP connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(router) = self.router_at(source) else {
                let mut refused = lock(&self.refused);
                if refused.len() < MAX_REFUSED && refused.insert(source) {
                    tracing::warn!(%source, "BMP connection refused: no configured router has this address");
                }
                continue;
            };
            let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
            if let Err(error) = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
                tracing::warn!(%source, %error, "TCP keepalive couldn't be set");
            }
            tokio::spawn(Arc::clone(self).serve(router, stream, all.clone()));
        }
    }

    async fn serve(self: Arc<Self>, router: SharedRouter, stream: TcpStream, all: CancellationToken) {
        let ended = lock(&router).connected(Instant::now());
        self.changed.notify_one();
        let reason = tokio::select! {
            reason = self.read(&router, stream, &ended) => reason,
            () = ended.cancelled() => return,
            () = all.cancelled() => return,
        };
        tracing::warn!(reason, "BMP connection closed");
        lock(&router).disconnected(&ended, &reason);
        self.changed.notify_one();
    }

    /// Reads until the connection ends, and says why it did.
    async fn read(&self, router: &SharedRouter, stream: TcpStream, ended: &CancellationToken) -> String {
        let mut stream = BufReader::with_capacity(READ_BUFFER, stream);
        let mut message = Vec::new();
        let mut in_turn = 0;
        loop {
            match frame::read(&mut stream, &mut message).await {
                Ok(true) => {}
                Ok(false) => return "the router closed the BMP connection".to_owned(),
                Err(error) => return format!("the BMP connection was dropped: {error}"),
            }
            {
                let mut state = lock(router);
                if ended.is_cancelled() {
                    return "replaced".to_owned();
                }
                let decoded = decode(&mut message, |peer| state.quirks(peer));
                if !state.handle(decoded, Timestamp::now(), Instant::now()) {
                    return "the router ended BMP".to_owned();
                }
            }
            self.changed.notify_one();
            in_turn += 1;
            if in_turn == MESSAGES_PER_TURN {
                in_turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Sends events and due summaries; ends when nobody receives them any more.
    async fn tell(&self) {
        loop {
            let mut out = Vec::new();
            let mut next: Option<Instant> = None;
            let routers: Vec<SharedRouter> = lock(&self.routers).values().cloned().collect();
            for router in &routers {
                let due = lock(router).tell(Timestamp::now(), Instant::now(), &mut out);
                next = match (next, due) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            for event in out {
                if self.events.send(event).await.is_err() {
                    return;
                }
            }
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.changed.notified() => {}
                () = self.events.closed() => return,
            }
        }
    }
}

fn place(row: &JudgedRoute) -> (Prefix, &str) {
    (row.route.prefix, &row.session)
}
