//! Session state from FRR's JSON. Fields that are missing, as versions differ, count as unknown.

use crate::routers::{Bfd, Neighbor, NeighborDetail};
use meetme_model::link::{BfdSessionState, BgpState};
use meetme_model::route::RouterPath;
use meetme_model::session_down::DownReason;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

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
            over_limit: text.ends_with("(PfxCt)"),
        };
        neighbors.insert(address, neighbor);
    }
    neighbors
}

/// The state as FRR spells it: `Idle (Admin)` and `Idle (PfxCt)` are Idle as well.
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
    let ago = neighbor["lastResetTimerMsecs"].as_u64().map(Duration::from_millis).unwrap_or_default();
    NeighborDetail {
        router_id: text("remoteRouterId").filter(|id| *id != "0.0.0.0").map(str::to_owned),
        down: text("lastResetDueTo").and_then(|why| down_reason(why, neighbor)).map(|reason| (reason, ago)),
    }
}

/// What FRR says of the last reset. What it says of a session that has never been up, or of our own
/// configuration of it, is nothing to tell a peer.
fn down_reason(why: &str, neighbor: &Value) -> Option<DownReason> {
    let sent = match why {
        "BGP Notification send" => true,
        "BGP Notification received" => false,
        "BFD down received" => return Some(DownReason::BfdDown),
        "Peer closed the session" => return Some(DownReason::Closed),
        _ => return None,
    };
    let code = u16::from_str_radix(neighbor["lastErrorCodeSubcode"].as_str()?, 16).ok()?;
    let [code, subcode] = code.to_be_bytes();
    Some(DownReason::Notification { code, subcode, sent })
}

/// Reads `show bgp ipv4|ipv6 unicast PREFIX json`. A path that is only kept until its session is back
/// (RFC 4724) isn't valid.
pub fn paths(answer: &Value) -> Vec<RouterPath> {
    let path = |path: &Value| {
        let is = |field: &str| path[field].as_bool().unwrap_or_default();
        // FRR names itself by the unspecified address.
        let from: Option<IpAddr> = path["peer"]["peerId"].as_str().and_then(|id| id.parse().ok());
        RouterPath {
            from: from.filter(|from| !from.is_unspecified()),
            is_valid: is("valid") && !is("stale"),
            is_best: path["bestpath"]["overall"].as_bool().unwrap_or_default(),
            local_pref: path["locPrf"].as_u64().and_then(|p| u32::try_from(p).ok()),
        }
    };
    answer["paths"].as_array().into_iter().flatten().map(path).collect()
}

/// Descriptions of neighbours by address, from `show bgp summary json`; empty where there is none.
pub fn described(answer: &Value) -> BTreeMap<String, String> {
    let families = answer.as_object().into_iter().flat_map(|families| families.values());
    let peers = families.filter_map(|family| family["peers"].as_object()).flatten();
    peers.map(|(name, peer)| (name.clone(), peer["desc"].as_str().unwrap_or_default().to_owned())).collect()
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
        assert_eq!(detail.down, None, "our own configuration is no reason");
        let bfd = bfd(&recorded(include_str!("../../../tests/recorded/bfd_peers.json")))[&peer];
        assert_eq!(bfd, Bfd { state: BfdSessionState::Up, detection_ms: Some(150) });
    }

    #[test]
    fn answers_without_fields_or_peers_are_states_not_errors() {
        assert!(neighbors(&Value::Null).is_empty());
        assert!(bfd(&Value::Null).is_empty());
        assert_eq!(detail(&recorded(r#"{"bgpNoSuchNeighbor":true}"#)), NeighborDetail::default());
        let sparse = recorded(r#"{"ipv4Unicast":{"peers":{"192.0.2.1":{"state":"Idle (PfxCt)"}}}}"#);
        let over_limit = Neighbor { over_limit: true, ..Neighbor::default() };
        assert_eq!(neighbors(&sparse)[&"192.0.2.1".parse().unwrap()], over_limit);
    }

    #[test]
    fn the_reason_of_a_closed_session_is_read_by_its_codes() {
        let answer = |why: &str, codes: &str| {
            recorded(&format!(
                r#"{{"192.0.2.1":{{"lastResetDueTo":"{why}","lastErrorCodeSubcode":"{codes}","lastResetTimerMsecs":5000}}}}"#
            ))
        };
        let wrong_asn = DownReason::Notification { code: 2, subcode: 2, sent: true };
        let ago = Duration::from_secs(5);
        assert_eq!(detail(&answer("BGP Notification send", "0202")).down, Some((wrong_asn, ago)));
        let shut = DownReason::Notification { code: 6, subcode: 2, sent: false };
        assert_eq!(detail(&answer("BGP Notification received", "0602")).down, Some((shut, ago)));
        assert_eq!(detail(&answer("BFD down received", "")).down, Some((DownReason::BfdDown, ago)));
        assert_eq!(detail(&answer("BGP Notification send", "odd")).down, None);
    }
}
