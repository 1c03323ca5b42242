//! Sockets and tasks of the BMP station: accepts routers, feeds their messages to their state, answers
//! questions, and tells the owner what changed. Decides nothing about routes.
//!
//! A router's state is held for some hundred routes at a time by whoever works on it, and nobody
//! holds it across an await: intake, questions and judging again take turns.

use super::decode::{Malformed, Message, decode};
use super::frame::{FrameError, Frames};
use super::judging::Judge;
use super::query::{self, Wanted};
use super::router::Router;
use super::{StationEvent, StationRouter, StationSession};
use jiff::Timestamp;
use meetme_model::link::{JudgedRoute, RouteFilter};
use meetme_model::prefix::Prefix;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Sources whose refusal is remembered, so that each is logged once.
const MAX_REFUSED: usize = 1024;
/// An idle connection is normal; one whose router is gone is found by TCP keepalive.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// Pause after a failed accept, for instance when out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Messages decoded, then handled, before others get their turn …
const MESSAGES_PER_TURN: usize = 256;
/// … or fewer, when they have so many routes.
const ROUTES_PER_TURN: usize = 1024;
/// Routes judged again or taken out before others get their turn.
const WORK_PER_TURN: usize = 512;
/// What is to be told within so little time is told at once.
const TELL_PAUSE: Duration = Duration::from_millis(2);
/// Questions answered at the same time; the others wait.
const QUESTIONS_AT_ONCE: usize = 4;

/// Turns decoded ahead of the one that is handled.
const TURNS_AHEAD: usize = 4;

type SharedRouter = Arc<Mutex<Router>>;
type Turn = Vec<Result<Message, Malformed>>;

/// The BMP station of a site.
#[derive(Debug)]
pub struct Station {
    routers: Mutex<BTreeMap<String, SharedRouter>>,
    refused: Mutex<HashSet<IpAddr>>,
    events: mpsc::Sender<StationEvent>,
    changed: Notify,
    put_off: Notify,
    questions: Semaphore,
}

impl Station {
    /// A station without routers; `events` gets what changes, once [`Station::listen`] runs.
    pub fn new(events: mpsc::Sender<StationEvent>) -> Arc<Self> {
        Arc::new(Self {
            routers: Mutex::default(),
            refused: Mutex::default(),
            events,
            changed: Notify::new(),
            put_off: Notify::new(),
            questions: Semaphore::new(QUESTIONS_AT_ONCE),
        })
    }

    /// Serves `listener` until the receiver of the events is dropped.
    ///
    /// # Errors
    /// When the listener has no local address, hence is no usable socket, or a task panicked.
    pub async fn listen(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        tracing::info!(address = %listener.local_addr()?, "BMP station listens");
        let connections = CancellationToken::new();
        let _ended = connections.clone().drop_guard();
        // Tasks of their own, so that what they do holds up nobody who waits for this one.
        let station = self.clone();
        let telling = AbortOnDropHandle::new(tokio::spawn(async move { station.tell().await }));
        let station = self.clone();
        let working = AbortOnDropHandle::new(tokio::spawn(async move { station.work().await }));
        let ended: Result<(), JoinError> = tokio::select! {
            () = self.accept(&listener, &connections) => Ok(()),
            ended = telling => ended,
            ended = working => ended,
        };
        ended.map_err(io::Error::other)
    }

    /// Sets the routers that may connect. One that is no longer listed loses its connection and routes.
    pub fn configure_routers(&self, wanted: Vec<StationRouter>) {
        let mut routers = self.routers.lock();
        let mut kept = BTreeMap::new();
        for StationRouter { name, bmp_source } in wanted {
            let source = bmp_source.to_canonical();
            let known = routers.remove(&name);
            let router = known.unwrap_or_else(|| Arc::new(Mutex::new(Router::new(name.clone(), source))));
            {
                let mut state = router.lock();
                if state.source != source {
                    state.source = source;
                    state.end("the router's BMP address was changed");
                }
            }
            kept.insert(name, router);
        }
        let gone = std::mem::replace(&mut *routers, kept);
        // Their routes may be many to drop: the others' list isn't held meanwhile.
        drop(routers);
        for gone in gone.into_values() {
            gone.lock().end("the router was removed from the inventory");
        }
        self.refused.lock().clear();
        self.changed.notify_one();
    }

    /// Sets the sessions of a router, which must be configured. Sessions that are no longer listed
    /// lose their routes; a changed policy judges again what it can change, in the background.
    pub fn configure_sessions(&self, router: &str, sessions: Vec<StationSession>) {
        let Some(known) = self.router(router) else {
            tracing::warn!(router, "sessions of a router that isn't configured; ignored");
            return;
        };
        let names: HashMap<String, IpAddr> =
            sessions.iter().map(|session| (session.name.clone(), session.peer_address)).collect();
        known.lock().retain(&names);
        for session in sessions {
            let judge = Judge::new(session.policy.clone());
            known.lock().configure(session, judge, Instant::now());
        }
        self.put_off.notify_one();
        self.changed.notify_one();
    }

    /// To be called just before the router is asked to send a session's routes again (FRR:
    /// `clear bgp … soft in`), as [`StationEvent::RefreshWanted`] asks for: what is in question is
    /// forgotten, and what comes until silence is trusted. Nothing happens to a session that isn't
    /// in doubt, and the doubt stays as long as the router sends nothing.
    pub fn refresh(&self, router: &str, session: &str) {
        if let Some(known) = self.router(router) {
            known.lock().refresh(session, Instant::now());
            self.put_off.notify_one();
            self.changed.notify_one();
        }
    }

    /// A page of received routes of `sessions` (router, session name), in the order of prefix, then
    /// session name, after `after`; and the `after` of the next page, when there is one. A page has
    /// `limit` rows at most, except that sessions of one name on several routers stay together.
    pub async fn received_routes(
        &self,
        sessions: &[(String, String)],
        filter: &RouteFilter,
        after: Option<(Prefix, String)>,
        limit: u32,
    ) -> (Vec<JudgedRoute>, Option<(Prefix, String)>) {
        // Never closed.
        let _turn = self.questions.acquire().await;
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        let wanted = Wanted::new(filter);
        let mut by_router: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (router, session) in sessions.iter().collect::<HashSet<_>>() {
            by_router.entry(router).or_default().push(session);
        }
        let mut rows = Vec::new();
        for (router, sessions) in by_router {
            let Some(state) = self.router(router) else {
                continue;
            };
            let mut from = after.as_ref().map_or(Bound::Unbounded, |(prefix, _)| Bound::Included(*prefix));
            let mut taken = 0;
            while taken <= limit {
                let step = query::step(&state.lock(), (router, &sessions), &wanted, from);
                let before = rows.len();
                rows.extend(step.rows.into_iter().filter(|row| {
                    // Of the cursor's own prefix, only sessions after the cursor's are still to come.
                    after.as_ref().is_none_or(|(prefix, session)| place(row) > (*prefix, session))
                }));
                taken += rows.len() - before;
                match step.resume_after {
                    Some(prefix) => from = Bound::Excluded(prefix),
                    None => break,
                }
                tokio::task::yield_now().await;
            }
        }
        page(rows, limit)
    }

    /// Tells every session's whole summary again, for a control plane that connects anew.
    pub fn tell_again(&self) {
        for router in self.all_routers() {
            router.lock().tell_again();
        }
        self.changed.notify_one();
    }

    /// Tells one session's summary again.
    pub fn tell_session_again(&self, router: &str, session: &str) {
        if let Some(known) = self.router(router) {
            known.lock().tell_session_again(session);
            self.changed.notify_one();
        }
    }

    fn router(&self, name: &str) -> Option<SharedRouter> {
        self.routers.lock().get(name).cloned()
    }

    fn all_routers(&self) -> Vec<SharedRouter> {
        self.routers.lock().values().cloned().collect()
    }

    fn router_at(&self, source: IpAddr) -> Option<SharedRouter> {
        self.all_routers().into_iter().find(|router| router.lock().source == source)
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
                let mut refused = self.refused.lock();
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
        let ended = router.lock().connected(Instant::now());
        self.changed.notify_one();
        let reason = tokio::select! {
            reason = self.read(&router, stream, &ended) => reason,
            () = ended.cancelled() => return,
            () = all.cancelled() => return,
        };
        tracing::warn!(reason, "BMP connection closed");
        router.lock().disconnected(&ended, &reason);
        self.changed.notify_one();
    }

    /// Reads until the connection ends, and says why it did. Decoding goes on while the router's state
    /// takes what was decoded before.
    async fn read(&self, router: &SharedRouter, stream: TcpStream, ended: &CancellationToken) -> String {
        let (turns_in, mut turns) = mpsc::channel(TURNS_AHEAD);
        let decoding = AbortOnDropHandle::new(tokio::spawn(decode_all(Frames::new(stream), turns_in)));
        while let Some(messages) = turns.recv().await {
            if let Some(end) = self.handle_turn(router, messages, ended) {
                return end.to_owned();
            }
            tokio::task::yield_now().await;
        }
        decoding.await.unwrap_or_else(|error| format!("the BMP connection was dropped: {error}"))
    }

    /// Hands messages to the router's state; says why the connection ends, if it does.
    fn handle_turn(
        &self,
        router: &SharedRouter,
        messages: Turn,
        ended: &CancellationToken,
    ) -> Option<&'static str> {
        let mut state = router.lock();
        if ended.is_cancelled() {
            return Some("replaced");
        }
        let (now, at) = (Timestamp::now(), Instant::now());
        let goes_on = messages.into_iter().all(|message| state.handle(message, now, at));
        if state.has_work() {
            self.put_off.notify_one();
        }
        MutexGuard::unlock_fair(state);
        self.changed.notify_one();
        (!goes_on).then_some("the router ended BMP")
    }

    /// Sends events and due summaries; ends when nobody receives them any more.
    async fn tell(&self) {
        loop {
            let mut out = Vec::new();
            let mut next: Option<Instant> = None;
            for router in self.all_routers() {
                let due = router.lock().tell(Timestamp::now(), Instant::now(), &mut out);
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
            tokio::time::sleep(TELL_PAUSE).await;
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

    /// Does what was put off, in slices.
    async fn work(&self) {
        loop {
            let mut more = false;
            for router in self.all_routers() {
                more |= work_turn(&router);
                tokio::task::yield_now().await;
            }
            if !more {
                self.changed.notify_one();
                self.put_off.notified().await;
            }
        }
    }
}

/// Decodes what comes until the connection ends, and says why it did.
async fn decode_all(mut frames: Frames<TcpStream>, turns: mpsc::Sender<Turn>) -> String {
    let dropped = |error: FrameError| format!("the BMP connection was dropped: {error}");
    loop {
        match frames.fill().await {
            Ok(true) => {}
            Ok(false) => return "the router closed the BMP connection".to_owned(),
            Err(error) => return dropped(error),
        }
        loop {
            let (messages, more) = decode_turn(&mut frames);
            // Nobody takes them: then nobody asks why the connection ended either.
            if !messages.is_empty() && turns.send(messages).await.is_err() {
                return String::new();
            }
            // Else the one that was woken would wait behind this one, on the same thread.
            tokio::task::yield_now().await;
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return dropped(error),
            }
        }
    }
}

/// Decodes what was read already, as far as one turn goes; false when all of it is.
fn decode_turn(frames: &mut Frames<TcpStream>) -> (Turn, Result<bool, FrameError>) {
    let mut messages = Vec::with_capacity(MESSAGES_PER_TURN);
    let mut routes = 0;
    while messages.len() < MESSAGES_PER_TURN && routes < ROUTES_PER_TURN {
        let message = match frames.next() {
            Ok(Some(message)) => decode(message),
            Ok(None) => return (messages, Ok(false)),
            Err(error) => return (messages, Err(error)),
        };
        if let Ok(Message::Routes(of)) = &message {
            routes += of.update.announced.iter().map(|(_, prefixes)| prefixes.len()).sum::<usize>();
            routes += of.update.withdrawn.len();
        }
        messages.push(message);
    }
    (messages, Ok(true))
}

/// Some of what was put off; true when more is.
fn work_turn(router: &SharedRouter) -> bool {
    let mut state = router.lock();
    let more = state.work(WORK_PER_TURN);
    MutexGuard::unlock_fair(state);
    more
}

/// Puts rows in order and cuts them to a page.
fn page(mut rows: Vec<JudgedRoute>, limit: usize) -> (Vec<JudgedRoute>, Option<(Prefix, String)>) {
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

fn place(row: &JudgedRoute) -> (Prefix, &str) {
    (row.route.prefix, &row.session)
}
