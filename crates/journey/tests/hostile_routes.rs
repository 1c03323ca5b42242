//! What a provider's router may not announce: none of it is used or spread, each is visible with
//! its reason. And what operators do by hand on a router: foreign configuration survives, drift in
//! ours is shown and undone; a router that can't be reached is told as such.

mod common;

use anyhow::{Context, ensure};
use meetme_figures::Figures;
use meetme_journey::people::{Engineer, Operator, text};
use meetme_journey::provider::{self, announcement};
use meetme_journey::run::onboard;
use meetme_journey::say::Say;
use meetme_journey::world::{Options, World};
use meetme_lab::proto::{Announcement, Fault};
use serde_json::Value;
use std::time::{Duration, Instant};

const PEERING: &str = "contoso-ams";
const NODE: &str = "tel-ams-1";
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn nothing_that_may_not_be_announced_is_used_or_spread_and_each_has_its_reason() {
    common::in_a_world(Options { port: 8991, ..Options::default() }, |world| async move {
        let say = Say::default();
        onboard(&world, &say, &mut Figures::default()).await?;
        bad_routes(&world, &say).await?;
        hands_on_a_router(&world).await?;
        an_unreachable_router(&world).await?;
        too_many(&world, &say).await
    });
}

/// Each announcement with the fault that it must be shown with.
fn bad() -> anyhow::Result<Vec<(Announcement, &'static str)>> {
    let with_path = |prefix: &str, path: &[u32]| -> anyhow::Result<Announcement> {
        Ok(Announcement { as_path: path.to_vec(), ..announcement(prefix)? })
    };
    Ok(vec![
        (with_path("198.19.11.0/24", &[65001])?, "private or reserved ASN"),
        (with_path("198.19.20.0/25", &[64505, 64506, 64507])?, "at most 3"),
        (Announcement::of("198.19.12.0/24".parse()?), "without community"),
        (announcement("198.19.13.0/24")?, "not registered"),
        (announcement("0.0.0.0/0")?, "default route"),
        (announcement("10.9.0.0/16")?, "private (RFC 1918)"),
        (announcement("198.18.1.128/25")?, "host's own address space"),
    ])
}

async fn bad_routes(world: &World, say: &Say) -> anyhow::Result<()> {
    let engineer = Engineer::new(world, say);
    for (name, prefix) in [("a", "198.19.11.0/24"), ("b", "198.19.20.0/25"), ("c", "198.19.12.0/24")] {
        engineer.register_prefix(PEERING, name, prefix).await?;
    }
    let good = announcement("198.19.14.0/24")?;
    engineer.register_prefix(PEERING, "good", "198.19.14.0/24").await?;
    let mut all: Vec<Announcement> = bad()?.into_iter().map(|(a, _)| a).collect();
    all.push(good);
    world.lab.announce(NODE, None, all).await?;
    for (bad, reason) in bad()? {
        let prefix = bad.prefix.to_string();
        let row = received(&engineer, &prefix).await?;
        let reasons = row.pointer("/reasons").map(ToString::to_string).unwrap_or_default();
        ensure!(row.pointer("/accepted") == Some(&Value::Bool(false)), "{prefix} is accepted: {row:#}");
        ensure!(reasons.contains(reason), "{prefix}: no '{reason}' in {reasons}");
    }
    // The good one passes on the same session, so the rest wasn't held back by a closed gate.
    let until = Instant::now() + LIMIT;
    loop {
        let good = received(&engineer, "198.19.14.0/24").await?;
        if good.pointer("/accepted") == Some(&Value::Bool(true)) {
            break;
        }
        ensure!(Instant::now() < until, "the good one isn't accepted: {good:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    spread(world, "198.19.14.0/24", true).await?;
    for (bad, _) in bad()? {
        spread(world, &bad.prefix.to_string(), false).await?;
    }
    Ok(())
}

/// The row of a prefix from the session of `NODE`, once it is there and judged as registered.
async fn received(engineer: &Engineer<'_>, prefix: &str) -> anyhow::Result<Value> {
    let until = Instant::now() + LIMIT;
    loop {
        let rows = engineer.received_routes(PEERING, &format!("prefix={prefix}")).await?;
        if let Some(row) = rows.into_iter().next() {
            return Ok(row);
        }
        ensure!(Instant::now() < until, "{prefix} isn't shown among the received routes");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whether the backbone uses a route of the provider's, as the core router tells.
async fn spread(world: &World, prefix: &str, wanted: bool) -> anyhow::Result<()> {
    let until = Instant::now() + LIMIT;
    loop {
        let command = [
            "vtysh",
            "--vty_socket",
            &text_path(world, "ams1-cr1")?,
            "-c",
            &format!("show bgp ipv4 unicast {prefix} json"),
        ];
        let seen = world.lab.exec("ams1-cr1", &command).await?.stdout;
        let json: Value = serde_json::from_str(&seen).unwrap_or_default();
        // The host's own and the Internet's routes for the same prefix don't count.
        let by_provider = json
            .pointer("/paths")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|p| text(p, "/aspath/string").starts_with("64510"));
        if by_provider == wanted {
            return Ok(());
        }
        ensure!(
            wanted && Instant::now() < until,
            "{prefix} is spread: {by_provider}, wanted {wanted}: {seen}"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn text_path(world: &World, node: &str) -> anyhow::Result<String> {
    Ok(world.lab.vty_dir(node).to_str().context("a path in UTF-8")?.to_owned())
}

async fn vtysh(world: &World, node: &str, commands: &[&str]) -> anyhow::Result<String> {
    let dir = text_path(world, node)?;
    let mut command = vec!["vtysh", "--vty_socket", &dir];
    command.extend(commands.iter().flat_map(|c| ["-c", *c]));
    Ok(world.lab.exec(node, &command).await?.stdout)
}

async fn hands_on_a_router(world: &World) -> anyhow::Result<()> {
    let operator = Operator::new(world);
    let (router, foreign) = ("ams1-er1", "ip prefix-list OPERATORS seq 5 permit 192.0.2.0/24");
    vtysh(
        world,
        router,
        &["configure terminal", foreign, "router bgp 64500", "neighbor 192.0.2.200 remote-as 64499"],
    )
    .await?;
    // A hand-made change in what is ours: the session's limit is gone.
    let running = vtysh(world, router, &["show running-config"]).await?;
    let limit = running
        .lines()
        .find(|l| l.contains("maximum-prefix") && l.contains("198.18.192."))
        .context("no limit")?
        .trim();
    let address = limit.split_whitespace().nth(1).context("no address")?;
    vtysh(
        world,
        router,
        &[
            "configure terminal",
            "router bgp 64500",
            "address-family ipv4 unicast",
            &format!("no neighbor {address} maximum-prefix"),
        ],
    )
    .await?;
    let until = Instant::now() + LIMIT;
    let mut shown = false;
    loop {
        let seen = operator.router(router).await?;
        shown |= text(&seen, "/state/drift").contains("maximum-prefix");
        let running = vtysh(world, router, &["show running-config"]).await?;
        if shown && running.contains(limit) {
            ensure!(running.contains(foreign), "foreign configuration was touched");
            ensure!(
                running.contains("neighbor 192.0.2.200 remote-as 64499"),
                "a foreign neighbour was touched"
            );
            break;
        }
        ensure!(Instant::now() < until, "drift shown: {shown}; limit back: {}", running.contains(limit));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    vtysh(world, router, &["configure terminal", "router bgp 64500", "no neighbor 192.0.2.200"]).await?;
    Ok(())
}

async fn an_unreachable_router(world: &World) -> anyhow::Result<()> {
    let operator = Operator::new(world);
    let fault =
        world.lab.fault(&Fault::KillDaemon { node: "fra1-er2".into(), daemon: "bgpd".into() }).await?;
    wait_router(&operator, "fra1-er2", false).await?;
    let others = operator.routers().await?;
    for router in others.iter().filter(|r| text(r, "/name") != "fra1-er2") {
        ensure!(
            router.pointer("/reachable") == Some(&Value::Bool(true)),
            "another router suffers: {router:#}"
        );
    }
    world.lab.mend(Some(fault)).await?;
    // It comes back with nothing of ours on it, and is configured again.
    wait_router(&operator, "fra1-er2", true).await?;
    let until = Instant::now() + LIMIT;
    while !vtysh(world, "fra1-er2", &["show running-config"]).await?.contains("MEETME-IN") {
        ensure!(Instant::now() < until, "fra1-er2 isn't configured again");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

async fn wait_router(operator: &Operator<'_>, name: &str, reachable: bool) -> anyhow::Result<()> {
    let until = Instant::now() + LIMIT;
    loop {
        let seen = operator.router(name).await?;
        if seen.pointer("/reachable") == Some(&Value::Bool(reachable)) {
            let told = !text(&seen, "/state/error").is_empty();
            ensure!(told || reachable, "it isn't told why {name} can't be reached: {seen:#}");
            return Ok(());
        }
        ensure!(Instant::now() < until, "{name} should be reachable: {reachable}; {seen:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// 10 000 prefixes over a limit of 1000: the session is closed, nothing is used, others live.
async fn too_many(world: &World, say: &Say) -> anyhow::Result<()> {
    let engineer = Engineer::new(world, say);
    let row = Announcement::in_a_row("198.19.64.0/27".parse()?, 1000).map_err(anyhow::Error::msg)?;
    let mut many: Vec<Announcement> = row.into_iter().map(Announcement::of).collect();
    let more = Announcement::in_a_row("11.0.0.0/24".parse()?, 9000).map_err(anyhow::Error::msg)?;
    many.extend(more.into_iter().map(Announcement::of));
    world.lab.announce(NODE, None, many).await?;
    let until = Instant::now() + LIMIT;
    loop {
        let connections = engineer.connections(PEERING).await?;
        let routers = provider::routers(PEERING)?;
        let at = routers.iter().position(|r| *r == NODE).context("the router's connection")?;
        let (hit, other) = (&connections[at], &connections[1 - at]);
        let error = text(hit, "/sessions/0/lastError").to_lowercase();
        if text(hit, "/sessions/0/bgp") != "Established" && error.contains("prefix") {
            ensure!(text(other, "/sessions/0/bgp") == "Established", "the other session suffers: {other:#}");
            break;
        }
        ensure!(Instant::now() < until, "the session isn't closed: {hit:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    spread(world, "11.0.0.0/24", false).await
}
