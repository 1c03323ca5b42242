//! `connectivityProbes` of a peering (`docs/rules.md` §8).

use super::fixture::*;
use meetme_store::{peering_get, peerings_probing_from, probes_version};
use serde_json::{Value, json};

const PROBES: &str = "properties.connectivityProbes";

/// The version that knows probes.
fn ams() -> String {
    format!("{}?api-version=2025-05-01", peering("ams"))
}

fn with(probes: Value) -> Value {
    let mut body = voice("Amsterdam", 64);
    body["properties"]["connectivityProbes"] = probes;
    body
}

fn probe(endpoint: &str, protocol: &str) -> Value {
    json!({ "endpoint": endpoint, "azureRegion": "West Europe", "protocol": protocol })
}

async fn places(api: &Api) -> Vec<u32> {
    let mut db = api.store.read().await.unwrap();
    let found = peering_get(&mut db, SUB, RG, "ams").await.unwrap().unwrap();
    found.spec.probes.iter().map(|p| p.place).collect()
}

#[tokio::test]
async fn probes_are_shown_with_where_they_come_from() {
    let api = Api::new().await;
    api.provider().await;
    let reply =
        api.put(&ams(), with(json!([probe("198.19.10.7", "tcp"), probe("198.19.10.8", "ICMP")]))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let shown = &reply.body["properties"]["connectivityProbes"];
    assert_eq!(shown[0]["endpoint"], "198.19.10.7");
    assert_eq!(shown[0]["azureRegion"], "westeurope");
    assert_eq!((&shown[0]["protocol"], &shown[1]["protocol"]), (&json!("TCP"), &json!("ICMP")));
    let from = shown[0]["prefixesToAccesslist"][0].as_str().unwrap();
    assert!(["198.18.255.11/32", "198.18.255.12/32"].contains(&from), "{from}");
    assert_eq!(api.get(&ams()).await.body["properties"]["connectivityProbes"], *shown);
    // What was read can be sent back.
    let again = api.put(&ams(), with(shown.clone())).await;
    assert_eq!(again.body["properties"]["connectivityProbes"], *shown);
    assert_eq!(again.headers.get("etag"), reply.headers.get("etag"), "nothing changed");
}

#[tokio::test]
async fn a_changed_endpoint_is_a_new_probe_and_what_is_left_out_stays() {
    let api = Api::new().await;
    api.provider().await;
    api.put(&ams(), with(json!([probe("198.19.10.7", "TCP"), probe("198.19.10.8", "TCP")]))).await;
    assert_eq!(places(&api).await, [0, 1]);
    api.put(&ams(), voice("Amsterdam", 64)).await;
    assert_eq!(places(&api).await, [0, 1], "nothing is said of probes");
    api.put(&ams(), with(json!([probe("198.19.10.9", "TCP"), probe("198.19.10.8", "ICMP")]))).await;
    assert_eq!(places(&api).await, [2, 1], "another protocol is the same probe");
    let mut db = api.store.read().await.unwrap();
    let before = probes_version(&mut db).await.unwrap();
    assert_eq!(peerings_probing_from(&mut db, "westeurope").await.unwrap().len(), 1);
    drop(db);
    let none = api.put(&ams(), with(json!([]))).await;
    assert!(none.body["properties"].get("connectivityProbes").is_none());
    let mut db = api.store.read().await.unwrap();
    assert!(probes_version(&mut db).await.unwrap() > before);
    assert_eq!(peerings_probing_from(&mut db, "westeurope").await.unwrap(), []);
}

#[tokio::test]
async fn broken_rules_of_probes_are_told_with_those_of_the_peering() {
    let api = Api::new().await;
    api.provider().await;
    let mut sent = with(json!([
        probe("10.0.0.1", "UDP"),
        { "endpoint": "198.18.255.11", "azureRegion": "eastus" },
        probe("198.19.10.7", "TCP"),
        probe("198.19.10.7", "ICMP"),
    ]));
    sent["sku"]["name"] = "Basic_Direct_Free".into();
    let reply = api.put(&ams(), sent).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.violations(),
        [
            "SkuMismatch sku.name".to_owned(),
            format!("DestinationNotPublic {PROBES}[0].endpoint"),
            format!("ProtocolInvalid {PROBES}[0].protocol"),
            format!("DestinationInHostSpace {PROBES}[1].endpoint"),
            format!("AzureRegionUnknown {PROBES}[1].azureRegion"),
            format!("ConnectivityProbeNotUnique {PROBES}[3].endpoint"),
        ]
    );
    let many: Vec<Value> = (0..11).map(|n| probe(&format!("198.19.10.{n}"), "TCP")).collect();
    let reply = api.put(&ams(), with(many.into())).await;
    assert_eq!(reply.violations(), [format!("TooManyConnectivityProbes {PROBES}")]);
    assert!(places(&api).await.is_empty(), "nothing was stored");
}
