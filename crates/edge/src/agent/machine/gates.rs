//! When a session's gate opens and closes (`docs/rules.md` §3). Pure: looks in, decisions out.
//!
//! FRR 8.4 has no strict BFD mode: BGP can be Established while BFD isn't up, and a silent failure
//! in that time would go unnoticed. So routes pass only while both are up, at every
//! re-establishment anew, and a session that loses BFD alone is closed.

use crate::agent::minutes::SeenSession;
use crate::routers::{Bfd, Gates, Neighbor, NeighborDetail, Observed};
use jiff::Timestamp;
use meetme_model::intent::{SessionIntent, SessionPhase};
use meetme_model::link::{BfdSessionState, BgpState, SessionState};
use meetme_model::session_down::{DownReason, SessionDown};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What follows from a look at the router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Sessions whose gate is to be open; all others' are to be closed.
    pub open: Gates,
    /// Sessions to close, because they lost BFD alone and the router left them open.
    pub clear: Vec<IpAddr>,
    /// Sessions whose details are worth asking for, because something happened to them.
    pub ask: Vec<(String, IpAddr)>,
    /// True when a session went up or down, so that more is to be expected soon.
    pub moved: bool,
    /// Neighbours whose session fell since the look before.
    pub fell: Vec<IpAddr>,
    /// True while a gate waits for BFD alone.
    pub awaits_bfd: bool,
    /// What the look says about sessions that should be up, as the router tells.
    pub seen: Vec<SeenSession>,
}

#[derive(Clone, Debug, Default)]
struct Track {
    neighbor: Neighbor,
    bfd: Bfd,
    /// Drops counted by the router that the edge has told as flaps.
    drops: Option<u64>,
    flaps: u32,
    /// Those that aren't in any [`SeenSession`] yet.
    unseen_flaps: u32,
    /// BFD has been up during this establishment.
    bfd_was_up: bool,
    /// It was lost, and the session still stood, one look ago.
    bfd_lost: bool,
    router_id: Option<String>,
    /// Why it went down last, while it isn't up.
    down: Option<SessionDown>,
    /// Looks at which it wasn't up, since its details were asked for.
    looks_down: u32,
}

/// At every so many looks a session that isn't up is asked for its details: why may change while its
/// state doesn't.
const ASK_EVERY: u32 = 10;

/// What is remembered of a router's sessions from look to look.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    sessions: BTreeMap<String, Track>,
}

impl Tracker {
    /// Takes in a look at the router.
    pub fn look(&mut self, sessions: &[&SessionIntent], observed: &Observed) -> Decision {
        let names: BTreeSet<&str> = sessions.iter().map(|s| s.name.as_str()).collect();
        self.sessions.retain(|name, _| names.contains(name.as_str()));
        let mut decision = Decision::default();
        for session in sessions {
            let track = self.sessions.entry(session.name.clone()).or_default();
            let neighbor = observed.neighbors.get(&session.peer_address).cloned();
            let bfd = observed.bfd.get(&session.peer_address).copied().unwrap_or_default();
            // A neighbour that the router doesn't have isn't measured, nor is one that is shut down.
            let is_measured = neighbor.is_some() && session.phase != SessionPhase::Shutdown;
            track.look(session, neighbor.unwrap_or_default(), bfd, &mut decision);
            if is_measured {
                decision.seen.push(track.seen(&session.name));
            }
        }
        decision
    }

    /// Details that were asked for.
    pub fn detail(&mut self, session: &str, detail: NeighborDetail, at: Timestamp) {
        if let Some(track) = self.sessions.get_mut(session) {
            track.router_id = detail.router_id;
            track.down =
                detail.down.map(|(reason, ago)| SessionDown { reason, at: at.checked_sub(ago).ok() });
        }
    }

    /// The router told by another way that a session is no longer established.
    pub fn left(&mut self, session: &str) {
        if let Some(track) = self.sessions.get_mut(session) {
            track.neighbor.bgp = BgpState::Idle;
            track.bfd_was_up = false;
        }
    }

    /// Sessions as they are told to the control plane.
    pub fn states(&self, gates: &Gates) -> BTreeMap<String, SessionState> {
        let state = |(name, track): (&String, &Track)| {
            let at = |ms| Timestamp::from_millisecond(ms).ok();
            let state = SessionState {
                bgp: track.neighbor.bgp,
                bfd: track.bfd.state,
                bfd_detection_ms: track.bfd.detection_ms,
                peer_router_id: track.router_id.clone(),
                established_at: track.neighbor.established_at_ms.and_then(at),
                down: track.why_down(),
                gate_open: gates.contains(name),
                flaps: track.flaps,
            };
            (name.clone(), state)
        };
        self.sessions.iter().map(state).collect()
    }
}

impl Track {
    fn look(&mut self, session: &SessionIntent, mut neighbor: Neighbor, bfd: Bfd, decision: &mut Decision) {
        let established = neighbor.bgp == BgpState::Established;
        let was_established = self.neighbor.bgp == BgpState::Established;
        let dropped = self.count_flaps(neighbor.drops);
        if was_established && established && !dropped {
            // The router computes the time from its uptime in seconds, so it wavers by one.
            neighbor.established_at_ms = self.neighbor.established_at_ms;
        }
        if dropped || !established {
            self.bfd_was_up = false;
            self.bfd_lost = false;
        }
        let bfd_up = bfd.state == BfdSessionState::Up;
        if dropped || neighbor.bgp != self.neighbor.bgp || (established && self.router_id.is_none()) {
            self.looks_down = 0;
            decision.ask.push((session.name.clone(), session.peer_address));
        }
        if dropped {
            decision.fell.push(session.peer_address);
        }
        if !established {
            self.looks_down += 1;
            if self.looks_down.is_multiple_of(ASK_EVERY) {
                decision.ask.push((session.name.clone(), session.peer_address));
            }
        }
        decision.moved |= dropped || established != was_established || bfd.state != self.bfd.state;
        let wants_open = matches!(session.phase, SessionPhase::Open | SessionPhase::Draining);
        if established && bfd_up {
            self.bfd_was_up = true;
            self.bfd_lost = false;
            if wants_open {
                decision.open.insert(session.name.clone());
            }
        } else if established && !self.bfd_was_up {
            decision.awaits_bfd |= wants_open;
        } else if established {
            // FRR closes such a session itself within moments; if it stands at the next look, we do.
            if std::mem::replace(&mut self.bfd_lost, true) {
                decision.clear.push(session.peer_address);
            }
        }
        self.neighbor = neighbor;
        self.bfd = bfd;
    }

    /// Why it isn't up. One that never came up and says nothing doesn't answer.
    fn why_down(&self) -> Option<SessionDown> {
        match self.neighbor.bgp {
            BgpState::Established => None,
            _ if self.neighbor.over_limit => Some(SessionDown {
                reason: DownReason::MaxPrefixes,
                at: self.down.as_ref().and_then(|d| d.at),
            }),
            _ if self.down.is_some() => self.down.clone(),
            BgpState::Connect | BgpState::Active => {
                Some(SessionDown { reason: DownReason::Unanswered, at: None })
            }
            BgpState::Idle | BgpState::OpenSent | BgpState::OpenConfirm => None,
        }
    }

    /// Adds what the router counted since; true when it counted anything. Its counter starts anew
    /// with its daemon, which is a drop as well.
    fn count_flaps(&mut self, drops: u64) -> bool {
        let new = match self.drops {
            None => 0,
            Some(before) if drops < before => drops.max(1),
            Some(before) => drops - before,
        };
        self.drops = Some(drops);
        let counted = u32::try_from(new).unwrap_or(u32::MAX);
        self.flaps = self.flaps.saturating_add(counted);
        self.unseen_flaps = self.unseen_flaps.saturating_add(counted);
        new > 0
    }

    fn seen(&mut self, session: &str) -> SeenSession {
        SeenSession {
            session: session.to_owned(),
            is_available: self.neighbor.bgp == BgpState::Established,
            flaps: std::mem::take(&mut self.unseen_flaps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routers::frr::fixture;

    fn seen(bgp: BgpState, bfd: BfdSessionState, drops: u64) -> Observed {
        let peer: IpAddr = "198.18.192.2".parse().unwrap();
        let established_at_ms = (bgp == BgpState::Established).then_some(1_000);
        Observed {
            neighbors: [(peer, Neighbor { bgp, drops, established_at_ms, over_limit: false })].into(),
            bfd: [(peer, Bfd { state: bfd, detection_ms: None })].into(),
            bfd_error: None,
        }
    }

    fn open(tracker: &mut Tracker, phase: SessionPhase, observed: &Observed) -> bool {
        tracker.look(&[&fixture::session(1, phase)], observed).open.contains("c1v4")
    }

    #[test]
    fn a_gate_opens_only_with_bfd_and_bgp_both_up() {
        use BfdSessionState::{Down, Up};
        let mut t = Tracker::default();
        assert!(!open(&mut t, SessionPhase::Open, &seen(BgpState::Connect, Up, 0)));
        assert!(!open(&mut t, SessionPhase::Open, &seen(BgpState::Established, Down, 0)));
        assert!(open(&mut t, SessionPhase::Open, &seen(BgpState::Established, Up, 0)));
        assert!(!open(&mut t, SessionPhase::Open, &seen(BgpState::Idle, Down, 1)));
        assert!(!open(&mut t, SessionPhase::Open, &seen(BgpState::Established, Down, 1)), "anew each time");
        assert!(open(&mut t, SessionPhase::Draining, &seen(BgpState::Established, Up, 1)));
        assert!(!open(&mut t, SessionPhase::Denied, &seen(BgpState::Established, Up, 1)));
        assert!(!open(&mut t, SessionPhase::Shutdown, &seen(BgpState::Established, Up, 1)));
        assert!(!open(&mut t, SessionPhase::Open, &Observed::default()), "unknown is not up");
    }

    #[test]
    fn a_session_that_loses_bfd_alone_is_closed_at_the_second_look() {
        let session = fixture::session(1, SessionPhase::Open);
        let sessions = [&session];
        let mut t = Tracker::default();
        t.look(&sessions, &seen(BgpState::Established, BfdSessionState::Up, 0));
        let lost = seen(BgpState::Established, BfdSessionState::Down, 0);
        assert_eq!(t.look(&sessions, &lost).clear, Vec::<IpAddr>::new());
        assert_eq!(t.look(&sessions, &lost).clear, [sessions[0].peer_address]);
        let mut never_up = Tracker::default();
        for _ in 0..3 {
            assert!(never_up.look(&sessions, &lost).clear.is_empty(), "its BFD has never been up");
        }
    }

    #[test]
    fn flaps_between_two_looks_are_counted() {
        let session = fixture::session(1, SessionPhase::Open);
        let sessions = [&session];
        let mut t = Tracker::default();
        t.look(&sessions, &seen(BgpState::Established, BfdSessionState::Up, 7));
        assert_eq!(t.states(&Gates::new())["c1v4"].flaps, 0, "those before the edge watched don't count");
        let decision = t.look(&sessions, &seen(BgpState::Established, BfdSessionState::Up, 9));
        assert!(decision.moved && !decision.ask.is_empty());
        t.look(&sessions, &seen(BgpState::Idle, BfdSessionState::Down, 0));
        assert_eq!(t.states(&Gates::new())["c1v4"].flaps, 3, "a daemon that starts anew dropped it");
    }

    #[test]
    fn what_is_measured_is_what_the_router_says_of_sessions_that_should_be_up() {
        let session = |phase| fixture::session(1, phase);
        let mut t = Tracker::default();
        let mut look = |phase, observed: &Observed| {
            let seen = t.look(&[&session(phase)], observed).seen;
            seen.into_iter().map(|s| (s.is_available, s.flaps)).collect::<Vec<_>>()
        };
        let up = |drops| seen(BgpState::Established, BfdSessionState::Up, drops);
        assert_eq!(look(SessionPhase::Open, &Observed::default()), [], "the router doesn't know it");
        assert_eq!(look(SessionPhase::Denied, &up(0)), [(true, 0)]);
        let down = seen(BgpState::Idle, BfdSessionState::Down, 2);
        assert_eq!(look(SessionPhase::Open, &down), [(false, 2)]);
        assert_eq!(look(SessionPhase::Open, &up(2)), [(true, 0)], "each flap is told once");
        assert_eq!(look(SessionPhase::Shutdown, &up(3)), [], "it should be down");
    }

    #[test]
    fn the_time_of_establishment_does_not_waver() {
        let session = fixture::session(1, SessionPhase::Open);
        let sessions = [&session];
        let peer = sessions[0].peer_address;
        let mut t = Tracker::default();
        let mut now = seen(BgpState::Established, BfdSessionState::Up, 0);
        t.look(&sessions, &now);
        let first = t.states(&Gates::new());
        now.neighbors.get_mut(&peer).unwrap().established_at_ms = Some(2_000);
        t.look(&sessions, &now);
        assert_eq!(t.states(&Gates::new()), first);
    }
}
