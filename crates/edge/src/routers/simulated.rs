//! A router that is only simulated: takes units, brings sessions up, and fails as it is told to.
//!
//! It has no configuration language and no protocol. Everything goes by tokio's clock and the
//! caller's seed, so that a history of hours is run in moments and comes out the same each time.
//! It watches over what no driver may ever do to a router, and keeps what it saw.

mod driver;

use super::{
    Bfd, Driver, DriverError, GateChange, Neighbor, NeighborDetail, Observed, Plan, Progress, Target,
    UnitChange,
};
use crate::lag::counters::Counters;
use meetme_model::coupling::Found;
use meetme_model::intent::{SessionIntent, SessionPhase};
use meetme_model::link::{BfdSessionState, BgpState, LagState, MemberState};
use meetme_model::prefix::Prefix;
use meetme_model::route::{LOCAL_PREF_LAST_RESORT, RouterPath};
use meetme_model::unit::{Unit, UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a session takes to come up, or to come back.
const COMES_UP: Duration = Duration::from_secs(1);
/// Within this time of its return a router is looked at.
const NOTICED: Duration = Duration::from_secs(1);
/// Steps that a unit's change has.
const STEPS: u8 = 3;

/// The router, shared between its driver and whoever makes it fail.
#[derive(Clone, Debug)]
pub struct Simulated(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    units: BTreeMap<UnitName, Standing>,
    /// Gates by session; a session that isn't here has none.
    gates: BTreeMap<String, bool>,
    sessions: BTreeMap<IpAddr, Session>,
    refused: BTreeSet<UnitName>,
    /// Takes the commands of these and shows something else.
    ignored: BTreeSet<UnitName>,
    /// Refuses the routes of these neighbours by itself, whatever its policy.
    filtered: BTreeSet<IpAddr>,
    away: bool,
    /// Its BGP falls with its BFD.
    couples: bool,
    /// Since when it can be spoken with.
    there_since: Instant,
    /// How long an answer takes, at most.
    slow: Duration,
    seed: u64,
    violations: Vec<String>,
}

#[derive(Clone, Debug)]
struct Standing {
    unit: Arc<Unit>,
    /// Half made, or changed by hand: not what it says.
    is_odd: bool,
}

#[derive(Clone, Debug)]
struct Session {
    name: String,
    established_since: Option<Instant>,
    up_at: Option<Instant>,
    bfd_up_at: Option<Instant>,
    fell_at: Option<Instant>,
    drops: u64,
}

/// A unit's change on a simulated router.
#[derive(Debug)]
pub struct Steps {
    unit: UnitName,
    wants: Option<Arc<Unit>>,
    left: u8,
}

impl Simulated {
    /// A router with nothing of ours; the seed decides how long each answer takes.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            units: BTreeMap::new(),
            gates: BTreeMap::new(),
            sessions: BTreeMap::new(),
            refused: BTreeSet::new(),
            ignored: BTreeSet::new(),
            filtered: BTreeSet::new(),
            away: false,
            couples: true,
            there_since: Instant::now(),
            slow: Duration::from_millis(2),
            seed,
            violations: Vec::new(),
        })))
    }

    /// It refuses every change of a unit, or does so no more.
    pub fn refuse(&self, unit: UnitName, refuses: bool) {
        let mut state = self.now();
        if refuses {
            state.refused.insert(unit)
        } else {
            state.refused.remove(&unit)
        };
    }

    /// It takes the commands of a unit and does nothing, or does so no more.
    pub fn ignore(&self, unit: UnitName, ignores: bool) {
        let mut state = self.now();
        if ignores {
            state.ignored.insert(unit)
        } else {
            state.ignored.remove(&unit)
        };
    }

    /// It refuses a neighbour's routes by itself, or does so no more.
    pub fn filter(&self, address: IpAddr, filters: bool) {
        let mut state = self.now();
        if filters {
            state.filtered.insert(address)
        } else {
            state.filtered.remove(&address)
        };
    }

    /// Its BGP falls with its BFD from now on, or no more.
    pub fn couple(&self, couples: bool) {
        self.now().couples = couples;
    }

    /// It refuses and ignores nothing any more.
    pub fn obey(&self) {
        let mut state = self.now();
        state.refused.clear();
        state.ignored.clear();
        state.filtered.clear();
    }

    /// Answers take up to so long from now on.
    pub fn slow_down(&self, at_most: Duration) {
        self.now().slow = at_most;
    }

    /// It can't be spoken with any more; with `forgets` it died, and all that was configured on it
    /// is gone.
    pub fn leave(&self, forgets: bool) {
        let mut state = self.now();
        state.away = true;
        if forgets {
            state.units.clear();
            state.gates.clear();
            state.sessions.clear();
        }
    }

    /// It is there again.
    pub fn come_back(&self) {
        let mut state = self.now();
        state.away = false;
        state.there_since = Instant::now();
    }

    /// A session falls and comes back by itself, its BFD so much later than BGP; its name, if it
    /// was up.
    pub fn flap(&self, address: IpAddr, bfd_after: Duration) -> Option<String> {
        let mut state = self.now();
        let was_up = state.sessions.get(&address)?.established_since.is_some();
        state.fall(address);
        let session = state.sessions.get_mut(&address)?;
        session.up_at = Some(Instant::now() + COMES_UP);
        session.bfd_up_at = Some(Instant::now() + COMES_UP + bfd_after);
        session.fell_at = Some(Instant::now());
        was_up.then(|| session.name.clone())
    }

    /// Somebody changes a unit by hand.
    pub fn meddle(&self, unit: &UnitName) {
        if let Some(standing) = self.now().units.get_mut(unit) {
            standing.is_odd = true;
        }
    }

    /// What is on it, but units that are half made or were changed by hand.
    pub fn units(&self) -> BTreeMap<UnitName, Arc<Unit>> {
        let state = self.now();
        let sound = state.units.iter().filter(|(_, standing)| !standing.is_odd);
        sound.map(|(name, standing)| (name.clone(), standing.unit.clone())).collect()
    }

    /// Sessions whose gate is open.
    pub fn open_gates(&self) -> BTreeSet<String> {
        self.now().gates.iter().filter(|(_, open)| **open).map(|(name, _)| name.clone()).collect()
    }

    /// Since when a session is established.
    pub fn established_for(&self, address: IpAddr) -> Option<Duration> {
        Some(self.now().sessions.get(&address)?.established_since?.elapsed())
    }

    /// What should never have happened.
    pub fn violations(&self) -> Vec<String> {
        self.now().violations.clone()
    }

    /// The state as time has made it.
    fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(Instant::now());
        state
    }

    /// Takes the time of an answer; fails where there is none.
    async fn answer(&self) -> Result<(), DriverError> {
        let takes = {
            let mut state = self.now();
            let most = u64::try_from(state.slow.as_micros()).unwrap_or(u64::MAX).max(1);
            Duration::from_micros(state.draw() % most)
        };
        tokio::time::sleep(takes).await;
        match self.now().away {
            true => Err(DriverError::Unreachable("it is away".into())),
            false => Ok(()),
        }
    }
}

impl State {
    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn advance(&mut self, now: Instant) {
        for session in self.sessions.values_mut() {
            let Some(up_at) = session.up_at.filter(|at| *at <= now) else { continue };
            session.up_at = None;
            session.established_since = Some(up_at);
            let has_bfd = session.bfd_up_at.is_some_and(|at| at <= up_at);
            // Nobody can close a gate on a router that can't be spoken with.
            let was_watched = !self.away && session.fell_at.is_none_or(|at| at >= self.there_since + NOTICED);
            if !has_bfd && was_watched && self.gates.get(&session.name) == Some(&true) {
                self.violations.push(format!("{} came up without BFD and with its gate open", session.name));
            }
        }
    }

    fn fall(&mut self, address: IpAddr) {
        let Some(session) = self.sessions.get_mut(&address) else { return };
        if session.established_since.take().is_some() {
            session.drops += 1;
        }
        session.up_at = None;
        session.bfd_up_at = None;
    }

    /// Sessions that are configured and neither up nor on their way come up.
    fn revive(&mut self) {
        let at = Instant::now() + COMES_UP;
        for session in self.sessions.values_mut() {
            if session.established_since.is_none() && session.up_at.is_none() {
                session.up_at = Some(at);
                session.bfd_up_at = Some(at);
            }
        }
    }

    /// What a whole change of a unit makes of the router.
    fn become_unit(&mut self, name: &UnitName, wants: Option<Arc<Unit>>) {
        let gone: Vec<IpAddr> =
            self.units.remove(name).iter().flat_map(|s| s.unit.neighbors().collect::<Vec<_>>()).collect();
        let stays: BTreeSet<IpAddr> = wants.iter().flat_map(|unit| unit.neighbors()).collect();
        for address in gone.iter().filter(|a| !stays.contains(a)) {
            if let Some(session) = self.sessions.remove(address) {
                self.gates.remove(&session.name);
            }
        }
        let Some(unit) = wants else { return };
        let comes = |s: &SessionIntent| s.voice && !self.sessions.contains_key(&s.peer_address);
        if !self.couples && unit.sessions().iter().any(comes) {
            self.violations
                .push(format!("{name} with Voice came to a router whose BGP doesn't fall with BFD"));
        }
        for session in unit.sessions() {
            let known = self.sessions.entry(session.peer_address).or_insert_with(|| Session {
                name: session.name.clone(),
                established_since: None,
                up_at: None,
                bfd_up_at: None,
                fell_at: None,
                drops: 0,
            });
            known.name.clone_from(&session.name);
            self.gates.entry(session.name.clone()).or_insert(false);
        }
        self.units.insert(name.clone(), Standing { unit, is_odd: false });
        self.revive();
    }

    fn neighbor(&self, session: &Session, now: Instant) -> Neighbor {
        Neighbor {
            bgp: match session.established_since {
                Some(_) => BgpState::Established,
                None => BgpState::Connect,
            },
            established_at_ms: session.established_since.map(|at| {
                let ago = i64::try_from((now - at).as_millis()).unwrap_or(i64::MAX);
                jiff::Timestamp::UNIX_EPOCH.as_millisecond() + EPOCH_MS - ago
            }),
            drops: session.drops,
            over_limit: false,
        }
    }

    fn bfd(session: &Session, now: Instant) -> Bfd {
        match session.bfd_up_at.is_some_and(|at| at <= now) {
            true => Bfd { state: BfdSessionState::Up, detection_ms: Some(150) },
            false => Bfd::default(),
        }
    }
}

/// The wall clock stands still on a simulated router: sessions are as old as they are.
pub const EPOCH_MS: i64 = 1_800_000_000_000;
