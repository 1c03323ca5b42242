//! The people of the journey: the provider's engineer and the host's operator, who know the
//! public API and nothing else.

use crate::say::Say;
use crate::world::{SUBSCRIPTION, World};
use anyhow::{Context, bail};
use meetme_client::{Client, Operator as OperatorPaths, Resources};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The provider's ASN in the lab.
pub const PROVIDER_ASN: u32 = 64510;
/// The community of the Voice offering.
pub const COMMUNITY: &str = "8075:8007";
const POLL: Duration = Duration::from_millis(50);

/// The provider's engineer.
pub struct Engineer<'a> {
    client: &'a Client,
    /// Paths of the provider's resources.
    pub paths: Resources,
    say: &'a Say,
}

impl<'a> Engineer<'a> {
    /// The engineer of `world`'s peer.
    pub fn new(world: &'a World, say: &'a Say) -> Self {
        Self { client: &world.peer, paths: Resources::new(SUBSCRIPTION, "voice"), say }
    }

    /// Claims the provider's ASN.
    pub async fn associate_asn(&self) -> anyhow::Result<()> {
        let body = json!({ "properties": {
            "peerAsn": PROVIDER_ASN,
            "peerName": "Contoso Voice",
            "peerContactDetail": [
                { "role": "Noc", "email": "noc@contoso.example", "phone": "+31 20 555 0100" },
                { "role": "Technical", "email": "sbc@contoso.example", "phone": "+31 20 555 0101" },
            ],
        }});
        self.client.put(&self.paths.peer_asn("contoso"), &body).await?;
        Ok(())
    }

    /// Requests a Voice peering with two connections of `mbps` each.
    pub async fn request_peering(
        &self,
        name: &str,
        location: &str,
        facility: i32,
        mbps: u32,
    ) -> anyhow::Result<()> {
        let connection = json!({
            "bandwidthInMbps": mbps,
            "peeringDBFacilityId": facility,
            "bgpSession": { "maxPrefixesAdvertisedV4": 1000 },
        });
        let body = json!({
            "kind": "Direct",
            "location": "westeurope",
            "sku": { "name": "Premium_Direct_Free" },
            "properties": {
                "peeringLocation": location,
                "direct": {
                    "directPeeringType": "Voice",
                    "peerAsn": { "id": self.paths.peer_asn("contoso") },
                    "connections": [connection, connection],
                },
            },
        });
        self.client.put(&self.paths.peering(name), &body).await?;
        Ok(())
    }

    /// Has a peering's sessions take more prefixes.
    pub async fn raise_max_prefixes(&self, peering: &str, max: u32) -> anyhow::Result<()> {
        let path = self.paths.peering(peering);
        let mut body = self.client.get(&path).await?;
        let connections = body.pointer_mut("/properties/direct/connections").and_then(Value::as_array_mut);
        for connection in connections.context("a peering has connections")? {
            let session = connection.get_mut("bgpSession").context("a connection has a session")?;
            session["maxPrefixesAdvertisedV4"] = max.into();
        }
        self.client.put(&path, &body).await?;
        Ok(())
    }

    /// The connections of a peering, with everything that their peer may know.
    pub async fn connections(&self, peering: &str) -> anyhow::Result<Vec<Value>> {
        Ok(self.client.list(&self.paths.connections(peering)).await?)
    }

    /// Waits until every connection of a peering has come to `state` or beyond it; says who is
    /// awaited meanwhile.
    pub async fn wait_connections(
        &self,
        peering: &str,
        state: &str,
        limit: Duration,
    ) -> anyhow::Result<Vec<Value>> {
        let until = Instant::now() + limit;
        loop {
            let connections = self.connections(peering).await?;
            let behind = connections.iter().find(|c| !reached(text(c, "/connectionState"), state));
            let Some(behind) = behind.filter(|_| !connections.is_empty()) else {
                return Ok(connections);
            };
            self.say.waiting(&format!(
                "{peering}: {} ({})",
                text(behind, "/awaited/what"),
                text(behind, "/awaited/party")
            ));
            if Instant::now() > until {
                bail!("{peering} isn't {state} after {limit:?}: {behind:#}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Registers a prefix on a peering.
    pub async fn register_prefix(&self, peering: &str, name: &str, prefix: &str) -> anyhow::Result<()> {
        let body = json!({ "properties": {
            "prefix": prefix, "trafficClasses": ["media", "signalling"], "endpoints": ["sbc"],
        }});
        self.client.put(&self.paths.registered_prefix(peering, name), &body).await?;
        Ok(())
    }

    /// Waits until a registered prefix is in `state`; gives the resource.
    pub async fn wait_registered(
        &self,
        peering: &str,
        name: &str,
        state: &str,
        limit: Duration,
    ) -> anyhow::Result<Value> {
        let path = self.paths.registered_prefix(peering, name);
        self.wait_prefix(&path, state, limit).await
    }

    /// Creates a peering service for the provider's users.
    pub async fn create_service(&self, name: &str, primary: &str, backup: &str) -> anyhow::Result<()> {
        let body = json!({ "location": "westeurope", "properties": {
            "peeringServiceLocation": "North Holland",
            "peeringServiceProvider": "Contoso Voice",
            "providerPrimaryPeeringLocation": primary,
            "providerBackupPeeringLocation": backup,
        }});
        self.client.put(&self.paths.peering_service(name), &body).await?;
        Ok(())
    }

    /// Activates a prefix with its key.
    pub async fn activate_prefix(
        &self,
        service: &str,
        name: &str,
        prefix: &str,
        key: &str,
    ) -> anyhow::Result<()> {
        let body = json!({ "properties": { "prefix": prefix, "peeringServicePrefixKey": key } });
        self.client.put(&self.paths.service_prefix(service, name), &body).await?;
        Ok(())
    }

    /// Waits until an activated prefix is in `state`; gives the resource.
    pub async fn wait_activated(
        &self,
        service: &str,
        name: &str,
        state: &str,
        limit: Duration,
    ) -> anyhow::Result<Value> {
        let path = self.paths.service_prefix(service, name);
        self.wait_prefix(&path, state, limit).await
    }

    async fn wait_prefix(&self, path: &str, state: &str, limit: Duration) -> anyhow::Result<Value> {
        let until = Instant::now() + limit;
        loop {
            let seen = self.client.get(path).await?;
            if text(&seen, "/properties/prefixValidationState") == state {
                return Ok(seen);
            }
            let why = match text(&seen, "/properties/errorMessage") {
                "" => "it is being checked (host)",
                why => why,
            };
            self.say.waiting(&format!("{}: {why}", text(&seen, "/properties/prefix")));
            if Instant::now() > until {
                bail!("{path} isn't {state} after {limit:?}: {seen:#}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What a peering's sessions received; `query` filters.
    pub async fn received_routes(&self, peering: &str, query: &str) -> anyhow::Result<Vec<Value>> {
        Ok(self.client.list(&self.paths.received_routes(peering, query)).await?)
    }
}

/// The host's operator.
pub struct Operator<'a> {
    client: &'a Client,
    paths: Resources,
}

impl<'a> Operator<'a> {
    /// The operator of `world`.
    pub fn new(world: &'a World) -> Self {
        Self { client: &world.operator, paths: Resources::new(SUBSCRIPTION, "voice") }
    }

    /// Approves the provider's ASN once it waits for it.
    pub async fn approve_asn(&self) -> anyhow::Result<()> {
        let body = json!({ "reason": "ownership confirmed by phone with the NOC" });
        let at = self.paths.peer_asn_checks("contoso");
        self.client.decide(&at, &self.paths.decide_peer_asn("contoso", true), &body).await?;
        Ok(())
    }

    /// Approves a peering's connections.
    pub async fn approve_peering(&self, name: &str) -> anyhow::Result<()> {
        let body = json!({ "reason": "ports are free on two routers" });
        let at = self.paths.peering(name);
        self.client.decide(&at, &self.paths.approve_peering(name), &body).await?;
        Ok(())
    }

    /// All routers as the console shows them.
    pub async fn routers(&self) -> anyhow::Result<Vec<Value>> {
        Ok(self.client.list(OperatorPaths::ROUTERS).await?)
    }

    /// One router.
    pub async fn router(&self, name: &str) -> anyhow::Result<Value> {
        Ok(self.client.get(&OperatorPaths::router(name)).await?)
    }

    /// Waits until every router has confirmed its newest intent, and its backbone stands: a change
    /// that is still being watched would rightly be undone by a fault.
    pub async fn wait_confirmed(&self, limit: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + limit;
        loop {
            let routers = self.routers().await?;
            let stands = |r: &Value| {
                r["intendedGeneration"] == r["appliedGeneration"] && r["backboneSessionsDown"] == 0
            };
            let Some(behind) = routers.iter().find(|r| !stands(r)) else { return Ok(()) };
            if Instant::now() > until {
                bail!("{} isn't as intended after {limit:?}: {behind:#}", text(behind, "/name"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Mails with their delivery.
    pub async fn mails(&self) -> anyhow::Result<Vec<Value>> {
        Ok(self.client.list(OperatorPaths::MAILS).await?)
    }
}

/// The states of a connection on its way, in order.
const STATES: [&str; 6] =
    ["PendingApproval", "Approved", "ProvisioningStarted", "ProvisioningCompleted", "Validating", "Active"];

fn reached(state: &str, wanted: &str) -> bool {
    let rank = |s: &str| STATES.iter().position(|x| *x == s);
    match (rank(state), rank(wanted)) {
        (Some(state), Some(wanted)) => state >= wanted,
        _ => false,
    }
}

/// A text at a JSON pointer; empty when it isn't there.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// A text at a JSON pointer that must be there.
pub fn needed<'v>(value: &'v Value, pointer: &str) -> anyhow::Result<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {value:#}"))
}
