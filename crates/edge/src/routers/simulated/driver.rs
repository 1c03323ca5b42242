//! The simulated router as every driver shows its own. What it knows lies above.

use super::*;

impl Driver for Simulated {
    type Steps = Steps;

    async fn observe(&self) -> Result<Observed, DriverError> {
        self.answer().await?;
        let (state, now) = (self.now(), Instant::now());
        let sessions = state.sessions.iter();
        Ok(Observed {
            neighbors: sessions.clone().map(|(a, s)| (*a, state.neighbor(s, now))).collect(),
            bfd: sessions.map(|(a, s)| (*a, State::bfd(s, now))).collect(),
            bfd_error: None,
        })
    }

    async fn lags(&self) -> Result<BTreeMap<String, LagState>, DriverError> {
        self.answer().await?;
        let member = MemberState { carrier: true, collecting: true, distributing: true };
        let state = self.now();
        let lags = state.units.values().flat_map(|s| &s.unit.intent.lags);
        let up =
            |members: &[String]| LagState { members: members.iter().map(|m| (m.clone(), member)).collect() };
        Ok(lags.map(|lag| (lag.name.clone(), up(&lag.members))).collect())
    }

    async fn counters(&self) -> Result<BTreeMap<String, Counters>, DriverError> {
        self.answer().await?;
        Ok(BTreeMap::new())
    }

    async fn detail(&self, _: IpAddr) -> Result<NeighborDetail, DriverError> {
        self.answer().await?;
        Ok(NeighborDetail { router_id: Some("198.19.255.1".into()), down: None })
    }

    async fn clear(&self, address: IpAddr) -> Result<(), DriverError> {
        self.answer().await?;
        self.flap(address, Duration::ZERO);
        Ok(())
    }

    async fn repeat_received(&self, _: IpAddr) -> Result<(), DriverError> {
        self.answer().await
    }

    async fn plan(
        &self,
        targets: &[Target],
        gates: &BTreeMap<String, bool>,
    ) -> Result<Plan<Steps>, DriverError> {
        self.answer().await?;
        let state = self.now();
        let mut changes = Vec::new();
        let mut moved = BTreeSet::new();
        let named: BTreeSet<&UnitName> = targets.iter().map(|t| &t.name).collect();
        let strays = state.units.keys().filter(|name| !named.contains(name));
        let strays = strays.map(|name| Target { name: name.clone(), stands: None, wants: None });
        for target in targets.iter().cloned().chain(strays) {
            let standing = state.units.get(&target.name);
            let stands = standing.filter(|s| !s.is_odd).map(|s| &s.unit);
            let sessions = target.stands.iter().flat_map(|unit| unit.sessions());
            moved.extend(
                sessions
                    .map(|s| s.name.clone())
                    .filter(|name| gates.get(name).is_some_and(|open| state.gates.get(name) != Some(open))),
            );
            let is_odd = standing.is_some_and(|s| s.is_odd);
            if !is_odd && stands == target.wants.as_ref() {
                continue;
            }
            let drifts = target.stands.is_some() && (is_odd || stands != target.stands.as_ref());
            changes.push(UnitChange {
                diff: format!("@@ {} @@\n", target.name),
                drift: if drifts { format!("@@ {} by hand @@\n", target.name) } else { String::new() },
                disturbs: disturbed(standing.map(|s| &*s.unit), target.wants.as_deref()),
                fault: None,
                is_new: standing.is_none(),
                steps: Steps { unit: target.name.clone(), wants: target.wants.clone(), left: STEPS },
                unit: target.name,
            });
        }
        Ok(Plan { changes, gates_moved: moved, unused: None })
    }

    async fn check(&self, _: &mut [UnitChange<Steps>]) {}

    async fn prepare(&self, _: &mut [(UnitName, Steps)]) -> Result<(), DriverError> {
        Ok(())
    }

    async fn next_step(&self, steps: &mut Steps) -> Result<Progress, DriverError> {
        self.answer().await?;
        let mut state = self.now();
        if state.refused.contains(&steps.unit) && steps.left < STEPS && steps.wants.is_some() {
            if let Some(standing) = state.units.get_mut(&steps.unit) {
                standing.is_odd = true;
            }
            return Err(DriverError::Fault(UnitFault::RouterRefused { said: "it refuses it".into() }));
        }
        let is_as_wanted =
            state.units.get(&steps.unit).is_some_and(|s| !s.is_odd && Some(&s.unit) == steps.wants.as_ref());
        if is_as_wanted {
            let violation = format!("{} was changed though it was as it should be", steps.unit);
            state.violations.push(violation);
        }
        steps.left -= 1;
        if steps.left > 0 {
            return Ok(Progress::More);
        }
        if !state.ignored.contains(&steps.unit) {
            let reset = disturbed(state.units.get(&steps.unit).map(|s| &*s.unit), steps.wants.as_deref());
            reset.into_iter().for_each(|address| state.fall(address));
            state.become_unit(&steps.unit, steps.wants.clone());
        }
        Ok(Progress::Done)
    }

    async fn verify(&self, done: &[(UnitName, Steps)]) -> Result<BTreeMap<UnitName, UnitFault>, DriverError> {
        self.answer().await?;
        let state = self.now();
        let taken = |steps: &Steps| match (state.units.get(&steps.unit), &steps.wants) {
            (Some(standing), Some(wants)) => !standing.is_odd && standing.unit == *wants,
            (None, None) => true,
            _ => false,
        };
        let not = done.iter().filter(|(_, steps)| !taken(steps));
        Ok(not.map(|(name, _)| (name.clone(), UnitFault::NotTaken { diff: String::new() })).collect())
    }

    async fn set_gates(&self, changes: &[GateChange]) -> Result<BTreeSet<String>, DriverError> {
        self.answer().await?;
        let mut state = self.now();
        let mut missing = BTreeSet::new();
        for change in changes {
            match state.gates.get_mut(&change.session) {
                Some(open) => *open = change.open,
                None => drop(missing.insert(change.session.clone())),
            }
        }
        Ok(missing)
    }

    /// Every established neighbour brings what its policy names.
    async fn paths(&self, prefixes: &[Prefix]) -> Result<BTreeMap<Prefix, Vec<RouterPath>>, DriverError> {
        self.answer().await?;
        let state = self.now();
        let mut paths: BTreeMap<Prefix, Vec<RouterPath>> = BTreeMap::new();
        for session in state.units.values().flat_map(|standing| standing.unit.sessions()) {
            let known = state.sessions.get(&session.peer_address);
            let brings = known.is_some_and(|s| s.established_since.is_some());
            if !brings || state.filtered.contains(&session.peer_address) {
                continue;
            }
            let is_open = state.gates.get(&session.name) == Some(&true);
            for of in session.policy.prefixes.iter().filter(|p| prefixes.contains(&p.prefix)) {
                let preference = match session.phase {
                    SessionPhase::Draining => LOCAL_PREF_LAST_RESORT,
                    _ => of.role.local_pref(),
                };
                paths.entry(of.prefix).or_default().push(RouterPath {
                    from: Some(session.peer_address),
                    is_valid: is_open,
                    is_best: false,
                    local_pref: Some(if is_open { preference } else { LOCAL_PREF_LAST_RESORT }),
                });
            }
        }
        Ok(paths)
    }

    async fn prove_coupling(&self) -> Result<Found, DriverError> {
        self.answer().await?;
        let detection_ms = 300;
        let fell = Found::Fell { after_ms: 300, detection_ms };
        Ok(if self.now().couples { fell } else { Found::Stood { waited_ms: 1300, detection_ms } })
    }

    async fn route(&self, _: Prefix) -> Result<String, DriverError> {
        self.answer().await?;
        Ok("Network not in table".into())
    }
}

/// Sessions that a change resets: those that go, and those whose key changes.
fn disturbed(before: Option<&Unit>, after: Option<&Unit>) -> BTreeSet<IpAddr> {
    let key = |unit: Option<&Unit>, address: IpAddr| {
        let session = unit.and_then(|u| u.sessions().iter().find(|s| s.peer_address == address));
        session.map(|s| s.md5_key.clone())
    };
    let addresses = before.iter().flat_map(|unit| unit.sessions()).map(|s| s.peer_address);
    addresses.filter(|a| key(before, *a) != key(after, *a)).collect()
}
