//! Building the lab inside the namespaces of the supervisor: namespaces, links, addresses, daemons, and the wait until
//! all of them answer. It runs once per lab; what changes later is the business of `panel`, `peer` and `faults`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::daemons::Spec;
use crate::frr::{Place, Programs};
use crate::panel::{self, Panel};
use crate::peer::{Peers, World};
use crate::proto::PeerState;
use crate::render::{bird, exabgp, frr};
use crate::sys::{self, NETNS_DIR};
use crate::topology::{Kind, Node, Role, Topology};
use crate::{echo, ovs};

/// How long a daemon may take to answer, and routing to settle, on a small and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where FRR keeps sockets whose paths can't be given.
const RUN_DIR: &str = "/run/frr";

/// Private mounts: nothing that the lab's tools write or read by fixed path is the machine's.
pub(crate) fn private_mounts(state: &Path) -> anyhow::Result<()> {
    let mount = |args: &[&str]| sys::run(sys::command("mount", args), None);
    if std::fs::create_dir_all(NETNS_DIR).is_err() {
        // Without root, /run can't be written to: a private one is put over it.
        mount(&["-t", "tmpfs", "lab-run", "/run"])?;
        std::fs::create_dir_all(NETNS_DIR)?;
    }
    mount(&["-t", "tmpfs", "lab-netns", NETNS_DIR])?;
    // FRR's daemons run as the lab's root and insist on membership in the group of their vty sockets.
    let groups = std::fs::read_to_string("/etc/group").context("/etc/group can't be read")?;
    let private = state.join("group");
    std::fs::write(&private, group_file(&groups))?;
    mount(&["--bind", &private.to_string_lossy(), "/etc/group"])?;
    // Where mgmtd has its sockets, whatever it is told.
    std::fs::create_dir_all(RUN_DIR)?;
    for dir in ["/etc/frr", "/var/tmp/frr", RUN_DIR] {
        if Path::new(dir).is_dir() {
            mount(&["-t", "tmpfs", "lab-frr", dir])?;
        }
    }
    // vtysh complains when it is missing.
    std::fs::write("/etc/frr/vtysh.conf", "").context("/etc/frr is missing; is frr installed?")
}

fn group_file(groups: &str) -> String {
    let others = groups.lines().filter(|line| !line.starts_with("frrvty:"));
    others.chain(["frrvty:x:0:root"]).map(|line| format!("{line}\n")).collect()
}

/// Namespaces, links and addresses.
pub(crate) fn network(topology: &Topology) -> anyhow::Result<Panel> {
    let names = || topology.nodes.iter().map(|node| node.name.as_str()).chain([panel::NAMESPACE]);
    sys::ip_batch(None, &names().map(|name| format!("netns add {name}")).collect::<Vec<_>>())?;
    for name in names() {
        sysctls(name)?;
        sys::ip_batch(Some(name), &["link set lo up".to_string()])?;
    }
    let panel = Panel::new(topology)?;
    let links: Vec<_> =
        topology.links.iter().map(|link| veth(&link.a, &link.b.interface, &link.b.node)).collect();
    sys::ip_batch(None, &links)?;
    for site in topology.nodes.iter().filter(|node| node.kind == Kind::Site) {
        management(topology, site)?;
    }
    for node in &topology.nodes {
        sys::ip_batch(Some(&node.name), &node_lines(topology, node))?;
    }
    Ok(panel)
}

fn veth(a: &crate::topology::Endpoint, peer: &str, peer_node: &str) -> String {
    format!("link add {} netns {} type veth peer name {peer} netns {peer_node}", a.interface, a.node)
}

fn sysctls(name: &str) -> anyhow::Result<()> {
    let mut settings = vec![
        "net.ipv4.ip_forward=1",
        "net.ipv4.conf.all.rp_filter=0",
        "net.ipv4.conf.default.rp_filter=0",
        // The kernel sees the frames of a LAG's members too, and would answer ARP with a member's hardware address.
        "net.ipv4.conf.all.arp_ignore=1",
        "net.ipv4.conf.all.arp_announce=2",
        "net.ipv4.fib_multipath_hash_policy=1",
        "net.ipv6.fib_multipath_hash_policy=1",
        // Open vSwitch reads all routes at each change, and asks the kernel for each one's interface where it is named.
        "net.ipv4.nexthop_compat_mode=0",
        "net.ipv6.conf.all.forwarding=1",
        "net.ipv6.conf.all.accept_dad=0",
        "net.ipv6.conf.default.accept_dad=0",
        // A path is traced with all its packets at once, and each hop names the interface they came in by.
        "net.ipv4.icmp_ratelimit=0",
        "net.ipv4.icmp_msgs_per_sec=100000",
        "net.ipv4.icmp_msgs_burst=10000",
        "net.ipv4.icmp_errors_use_inbound_ifaddr=1",
    ];
    if name == panel::NAMESPACE {
        // A patch panel sends nothing by itself.
        settings = vec!["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];
    }
    let mut command = sys::in_node(name, "sysctl");
    command.args(["-q", "-e", "-w"]).args(settings);
    sys::run(command, None)?;
    Ok(())
}

/// The bridge of a site, with its routers' `mgmt0` on it.
fn management(topology: &Topology, site: &Node) -> anyhow::Result<()> {
    let mut lines = vec!["link add mgmt type bridge forward_delay 0".to_string()];
    if let Some(address) = site.mgmt {
        lines.push(format!("address add {address} dev mgmt"));
    }
    lines.push("link set mgmt up".into());
    sys::ip_batch(Some(&site.name), &lines)?;
    for (n, router) in topology.nodes.iter().filter(|node| node.site.as_ref() == Some(&site.name)).enumerate()
    {
        let port = format!("m{n}");
        let link =
            format!("link add mgmt0 netns {} type veth peer name {port} netns {}", router.name, site.name);
        sys::ip_batch(None, &[link])?;
        sys::ip_batch(
            Some(&site.name),
            &[format!("link set {port} master mgmt"), format!("link set {port} up")],
        )?;
        let address = router.mgmt.map(|address| format!("address add {address} dev mgmt0"));
        let lines: Vec<_> = address.into_iter().chain(["link set mgmt0 up".to_string()]).collect();
        sys::ip_batch(Some(&router.name), &lines)?;
    }
    Ok(())
}

fn node_lines(topology: &Topology, node: &Node) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(loopback) = node.loopback {
        lines.push(format!("address add {loopback}/32 dev lo"));
    }
    for end in topology.attachments(&node.name) {
        lines.push(format!("address add {} dev {}", end.address, end.here.interface));
        lines.push(format!("link set {} up", end.here.interface));
        if node.kind == Kind::Host {
            lines.push(format!("route add default via {}", end.far_address.addr()));
        }
    }
    lines.extend(node.ports.iter().map(|port| format!("link set {port} up")));
    lines
}

/// Starts every daemon, loads every configuration, and waits until all answer and routing has settled.
pub(crate) fn daemons(
    world: &mut World,
    peers: &mut Peers,
    exe: &Path,
    progress: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let topology = world.topology;
    progress("starting switches");
    for node in topology.nodes.iter().filter(|node| !node.ports.is_empty()) {
        start_switch(world, &node.name)?;
    }
    progress("starting routing daemons");
    for node in &topology.nodes {
        std::fs::create_dir_all(world.state_dir.join(&node.name).join("vty"))?;
        start_node(world, node, exe)?;
    }
    progress("waiting for the daemons to answer");
    for node in &topology.nodes {
        await_node(world, node)?;
        if node.kind == Kind::Frr && !node.is_peer() {
            load_frr(world, node)?;
        } else if node.is_peer() {
            peers.reload(world, &node.name)?;
        }
    }
    progress("waiting for routing inside the networks to settle");
    settle(topology, world.state_dir)
}

/// Starts the switch of a node and waits for it.
pub(crate) fn start_switch(world: &mut World, node: &str) -> anyhow::Result<()> {
    let [server, switch] = ovs::specs(world.state_dir, node)?;
    let log = switch.log.clone();
    for (spec, what) in [(server, "ovsdb-server"), (switch, "ovs-vswitchd")] {
        if !world.daemons.is_alive(node, what) {
            world.daemons.start(spec)?;
        }
        let state = world.state_dir;
        match what {
            "ovsdb-server" => {
                sys::wait_until(&format!("{what} of {node}"), &log, PATIENCE, || {
                    ovs::database_answers(state, node)
                })?;
                ovs::keep_small(state, node)?;
            }
            _ => sys::wait_until(&format!("{what} of {node}"), &log, PATIENCE, || {
                ovs::switch_answers(state, node)
            })?,
        }
    }
    Ok(())
}

/// Starts the routing daemons, or the responder, of a node; those that run are left alone.
pub(crate) fn start_node(world: &mut World, node: &Node, exe: &Path) -> anyhow::Result<()> {
    for spec in specs(world, node, exe)? {
        if !world.daemons.is_alive(&node.name, &spec.name) {
            let name = spec.name.clone();
            world.daemons.start(spec)?;
            // The others look for these two once and then wait for seconds before they try again.
            let dir = world.state_dir.join(&node.name);
            let socket = match &*name {
                "mgmtd" => Path::new(RUN_DIR).join(&node.name).join("mgmtd_be.sock"),
                "zebra" => dir.join("zserv.api"),
                _ => continue,
            };
            let log = dir.join(format!("{name}.log"));
            sys::wait_until(&format!("{name} of {}", node.name), &log, PATIENCE, || socket.exists())?;
        }
    }
    Ok(())
}

fn specs(world: &mut World, node: &Node, exe: &Path) -> anyhow::Result<Vec<Spec>> {
    let dir = world.state_dir.join(&node.name);
    let spec = |name: &str, command: Vec<String>| Spec {
        node: node.name.clone(),
        name: name.into(),
        command,
        env: BTreeMap::new(),
        log: dir.join(format!("{name}.log")),
        real_time: true,
    };
    let bird_command = |name: &str| -> Vec<String> {
        let path = |ext: &str| dir.join(format!("{name}.{ext}")).display().to_string();
        ["bird", "-f", "-c", &path("conf"), "-s", &path("ctl"), "-P", &path("pid")].map(String::from).into()
    };
    Ok(match node.kind {
        Kind::Frr => {
            let frrs = world.frrs;
            let Some(programs) = frrs.get(&node.frr) else { bail!("no FRR was found for {}", node.name) };
            frr_place(world, node, programs)?;
            let command = |name| frr_command(programs, &dir, node, name);
            frr_daemons(node, programs).into_iter().map(|name| spec(name, command(name))).collect()
        }
        Kind::Bird => {
            std::fs::write(dir.join("bird.conf"), bird::config(world.topology, node, &PeerState::default()))?;
            vec![spec("bird", bird_command("bird"))]
        }
        Kind::Gobgp | Kind::Exabgp => {
            std::fs::write(dir.join("bfd.conf"), bird::bfd_only(node, &PeerState::default()))?;
            std::fs::write(dir.join("exabgp.conf"), exabgp::config(node, &PeerState::default()))?;
            vec![spec("bfd", bird_command("bfd"))]
        }
        Kind::Host => {
            let socket = dir.join("echo.sock").display().to_string();
            let port = echo::PORT.to_string();
            vec![spec(
                "udp-echo",
                vec![
                    exe.display().to_string(),
                    "udp-echo".into(),
                    "--port".into(),
                    port,
                    "--record".into(),
                    socket,
                ],
            )]
        }
        Kind::Site => Vec::new(),
    })
}

/// Makes what the daemons of an FRR router need. A socket left by a killed daemon would look like a living one: those of
/// daemons that don't run are taken away.
fn frr_place(world: &mut World, node: &Node, programs: &Programs) -> anyhow::Result<()> {
    let (dir, run) = (world.state_dir.join(&node.name), Path::new(RUN_DIR).join(&node.name));
    std::fs::write(dir.join("empty.conf"), "")?;
    std::fs::create_dir_all(&run)?;
    for (daemon, socket) in [("zebra", dir.join("zserv.api")), ("mgmtd", run.join("mgmtd_be.sock"))] {
        if !world.daemons.is_alive(&node.name, daemon) {
            let _ = std::fs::remove_file(socket);
        }
    }
    // The router's own vtysh: another version's wouldn't know all of its daemons.
    let vtysh = dir.join("vtysh");
    let _ = std::fs::remove_file(&vtysh);
    std::fs::write(&vtysh, format!("#!/bin/sh\nexec '{}' \"$@\"\n", programs.vtysh().display()))?;
    std::fs::set_permissions(&vtysh, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

/// The daemons of an FRR router, in the order in which they start.
fn frr_daemons(node: &Node, programs: &Programs) -> Vec<&'static str> {
    let mgmtd = programs.has_mgmtd().then_some("mgmtd");
    let ospf = (node.role != Some(Role::Transit)).then_some("ospfd");
    mgmtd.into_iter().chain(["zebra", "staticd", "bfdd"]).chain(ospf).chain(["bgpd"]).collect()
}

fn frr_command(programs: &Programs, dir: &Path, node: &Node, name: &str) -> Vec<String> {
    let (vty, empty) = (dir.join("vty"), dir.join("empty.conf"));
    let place = Place { dir, vty: &vty, name: &node.name, user: "root", empty: &empty };
    let mut command = programs.command(name, &place);
    command.extend(["--log=stdout".to_owned(), "--log-level=warnings".to_owned()]);
    if name == "bgpd" && node.role == Some(Role::Edge) {
        command.push("-Mbmp".into());
    }
    command
}

/// Waits until the daemons of a node answer.
pub(crate) fn await_node(world: &mut World, node: &Node) -> anyhow::Result<()> {
    let dir = world.state_dir.join(&node.name);
    let names = match node.kind {
        Kind::Frr => world.frrs.get(&node.frr).map(|frr| frr_daemons(node, frr)).unwrap_or_default(),
        Kind::Bird => vec!["bird"],
        Kind::Gobgp | Kind::Exabgp => vec!["bfd"],
        Kind::Host => vec!["udp-echo"],
        Kind::Site => Vec::new(),
    };
    for name in names {
        let answers = || match name {
            "bird" | "bfd" => birdc_status(&dir.join(format!("{name}.ctl"))).is_ok(),
            "udp-echo" => dir.join("echo.sock").exists(),
            frr => vtysh_to(&dir, frr).is_ok(),
        };
        let log = dir.join(format!("{name}.log"));
        // One that has ended will never answer: its log says why.
        let daemons = &mut world.daemons;
        sys::wait_until(&format!("{name} of {}", node.name), &log, PATIENCE, || {
            !daemons.is_alive(&node.name, name) || answers()
        })?;
        if !world.daemons.is_alive(&node.name, name) {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("{name} of {} ended: {}", node.name, said.lines().last().unwrap_or_default());
        }
    }
    Ok(())
}

fn birdc_status(socket: &Path) -> Result<String, sys::SysError> {
    sys::run(sys::command("birdc", ["-s", &socket.to_string_lossy(), "show", "status"]), None)
}

/// Loads the initial configuration of an FRR router that sessions can't be given to.
pub(crate) fn load_frr(world: &World, node: &Node) -> anyhow::Result<()> {
    let config = frr::config(world.topology, node, &PeerState::default());
    vtysh_load(&world.state_dir.join(&node.name), &config.text())
}

/// Has `vtysh` execute configuration commands; a refused line is an error.
pub(crate) fn vtysh_load(dir: &Path, commands: &str) -> anyhow::Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    let file: PathBuf = dir.join("vtysh.load");
    std::fs::write(&file, commands)?;
    let mut command = vtysh_command(dir);
    command.arg("-f").arg(&file);
    let said = sys::output(command, None)?;
    let text = format!("{}{}", said.stdout, said.stderr);
    let complaints: Vec<_> = text.lines().filter(|line| line.contains('%')).take(10).collect();
    if !complaints.is_empty() || said.code != 0 {
        bail!("FRR refuses lines of {} (status {}): {}", file.display(), said.code, complaints.join("; "));
    }
    Ok(())
}

/// Has `vtysh` execute one command.
pub(crate) fn vtysh(dir: &Path, text: &str) -> anyhow::Result<String> {
    let mut command = vtysh_command(dir);
    command.args(["-c", text]);
    Ok(sys::run(command, None)?)
}

fn vtysh_to(dir: &Path, daemon: &str) -> anyhow::Result<String> {
    let mut command = vtysh_command(dir);
    command.args(["-d", daemon, "-c", "show version"]);
    Ok(sys::run(command, None)?)
}

fn vtysh_command(dir: &Path) -> Command {
    sys::command(&dir.join("vtysh").to_string_lossy(), ["--vty_socket", &dir.join("vty").to_string_lossy()])
}

/// Waits until a router has a route to every loopback of its IGP.
pub(crate) fn settle_igp(topology: &Topology, state: &Path, node: &Node) -> anyhow::Result<()> {
    if !topology.attachments(&node.name).any(|end| end.link.igp) {
        return Ok(());
    }
    for other in topology.ibgp_mesh(node).filter_map(|other| other.loopback) {
        let reached = || {
            let mut lookup = sys::in_node(&node.name, "ip");
            lookup.args(["route", "get", &other.to_string()]);
            sys::run(lookup, None).is_ok()
        };
        let what = format!("the route from {} to {other}", node.name);
        sys::wait_until(&what, &state.join(&node.name), PATIENCE, reached)?;
    }
    Ok(())
}

/// Waits until every IGP has settled, and the lab's own BGP sessions with others are up.
fn settle(topology: &Topology, state: &Path) -> anyhow::Result<()> {
    for node in topology.nodes.iter().filter(|node| node.is_router()) {
        settle_igp(topology, state, node)?;
    }
    for node in topology.nodes.iter().filter(|node| node.kind == Kind::Frr && node.bgp_is_ours()) {
        let dir = state.join(&node.name);
        let ours = |name: &str| topology.node(name).is_some_and(Node::bgp_is_ours);
        let internal = topology
            .ibgp_mesh(node)
            .filter(|n| n.bgp_is_ours())
            .filter_map(|n| Some(n.loopback?.to_string()));
        let external = topology.attachments(&node.name).filter(|end| end.link.bgp && ours(&end.there.node));
        for neighbor in internal.chain(external.map(|end| end.far_address.addr().to_string())) {
            let up = || is_established(&dir, &neighbor);
            sys::wait_until(&format!("BGP from {} to {neighbor}", node.name), &dir, PATIENCE, up)?;
        }
    }
    Ok(())
}

fn is_established(dir: &Path, neighbor: &str) -> bool {
    let text = vtysh(dir, "show bgp ipv4 unicast summary json").unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    json["peers"][neighbor]["state"] == "Established"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_group_file_has_root_in_the_vty_group_once() {
        let text = group_file("root:x:0:\nfrrvty:x:118:frr\nfrr:x:119:\n");
        assert_eq!(text, "root:x:0:\nfrr:x:119:\nfrrvty:x:0:root\n");
    }

    #[test]
    fn what_others_look_for_comes_first_and_transit_has_no_igp() {
        let lab = crate::render::tests::lab();
        let of = |node: &str, version| {
            frr_daemons(lab.node(node).unwrap(), &Programs::of_version(version)).join(" ")
        };
        assert_eq!(of("ams1-er1", (8, 4)), "zebra staticd bfdd ospfd bgpd");
        assert_eq!(of("transit", (10, 3)), "mgmtd zebra staticd bfdd bgpd");
    }

    #[test]
    fn only_the_hosts_edges_speak_bmp() {
        let lab = crate::render::tests::lab();
        let has_bmp = |node: &str| {
            let node = lab.node(node).unwrap();
            frr_command(&Programs::of_version((8, 4)), Path::new("/s"), node, "bgpd")
                .contains(&"-Mbmp".to_string())
        };
        assert!(has_bmp("fra1-er2") && !has_bmp("fra1-cr1") && !has_bmp("tel-fra-2"));
    }
}
