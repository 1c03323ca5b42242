//! One router's side of BMP: a state machine that is handed messages and times, and keeps its
//! sessions' tables, summaries to tell and events. Owns no socket, reads no clock.

use super::decode::{Malformed, MalformedKind, Message, PeerInfo, Quirks, Routes};
use super::session::Session;
use super::table::Shared;
use super::{StationEvent, StationSession};
use jiff::Timestamp;
use meetme_model::asn::Asn;
use meetme_model::link::SessionRoutes;
use meetme_model::prefix::Prefix;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Summaries of one session are at least this far apart.
pub(super) const SUMMARY_INTERVAL: Duration = Duration::from_millis(100);
/// A session that a malformed message made doubtful, and that wasn't refreshed by then, is
/// resynchronised by a new connection …
const RESYNC_AFTER: Duration = Duration::from_secs(10);
/// … at most this often, because the router's other sessions are told anew too.
const RESYNC_INTERVAL: Duration = Duration::from_secs(60);
/// A Peer Up this early on a connection belongs to the dump.
const DUMP_BEGINS_WITHIN: Duration = Duration::from_secs(1);
/// Peers remembered, configured or not.
const MAX_PEERS: usize = 4096;
/// Events kept for a slow listener; beyond it the oldest go (summaries are told whole anyway).
const MAX_EVENTS: usize = 4096;

/// A configured router.
///
/// What FRR (8.4 at least) does otherwise than RFC 7854, each seen in the recordings of the tests:
/// - it prepends its own ASN to every AS path, as if it sent the route on: taken off again;
/// - a peer without four-octet ASNs comes with two-octet AS paths and AS4_PATH, but without the
///   A flag: told by the OPEN messages of Peer Up;
/// - End-of-RIB is sent at the end of the dump at connection only, never for a session that comes
///   up later: silence ends its initial routes;
/// - Peer Up and Peer Down carry the time of boot: not used;
/// - a route that the inbound route-map denies is told as a withdrawal, unless another path for
///   the same prefix exists: see [`super::session`]'s alarm.
#[derive(Debug)]
pub(super) struct Router {
    name: String,
    /// Where it connects from.
    pub(super) source: IpAddr,
    sessions: BTreeMap<String, Session>,
    by_peer: HashMap<IpAddr, String>,
    shared: Shared,
    events: VecDeque<StationEvent>,
    connection: Option<Connection>,
    /// When a connection was last ended because of a malformed message.
    resynchronised: Option<Instant>,
}

#[derive(Debug)]
struct Connection {
    ended: CancellationToken,
    frr: bool,
    since: Instant,
    /// Past the dump at connection: a Peer Up from now on is a new session.
    dumped: bool,
    last_route: Instant,
    peers: HashMap<IpAddr, PeerInfo>,
    /// Peers whose messages were passed over because no session is configured for them.
    unheard: HashSet<IpAddr>,
}

impl Router {
    /// A router that isn't connected.
    pub(super) fn new(name: String, source: IpAddr) -> Self {
        Self {
            name,
            source,
            sessions: BTreeMap::new(),
            by_peer: HashMap::new(),
            shared: Shared::default(),
            events: VecDeque::new(),
            connection: None,
            resynchronised: None,
        }
    }

    /// A session by name.
    pub(super) fn session(&self, name: &str) -> Option<&Session> {
        self.sessions.get(name)
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
            last_route: at,
            peers: HashMap::new(),
            unheard: HashSet::new(),
        });
        for session in self.sessions.values_mut() {
            session.void(&mut self.shared);
        }
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
        for session in self.sessions.values_mut() {
            session.lost(reason);
        }
        self.event(StationEvent::Disconnected { router: self.name.clone() });
    }

    /// Sets the sessions. A peer that was passed over until now needs a new connection, because BMP
    /// can't be asked to repeat.
    pub(super) fn configure(&mut self, wanted: Vec<StationSession>) {
        let names: HashSet<&str> = wanted.iter().map(|s| s.name.as_str()).collect();
        let peers: HashMap<&str, IpAddr> = wanted.iter().map(|s| (s.name.as_str(), s.peer_address)).collect();
        let gone: Vec<String> = self
            .sessions
            .iter()
            .filter(|(name, s)| !names.contains(name.as_str()) || peers[name.as_str()] != s.peer_address())
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            if let Some(mut session) = self.sessions.remove(&name) {
                session.void(&mut self.shared);
                self.by_peer.remove(&session.peer_address());
                if let Some(connection) = &mut self.connection
                    && connection.peers.contains_key(&session.peer_address())
                {
                    connection.unheard.insert(session.peer_address());
                }
            }
        }
        let mut missed = false;
        for session in wanted {
            self.by_peer.insert(session.peer_address, session.name.clone());
            if let Some(known) = self.sessions.get_mut(&session.name) {
                known.set_policy(session.policy, &mut self.shared);
                continue;
            }
            missed |= self.connection.as_ref().is_some_and(|c| c.unheard.contains(&session.peer_address));
            let new = Session::new(session.peer_address, session.policy);
            self.sessions.insert(session.name, new);
        }
        if missed {
            self.end(
                "a session was added that the router had already told of; it is asked for its routes again",
            );
        }
    }

    /// The router was asked to send a session's routes again: forgets them, and takes what comes
    /// until silence as all of them.
    pub(super) fn refresh(&mut self, session: &str, at: Instant) {
        let known = self.sessions.get_mut(session);
        let Some(session) = known.filter(|s| s.doubtful_since().is_some()) else {
            return;
        };
        session.peer_up(false, at, &mut self.shared);
    }

    /// Ends the connection when a session stays doubtful, since BMP can't be asked to repeat.
    /// Returns when to look again.
    fn resynchronise(&mut self, at: Instant) -> Option<Instant> {
        self.connection.as_ref()?;
        let doubtful = self.sessions.values().filter_map(Session::doubtful_since);
        let healed_by = doubtful.min()? + RESYNC_AFTER;
        let due = match self.resynchronised {
            Some(last) => healed_by.max(last + RESYNC_INTERVAL),
            None => healed_by,
        };
        if at < due {
            return Some(due);
        }
        self.resynchronised = Some(at);
        self.end("the connection was ended to receive everything again after a malformed message");
        None
    }

    /// How messages about `peer` are to be read.
    pub(super) fn quirks(&self, peer: IpAddr) -> Quirks {
        let Some(connection) = self.connection.as_ref().filter(|c| c.frr) else {
            return Quirks::default();
        };
        let info = connection.peers.get(&peer);
        Quirks {
            two_octet_as_path: info.is_some_and(|i| !i.four_octet_as),
            own_asn_prepended: info.map(|i| i.local_asn),
        }
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
            Ok(Message::PeerUp { peer, info }) => self.peer_up(peer, Some(info), at),
            Ok(Message::PeerDown { peer, reason }) => self.peer_down(peer, reason),
            Ok(Message::Routes(routes)) => self.routes(*routes, now, at),
            Ok(Message::Other) => {}
            Err(malformed) => self.malformed(malformed, at),
        }
        true
    }

    fn peer_up(&mut self, peer: IpAddr, info: Option<PeerInfo>, at: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.peers.len() < MAX_PEERS || connection.peers.contains_key(&peer) {
            let unknown = PeerInfo { local_asn: Asn(0), four_octet_as: true };
            connection.peers.insert(peer, info.unwrap_or(unknown));
        }
        let Some(name) = self.by_peer.get(&peer) else {
            connection.unheard.insert(peer);
            return;
        };
        let dump = !connection.dumped && at < connection.since + DUMP_BEGINS_WITHIN;
        if let Some(session) = self.sessions.get_mut(name) {
            session.peer_up(dump, at, &mut self.shared);
        }
        let event = StationEvent::PeerUp { router: self.name.clone(), session: name.clone() };
        self.event(event);
    }

    fn peer_down(&mut self, peer: IpAddr, reason: String) {
        if let Some(connection) = &mut self.connection {
            connection.peers.remove(&peer);
            connection.unheard.remove(&peer);
        }
        let Some(name) = self.by_peer.get(&peer) else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(name) {
            session.void(&mut self.shared);
        }
        let event = StationEvent::PeerDown { router: self.name.clone(), session: name.clone(), reason };
        self.event(event);
    }

    fn routes(&mut self, routes: Routes, now: Timestamp, at: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        // The markers at the end of the dump come for one peer after the other, without a Peer Up
        // in between that would belong to the dump still.
        connection.dumped |= routes.end_of_rib_ipv4.is_some();
        let Some(session) = self.by_peer.get(&routes.peer).and_then(|name| self.sessions.get_mut(name))
        else {
            if connection.unheard.len() < MAX_PEERS {
                connection.unheard.insert(routes.peer);
            }
            return;
        };
        connection.last_route = at;
        for prefix in routes.withdrawn {
            session.withdraw(prefix, at, &mut self.shared);
        }
        let received_at = routes.received_at.unwrap_or(now);
        for (attributes, prefixes) in routes.announced {
            let attributes = self.shared.attributes.share(attributes);
            for prefix in prefixes {
                session.announce(prefix, &attributes, received_at, at, &mut self.shared);
            }
            self.shared.attributes.release(attributes);
        }
        if let Some(ipv4) = routes.end_of_rib_ipv4 {
            session.end_of_rib(ipv4);
        }
    }

    fn malformed(&mut self, malformed: Malformed, at: Instant) {
        let session = malformed.peer.and_then(|peer| self.by_peer.get(&peer)).cloned();
        tracing::warn!(router = self.name, session, "{malformed}");
        let text = malformed.to_string();
        let Some(peer) = malformed.peer else {
            return;
        };
        let (destinations, complete): (Vec<Prefix>, bool) = match malformed.kind {
            MalformedKind::Routes { destinations, complete } => (destinations, complete),
            MalformedKind::PeerUp => {
                self.peer_up(peer, None, at);
                (Vec::new(), false)
            }
            MalformedKind::Other => (Vec::new(), false),
        };
        if let Some(session) = session.and_then(|name| self.sessions.get_mut(&name)) {
            session.malformed(text, &destinations, complete, at, &mut self.shared);
        }
    }

    fn event(&mut self, event: StationEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Everything there is to tell now, and when there will be more without a further message.
    pub(super) fn tell(
        &mut self,
        now: Timestamp,
        at: Instant,
        out: &mut Vec<StationEvent>,
    ) -> Option<Instant> {
        let mut next = self.resynchronise(at);
        out.extend(self.events.drain(..));
        let mut wait_until = |due: Instant| next = Some(next.map_or(due, |n| n.min(due)));
        for (name, session) in &mut self.sessions {
            if let Some(connection) = &mut self.connection
                && let Some(due) = session.settle(at, connection.last_route)
            {
                wait_until(due);
            }
            if !session.changed {
                continue;
            }
            match session.told_at.map(|t| t + SUMMARY_INTERVAL) {
                Some(due) if due > at => wait_until(due),
                _ => {
                    session.changed = false;
                    session.told_at = Some(at);
                    out.push(StationEvent::Routes(session.summary(&self.name, name, now)));
                }
            }
        }
        next
    }

    /// Every session's summary.
    pub(super) fn summaries(&self, now: Timestamp) -> Vec<SessionRoutes> {
        let sessions = self.sessions.iter();
        sessions.map(|(name, session)| session.summary(&self.name, name, now)).collect()
    }

    /// Distinct attributes and verdicts kept.
    #[cfg(test)]
    pub(super) fn shared_len(&self) -> (usize, usize) {
        (self.shared.attributes.len(), self.shared.verdicts.len())
    }
}
