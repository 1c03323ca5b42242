//! GoBGP: one daemon per session, so that each announces with attributes of its own. A configuration file starts it,
//! `gobgp global rib` commands announce and withdraw.

use crate::proto::{Announcement, Session};
use crate::render::{community_parts, local_asn, router_id};
use crate::topology::Node;

/// The configuration file of a session's daemon.
pub(crate) fn config(node: &Node, session: &Session) -> String {
    let family = if session.local.addr().is_ipv4() { "ipv4-unicast" } else { "ipv6-unicast" };
    let own = local_asn(node, session);
    let mut out = format!(
        "[global.config]\n  as = {own}\n  router-id = \"{}\"\n  local-address-list = [\"{}\"]\n\
         [[neighbors]]\n  [neighbors.config]\n    neighbor-address = \"{}\"\n    peer-as = {}\n",
        router_id(node),
        session.local.addr(),
        session.remote,
        session.remote_asn,
    );
    if let Some(key) = &session.md5 {
        out += &format!("    auth-password = \"{key}\"\n");
    }
    out += &format!(
        "  [neighbors.timers.config]\n    connect-retry = 1\n    idle-hold-time-after-reset = 1\n    hold-time = 30\n    keepalive-interval = 10\n\
         \x20 [neighbors.transport.config]\n    local-address = \"{}\"\n",
        session.local.addr()
    );
    if session.gtsm {
        out += "  [neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255\n";
    }
    out + &format!(
        "  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = \"{family}\"\n"
    )
}

/// Arguments of `gobgp` that announce (`add`) or withdraw (`del`) a prefix.
pub(crate) fn rib(verb: &str, announcement: &Announcement) -> Vec<String> {
    let family = if announcement.prefix.addr().is_ipv4() { "ipv4" } else { "ipv6" };
    let mut words = vec!["global".into(), "rib".into(), verb.into(), announcement.prefix.to_string()];
    if verb == "add" {
        words.extend(["origin".into(), "igp".into()]);
        if let Some(next_hop) = announcement.next_hop {
            words.extend(["nexthop".into(), next_hop.to_string()]);
        }
        if !announcement.as_path.is_empty() {
            let path: Vec<_> = announcement.as_path.iter().map(u32::to_string).collect();
            words.extend(["aspath".into(), path.join(" ")]);
        }
        for (word, length) in [("community", 2), ("large-community", 3)] {
            let of_length = |c: &&String| community_parts(c).is_ok_and(|parts| parts.len() == length);
            let communities: Vec<_> = announcement.communities.iter().filter(of_length).cloned().collect();
            if !communities.is_empty() {
                words.extend([word.into(), communities.join(",")]);
            }
        }
        if let Some(med) = announcement.med {
            words.extend(["med".into(), med.to_string()]);
        }
    }
    words.extend(["-a".into(), family.into()]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{lab, session, state};

    #[test]
    fn a_session_listens_on_its_own_address() {
        let lab = lab();
        insta::assert_snapshot!(config(lab.node("tel-ams-1").unwrap(), &session()));
    }

    #[test]
    fn an_announcement_carries_its_attributes_and_a_withdrawal_only_the_prefix() {
        let state = state();
        let odd = state.on_one["conn-1"].values().flatten().next().unwrap();
        assert_eq!(
            rib("add", odd).join(" "),
            "global rib add 198.19.20.0/25 origin igp nexthop 198.18.192.0 aspath 65001 65002 large-community 64500:1:2 med 7 -a ipv4"
        );
        assert_eq!(rib("del", odd).join(" "), "global rib del 198.19.20.0/25 -a ipv4");
    }
}
