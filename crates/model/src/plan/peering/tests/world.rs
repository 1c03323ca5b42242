//! Records, what is seen of them, and the clock: a world to plan in.

use super::*;
use crate::session_space::Registration;
use std::collections::{BTreeMap, BTreeSet};

/// Records, what is seen of them, and the clock.
pub(super) struct World {
    pub(super) inventory: Inventory,
    pub(super) peering: Peering,
    pub(super) connections: Vec<Connection>,
    pub(super) asn: PeerAsn,
    pub(super) policy: ApprovalPolicy,
    pub(super) registrations: Vec<Registration>,
    pub(super) rivals: Vec<Rival>,
    pub(super) observed: BTreeMap<i64, Observed>,
    pub(super) rested: Vec<SubnetUse>,
    pub(super) mails: Vec<String>,
    pub(super) peering_forgotten: bool,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            inventory: testing::inventory(),
            peering: peering(),
            connections: vec![connection(1), connection(2)],
            asn: asn(AsnState::Approved),
            policy: ApprovalPolicy { connections_automatic: true, ..Default::default() },
            registrations: Vec::new(),
            rivals: Vec::new(),
            observed: BTreeMap::new(),
            rested: Vec::new(),
            mails: Vec::new(),
            peering_forgotten: false,
            now: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000),
        }
    }

    pub(super) fn ports(&self) -> BTreeSet<(String, String)> {
        self.connections
            .iter()
            .filter_map(|c| c.ports.as_ref())
            .flat_map(|p| p.ports.iter().map(|x| (p.router.clone(), x.clone())))
            .collect()
    }

    pub(super) fn subnets(&self) -> Vec<SubnetUse> {
        let used =
            self.connections.iter().flat_map(|c| c.sessions().map(|(_, s)| s.prefix).collect::<Vec<_>>());
        used.map(|prefix| SubnetUse { prefix, freed_at: None }).chain(self.rested.iter().copied()).collect()
    }

    pub(super) fn plan(&self) -> Vec<Effect> {
        plan(
            &Input {
                inventory: &self.inventory,
                peering: &self.peering,
                connections: &self.connections,
                asn: Some(&self.asn),
                policy: &self.policy,
                timing: &Timing::default(),
                observed: &self.observed,
                ports_in_use: &self.ports(),
                subnets: &self.subnets(),
                registrations: &self.registrations,
                rivals: &self.rivals,
            },
            self.now,
        )
    }

    /// Plans and executes until nothing changes; fails when it doesn't come to rest.
    pub(super) fn settle(&mut self) {
        for _ in 0..30 {
            if self.peering_forgotten {
                return;
            }
            let effects = self.plan();
            if effects.iter().all(Effect::is_repeatable) {
                let again = self.plan();
                assert_eq!(effects, again, "planning is a function");
                effects.into_iter().for_each(|effect| self.execute(effect));
                return;
            }
            for effect in effects {
                self.execute(effect);
            }
        }
        panic!("never settles: {:?}", self.plan());
    }

    pub(super) fn execute(&mut self, effect: Effect) {
        match &effect {
            Effect::Mail(mail) => {
                if !self.mails.contains(&mail.key) {
                    self.mails.push(mail.key.clone());
                }
            }
            Effect::ForgetPeering => self.peering_forgotten = true,
            Effect::WakeAt(_) => {}
            Effect::Forget { connection } => {
                let i = self.connections.iter().position(|c| c.id == *connection).unwrap();
                let gone = self.connections.remove(i);
                self.rested.extend(
                    gone.sessions().map(|(_, s)| SubnetUse { prefix: s.prefix, freed_at: Some(self.now) }),
                );
            }
            Effect::IssueLoa { connection, expires_at } => {
                let now = self.now;
                self.connection(*connection).loa =
                    Some(Loa { code: "LOA-1".into(), issued_at: now, expires_at: *expires_at });
            }
            Effect::Decide { connection, .. }
            | Effect::Transition { connection, .. }
            | Effect::Reserve { connection, .. }
            | Effect::Allocate { connection, .. }
            | Effect::Light { connection }
            | Effect::Tell { connection, .. }
            | Effect::Remove { connection, .. } => {
                let now = self.now;
                apply(self.connection(*connection), &effect, now).unwrap();
            }
        }
    }

    pub(super) fn connection(&mut self, id: i64) -> &mut Connection {
        self.connections.iter_mut().find(|c| c.id == id).unwrap()
    }

    pub(super) fn states(&self) -> Vec<&'static str> {
        self.connections.iter().map(|c| c.state.wire_name()).collect()
    }

    /// What a router that does as it is told shows, up to a level of the peer's cooperation.
    pub(super) fn observe(&mut self, light: bool, lacp: bool, sessions: bool) {
        for c in self.connections.clone() {
            let o = self.observed.entry(c.id).or_default();
            o.reachable = Some(true);
            let freeing = c.removal.is_some_and(|r| r.step == RemovalStep::Freeing);
            o.lag = c.ports.as_ref().filter(|_| !freeing).map(|p| LagState {
                members: p
                    .ports
                    .iter()
                    .map(|n| {
                        (n.clone(), MemberState { carrier: light, collecting: lacp, distributing: lacp })
                    })
                    .collect(),
            });
            o.sessions.clear();
            let phase = crate::plan::router::session_phase(&c);
            if phase.is_none() {
                continue;
            }
            for (name, subnet) in c.sessions() {
                let (bgp, bfd) = if sessions {
                    (BgpState::Established, BfdSessionState::Up)
                } else {
                    (BgpState::Connect, BfdSessionState::Down)
                };
                o.sessions.insert(
                    name.clone(),
                    SessionState {
                        bgp,
                        bfd,
                        peer_router_id: Some(format!("198.19.255.{}", c.id)),
                        ..Default::default()
                    },
                );
                o.routes.entry(name.clone()).or_insert(SessionRoutes {
                    router: c.ports.as_ref().map(|p| p.router.clone()).unwrap_or_default(),
                    session: name,
                    peer_address: subnet.peer,
                    at: self.now,
                    synced: sessions,
                    error: None,
                    received: 0,
                    used: 0,
                    faults: BTreeMap::new(),
                    examples: BTreeMap::new(),
                    evidence: vec![],
                });
            }
        }
    }

    pub(super) fn bring_to_active(&mut self) {
        for _ in 0..6 {
            self.settle();
            self.observed.values_mut().for_each(|o| o.routes.clear());
            self.observe(true, true, true);
        }
        self.settle();
        assert_eq!(self.states(), ["Active", "Active"]);
    }
}
