//! FRR's configuration: of every role at the start, and of a peer's router as sessions and announcements come.
//!
//! FRR 8.4 takes a neighbour with `ttl-security` for a multihop one, whose BFD would then be multihop too and never
//! meet the other side's; `no … ebgp-multihop` right after it keeps GTSM and makes BFD single-hop again.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::proto::{Announcement, Bfd, PeerState, Session};
use crate::render::frr_config::{Config, MARK};
use crate::render::{
    IGP_BFD_MULTIPLIER, INTERCONNECT_LOCAL_PREF, community_parts, effective, local_asn, router_id,
    stable_hash,
};
use crate::topology::{Kind, Node, Role, Topology};

const V4: &str = "address-family ipv4 unicast";
const V6: &str = "address-family ipv6 unicast";

/// The whole configuration of a router.
pub(crate) fn config(topology: &Topology, node: &Node, state: &PeerState) -> Config {
    let mut config = Config::default();
    config.line(&[], format!("hostname {}", node.name));
    // As many changes may wait for the kernel: by default 200, and with more zebra spins until there are fewer.
    config.line(&[], "zebra dplane limit 10000");
    bfd(topology, state, &mut config);
    ospf(topology, node, &mut config);
    policies(node, state, &mut config);
    let bgp = format!("router bgp {}", node.asn.unwrap_or_default());
    config.line(&[&bgp], format!("bgp router-id {}", router_id(node)));
    config.line(&[&bgp], "no bgp default ipv4-unicast");
    if node.bgp_is_ours() {
        bgp_of_ours(topology, node, state, &bgp, &mut config);
    }
    config
}

fn bfd(topology: &Topology, state: &PeerState, config: &mut Config) {
    let igp = Bfd { interval_ms: topology.igp_bfd_interval_ms, multiplier: IGP_BFD_MULTIPLIER };
    let igp = (igp.interval_ms > 0).then_some(("igp".to_string(), igp));
    let sessions = state.sessions.iter().filter_map(|s| Some((s.name.clone(), s.bfd?)));
    for (name, bfd) in igp.into_iter().chain(sessions) {
        let profile = format!("profile {name}");
        config.line(&["bfd", &profile], format!("detect-multiplier {}", bfd.multiplier));
        config.line(&["bfd", &profile], format!("receive-interval {}", bfd.interval_ms));
        config.line(&["bfd", &profile], format!("transmit-interval {}", bfd.interval_ms));
    }
}

fn ospf(topology: &Topology, node: &Node, config: &mut Config) {
    if !topology.attachments(&node.name).any(|end| end.link.igp) {
        return;
    }
    config.line(&["interface lo"], "ip ospf area 0");
    for end in topology.attachments(&node.name) {
        let interface = format!("interface {}", end.here.interface);
        let to_host = topology.node(&end.there.node).is_some_and(|n| n.kind == Kind::Host);
        if to_host {
            config.line(&[&interface], "ip ospf area 0");
            config.line(&[&interface], "ip ospf passive");
        } else if end.link.igp {
            config.line(&[&interface], "ip ospf area 0");
            config.line(&[&interface], "ip ospf network point-to-point");
            config.line(&[&interface], "ip ospf hello-interval 1");
            config.line(&[&interface], "ip ospf dead-interval 4");
            config.line(&[&interface], "ip ospf retransmit-interval 2");
            config.line(&[&interface], format!("ip ospf cost {}", end.link.igp_cost));
            if topology.igp_bfd_interval_ms > 0 {
                config.line(&[&interface], "ip ospf bfd");
                config.line(&[&interface], "ip ospf bfd profile igp");
            }
        }
    }
    let ospf = ["router ospf"];
    config.line(&ospf, format!("ospf router-id {}", router_id(node)));
    // React at once: the defaults wait for seconds between two computations or two versions of an LSA.
    config.line(&ospf, "timers throttle spf 0 20 500");
    config.line(&ospf, "timers throttle lsa all 0");
    config.line(&ospf, "timers lsa min-arrival 0");
}

/// What passes between neighbours, but for sessions.
fn policies(node: &Node, state: &PeerState, config: &mut Config) {
    if node.role == Some(Role::Core) || node.role == Some(Role::Peer) {
        config.line(&[], "bgp as-path access-list OWN seq 5 permit ^$");
    }
    if node.role == Some(Role::Core) {
        config.line(&["route-map OWN permit 10"], "match as-path OWN");
    }
    if node.role == Some(Role::Peer) {
        // What is announced to the host is kept out of iBGP: inside, the IGP knows better where it is.
        config.line(&["route-map IBGP deny 10"], "match as-path OWN");
        config.line(&["route-map IBGP permit 20"], MARK);
        config.line(&["route-map HOST permit 10"], format!("set local-preference {INTERCONNECT_LOCAL_PREF}"));
    }
    export_policies(state, config);
}

/// What is announced of one prefix on which session. Prefixes of the same class are told from others by a tag that they
/// get when they are originated: prefix lists of ten thousand entries take FRR minutes to load.
type Class = BTreeMap<String, Announcement>;

/// The class of every announced prefix.
fn classes(state: &PeerState) -> BTreeMap<IpNet, Class> {
    let mut classes: BTreeMap<IpNet, Class> = BTreeMap::new();
    for session in &state.sessions {
        for announcement in effective(state, session) {
            let attributes = Announcement { prefix: IpNet::default(), ..announcement.clone() };
            classes.entry(announcement.prefix).or_default().insert(session.name.clone(), attributes);
        }
    }
    classes
}

/// A number that stays the same for the same class, so that a new class changes nothing about the others.
fn tag(class: &Class) -> u32 {
    stable_hash(&format!("{class:?}")) as u32
}

/// Each class's tag; and for each session, which classes leave by it and with what attributes. Nothing else leaves.
fn export_policies(state: &PeerState, config: &mut Config) {
    let classes: BTreeMap<u32, Class> =
        classes(state).into_values().map(|class| (tag(&class), class)).collect();
    for tag in classes.keys() {
        config.line(&[], format!("bgp large-community-list standard C-{tag} seq 5 permit 0:0:{tag}"));
        config.line(&[&format!("route-map C-{tag} permit 10")], format!("set large-community 0:0:{tag}"));
    }
    for session in &state.sessions {
        let leaving = classes.iter().filter_map(|(tag, class)| Some((tag, class.get(&session.name)?)));
        for (index, (tag, attributes)) in leaving.enumerate() {
            let entry = format!("route-map TO-{} permit {}", session.name, (index + 1) * 10);
            config.line(&[&entry], format!("match large-community C-{tag}"));
            for set in sets(attributes) {
                config.line(&[&entry], set);
            }
        }
        config.line(&[&format!("route-map TO-{} deny 65535", session.name)], MARK);
    }
}

fn sets(attributes: &Announcement) -> Vec<String> {
    let of_length = |length: usize| -> Vec<&str> {
        let communities = attributes.communities.iter().map(String::as_str);
        communities.filter(|text| community_parts(text).is_ok_and(|parts| parts.len() == length)).collect()
    };
    let mut sets = Vec::new();
    if let communities @ [_, ..] = &of_length(2)[..] {
        sets.push(format!("set community {}", communities.join(" ")));
    }
    // The tag is overwritten, or taken away.
    match &of_length(3)[..] {
        [] => sets.push("set large-community none".into()),
        communities => sets.push(format!("set large-community {}", communities.join(" "))),
    }
    if !attributes.as_path.is_empty() {
        let path: Vec<_> = attributes.as_path.iter().map(u32::to_string).collect();
        sets.push(format!("set as-path prepend {}", path.join(" ")));
    }
    if let Some(med) = attributes.med {
        sets.push(format!("set metric {med}"));
    }
    match attributes.next_hop {
        Some(next_hop) if next_hop.is_ipv4() => sets.push(format!("set ip next-hop {next_hop}")),
        Some(next_hop) => sets.push(format!("set ipv6 next-hop global {next_hop}")),
        None => {}
    }
    sets
}

fn bgp_of_ours(topology: &Topology, node: &Node, state: &PeerState, bgp: &str, config: &mut Config) {
    for line in
        ["no bgp ebgp-requires-policy", "no bgp network import-check", "bgp bestpath as-path multipath-relax"]
    {
        config.line(&[bgp], line);
    }
    config.line(&[bgp], "coalesce-time 0");
    config.line(&[bgp], "timers bgp 10 30");
    for other in topology.ibgp_mesh(node) {
        let address = router_id(other);
        config.line(&[bgp], format!("neighbor {address} remote-as {}", other.asn.unwrap_or_default()));
        config.line(&[bgp], format!("neighbor {address} update-source lo"));
        config.line(&[bgp], format!("neighbor {address} timers connect 1"));
    }
    let externals: Vec<_> = topology.attachments(&node.name).filter(|end| end.link.bgp).collect();
    for end in &externals {
        let (address, other) = (end.far_address.addr(), topology.node(&end.there.node));
        config.line(
            &[bgp],
            format!("neighbor {address} remote-as {}", other.and_then(|n| n.asn).unwrap_or_default()),
        );
        config.line(&[bgp], format!("neighbor {address} timers connect 1"));
    }
    for session in &state.sessions {
        session_neighbor(node, session, bgp, config);
    }
    for prefix in &node.originate {
        config.line(&[bgp, V4], format!("network {prefix}"));
    }
    announced_networks(state, bgp, config);
    for other in topology.ibgp_mesh(node) {
        let address = router_id(other);
        config.line(&[bgp, V4], format!("neighbor {address} activate"));
        config.line(&[bgp, V4], format!("neighbor {address} next-hop-self"));
        if node.role == Some(Role::Peer) {
            config.line(&[bgp, V4], format!("neighbor {address} route-map IBGP out"));
        }
    }
    for end in &externals {
        let address = end.far_address.addr();
        config.line(&[bgp, V4], format!("neighbor {address} activate"));
        if node.role == Some(Role::Core) {
            config.line(&[bgp, V4], format!("neighbor {address} route-map OWN out"));
        }
    }
    config.line(&[bgp, V4], "maximum-paths 8");
    config.line(&[bgp, V4], "maximum-paths ibgp 4");
    for session in &state.sessions {
        let (address, family) = (session.remote, if session.remote.is_ipv4() { V4 } else { V6 });
        config.line(&[bgp, family], format!("neighbor {address} activate"));
        config.line(&[bgp, family], format!("neighbor {address} soft-reconfiguration inbound"));
        config.line(&[bgp, family], format!("neighbor {address} route-map HOST in"));
        config.line(&[bgp, family], format!("neighbor {address} route-map TO-{} out", session.name));
    }
}

fn session_neighbor(node: &Node, session: &Session, bgp: &str, config: &mut Config) {
    let address = session.remote;
    config.line(&[bgp], format!("neighbor {address} remote-as {}", session.remote_asn));
    if local_asn(node, session) != node.asn.unwrap_or_default() {
        let own = local_asn(node, session);
        config.line(&[bgp], format!("neighbor {address} local-as {own} no-prepend replace-as"));
    }
    config.line(&[bgp], format!("neighbor {address} timers connect 1"));
    if session.gtsm {
        config.line(&[bgp], format!("neighbor {address} ttl-security hops 1"));
        config.line(&[bgp], format!("no neighbor {address} ebgp-multihop"));
    }
    if let Some(key) = &session.md5 {
        config.line(&[bgp], format!("neighbor {address} password {key}"));
    }
    if session.bfd.is_some() {
        config.line(&[bgp], format!("neighbor {address} bfd"));
        config.line(&[bgp], format!("neighbor {address} bfd profile {}", session.name));
    }
}

fn announced_networks(state: &PeerState, bgp: &str, config: &mut Config) {
    for (prefix, class) in classes(state) {
        let family = if prefix.addr().is_ipv4() { V4 } else { V6 };
        config.line(&[bgp, family], format!("network {prefix} route-map C-{}", tag(&class)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{lab, state};

    fn text(node: &str, state: &PeerState) -> String {
        let lab = lab();
        config(&lab, lab.node(node).unwrap(), state).text()
    }

    #[test]
    fn an_edge_of_the_host_starts_without_any_bgp_neighbour() {
        let text = text("ams1-er1", &PeerState::default());
        assert!(text.contains("hostname ams1-er1\n"));
        assert!(text.contains(
            "router bgp 64500\n bgp router-id 198.18.255.11\n no bgp default ipv4-unicast\nexit\n"
        ));
        assert!(text.contains("interface to-cr1\n ip ospf area 0\n"));
        assert!(!text.contains("neighbor"), "{text}");
        assert!(!text.contains("interface transit"), "{text}");
    }

    #[test]
    fn a_core_speaks_ibgp_with_every_router_of_its_as_and_carries_the_media_lan() {
        let text = text("ams1-cr1", &PeerState::default());
        for neighbor in ["198.18.255.2", "198.18.255.11", "198.18.255.12", "198.18.255.21", "198.18.255.22"] {
            assert!(text.contains(&format!("neighbor {neighbor} remote-as 64500")), "{text}");
        }
        assert!(text.contains("maximum-paths ibgp 4"));
        assert!(text.contains("interface media\n ip ospf area 0\n ip ospf passive\nexit\n"));
    }

    #[test]
    fn the_providers_core_sends_only_its_own_prefixes_to_the_internet() {
        let text = text("tel-core", &PeerState::default());
        assert!(text.contains("network 198.19.10.0/24"));
        assert!(text.contains("neighbor 198.19.250.1 route-map OWN out"));
        assert!(text.contains("route-map OWN permit 10\n match as-path OWN\nexit\n"));
    }

    #[test]
    fn a_peers_session_exports_what_is_announced_and_nothing_else() {
        let text = text("tel-ams-2", &state());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn other_attributes_for_a_prefix_do_not_withdraw_it_first() {
        let lab = lab();
        let node = lab.node("tel-ams-2").unwrap();
        let mut other = state();
        other.on_all.values_mut().for_each(|announcement| announcement.communities.clear());
        let delta = config(&lab, node, &other).delta(&config(&lab, node, &state()));
        assert!(delta.contains("network 198.19.10.0/24 route-map C-"), "{delta}");
        assert!(!delta.contains("no network"), "{delta}");
    }

    #[test]
    fn announcing_one_prefix_more_touches_no_neighbour() {
        let lab = lab();
        let node = lab.node("tel-ams-2").unwrap();
        let mut more = state();
        let extra = Announcement::of("198.19.30.0/24".parse().unwrap()).with_community("8075:8007");
        more.on_all.insert(extra.prefix, extra);
        let delta = config(&lab, node, &more).delta(&config(&lab, node, &state()));
        assert!(delta.contains("network 198.19.30.0/24"), "{delta}");
        assert!(
            !delta.contains("neighbor") && !delta.contains("route-map T") && !delta.contains("no "),
            "{delta}"
        );
    }
}
