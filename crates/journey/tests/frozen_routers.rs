//! What once froze a whole router for everybody: what one peer asks for, or somebody does by hand, that a router
//! can't or mustn't take. On routers of both FRR versions, each time with a change of another peer going through
//! on the same routers meanwhile.

mod common;

use anyhow::{Context, ensure};
use meetme_client::{Client, ClientError};
use meetme_journey::people::{Engineer, Operator, needed, text};
use meetme_journey::provider;
use meetme_journey::say::Say;
use meetme_journey::world::{Options, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The peer that everything goes well for.
const GOOD: &str = "contoso-ams";
/// The peer that asks for what is odd.
const ODD: &str = "fabrikam-ams";
const ODD_ASN: u32 = 64509;
/// Its sessions' subnets, and keys that look like the product's own objects and commands.
const ODD_SESSIONS: [(&str, &str); 2] =
    [("198.19.101.0/30", "MEETME-x"), ("198.19.101.4/30", "no-route-map.MEETME-DENY")];
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn what_one_peer_asks_for_or_somebody_does_by_hand_never_stops_another_peers_change() {
    common::in_a_world(Options { port: 8961, connections_automatic: true }, |world| async move {
        let say = Say::default();
        let engineer = Engineer::new(&world, &say);
        let operator = Operator::new(&world);
        engineer.associate_asn().await?;
        operator.approve_asn().await?;
        up(&world, &engineer).await?;
        coupling_is_proved(&operator).await?;
        let odd = Odd::request(&world, &engineer).await?;
        impossible_subnets(&world, &engineer, &operator).await?;
        odd.foreign_neighbours().await?;
        odd.cable().await?;
        odd.told("without this product's mark", "isn't ready for this connection").await?;
        change(&world, &engineer, "first", "198.19.10.0/24").await?;
        odd.refused_addresses().await?;
        odd.told("refused a command", "refused the configuration of this connection").await?;
        change(&world, &engineer, "second", "198.19.11.0/24").await?;
        odd.mend().await?;
        change(&world, &engineer, "third", "198.19.12.0/24").await?;
        odd.comes_up().await
    });
}

/// The good peer's connections, as far as it takes to register prefixes.
async fn up(world: &World, engineer: &Engineer<'_>) -> anyhow::Result<()> {
    engineer.request_peering(GOOD, "Amsterdam", 64, 20_000).await?;
    let connections = with_addresses(engineer, GOOD).await?;
    for (connection, node) in connections.iter().zip(provider::routers(GOOD)?) {
        let members = provider::cable(&world.lab, connection, node).await?;
        provider::configure(&world.lab, connection, node, members).await?;
    }
    engineer.wait_connections(GOOD, "Active", LIMIT).await?;
    Ok(())
}

async fn with_addresses(engineer: &Engineer<'_>, peering: &str) -> anyhow::Result<Vec<Value>> {
    let until = Instant::now() + LIMIT;
    loop {
        let seen = engineer.connections(peering).await?;
        if !seen.is_empty() && seen.iter().all(|c| !text(c, "/sessions/0/peerAddress").is_empty()) {
            return Ok(seen);
        }
        ensure!(Instant::now() < until, "{peering} has no addresses: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A change of the good peer's, to all its routers: it is confirmed on them, or the prefix isn't used on each.
async fn change(world: &World, engineer: &Engineer<'_>, name: &str, prefix: &str) -> anyhow::Result<()> {
    engineer.register_prefix(GOOD, name, prefix).await?;
    for node in provider::routers(GOOD)? {
        world.lab.announce(node, Some("meetme"), vec![provider::announcement(prefix)?]).await?;
    }
    engineer.wait_registered(GOOD, name, "Verified", LIMIT).await?;
    Ok(())
}

/// Every router has shown at first contact that its BGP falls with its BFD.
async fn coupling_is_proved(operator: &Operator<'_>) -> anyhow::Result<()> {
    for router in operator.routers().await? {
        let router = operator.router(text(&router, "/name")).await?;
        ensure!(router.pointer("/coupling/proved") == Some(&Value::Bool(true)), "not proved: {router:#}");
        println!("{}: {}", text(&router, "/name"), text(&router, "/coupling/found"));
    }
    Ok(())
}

/// Refused when they are sent, with words; no router hears of them.
async fn impossible_subnets(
    world: &World,
    engineer: &Engineer<'_>,
    operator: &Operator<'_>,
) -> anyhow::Result<()> {
    // What the odd peer has asked for until now is there.
    operator.wait_confirmed(LIMIT).await?;
    let before = generations(operator).await?;
    let taken = text(&engineer.connections(GOOD).await?[0], "/sessions/0/sessionPrefix").to_owned();
    for (subnet, words) in [
        ("127.0.0.0/30", "can't be the subnet of a session"),
        ("224.0.0.0/30", "can't be the subnet of a session"),
        ("0.0.0.0/30", "can't be the subnet of a session"),
        ("198.18.1.0/30", "host's own network"),
        (taken.as_str(), "host's own network"),
        (ODD_SESSIONS[0].0, "is in use by"),
        ("010.1.1.0/30", "leading zeros"),
    ] {
        let body = peering(&engineer.paths.peer_asn("contoso"), "Frankfurt", 58, &[(subnet, "s3cret")]);
        let refusal = world.peer.put(&engineer.paths.peering("never"), &body).await.err();
        let refusal = refusal.with_context(|| format!("{subnet} was taken"))?;
        let ClientError::Api(failure) = &refusal else { anyhow::bail!("{subnet}: {refusal}") };
        ensure!(failure.status == 400 && failure.to_string().contains(words), "{subnet}: {failure}");
    }
    ensure!(generations(operator).await? == before, "a router was told of it");
    Ok(())
}

/// What each router should have.
async fn generations(operator: &Operator<'_>) -> anyhow::Result<BTreeMap<String, Option<u64>>> {
    let of = |r: &Value| (text(r, "/name").to_owned(), r["intendedGeneration"].as_u64());
    Ok(operator.routers().await?.iter().map(of).collect())
}

/// A peering with a connection for each of these subnets and keys.
fn peering(asn: &str, location: &str, facility: i32, sessions: &[(&str, &str)]) -> Value {
    let connection = |(subnet, key): &(&str, &str)| {
        json!({
            "bandwidthInMbps": 10_000, "peeringDBFacilityId": facility, "sessionAddressProvider": "Peer",
            "bgpSession": {
                "sessionPrefixV4": subnet, "md5AuthenticationKey": key, "maxPrefixesAdvertisedV4": 1000,
            },
        })
    };
    json!({
        "kind": "Direct", "location": "westeurope", "sku": { "name": "Basic_Direct_Free" },
        "properties": { "peeringLocation": location, "direct": {
            "directPeeringType": "Edge", "peerAsn": { "id": asn },
            "connections": sessions.iter().map(connection).collect::<Vec<_>>(),
        }},
    })
}

/// The odd peer, and what somebody does by hand about it.
struct Odd<'a> {
    world: &'a World,
    engineer: &'a Engineer<'a>,
    /// Host router, the peer's address there, and the peer's router.
    places: Vec<(String, String, &'static str)>,
    connections: Vec<Value>,
}

impl<'a> Odd<'a> {
    async fn request(world: &'a World, engineer: &'a Engineer<'a>) -> anyhow::Result<Self> {
        let client: &Client = &world.peer;
        let asn = json!({ "properties": { "peerAsn": ODD_ASN, "peerName": "Fabrikam", "peerContactDetail": [
            { "role": "Noc", "email": "noc@fabrikam.example", "phone": "+31 20 555 0200" },
            { "role": "Technical", "email": "net@fabrikam.example", "phone": "+31 20 555 0201" },
        ]}});
        client.put(&engineer.paths.peer_asn("fabrikam"), &asn).await?;
        let decision = json!({ "reason": "confirmed by phone" });
        let at = engineer.paths.peer_asn_checks("fabrikam");
        world.operator.decide(&at, &engineer.paths.decide_peer_asn("fabrikam", true), &decision).await?;
        let body = peering(&engineer.paths.peer_asn("fabrikam"), "Amsterdam", 64, &ODD_SESSIONS);
        client.put(&engineer.paths.peering(ODD), &body).await?;
        let connections = with_addresses(engineer, ODD).await?;
        let mut places = Vec::new();
        for (connection, node) in connections.iter().zip(provider::routers(GOOD)?) {
            let router = needed(connection, "/router/name")?.to_owned();
            places.push((router, needed(connection, "/sessions/0/peerAddress")?.to_owned(), node));
        }
        Ok(Self { world, engineer, places, connections })
    }

    /// Somebody has configured the peer's address already, on either router.
    async fn foreign_neighbours(&self) -> anyhow::Result<()> {
        for (router, address, _) in &self.places {
            let lines =
                [format!("neighbor {address} remote-as 64499"), format!("neighbor {address} shutdown")];
            vtysh(self.world, router, &["configure terminal", "router bgp 64500", &lines[0], &lines[1]])
                .await?;
        }
        Ok(())
    }

    /// Somebody takes that away, but has given the peer's address to the router itself: FRR refuses such a neighbour.
    async fn refused_addresses(&self) -> anyhow::Result<()> {
        for (router, address, _) in &self.places {
            let running = vtysh(self.world, router, &["show running-config"]).await?;
            let lines: Vec<&str> = running.lines().map(str::trim).filter(|l| l.contains(address)).collect();
            let untouched =
                [format!("neighbor {address} remote-as 64499"), format!("neighbor {address} shutdown")];
            ensure!(lines == untouched, "what isn't the product's was touched: {lines:?}");
            self.address(router, "add", address).await?;
            let gone = format!("no neighbor {address}");
            vtysh(self.world, router, &["configure terminal", "router bgp 64500", &gone]).await?;
        }
        Ok(())
    }

    async fn mend(&self) -> anyhow::Result<()> {
        for (router, address, _) in &self.places {
            self.address(router, "del", address).await?;
        }
        Ok(())
    }

    async fn address(&self, router: &str, verb: &str, address: &str) -> anyhow::Result<()> {
        let done =
            self.world.lab.exec(router, &["ip", "addr", verb, &format!("{address}/32"), "dev", "lo"]).await?;
        ensure!(done.code == 0, "{done:?}");
        Ok(())
    }

    /// The third port of each of the provider's routers, with another AS on it.
    async fn cable(&self) -> anyhow::Result<()> {
        for (n, (router, _, node)) in self.places.iter().enumerate() {
            let connection = &self.connections[n];
            let port = needed(connection, "/lag/ports/0/name")?;
            let ends = [format!("{router}:{port}"), format!("{node}:et3")];
            let [a, b] = ends.map(|end| end.parse().map_err(anyhow::Error::msg));
            self.world.lab.cable(&a?, &b?).await?;
            let mut session = provider::session("fabrikam", connection, vec!["et3".into()])?;
            session.local_asn = Some(ODD_ASN);
            session.md5 = Some(ODD_SESSIONS[n].1.into());
            self.world.lab.session(node, &session).await?;
        }
        Ok(())
    }

    /// Waits until operators are told the one and the peer the other, of either router.
    async fn told(&self, operators: &str, peer: &str) -> anyhow::Result<()> {
        let operator = Operator::new(self.world);
        let until = Instant::now() + LIMIT;
        loop {
            let mut missing = Vec::new();
            for (router, _, _) in &self.places {
                let seen = operator.router(router).await?;
                if !seen["pending"].to_string().contains(operators) {
                    missing.push(format!("{router}: {}", seen["pending"]));
                }
            }
            for connection in self.engineer.connections(ODD).await? {
                if !connection["awaited"].to_string().contains(peer) {
                    missing.push(format!("{:#}", connection["awaited"]));
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < until, "'{operators}' and '{peer}' aren't told: {missing:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn comes_up(&self) -> anyhow::Result<()> {
        let until = Instant::now() + LIMIT;
        loop {
            let seen = self.engineer.connections(ODD).await?;
            let up = |c: &Value| {
                text(c, "/sessions/0/bgp") == "Established"
                    && text(c, "/sessions/0/bfd").eq_ignore_ascii_case("up")
            };
            if seen.iter().all(up) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "its sessions don't come up by themselves: {seen:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn vtysh(world: &World, router: &str, commands: &[&str]) -> anyhow::Result<String> {
    let dir = world.lab.vty_dir(router);
    let mut command = vec!["vtysh", "--vty_socket", dir.to_str().context("a path in UTF-8")?];
    command.extend(commands.iter().flat_map(|c| ["-c", *c]));
    Ok(world.lab.exec(router, &command).await?.stdout)
}
