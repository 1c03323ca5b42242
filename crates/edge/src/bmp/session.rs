//! One session: its routes, and whether they can be trusted.
//!
//! A session is trusted (`synced`) once its initial routes are in, and not while something speaks
//! against it. What does is named ([`Untrusted`]) with what takes it away; it never touches another
//! session. What couldn't be read of single routes costs those only: the session stays trusted as
//! long as none of them is registered.

use super::adj_rib_in::{AdjRibIn, MAX_ROUTES};
use super::judging::Judge;
use super::rib::Rib;
use super::update::Unread;
use jiff::Timestamp;
use meetme_model::link::SessionRoutes;
use meetme_model::prefix::Prefix;
use meetme_model::route::RouteAttributes;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A session that came up while the router was connected is taken as complete when it was quiet
/// this long: routers send no End-of-RIB then.
pub(super) const QUIET: Duration = Duration::from_secs(1);
/// … or at the latest after this long, for a peer that never is quiet.
const SETTLED_AT_LATEST: Duration = Duration::from_secs(10);
/// A session of an initial dump that gets no End-of-RIB is complete after this silence.
const QUIET_DUMP: Duration = Duration::from_secs(3);
/// … or at the latest after this long, on a router that never is quiet.
const DUMPED_AT_LATEST: Duration = Duration::from_secs(60);
/// A router that was asked for a session's routes again and sends none for so long won't.
const REFRESHED_AT_LATEST: Duration = Duration::from_secs(60);
/// A session in doubt may heal by itself for so long; then the router is to be asked …
const REFRESH_AFTER: Duration = Duration::from_secs(10);
/// … and after that less and less often, because each time costs it all of the session's routes.
const REFRESH_INTERVALS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3600)];
/// Withdrawals of what was never announced, without any announcement, that are worth a note.
const ONLY_WITHDRAWS_AFTER: u32 = 3;
/// Destinations remembered as unread; beyond it any may be.
const MAX_UNREAD: usize = 10_000;

/// Why routes can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Untrusted {
    /// Part of a message couldn't be read. Goes when every destination in question was told anew, or
    /// at the next clean End-of-RIB, Peer Up or refresh.
    Unread {
        reason: String,
        since: Instant,
        /// The destinations in question; `None` when it may be any.
        destinations: Option<BTreeSet<Prefix>>,
    },
    /// More routes than are kept. Goes at the next Peer Up.
    Full,
    /// The connection is lost. Goes at the next Peer Up.
    Lost { reason: String },
}

/// How the initial routes end.
#[derive(Clone, Copy, Debug)]
struct Initial {
    since: Instant,
    last_message: Instant,
    kind: InitialKind,
    /// Part of it couldn't be read: its End-of-RIB proves nothing.
    dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InitialKind {
    /// Of the dump at connection, which ends with End-of-RIB.
    Dump,
    /// Of a session that came up later: ends with silence.
    Established,
    /// Sent again on request: ends with silence, once they have begun.
    Refresh { begun: bool },
}

/// One configured session.
#[derive(Debug)]
pub(super) struct Session {
    name: String,
    peer_address: IpAddr,
    adj_rib_in: AdjRibIn,
    initial: Option<Initial>,
    /// The initial routes are in.
    complete: bool,
    untrusted: Option<Untrusted>,
    announced: bool,
    phantom_withdrawals: u32,
    /// How often the router was to be asked for the routes again since Peer Up, and when last.
    asked: (usize, Option<Instant>),
    /// Its summary differs from what was told last.
    pub(super) changed: bool,
    /// When a summary was told last.
    pub(super) told_at: Option<Instant>,
    /// It waits in the router's queue of sessions to look at.
    pub(super) queued: bool,
}

/// When a session is to be looked at again, and what it wants now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// When to look again.
    pub(super) due: Option<Instant>,
    /// The router is to be asked for its routes again.
    pub(super) wants_refresh: bool,
}

impl Session {
    /// A session that isn't up.
    pub(super) fn new(name: String, peer_address: IpAddr, judge: Judge, rib: &mut Rib) -> Self {
        Self {
            name,
            peer_address,
            adj_rib_in: AdjRibIn::new(judge, rib),
            initial: None,
            complete: false,
            untrusted: None,
            announced: false,
            phantom_withdrawals: 0,
            asked: (0, None),
            changed: true,
            told_at: None,
            queued: false,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The routes.
    pub(super) fn adj_rib_in(&self) -> &AdjRibIn {
        &self.adj_rib_in
    }

    /// See [`AdjRibIn::set_policy`].
    pub(super) fn set_policy(&mut self, judge: Judge) {
        self.changed |= self.adj_rib_in.set_policy(judge);
    }

    /// See [`AdjRibIn::judge_again`].
    pub(super) fn judge_again(&mut self, budget: usize, rib: &mut Rib) -> usize {
        self.adj_rib_in.judge_again(budget, rib)
    }

    /// Established; `dump`: told at the beginning of a connection.
    pub(super) fn peer_up(&mut self, dump: bool, at: Instant, rib: &mut Rib) {
        self.void(rib);
        let kind = if dump { InitialKind::Dump } else { InitialKind::Established };
        self.initial = Some(Initial { since: at, last_message: at, kind, dirty: false });
    }

    /// Established for a while, and not listened to until now.
    pub(super) fn missed(&mut self, at: Instant) {
        let reason = "the session was added when the router had told its routes already".to_owned();
        self.complete = true;
        // Nothing will heal that by itself.
        let since = at.checked_sub(REFRESH_AFTER).unwrap_or(at);
        self.untrusted = Some(Untrusted::Unread { reason, since, destinations: None });
        self.changed = true;
    }

    /// Not established: no routes, nothing awaited, no error.
    pub(super) fn void(&mut self, rib: &mut Rib) {
        self.adj_rib_in.clear(rib);
        self.complete = false;
        self.initial = None;
        self.untrusted = None;
        self.announced = false;
        self.phantom_withdrawals = 0;
        self.asked = (0, None);
        self.changed = true;
    }

    /// The connection is lost: what is known stays to be looked at, marked.
    pub(super) fn lost(&mut self, reason: &str) {
        self.complete = false;
        self.initial = None;
        self.untrusted = Some(Untrusted::Lost { reason: reason.to_owned() });
        self.changed = true;
    }

    /// The router is connected and didn't say that the session is established.
    pub(super) fn not_told_of(&mut self, rib: &mut Rib) {
        if matches!(self.untrusted, Some(Untrusted::Lost { .. })) {
            self.void(rib);
        }
    }

    /// The router was asked for the routes again. Forgets them where any may be wrong, so that those
    /// that come until silence are all; does nothing where only some destinations are in question,
    /// because they are told anew like the others.
    pub(super) fn refresh(&mut self, at: Instant, rib: &mut Rib) {
        let Some(Untrusted::Unread { reason, destinations: None, .. }) = &self.untrusted else {
            return;
        };
        let (reason, asked) = (reason.clone(), self.asked);
        self.void(rib);
        self.asked = asked;
        self.untrusted = Some(Untrusted::Unread { reason, since: at, destinations: None });
        let kind = InitialKind::Refresh { begun: false };
        self.initial = Some(Initial { since: at, last_message: at, kind, dirty: false });
    }

    /// A route was announced.
    pub(super) fn announce(
        &mut self,
        prefix: Prefix,
        attributes: (&RouteAttributes, &Arc<[u8]>),
        received_at: Timestamp,
        rib: &mut Rib,
    ) {
        self.changed = true;
        self.announced = true;
        if self.adj_rib_in.announce(prefix, attributes, received_at, rib) {
            self.told_anew(prefix);
        } else {
            self.untrusted = Some(Untrusted::Full);
        }
    }

    /// A route was withdrawn.
    pub(super) fn withdraw(&mut self, prefix: Prefix, rib: &mut Rib) {
        self.told_anew(prefix);
        if self.adj_rib_in.withdraw(prefix, rib) {
            self.changed = true;
        } else if !self.announced {
            self.phantom_withdrawals = self.phantom_withdrawals.saturating_add(1);
            self.changed |= self.phantom_withdrawals == ONLY_WITHDRAWS_AFTER;
        }
    }

    /// A message of routes came, whatever is in it.
    pub(super) fn heard(&mut self, at: Instant) {
        if let Some(initial) = &mut self.initial {
            initial.last_message = at;
            if let InitialKind::Refresh { begun } = &mut initial.kind
                && !std::mem::replace(begun, true)
            {
                self.untrusted = None;
            }
        }
    }

    /// Part of a message couldn't be read: its destinations are withdrawn (RFC 7606 §2). True when
    /// that is the first such message.
    pub(super) fn unread(&mut self, unread: &Unread, at: Instant, rib: &mut Rib) -> bool {
        for &prefix in &unread.destinations {
            self.adj_rib_in.withdraw(prefix, rib);
        }
        if let Some(initial) = &mut self.initial {
            initial.dirty = true;
        }
        let (is_first, since, known) = match self.untrusted.take() {
            Some(Untrusted::Unread { since, destinations, .. }) => (false, since, destinations),
            // What was not kept isn't made good by hearing of these destinations.
            Some(Untrusted::Full) => (true, at, None),
            Some(Untrusted::Lost { .. }) | None => (true, at, Some(BTreeSet::new())),
        };
        let destinations = known.filter(|_| unread.is_complete).map(|mut known| {
            known.extend(&unread.destinations);
            known
        });
        let destinations = destinations.filter(|known| known.len() <= MAX_UNREAD);
        let reason = unread.reason.to_owned();
        self.untrusted = Some(Untrusted::Unread { reason, since, destinations });
        self.changed = true;
        is_first
    }

    /// End-of-RIB of a family.
    pub(super) fn end_of_rib(&mut self, ipv4: bool) {
        if ipv4 != self.peer_address.is_ipv4() {
            return;
        }
        self.changed |= !self.complete;
        self.complete = true;
        let dirty = self.initial.take().is_some_and(|i| i.dirty);
        if !dirty && matches!(self.untrusted, Some(Untrusted::Unread { .. })) {
            self.untrusted = None;
            self.changed = true;
        }
    }

    /// Ends the initial routes by silence, where no End-of-RIB comes, and asks for them again where
    /// that is the only cure. `last_of_router` is when the router last sent a route of any session.
    pub(super) fn settle(&mut self, at: Instant, last_of_router: Instant) -> Settled {
        if let Some(initial) = self.initial {
            let due = initial.ends_at(last_of_router);
            if at < due {
                return Settled { due: Some(due), wants_refresh: false };
            }
            self.initial = None;
            // A refresh that never began leaves the doubt.
            self.complete = true;
            self.changed = true;
        }
        let Some(due) = self.refresh_due() else {
            return Settled::default();
        };
        if at < due {
            return Settled { due: Some(due), wants_refresh: false };
        }
        self.asked = (self.asked.0 + 1, Some(at));
        Settled { due: self.refresh_due(), wants_refresh: true }
    }

    /// When the router is to be asked for the routes again.
    fn refresh_due(&self) -> Option<Instant> {
        let Some(Untrusted::Unread { since, .. }) = &self.untrusted else {
            return None;
        };
        if !self.is_in_doubt() {
            return None;
        }
        let (times, last) = self.asked;
        let pause = REFRESH_INTERVALS[times.saturating_sub(1).min(REFRESH_INTERVALS.len() - 1)];
        Some(last.map_or(*since + REFRESH_AFTER, |last| last + pause))
    }

    /// True when what a decision reads may be wrong.
    fn is_in_doubt(&self) -> bool {
        match &self.untrusted {
            None => false,
            Some(Untrusted::Unread { destinations: Some(known), .. }) => {
                known.iter().any(|prefix| self.adj_rib_in.judge().is_registered(*prefix))
            }
            Some(_) => true,
        }
    }

    fn error(&self) -> Option<String> {
        match &self.untrusted {
            Some(Untrusted::Unread { reason, destinations: None, .. }) => Some(format!(
                "part of its routes couldn't be read: {reason}; the router is asked to send them again"
            )),
            Some(Untrusted::Unread { reason, destinations: Some(known), .. }) => {
                let shown: Vec<String> = known.iter().take(3).map(Prefix::to_string).collect();
                let more = if known.len() > shown.len() { ", …" } else { "" };
                Some(format!(
                    "a malformed message: {reason}; counted as withdrawn until told anew: {}{more}",
                    shown.join(", ")
                ))
            }
            Some(Untrusted::Full) => {
                Some(format!("more than {MAX_ROUTES} routes; lower the session's maximum-prefix"))
            }
            Some(Untrusted::Lost { reason }) => {
                Some(format!("{reason}; the routes shown are the last known until the router tells anew"))
            }
            None if !self.announced && self.phantom_withdrawals >= ONLY_WITHDRAWS_AFTER => Some(
                "the router withdraws routes of this peer that it never told of: it refuses them \
                 itself, as FRR 8.4 does with paths that have its own ASN"
                    .to_owned(),
            ),
            None => None,
        }
    }

    /// The whole summary.
    pub(super) fn summary(&mut self, router: &str, now: Timestamp, rib: &Rib) -> SessionRoutes {
        self.adj_rib_in.refill_examples(rib);
        let tally = self.adj_rib_in.tally();
        SessionRoutes {
            router: router.to_owned(),
            session: self.name.clone(),
            peer_address: self.peer_address,
            at: now,
            synced: self.complete && !self.is_in_doubt(),
            error: self.error(),
            received: u32::try_from(self.adj_rib_in.prefixes().len()).unwrap_or(u32::MAX),
            used: tally.used(),
            faults: tally.fault_counts(),
            examples: tally.fault_examples(),
            evidence: self.adj_rib_in.evidence(rib),
        }
    }

    /// A destination in question is known again; with the last one all is.
    fn told_anew(&mut self, prefix: Prefix) {
        if let Some(Untrusted::Unread { destinations: Some(known), .. }) = &mut self.untrusted
            && known.remove(&prefix)
        {
            self.changed = true;
            if known.is_empty() {
                self.untrusted = None;
                if let Some(initial) = &mut self.initial {
                    initial.dirty = false;
                }
            }
        }
    }
}

impl Initial {
    fn ends_at(&self, last_of_router: Instant) -> Instant {
        match self.kind {
            InitialKind::Dump => {
                (self.since.max(last_of_router) + QUIET_DUMP).min(self.since + DUMPED_AT_LATEST)
            }
            InitialKind::Established | InitialKind::Refresh { begun: true } => {
                (self.last_message + QUIET).min(self.since + SETTLED_AT_LATEST)
            }
            InitialKind::Refresh { begun: false } => self.since + REFRESHED_AT_LATEST,
        }
    }
}
