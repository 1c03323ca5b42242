//! The texts that peers are handed, loaded into real FRR of each version and into BIRD.

mod common;

use common::net::{Node, sh};
use meetme_model::asn::Asn;
use meetme_model::community::Community;
use meetme_model::intent::BfdTimers;
use meetme_model::peer_config::{PeerSession, PeerSide, Vendor, render};

on_each_frr!(every_line_of_the_text_for_peers_is_taken_and_kept);

fn side() -> PeerSide {
    let session = |local: &str, prefix_len, remote: &str| PeerSession {
        local: local.parse().unwrap(),
        prefix_len,
        remote: remote.parse().unwrap(),
        max_prefixes: 500,
    };
    PeerSide {
        connection: "contoso-ams-1".into(),
        session_stem: "c12".into(),
        asn: Asn(64510),
        host_asn: Asn(64500),
        is_route_server: false,
        links: 2,
        bfd: BfdTimers { interval_ms: 100, multiplier: 4, strict: false },
        has_md5_key: true,
        community: Some(Community::Standard(8075, 8007)),
        prefixes: vec!["198.19.10.0/24".parse().unwrap(), "2001:db8:10::/48".parse().unwrap()],
        sessions: vec![
            session("198.18.192.0", 31, "198.18.192.1"),
            session("2001:db8::", 127, "2001:db8::1"),
        ],
    }
}

async fn every_line_of_the_text_for_peers_is_taken_and_kept(version: &'static str) {
    let node = Node::here_with(version);
    node.start_frr(&["zebra", "staticd", "bfdd", "bgpd"]);
    for is_route_server in [true, false] {
        is_taken_and_kept(version, &node, &PeerSide { is_route_server, ..side() });
        node.configure("no router bgp 64510\n");
    }
}

fn is_taken_and_kept(version: &str, node: &Node, side: &PeerSide) {
    let text = render(Vendor::Frr, side);
    let said = node.configure(&text);
    assert!(!said.contains('%'), "FRR {version} refuses: {said}\n{text}");

    let running = node.vtysh("show running-config");
    let kept: Vec<&str> = running.lines().map(str::trim).collect();
    // `activate` is only written down where it isn't the default, and `no …` where it is.
    let told =
        text.lines().map(str::trim).filter(|l| l.starts_with("neighbor ") || l.starts_with("network "));
    for line in told {
        assert!(kept.contains(&line), "FRR {version} doesn't keep '{line}':\n{running}");
    }
    for line in ["transmit-interval 100", "receive-interval 100", "detect-multiplier 4"] {
        assert!(kept.contains(&line), "FRR {version} doesn't keep '{line}':\n{running}");
    }
    assert!(!running.contains("ebgp-multihop"), "BFD would be multihop:\n{running}");
}

#[test]
fn bird_takes_the_text_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for is_route_server in [true, false] {
        let text = render(Vendor::Bird, &PeerSide { is_route_server, ..side() });
        // What the reader is told to write first.
        std::fs::write(file.path(), format!("router id 192.0.2.1;\n{text}")).unwrap();
        sh(&format!("bird -p -c {}", file.path().display()));
    }
}
