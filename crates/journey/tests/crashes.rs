//! `kill -9` of the product at every milestone: the journey completes, and nothing is given or
//! sent twice.

mod common;

use anyhow::ensure;
use meetme_journey::people::{Engineer, Operator, needed, text};
use meetme_journey::provider;
use meetme_journey::say::Say;
use meetme_journey::world::{Options, World};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(90);
const PEERING: &str = "contoso-ams";
const PREFIX: &str = "198.19.10.0/24";

#[test]
fn killed_at_each_milestone_it_completes_the_journey_with_nothing_twice() {
    common::in_a_world(
        Options { port: 8981, ..Options::default() },
        |world| async move { journey(&world).await },
    );
}

/// Kills control plane and edges as they are, and starts them again.
async fn crash(world: &World) -> anyhow::Result<()> {
    for site in ["ams1", "fra1"] {
        world.kill_edge(site).await?;
    }
    world.kill_control()?;
    world.start_control().await?;
    world.start_edges().await
}

async fn journey(world: &World) -> anyhow::Result<()> {
    let say = Say::default();
    let (engineer, operator) = (Engineer::new(world, &say), Operator::new(world));
    engineer.associate_asn().await?;
    crash(world).await?;
    operator.approve_asn().await?;
    crash(world).await?;
    engineer.request_peering(PEERING, "Amsterdam", 64, 20_000).await?;
    crash(world).await?;
    operator.approve_peering(PEERING).await?;
    crash(world).await?;
    let connections = engineer.wait_connections(PEERING, "ProvisioningStarted", LIMIT).await?;
    crash(world).await?;
    for (connection, node) in connections.iter().zip(provider::routers(PEERING)?) {
        let members = provider::cable(&world.lab, connection, node).await?;
        provider::configure(&world.lab, connection, node, members).await?;
        crash(world).await?;
    }
    for state in ["ProvisioningCompleted", "Validating", "Active"] {
        engineer.wait_connections(PEERING, state, LIMIT).await?;
        crash(world).await?;
    }
    engineer.register_prefix(PEERING, "sbc-1", PREFIX).await?;
    crash(world).await?;
    for node in provider::routers(PEERING)? {
        world.lab.announce(node, None, vec![provider::announcement(PREFIX)?]).await?;
    }
    let verified = engineer.wait_registered(PEERING, "sbc-1", "Verified", LIMIT).await?;
    let key = needed(&verified, "/properties/peeringServicePrefixKey")?.to_owned();
    crash(world).await?;
    let again = engineer.wait_registered(PEERING, "sbc-1", "Verified", LIMIT).await?;
    ensure!(text(&again, "/properties/peeringServicePrefixKey") == key, "the key changed: {again:#}");
    nothing_twice(world, &engineer, &operator).await
}

async fn nothing_twice(
    world: &World,
    engineer: &Engineer<'_>,
    operator: &Operator<'_>,
) -> anyhow::Result<()> {
    let (mut ports, mut subnets) = (Vec::new(), Vec::new());
    for c in engineer.connections(PEERING).await? {
        let router = text(&c, "/router/name").to_owned();
        for port in c.pointer("/lag/ports").and_then(Value::as_array).into_iter().flatten() {
            ports.push(format!("{router}:{}", text(port, "/name")));
        }
        subnets.push(text(&c, "/sessions/0/sessionPrefix").to_owned());
    }
    ensure!(ports.len() == 4 && ports.iter().collect::<BTreeSet<_>>().len() == 4, "ports: {ports:?}");
    ensure!(subnets.iter().collect::<BTreeSet<_>>().len() == 2, "subnets: {subnets:?}");
    // Mails leave in the background: wait until each that is known was delivered.
    let until = std::time::Instant::now() + LIMIT;
    loop {
        let known = operator.mails().await?;
        let unsent = known.iter().filter(|m| m.pointer("/sentAt").is_none_or(Value::is_null)).count();
        let delivered = world.mails();
        if unsent == 0 && delivered.len() >= known.len() {
            // Killed between handing a mail over and noting it, it is handed over again with the
            // same Message-ID; that is the most that SMTP can promise.
            let ids: BTreeSet<String> = world.mail_ids().into_iter().collect();
            ensure!(
                ids.len() == known.len(),
                "{} mails known, {} delivered: {delivered:#?}",
                known.len(),
                ids.len()
            );
            let keys: BTreeSet<&str> = known.iter().map(|m| text(m, "/key")).collect();
            ensure!(keys.len() == known.len(), "a mail twice: {known:#?}");
            return Ok(());
        }
        ensure!(std::time::Instant::now() < until, "{unsent} mails unsent, {} delivered", delivered.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
