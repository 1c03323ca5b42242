//! Allocation: never twice, never overlapping, freed ones rest, routers differ.

use super::*;
use crate::inventory::{LagBackend, Management, Port, Router, Site};
use crate::testing;
use proptest::prelude::*;

fn pool(prefix: &str, subnet_length: u8) -> AddressPool {
    AddressPool { prefix: prefix.parse().unwrap(), location: "Amsterdam".into(), subnet_length }
}

fn used(prefix: &str, freed_h_ago: Option<i64>, now: Timestamp) -> SubnetUse {
    SubnetUse {
        prefix: prefix.parse().unwrap(),
        freed_at: freed_h_ago.map(|h| now - SignedDuration::from_hours(h)),
    }
}

#[test]
fn the_lowest_free_subnet_is_taken_and_freed_ones_rest_30_days() {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(10_000);
    let pool = pool("198.18.192.0/29", 31);
    let pick = |all: &[SubnetUse]| allocate_subnet(&pool, all, now).map(|s| s.prefix.to_string());
    assert_eq!(pick(&[]).as_deref(), Some("198.18.192.0/31"));
    let first = used("198.18.192.0/31", None, now);
    assert_eq!(pick(&[first]).as_deref(), Some("198.18.192.2/31"));
    let resting = used("198.18.192.0/31", Some(29 * 24), now);
    let third = used("198.18.192.4/31", None, now);
    assert_eq!(pick(&[resting, third]).as_deref(), Some("198.18.192.2/31"));
    assert_eq!(pick(&[used("198.18.192.0/31", Some(30 * 24), now)]).as_deref(), Some("198.18.192.0/31"));
    assert_eq!(pick(&[used("198.18.192.0/29", None, now)]), None);
}

proptest! {
    #[test]
    fn subnets_are_never_given_twice_and_never_overlap(
        length in prop_oneof![Just(30u8), Just(31)],
        v6 in any::<bool>(),
        frees in prop::collection::vec((0usize..40, 0i64..60 * 24), 0..20),
    ) {
        let pool = if v6 { pool("2001:db8::/122", length + 96) } else { pool("198.18.192.0/26", length) };
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(10_000);
        let mut all: Vec<SubnetUse> = Vec::new();
        while let Some(subnet) = allocate_subnet(&pool, &all, now) {
            prop_assert!(pool.prefix.contains(subnet.prefix));
            prop_assert!(all.iter().all(|u| !u.prefix.overlaps(subnet.prefix)));
            prop_assert_ne!(subnet.host, subnet.peer);
            all.push(SubnetUse { prefix: subnet.prefix, freed_at: None });
        }
        prop_assert_eq!(all.len(), 1 << (if v6 { length + 96 } else { length } - pool.prefix.len()));
        for (i, h) in frees {
            let i = i % all.len();
            all[i].freed_at = Some(now - SignedDuration::from_hours(h));
        }
        // What comes out again has rested, whatever the order of the list.
        all.reverse();
        if let Some(again) = allocate_subnet(&pool, &all, now) {
            let old = all.iter().find(|u| u.prefix == again.prefix).unwrap();
            prop_assert!(now.duration_since(old.freed_at.unwrap()) >= ADDRESS_REST);
        } else {
            prop_assert!(all.iter().all(|u| u.freed_at.is_none_or(|at| now.duration_since(at) < ADDRESS_REST)));
        }
    }

    #[test]
    fn ports_are_never_given_twice_and_routers_of_a_peering_differ(
        ports in prop::collection::vec(0u32..6, 1..5),
        asks in prop::collection::vec(1u32..4, 0..12),
    ) {
        let inventory = with_ports(&ports);
        let mut in_use = BTreeSet::new();
        let mut avoid = BTreeSet::new();
        for links in asks {
            match select_ports(&inventory, 64, links * 10_000, &avoid, &in_use) {
                Ok(chosen) => {
                    prop_assert_eq!(chosen.ports.len(), links as usize);
                    prop_assert!(avoid.insert(chosen.router.clone()), "router twice");
                    for port in chosen.ports {
                        prop_assert!(in_use.insert((chosen.router.clone(), port)), "port twice");
                    }
                }
                Err(_) => {
                    // Truly no router is left that could serve it.
                    for (i, &n) in ports.iter().enumerate() {
                        let serves = avoid.contains(&format!("er{i}"));
                        prop_assert!(serves || n < links);
                    }
                }
            }
        }
    }
}

fn with_ports(ports: &[u32]) -> Inventory {
    let mut inventory = testing::inventory();
    inventory.sites = vec![Site { facility_id: 64, ..testing::inventory().sites[0].clone() }];
    inventory.routers = ports
        .iter()
        .enumerate()
        .map(|(i, &n)| Router {
            name: format!("er{i}"),
            site: inventory.sites[0].name.clone(),
            loopback: [198, 18, 255, u8::try_from(i).unwrap()].into(),
            loopback_v6: None,
            management: Management::Frr {
                vty_dir: "/run/frr".into(),
                lag: LagBackend::Bonding { netns: None },
                bmp_source: [192, 0, 2, 1].into(),
            },
            ports: (0..n)
                .map(|p| Port { name: format!("et{p}"), speed_mbps: 10_000, panel: format!("{p}") })
                .collect(),
            announced: None,
        })
        .collect();
    inventory
}

#[test]
fn the_reason_tells_whether_ports_or_routers_are_missing() {
    let inventory = with_ports(&[4]);
    let none = BTreeSet::new();
    let avoid = BTreeSet::from(["er0".to_owned()]);
    assert!(matches!(
        select_ports(&inventory, 64, 10_000, &avoid, &none),
        Err(NoPort::NoDiverseRouter { .. })
    ));
    assert!(matches!(
        select_ports(&inventory, 64, 50_000, &BTreeSet::new(), &none),
        Err(NoPort::NoFreePorts { .. })
    ));
    assert!(matches!(
        select_ports(&inventory, 65, 10_000, &BTreeSet::new(), &none),
        Err(NoPort::NoFreePorts { .. })
    ));
}

#[test]
fn a_lag_has_at_most_the_ports_of_one_router() {
    let mut inventory = testing::inventory();
    assert_eq!(most_links(&inventory, 64), BTreeMap::from([(10_000, 6)]), "six each, and not twelve");
    assert_eq!(most_links(&inventory, 1), BTreeMap::new());
    let port = |n: usize, speed_mbps| Port { name: format!("x{n}"), speed_mbps, panel: String::new() };
    inventory.routers[1].ports.extend((0..9).map(|n| port(n, 100_000)));
    inventory.routers[0].ports.push(port(0, 10_000));
    assert_eq!(most_links(&inventory, 64), BTreeMap::from([(10_000, 7), (100_000, MAX_LAG_MEMBERS)]));
}
