//! The patch panel: a namespace that holds the far end of every port. A port is dark until a cable joins it to another.
//!
//! A cable is a kernel bridge with the two far ends in it, told to let LACP through (a bridge keeps it by default).
//! So a port is never re-created: Open vSwitch doesn't pick a re-created interface up.

use std::collections::BTreeMap;
use std::process::Command;

use crate::sys;
use crate::topology::{Endpoint, Topology};

/// The panel's namespace.
pub(crate) const NAMESPACE: &str = "panel";

/// `group_fwd_mask` of a bridge's port: everything link-local but STP and MAC pause frames (which it refuses).
const FORWARD_LACP: &str = "0xfffc";

/// Which far end belongs to which port, and which ports are joined.
#[derive(Debug, Default)]
pub(crate) struct Panel {
    far_ends: BTreeMap<Endpoint, String>,
    cables: Vec<(Endpoint, Endpoint)>,
}

impl Panel {
    /// Makes all ports of the topology, dark.
    pub(crate) fn new(topology: &Topology) -> anyhow::Result<Panel> {
        let ports = topology.nodes.iter().flat_map(|node| {
            node.ports.iter().map(|port| Endpoint { node: node.name.clone(), interface: port.clone() })
        });
        let far_ends: BTreeMap<_, _> = ports.enumerate().map(|(n, port)| (port, format!("p{n}"))).collect();
        let lines: Vec<String> = far_ends
            .iter()
            .map(|(port, far)| {
                format!(
                    "link add {} netns {} type veth peer name {far} netns {NAMESPACE}",
                    port.interface, port.node
                )
            })
            .collect();
        sys::ip_batch(None, &lines)?;
        Ok(Panel { far_ends, cables: Vec::new() })
    }

    /// The cables, both ends.
    pub(crate) fn cables(&self) -> &[(Endpoint, Endpoint)] {
        &self.cables
    }

    /// Whether it is a port of the panel.
    pub(crate) fn has(&self, port: &Endpoint) -> bool {
        self.far_ends.contains_key(port)
    }

    /// Joins two ports: both see light.
    pub(crate) fn cable(&mut self, a: &Endpoint, b: &Endpoint) -> anyhow::Result<()> {
        let (far_a, far_b) = (self.far_end(a)?.to_owned(), self.far_end(b)?.to_owned());
        anyhow::ensure!(a != b, "a cable has two ends; both are {a}");
        for port in [a, b] {
            if let Some(other) = self.other_end(port) {
                anyhow::bail!("{port} already has a cable, to {other}; 'uncable {port}' first");
            }
        }
        let bridge = bridge_of(&far_a);
        let mut lines = vec![
            format!("link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0"),
            format!("link set {bridge} up"),
        ];
        for far in [&far_a, &far_b] {
            lines.push(format!("link set {far} master {bridge}"));
            lines.push(format!("link set {far} type bridge_slave group_fwd_mask {FORWARD_LACP}"));
            lines.push(format!("link set {far} up"));
        }
        sys::ip_batch(Some(NAMESPACE), &lines)?;
        self.cables.push((a.clone(), b.clone()));
        Ok(())
    }

    /// Takes a port's cable out: both ends go dark.
    pub(crate) fn uncable(&mut self, port: &Endpoint) -> anyhow::Result<()> {
        let far = self.far_end(port)?;
        let Some(at) = self.cables.iter().position(|(a, b)| a == port || b == port) else {
            anyhow::bail!("{port} has no cable");
        };
        let (a, b) = &self.cables[at];
        let (far_a, far_b) = (self.far_end(a)?, self.far_end(b)?);
        debug_assert!(far == far_a || far == far_b);
        let lines = [
            format!("link set {far_a} down"),
            format!("link set {far_b} down"),
            format!("link del {}", bridge_of(far_a)),
        ];
        sys::ip_batch(Some(NAMESPACE), &lines)?;
        self.cables.remove(at);
        Ok(())
    }

    /// The port at the other end of a port's cable.
    pub(crate) fn other_end(&self, port: &Endpoint) -> Option<&Endpoint> {
        self.cables.iter().find_map(|(a, b)| match port {
            p if p == a => Some(b),
            p if p == b => Some(a),
            _ => None,
        })
    }

    /// Switches the light of ports on or off all at once, at both ends of their cables; a port without cable stays dark.
    pub(crate) fn light(&self, ports: &[Endpoint], on: bool) -> anyhow::Result<()> {
        let state = if on { "up" } else { "down" };
        let mut lines = Vec::new();
        for port in ports {
            if let Some(other) = self.other_end(port) {
                lines.push(format!("link set {} {state}", self.far_end(port)?));
                lines.push(format!("link set {} {state}", self.far_end(other)?));
            }
        }
        Ok(sys::ip_batch(Some(NAMESPACE), &lines)?)
    }

    /// Makes a cable swallow all frames while both ends keep their light. For ports without LAG: LACP is lost too.
    pub(crate) fn swallow(&self, port: &Endpoint, on: bool) -> anyhow::Result<()> {
        let Some(other) = self.other_end(port) else {
            return Ok(());
        };
        for far in [self.far_end(port)?, self.far_end(other)?] {
            let mut command = Command::new("ip");
            let state = if on { "on" } else { "off" };
            command.args(["-n", NAMESPACE, "link", "set", far, "type", "bridge_slave", "isolated", state]);
            sys::run(command, None)?;
        }
        Ok(())
    }

    fn far_end(&self, port: &Endpoint) -> anyhow::Result<&str> {
        match self.far_ends.get(port) {
            Some(far) => Ok(far),
            None => anyhow::bail!("there is no port {port}; ports are listed in the topology"),
        }
    }
}

fn bridge_of(far_end: &str) -> String {
    format!("c-{far_end}")
}
