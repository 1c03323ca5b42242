//! Peer routers: their sessions and announcements, turned into their daemons' configuration and loaded without
//! disturbing other sessions. A change that the daemon refuses leaves everything as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use ipnet::IpNet;

use crate::daemons::{Daemons, Spec};
use crate::frr::Programs;
use crate::proto::{Announcement, PeerState, Session};
use crate::render::{self, bird, exabgp, frr, frr_config, gobgp};
use crate::sys;
use crate::topology::{Kind, Node, Topology};
use crate::validate::{INTERFACE_NAME_MAX, is_name};
use crate::{construct, ovs};

/// All peer routers of the lab.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    states: BTreeMap<String, PeerState>,
    /// What FRR routers were last told.
    frr: BTreeMap<String, frr_config::Config>,
    /// What GoBGP daemons were last told, by node and session.
    gobgp: BTreeMap<(String, String), BTreeSet<Announcement>>,
}

/// What a change works on.
pub(crate) struct World<'a> {
    /// The lab's topology.
    pub topology: &'a Topology,
    /// Its state directory.
    pub state_dir: &'a Path,
    /// Its processes.
    pub daemons: &'a mut Daemons,
    /// The programs of every FRR version that the topology names.
    pub frrs: &'a BTreeMap<Option<String>, Programs>,
}

impl World<'_> {
    fn peer(&self, name: &str) -> anyhow::Result<&Node> {
        match self.topology.node(name) {
            Some(node) if node.is_peer() => Ok(node),
            Some(_) => {
                bail!("'{name}' is no peer router (bird, gobgp, exabgp, or frr with role peer)")
            }
            None => bail!("there is no node '{name}'"),
        }
    }

    fn dir(&self, node: &str) -> PathBuf {
        self.state_dir.join(node)
    }
}

impl Peers {
    /// What a peer router is told to do.
    pub(crate) fn state(&self, node: &str) -> PeerState {
        self.states.get(node).cloned().unwrap_or_default()
    }

    /// Adds a session or replaces the one of its name.
    pub(crate) fn session(
        &mut self,
        world: &mut World,
        node: &str,
        mut session: Session,
    ) -> anyhow::Result<()> {
        let old = self.state(node);
        let place = world.peer(node)?;
        let others: Vec<_> = old.sessions.iter().filter(|s| s.name != session.name).cloned().collect();
        session.interface = Some(check_session(place, &others, &session)?);
        let mut new = PeerState { sessions: others, ..old.clone() };
        new.sessions.push(session);
        self.change(world, node, new)
    }

    /// Removes a session, with its LAG unless another session uses it.
    pub(crate) fn session_remove(&mut self, world: &mut World, node: &str, name: &str) -> anyhow::Result<()> {
        world.peer(node)?;
        let mut new = self.state(node);
        ensure!(new.sessions.iter().any(|s| s.name == name), "{node} has no session '{name}'");
        new.sessions.retain(|s| s.name != name);
        new.on_one.remove(name);
        self.change(world, node, new)
    }

    /// Announces on one session or on all.
    pub(crate) fn announce(
        &mut self,
        world: &mut World,
        node: &str,
        session: Option<&str>,
        announcements: Vec<Announcement>,
    ) -> anyhow::Result<()> {
        world.peer(node)?;
        let mut new = self.state(node);
        for announcement in announcements {
            check_announcement(&announcement)?;
            let prefix = announcement.prefix;
            match session {
                Some(name) => {
                    known_session(&new, node, name)?;
                    new.on_one.entry(name.into()).or_default().insert(prefix, Some(announcement));
                }
                None => {
                    new.on_one.values_mut().for_each(|own| drop(own.remove(&prefix)));
                    new.on_all.insert(prefix, announcement);
                }
            }
        }
        self.change(world, node, new)
    }

    /// Withdraws on one session or on all; everything when no prefix is named.
    pub(crate) fn withdraw(
        &mut self,
        world: &mut World,
        node: &str,
        session: Option<&str>,
        prefixes: &[IpNet],
    ) -> anyhow::Result<()> {
        world.peer(node)?;
        let mut new = self.state(node);
        let everything = prefixes.is_empty();
        match session {
            Some(name) => {
                known_session(&new, node, name)?;
                let on_all: Vec<IpNet> = new.on_all.keys().copied().collect();
                let own = new.on_one.entry(name.into()).or_default();
                own.retain(|prefix, _| !everything && !prefixes.contains(prefix));
                // What is announced on all sessions is held back on this one.
                own.extend(
                    on_all.into_iter().filter(|p| everything || prefixes.contains(p)).map(|p| (p, None)),
                );
            }
            None => {
                let stays = |prefix: &IpNet| !everything && !prefixes.contains(prefix);
                new.on_all.retain(|prefix, _| stays(prefix));
                new.on_one.values_mut().for_each(|own| own.retain(|prefix, _| stays(prefix)));
            }
        }
        self.change(world, node, new)
    }

    /// Loads everything again, after daemons have been restarted.
    pub(crate) fn reload(&mut self, world: &mut World, node: &str) -> anyhow::Result<()> {
        self.frr.remove(node);
        self.gobgp.retain(|(n, _), _| n != node);
        let state = self.state(node);
        interfaces(world, node, &PeerState::default(), &state)?;
        if state.sessions.is_empty() {
            return self.load(world, node, &state);
        }
        // A router that announces before it knows its own network would draw traffic into a black hole.
        self.load(world, node, &PeerState::default())?;
        construct::settle_igp(world.topology, world.state_dir, world.peer(node)?)?;
        self.load(world, node, &state)
    }

    /// The interface that a session runs over.
    pub(crate) fn interface_of(&self, node: &str, session: &str) -> Option<(String, bool)> {
        let session = self.states.get(node)?.sessions.iter().find(|s| s.name == session)?;
        let interface = session.interface.clone()?;
        let is_lag = self
            .states
            .get(node)?
            .sessions
            .iter()
            .any(|s| s.interface.as_ref() == Some(&interface) && !s.members.is_empty());
        Some((interface, is_lag))
    }

    fn change(&mut self, world: &mut World, node: &str, new: PeerState) -> anyhow::Result<()> {
        let old = self.state(node);
        let done = interfaces(world, node, &old, &new).and_then(|()| self.load(world, node, &new));
        if let Err(error) = done {
            // Back to what was, as far as it goes; the first error is the one to tell.
            let _ = interfaces(world, node, &new, &old).and_then(|()| self.load(world, node, &old));
            return Err(error.context(format!("{node} refused the change, which is undone")));
        }
        self.states.insert(node.into(), new);
        Ok(())
    }

    fn load(&mut self, world: &mut World, node: &str, state: &PeerState) -> anyhow::Result<()> {
        let place = world.peer(node)?.clone();
        match place.kind {
            Kind::Bird => load_bird(world, &place, state),
            Kind::Frr => self.load_frr(world, &place, state),
            Kind::Exabgp => load_exabgp(world, &place, state),
            Kind::Gobgp => self.load_gobgp(world, &place, state),
            Kind::Host | Kind::Site => Ok(()),
        }
    }

    fn load_frr(&mut self, world: &mut World, node: &Node, state: &PeerState) -> anyhow::Result<()> {
        let new = frr::config(world.topology, node, state);
        let old = self.frr.get(&node.name);
        let commands = old.map_or_else(|| new.text(), |old| new.delta(old));
        construct::vtysh_load(&world.dir(&node.name), &commands)?;
        self.frr.insert(node.name.clone(), new);
        for session in &state.sessions {
            // FRR would wait for seconds before it looks at a changed route map.
            let family = if session.remote.is_ipv4() { "ipv4" } else { "ipv6" };
            let command = format!("clear bgp {family} {} soft out", session.remote);
            construct::vtysh(&world.dir(&node.name), &command)?;
        }
        Ok(())
    }

    fn load_gobgp(&mut self, world: &mut World, node: &Node, state: &PeerState) -> anyhow::Result<()> {
        bfd_beside(world, node, state)?;
        let dir = world.dir(&node.name);
        let wanted: BTreeSet<String> = state.sessions.iter().map(|s| format!("gobgpd-{}", s.name)).collect();
        for name in world.daemons.names(&node.name) {
            if name.starts_with("gobgpd-") && !wanted.contains(&name) {
                world.daemons.remove(&node.name, &name)?;
            }
        }
        for session in &state.sessions {
            let name = format!("gobgpd-{}", session.name);
            let file = dir.join(format!("{name}.toml"));
            let text = gobgp::config(node, session);
            let key = (node.name.clone(), session.name.clone());
            let api = format!("unix://{}", dir.join(format!("{name}.sock")).display());
            let changed = std::fs::read_to_string(&file).unwrap_or_default() != text;
            if changed || !world.daemons.is_alive(&node.name, &name) {
                world.daemons.remove(&node.name, &name)?;
                std::fs::write(&file, text)?;
                self.gobgp.remove(&key);
                let _ = std::fs::remove_file(dir.join(format!("{name}.sock")));
                start_gobgpd(world, node, &name, &file, &api)?;
            }
            let now: BTreeSet<_> = render::effective(state, session).into_iter().cloned().collect();
            let before = self.gobgp.entry(key).or_default();
            for (verb, set) in [("del", before.difference(&now)), ("add", now.difference(before))] {
                for announcement in set {
                    let args = gobgp::rib(verb, announcement);
                    sys::run(
                        sys::command("gobgp", [vec!["--target".into(), api.clone()], args].concat()),
                        None,
                    )?;
                }
            }
            *before = now;
        }
        Ok(())
    }
}

fn known_session(state: &PeerState, node: &str, name: &str) -> anyhow::Result<()> {
    let known: Vec<_> = state.sessions.iter().map(|s| s.name.as_str()).collect();
    ensure!(known.contains(&name), "{node} has no session '{name}'; it has: {}", known.join(", "));
    Ok(())
}

fn check_announcement(announcement: &Announcement) -> anyhow::Result<()> {
    let prefix = announcement.prefix;
    ensure!(prefix.trunc() == prefix, "{prefix} has host bits set; {} is meant?", prefix.trunc());
    for community in &announcement.communities {
        render::community_parts(community).map_err(anyhow::Error::msg)?;
    }
    if let Some(next_hop) = announcement.next_hop {
        ensure!(
            next_hop.is_ipv4() == prefix.addr().is_ipv4(),
            "next hop {next_hop} isn't of {prefix}'s family"
        );
    }
    Ok(())
}

/// Checks a session against its router and its other sessions; gives the interface it will run over.
fn check_session(node: &Node, others: &[Session], session: &Session) -> anyhow::Result<String> {
    ensure!(
        is_name(&session.name) && session.name.len() <= 20,
        "session name '{}': at most 20 of a-z, 0-9, '-'",
        session.name
    );
    ensure!(
        session.local.addr().is_ipv4() == session.remote.is_ipv4(),
        "local and remote aren't of one family"
    );
    ensure!(session.local.contains(&session.remote), "{} isn't in {}", session.remote, session.local.trunc());
    ensure!(
        session.md5.as_ref().is_none_or(|key| key.chars().all(|c| c.is_ascii_graphic() && c != '"')),
        "an MD5 key has printable characters only, no blank, no '\"'"
    );
    for member in &session.members {
        ensure!(
            node.ports.contains(member),
            "{} has no port '{member}'; it has: {}",
            node.name,
            node.ports.join(", ")
        );
        let taken = others.iter().find(|o| o.members.contains(member) && o.members != session.members);
        if let Some(other) = taken {
            bail!("port '{member}' is a member of session '{}'", other.name);
        }
    }
    if let Some(other) = others.iter().find(|o| o.remote == session.remote) {
        bail!("session '{}' already has the neighbour {}", other.name, session.remote);
    }
    let shared = others.iter().find(|o| !o.members.is_empty() && o.members == session.members);
    let interface = match (&session.interface, session.members.is_empty(), shared) {
        (Some(name), true, _) => {
            let is_lag = others.iter().any(|o| o.interface.as_ref() == Some(name));
            ensure!(is_lag || node.ports.contains(name), "{} has no interface '{name}'", node.name);
            name.clone()
        }
        (None, true, _) => {
            bail!("a session without members needs an interface: a port, or the LAG of another session")
        }
        (_, false, Some(other)) => other.interface.clone().unwrap_or_default(),
        (Some(name), false, None) => name.clone(),
        (None, false, None) => free_lag(others),
    };
    ensure!(
        !interface.is_empty() && interface.len() <= INTERFACE_NAME_MAX,
        "interface name '{interface}' is too long"
    );
    Ok(interface)
}

fn free_lag(others: &[Session]) -> String {
    let taken = |name: &String| others.iter().any(|o| o.interface.as_ref() == Some(name));
    (1..).map(|n| format!("lag{n}")).find(|name| !taken(name)).unwrap_or_default()
}

/// LAGs and addresses: what `old` had and `new` hasn't goes, what `new` has is put there.
fn interfaces(world: &World, node: &str, old: &PeerState, new: &PeerState) -> anyhow::Result<()> {
    let lags = |state: &PeerState| -> BTreeMap<String, Vec<String>> {
        let with_members = state.sessions.iter().filter(|s| !s.members.is_empty());
        with_members.filter_map(|s| Some((s.interface.clone()?, s.members.clone()))).collect()
    };
    let addresses = |state: &PeerState| -> BTreeSet<(String, IpNet)> {
        state.sessions.iter().filter_map(|s| Some((s.interface.clone()?, s.local))).collect()
    };
    let (old_lags, new_lags) = (lags(old), lags(new));
    let (old_addresses, new_addresses) = (addresses(old), addresses(new));
    for (interface, address) in old_addresses.difference(&new_addresses) {
        let gone = format!("address del {address} dev {interface}");
        // The interface may have gone before its address.
        let _ = sys::ip_batch(Some(node), &[gone]);
    }
    for lag in old_lags.keys().filter(|lag| !new_lags.contains_key(*lag)) {
        ovs::remove_lag(world.state_dir, node, lag)?;
    }
    for (lag, members) in new_lags.iter().filter(|(lag, members)| old_lags.get(*lag) != Some(members)) {
        ovs::lag(world.state_dir, node, lag, members)?;
    }
    let mut lines = Vec::new();
    for (interface, address) in &new_addresses {
        let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
        lines.push(format!("address replace {address} dev {interface}{nodad}"));
        lines.push(format!("link set {interface} up"));
    }
    Ok(sys::ip_batch(Some(node), &lines)?)
}

fn load_bird(world: &mut World, node: &Node, state: &PeerState) -> anyhow::Result<()> {
    let dir = world.dir(&node.name);
    std::fs::write(dir.join("bird.conf"), bird::config(world.topology, node, state))?;
    birdc_configure(&dir, "bird")
}

fn birdc_configure(dir: &Path, name: &str) -> anyhow::Result<()> {
    let socket = dir.join(format!("{name}.ctl"));
    let said = sys::run(sys::command("birdc", ["-s", &socket.to_string_lossy(), "configure"]), None)?;
    ensure!(said.contains("Reconfigur"), "bird refuses {}/{name}.conf: {}", dir.display(), said.trim());
    Ok(())
}

/// BFD for daemons that have none: a BIRD that speaks nothing else.
fn bfd_beside(world: &mut World, node: &Node, state: &PeerState) -> anyhow::Result<()> {
    let dir = world.dir(&node.name);
    std::fs::write(dir.join("bfd.conf"), bird::bfd_only(node, state))?;
    if world.daemons.is_alive(&node.name, "bfd") { birdc_configure(&dir, "bfd") } else { Ok(()) }
}

fn load_exabgp(world: &mut World, node: &Node, state: &PeerState) -> anyhow::Result<()> {
    bfd_beside(world, node, state)?;
    let dir = world.dir(&node.name);
    let file = dir.join("exabgp.conf");
    std::fs::write(&file, exabgp::config(node, state))?;
    if state.sessions.is_empty() {
        // ExaBGP doesn't run without a neighbour.
        return world.daemons.remove(&node.name, "exabgp");
    }
    if world.daemons.is_alive(&node.name, "exabgp") {
        return world.daemons.signal(&node.name, "exabgp", "USR1");
    }
    let env =
        [("exabgp.daemon.user", "root"), ("exabgp.api.cli", "false"), ("exabgp.log.destination", "stdout")];
    let spec = Spec {
        node: node.name.clone(),
        name: "exabgp".into(),
        command: vec!["exabgp".into(), file.display().to_string()],
        env: env.map(|(name, value)| (name.to_string(), value.to_string())).into(),
        log: dir.join("exabgp.log"),
        real_time: true,
    };
    world.daemons.start(spec).map(drop)
}

fn start_gobgpd(world: &mut World, node: &Node, name: &str, file: &Path, api: &str) -> anyhow::Result<()> {
    let dir = world.dir(&node.name);
    let log = dir.join(format!("{name}.log"));
    let spec = Spec {
        node: node.name.clone(),
        name: name.into(),
        command: vec![
            "gobgpd".into(),
            "-f".into(),
            file.display().to_string(),
            "--api-hosts".into(),
            api.into(),
            "--pprof-disable".into(),
        ],
        env: BTreeMap::new(),
        log: log.clone(),
        real_time: true,
    };
    world.daemons.start(spec)?;
    let answers = || sys::run(sys::command("gobgp", ["--target", api, "neighbor"]), None).is_ok();
    sys::wait_until(name, &log, std::time::Duration::from_secs(10), answers).context("gobgpd doesn't start")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{lab, session};

    fn refusal(others: &[Session], session: Session) -> String {
        let lab = lab();
        check_session(lab.node("tel-ams-1").unwrap(), others, &session).unwrap_err().to_string()
    }

    #[test]
    fn a_second_session_takes_the_next_lag_and_one_on_the_same_members_shares_theirs() {
        let lab = lab();
        let node = lab.node("tel-ams-1").unwrap();
        let check = |others: &[Session], session: Session| check_session(node, others, &session).unwrap();
        let second = Session {
            name: "conn-2".into(),
            members: vec!["et3".into()],
            interface: None,
            local: "198.18.192.2/31".parse().unwrap(),
            remote: "198.18.192.3".parse().unwrap(),
            ..session()
        };
        assert_eq!(check(&[session()], second.clone()), "lag2");
        let v6 = Session {
            members: session().members,
            local: "2001:db8::/127".parse().unwrap(),
            remote: "2001:db8::1".parse().unwrap(),
            ..second
        };
        assert_eq!(check(&[session()], v6), "lag1");
    }

    #[test]
    fn impossible_sessions_are_refused_with_the_reason() {
        let other = Session { name: "other".into(), ..session() };
        assert!(refusal(&[], Session { members: vec!["et9".into()], ..session() }).contains("no port 'et9'"));
        assert!(
            refusal(&[], Session { members: vec![], interface: None, ..session() })
                .contains("needs an interface")
        );
        assert!(
            refusal(&[], Session { remote: "198.18.192.9".parse().unwrap(), ..session() })
                .contains("isn't in")
        );
        assert!(
            refusal(std::slice::from_ref(&other), Session { members: vec!["et1".into()], ..session() })
                .contains("member of session 'other'")
        );
        assert!(refusal(&[other], session()).contains("already has the neighbour"));
        assert!(refusal(&[], Session { md5: Some("a b".into()), ..session() }).contains("MD5"));
    }

    #[test]
    fn an_announcement_with_host_bits_names_the_right_prefix() {
        let error = check_announcement(&Announcement::of("198.19.10.1/24".parse().unwrap())).unwrap_err();
        assert!(error.to_string().contains("198.19.10.0/24"));
    }
}
