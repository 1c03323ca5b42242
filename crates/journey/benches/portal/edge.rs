//! The edge of one site as the control plane and the pages see it: a link, the edge's own BMP station behind it, and
//! the states of its routers, which are all as intended until a session is cut.
//!
//! As with the edge itself, reading never waits for writing: two ends that both wait to be read would wait forever.

use anyhow::{Context, bail};
use futures::{SinkExt, StreamExt};
use jiff::Timestamp;
use meetme_edge::bmp::{Station, StationEvent, StationRouter, StationSession};
use meetme_model::intent::{RouterIntent, SessionIntent};
use meetme_model::intent_parts::Assembly;
use meetme_model::link::{
    BfdSessionState, BgpState, EdgeAnswer, EdgeQuery, LINK_VERSION, LagState, MAX_FRAME_BYTES, MemberState,
    RouterState, RouterStatePart, SessionState, ToControl, ToEdge,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// Routes that one session receives.
pub const ROUTES: u32 = 100_000;
/// The site that has an edge, and the router that receives them.
const SITE: &str = "m00";
const ROUTER: &str = "m00-er1";
/// The ASN of the first network of the first subscription, whose session receives them.
const PEER_ASN: u32 = 100_000;
/// Prefixes in one UPDATE.
const OF_AN_UPDATE: u32 = 200;
/// What doesn't come by then doesn't at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// Messages as the edge's own tests write them.
#[path = "../../../edge/src/bmp/tests/wire.rs"]
#[allow(dead_code, reason = "the bench needs few of them")]
mod wire;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// What is there of an edge that links in.
#[derive(Debug, Default)]
struct Progress {
    /// Routers whose intent came.
    intents: BTreeSet<String>,
    /// The session that receives the routes with its peer's address, once an intent has it.
    fed: Option<(String, IpAddr)>,
    /// Routes that the station has of it.
    received: u32,
    /// Whether the station knows that these are all.
    synced: bool,
    /// Messages that the control plane hasn't taken yet.
    waiting: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, fed, received, synced, waiting } = self;
        write!(f, "intents of {intents:?} came")?;
        match fed {
            None => write!(f, ", none of them with an IPv4 session of AS{PEER_ASN} on {ROUTER}")?,
            Some((session, peer)) => {
                let all = if *synced { "all" } else { "not all" };
                write!(f, ", {received} of {ROUTES} routes of {session} ({peer}), {all} by what BMP says")?;
            }
        }
        write!(f, "; {waiting} messages wait for the control plane to take them")
    }
}

/// A linked edge; ends when it is dropped.
pub struct Edge {
    cut: mpsc::Sender<bool>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    progress: watch::Receiver<Progress>,
    /// Keeps the router's BMP connection up.
    bmp: Option<TcpStream>,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Edge {
    /// Links in, and returns once the station has the routes and the control plane took what there is to tell.
    pub async fn start(socket: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket).await.context("the edge can't link in")?;
        let (events_in, events) = mpsc::channel(64);
        let station = Station::new(events_in);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(station.clone().listen(listener));
        let (progress_in, progress) = watch::channel(Progress::default());
        let (outbox, messages) = mpsc::unbounded_channel();
        let (cut, cuts) = mpsc::channel(1);
        let site = Site {
            outbox,
            station,
            assemblies: BTreeMap::new(),
            states: BTreeMap::new(),
            progress: progress_in,
        };
        let task = tokio::spawn(site.run(stream, messages, events, cuts));
        let mut edge = Self { cut, task, progress, bmp: None };
        let is_fed = |progress: &Progress| progress.fed.is_some();
        edge.wait("a session to receive the routes", is_fed).await?;
        let peer = edge.progress.borrow().fed.as_ref().map(|(_, peer)| *peer);
        edge.bmp = Some(feed(address, peer.context("no session receives routes")?).await?);
        let is_full = |p: &Progress| p.synced && p.received == ROUTES && p.waiting == 0;
        edge.wait("the routes", is_full).await?;
        Ok(edge)
    }

    async fn wait(&mut self, what: &str, holds: impl Fn(&Progress) -> bool) -> anyhow::Result<()> {
        let came = tokio::time::timeout(PATIENCE, self.progress.wait_for(|progress| holds(progress)));
        match came.await.map(|came| came.is_ok()) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let ended = (&mut self.task).await?;
                let because = ended.err().map_or_else(|| "it was closed".to_owned(), |e| format!("{e:#}"));
                bail!("the link ended before {what} came: {because}")
            }
            Err(_) => {
                let (patience_s, progress) = (PATIENCE.as_secs(), self.progress.borrow());
                bail!("{what} didn't come within {patience_s} s: {}", *progress)
            }
        }
    }

    /// Cuts the session that receives the routes, or has it come back.
    pub async fn cut(&self, cut: bool) -> anyhow::Result<()> {
        self.cut.send(cut).await.context("the link ended")
    }

    /// The router and the session that receives the routes.
    pub fn fed(&self) -> anyhow::Result<(&'static str, String)> {
        let fed = self.progress.borrow().fed.clone();
        Ok((ROUTER, fed.context("no session receives routes")?.0))
    }
}

/// Sends the routes as a router does.
async fn feed(address: SocketAddr, peer: IpAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let peer = peer.to_string();
    let mut bytes = wire::initiation(ROUTER);
    bytes.extend(wire::peer_up(&peer));
    for first in (0..ROUTES).step_by(OF_AN_UPDATE as usize) {
        let mut update = wire::Update::new(&peer).path(&[PEER_ASN, 200_000 + first % 1_000]);
        for n in first..(first + OF_AN_UPDATE).min(ROUTES) {
            update = update.announce(&format!("{}.{}.{}.0/24", 20 + n / 65_536, n / 256 % 256, n % 256));
        }
        bytes.extend(update.bmp());
    }
    bytes.extend(wire::end_of_rib(&peer));
    stream.write_all(&bytes).await?;
    Ok(stream)
}

/// What the link's task works with.
struct Site {
    outbox: mpsc::UnboundedSender<ToControl>,
    station: Arc<Station>,
    assemblies: BTreeMap<String, Assembly>,
    states: BTreeMap<String, RouterState>,
    progress: watch::Sender<Progress>,
}

/// Writes what is to be told, and counts what still waits.
async fn write(
    stream: OwnedWriteHalf,
    mut messages: mpsc::UnboundedReceiver<ToControl>,
    progress: watch::Sender<Progress>,
) -> anyhow::Result<()> {
    let mut frames = FramedWrite::new(stream, codec());
    while let Some(message) = messages.recv().await {
        frames.send(Bytes::from(serde_json::to_vec(&message)?)).await?;
        progress.send_modify(|p| p.waiting -= 1);
    }
    Ok(())
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec()
}

impl Site {
    async fn run(
        mut self,
        stream: UnixStream,
        messages: mpsc::UnboundedReceiver<ToControl>,
        events: mpsc::Receiver<StationEvent>,
        cuts: mpsc::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let (reader, writer) = stream.into_split();
        self.send(ToControl::Hello { version: LINK_VERSION, site: SITE.to_owned() });
        let writing = write(writer, messages, self.progress.clone());
        let ended = tokio::select! {
            ended = writing => ended,
            ended = self.read(reader, events, cuts) => ended,
        };
        // Whoever waits is told that nothing more comes.
        drop(self);
        ended
    }

    async fn read(
        &mut self,
        stream: OwnedReadHalf,
        mut events: mpsc::Receiver<StationEvent>,
        mut cuts: mpsc::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let mut frames = FramedRead::new(stream, codec());
        loop {
            tokio::select! {
                frame = frames.next() => {
                    let frame = frame.context("the control plane closed the link")??;
                    self.take(serde_json::from_slice(&frame)?).await?;
                }
                Some(event) = events.recv() => self.event(event),
                Some(cut) = cuts.recv() => self.cut(cut)?,
            }
        }
    }

    fn send(&self, message: ToControl) {
        self.progress.send_modify(|p| p.waiting += 1);
        // A link that ended is told by its task.
        let _ = self.outbox.send(message);
    }

    async fn take(&mut self, message: ToEdge) -> anyhow::Result<()> {
        match message {
            ToEdge::Routers { .. } => {
                let source = StationRouter { name: ROUTER.to_owned(), bmp_source: ip("127.0.0.1") };
                self.station.configure_routers(vec![source]);
            }
            ToEdge::IntentPart { router, part } => self.assemblies.entry(router).or_default().take(part)?,
            ToEdge::Intent { head } => {
                let intent = self.assemblies.entry(head.router.clone()).or_default().whole(&head)?;
                self.intent(&intent);
            }
            ToEdge::Query { id, query } => {
                let answer = Ok(answer(self.station.clone(), query).await);
                self.send(ToControl::Answer { id, answer });
            }
            ToEdge::Probes { .. } => {}
            ToEdge::Refused { reason } => bail!("the edge was refused: {reason}"),
        }
        Ok(())
    }

    /// Takes an intent for applied, and all of it for up.
    fn intent(&mut self, intent: &RouterIntent) {
        if intent.router == ROUTER {
            let sessions = intent.sessions.iter().map(|s| StationSession {
                name: s.name.clone(),
                peer_address: s.peer_address,
                policy: s.policy.clone(),
            });
            self.station.configure_sessions(ROUTER, sessions.collect());
        }
        self.tell(state(intent));
        let of_peer = |s: &&SessionIntent| s.policy.peer_asn.0 == PEER_ASN && s.peer_address.is_ipv4();
        let fed = intent.sessions.iter().find(of_peer).filter(|_| intent.router == ROUTER);
        self.progress.send_modify(|progress| {
            progress.intents.insert(intent.router.clone());
            if let (None, Some(session)) = (&progress.fed, fed) {
                progress.fed = Some((session.name.clone(), session.peer_address));
            }
        });
    }

    fn event(&self, event: StationEvent) {
        let StationEvent::Routes(routes) = event else { return };
        self.progress.send_modify(|p| {
            if p.fed.as_ref().is_some_and(|(session, _)| *session == routes.session) {
                (p.received, p.synced) = (routes.received, routes.synced);
            }
        });
        self.send(ToControl::Routes { routes: Box::new(routes) });
    }

    fn cut(&mut self, cut: bool) -> anyhow::Result<()> {
        let fed = self.progress.borrow().fed.clone();
        let (name, _) = fed.context("no session receives routes")?;
        let mut state = self.states.get(ROUTER).cloned().context("the router has no intent")?;
        state.at = now();
        state.sessions.insert(name, if cut { SessionState::default() } else { established() });
        self.tell(state);
        Ok(())
    }

    /// Tells what changed in a router's state.
    fn tell(&mut self, state: RouterState) {
        let router = state.router.clone();
        let (parts, bare) = RouterStatePart::news(self.states.get(&router), &state);
        for part in parts.into_iter().map(Box::new) {
            self.send(ToControl::RouterPart { router: router.clone(), part });
        }
        self.send(ToControl::Router { state: Box::new(bare) });
        self.states.insert(router, state);
    }
}

/// Times have milliseconds, as in the store.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A router on which everything is as intended and up.
fn state(intent: &RouterIntent) -> RouterState {
    let member = MemberState { carrier: true, collecting: true, distributing: true };
    let lags = intent.lags.iter().map(|lag| {
        let members = lag.members.iter().map(|port| (port.clone(), member)).collect();
        (lag.name.clone(), LagState { members })
    });
    RouterState {
        generation: Some(intent.generation),
        applied_generation: Some(intent.generation),
        lags: lags.collect(),
        sessions: intent.sessions.iter().map(|s| (s.name.clone(), established())).collect(),
        bmp_connected: true,
        ..RouterState::reached(intent.router.clone(), now())
    }
}

fn established() -> SessionState {
    SessionState {
        bgp: BgpState::Established,
        bfd: BfdSessionState::Up,
        bfd_detection_ms: Some(150),
        peer_router_id: Some("192.0.2.77".into()),
        established_at: Some(now()),
        down: None,
        gate_open: true,
        flaps: 0,
    }
}

async fn answer(station: Arc<Station>, query: EdgeQuery) -> EdgeAnswer {
    match query {
        EdgeQuery::ReceivedRoutes { sessions, filter, after, limit } => {
            let (rows, next) = station.received_routes(&sessions, &filter, after, limit).await;
            EdgeAnswer::ReceivedRoutes { rows, next }
        }
        EdgeQuery::Diff { .. } => {
            EdgeAnswer::Diff { generation: None, diff: String::new(), faults: BTreeMap::new() }
        }
        EdgeQuery::LookingGlass { .. } => EdgeAnswer::LookingGlass { output: String::new() },
    }
}
