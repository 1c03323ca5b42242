//! The portal as people use it: an operator and a peer in a real browser go the whole way from the first
//! sign-in to optimized routing, then every page is opened and looked at. What they do stands in
//! `tests/portal`; here are the world they do it in, and the provider's staff with their routers.

mod common;

use anyhow::{Context, bail};
use common::script;
use meetme_journey::people::{needed, text};
use meetme_journey::provider::{self, Interconnect, ROUTERS};
use meetme_journey::world::{Options, SUBSCRIPTION, World};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tokio::process::Command;

const PORT: u16 = 9051;
/// Far above what the walk takes; one that hangs is told, not waited for.
const LIMIT: Duration = Duration::from_secs(600);
/// Another one's.
const OTHER_SUBSCRIPTION: &str = "7d8a4c7e-0000-4000-8000-00000000beef";
const PREFIX: &str = "198.19.10.0/24";
/// A folder for screenshots of every page; none are made without it.
const SCREENSHOTS: &str = "MEETME_SCREENSHOTS";

#[test]
fn people_go_the_whole_way_in_the_portal_and_every_page_is_sound() {
    common::in_a_world(Options { port: PORT, ..Options::default() }, |world| async move {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let [(peering, nodes), (second, second_nodes)] = ROUTERS;
        let task = json!({
            "base": world.api, "modules": script::prepared("javascript")?, "chromium": chromium()?,
            "pages": own.join("../portal/src/pages"), "state": world.state, "mails": world.state.join("mail/new"),
            "invitation": world.invitation().context("nobody was invited")?,
            "subscription": SUBSCRIPTION, "other": OTHER_SUBSCRIPTION, "group": "voice",
            "peering": peering, "nodes": nodes, "second": second, "second_nodes": second_nodes,
            "exchange": "contoso-rs", "service": "teams", "place": "North Holland", "prefix": PREFIX,
            "screenshots": std::env::var(SCREENSHOTS).ok(),
        });
        let staff = Staff::of(&world);
        let mut walk = Command::new("node");
        walk.arg(own.join("tests/portal/walk.mjs"));
        let log = world.state.join("walk.log");
        let played = script::play(walk, &task, &log, |wish| staff.fulfil(wish));
        tokio::time::timeout(LIMIT, played).await.context("the walk doesn't end")?
    });
}

/// The browser of the package `chromium`.
fn chromium() -> anyhow::Result<PathBuf> {
    let path = PathBuf::from("/usr/bin/chromium");
    if !path.exists() {
        bail!("{} is missing: install the package chromium", path.display());
    }
    Ok(path)
}

/// The provider's staff.
struct Staff<'a> {
    world: &'a World,
    cabled: Mutex<Vec<Interconnect>>,
    broken: Mutex<Vec<u32>>,
}

impl<'a> Staff<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, cabled: Mutex::default(), broken: Mutex::default() }
    }

    /// Does what the walk wishes.
    async fn fulfil(&self, wish: Value) -> anyhow::Result<Value> {
        let lab = &self.world.lab;
        match text(&wish, "/ask") {
            "cable" => self.cable(&wish).await?,
            "announce" => {
                let prefix = needed(&wish, "/prefixes/0")?;
                for node in wish["nodes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    lab.announce(node, None, vec![provider::announcement(prefix)?]).await?;
                }
            }
            "cut" => {
                let node = needed(&wish, "/node")?;
                let fault = {
                    let cabled = self.cabled.lock().unwrap();
                    cabled.iter().find(|i| i.node == node).context("it isn't cabled")?.cut()
                };
                let id = lab.fault(&fault).await?;
                self.broken.lock().unwrap().push(id);
            }
            "mend" => {
                let broken = std::mem::take(&mut *self.broken.lock().unwrap());
                for id in broken {
                    lab.mend(Some(id)).await?;
                }
            }
            other => bail!("nobody knows how to '{other}'"),
        }
        Ok(Value::Null)
    }

    /// A cross-connect, and the provider's side of its session, by what the portal shows of it.
    async fn cable(&self, wish: &Value) -> anyhow::Result<()> {
        let node = needed(wish, "/node")?;
        let mut all = ROUTERS.iter().flat_map(|(_, nodes)| nodes);
        let node: &'static str = all.find(|n| **n == node).context("no such router")?;
        let own = needed(wish, "/own")?;
        let ports = wish["ports"].as_array().into_iter().flatten();
        let connection = json!({
            "router": { "name": needed(wish, "/router")? },
            "lag": { "ports": ports.map(|name| json!({ "name": name })).collect::<Vec<_>>() },
            "sessions": [{
                "sessionPrefix": own, "peerAddress": own.split('/').next(), "hostAddress": needed(wish, "/host")?,
            }],
        });
        let members = provider::cable(&self.world.lab, &connection, node).await?;
        let interconnect = provider::configure(&self.world.lab, &connection, node, members).await?;
        self.cabled.lock().unwrap().push(interconnect);
        Ok(())
    }
}
