//! The control plane's end of the links to the edges (`docs/ARCHITECTURE.md`, the link).
//!
//! One link per site. Down go the site's routers and their newest intents; up come states, apply
//! results and route summaries, which are written down where reconcilers find them. Questions go
//! through [`Links::query`]. Decides nothing.

use crate::{intents, observe, probes, samples};
use futures::{SinkExt, StreamExt};
use meetme_model::inventory::{Inventory, RouterAccess};
use meetme_model::link::{
    EdgeAnswer, EdgeQuery, GatheredState, LINK_VERSION, MAX_FRAME_BYTES, ToControl, ToEdge,
};
use meetme_store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use tracing::{info, warn};

/// An edge that was restarted is back within this time; only then its routers count as unseen.
const ABSENCE_GRACE: Duration = Duration::from_secs(10);
/// New intents are noticed at once in this process, and within this time from another one.
const INTENT_POLL: Duration = Duration::from_secs(2);
/// A question to an edge is answered within this time or not at all.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Questions that may wait for a slow edge.
const QUEUE: usize = 256;

/// All links of this process.
pub struct Links {
    store: Store,
    sites: Mutex<HashMap<String, Site>>,
    epoch: AtomicU64,
    next_query: AtomicU64,
    pending: Mutex<HashMap<u64, oneshot::Sender<Result<EdgeAnswer, String>>>>,
    /// Counts changes of intents and routers; a receiver never misses one.
    intents_changed: watch::Sender<u64>,
}

struct Site {
    epoch: u64,
    sender: mpsc::Sender<ToEdge>,
}

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("the edge closed the link")]
    Closed,
    #[error("the first message wasn't a hello")]
    NoHello,
    #[error("a message came out of turn")]
    OutOfTurn,
    #[error("{0}")]
    Refused(String),
    #[error("the stream broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("a message couldn't be read: {0}")]
    Message(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Frames<S> = Framed<S, LengthDelimitedCodec>;

impl Links {
    /// No links yet.
    pub fn new(store: Store) -> Arc<Self> {
        Arc::new(Self {
            store,
            sites: Mutex::default(),
            epoch: AtomicU64::new(1),
            next_query: AtomicU64::new(1),
            pending: Mutex::default(),
            intents_changed: watch::Sender::new(0),
        })
    }

    /// Tells every link of this process that there are new intents or routers.
    pub fn intents_changed(&self) {
        self.intents_changed.send_modify(|n| *n += 1);
    }

    /// Serves one edge until its link ends. Works over any byte stream.
    pub async fn serve(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + Unpin) {
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
        let mut frames = Framed::new(stream, codec);
        let site = match self.greet(&mut frames).await {
            Ok(site) => site,
            Err(e) => {
                warn!("an edge was refused: {e}");
                let _ = send(&mut frames, &ToEdge::Refused { reason: e.to_string() }).await;
                return;
            }
        };
        let (sender, receiver) = mpsc::channel(QUEUE);
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed);
        // A newer link of the same site takes over: dropping the old sender ends the old link.
        self.lock_sites().insert(site.clone(), Site { epoch, sender });
        info!(site, "edge linked");
        let end = self.exchange(&site, frames, receiver).await;
        if let Err(e) = end {
            info!(site, "edge link ended: {e}");
        }
        let gone = {
            let mut sites = self.lock_sites();
            let ours = sites.get(&site).is_some_and(|s| s.epoch == epoch);
            if ours {
                sites.remove(&site);
            }
            ours
        };
        if gone {
            tokio::spawn(async move { self.absent(site).await });
        }
    }

    /// Asks the edge that has `router`.
    ///
    /// # Errors
    /// A sentence why there is no answer: no such router, no link, or the edge's own refusal.
    pub async fn query(&self, router: &str, query: EdgeQuery) -> Result<EdgeAnswer, String> {
        let inventory = self.inventory().await.map_err(|e| e.to_string())?;
        let site = inventory
            .router(router)
            .map(|r| r.site.clone())
            .ok_or_else(|| format!("there is no router '{router}' in the inventory"))?;
        let sender = self.lock_sites().get(&site).map(|s| s.sender.clone());
        let sender = sender.ok_or_else(|| format!("the edge of site {site} isn't connected"))?;
        let id = self.next_query.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.lock_pending().insert(id, answer);
        let asked = async {
            sender.send(ToEdge::Query { id, query }).await.map_err(|_| ())?;
            answered.await.map_err(|_| ())
        };
        let result = tokio::time::timeout(QUERY_TIMEOUT, asked).await;
        self.lock_pending().remove(&id);
        match result {
            Ok(Ok(answer)) => answer,
            Ok(Err(())) => Err(format!("the edge of site {site} went away")),
            Err(_) => {
                Err(format!("the edge of site {site} didn't answer within {} s", QUERY_TIMEOUT.as_secs()))
            }
        }
    }

    /// Marks the routers of sites that have no link as unseen, once edges had time to connect
    /// after a start of the control plane.
    pub async fn mark_absent_at_start(self: Arc<Self>) {
        let Ok(inventory) = self.inventory().await else {
            return;
        };
        for site in inventory.sites.iter().map(|s| s.name.clone()) {
            let links = self.clone();
            tokio::spawn(async move { links.absent(site).await });
        }
    }

    async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        frames: &mut Frames<S>,
    ) -> Result<String, LinkError> {
        let ToControl::Hello { version, site } = receive(frames).await? else {
            return Err(LinkError::NoHello);
        };
        if version != LINK_VERSION {
            return Err(LinkError::Refused(format!(
                "the edge speaks version {version} of the link and the control plane {LINK_VERSION}; run the same release on both"
            )));
        }
        let inventory = self.inventory().await?;
        if inventory.site(&site).is_none() {
            return Err(LinkError::Refused(format!("there is no site '{site}' in the inventory")));
        }
        Ok(site)
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        site: &str,
        frames: Frames<S>,
        mut queue: mpsc::Receiver<ToEdge>,
    ) -> Result<(), LinkError> {
        let (mut sink, mut source) = frames.split();
        let (mut sent, mut told) = (Sent::default(), Told::default());
        let mut poll = tokio::time::interval(INTENT_POLL);
        let mut look = true;
        let mut changed = self.intents_changed.subscribe();
        loop {
            if look {
                for message in self.news(site, &mut sent).await? {
                    send(&mut sink, &message).await?;
                }
            }
            look = tokio::select! {
                frame = source.next() => {
                    let frame = frame.ok_or(LinkError::Closed)??;
                    match serde_json::from_slice(&frame)? {
                        ToControl::IntentWanted { router } => {
                            warn!(site, router, "the edge lacks parts of the intent, sending all of them");
                            if let Some(sent) = sent.intents.get_mut(&router) {
                                sent.start_again();
                            }
                        }
                        ToControl::RouterPart { router, .. } if !sent.intents.contains_key(&router) => {}
                        ToControl::Router { state } if !sent.intents.contains_key(&state.router) => {}
                        message => self.take(site, message, &mut told).await?,
                    }
                    false
                }
                message = queue.recv() => match message {
                    Some(message) => {
                        send(&mut sink, &message).await?;
                        false
                    }
                    None => return Err(LinkError::Refused("another edge of this site connected".into())),
                },
                _ = changed.changed() => true,
                _ = poll.tick() => true,
            };
        }
    }

    /// What the edge doesn't have yet: its routers, newer intents, and what they probe.
    async fn news(&self, site: &str, sent: &mut Sent) -> Result<Vec<ToEdge>, LinkError> {
        let mut reader = self.store.read().await?;
        let mut messages = Vec::new();
        let version = meetme_store::inventory_version(&mut reader).await?;
        if version != sent.inventory_version {
            sent.inventory_version = version;
            let inventory = meetme_store::inventory_get(&mut reader).await?.map(|(_, i)| i);
            let routers: Vec<RouterAccess> = inventory
                .iter()
                .flat_map(|i| &i.routers)
                .filter(|r| r.site == site)
                .map(|r| RouterAccess {
                    router: r.name.clone(),
                    loopback: r.loopback,
                    management: r.management.clone(),
                })
                .collect();
            // A router whose access changed starts without an intent: all are sent again.
            sent.intents = routers.iter().map(|r| (r.router.clone(), intents::Sent::default())).collect();
            messages.push(ToEdge::Routers { routers });
        }
        for (router, sent) in &mut sent.intents {
            messages.extend(intents::news(&mut reader, router, sent).await?);
        }
        messages.extend(probes::news(&mut reader, site, version, &mut sent.probes).await?);
        Ok(messages)
    }

    async fn take(&self, site: &str, message: ToControl, told: &mut Told) -> Result<(), LinkError> {
        match message {
            ToControl::Hello { .. } | ToControl::IntentWanted { .. } => Err(LinkError::OutOfTurn),
            ToControl::RouterPart { router, part } => {
                told.entry(router).or_default().take(*part);
                Ok(())
            }
            ToControl::Router { state } => {
                let state = told.entry(state.router.clone()).or_default().complete(*state);
                Ok(observe::router(&self.store, state).await?)
            }
            ToControl::Applied { result } => Ok(observe::applied(&self.store, *result).await?),
            ToControl::Routes { routes } => Ok(observe::routes(&self.store, *routes).await?),
            ToControl::Samples { samples } => Ok(samples::take(&self.store, *samples).await?),
            ToControl::Probed { outcome } => Ok(probes::probed(&self.store, *outcome).await?),
            ToControl::Answer { id, answer } => {
                match self.lock_pending().remove(&id) {
                    Some(asker) => {
                        let _ = asker.send(answer);
                    }
                    None => info!(site, id, "an answer came too late"),
                }
                Ok(())
            }
        }
    }

    async fn absent(&self, site: String) {
        tokio::time::sleep(ABSENCE_GRACE).await;
        if self.lock_sites().contains_key(&site) {
            return;
        }
        let reason = format!("the edge of site {site} isn't connected");
        if let Err(e) = observe::site_unseen(&self.store, &site, &reason).await {
            warn!(site, "couldn't note that its edge is gone: {e}");
        }
    }

    async fn inventory(&self) -> Result<Arc<Inventory>, StoreError> {
        let mut reader = self.store.read().await?;
        let found = meetme_store::inventory_get(&mut reader).await?;
        found
            .map(|(_, inventory)| inventory)
            .ok_or(StoreError::NotFound { what: "inventory", key: "(none applied)".into() })
    }

    fn lock_sites(&self) -> std::sync::MutexGuard<'_, HashMap<String, Site>> {
        self.sites.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lock_pending(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<EdgeAnswer, String>>>> {
        self.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What an edge was sent on this link.
#[derive(Default)]
struct Sent {
    inventory_version: i64,
    intents: BTreeMap<String, intents::Sent>,
    probes: probes::Told,
}

/// What an edge told of its routers on this link.
type Told = HashMap<String, GatheredState>;

async fn send<S>(sink: &mut S, message: &ToEdge) -> Result<(), LinkError>
where
    S: futures::Sink<bytes::Bytes, Error = std::io::Error> + Unpin,
{
    Ok(sink.send(serde_json::to_vec(message)?.into()).await?)
}

async fn receive<S: AsyncRead + AsyncWrite + Unpin>(frames: &mut Frames<S>) -> Result<ToControl, LinkError> {
    let frame = frames.next().await.ok_or(LinkError::Closed)??;
    Ok(serde_json::from_slice(&frame)?)
}
