//! Juniper Junos, as `set` commands for configuration mode.

use super::{KEY, LOCAL_PREF, PeerSession, PeerSide, text};
use crate::community::Community;

pub(super) fn render(side: &PeerSide) -> String {
    let mut out = side.commented("#");
    out.push_str(&text(&link(side)));
    let mut lines = vec![format!("set routing-options autonomous-system {}", side.asn)];
    match side.community {
        Some(c @ Community::Standard(..)) => {
            lines.push(format!("set policy-options community MEETME members {c}"));
        }
        Some(c @ Community::Large(..)) => {
            lines.push(format!("set policy-options community MEETME members large:{c}"));
        }
        None => {}
    }
    let policy_in = "set policy-options policy-statement MEETME-IN term all then";
    lines.push(format!("{policy_in} local-preference {LOCAL_PREF}"));
    lines.push(format!("{policy_in} accept"));
    for session in &side.sessions {
        lines.extend(announced(side, session));
        lines.extend(group(side, session));
    }
    out.push_str(&text(&lines));
    out
}

fn link(side: &PeerSide) -> Vec<String> {
    let mut lines = vec![
        "# Where your platform says gigether-options, write that for ether-options.".to_owned(),
        "set chassis aggregated-devices ethernet device-count 1".to_owned(),
    ];
    lines.extend(side.members().map(|m| format!("set interfaces {m} ether-options 802.3ad ae0")));
    lines.push(format!("set interfaces ae0 description \"{}\"", side.description()));
    lines.push("set interfaces ae0 aggregated-ether-options lacp active".into());
    lines.push("set interfaces ae0 aggregated-ether-options lacp periodic fast".into());
    for s in &side.sessions {
        let family = if s.is_v4() { "inet" } else { "inet6" };
        lines.push(format!("set interfaces ae0 unit 0 family {family} address {}/{}", s.local, s.prefix_len));
    }
    lines
}

/// Nothing else leaves; without prefixes nothing does.
fn announced(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let family = session.family();
    let policy = format!("set policy-options policy-statement MEETME-OUT-{family}");
    let prefixes = side.prefixes_of(session);
    let mut lines: Vec<String> =
        prefixes.iter().map(|p| format!("set policy-options prefix-list MEETME-{family} {p}")).collect();
    if !prefixes.is_empty() {
        lines.push(format!("{policy} term announced from prefix-list MEETME-{family}"));
        if side.community.is_some() {
            lines.push(format!("{policy} term announced then community add MEETME"));
        }
        lines.push(format!("{policy} term announced then accept"));
    }
    lines.push(format!("{policy} term rest then reject"));
    lines
}

fn group(side: &PeerSide, session: &PeerSession) -> Vec<String> {
    let family = if session.is_v4() { "inet" } else { "inet6" };
    let mut statements = vec![
        "type external".to_owned(),
        format!("peer-as {}", side.host_asn),
        "multipath multiple-as".to_owned(),
        // Sent with 255, which the host asks for (RFC 5082).
        "ttl 255".to_owned(),
        format!("bfd-liveness-detection minimum-interval {}", side.bfd.interval_ms),
        format!("bfd-liveness-detection multiplier {}", side.bfd.multiplier),
        format!("family {family} unicast prefix-limit maximum {}", session.max_prefixes),
        "import MEETME-IN".to_owned(),
        format!("export MEETME-OUT-{}", session.family()),
    ];
    if side.has_md5_key {
        statements.push(format!("authentication-key \"{KEY}\""));
    }
    statements.push(format!("neighbor {} description \"{}\"", session.remote, side.description()));
    let group = format!("set protocols bgp group MEETME-{}", session.family());
    statements.into_iter().map(|statement| format!("{group} {statement}")).collect()
}
