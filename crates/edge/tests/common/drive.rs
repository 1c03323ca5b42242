//! A driver without its machine: what an intent needs is planned, checked, made and read back at once.

use meetme_edge::routers::frr::Frr;
use meetme_edge::routers::{Driver, DriverError, GateChange, Gates, Progress, Target};
use meetme_model::intent::RouterIntent;
use meetme_model::unit::{UnitFault, UnitName, units};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An intent's units as targets of which nothing is known on the router.
pub fn targets(intent: &RouterIntent) -> Vec<Target> {
    let target = |(name, unit)| Target { name, stands: None, wants: Some(Arc::new(unit)) };
    units(intent).into_iter().map(target).collect()
}

/// What lies between the router and an intent, as it is told.
pub async fn diff(frr: &Frr, intent: &RouterIntent) -> String {
    let plan = frr.plan(&targets(intent), &BTreeMap::new()).await.unwrap();
    plan.changes.into_iter().map(|c| c.diff).collect()
}

/// What changing the router came to.
#[derive(Debug, Default)]
pub struct Made {
    /// The whole difference.
    pub diff: String,
    /// Units that failed.
    pub faults: BTreeMap<UnitName, UnitFault>,
}

/// Makes every change that an intent needs, and sets the gates of its sessions.
pub async fn make(frr: &Frr, intent: &RouterIntent, gates: &Gates) -> Made {
    let mut plan = frr.plan(&targets(intent), &BTreeMap::new()).await.unwrap();
    frr.check(&mut plan.changes).await;
    let (mut made, mut changes, mut done) = (Made::default(), Vec::new(), Vec::new());
    for change in plan.changes {
        made.diff.push_str(&change.diff);
        match change.fault {
            Some(fault) => drop(made.faults.insert(change.unit, fault)),
            None => changes.push((change.unit, change.steps)),
        }
    }
    frr.prepare(&mut changes).await.unwrap();
    for (unit, mut steps) in changes {
        loop {
            match frr.next_step(&mut steps).await {
                Ok(Progress::More) => {}
                Ok(Progress::Done) => {
                    done.push((unit, steps));
                    break;
                }
                Err(DriverError::Fault(fault)) => {
                    made.faults.insert(unit, fault);
                    break;
                }
                Err(error @ DriverError::Unreachable(_)) => panic!("{error}"),
            }
        }
    }
    made.faults.extend(frr.verify(&done).await.unwrap());
    let mut changes = Vec::new();
    for unit in units(intent).into_values() {
        let unit = Arc::new(unit);
        for session in unit.sessions() {
            let open = gates.contains(&session.name);
            changes.push(GateChange { session: session.name.clone(), unit: unit.clone(), open });
        }
    }
    frr.set_gates(&changes).await.unwrap();
    made
}

/// Takes away what nothing refers to any more.
pub async fn tidy(frr: &Frr, intent: &RouterIntent) {
    let plan = frr.plan(&targets(intent), &BTreeMap::new()).await.unwrap();
    let Some(mut steps) = plan.unused else { return };
    while frr.next_step(&mut steps).await.unwrap() == Progress::More {}
}
