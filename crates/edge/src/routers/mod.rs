//! The border to routers: what every driver offers.
//!
//! A driver turns units (`meetme_model::unit`) into the router's own configuration, compares them
//! with what is there, changes only what carries the product's mark, and reads state. It decides
//! nothing: when to plan, to apply, to watch or to undo is the machine's (`crate::agent`). Two
//! implementations stand behind it: [`frr`], and [`simulated`], which has no router at all.

pub mod frr;
pub mod simulated;

use crate::lag::counters::Counters;
use crate::place::Place;
use meetme_model::coupling::Found;
use meetme_model::inventory::{Management, RouterAccess};
use meetme_model::link::{BfdSessionState, BgpState, LagState};
use meetme_model::prefix::Prefix;
use meetme_model::route::RouterPath;
use meetme_model::session_down::DownReason;
use meetme_model::unit::{Unit, UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Names of the sessions whose gate is open: routes may pass (`docs/rules.md` §3).
pub type Gates = BTreeSet<String>;

/// A BGP neighbour as the router tells it, ours or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbor {
    /// BGP state.
    pub bgp: BgpState,
    /// When it was last established, in milliseconds since the epoch.
    pub established_at_ms: Option<i64>,
    /// How often it left Established since the router's BGP daemon started.
    pub drops: u64,
    /// Closed because more prefixes came than it may bring; it waits for its restart.
    pub over_limit: bool,
}

/// What is only asked for when a neighbour's state changed, because it costs more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeighborDetail {
    /// The peer's BGP identifier.
    pub router_id: Option<String>,
    /// Why the session went down last, and how long ago that was.
    pub down: Option<(DownReason, Duration)>,
}

/// A BFD session as the router tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bfd {
    /// Its state.
    pub state: BfdSessionState,
    /// The negotiated detection time, once both ends have spoken.
    pub detection_ms: Option<u32>,
}

/// One cheap look at a router's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// BGP neighbours by address.
    pub neighbors: BTreeMap<IpAddr, Neighbor>,
    /// BFD sessions by peer address; without any while BFD can't be asked, since BFD that isn't
    /// known isn't up.
    pub bfd: BTreeMap<IpAddr, Bfd>,
    /// Why BFD couldn't be asked.
    pub bfd_error: Option<String>,
}

/// A driver couldn't do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The router can't be spoken with; nothing is known of what it did.
    #[error("{0}")]
    Unreachable(String),
    /// The router, or a check before it, said no; it concerns the unit at hand alone.
    #[error("{0}")]
    Fault(UnitFault),
}

/// What a unit should be on the router, and what is known of it there.
#[derive(Clone, Debug)]
pub struct Target {
    /// The unit.
    pub name: UnitName,
    /// What was applied last, when that is known: a difference from it was made by hand.
    pub stands: Option<Arc<Unit>>,
    /// What should be there; `None` to remove it.
    pub wants: Option<Arc<Unit>>,
}

/// One unit's way from what is on the router to what should be, thought through.
#[derive(Debug)]
pub struct UnitChange<S> {
    /// The unit.
    pub unit: UnitName,
    /// What changes, as hunks of lines, secrets masked.
    pub diff: String,
    /// How the router differs from what was applied to it last; empty when it doesn't, or when
    /// that isn't known.
    pub drift: String,
    /// Neighbours whose session this resets or removes.
    pub disturbs: BTreeSet<IpAddr>,
    /// Why it can't be made; then nothing of it is.
    pub fault: Option<UnitFault>,
    /// The router has nothing of it.
    pub is_new: bool,
    /// The driver's own way of doing it.
    pub steps: S,
}

/// Every difference between a router and the targets.
#[derive(Debug)]
pub struct Plan<S> {
    /// Units that aren't as they should be, in the order in which they are best changed.
    pub changes: Vec<UnitChange<S>>,
    /// Sessions whose gate isn't on the router as it was set last.
    pub gates_moved: BTreeSet<String>,
    /// Objects of ours that nothing refers to any more; removing them disturbs nobody.
    pub unused: Option<S>,
}

/// A gate to be opened or closed.
#[derive(Clone, Debug)]
pub struct GateChange {
    /// The session.
    pub session: String,
    /// The unit as it stands on the router: it says what open means.
    pub unit: Arc<Unit>,
    /// Open, or closed.
    pub open: bool,
}

/// Whether a change has more steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another step is to come.
    More,
    /// All is done.
    Done,
}

/// What drives one router.
pub trait Driver: Send + Sync + 'static {
    /// The way of one change, opaque to everybody else.
    type Steps: Send + 'static;

    /// A cheap look at every session. BFD that can't be asked is no error, but told as such.
    fn observe(&self) -> impl Future<Output = Result<Observed, DriverError>> + Send;

    /// Our LAGs as LACP sees them.
    fn lags(&self) -> impl Future<Output = Result<BTreeMap<String, LagState>, DriverError>> + Send;

    /// What every interface has counted.
    fn counters(&self) -> impl Future<Output = Result<BTreeMap<String, Counters>, DriverError>> + Send;

    /// What costs more to ask about one neighbour.
    fn detail(&self, address: IpAddr) -> impl Future<Output = Result<NeighborDetail, DriverError>> + Send;

    /// Closes an established session; the router opens it again by itself.
    fn clear(&self, address: IpAddr) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Has the router repeat by BMP what a session received. The session stays up, and its peer isn't
    /// asked for anything.
    fn repeat_received(&self, address: IpAddr) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Reads the router and works out what lies between it and the targets; `gates` are the
    /// sessions whose gate was set last, with whether it is open. Changes nothing.
    fn plan(
        &self,
        targets: &[Target],
        gates: &BTreeMap<String, bool>,
    ) -> impl Future<Output = Result<Plan<Self::Steps>, DriverError>> + Send;

    /// Has the router's own syntax check look at changes, where there is one; what it objects to
    /// gets its `fault`. Changes nothing on the router.
    fn check(&self, changes: &mut [UnitChange<Self::Steps>]) -> impl Future<Output = ()> + Send;

    /// Makes what several changes share, before the first step of any, where that is cheaper; what it
    /// can't make is left to their steps.
    fn prepare(
        &self,
        changes: &mut [(UnitName, Self::Steps)],
    ) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Does the next step of a change; one that fails leaves it half done.
    fn next_step(
        &self,
        steps: &mut Self::Steps,
    ) -> impl Future<Output = Result<Progress, DriverError>> + Send;

    /// Reads the router again: which of the changes it didn't take over, and why.
    fn verify(
        &self,
        done: &[(UnitName, Self::Steps)],
    ) -> impl Future<Output = Result<BTreeMap<UnitName, UnitFault>, DriverError>> + Send;

    /// Opens and closes gates, beside whatever else is under way. Gives the sessions of which the
    /// router has no neighbour.
    fn set_gates(
        &self,
        changes: &[GateChange],
    ) -> impl Future<Output = Result<BTreeSet<String>, DriverError>> + Send;

    /// The paths that the router has of prefixes, in use or not; of what isn't in its table, none.
    fn paths(
        &self,
        prefixes: &[Prefix],
    ) -> impl Future<Output = Result<BTreeMap<Prefix, Vec<RouterPath>>, DriverError>> + Send;

    /// Has a session with BFD of the edge's own with the router and falls silent on BFD, to see BGP fall. Takes
    /// the session away again, whatever came of it.
    fn prove_coupling(&self) -> impl Future<Output = Result<Found, DriverError>> + Send;

    /// The routes for a prefix as the router prints them, without what only concerns the host.
    fn route(&self, prefix: Prefix) -> impl Future<Output = Result<String, DriverError>> + Send;
}

/// The driver for a router, as its inventory entry says.
pub fn driver(access: &RouterAccess) -> frr::Frr {
    match &access.management {
        Management::Frr { vty_dir, lag, .. } => {
            frr::Frr::new(vty_dir.clone(), lag.clone()).at(Place::of(access))
        }
    }
}
