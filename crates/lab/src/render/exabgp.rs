//! ExaBGP's configuration: one file for all sessions, re-read on SIGUSR1, which leaves unchanged sessions alone.

use crate::proto::{Announcement, PeerState, Session};
use crate::render::{community_parts, effective, local_asn, router_id};
use crate::topology::Node;

/// The whole file.
pub(crate) fn config(node: &Node, state: &PeerState) -> String {
    state.sessions.iter().map(|session| neighbor(node, session, &effective(state, session))).collect()
}

fn neighbor(node: &Node, session: &Session, announcements: &[&Announcement]) -> String {
    let family = if session.local.addr().is_ipv4() { "ipv4" } else { "ipv6" };
    let own = local_asn(node, session);
    let mut options = String::new();
    if session.gtsm {
        options += "  outgoing-ttl 255;\n  incoming-ttl 255;\n";
    }
    if let Some(key) = &session.md5 {
        options += &format!("  md5-password \"{key}\";\n");
    }
    let routes: String = announcements.iter().map(|a| route(own, a)).collect();
    format!(
        "neighbor {} {{\n  router-id {};\n  local-address {};\n  local-as {own};\n  peer-as {};\n{options}  \
         family {{ {family} unicast; }}\n  announce {{\n    {family} {{\n{routes}    }}\n  }}\n}}\n",
        session.remote,
        router_id(node),
        session.local.addr(),
        session.remote_asn,
    )
}

fn route(own: u32, announcement: &Announcement) -> String {
    let next_hop = announcement.next_hop.map_or("self".to_string(), |address| address.to_string());
    let mut text = format!("      unicast {} next-hop {next_hop}", announcement.prefix);
    // A path that is given is sent as it stands: the own AS isn't put in front.
    let path: Vec<_> = std::iter::once(&own).chain(&announcement.as_path).map(u32::to_string).collect();
    text += &format!(" as-path [ {} ]", path.join(" "));
    for (word, length) in [("community", 2), ("large-community", 3)] {
        let of_length = |c: &&String| community_parts(c).is_ok_and(|parts| parts.len() == length);
        let communities: Vec<_> = announcement.communities.iter().filter(of_length).cloned().collect();
        if !communities.is_empty() {
            text += &format!(" {word} [ {} ]", communities.join(" "));
        }
    }
    if let Some(med) = announcement.med {
        text += &format!(" med {med}");
    }
    text + ";\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{lab, state};

    #[test]
    fn every_session_is_a_neighbour_with_its_announcements() {
        let lab = lab();
        insta::assert_snapshot!(config(lab.node("tel-ams-1").unwrap(), &state()));
    }
}
