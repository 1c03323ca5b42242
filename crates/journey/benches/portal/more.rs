//! What the portal shows besides peerings: a registered prefix on each of them, services with activated prefixes,
//! requests that wait, what sessions receive, and people who are signed in.

use crate::seed::{METROS, NETWORKS, SUBSCRIPTIONS, facility, group, metro, network, peering, subscription};
use jiff::{SignedDuration, Timestamp};
use meetme_model::connection::Connection;
use meetme_model::inventory::OfferingKind;
use meetme_model::link::SessionRoutes;
use meetme_model::peer_asn::{AsnState, PeerAsn};
use meetme_model::peering::{AddressProvider, ConnectionSpec, Peering, PeeringSpec, Sku};
use meetme_model::peering_service::{
    ActivePath, LearnedType, PeeringService, PeeringServiceSpec, ServicePrefix,
};
use meetme_model::registered_prefix::{PrefixState, PrefixVerdict, RegisteredPrefix, Usage};
use meetme_model::stamp::Stamp;
use meetme_store::{
    Person, Role, Store, Tx, connections_of, peer_asn_get, peer_asn_insert, peering_get, peering_insert,
    peering_service_insert, person_insert, registered_prefix_insert, service_prefix_insert, session_add,
    session_routes_put,
};

/// Services of a subscription.
const SERVICES: usize = 100;
/// Activated prefixes of a service.
const OF_A_SERVICE: usize = 2;
/// Metros in which one new network of each subscription asks for a peering.
const ASKED: usize = 20;
/// Claims to ASNs that wait, in each subscription.
const CLAIMS: usize = 10;

/// Who looks: the tokens of their sessions.
pub struct People {
    /// Somebody who runs the host's network.
    pub operator: String,
    /// Somebody of the first subscription.
    pub peer: String,
}

/// A service's name.
pub fn service(n: usize) -> String {
    format!("service-{n:03}")
}

/// The name of a claim that waits.
pub fn claim(n: usize) -> String {
    format!("claim-{n:02}")
}

/// The name of the new network that asks for peerings.
pub fn asking() -> String {
    network(NETWORKS)
}

/// Fills what the peerings' store lacks.
pub async fn fill(store: &Store) -> anyhow::Result<People> {
    let now = Timestamp::now();
    for s in 0..SUBSCRIPTIONS {
        let mut activated = Vec::new();
        for n in 0..NETWORKS {
            let mut tx = store.begin().await?;
            for m in 0..METROS {
                let kept = one_prefix(&mut tx, [s, n, m], now).await?;
                if activated.len() < SERVICES * OF_A_SERVICE {
                    activated.push(kept);
                }
            }
            tx.commit().await?;
        }
        let mut tx = store.begin().await?;
        for (n, own) in activated.chunks(OF_A_SERVICE).enumerate() {
            one_service(&mut tx, s, n, own, now).await?;
        }
        for m in 0..ASKED {
            one_request(&mut tx, s, m, now).await?;
        }
        for n in 0..CLAIMS {
            one_claim(&mut tx, s, n, now).await?;
        }
        tx.commit().await?;
    }
    let mut tx = store.begin().await?;
    let operator = signed_in(&mut tx, "ops@cloud.example", Role::Operator, Vec::new(), now).await?;
    let peer = signed_in(&mut tx, "noc@tel.example", Role::Peer, vec![subscription(0)], now).await?;
    tx.commit().await?;
    Ok(People { operator, peer })
}

async fn signed_in(
    tx: &mut Tx,
    email: &str,
    role: Role,
    subscriptions: Vec<String>,
    now: Timestamp,
) -> anyhow::Result<String> {
    let person = Person {
        id: 0,
        email: email.to_owned(),
        name: "Ann Example".into(),
        role,
        subscriptions,
        // Nobody signs in by it.
        password_hash: Some("none".into()),
        disabled: false,
        created_at: now,
    };
    let person = person_insert(tx, &person).await?;
    Ok(session_add(tx, person.id, "bench", now, now + SignedDuration::from_hours(12)).await?)
}

/// A verified prefix on a peering, and what its sessions receive.
async fn one_prefix(tx: &mut Tx, [s, n, m]: [usize; 3], now: Timestamp) -> anyhow::Result<RegisteredPrefix> {
    let found = peering_get(tx, &subscription(s), &group(n), &peering(n, m)).await?;
    let peering = found.ok_or_else(|| anyhow::anyhow!("a peering isn't there"))?;
    for c in connections_of(tx, peering.id).await? {
        for routes in received(&c, now) {
            session_routes_put(tx, &routes).await?;
        }
    }
    let place = (s * NETWORKS + n) * METROS + m;
    let new = RegisteredPrefix {
        id: 0,
        peering_id: peering.id,
        name: "media".into(),
        prefix: format!("100.{}.{}.0/24", 64 + place / 256, place % 256).parse()?,
        usage: Usage::default(),
        key: Some(format!("{place:08x}-0000-4000-8000-00000000cafe")),
        verdict: PrefixVerdict { state: PrefixState::Verified, ..PrefixVerdict::pending() },
        troubled: false,
        since: now,
        stamp: Stamp::new("peer", now),
    };
    Ok(registered_prefix_insert(tx, &new).await?)
}

fn received(c: &Connection, now: Timestamp) -> Vec<SessionRoutes> {
    let Some(ports) = &c.ports else { return Vec::new() };
    let routes = |(session, subnet): (String, meetme_model::connection::SessionSubnet)| SessionRoutes {
        router: ports.router.clone(),
        session,
        peer_address: subnet.peer,
        at: now,
        synced: true,
        error: None,
        received: 20,
        used: 20,
        faults: Default::default(),
        examples: Default::default(),
        evidence: Vec::new(),
    };
    c.sessions().map(routes).collect()
}

async fn one_service(
    tx: &mut Tx,
    s: usize,
    n: usize,
    own: &[RegisteredPrefix],
    now: Timestamp,
) -> anyhow::Result<()> {
    let new = PeeringService {
        id: 0,
        subscription: subscription(s),
        resource_group: group(0),
        name: service(n),
        spec: PeeringServiceSpec {
            region: "westeurope".into(),
            location: "North Holland".into(),
            provider: format!("Network {s}-0"),
            primary: Some(metro(n % METROS)),
            backup: Some(metro((n + 1) % METROS)),
            sku: None,
            tags: Default::default(),
        },
        stamp: Stamp::new("peer", now),
    };
    let kept = peering_service_insert(tx, &new).await?;
    for (i, registered) in own.iter().enumerate() {
        let prefix = ServicePrefix {
            id: 0,
            service_id: kept.id,
            name: format!("media-{i}"),
            prefix: registered.prefix,
            key: registered.key.clone().unwrap_or_default(),
            registered_prefix_id: registered.id,
            verdict: registered.verdict.clone(),
            learned: LearnedType::None,
            active_path: ActivePath::Primary,
            activated_at: Some(now),
            path: None,
            seen: Default::default(),
            stamp: Stamp::new("peer", now),
        };
        service_prefix_insert(tx, &prefix).await?;
    }
    Ok(())
}

/// A new peering whose two connections wait for approval.
async fn one_request(tx: &mut Tx, s: usize, m: usize, now: Timestamp) -> anyhow::Result<()> {
    let asn = peer_asn_get(tx, &subscription(s), &asking()).await?;
    let asn = asn.ok_or_else(|| anyhow::anyhow!("an ASN isn't there"))?;
    let new = Peering {
        id: 0,
        subscription: subscription(s),
        resource_group: group(NETWORKS),
        name: peering(NETWORKS, m),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering: OfferingKind::Voice,
            sku: Sku::Premium_Direct_Free,
            location: metro(m),
            peer_asn_name: asn.name,
            asn: asn.spec.asn,
            tags: Default::default(),
            probes: Vec::new(),
        },
        deleting: false,
        stamp: Stamp::new("peer", now),
    };
    let spec = |c: usize| ConnectionSpec {
        identifier: format!("{:08x}-0000-4000-9000-{c:012x}", s * METROS + m),
        bandwidth_mbps: 10_000,
        facility_id: facility(m),
        address_provider: AddressProvider::Host,
        use_for_peering_service: true,
        session_prefix_v4: None,
        session_prefix_v6: None,
        max_prefixes_v4: 20_000,
        max_prefixes_v6: None,
        md5_key: None,
    };
    peering_insert(tx, &new, &[spec(0), spec(1)]).await?;
    Ok(())
}

async fn one_claim(tx: &mut Tx, s: usize, n: usize, now: Timestamp) -> anyhow::Result<()> {
    let like = peer_asn_get(tx, &subscription(s), &asking()).await?;
    let like = like.ok_or_else(|| anyhow::anyhow!("an ASN isn't there"))?;
    let mut new = PeerAsn { name: claim(n), state: AsnState::Pending, asked_at: Some(now), ..like };
    new.spec.asn = meetme_model::Asn((300_000 + s * CLAIMS + n) as u32);
    new.spec.peer_name = format!("Claimant {s}-{n}");
    peer_asn_insert(tx, &new).await?;
    Ok(())
}
