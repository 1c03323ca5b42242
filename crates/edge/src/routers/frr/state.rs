//! Session state from FRR's JSON. Fields that are missing, as versions differ, count as unknown.

use crate::routers::{Bfd, Neighbor, NeighborDetail};
use meetme_model::link::{BfdSessionState, BgpState};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Reads `show bgp summary json`: neighbours of both families, once each.
pub fn neighbors(summary: &Value) -> BTreeMap<IpAddr, Neighbor> {
    let mut neighbors: BTreeMap<IpAddr, Neighbor> = BTreeMap::new();
    let families = summary.as_object().into_iter().flat_map(|o| o.values());
    let peers = families.filter_map(|family| family["peers"].as_object()).flatten();
    for (address, peer) in peers {
        let Ok(address) = address.parse() else {
            continue;
        };
        let text = peer["state"].as_str().unwrap_or_default();
        let established = text == "Established";
        let neighbor = Neighbor {
            bgp: bgp_state(text),
            established_at_ms: peer["peerUptimeEstablishedEpoch"]
                .as_i64()
                .filter(|_| established)
                .map(|s| s * 1000),
            drops: peer["connectionsDropped"].as_u64().unwrap_or_default(),
        };
        neighbors.insert(address, neighbor);
    }
    neighbors
}

/// The state as FRR spells it: `Idle (Admin)` and `Idle (PfxCt)` are Idle.
fn bgp_state(text: &str) -> BgpState {
    match text.split(' ').next().unwrap_or_default() {
        "Connect" => BgpState::Connect,
        "Active" => BgpState::Active,
        "OpenSent" => BgpState::OpenSent,
        "OpenConfirm" => BgpState::OpenConfirm,
        "Established" => BgpState::Established,
        _ => BgpState::Idle,
    }
}

/// Reads `show bgp neighbors ADDRESS json`.
pub fn detail(answer: &Value) -> NeighborDetail {
    let Some(neighbor) = answer.as_object().and_then(|o| o.values().next()) else {
        return NeighborDetail::default();
    };
    let text = |field: &str| neighbor[field].as_str().filter(|t| !t.is_empty());
    let reset = text("lastResetDueTo");
    let notification = text("lastNotificationReason");
    let last_error = match (reset, notification) {
        (Some(reset), Some(notification)) => Some(format!("{reset} ({notification})")),
        (one, other) => one.or(other).map(str::to_owned),
    };
    NeighborDetail {
        router_id: text("remoteRouterId").filter(|id| *id != "0.0.0.0").map(str::to_owned),
        last_error,
    }
}

/// Reads `show bfd peers json`.
pub fn bfd(answer: &Value) -> BTreeMap<IpAddr, Bfd> {
    let mut sessions: BTreeMap<IpAddr, Bfd> = BTreeMap::new();
    for peer in answer.as_array().into_iter().flatten() {
        let Some(address) = peer["peer"].as_str().and_then(|a| a.parse().ok()) else {
            continue;
        };
        let state = match peer["status"].as_str() {
            Some("up") => BfdSessionState::Up,
            Some("init") => BfdSessionState::Init,
            Some("shutdown") => BfdSessionState::AdminDown,
            _ => BfdSessionState::Down,
        };
        let bfd = Bfd { state, detection_ms: detection_ms(peer).filter(|_| state == BfdSessionState::Up) };
        let known = sessions.entry(address).or_insert(bfd);
        if known.state != BfdSessionState::Up {
            *known = bfd;
        }
    }
    sessions
}

/// RFC 5880 §6.8.4: the remote multiplier times the slower of what we can take and they send.
fn detection_ms(peer: &Value) -> Option<u32> {
    let field = |name: &str| peer[name].as_u64();
    let interval = field("receive-interval")?.max(field("remote-transmit-interval")?);
    u32::try_from(field("remote-detect-multiplier")? * interval).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_established_session_is_read_from_a_recorded_router() {
        let summary = recorded(include_str!("../../../tests/recorded/bgp_summary.json"));
        let peer = "198.18.192.0".parse().unwrap();
        let neighbor = &neighbors(&summary)[&peer];
        assert_eq!(neighbor.bgp, BgpState::Established);
        assert_eq!(neighbor.drops, 1);
        assert!(neighbor.established_at_ms.is_some_and(|ms| ms > 1_600_000_000_000));
        let detail = detail(&recorded(include_str!("../../../tests/recorded/bgp_neighbor.json")));
        assert_eq!(detail.router_id.as_deref(), Some("198.18.192.2"));
        assert_eq!(detail.last_error.as_deref(), Some("No AFI/SAFI activated for peer"));
        let bfd = bfd(&recorded(include_str!("../../../tests/recorded/bfd_peers.json")))[&peer];
        assert_eq!(bfd, Bfd { state: BfdSessionState::Up, detection_ms: Some(150) });
    }

    #[test]
    fn answers_without_fields_or_peers_are_states_not_errors() {
        assert!(neighbors(&Value::Null).is_empty());
        assert!(bfd(&Value::Null).is_empty());
        assert_eq!(detail(&recorded(r#"{"bgpNoSuchNeighbor":true}"#)), NeighborDetail::default());
        let sparse = recorded(r#"{"ipv4Unicast":{"peers":{"192.0.2.1":{"state":"Idle (PfxCt)"}}}}"#);
        assert_eq!(neighbors(&sparse)[&"192.0.2.1".parse().unwrap()], Neighbor::default());
    }
}
