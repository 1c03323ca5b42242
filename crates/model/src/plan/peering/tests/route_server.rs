//! A peering with a route server: one connection, on addresses that the peer gives.

use super::*;
use crate::intent::SessionPhase;
use crate::inventory::Offering;
use crate::plan::router::{RouterConnection, router_intent};
use crate::session_space::Registration;

fn world() -> World {
    let mut w = World::new();
    let with_voice = w.inventory.offerings[0].clone();
    let offering = Offering { kind: OfferingKind::IxRs, community: None, ..with_voice };
    w.inventory.offerings.push(Offering { name: "AS64500 (route server)".into(), ..offering });
    w.peering.spec.offering = OfferingKind::IxRs;
    let mut only = connection(1);
    only.spec.address_provider = AddressProvider::Peer;
    only.spec.session_prefix_v4 = Some("198.19.200.0/31".parse().unwrap());
    w.connections = vec![only];
    w
}

#[test]
fn it_becomes_active_on_the_peer_s_addresses() {
    let mut w = world();
    for _ in 0..6 {
        w.settle();
        w.observed.values_mut().for_each(|o| o.routes.clear());
        w.observe(true, true, true);
    }
    w.settle();
    assert_eq!(w.states(), ["Active"]);
    let subnet = w.connections[0].subnet_v4.unwrap();
    assert_eq!(
        (subnet.peer.to_string(), subnet.host.to_string()),
        ("198.19.200.0".to_owned(), "198.19.200.1".to_owned())
    );
    let router = w.inventory.router(&w.connections[0].ports.clone().unwrap().router).unwrap().clone();
    let intent = |offering| {
        let spec = PeeringSpec { offering, ..w.peering.spec.clone() };
        let c = RouterConnection {
            peering: &Peering { spec, ..w.peering.clone() },
            connection: &w.connections[0],
            md5_key: None,
            prefixes: &[],
            behind: &[Asn(64506), Asn(64505)],
        };
        router_intent(&w.inventory, &router, &[c])
    };
    let session = &intent(OfferingKind::IxRs).sessions[0];
    assert_eq!(*session.policy.behind, [Asn(64505), Asn(64506)], "those behind the route server come first");
    assert_eq!(*intent(OfferingKind::Edge).sessions[0].policy.behind, []);
    assert_eq!((session.phase, session.peer_address), (SessionPhase::Open, subnet.peer));
    assert!(session.policy.ordinary_used, "nothing is registered by prefix there");
}

#[test]
fn a_subnet_of_another_session_stops_it_with_what_to_do() {
    let mut w = world();
    w.rested.push(SubnetUse { prefix: "198.19.200.0/30".parse().unwrap(), freed_at: None });
    w.settle();
    w.observe(false, false, false);
    w.settle();
    assert_eq!(w.states(), ["ProvisioningFailed"]);
    let message = w.connections[0].error_message.clone().unwrap();
    assert!(message.contains("in use elsewhere"), "{message}");
}

#[test]
fn a_subnet_that_the_host_or_another_network_has_by_now_is_not_given() {
    let told = |change: &dyn Fn(&mut World)| {
        let mut w = world();
        w.settle();
        assert_eq!(w.states(), ["Approved"]);
        // Only now, after the checks of the approval.
        change(&mut w);
        w.observe(false, false, false);
        w.settle();
        assert_eq!(w.states(), ["ProvisioningFailed"]);
        w.connections[0].error_message.clone().unwrap()
    };
    let internal = told(&|w| w.inventory.host.internal_space = vec!["198.19.200.0/24".parse().unwrap()]);
    assert!(internal.contains("host's own network"), "{internal}");
    let registered = told(&|w| {
        w.registrations.push(Registration {
            prefix: "198.19.0.0/16".parse().unwrap(),
            subscription: "other".into(),
            asn: Asn(64511),
        });
    });
    let session =
        told(&|w| w.rested.push(SubnetUse { prefix: "198.19.200.0/30".parse().unwrap(), freed_at: None }));
    assert_eq!(registered, session, "nobody learns which of the two it is");
}
