//! Whether a router does with the routes of registered prefixes what the rules say
//! (`docs/rules.md` §5): what is to be asked when, and what its answers come to. Pure; the router's
//! task asks.
//!
//! A prefix is asked about when its route came or changed, when its gate opened, and in slow rounds;
//! one question answers for all sessions. That a router agrees counts at once. That it differs counts
//! once it has done so for a while without any change: policies, gates and routes take their time.

use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::link::{DifferingRoute, DifferingRoutes, RouterState, SeenRoute, SessionRoutes};
use meetme_model::prefix::Prefix;
use meetme_model::route::{RouterDifference, RouterPath, RouterWord};
use meetme_model::unit::UnitName;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// After a change, before the router is asked: a burst of them is one.
const SETTLES: Duration = Duration::from_millis(200);
/// Between questions while the router differs and that doesn't count yet.
const AGAIN: Duration = Duration::from_secs(1);
/// A difference that lasts so long is told.
const LASTS: Duration = Duration::from_secs(10);
/// Between questions about a difference that was told.
const TOLD_AGAIN: Duration = Duration::from_secs(10);
/// Between questions about what is as it should be.
const ROUND: Duration = Duration::from_secs(120);
/// Between batches of questions.
const PACE: Duration = Duration::from_millis(250);
/// Prefixes that are asked about at once.
const BATCH: usize = 64;
/// Differences that are told one by one.
const SHOWN: usize = 100;

/// What a router's task knows of the router's own choices. See the module.
#[derive(Debug, Default)]
pub struct Choices {
    sessions: BTreeMap<String, Session>,
    /// When each prefix is to be asked about, and the same in order.
    agenda: HashMap<Prefix, Instant>,
    in_order: BTreeSet<(Instant, Prefix)>,
    /// No question is due before.
    next: Option<Instant>,
    /// A question is under way.
    asking: bool,
}

#[derive(Debug)]
struct Session {
    peer: IpAddr,
    unit: UnitName,
    host_drains: bool,
    /// Its gate is open, and its unit isn't in the middle of a change.
    is_asked: bool,
    routes: HashMap<Prefix, Route>,
}

#[derive(Debug)]
struct Route {
    /// What BMP told last.
    told: SeenRoute,
    /// Since when the router differs, without a change meanwhile.
    differs_since: Option<Instant>,
    word: RouterWord,
    /// It changed while a question was under way, whose answer may be older.
    is_fresh: bool,
}

impl Choices {
    /// Takes a newer snapshot: sessions that aren't in it are forgotten.
    pub fn take_intent(&mut self, intent: &RouterIntent) {
        let mut before = std::mem::take(&mut self.sessions);
        for session in &intent.sessions {
            let known = before.remove(&session.name).filter(|s| s.peer == session.peer_address);
            let (is_asked, routes) = known.map(|s| (s.is_asked, s.routes)).unwrap_or_default();
            let known = Session {
                peer: session.peer_address,
                unit: UnitName::Connection(session.lag.clone()),
                host_drains: session.phase == SessionPhase::Draining,
                is_asked,
                routes,
            };
            self.sessions.insert(session.name.clone(), known);
        }
    }

    /// Takes a session's newest summary, and puts into it what is known of the router's choice. True
    /// when a route is gone of which the router differed.
    pub fn take_routes(&mut self, summary: &mut SessionRoutes, now: Instant) -> bool {
        let Some(session) = self.sessions.get_mut(&summary.session) else { return false };
        let mut before = std::mem::take(&mut session.routes);
        let mut changed = Vec::new();
        for evidence in &mut summary.evidence {
            let Some(seen) = &mut evidence.route else { continue };
            let mut route = before.remove(&evidence.prefix).unwrap_or_else(|| Route {
                told: seen.clone(),
                differs_since: None,
                word: RouterWord::NotAsked,
                is_fresh: true,
            });
            let is_used = |route: &SeenRoute| route.verdict.local_pref().is_some();
            let same_use = is_used(&route.told) == is_used(seen);
            if !same_use && route.word == RouterWord::Agrees {
                route.word = RouterWord::NotAsked;
            }
            if route.told != *seen {
                route.told = seen.clone();
                route.differs_since = None;
                route.is_fresh = true;
            }
            if route.is_fresh {
                changed.push(evidence.prefix);
            }
            seen.router = route.word.clone();
            session.routes.insert(evidence.prefix, route);
        }
        if session.is_asked {
            changed.into_iter().for_each(|prefix| self.ask(prefix, now + SETTLES));
        }
        before.into_values().any(|route| matches!(route.word, RouterWord::Differs { .. }))
    }

    /// Takes the router's newest state, and puts into it where the router differs. Gives the sessions
    /// of which another word is to be told.
    pub fn take_state(&mut self, state: &mut RouterState, now: Instant) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        let mut ask = Vec::new();
        for (name, session) in &mut self.sessions {
            let gate_open = state.reachable && state.sessions.get(name).is_some_and(|s| s.gate_open);
            // A unit that rests stands in another form than the rules go by: that is to be found.
            let is_on_its_way = state.pending.get(&session.unit).is_some_and(|p| p.fault.is_none());
            let was_asked = std::mem::replace(&mut session.is_asked, gate_open && !is_on_its_way);
            for (prefix, route) in &mut session.routes {
                if was_asked != session.is_asked {
                    route.differs_since = None;
                    ask.extend(session.is_asked.then_some(*prefix));
                }
                if !gate_open && route.word != RouterWord::NotAsked && state.reachable {
                    route.word = RouterWord::NotAsked;
                    changed.insert(name.clone());
                }
            }
        }
        ask.into_iter().for_each(|prefix| self.ask(prefix, now + SETTLES));
        state.differing = self.differing();
        changed
    }

    /// Where the router differs from the rules.
    pub fn differing(&self) -> DifferingRoutes {
        let mut all: Vec<DifferingRoute> = Vec::new();
        for (name, session) in &self.sessions {
            all.extend(session.routes.iter().filter_map(|(prefix, route)| match &route.word {
                RouterWord::Differs { difference } => Some(DifferingRoute {
                    session: name.clone(),
                    prefix: *prefix,
                    difference: difference.clone(),
                }),
                RouterWord::NotAsked | RouterWord::Agrees => None,
            }));
        }
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.sort_unstable_by(|a, b| (&a.session, a.prefix).cmp(&(&b.session, b.prefix)));
        all.truncate(SHOWN);
        DifferingRoutes { count, first: all }
    }

    /// When the next question is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.next.filter(|_| !self.asking)
    }

    /// The prefixes that are to be asked about now.
    pub fn due(&mut self, now: Instant) -> Vec<Prefix> {
        if self.deadline().is_none_or(|next| next > now) {
            return Vec::new();
        }
        let mut due = Vec::new();
        while due.len() < BATCH
            && let Some(&(at, prefix)) = self.in_order.first().filter(|(at, _)| *at <= now)
        {
            self.in_order.remove(&(at, prefix));
            self.agenda.remove(&prefix);
            // One that no session has any more, or that isn't asked about now, is put on again when it is to be.
            if self.routes_of(prefix).map(|(_, _, route)| route.is_fresh = false).count() > 0 {
                due.push(prefix);
            }
        }
        due.iter().for_each(|prefix| self.put_on(*prefix, now + ROUND));
        self.asking = !due.is_empty();
        self.next = self.in_order.first().map(|(at, _)| (*at).max(now + PACE));
        due
    }

    /// The router answered; `None`: it couldn't. Gives the sessions of which another word is to be told.
    pub fn answered(
        &mut self,
        asked: &[Prefix],
        paths: Option<&BTreeMap<Prefix, Vec<RouterPath>>>,
        now: Instant,
    ) -> BTreeSet<String> {
        self.asking = false;
        let mut changed = BTreeSet::new();
        for prefix in asked {
            let Some(paths) = paths else {
                self.ask(*prefix, now + TOLD_AGAIN);
                continue;
            };
            let of_prefix = paths.get(prefix).map_or(&[][..], Vec::as_slice);
            let mut again = None;
            for (name, (peer, host_drains), route) in self.routes_of(*prefix) {
                if std::mem::take(&mut route.is_fresh) {
                    again = Some(SETTLES);
                    continue;
                }
                let difference = RouterDifference::of(of_prefix, peer, &route.told.verdict, host_drains);
                let (word, pause) = route.hear(difference, now);
                if let Some(word) = word.filter(|word| *word != route.word) {
                    route.word = word;
                    changed.insert(name.to_owned());
                }
                again = again.into_iter().chain(pause).min();
            }
            if let Some(pause) = again {
                self.ask(*prefix, now + pause);
            }
        }
        changed
    }

    fn ask(&mut self, prefix: Prefix, at: Instant) {
        self.put_on(prefix, at);
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Puts a prefix on the agenda, or has it come earlier.
    fn put_on(&mut self, prefix: Prefix, at: Instant) {
        if let Some(known) = self.agenda.get(&prefix).copied() {
            if known <= at {
                return;
            }
            self.in_order.remove(&(known, prefix));
        }
        self.agenda.insert(prefix, at);
        self.in_order.insert((at, prefix));
    }

    fn routes_of(&mut self, prefix: Prefix) -> impl Iterator<Item = (&str, (IpAddr, bool), &mut Route)> {
        let asked = self.sessions.iter_mut().filter(|(_, session)| session.is_asked);
        asked.filter_map(move |(name, s)| {
            let route = s.routes.get_mut(&prefix)?;
            Some((name.as_str(), (s.peer, s.host_drains), route))
        })
    }
}

impl Route {
    /// What an answer comes to: the word, unless it only might become one, and when to ask again
    /// before the next round.
    fn hear(
        &mut self,
        difference: Option<RouterDifference>,
        now: Instant,
    ) -> (Option<RouterWord>, Option<Duration>) {
        let Some(difference) = difference else {
            self.differs_since = None;
            return (Some(RouterWord::Agrees), None);
        };
        let since = *self.differs_since.get_or_insert(now);
        if now.duration_since(since) < LASTS {
            return (None, Some(AGAIN));
        }
        (Some(RouterWord::Differs { difference }), Some(TOLD_AGAIN))
    }
}

#[cfg(test)]
mod tests;
