//! One router's side of BMP: a state machine that is handed messages and times, and keeps its
//! sessions' routes, summaries to tell and events. Owns no socket, reads no clock.
//!
//! Nothing here takes long: what may be much is put off and done in slices ([`Router::work`]).

use super::as_path::strip_first;
use super::decode::{Malformed, Message, Routes};
use super::judging::Judge;
use super::rib::Rib;
use super::session::Session;
use super::{StationEvent, StationSession};
use foldhash::fast::RandomState;
use jiff::Timestamp;
use meetme_model::asn::Asn;
use meetme_model::route::RouteAttributes;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Summaries of one session are at least this far apart.
pub(super) const SUMMARY_INTERVAL: Duration = Duration::from_millis(100);
/// Summaries made at once; the rest follows when others had their turn.
const SUMMARIES_PER_TURN: usize = 16;
/// A Peer Up this early on a connection belongs to the dump.
const DUMP_BEGINS_WITHIN: Duration = Duration::from_secs(1);
/// A session without Peer Up so long after the connection isn't established.
const PEERS_TOLD_WITHIN: Duration = Duration::from_secs(5);
/// Peers remembered, configured or not.
const MAX_PEERS: usize = 4096;
/// Events kept for a slow listener; beyond it the oldest go (summaries are told whole anyway).
const MAX_EVENTS: usize = 4096;

/// A configured router.
///
/// What FRR (8.4 at least) does otherwise than RFC 7854, each seen in the recordings of the tests:
/// - it prepends its own ASN to every AS path, as if it sent the route on: taken off again, unless
///   the peer's paths were seen without it;
/// - a peer without four-octet ASNs comes with two-octet AS paths and AS4_PATH, but without the
///   A flag: told by the paths themselves, see [`super::as_path`];
/// - End-of-RIB is sent at the end of the dump at connection only, never for a session that comes
///   up later: silence ends its initial routes;
/// - Peer Up and Peer Down carry the time of boot: not used;
/// - a route that the inbound route-map denies, and one that has the router's own ASN, is told as a
///   withdrawal, unless another path for the same prefix exists.
#[derive(Debug)]
pub(super) struct Router {
    name: String,
    /// Where it connects from.
    pub(super) source: IpAddr,
    sessions: HashMap<IpAddr, Session, RandomState>,
    by_name: BTreeMap<String, IpAddr>,
    rib: Rib,
    /// Sessions to look at: told anew, initial routes coming in, or in doubt.
    queue: VecDeque<IpAddr>,
    /// Sessions that a changed policy isn't in yet.
    behind: VecDeque<IpAddr>,
    events: VecDeque<StationEvent>,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    ended: CancellationToken,
    frr: bool,
    since: Instant,
    /// Past the dump at connection: a Peer Up from now on is a new session.
    dumped: bool,
    /// Sessions that weren't told of are known to be down.
    peers_told: bool,
    last_route: Instant,
    peers: HashMap<IpAddr, Peer, RandomState>,
    /// Peers whose messages were passed over because no session is configured for them.
    unheard: HashSet<IpAddr>,
}

/// What the router's OPEN and the paths seen tell of an established peer.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    local_asn: Option<Asn>,
    /// A path came that doesn't begin with the router's own ASN: it prepends none.
    is_plain: bool,
}

impl Router {
    /// A router that isn't connected.
    pub(super) fn new(name: String, source: IpAddr) -> Self {
        Self {
            name,
            source,
            sessions: HashMap::default(),
            by_name: BTreeMap::new(),
            rib: Rib::default(),
            queue: VecDeque::new(),
            behind: VecDeque::new(),
            events: VecDeque::new(),
            connection: None,
        }
    }

    /// A session by name.
    pub(super) fn session(&self, name: &str) -> Option<&Session> {
        self.by_name.get(name).and_then(|peer| self.sessions.get(peer))
    }

    /// The routes of all sessions.
    pub(super) fn rib(&self) -> &Rib {
        &self.rib
    }

    /// A new connection; one that was open is ended. The token is cancelled when this one is to end.
    pub(super) fn connected(&mut self, at: Instant) -> CancellationToken {
        if let Some(old) = self.connection.take() {
            old.ended.cancel();
        }
        let ended = CancellationToken::new();
        self.connection = Some(Connection {
            ended: ended.clone(),
            frr: false,
            since: at,
            dumped: false,
            peers_told: false,
            last_route: at,
            peers: HashMap::default(),
            unheard: HashSet::new(),
        });
        self.mark_lost("the router connected anew");
        self.event(StationEvent::Connected { router: self.name.clone() });
        ended
    }

    /// The connection that `ended` belongs to is gone, because of `reason`.
    pub(super) fn disconnected(&mut self, ended: &CancellationToken, reason: &str) {
        // A cancelled one was replaced, or ended by `end`: either way the next one tells all anew.
        let current = self.connection.take_if(|_| !ended.is_cancelled());
        if current.is_some() {
            self.lost(reason);
        }
    }

    /// Ends the connection, if there is one, so that the router connects again and sends all.
    pub(super) fn end(&mut self, reason: &str) {
        if let Some(connection) = self.connection.take() {
            connection.ended.cancel();
            self.lost(reason);
        }
    }

    fn lost(&mut self, reason: &str) {
        self.mark_lost(reason);
        self.event(StationEvent::Disconnected { router: self.name.clone() });
    }

    fn mark_lost(&mut self, reason: &str) {
        for session in self.sessions.values_mut() {
            session.lost(reason);
        }
        self.queue_all();
    }

    /// Takes away the sessions that `wanted` doesn't have any more, or has at another peer.
    pub(super) fn retain(&mut self, wanted: &HashMap<String, IpAddr>) {
        let gone: Vec<(String, IpAddr)> = self
            .by_name
            .iter()
            .filter(|(name, peer)| wanted.get(*name) != Some(peer))
            .map(|(name, peer)| (name.clone(), *peer))
            .collect();
        for (name, peer) in gone {
            self.by_name.remove(&name);
            if let Some(mut session) = self.sessions.remove(&peer) {
                session.void(&mut self.rib);
            }
            if let Some(connection) = &mut self.connection
                && connection.peers.contains_key(&peer)
            {
                connection.unheard.insert(peer);
            }
        }
    }

    /// Adds a session or changes its policy. The routes of one whose peer was passed over until now
    /// are asked for, because BMP can't be asked to repeat; where nobody was listened to yet, by a
    /// new connection.
    pub(super) fn configure(&mut self, wanted: StationSession, judge: Judge, at: Instant) {
        let peer = wanted.peer_address;
        if let Some(known) = self.sessions.get_mut(&peer).filter(|known| known.name() == wanted.name) {
            known.set_policy(judge);
            if known.adj_rib_in().is_behind() && !self.behind.contains(&peer) {
                self.behind.push_back(peer);
            }
            self.look_at(peer);
            return;
        }
        let mut session = Session::new(wanted.name.clone(), peer, judge, &mut self.rib);
        let mut is_missed = false;
        if let Some(connection) = &mut self.connection {
            is_missed = connection.unheard.remove(&peer);
            if is_missed {
                session.missed(at);
            }
        }
        let listened_to = |peer: &IpAddr| self.sessions.contains_key(peer);
        let is_first = self.connection.as_ref().is_some_and(|c| !c.peers.keys().any(listened_to));
        self.by_name.insert(wanted.name, peer);
        if let Some(mut replaced) = self.sessions.insert(peer, session) {
            self.by_name.remove(replaced.name());
            replaced.void(&mut self.rib);
        }
        if is_missed && is_first {
            self.end(
                "sessions were added that the router had already told of; it is asked for their routes again",
            );
        }
        self.look_at(peer);
    }

    /// The router was asked to send a session's routes again: see [`Session::refresh`].
    pub(super) fn refresh(&mut self, session: &str, at: Instant) {
        let Some(&peer) = self.by_name.get(session) else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.refresh(at, &mut self.rib);
        }
        self.look_at(peer);
    }

    /// Acts on one message. False when the router closes the connection.
    pub(super) fn handle(
        &mut self,
        message: Result<Message, Malformed>,
        now: Timestamp,
        at: Instant,
    ) -> bool {
        match message {
            Ok(Message::Initiation { description }) => {
                if let Some(connection) = &mut self.connection {
                    connection.frr = description.starts_with("FRR");
                }
            }
            Ok(Message::Termination) => return false,
            Ok(Message::PeerUp { peer, local_asn }) => self.peer_up(peer, local_asn, at),
            Ok(Message::PeerDown { peer, reason }) => self.peer_down(peer, reason),
            Ok(Message::Routes(routes)) => self.routes(routes, now, at),
            Ok(Message::Other) => {}
            Err(malformed) => tracing::warn!(router = self.name, peer = ?malformed.peer, "{malformed}"),
        }
        true
    }

    fn peer_up(&mut self, peer: IpAddr, local_asn: Option<Asn>, at: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.peers.len() < MAX_PEERS || connection.peers.contains_key(&peer) {
            connection.peers.insert(peer, Peer { local_asn, is_plain: false });
        }
        let dump = !connection.dumped && at < connection.since + DUMP_BEGINS_WITHIN;
        let Some(session) = self.sessions.get_mut(&peer) else {
            if connection.unheard.len() < MAX_PEERS {
                connection.unheard.insert(peer);
            }
            return;
        };
        session.peer_up(dump, at, &mut self.rib);
        let session = session.name().to_owned();
        self.event(StationEvent::PeerUp { router: self.name.clone(), session });
        self.look_at(peer);
    }

    fn peer_down(&mut self, peer: IpAddr, reason: String) {
        if let Some(connection) = &mut self.connection {
            connection.peers.remove(&peer);
            connection.unheard.remove(&peer);
        }
        let Some(session) = self.sessions.get_mut(&peer) else {
            return;
        };
        session.void(&mut self.rib);
        let session = session.name().to_owned();
        self.event(StationEvent::PeerDown { router: self.name.clone(), session, reason });
        self.look_at(peer);
    }

    fn routes(&mut self, routes: Routes, now: Timestamp, at: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let (peer, update) = (routes.peer, routes.update);
        // The markers at the end of the dump come for one peer after the other, without a Peer Up
        // in between that would belong to the dump still.
        connection.dumped |= update.end_of_rib_ipv4.is_some();
        let Some(session) = self.sessions.get_mut(&peer) else {
            if connection.unheard.len() < MAX_PEERS {
                connection.unheard.insert(peer);
            }
            return;
        };
        connection.last_route = at;
        session.heard(at);
        for prefix in update.withdrawn {
            session.withdraw(prefix, &mut self.rib);
        }
        let received_at = routes.received_at.unwrap_or(now);
        for (mut attributes, prefixes) in update.announced {
            connection.strip_own_asn(peer, &mut attributes);
            let shared = self.rib.share(&attributes);
            for prefix in prefixes {
                session.announce(prefix, (&attributes, &shared), received_at, &mut self.rib);
            }
            self.rib.give_back(shared);
        }
        if let Some(unread) = &update.unread
            && session.unread(unread, at, &mut self.rib)
        {
            let (router, session) = (&self.name, session.name());
            tracing::warn!(router, session, reason = unread.reason, "part of an UPDATE can't be read");
        }
        if let Some(ipv4) = update.end_of_rib_ipv4 {
            session.end_of_rib(ipv4);
        }
        self.look_at(peer);
    }

    fn event(&mut self, event: StationEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn look_at(&mut self, peer: IpAddr) {
        if let Some(session) = self.sessions.get_mut(&peer)
            && !std::mem::replace(&mut session.queued, true)
        {
            self.queue.push_back(peer);
        }
    }

    fn queue_all(&mut self) {
        let peers: Vec<IpAddr> = self.by_name.values().copied().collect();
        for peer in peers {
            self.look_at(peer);
        }
    }

    /// Has every summary told again.
    pub(super) fn tell_again(&mut self) {
        for session in self.sessions.values_mut() {
            session.changed = true;
        }
        self.queue_all();
    }

    /// Has one session's summary told again.
    pub(super) fn tell_session_again(&mut self, name: &str) {
        let Some(&peer) = self.by_name.get(name) else { return };
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.changed = true;
        }
        self.look_at(peer);
    }

    /// Judges again and takes out what is gone, about `budget` routes of it. False when nothing is
    /// left to do.
    pub(super) fn work(&mut self, mut budget: usize) -> bool {
        while budget > 0
            && let Some(&peer) = self.behind.front()
        {
            let session = self.sessions.get_mut(&peer);
            let is_done = session.is_none_or(|session| {
                budget = session.judge_again(budget, &mut self.rib);
                !session.adj_rib_in().is_behind()
            });
            if is_done {
                self.behind.pop_front();
                self.look_at(peer);
            }
        }
        self.rib.sweep(budget);
        self.has_work()
    }

    /// Whether something was put off.
    pub(super) fn has_work(&self) -> bool {
        self.rib.has_remains() || !self.behind.is_empty()
    }

    /// Everything there is to tell now, and when there will be more without a further message.
    pub(super) fn tell(
        &mut self,
        now: Timestamp,
        at: Instant,
        out: &mut Vec<StationEvent>,
    ) -> Option<Instant> {
        let mut next = self.note_absent_peers(at);
        out.extend(self.events.drain(..));
        let last_route = self.connection.as_ref().map(|c| c.last_route);
        let mut summaries = 0;
        for _ in 0..self.queue.len() {
            let Some(peer) = self.queue.pop_front() else { break };
            let Some(session) = self.sessions.get_mut(&peer) else { continue };
            let settled = last_route.map(|last| session.settle(at, last)).unwrap_or_default();
            if settled.wants_refresh {
                let (router, session) = (self.name.clone(), session.name().to_owned());
                out.push(StationEvent::RefreshWanted { router, session, peer_address: peer });
            }
            // What a changed policy isn't in yet isn't told: it would be true of neither.
            let is_ready = session.changed && !session.adj_rib_in().is_behind();
            let tell_at = is_ready.then(|| session.told_at.map_or(at, |told| told + SUMMARY_INTERVAL));
            let mut due = settled.due;
            match tell_at {
                Some(tell_at) if tell_at > at || summaries == SUMMARIES_PER_TURN => {
                    due = Some(due.map_or(tell_at, |due| due.min(tell_at)));
                }
                Some(_) => {
                    summaries += 1;
                    session.changed = false;
                    session.told_at = Some(at);
                    out.push(StationEvent::Routes(session.summary(&self.name, now, &self.rib)));
                }
                None => {}
            }
            session.queued = due.is_some();
            if let Some(due) = due {
                self.queue.push_back(peer);
                next = Some(next.map_or(due, |n| n.min(due)));
            }
        }
        next
    }

    /// Sessions that the router hasn't told of are down. Returns when to look again.
    fn note_absent_peers(&mut self, at: Instant) -> Option<Instant> {
        let connection = self.connection.as_mut().filter(|c| !c.peers_told)?;
        let due = connection.since + PEERS_TOLD_WITHIN;
        if at < due {
            return Some(due);
        }
        connection.peers_told = true;
        for session in self.sessions.values_mut() {
            session.not_told_of(&mut self.rib);
        }
        self.queue_all();
        None
    }

    /// Every session's summary.
    #[cfg(test)]
    pub(super) fn summaries(&mut self, now: Timestamp) -> Vec<meetme_model::link::SessionRoutes> {
        let sessions = self.sessions.values_mut();
        sessions.map(|session| session.summary(&self.name, now, &self.rib)).collect()
    }
}

impl Connection {
    /// Takes off the ASN that FRR puts in front of every path.
    fn strip_own_asn(&mut self, peer: IpAddr, attributes: &mut RouteAttributes) {
        if !self.frr {
            return;
        }
        let Some(known) = self.peers.get_mut(&peer) else {
            return;
        };
        let (Some(own), Some(first)) = (known.local_asn, attributes.as_path.first()) else {
            return;
        };
        known.is_plain |= own != first;
        if !known.is_plain {
            strip_first(&mut attributes.as_path, own);
        }
    }
}
