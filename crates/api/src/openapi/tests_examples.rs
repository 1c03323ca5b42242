//! Every request example of the newest documents, sent to the API in an order that makes sense; each
//! answer is held against what its document says.

use super::check::{check_operation_answer, resolved, taken_apart};
use super::document;
use crate::tests::edges::{reachable, route};
use crate::tests::fixture::{Api, Reply, edge, inventory, now};
use crate::{EdgeQueries, Settings};
use axum::body::Body;
use axum::http::Method;
use meetme_model::community::Community;
use meetme_model::connection::{ConnectionState, SessionSubnet};
use meetme_model::inventory::{CdnPrefix, LegacySession, Offering, OfferingKind, PeeringKind};
use meetme_model::link::{EdgeAnswer, EdgeQuery};
use meetme_model::peer_asn::AsnState;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// Operations that make something, in the order in which it can be made.
const MADE: [&str; 8] = [
    "ResourceGroups_create_or_update",
    "PeerAsns_create_or_update",
    "Peerings_create_or_update",
    "RegisteredPrefixes_create_or_update",
    "RegisteredAsns_create_or_update",
    "PeeringServices_create_or_update",
    "Prefixes_create_or_update",
    "ConnectionMonitorTests_create_or_update",
];

/// Examples that are always refused, and with what.
const REFUSED: [(&str, u16); 1] = [("Providers_unregister", 409)];

/// The API with what the examples speak of, and what was found wrong.
struct Examples {
    api: Api,
    token: String,
    subscription: String,
    faults: Vec<String>,
    answered: usize,
}

fn arm() -> &'static Value {
    taken_apart(document::newest()).unwrap()
}

fn operator() -> &'static Value {
    taken_apart("operator/v1").unwrap()
}

/// An edge with one route on each router, which sees whatever it is asked to look at.
fn edge_of_one_route() -> EdgeQueries {
    Arc::new(|router, query| {
        Box::pin(async move {
            match query {
                EdgeQuery::ReceivedRoutes { sessions, .. } => {
                    let rows = sessions
                        .into_iter()
                        .take(1)
                        .map(|(router, session)| route(&router, &session, "198.19.10.0/24", &[64510]));
                    Ok(EdgeAnswer::ReceivedRoutes { rows: rows.collect(), next: None })
                }
                EdgeQuery::LookingGlass { .. } => {
                    Ok(EdgeAnswer::LookingGlass { output: format!("{router}> \n") })
                }
                EdgeQuery::Diff { .. } => Ok(EdgeAnswer::Diff {
                    generation: Some(7),
                    diff: String::new(),
                    faults: Default::default(),
                }),
            }
        })
    })
}

impl Examples {
    async fn new() -> Self {
        let api = Api::with(edge_of_one_route(), Settings::default()).await;
        let subscription = arm()["components"]["parameters"]["subscriptionId"]["example"].as_str().unwrap();
        let mut own = inventory();
        own.cdn_prefixes.push(CdnPrefix {
            prefix: "198.18.0.0/17".parse().unwrap(),
            location: "Amsterdam".into(),
            service: "Content".into(),
            community: Some(Community::default_for_voice(own.host.asn)),
            primary: true,
        });
        own.legacy_sessions.push(LegacySession {
            router: "ams1-er1".into(),
            kind: PeeringKind::Direct,
            direct_type: OfferingKind::Edge,
            asn: meetme_model::Asn(64510),
            peer_name: "Tel Example".into(),
            session_prefix_v4: "198.19.0.64/31".parse().unwrap(),
            session_prefix_v6: None,
            bandwidth_mbps: 10_000,
            port: None,
            max_prefixes_v4: 1000,
            max_prefixes_v6: 100,
        });
        if own.offering(OfferingKind::IxRs).is_none() {
            let voice = own.offering(OfferingKind::Voice).unwrap().clone();
            own.offerings.push(Offering {
                name: "AS64500 (route server)".into(),
                kind: OfferingKind::IxRs,
                ..voice
            });
        }
        let mut tx = api.store.begin().await.unwrap();
        inventory_put(&mut tx, &own, now()).await.unwrap();
        let new = NewToken {
            name: "tel-portal".into(),
            role: Role::Peer,
            subscription: Some(subscription.into()),
            expires_at: None,
        };
        let (token, _) = token_create(&mut tx, new, now()).await.unwrap();
        let state = reachable("ams1-er1");
        router_state_put(&mut tx, &state).await.unwrap();
        tx.commit().await.unwrap();
        Self { api, token, subscription: subscription.into(), faults: Vec::new(), answered: 0 }
    }

    /// Sends an operation's example, and notes what doesn't fit in the answer.
    async fn send(&mut self, whole: &Value, path: &str, method: &str, operation: &Value) -> Reply {
        let id = operation["operationId"].as_str().unwrap();
        let mut filled = path.to_owned();
        let mut query = String::new();
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = resolved(whole, parameter);
            let (name, example) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
            let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            match parameter["in"].as_str().unwrap() {
                "path" => filled = filled.replace(&format!("{{{name}}}"), &text),
                "query" if !example.is_null() => {
                    query.push(if query.is_empty() { '?' } else { '&' });
                    query.push_str(&format!("{name}={text}"));
                }
                _ => {}
            }
        }
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        let body = if example.is_null() { Body::empty() } else { Body::from(example.to_string()) };
        let operators = path.starts_with("/api/") && !id.starts_with("Attestations_");
        let token = if operators { &self.api.operator } else { &self.token };
        let method: Method = method.to_ascii_uppercase().parse().unwrap();
        // Nobody can write down what will have been seen.
        let decides = ["_approve", "_refuse"].iter().any(|verb| id.ends_with(verb));
        let seen = if decides { Some(self.api.seen(&filled).await) } else { None };
        let headers: Vec<(&str, &str)> = seen.iter().map(|etag| ("if-match", etag.as_str())).collect();
        let reply = self.api.ask_with(token, &headers, method, &format!("{filled}{query}"), body).await;
        self.answered += 1;
        let status = reply.status.as_u16();
        let expected = REFUSED.iter().find(|(refused, _)| *refused == id).map(|(_, status)| *status);
        if expected.map_or(!reply.status.is_success(), |expected| expected != status) {
            self.faults.push(format!("{id}: {status} {}", reply.body));
        }
        self.faults.extend(check_operation_answer(whole, operation, status, &reply.body));
        let response = resolved(whole, &operation["responses"][status.to_string()]);
        for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            if !reply.headers.contains_key(name.to_ascii_lowercase()) {
                self.faults.push(format!("{id}: {status} without header {name}"));
            }
        }
        reply
    }

    async fn send_by_id(&mut self, whole: &Value, id: &str) -> Reply {
        let mut all = document::operations(whole);
        let (path, method, operation) = all.find(|(_, _, o)| o["operationId"] == id).unwrap();
        self.send(whole, path, method, operation).await
    }

    /// The operator's yes is executed: the ASN is approved.
    async fn approve(&mut self) {
        let mut tx = self.api.store.begin().await.unwrap();
        let mut claim = peer_asn_get(&mut tx, &self.subscription, "tel").await.unwrap().unwrap();
        claim.state = AsnState::Approved;
        peer_asn_update(&mut tx, &claim).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One more peering is there, with a route server.
    async fn peering_with_route_server(&mut self) {
        let mut body = edge("Amsterdam", 64);
        body["sku"]["name"] = "Premium_Direct_Free".into();
        let direct = &mut body["properties"]["direct"];
        direct["directPeeringType"] = "IxRs".into();
        direct["peerAsn"]["id"] =
            json!(format!("/subscriptions/{}/providers/Microsoft.Peering/peerAsns/tel", self.subscription));
        direct["connections"][0]["sessionAddressProvider"] = "Peer".into();
        direct["connections"][0]["bgpSession"] = json!({ "sessionPrefixV4": "198.19.0.0/31" });
        let path = format!(
            "/subscriptions/{}/resourceGroups/telco/providers/Microsoft.Peering/peerings/ams-rs?api-version=2025-05-01",
            self.subscription
        );
        let reply = self.api.ask(&self.token, Method::PUT, &path, Body::from(body.to_string())).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }

    /// The peering's connections are Active, with addresses.
    async fn activate(&mut self) {
        let mut tx = self.api.store.begin().await.unwrap();
        let found = peering_get(&mut tx, &self.subscription, "telco", "ams").await.unwrap().unwrap();
        let (_, mut connections) = peering_lock(&mut tx, found.id).await.unwrap();
        for (n, c) in connections.iter_mut().enumerate() {
            c.state = ConnectionState::Active;
            c.ports = Some(meetme_model::connection::PortAssignment {
                router: format!("ams1-er{}", n + 1),
                ports: vec![format!("et{}", 2 * c.id), format!("et{}", 2 * c.id + 1)],
                port_speed_mbps: 10_000,
            });
            c.subnet_v4 = SessionSubnet::of(format!("198.18.192.{}/31", 2 * c.id).parse().unwrap());
            connection_update(&mut tx, c).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// The peerings are taken away, as the reconciler does in the end.
    async fn gone(&mut self) {
        let mut tx = self.api.store.begin().await.unwrap();
        for name in ["ams", "ams-rs"] {
            let found = peering_get(&mut tx, &self.subscription, "telco", name).await.unwrap().unwrap();
            peering_delete(&mut tx, found.id, now()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// The registered prefix is Verified, with the key of the examples.
    async fn verify(&mut self) {
        let put =
            document::operations(arm()).find(|(_, _, o)| o["operationId"] == "Prefixes_create_or_update");
        let example = &put.unwrap().2["requestBody"]["content"]["application/json"]["example"]["properties"];
        let prefix = example["prefix"].as_str().unwrap().parse().unwrap();
        let mut tx = self.api.store.begin().await.unwrap();
        let mut found = registered_prefix_by_prefix(&mut tx, prefix).await.unwrap().unwrap();
        found.key = Some(example["peeringServicePrefixKey"].as_str().unwrap().to_owned());
        found.verdict.state = PrefixState::Verified;
        registered_prefix_update(&mut tx, &found).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn every_example_is_answered_as_its_document_says() {
    let mut run = Examples::new().await;
    for id in MADE {
        let reply = run.send_by_id(arm(), id).await;
        if reply.status != 201 {
            run.faults.push(format!("{id}: {} instead of 201", reply.status));
        }
        match id {
            "PeerAsns_create_or_update" => {
                for decision in ["PeerAsns_approve", "PeerAsns_refuse"] {
                    run.send_by_id(operator(), decision).await;
                }
                run.approve().await;
            }
            "Peerings_create_or_update" => {
                for decision in
                    ["Connections_preview", "Peerings_approve", "Connections_approve", "Connections_refuse"]
                {
                    run.send_by_id(operator(), decision).await;
                }
                run.activate().await;
                run.peering_with_route_server().await;
            }
            "RegisteredPrefixes_create_or_update" => run.verify().await,
            "Prefixes_create_or_update" => {
                run.send_by_id(arm(), "PeeringServices_initialize_connection_monitor").await;
            }
            _ => {}
        }
    }
    for whole in [arm(), operator()] {
        for (path, method, operation) in document::operations(whole) {
            let id = operation["operationId"].as_str().unwrap();
            // A decision, and what comes of it, is asked for where one is awaited.
            let decides = ["_approve", "_refuse", "_preview"].iter().any(|verb| id.ends_with(verb));
            if method != "delete" && !decides {
                run.send(whole, path, method, operation).await;
            }
        }
    }
    run.send_by_id(operator(), "Attestations_delete").await;
    for id in MADE.iter().rev() {
        run.send_by_id(arm(), &id.replace("create_or_update", "delete")).await;
        if *id == "Peerings_create_or_update" {
            run.gone().await;
        }
    }
    let all = document::operations(arm()).count() + document::operations(operator()).count();
    assert!(run.answered >= all, "{} of {all}", run.answered);
    assert!(run.faults.is_empty(), "{:#?}", run.faults);
}
