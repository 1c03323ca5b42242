//! Reading and changing one FRR router: the driver's side that does I/O.
//!
//! [`plan`] has thought through what is done here, so nothing here decides anything. What is true
//! is on the router: after a crash in the middle, the next plan starts from what it reads.

use super::check;
use super::contact;
use super::diff::Step;
use super::error::FrrError;
use super::owned::{Gate, Key, Owned, family, masked};
use super::plan::{self, LagStep, Read, Steps};
use super::read;
use super::render::{Origination, render_unit};
use super::version::Capabilities;
use super::vty::{Daemon, Vty, socket};
use super::{diff, state};
use crate::lag::counters::{self, Counters};
use crate::lag::{self, Lags};
use crate::process::{self, ProcessError, words};
use crate::routers::{
    Driver, DriverError, GateChange, NeighborDetail, Observed, Plan, Progress, Target, UnitChange,
};
use meetme_model::inventory::LagBackend;
use meetme_model::link::LagState;
use meetme_model::prefix::Prefix;
use meetme_model::unit::{UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A router and how to reach it. Holds no connection and no state.
#[derive(Clone, Debug)]
pub struct Frr {
    vty_dir: PathBuf,
    lag: LagBackend,
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
    /// A router by its vty directory and what bundles its links.
    pub fn new(vty_dir: PathBuf, lag: LagBackend) -> Self {
        Self { vty_dir, lag }
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
        let (running, can) = contact::running(self, self.origination()).await?;
        let mut owned = read::owned(&running);
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

    async fn run_lag_step(&self, open: &mut Open, step: LagStep) -> Result<(), FrrError> {
        match step {
            LagStep::Release { lag, keeps } if keeps.is_empty() => Ok(lag::remove(&self.lag, &lag).await?),
            LagStep::Release { lag, keeps } => Ok(lag::ensure(&self.lag, &lag, &keeps).await?),
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

    /// Points sessions at the route-maps of their gates. A neighbour that isn't there has no gate.
    async fn point(&self, gates: &[(String, u32, String, Gate)]) -> Result<BTreeSet<String>, FrrError> {
        let mut missing = BTreeSet::new();
        let mut open = Open::default();
        let vty = open.to(self, Daemon::Bgpd).await?;
        for (session, asn, address, gate) in gates {
            let context = [format!("router bgp {asn}"), family(gate.v6).to_owned()];
            for command in &context {
                vty.run(command).await?;
            }
            for line in &gate.lines {
                match vty.run(&format!("neighbor {address} {line}")).await {
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

impl Driver for Frr {
    type Steps = Steps;

    async fn observe(&self) -> Result<Observed, DriverError> {
        let neighbors = state::neighbors(&self.ask(Daemon::Bgpd, "show bgp summary json").await?);
        match self.ask(Daemon::Bfdd, "show bfd peers json").await {
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

    async fn next_step(&self, steps: &mut Steps) -> Result<Progress, DriverError> {
        steps.work_out();
        if let Some(step) = steps.before.pop_front() {
            self.run_lag_step(&mut steps.open, step).await?;
        } else if let Some(step) = steps.commands.pop_front() {
            steps.open.run(self, &step).await?;
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
                let gate = if change.open { gate.clone() } else { gate.closed() };
                pointed.push((change.session.clone(), change.unit.intent.asn.0, address, gate));
            }
        }
        Ok(self.point(&pointed).await?)
    }

    async fn repeat_received(&self, address: IpAddr) -> Result<(), DriverError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        bgpd.run(&format!("clear bgp {address} soft in")).await?;
        Ok(())
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
        let relevant =
            |key: &Key| steps.want.blocks.contains_key(key) || (steps.own.contains(key) && !elsewhere(key));
        let blocks = now.owned.blocks.iter().filter(|(k, _)| relevant(k));
        let found = Owned {
            asn: now.owned.asn,
            blocks: blocks.map(|(k, lines)| (k.clone(), lines.clone())).collect(),
            foreign: now.owned.foreign.clone(),
            enforces_first_as: now.owned.enforces_first_as,
        };
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
