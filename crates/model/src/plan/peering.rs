//! The way of a peering's connections from request to Active and back out (`docs/rules.md` §3).
//!
//! [`plan`] gives the next steps of every connection; [`apply`] is what a step does to the record.
//! Executors write the result and nothing else, so a crash between two steps costs time only.

use super::Timing;
use super::approval::ApprovalPolicy;
use super::place::Rival;
use super::removal;
use super::validation::Observed;
use crate::allocation::SubnetUse;
use crate::connection::*;
use crate::inventory::Inventory;
use crate::mail::MailIntent;
use crate::peer_asn::{Decision, PeerAsn};
use crate::peering::Peering;
use crate::session_space::Registration;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

mod steps;
mod subnets;
use steps::Step;

/// Everything that the next steps depend on.
pub struct Input<'a> {
    /// What the host owns.
    pub inventory: &'a Inventory,
    /// The peering.
    pub peering: &'a Peering,
    /// Its connections.
    pub connections: &'a [Connection],
    /// Its peer ASN; `None` when it is gone.
    pub asn: Option<&'a PeerAsn>,
    /// Which decisions need no operator.
    pub policy: &'a ApprovalPolicy,
    /// How long is waited for what.
    pub timing: &'a Timing,
    /// What is known of each connection, by its id.
    pub observed: &'a BTreeMap<i64, Observed>,
    /// Every (router, port) in use by any peering.
    pub ports_in_use: &'a BTreeSet<(String, String)>,
    /// Every subnet in use or resting in the pools of the peering's location.
    pub subnets: &'a [SubnetUse],
    /// Registered prefixes, anybody's, that overlap a subnet that the peer gave.
    pub registrations: &'a [Registration],
    /// Other peerings of its ASN, location and offering, whose claims are approved.
    pub rivals: &'a [Rival],
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Record a policy's decision on a connection.
    Decide {
        /// The connection.
        connection: i64,
        /// The decision.
        decision: Decision,
    },
    /// Move a connection, with what to tell.
    Transition {
        /// The connection.
        connection: i64,
        /// What happened.
        event: ConnectionEvent,
        /// Its error message from now on.
        message: Option<String>,
    },
    /// Give ports to a connection (also another number of them), in place of those it has.
    Reserve {
        /// The connection.
        connection: i64,
        /// The ports.
        ports: PortAssignment,
    },
    /// Issue a letter of authorization; its code is drawn by the executor.
    IssueLoa {
        /// The connection.
        connection: i64,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Give a session subnet to a connection.
    Allocate {
        /// The connection.
        connection: i64,
        /// The subnet.
        subnet: SessionSubnet,
    },
    /// Record that light was seen.
    Light {
        /// The connection.
        connection: i64,
    },
    /// Change what is told about a connection, without moving it.
    Tell {
        /// The connection.
        connection: i64,
        /// The message.
        message: Option<String>,
    },
    /// Begin a step of a removal.
    Remove {
        /// The connection.
        connection: i64,
        /// The step.
        step: RemovalStep,
    },
    /// Delete a connection's record: frees its ports and rests its addresses.
    Forget {
        /// The connection.
        connection: i64,
    },
    /// Delete the peering's record.
    ForgetPeering,
    /// Send this, once.
    Mail(MailIntent),
    /// Plan again then, whatever happens until then.
    WakeAt(Timestamp),
}

impl Effect {
    /// True for effects that don't change a record: planning again repeats them harmlessly.
    pub fn is_repeatable(&self) -> bool {
        matches!(self, Self::Mail(_) | Self::WakeAt(_))
    }
}

/// The next steps of every connection of the peering. Executing them and planning again converges.
pub fn plan(input: &Input<'_>, now: Timestamp) -> Vec<Effect> {
    let nothing = Observed::default();
    let mut effects = Vec::new();
    // What an earlier connection reserves in this very plan isn't free for the next.
    let mut step = Step {
        input,
        now,
        ports: input.ports_in_use.clone(),
        routers: BTreeMap::new(),
        subnets: input.subnets.to_vec(),
    };
    for connection in input.connections {
        let observed = input.observed.get(&connection.id).unwrap_or(&nothing);
        match connection.removal {
            Some(removal) => effects.extend(removal::plan(connection, removal, observed, input.timing, now)),
            None if input.peering.deleting => {
                effects.push(Effect::Remove {
                    connection: connection.id,
                    step: removal::first_step(connection),
                });
            }
            None => effects.extend(step.plan(connection, observed)),
        }
    }
    if input.peering.deleting && input.connections.is_empty() {
        effects.push(Effect::ForgetPeering);
    }
    effects
}

/// What an effect does to a connection's record. Effects that don't concern the record
/// (mails, wake-ups, deletions) leave it as it is.
pub fn apply(connection: &mut Connection, effect: &Effect, now: Timestamp) -> Result<(), IllegalTransition> {
    match effect {
        Effect::Decide { decision, .. } => connection.decision = Some(decision.clone()),
        Effect::Transition { event, message, .. } => {
            connection.state = connection.state.on(*event)?;
            connection.since = now;
            connection.reached.note(*event, now);
            connection.error_message.clone_from(message);
            if connection.state == ConnectionState::Active && connection.active_at.is_none() {
                connection.active_at = Some(now);
            }
        }
        Effect::Reserve { ports, .. } => connection.ports = Some(ports.clone()),
        Effect::Allocate { subnet, .. } => {
            let slot =
                if subnet.prefix.is_ipv4() { &mut connection.subnet_v4 } else { &mut connection.subnet_v6 };
            *slot = Some(*subnet);
        }
        Effect::Light { .. } => connection.light_at = Some(now),
        Effect::Tell { message, .. } => connection.error_message.clone_from(message),
        Effect::Remove { step, .. } => connection.removal = Some(Removal { step: *step, since: now }),
        Effect::IssueLoa { .. }
        | Effect::Forget { .. }
        | Effect::ForgetPeering
        | Effect::Mail(_)
        | Effect::WakeAt(_) => {}
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
