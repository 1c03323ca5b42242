//! Open vSwitch of one node, in user space: its daemons, LAGs, and black holes. On the host's edge routers the lab
//! only starts it: LAGs there are the product's.

use std::collections::BTreeMap;
use std::path::Path;

use crate::daemons::Spec;
use crate::render::stable_hash;
use crate::sys::{self, SysError};

/// Marks the lab's own drop rule among a bridge's flows.
const DROP_COOKIE: &str = "0xdead";

/// How `ovsdb-server` and `ovs-vswitchd` are started; directories and database are made if absent.
pub(crate) fn specs(state: &Path, node: &str) -> anyhow::Result<[Spec; 2]> {
    let dir = state.join(node).join("ovs");
    std::fs::create_dir_all(&dir)?;
    let db = dir.join("conf.db");
    if !db.exists() {
        let schema = "/usr/share/openvswitch/vswitch.ovsschema";
        sys::run(sys::command("ovsdb-tool", ["create", &db.to_string_lossy(), schema]), None)?;
    }
    let d = dir.display();
    let env: BTreeMap<_, _> =
        ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"].map(|name| (name.to_string(), d.to_string())).into();
    let spec = |name: &str, command: Vec<String>| Spec {
        node: node.into(),
        name: name.into(),
        command,
        env: env.clone(),
        log: dir.join(format!("{name}.log")),
        real_time: true,
    };
    // Console logging goes to the log file through our hands; no log file of their own.
    let server = ["ovsdb-server".into(), db.display().to_string(), format!("--remote=punix:{d}/db.sock")];
    let switch = ["ovs-vswitchd".into(), format!("unix:{d}/db.sock"), "--disable-system".into()];
    let common = |ctl: &str| [format!("--unixctl={d}/{ctl}"), "-vconsole:info".into(), "-vsyslog:off".into()];
    Ok([
        spec("ovsdb-server", server.into_iter().chain(common("ovsdb.ctl")).collect()),
        spec("ovs-vswitchd", switch.into_iter().chain(common("vswitchd.ctl")).collect()),
    ])
}

/// Whether the database answers.
pub(crate) fn database_answers(state: &Path, node: &str) -> bool {
    vsctl(state, node, &["--no-wait", "init"]).is_ok()
}

/// Whether the switch answers.
pub(crate) fn switch_answers(state: &Path, node: &str) -> bool {
    let ctl = state.join(node).join("ovs/vswitchd.ctl");
    sys::run(sys::command("ovs-appctl", ["-t", &ctl.to_string_lossy(), "version"]), None).is_ok()
}

/// One handler and one revalidator thread instead of one per core each: eight switches share a small machine.
pub(crate) fn keep_small(state: &Path, node: &str) -> Result<(), SysError> {
    let settings = ["other_config:n-handler-threads=1", "other_config:n-revalidator-threads=1"];
    vsctl(state, node, &[&["--no-wait", "set", "Open_vSwitch", "."], &settings[..]].concat()).map(drop)
}

/// Makes bridge `lag` with a LACP bond (active, fast) of the members; the bridge's own port is the LAG's interface.
pub(crate) fn lag(state: &Path, node: &str, lag: &str, members: &[String]) -> Result<(), SysError> {
    let bond = format!("{lag}-bond");
    // Left to itself, the switch changes the bridge's address a while after it was made, and neighbours keep the old one.
    let address = format!("other_config:hwaddr=\"{}\"", hardware_address(node, lag));
    let mut args =
        vec!["--may-exist", "add-br", lag, "--", "set", "bridge", lag, "datapath_type=netdev", &address];
    let old = members_or_none(state, node, lag);
    for port in old.iter().map(String::as_str).chain([bond.as_str()]) {
        args.extend(["--", "--if-exists", "del-port", lag, port]);
    }
    match members {
        // A bond of Open vSwitch has two members or more; LACP works on a plain port too.
        [only] => args.extend(["--", "add-port", lag, only, "--", "set", "port", only]),
        _ => {
            args.extend(["--", "add-bond", lag, &bond]);
            args.extend(members.iter().map(String::as_str));
            args.push("bond_mode=balance-tcp");
        }
    }
    args.extend(["lacp=active", "other_config:lacp-time=fast"]);
    vsctl(state, node, &args).map(drop)
}

/// Removes a LAG.
pub(crate) fn remove_lag(state: &Path, node: &str, lag: &str) -> Result<(), SysError> {
    vsctl(state, node, &["--if-exists", "del-br", lag]).map(drop)
}

/// The members of a LAG, or an error when there is none of that name.
pub(crate) fn members(state: &Path, node: &str, lag: &str) -> Result<Vec<String>, SysError> {
    Ok(vsctl(state, node, &["list-ifaces", lag])?.lines().map(str::to_owned).collect())
}

/// Drops every packet that crosses a LAG, in both directions. LACP is handled before flows and goes on.
pub(crate) fn drop_all(state: &Path, node: &str, lag: &str) -> Result<(), SysError> {
    ofctl(state, node, lag, "add-flow", &format!("cookie={DROP_COOKIE},priority=65535,actions=drop"))
}

/// Takes [`drop_all`] back.
pub(crate) fn drop_none(state: &Path, node: &str, lag: &str) -> Result<(), SysError> {
    ofctl(state, node, lag, "del-flows", &format!("cookie={DROP_COOKIE}/-1"))
}

/// A stable, locally administered address.
fn hardware_address(node: &str, lag: &str) -> String {
    let [a, b, c, d, e, ..] = stable_hash(&format!("{node}/{lag}")).to_be_bytes();
    format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
}

fn members_or_none(state: &Path, node: &str, lag: &str) -> Vec<String> {
    vsctl(state, node, &["list-ports", lag])
        .map(|text| text.lines().map(str::to_owned).collect())
        .unwrap_or_default()
}

fn ofctl(state: &Path, node: &str, lag: &str, verb: &str, flow: &str) -> Result<(), SysError> {
    let bridge = format!("unix:{}", state.join(node).join(format!("ovs/{lag}.mgmt")).display());
    sys::run(sys::command("ovs-ofctl", [verb, &bridge, flow]), None).map(drop)
}

fn vsctl(state: &Path, node: &str, args: &[&str]) -> Result<String, SysError> {
    let db = format!("--db=unix:{}", state.join(node).join("ovs/db.sock").display());
    let mut command = sys::command("ovs-vsctl", ["--timeout=10", &db]);
    command.args(args);
    sys::run(command, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lags_hardware_address_is_stable_its_own_and_locally_administered() {
        let address = hardware_address("tel-ams-1", "lag1");
        assert_eq!(address, hardware_address("tel-ams-1", "lag1"));
        assert_ne!(address, hardware_address("tel-ams-1", "lag2"));
        assert!(address.starts_with("02:") && address.len() == 17, "{address}");
    }
}
