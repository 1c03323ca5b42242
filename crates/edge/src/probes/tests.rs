//! Which probes run when lists of probes and routers change.

use super::*;
use meetme_model::inventory::{LagBackend, Management, RouterAccess};
use std::net::Ipv4Addr;

fn place(last: u8) -> Place {
    let lag = LagBackend::Bonding { netns: None };
    let management = Management::Frr { vty_dir: "/x".into(), lag, bmp_source: Ipv4Addr::LOCALHOST.into() };
    let loopback = Ipv4Addr::new(127, 0, 0, last);
    Place::of(&RouterAccess { router: String::new(), loopback, management })
}

fn probe(id: &str, router: &str, interval_s: u32) -> Probe {
    Probe {
        id: id.into(),
        router: router.into(),
        destination: Ipv4Addr::LOCALHOST.into(),
        tcp_port: Some(9),
        interval_s,
        refusal_answers: true,
        with_path: false,
    }
}

/// Probes that run, by task.
fn running(probes: &Probes) -> BTreeMap<String, tokio::task::Id> {
    probes.running.iter().map(|(id, r)| (id.clone(), r._task.abort_handle().id())).collect()
}

#[tokio::test]
async fn a_change_of_the_list_leaves_probes_alone_that_stay_as_they_are() {
    let mut probes = Probes::new(Arc::new(|_| {}));
    let places = BTreeMap::from([("er1".to_owned(), place(1)), ("er2".to_owned(), place(2))]);
    probes.want(vec![probe("a", "er1", 60), probe("b", "er2", 60), probe("c", "er1", 60)], &places);
    let before = running(&probes);
    assert_eq!(before.len(), 3);
    probes.want(vec![probe("a", "er1", 60), probe("b", "er2", 30), probe("d", "er1", 60)], &places);
    let after = running(&probes);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["a", "b", "d"]);
    assert_eq!(after["a"], before["a"]);
    assert_ne!(after["b"], before["b"]);
}

#[tokio::test]
async fn only_routers_of_the_site_probe_and_only_while_they_are_of_it() {
    let mut probes = Probes::new(Arc::new(|_| {}));
    let both = BTreeMap::from([("er1".to_owned(), place(1)), ("er2".to_owned(), place(2))]);
    let one = BTreeMap::from([("er1".to_owned(), place(1))]);
    probes.want(vec![probe("a", "er1", 60), probe("b", "er2", 60), probe("x", "er9", 60)], &one);
    let before = running(&probes);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["a"]);
    probes.place(&both);
    assert_eq!(running(&probes).keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(running(&probes)["a"], before["a"]);
    probes.place(&BTreeMap::from([("er1".to_owned(), place(3))]));
    let after = running(&probes);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["a"]);
    assert_ne!(after["a"], before["a"], "its source address is another one now");
}

#[tokio::test]
async fn what_a_probe_came_to_is_told_and_kept_for_a_control_plane_that_missed_it() {
    let (told_in, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut probes = Probes::new(Arc::new(move |tried| told_in.send(tried).unwrap()));
    probes.want(vec![probe("a", "er1", 60)], &BTreeMap::from([("er1".to_owned(), place(1))]));
    assert_eq!(probes.newest().count(), 0);
    let tried = tokio::time::timeout(std::time::Duration::from_secs(20), told.recv()).await.unwrap().unwrap();
    assert!(tried.is_measured && tried.outcome.rtt_ms.is_some(), "{tried:?}");
    assert_eq!(probes.newest().collect::<Vec<_>>(), [tried.outcome]);
}
