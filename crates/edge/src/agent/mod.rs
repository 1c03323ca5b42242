//! The edge's main loop: one task per router, one BMP station, one link to the control plane.
//!
//! The agent acts on the routers that the control plane lists and on no other. While the control
//! plane is away, gates are kept and intents stay in force; what happened is told when it is back.
//! Of what it was told only the list of routers and their newest intents are kept, sealed: an edge
//! that starts anew works on those, and on no other until it is told.

mod choices;
mod history;
mod kept;
mod machine;
mod minutes;
mod outbox;
mod router;
mod samples;

use crate::bmp::{Station, StationEvent, StationRouter};
use crate::looking_glass;
use crate::place::Place;
use crate::probes::{Probes, Try};
use crate::routers::{self, Driver};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use jiff::Timestamp;
use kept::KeptDir;
use meetme_model::intent_parts::{Assembly, IntentHead};
use meetme_model::inventory::{Management, RouterAccess};
use meetme_model::link::{
    EdgeAnswer, EdgeQuery, LINK_VERSION, MAX_FRAME_BYTES, RouterState, ToControl, ToEdge,
};
use meetme_model::probe::LookingGlass;
use meetme_seal::SealError;
use minutes::Tried;
use outbox::Outbox;
use router::{RouterTask, ToRouter};
use samples::Samples;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};
use tokio_util::task::AbortOnDropHandle;

/// Before a lost link is dialled again: the first time, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// A control plane that doesn't take a message for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Events of the station that may wait; a session's newest summary is all that counts.
const STATION_EVENTS: usize = 4096;

/// How an agent is set up.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The site it serves, by its name in the inventory.
    pub site: String,
    /// Where it listens for BMP.
    pub bmp_listen: SocketAddr,
    /// Where it keeps its newest intents, sealed; `None` to forget them when it ends.
    pub state_dir: Option<PathBuf>,
}

/// The agent can't do its work at all.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The BMP address is taken or not on this machine.
    #[error(
        "can't listen for BMP on {address}: {source}; set the site's `bmp` address to a free one of this machine"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Intents can't be kept.
    #[error("the state directory can't be used: {0}")]
    State(#[from] SealError),
    /// The BMP station ended.
    #[error("the BMP station on {address} ended: {source}")]
    Station {
        /// Where it listened.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A link that ended, and why.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("can't reach the control plane: {0}")]
    Connect(#[source] std::io::Error),
    #[error("the link broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("the control plane closed the link")]
    Closed,
    #[error("the control plane takes nothing any more")]
    Stuck,
    #[error("a message on the link isn't understood: {0}")]
    Message(#[from] serde_json::Error),
    #[error("the control plane refused this edge: {0}")]
    Refused(String),
}

/// A site's edge.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
}

impl Agent {
    /// An agent for a site.
    pub fn new(config: AgentConfig) -> Self {
        Self { config }
    }

    /// Works until it is dropped; `connect` makes a stream to the control plane, and is called
    /// again whenever one is lost. Returns only when BMP can't be listened for.
    pub async fn run<C, F, S>(self, mut connect: C) -> Result<(), AgentError>
    where
        C: FnMut() -> F,
        F: Future<Output = std::io::Result<S>>,
        S: AsyncRead + AsyncWrite,
    {
        let address = self.config.bmp_listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| AgentError::Listen { address, source })?;
        let (events_in, mut events) = mpsc::channel(STATION_EVENTS);
        let station = Station::new(events_in);
        let outbox = Arc::new(Outbox::default());
        let kept = self.config.state_dir.as_deref().map(KeptDir::open).transpose()?;
        let listed = kept.as_ref().map(KeptDir::routers).unwrap_or_default();
        let mut site = Site::new(station.clone(), outbox.clone(), kept);
        site.take_routers(listed);
        let listening = station.clone().listen(listener);
        tokio::pin!(listening);
        let mut pause = BACK_OFF.0;
        loop {
            let (linked, ended) = {
                let link = Link { site: &self.config.site, outbox: &outbox };
                let mut greeted = false;
                let attempt = link.run(connect(), &mut site, &mut events, &mut greeted);
                tokio::select! {
                    ended = attempt => (greeted, ended),
                    result = &mut listening => {
                        let source = result.err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into());
                        return Err(AgentError::Station { address, source });
                    }
                }
            };
            if linked {
                pause = BACK_OFF.0;
            }
            tracing::warn!(error = %ended, again_in_ms = pause.as_millis(), "no link to the control plane");
            let rest = tokio::time::sleep(pause);
            tokio::pin!(rest);
            pause = (pause * 2).min(BACK_OFF.1);
            loop {
                tokio::select! {
                    () = &mut rest => break,
                    Some(event) = events.recv() => site.event(event),
                    result = &mut listening => {
                        let source = result.err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into());
                        return Err(AgentError::Station { address, source });
                    }
                }
            }
        }
    }
}

/// One connection to the control plane.
struct Link<'a> {
    site: &'a str,
    outbox: &'a Outbox,
}

impl Link<'_> {
    /// Connects, greets, and carries messages both ways until something ends it.
    async fn run<S: AsyncRead + AsyncWrite>(
        &self,
        connect: impl Future<Output = std::io::Result<S>>,
        site: &mut Site,
        events: &mut mpsc::Receiver<StationEvent>,
        greeted: &mut bool,
    ) -> LinkError {
        tokio::pin!(connect);
        let stream = loop {
            tokio::select! {
                stream = &mut connect => match stream {
                    Ok(stream) => break stream,
                    Err(error) => return LinkError::Connect(error),
                },
                Some(event) = events.recv() => site.event(event),
            }
        };
        let (reader, writer) = tokio::io::split(stream);
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
        let mut reader = FramedRead::new(reader, codec.clone());
        self.outbox.begin();
        site.refresh();
        // Reading never waits for writing: two ends that both wait to be read would wait forever.
        let writing = self.write(FramedWrite::new(writer, codec));
        tokio::pin!(writing);
        loop {
            tokio::select! {
                ended = &mut writing => return ended,
                frame = reader.next() => {
                    let message = match frame {
                        None => return LinkError::Closed,
                        Some(Err(error)) => return error.into(),
                        Some(Ok(frame)) => match serde_json::from_slice(&frame) {
                            Ok(message) => message,
                            Err(error) => return error.into(),
                        },
                    };
                    match message {
                        ToEdge::Refused { reason } => return LinkError::Refused(reason),
                        message => {
                            *greeted = true;
                            site.message(message);
                        }
                    }
                }
                Some(ended) = site.tasks.join_next() => site.ended(ended),
                Some(event) = events.recv() => site.event(event),
            }
        }
    }

    async fn write<W: AsyncWrite + Unpin>(
        &self,
        mut writer: FramedWrite<W, LengthDelimitedCodec>,
    ) -> LinkError {
        let hello = ToControl::Hello { version: LINK_VERSION, site: self.site.to_owned() };
        let mut messages = vec![hello];
        loop {
            for message in messages {
                let frame = match serde_json::to_vec(&message) {
                    Ok(frame) => frame,
                    Err(error) => return error.into(),
                };
                match tokio::time::timeout(SEND_TIMEOUT, writer.send(Bytes::from(frame))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return error.into(),
                    Err(_) => return LinkError::Stuck,
                }
            }
            messages = self.outbox.take().await;
        }
    }
}

/// The site's routers and what is told to each.
struct Site {
    station: Arc<Station>,
    outbox: Arc<Outbox>,
    samples: Arc<Samples>,
    probes: Probes,
    kept: Option<KeptDir>,
    routers: BTreeMap<String, Known>,
    tasks: JoinSet<()>,
    /// Sends off each minute's samples.
    _clock: AbortOnDropHandle<()>,
}

/// A router that the control plane listed.
struct Known {
    access: RouterAccess,
    inbox: mpsc::UnboundedSender<ToRouter>,
    /// What came of its snapshot on this link, since routers were listed last.
    assembly: Assembly,
    /// Looks that may begin now.
    looks: Arc<Semaphore>,
}

impl Known {
    fn new(access: RouterAccess, inbox: mpsc::UnboundedSender<ToRouter>) -> Self {
        Self {
            access,
            inbox,
            assembly: Assembly::default(),
            looks: Arc::new(Semaphore::new(looking_glass::AT_ONCE)),
        }
    }
}

impl Site {
    fn new(station: Arc<Station>, outbox: Arc<Outbox>, kept: Option<KeptDir>) -> Self {
        let samples = Arc::new(Samples::new(outbox.clone()));
        let clock = AbortOnDropHandle::new(tokio::spawn(samples.clone().send_off()));
        let (measured, told) = (samples.clone(), outbox.clone());
        let tell = move |tried: Try| {
            if tried.is_measured {
                let Try { outcome, jitter_ms, .. } = &tried;
                let tried = Tried { rtt_ms: outcome.rtt_ms, jitter_ms: *jitter_ms };
                measured.probe(&outcome.router, &outcome.id, tried);
            }
            told.probed(tried.outcome);
        };
        let probes = Probes::new(Arc::new(tell));
        let (routers, tasks) = (BTreeMap::new(), JoinSet::new());
        Self { station, outbox, samples, probes, kept, routers, tasks, _clock: clock }
    }

    fn message(&mut self, message: ToEdge) {
        match message {
            ToEdge::Routers { routers } => {
                if let Some(kept) = &self.kept {
                    kept.keep_routers(&routers);
                }
                self.take_routers(routers);
            }
            ToEdge::IntentPart { router, part } => {
                let Some(known) = self.routers.get_mut(&router) else { return };
                // What is missing then is noticed with the head.
                if let Err(error) = known.assembly.take(part) {
                    tracing::error!(router, %error, "a part of the intent can't be used");
                }
            }
            ToEdge::Intent { head } => self.take_intent(&head),
            ToEdge::Query { id, query } => self.query(id, query),
            ToEdge::Probes { probes } => self.probes.want(probes, &self.places()),
            ToEdge::Refused { .. } => {}
        }
    }

    fn take_intent(&mut self, head: &IntentHead) {
        let Some(known) = self.routers.get_mut(&head.router) else {
            return tracing::warn!(
                router = head.router,
                "intent for a router that isn't of this site, ignored"
            );
        };
        match known.assembly.whole(head) {
            Ok(intent) => drop(known.inbox.send(ToRouter::Intent(Box::new(intent)))),
            Err(error) => {
                tracing::error!(router = head.router, %error, "the intent isn't whole, asking for all of it");
                known.assembly = Assembly::default();
                self.outbox.intent_wanted(&head.router);
            }
        }
    }

    fn take_routers(&mut self, routers: Vec<RouterAccess>) {
        while let Some(ended) = self.tasks.try_join_next() {
            self.ended(ended);
        }
        let sources = routers.iter().map(|access| {
            let Management::Frr { bmp_source, .. } = &access.management;
            StationRouter { name: access.router.clone(), bmp_source: *bmp_source }
        });
        self.station.configure_routers(sources.collect());
        // A dropped inbox ends its task, which leaves the router as it is.
        self.routers.retain(|_, known| !known.inbox.is_closed() && routers.contains(&known.access));
        for access in routers {
            if let Some(known) = self.routers.get_mut(&access.router) {
                known.assembly = Assembly::default();
                continue;
            }
            let (inbox, messages) = mpsc::unbounded_channel();
            let frr = routers::driver(&access);
            let (outbox, station) = (self.outbox.clone(), self.station.clone());
            let kept = self.kept.as_ref().map(|kept| kept.of(&access.router));
            let samples = self.samples.clone();
            let task = RouterTask::new(access.router.clone(), frr, outbox, station, samples, kept);
            self.tasks.spawn(task.run(messages));
            self.routers.insert(access.router.clone(), Known::new(access, inbox));
        }
        self.probes.place(&self.places());
    }

    fn places(&self) -> BTreeMap<String, Place> {
        self.routers.iter().map(|(name, known)| (name.clone(), Place::of(&known.access))).collect()
    }

    /// A task came to its end. One that panicked is replaced with the next list of routers: at
    /// once it might only panic again.
    fn ended(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && error.is_panic()
        {
            let dead = self.routers.iter().filter(|(_, known)| known.inbox.is_closed());
            for (name, _) in dead {
                tracing::error!(router = name, %error, "a router's task panicked; it rests until routers are listed anew");
                let said =
                    "the edge's task for it failed; the edge's log says where, and its restart begins anew";
                let state = RouterState::reached(name, Timestamp::now());
                self.outbox.router(RouterState { reachable: false, error: Some(said.into()), ..state });
            }
        }
    }

    fn query(&self, id: u64, query: EdgeQuery) {
        match query {
            EdgeQuery::ReceivedRoutes { sessions, filter, after, limit } => {
                let (station, outbox) = (self.station.clone(), self.outbox.clone());
                tokio::spawn(async move {
                    let (rows, next) = station.received_routes(&sessions, &filter, after, limit).await;
                    outbox.answer(id, Ok(EdgeAnswer::ReceivedRoutes { rows, next }));
                });
            }
            EdgeQuery::LookingGlass { router, look } => self.look(id, &router, look),
            EdgeQuery::Diff { router, instead } => {
                let instead = match instead.map(|parts| parts.whole()).transpose() {
                    Ok(instead) => instead.map(Box::new),
                    Err(error) => return self.outbox.answer(id, Err(error.to_string())),
                };
                if !self.tell(&router, ToRouter::Diff(id, instead)) {
                    self.outbox.answer(id, Err(format!("router '{router}' isn't of this site")));
                }
            }
        }
    }

    /// Looks from a router, beside everything else; two looks at once are enough for one.
    fn look(&self, id: u64, router: &str, look: LookingGlass) {
        let Some(known) = self.routers.get(router) else {
            self.outbox.answer(id, Err(format!("router '{router}' isn't of this site")));
            return;
        };
        let Ok(turn) = known.looks.clone().try_acquire_owned() else {
            let busy = format!("router '{router}' is busy with other looks; ask again in some seconds");
            self.outbox.answer(id, Err(busy));
            return;
        };
        let (access, outbox) = (known.access.clone(), self.outbox.clone());
        tokio::spawn(async move {
            let shown = looking_glass::look(&access, look).await;
            drop(turn);
            outbox.answer(id, shown.map(|output| EdgeAnswer::LookingGlass { output }));
        });
    }

    fn event(&self, event: StationEvent) {
        match event {
            StationEvent::Routes(routes) => {
                let router = routes.router.clone();
                self.tell(&router, ToRouter::Routes(Box::new(routes)));
            }
            StationEvent::PeerUp { router, .. } => {
                self.tell(&router, ToRouter::Session(None));
            }
            StationEvent::PeerDown { router, session, .. } => {
                self.tell(&router, ToRouter::Session(Some(session)));
            }
            StationEvent::RefreshWanted { router, session, peer_address } => {
                self.repeat_received(router, session, peer_address);
            }
            StationEvent::Connected { router } => {
                self.tell(&router, ToRouter::Bmp(true));
            }
            StationEvent::Disconnected { router } => {
                self.tell(&router, ToRouter::Bmp(false));
            }
        }
    }

    /// Has a router repeat the routes of a session that the station is in doubt of.
    fn repeat_received(&self, router: String, session: String, peer: IpAddr) {
        let Some(frr) = self.routers.get(&router).map(|known| routers::driver(&known.access)) else {
            return;
        };
        let station = self.station.clone();
        tokio::spawn(async move {
            station.refresh(&router, &session);
            if let Err(error) = frr.repeat_received(peer).await {
                tracing::warn!(router, session, %error, "the session's routes can't be had again yet");
            }
        });
    }

    /// Has everything told anew, to a control plane that connected.
    fn refresh(&mut self) {
        for known in self.routers.values_mut() {
            known.assembly = Assembly::default();
            // A task that ended is replaced with the next list of routers.
            let _ = known.inbox.send(ToRouter::Refresh);
        }
        self.station.tell_again();
        for outcome in self.probes.newest() {
            self.outbox.probed(outcome);
        }
    }

    fn tell(&self, router: &str, message: ToRouter) -> bool {
        self.routers.get(router).is_some_and(|known| known.inbox.send(message).is_ok())
    }
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
