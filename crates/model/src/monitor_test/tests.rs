//! Rules of connection monitor tests, each broken once, and who sends them.

use super::*;
use crate::connection::PortAssignment;
use crate::plan::peering::tests::connection;
use crate::testing;

fn service() -> PeeringServiceSpec {
    PeeringServiceSpec {
        region: "westeurope".into(),
        location: "North Holland".into(),
        provider: "Contoso".into(),
        primary: Some("Amsterdam".into()),
        backup: None,
        sku: None,
        tags: Default::default(),
    }
}

fn draft() -> MonitorTestDraft {
    MonitorTestDraft {
        agent: Some("AMS1".into()),
        destination: Some("198.19.10.7".into()),
        port: Some(443),
        interval_s: Some(30),
    }
}

fn broken(draft: &MonitorTestDraft) -> Vec<String> {
    let found = validate(draft, &testing::inventory(), &service(), &[]);
    found.unwrap_err().0.into_iter().map(|v| format!("{} {}", v.code, v.target)).collect()
}

fn on(router: &str) -> Connection {
    let ports = PortAssignment { router: router.into(), ports: vec![], port_speed_mbps: 10_000 };
    Connection { ports: Some(ports), ..connection(1) }
}

#[test]
fn a_test_is_sent_by_a_router_that_carries_the_provider() {
    let inventory = testing::inventory();
    let router =
        |connections: &[Connection]| validate(&draft(), &inventory, &service(), connections).unwrap().router;
    assert_eq!(router(&[]), "ams1-er1");
    assert_eq!(router(&[on("ams1-er2")]), "ams1-er2");
    assert_eq!(router(&[on("ams1-er2"), on("ams1-er1")]), "ams1-er1");
    assert_eq!(router(&[on("fra1-er2")]), "ams1-er1");
}

#[test]
fn what_is_left_out_has_its_default() {
    let draft = MonitorTestDraft { port: Some(0), interval_s: None, ..draft() };
    let spec = validate(&draft, &testing::inventory(), &service(), &[]).unwrap();
    assert_eq!((spec.site.as_str(), spec.port, spec.interval_s), ("ams1", None, 60));
    let draft = MonitorTestDraft { port: None, ..draft };
    assert_eq!(validate(&draft, &testing::inventory(), &service(), &[]).unwrap().port, None);
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let all = MonitorTestDraft {
        agent: Some("fra1".into()),
        destination: Some("www.tel.example".into()),
        port: Some(65_536),
        interval_s: Some(9),
    };
    assert_eq!(
        broken(&all),
        [
            "SourceAgentUnknown properties.sourceAgent",
            "DestinationInvalid properties.destination",
            "DestinationPortInvalid properties.destinationPort",
            "TestFrequencyInvalid properties.testFrequencyInSec",
        ]
    );
    assert_eq!(
        broken(&MonitorTestDraft::default()),
        ["SourceAgentRequired properties.sourceAgent", "DestinationRequired properties.destination"]
    );
    let negative = MonitorTestDraft { port: Some(-1), interval_s: Some(86_401), ..draft() };
    assert_eq!(broken(&negative).len(), 2);
}

#[test]
fn agents_are_the_sites_of_both_locations() {
    let inventory = testing::inventory();
    let names = |spec: &PeeringServiceSpec| -> Vec<String> {
        agents(&inventory, spec).iter().map(|s| s.name.clone()).collect()
    };
    assert_eq!(names(&service()), ["ams1"]);
    let both = PeeringServiceSpec { backup: Some("frankfurt".into()), ..service() };
    assert_eq!(names(&both), ["ams1", "fra1"]);
    assert!(names(&PeeringServiceSpec { primary: None, ..service() }).is_empty());
}

#[test]
fn a_test_outlives_its_router() {
    let mut inventory = testing::inventory();
    let spec = validate(&draft(), &inventory, &service(), &[on("ams1-er2")]).unwrap();
    let stamp = Stamp::new("t", jiff::Timestamp::UNIX_EPOCH);
    let test = MonitorTest { id: 7, service_id: 1, name: "t".into(), spec, stamp };
    let probe = test.probe(&inventory).unwrap();
    assert_eq!((probe.id.as_str(), probe.router.as_str()), ("test:7", "ams1-er2"));
    assert_eq!((probe.tcp_port, probe.refusal_answers, probe.with_path), (Some(443), false, true));
    inventory.routers.retain(|r| r.name != "ams1-er2");
    assert_eq!(test.probe(&inventory).unwrap().router, "ams1-er1");
    let before = std::mem::replace(&mut inventory.host.announced, vec!["198.19.0.0/16".parse().unwrap()]);
    assert_eq!(test.probe(&inventory), None, "it is the host's now");
    inventory.host.announced = before;
    inventory.routers.clear();
    assert_eq!(test.probe(&inventory), None);
}
