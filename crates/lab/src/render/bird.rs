//! BIRD 2's configuration, written whole and re-read by `birdc configure`, which leaves unchanged sessions alone.
//!
//! Each session has a routing table of its own: what is announced there is static and never reaches the kernel, what
//! is learned from the host goes on to the master table.

use crate::proto::{Announcement, PeerState, Session};
use crate::render::{
    IGP_BFD_MULTIPLIER, INTERCONNECT_LOCAL_PREF, community_parts, effective, local_asn, router_id,
};
use crate::topology::{Kind, Node, Topology};

/// The whole file.
pub(crate) fn config(topology: &Topology, node: &Node, state: &PeerState) -> String {
    let mut out = format!(
        "log stderr {{ info, warning, error, fatal, bug, auth }};\nrouter id {};\n\
         protocol device {{ scan time 5; }}\n\
         protocol kernel k4 {{ merge paths on limit 8; ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}\n\
         protocol kernel k6 {{ merge paths on limit 8; ipv6 {{ import none; export where source != RTS_DEVICE; }}; }}\n",
        router_id(node)
    );
    // Idle: while a session is down, BIRD offers a second between packets; shorter makes it come up sooner.
    let interval = topology.igp_bfd_interval_ms.max(10);
    out += &format!(
        "protocol bfd {{ interface \"*\" {{ interval {interval} ms; multiplier {IGP_BFD_MULTIPLIER}; idle tx interval 200 ms; }}; }}\n"
    );
    out += &ospf(topology, node);
    for other in topology.ibgp_mesh(node) {
        let (asn, own) = (other.asn.unwrap_or_default(), router_id(node));
        out += &format!(
            "protocol bgp ibgp_{} {{ local {own} as {asn}; neighbor {} as {asn}; hold time 30; {RETRIES}\n  \
             ipv4 {{ import all; export where source = RTS_BGP; next hop self; }};\n}}\n",
            other.name.replace('-', "_"),
            router_id(other),
        );
    }
    for session in &state.sessions {
        out += &session_config(node, session, &effective(state, session));
    }
    out
}

/// BIRD waits for a minute or more by default before it tries again.
const RETRIES: &str = "connect retry time 1; connect delay time 1; error wait time 1, 1; error forget time 1; startup hold time 5;";

fn ospf(topology: &Topology, node: &Node) -> String {
    if !topology.attachments(&node.name).any(|end| end.link.igp) {
        return String::new();
    }
    let mut interfaces = String::from("    interface \"lo\" { stub; };\n");
    for end in topology.attachments(&node.name) {
        let name = &end.here.interface;
        if topology.node(&end.there.node).is_some_and(|n| n.kind == Kind::Host) {
            interfaces += &format!("    interface \"{name}\" {{ stub; }};\n");
        } else if end.link.igp {
            let bfd = if topology.igp_bfd_interval_ms > 0 { " bfd on;" } else { "" };
            let cost = end.link.igp_cost;
            interfaces += &format!(
                "    interface \"{name}\" {{ type ptp; hello 1; dead count 4; retransmit 2; cost {cost};{bfd} }};\n"
            );
        }
    }
    // The default waits a second between two computations.
    format!(
        "protocol ospf v2 backbone {{\n  tick 1;\n  ipv4 {{ import all; export none; }};\n  area 0 {{\n{interfaces}  }};\n}}\n"
    )
}

fn session_config(node: &Node, session: &Session, announcements: &[&Announcement]) -> String {
    let name = session.name.replace('-', "_");
    let (family, master) =
        if session.local.addr().is_ipv4() { ("ipv4", "master4") } else { ("ipv6", "master6") };
    let routes: String = announcements.iter().map(|a| route(a)).collect();
    let next_hops: String = announcements
        .iter()
        .filter_map(|a| Some(format!("      if net = {} then bgp_next_hop = {};\n", a.prefix, a.next_hop?)))
        .collect();
    let mut options = String::new();
    if session.gtsm {
        options += " ttl security on;";
    }
    if let Some(key) = &session.md5 {
        options += &format!(" password \"{key}\";");
    }
    if let Some(bfd) = session.bfd {
        let (interval, multiplier) = (bfd.interval_ms, bfd.multiplier);
        options += &format!(
            " bfd {{ min rx interval {interval} ms; min tx interval {interval} ms; multiplier {multiplier}; idle tx interval 200 ms; }};"
        );
    }
    format!(
        "{family} table t_{name};\n\
         protocol static a_{name} {{\n  {family} {{ table t_{name}; }};\n{routes}}}\n\
         protocol pipe p_{name} {{ table {master}; peer table t_{name}; import where source = RTS_BGP; export none; }}\n\
         protocol bgp s_{name} {{\n  local {} as {}; neighbor {} as {}; direct; {RETRIES}{options}\n  \
         {family} {{\n    table t_{name};\n    import filter {{ bgp_local_pref = {INTERCONNECT_LOCAL_PREF}; accept; }};\n    \
         export filter {{\n      if source != RTS_STATIC then reject;\n{next_hops}      accept;\n    }};\n  }};\n}}\n",
        session.local.addr(),
        local_asn(node, session),
        session.remote,
        session.remote_asn,
    )
}

fn route(announcement: &Announcement) -> String {
    let mut attributes = String::new();
    for community in &announcement.communities {
        let parts: Vec<_> =
            community_parts(community).unwrap_or_default().iter().map(u32::to_string).collect();
        let attribute = if parts.len() == 3 { "bgp_large_community" } else { "bgp_community" };
        attributes += &format!(" {attribute}.add(({}));", parts.join(","));
    }
    for asn in announcement.as_path.iter().rev() {
        attributes += &format!(" bgp_path.prepend({asn});");
    }
    if let Some(med) = announcement.med {
        attributes += &format!(" bgp_med = {med};");
    }
    if attributes.is_empty() {
        format!("  route {} blackhole;\n", announcement.prefix)
    } else {
        format!("  route {} blackhole {{{attributes} }};\n", announcement.prefix)
    }
}

/// A BIRD that speaks BFD and nothing else, for daemons without BFD of their own.
pub(crate) fn bfd_only(node: &Node, state: &PeerState) -> String {
    let mut out =
        format!("log stderr all;\nrouter id {};\nprotocol device {{ scan time 5; }}\n", router_id(node));
    for session in &state.sessions {
        let (Some(bfd), Some(interface)) = (session.bfd, &session.interface) else {
            continue;
        };
        out += &format!(
            "protocol bfd b_{} {{\n  interface \"{interface}\" {{ interval {} ms; multiplier {}; idle tx interval 200 ms; }};\n  \
             neighbor {} dev \"{interface}\" local {};\n}}\n",
            session.name.replace('-', "_"),
            bfd.interval_ms,
            bfd.multiplier,
            session.remote,
            session.local.addr(),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{lab, state};

    #[test]
    fn a_session_has_a_table_of_its_own_and_exports_only_what_is_announced() {
        let lab = lab();
        insta::assert_snapshot!(config(&lab, lab.node("tel-ams-1").unwrap(), &state()));
    }

    #[test]
    fn without_sessions_only_the_providers_inside_is_configured() {
        let lab = lab();
        let text = config(&lab, lab.node("tel-ams-1").unwrap(), &PeerState::default());
        assert!(text.contains("protocol bgp ibgp_tel_core"));
        assert!(!text.contains("64500"), "{text}");
    }

    #[test]
    fn bfd_for_a_daemon_without_it_names_interface_and_neighbour() {
        let lab = lab();
        let text = bfd_only(lab.node("tel-ams-1").unwrap(), &state());
        assert!(text.contains("neighbor 198.18.192.1 dev \"lag1\" local 198.18.192.0;"), "{text}");
        assert!(!text.contains("bgp"));
    }
}
