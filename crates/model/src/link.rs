//! What control plane and edge say to each other (`docs/ARCHITECTURE.md`, the link).
//!
//! What is told is a snapshot of what it speaks of, so a repeated message is harmless and a lost
//! one is healed by the next. What grows with a router (its snapshot, its state) goes in parts, of
//! which only those are sent that the other end doesn't have; a closing message makes a whole of them. Both
//! ends begin with nothing on each link. Framing and transport are elsewhere.

mod state_parts;

use crate::coupling::Coupling;
use crate::intent_parts::{IntentHead, IntentPart, IntentParts};
use crate::inventory::RouterAccess;
use crate::prefix::Prefix;
use crate::probe::{LookingGlass, Probe, ProbeOutcome};
use crate::route::{ReceivedRoute, RouteAttributes, RouteUse, RouteVerdict, RouterDifference, RouterWord};
use crate::samples::RouterSamples;
use crate::session_down::SessionDown;
use crate::unit::{UnitFault, UnitName, UnitPending};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub use state_parts::{GatheredState, RouterStatePart};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Version of these messages; an edge of another version is refused with a clear answer.
pub const LINK_VERSION: u32 = 4;

/// Longest frame, in bytes: a page of routes, or a list of some hundred thousand prefixes. No part of a
/// snapshot or a state grows with the number of a router's sessions.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

/// Control plane → edge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToEdge {
    /// The routers of the edge's site and how to reach them. The edge acts on no other.
    Routers {
        /// All of them.
        routers: Vec<RouterAccess>,
    },
    /// A part of what one router should be. It counts once the head comes.
    IntentPart {
        /// The router.
        router: String,
        /// The part.
        part: IntentPart,
    },
    /// What one router should be: what the parts make that were sent so far.
    Intent {
        /// What ties them together.
        head: Box<IntentHead>,
    },
    /// A live question, answered by [`ToControl::Answer`] with the same id.
    Query {
        /// Chosen by the asker.
        id: u64,
        /// The question.
        query: EdgeQuery,
    },
    /// All probes that the site's routers send.
    Probes {
        /// All of them.
        probes: Vec<Probe>,
    },
    /// The edge is refused; it says why and tries again later.
    Refused {
        /// For the edge's log.
        reason: String,
    },
}

/// Edge → control plane.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToControl {
    /// First message on a link.
    Hello {
        /// [`LINK_VERSION`] of the edge.
        version: u32,
        /// The site it serves.
        site: String,
    },
    /// The parts of a router's snapshot don't make the whole: all of them have to be sent again.
    IntentWanted {
        /// The router.
        router: String,
    },
    /// Some of what changed in a router's state. It counts once the state itself comes.
    RouterPart {
        /// The router.
        router: String,
        /// What changed.
        part: Box<RouterStatePart>,
    },
    /// A router's observed state; sent when it changed and on reconnection.
    Router {
        /// The state, without what its parts tell.
        state: Box<RouterState>,
    },
    /// What an attempt to apply an intent came to.
    Applied {
        /// The result.
        result: Box<ApplyResult>,
    },
    /// One session's route summary; sent when it changed and on reconnection.
    Routes {
        /// The summary.
        routes: Box<SessionRoutes>,
    },
    /// One router's minute. A minute may be sent again; the first one counts.
    Samples {
        /// What was measured.
        samples: Box<RouterSamples>,
    },
    /// What a probe's newest try came to.
    Probed {
        /// The outcome.
        outcome: Box<ProbeOutcome>,
    },
    /// The answer to a query.
    Answer {
        /// The query's id.
        id: u64,
        /// What was found, or why nothing could be.
        answer: Result<EdgeAnswer, String>,
    },
}

/// Live questions to an edge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum EdgeQuery {
    /// A page of what sessions received, in the order of prefix, then session.
    ReceivedRoutes {
        /// The sessions, as (router, session name).
        sessions: Vec<(String, String)>,
        /// What to keep.
        filter: RouteFilter,
        /// Continue after this prefix and session name.
        after: Option<(Prefix, String)>,
        /// At most so many rows.
        limit: u32,
    },
    /// What would be changed on a router, without changing it.
    Diff {
        /// The router.
        router: String,
        /// Units in the place of those that it has, to be told of alone; `None`: the newest snapshot
        /// that the edge has.
        instead: Option<Box<IntentParts>>,
    },
    /// A look from a router.
    LookingGlass {
        /// The router.
        router: String,
        /// What to look for.
        look: LookingGlass,
    },
}

/// Filters of the received-routes operation; all given ones must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteFilter {
    /// This very prefix.
    pub prefix: Option<Prefix>,
    /// The AS path as text: equal to the whole path, or a run of ASNs within it.
    pub as_path: Option<String>,
    /// Keep routes whose verdict uses them (true) or doesn't (false).
    pub used: Option<bool>,
    /// Keep routes in this RPKI state.
    pub rpki: Option<crate::route::RpkiState>,
}

/// Answers, matching [`EdgeQuery`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum EdgeAnswer {
    /// Received routes and where the next page starts.
    ReceivedRoutes {
        /// The rows.
        rows: Vec<JudgedRoute>,
        /// `after` of the next page, when there is one.
        next: Option<(Prefix, String)>,
    },
    /// A unified diff, empty when the router is as intended.
    Diff {
        /// The generation that the router was held against; `None`: the edge has none yet.
        generation: Option<u64>,
        /// The text, of some dozens of units at most; secrets masked.
        diff: String,
        /// As many units that the router wouldn't get, and why.
        faults: BTreeMap<UnitName, UnitFault>,
    },
    /// What a looking glass showed.
    LookingGlass {
        /// As the tool or router printed it.
        output: String,
    },
}

/// A received route with its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedRoute {
    /// The router.
    pub router: String,
    /// The session's name.
    pub session: String,
    /// The route.
    pub route: ReceivedRoute,
    /// What is done with it and why.
    pub verdict: RouteVerdict,
}

/// What applying came to, for one or more units of a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyResult {
    /// The router.
    pub router: String,
    /// The intent's generation.
    pub generation: u64,
    /// When it ended.
    pub at: Timestamp,
    /// The units that it tells of; none when the router as a whole wasn't reached.
    #[serde(default)]
    pub units: Vec<UnitName>,
    /// How it ended.
    pub outcome: ApplyOutcome,
    /// What was (or would have been) changed, as a unified diff, secrets masked.
    pub diff: String,
}

/// How an apply ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ApplyOutcome {
    /// Applied; sessions that weren't part of the change stayed up through the watch time.
    Confirmed,
    /// The check refused it; nothing was touched.
    Refused {
        /// What is wrong with it.
        fault: UnitFault,
    },
    /// Applied, then undone.
    RolledBack {
        /// Why: which session was lost, or what the router said.
        fault: UnitFault,
    },
    /// The router can't be reached; tried again with back-off.
    Unreachable {
        /// What the attempt said.
        reason: String,
    },
}

/// A router as the edge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterState {
    /// The router.
    pub router: String,
    /// When it was read.
    pub at: Timestamp,
    /// Whether it could be read; when not, the rest is the last known and `error` says why.
    pub reachable: bool,
    /// Why it can't be reached.
    pub error: Option<String>,
    /// The newest generation that the edge has of what the router should be.
    #[serde(default)]
    pub generation: Option<u64>,
    /// The newest generation of which every unit was confirmed on the router.
    pub applied_generation: Option<u64>,
    /// Units that aren't confirmed as `generation` has them; all others are.
    #[serde(default)]
    pub pending: BTreeMap<UnitName, UnitPending>,
    /// Hand-made changes in what is ours, as a unified diff (router → intent), secrets masked.
    pub drift: Option<String>,
    /// LAGs by name.
    pub lags: BTreeMap<String, LagState>,
    /// Sessions by name.
    pub sessions: BTreeMap<String, SessionState>,
    /// Whether the router's BMP connection is up.
    pub bmp_connected: bool,
    /// Whether its BGP falls with its BFD; `None` before that was tried.
    #[serde(default)]
    pub coupling: Option<Coupling>,
    /// Routes of registered prefixes with which the router does something else than the rules say.
    #[serde(default)]
    pub differing: DifferingRoutes,
    /// Neighbours of the host's own backbone, and to the Internet, whose sessions aren't established:
    /// their names in the inventory.
    #[serde(default)]
    pub backbone_down: BTreeMap<IpAddr, String>,
}

impl RouterState {
    /// A router that was reached at that time, and of which nothing else is known.
    pub fn reached(router: impl Into<String>, at: Timestamp) -> Self {
        Self {
            router: router.into(),
            at,
            reachable: true,
            error: None,
            generation: None,
            applied_generation: None,
            pending: BTreeMap::new(),
            drift: None,
            lags: BTreeMap::new(),
            sessions: BTreeMap::new(),
            bmp_connected: false,
            coupling: None,
            differing: DifferingRoutes::default(),
            backbone_down: BTreeMap::new(),
        }
    }
}

/// How many routes differ, with the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferingRoutes {
    /// All of them.
    pub count: u32,
    /// The first by session and prefix, a hundred at most.
    pub first: Vec<DifferingRoute>,
}

/// A route with which its router does something else than the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferingRoute {
    /// The session's name.
    pub session: String,
    /// The prefix.
    pub prefix: Prefix,
    /// What differs.
    #[serde(flatten)]
    pub difference: RouterDifference,
}

impl RouterState {
    /// Names of LAGs and sessions that are down; none when the router can't be read.
    pub fn down(&self) -> impl Iterator<Item = &str> {
        let lags = self.lags.iter().filter(|(_, lag)| !lag.is_up()).map(|(name, _)| name.as_str());
        let up = |s: &SessionState| s.bfd == BfdSessionState::Up && s.bgp == BgpState::Established;
        let sessions = self.sessions.iter().filter(move |(_, s)| !up(s)).map(|(name, _)| name.as_str());
        lags.chain(sessions).filter(|_| self.reachable)
    }
}

/// A LAG as LACP sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagState {
    /// Members by port name.
    pub members: BTreeMap<String, MemberState>,
}

impl LagState {
    /// Up when it has members and every member collects and distributes (`docs/rules.md` §3).
    pub fn is_up(&self) -> bool {
        !self.members.is_empty() && self.members.values().all(|m| m.collecting && m.distributing)
    }

    /// True when any member has light.
    pub fn has_light(&self) -> bool {
        self.members.values().any(|m| m.carrier)
    }
}

/// A LAG member (IEEE 802.1AX actor state).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// Light on the port.
    pub carrier: bool,
    /// Collecting.
    pub collecting: bool,
    /// Distributing.
    pub distributing: bool,
}

/// BGP finite state machine states (RFC 4271 §8.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BgpState {
    /// Idle.
    #[default]
    Idle,
    /// Connect.
    Connect,
    /// Active: trying, not to be confused with a connection's Active.
    Active,
    /// OpenSent.
    OpenSent,
    /// OpenConfirm.
    OpenConfirm,
    /// Established.
    Established,
}

/// BFD session states (RFC 5880 §6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BfdSessionState {
    /// Held down by an administrator.
    AdminDown,
    /// Down.
    #[default]
    Down,
    /// Coming up.
    Init,
    /// Up.
    Up,
}

/// A session as the router sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// BGP state.
    pub bgp: BgpState,
    /// BFD state.
    pub bfd: BfdSessionState,
    /// Negotiated BFD detection time.
    pub bfd_detection_ms: Option<u32>,
    /// The peer's BGP identifier.
    pub peer_router_id: Option<String>,
    /// When BGP was last established.
    pub established_at: Option<Timestamp>,
    /// Why it isn't up; nothing while it is.
    #[serde(default)]
    pub down: Option<SessionDown>,
    /// True while routes may pass: phase open and BFD seen up since the session was established.
    pub gate_open: bool,
    /// How often it left Established since the edge watches.
    pub flaps: u32,
}

/// What a session's Adj-RIB-In comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRoutes {
    /// The router.
    pub router: String,
    /// The session's name.
    pub session: String,
    /// The peer's address, to name the session by.
    pub peer_address: IpAddr,
    /// When this was computed.
    pub at: Timestamp,
    /// True once the initial routes are in (End-of-RIB) and the table can be trusted.
    pub synced: bool,
    /// What is wrong with it: routes that couldn't be read, a lost connection. It may be in sync all
    /// the same, where no prefix of the policy is concerned.
    pub error: Option<String>,
    /// Routes received.
    pub received: u32,
    /// Routes used.
    pub used: u32,
    /// How many routes break each rule, by [`crate::route::RouteFault::code`].
    pub faults: BTreeMap<String, u32>,
    /// Up to five prefixes for each of `faults`, as examples.
    pub examples: BTreeMap<String, Vec<Prefix>>,
    /// For each prefix of the session's policy, what is received, if anything.
    pub evidence: Vec<PrefixEvidence>,
}

/// What one session shows of one registered prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixEvidence {
    /// The registered prefix.
    pub prefix: Prefix,
    /// The route for this very prefix, when it is received.
    pub route: Option<SeenRoute>,
}

/// A route as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRoute {
    /// Its attributes.
    pub attributes: RouteAttributes,
    /// Its RPKI state.
    pub rpki: crate::route::RpkiState,
    /// What is done with it.
    pub verdict: RouteVerdict,
    /// Whether the router says so, too.
    #[serde(default)]
    pub router: RouterWord,
    /// Since when.
    pub received_at: Timestamp,
}

impl SeenRoute {
    /// True when it is used by the rules, and by the router as far as is known.
    pub fn is_used(&self) -> bool {
        let differs = matches!(&self.router, RouterWord::Differs { difference } if !difference.is_used());
        self.verdict.usage != RouteUse::Unused && !differs
    }

    /// True when traffic leaves by it before it leaves over the Internet, as far as is known.
    pub fn carries(&self) -> bool {
        self.verdict.carries() && self.is_used()
    }
}
