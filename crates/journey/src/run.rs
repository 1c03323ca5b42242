//! `make run`: the journey before your eyes, then where traffic flows through faults, then figures.

use crate::people::{Engineer, Operator, needed, text};
use crate::provider::{self, Interconnect};
use crate::say::Say;
use crate::traffic::{self, Outage};
use crate::world::{self, Options, World};
use anyhow::{Context, ensure};
use meetme_figures::Figures;
use meetme_lab::proto::Fault;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// The provider's prefixes: SBCs on a /24, and on a /25, which only the host's network routes.
pub const PREFIXES: [(&str, &str); 2] = [("sbc-1", "198.19.10.0/24"), ("sbc-2", "198.19.20.0/25")];
/// The peerings of the journey: name, location, PeeringDB facility.
pub const PEERINGS: [(&str, &str, i32); 2] =
    [("contoso-ams", "Amsterdam", 64), ("contoso-fra", "Frankfurt", 58)];
const LIMIT: Duration = Duration::from_secs(60);

/// The whole demonstration. Figures are printed, and written to `figures_file` when it is given.
pub async fn run(
    state: &Path,
    options: Options,
    once: bool,
    figures_file: Option<&Path>,
) -> anyhow::Result<()> {
    let say = Say::default();
    say.head("Bringing up the lab (real routers in network namespaces) and the product on SQLite");
    let world = World::up(state, options).await?;
    say.line(&format!("everything is up; the API answers on {}", world.api));
    let mut figures = Figures::default();
    let outcome = show(&world, &say, &mut figures).await;
    if !figures.0.is_empty() {
        say.head("Figures");
        print!("{}", figures.table());
        if let Some(file) = figures_file {
            figures.write(file)?;
            println!("  (also in {})", file.display());
        }
    }
    if once {
        world::down(state).await?;
        outcome?;
        println!("\nDone; everything was taken down again.");
        return Ok(());
    }
    println!("\nEverything stays up to explore:");
    println!("  API             {}  (metrics on the next port)", world.api);
    if let Some(invitation) = world.invitation() {
        println!("  portal          {invitation}  (choose the first operator's password there)");
    }
    println!("  operator token  {}", world.tokens[0]);
    println!("  peer token      {}  (subscription {})", world.tokens[1], world::SUBSCRIPTION);
    println!(
        "  lab             target/release/meetme-lab --state {} status",
        world.lab.state_dir().display()
    );
    println!("  mails           {}", state.join("mail/new").display());
    println!("  take it down    make down");
    outcome
}

async fn show(world: &World, say: &Say, figures: &mut Figures) -> anyhow::Result<()> {
    let interconnects = onboard(world, say, figures).await?;
    let keys = register(world, say, figures).await?;
    activate(world, say, &keys).await?;
    watch(world, say, figures, &interconnects).await?;
    footprint(world, say, figures).await?;
    mails(world, say)
}

/// From the ASN to Active connections at both metros.
pub async fn onboard(world: &World, say: &Say, figures: &mut Figures) -> anyhow::Result<Vec<Interconnect>> {
    let (engineer, operator) = (Engineer::new(world, say), Operator::new(world));
    say.head("The provider's journey, through the public API");
    engineer.associate_asn().await?;
    say.line("peer: associated AS64510; it is Pending until ownership is proved");
    operator.approve_asn().await?;
    wait_asn(world, &engineer).await?;
    say.line("operator: approved AS64510");
    for (name, location, facility) in PEERINGS {
        engineer.request_peering(name, location, facility, 20_000).await?;
        say.line(&format!(
            "peer: requested {name}, Direct with Voice, two connections of 2 × 10 Gbps in {location}"
        ));
        operator.approve_peering(name).await?;
        let connections = engineer.wait_connections(name, "Approved", LIMIT).await?;
        say.line(&format!("operator: approved {name}"));
        let connections = wait_loa(&engineer, name, connections).await?;
        for c in &connections {
            let ports: Vec<&str> = c
                .pointer("/lag/ports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|p| text(p, "/name"))
                .collect();
            say.line(&format!(
                "product: {name}: {} {} reserved, letter {} issued",
                text(c, "/router/name"),
                ports.join(" + "),
                text(c, "/loa/code")
            ));
        }
    }
    let mut interconnects = Vec::new();
    let (mut to_active, mut routers_share) = (Vec::new(), Vec::new());
    for (name, _, _) in PEERINGS {
        let connections = engineer.wait_connections(name, "ProvisioningStarted", LIMIT).await?;
        for c in &connections {
            say.line(&format!(
                "product: {name}: port configured, session {} (you {}, we {})",
                text(c, "/sessions/0/sessionPrefix"),
                text(c, "/sessions/0/peerAddress"),
                text(c, "/sessions/0/hostAddress")
            ));
        }
        for (connection, node) in connections.iter().zip(provider::routers(name)?) {
            let members = provider::cable(&world.lab, connection, node).await?;
            interconnects.push(provider::configure(&world.lab, connection, node, members).await?);
            say.line(&format!("peer: {name}: {node} cabled; LACP, BFD and BGP configured on it"));
        }
        let (active, share) = watch_to_active(&engineer, say, name).await?;
        to_active.extend(active);
        routers_share.extend(share);
    }
    let worst =
        |all: &[f64]| all.iter().copied().fold(None, |m: Option<f64>, v| Some(m.map_or(v, |m| m.max(v))));
    figures.at_most(
        "journey.link_up_to_active_s",
        worst(&to_active),
        "s",
        10.0,
        "LAG up until Active as the API tells it, worst of 4 connections",
    );
    figures.tell(
        "journey.routers_share_s",
        worst(&routers_share),
        "s",
        "of it, until BFD and BGP were up between the routers, worst of 4 connections",
    );
    Ok(interconnects)
}

async fn wait_asn(world: &World, engineer: &Engineer<'_>) -> anyhow::Result<()> {
    let until = Instant::now() + LIMIT;
    loop {
        let asn = world.peer.get(&engineer.paths.peer_asn("contoso")).await?;
        if text(&asn, "/properties/validationState") == "Approved" {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the ASN isn't approved: {asn:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn wait_loa(
    engineer: &Engineer<'_>,
    name: &str,
    mut connections: Vec<Value>,
) -> anyhow::Result<Vec<Value>> {
    let until = Instant::now() + LIMIT;
    while connections.iter().any(|c| text(c, "/loa/code").is_empty()) {
        ensure!(Instant::now() < until, "{name} has no letter of authorization: {connections:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        connections = engineer.connections(name).await?;
    }
    Ok(connections)
}

/// Watches a peering's connections from LAG up to Active; gives the seconds each took, and those
/// that passed until the routers' sessions were up.
async fn watch_to_active(
    engineer: &Engineer<'_>,
    say: &Say,
    name: &str,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let until = Instant::now() + LIMIT;
    let mut seen: Vec<(String, [Option<Instant>; 3])> = Vec::new();
    loop {
        let connections = engineer.connections(name).await?;
        seen.resize(connections.len(), (String::new(), [None; 3]));
        for (c, (state, times)) in connections.iter().zip(&mut seen) {
            let now = text(c, "/connectionState");
            let rank = ["ProvisioningCompleted", "Validating", "Active"].iter().position(|s| *s == now);
            for time in rank.map_or(&mut [][..], |r| &mut times[..=r]) {
                time.get_or_insert_with(Instant::now);
            }
            if state != now {
                *state = now.to_owned();
                let told = match now {
                    "ProvisioningCompleted" => {
                        "LAG is up, LACP collecting and distributing; BGP with BFD configured, denied"
                    }
                    "Validating" => "BFD up, BGP Established; routes are looked at, not used",
                    "Active" => "Active; policy opened",
                    _ => continue,
                };
                say.line(&format!("product: {name}: {}: {told}", text(c, "/router/name")));
            }
        }
        if let Some(c) = connections.iter().find(|c| text(c, "/connectionState") != "Active") {
            say.waiting(&format!("{name}: {} ({})", text(c, "/awaited/what"), text(c, "/awaited/party")));
        } else {
            let took = |a: Option<Instant>, b: Option<Instant>| Some((b? - a?).as_secs_f64());
            return Ok((
                seen.iter().filter_map(|(_, t)| took(t[0], t[2])).collect(),
                seen.iter().filter_map(|(_, t)| took(t[0], t[1])).collect(),
            ));
        }
        ensure!(Instant::now() < until, "{name} isn't Active: {connections:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Registers the prefixes and announces them; gives the prefix keys.
pub async fn register(world: &World, say: &Say, figures: &mut Figures) -> anyhow::Result<Vec<String>> {
    let engineer = Engineer::new(world, say);
    let peering = PEERINGS[0].0;
    for (name, prefix) in PREFIXES {
        engineer.register_prefix(peering, name, prefix).await?;
        say.line(&format!(
            "peer: registered {prefix} on {peering}; Pending until it is received on every session"
        ));
    }
    // Once routers accept them, the time from announcing to the verdict is the product's alone.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let announcements: Vec<_> =
        PREFIXES.iter().map(|(_, prefix)| provider::announcement(prefix)).collect::<anyhow::Result<_>>()?;
    let nodes: Vec<&str> = provider::ROUTERS.iter().flat_map(|(_, nodes)| nodes.iter().copied()).collect();
    for node in &nodes[1..] {
        world.lab.announce(node, None, announcements.clone()).await?;
    }
    let began = Instant::now();
    world.lab.announce(nodes[0], None, announcements).await?;
    let mut keys = Vec::new();
    let mut verdict_ms = Vec::new();
    for (name, prefix) in PREFIXES {
        let verified = engineer.wait_registered(peering, name, "Verified", LIMIT).await?;
        verdict_ms.push(began.elapsed().as_secs_f64() * 1000.0);
        let key = needed(&verified, "/properties/peeringServicePrefixKey")?.to_owned();
        say.line(&format!("product: {prefix} is Verified on every session; its key is {key}"));
        keys.push(key);
    }
    figures.at_most(
        "verdict.announce_to_api_ms",
        verdict_ms.first().copied(),
        "ms",
        1000.0,
        "last router told to announce until Verified in the API, the router's reload included, once",
    );
    Ok(keys)
}

/// The media hosts, each with its metro.
const METROS: [(&str, &str); 2] = [("media-ams", "Amsterdam"), ("media-fra", "Frankfurt")];

/// Where traffic flows before activation, and after.
pub async fn activate(world: &World, say: &Say, keys: &[String]) -> anyhow::Result<()> {
    let engineer = Engineer::new(world, say);
    say.head("Where voice flows, seen with real packets");
    for (host, metro) in METROS {
        let path = traffic::path_by(&world.lab, host, "sbc-1", metro, Duration::from_secs(15)).await?;
        say.line(&format!("registered, not activated: {host} leaves at {path}"));
        ensure!(path.exit() == metro, "hot potato should leave at {metro}");
    }
    engineer.create_service("teams", "Amsterdam", "Frankfurt").await?;
    for ((name, prefix), key) in PREFIXES.iter().zip(keys) {
        engineer.activate_prefix("teams", name, prefix, key).await?;
        engineer.wait_activated("teams", name, "Verified", LIMIT).await?;
        say.line(&format!("peer: activated {prefix}, primary Amsterdam, backup Frankfurt; Verified"));
    }
    for (host, _) in METROS {
        let path = traffic::path_by(&world.lab, host, "sbc-1", "Amsterdam", Duration::from_secs(15)).await?;
        say.line(&format!("activated: {host} leaves at {path}"));
        ensure!(path.exit() == "Amsterdam", "cold potato should leave at the primary location");
    }
    Operator::new(world).wait_confirmed(LIMIT).await
}

/// Where traffic flows through faults.
pub async fn watch(
    world: &World,
    say: &Say,
    figures: &mut Figures,
    interconnects: &[Interconnect],
) -> anyhow::Result<()> {
    let first = interconnects.first().context("there is an interconnect")?;
    let cuts = [
        ("one primary link cut", "failover.link_cut_ms", vec![first.cut()], "Amsterdam", None),
        (
            "one primary link silent (LACP still up)",
            "failover.silent_link_ms",
            vec![first.silent()],
            "Amsterdam",
            Some(300.0),
        ),
        (
            "the primary location gone",
            "failover.location_lost_ms",
            vec![Fault::CutSite { site: "site-ams1".into() }],
            "Frankfurt",
            Some(600.0),
        ),
        (
            "both locations gone",
            "failover.both_lost_ms",
            vec![Fault::CutSite { site: "site-ams1".into() }, Fault::CutSite { site: "site-fra1".into() }],
            "Internet",
            None,
        ),
    ];
    for (what, name, faults, exit, bound) in cuts {
        let hosts = METROS.map(|(host, _)| host);
        let watch = Duration::from_secs(3);
        let (outages, ids) = traffic::outage(&world.lab, hosts, "sbc-1", first.node, &faults, watch).await?;
        for (host, outage) in hosts.iter().zip(&outages) {
            let path = traffic::path_by(&world.lab, host, "sbc-1", exit, Duration::from_secs(10)).await?;
            say.line(&format!("{what}: {host} leaves at {path}; {}", told(outage)));
            ensure!(path.exit() == exit, "with {what} traffic should leave at {exit}");
        }
        let how = "both media hosts to sbc-1, longest gap of 16 flows with a packet each 5 ms, some over what fails, once";
        let worst = outages.iter().try_fold(0.0_f64, |worst, o| Some(worst.max(o.forward_ms?)));
        match bound {
            Some(bound) => figures.at_most(name, worst, "ms", bound, how),
            None => figures.tell(name, worst, "ms", how),
        }
        for id in ids {
            world.lab.mend(Some(id)).await?;
        }
        settled(world, say).await?;
    }
    Ok(())
}

fn told(outage: &Outage) -> String {
    let ms = |value: Option<f64>| {
        value.map_or_else(|| "never came again".to_owned(), |v| format!("lost for {v:.0} ms"))
    };
    format!("packets {} (round trip: {})", ms(outage.forward_ms), ms(outage.round_trip_ms))
}

/// Waits until every session is open again and traffic is back at the primary location.
pub async fn settled(world: &World, say: &Say) -> anyhow::Result<()> {
    let engineer = Engineer::new(world, say);
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let mut closed = Vec::new();
        for (name, _, _) in PEERINGS {
            for c in engineer.connections(name).await? {
                if c.pointer("/sessions/0/gateOpen") != Some(&Value::Bool(true)) {
                    closed.push(text(&c, "/router/name").to_owned());
                }
            }
        }
        if closed.is_empty() {
            break;
        }
        say.waiting(&format!("sessions on {} to come back", closed.join(", ")));
        ensure!(Instant::now() < until, "sessions on {} don't come back", closed.join(", "));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for (name, _) in PREFIXES {
        engineer.wait_activated("teams", name, "Verified", LIMIT).await?;
    }
    let path =
        traffic::path_by(&world.lab, "media-fra", "sbc-1", "Amsterdam", Duration::from_secs(30)).await?;
    ensure!(path.exit() == "Amsterdam", "traffic doesn't come back to the primary location: {path}");
    Operator::new(world).wait_confirmed(LIMIT).await?;
    say.line("mended: every session is open again, traffic is back on the primary location");
    Ok(())
}

/// What the product costs while nothing happens.
pub async fn footprint(world: &World, say: &Say, figures: &mut Figures) -> anyhow::Result<()> {
    say.waiting("letting the product come to rest, then watching it idle for 10 s");
    tokio::time::sleep(Duration::from_secs(15)).await;
    let pids = world.product_pids();
    let ticks = |pids: &[u32]| pids.iter().filter_map(|p| cpu_ticks(*p)).sum::<u64>();
    let (before, began) = (ticks(&pids), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let used = ticks(&pids).saturating_sub(before) as f64 / 100.0;
    let how = format!("control plane and {} edges over 10 s, of one core", pids.len().saturating_sub(1));
    figures.at_most("idle.cpu_percent", Some(used / began.elapsed().as_secs_f64() * 100.0), "%", 2.0, &how);
    let rss_kib: u64 = pids.iter().filter_map(|p| rss_kib(*p)).sum();
    figures.at_most(
        "lab.rss_mib",
        Some(rss_kib as f64 / 1024.0),
        "MiB",
        100.0,
        "resident memory of the same processes",
    );
    Ok(())
}

/// User and system time of a process in hundredths of a second.
fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn rss_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Every milestone was written about, once.
fn mails(world: &World, say: &Say) -> anyhow::Result<()> {
    let subjects = world.mails();
    say.line(&format!("{} milestone mails were delivered to the provider's contacts", subjects.len()));
    let active = subjects.iter().filter(|s| s.contains("Connection is Active")).count();
    ensure!(active == 4, "4 connections became Active, {active} mails say so: {subjects:#?}");
    Ok(())
}
