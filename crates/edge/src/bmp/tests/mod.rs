//! The station's tests: messages are built by hand ([`wire`]) or recorded from FRR 8.4, fed to a
//! router's state ([`verdicts`], [`odd`], [`trust`], [`recorded`]) or sent over TCP ([`tcp`]).

mod mutated;
mod odd;
mod recorded;
mod tcp;
mod trust;
mod verdicts;
mod wire;

use super::decode::decode;
use super::judging::Judge;
use super::rib::Entry;
use super::router::Router;
use super::{StationEvent, StationSession};
use jiff::Timestamp;
use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::community::Community;
use meetme_model::link::SessionRoutes;
use meetme_model::prefix::Prefix;
use meetme_model::route::{PrefixPolicy, PrefixRole, SessionPolicy};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const PEER: &str = "198.18.192.0";
const OTHER: &str = "198.18.192.2";
const PEER_ASN: u32 = 64510;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn p(text: &str) -> Prefix {
    text.parse().unwrap()
}

/// A Voice session's policy with some registered prefixes.
pub(super) fn policy(peer: &str, registered: &[&str]) -> SessionPolicy {
    SessionPolicy {
        host_asn: Asn(64500),
        peer_asn: Asn(PEER_ASN),
        route_server: false,
        behind: [].into(),
        next_hop: ip(peer),
        host_space: [p("198.18.0.0/17")].into(),
        max_length: if ip(peer).is_ipv4() { 29 } else { 64 },
        registration_required: true,
        ordinary_used: false,
        community: Some(Community::Standard(8075, 8007)),
        long_prefix_max_path: 3,
        max_path: None,
        prefixes: registered
            .iter()
            .map(|text| PrefixPolicy { prefix: p(text), role: PrefixRole::Registered })
            .collect(),
        space: PublicSpace {
            asns: vec![(64496, 64511), (200_000, 200_000)],
            prefixes: vec![p("198.18.0.0/15"), p("2001:db8::/32")],
        }
        .into(),
    }
}

fn session(name: &str, peer: &str, registered: &[&str]) -> StationSession {
    StationSession { name: name.to_owned(), peer_address: ip(peer), policy: policy(peer, registered) }
}

/// A router's state with a clock of its own.
struct Rig {
    router: Router,
    at: Instant,
    events: Vec<StationEvent>,
}

impl Rig {
    /// Connected, with sessions `a` (peer [`PEER`]) and `b` (peer [`OTHER`]), nothing received yet.
    fn new(registered: &[&str]) -> Self {
        let mut rig = Self::with(vec![session("a", PEER, registered), session("b", OTHER, registered)]);
        rig.connect();
        rig
    }

    fn with(sessions: Vec<StationSession>) -> Self {
        let router = Router::new("er1".to_owned(), ip("192.0.2.11"));
        let mut rig = Self { router, at: Instant::now(), events: Vec::new() };
        rig.configure(sessions);
        rig
    }

    /// Sets the sessions as the station does, and waits until they are judged by that.
    fn configure(&mut self, sessions: Vec<StationSession>) {
        self.configure_only(sessions);
        while self.router.work(100) {}
    }

    fn configure_only(&mut self, sessions: Vec<StationSession>) {
        let names: HashMap<_, _> = sessions.iter().map(|s| (s.name.clone(), s.peer_address)).collect();
        self.router.retain(&names);
        for session in sessions {
            let judge = Judge::new(session.policy.clone());
            self.router.configure(session, judge, self.at);
        }
    }

    fn connect(&mut self) {
        self.router.connected(self.at);
    }

    /// Both sessions up, dump ended.
    fn synced(registered: &[&str]) -> Self {
        let mut rig = Self::new(registered);
        rig.feed(wire::peer_up(PEER));
        rig.feed(wire::peer_up(OTHER));
        rig.feed(wire::end_of_rib(PEER));
        rig.feed(wire::end_of_rib(OTHER));
        rig
    }

    fn feed(&mut self, message: Vec<u8>) {
        self.router.handle(decode(&message), Timestamp::UNIX_EPOCH, self.at);
    }

    fn feed_stream(&mut self, mut stream: &[u8]) {
        while !stream.is_empty() {
            let length = u32::from_be_bytes(stream[1..5].try_into().unwrap());
            let (message, rest) = stream.split_at(length.try_into().unwrap());
            self.feed(message.to_vec());
            stream = rest;
        }
    }

    fn announce(&mut self, prefix: &str, path: &[u32]) {
        self.feed(wire::Update::new(PEER).path(path).announce(prefix).bmp());
    }

    fn withdraw(&mut self, prefix: &str) {
        self.feed(wire::Update::new(PEER).withdraw(prefix).bmp());
    }

    fn advance(&mut self, by: Duration) -> Option<Instant> {
        self.at += by;
        self.router.tell(Timestamp::UNIX_EPOCH, self.at, &mut self.events)
    }

    fn summary(&mut self, session: &str) -> SessionRoutes {
        let all = self.router.summaries(Timestamp::UNIX_EPOCH);
        all.into_iter().find(|s| s.session == session).unwrap()
    }

    fn faults(&self, session: &str, prefix: &str) -> Vec<&'static str> {
        let entry = self.entry(session, prefix).unwrap();
        entry.verdict().0.faults.iter().map(|f| f.code()).collect()
    }

    fn entry(&self, session: &str, prefix: &str) -> Option<&Entry> {
        let session = self.router.session(session).unwrap();
        session.adj_rib_in().entry(p(prefix), self.router.rib())
    }
}
