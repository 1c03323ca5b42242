//! LAGs by the kernel's bonding driver (mode 802.3ad), through `ip link`.
//!
//! The mark is the link's alias, `meetme:<name>`. A router in a named network namespace is reached
//! by `ip netns exec`; otherwise the edge runs where the router does.

use super::counters::{Counters, Direction};
use super::{LagError, Lags, Observed};
use crate::process::{self, within, words};
use meetme_model::link::{LagState, MemberState};
use serde_json::Value;
use std::collections::BTreeMap;

/// Milliseconds between looks at a member's carrier.
const MIIMON_MS: u32 = 50;

/// Reads our bonds and the state of their members.
pub async fn read(netns: Option<&str>) -> Result<Observed, LagError> {
    let links = links(netns).await?;
    let lags = our_lags(&links);
    let mut states = BTreeMap::new();
    for name in lags.keys() {
        let path = format!("/proc/net/bonding/{name}");
        let text = process::run(&within(netns, words(["cat", &path]))).await?;
        states.insert(name.clone(), bond_state(&text));
    }
    Ok(Observed { lags, states })
}

/// Makes the bond, or gives it other members; does nothing when it is so.
pub async fn ensure(netns: Option<&str>, name: &str, members: &[String]) -> Result<(), LagError> {
    let links = links(netns).await?;
    let ours = our_lags(&links);
    let taken = array(&links).any(|link| link["ifname"] == name);
    if taken && !ours.contains_key(name) {
        return Err(LagError::Foreign(name.to_owned()));
    }
    for command in ensure_commands(name, members, ours.get(name).map(Vec::as_slice)) {
        process::run(&within(netns, command)).await?;
    }
    Ok(())
}

/// Removes a bond of ours; one that is gone is fine.
pub async fn remove(netns: Option<&str>, name: &str) -> Result<(), LagError> {
    if our_lags(&links(netns).await?).contains_key(name) {
        process::run(&within(netns, words(["ip", "link", "del", "dev", name]))).await?;
    }
    Ok(())
}

/// What every interface has counted.
pub async fn counters(netns: Option<&str>) -> Result<BTreeMap<String, Counters>, LagError> {
    let text = process::run(&within(netns, words(["ip", "-json", "-stats", "link", "show"]))).await?;
    Ok(interface_counters(&serde_json::from_str(&text).unwrap_or_default()))
}

/// Reads `ip -json -stats link show`; an interface without counters is left out.
fn interface_counters(links: &Value) -> BTreeMap<String, Counters> {
    let direction = |value: &Value| {
        let field = |name: &str| value[name].as_u64();
        Some(Direction { bytes: field("bytes")?, packets: field("packets")?, dropped: field("dropped")? })
    };
    let counted = |link: &Value| {
        let stats = &link["stats64"];
        let counters = Counters { received: direction(&stats["rx"])?, sent: direction(&stats["tx"])? };
        Some((link["ifname"].as_str()?.to_owned(), counters))
    };
    array(links).filter_map(counted).collect()
}

async fn links(netns: Option<&str>) -> Result<Value, LagError> {
    let text = process::run(&within(netns, words(["ip", "-json", "-details", "link", "show"]))).await?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn array(links: &Value) -> impl Iterator<Item = &Value> {
    links.as_array().into_iter().flatten()
}

fn our_lags(links: &Value) -> Lags {
    array(links)
        .filter(|l| l["linkinfo"]["info_kind"] == "bond")
        .filter(|l| l["ifalias"].as_str().is_some_and(|a| a.starts_with("meetme:")))
        .filter_map(|l| l["ifname"].as_str())
        .map(|name| {
            let mut members: Vec<String> = array(links)
                .filter(|l| l["master"] == name)
                .filter_map(|l| l["ifname"].as_str().map(str::to_owned))
                .collect();
            members.sort_unstable();
            (name.to_owned(), members)
        })
        .collect()
}

fn ensure_commands(name: &str, members: &[String], have: Option<&[String]>) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    if have.is_none() {
        let miimon = MIIMON_MS.to_string();
        commands.push(words([
            "ip",
            "link",
            "add",
            "name",
            name,
            "type",
            "bond",
            "mode",
            "802.3ad",
            "lacp_rate",
            "fast",
            "miimon",
            &miimon,
            "xmit_hash_policy",
            "layer3+4",
        ]));
        let mark = format!("meetme:{name}");
        commands.push(words(["ip", "link", "set", "dev", name, "alias", &mark]));
    }
    let have = have.unwrap_or_default();
    for gone in have.iter().filter(|m| !members.contains(m)) {
        commands.push(words(["ip", "link", "set", "dev", gone, "nomaster"]));
    }
    for new in members.iter().filter(|m| !have.contains(m)) {
        // The driver takes a member in only while it is down.
        commands.push(words(["ip", "link", "set", "dev", new, "down"]));
        commands.push(words(["ip", "link", "set", "dev", new, "master", name]));
        commands.push(words(["ip", "link", "set", "dev", new, "up"]));
    }
    commands.push(words(["ip", "link", "set", "dev", name, "up"]));
    commands
}

/// Reads `/proc/net/bonding/NAME`.
fn bond_state(text: &str) -> LagState {
    let mut state = LagState::default();
    for section in text.split("Slave Interface: ").skip(1) {
        let mut lines = section.lines().map(str::trim);
        let name = lines.next().unwrap_or_default().to_owned();
        let value = |line: &str, key: &str| line.strip_prefix(key).map(|v| v.trim().to_owned());
        let mut carrier = false;
        let mut flags = Vec::new();
        for line in lines {
            if let Some(status) = value(line, "MII Status:") {
                carrier = status == "up";
            } else if let Some(bits) = value(line, "port state:") {
                flags.push(bits.parse().unwrap_or(0u8));
            }
        }
        // First the actor's, then the partner's; collecting 0x10, distributing 0x20, and 0x40 and
        // 0x80 for a partner that is assumed or long unheard (IEEE 802.1AX §6.4.2.3).
        let both = |bit: u8| flags.len() >= 2 && flags.iter().all(|f| f & bit != 0);
        let heard = flags.first().is_some_and(|actor| actor & 0xc0 == 0);
        let member =
            MemberState { carrier, collecting: heard && both(0x10), distributing: heard && both(0x20) };
        state.members.insert(name, member);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_new_bond_is_marked_and_speaks_lacp_fast() {
        let text: Vec<String> =
            ensure_commands("lag7", &["et1".into()], None).iter().map(|c| c.join(" ")).collect();
        assert_eq!(
            text,
            [
                "ip link add name lag7 type bond mode 802.3ad lacp_rate fast miimon 50 xmit_hash_policy layer3+4",
                "ip link set dev lag7 alias meetme:lag7",
                "ip link set dev et1 down",
                "ip link set dev et1 master lag7",
                "ip link set dev et1 up",
                "ip link set dev lag7 up",
            ]
        );
    }

    #[test]
    fn members_move_without_touching_those_that_stay() {
        let have = ["et1".to_owned(), "et2".to_owned()];
        let commands = ensure_commands("lag7", &["et2".into(), "et3".into()], Some(&have));
        let text: Vec<String> = commands.iter().map(|c| c.join(" ")).collect();
        assert!(text.contains(&"ip link set dev et1 nomaster".to_owned()));
        assert!(text.contains(&"ip link set dev et3 master lag7".to_owned()));
        assert!(!text.iter().any(|c| c.contains("et2")));
    }

    #[test]
    fn only_marked_bonds_are_ours() {
        let links = json!([
            {"ifname": "lag7", "ifalias": "meetme:lag7", "linkinfo": {"info_kind": "bond"}},
            {"ifname": "bond0", "linkinfo": {"info_kind": "bond"}},
            {"ifname": "et1", "master": "lag7"},
            {"ifname": "et9", "master": "bond0"}
        ]);
        assert_eq!(our_lags(&links), Lags::from([("lag7".into(), vec!["et1".into()])]));
    }

    #[test]
    fn counters_are_read_where_there_are_any() {
        let links = json!([
            {"ifname": "et1", "stats64": {
                "rx": {"bytes": 266, "packets": 3, "errors": 0, "dropped": 1},
                "tx": {"bytes": 5_000_000_000u64, "packets": 4, "errors": 0, "dropped": 2}
            }},
            {"ifname": "et2"}
        ]);
        let received = Direction { bytes: 266, packets: 3, dropped: 1 };
        let sent = Direction { bytes: 5_000_000_000, packets: 4, dropped: 2 };
        assert_eq!(interface_counters(&links), [("et1".to_owned(), Counters { received, sent })].into());
        assert!(interface_counters(&Value::Null).is_empty());
    }

    #[test]
    fn a_member_is_up_once_both_ends_collect_and_distribute() {
        let file = |actor: u8, partner: u8| {
            format!(
                "Ethernet Channel Bonding Driver: v6.1.0\n\nMII Status: up\n\n\
                 Slave Interface: et1\nMII Status: up\nSpeed: 10000 Mbps\n\
                 details actor lacp pdu:\n    port state: {actor}\n\
                 details partner lacp pdu:\n    port state: {partner}\n"
            )
        };
        assert!(bond_state(&file(63, 63)).is_up());
        assert!(!bond_state(&file(63, 15)).is_up());
        assert!(!bond_state(&file(63 | 0x80, 63)).is_up(), "the partner is long unheard");
        assert!(bond_state(&file(7, 1)).has_light());
    }
}
