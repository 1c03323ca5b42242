//! Reconciles one peering with its connections (`docs/rules.md` §3).
//!
//! Plans until nothing more is to do, all in one transaction: a crash leaves either the records
//! from before or those after, and the routers follow the records.

use super::{MailContext, Outcome, enqueue_mail, inventory, peering_path, replan_routers};
use crate::settings::Settings;
use crate::{ControlError, now};
use jiff::Timestamp;
use meetme_model::allocation::SubnetUse;
use meetme_model::connection::{Connection, Loa};
use meetme_model::inventory::Inventory;
use meetme_model::peering::{AddressProvider, Peering};
use meetme_model::plan::peering::{Effect, Input, apply, plan};
use meetme_model::plan::validation::Observed;
use meetme_model::session_space::Registration;
use meetme_store::{self as store, Store, Tx, WorkKind};
use std::collections::{BTreeMap, BTreeSet};

/// A plan moves every connection through at most all of its states; more rounds are a defect.
const MAX_ROUNDS: usize = 32;

pub(crate) async fn reconcile(store: &Store, settings: &Settings, id: i64) -> Result<Outcome, ControlError> {
    let now = now();
    let mut tx = store.begin().await?;
    let (peering, connections) = match store::peering_lock(&mut tx, id).await {
        Err(store::StoreError::NotFound { .. }) => return Ok(Outcome::Settled),
        locked => locked?,
    };
    let inventory = inventory(&mut tx).await?;
    let asn = store::peer_asn_get(&mut tx, &peering.subscription, &peering.spec.peer_asn_name).await?;
    let mut observations = BTreeMap::new();
    for connection in &connections {
        observations.insert(connection.id, store::connection_observed(&mut tx, connection).await?);
    }
    let routers: Vec<&str> = inventory
        .routers
        .iter()
        .filter(|r| inventory.location_of(r).is_some_and(|l| l.name == peering.spec.location))
        .map(|r| r.name.as_str())
        .collect();
    let rivals = store::peering_rivals(&mut tx, &peering).await?;
    let registrations = registrations(&mut tx, &connections).await?;
    let mut run = Run {
        ports: store::ports_used_on(&mut tx, &routers).await?.into_iter().collect(),
        subnets: subnets(&mut tx, &inventory, &peering, &connections).await?,
        connections,
        mails: Vec::new(),
        wake_at: None,
        forgotten: false,
    };
    // Before and after: a connection that goes leaves a router, one that comes joins another, and
    // whatever asked for this look (an MD5 key, a limit) may concern those in between.
    replan_routers(&mut tx, peering.spec.asn).await?;
    for round in 0.. {
        if round == MAX_ROUNDS {
            return Err(ControlError::Restless(peering.name));
        }
        let effects = plan(
            &Input {
                inventory: &inventory,
                peering: &peering,
                connections: &run.connections,
                asn: asn.as_ref(),
                policy: &settings.policy,
                timing: &settings.timing,
                observed: &observations as &BTreeMap<i64, Observed>,
                ports_in_use: &run.ports,
                subnets: &run.subnets,
                registrations: &registrations,
                rivals: &rivals,
            },
            now,
        );
        let settled = effects.iter().all(Effect::is_repeatable);
        for effect in &effects {
            run.execute(&mut tx, effect, now).await?;
        }
        if settled || run.forgotten {
            break;
        }
    }
    if run.forgotten {
        store::peering_delete(&mut tx, peering.id, now).await?;
        // Its place is free now.
        for rival in &rivals {
            store::work_enqueue(&mut tx, WorkKind::Peering, &rival.peering.id.to_string(), now).await?;
        }
    } else {
        for connection in &run.connections {
            store::connection_update(&mut tx, connection).await?;
        }
    }
    replan_routers(&mut tx, peering.spec.asn).await?;
    let context = MailContext {
        host_name: &inventory.host.name,
        subscription: &peering.subscription,
        resource_id: peering_path(&peering),
        contacts: asn.as_ref().map_or(&[], |a| &a.spec.contacts),
    };
    for mail in &run.mails {
        enqueue_mail(&mut tx, &context, mail).await?;
    }
    tx.commit().await?;
    Ok(run.wake_at.map_or(Outcome::Settled, Outcome::LookAgainAt))
}

/// Subnets in use or resting in the pools of the peering's location, and around those that the peer
/// gave.
async fn subnets(
    tx: &mut Tx,
    inventory: &Inventory,
    peering: &Peering,
    connections: &[Connection],
) -> Result<Vec<SubnetUse>, ControlError> {
    let pools = inventory.pools.iter().filter(|p| p.location == peering.spec.location).map(|p| p.prefix);
    let given = connections.iter().flat_map(|c| [c.spec.session_prefix_v4, c.spec.session_prefix_v6]);
    let mut all = Vec::new();
    for prefix in pools.chain(given.flatten()).collect::<BTreeSet<_>>() {
        for used in store::subnets_overlapping(tx, prefix).await? {
            let freed_at = used.freed_at.filter(|_| used.connection_id.is_none());
            all.push(SubnetUse { prefix: used.prefix, freed_at });
        }
    }
    Ok(all)
}

/// Registered prefixes around and in the subnets that the peer gave and that aren't allocated yet.
async fn registrations(tx: &mut Tx, connections: &[Connection]) -> Result<Vec<Registration>, ControlError> {
    let mut all = Vec::new();
    for given in connections.iter().flat_map(Connection::given_and_not_allocated) {
        all.extend(store::registrations_overlapping(tx, given).await?);
    }
    Ok(all)
}

/// Records while a plan is executed.
struct Run {
    connections: Vec<Connection>,
    ports: BTreeSet<(String, String)>,
    subnets: Vec<SubnetUse>,
    mails: Vec<meetme_model::mail::MailIntent>,
    wake_at: Option<Timestamp>,
    forgotten: bool,
}

impl Run {
    async fn execute(&mut self, tx: &mut Tx, effect: &Effect, now: Timestamp) -> Result<(), ControlError> {
        match effect {
            Effect::Mail(mail) => {
                if !self.mails.iter().any(|m| m.key == mail.key) {
                    self.mails.push(mail.clone());
                }
            }
            Effect::WakeAt(at) => self.wake_at = Some(self.wake_at.map_or(*at, |w| w.min(*at))),
            Effect::ForgetPeering => self.forgotten = true,
            Effect::Forget { connection } => {
                if self.record(*connection).spec.address_provider == AddressProvider::Peer {
                    store::subnets_forget(tx, *connection).await?;
                }
                store::connection_delete(tx, *connection, now).await?;
                self.connections.retain(|c| c.id != *connection);
            }
            Effect::Reserve { connection, ports } => {
                // What it had is given back first: another number of ports may be a subset.
                store::ports_free(tx, *connection).await?;
                store::port_assign(tx, *connection, &ports.router, &ports.ports).await?;
                self.ports.extend(ports.ports.iter().map(|p| (ports.router.clone(), p.clone())));
                apply(self.record(*connection), effect, now)?;
            }
            Effect::Allocate { connection, subnet } => {
                store::subnet_take(tx, *connection, subnet.prefix).await?;
                self.subnets.push(SubnetUse { prefix: subnet.prefix, freed_at: None });
                apply(self.record(*connection), effect, now)?;
            }
            Effect::IssueLoa { connection, expires_at } => {
                let code = format!("LOA-{}", uuid::Uuid::new_v4().simple()).to_uppercase();
                self.record(*connection).loa =
                    Some(Loa { code: code[..16].to_owned(), issued_at: now, expires_at: *expires_at });
            }
            Effect::Decide { connection, .. }
            | Effect::Transition { connection, .. }
            | Effect::Light { connection }
            | Effect::Tell { connection, .. }
            | Effect::Remove { connection, .. } => apply(self.record(*connection), effect, now)?,
        }
        Ok(())
    }

    fn record(&mut self, id: i64) -> &mut Connection {
        self.connections
            .iter_mut()
            .find(|c| c.id == id)
            .expect("a plan speaks only of the connections that it was given")
    }
}
