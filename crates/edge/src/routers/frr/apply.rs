//! Reading and changing one FRR router: the driver's side that does I/O.
//!
//! [`plan`] has thought through what is done here, so nothing here decides anything. What is true
//! is on the router: after a crash in the middle, the next plan starts from what it reads.

use super::check;
use super::contact;
use super::diff::Step;
use super::error::FrrError;
use super::owned::{Key, MARK, NAME, Owned, family, full, masked};
use super::plan::{self, Read};
use super::read;
use super::render::{Origination, render_unit};
use super::steps::{LagStep, Steps};
use super::verified::Verified;
use super::version::Capabilities;
use super::vty::{Daemon, Vty, socket};
use super::{diff, state};
use crate::coupling;
use crate::lag::counters::{self, Counters};
use crate::lag::{self, Lags};
use crate::place::Place;
use crate::process::{self, ProcessError, words};
use crate::routers::{
    Driver, DriverError, GateChange, NeighborDetail, Observed, Plan, Progress, Target, UnitChange,
};
use meetme_model::coupling::Found;
use meetme_model::inventory::LagBackend;
use meetme_model::link::LagState;
use meetme_model::prefix::Prefix;
use meetme_model::route::RouterPath;
use meetme_model::unit::{UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A router and how to reach it. Holds no connection, and of its state only which neighbours are known to be ours.
#[derive(Clone, Debug)]
pub struct Frr {
    vty_dir: PathBuf,
    lag: LagBackend,
    /// Where it is, where that is known.
    place: Option<Place>,
    verified: Verified,
}

/// Connections to daemons, in configuration mode.
#[derive(Debug, Default)]
pub struct Open {
    vtys: BTreeMap<Daemon, Vty>,
    can: Option<Capabilities>,
}

impl Open {
    /// The connection to who has the configuration of a daemon; the first use makes it.
    async fn to(&mut self, frr: &Frr, daemon: Daemon) -> Result<&mut Vty, FrrError> {
        let can = match self.can {
            Some(can) => can,
            None => *self.can.insert(frr.capabilities().await?),
        };
        match self.vtys.entry(can.owner(daemon)) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let mut vty = Vty::connect(&frr.vty_dir, *entry.key()).await?;
                vty.run("configure terminal").await?;
                Ok(entry.insert(vty))
            }
        }
    }

    async fn run(&mut self, frr: &Frr, step: &Step) -> Result<(), FrrError> {
        let vty = self.to(frr, step.daemon).await?;
        for command in &step.context {
            vty.run(command).await?;
        }
        for command in &step.commands {
            match vty.run(command).await {
                Err(FrrError::Refused { .. }) if step.tolerant => {}
                done => drop(done?),
            }
        }
        for _ in &step.context {
            vty.run("exit").await?;
        }
        Ok(())
    }
}

impl Frr {
    /// Makes route-maps and prefix-lists in one change. Either all of it is there then, or nothing.
    async fn run_at_once(&self, steps: &[Step]) -> Result<(), FrrError> {
        let mut open = Open::default();
        let vty = open.to(self, Daemon::Bgpd).await?;
        vty.run("XFRR_start_configuration").await?;
        for command in steps.iter().flat_map(commands_of) {
            // Nothing leaves a route-map's node in between: that would end the batch.
            vty.run(command).await?;
        }
        vty.run("XFRR_end_configuration").await.map(drop)
    }

    /// Runs steps in their order, with those that FRR checks whole in as few changes as they allow.
    pub(super) async fn run_steps(&self, steps: &[Step]) -> Result<(), FrrError> {
        let mut open = Open::default();
        for run in steps.chunk_by(alike) {
            match run.first().is_some_and(Step::is_checked_whole) {
                true => self.run_at_once(run).await?,
                false => {
                    for step in run {
                        open.run(self, step).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A router by its vty directory and what bundles its links.
    pub fn new(vty_dir: PathBuf, lag: LagBackend) -> Self {
        Self { vty_dir, lag, place: None, verified: Verified::default() }
    }

    /// The same, whose place in the network is known.
    pub(crate) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Where it is.
    pub(super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Where its vty sockets are.
    pub(super) fn vty_dir(&self) -> &Path {
        &self.vty_dir
    }

    /// Where originated networks get their route from, on this router.
    pub fn origination(&self) -> Origination {
        match socket(&self.vty_dir, Daemon::Staticd).exists() {
            true => Origination::Statics,
            false => Origination::NoImportCheck,
        }
    }

    /// What is ours of the running configuration and of the LAGs.
    pub async fn read(&self) -> Result<Read, FrrError> {
        let (running, can) = self.heard(contact::running(self, self.origination()).await)?;
        let mut owned = read::owned(&running);
        self.verified.read(&owned);
        let gates = owned.take_gates();
        let unfit_for_voice = can.voice_refusal();
        Ok(Read { unfit_for_voice, owned, gates, lags: self.lag_members().await? })
    }

    pub(super) async fn running(&self, daemon: Daemon) -> Result<String, FrrError> {
        Vty::connect(&self.vty_dir, daemon).await?.run("show running-config").await
    }

    async fn lag_members(&self) -> Result<Lags, FrrError> {
        Ok(lag::read(&self.lag).await?.lags)
    }

    async fn ask(&self, daemon: Daemon, command: &str) -> Result<serde_json::Value, FrrError> {
        Vty::connect(&self.vty_dir, daemon).await?.json(command).await
    }

    /// Passes on what came of speaking with the router.
    fn heard<T>(&self, answer: Result<T, FrrError>) -> Result<T, FrrError> {
        if answer.as_ref().is_err_and(FrrError::is_unreachable) {
            self.verified.forget();
        }
        answer
    }

    async fn run_lag_step(&self, open: &mut Open, step: LagStep) -> Result<(), FrrError> {
        match step {
            LagStep::Release { lag, members } => {
                // It may have been changed since, in its own turn.
                let has = self.lag_members().await?.remove(&lag).unwrap_or_default();
                let keeps: Vec<String> = has.iter().filter(|m| !members.contains(m)).cloned().collect();
                match (keeps.len() == has.len(), keeps.is_empty()) {
                    (true, _) => Ok(()),
                    (false, true) => Ok(lag::remove(&self.lag, &lag).await?),
                    (false, false) => Ok(lag::ensure(&self.lag, &lag, &keeps).await?),
                }
            }
            LagStep::Ensure { lag, members } => {
                lag::ensure(&self.lag, &lag, &members).await?;
                for member in &members {
                    open.run(self, &member_up(member)).await?;
                }
                Ok(())
            }
            LagStep::Remove { lag } => {
                lag::remove(&self.lag, &lag).await?;
                open.run(self, &forget_interface(&lag)).await
            }
        }
    }

    /// Neighbours among these that somebody else configured: a gate that is closed before it is known what stands
    /// could be theirs. Both marks count, as a description is easily lost by hand. Who was seen to be ours isn't asked
    /// for: a gate that closes doesn't wait for the summary of a thousand others.
    async fn foreign_among(&self, gates: &[Pointed]) -> Result<BTreeSet<String>, FrrError> {
        let unknown: Vec<&Pointed> = gates.iter().filter(|g| !self.verified.has(&g.address)).collect();
        if unknown.is_empty() {
            return Ok(BTreeSet::new());
        }
        let described = state::described(&self.ask(Daemon::Bgpd, "show bgp summary json").await?);
        let mut foreign = BTreeSet::new();
        // One without an active address family isn't in the summary.
        for Pointed { address, .. } in unknown {
            if described.get(address).is_some_and(|d| d.starts_with(MARK)) {
                self.verified.add(address);
                continue;
            }
            let shown = self.ask(Daemon::Bgpd, &format!("show bgp neighbors {address} json")).await?;
            if shown["bgpNoSuchNeighbor"].is_null() {
                match shown.to_string().contains(NAME) {
                    true => self.verified.add(address),
                    false => drop(foreign.insert(address.clone())),
                }
            }
        }
        Ok(foreign)
    }

    /// Points sessions at the route-maps of their gates. A neighbour that isn't there has no gate.
    async fn point(&self, gates: &[Pointed]) -> Result<BTreeSet<String>, FrrError> {
        let mut missing = BTreeSet::new();
        let mut open = Open::default();
        let vty = open.to(self, Daemon::Bgpd).await?;
        for Pointed { session, asn, address, v6, lines } in gates {
            let context = [format!("router bgp {asn}"), family(*v6).to_owned()];
            for command in &context {
                vty.run(command).await?;
            }
            for line in lines {
                match vty.run(&full(&Key::Neighbor(address.clone()), line)).await {
                    Err(FrrError::Refused { .. }) => {
                        missing.insert(session.clone());
                    }
                    done => drop(done?),
                }
            }
            for _ in &context {
                vty.run("exit").await?;
            }
        }
        Ok(missing)
    }
}

fn alike(one: &Step, other: &Step) -> bool {
    one.is_checked_whole() == other.is_checked_whole()
}

fn commands_of(step: &Step) -> impl Iterator<Item = &String> {
    step.context.iter().chain(&step.commands)
}

/// A session's gate as it is to be.
struct Pointed {
    session: String,
    asn: u32,
    address: String,
    v6: bool,
    lines: Vec<String>,
}

impl Driver for Frr {
    type Steps = Steps;

    async fn observe(&self) -> Result<Observed, DriverError> {
        let summary = self.heard(self.ask(Daemon::Bgpd, "show bgp summary json").await)?;
        let mut neighbors = state::neighbors(&summary);
        // The edge's own session is there to fall, and nobody's.
        neighbors.remove(&coupling::SPEAKER.into());
        match self.heard(self.ask(Daemon::Bfdd, "show bfd peers json").await) {
            Ok(bfd) => Ok(Observed { neighbors, bfd: state::bfd(&bfd), bfd_error: None }),
            Err(error) => {
                Ok(Observed { neighbors, bfd_error: Some(error.to_string()), ..Observed::default() })
            }
        }
    }

    async fn lags(&self) -> Result<BTreeMap<String, LagState>, DriverError> {
        Ok(lag::read(&self.lag).await.map_err(FrrError::from)?.states)
    }

    async fn counters(&self) -> Result<BTreeMap<String, Counters>, DriverError> {
        Ok(counters::read(&self.lag).await.map_err(FrrError::from)?)
    }

    async fn detail(&self, address: IpAddr) -> Result<NeighborDetail, DriverError> {
        let answer = self.ask(Daemon::Bgpd, &format!("show bgp neighbors {address} json")).await?;
        Ok(state::detail(&answer))
    }

    async fn clear(&self, address: IpAddr) -> Result<(), DriverError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        bgpd.run(&format!("clear bgp {address}")).await?;
        Ok(())
    }

    async fn plan(
        &self,
        targets: &[Target],
        gates: &BTreeMap<String, bool>,
    ) -> Result<Plan<Steps>, DriverError> {
        let read = self.read().await?;
        let mut all = targets.to_vec();
        let strays = plan::strays(&read, targets).into_iter();
        all.extend(strays.map(|name| Target { name, stands: None, wants: None }));
        Ok(plan::plan(&read, &all, gates, self.origination()))
    }

    /// One process for all of them; only when it objects is each looked at by itself.
    async fn check(&self, changes: &mut [UnitChange<Steps>]) {
        let texts: String =
            changes.iter().filter(|c| c.fault.is_none()).map(|c| c.steps.want.text()).collect();
        if texts.is_empty() || self.objection(&texts).await.is_none() {
            return;
        }
        for change in changes.iter_mut().filter(|c| c.fault.is_none()) {
            change.fault = self.objection(&change.steps.want.text()).await;
        }
    }

    /// Brings the shared objects of all of them in one change, as FRR checks its whole policy at each.
    /// If it says no to any, each unit brings its own, so that the one to blame is found.
    async fn prepare(&self, changes: &mut [(UnitName, Steps)]) -> Result<(), DriverError> {
        let mut shared = Owned::default();
        for (_, steps) in changes.iter() {
            shared.blocks.extend(steps.brings().blocks);
        }
        let made = self.run_steps(&diff::change(&Owned::default(), &shared).steps).await;
        match made {
            Ok(()) => {
                if let Some((_, steps)) = changes.first() {
                    steps.are_brought(shared.blocks.into_keys());
                }
                Ok(())
            }
            Err(error) if error.is_unreachable() => Err(error.into()),
            Err(error) => {
                tracing::info!(%error, "shared policy is brought unit by unit");
                Ok(())
            }
        }
    }

    async fn next_step(&self, steps: &mut Steps) -> Result<Progress, DriverError> {
        steps.work_out();
        if let Some(step) = steps.before.pop_front() {
            self.run_lag_step(&mut steps.open, step).await?;
        } else if steps.commands.front().is_some_and(Step::only_removes_policy) {
            let whole = steps.commands.iter().take_while(|s| s.only_removes_policy()).count();
            let at_once: Vec<Step> = steps.commands.drain(..whole).collect();
            self.run_at_once(&at_once).await?;
        } else if let Some(step) = steps.commands.pop_front() {
            self.heard(steps.open.run(self, &step).await)?;
        } else if let Some(step) = steps.after.pop_front() {
            self.run_lag_step(&mut steps.open, step).await?;
        }
        match steps.before.is_empty() && steps.commands.is_empty() && steps.after.is_empty() {
            true => {
                steps.done();
                steps.open = Open::default();
                Ok(Progress::Done)
            }
            false => Ok(Progress::More),
        }
    }

    async fn verify(&self, done: &[(UnitName, Steps)]) -> Result<BTreeMap<UnitName, UnitFault>, DriverError> {
        Ok(not_taken(&self.read().await?, done))
    }

    async fn set_gates(&self, changes: &[GateChange]) -> Result<BTreeSet<String>, DriverError> {
        let mut pointed = Vec::with_capacity(changes.len());
        for change in changes {
            let gates = render_unit(&change.unit, self.origination()).take_gates();
            let session = change.unit.sessions().iter().find(|s| s.name == change.session);
            let address = session.map(|s| s.peer_address.to_string()).unwrap_or_default();
            if let Some(gate) = gates.get(&address) {
                let lines = if change.open { gate.lines.clone() } else { gate.closing() };
                let (session, asn, v6) = (change.session.clone(), change.unit.intent.asn.0, gate.v6);
                pointed.push(Pointed { session, asn, address, v6, lines });
            }
        }
        let foreign = self.heard(self.foreign_among(&pointed).await)?;
        let (theirs, ours): (Vec<_>, Vec<_>) =
            pointed.into_iter().partition(|p| foreign.contains(&p.address));
        let mut missing = self.heard(self.point(&ours).await)?;
        missing.extend(theirs.into_iter().map(|p| p.session));
        Ok(missing)
    }

    async fn repeat_received(&self, address: IpAddr) -> Result<(), DriverError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        bgpd.run(&format!("clear bgp {address} soft in")).await?;
        Ok(())
    }

    async fn paths(&self, prefixes: &[Prefix]) -> Result<BTreeMap<Prefix, Vec<RouterPath>>, DriverError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        let mut paths = BTreeMap::new();
        for prefix in prefixes {
            let family = if prefix.is_ipv4() { "ipv4" } else { "ipv6" };
            let answer = bgpd.json(&format!("show bgp {family} unicast {prefix} json")).await?;
            paths.insert(*prefix, state::paths(&answer));
        }
        Ok(paths)
    }

    async fn prove_coupling(&self) -> Result<Found, DriverError> {
        Ok(self.heard(self.try_coupling().await)?)
    }

    async fn route(&self, prefix: Prefix) -> Result<String, DriverError> {
        Ok(self.show_route(prefix).await?)
    }
}

impl Frr {
    /// What FRR's syntax check says against a configuration. The daemons check each command
    /// themselves; this only finds faults earlier, and not at all where there is no vtysh.
    async fn objection(&self, text: &str) -> Option<UnitFault> {
        let command =
            words(["vtysh", "--vty_socket", &self.vty_dir.to_string_lossy(), "-C", "-f", "/dev/stdin"]);
        match process::run_with_input(&command, &masked(text)).await {
            Err(ProcessError::Failed { said, .. }) => {
                Some(check::CheckError::Syntax(masked(&said).into_owned()).into())
            }
            Err(error @ (ProcessError::Start { .. } | ProcessError::Timeout { .. })) => {
                tracing::warn!(%error, "applying without a syntax check beforehand");
                None
            }
            Ok(_) => None,
        }
    }
}

/// What the router shows in another way than units want it after their changes.
fn not_taken(now: &Read, done: &[(UnitName, Steps)]) -> BTreeMap<UnitName, UnitFault> {
    let mut faults = BTreeMap::new();
    for (name, steps) in done {
        let elsewhere =
            |key: &Key| done.iter().any(|(other, s)| other != name && s.want.blocks.contains_key(key));
        let relevant = |key: &Key| steps.want.refers_to(key) || (steps.own.contains(key) && !elsewhere(key));
        let found = now.owned.part(relevant);
        let mut diff = diff::change(&found, &steps.want).diff;
        if let Some((lag, members)) = &steps.lag
            && now.lags.get(lag) != members.as_ref()
        {
            diff.push_str(&format!("@@ lag {lag} @@\n"));
        }
        if !diff.is_empty() {
            faults.insert(name.clone(), UnitFault::NotTaken { diff });
        }
    }
    faults
}

fn member_up(member: &str) -> Step {
    Step {
        daemon: Daemon::Zebra,
        context: vec![format!("interface {member}")],
        commands: vec!["no shutdown".to_owned()],
        tolerant: true,
    }
}

fn forget_interface(name: &str) -> Step {
    Step {
        daemon: Daemon::Zebra,
        context: vec![],
        commands: vec![format!("no interface {name}")],
        tolerant: true,
    }
}
