//! The official clients, unchanged: each takes a provider from its ASN to optimized routing and back again
//! in the lab, over plain HTTP and over TLS, and calls every operation that it has. What they do stands in
//! `tests/clients`; here are the world they do it in, and the people they ask.

mod common;

use anyhow::{Context, ensure};
use common::field::{Field, Meetings};
use common::{script, tls};
use meetme_client::Client;
use meetme_journey::people::PROVIDER_ASN;
use meetme_journey::world::{Options, World, binary};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::process::Command;

const PORT: u16 = 9011;
const TLS_PORT: u16 = 9015;
const DOOR_PORT: u16 = 9016;
/// Far above what a whole pass takes; a journey that hangs is told, not waited for.
const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn official_clients_go_the_whole_way_and_call_every_operation_over_http_and_over_tls() {
    common::in_a_world(Options { port: PORT, ..Options::default() }, |mut world| async move {
        with_small_pages(&world).await?;
        let base = world.api.clone();
        let older = vec![Actor::python_2(false), Actor::javascript(None), Actor::python_1()];
        pass(&world, "http", &base, None, older).await?;
        let newer = vec![Actor::python_2(true), Actor::javascript(Some("2025-05-01"))];
        pass(&world, "http-newer", &base, None, newer).await?;
        let certificate = tls::certificate(&world.state.join("tls"))?;
        let _door = over_tls(&mut world, &certificate).await?;
        let base = format!("https://localhost:{TLS_PORT}");
        let trusted = Some(certificate.authority.as_path());
        let all = vec![Actor::python_2(false), Actor::javascript(None), Actor::python_1()];
        pass(&world, "tls", &base, trusted, all).await
    });
}

/// Stops the product, and waits until all of it is gone: its last threads may outlive its first one, and
/// hold its ports.
async fn stop(world: &World) -> anyhow::Result<()> {
    world.kill_control()?;
    let until = Instant::now() + LIMIT;
    while let Err(e) = std::net::TcpListener::bind(("127.0.0.1", PORT + 1)) {
        ensure!(Instant::now() < until, "the product's port stays taken: {e}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Starts the product anew with small pages, so that every list of some length has several.
async fn with_small_pages(world: &World) -> anyhow::Result<()> {
    stop(world).await?;
    edit(&world.state.join("meetme.toml"), |text| format!("page_size = 2\n{text}"))?;
    world.start_control().await
}

/// Starts the product anew with TLS only, and our own clients behind a door.
async fn over_tls(world: &mut World, files: &tls::Certificate) -> anyhow::Result<tokio::process::Child> {
    stop(world).await?;
    edit(&world.state.join("meetme.toml"), |text| {
        let tls = format!(
            "tls = {{ certificate = '{}', key = '{}' }}\n",
            files.certificate.display(),
            files.key.display()
        );
        tls + &text
            .replace(&format!("listen = '127.0.0.1:{PORT}'"), &format!("listen = '127.0.0.1:{TLS_PORT}'"))
    })?;
    let door = tls::door(DOOR_PORT, TLS_PORT, &files.authority)?;
    world.api = format!("http://localhost:{DOOR_PORT}");
    world.operator = Client::new(&world.api, &world.tokens[0])?;
    world.start_control().await?;
    Ok(door)
}

fn edit(file: &Path, change: impl FnOnce(String) -> String) -> anyhow::Result<()> {
    Ok(std::fs::write(file, change(std::fs::read_to_string(file)?))?)
}

fn meetme(world: &World, arguments: &[&str]) -> anyhow::Result<String> {
    let output = std::process::Command::new(binary("meetme")?)
        .arg("--config")
        .arg(world.state.join("meetme.toml"))
        .args(arguments)
        .output()?;
    ensure!(output.status.success(), "meetme {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A client with its journey.
struct Actor {
    name: &'static str,
    /// Its folder below `target/clients`.
    environment: &'static str,
    script: &'static str,
    subscription: &'static str,
    nodes: [&'static str; 2],
    task: Value,
}

impl Actor {
    /// Voice in Amsterdam.
    fn python_2(asynchronous: bool) -> Self {
        let name = if asynchronous { "python-2-async" } else { "python-2" };
        let task = json!({
            "asynchronous": asynchronous, "peering": "contoso-ams", "exchange": "contoso-ams-rs",
            "exchange_prefix": "198.19.240.0/31", "prefix": "198.19.10.0/24", "address": "198.19.10.1",
            "more_prefixes": ["198.19.11.0/24", "198.19.12.0/25"],
        });
        let task = merged(task, amsterdam());
        Self {
            name,
            environment: "peering-2",
            script: "peering_2.py",
            subscription: "7d8a4c7e-0000-4000-8000-000000000002",
            nodes: ["tel-ams-1", "tel-ams-2"],
            task,
        }
    }

    /// Voice in Frankfurt, by the client's own api-version or another one.
    fn javascript(api_version: Option<&str>) -> Self {
        let task = json!({
            "api_version": api_version,
            "metro": "Frankfurt", "backup": "Amsterdam", "facility": 58, "region": "germanywestcentral",
            "place": "Hesse", "site": "fra1",
            "peering": "contoso-fra", "exchange": "contoso-fra-rs",
            "exchange_prefix": "198.19.241.0/31", "prefix": "198.19.20.0/24", "address": "198.19.20.1",
            "more_prefixes": ["198.19.21.0/24", "198.19.22.0/25"],
        });
        Self {
            name: "javascript",
            environment: "javascript",
            script: "peering.mjs",
            subscription: "7d8a4c7e-0000-4000-8000-000000000003",
            nodes: ["tel-fra-1", "tel-fra-2"],
            task,
        }
    }

    /// Peering Service without Voice in Amsterdam: its api-version is older than Voice.
    fn python_1() -> Self {
        let task = json!({ "peering": "contoso-old", "prefix": "198.19.30.0/24" });
        Self {
            name: "python-1",
            environment: "peering-1",
            script: "peering_1.py",
            subscription: "7d8a4c7e-0000-4000-8000-000000000001",
            nodes: ["tel-ams-1", "tel-ams-2"],
            task: merged(task, amsterdam()),
        }
    }

    /// The program that runs its script.
    fn command(&self, trusted: Option<&Path>) -> anyhow::Result<Command> {
        let environment = script::prepared(self.environment)?;
        let python = environment.join("bin/python");
        let mut command = Command::new(if python.exists() { python } else { "node".into() });
        command.arg(script::folder().join(self.script)).env("PYTHONDONTWRITEBYTECODE", "1");
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        // As their users do it: requests, aiohttp (through OpenSSL's own name) and Node.
        for name in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            match trusted {
                Some(authority) => command.env(name, authority),
                None => command.env_remove(name),
            };
        }
        Ok(command)
    }
}

fn amsterdam() -> Value {
    json!({
        "metro": "Amsterdam", "backup": "Frankfurt", "facility": 64, "region": "westeurope",
        "place": "North Holland", "site": "ams1",
    })
}

fn merged(mut into: Value, from: Value) -> Value {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
    into
}

/// All journeys at the same time, against the same product.
async fn pass(
    world: &World,
    pass: &str,
    base: &str,
    trusted: Option<&Path>,
    actors: Vec<Actor>,
) -> anyhow::Result<()> {
    let meetings = Meetings::of(actors.len());
    let all = actors.iter().map(|actor| journey(world, pass, base, trusted, actor, &meetings));
    tokio::time::timeout(LIMIT, futures::future::try_join_all(all)).await.with_context(|| {
        format!("the journeys over {pass} don't end; see the logs in {}", world.state.display())
    })??;
    Ok(())
}

async fn journey(
    world: &World,
    pass: &str,
    base: &str,
    trusted: Option<&Path>,
    actor: &Actor,
    meetings: &Meetings,
) -> anyhow::Result<()> {
    let name = format!("{}-{pass}", actor.name);
    let token = meetme(
        world,
        &["token", "create", "--role", "peer", "--name", &name, "--subscription", actor.subscription],
    )?;
    let field = Field::new(world, Client::new(&world.api, &token)?, actor.subscription, meetings);
    let common = json!({
        "base": base, "token": token, "subscription": actor.subscription, "nodes": actor.nodes,
        "asn": PROVIDER_ASN, "asn_name": "contoso", "provider": "Contoso Voice",
        "modules": script::prepared("javascript")?,
    });
    let task = merged(actor.task.clone(), common);
    let log = world.state.join(format!("{name}.log"));
    script::play(actor.command(trusted)?, &task, &log, |wish| field.fulfil(wish)).await?;
    field.withdraw(&actor.nodes).await
}
