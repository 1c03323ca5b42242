//! What can be wrong with a topology: every violation is found, none stops the search. Reads only.

use std::collections::BTreeMap;

use crate::topology::{Kind, Node, Role, Topology};

/// Linux limits interface names to 15 bytes (`IFNAMSIZ` less the terminator).
pub(crate) const INTERFACE_NAME_MAX: usize = 15;
/// More nodes than this don't fit the lab's memory bounds.
const NODES_MAX: usize = 100;
/// Interfaces that the lab or Open vSwitch makes by itself.
const RESERVED_INTERFACES: [&str; 3] = ["lo", "mgmt0", "ovs-netdev"];

/// Every violation, as a sentence that names its place.
pub(crate) fn errors(topology: &Topology) -> Vec<String> {
    let mut errors = Vec::new();
    if topology.nodes.is_empty() {
        errors.push("there is no [[node]]".to_string());
    }
    if topology.nodes.len() > NODES_MAX {
        errors.push(format!("{} nodes: at most {NODES_MAX} are supported", topology.nodes.len()));
    }
    let mut seen = BTreeMap::new();
    for node in &topology.nodes {
        if seen.insert(node.name.as_str(), ()).is_some() {
            errors.push(format!("node '{}' is there twice", node.name));
        }
        check_node(topology, node, &mut errors);
    }
    check_loopbacks(topology, &mut errors);
    check_interfaces(topology, &mut errors);
    check_links(topology, &mut errors);
    errors
}

/// Whether a name can be a namespace, a directory and a socket path at once.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn check_node(topology: &Topology, node: &Node, errors: &mut Vec<String>) {
    let name = &node.name;
    if !is_name(name) {
        errors.push(format!(
            "node '{name}': names are 1 to 32 of a-z, 0-9 and '-', starting with a letter or digit"
        ));
    }
    if ["log", "panel"].contains(&name.as_str()) {
        errors.push(format!("node '{name}': the name is taken by the lab itself"));
    }
    if (node.kind == Kind::Frr) != node.role.is_some() {
        errors.push(format!(
            "node '{name}': a role (edge, core, transit, peer) is for kind frr, which needs one"
        ));
    }
    if let Some(version) = &node.frr
        && (node.kind != Kind::Frr || !is_version(version))
    {
        errors.push(format!("node '{name}': frr is for kind frr, and a version such as \"10.3\""));
    }
    if node.is_router() {
        if node.asn.is_none_or(|asn| asn == 0) {
            errors.push(format!("node '{name}': a router needs an asn"));
        }
        if node.loopback.is_none() {
            errors.push(format!("node '{name}': a router needs a loopback"));
        }
    } else if node.asn.is_some() || node.loopback.is_some() || !node.ports.is_empty() {
        errors.push(format!("node '{name}': asn, loopback and ports are for routers"));
    }
    if !node.originate.is_empty() && !matches!(node.role, Some(Role::Core | Role::Transit)) {
        errors.push(format!("node '{name}': originate is for the roles core and transit"));
    }
    if node.kind == Kind::Host && topology.attachments(name).count() != 1 {
        errors.push(format!("node '{name}': a host needs exactly one link, for its default route"));
    }
    check_management(topology, node, errors);
}

/// A major and a minor version.
fn is_version(text: &str) -> bool {
    text.split('.').count() == 2 && text.split('.').all(|number| number.parse::<u8>().is_ok())
}

fn check_management(topology: &Topology, node: &Node, errors: &mut Vec<String>) {
    let name = &node.name;
    match (&node.site, node.kind) {
        (Some(_), Kind::Host | Kind::Site) => errors.push(format!("node '{name}': site is for routers")),
        (Some(site), _) => match topology.node(site) {
            Some(other) if other.kind == Kind::Site => {
                if let (Some(mine), Some(theirs)) = (node.mgmt, other.mgmt)
                    && !theirs.trunc().contains(&mine.addr())
                {
                    errors.push(format!(
                        "node '{name}': mgmt {mine} isn't in {} of site '{site}'",
                        theirs.trunc()
                    ));
                }
            }
            _ => errors.push(format!("node '{name}': there is no site '{site}'")),
        },
        (None, _) => {}
    }
    let wants_mgmt = node.kind == Kind::Site || node.site.is_some();
    if wants_mgmt != node.mgmt.is_some() {
        errors.push(format!("node '{name}': mgmt is for sites and for routers with a site, which need one"));
    }
}

fn check_loopbacks(topology: &Topology, errors: &mut Vec<String>) {
    let mut owners = BTreeMap::new();
    let loopbacks = topology.nodes.iter().filter_map(|n| Some((n.loopback?, &n.name)));
    let addresses = topology
        .links
        .iter()
        .filter_map(|link| Some((link.addresses()?, link)))
        .flat_map(|((a, b), link)| [(a.addr(), &link.a.node), (b.addr(), &link.b.node)]);
    for (address, name) in loopbacks.chain(addresses) {
        if let Some(other) = owners.insert(address, name) {
            errors.push(format!("address {address} is on '{other}' and on '{name}'"));
        }
    }
}

fn check_interfaces(topology: &Topology, errors: &mut Vec<String>) {
    let mut seen = BTreeMap::new();
    let ports = topology.nodes.iter().flat_map(|n| n.ports.iter().map(|p| (n.name.as_str(), p.as_str())));
    let ends = topology
        .links
        .iter()
        .flat_map(|l| [&l.a, &l.b])
        .map(|end| (end.node.as_str(), end.interface.as_str()));
    for (node, interface) in ports.chain(ends) {
        if !is_name(interface) || interface.len() > INTERFACE_NAME_MAX {
            errors.push(format!(
                "{node}:{interface}: interface names are at most {INTERFACE_NAME_MAX} of a-z, 0-9 and '-'"
            ));
        }
        if RESERVED_INTERFACES.contains(&interface) || interface.starts_with("lag") {
            errors.push(format!("{node}:{interface}: the name is reserved (lo, mgmt0, ovs-netdev, lag…)"));
        }
        if seen.insert((node, interface), ()).is_some() {
            errors.push(format!("{node}:{interface} is used twice"));
        }
    }
}

fn check_links(topology: &Topology, errors: &mut Vec<String>) {
    for link in &topology.links {
        let place = format!("link {} - {}", link.a, link.b);
        for end in [&link.a, &link.b] {
            match topology.node(&end.node) {
                None => errors.push(format!("{place}: there is no node '{}'", end.node)),
                Some(node) if node.kind == Kind::Site => {
                    errors.push(format!("{place}: a site is linked by its routers' mgmt only"));
                }
                Some(_) => {}
            }
        }
        if link.a.node == link.b.node {
            errors.push(format!("{place}: both ends are on the same node"));
        }
        match link.addresses() {
            None => errors.push(format!("{place}: give either net (a /31) or a_address and b_address")),
            Some((a, b)) if a.trunc() != b.trunc() => {
                errors.push(format!("{place}: {a} and {b} aren't in the same subnet"));
            }
            Some(_) => {}
        }
        let asn = |name: &str| topology.node(name).and_then(|node| node.asn);
        let (asn_a, asn_b) = (asn(&link.a.node), asn(&link.b.node));
        if link.igp && (asn_a.is_none() || asn_a != asn_b) {
            errors.push(format!("{place}: igp is for two routers of the same asn"));
        }
        if link.bgp && (asn_a.is_none() || asn_b.is_none() || asn_a == asn_b) {
            errors.push(format!("{place}: bgp is for two routers of different asns"));
        }
        if link.igp_cost == 0 {
            errors.push(format!("{place}: igp_cost is 1 to 65535"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::topology::{Topology, TopologyError};

    fn errors_of(text: &str) -> Vec<String> {
        match Topology::parse(text) {
            Err(TopologyError::Invalid(errors)) => errors,
            other => panic!("expected violations, got {other:?}"),
        }
    }

    #[test]
    fn every_violation_is_reported_at_once() {
        let errors = errors_of(
            r#"
            name = "bad"
            [[node]]
            name = "Upper"
            kind = "frr"
            [[node]]
            name = "alone"
            kind = "host"
            [[node]]
            name = "b1"
            kind = "bird"
            frr = "new"
            role = "core"
            asn = 64510
            loopback = "198.19.255.1"
            ports = ["et1", "et1", "lo", "a-very-long-interface"]
            site = "nowhere"
            [[link]]
            a = "b1:x"
            b = "ghost:y"
            igp = true
            bgp = true
            "#,
        );
        for wanted in [
            "node 'Upper': names are",
            "node 'Upper': a role",
            "node 'Upper': a router needs an asn",
            "node 'Upper': a router needs a loopback",
            "node 'alone': a host needs exactly one link",
            "node 'b1': a role",
            "node 'b1': there is no site 'nowhere'",
            "node 'b1': mgmt is for",
            "node 'b1': frr is for kind frr",
            "b1:et1 is used twice",
            "b1:lo: the name is reserved",
            "b1:a-very-long-interface: interface names",
            "there is no node 'ghost'",
            "give either net (a /31)",
            "igp is for two routers",
            "bgp is for two routers",
        ] {
            assert!(errors.iter().any(|e| e.contains(wanted)), "missing '{wanted}' in {errors:#?}");
        }
    }

    #[test]
    fn an_address_used_twice_names_both_owners() {
        let errors = errors_of(
            r#"
            name = "bad"
            [[node]]
            name = "r1"
            kind = "bird"
            asn = 64510
            loopback = "198.19.255.1"
            [[node]]
            name = "r2"
            kind = "bird"
            asn = 64510
            loopback = "198.19.255.1"
            "#,
        );
        assert_eq!(errors, ["address 198.19.255.1 is on 'r1' and on 'r2'"]);
    }

    #[test]
    fn a_management_address_outside_of_the_sites_network_is_refused() {
        let errors = errors_of(
            r#"
            name = "bad"
            [[node]]
            name = "site"
            kind = "site"
            mgmt = "192.0.2.1/25"
            [[node]]
            name = "r1"
            kind = "frr"
            role = "edge"
            asn = 64500
            loopback = "198.18.255.1"
            site = "site"
            mgmt = "192.0.2.200/25"
            "#,
        );
        assert_eq!(errors, ["node 'r1': mgmt 192.0.2.200/25 isn't in 192.0.2.0/25 of site 'site'"]);
    }

    #[test]
    fn unknown_fields_are_refused_with_their_name() {
        let error = Topology::parse("name = \"x\"\nnode = []\nspeed = 3").unwrap_err();
        let TopologyError::Syntax(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("speed"), "{error}");
    }
}
