//! Each requirement on its own: met, not met, and not claimed while nothing was measured.

use super::*;
use crate::asn::Asn;
use crate::connection::{ConnectionState, PortAssignment, Removal, RemovalStep, SessionSubnet, Stage};
use crate::link::{
    BfdSessionState, BgpState, LagState, MemberState, PrefixEvidence, SeenRoute, SessionRoutes, SessionState,
};
use crate::peer_asn::{Decision, PeerAsnSpec};
use crate::peering::{AddressProvider, ConnectionSpec, PeeringSpec, Sku};
use crate::prefix::Prefix;
use crate::registered_prefix::{
    Check, CheckKind, CheckOutcome, EndpointKind, PrefixState, PrefixVerdict, TrafficClass, Usage,
};
use crate::route::{AsPath, RouteAttributes, RouteUse, RouteVerdict, RouterWord, RpkiState};
use crate::stamp::Stamp;
use crate::testing;

mod attested;

const PREFIX: &str = "198.19.10.0/24";

fn at(s: i64) -> Timestamp {
    Timestamp::from_second(s).unwrap()
}

struct World {
    peering: Peering,
    offering: Offering,
    asn: Option<PeerAsn>,
    connections: Vec<Interconnect>,
    prefixes: Vec<RegisteredPrefix>,
    metros: BTreeMap<String, usize>,
    attestations: Vec<Attestation>,
    probes: Vec<Probed>,
}

impl World {
    /// A Voice peering of two connections that has all that is asked for.
    fn good() -> Self {
        let decision =
            Decision { approved: true, by: "ann".into(), reason: String::new(), at: at(10), checks: vec![] };
        Self {
            peering: peering(OfferingKind::Voice),
            offering: testing::inventory().offerings[0].clone(),
            asn: Some(PeerAsn {
                id: 1,
                subscription: "a".into(),
                name: "tel".into(),
                spec: PeerAsnSpec { asn: Asn(64510), peer_name: "Tel".into(), contacts: vec![] },
                state: AsnState::Approved,
                error_message: None,
                decision: Some(decision),
                asked_at: None,
                stamp: Stamp::new("ann", at(0)),
            }),
            connections: vec![interconnect(1), interconnect(2)],
            prefixes: vec![registered()],
            metros: [("Amsterdam".to_owned(), 2), ("Frankfurt".to_owned(), 1)].into(),
            attestations: vec![],
            probes: vec![],
        }
    }

    /// The same before anything was configured.
    fn asked_for() -> Self {
        let mut world = Self::good();
        world.prefixes.clear();
        world.metros = [("Amsterdam".to_owned(), 0)].into();
        for c in &mut world.connections {
            c.connection.state = ConnectionState::Onboarding(Stage::PendingApproval);
            c.connection.active_at = None;
            c.connection.ports = None;
            c.connection.subnet_v4 = None;
            c.observed = Observed::default();
            c.read_at = None;
            c.utilisation = None;
        }
        world
    }

    fn findings(&self) -> Vec<Finding> {
        compliance(&Facts {
            peering: &self.peering,
            offering: Some(&self.offering),
            asn: self.asn.as_ref(),
            connections: &self.connections,
            prefixes: &self.prefixes,
            metros: &self.metros,
            attestations: &self.attestations,
            probes: &self.probes,
        })
    }

    fn finding(&self, requirement: Requirement) -> Finding {
        self.findings().into_iter().find(|f| f.requirement == requirement).unwrap()
    }

    fn standing(&self, requirement: Requirement) -> Standing {
        self.finding(requirement).standing
    }

    fn session(&mut self, i: usize) -> &mut SessionState {
        self.connections[i].observed.sessions.values_mut().next().unwrap()
    }

    fn routes(&mut self, i: usize) -> &mut SessionRoutes {
        self.connections[i].observed.routes.values_mut().next().unwrap()
    }

    fn route(&mut self, i: usize) -> &mut SeenRoute {
        self.routes(i).evidence[0].route.as_mut().unwrap()
    }
}

fn peering(offering: OfferingKind) -> Peering {
    Peering {
        id: 1,
        subscription: "a".into(),
        resource_group: "rg".into(),
        name: "ams".into(),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering,
            sku: Sku::Premium_Direct_Free,
            location: "Amsterdam".into(),
            peer_asn_name: "tel".into(),
            asn: Asn(64510),
            tags: BTreeMap::new(),
            probes: vec![],
        },
        deleting: false,
        stamp: Stamp::new("ann", at(0)),
    }
}

fn interconnect(id: i64) -> Interconnect {
    let prefix: Prefix = format!("198.18.192.{}/31", 2 * id).parse().unwrap();
    let subnet = SessionSubnet::of(prefix).unwrap();
    let connection = Connection {
        id,
        peering_id: 1,
        name: "contoso-ams-1".into(),
        spec: ConnectionSpec {
            identifier: format!("id-{id}"),
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
        state: ConnectionState::Active,
        since: at(20),
        error_message: None,
        decision: None,
        ports: Some(PortAssignment {
            router: format!("ams1-er{id}"),
            ports: vec!["et1".into(), "et2".into()],
            port_speed_mbps: 10_000,
        }),
        subnet_v4: Some(subnet),
        subnet_v6: None,
        loa: None,
        light_at: None,
        active_at: Some(at(20)),
        reached: crate::connection::Reached::default(),
        removal: None,
    };
    let name = connection.session_name(true);
    let member = MemberState { carrier: true, collecting: true, distributing: true };
    let session = SessionState {
        bgp: BgpState::Established,
        bfd: BfdSessionState::Up,
        bfd_detection_ms: Some(150),
        peer_router_id: Some(format!("198.19.255.1{id}")),
        ..Default::default()
    };
    let seen = SeenRoute {
        attributes: RouteAttributes {
            as_path: AsPath::sequence([64510]),
            next_hop: subnet.peer,
            communities: vec![],
            med: None,
        },
        rpki: RpkiState::NotChecked,
        verdict: RouteVerdict { usage: RouteUse::Ordinary, faults: vec![], last_resort: None },
        router: RouterWord::Agrees,
        received_at: at(25),
    };
    let routes = SessionRoutes {
        router: format!("ams1-er{id}"),
        session: name.clone(),
        peer_address: subnet.peer,
        at: at(30),
        synced: true,
        error: None,
        received: 1,
        used: 1,
        faults: BTreeMap::new(),
        examples: BTreeMap::new(),
        evidence: vec![PrefixEvidence { prefix: PREFIX.parse().unwrap(), route: Some(seen) }],
    };
    let observed = Observed {
        reachable: Some(true),
        lag: Some(LagState { members: [("et1".to_owned(), member), ("et2".to_owned(), member)].into() }),
        sessions: [(name.clone(), session)].into(),
        routes: [(name, routes)].into(),
        ..Default::default()
    };
    let utilisation = Some(Utilisation { p95_bps: 1e9, intervals: 2016, until: at(40) });
    Interconnect { connection, observed, read_at: Some(at(35)), utilisation }
}

fn registered() -> RegisteredPrefix {
    let check =
        |kind| Check { kind, outcome: CheckOutcome::Passed, message: "fine".into(), evidence: vec![] };
    let kinds = [CheckKind::PublicSpace, CheckKind::Origin, CheckKind::Community];
    RegisteredPrefix {
        id: 1,
        peering_id: 1,
        name: "sbc".into(),
        prefix: PREFIX.parse().unwrap(),
        usage: Usage { traffic_classes: vec![TrafficClass::Media], endpoints: vec![EndpointKind::Sbc] },
        key: None,
        verdict: PrefixVerdict {
            state: PrefixState::Verified,
            error_message: None,
            checks: kinds.map(check).to_vec(),
        },
        troubled: false,
        since: at(30),
        stamp: Stamp::new("ann", at(28)),
    }
}

#[test]
fn a_peer_that_has_all_that_is_measured_meets_it_and_the_rest_is_told_as_it_is() {
    for finding in World::good().findings() {
        let expected = match finding.requirement {
            Requirement::NoRateLimit | Requirement::NoStatefulFirewall => Standing::Unknown,
            Requirement::SubnetUsage => Standing::Attested,
            _ => Standing::Met,
        };
        assert_eq!(finding.standing, expected, "{finding:?}");
    }
}

#[test]
fn before_anything_is_measured_nothing_is_claimed() {
    for finding in World::asked_for().findings() {
        let expected = match finding.requirement {
            Requirement::OwnAsn => Standing::Met,
            Requirement::RedundantConnections | Requirement::GeoRedundancy => Standing::NotMet,
            _ => Standing::Unknown,
        };
        assert_eq!(finding.standing, expected, "{finding:?}");
        if expected == Standing::Unknown {
            assert!(finding.message.starts_with("unknown"), "{finding:?}");
        }
    }
}

#[test]
fn a_router_that_cant_be_read_makes_what_it_would_tell_unknown() {
    let mut world = World::good();
    world.connections[1].observed.reachable = Some(false);
    for requirement in [
        Requirement::Bfd,
        Requirement::Lacp,
        Requirement::ActiveActive,
        Requirement::PeerRouterPerCircuit,
        Requirement::RegisteredAndTagged,
    ] {
        let finding = world.finding(requirement);
        assert_eq!(finding.standing, Standing::Unknown, "{finding:?}");
        assert!(finding.evidence.iter().any(|s| s.seen.contains("can't be read")), "{finding:?}");
    }
}

#[test]
fn an_asn_counts_once_it_is_approved() {
    let mut world = World::good();
    world.asn.as_mut().unwrap().state = AsnState::Pending;
    assert_eq!(world.standing(Requirement::OwnAsn), Standing::Unknown);
    world.asn.as_mut().unwrap().state = AsnState::Failed;
    assert_eq!(world.standing(Requirement::OwnAsn), Standing::NotMet);
    world.asn = None;
    assert_eq!(world.standing(Requirement::OwnAsn), Standing::Unknown);
}

#[test]
fn redundant_connections_are_active_on_different_routers_and_stay() {
    let of = |change: &dyn Fn(&mut Connection)| {
        let mut world = World::good();
        change(&mut world.connections[1].connection);
        world.standing(Requirement::RedundantConnections)
    };
    assert_eq!(of(&|c| c.state = ConnectionState::Onboarding(Stage::Validating)), Standing::NotMet);
    assert_eq!(of(&|c| c.ports.as_mut().unwrap().router = "ams1-er1".into()), Standing::NotMet);
    let removal = Removal { step: RemovalStep::Draining, since: at(50) };
    assert_eq!(of(&|c| c.removal = Some(removal)), Standing::NotMet);
}

#[test]
fn two_metros_need_an_active_connection_each() {
    let mut world = World::good();
    world.metros.insert("Frankfurt".into(), 0);
    let finding = world.finding(Requirement::GeoRedundancy);
    assert_eq!(finding.standing, Standing::NotMet);
    assert!(finding.message.contains("1 metro(s)"), "{}", finding.message);
}

#[test]
fn sessions_that_bring_something_else_are_told_with_what() {
    type Change = fn(&mut World);
    let cases: [(Change, &str); 5] = [
        (|w| w.routes(1).received = 2, "1 prefix(es)"),
        (|w| w.routes(1).evidence[0].route = None, "missing on 198.18.192.4"),
        (|w| w.route(1).attributes.as_path = AsPath::sequence([64510, 64510]), "prepended on 198.18.192.4"),
        (|w| w.route(1).attributes.as_path = AsPath::sequence([64510, 64511]), "2 ASNs in the path"),
        (|w| w.route(1).attributes.med = Some(20), "MED 0 on 198.18.192.2, MED 20 on 198.18.192.4"),
    ];
    for (change, expected) in cases {
        let mut world = World::good();
        change(&mut world);
        let finding = world.finding(Requirement::ActiveActive);
        assert_eq!(finding.standing, Standing::NotMet, "{expected}");
        let told = finding.evidence.iter().any(|s| s.ok == Some(false) && s.seen.contains(expected));
        assert!(told, "{expected}: {finding:?}");
    }
    let mut world = World::good();
    world.session(0).bgp = BgpState::Idle;
    assert_eq!(world.standing(Requirement::ActiveActive), Standing::NotMet, "a session is down");
}

#[test]
fn prefixes_that_nobody_compared_are_not_claimed_to_be_the_same() {
    let mut world = World::good();
    world.routes(0).received = 5;
    world.routes(1).received = 5;
    let finding = world.finding(Requirement::ActiveActive);
    assert_eq!(finding.standing, Standing::Unknown);
    assert!(finding.message.contains("of the other 4 only the number"), "{}", finding.message);
    world.routes(1).synced = false;
    assert_eq!(world.standing(Requirement::ActiveActive), Standing::Unknown);
    world.connections.truncate(1);
    assert!(world.finding(Requirement::ActiveActive).message.contains("no two Active sessions"));
}

#[test]
fn many_differences_are_counted_not_listed() {
    let mut world = World::good();
    let one = world.routes(0).evidence[0].clone();
    for i in 0..100 {
        let prefix: Prefix = format!("198.19.{i}.0/24").parse().unwrap();
        world.routes(0).evidence.push(PrefixEvidence { prefix, ..one.clone() });
        world.routes(1).evidence.push(PrefixEvidence { prefix, route: None });
    }
    let finding = world.finding(Requirement::ActiveActive);
    assert!(finding.evidence.len() < 60, "{}", finding.evidence.len());
    assert!(finding.evidence.last().unwrap().seen.contains("more prefixes differ"));
}

#[test]
fn a_router_of_the_peers_serves_one_connection() {
    let mut world = World::good();
    world.session(1).peer_router_id = Some("198.19.255.11".into());
    assert_eq!(world.standing(Requirement::PeerRouterPerCircuit), Standing::NotMet);
    world.session(1).peer_router_id = None;
    assert_eq!(world.standing(Requirement::PeerRouterPerCircuit), Standing::Unknown);
}

#[test]
fn own_space_is_what_the_checks_say_or_where_nothing_is_registered_what_comes() {
    let mut world = World::good();
    world.prefixes[0].verdict.checks[1].outcome = CheckOutcome::Partial;
    assert_eq!(world.standing(Requirement::OwnAddressSpace), Standing::NotMet);
    world.prefixes[0].verdict.checks[1].outcome = CheckOutcome::Pending;
    assert_eq!(world.standing(Requirement::OwnAddressSpace), Standing::Unknown);
    world.prefixes[0].verdict =
        PrefixVerdict { state: PrefixState::Invalid, error_message: Some("private".into()), checks: vec![] };
    assert_eq!(world.standing(Requirement::OwnAddressSpace), Standing::NotMet);
    let mut plain = World::good();
    plain.peering = peering(OfferingKind::Edge);
    plain.connections.iter_mut().for_each(|c| c.connection.spec.use_for_peering_service = false);
    let finding = plain.finding(Requirement::OwnAddressSpace);
    assert_eq!(finding.standing, Standing::Unknown, "public, but whose?");
    assert!(finding.message.contains("whose it is isn't checked"), "{}", finding.message);
    plain.routes(0).faults.insert("Bogon".into(), 3);
    assert_eq!(plain.standing(Requirement::OwnAddressSpace), Standing::NotMet);
    let asked: Vec<Requirement> = plain.findings().iter().map(|f| f.requirement).collect();
    assert!(!asked.contains(&Requirement::SubnetUsage) && !asked.contains(&Requirement::RegisteredAndTagged));
}

#[test]
fn what_a_subnet_is_for_is_attested_when_both_are_given() {
    let mut world = World::good();
    world.prefixes[0].usage.endpoints.clear();
    let finding = world.finding(Requirement::SubnetUsage);
    assert_eq!(finding.standing, Standing::NotMet);
    assert_eq!(finding.evidence[0].seen, "endpoints aren't given");
}

#[test]
fn bfd_is_up_on_every_session() {
    let mut world = World::good();
    let finding = world.finding(Requirement::Bfd);
    assert_eq!(finding.evidence[0].seen, "up, a loss is noticed after 150 ms (offered: 3 × 50 ms)");
    assert_eq!(finding.seen_at, Some(at(35)));
    world.session(1).bfd = BfdSessionState::Down;
    assert_eq!(world.standing(Requirement::Bfd), Standing::NotMet);
    world.connections[1].observed.sessions.clear();
    assert_eq!(world.standing(Requirement::Bfd), Standing::Unknown);
}

#[test]
fn prefixes_are_registered_and_tagged_on_every_session() {
    let mut world = World::good();
    world.prefixes[0].verdict.checks[2].outcome = CheckOutcome::Failed;
    assert_eq!(world.standing(Requirement::RegisteredAndTagged), Standing::NotMet);
    let mut world = World::good();
    world.routes(1).faults.insert("NotRegistered".into(), 1);
    assert_eq!(world.standing(Requirement::RegisteredAndTagged), Standing::NotMet);
    let mut world = World::good();
    world.prefixes.clear();
    assert_eq!(world.standing(Requirement::RegisteredAndTagged), Standing::Unknown);
    // An offering without a community has no such check.
    let mut world = World::good();
    world.prefixes[0].verdict.checks.truncate(2);
    assert_eq!(world.standing(Requirement::RegisteredAndTagged), Standing::Met);
}

#[test]
fn every_member_of_a_lag_works_and_has_ten_gigabits() {
    let mut world = World::good();
    let member = world.connections[0].observed.lag.as_mut().unwrap().members.get_mut("et2").unwrap();
    member.distributing = false;
    let finding = world.finding(Requirement::Lacp);
    assert_eq!(finding.standing, Standing::NotMet);
    assert_eq!(finding.evidence[0].seen, "1 of 2 members collecting and distributing");
    assert_eq!(world.finding(Requirement::LinkSpeed).evidence[0].seen, "2 × 10 Gbps");
    world.connections[0].connection.ports.as_mut().unwrap().port_speed_mbps = 1_000;
    assert_eq!(world.standing(Requirement::LinkSpeed), Standing::NotMet);
}

#[test]
fn capacity_is_claimed_only_where_it_was_measured() {
    let mut world = World::good();
    let measured = Utilisation { p95_bps: 8e9, intervals: 24, until: at(40) };
    world.connections[0].utilisation = Some(measured);
    let finding = world.finding(Requirement::Capacity);
    assert_eq!(finding.standing, Standing::NotMet);
    let seen = &finding.evidence[0].seen;
    assert_eq!(seen, "40.0 % of its capacity, 95th percentile over the 2 hours measured of 7 days");
    world.connections[0].utilisation = None;
    assert_eq!(world.standing(Requirement::Capacity), Standing::Unknown);
}
