//! What a machine is told, and what it says: its border to the task that runs it.

use crate::agent::minutes::SeenSession;
use crate::routers::{DriverError, GateChange, NeighborDetail, Observed, Target};
use jiff::Timestamp;
use meetme_model::coupling::Found;
use meetme_model::intent::RouterIntent;
use meetme_model::link::{ApplyResult, LagState, RouterState};
use meetme_model::unit::{UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

/// The moment at which something is told to the machine, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For waiting.
    pub instant: Instant,
    /// For telling.
    pub at: Timestamp,
}

/// One unit's difference, as a driver planned it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The unit.
    pub unit: UnitName,
    /// What changes, secrets masked.
    pub diff: String,
    /// What was changed by hand, secrets masked.
    pub drift: String,
    /// Neighbours whose session it resets or removes.
    pub disturbs: BTreeSet<IpAddr>,
    /// Why it can't be made.
    pub fault: Option<UnitFault>,
    /// The router has nothing of it.
    pub is_new: bool,
}

/// What a plan found.
#[derive(Clone, Debug, Default)]
pub struct PlanFound {
    /// Every unit that differs, in the order in which they are best changed.
    pub units: Vec<Planned>,
    /// Sessions whose gate isn't as it was set last.
    pub gates_moved: BTreeSet<String>,
    /// Whether there are objects of ours that nothing refers to.
    pub has_unused: bool,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The newest snapshot.
    Intent(Box<RouterIntent>),
    /// The router told by BMP that a session is no longer established.
    SessionLeft(String),
    /// It told that a session came up.
    SessionCame,
    /// Its BMP connection came or went.
    Bmp(bool),
    /// A look came back.
    Observed(Result<Observed, DriverError>),
    /// The LAGs were read.
    Lags(Result<BTreeMap<String, LagState>, DriverError>),
    /// Details of a neighbour came back.
    Detail(String, Result<NeighborDetail, DriverError>),
    /// A plan came back.
    Planned(Result<PlanFound, DriverError>),
    /// A batch was made and read back: who failed, and why.
    Applied(Result<BTreeMap<UnitName, UnitFault>, DriverError>),
    /// The trial of its coupling of BFD and BGP is over.
    Proved(Result<Found, DriverError>),
    /// Gates were set; the sessions of which the router has no neighbour.
    GatesSet(Vec<GateChange>, Result<BTreeSet<String>, DriverError>),
    /// The control plane is back and knows nothing: tell all.
    Refresh,
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// Look at sessions and LAGs.
    Observe,
    /// Ask what costs more about a neighbour.
    Ask(String, IpAddr),
    /// Close an established session.
    Clear(IpAddr),
    /// Open and close gates, now.
    SetGates(Vec<GateChange>),
    /// Read the router and plan its way to these targets.
    Plan(Vec<Target>, BTreeMap<String, bool>),
    /// Make the planned changes of these units, and whatever is unused if so told, then read back.
    Apply(Vec<UnitName>, bool),
    /// Try whether its BGP falls with its BFD.
    Prove,
    /// Write down what a look showed.
    Measure(Vec<SeenSession>),
    /// Tell the state.
    Publish(Box<RouterState>),
    /// Tell what applying came to.
    Report(Box<ApplyResult>),
}
