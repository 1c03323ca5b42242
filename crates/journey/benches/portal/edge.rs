//! The edge of one site as the control plane and the pages see it: a link, the edge's own BMP station behind it, and
//! the states of its routers, which are all as intended until a session is cut.

use anyhow::{Context, ensure};
use futures::{SinkExt, StreamExt};
use jiff::Timestamp;
use meetme_edge::agent::MAX_FRAME;
use meetme_edge::bmp::{Station, StationEvent, StationRouter, StationSession};
use meetme_model::intent::RouterIntent;
use meetme_model::link::{
    BfdSessionState, BgpState, EdgeAnswer, EdgeQuery, LINK_VERSION, LagState, MemberState, RouterState,
    SessionState, ToControl, ToEdge,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Routes that one session receives.
pub const ROUTES: u32 = 100_000;
/// The site that has an edge, and the router that receives them.
const SITE: &str = "m00";
const ROUTER: &str = "m00-er1";
/// The ASN of the first network of the first subscription, whose session receives them.
const PEER_ASN: u32 = 100_000;
/// Prefixes in one UPDATE.
const OF_AN_UPDATE: u32 = 200;

/// Messages as the edge's own tests write them.
#[path = "../../../edge/src/bmp/tests/wire.rs"]
#[allow(dead_code, reason = "the bench needs few of them")]
mod wire;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A linked edge; ends when it is dropped.
pub struct Edge {
    cut: mpsc::Sender<bool>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    /// Keeps the router's BMP connection up.
    _bmp: TcpStream,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Edge {
    /// Links in, and returns once the routes have arrived.
    pub async fn start(socket: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket).await.context("the edge can't link in")?;
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_codec();
        let (events_in, events) = mpsc::channel(64);
        let station = Station::new(events_in);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(station.clone().listen(listener));
        let (cut, cuts) = mpsc::channel(1);
        let (session_in, mut session) = mpsc::channel(1);
        let (full_in, mut full) = mpsc::channel(1);
        let site = Site {
            frames: Framed::new(stream, codec),
            station,
            states: BTreeMap::new(),
            fed: None,
            session: session_in,
            full: full_in,
        };
        let task = tokio::spawn(site.run(events, cuts));
        let peer: IpAddr = within(session.recv()).await?.context("the link ended")?;
        let bmp = feed(address, peer).await?;
        within(full.recv()).await?.context("the link ended")?;
        Ok(Self { cut, task, _bmp: bmp })
    }

    /// Cuts the session that receives the routes, or has it come back.
    pub async fn cut(&self, cut: bool) -> anyhow::Result<()> {
        self.cut.send(cut).await.context("the link ended")
    }
}

async fn within<T>(what: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::time::timeout(Duration::from_secs(120), what).await.context("the routes don't arrive")
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
    frames: Framed<UnixStream, LengthDelimitedCodec>,
    station: Arc<Station>,
    states: BTreeMap<String, RouterState>,
    /// Name of the session that receives the routes, once an intent has it.
    fed: Option<String>,
    session: mpsc::Sender<IpAddr>,
    full: mpsc::Sender<()>,
}

impl Site {
    async fn run(
        mut self,
        mut events: mpsc::Receiver<StationEvent>,
        mut cuts: mpsc::Receiver<bool>,
    ) -> anyhow::Result<()> {
        self.send(&ToControl::Hello { version: LINK_VERSION, site: SITE.to_owned() }).await?;
        loop {
            tokio::select! {
                frame = self.frames.next() => {
                    let frame = frame.context("the control plane closed the link")??;
                    self.take(serde_json::from_slice(&frame)?).await?;
                }
                Some(event) = events.recv() => self.event(event).await?,
                Some(cut) = cuts.recv() => self.cut(cut).await?,
            }
        }
    }

    async fn send(&mut self, message: &ToControl) -> anyhow::Result<()> {
        Ok(self.frames.send(Bytes::from(serde_json::to_vec(message)?)).await?)
    }

    async fn take(&mut self, message: ToEdge) -> anyhow::Result<()> {
        match message {
            ToEdge::Routers { .. } => {
                let source = StationRouter { name: ROUTER.to_owned(), bmp_source: ip("127.0.0.1") };
                self.station.configure_routers(vec![source]);
            }
            ToEdge::Intent { intent } => self.intent(*intent).await?,
            ToEdge::Query { id, query } => {
                let answer = Ok(self.answer(query).await);
                self.send(&ToControl::Answer { id, answer }).await?;
            }
            ToEdge::Probes { .. } => {}
            ToEdge::Refused { reason } => ensure!(false, "the edge was refused: {reason}"),
        }
        Ok(())
    }

    /// Takes an intent for applied, and all of it for up.
    async fn intent(&mut self, intent: RouterIntent) -> anyhow::Result<()> {
        if intent.router == ROUTER {
            let sessions = intent.sessions.iter().map(|s| StationSession {
                name: s.name.clone(),
                peer_address: s.peer_address,
                policy: s.policy.clone(),
            });
            self.station.configure_sessions(ROUTER, sessions.collect());
            let of_peer = |s: &&meetme_model::intent::SessionIntent| {
                s.policy.peer_asn.0 == PEER_ASN && s.peer_address.is_ipv4()
            };
            if let (None, Some(session)) = (&self.fed, intent.sessions.iter().find(of_peer)) {
                self.fed = Some(session.name.clone());
                self.session.send(session.peer_address).await?;
            }
        }
        let state = state(&intent);
        self.send(&ToControl::Router { state: Box::new(state.clone()) }).await?;
        self.states.insert(state.router.clone(), state);
        Ok(())
    }

    async fn answer(&self, query: EdgeQuery) -> EdgeAnswer {
        match query {
            EdgeQuery::ReceivedRoutes { sessions, filter, after, limit } => {
                let (rows, next) = self.station.received_routes(&sessions, &filter, after, limit).await;
                EdgeAnswer::ReceivedRoutes { rows, next }
            }
            EdgeQuery::Diff { .. } => EdgeAnswer::Diff { diff: String::new() },
            EdgeQuery::LookingGlass { .. } => EdgeAnswer::LookingGlass { output: String::new() },
        }
    }

    async fn event(&mut self, event: StationEvent) -> anyhow::Result<()> {
        let StationEvent::Routes(routes) = event else { return Ok(()) };
        let is_full = routes.synced && routes.received == ROUTES;
        self.send(&ToControl::Routes { routes: Box::new(routes) }).await?;
        if is_full {
            let _ = self.full.try_send(());
        }
        Ok(())
    }

    async fn cut(&mut self, cut: bool) -> anyhow::Result<()> {
        let name = self.fed.clone().context("no session receives routes")?;
        let state = self.states.get_mut(ROUTER).context("the router has no intent")?;
        state.at = now();
        state.sessions.insert(name, if cut { SessionState::default() } else { established() });
        let state = Box::new(state.clone());
        self.send(&ToControl::Router { state }).await
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
        router: intent.router.clone(),
        at: now(),
        reachable: true,
        error: None,
        applied_generation: Some(intent.generation),
        drift: None,
        lags: lags.collect(),
        sessions: intent.sessions.iter().map(|s| (s.name.clone(), established())).collect(),
        bmp_connected: true,
    }
}

fn established() -> SessionState {
    SessionState {
        bgp: BgpState::Established,
        bfd: BfdSessionState::Up,
        bfd_detection_ms: Some(150),
        peer_router_id: Some("192.0.2.77".into()),
        established_at: Some(now()),
        last_error: None,
        gate_open: true,
        flaps: 0,
    }
}
