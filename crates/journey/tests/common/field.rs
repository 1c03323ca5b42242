//! The people around a client's journey: the host's operator who approves, and the provider's staff who
//! cable and configure its routers. They fulfil what the scripts in `tests/clients` wish.

use anyhow::{Context, bail, ensure};
use ipnet::IpNet;
use meetme_client::{Client, Resources};
use meetme_journey::people::{needed, text};
use meetme_journey::provider;
use meetme_journey::world::World;
use meetme_lab::proto::Announcement;
use meetme_lab::topology::Endpoint;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;

const LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);
/// The community of an offering that names none, in the lab.
const EDGE_COMMUNITY: &str = "64500:8007";

/// Where journeys that run at the same time wait for each other.
pub struct Meetings(BTreeMap<&'static str, Barrier>);

impl Meetings {
    /// For so many journeys.
    pub fn of(journeys: usize) -> Self {
        Self(["active", "done"].map(|at| (at, Barrier::new(journeys))).into())
    }
}

/// The people of one journey.
pub struct Field<'a> {
    world: &'a World,
    peer: Client,
    paths: Resources,
    meetings: &'a Meetings,
    cabled: Mutex<BTreeMap<String, Vec<Endpoint>>>,
    announced: Mutex<Vec<IpNet>>,
}

impl<'a> Field<'a> {
    /// Those of a subscription, whose client is `peer`.
    pub fn new(world: &'a World, peer: Client, subscription: &str, meetings: &'a Meetings) -> Self {
        Self {
            world,
            peer,
            paths: Resources::new(subscription, "voice"),
            meetings,
            cabled: Mutex::default(),
            announced: Mutex::default(),
        }
    }

    /// Does what is wished.
    pub async fn fulfil(&self, wish: Value) -> anyhow::Result<Value> {
        let peering = text(&wish, "/peering");
        match text(&wish, "/ask") {
            "approve_asn" => {
                let name = needed(&wish, "/name")?;
                let (at, path) = (self.paths.peer_asn_checks(name), self.paths.decide_peer_asn(name, true));
                // All journeys are the same provider's, each in a subscription of its own.
                let decision = json!({ "reason": "confirmed by phone", "allowDuplicateAsn": true });
                self.world.operator.decide(&at, &path, &decision).await?;
            }
            "approve_peering" => {
                let (at, path) = (self.paths.peering(peering), self.paths.approve_peering(peering));
                self.world.operator.decide(&at, &path, &json!({ "reason": "ports are free" })).await?;
            }
            "cable" => self.cable(peering, &wish).await?,
            "uncable" => self.uncable(peering, &wish).await?,
            "announce" => self.announce(&wish, strings(&wish, "/prefixes")).await?,
            "activate" => self.activate(peering, &wish).await?,
            "unregister" => self.unregister(peering, needed(&wish, "/name")?).await?,
            "meet" => {
                let at = self.meetings.0.get(text(&wish, "/at")).context("there is no such meeting")?;
                at.wait().await;
            }
            other => bail!("nobody knows how to '{other}'"),
        }
        Ok(Value::Null)
    }

    /// The cross-connects of a peering, and the provider's side of its sessions.
    async fn cable(&self, peering: &str, wish: &Value) -> anyhow::Result<()> {
        let first = wish.pointer("/first_port").and_then(Value::as_u64).context("no first_port")?;
        let connections = self.with_addresses(peering).await?;
        let nodes = strings(wish, "/nodes");
        ensure!(connections.len() == nodes.len(), "{} connections, {nodes:?}", connections.len());
        for (connection, node) in connections.iter().zip(&nodes) {
            let router = needed(connection, "/router/name")?;
            let ports = connection.pointer("/lag/ports").and_then(Value::as_array).context("no ports")?;
            let mut members = Vec::new();
            for (port, number) in ports.iter().zip(first..) {
                let host: Endpoint = endpoint(router, needed(port, "/name")?)?;
                let own = endpoint(node, &format!("et{number}"))?;
                self.world.lab.cable(&host, &own).await?;
                members.push(format!("et{number}"));
                self.cabled.lock().unwrap().entry(peering.to_owned()).or_default().push(own);
            }
            self.world.lab.session(node, &provider::session(peering, connection, members)?).await?;
        }
        Ok(())
    }

    /// The connections of a peering once their session addresses are allocated.
    async fn with_addresses(&self, peering: &str) -> anyhow::Result<Vec<Value>> {
        let until = Instant::now() + LIMIT;
        loop {
            let seen = self.peer.list(&self.paths.connections(peering)).await?;
            let ready = |c: &Value| {
                text(c, "/connectionState") == "ProvisioningStarted"
                    && !text(c, "/sessions/0/peerAddress").is_empty()
            };
            if !seen.is_empty() && seen.iter().all(ready) {
                return Ok(seen);
            }
            ensure!(Instant::now() < until, "{peering} has no addresses: {seen:#?}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn uncable(&self, peering: &str, wish: &Value) -> anyhow::Result<()> {
        for node in strings(wish, "/nodes") {
            self.world.lab.session_remove(&node, peering).await?;
        }
        let ports = self.cabled.lock().unwrap().remove(peering).unwrap_or_default();
        for port in ports {
            self.world.lab.uncable(&port).await?;
        }
        Ok(())
    }

    /// Announces on all sessions of the routers, with the communities of all offerings.
    async fn announce(&self, wish: &Value, prefixes: Vec<String>) -> anyhow::Result<()> {
        let announcements: Vec<Announcement> = prefixes
            .iter()
            .map(|p| Ok(provider::announcement(p)?.with_community(EDGE_COMMUNITY)))
            .collect::<anyhow::Result<_>>()?;
        for node in strings(wish, "/nodes") {
            self.world.lab.announce(&node, None, announcements.clone()).await?;
        }
        self.announced.lock().unwrap().extend(announcements.iter().map(|a| a.prefix));
        Ok(())
    }

    /// Ends what `announce` began.
    pub async fn withdraw(&self, nodes: &[&str]) -> anyhow::Result<()> {
        let prefixes = std::mem::take(&mut *self.announced.lock().unwrap());
        for node in nodes {
            self.world.lab.withdraw(node, None, prefixes.clone()).await?;
        }
        Ok(())
    }

    /// What the oldest version has no words for: registers a prefix, gives the service its primary
    /// location, and activates the prefix in it by its key.
    async fn activate(&self, peering: &str, wish: &Value) -> anyhow::Result<()> {
        let (name, prefix) = (needed(wish, "/name")?, needed(wish, "/prefix")?);
        let registered = self.paths.registered_prefix(peering, name);
        self.peer.put(&registered, &json!({ "properties": { "prefix": prefix } })).await?;
        self.announce(wish, vec![prefix.to_owned()]).await?;
        let until = Instant::now() + LIMIT;
        let key = loop {
            let seen = self.peer.get(&registered).await?;
            if text(&seen, "/properties/prefixValidationState") == "Verified" {
                break needed(&seen, "/properties/peeringServicePrefixKey")?.to_owned();
            }
            ensure!(Instant::now() < until, "{prefix} isn't Verified: {seen:#}");
            tokio::time::sleep(POLL).await;
        };
        let service = self.paths.peering_service(needed(wish, "/service")?);
        let mut body = self.peer.get(&service).await?;
        body["properties"]["providerPrimaryPeeringLocation"] = json!(needed(wish, "/metro")?);
        self.peer.put(&service, &body).await?;
        let body = json!({ "properties": { "prefix": prefix, "peeringServicePrefixKey": key } });
        self.peer.put(&self.paths.service_prefix(needed(wish, "/service")?, name), &body).await?;
        Ok(())
    }

    async fn unregister(&self, peering: &str, name: &str) -> anyhow::Result<()> {
        self.peer.delete(&self.paths.registered_prefix(peering, name)).await?;
        Ok(())
    }
}

fn endpoint(node: &str, port: &str) -> anyhow::Result<Endpoint> {
    format!("{node}:{port}").parse().map_err(anyhow::Error::msg)
}

fn strings(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
