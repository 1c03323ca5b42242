//! A router loaded with 1,000 sessions, and one more on such a router.
//!
//! LAGs count as made already: making them is Open vSwitch's time, not FRR's.

use crate::common::fixture;
use crate::common::net::{Node, sh};
use crate::cpu_s;
use meetme_edge::routers::frr::Frr;
use meetme_edge::routers::frr::plan::plan;
use meetme_edge::routers::{Driver, Progress, Target};
use meetme_figures::Figures;
use meetme_model::asn::Asn;
use meetme_model::intent::{InterfaceAddress, LagIntent, RouterIntent, SessionIntent, SessionPhase};
use meetme_model::inventory::LagBackend;
use meetme_model::route::PrefixPolicy;
use meetme_model::unit::{UnitFault, units};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

const SESSIONS: u32 = 1_000;

/// Units that are changed before the router is read again, as the machine does it.
const BATCH: usize = 32;

/// Session `n` with a peer of its own, which has two prefixes of its own.
fn session(n: u32) -> (LagIntent, SessionIntent) {
    let peer = Ipv4Addr::from(0xC612_0000 + 2 * n);
    let host = Ipv4Addr::from(u32::from(peer) + 1);
    let mut session = fixture::session(1, SessionPhase::Open);
    session.name = format!("c{n}v4");
    session.lag = format!("lag{n}");
    session.local_address = host.into();
    session.peer_address = peer.into();
    session.policy.next_hop = peer.into();
    session.policy.peer_asn = Asn(100_000 + n);
    session.policy.host_space = [].into();
    let own = |k: u32| format!("{}/24", Ipv4Addr::from(0x0B00_0000 + ((n * 2 + k) << 8)));
    session.policy.prefixes = (0u32..)
        .zip(&*session.policy.prefixes)
        .map(|(k, policy)| PrefixPolicy { prefix: own(k).parse().expect("a prefix"), ..*policy })
        .collect();
    let addresses = vec![InterfaceAddress { address: host.into(), prefix_len: 31 }];
    let lag =
        LagIntent { name: session.lag.clone(), description: String::new(), members: Vec::new(), addresses };
    (lag, session)
}

fn intent(sessions: u32) -> RouterIntent {
    let mut intent = fixture::intent(1, SessionPhase::Open);
    intent.announced = ["203.0.112.0/20".parse().expect("a prefix")].into();
    intent.transits.clear();
    intent.bmp = None;
    (intent.lags, intent.sessions) = (0..sessions).map(session).unzip();
    intent
}

/// Brings the router to an intent as the machine would, with its LAGs counting as made; gives the
/// time in seconds.
async fn make(frr: &Frr, intent: &RouterIntent) -> anyhow::Result<f64> {
    let target = |(name, unit)| Target { name, stands: None, wants: Some(Arc::new(unit)) };
    let targets: Vec<Target> = units(intent).into_iter().map(target).collect();
    let began = Instant::now();
    let mut read = frr.read().await?;
    read.lags = intent.lags.iter().map(|lag| (lag.name.clone(), lag.members.clone())).collect();
    let mut changes = plan(&read, &targets, &BTreeMap::new(), frr.origination()).changes;
    frr.check(&mut changes).await;
    let mut left = changes.into_iter().peekable();
    while left.peek().is_some() {
        let mut batch = Vec::new();
        for change in left.by_ref().take(BATCH) {
            anyhow::ensure!(change.fault.is_none(), "{}: {:?}", change.unit, change.fault);
            batch.push((change.unit, change.steps));
        }
        frr.prepare(&mut batch).await?;
        for (_, steps) in &mut batch {
            while frr.next_step(steps).await? == Progress::More {}
        }
        let lag_only = |diff: &str| diff.lines().all(|line| line.starts_with("@@ lag"));
        for (unit, fault) in frr.verify(&batch).await? {
            let is_lag = matches!(&fault, UnitFault::NotTaken { diff } if lag_only(diff));
            anyhow::ensure!(is_lag, "{unit}: {fault}");
        }
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Loads a router of that version, then gives it one session more.
pub async fn measure(version: &str, prefix: &str, figures: &mut Figures) -> anyhow::Result<()> {
    let node = Node::here_with(version);
    node.start_frr(&["zebra", "staticd", "bfdd", "bgpd"]);
    node.start_ovs();
    // Peers that don't answer, where there would be no way to them: each attempt would fail at once.
    sh(
        "ip link add peers type veth peer name void && ip link set dev peers arp off up && ip link set dev void up",
    );
    sh("ip route add default dev peers");
    // Linux keeps the keys of all neighbours (TCP MD5) in what this allows the listening socket.
    sh("sysctl -qw net.core.optmem_max=1048576");
    let lag = LagBackend::Ovs { db: node.path("db.sock"), ctl: node.path("vswitchd.ctl"), netns: None };
    let frr = Frr::new(node.dir.clone(), lag);
    let load_s = make(&frr, &intent(SESSIONS)).await?;
    let bgpd_s = cpu_s(&node, "bgpd")?;
    let how = format!(
        "1,000 sessions with as many peers onto an empty FRR {version}, read back; {bgpd_s:.1} s of bgpd's processor time"
    );
    figures.at_most(&format!("{prefix}.load_1000_sessions_s"), Some(load_s), "s", 60.0, &how);
    let one_s = make(&frr, &intent(SESSIONS + 1)).await?;
    let how = "one more session on that router: read, planned, checked, made and read back";
    figures.at_most(&format!("{prefix}.one_session_ms"), Some(one_s * 1000.0), "ms", 1_000.0, how);
    Ok(())
}
