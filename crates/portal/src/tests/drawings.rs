//! What is drawn: locations on the map, a service's paths over time, metrics in a time of one's own.

use super::fixture::*;
use meetme_store::Role;
use serde_json::{Value, json};

const SERVICE: &str =
    "/subscriptions/Sub-A/resourceGroups/voice/providers/Microsoft.Peering/peeringServices/nl";
const PATHS: &str =
    "/api/v1/subscriptions/Sub-A/resourceGroups/voice/peeringServices/nl/prefixes/sbc/paths?since=";
const INSIGHTS: &str = "/subscriptions/Sub-A/resourceGroups/voice/providers/Microsoft.Peering/peerings/ams/providers/microsoft.insights";

fn list(rows: Value) -> Option<(u16, Value)> {
    Some((200, json!({ "value": rows })))
}

fn locations() -> Option<(u16, Value)> {
    list(json!([
        { "name": HOSTILE, "country": "NL", "region": "r", "latitude": 52.3, "longitude": 4.9, "connections": { "Active": 2 } },
        { "name": "Frankfurt", "country": "DE", "region": "r", "latitude": 50.1, "longitude": 8.6,
          "connections": { "Active": 1, "Validating": 1 } },
        { "name": "Nowhere", "country": "NL", "region": "r", "connections": {} },
    ]))
}

#[tokio::test]
async fn locations_stand_on_the_map_by_how_the_viewer_s_connections_are() {
    let portal = Portal::new(|_, path| {
        let metro =
            |name: &str| json!({ "name": name, "properties": { "country": "NL", "azureRegion": "r" } });
        match path.split('?').next().unwrap() {
            p if p.ends_with("/peeringLocations") => {
                list(json!([metro(HOSTILE), metro("Frankfurt"), metro("Nowhere")]))
            }
            p if p.ends_with("/peeringServiceLocations") => list(json!([])),
            "/api/v1/subscriptions/Sub-A/locations" => locations(),
            _ => None,
        }
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get("/locations", &cookie).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.text.matches("class=\"mark ").count(), 2, "nowhere has no mark");
    assert!(page.text.contains("class=\"mark good\"") && page.text.contains("class=\"mark waiting\""));
    assert!(page.text.contains("connections: 1 active, 1 validating"));
    assert!(page.text.contains("href=\"#location-0\"") && page.text.contains("id=\"location-0\""));
    assert!(!page.text.contains("<img"), "a name is text");
}

/// An API with a service whose one prefix moved to the backup location.
fn service(path: &str) -> Option<(u16, Value)> {
    let prefix = json!({ "name": "sbc", "properties": { "prefix": "198.19.10.0/24" } });
    match path.split('?').next().unwrap() {
        SERVICE => Some((
            200,
            json!({ "id": SERVICE, "name": "nl", "properties": {
            "peeringServiceLocation": "NL", "providerPrimaryPeeringLocation": HOSTILE,
            "providerBackupPeeringLocation": "frankfurt" } }),
        )),
        p if p == format!("{SERVICE}/prefixes") => list(json!([prefix])),
        p if p == format!("{SERVICE}/prefixes/sbc") => Some((200, prefix)),
        "/api/v1/subscriptions/Sub-A/locations" => locations(),
        _ if path.starts_with(PATHS) => list(json!([
            { "since": "2026-01-06T09:20:00Z", "path": "backup", "peeringLocations": ["Frankfurt"] },
            { "since": "2026-01-05T09:20:00Z", "path": "primary", "peeringLocations": [HOSTILE] },
        ])),
        _ => None,
    }
}

#[tokio::test]
async fn a_service_shows_where_its_traffic_leaves_now_and_left_before() {
    let portal = Portal::new(|_, path| service(path)).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = "/peering-services/Sub-A/voice/nl";
    let shown = portal.get(page, &cookie).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains("backup location, traffic of 198.19.10.0/24 leaves here"), "{}", shown.text);
    assert_eq!(shown.text.matches("class=\"ring\"").count(), 1, "only where traffic leaves");
    assert!(shown.text.contains("Traffic of 198.19.10.0/24 left by Backup: Frankfurt for 1 h"));
    assert!(!shown.text.contains("<img"));
    let week = portal.get(&format!("{page}?span=7d"), &cookie).await;
    assert!(week.text.contains("hx-get=\"/peering-services/Sub-A/voice/nl?span=7d\""), "it stays the week");
    let one = portal.get(&format!("{page}/prefixes/sbc"), &cookie).await;
    assert!(
        one.text.contains("Backup: Frankfurt</span> since <time datetime=\"2026-01-06T09:20:00Z\""),
        "{}",
        one.text
    );
}

#[tokio::test]
async fn a_history_that_cannot_be_read_leaves_the_rest_of_the_page() {
    let portal = Portal::new(|_, path| if path.starts_with("/api/") { None } else { service(path) }).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let shown = portal.get("/peering-services/Sub-A/voice/nl", &cookie).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("can't be read now") && shown.text.contains("no traffic leaves here now"));
    assert!(!shown.text.contains("svg class=\"map\""), "no coordinates, no map");
}

fn metrics(path: &str) -> Option<(u16, Value)> {
    if path.ends_with("/connections") {
        let named = |id: &str| json!({ "trackingId": id, "connectionIdentifier": id });
        return list(json!([named("a"), named("b")]));
    }
    if path.starts_with(&format!("{INSIGHTS}/metricDefinitions")) {
        return list(
            json!([{ "name": { "value": "M" }, "unit": "Count", "primaryAggregationType": "Average",
                             "dimensions": [{ "value": "ConnectionId" }] }]),
        );
    }
    let series = |id: &str| {
        json!({ "metadatavalues": [{ "value": id }],
                "data": [{ "timeStamp": "2026-01-05T10:00:00Z", "average": 1.0 }] })
    };
    path.starts_with(&format!("{INSIGHTS}/metrics?"))
        .then(|| (200, json!({ "value": [{ "timeseries": [series("a"), series("b")] }] })))
}

#[tokio::test]
async fn metrics_are_looked_at_in_a_time_of_one_s_own_and_compared_as_chosen() {
    let portal = Portal::new(|_, path| metrics(path)).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = "/peerings/Sub-A/voice/ams/metrics";
    let own = "from=2026-01-05T09%3A30&until=2026-01-05T11%3A00";
    let both = portal.get(&format!("{page}?{own}"), &cookie).await;
    assert_eq!(both.status, 200, "{}", both.text);
    let asked = portal.asked().pop().unwrap().path;
    assert!(asked.contains("timespan=2026-01-05T09%3A30%3A00Z%2F2026-01-05T11%3A00%3A00Z"), "{asked}");
    assert!(both.text.contains("<g class=\"look0\">") && both.text.contains("<g class=\"look1\">"));
    let one = portal.get(&format!("{page}?{own}&connection=b"), &cookie).await;
    assert!(!one.text.contains("<g class=\"look0\">"), "a isn't chosen");
    assert!(one.text.contains("<g class=\"look1\">"), "b looks as it did");
    assert!(one.text.contains("range=1d&amp;connection=b"), "the choice is kept");
    let csv = portal.get(&format!("{page}?{own}&connection=b&format=csv"), &cookie).await;
    assert_eq!(csv.text.lines().count(), 2);
    let wrong = portal.get(&format!("{page}?from=%22%3E%3Cimg+x&until=x"), &cookie).await;
    assert!(wrong.text.contains("id=\"from-error\"") && wrong.text.contains("id=\"until-error\""));
    assert!(!wrong.text.contains("<img"));
}
