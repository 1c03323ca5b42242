//! LAGs by Open vSwitch: a bridge per LAG, named as the LAG, whose internal port carries the
//! addresses, and a bond port with LACP. The user-space datapath needs no kernel module.

use super::counters::{Counters, Direction};
use super::{LagError, Lags, Observed, jsonrpc};
use crate::process::{self, TOOL_TIMEOUT_S, within, words};
use meetme_model::link::{LagState, MemberState};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads our bridges and the LACP state of their members.
pub async fn read(db: &Path, ctl: &Path) -> Result<Observed, LagError> {
    let database = select(db).await?;
    let lags = our_lags(&database);
    let lacp = if lags.is_empty() { Value::Null } else { jsonrpc::call(ctl, "lacp/show", json!([])).await? };
    let lacp = lacp_states(lacp.as_str().unwrap_or_default());
    let carrier = carriers(&database);
    let states = lags
        .iter()
        .map(|(name, members)| {
            let members = members.iter().map(|member| {
                let mut state = lacp.get(&(bond(name), member.clone())).copied().unwrap_or_default();
                state.carrier = carrier.get(member).copied().unwrap_or_default();
                (member.clone(), state)
            });
            (name.clone(), LagState { members: members.collect() })
        })
        .collect();
    Ok(Observed { lags, states })
}

/// Makes the bridge and its bond, or gives the bond other members; does nothing when it is so.
pub async fn ensure(db: &Path, name: &str, members: &[String]) -> Result<(), LagError> {
    let database = select(db).await?;
    let mut members = members.to_vec();
    members.sort_unstable();
    let ours = our_lags(&database);
    if ours.get(name) == Some(&members) {
        return Ok(());
    }
    let taken = rows(&database, 0).any(|bridge| bridge["name"] == name);
    if taken && !ours.contains_key(name) {
        return Err(LagError::Foreign(name.to_owned()));
    }
    process::run(&ensure_command(db, name, &members)).await?;
    Ok(())
}

/// Keeps the kernel of a user-space datapath from answering ARP on member ports: it sees their
/// frames too, and would answer for the LAG's address with a member's MAC address.
pub async fn quiet(netns: Option<&str>, members: &[String]) {
    for member in members {
        let set = words(["ip", "link", "set", "dev", member, "arp", "off"]);
        if let Err(error) = process::run(&within(netns, set)).await {
            // A router whose namespace the edge can't enter has `arp_ignore` set by whoever made it.
            tracing::warn!(member, %error, "can't turn ARP off on a LAG member");
        }
    }
}

/// What every port of the datapaths has counted, asked live: in the database the counters are up
/// to `stats-update-interval` old (5 s by default), which is half of what lies between two looks.
pub async fn counters(ctl: &Path) -> Result<BTreeMap<String, Counters>, LagError> {
    let shown = jsonrpc::call(ctl, "dpctl/show", json!(["-s"])).await?;
    Ok(port_counters(shown.as_str().unwrap_or_default()))
}

/// Removes a bridge of ours; one that is gone is fine.
pub async fn remove(db: &Path, name: &str) -> Result<(), LagError> {
    if our_lags(&select(db).await?).contains_key(name) {
        let mut command = vsctl(db);
        command.extend(words(["--if-exists", "del-br", name]));
        process::run(&command).await?;
    }
    Ok(())
}

fn bond(name: &str) -> String {
    format!("{name}-bond")
}

fn vsctl(db: &Path) -> Vec<String> {
    vec!["ovs-vsctl".to_owned(), format!("--db=unix:{}", db.display()), format!("--timeout={TOOL_TIMEOUT_S}")]
}

/// One transaction: either all of it is there afterwards, or nothing has changed.
fn ensure_command(db: &Path, name: &str, members: &[String]) -> Vec<String> {
    let bond = bond(name);
    let mut command = vsctl(db);
    command.extend(words([
        "--may-exist",
        "add-br",
        name,
        "--",
        "set",
        "bridge",
        name,
        "datapath_type=netdev",
    ]));
    command.push(format!("external_ids:meetme={name}"));
    // Left alone, it takes a member's address some moments later, and the peer's ARP entry is stale.
    command.push(format!("other_config:hwaddr=\"{}\"", hardware_address(db, name)));
    command.extend(words(["--", "--if-exists", "del-port", name, &bond]));
    for (i, member) in members.iter().enumerate() {
        command.extend(words(["--"]));
        command.push(format!("--id=@m{i}"));
        command.extend(words(["create", "interface"]));
        command.push(format!("name={member}"));
    }
    let interfaces: Vec<String> = (0..members.len()).map(|i| format!("@m{i}")).collect();
    // A LAG of one member is a LAG as well: a port made so speaks LACP, which `add-bond` refuses.
    command.extend(words(["--", "--id=@bond", "create", "port"]));
    command.push(format!("name={bond}"));
    command.push(format!("interfaces={}", interfaces.join(",")));
    command.extend(words([
        "lacp=active",
        "bond_mode=balance-tcp",
        "other_config:lacp-time=fast",
        "--",
        "add",
        "bridge",
        name,
        "ports",
        "@bond",
    ]));
    command
}

/// A stable, locally administered MAC address, different for each LAG of each router.
fn hardware_address(db: &Path, name: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in db.as_os_str().as_encoded_bytes().iter().chain(name.as_bytes()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let [a, b, c, d, e, ..] = hash.to_be_bytes();
    format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
}

/// The parts of the database that matter, in one consistent look.
async fn select(db: &Path) -> Result<Value, LagError> {
    let table = |table: &str, columns: &[&str]| json!({"op": "select", "table": table, "where": [], "columns": columns});
    let transaction = json!([
        "Open_vSwitch",
        table("Bridge", &["name", "ports", "external_ids"]),
        table("Port", &["_uuid", "name", "interfaces"]),
        table("Interface", &["_uuid", "name", "link_state"]),
    ]);
    jsonrpc::call(db, "transact", transaction).await
}

fn rows(database: &Value, table: usize) -> impl Iterator<Item = &Value> {
    database[table]["rows"].as_array().into_iter().flatten()
}

/// The members of a set in OVSDB notation: `["set", […]]`, or the one member bare.
fn set(value: &Value) -> Vec<&Value> {
    match (value[0].as_str(), value[1].as_array()) {
        (Some("set"), Some(members)) => members.iter().collect(),
        _ => vec![value],
    }
}

fn our_lags(database: &Value) -> Lags {
    let ours = |bridge: &Value| {
        bridge["external_ids"][1].as_array().is_some_and(|pairs| pairs.iter().any(|pair| pair[0] == "meetme"))
    };
    rows(database, 0)
        .filter(|bridge| ours(bridge))
        .filter_map(|bridge| {
            let name = bridge["name"].as_str()?;
            let port = rows(database, 1)
                .find(|port| port["name"] == bond(name) && set(&bridge["ports"]).contains(&&port["_uuid"]));
            let mut members: Vec<String> = port
                .map(|port| set(&port["interfaces"]))
                .unwrap_or_default()
                .into_iter()
                .filter_map(|id| rows(database, 2).find(|i| i["_uuid"] == *id))
                .filter_map(|i| i["name"].as_str().map(str::to_owned))
                .collect();
            members.sort_unstable();
            Some((name.to_owned(), members))
        })
        .collect()
}

fn carriers(database: &Value) -> BTreeMap<String, bool> {
    rows(database, 2)
        .filter_map(|i| Some((i["name"].as_str()?.to_owned(), i["link_state"] == "up")))
        .collect()
}

/// Reads `lacp/show`: members by (bond, member).
fn lacp_states(text: &str) -> BTreeMap<(String, String), MemberState> {
    let mut states: BTreeMap<(String, String), MemberState> = BTreeMap::new();
    let mut bond = String::new();
    let mut member: Option<((String, String), bool)> = None;
    let mut actor = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" ----")) {
            bond = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("member: ").or_else(|| line.strip_prefix("slave: ")) {
            if let Some((name, status)) = rest.split_once(": ") {
                // Just after the partner is lost its flags still stand; "expired" tells.
                let current = status.split(' ').any(|w| w == "current") && status.contains("attached");
                let key = (bond.clone(), name.to_owned());
                states.insert(key.clone(), MemberState::default());
                member = Some((key, current));
            }
        } else if let Some(flags) = line.strip_prefix("actor state:") {
            actor = flags.split_whitespace().collect();
        } else if let Some(flags) = line.strip_prefix("partner state:")
            && let Some((key, current)) = &member
        {
            let partner: Vec<&str> = flags.split_whitespace().collect();
            let both = |flag| *current && actor.contains(&flag) && partner.contains(&flag);
            if let Some(state) = states.get_mut(key) {
                state.collecting = both("collecting");
                state.distributing = both("distributing");
            }
        }
    }
    states
}

/// Reads `dpctl/show -s`. A port of which a counter isn't known (`?`) is left out.
fn port_counters(text: &str) -> BTreeMap<String, Counters> {
    let mut ports = BTreeMap::new();
    for section in text.split("\n  port ").skip(1) {
        let (head, rest) = section.split_once('\n').unwrap_or((section, ""));
        let name = head.split_once(": ").and_then(|(_, name)| name.split(' ').next());
        let line = |start: &str| rest.lines().map(str::trim).find(|l| l.starts_with(start));
        let number = |line: Option<&str>, key: &str| -> Option<u64> {
            let digits = line?.split_once(key)?.1;
            digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let direction = |packets: &str, bytes: &str| {
            Some(Direction {
                bytes: number(line("RX bytes:"), bytes)?,
                packets: number(line(packets), " packets:")?,
                dropped: number(line(packets), " dropped:")?,
            })
        };
        let received = direction("RX packets:", "RX bytes:");
        let sent = direction("TX packets:", "TX bytes:");
        if let (Some(name), Some(received), Some(sent)) = (name, received, sent) {
            ports.insert(name.to_owned(), Counters { received, sent });
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEGOTIATED: &str = include_str!("../../tests/recorded/ovs_lacp_show.txt");

    #[test]
    fn a_negotiated_member_collects_and_distributes() {
        let states = lacp_states(NEGOTIATED);
        let state = states[&("lag7-bond".to_owned(), "et1".to_owned())];
        assert!(state.collecting && state.distributing);
    }

    #[test]
    fn flags_of_an_expired_partner_count_for_nothing() {
        let expired = NEGOTIATED.replace("current attached", "expired attached");
        let state = lacp_states(&expired)[&("lag7-bond".to_owned(), "et1".to_owned())];
        assert_eq!(state, MemberState::default());
    }

    #[test]
    fn a_partner_that_does_not_distribute_leaves_the_member_down() {
        let (actor, partner) = NEGOTIATED.split_once("partner state:").unwrap();
        let half = format!("{actor}partner state:{}", partner.replacen("distributing", "", 1));
        let state = lacp_states(&half)[&("lag7-bond".to_owned(), "et1".to_owned())];
        assert!(state.collecting && !state.distributing);
    }

    #[test]
    fn only_marked_bridges_are_ours() {
        let database = json!([
            {"rows": [
                {"name": "lag7", "ports": ["set", [["uuid", "p1"], ["uuid", "p2"]]], "external_ids": ["map", [["meetme", "lag7"]]]},
                {"name": "br0", "ports": ["uuid", "p3"], "external_ids": ["map", []]}
            ]},
            {"rows": [
                {"_uuid": ["uuid", "p1"], "name": "lag7", "interfaces": ["uuid", "i0"]},
                {"_uuid": ["uuid", "p2"], "name": "lag7-bond", "interfaces": ["set", [["uuid", "i2"], ["uuid", "i1"]]]},
                {"_uuid": ["uuid", "p3"], "name": "br0-bond", "interfaces": ["uuid", "i3"]}
            ]},
            {"rows": [
                {"_uuid": ["uuid", "i0"], "name": "lag7", "link_state": "up"},
                {"_uuid": ["uuid", "i1"], "name": "et1", "link_state": "up"},
                {"_uuid": ["uuid", "i2"], "name": "et2", "link_state": "down"},
                {"_uuid": ["uuid", "i3"], "name": "et3", "link_state": ["set", []]}
            ]}
        ]);
        let lags = our_lags(&database);
        assert_eq!(lags, Lags::from([("lag7".into(), vec!["et1".into(), "et2".into()])]));
        assert!(carriers(&database)["et1"] && !carriers(&database)["et2"] && !carriers(&database)["et3"]);
    }

    #[test]
    fn counters_of_every_port_are_read_exactly_and_unknown_ones_left_out() {
        let shown = "netdev@ovs-netdev:\n  lookups: hit:0 missed:1 lost:0\n  flows: 1\n  port 0: ovs-netdev (tap)\n    \
            RX packets:0 errors:0 dropped:0 overruns:0 frame:0\n    TX packets:0 errors:0 dropped:0 aborted:0 carrier:0\n    \
            collisions:0\n    RX bytes:0  TX bytes:0\n  port 1: et1\n    \
            RX packets:30 errors:0 dropped:4 overruns:0 frame:0\n    TX packets:5 errors:0 dropped:6 aborted:0 carrier:0\n    \
            collisions:0\n    RX bytes:2660 (2.6 KiB)  TX bytes:7000000000 (6.5 GiB)\n  port 2: et2 (dpdk)\n    \
            RX packets:1 errors:? dropped:? overruns:? frame:?\n    TX packets:1 errors:? dropped:? aborted:? carrier:?\n    \
            collisions:?\n    RX bytes:60  TX bytes:60";
        let ports = port_counters(shown);
        assert_eq!(ports.keys().collect::<Vec<_>>(), ["et1", "ovs-netdev"]);
        let received = Direction { bytes: 2660, packets: 30, dropped: 4 };
        let sent = Direction { bytes: 7_000_000_000, packets: 5, dropped: 6 };
        assert_eq!(ports["et1"], Counters { received, sent });
    }

    #[test]
    fn one_member_still_gets_a_bond_port_with_lacp() {
        let command = ensure_command(Path::new("/run/ovs/db.sock"), "lag7", &["et1".into()]).join(" ");
        assert!(command.contains("create port name=lag7-bond interfaces=@m0 lacp=active"), "{command}");
        assert!(command.contains("external_ids:meetme=lag7"), "{command}");
    }
}
