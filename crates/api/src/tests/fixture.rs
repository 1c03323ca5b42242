//! A small host with one provider, and a way to ask the API.

use crate::{ApiState, EdgeQueries, Settings, router};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::connection::{Connection, ConnectionState, PortAssignment, SessionSubnet, Stage};
use meetme_model::intent::BfdTimers;
use meetme_model::inventory::*;
use meetme_model::peer_asn::AsnState;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

/// The peer's subscription and resource group.
pub const SUB: &str = "Sub-A";
pub const RG: &str = "telco";

/// The API with a store of its own and a token of each kind.
pub struct Api {
    pub store: Store,
    pub app: Router,
    pub operator: String,
    pub peer: String,
    pub other: String,
    pub reader: String,
    _directory: TempDir,
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// `code target` of the error, or of each of its details.
    pub fn violations(&self) -> Vec<String> {
        let error = &self.body["error"];
        let one = |e: &Value| {
            format!("{} {}", e["code"].as_str().unwrap_or("?"), e["target"].as_str().unwrap_or("-"))
        };
        match error["details"].as_array() {
            Some(details) => details.iter().map(one).collect(),
            None => vec![one(error)],
        }
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("")
    }

    pub fn message(&self) -> String {
        self.body["error"].to_string()
    }
}

pub fn now() -> Timestamp {
    "2026-01-05T10:00:00Z".parse().unwrap()
}

pub fn no_edge() -> EdgeQueries {
    Arc::new(|router, _| Box::pin(async move { Err(format!("{router} isn't there")) }))
}

impl Api {
    pub async fn new() -> Self {
        Self::with(no_edge(), Settings::default()).await
    }

    pub async fn with(queries: EdgeQueries, settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
        let store = Store::open(&url, &SealKey::new([7; 32])).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        inventory_put(&mut tx, &inventory(), now()).await.unwrap();
        let mut tokens = Vec::new();
        for (role, subscription) in [
            (Role::Operator, None),
            (Role::Peer, Some(SUB)),
            (Role::Peer, Some("Sub-B")),
            (Role::Reader, None),
        ] {
            let new = NewToken {
                name: format!("{}-{}", role.name(), subscription.unwrap_or("all")),
                role,
                subscription: subscription.map(str::to_owned),
                expires_at: None,
            };
            tokens.push(token_create(&mut tx, new, now()).await.unwrap().0);
        }
        tx.commit().await.unwrap();
        let app = router(ApiState { store: store.clone(), queries, settings });
        let [operator, peer, other, reader] = <[String; 4]>::try_from(tokens).unwrap();
        Self { store, app, operator, peer, other, reader, _directory: directory }
    }

    /// Asks as somebody, with the usual api-version where the path is ARM's and has none.
    pub async fn ask(&self, token: &str, method: Method, path: &str, body: Body) -> Reply {
        self.ask_with(token, &[], method, path, body).await
    }

    /// Asks with more headers. Every answer is held against the API's documents.
    pub async fn ask_with(
        &self,
        token: &str,
        headers: &[(&str, &str)],
        method: Method,
        path: &str,
        body: Body,
    ) -> Reply {
        let lower = path.to_ascii_lowercase();
        let arm = lower.starts_with("/subscriptions") || lower.starts_with("/providers");
        let path = if arm && !path.contains("api-version=") {
            let sign = if path.contains('?') { '&' } else { '?' };
            format!("{path}{sign}api-version=2022-10-01")
        } else {
            path.to_owned()
        };
        let mut request =
            Request::builder().method(&method).uri(&path).header("host", "api.example.net:8971");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let (status, headers) = (parts.status, parts.headers);
        let faults = crate::openapi::check::check_answer(method.as_str(), &path, status.as_u16(), &body);
        assert!(faults.is_empty(), "not as documented: {faults:#?}");
        Reply { status, headers, body }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask(&self.peer, Method::GET, path, Body::empty()).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        let body = Body::from(body.to_string());
        self.ask(&self.peer, Method::PUT, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.ask(&self.peer, Method::DELETE, path, Body::empty()).await
    }

    /// Decides as the operator about what is there now.
    pub async fn decide(&self, path: &str, body: Value) -> Reply {
        let etag = self.seen(path).await;
        self.decide_seen(path, &etag, body).await
    }

    /// The ETag of what a decision at `path` is about; that of nothing where it isn't there.
    pub async fn seen(&self, path: &str) -> String {
        let (at, _) = path.rsplit_once('/').unwrap();
        let at = match at.strip_prefix("/api/v1") {
            Some(rest) if at.contains("/peerings/") => {
                rest.replace("/peerings/", "/providers/Microsoft.Peering/peerings/")
            }
            _ if at.contains("/peerAsns/") => format!("{at}/checks"),
            _ => at.to_owned(),
        };
        let seen = self.ask(&self.operator, Method::GET, &at, Body::empty()).await;
        seen.headers.get("etag").map_or("\"none\"", |etag| etag.to_str().unwrap()).to_owned()
    }

    /// Decides as the operator about what had this ETag.
    pub async fn decide_seen(&self, path: &str, etag: &str, body: Value) -> Reply {
        let body = Body::from(body.to_string());
        self.ask_with(&self.operator, &[("if-match", etag)], Method::POST, path, body).await
    }

    /// The provider's ASN, approved, and its Voice peering in Amsterdam.
    pub async fn provider(&self) {
        let reply = self.put(&asn("tel"), asn_body(64510)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let mut tx = self.store.begin().await.unwrap();
        let mut claim = peer_asn_get(&mut tx, SUB, "tel").await.unwrap().unwrap();
        claim.state = AsnState::Approved;
        peer_asn_update(&mut tx, &claim).await.unwrap();
        tx.commit().await.unwrap();
        let reply = self.put(&peering("ams"), voice("Amsterdam", 64)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }

    /// Puts every connection of a peering into a state, with ports and addresses from
    /// ProvisioningStarted on, as the reconciler would.
    pub async fn all_connections(&self, name: &str, state: ConnectionState) -> Vec<Connection> {
        let mut tx = self.store.begin().await.unwrap();
        let peering = peering_get(&mut tx, SUB, RG, name).await.unwrap().unwrap();
        let (_, mut connections) = peering_lock(&mut tx, peering.id).await.unwrap();
        for (n, c) in connections.iter_mut().enumerate() {
            c.state = state;
            if state.stage().is_none_or(|s| s >= Stage::ProvisioningStarted) {
                c.ports = Some(PortAssignment {
                    router: format!("ams1-er{}", n + 1),
                    ports: vec![format!("et{}", 2 * c.id), format!("et{}", 2 * c.id + 1)],
                    port_speed_mbps: 10_000,
                });
                let subnet = format!("198.18.192.{}/31", 2 * c.id).parse().unwrap();
                c.subnet_v4 = SessionSubnet::of(subnet);
            }
            connection_update(&mut tx, c).await.unwrap();
        }
        tx.commit().await.unwrap();
        connections
    }

    /// Registers a prefix on `ams`, and gives it a state and a key as the reconciler would.
    pub async fn registered(&self, name: &str, prefix: &str, state: PrefixState) -> String {
        let path = registered("ams", name);
        let body = json!({ "properties": { "prefix": prefix } });
        let reply = self.put(&path, body).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let mut tx = self.store.begin().await.unwrap();
        let prefix = prefix.parse().unwrap();
        let found = registered_prefix_by_prefix(&mut tx, prefix).await.unwrap();
        let mut found = found.unwrap();
        let key = uuid::Uuid::new_v4().to_string();
        found.key = Some(key.clone());
        found.verdict.state = state;
        registered_prefix_update(&mut tx, &found).await.unwrap();
        tx.commit().await.unwrap();
        key
    }
}

/// The connections of a peering as it is shown.
pub fn connections(body: &Value) -> &Vec<Value> {
    body["properties"]["direct"]["connections"].as_array().unwrap()
}

/// Where a peering's connections are in its body.
pub const C: &str = "properties.direct.connections";

pub fn asn(name: &str) -> String {
    format!("/subscriptions/{SUB}/providers/Microsoft.Peering/peerAsns/{name}")
}

pub fn group() -> String {
    format!("/subscriptions/{SUB}/resourceGroups/{RG}/providers/Microsoft.Peering")
}

pub fn peering(name: &str) -> String {
    format!("{}/peerings/{name}", group())
}

pub fn registered(peering_name: &str, name: &str) -> String {
    format!("{}/registeredPrefixes/{name}", peering(peering_name))
}

pub fn service(name: &str) -> String {
    format!("{}/peeringServices/{name}", group())
}

pub fn asn_body(asn: i64) -> Value {
    json!({ "properties": {
        "peerAsn": asn,
        "peerName": "Tel Example",
        "peerContactDetail": [
            { "role": "Noc", "email": "noc@tel.example", "phone": "+31 20 555 0100" }
        ],
    } })
}

/// A Voice peering of two connections.
pub fn voice(location: &str, facility: i32) -> Value {
    let connection = json!({ "bandwidthInMbps": 20000, "peeringDBFacilityId": facility });
    json!({
        "kind": "Direct",
        "location": "westeurope",
        "sku": { "name": "Premium_Direct_Free" },
        "properties": {
            "peeringLocation": location,
            "direct": {
                "directPeeringType": "Voice",
                "peerAsn": { "id": asn("tel") },
                "connections": [connection.clone(), connection],
            },
        },
    })
}

/// A plain peering of one connection.
pub fn edge(location: &str, facility: i32) -> Value {
    let mut body = voice(location, facility);
    body["sku"]["name"] = "Basic_Direct_Free".into();
    let direct = &mut body["properties"]["direct"];
    direct["directPeeringType"] = "Edge".into();
    direct["connections"].as_array_mut().unwrap().truncate(1);
    body
}

pub fn inventory() -> Inventory {
    let offering = |name: &str, kind| Offering {
        name: name.into(),
        kind,
        community: None,
        bfd: BfdTimers { interval_ms: 50, multiplier: 3, strict: false },
        max_length_v4: 29,
        max_length_v6: 64,
        max_path: None,
        ordinary_used: None,
        ipv6_registration: false,
    };
    let location = |name: &str, country: &str, region: &str| Location {
        name: name.into(),
        country: country.into(),
        region: region.into(),
        speeds_mbps: vec![10_000, 100_000],
    };
    let site = |name: &str, location: &str, facility_id| Site {
        name: name.into(),
        location: location.into(),
        facility_id,
        address: "1 Harbour Way".into(),
        latitude: None,
        longitude: None,
        bmp: None,
    };
    let router = |name: &str, site: &str, n: u8| meetme_model::inventory::Router {
        name: name.into(),
        site: site.into(),
        loopback: [198, 18, 255, n].into(),
        loopback_v6: None,
        management: Management::Frr {
            vty_dir: "/run/frr".into(),
            lag: LagBackend::Bonding { netns: None },
            bmp_source: [192, 0, 2, n].into(),
        },
        ports: (1..=12)
            .map(|p| Port { name: format!("et{p}"), speed_mbps: 10_000, panel: format!("PP1:{p}") })
            .collect(),
        announced: None,
    };
    Inventory {
        host: Host {
            name: "Example Cloud".into(),
            asn: Asn(64500),
            announced: vec!["198.18.0.0/17".parse().unwrap()],
            advised_max_prefix_floor: 500,
            internal_space: vec![],
            peer_session_space: vec![],
            free_mail_domains: vec!["freemail.example".into()],
            public_space: PublicSpace {
                asns: vec![(64496, 64511)],
                prefixes: vec!["198.18.0.0/15".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            },
            backbone_bfd: None,
        },
        offerings: vec![
            offering("AS64500 (with Voice)", OfferingKind::Voice),
            offering("AS64500", OfferingKind::Edge),
            offering("AS64500 (route server)", OfferingKind::IxRs),
        ],
        locations: vec![
            location("Amsterdam", "NL", "westeurope"),
            location("Frankfurt", "DE", "germanywestcentral"),
        ],
        sites: vec![site("ams1", "Amsterdam", 64), site("fra1", "Frankfurt", 58)],
        routers: vec![
            router("ams1-er1", "ams1", 11),
            router("ams1-er2", "ams1", 12),
            router("fra1-er1", "fra1", 21),
            router("fra1-er2", "fra1", 22),
        ],
        pools: vec![AddressPool {
            prefix: "198.18.192.0/24".parse().unwrap(),
            location: "Amsterdam".into(),
            subnet_length: 31,
        }],
        backbone: vec![],
        transits: vec![],
        service_locations: vec![
            ServiceLocation {
                name: "Noord-Holland".into(),
                country: "Netherlands".into(),
                region: "westeurope".into(),
            },
            ServiceLocation {
                name: "Hessen".into(),
                country: "Germany".into(),
                region: "germanywestcentral".into(),
            },
        ],
        cdn_prefixes: vec![],
        legacy_sessions: vec![],
    }
}
