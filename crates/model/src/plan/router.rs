//! What a router should be, from the inventory and the connections on it.
//!
//! Pure: the same connections give the same intent, in the same order, so that an unchanged
//! intent is recognised as such.

use crate::asn::{Asn, PublicSpace};
use crate::connection::{Connection, ConnectionState, RemovalStep, Stage};
use crate::intent::*;
use crate::inventory::{Inventory, OfferingKind, Router};
use crate::peering::Peering;
use crate::peering_service::PeeringService;
use crate::prefix::Prefix;
use crate::registered_prefix::{PrefixState, RegisteredPrefix};
use crate::route::{PrefixPolicy, PrefixRole, SessionPolicy};
use crate::secret::NamedSecret;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A prefix that the peer registered, with where it is activated, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerPrefix {
    /// The prefix.
    pub prefix: Prefix,
    /// Primary location of its activation.
    pub primary: Option<String>,
    /// Backup location of its activation.
    pub backup: Option<String>,
}

impl PeerPrefix {
    /// A registration with the service that it is activated in; `None` for one that can never be used.
    pub fn of(registered: &RegisteredPrefix, service: Option<&PeeringService>) -> Option<Self> {
        (registered.verdict.state != PrefixState::Invalid).then(|| Self {
            prefix: registered.prefix,
            primary: service.and_then(|s| s.spec.primary.clone()),
            backup: service.and_then(|s| s.spec.backup.clone()),
        })
    }
}

/// A connection on the router, with what else its sessions need.
pub struct RouterConnection<'a> {
    /// The peering.
    pub peering: &'a Peering,
    /// The connection.
    pub connection: &'a Connection,
    /// Its MD5 key.
    pub md5_key: Option<NamedSecret>,
    /// What the peer registered, on any of its peerings.
    pub prefixes: &'a [PeerPrefix],
    /// ASNs that are registered on this peering: the networks behind its route server.
    pub behind: &'a [Asn],
}

/// AS path of prefixes longer than /24 must be shorter than four (`docs/rules.md` §4).
pub const LONG_PREFIX_MAX_PATH: u8 = 3;

/// The whole intent of `router`, with generation 0: the store counts generations.
pub fn router_intent(
    inventory: &Inventory,
    router: &Router,
    connections: &[RouterConnection<'_>],
) -> RouterIntent {
    let site = inventory.site(&router.site);
    let mut shared = Shared {
        host_space: inventory.host_space().into(),
        space: Arc::new(inventory.host.public_space.clone()),
        registered: BTreeMap::new(),
    };
    let mut ordered: Vec<&RouterConnection<'_>> = connections.iter().collect();
    ordered.sort_by_key(|c| c.connection.id);
    let ibgp = inventory
        .backbone
        .iter()
        .map(|b| (b.name.clone(), b.loopback))
        .chain(inventory.routers.iter().map(|r| (r.name.clone(), r.loopback.into())))
        .filter(|(name, _)| *name != router.name)
        .map(|(name, address)| IbgpNeighbor { name, address, bfd: inventory.host.backbone_bfd })
        .collect();
    RouterIntent {
        router: router.name.clone(),
        generation: 0,
        asn: inventory.host.asn,
        router_id: router.loopback,
        loopback: router.loopback.into(),
        loopback_v6: router.loopback_v6,
        lags: ordered.iter().filter_map(|c| lag(c)).collect(),
        sessions: ordered.iter().flat_map(|c| sessions(inventory, router, c, &mut shared)).collect(),
        ibgp,
        transits: inventory
            .transits
            .iter()
            .filter(|t| t.router == router.name)
            .map(|t| TransitIntent {
                name: t.name.clone(),
                address: t.address,
                asn: t.asn,
                host_space: shared.host_space.clone(),
                space: shared.space.clone(),
            })
            .collect(),
        announced: router.announced.as_ref().unwrap_or(&inventory.host.announced).as_slice().into(),
        bmp: site.and_then(|s| s.bmp),
    }
}

/// Lists that sessions of the router have in common, each once.
struct Shared {
    host_space: Arc<[Prefix]>,
    space: Arc<PublicSpace>,
    /// By where the peer's prefixes lie, and the family.
    registered: BTreeMap<(usize, usize, bool), Arc<[PrefixPolicy]>>,
}

fn registered_at(prefixes: &[PeerPrefix], location: Option<&str>, v4: bool) -> Arc<[PrefixPolicy]> {
    let of_family = prefixes.iter().filter(|p| p.prefix.is_ipv4() == v4);
    let policy = |p: &PeerPrefix| PrefixPolicy { prefix: p.prefix, role: role_at(p, location) };
    let mut policies: Vec<PrefixPolicy> = of_family.map(policy).collect();
    policies.sort_by_key(|p| p.prefix);
    policies.into()
}

fn lag(c: &RouterConnection<'_>) -> Option<LagIntent> {
    let connection = c.connection;
    let ports = connection.ports.as_ref()?;
    let freeing = connection.removal.is_some_and(|r| r.step == RemovalStep::Freeing);
    if freeing || connection.state.stage() == Some(Stage::PendingApproval) {
        return None;
    }
    Some(LagIntent {
        name: connection.lag_name(),
        description: describe(c),
        members: ports.ports.clone(),
        addresses: connection.sessions().map(|(_, s)| s.host_interface()).collect(),
    })
}

fn describe(c: &RouterConnection<'_>) -> String {
    format!("AS{} {} {}", c.peering.spec.asn, c.peering.name, c.connection.spec.identifier)
}

/// How far a connection's sessions are opened; `None` while there are none.
pub fn session_phase(connection: &Connection) -> Option<SessionPhase> {
    if let Some(removal) = connection.removal {
        return match removal.step {
            // What was never opened isn't opened by leaving.
            RemovalStep::Draining if connection.state.is_open() => Some(SessionPhase::Draining),
            RemovalStep::Draining => Some(SessionPhase::Shutdown),
            RemovalStep::Closing => Some(SessionPhase::Shutdown),
            RemovalStep::Freeing => None,
        };
    }
    match connection.state {
        ConnectionState::Active
        | ConnectionState::TypeChangeRequested
        | ConnectionState::TypeChangeInProgress => Some(SessionPhase::Open),
        ConnectionState::Onboarding(stage)
        | ConnectionState::ProvisioningFailed(stage)
        | ConnectionState::ExternalBlocker(stage) => match stage {
            Stage::ProvisioningCompleted | Stage::Validating => Some(SessionPhase::Denied),
            Stage::PendingApproval | Stage::Approved | Stage::ProvisioningStarted => None,
        },
    }
}

fn sessions(
    inventory: &Inventory,
    router: &Router,
    c: &RouterConnection<'_>,
    shared: &mut Shared,
) -> Vec<SessionIntent> {
    let connection = c.connection;
    let (Some(phase), Some(offering)) =
        (session_phase(connection), inventory.offering(c.peering.spec.offering))
    else {
        return Vec::new();
    };
    let location = inventory.location_of(router).map(|l| l.name.as_str());
    let with_service = c.peering.spec.peering_service([&connection.spec]);
    let behind: Arc<[Asn]> = behind(offering.kind, c.behind).into();
    let by_default = match offering.kind {
        OfferingKind::Voice => false,
        OfferingKind::Edge | OfferingKind::IxRs | OfferingKind::Exchange => true,
    };
    connection
        .sessions()
        .map(|(name, subnet)| {
            let v4 = subnet.prefix.is_ipv4();
            let of_peer = (c.prefixes.as_ptr().addr(), c.prefixes.len(), v4);
            let registered = shared.registered.entry(of_peer);
            let registered = registered.or_insert_with(|| registered_at(c.prefixes, location, v4));
            SessionIntent {
                name,
                description: describe(c),
                lag: connection.lag_name(),
                local_address: subnet.host,
                peer_address: subnet.peer,
                bfd: offering.bfd,
                md5_key: c.md5_key.clone(),
                max_prefixes: if v4 {
                    connection.spec.max_prefixes_v4
                } else {
                    connection.spec.max_prefixes_v6.unwrap_or(100)
                },
                phase,
                voice: offering.kind == OfferingKind::Voice,
                policy: SessionPolicy {
                    host_asn: inventory.host.asn,
                    peer_asn: c.peering.spec.asn,
                    route_server: offering.kind == OfferingKind::IxRs,
                    behind: behind.clone(),
                    next_hop: subnet.peer,
                    host_space: shared.host_space.clone(),
                    max_length: if v4 { offering.max_length_v4 } else { offering.max_length_v6 },
                    registration_required: with_service,
                    ordinary_used: offering.ordinary_used.unwrap_or(by_default),
                    community: if with_service { offering.community(inventory.host.asn) } else { None },
                    long_prefix_max_path: LONG_PREFIX_MAX_PATH,
                    max_path: offering.max_path,
                    prefixes: registered.clone(),
                    space: shared.space.clone(),
                },
            }
        })
        .collect()
}

/// Who may stand first in a path besides the peer: nobody where there is no route server.
fn behind(offering: OfferingKind, registered: &[Asn]) -> Vec<Asn> {
    let mut asns = match offering {
        OfferingKind::IxRs => registered.to_vec(),
        OfferingKind::Voice | OfferingKind::Edge | OfferingKind::Exchange => Vec::new(),
    };
    asns.sort_unstable();
    asns
}

fn role_at(prefix: &PeerPrefix, location: Option<&str>) -> PrefixRole {
    let is = |named: &Option<String>| match (named, location) {
        (Some(named), Some(location)) => named.eq_ignore_ascii_case(location),
        _ => false,
    };
    if is(&prefix.primary) {
        PrefixRole::Primary
    } else if is(&prefix.backup) {
        PrefixRole::Backup
    } else {
        PrefixRole::Registered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::peering::tests::{connection, peering};
    use crate::testing;

    fn intent(connection: &Connection, prefixes: &[PeerPrefix]) -> RouterIntent {
        let inventory = testing::inventory();
        let peering = peering();
        let c = RouterConnection { peering: &peering, connection, md5_key: None, prefixes, behind: &[] };
        router_intent(&inventory, &inventory.routers[0], &[c])
    }

    #[test]
    fn sessions_come_after_the_lag_and_are_denied_until_active() {
        let mut c = connection(1);
        assert!(intent(&c, &[]).lags.is_empty());
        c.ports = Some(crate::connection::PortAssignment {
            router: "ams1-er1".into(),
            ports: vec!["et1".into(), "et2".into()],
            port_speed_mbps: 10_000,
        });
        c.subnet_v4 = crate::connection::SessionSubnet::of("198.18.192.0/31".parse().unwrap());
        let expect = [
            (Stage::PendingApproval, 0, None),
            (Stage::Approved, 1, None),
            (Stage::ProvisioningStarted, 1, None),
            (Stage::ProvisioningCompleted, 1, Some(SessionPhase::Denied)),
            (Stage::Validating, 1, Some(SessionPhase::Denied)),
        ];
        for (stage, lags, phase) in expect {
            c.state = ConnectionState::Onboarding(stage);
            let i = intent(&c, &[]);
            assert_eq!((i.lags.len(), i.sessions.first().map(|s| s.phase)), (lags, phase), "{stage:?}");
        }
        c.state = ConnectionState::Active;
        let i = intent(&c, &[]);
        assert_eq!(i.sessions[0].phase, SessionPhase::Open);
        assert_eq!(i.sessions[0].peer_address.to_string(), "198.18.192.0");
        assert!(i.sessions[0].policy.registration_required && !i.sessions[0].policy.ordinary_used);
    }

    #[test]
    fn a_prefix_has_its_role_by_location() {
        let prefix = |primary: Option<&str>, backup: Option<&str>| PeerPrefix {
            prefix: "198.19.10.0/24".parse().unwrap(),
            primary: primary.map(Into::into),
            backup: backup.map(Into::into),
        };
        let role = |p: PeerPrefix| role_at(&p, Some("Amsterdam"));
        assert_eq!(role(prefix(Some("amsterdam"), Some("Frankfurt"))), PrefixRole::Primary);
        assert_eq!(role(prefix(Some("Frankfurt"), Some("Amsterdam"))), PrefixRole::Backup);
        assert_eq!(role(prefix(Some("Frankfurt"), None)), PrefixRole::Registered);
        assert_eq!(role(prefix(None, None)), PrefixRole::Registered);
    }
}
