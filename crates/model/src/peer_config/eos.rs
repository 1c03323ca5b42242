//! Arista EOS.

use super::{KEY, LOCAL_PREF, PeerSession, PeerSide, text};
use crate::community::Community;

pub(super) fn render(side: &PeerSide) -> String {
    let mut out = side.commented("!");
    out.push_str(&text(&link(side)));
    for session in &side.sessions {
        out.push_str(&text(&announced(side, session)));
    }
    let mut lines: Vec<String> = vec![
        "route-map MEETME-IN permit 10".into(),
        format!("   set local-preference {LOCAL_PREF}"),
        "!".into(),
        format!("router bgp {}", side.asn),
        "   maximum-paths 8".into(),
    ];
    lines.extend(side.sessions.iter().flat_map(|s| neighbor(side, s)));
    for session in &side.sessions {
        lines.push(format!("   address-family {}", if session.is_v4() { "ipv4" } else { "ipv6" }));
        lines.push(format!("      neighbor {} activate", session.remote));
        lines.extend(side.prefixes_of(session).iter().map(|p| format!("      network {p}")));
        lines.push("   !".into());
    }
    lines.push("!".into());
    out.push_str(&text(&lines));
    out
}

fn ip(session: &PeerSession) -> &'static str {
    if session.is_v4() { "ip" } else { "ipv6" }
}

fn link(side: &PeerSide) -> Vec<String> {
    let mut lines = vec![
        "interface Port-Channel1".to_owned(),
        format!("   description {}", side.description()),
        "   no switchport".to_owned(),
    ];
    lines.extend(side.sessions.iter().map(|s| format!("   {} address {}/{}", ip(s), s.local, s.prefix_len)));
    let (ms, multiplier) = (side.bfd.interval_ms, side.bfd.multiplier);
    lines.push(format!("   bfd interval {ms} min-rx {ms} multiplier {multiplier}"));
    lines.push("!".into());
    for member in side.members() {
        lines.push(format!("interface {member}"));
        for line in ["   channel-group 1 mode active", "   lacp timer fast", "   no shutdown", "!"] {
            lines.push(line.into());
        }
    }
    lines
}

fn announced(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let family = session.family();
    let prefixes = side.prefixes_of(session);
    let mut entries: Vec<String> = prefixes
        .iter()
        .enumerate()
        .map(|(i, prefix)| format!("seq {} permit {prefix}", (i + 1) * 10))
        .collect();
    if prefixes.is_empty() {
        let everything = if session.is_v4() { "0.0.0.0/0 le 32" } else { "::/0 le 128" };
        entries.push(format!("seq 10 deny {everything}"));
    }
    let mut lines = Vec::new();
    if session.is_v4() {
        lines.extend(entries.iter().map(|entry| format!("ip prefix-list MEETME-{family} {entry}")));
    } else {
        // For IPv6 EOS takes entries only within the list.
        lines.push(format!("ipv6 prefix-list MEETME-{family}"));
        lines.extend(entries.iter().map(|entry| format!("   {entry}")));
    }
    lines.push("!".into());
    lines.push(format!("route-map MEETME-OUT-{family} permit 10"));
    lines.push(format!("   match {} address prefix-list MEETME-{family}", ip(session)));
    match side.community {
        Some(c @ Community::Standard(..)) => lines.push(format!("   set community {c} additive")),
        Some(c @ Community::Large(..)) => lines.push(format!("   set large-community {c} additive")),
        None => {}
    }
    lines.push("!".into());
    lines
}

fn neighbor(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let mut statements = vec![
        format!("remote-as {}", side.host_asn),
        format!("description {}", side.description()),
        "ttl maximum-hops 1".to_owned(),
        "bfd".to_owned(),
        format!("maximum-routes {} warning-limit 80 percent", session.max_prefixes),
        "send-community standard large".to_owned(),
        "route-map MEETME-IN in".to_owned(),
        format!("route-map MEETME-OUT-{} out", session.family()),
    ];
    if side.has_md5_key {
        statements.push(format!("password 0 {KEY}"));
    }
    statements.into_iter().map(|s| format!("   neighbor {} {s}", session.remote)).collect()
}
