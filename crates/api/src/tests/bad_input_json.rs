//! Bodies that are JSON and still not what they should be. Each is told with its place, and nothing
//! of it is stored.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

async fn send(api: &Api, path: &str, text: String) -> Reply {
    api.ask(&api.peer, Method::PUT, path, Body::from(text)).await
}

/// `body` as text, with the first `from` in it replaced.
fn with(body: &Value, from: &str, to: &str) -> String {
    let text = body.to_string();
    assert!(text.contains(from), "{from} isn't in {text}");
    text.replacen(from, to, 1)
}

#[tokio::test]
async fn a_property_that_stands_twice_is_refused_wherever_it_is() {
    let api = Api::new().await;
    api.provider().await;
    let claim = asn_body(64511);
    for (from, to, target) in [
        (r#""peerAsn":64511"#, r#""peerAsn":64509,"peerAsn":64511"#, "properties.peerAsn"),
        (r#""peerAsn":64511"#, r#""peerAsn":64511,"peer\u0041sn":64509"#, "properties.peerAsn"),
        (r#""role":"Noc""#, r#""role":"Noc","role":"Noc""#, "properties.peerContactDetail[0].role"),
        (r#"{"properties""#, r#"{"properties":null,"properties""#, "properties"),
        (r#"{"properties""#, r#"{"unknown":{"a":1,"a":1},"properties""#, "unknown.a"),
    ] {
        let reply = send(&api, &asn("x"), with(&claim, from, to)).await;
        assert_eq!(reply.violations(), [format!("DuplicateProperty {target}")], "{}", reply.body);
    }
    assert_eq!(api.get(&asn("x")).await.status, 404);
    let twice = with(
        &voice("Amsterdam", 64),
        r#""bandwidthInMbps":20000"#,
        r#""bandwidthInMbps":10000,"bandwidthInMbps":20000"#,
    );
    let reply = send(&api, &peering("ams"), twice).await;
    assert_eq!(reply.violations(), [format!("DuplicateProperty {C}[0].bandwidthInMbps")]);
}

#[tokio::test]
async fn nesting_without_end_is_refused_before_it_costs_anything() {
    let api = Api::new().await;
    let limit = 1024 * 1024;
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        for depth in [40, 100_000] {
            let mut text = format!("{{\"properties\":{}1{}", open.repeat(depth), close.repeat(depth));
            text.push('}');
            text.truncate(limit);
            let reply = send(&api, &asn("x"), text).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, "NestedTooDeeply"), "{open} {depth}");
            assert!(reply.body["error"]["target"].as_str().unwrap().starts_with("properties"));
        }
    }
}

#[tokio::test]
async fn numbers_beyond_their_range_are_told_as_such() {
    let api = Api::new().await;
    api.provider().await;
    for (written, code) in [
        ("1e400", "NumberOutOfRange"),
        ("1e30", "NumberOutOfRange"),
        ("18446744073709551616", "NumberOutOfRange"),
        ("4294967296", "PeerAsnOutOfRange"),
        ("-1", "PeerAsnOutOfRange"),
        ("4294967295", "PeerAsnReserved"),
        ("64510.0", "InvalidType"),
    ] {
        let text = asn_body(64511).to_string().replace("64511", written);
        let reply = send(&api, &asn("x"), text).await;
        assert_eq!(reply.violations(), [format!("{code} properties.peerAsn")], "{written}: {}", reply.body);
    }
    assert_eq!(api.put(&asn("large"), asn_body(4_199_999_999)).await.status, 201);
    let connection = |field: &str, written: &str| {
        with(
            &edge("Frankfurt", 58),
            r#""bandwidthInMbps":20000"#,
            &format!(r#""bgpSession":{{"{field}":{written}}},"bandwidthInMbps":20000"#),
        )
    };
    for (text, told) in [
        (connection("maxPrefixesAdvertisedV4", "-1"), "MaxPrefixesInvalid"),
        (connection("maxPrefixesAdvertisedV4", "99999999999"), "MaxPrefixesInvalid"),
        (connection("maxPrefixesAdvertisedV4", "1e99"), "NumberOutOfRange"),
        (with(&edge("Frankfurt", 58), "20000", "4294967296"), "BandwidthInvalid"),
        (with(&edge("Frankfurt", 58), "20000", "-20000"), "BandwidthInvalid"),
        (with(&edge("Frankfurt", 58), ":58", ":2147483706"), "FacilityNotAtLocation"),
        (with(&edge("Frankfurt", 58), ":58", ":4294967354"), "FacilityNotAtLocation"),
    ] {
        let reply = send(&api, &peering("fra"), text.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, told), "{text}: {}", reply.body);
    }
    assert_eq!(api.get(&peering("fra")).await.status, 404);
}

#[tokio::test]
async fn unknown_words_are_told_with_those_that_are_known() {
    let api = Api::new().await;
    api.provider().await;
    for (pointer, word, code, known) in [
        ("/kind", "Indirect", "KindInvalid", "Direct"),
        ("/kind", "direct", "KindInvalid", "Direct"),
        ("/sku/name", "Gold_Direct_Free", "SkuInvalid", "Basic_Direct_Free"),
        ("/properties/direct/directPeeringType", "Cdn2", "DirectPeeringTypeInvalid", "Voice"),
        ("/properties/peeringLocation", "Atlantis", "PeeringLocationUnknown", "Amsterdam"),
    ] {
        let mut body = edge("Frankfurt", 58);
        *body.pointer_mut(pointer).unwrap() = word.into();
        let reply = api.put(&peering("fra"), body).await;
        let target = pointer[1..].replace('/', ".");
        assert!(reply.violations().contains(&format!("{code} {target}")), "{}", reply.body);
        assert!(reply.message().contains(known), "{}", reply.message());
    }
    let mut body = edge("Frankfurt", 58);
    body["properties"]["direct"]["connections"][0]["sessionAddressProvider"] = "Google".into();
    let reply = api.put(&peering("fra"), body).await;
    assert_eq!(reply.violations(), [format!("SessionAddressProviderInvalid {C}[0].sessionAddressProvider")]);
    let mut claim = asn_body(64511);
    claim["properties"]["peerContactDetail"][0]["role"] = "noc".into();
    let reply = api.put(&asn("x"), claim).await;
    assert!(reply.violations()[0].starts_with("ContactRoleInvalid"), "{}", reply.body);
    for path in [peering("fra"), asn("x")] {
        assert_eq!(api.get(&path).await.status, 404);
    }
}

#[tokio::test]
async fn a_list_is_never_taken_for_an_object() {
    let api = Api::new().await;
    api.provider().await;
    // In the order of the fields, as a careless reader would take it.
    let list = json!([[64511, "Tel", [["Noc", "noc@tel.example", "+31 20 555 0100"]]]]);
    assert_eq!(send(&api, &asn("x"), list.to_string()).await.violations(), ["InvalidType $"]);
    let mut body = asn_body(64511);
    body["properties"] = json!([64511, "Tel", []]);
    assert_eq!(api.put(&asn("x"), body).await.violations(), ["InvalidType properties"]);
    let mut body = asn_body(64511);
    body["properties"]["peerContactDetail"] = json!({ "role": "Noc" });
    body["properties"]["peerName"] = json!(["Tel"]);
    assert_eq!(
        api.put(&asn("x"), body).await.violations(),
        ["InvalidType properties.peerContactDetail", "InvalidType properties.peerName"]
    );
    let mut body = edge("Frankfurt", 58);
    body["properties"]["direct"]["connections"][0]["bgpSession"] = json!([]);
    body["tags"] = json!([["a", "b"]]);
    assert_eq!(
        api.put(&peering("fra"), body).await.violations(),
        [format!("InvalidType {C}[0].bgpSession"), "InvalidType tags".to_owned()]
    );
    for path in [peering("fra"), asn("x")] {
        assert_eq!(api.get(&path).await.status, 404);
    }
}

#[tokio::test]
async fn a_text_that_no_database_takes_is_refused() {
    let api = Api::new().await;
    api.provider().await;
    for (from, to, target) in [
        (r#""kind""#, r#""tags":{"a":"\u0000"},"kind""#, "tags.a"),
        (r#""kind""#, r#""tags":{"\u0000":"a"},"kind""#, "tags['\\u{0}']"),
        (r#""westeurope""#, r#""west\u0000europe""#, "location"),
    ] {
        let reply = send(&api, &peering("fra"), with(&edge("Frankfurt", 58), from, to)).await;
        assert_eq!(reply.violations(), [format!("InvalidText {target}")], "{}", reply.body);
    }
    let lone = with(&edge("Frankfurt", 58), "westeurope", r"west\udc00europe");
    assert_eq!(send(&api, &peering("fra"), lone).await.violations(), ["InvalidRequestContent $"]);
    assert_eq!(api.get(&peering("fra")).await.status, 404);
}

#[tokio::test]
async fn hundreds_of_connections_in_one_body_are_told_once_and_shortly() {
    let api = Api::new().await;
    api.provider().await;
    let with = |number: usize, connection: Value| {
        let mut body = edge("Frankfurt", 58);
        body["properties"]["direct"]["connections"] = vec![connection; number].into();
        body
    };
    let fine = json!({ "bandwidthInMbps": 20000, "peeringDBFacilityId": 58 });
    let reply = api.put(&peering("fra"), with(500, fine.clone())).await;
    assert_eq!(reply.violations(), [format!("TooManyConnections {C}")], "{}", reply.body);
    assert!(reply.message().contains("500") && reply.message().contains("64"), "{}", reply.message());
    let wrong = json!({
        "bandwidthInMbps": 1,
        "peeringDBFacilityId": 7,
        "sessionAddressProvider": "x".repeat(200),
        "connectionIdentifier": "y".repeat(200),
        "bgpSession": {
            "maxPrefixesAdvertisedV4": -1,
            "maxPrefixesAdvertisedV6": -1,
            "peerSessionIPv4Address": "a",
            "peerSessionIPv6Address": "b",
            "microsoftSessionIPv4Address": "c",
            "microsoftSessionIPv6Address": "d",
        },
    });
    let reply = api.put(&peering("fra"), with(500, wrong)).await;
    let count = reply.violations().iter().filter(|v| v.starts_with("TooManyConnections")).count();
    assert_eq!((reply.status.as_u16(), count <= 1), (400, true));
    let bytes = reply.body.to_string().len();
    assert!(bytes < 128 * 1024, "an answer of {bytes} bytes");
    // So many that they would fill the memory are refused while they are read.
    let reply = api.put(&peering("fra"), with(200_000, json!({}))).await;
    assert_eq!(reply.violations(), [format!("TooManyValues {C}[19994]")], "{}", reply.body);
    assert_eq!(api.get(&peering("fra")).await.status, 404);
    assert_eq!(api.put(&peering("fra"), with(1, fine)).await.status, 201);
}
