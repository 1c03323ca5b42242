//! Random histories of one router's task against a simulated router: snapshots that come and go,
//! refusals, slow answers, deaths, flaps, hands on the router, restarts of the edge, clock steps.
//!
//! Time is virtual and everything follows from a seed: a history that fails is run again by
//! `MEETME_HISTORY=<seed>`. What must hold: no unit's failure touches another; no session comes up
//! without BFD and with its gate open; no session with Voice comes to a router whose BGP doesn't fall with BFD; what
//! is confirmed is what is there; everything comes to rest.

use super::outbox::Outbox;
use super::router::{RouterTask, ToRouter};
use super::samples::Samples;
use crate::bmp::Station;
use crate::routers::frr::fixture;
use crate::routers::simulated::{EPOCH_MS, Simulated};
use jiff::Timestamp;
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::link::{GatheredState, PrefixEvidence, RouterState, SeenRoute, SessionRoutes, ToControl};
use meetme_model::prefix::Prefix;
use meetme_model::route::{AsPath, RouteAttributes, RouteUse, RouteVerdict, RouterWord, RpkiState};
use meetme_model::secret::NamedSecret;
use meetme_model::unit::{UnitFault, UnitName, units};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Histories that are run each time.
const HISTORIES: u64 = 1_000;
/// Happenings in each.
const HAPPENINGS: u32 = 15;
/// One in so many goes on for the rounds in which a router is asked what it does with routes.
const SHARE_WITH_ROUNDS: u64 = 10;
/// Longer than anything rests that failed a few times.
const LONG: Duration = Duration::from_secs(300);

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        // xorshift64*: another sequence than the router's own.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let n = u64::try_from(all.len()).ok().filter(|n| *n > 0)?;
        all.get(usize::try_from(self.below(n)).ok()?)
    }
}

struct World {
    router: Simulated,
    draw: Draw,
    intent: RouterIntent,
    inbox: mpsc::UnboundedSender<ToRouter>,
    task: JoinHandle<()>,
    listener: JoinHandle<()>,
    told: Arc<Mutex<Told>>,
    /// Neighbours whose routes the router refuses by itself, without being asked to.
    filtered: BTreeSet<IpAddr>,
    /// Steps of the wall clock, in milliseconds.
    stepped_ms: Arc<AtomicI64>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
        self.listener.abort();
    }
}

/// What the control plane was told last.
#[derive(Default)]
struct Told {
    state: Option<RouterState>,
    routes: BTreeMap<String, SessionRoutes>,
}

/// An edge's task for the router: its inbox, it, who listens to it, and what it told last.
type Edge = (mpsc::UnboundedSender<ToRouter>, JoinHandle<()>, JoinHandle<()>, Arc<Mutex<Told>>);

fn edge(router: &Simulated, stepped_ms: &Arc<AtomicI64>) -> Edge {
    let (events, _) = mpsc::channel(64);
    let outbox = Arc::new(Outbox::default());
    let samples = Arc::new(Samples::new(outbox.clone()));
    let stepped = stepped_ms.clone();
    let clock = move || {
        Timestamp::from_millisecond(EPOCH_MS + stepped.load(Ordering::Relaxed))
            .unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let task =
        RouterTask::new("er1".into(), router.clone(), outbox.clone(), Station::new(events), samples, None)
            .with_clock(Box::new(clock));
    let (inbox, messages) = mpsc::unbounded_channel();
    let told = Arc::new(Mutex::new(Told::default()));
    let newest = told.clone();
    let listener = tokio::spawn(async move {
        let mut gathered = GatheredState::default();
        loop {
            for message in outbox.take().await {
                let mut told = newest.lock().unwrap();
                match message {
                    ToControl::RouterPart { part, .. } => gathered.take(*part),
                    ToControl::Router { state } => told.state = Some(gathered.complete(*state)),
                    ToControl::Routes { routes } => drop(told.routes.insert(routes.session.clone(), *routes)),
                    _ => {}
                }
            }
        }
    });
    (inbox, tokio::spawn(task.run(messages)), listener, told)
}

impl World {
    fn new(seed: u64) -> Self {
        let router = Simulated::new(seed);
        let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut intent = fixture::intent(0, SessionPhase::Open);
        let connections = u8::try_from(2 + draw.below(9)).unwrap_or(2);
        intent.lags = (1..=connections).map(fixture::lag).collect();
        intent.sessions = (1..=connections).map(|n| fixture::session(n, SessionPhase::Open)).collect();
        for (n, session) in (0u32..).zip(&mut intent.sessions) {
            session.policy.peer_asn = meetme_model::Asn(64500 + n % 5);
        }
        let stepped_ms = Arc::new(AtomicI64::new(0));
        let (inbox, task, listener, told) = edge(&router, &stepped_ms);
        let filtered = BTreeSet::new();
        Self { router, draw, intent, inbox, task, listener, told, filtered, stepped_ms }
    }

    fn intend(&mut self) {
        self.intent.generation += 1;
        self.send(ToRouter::Intent(Box::new(self.intent.clone())));
    }

    fn send(&self, message: ToRouter) {
        self.inbox.send(message).unwrap_or_else(|_| panic!("the task is alive"));
    }

    /// What BMP tells of every session: each prefix of its policy, in its role.
    fn tell_routes(&self) {
        for session in &self.intent.sessions {
            let seen = |role| SeenRoute {
                attributes: RouteAttributes {
                    as_path: AsPath::sequence([session.policy.peer_asn.0]),
                    next_hop: session.peer_address,
                    communities: Vec::new(),
                    med: None,
                },
                rpki: RpkiState::NotChecked,
                verdict: RouteVerdict {
                    usage: RouteUse::Registered(role),
                    faults: Vec::new(),
                    last_resort: None,
                },
                router: RouterWord::NotAsked,
                received_at: Timestamp::UNIX_EPOCH,
            };
            let prefixes = session.policy.prefixes.iter();
            let evidence = prefixes.map(|p| PrefixEvidence { prefix: p.prefix, route: Some(seen(p.role)) });
            self.send(ToRouter::Routes(Box::new(SessionRoutes {
                router: "er1".into(),
                session: session.name.clone(),
                peer_address: session.peer_address,
                at: Timestamp::UNIX_EPOCH,
                synced: true,
                error: None,
                received: 2,
                used: 2,
                faults: BTreeMap::new(),
                examples: BTreeMap::new(),
                evidence: evidence.collect(),
            })));
        }
    }

    /// Differences that are told of routes which the router doesn't refuse by itself, and whose unit
    /// stands as it is intended.
    fn blamed(&self) -> BTreeSet<(String, Prefix)> {
        let told = self.told.lock().unwrap();
        let mut blamed = BTreeSet::new();
        if let Some(state) = &told.state {
            for route in &state.differing.first {
                let session = self.intent.sessions.iter().find(|s| s.name == route.session);
                let is_so = session.is_none_or(|s| {
                    let unit = UnitName::Connection(s.lag.clone());
                    self.filtered.contains(&s.peer_address) || state.pending.contains_key(&unit)
                });
                if !is_so {
                    blamed.insert((route.session.clone(), route.prefix));
                }
            }
        }
        blamed
    }

    async fn blames_no_router_for_nothing(&self) {
        let blamed = self.blamed();
        if !blamed.is_empty() {
            // What was so a moment ago is asked about again.
            sleep(Duration::from_secs(5)).await;
            let still: Vec<_> = blamed.intersection(&self.blamed()).cloned().collect();
            assert!(still.is_empty(), "{still:?}: differences are told that aren't there");
        }
    }

    /// The router refuses one neighbour's routes by itself: that is told, and gone when it is over.
    async fn what_the_router_refuses_by_itself_is_told(&mut self) {
        let open = self.router.open_gates();
        let sessions = self.intent.sessions.iter().filter(|s| open.contains(&s.name));
        let Some((name, address)) = sessions.map(|s| (s.name.clone(), s.peer_address)).next() else { return };
        let words = |world: &Self| -> BTreeSet<&'static str> {
            world.tell_routes();
            let told = world.told.lock().unwrap();
            let routes = told.routes.get(&name).into_iter().flat_map(|r| &r.evidence);
            let words = routes.filter_map(|e| match &e.route.as_ref()?.router {
                RouterWord::NotAsked => Some("not asked"),
                RouterWord::Agrees => Some("agrees"),
                RouterWord::Differs { difference } => Some(difference.code()),
            });
            words.collect()
        };
        for (filters, word, count) in [(true, "Absent", 2), (false, "agrees", 0)] {
            self.router.filter(address, filters);
            // Longer than between two rounds of questions.
            sleep(Duration::from_secs(150)).await;
            words(self);
            sleep(Duration::from_secs(1)).await;
            assert_eq!(words(self), BTreeSet::from([word]), "{name}");
            assert_eq!(self.told.lock().unwrap().state.as_ref().unwrap().differing.count, count);
        }
    }

    fn unit(&mut self) -> UnitName {
        let names: Vec<UnitName> = units(&self.intent).into_keys().collect();
        self.draw.of(&names).cloned().unwrap_or(UnitName::Backbone)
    }

    /// Another form of the snapshot.
    fn change_intent(&mut self) {
        let n = self.intent.sessions.len();
        let Some(at) = usize::try_from(self.draw.below(1 + n as u64)).ok().filter(|at| *at < n) else {
            self.intent.announced = self.intent.announced.iter().rev().copied().collect();
            return;
        };
        match self.draw.below(6) {
            0 => self.intent.sessions[at].max_prefixes += 1,
            1 => {
                self.intent.sessions[at].md5_key =
                    Some(NamedSecret::new("key", format!("key{}", self.draw.below(1000))))
            }
            2 => {
                let phases = [
                    SessionPhase::Denied,
                    SessionPhase::Open,
                    SessionPhase::Draining,
                    SessionPhase::Shutdown,
                ];
                self.intent.sessions[at].phase = *self.draw.of(&phases).unwrap_or(&SessionPhase::Open);
            }
            3 if n > 1 => {
                let session = self.intent.sessions.remove(at);
                self.intent.lags.retain(|lag| lag.name != session.lag);
            }
            4 => {
                let used: BTreeSet<&str> = self.intent.lags.iter().map(|l| l.name.as_str()).collect();
                if let Some(free) = (1..=40u8).find(|n| !used.contains(format!("lag{n}").as_str())) {
                    self.intent.lags.push(fixture::lag(free));
                    self.intent.sessions.push(fixture::session(free, SessionPhase::Open));
                }
            }
            _ => {
                let prefixes = &mut self.intent.sessions[at].policy.prefixes;
                *prefixes = prefixes.iter().rev().copied().collect();
            }
        }
    }

    async fn happen(&mut self) {
        match self.draw.below(15) {
            0..=4 => {
                for _ in 0..=self.draw.below(6) {
                    self.change_intent();
                }
                self.intend();
            }
            5 => {
                let (unit, refuses) = (self.unit(), self.draw.below(3) > 0);
                self.router.refuse(unit, refuses);
            }
            6 => {
                let (unit, ignores) = (self.unit(), self.draw.below(3) > 0);
                self.router.ignore(unit, ignores);
            }
            7..=8 => {
                let addresses: Vec<_> = self.intent.sessions.iter().map(|s| s.peer_address).collect();
                let later = Duration::from_millis(self.draw.below(5) * 700);
                let fell = self.draw.of(&addresses).and_then(|a| self.router.flap(*a, later));
                if let Some(session) = fell {
                    self.send(ToRouter::Session(Some(session)));
                }
            }
            9 => {
                let forgets = self.draw.below(2) == 0;
                self.router.leave(forgets);
                if forgets {
                    // It comes back with another bgpd, which may be a bad one.
                    self.router.couple(self.draw.below(3) > 0);
                    self.send(ToRouter::Bmp(false));
                }
                sleep(Duration::from_millis(500 + self.draw.below(20_000))).await;
                self.router.come_back();
                self.send(ToRouter::Bmp(true));
            }
            10 => {
                let unit = self.unit();
                self.router.meddle(&unit);
            }
            11 => self.router.slow_down(Duration::from_millis(1 + self.draw.below(200))),
            12 => self.restart_edge(),
            13 => {
                let addresses: Vec<_> = self.intent.sessions.iter().map(|s| s.peer_address).collect();
                self.filtered.extend(self.draw.of(&addresses));
                self.filtered.iter().for_each(|address| self.router.filter(*address, true));
            }
            _ => {
                let by = i64::try_from(self.draw.below(7_200_000)).unwrap_or(0) - 3_600_000;
                self.stepped_ms.store(by, Ordering::Relaxed);
            }
        }
        self.tell_routes();
        sleep(Duration::from_millis(self.draw.below(8_000))).await;
        self.blames_no_router_for_nothing().await;
    }

    /// As `kill -9` would: what was under way is lost, and the control plane sends its snapshot again.
    fn restart_edge(&mut self) {
        self.task.abort();
        self.listener.abort();
        (self.inbox, self.task, self.listener, self.told) = edge(&self.router, &self.stepped_ms);
        self.send(ToRouter::Intent(Box::new(self.intent.clone())));
    }

    fn get_a_good_bgpd(&self) {
        self.router.couple(true);
        self.send(ToRouter::Bmp(false));
        self.send(ToRouter::Bmp(true));
    }

    fn pending(&self) -> BTreeMap<UnitName, Option<UnitFault>> {
        let told = self.told.lock().unwrap();
        let state = told.state.as_ref().expect("the state was told");
        state.pending.iter().map(|(name, pending)| (name.clone(), pending.fault.clone())).collect()
    }

    /// One unit fails for good: everybody else gets what is intended meanwhile.
    async fn one_unit_harms_no_other(&mut self) {
        let culprit = self.unit();
        self.router.obey();
        self.get_a_good_bgpd();
        self.router.refuse(culprit.clone(), true);
        self.router.slow_down(Duration::from_millis(5));
        let more = "198.18.99.0/24".parse().unwrap();
        self.intent.announced = self.intent.announced.iter().copied().chain([more]).collect();
        for session in &mut self.intent.sessions {
            session.max_prefixes += 1;
            session.md5_key = Some(NamedSecret::new("key", format!("after{}", session.max_prefixes)));
        }
        self.intend();
        sleep(Duration::from_secs(90)).await;
        let pending = self.pending();
        let refused = Some(UnitFault::RouterRefused { said: "it refuses it".into() });
        assert_eq!(pending, BTreeMap::from([(culprit.clone(), refused)]), "only it waits");
        let on_router = self.router.units();
        for (name, unit) in units(&self.intent) {
            assert!(name == culprit || on_router.get(&name).is_some_and(|u| **u == unit), "{name} is there");
        }
        self.router.refuse(culprit, false);
    }

    /// All that was wrong is over: what is intended is there, and stays.
    async fn comes_to_rest(&mut self) {
        sleep(LONG).await;
        let wanted = units(&self.intent);
        let found: BTreeMap<_, _> = self.router.units().into_iter().map(|(n, u)| (n, (*u).clone())).collect();
        assert_eq!(self.pending(), BTreeMap::new());
        let names: BTreeSet<&UnitName> = wanted.keys().chain(found.keys()).collect();
        let differ: Vec<_> = names.into_iter().filter(|n| wanted.get(n) != found.get(n)).collect();
        assert!(differ.is_empty(), "what is intended is there, but {differ:?}");
        let told = self.told.lock().unwrap().state.clone().expect("the state was told");
        assert_eq!(told.applied_generation, Some(self.intent.generation));
        assert_eq!((told.drift, told.error), (None, None));
        let passes = |phase| matches!(phase, SessionPhase::Open | SessionPhase::Draining);
        let open = self.intent.sessions.iter().filter(|s| passes(s.phase)).map(|s| s.name.clone());
        assert_eq!(self.router.open_gates(), open.collect(), "gates are as the phases are");
    }
}

async fn history(seed: u64) {
    let mut world = World::new(seed);
    world.intend();
    for _ in 0..HAPPENINGS {
        world.happen().await;
    }
    world.one_unit_harms_no_other().await;
    world.comes_to_rest().await;
    if seed.is_multiple_of(SHARE_WITH_ROUNDS) {
        world.what_the_router_refuses_by_itself_is_told().await;
    }
    assert_eq!(world.router.violations(), Vec::<String>::new());
}

#[test]
fn whatever_happens_no_unit_harms_another_and_everything_comes_to_rest() {
    let seeds = match std::env::var("MEETME_HISTORY").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 1..HISTORIES + 1,
    };
    // On every processor: they have nothing to do with each other.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let seeds = seeds.clone().skip(worker).step_by(workers);
            scope.spawn(move || run_all(seeds));
        }
    });
}

fn run_all(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(history(seed)));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("run this history again with MEETME_HISTORY={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Takes the time until something holds; fails if it doesn't within the limit.
async fn within(limit: Duration, holds: impl Fn() -> bool) {
    let began = tokio::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() <= limit, "not within {limit:?}");
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn gates_open_and_close_within_100_ms_while_a_thousand_sessions_are_applied() {
    const LIMIT: Duration = Duration::from_millis(100);
    let mut world = World::new(1);
    world.intent.lags.truncate(1);
    world.intent.sessions.truncate(1);
    world.router.slow_down(Duration::from_millis(5));
    world.intend();
    let watched = world.intent.sessions[0].clone();
    let is_open = || world.router.open_gates().contains(&watched.name);
    within(LONG, is_open).await;
    let mut intent = world.intent.clone();
    for n in 0..1_000u16 {
        let mut session = fixture::session(1, SessionPhase::Open);
        session.name = format!("c{}v4", 1_000 + n);
        session.lag = format!("lag{}", 1_000 + n);
        session.peer_address = format!("10.0.{}.{}", n / 100, n % 100).parse().unwrap();
        let lag = meetme_model::intent::LagIntent { name: session.lag.clone(), ..fixture::lag(1) };
        intent.lags.push(lag);
        intent.sessions.push(session);
    }
    intent.generation += 1;
    world.send(ToRouter::Intent(Box::new(intent)));
    let has_many = || world.router.units().len() > 100;
    within(LONG, has_many).await;

    let bfd_after = Duration::from_millis(700);
    world.router.flap(watched.peer_address, bfd_after);
    world.send(ToRouter::Session(Some(watched.name.clone())));
    within(LIMIT, || !is_open()).await;
    let has_bfd = || world.router.established_for(watched.peer_address).is_some_and(|up| up >= bfd_after);
    within(LONG, || {
        assert!(has_bfd() || !is_open(), "not before BFD is up");
        has_bfd()
    })
    .await;
    within(LIMIT, is_open).await;
    assert!(world.router.units().len() < 900, "the rest was still being applied");
}
