//! Reading and changing one FRR router: plan, apply, verify, undo.
//!
//! A [`Plan`] holds everything that applying and undoing need, so neither decides anything. What
//! is true is on the router: after a crash in the middle, the next plan starts from what it reads.

use super::check::{self, CheckError};
use super::diff::{self, Change, Step};
use super::error::FrrError;
use super::owned::{Owned, masked};
use super::read::{self, Running};
use super::render::{Origination, render};
use super::state;
use super::vty::{Daemon, Vty, socket};
use crate::lag::{self, Lags};
use crate::process::{self, ProcessError, words};
use crate::routers::{Gates, NeighborDetail, Observed};
use meetme_model::intent::RouterIntent;
use meetme_model::inventory::LagBackend;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::path::PathBuf;

/// A router and how to reach it. Holds no connection and no state.
#[derive(Clone, Debug)]
pub struct Frr {
    vty_dir: PathBuf,
    lag: LagBackend,
}

/// One change, thought through: what was read, what is wanted, and what lies between.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The owned configuration as it was.
    pub have: Owned,
    /// The owned configuration as it should be.
    pub want: Owned,
    /// What to do to it.
    pub change: Change,
    /// LAGs as they were.
    pub have_lags: Lags,
    /// LAGs as they should be.
    pub want_lags: Lags,
    /// Everything that changes, as a unified diff, secrets masked.
    pub diff: String,
}

impl Plan {
    /// True when the router is as it should be.
    pub fn is_empty(&self) -> bool {
        self.diff.is_empty()
    }

    /// The plan that takes this one back, from whatever part of it was done.
    fn undo(&self, now: Owned, now_lags: Lags) -> Self {
        Self::between(now, self.have.clone(), now_lags, self.have_lags.clone())
    }

    fn between(have: Owned, want: Owned, have_lags: Lags, want_lags: Lags) -> Self {
        let change = diff::change(&have, &want);
        let diff = lag_diff(&have_lags, &want_lags) + &change.diff;
        Self { have, want, change, have_lags, want_lags, diff }
    }
}

impl Frr {
    /// A router by its vty directory and what bundles its links.
    pub fn new(vty_dir: PathBuf, lag: LagBackend) -> Self {
        Self { vty_dir, lag }
    }

    /// Where originated networks get their route from, on this router.
    pub fn origination(&self) -> Origination {
        match socket(&self.vty_dir, Daemon::Staticd).exists() {
            true => Origination::Statics,
            false => Origination::NoImportCheck,
        }
    }

    /// The owned part of the running configuration.
    pub async fn read(&self) -> Result<Owned, FrrError> {
        let staticd = match self.origination() {
            Origination::Statics => Some(self.running(Daemon::Staticd).await?),
            Origination::NoImportCheck => None,
        };
        let running = Running {
            zebra: self.running(Daemon::Zebra).await?,
            staticd,
            bfdd: self.running(Daemon::Bfdd).await?,
            bgpd: self.running(Daemon::Bgpd).await?,
        };
        Ok(read::owned(&running))
    }

    async fn running(&self, daemon: Daemon) -> Result<String, FrrError> {
        Vty::connect(&self.vty_dir, daemon).await?.run("show running-config").await
    }

    /// A cheap look at every session.
    pub async fn observe(&self) -> Result<Observed, FrrError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        let mut bfdd = Vty::connect(&self.vty_dir, Daemon::Bfdd).await?;
        Ok(Observed {
            neighbors: state::neighbors(&bgpd.json("show bgp summary json").await?),
            bfd: state::bfd(&bfdd.json("show bfd peers json").await?),
        })
    }

    /// What costs more to ask about one neighbour.
    pub async fn detail(&self, address: IpAddr) -> Result<NeighborDetail, FrrError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        let answer = bgpd.json(&format!("show bgp neighbors {address} json")).await?;
        Ok(state::detail(&answer))
    }

    /// Our LAGs and their state.
    pub async fn lags(&self) -> Result<lag::Observed, FrrError> {
        Ok(lag::read(&self.lag).await?)
    }

    /// Closes an established session; the router opens it again by itself.
    pub async fn clear(&self, address: IpAddr) -> Result<(), FrrError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        bgpd.run(&format!("clear bgp {address}")).await.map(drop)
    }

    /// Plans the way from the router as it is to an intent. Changes nothing.
    pub async fn plan(&self, intent: &RouterIntent, gates: &Gates) -> Result<Plan, FrrError> {
        check::intent(intent)?;
        let have = self.read().await?;
        let have_lags = self.lags().await?.lags;
        let mut want = render(intent, gates, self.origination());
        want.adopt_instance(&have);
        let want_lags = wanted_lags(intent);
        let mut plan = Plan::between(have, want, have_lags, want_lags);
        // Moving members takes the link down for a moment, and the sessions on it.
        let moved =
            |lag: &str| plan.have_lags.get(lag).is_some_and(|have| Some(have) != plan.want_lags.get(lag));
        let on_moved: Vec<String> =
            intent.sessions.iter().filter(|s| moved(&s.lag)).map(|s| s.peer_address.to_string()).collect();
        plan.change.disrupted.extend(on_moved);
        Ok(plan)
    }

    /// Checks a plan; `established` are the neighbours that are up. Changes nothing.
    pub async fn check(&self, plan: &Plan, established: &BTreeSet<String>) -> Result<(), FrrError> {
        check::change(&plan.have, &plan.want, &plan.change, established)?;
        let command =
            words(["vtysh", "--vty_socket", &self.vty_dir.to_string_lossy(), "-C", "-f", "/dev/stdin"]);
        match process::run_with_input(&command, &masked(&plan.want.text())).await {
            Err(ProcessError::Failed { said, .. }) => Err(CheckError::Syntax(said).into()),
            // The daemons check each command themselves; this only finds faults earlier.
            Err(error @ (ProcessError::Start { .. } | ProcessError::Timeout { .. })) => {
                tracing::warn!(%error, "applying without a syntax check beforehand");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Does what a plan says and verifies it by reading again. On an error some of it is done;
    /// [`Self::undo`] takes it back.
    pub async fn apply(&self, plan: &Plan) -> Result<(), FrrError> {
        self.run_plan(plan).await?;
        let now = self.read().await?;
        if now.blocks == plan.want.blocks {
            return Ok(());
        }
        Err(FrrError::NotTaken(diff::change(&now, &plan.want).diff))
    }

    /// Takes a plan back, from whatever part of it was done.
    pub async fn undo(&self, plan: &Plan) -> Result<(), FrrError> {
        let undo = plan.undo(self.read().await?, self.lags().await?.lags);
        self.apply(&undo).await
    }

    /// Runs the commands between two configurations that are known, such as opening a gate.
    pub async fn run_change(&self, change: &Change) -> Result<(), FrrError> {
        self.run_steps(&change.steps).await
    }

    async fn run_plan(&self, plan: &Plan) -> Result<(), FrrError> {
        for (name, members) in &plan.want_lags {
            if plan.have_lags.get(name) != Some(members) {
                lag::ensure(&self.lag, name, members).await?;
                self.run_steps(&members_up(members)).await?;
            }
        }
        self.run_steps(&plan.change.steps).await?;
        for name in plan.have_lags.keys().filter(|n| !plan.want_lags.contains_key(*n)) {
            lag::remove(&self.lag, name).await?;
            self.run_steps(&[forget_interface(name)]).await?;
        }
        Ok(())
    }

    async fn run_steps(&self, steps: &[Step]) -> Result<(), FrrError> {
        let mut open: BTreeMap<Daemon, Vty> = BTreeMap::new();
        for step in steps {
            let vty = match open.entry(step.daemon) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let mut vty = Vty::connect(&self.vty_dir, step.daemon).await?;
                    vty.run("configure terminal").await?;
                    entry.insert(vty)
                }
            };
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
        }
        Ok(())
    }
}

/// The LAGs of an intent, in the form in which they are read.
fn wanted_lags(intent: &RouterIntent) -> Lags {
    let sorted = |members: &[String]| {
        let mut members = members.to_vec();
        members.sort_unstable();
        members
    };
    intent.lags.iter().map(|l| (l.name.clone(), sorted(&l.members))).collect()
}

fn lag_diff(have: &Lags, want: &Lags) -> String {
    let mut diff = String::new();
    let names: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
    for name in names {
        let (have, want) = (have.get(name), want.get(name));
        if have == want {
            continue;
        }
        let _ = writeln!(diff, "@@ lag {name} @@");
        for (sign, members) in [('-', have), ('+', want)] {
            if let Some(members) = members {
                let _ = writeln!(diff, "{sign}members {}", members.join(" "));
            }
        }
    }
    diff
}

fn members_up(members: &[String]) -> Vec<Step> {
    members
        .iter()
        .map(|member| Step {
            daemon: Daemon::Zebra,
            context: vec![format!("interface {member}")],
            commands: vec!["no shutdown".to_owned()],
            tolerant: true,
        })
        .collect()
}

fn forget_interface(name: &str) -> Step {
    Step {
        daemon: Daemon::Zebra,
        context: vec![],
        commands: vec![format!("no interface {name}")],
        tolerant: true,
    }
}
