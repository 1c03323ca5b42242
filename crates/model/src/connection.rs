//! The life of a connection (`docs/rules.md` §3): one physical interconnect of a peering.
//!
//! ```text
//! PendingApproval ─▶ Approved ─▶ ProvisioningStarted ─▶ ProvisioningCompleted ─▶ Validating ─▶ Active
//!    any of these but Active ─▶ ProvisioningFailed (our side) or ExternalBlocker (the peer's side), and back
//!    Active ─▶ TypeChangeRequested ─▶ TypeChangeInProgress ─▶ Active
//! ```
//!
//! [`ConnectionState::on`] is the whole machine. When which event happens is decided in `plan`.

use crate::intent::InterfaceAddress;
use crate::peer_asn::Decision;
use crate::peering::ConnectionSpec;
use crate::prefix::Prefix;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The steps before Active, to which a failed or blocked connection returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Asked; checks run; waits for a yes.
    PendingApproval,
    /// Ports are being reserved and configured.
    Approved,
    /// LACP active; waits for the cross-connect.
    ProvisioningStarted,
    /// BGP with BFD configured and denied; waits for both.
    ProvisioningCompleted,
    /// Routes are received and looked at.
    Validating,
}

/// `connectionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all_fields = "snake_case")]
pub enum ConnectionState {
    /// On the way to Active.
    Onboarding(Stage),
    /// Our side failed at a stage, and returns to it when the cause is gone.
    ProvisioningFailed(Stage),
    /// The peer's side is awaited beyond its deadline.
    ExternalBlocker(Stage),
    /// Routes are used.
    Active,
    /// Conversion to another offering was asked.
    TypeChangeRequested,
    /// Conversion is under way on this connection.
    TypeChangeInProgress,
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionEvent {
    /// A policy or an operator said yes.
    Approve,
    /// The port, the LAG and its addresses are confirmed on the router.
    PortConfigured,
    /// Every LAG member collects and distributes.
    LagUp,
    /// BFD up and BGP Established on every family.
    SessionsUp,
    /// Nothing speaks against opening policy.
    Validated,
    /// The host's side failed (also: a no).
    HostFailed,
    /// The peer's side is beyond its deadline.
    PeerOverdue,
    /// The cause of failure or blocking is gone.
    Resume,
    /// Conversion was asked.
    ConvertRequested,
    /// Conversion begins on this connection.
    ConvertStarted,
    /// Conversion is done.
    ConvertDone,
}

/// An event that can't happen in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection in state {} can't take {event:?}", .state.wire_name())]
pub struct IllegalTransition {
    /// The state.
    pub state: ConnectionState,
    /// The event.
    pub event: ConnectionEvent,
}

impl ConnectionState {
    /// The name in the wire format.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::Onboarding(Stage::PendingApproval) => "PendingApproval",
            Self::Onboarding(Stage::Approved) => "Approved",
            Self::Onboarding(Stage::ProvisioningStarted) => "ProvisioningStarted",
            Self::Onboarding(Stage::ProvisioningCompleted) => "ProvisioningCompleted",
            Self::Onboarding(Stage::Validating) => "Validating",
            Self::ProvisioningFailed(_) => "ProvisioningFailed",
            Self::ExternalBlocker(_) => "ExternalBlocker",
            Self::Active => "Active",
            Self::TypeChangeRequested => "TypeChangeRequested",
            Self::TypeChangeInProgress => "TypeChangeInProgress",
        }
    }

    /// The stage that the connection is at or returns to; `None` from Active on.
    pub fn stage(self) -> Option<Stage> {
        match self {
            Self::Onboarding(s) | Self::ProvisioningFailed(s) | Self::ExternalBlocker(s) => Some(s),
            Self::Active | Self::TypeChangeRequested | Self::TypeChangeInProgress => None,
        }
    }

    /// True when routes may be used: Active and the states of a conversion.
    pub fn is_open(self) -> bool {
        match self {
            Self::Active | Self::TypeChangeRequested | Self::TypeChangeInProgress => true,
            Self::Onboarding(_) | Self::ProvisioningFailed(_) | Self::ExternalBlocker(_) => false,
        }
    }

    /// The state after `event` (`docs/rules.md` §3).
    pub fn on(self, event: ConnectionEvent) -> Result<Self, IllegalTransition> {
        use ConnectionEvent as E;
        use Stage as S;
        let illegal = Err(IllegalTransition { state: self, event });
        match self {
            Self::Onboarding(stage) => match event {
                E::Approve if stage == S::PendingApproval => Ok(Self::Onboarding(S::Approved)),
                E::PortConfigured if stage == S::Approved => Ok(Self::Onboarding(S::ProvisioningStarted)),
                E::LagUp if stage == S::ProvisioningStarted => Ok(Self::Onboarding(S::ProvisioningCompleted)),
                E::SessionsUp if stage == S::ProvisioningCompleted => Ok(Self::Onboarding(S::Validating)),
                E::Validated if stage == S::Validating => Ok(Self::Active),
                E::HostFailed => Ok(Self::ProvisioningFailed(stage)),
                E::PeerOverdue => Ok(Self::ExternalBlocker(stage)),
                E::Approve
                | E::PortConfigured
                | E::LagUp
                | E::SessionsUp
                | E::Validated
                | E::Resume
                | E::ConvertRequested
                | E::ConvertStarted
                | E::ConvertDone => illegal,
            },
            Self::ProvisioningFailed(stage) | Self::ExternalBlocker(stage) => match event {
                E::Resume => Ok(Self::Onboarding(stage)),
                E::Approve
                | E::PortConfigured
                | E::LagUp
                | E::SessionsUp
                | E::Validated
                | E::HostFailed
                | E::PeerOverdue
                | E::ConvertRequested
                | E::ConvertStarted
                | E::ConvertDone => illegal,
            },
            Self::Active => match event {
                E::ConvertRequested => Ok(Self::TypeChangeRequested),
                E::Approve
                | E::PortConfigured
                | E::LagUp
                | E::SessionsUp
                | E::Validated
                | E::HostFailed
                | E::PeerOverdue
                | E::Resume
                | E::ConvertStarted
                | E::ConvertDone => illegal,
            },
            Self::TypeChangeRequested => match event {
                E::ConvertStarted => Ok(Self::TypeChangeInProgress),
                E::Approve
                | E::PortConfigured
                | E::LagUp
                | E::SessionsUp
                | E::Validated
                | E::HostFailed
                | E::PeerOverdue
                | E::Resume
                | E::ConvertRequested
                | E::ConvertDone => illegal,
            },
            Self::TypeChangeInProgress => match event {
                E::ConvertDone => Ok(Self::Active),
                E::Approve
                | E::PortConfigured
                | E::LagUp
                | E::SessionsUp
                | E::Validated
                | E::HostFailed
                | E::PeerOverdue
                | E::Resume
                | E::ConvertRequested
                | E::ConvertStarted => illegal,
            },
        }
    }
}

/// Which port(s) on which router a connection has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortAssignment {
    /// The router.
    pub router: String,
    /// The ports, members of one LAG.
    pub ports: Vec<String>,
    /// Speed of each.
    pub port_speed_mbps: u32,
}

/// The two ends of a session's subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSubnet {
    /// The subnet.
    pub prefix: Prefix,
    /// Our end.
    pub host: IpAddr,
    /// The peer's end.
    pub peer: IpAddr,
}

impl SessionSubnet {
    /// The ends of `prefix`: on /31 and /127 the peer has the lower address, else the peer has
    /// base+1 and the host base+2 (`docs/rules.md` §2). `None` for a prefix with fewer than two
    /// addresses.
    pub fn of(prefix: Prefix) -> Option<Self> {
        let (bits, base) = match prefix.addr() {
            IpAddr::V4(a) => (32, u128::from(u32::from(a))),
            IpAddr::V6(a) => (128, u128::from(a)),
        };
        let (peer, host) = match bits - prefix.len() {
            0 => return None,
            1 => (base, base + 1),
            _ => (base + 1, base + 2),
        };
        let address = |n: u128| match prefix.addr() {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(n).expect("stays in an IPv4 prefix").into()),
            IpAddr::V6(_) => IpAddr::V6(n.into()),
        };
        Some(Self { prefix, host: address(host), peer: address(peer) })
    }

    /// Our end with the prefix length, for an interface.
    pub fn host_interface(&self) -> InterfaceAddress {
        InterfaceAddress { address: self.host, prefix_len: self.prefix.len() }
    }
}

/// A letter of authorization to connect to our port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loa {
    /// Code that the facility's staff can check.
    pub code: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// When a connection reached the steps of its way that nothing else of it tells: for the first time,
/// and absent where nobody wrote it down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reached {
    /// It was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// Port, LAG and addresses were confirmed on the router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_configured_at: Option<Timestamp>,
    /// Every LAG member collected and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_up_at: Option<Timestamp>,
    /// BFD was up and BGP Established on every family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions_up_at: Option<Timestamp>,
}

impl Reached {
    /// Notes what `event` at `now` means for the first time.
    pub fn note(&mut self, event: ConnectionEvent, now: Timestamp) {
        let slot = match event {
            ConnectionEvent::PortConfigured => &mut self.port_configured_at,
            ConnectionEvent::LagUp => &mut self.lag_up_at,
            ConnectionEvent::SessionsUp => &mut self.sessions_up_at,
            _ => return,
        };
        slot.get_or_insert(now);
    }
}

/// A connection with its state and what was given to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Database id; names its objects on routers (`c12`).
    pub id: i64,
    /// The peering it belongs to.
    pub peering_id: i64,
    /// What people call it, the same everywhere: its peering's name and its number there
    /// (`contoso-ams-1`). It never changes.
    pub name: String,
    /// What was asked.
    pub spec: ConnectionSpec,
    /// Where it is in its life.
    pub state: ConnectionState,
    /// Since when.
    pub since: Timestamp,
    /// Why it failed, or what is awaited.
    pub error_message: Option<String>,
    /// The yes or no.
    pub decision: Option<Decision>,
    /// Its ports, from Approved on.
    pub ports: Option<PortAssignment>,
    /// Its IPv4 session subnet, from ProvisioningStarted on.
    pub subnet_v4: Option<SessionSubnet>,
    /// Its IPv6 session subnet.
    pub subnet_v6: Option<SessionSubnet>,
    /// Its letter of authorization.
    pub loa: Option<Loa>,
    /// When light was first seen since provisioning started.
    pub light_at: Option<Timestamp>,
    /// When it first became Active.
    pub active_at: Option<Timestamp>,
    /// When it reached the other steps of its way.
    #[serde(default)]
    pub reached: Reached,
    /// Set when its removal was asked: it is drained, then closed, then freed.
    pub removal: Option<Removal>,
}

/// Steps of a removal (`docs/rules.md` §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemovalStep {
    /// GRACEFUL_SHUTDOWN is set; waits until traffic had time to leave.
    Draining,
    /// Sessions are closed with a shutdown message.
    Closing,
    /// Port, LAG and addresses are taken from the router.
    Freeing,
}

/// The id of the connection that an object on a router belongs to, by the object's name: that of a LAG
/// or a session ([`Connection::lag_name`], [`Connection::session_name`]).
pub fn connection_of(object: &str) -> Option<i64> {
    let number = object.strip_prefix("lag").or_else(|| {
        let (number, family) = object.strip_prefix('c')?.split_once('v')?;
        matches!(family, "4" | "6").then_some(number)
    })?;
    number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))
}

/// A removal under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The step.
    pub step: RemovalStep,
    /// Since when.
    pub since: Timestamp,
}

impl Connection {
    /// The name of the next connection of a peering, which has `connections`: counted on from the last.
    pub fn next_name(peering: &str, connections: &[Self]) -> String {
        let number = |c: &Self| c.name.rsplit('-').next().and_then(|n| n.parse::<u32>().ok());
        let last = connections.iter().filter_map(number).max().unwrap_or(0);
        format!("{peering}-{}", last.saturating_add(1))
    }

    /// The LAG's interface name on the router.
    pub fn lag_name(&self) -> String {
        format!("lag{}", self.id)
    }

    /// The session's name for a family.
    pub fn session_name(&self, v4: bool) -> String {
        format!("c{}v{}", self.id, if v4 { 4 } else { 6 })
    }

    /// Subnets that the peer gives for its sessions and that aren't allocated yet.
    pub fn given_and_not_allocated(&self) -> impl Iterator<Item = Prefix> + '_ {
        let families =
            [(self.spec.session_prefix_v4, self.subnet_v4), (self.spec.session_prefix_v6, self.subnet_v6)];
        families.into_iter().filter_map(|(given, has)| given.filter(|_| has.is_none()))
    }

    /// Session names with their subnets, IPv4 first.
    pub fn sessions(&self) -> impl Iterator<Item = (String, SessionSubnet)> + '_ {
        [(true, self.subnet_v4), (false, self.subnet_v6)]
            .into_iter()
            .filter_map(|(v4, subnet)| Some((self.session_name(v4), subnet?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionEvent as E;

    #[test]
    fn objects_on_routers_tell_their_connection_by_their_names() {
        let all = ["lag12", "c12v4", "c3v6", "c3v5", "lagx", "lag", "lag+1", "eth0", "cv4"];
        assert_eq!(all.map(connection_of), [Some(12), Some(12), Some(3), None, None, None, None, None, None]);
    }

    const EVENTS: [E; 11] = [
        E::Approve,
        E::PortConfigured,
        E::LagUp,
        E::SessionsUp,
        E::Validated,
        E::HostFailed,
        E::PeerOverdue,
        E::Resume,
        E::ConvertRequested,
        E::ConvertStarted,
        E::ConvertDone,
    ];
    const STAGES: [Stage; 5] = [
        Stage::PendingApproval,
        Stage::Approved,
        Stage::ProvisioningStarted,
        Stage::ProvisioningCompleted,
        Stage::Validating,
    ];

    #[test]
    fn the_way_to_active_has_no_short_cut() {
        let mut state = ConnectionState::Onboarding(Stage::PendingApproval);
        for event in &EVENTS[..5] {
            let legal: Vec<&E> = EVENTS[..5].iter().filter(|e| state.on(**e).is_ok()).collect();
            assert_eq!(legal, [event], "{}", state.wire_name());
            state = state.on(*event).unwrap();
        }
        assert_eq!(state, ConnectionState::Active);
    }

    #[test]
    fn every_stage_can_fail_or_be_blocked_and_returns_to_where_it_was() {
        for stage in STAGES {
            let state = ConnectionState::Onboarding(stage);
            for event in [E::HostFailed, E::PeerOverdue] {
                let stopped = state.on(event).unwrap();
                assert_eq!(stopped.on(E::Resume), Ok(state));
                assert_eq!(EVENTS.iter().filter(|e| stopped.on(**e).is_ok()).count(), 1);
            }
        }
    }

    #[test]
    fn active_leaves_only_through_a_conversion() {
        let legal: Vec<&E> = EVENTS.iter().filter(|e| ConnectionState::Active.on(**e).is_ok()).collect();
        assert_eq!(legal, [&E::ConvertRequested]);
        let converted = [E::ConvertRequested, E::ConvertStarted, E::ConvertDone]
            .into_iter()
            .try_fold(ConnectionState::Active, ConnectionState::on);
        assert_eq!(converted, Ok(ConnectionState::Active));
    }

    #[test]
    fn ends_of_a_subnet_follow_its_length() {
        let ends = |s: &str| {
            let subnet = SessionSubnet::of(s.parse().unwrap()).unwrap();
            (subnet.peer.to_string(), subnet.host.to_string())
        };
        assert_eq!(ends("198.18.192.0/31"), ("198.18.192.0".into(), "198.18.192.1".into()));
        assert_eq!(ends("198.18.192.4/30"), ("198.18.192.5".into(), "198.18.192.6".into()));
        assert_eq!(ends("2001:db8::/127"), ("2001:db8::".into(), "2001:db8::1".into()));
        assert_eq!(ends("2001:db8::/126"), ("2001:db8::1".into(), "2001:db8::2".into()));
        assert_eq!(SessionSubnet::of("198.18.192.0/32".parse().unwrap()), None);
    }
}
