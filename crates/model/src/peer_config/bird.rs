//! BIRD 2. Each session has a table of its own: what is announced there is static and never reaches
//! the kernel; what is learned goes on to the master table. The link is the operating system's.

use super::{KEY, LOCAL_PREF, PeerSession, PeerSide};
use crate::community::Community;
use std::fmt::Write;

pub(super) fn render(side: &PeerSide) -> String {
    let mut out = side.commented("#");
    out.push_str("# On Linux: a bond in mode 802.3ad with lacp_rate fast of");
    for member in side.members() {
        let _ = write!(out, " {member}");
    }
    out.push_str(", with");
    for session in &side.sessions {
        let _ = write!(out, " {}/{}", session.local, session.prefix_len);
    }
    out.push_str(".\n# Leave out what your file has already; the router id is another one on each router.\n");
    out.push_str("#router id 192.0.2.1;\nprotocol device { scan time 5; }\n");
    for v4 in side.sessions.iter().map(PeerSession::is_v4) {
        let (kernel, family) = if v4 { ("k4", "ipv4") } else { ("k6", "ipv6") };
        let _ = writeln!(
            out,
            "protocol kernel {kernel} {{ merge paths on limit 8; {family} {{ import none; export where source != RTS_DEVICE; }}; }}"
        );
    }
    out.push_str("protocol bfd { }\n");
    for session in &side.sessions {
        out.push_str(&session_text(side, session));
    }
    out
}

fn session_text(side: &PeerSide, session: &PeerSession) -> String {
    let number = if session.is_v4() { 4 } else { 6 };
    let name = format!("{}v{number}", side.session_stem);
    let family = format!("ipv{number}");
    let mut routes = String::new();
    for prefix in side.prefixes_of(session) {
        let _ = match side.community {
            Some(Community::Standard(a, b)) => {
                writeln!(routes, "  route {prefix} blackhole {{ bgp_community.add(({a},{b})); }};")
            }
            Some(Community::Large(a, b, c)) => {
                writeln!(routes, "  route {prefix} blackhole {{ bgp_large_community.add(({a},{b},{c})); }};")
            }
            None => writeln!(routes, "  route {prefix} blackhole;"),
        };
    }
    let password = if side.has_md5_key { format!("  password \"{KEY}\";\n") } else { String::new() };
    let (interval, multiplier) = (side.bfd.interval_ms, side.bfd.multiplier);
    format!(
        "\n{family} table t_{name};\n\
         protocol static a_{name} {{\n  {family} {{ table t_{name}; }};\n{routes}}}\n\
         protocol pipe p_{name} {{ table master{number}; peer table t_{name}; import where source = RTS_BGP; export none; }}\n\
         protocol bgp s_{name} {{\n  \
         description \"{description}\";\n  \
         local {local} as {asn};\n  neighbor {remote} as {host};\n  local role {role};\n  direct; ttl security on;\n{password}  \
         bfd {{ min rx interval {interval} ms; min tx interval {interval} ms; multiplier {multiplier}; idle tx interval 200 ms; }};\n  \
         connect retry time 1; connect delay time 1;\n  \
         {family} {{\n    table t_{name};\n    import limit {limit} action restart;\n    \
         import filter {{ bgp_local_pref = {LOCAL_PREF}; accept; }};\n    \
         export filter {{ if source != RTS_STATIC then reject; accept; }};\n  }};\n}}\n",
        description = side.description(),
        local = session.local,
        asn = side.asn,
        remote = session.remote,
        host = side.host_asn,
        role = if side.is_route_server { "rs_server" } else { "peer" },
        limit = session.max_prefixes,
    )
}
