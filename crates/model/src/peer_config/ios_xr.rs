//! Cisco IOS XR.

use super::{KEY, LOCAL_PREF, PeerSession, PeerSide, text};
use crate::community::Community;
use crate::prefix::Prefix;

pub(super) fn render(side: &PeerSide) -> String {
    let mut out = side.commented("!");
    out.push_str(&text(&link(side)));
    for session in &side.sessions {
        out.push_str(&text(&policies(side, session)));
    }
    let mut lines: Vec<String> = vec![
        "route-policy MEETME-IN".into(),
        format!("  set local-preference {LOCAL_PREF}"),
        "  pass".into(),
        "end-policy".into(),
        "!".into(),
        "! BFD over a bundle needs, once and for your line card: bfd multipath include location 0/0/CPU0"
            .into(),
        format!("router bgp {}", side.asn),
        " bgp bestpath as-path multipath-relax".into(),
    ];
    for session in &side.sessions {
        lines.push(format!(" address-family {} unicast", ip(session)));
        lines.push("  maximum-paths ebgp 8".into());
        lines.extend(side.prefixes_of(session).iter().map(|p| format!("  network {p}")));
        lines.push(" !".into());
    }
    lines.extend(side.sessions.iter().flat_map(|s| neighbor(side, s)));
    lines.push("!".into());
    out.push_str(&text(&lines));
    out
}

fn ip(session: &PeerSession) -> &'static str {
    if session.is_v4() { "ipv4" } else { "ipv6" }
}

fn link(side: &PeerSide) -> Vec<String> {
    let mut lines =
        vec!["interface Bundle-Ether1".to_owned(), format!(" description {}", side.description())];
    lines.extend(side.sessions.iter().map(|s| format!(" {} address {}/{}", ip(s), s.local, s.prefix_len)));
    lines.push("!".into());
    for member in side.members() {
        lines.push(format!("interface {member}"));
        for line in [" bundle id 1 mode active", " lacp period short", " no shutdown", "!"] {
            lines.push(line.into());
        }
    }
    lines
}

fn policies(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let family = session.family();
    let prefixes: Vec<String> = side.prefixes_of(session).iter().map(|p: &Prefix| format!("  {p}")).collect();
    let mut lines = vec![format!("prefix-set MEETME-{family}")];
    if !prefixes.is_empty() {
        lines.push(prefixes.join(",\n"));
    }
    lines.extend(["end-set".into(), "!".into(), format!("route-policy MEETME-OUT-{family}")]);
    lines.push(format!("  if destination in MEETME-{family} then"));
    match side.community {
        Some(c @ Community::Standard(..)) => lines.push(format!("    set community ({c}) additive")),
        Some(c @ Community::Large(..)) => lines.push(format!("    set large-community ({c}) additive")),
        None => {}
    }
    for line in ["    pass", "  else", "    drop", "  endif", "end-policy", "!"] {
        lines.push(line.into());
    }
    lines
}

fn neighbor(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let mut lines = vec![
        format!(" neighbor {}", session.remote),
        format!("  remote-as {}", side.host_asn),
        format!("  description {}", side.description()),
        "  ttl-security".into(),
        "  bfd fast-detect".into(),
        format!("  bfd minimum-interval {}", side.bfd.interval_ms),
        format!("  bfd multiplier {}", side.bfd.multiplier),
    ];
    if side.has_md5_key {
        lines.push(format!("  password clear {KEY}"));
    }
    lines.push(format!("  address-family {} unicast", ip(session)));
    lines.push("   route-policy MEETME-IN in".into());
    lines.push(format!("   route-policy MEETME-OUT-{} out", session.family()));
    lines.push(format!("   maximum-prefix {} 80", session.max_prefixes));
    lines.push("   send-community-ebgp".into());
    lines.push("   soft-reconfiguration inbound always".into());
    lines.push("  !".into());
    lines.push(" !".into());
    lines
}
