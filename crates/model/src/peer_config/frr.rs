//! FRR, in `vtysh`'s words. The link and its addresses are the operating system's.
//!
//! FRR 8.4 takes a neighbour with `ttl-security` for a multihop one, whose BFD would be multihop
//! too; `no … ebgp-multihop` right after it keeps GTSM and makes BFD single-hop again. FRR 10.4 and
//! 10.5 wait 30 s after a lost BFD session before they act, but for a neighbour with own timers.

use super::{KEY, LOCAL_PREF, PeerSession, PeerSide, text};
use crate::community::Community;
use std::net::IpAddr;

/// Keepalive interval and hold time; BFD finds failures long before.
const TIMERS_S: (u32, u32) = (10, 30);

pub(super) fn render(side: &PeerSide) -> String {
    let mut out = side.commented("!");
    out.push_str(&text(&link(side)));
    out.push_str(&text(&bfd(side)));
    for session in &side.sessions {
        out.push_str(&text(&announced(side, session)));
    }
    let mut lines = vec![
        "route-map MEETME-IN permit 10".into(),
        format!(" set local-preference {LOCAL_PREF}"),
        "exit".into(),
        format!("router bgp {}", side.asn),
        " no bgp default ipv4-unicast".into(),
        " bgp bestpath as-path multipath-relax".into(),
    ];
    lines.extend(side.sessions.iter().flat_map(|s| neighbor(side, s)));
    lines.extend(side.sessions.iter().flat_map(|s| family(side, s)));
    lines.push("exit".into());
    out.push_str(&text(&lines));
    out
}

fn link(side: &PeerSide) -> Vec<String> {
    let mut lines = vec![
        "! On Linux, before this:".to_owned(),
        "!   ip link add meetme type bond mode 802.3ad lacp_rate fast miimon 100 xmit_hash_policy layer3+4"
            .to_owned(),
    ];
    lines.extend(
        side.members().map(|m| format!("!   ip link set {m} down; ip link set {m} master meetme up")),
    );
    lines.push("!   ip link set meetme up".into());
    lines.extend(
        side.sessions.iter().map(|s| format!("!   ip address add {}/{} dev meetme", s.local, s.prefix_len)),
    );
    lines
}

fn bfd(side: &PeerSide) -> Vec<String> {
    vec![
        "bfd".into(),
        " profile meetme".into(),
        format!("  detect-multiplier {}", side.bfd.multiplier),
        format!("  receive-interval {}", side.bfd.interval_ms),
        format!("  transmit-interval {}", side.bfd.interval_ms),
        " exit".into(),
        "exit".into(),
    ]
}

fn announced(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let (ip, family) = (ip(session), session.family());
    let mut lines = Vec::new();
    let prefixes = side.prefixes_of(session);
    if prefixes.is_empty() {
        lines.push(format!("{ip} prefix-list MEETME-{family} seq 5 deny any"));
    }
    for (i, prefix) in prefixes.iter().enumerate() {
        lines.push(format!("{ip} prefix-list MEETME-{family} seq {} permit {prefix}", (i + 1) * 5));
    }
    lines.push(format!("route-map MEETME-OUT-{family} permit 10"));
    lines.push(format!(" match {ip} address prefix-list MEETME-{family}"));
    match side.community {
        Some(c @ Community::Standard(..)) => lines.push(format!(" set community {c}")),
        Some(c @ Community::Large(..)) => lines.push(format!(" set large-community {c}")),
        None => {}
    }
    lines.push("exit".into());
    lines
}

fn ip(session: &PeerSession) -> &'static str {
    if session.is_v4() { "ip" } else { "ipv6" }
}

fn neighbor(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let address: IpAddr = session.remote;
    let mut lines = vec![
        format!(" neighbor {address} remote-as {}", side.host_asn),
        format!(" neighbor {address} description {}", side.description()),
        format!(" neighbor {address} local-role {}", if side.is_route_server { "rs-server" } else { "peer" }),
        format!(" neighbor {address} ttl-security hops 1"),
        format!(" no neighbor {address} ebgp-multihop"),
    ];
    if side.has_md5_key {
        lines.push(format!(" neighbor {address} password {KEY}"));
    }
    lines.push(format!(" neighbor {address} timers {} {}", TIMERS_S.0, TIMERS_S.1));
    lines.push(format!(" neighbor {address} bfd"));
    lines.push(format!(" neighbor {address} bfd profile meetme"));
    lines
}

fn family(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let address: IpAddr = session.remote;
    let family = if session.is_v4() { "ipv4" } else { "ipv6" };
    let mut lines = vec![format!(" address-family {family} unicast")];
    lines.extend(side.prefixes_of(session).iter().map(|p| format!("  network {p}")));
    lines.push("  maximum-paths 8".into());
    for what in [
        "activate".to_owned(),
        "soft-reconfiguration inbound".to_owned(),
        format!("maximum-prefix {}", session.max_prefixes),
        "route-map MEETME-IN in".to_owned(),
        format!("route-map MEETME-OUT-{} out", session.family()),
    ] {
        lines.push(format!("  neighbor {address} {what}"));
    }
    lines.push(" exit".into());
    lines
}
