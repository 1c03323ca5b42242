//! A station with one router connected to it over loopback TCP, and what the station told.

use crate::fixture;
use crate::wire::{Dump, peer};
use meetme_edge::bmp::{Station, StationEvent, StationRouter, StationSession};
use meetme_model::link::SessionRoutes;
use meetme_model::prefix::Prefix;
use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub const ROUTER: &str = "er1";
/// Nothing that is measured takes longer on any machine that runs it.
const AT_MOST: Duration = Duration::from_secs(600);

pub struct Site {
    pub station: Arc<Station>,
    pub router: Router,
    sessions: u32,
    events: mpsc::Receiver<StationEvent>,
    told: HashMap<String, SessionRoutes>,
}

/// The router's end of the connection.
#[derive(Clone)]
pub struct Router(Arc<Mutex<TcpStream>>);

impl Router {
    /// Writes what was made beforehand, beside everything else.
    pub fn send(&self, bytes: Vec<u8>) -> JoinHandle<()> {
        let stream = self.0.clone();
        tokio::task::spawn_blocking(move || {
            stream.lock().expect("nobody panicked").write_all(&bytes).expect("the station reads");
        })
    }

    /// Makes a dump's routes and their ends while writing them.
    pub fn send_as_made(&self, dump: Dump) -> JoinHandle<()> {
        let stream = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let stream = stream.lock().expect("nobody panicked");
            let mut stream = BufWriter::with_capacity(1 << 20, &*stream);
            dump.routes(|update| stream.write_all(update).expect("the station reads"));
            let mut ends = Vec::new();
            dump.ends_of_rib(&mut ends);
            stream.write_all(&ends).and_then(|()| stream.flush()).expect("the station reads");
        })
    }
}

/// The sessions of a dump; the host has `host_space` besides its own.
pub fn sessions(count: u32, host_space: &[Prefix]) -> Vec<StationSession> {
    let session = |n: u32| {
        let mut policy = fixture::policy(&peer(n).to_string());
        policy.registration_required = false;
        policy.ordinary_used = true;
        policy.host_space = policy.host_space.iter().chain(host_space).copied().collect();
        StationSession { name: name(n), peer_address: peer(n).into(), policy }
    };
    (0..count).map(session).collect()
}

/// A session's name.
pub fn name(session: u32) -> String {
    format!("c{session}v4")
}

impl Site {
    /// Starts a station, connects a router to it and has its sessions told as up.
    pub async fn start(dump: &Dump) -> Self {
        let (sender, events) = mpsc::channel(4096);
        let station = Station::new(sender);
        let source = "127.0.0.1".parse().expect("an address");
        station.configure_routers(vec![StationRouter { name: ROUTER.to_owned(), bmp_source: source }]);
        station.configure_sessions(ROUTER, sessions(dump.sessions, &[]));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(station.clone().listen(listener));
        let stream = TcpStream::connect(address).expect("the station listens");
        let router = Router(Arc::new(Mutex::new(stream)));
        let mut beginning = Vec::new();
        dump.beginning(&mut beginning);
        router.send(beginning).await.expect("the router sends");
        let mut site = Self { station, router, sessions: dump.sessions, events, told: HashMap::new() };
        for _ in 0..dump.sessions {
            while !matches!(site.event().await, StationEvent::PeerUp { .. }) {}
        }
        site
    }

    async fn event(&mut self) -> StationEvent {
        let event = tokio::time::timeout(AT_MOST, self.events.recv()).await;
        let event = event.expect("the station doesn't stop").expect("the station runs");
        if let StationEvent::Routes(routes) = &event {
            self.told.insert(routes.session.clone(), routes.clone());
        }
        event
    }

    /// Waits until every session is told as in sync with so many routes.
    pub async fn settled(&mut self, routes: u32) {
        self.told_of_all(|session| session.synced && session.received == routes).await;
    }

    /// Waits until the newest told of every session is as it should be.
    pub async fn told_of_all(&mut self, is_right: impl Fn(&SessionRoutes) -> bool) {
        let mut right: HashMap<String, bool> =
            self.told.iter().map(|(name, routes)| (name.clone(), is_right(routes))).collect();
        let mut count = right.values().filter(|right| **right).count();
        while count < self.sessions as usize {
            if let StationEvent::Routes(routes) = self.event().await {
                let is_right = is_right(&routes);
                let before = right.insert(routes.session, is_right).unwrap_or(false);
                count = count + usize::from(is_right) - usize::from(before);
            }
        }
    }

    /// Waits until every session was told as it should be at least once from now on.
    pub async fn told_once_of_all(&mut self, is_right: impl Fn(&SessionRoutes) -> bool) {
        let mut told = HashSet::new();
        while told.len() < self.sessions as usize {
            if let StationEvent::Routes(routes) = self.event().await
                && is_right(&routes)
            {
                told.insert(routes.session);
            }
        }
    }

    /// Forgets what was told.
    pub fn forget(&mut self) {
        self.told.clear();
    }
}

/// A figure of this process' memory.
pub fn resident_mib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// Processor time of this process so far.
pub fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which is in parentheses: the state and ten more, then user and system time in
    // hundredths of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}
