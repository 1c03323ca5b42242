//! Who is awaited on a connection, and for what: told on pages, in answers and in mails.

use super::validation::Observed;
use crate::connection::{Connection, ConnectionState, RemovalStep, SessionSubnet, Stage};
use crate::link::{BfdSessionState, BgpState};
use serde::{Deserialize, Serialize};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Party {
    /// The product itself; seconds.
    Host,
    /// An operator of the host.
    Operator,
    /// The peer.
    Peer,
    /// Nobody: all is done.
    Nobody,
}

/// Who is awaited and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Awaited {
    /// Whose turn it is.
    pub party: Party,
    /// What they have to do, in a sentence.
    pub what: String,
}

/// What a connection waits for now.
pub fn awaited(connection: &Connection, observed: &Observed) -> Awaited {
    let (party, what) = match connection.removal {
        Some(removal) => (
            Party::Host,
            match removal.step {
                RemovalStep::Draining => "traffic is being drained before removal".to_owned(),
                RemovalStep::Closing => "sessions are being closed".to_owned(),
                RemovalStep::Freeing => "port and addresses are being freed".to_owned(),
            },
        ),
        None => by_state(connection, observed),
    };
    Awaited { party, what }
}

fn by_state(connection: &Connection, observed: &Observed) -> (Party, String) {
    let told = |otherwise: &str| connection.error_message.clone().unwrap_or_else(|| otherwise.to_owned());
    match connection.state {
        ConnectionState::Onboarding(_) if observed.reachable == Some(false) && connection.ports.is_some() => {
            (Party::Host, "our edge router can't be reached; it is tried again by itself".into())
        }
        ConnectionState::Onboarding(Stage::PendingApproval) => {
            (Party::Operator, told("the request waits for approval"))
        }
        ConnectionState::Onboarding(Stage::Approved) => (Party::Host, "the port is being configured".into()),
        ConnectionState::Onboarding(Stage::ProvisioningStarted) => lag(connection, observed),
        ConnectionState::Onboarding(Stage::ProvisioningCompleted) => sessions(connection, observed),
        ConnectionState::Onboarding(Stage::Validating) => match &connection.error_message {
            Some(findings) if all_synced(connection, observed) => (Party::Peer, findings.clone()),
            _ => (Party::Host, "received routes are being looked at".into()),
        },
        ConnectionState::ProvisioningFailed(Stage::PendingApproval) => {
            (Party::Peer, told("the request was refused"))
        }
        ConnectionState::ProvisioningFailed(_) => (Party::Operator, told("our side failed")),
        ConnectionState::ExternalBlocker(_) => (Party::Peer, told("your side is awaited")),
        ConnectionState::Active => in_use(connection, observed),
        ConnectionState::TypeChangeRequested | ConnectionState::TypeChangeInProgress => {
            (Party::Host, "the connection is being converted".into())
        }
    }
}

/// What is down of a connection that was up; what its router didn't tell isn't judged.
fn in_use(connection: &Connection, observed: &Observed) -> (Party, String) {
    if observed.reachable == Some(false) {
        return (Party::Host, "our edge router can't be reached; what it carries isn't known".into());
    }
    let mut down = Vec::new();
    if let Some(lag) = &observed.lag {
        let dark = |(name, m): (&String, &crate::link::MemberState)| match (
            m.carrier,
            m.collecting && m.distributing,
        ) {
            (_, true) => None,
            (true, false) => Some(format!("LACP isn't up on {name}")),
            (false, _) => Some(format!("no light on {name}")),
        };
        down.extend(lag.members.iter().filter_map(dark));
    }
    let told: Vec<_> =
        connection.sessions().filter(|(name, _)| observed.sessions.contains_key(name)).collect();
    down.extend(told.into_iter().filter_map(|session| session_down(&session, observed)));
    if down.is_empty() {
        return match &connection.error_message {
            Some(unmet) => (Party::Operator, unmet.clone()),
            None => (Party::Nobody, "nothing; the connection is in use".into()),
        };
    }
    (Party::Peer, format!("{}: look at your side, as we look at ours", down.join(", ")))
}

/// What isn't up of a session.
fn session_down((name, subnet): &(String, SessionSubnet), observed: &Observed) -> Option<String> {
    let state = observed.sessions.get(name);
    let bfd = state.is_some_and(|s| s.bfd == BfdSessionState::Up);
    let bgp = state.is_some_and(|s| s.bgp == BgpState::Established);
    let missing = match (bfd, bgp) {
        (true, true) => return None,
        (false, true) => "BFD",
        (true, false) => "BGP",
        (false, false) => "BGP with BFD",
    };
    let why = state.and_then(|s| s.down.as_ref()).map(|down| format!(": {down}")).unwrap_or_default();
    Some(format!("{missing} from {} to {} isn't up{why}", subnet.peer, subnet.host))
}

/// True once every session's routes are all in: what is found then is the peer's to mend.
fn all_synced(connection: &Connection, observed: &Observed) -> bool {
    connection.sessions().all(|(name, _)| observed.routes.get(&name).is_some_and(|r| r.synced))
}

fn lag(connection: &Connection, observed: &Observed) -> (Party, String) {
    let Some(lag) = observed.lag.as_ref().filter(|l| l.has_light()) else {
        let ports = connection.ports.as_ref().map(|p| p.ports.join(", ")).unwrap_or_default();
        let what =
            format!("no light on {ports}: have the cross-connect made with the letter of authorization");
        return (Party::Peer, what);
    };
    let waiting: Vec<&str> = lag
        .members
        .iter()
        .filter(|(_, m)| !(m.collecting && m.distributing))
        .map(|(name, _)| name.as_str())
        .collect();
    if waiting.is_empty() {
        return (Party::Host, "the LAG is up; BGP is being configured".into());
    }
    let members = waiting.join(", ");
    let what = format!("LACP isn't up on {members}: configure the LAG with LACP on your side");
    (Party::Peer, what)
}

fn sessions(connection: &Connection, observed: &Observed) -> (Party, String) {
    let down: Vec<String> = connection.sessions().filter_map(|s| session_down(&s, observed)).collect();
    if down.is_empty() {
        return (Party::Host, "the sessions are up; validation begins".into());
    }
    (Party::Peer, format!("{}: configure it on your side", down.join(", ")))
}
