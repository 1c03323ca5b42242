//! A host of some size: 50 metros with two routers each, 5 subscriptions, and in each of them 1,000
//! Voice peerings (20 networks in every metro) of two Active connections, with both families, MD5
//! keys, ports, addresses and what their routers told last; some with a day of metrics. Written
//! through the store, as the reconcilers would have left it.

use jiff::Timestamp;
use meetme_model::connection::{Connection, ConnectionState, PortAssignment, SessionSubnet};
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::link::{BfdSessionState, BgpState, LagState, MemberState, RouterState, SessionState};
use meetme_model::metric::{Metric, Owner, Series};
use meetme_model::peer_asn::{AsnState, Contact, ContactRole, PeerAsn, PeerAsnSpec};
use meetme_model::peering::{AddressProvider, ConnectionSpec, Peering, PeeringSpec, Sku};
use meetme_model::samples::Stat;
use meetme_model::stamp::Stamp;
use meetme_model::{Asn, Secret};
use meetme_store::{
    NewToken, Role, Store, Tx, connection_update, inventory_put, metric_minute_put, peer_asn_insert,
    peering_insert, port_assign, router_state_put, subnet_take, token_create,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Subscriptions.
pub const SUBSCRIPTIONS: usize = 5;
/// Networks of a subscription that have a peering in every metro.
pub const NETWORKS: usize = 20;
/// Networks of a subscription that have none yet, for what is written while measuring.
pub const NEW_NETWORKS: usize = 20;
/// Metros.
pub const METROS: usize = 50;
/// Peerings of the first network that have metrics.
pub const METERED: usize = 10;
/// Ports of a router.
const PORTS: usize = 104;

/// A subscription's id.
pub fn subscription(s: usize) -> String {
    format!("00000000-0000-4000-8000-{s:012}")
}

/// A network's peer ASN resource; the last [`NEW_NETWORKS`] have no peering.
pub fn network(n: usize) -> String {
    format!("network-{n:02}")
}

/// A metro's name.
pub fn metro(m: usize) -> String {
    format!("Metro {m:02}")
}

/// A network's resource group.
pub fn group(n: usize) -> String {
    format!("group-{n:02}")
}

/// A peering's name.
pub fn peering(n: usize, m: usize) -> String {
    format!("peering-{n:02}-{m:02}")
}

/// The facility of a metro's site.
pub fn facility(m: usize) -> i32 {
    m as i32 + 1
}

/// What a filled store gives to ask with.
pub struct Seeded {
    /// A peer's token for each subscription.
    pub tokens: Vec<String>,
    /// The end of the day that is measured.
    pub measured_until: Timestamp,
}

/// Fills an empty store.
pub async fn fill(store: &Store) -> anyhow::Result<Seeded> {
    let now = Timestamp::now();
    let mut tx = store.begin().await?;
    inventory_put(&mut tx, &inventory()?, now).await?;
    let mut tokens = Vec::new();
    for s in 0..SUBSCRIPTIONS {
        let new = NewToken {
            name: format!("peer-{s}"),
            role: Role::Peer,
            subscription: Some(subscription(s)),
            expires_at: None,
        };
        tokens.push(token_create(&mut tx, new, now).await?.0);
    }
    tx.commit().await?;
    let mut states = BTreeMap::new();
    let mut metered = Vec::new();
    for s in 0..SUBSCRIPTIONS {
        for n in 0..NETWORKS + NEW_NETWORKS {
            let mut tx = store.begin().await?;
            peer_asn_insert(&mut tx, &peer_asn(s, n, now)).await?;
            for m in 0..if n < NETWORKS { METROS } else { 0 } {
                let connections = one_peering(&mut tx, [s, n, m], now, &mut states).await?;
                if s == 0 && n == 0 && m < METERED {
                    metered.extend(connections);
                }
            }
            tx.commit().await?;
        }
    }
    let mut tx = store.begin().await?;
    for state in states.values() {
        router_state_put(&mut tx, state).await?;
    }
    tx.commit().await?;
    Ok(Seeded { tokens, measured_until: a_day_of_metrics(store, &metered, now).await? })
}

/// Two metrics of some connections, minute by minute for a day; gives its end.
async fn a_day_of_metrics(
    store: &Store,
    connections: &[Connection],
    now: Timestamp,
) -> anyhow::Result<Timestamp> {
    const MINUTE_MS: i64 = 60_000;
    // Where points of five minutes end: a day is as many of them, whenever this runs.
    let until = now.as_millisecond() / (5 * MINUTE_MS) * (5 * MINUTE_MS);
    let series = |c: &Connection, metric| Series {
        owner: Owner::Peering(c.peering_id),
        metric,
        dimensions: BTreeMap::from([("ConnectionId".to_owned(), c.spec.identifier.clone())]),
    };
    let mut tx = store.begin().await?;
    for minute in -24 * 60..0 {
        let rate = Stat::of(1e9 + 1e6 * (minute % 97) as f64).with(2e9);
        let measured = connections
            .iter()
            .flat_map(|c| {
                [Metric::IngressTrafficRate, Metric::EgressTrafficRate].map(|m| (series(c, m), rate))
            })
            .collect();
        let at = Timestamp::from_millisecond(until + minute * MINUTE_MS)?;
        metric_minute_put(&mut tx, "every router", at, 0, &measured).await?;
    }
    tx.commit().await?;
    Ok(Timestamp::from_millisecond(until)?)
}

async fn one_peering(
    tx: &mut Tx,
    [s, n, m]: [usize; 3],
    now: Timestamp,
    states: &mut BTreeMap<String, RouterState>,
) -> anyhow::Result<Vec<Connection>> {
    let new = Peering {
        id: 0,
        subscription: subscription(s),
        resource_group: group(n),
        name: peering(n, m),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering: OfferingKind::Voice,
            sku: Sku::Premium_Direct_Free,
            location: metro(m),
            peer_asn_name: network(n),
            asn: asn(s, n),
            tags: BTreeMap::from([("owner".into(), format!("team-{}", n % 7))]),
            probes: Vec::new(),
        },
        deleting: false,
        stamp: Stamp::new("peer", now),
    };
    let place = s * NETWORKS + n;
    let specs = [0, 1].map(|c| spec(place * METROS + m, c, m));
    let (_, mut connections) = peering_insert(tx, &new, &specs).await?;
    for (c, connection) in connections.iter_mut().enumerate() {
        let (router, port) = (router(m, c), format!("et{place}"));
        connection.state = ConnectionState::Active;
        connection.ports = Some(PortAssignment {
            router: router.clone(),
            ports: vec![port.clone()],
            port_speed_mbps: 10_000,
        });
        let nth = 2 * place + c;
        let v4 = format!("198.{}.{}.{}/31", 18 + m / 32, 8 * (m % 32) + nth / 128, 2 * (nth % 128));
        let v6 = format!("2001:db8:{m:x}::{:x}/127", 2 * nth);
        connection.subnet_v4 = SessionSubnet::of(v4.parse()?);
        connection.subnet_v6 = SessionSubnet::of(v6.parse()?);
        connection.active_at = Some(now);
        connection_update(tx, connection).await?;
        port_assign(tx, connection.id, &router, std::slice::from_ref(&port)).await?;
        let state = states.entry(router.clone()).or_insert_with(|| unseen(&router, now));
        let member = MemberState { carrier: true, collecting: true, distributing: true };
        state.lags.insert(connection.lag_name(), LagState { members: BTreeMap::from([(port, member)]) });
        for (session, subnet) in connection.sessions() {
            subnet_take(tx, connection.id, subnet.prefix).await?;
            state.sessions.insert(session, established(now));
        }
    }
    Ok(connections)
}

/// A router whose edge is away, so that its absence is no news; what it told last is filled in. The last one could be
/// reached until now: the product notes that it can't any more, which shows that it looked at all of them.
fn unseen(name: &str, at: Timestamp) -> RouterState {
    RouterState {
        reachable: name == router(METROS - 1, 1),
        error: Some("its edge is away".into()),
        generation: Some(1),
        applied_generation: Some(1),
        ..RouterState::reached(name, at)
    }
}

fn established(at: Timestamp) -> SessionState {
    SessionState {
        bgp: BgpState::Established,
        bfd: BfdSessionState::Up,
        bfd_detection_ms: Some(150),
        peer_router_id: Some("192.0.2.77".into()),
        established_at: Some(at),
        down: None,
        gate_open: true,
        flaps: 0,
    }
}

fn spec(n: usize, c: usize, m: usize) -> ConnectionSpec {
    ConnectionSpec {
        identifier: format!("{n:08x}-0000-4000-8000-{c:012x}"),
        bandwidth_mbps: 10_000,
        facility_id: facility(m),
        address_provider: AddressProvider::Host,
        use_for_peering_service: true,
        session_prefix_v4: None,
        session_prefix_v6: None,
        max_prefixes_v4: 20_000,
        max_prefixes_v6: Some(2_000),
        md5_key: (c == 0).then(|| Secret::new("a-key-of-some-length")),
    }
}

fn peer_asn(s: usize, n: usize, now: Timestamp) -> PeerAsn {
    PeerAsn {
        id: 0,
        subscription: subscription(s),
        name: network(n),
        spec: PeerAsnSpec {
            asn: asn(s, n),
            peer_name: format!("Network {s}-{n}"),
            contacts: vec![Contact {
                role: ContactRole::Noc,
                email: format!("noc@network-{n}.example"),
                phone: "+31 20 555 0100".into(),
            }],
        },
        state: AsnState::Approved,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: Stamp::new("peer", now),
    }
}

fn asn(s: usize, n: usize) -> Asn {
    Asn((100_000 + s * (NETWORKS + NEW_NETWORKS) + n) as u32)
}

fn router(m: usize, c: usize) -> String {
    format!("m{m:02}-er{}", c + 1)
}

/// Read from JSON, so that what an inventory may leave out can be left out.
fn inventory() -> anyhow::Result<Inventory> {
    let metros = 0..METROS;
    let location = |m| json!({ "name": metro(m), "country": "NL", "region": "westeurope" });
    let site = |m| {
        json!({ "name": format!("m{m:02}"), "location": metro(m), "facility_id": facility(m),
                "address": "1 Harbour Way" })
    };
    let port = |p: usize| {
        let panel = format!("PP{}:{p}", p / 24);
        json!({ "name": format!("et{p}"), "speed_mbps": 10_000, "panel": panel })
    };
    let edge_router = |m: usize, c: usize| {
        let loopback = format!("192.0.{}.{m}", c + 2);
        json!({ "name": router(m, c), "site": format!("m{m:02}"), "loopback": loopback,
            "management": { "driver": "frr", "vty_dir": "/run/frr", "bmp_source": loopback,
                            "lag": { "backend": "bonding" } },
            "port": (0..PORTS).map(port).collect::<Vec<_>>() })
    };
    let pool = |m: usize, v4: bool| {
        let v4_pool = format!("198.{}.{}.0/21", 18 + m / 32, 8 * (m % 32));
        let (prefix, length) = if v4 { (v4_pool, 31) } else { (format!("2001:db8:{m:x}::/48"), 127) };
        json!({ "prefix": prefix, "location": metro(m), "subnet_length": length })
    };
    Ok(serde_json::from_value(json!({
        "host": { "name": "Example Cloud", "asn": 64500, "announced": ["203.0.113.0/24"] },
        "offering": [{ "name": "AS64500 (with Voice)", "kind": "Voice" }],
        "location": metros.clone().map(location).collect::<Vec<_>>(),
        "site": metros.clone().map(site).collect::<Vec<_>>(),
        "router": metros.clone().flat_map(|m| [0, 1].map(|c| edge_router(m, c))).collect::<Vec<_>>(),
        "pool": metros.flat_map(|m| [true, false].map(|v4| pool(m, v4))).collect::<Vec<_>>(),
    }))?)
}
