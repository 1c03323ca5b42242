//! Reading and changing one FRR router: plan, apply, verify, undo.
//!
//! A [`Plan`] holds everything that applying and undoing need, so neither decides anything. What
//! is true is on the router: after a crash in the middle, the next plan starts from what it reads.

use super::check::{self, CheckError};
use super::contact;
use super::diff::{self, Change, Step};
use super::error::FrrError;
use super::owned::{Owned, masked};
use super::read::{self, Running};
use super::render::{Origination, render};
use super::state;
use super::vty::{Daemon, Vty, socket};
use crate::lag::counters::{self, Counters};
use crate::lag::{self, Lags};
use crate::process::{self, ProcessError, words};
use crate::routers::{Bfd, Gates, Neighbor, NeighborDetail};
use meetme_model::intent::RouterIntent;
use meetme_model::inventory::LagBackend;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

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

    /// How the router differs from what was applied to it, as a unified diff, secrets masked.
    pub fn drift_from(&self, applied: &RouterIntent, owned: &Owned) -> String {
        lag_diff(&self.have_lags, &wanted_lags(applied)) + &diff::change(&self.have, owned).diff
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

    /// The owned part of the running configuration.
    pub async fn read(&self) -> Result<Owned, FrrError> {
        Ok(read::owned(&contact::running(self, self.origination()).await?))
    }

    pub(super) async fn running(&self, daemon: Daemon) -> Result<String, FrrError> {
        Vty::connect(&self.vty_dir, daemon).await?.run("show running-config").await
    }

    /// What is ours of the BGP configuration alone, which needs no other daemon to answer.
    pub async fn read_bgp(&self) -> Result<Owned, FrrError> {
        let running = Running { bgpd: self.running(Daemon::Bgpd).await?, ..Running::default() };
        Ok(read::owned(&running))
    }

    /// A cheap look at every BGP neighbour.
    pub async fn neighbors(&self) -> Result<BTreeMap<IpAddr, Neighbor>, FrrError> {
        let mut bgpd = Vty::connect(&self.vty_dir, Daemon::Bgpd).await?;
        Ok(state::neighbors(&bgpd.json("show bgp summary json").await?))
    }

    /// A cheap look at every BFD session.
    pub async fn bfd(&self) -> Result<BTreeMap<IpAddr, Bfd>, FrrError> {
        let mut bfdd = Vty::connect(&self.vty_dir, Daemon::Bfdd).await?;
        Ok(state::bfd(&bfdd.json("show bfd peers json").await?))
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

    /// What every interface has counted.
    pub async fn counters(&self) -> Result<BTreeMap<String, Counters>, FrrError> {
        Ok(counters::read(&self.lag).await?)
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
        for (name, kept) in releasing(&plan.have_lags, &plan.want_lags) {
            match kept.is_empty() {
                true => lag::remove(&self.lag, &name).await?,
                false => lag::ensure(&self.lag, &name, &kept).await?,
            }
        }
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
        let owners = contact::owners(self, steps.iter().map(|s| s.daemon)).await?;
        for step in steps {
            let vty = match open.entry(owners(step.daemon)) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let mut vty = Vty::connect(&self.vty_dir, owners(step.daemon)).await?;
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

/// LAGs that have to let go of a member before another LAG can take it, with what they keep: a
/// port is in one LAG at a time.
fn releasing(have: &Lags, want: &Lags) -> Lags {
    let goes = |name: &str, member: &String| {
        want.iter().any(|(other, members)| other != name && members.contains(member))
    };
    have.iter()
        .filter(|(name, members)| members.iter().any(|m| goes(name, m)))
        .map(|(name, members)| {
            let wanted = want.get(name).map(Vec::as_slice).unwrap_or_default();
            (name.clone(), members.iter().filter(|m| wanted.contains(m)).cloned().collect())
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lags(lags: &[(&str, &[&str])]) -> Lags {
        lags.iter().map(|(n, m)| (n.to_string(), m.iter().map(|m| m.to_string()).collect())).collect()
    }

    #[test]
    fn a_port_leaves_one_lag_before_another_takes_it() {
        let have = lags(&[("lag1", &["et1"]), ("lag2", &["et2", "et3"]), ("lag3", &["et4"])]);
        let taken = lags(&[("lag1", &["et1", "et2", "et4"]), ("lag2", &["et3"])]);
        assert_eq!(releasing(&have, &taken), lags(&[("lag2", &["et3"]), ("lag3", &[])]));
        let swapped = lags(&[("lag1", &["et4"]), ("lag2", &["et2", "et3"]), ("lag3", &["et1"])]);
        assert_eq!(releasing(&have, &swapped), lags(&[("lag1", &[]), ("lag3", &[])]));
        let shrunk = lags(&[("lag1", &["et1"]), ("lag2", &["et3"])]);
        assert_eq!(releasing(&have, &shrunk), Lags::new(), "nobody waits for these ports");
    }

    #[test]
    fn what_was_changed_by_hand_is_told_from_what_was_applied() {
        let intent = crate::routers::frr::fixture::intent(1, meetme_model::intent::SessionPhase::Open);
        let applied = render(&intent, &Gates::new(), Origination::Statics);
        let mut plan = Plan { have: applied.clone(), have_lags: wanted_lags(&intent), ..Plan::default() };
        assert_eq!(plan.drift_from(&intent, &applied), "");
        let key = super::super::owned::Key::Neighbor("198.18.192.2".into());
        plan.have.blocks.get_mut(&key).unwrap().push("weight 10".into());
        plan.have_lags.clear();
        let drift = plan.drift_from(&intent, &applied);
        assert!(drift.contains("-weight 10") && drift.contains("+members et1 et2"), "{drift}");
    }
}
