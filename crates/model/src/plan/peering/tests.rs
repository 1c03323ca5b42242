//! The journey of a peering's connections, planned against a small simulated world.

use super::*;
use crate::asn::Asn;
use crate::inventory::OfferingKind;
use crate::link::{BfdSessionState, BgpState, LagState, MemberState, SessionRoutes, SessionState};
use crate::peer_asn::{AsnState, Contact, ContactRole, PeerAsnSpec};
use crate::peering::{AddressProvider, ConnectionSpec, PeeringSpec, Sku};
use crate::testing;
use crate::unit::UnitFault;
use jiff::SignedDuration;
use proptest::prelude::*;

mod conversion;
mod route_server;
mod world;
use world::World;

pub(crate) fn peering() -> Peering {
    Peering {
        id: 1,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: "contoso-ams".into(),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering: OfferingKind::Voice,
            sku: Sku::Premium_Direct_Free,
            location: "Amsterdam".into(),
            peer_asn_name: "contoso".into(),
            asn: Asn(64510),
            tags: BTreeMap::new(),
            probes: vec![],
        },
        deleting: false,
        stamp: crate::stamp::Stamp::new("test", Timestamp::UNIX_EPOCH),
    }
}

pub(crate) fn connection(id: i64) -> Connection {
    Connection {
        id,
        peering_id: 1,
        name: "contoso-ams-1".into(),
        spec: ConnectionSpec {
            identifier: format!("00000000-0000-0000-0000-{id:012}"),
            bandwidth_mbps: 20_000,
            facility_id: 64,
            address_provider: AddressProvider::Host,
            use_for_peering_service: true,
            session_prefix_v4: None,
            session_prefix_v6: None,
            max_prefixes_v4: 1000,
            max_prefixes_v6: None,
            md5_key: None,
        },
        state: ConnectionState::Onboarding(Stage::PendingApproval),
        since: Timestamp::UNIX_EPOCH,
        error_message: None,
        decision: None,
        ports: None,
        subnet_v4: None,
        subnet_v6: None,
        loa: None,
        light_at: None,
        active_at: None,
        reached: crate::connection::Reached::default(),
        removal: None,
    }
}

fn asn(state: AsnState) -> PeerAsn {
    PeerAsn {
        id: 1,
        subscription: "s".into(),
        name: "contoso".into(),
        spec: PeerAsnSpec {
            asn: Asn(64510),
            peer_name: "Contoso".into(),
            contacts: vec![Contact {
                role: ContactRole::Noc,
                email: "noc@contoso.example".into(),
                phone: "+1 555 0100".into(),
            }],
        },
        state,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: crate::stamp::Stamp::new("test", Timestamp::UNIX_EPOCH),
    }
}

#[test]
fn from_request_to_active_one_observation_after_another() {
    let mut w = World::new();
    w.settle();
    assert_eq!(w.states(), ["Approved", "Approved"]);
    let routers: BTreeSet<String> = w.connections.iter().map(|c| c.ports.clone().unwrap().router).collect();
    assert_eq!(routers.len(), 2, "each connection on another edge router");
    assert!(w.connections.iter().all(|c| c.loa.is_some() && c.subnet_v4.is_none()));
    w.observe(false, false, false);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningStarted", "ProvisioningStarted"]);
    assert!(w.connections.iter().all(|c| c.subnet_v4.is_some()));
    w.observe(true, false, false);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningStarted", "ProvisioningStarted"]);
    assert!(w.connections[0].light_at.is_some());
    w.observe(true, true, false);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningCompleted", "ProvisioningCompleted"]);
    w.observed.values_mut().for_each(|o| o.routes.clear());
    w.observe(true, true, true);
    w.settle();
    assert_eq!(w.states(), ["Active", "Active"]);
    let mut mails = w.mails.clone();
    mails.sort();
    mails.dedup();
    assert_eq!(mails.len(), w.mails.len(), "no mail twice");
    for milestone in [
        "ConnectionApproved",
        "LoaIssued",
        "PortConfigured",
        "LightSeen",
        "LagUp",
        "SessionUp",
        "ConnectionActive",
    ] {
        assert_eq!(mails.iter().filter(|k| k.contains(milestone)).count(), 2, "{milestone}");
    }
}

#[test]
fn nothing_is_approved_before_the_asn_is() {
    let mut w = World::new();
    w.asn.state = AsnState::Pending;
    w.settle();
    assert_eq!(w.states(), ["PendingApproval", "PendingApproval"]);
    assert!(w.connections[0].error_message.as_ref().unwrap().contains("Pending"));
    w.asn.state = AsnState::Approved;
    w.settle();
    assert_eq!(w.states(), ["Approved", "Approved"]);
    let kept = &w.connections[1].decision.as_ref().unwrap().checks;
    assert!(kept.iter().any(|c| c.name == "AsnApproved") && kept.iter().all(|c| c.ok), "{kept:?}");
}

#[test]
fn nothing_is_approved_while_another_peering_has_the_place_not_even_by_an_operator() {
    let mut w = World::new();
    let other = Peering { id: 9, subscription: "other".into(), ..peering() };
    w.rivals = vec![Rival { peering: other, begun: true }];
    w.settle();
    let yes = Decision { approved: true, by: "op".into(), reason: "fine".into(), at: w.now, checks: vec![] };
    w.connections[1].decision = Some(yes);
    w.settle();
    assert_eq!(w.states(), ["PendingApproval", "PendingApproval"]);
    for c in &w.connections {
        assert!(c.error_message.as_ref().unwrap().contains("another subscription"), "{c:?}");
    }
    w.rivals.clear();
    w.settle();
    assert_eq!(w.states(), ["Approved", "Approved"]);
}

#[test]
fn without_an_automatic_policy_an_operator_decides_and_a_no_has_its_reason() {
    let mut w = World::new();
    w.policy = ApprovalPolicy::default();
    w.settle();
    assert_eq!(w.states(), ["PendingApproval", "PendingApproval"]);
    let decision = |approved, reason: &str| Decision {
        approved,
        by: "op".into(),
        reason: reason.into(),
        at: w.now,
        checks: vec![],
    };
    let (no, yes) = (decision(false, "no cage there"), decision(true, "fine"));
    w.connections[0].decision = Some(no);
    w.connections[1].decision = Some(yes.clone());
    w.settle();
    assert_eq!(w.states(), ["ProvisioningFailed", "Approved"]);
    assert_eq!(w.connections[0].error_message.as_deref(), Some("no cage there"));
    w.connections[0].decision = Some(yes);
    w.settle();
    assert_eq!(w.states(), ["Approved", "Approved"]);
}

#[test]
fn a_third_connection_finds_no_router_of_its_own_and_goes_on_once_there_is_one() {
    let mut w = World::new();
    w.policy.connections_automatic = false;
    w.connections.push(connection(3));
    let yes = Decision { approved: true, by: "op".into(), reason: "fine".into(), at: w.now, checks: vec![] };
    w.connections.iter_mut().for_each(|c| c.decision = Some(yes.clone()));
    w.settle();
    assert_eq!(w.states(), ["Approved", "Approved", "ProvisioningFailed"]);
    assert!(w.connections[2].error_message.as_ref().unwrap().contains("ams1-er1"));
    let mut third = w.inventory.routers[0].clone();
    third.name = "ams1-er3".into();
    w.inventory.routers.push(third);
    w.settle();
    assert_eq!(w.states(), ["Approved", "Approved", "Approved"]);
}

#[test]
fn no_light_in_time_is_the_peers_blocker_until_there_is_light() {
    let mut w = World::new();
    w.settle();
    w.observe(false, false, false);
    w.settle();
    w.now += SignedDuration::from_hours(24 * 54);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningStarted", "ProvisioningStarted"]);
    assert_eq!(w.mails.iter().filter(|m| m.contains("LoaExpiring")).count(), 2, "both are reminded");
    w.now += SignedDuration::from_hours(24 * 7);
    w.settle();
    assert_eq!(w.states(), ["ExternalBlocker", "ExternalBlocker"]);
    assert!(w.connections[0].error_message.as_ref().unwrap().contains("expired"));
    w.observe(true, true, false);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningCompleted", "ProvisioningCompleted"]);
    assert!(w.mails.iter().any(|m| m.contains("ConnectionUnblocked")));
}

#[test]
fn an_operators_yes_after_the_letter_ended_issues_a_new_one() {
    let mut w = World::new();
    w.settle();
    w.observe(false, false, false);
    w.settle();
    w.now += SignedDuration::from_hours(24 * 61);
    w.settle();
    assert_eq!(w.states()[0], "ExternalBlocker");
    let old = w.connections[0].loa.clone().unwrap();
    w.connections[0].decision = Some(Decision {
        approved: true,
        by: "op".into(),
        reason: "renewed".into(),
        at: w.now,
        checks: vec![],
    });
    w.settle();
    assert_eq!(w.states(), ["ProvisioningStarted", "ExternalBlocker"]);
    assert!(w.connections[0].loa.as_ref().unwrap().expires_at > old.expires_at);
}

#[test]
fn a_connection_that_was_never_open_isnt_opened_by_leaving() {
    let mut w = World::new();
    for _ in 0..2 {
        w.settle();
        w.observe(true, true, false);
    }
    assert_eq!(w.states()[0], "ProvisioningCompleted");
    w.peering.deleting = true;
    w.settle();
    let phases: Vec<_> = w.connections.iter().map(crate::plan::router::session_phase).collect();
    assert_eq!(phases, [Some(crate::intent::SessionPhase::Shutdown); 2]);
    w.connections[0].removal.as_mut().unwrap().step = RemovalStep::Draining;
    let phase = crate::plan::router::session_phase(&w.connections[0]);
    assert_eq!(phase, Some(crate::intent::SessionPhase::Shutdown), "whoever asks for it");
}

#[test]
fn a_refused_request_that_is_sent_again_is_decided_anew() {
    let mut w = World::new();
    w.policy = ApprovalPolicy::default();
    let no =
        Decision { approved: false, by: "op".into(), reason: "no cage".into(), at: w.now, checks: vec![] };
    w.connections[0].decision = Some(no);
    w.settle();
    assert_eq!(w.states()[0], "ProvisioningFailed");
    w.connections[0].decision = None;
    w.settle();
    assert_eq!(w.states()[0], "PendingApproval");
}

#[test]
fn a_subnet_that_the_peer_gives_twice_fails_that_connection_alone() {
    let mut w = World::new();
    for c in &mut w.connections {
        c.spec.address_provider = AddressProvider::Peer;
        c.spec.session_prefix_v4 = Some("198.19.200.0/31".parse().unwrap());
    }
    w.settle();
    w.observe(false, false, false);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningStarted", "ProvisioningFailed"]);
    assert!(w.connections[1].error_message.as_ref().unwrap().contains("198.19.200.0/31"));
}

fn refused() -> UnitFault {
    UnitFault::RouterRefused { said: "bgpd refused 'neighbor 198.18.192.2'".into() }
}

#[test]
fn what_a_router_says_is_for_operators_and_what_passes_by_itself_fails_nobody() {
    let mut w = World::new();
    w.settle();
    w.observe(false, false, false);
    let lost = UnitFault::SessionsLost { neighbors: vec!["198.18.192.4".parse().unwrap()] };
    w.observed.get_mut(&1).unwrap().apply_fault = Some(lost);
    w.observed.get_mut(&2).unwrap().apply_fault = Some(refused());
    w.settle();
    assert_eq!(w.states(), ["ProvisioningStarted", "ProvisioningFailed"]);
    let told = w.connections[1].error_message.as_ref().unwrap();
    assert!(told.contains("our router refused") && !told.contains("bgpd"), "{told}");
}

#[test]
fn a_refused_configuration_fails_on_our_side_and_resumes() {
    let mut w = World::new();
    w.settle();
    w.observe(false, false, false);
    w.observed.get_mut(&1).unwrap().apply_fault = Some(refused());
    w.settle();
    assert_eq!(w.states()[0], "ProvisioningFailed");
    let foreign = UnitFault::Foreign { object: "198.18.192.2".into() };
    w.observed.get_mut(&1).unwrap().apply_fault = Some(foreign);
    w.settle();
    let told = w.connections[0].error_message.clone().unwrap();
    assert!(told.contains("isn't ready for this connection"), "what is told is the newest reason: {told}");
    w.observed.get_mut(&1).unwrap().apply_fault = None;
    w.settle();
    assert_eq!(w.states()[0], "ProvisioningFailed", "a retry that isn't over is no success");
    w.observed.get_mut(&1).unwrap().confirmed = true;
    w.settle();
    assert_eq!(w.states()[0], "ProvisioningStarted");
}

#[test]
fn what_a_router_refuses_is_told_at_every_stage_and_an_active_connection_goes_on() {
    let mut w = World::new();
    w.settle();
    w.observe(true, false, false);
    w.observed.get_mut(&1).unwrap().apply_fault = Some(refused());
    w.connections[0].state = ConnectionState::Onboarding(Stage::ProvisioningStarted);
    w.connections[1].state = ConnectionState::Active;
    w.observed.get_mut(&2).unwrap().apply_fault = Some(refused());
    w.settle();
    assert_eq!(w.states(), ["ProvisioningFailed", "Active"]);
    let told = w.connections[1].error_message.clone().unwrap();
    assert!(told.contains("our router refused") && told.ends_with("it goes on as it was"), "{told}");
    w.observed.get_mut(&2).unwrap().apply_fault = None;
    w.settle();
    assert_eq!(w.connections[1].error_message, None);
}

#[test]
fn validation_waits_for_bad_routes_to_go_and_says_which() {
    let mut w = World::new();
    w.settle();
    for _ in 0..3 {
        w.observed.values_mut().for_each(|o| o.routes.clear());
        w.observe(true, true, true);
        for o in w.observed.values_mut() {
            for r in o.routes.values_mut() {
                r.faults.insert("DefaultRoute".into(), 1);
                r.examples.insert("DefaultRoute".into(), vec!["0.0.0.0/0".parse().unwrap()]);
            }
        }
        w.settle();
    }
    assert_eq!(w.states(), ["Validating", "Validating"]);
    assert!(w.connections[0].error_message.as_ref().unwrap().contains("0.0.0.0/0"));
    w.observed.values_mut().flat_map(|o| o.routes.values_mut()).for_each(|r| r.faults.clear());
    w.settle();
    assert_eq!(w.states(), ["Active", "Active"]);
    assert_eq!(w.connections[0].error_message, None);
}

#[test]
fn two_connections_to_one_peer_router_are_not_opened() {
    let mut w = World::new();
    for _ in 0..4 {
        w.settle();
        w.observed.values_mut().for_each(|o| o.routes.clear());
        w.observe(true, true, true);
        w.observed
            .values_mut()
            .flat_map(|o| o.sessions.values_mut())
            .for_each(|s| s.peer_router_id = Some("198.19.255.9".into()));
    }
    w.settle();
    assert_eq!(w.states(), ["Validating", "Validating"]);
    assert!(w.connections[0].error_message.as_ref().unwrap().contains("198.19.255.9"));
}

#[test]
fn a_deleted_peering_drains_closes_frees_and_is_gone_with_its_addresses_resting() {
    let mut w = World::new();
    w.bring_to_active();
    w.peering.deleting = true;
    w.settle();
    assert!(w.connections.iter().all(|c| c.removal.unwrap().step == RemovalStep::Draining));
    w.now += Timing::default().drain;
    w.settle();
    assert!(w.connections.iter().all(|c| c.removal.unwrap().step == RemovalStep::Closing));
    w.now += Timing::default().close;
    w.settle();
    assert_eq!(w.connections.len(), 2, "the routers still have them");
    let left_s = |waited_s: i64| {
        let now = w.now + SignedDuration::from_secs(waited_s);
        removal::left(&w.connections, &Timing::default(), now).as_secs()
    };
    assert_eq!(
        [left_s(0), left_s(30), left_s(7200)],
        [1, 31, 301],
        "the longer, the rarer it is asked again"
    );
    w.observe(true, true, false);
    w.settle();
    assert!(w.connections.is_empty() && w.peering_forgotten);
    assert_eq!(w.rested.len(), 2);
}

#[test]
fn more_bandwidth_takes_free_ports_of_the_same_router() {
    let mut w = World::new();
    w.bring_to_active();
    let router = w.connections[0].ports.clone().unwrap().router;
    w.connections[0].spec.bandwidth_mbps = 40_000;
    w.settle();
    let ports = w.connections[0].ports.clone().unwrap();
    assert_eq!((ports.router, ports.ports.len()), (router, 4));
    w.connections[0].spec.bandwidth_mbps = 70_000;
    w.settle();
    assert!(w.connections[0].error_message.as_ref().unwrap().contains("no free ports"));
    assert_eq!(w.connections[0].ports.clone().unwrap().ports.len(), 4);
}

proptest! {
    /// Whatever is seen in whatever order, planning comes to rest, never gives a port or an address
    /// twice, and never opens a connection whose sessions weren't up.
    #[test]
    fn planning_converges_from_any_reachable_state(
        steps in prop::collection::vec((any::<[bool; 3]>(), 0u8..8, 0i64..24 * 50), 1..25),
    ) {
        let mut w = World::new();
        for (seen, disturbance, hours) in steps {
            w.observe(seen[0], seen[0] && seen[1], seen[0] && seen[1] && seen[2]);
            match disturbance {
                0 => { w.observed.values_mut().for_each(|o| o.apply_fault = Some(refused())); }
                1 => { w.observed.values_mut().for_each(|o| o.reachable = Some(false)); }
                2 => { w.observed.clear(); }
                3 => { w.observed.values_mut().for_each(|o| o.routes.clear()); }
                4 => w.policy.connections_automatic = !w.policy.connections_automatic,
                5 if hours % 7 == 0 => w.peering.deleting = true,
                _ => { w.observed.values_mut().for_each(|o| o.apply_fault = None); }
            }
            let was_open: Vec<bool> = w.connections.iter().map(|c| c.state.is_open()).collect();
            let ids: Vec<i64> = w.connections.iter().map(|c| c.id).collect();
            w.settle();
            for (id, was) in ids.into_iter().zip(was_open) {
                let Some(c) = w.connections.iter().find(|c| c.id == id) else { continue };
                if c.state.is_open() && !was {
                    prop_assert!(w.observed.get(&id).is_some_and(|o| o.sessions_up(c)));
                }
            }
            let ports: Vec<_> = w.connections.iter().filter_map(|c| c.ports.clone())
                .flat_map(|p| p.ports.into_iter().map(move |x| (p.router.clone(), x))).collect();
            prop_assert_eq!(ports.len(), ports.iter().collect::<BTreeSet<_>>().len());
            let subnets = w.subnets();
            for (i, a) in subnets.iter().enumerate() {
                for b in &subnets[..i] {
                    prop_assert!(!a.prefix.overlaps(b.prefix) || (a.freed_at.is_some() && b.freed_at.is_some()));
                }
            }
            w.now += SignedDuration::from_hours(hours);
        }
        let mut mails = w.mails.clone();
        mails.sort();
        mails.dedup();
        prop_assert_eq!(mails.len(), w.mails.len());
    }
}
