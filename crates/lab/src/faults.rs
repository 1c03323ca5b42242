//! Breaking things and mending them. A fault is remembered with what it takes to undo it; nothing is mended by itself.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{bail, ensure};

use crate::panel::Panel;
use crate::peer::{Peers, World};
use crate::proto::{Fault, FaultInForce};
use crate::topology::{Endpoint, Kind};
use crate::{construct, ovs, sys};

/// Faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    in_force: Vec<FaultInForce>,
    last_id: u32,
}

/// What breaking and mending work on.
pub(crate) struct Site<'a, 'b> {
    /// Topology, state and processes.
    pub world: &'a mut World<'b>,
    /// The patch panel.
    pub panel: &'a Panel,
    /// The peer routers.
    pub peers: &'a mut Peers,
    /// The lab's own program, for responders.
    pub exe: &'a Path,
}

impl Faults {
    /// The faults in force.
    pub(crate) fn in_force(&self) -> &[FaultInForce] {
        &self.in_force
    }

    /// Breaks something; gives the id to mend it by.
    pub(crate) fn inject(&mut self, site: &mut Site, fault: Fault) -> anyhow::Result<u32> {
        if let Some(same) = self.in_force.iter().find(|f| f.fault == fault) {
            bail!("this fault is in force already, as number {}", same.id);
        }
        let since_ms = now_ms();
        apply(site, &fault, true)?;
        self.last_id += 1;
        self.in_force.push(FaultInForce { id: self.last_id, fault, since_ms });
        Ok(self.last_id)
    }

    /// Mends one fault, or all, the latest first.
    pub(crate) fn mend(&mut self, site: &mut Site, id: Option<u32>) -> anyhow::Result<()> {
        if let Some(id) = id {
            ensure!(self.in_force.iter().any(|f| f.id == id), "no fault number {id} is in force");
        }
        let chosen: Vec<_> =
            self.in_force.iter().rev().filter(|f| id.is_none_or(|id| f.id == id)).cloned().collect();
        for fault in chosen {
            self.in_force.retain(|f| f.id != fault.id);
            let mended = apply(site, &fault.fault, false);
            // What another fault broke too stays broken.
            let rest: Vec<_> = self.in_force.iter().map(|f| f.fault.clone()).collect();
            for other in rest.iter().filter(|other| is_about_light(other)) {
                apply(site, other, true)?;
            }
            mended?;
        }
        Ok(())
    }
}

fn is_about_light(fault: &Fault) -> bool {
    matches!(fault, Fault::CutMember { .. } | Fault::CutLag { .. } | Fault::CutSite { .. })
}

fn apply(site: &mut Site, fault: &Fault, broken: bool) -> anyhow::Result<()> {
    match fault {
        Fault::CutMember { port } => {
            let is_dark = site.panel.has(port) && site.panel.other_end(port).is_none();
            ensure!(!(broken && is_dark), "{port} has no cable, it is dark already");
            light(site, std::slice::from_ref(port), !broken)
        }
        Fault::CutLag { node, lag } => light(site, &lag_members(site, node, lag)?, !broken),
        Fault::CutSite { site: name } => {
            let mut ports = Vec::new();
            for node in routers(site, name)? {
                ports.extend(interfaces(site, &node)?.into_iter().filter(|port| site.panel.has(port)));
            }
            light(site, &ports, !broken)
        }
        Fault::Silent { node, session } => silent(site, node, session, broken),
        Fault::KillDaemon { node, daemon } if broken => {
            let known = site.world.daemons.names(node).join(", ");
            ensure!(
                site.world.daemons.is_alive(node, daemon),
                "no '{daemon}' runs in {node}; it has: {known}"
            );
            site.world.daemons.signal(node, daemon, "KILL")
        }
        Fault::KillDaemon { node, .. } => revive(site, node),
        Fault::KillRouter { node } => {
            let router = site.world.topology.node(node).is_some_and(|n| n.is_router());
            ensure!(router, "'{node}' is no router");
            power(site, std::slice::from_ref(node), !broken)
        }
        Fault::KillSite { site: name } => power(site, &routers(site, name)?, !broken),
    }
}

/// Light on or off at both ends, at once: of ports by their cables, of permanent links by their own end.
fn light(site: &Site, ports: &[Endpoint], on: bool) -> anyhow::Result<()> {
    let (ports, links): (Vec<_>, Vec<_>) = ports.iter().cloned().partition(|port| site.panel.has(port));
    site.panel.light(&ports, on)?;
    let state = if on { "up" } else { "down" };
    for link in links {
        let known = site.world.topology.attachments(&link.node).any(|end| *end.here == link);
        ensure!(known, "there is no port or link {link}");
        sys::ip_batch(Some(&link.node), &[format!("link set {} {state}", link.interface)])?;
    }
    Ok(())
}

fn lag_members(site: &Site, node: &str, lag: &str) -> anyhow::Result<Vec<Endpoint>> {
    let lag = site.peers.interface_of(node, lag).map_or(lag.to_string(), |(interface, _)| interface);
    let members = ovs::members(site.world.state_dir, node, &lag)?;
    Ok(members.into_iter().map(|interface| Endpoint { node: node.into(), interface }).collect())
}

/// The routers of a site.
fn routers(site: &Site, name: &str) -> anyhow::Result<Vec<String>> {
    let nodes = site.world.topology.nodes.iter().filter(|node| node.site.as_deref() == Some(name));
    let names: Vec<_> = nodes.map(|node| node.name.clone()).collect();
    ensure!(!names.is_empty(), "there is no site '{name}' with routers");
    Ok(names)
}

fn silent(site: &Site, node: &str, session: &str, broken: bool) -> anyhow::Result<()> {
    let Some((interface, is_lag)) = site.peers.interface_of(node, session) else {
        bail!("{node} has no session '{session}'; this fault is injected at the peer's router");
    };
    if !is_lag {
        return site.panel.swallow(&Endpoint { node: node.into(), interface }, broken);
    }
    let state = site.world.state_dir;
    let change = if broken { ovs::drop_all } else { ovs::drop_none };
    Ok(change(state, node, &interface)?)
}

/// Routers lose their power, or get it back.
fn power(site: &mut Site, nodes: &[String], on: bool) -> anyhow::Result<()> {
    let mut ports = Vec::new();
    for node in nodes {
        ports.extend(interfaces(site, node)?);
    }
    // Dark first, so that a dying daemon can't say goodbye.
    light(site, &ports, on)?;
    for node in nodes {
        if on { revive(site, node)? } else { site.world.daemons.kill_all(node)? }
    }
    Ok(())
}

/// All ports and link ends of a node.
fn interfaces(site: &Site, node: &str) -> anyhow::Result<Vec<Endpoint>> {
    let Some(place) = site.world.topology.node(node) else { bail!("there is no node '{node}'") };
    let ports = place.ports.iter().map(|port| Endpoint { node: node.into(), interface: port.clone() });
    Ok(ports.chain(site.world.topology.attachments(node).map(|end| end.here.clone())).collect())
}

/// Starts what is dead in a node and gives it back what the lab had configured. What the product had configured in a
/// router is the product's to bring back.
fn revive(site: &mut Site, node: &str) -> anyhow::Result<()> {
    let Some(place) = site.world.topology.node(node).cloned() else { bail!("there is no node '{node}'") };
    if !place.ports.is_empty() {
        construct::start_switch(site.world, node)?;
    }
    construct::start_node(site.world, &place, site.exe)?;
    construct::await_node(site.world, &place)?;
    if place.is_peer() {
        site.peers.reload(site.world, node)
    } else if place.kind == Kind::Frr {
        construct::load_frr(site.world, &place)
    } else {
        Ok(())
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
