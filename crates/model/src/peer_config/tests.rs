//! What every vendor's text has, and what is special to one.

use super::*;

fn side() -> PeerSide {
    PeerSide {
        connection: "contoso-ams-1".into(),
        session_stem: "c12".into(),
        asn: Asn(64510),
        host_asn: Asn(64500),
        is_route_server: false,
        links: 2,
        bfd: BfdTimers { interval_ms: 50, multiplier: 3, strict: false },
        has_md5_key: true,
        community: Some(Community::Standard(8075, 8007)),
        prefixes: vec!["198.19.10.0/24".parse().unwrap(), "198.19.20.0/25".parse().unwrap()],
        sessions: vec![PeerSession {
            local: "198.18.192.0".parse().unwrap(),
            prefix_len: 31,
            remote: "198.18.192.1".parse().unwrap(),
            max_prefixes: 500,
        }],
    }
}

fn both() -> PeerSide {
    let mut side = side();
    side.prefixes.push("2001:db8:10::/48".parse().unwrap());
    side.sessions.push(PeerSession {
        local: "2001:db8::".parse().unwrap(),
        prefix_len: 127,
        remote: "2001:db8::1".parse().unwrap(),
        max_prefixes: 600,
    });
    side
}

#[test]
fn every_text_has_the_connections_own_values() {
    for vendor in Vendor::ALL {
        let text = render(vendor, &both());
        for value in [
            "64510",
            "64500",
            "198.18.192.0/31",
            "198.18.192.1",
            "2001:db8::/127",
            "2001:db8::1",
            "198.19.10.0/24",
            "198.19.20.0/25",
            "2001:db8:10::/48",
            "500",
            "600",
            "50",
            "YOUR-KEY",
            "INTERFACE-1",
            "INTERFACE-2",
            "connection contoso-ams-1",
        ] {
            assert!(text.contains(value), "{vendor:?} lacks {value}:\n{text}");
        }
        assert!(text.contains("8075:8007") || text.contains("(8075,8007)"), "{vendor:?}:\n{text}");
        assert!(text.contains("fast") || text.contains("short"), "{vendor:?}: LACP at the fast rate\n{text}");
        let secured = ["ttl-security", "ttl security on", "ttl 255", "ttl maximum-hops 1"];
        assert!(secured.iter().any(|s| text.contains(s)), "{vendor:?}: GTSM\n{text}");
        assert!(!text.contains("INTERFACE-3"), "{vendor:?}");
    }
}

#[test]
fn without_a_key_or_a_community_none_is_configured() {
    let side = PeerSide { has_md5_key: false, community: None, ..side() };
    for vendor in Vendor::ALL {
        let text = render(vendor, &side);
        assert!(!text.contains(KEY) && !text.contains("password"), "{vendor:?}:\n{text}");
        assert!(!text.contains("8007") && !text.contains("set community"), "{vendor:?}:\n{text}");
    }
}

#[test]
fn without_registered_prefixes_nothing_leaves() {
    let side = PeerSide { prefixes: vec![], ..side() };
    for (vendor, denied) in [
        (Vendor::IosXr, "prefix-set MEETME-V4\nend-set"),
        (Vendor::Junos, "MEETME-OUT-V4 term rest then reject"),
        (Vendor::Eos, "ip prefix-list MEETME-V4 seq 10 deny 0.0.0.0/0 le 32"),
        (Vendor::Frr, "ip prefix-list MEETME-V4 seq 5 deny any"),
        (Vendor::Bird, "protocol static a_c12v4 {\n  ipv4 { table t_c12v4; };\n}"),
    ] {
        let text = render(vendor, &side);
        assert!(text.contains(denied), "{vendor:?}:\n{text}");
        assert!(text.contains("No prefix is registered yet"), "{vendor:?}");
        assert!(!text.contains("term announced"), "{vendor:?}");
    }
}

#[test]
fn a_large_community_is_set_as_one() {
    let side = PeerSide { community: Some(Community::Large(4_200_000_000, 0, 8007)), ..side() };
    for (vendor, set) in [
        (Vendor::IosXr, "set large-community (4200000000:0:8007) additive"),
        (Vendor::Junos, "members large:4200000000:0:8007"),
        (Vendor::Eos, "set large-community 4200000000:0:8007 additive"),
        (Vendor::Frr, "set large-community 4200000000:0:8007"),
        (Vendor::Bird, "bgp_large_community.add((4200000000,0,8007))"),
    ] {
        assert!(render(vendor, &side).contains(set), "{vendor:?}");
    }
}

#[test]
fn frr_is_told_that_the_neighbour_is_one_hop_away_and_nothing_but_the_registered_leaves() {
    let text = render(Vendor::Frr, &side());
    let configuration: String =
        text.lines().filter(|l| !l.starts_with('!')).map(|l| format!("{l}\n")).collect();
    assert_eq!(
        configuration,
        "bfd\n profile meetme\n  detect-multiplier 3\n  receive-interval 50\n  transmit-interval 50\n exit\nexit\n\
         ip prefix-list MEETME-V4 seq 5 permit 198.19.10.0/24\n\
         ip prefix-list MEETME-V4 seq 10 permit 198.19.20.0/25\n\
         route-map MEETME-OUT-V4 permit 10\n match ip address prefix-list MEETME-V4\n set community 8075:8007\nexit\n\
         route-map MEETME-IN permit 10\n set local-preference 200\nexit\n\
         router bgp 64510\n no bgp default ipv4-unicast\n bgp bestpath as-path multipath-relax\n \
         neighbor 198.18.192.1 remote-as 64500\n \
         neighbor 198.18.192.1 description AS64500 connection contoso-ams-1\n \
         neighbor 198.18.192.1 local-role peer\n \
         neighbor 198.18.192.1 ttl-security hops 1\n no neighbor 198.18.192.1 ebgp-multihop\n \
         neighbor 198.18.192.1 password YOUR-KEY\n neighbor 198.18.192.1 timers 10 30\n \
         neighbor 198.18.192.1 bfd\n neighbor 198.18.192.1 bfd profile meetme\n \
         address-family ipv4 unicast\n  network 198.19.10.0/24\n  network 198.19.20.0/25\n  maximum-paths 8\n  \
         neighbor 198.18.192.1 activate\n  neighbor 198.18.192.1 soft-reconfiguration inbound\n  \
         neighbor 198.18.192.1 maximum-prefix 500\n  neighbor 198.18.192.1 route-map MEETME-IN in\n  \
         neighbor 198.18.192.1 route-map MEETME-OUT-V4 out\n exit\nexit\n"
    );
}

#[test]
fn a_session_of_birds_has_a_table_of_its_own() {
    let text = render(Vendor::Bird, &both());
    for line in [
        "ipv4 table t_c12v4;",
        "ipv6 table t_c12v6;",
        "  route 198.19.10.0/24 blackhole { bgp_community.add((8075,8007)); };",
        "  local 198.18.192.0 as 64510;",
        "  neighbor 198.18.192.1 as 64500;",
        "  bfd { min rx interval 50 ms; min tx interval 50 ms; multiplier 3; idle tx interval 200 ms; };",
        "    import limit 500 action restart;",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}:\n{text}");
    }
}

#[test]
fn eos_takes_an_ipv6_list_as_a_block() {
    let text = render(Vendor::Eos, &both());
    assert!(text.contains("ipv6 prefix-list MEETME-V6\n   seq 10 permit 2001:db8:10::/48\n!"), "{text}");
    assert!(text.contains("ip prefix-list MEETME-V4 seq 20 permit 198.19.20.0/25"), "{text}");
}

#[test]
fn vendors_are_found_by_their_key() {
    for vendor in Vendor::ALL {
        assert_eq!(Vendor::of_key(&vendor.key().to_uppercase()), Some(vendor));
    }
    assert_eq!(Vendor::of_key("other"), None);
}

#[test]
fn who_knows_bgp_roles_says_its_own() {
    for (is_route_server, frr, bird) in [
        (false, "local-role peer\n", "local role peer;"),
        (true, "local-role rs-server\n", "local role rs_server;"),
    ] {
        let side = PeerSide { is_route_server, ..both() };
        assert_eq!(render(Vendor::Frr, &side).matches(frr).count(), 2);
        assert_eq!(render(Vendor::Bird, &side).matches(bird).count(), 2);
    }
}
