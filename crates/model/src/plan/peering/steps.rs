//! The next step of one connection, stage by stage: where deadlines, checks and allocations are
//! decided. Gives effects; changes nothing.

use super::{Effect, Input, apply};
use crate::allocation::SubnetUse;
use crate::connection::*;
use crate::mail::{MailIntent, Milestone};
use crate::peer_asn::{AsnState, Decision};
use crate::plan::approval::{checks, ports_for, routers_of};
use crate::plan::place::{taken_by, taken_message};
use crate::plan::validation::{Observed, findings};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What others may free (ports, addresses) is looked for again after this time.
const UNMET_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Plans connection after connection; what an earlier one takes isn't free for the next.
pub(super) struct Step<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) now: Timestamp,
    pub(super) ports: BTreeSet<(String, String)>,
    pub(super) routers: BTreeMap<i64, String>,
    pub(super) subnets: Vec<SubnetUse>,
}

impl Step<'_> {
    /// What is to be done about `connection` now.
    pub(super) fn plan(&mut self, connection: &Connection, observed: &Observed) -> Vec<Effect> {
        match connection.state {
            ConnectionState::Onboarding(stage) => match stage {
                Stage::PendingApproval => self.pending(connection),
                Stage::Approved => self.approved(connection, observed),
                Stage::ProvisioningStarted => self.started(connection, observed),
                Stage::ProvisioningCompleted => self.completed(connection, observed),
                Stage::Validating => self.validating(connection, observed),
            },
            ConnectionState::ProvisioningFailed(stage) => self.failed(connection, stage, observed),
            ConnectionState::ExternalBlocker(stage) => self.blocked(connection, stage, observed),
            ConnectionState::Active => self.active(connection, observed),
            // Conversion is asked for by nothing yet; these states are only kept.
            ConnectionState::TypeChangeRequested | ConnectionState::TypeChangeInProgress => Vec::new(),
        }
    }

    fn pending(&mut self, connection: &Connection) -> Vec<Effect> {
        let input = self.input;
        let mut effects = vec![Effect::Mail(self.occurrence(
            connection,
            Milestone::PeeringRequested,
            "The request is being checked; approval comes by mail.",
        ))];
        let Some(decision) = &connection.decision else {
            let found = checks(
                input.inventory,
                input.peering,
                input.connections,
                connection,
                input.asn,
                &self.ports,
                input.rivals,
            );
            let failing: Vec<String> = found.iter().filter(|c| !c.ok).map(|c| c.message.clone()).collect();
            if failing.is_empty() && input.policy.connections_automatic {
                effects.push(Effect::Decide {
                    connection: connection.id,
                    decision: Decision {
                        approved: true,
                        by: "policy:connections_automatic".into(),
                        reason: "every check passed".into(),
                        at: self.now,
                        checks: found,
                    },
                });
            } else {
                let message = (!failing.is_empty()).then(|| failing.join("; "));
                effects.extend(self.tell(connection, message));
            }
            return effects;
        };
        if !decision.approved {
            effects.push(Effect::Mail(
                self.occurrence(
                    connection,
                    Milestone::ConnectionRefused,
                    "Mend what the reason names and ask again.",
                )
                .with("Reason", &decision.reason),
            ));
            effects.push(self.transition(
                connection,
                ConnectionEvent::HostFailed,
                Some(decision.reason.clone()),
            ));
        } else if let Some(other) = taken_by(input.peering, input.connections, input.rivals) {
            effects.extend(self.tell(connection, Some(taken_message(input.peering, other))));
        } else if input.asn.is_some_and(|a| a.state == AsnState::Approved) {
            effects.push(Effect::Mail(self.mail(
                connection,
                Milestone::ConnectionApproved,
                "Ports are being reserved; the letter of authorization follows.",
            )));
            effects.push(self.transition(connection, ConnectionEvent::Approve, None));
        } else {
            effects.extend(self.tell(connection, Some("approved; waits for the ASN to be approved".into())));
        }
        effects
    }

    fn approved(&mut self, connection: &Connection, observed: &Observed) -> Vec<Effect> {
        if connection.ports.is_none() {
            return self.reserve(connection);
        }
        if let Some(why) = refused_by_router(connection, observed) {
            return self.fail(connection, why);
        }
        if observed.lag.is_none() {
            return Vec::new();
        }
        let missing = match self.allocate(connection) {
            Ok(missing) => missing,
            Err(e) => return self.fail(connection, e),
        };
        let mail = self.addresses(connection, &missing);
        let mut effects = missing;
        effects.push(Effect::Mail(mail));
        effects.push(self.transition(connection, ConnectionEvent::PortConfigured, None));
        effects
    }

    /// Tells the session addresses that a connection has, with those that are being allocated.
    fn addresses(&self, connection: &Connection, allocations: &[Effect]) -> MailIntent {
        let mut given = connection.clone();
        for effect in allocations {
            apply(&mut given, effect, self.now).expect("an allocation is no transition");
        }
        let mut mail = self.mail(
            &given,
            Milestone::PortConfigured,
            "Have the cross-connect made; configure LACP, BFD and BGP with these addresses.",
        );
        for (name, subnet) in given.sessions() {
            mail.key = format!("{}/{name}", mail.key);
            mail =
                mail.with("Session", &format!("{}: you {}, we {}", subnet.prefix, subnet.peer, subnet.host));
        }
        mail
    }

    fn reserve(&mut self, connection: &Connection) -> Vec<Effect> {
        let mut avoid = routers_of(self.input.connections, connection.id);
        avoid.extend(self.routers.values().cloned());
        match ports_for(self.input.inventory, self.input.peering, connection, &avoid, &self.ports) {
            Err(e) => self.fail(connection, e.to_string()),
            Ok(ports) => self.take(connection, ports),
        }
    }

    /// Gives ports to a connection, with the letter that lets them be cabled.
    fn take(&mut self, connection: &Connection, ports: PortAssignment) -> Vec<Effect> {
        self.routers.insert(connection.id, ports.router.clone());
        self.ports.extend(ports.ports.iter().map(|p| (ports.router.clone(), p.clone())));
        let mut effects = vec![Effect::Reserve { connection: connection.id, ports: ports.clone() }];
        effects.extend(self.letter(connection, &ports));
        effects
    }

    fn letter(&self, connection: &Connection, ports: &PortAssignment) -> [Effect; 2] {
        let expires_at = self.now + self.input.timing.loa_valid;
        let mut mail = self
            .mail(connection, Milestone::LoaIssued, "Order the cross-connect with this letter.")
            .with("Router", &ports.router)
            .with("Ports", &ports.ports.join(", "))
            .with("Valid until", &expires_at.to_string());
        mail.key = format!("{}/{}", mail.key, self.now.as_millisecond());
        [Effect::IssueLoa { connection: connection.id, expires_at }, Effect::Mail(mail)]
    }

    fn started(&mut self, connection: &Connection, observed: &Observed) -> Vec<Effect> {
        if let Some(why) = refused_by_router(connection, observed) {
            return self.fail(connection, why);
        }
        let mut effects = Vec::new();
        let light = observed.lag.as_ref().is_some_and(crate::link::LagState::has_light);
        if light && connection.light_at.is_none() {
            effects.push(Effect::Light { connection: connection.id });
            effects.push(Effect::Mail(self.mail(
                connection,
                Milestone::LightSeen,
                "LACP is awaited on every member.",
            )));
        }
        if observed.lag.as_ref().is_some_and(crate::link::LagState::is_up) {
            effects.push(Effect::Mail(self.mail(
                connection,
                Milestone::LagUp,
                "BGP with BFD is being configured on our side; configure it on yours.",
            )));
            effects.push(self.transition(connection, ConnectionEvent::LagUp, None));
        } else if let Some(loa) = connection.loa.as_ref().filter(|_| !light) {
            effects.extend(self.awaiting_light(connection, loa));
        }
        effects
    }

    /// No light yet: the peer is reminded before the letter ends, and blocked once it is overdue.
    fn awaiting_light(&self, connection: &Connection, loa: &Loa) -> Vec<Effect> {
        let timing = self.input.timing;
        let remind = loa.expires_at - timing.loa_reminder;
        let due = loa.expires_at.min(loa.issued_at + timing.light_due);
        if self.now >= due {
            let expired = self.now >= loa.expires_at;
            let (what, milestone) = if expired {
                ("the letter of authorization has expired", Milestone::LoaExpired)
            } else {
                ("no light was seen on the port", Milestone::ConnectionBlocked)
            };
            let what = format!("{what}: the cross-connect is awaited from the peer");
            return vec![
                Effect::Mail(self.mail(connection, milestone, &what)),
                self.transition(connection, ConnectionEvent::PeerOverdue, Some(what)),
            ];
        }
        if self.now < remind {
            return vec![Effect::WakeAt(remind.min(due))];
        }
        let mail = self
            .mail(connection, Milestone::LoaExpiring, "Have the cross-connect made before then.")
            .with("Valid until", &loa.expires_at.to_string());
        vec![Effect::Mail(mail), Effect::WakeAt(due)]
    }

    fn completed(&mut self, connection: &Connection, observed: &Observed) -> Vec<Effect> {
        if let Some(why) = refused_by_router(connection, observed) {
            return self.fail(connection, why);
        }
        if observed.sessions_up(connection) {
            return vec![
                Effect::Mail(self.mail(
                    connection,
                    Milestone::SessionUp,
                    "Routes are received and looked at; they are used once validated.",
                )),
                self.transition(connection, ConnectionEvent::SessionsUp, None),
            ];
        }
        let due = connection.since + self.input.timing.sessions_due;
        if self.now < due {
            return vec![Effect::WakeAt(due)];
        }
        let what = crate::plan::awaited::awaited(connection, observed).what;
        vec![
            Effect::Mail(self.occurrence(connection, Milestone::ConnectionBlocked, &what)),
            self.transition(connection, ConnectionEvent::PeerOverdue, Some(what)),
        ]
    }

    fn validating(&mut self, connection: &Connection, observed: &Observed) -> Vec<Effect> {
        if let Some(why) = refused_by_router(connection, observed) {
            return self.fail(connection, why);
        }
        let nothing = Observed::default();
        let others: Vec<(&Connection, &Observed)> = self
            .input
            .connections
            .iter()
            .map(|c| (c, self.input.observed.get(&c.id).unwrap_or(&nothing)))
            .collect();
        let found = findings(connection, observed, &others);
        if !found.is_empty() {
            return self.tell(connection, Some(found.join("; "))).into_iter().collect();
        }
        vec![
            Effect::Mail(self.mail(
                connection,
                Milestone::ConnectionActive,
                "Register the prefixes of your communications infrastructure.",
            )),
            self.transition(connection, ConnectionEvent::Validated, None),
        ]
    }

    fn failed(&mut self, connection: &Connection, stage: Stage, observed: &Observed) -> Vec<Effect> {
        let gone = match stage {
            Stage::PendingApproval => connection.decision.as_ref().is_none_or(|d| d.approved),
            Stage::Approved if connection.ports.is_none() => {
                let mut avoid = routers_of(self.input.connections, connection.id);
                avoid.extend(self.routers.values().cloned());
                ports_for(self.input.inventory, self.input.peering, connection, &avoid, &self.ports).is_ok()
            }
            // What failed on the router is over only once it holds an intent of now.
            Stage::Approved => observed.confirmed && self.allocate(connection).is_ok(),
            Stage::ProvisioningStarted | Stage::ProvisioningCompleted | Stage::Validating => {
                observed.confirmed
            }
        };
        if gone {
            return vec![self.transition(connection, ConnectionEvent::Resume, None)];
        }
        if stage == Stage::PendingApproval {
            return Vec::new();
        }
        // Why it failed may have changed meanwhile.
        let why = refused_by_router(connection, observed);
        let told = why.and_then(|why| self.tell(connection, Some(why)));
        told.into_iter().chain([Effect::WakeAt(self.now + UNMET_PAUSE)]).collect()
    }

    fn blocked(&mut self, connection: &Connection, stage: Stage, observed: &Observed) -> Vec<Effect> {
        let gone = match stage {
            Stage::PendingApproval | Stage::Approved => true,
            Stage::ProvisioningStarted => observed.lag.as_ref().is_some_and(crate::link::LagState::has_light),
            Stage::ProvisioningCompleted => observed.sessions_up(connection),
            Stage::Validating => true,
        };
        if !gone {
            return self.renewed(connection);
        }
        vec![
            Effect::Mail(self.occurrence(
                connection,
                Milestone::ConnectionUnblocked,
                "What was awaited happened; provisioning goes on.",
            )),
            self.transition(connection, ConnectionEvent::Resume, None),
        ]
    }

    /// An operator's yes after the letter ended issues a new one.
    fn renewed(&self, connection: &Connection) -> Vec<Effect> {
        let (Some(loa), Some(decision), Some(ports)) =
            (&connection.loa, &connection.decision, &connection.ports)
        else {
            return Vec::new();
        };
        if !decision.approved || decision.at < loa.expires_at {
            return Vec::new();
        }
        let mut effects = vec![self.transition(connection, ConnectionEvent::Resume, None)];
        effects.extend(self.letter(connection, ports));
        effects
    }

    /// An Active connection may have been asked for another bandwidth or a second family.
    fn active(&mut self, connection: &Connection, observed: &Observed) -> Vec<Effect> {
        let (mut effects, mut problem) = match self.allocate(connection) {
            Ok(allocations) => (allocations, None),
            Err(e) => (Vec::new(), Some(e)),
        };
        if !effects.is_empty() {
            effects.push(Effect::Mail(self.addresses(connection, &effects)));
        }
        if let Some(ports) = &connection.ports {
            let wanted = (connection.spec.bandwidth_mbps / ports.port_speed_mbps.max(1)) as usize;
            match self.resized(ports, wanted) {
                Some(resized) if resized.ports.len() > ports.ports.len() => {
                    effects.extend(self.take(connection, resized));
                }
                Some(resized) if resized != *ports => {
                    effects.push(Effect::Reserve { connection: connection.id, ports: resized });
                }
                Some(_) => {}
                None => {
                    problem = Some(format!(
                        "{} has no free ports for {} Mbps; it stays at {} links of {} Mbps until there are",
                        ports.router,
                        connection.spec.bandwidth_mbps,
                        ports.ports.len(),
                        ports.port_speed_mbps
                    ));
                }
            }
        }
        if problem.is_some() {
            effects.push(Effect::WakeAt(self.now + UNMET_PAUSE));
        }
        let refused =
            || refused_by_router(connection, observed).map(|why| format!("{why}; it goes on as it was"));
        effects.extend(self.tell(connection, problem.or_else(refused)));
        effects
    }

    /// The ports with as many as are wanted of the same router and speed; `None` when there aren't.
    fn resized(&self, ports: &PortAssignment, wanted: usize) -> Option<PortAssignment> {
        let mut resized = ports.clone();
        let router = self.input.inventory.router(&ports.router);
        let free = router.iter().flat_map(|r| &r.ports).filter(|p| {
            p.speed_mbps == ports.port_speed_mbps
                && !self.ports.contains(&(ports.router.clone(), p.name.clone()))
        });
        let missing = wanted.saturating_sub(ports.ports.len());
        resized.ports.extend(free.take(missing).map(|p| p.name.clone()));
        resized.ports.truncate(wanted.max(1));
        (resized.ports.len() == wanted.max(1)).then_some(resized)
    }

    fn fail(&self, connection: &Connection, why: String) -> Vec<Effect> {
        vec![
            Effect::Mail(
                self.occurrence(
                    connection,
                    Milestone::ConnectionFailed,
                    "Our engineers are told; provisioning goes on by itself once the cause is gone.",
                )
                .with("Reason", &why),
            ),
            self.transition(connection, ConnectionEvent::HostFailed, Some(why)),
        ]
    }

    fn transition(&self, connection: &Connection, event: ConnectionEvent, message: Option<String>) -> Effect {
        Effect::Transition { connection: connection.id, event, message }
    }

    fn tell(&self, connection: &Connection, message: Option<String>) -> Option<Effect> {
        (connection.error_message != message).then_some(Effect::Tell { connection: connection.id, message })
    }

    fn mail(&self, connection: &Connection, milestone: Milestone, next: &str) -> MailIntent {
        let peering = self.input.peering;
        MailIntent {
            key: format!("connection/{}/{milestone:?}", connection.id),
            milestone,
            subject: format!("connection {}", connection.name),
            facts: vec![
                (
                    "Peering".into(),
                    format!("{} (AS{}, {})", peering.name, peering.spec.asn, peering.spec.location),
                ),
                ("Connection".into(), connection.spec.identifier.clone()),
                ("Bandwidth".into(), format!("{} Mbps", connection.spec.bandwidth_mbps)),
            ],
            next: next.to_owned(),
        }
    }

    /// A mail that may come again at a later time.
    fn occurrence(&self, connection: &Connection, milestone: Milestone, next: &str) -> MailIntent {
        let mail = self.mail(connection, milestone, next);
        MailIntent { key: format!("{}/{}", mail.key, connection.since.as_millisecond()), ..mail }
    }
}

/// Why the router won't have the connection as it is; what came of the circumstances is tried again
/// by itself and fails nobody.
fn refused_by_router(connection: &Connection, observed: &Observed) -> Option<String> {
    let fault = observed.apply_fault.as_ref().filter(|fault| fault.is_of_content())?;
    let router = connection.ports.as_ref().map(|p| p.router.as_str()).unwrap_or_default();
    Some(format!("{router}: {}", fault.for_peer()))
}

impl MailIntent {
    fn with(mut self, label: &str, value: &str) -> Self {
        self.facts.push((label.to_owned(), value.to_owned()));
        self
    }
}
