//! One session: its table, and whether the table can be trusted.
//!
//! A table is trusted (`synced`) once its initial routes are in, and not while a mark is set. A mark
//! says why not, and what takes it away; it never touches another session.

use super::table::{MAX_ROUTES, Shared, Table};
use jiff::Timestamp;
use meetme_model::link::SessionRoutes;
use meetme_model::prefix::Prefix;
use meetme_model::route::{RouteAttributes, SessionPolicy};
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
/// Withdrawals of what was never announced, without any announcement, that raise the alarm.
const ONLY_WITHDRAWS_AFTER: u32 = 3;
/// Destinations remembered as unknown after a malformed message.
const MAX_DOUBTED: usize = 10_000;

/// Why a table can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// A malformed message. Goes when every doubted destination was told anew, or at the next
    /// clean End-of-RIB, Peer Up or connection.
    Malformed {
        reason: String,
        /// When the first such message came.
        since: Instant,
        /// Destinations to hear of again; `None` when they are not known.
        doubted: Option<BTreeSet<Prefix>>,
    },
    /// Announcements come as withdrawals. Goes at the first announcement.
    OnlyWithdraws,
    /// More routes than are kept. Goes at the next Peer Up or connection.
    Full,
    /// The connection is lost. Goes at the next one.
    Lost { reason: String },
}

impl Mark {
    fn text(&self) -> String {
        match self {
            Self::Malformed { reason, .. } => {
                format!("{reason}; its routes count as withdrawn until the router sends them again")
            }
            Self::OnlyWithdraws => "the router sends this peer's announcements as withdrawals \
                 (FRR 8.4 does so without 'soft-reconfiguration inbound', and for every route that \
                 an inbound route-map denies): set the former, and let the route-map permit what \
                 it doesn't want with an unreachable next hop"
                .to_owned(),
            Self::Full => {
                format!("more than {MAX_ROUTES} routes; lower the session's maximum-prefix")
            }
            Self::Lost { reason } => {
                format!("{reason}; the routes shown are the last known until the router reconnects")
            }
        }
    }
}

/// How the initial routes end.
#[derive(Clone, Copy, Debug)]
struct Initial {
    since: Instant,
    last_message: Instant,
    /// Part of the dump at connection, which ends with End-of-RIB.
    dump: bool,
    /// A message of it was malformed: its End-of-RIB proves nothing.
    dirty: bool,
}

/// One configured session.
#[derive(Debug)]
pub(super) struct Session {
    peer_address: IpAddr,
    table: Table,
    synced: bool,
    initial: Option<Initial>,
    mark: Option<Mark>,
    announced: bool,
    phantom_withdrawals: u32,
    /// Its summary differs from what was told last.
    pub(super) changed: bool,
    /// When a summary was told last.
    pub(super) told_at: Option<Instant>,
}

impl Session {
    /// A session that isn't up.
    pub(super) fn new(peer_address: IpAddr, policy: SessionPolicy) -> Self {
        Self {
            peer_address,
            table: Table::new(policy),
            synced: false,
            initial: None,
            mark: None,
            announced: false,
            phantom_withdrawals: 0,
            changed: true,
            told_at: None,
        }
    }

    /// The peer's address.
    pub(super) fn peer_address(&self) -> IpAddr {
        self.peer_address
    }

    /// The routes.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// See [`Table::set_policy`].
    pub(super) fn set_policy(&mut self, policy: SessionPolicy, shared: &mut Shared) {
        self.changed |= self.table.set_policy(policy, shared);
    }

    /// Established; `dump`: told at the beginning of a connection.
    pub(super) fn peer_up(&mut self, dump: bool, at: Instant, shared: &mut Shared) {
        self.void(shared);
        self.initial = Some(Initial { since: at, last_message: at, dump, dirty: false });
    }

    /// Not established: no routes, nothing awaited, no error.
    pub(super) fn void(&mut self, shared: &mut Shared) {
        self.table.clear(shared);
        self.synced = false;
        self.initial = None;
        self.mark = None;
        self.announced = false;
        self.phantom_withdrawals = 0;
        self.changed = true;
    }

    /// Since when a malformed message makes the table doubtful.
    pub(super) fn doubtful_since(&self) -> Option<Instant> {
        match self.mark {
            Some(Mark::Malformed { since, .. }) => Some(since),
            _ => None,
        }
    }

    /// The connection is lost: what is known stays to be looked at, marked.
    pub(super) fn lost(&mut self, reason: &str) {
        self.synced = false;
        self.initial = None;
        self.mark = Some(Mark::Lost { reason: reason.to_owned() });
        self.changed = true;
    }

    /// A route was announced.
    pub(super) fn announce(
        &mut self,
        prefix: Prefix,
        attributes: &Arc<RouteAttributes>,
        received_at: Timestamp,
        at: Instant,
        shared: &mut Shared,
    ) {
        self.changed = true;
        self.announced = true;
        if self.mark == Some(Mark::OnlyWithdraws) {
            self.mark = None;
            self.initial.get_or_insert(Initial { since: at, last_message: at, dump: false, dirty: false });
        }
        if self.table.announce(prefix, attributes, received_at, shared) {
            self.told_anew(prefix);
        } else {
            self.mark = Some(Mark::Full);
            self.synced = false;
        }
        self.heard(at);
    }

    /// A route was withdrawn.
    pub(super) fn withdraw(&mut self, prefix: Prefix, at: Instant, shared: &mut Shared) {
        self.heard(at);
        self.told_anew(prefix);
        if self.table.withdraw(prefix, shared) {
            self.changed = true;
        } else if !self.announced {
            self.phantom_withdrawals += 1;
            if self.phantom_withdrawals >= ONLY_WITHDRAWS_AFTER && self.mark.is_none() {
                self.mark = Some(Mark::OnlyWithdraws);
                self.synced = false;
                self.changed = true;
            }
        }
    }

    /// A message of this session was malformed: `destinations` are withdrawn (RFC 7606).
    pub(super) fn malformed(
        &mut self,
        reason: String,
        destinations: &[Prefix],
        complete: bool,
        at: Instant,
        shared: &mut Shared,
    ) {
        for &prefix in destinations {
            self.table.withdraw(prefix, shared);
        }
        if let Some(initial) = &mut self.initial {
            initial.dirty = true;
        }
        let (since, mut doubted) = match self.mark.take() {
            Some(Mark::Malformed { since, doubted, .. }) => (since, doubted),
            // What was not kept isn't made good by hearing of these destinations.
            Some(Mark::Full) => (at, None),
            _ => (at, Some(BTreeSet::new())),
        };
        if let Some(known) = &mut doubted {
            known.extend(destinations);
        }
        let doubted = doubted.filter(|d| complete && !d.is_empty() && d.len() <= MAX_DOUBTED);
        self.mark = Some(Mark::Malformed { reason, since, doubted });
        self.synced = false;
        self.changed = true;
    }

    /// End-of-RIB of a family.
    pub(super) fn end_of_rib(&mut self, ipv4: bool) {
        if ipv4 != self.peer_address.is_ipv4() {
            return;
        }
        let dirty = self.initial.take().is_some_and(|i| i.dirty);
        if dirty {
            return;
        }
        match &self.mark {
            None => {}
            Some(Mark::Malformed { .. }) => {
                self.mark = None;
                self.changed = true;
            }
            Some(Mark::OnlyWithdraws | Mark::Full | Mark::Lost { .. }) => return,
        }
        self.changed |= !self.synced;
        self.synced = true;
    }

    /// Ends the initial routes by silence, where no End-of-RIB comes. `last_of_router` is when the
    /// router last sent a route of any session. Returns when to look again.
    pub(super) fn settle(&mut self, at: Instant, last_of_router: Instant) -> Option<Instant> {
        let initial = self.initial?;
        let due = if initial.dump {
            (initial.since.max(last_of_router) + QUIET_DUMP).min(initial.since + DUMPED_AT_LATEST)
        } else {
            (initial.last_message + QUIET).min(initial.since + SETTLED_AT_LATEST)
        };
        if at < due {
            return Some(due);
        }
        self.initial = None;
        if self.mark.is_none() {
            self.synced = true;
            self.changed = true;
        }
        None
    }

    /// The whole summary.
    pub(super) fn summary(&self, router: &str, name: &str, now: Timestamp) -> SessionRoutes {
        SessionRoutes {
            router: router.to_owned(),
            session: name.to_owned(),
            peer_address: self.peer_address,
            at: now,
            synced: self.synced,
            error: self.mark.as_ref().map(Mark::text),
            received: u32::try_from(self.table.len()).unwrap_or(u32::MAX),
            used: self.table.used(),
            faults: self.table.fault_counts(),
            examples: self.table.fault_examples(),
            evidence: self.table.evidence(),
        }
    }

    fn heard(&mut self, at: Instant) {
        if let Some(initial) = &mut self.initial {
            initial.last_message = at;
        }
    }

    /// A doubted destination is known again; with the last one the table can be trusted again.
    fn told_anew(&mut self, prefix: Prefix) {
        if let Some(Mark::Malformed { doubted: Some(doubted), .. }) = &mut self.mark
            && doubted.remove(&prefix)
            && doubted.is_empty()
        {
            self.mark = None;
            self.changed = true;
            match &mut self.initial {
                Some(initial) => initial.dirty = false,
                None => self.synced = true,
            }
        }
    }
}
