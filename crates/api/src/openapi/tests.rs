//! The documents, the shapes of versions and the reference page.

use super::check::{Way, check, resolved, taken_apart};
use super::shape::Shape;
use super::*;
use crate::arm::version::VERSIONS;
use axum::http::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn document(name: &str) -> &'static Value {
    taken_apart(name).unwrap_or_else(|| panic!("no document {name}"))
}

fn newest() -> &'static Value {
    document(super::document::newest())
}

/// A path without the names of its parameters.
fn folded(path: &str) -> String {
    let words =
        path.split('/').map(|w| if w.starts_with('{') { "{}".into() } else { w.to_ascii_lowercase() });
    words.collect::<Vec<String>>().join("/")
}

fn documented() -> BTreeSet<(String, String)> {
    [newest(), document("operator/v1")]
        .into_iter()
        .flat_map(super::document::operations)
        .map(|(path, method, _)| (method.to_ascii_uppercase(), folded(path)))
        .collect()
}

fn routed() -> BTreeSet<(String, String)> {
    crate::routes().into_iter().map(|r| (r.method.to_string(), folded(r.path))).collect()
}

#[test]
fn every_route_is_documented() {
    let documented = documented();
    let missing: Vec<_> = routed().into_iter().filter(|r| !documented.contains(r)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn everything_documented_is_routed() {
    let routed = routed();
    let missing: Vec<_> = documented().into_iter().filter(|r| !routed.contains(r)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Calls `found` with everything that `value` is made of.
fn walk<'a>(value: &'a Value, found: &mut impl FnMut(&'a Value)) {
    found(value);
    match value {
        Value::Array(all) => all.iter().for_each(|v| walk(v, found)),
        Value::Object(all) => all.values().for_each(|v| walk(v, found)),
        _ => {}
    }
}

#[test]
fn every_document_holds_together() {
    for made in &super::document::all().list {
        let (name, value) = (&made.name, document(&made.name));
        assert_eq!(value["openapi"], "3.0.3");
        walk(value, &mut |v| {
            if let Some(target) = v["$ref"].as_str() {
                let found = value.pointer(target.strip_prefix('#').unwrap());
                assert!(found.is_some(), "{name}: {target} is nowhere");
            }
        });
        let mut ids = BTreeSet::new();
        let tags: Vec<&Value> = value["tags"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
        for (path, method, operation) in super::document::operations(value) {
            let at = format!("{name}: {method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{at} has no id"));
            assert!(ids.insert(id), "{at}: {id} is there twice");
            assert!(operation["summary"].is_string(), "{at} has no summary");
            assert!(tags.contains(&&operation["tags"][0]), "{at} has a tag that isn't told");
            let parameters: Vec<&Value> =
                operation["parameters"].as_array().unwrap().iter().map(|p| resolved(value, p)).collect();
            let in_path: BTreeSet<&str> =
                path.split('/').filter_map(|w| w.strip_prefix('{')?.strip_suffix('}')).collect();
            let told: BTreeSet<&str> =
                parameters.iter().filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
            assert_eq!(in_path, told, "{at}");
            let names: BTreeSet<(&str, &str)> =
                parameters.iter().map(|p| (p["in"].as_str().unwrap(), p["name"].as_str().unwrap())).collect();
            assert_eq!(names.len(), parameters.len(), "{at} has a parameter twice");
        }
    }
}

#[test]
fn every_document_keeps_what_openapi_asks_of_keys_and_lists() {
    for made in &super::document::all().list {
        let (name, value) = (&made.name, document(&made.name));
        // OpenAPI 3.0.3, "Components Object".
        for (kind, components) in value["components"].as_object().unwrap() {
            for key in components.as_object().unwrap().keys() {
                let fine = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
                assert!(!key.is_empty() && key.chars().all(fine), "{name}: {kind}/{key}");
            }
        }
        // JSON Schema (draft-wright-json-schema-validation-00) §5.15 and §5.20.
        walk(value, &mut |v| {
            for list in ["required", "enum"].iter().filter_map(|l| v[*l].as_array()) {
                let each: BTreeSet<String> = list.iter().map(Value::to_string).collect();
                assert!(!list.is_empty() && each.len() == list.len(), "{name}: {list:?}");
            }
        });
    }
}

#[test]
fn examples_fit_what_the_documents_say() {
    for made in &super::document::all().list {
        let (name, value) = (&made.name, document(&made.name));
        let mut shown = 0;
        let mut hold = |media: &Value, way: Way, at: &str| {
            let Some(example) = media.get("example") else { return };
            let faults = check(value, &media["schema"], example, way);
            assert!(faults.is_empty(), "{at}: {faults:#?}");
            shown += 1;
        };
        for (path, method, operation) in super::document::operations(value) {
            let at = format!("{name}: {method} {path}");
            hold(&operation["requestBody"]["content"]["application/json"], Way::Request, &at);
            for (status, response) in operation["responses"].as_object().unwrap() {
                let media = &response["content"]["application/json"];
                assert!(media.is_null() || media.get("example").is_some(), "{at} {status} has no example");
                hold(media, Way::Response, &format!("{at} {status}"));
            }
            for parameter in operation["parameters"].as_array().unwrap() {
                let parameter = resolved(value, parameter);
                hold(parameter, Way::Request, &format!("{at} {}", parameter["name"]));
                if parameter["required"] == true {
                    assert!(parameter.get("example").is_some(), "{at} {} has no example", parameter["name"]);
                }
            }
        }
        for (refusal, response) in value["components"]["responses"].as_object().unwrap() {
            hold(&response["content"]["application/json"], Way::Response, &format!("{name}: {refusal}"));
        }
        assert!(shown > 40, "{name}: {shown} examples");
    }
}

#[test]
fn requests_have_examples_in_the_newest_version() {
    for value in [newest(), document("operator/v1")] {
        for (path, method, operation) in super::document::operations(value) {
            let media = &operation["requestBody"]["content"]["application/json"];
            assert!(media.is_null() || media.get("example").is_some(), "{method} {path}");
        }
    }
}

#[test]
fn a_check_finds_what_does_not_fit() {
    let value = newest();
    let of = |name: &str, v: Value, way| {
        check(value, &json!({ "$ref": format!("#/components/schemas/{name}") }), &v, way)
    };
    assert_eq!(of("BgpSession", json!({ "maxPrefixesAdvertisedV4": 0 }), Way::Request).len(), 1);
    assert_eq!(of("BgpSession", json!({ "md5AuthenticationKey": "k" }), Way::Request).len(), 0);
    for (name, wrong) in [
        ("BgpSession", json!({ "md5AuthenticationKey": "k" })),
        ("PeerAsn", json!({ "properties": { "peerAsn": "64510" } })),
        ("PeerAsn", json!({ "properties": { "peerAsn": 4294967295_u64 } })),
        ("PeerAsn", json!({ "properties": { "validationState": "Maybe" } })),
        ("PeerAsn", json!({ "propertys": {} })),
        ("PeerAsn", json!([])),
        ("PeerAsn", json!({ "systemData": null })),
        ("PeerAsnListResult", json!({})),
        ("PeerAsnListResult", json!({ "value": [{ "id": 1 }] })),
        ("ErrorResponse", json!({ "error": { "code": "x" } })),
        ("Peering", json!({ "kind": "Direct", "location": "x", "sku": {}, "tags": { "a": 1 } })),
    ] {
        assert_eq!(of(name, wrong.clone(), Way::Response).len(), 1, "{name} {wrong}");
    }
}

fn count(version: &str) -> usize {
    let own =
        |tag: &Value| ["Resource manager", "Resource groups", "Metrics"].iter().all(|other| tag != other);
    super::document::operations(document(&format!("arm/{version}")))
        .filter(|(_, _, o)| own(&o["tags"][0]))
        .count()
}

#[test]
fn each_version_has_the_operations_that_it_always_had() {
    let counts: Vec<usize> = VERSIONS.iter().map(|v| count(v)).collect();
    assert_eq!(counts, [26, 26, 35, 36, 37, 37, 43, 43, 44, 45, 45]);
}

#[test]
fn every_difference_names_something() {
    use super::differences::{What, all};
    let whole = source::arm();
    let by_id: BTreeMap<&str, &Value> = super::document::operations(&whole)
        .map(|(_, _, operation)| (operation["operationId"].as_str().unwrap(), operation))
        .collect();
    let property = |schema: &str, name: &str| whole["components"]["schemas"][schema]["properties"].get(name);
    let query = |operation: &str, name: &str| -> Option<&Value> {
        by_id.get(operation)?["parameters"].as_array()?.iter().find(|p| p["name"] == name)
    };
    for difference in all() {
        let found = match difference.what {
            What::Operation(id) => by_id.contains_key(id),
            What::Query { operation, name } => query(operation, name).is_some(),
            What::QueryValue { operation, name, value } => query(operation, name)
                .and_then(|p| p["schema"]["enum"].as_array())
                .is_some_and(|values| values.contains(&value.into())),
            What::Property { schema, name } => property(schema, name).is_some(),
            What::ReadOnly { schema, property: name } => {
                property(schema, name).is_some_and(|p| p["readOnly"] == true)
            }
            What::EnumValue { schema, property: name, value, instead } => {
                let holder = if name.is_empty() {
                    Some(&whole["components"]["schemas"][schema])
                } else {
                    property(schema, name)
                };
                let values = holder.and_then(|p| p["enum"].as_array());
                let known = |v: &str| values.is_some_and(|values| values.contains(&v.into()));
                known(value) && instead.is_none_or(known)
            }
            What::Reshaped(r) => {
                property(r.schema, r.older).is_some() && property(r.schema, r.newer).is_some()
            }
        };
        assert!(found, "{:?}", difference.what);
        for version in [difference.since, difference.until].into_iter().flatten() {
            assert!(VERSIONS.contains(&version), "{version}");
        }
    }
}

const PEERING: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}";
const ASN: &str = "/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns/{peer_asn}";

fn older(version: &str, method: Method, path: &str) -> &'static Shape {
    match operation(version, &method, path) {
        Lookup::Older(shape) => shape,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_operation_that_a_version_does_not_know_is_told_with_those_that_do() {
    let glass = "/subscriptions/{s}/providers/Microsoft.Peering/lookingGlass";
    let Lookup::Unknown(known) = operation("2021-01-01", &Method::POST, glass) else { panic!() };
    assert_eq!(known, ["2021-06-01", "2022-01-01", "2022-06-01", "2022-10-01", "2025-05-01"]);
    assert!(matches!(operation("2021-06-01", &Method::POST, glass), Lookup::Newest));
    assert!(matches!(operation("2025-05-01", &Method::POST, glass), Lookup::Newest));
    assert!(matches!(operation("2020-04-01", &Method::GET, "/subscriptions"), Lookup::Newest));
    assert!(matches!(operation("2019-08-01-PREVIEW", &Method::GET, PEERING), Lookup::Older(_)));
    assert!(matches!(operation("2025-05-01", &Method::GET, PEERING), Lookup::Newest));
}

#[test]
fn an_answer_has_what_its_version_knows() {
    let newest = json!({
        "id": "x", "systemData": { "createdBy": "t" },
        "properties": {
            "connectivityProbes": [],
            "direct": {
                "directPeeringType": "Voice",
                "connections": [
                    { "connectionState": "ExternalBlocker", "errorMessage": "e", "microsoftTrackingId": "c1",
                      "bgpSession": { "md5AuthenticationKeyIsSet": true } },
                    { "connectionState": "TypeChangeInProgress" },
                    { "connectionState": "Validating" },
                ],
            },
        },
    });
    let shown = older("2020-04-01", Method::GET, PEERING).response(newest.clone());
    assert_eq!(
        shown,
        json!({ "id": "x", "properties": { "direct": { "connections": [
            { "connectionState": "None", "errorMessage": "e", "bgpSession": { "md5AuthenticationKeyIsSet": true } },
            { "connectionState": "Active" },
            { "connectionState": "Validating" },
        ] } } })
    );
    let list = PEERING.trim_end_matches("/{peering}");
    let page = older("2022-10-01", Method::GET, list).response(json!({ "value": [newest], "nextLink": "n" }));
    assert_eq!(page["nextLink"], "n");
    let one = &page["value"][0];
    assert_eq!((one.get("systemData"), one["properties"].get("connectivityProbes")), (None, None));
    assert_eq!(one["properties"]["direct"]["directPeeringType"], "Voice");
    assert_eq!(one["properties"]["direct"]["connections"][1]["connectionState"], "TypeChangeInProgress");
}

#[test]
fn a_value_that_came_later_is_refused_with_its_place_and_the_version_that_knows_it() {
    let body =
        json!({ "properties": { "direct": { "directPeeringType": "Voice" }, "connectivityProbes": [{}] } });
    let error = older("2020-10-01", Method::PUT, PEERING).request(body.clone()).unwrap_err();
    assert_eq!((error.status.as_u16(), error.code.as_str()), (400, "InvalidEnumValue"));
    assert_eq!(error.target.as_deref(), Some("properties.direct.directPeeringType"));
    assert!(error.message.contains("2020-10-01; 2021-01-01 and later"), "{}", error.message);
    let taken = older("2021-01-01", Method::PUT, PEERING).request(body).unwrap();
    assert_eq!(taken, json!({ "properties": { "direct": { "directPeeringType": "Voice" } } }));
    // What can't be sent anyway is no reason to refuse what a newer client read.
    let read =
        json!({ "properties": { "direct": { "connections": [{ "connectionState": "ExternalBlocker" }] } } });
    assert!(older("2020-10-01", Method::PUT, PEERING).request(read).is_ok());
}

#[test]
fn query_parameters_and_their_values_have_versions() {
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    let locations = "/subscriptions/{s}/providers/Microsoft.Peering/peeringLocations";
    let shape = older("2020-10-01", Method::GET, locations);
    let error = shape.query(vec![pair("DirectPeeringType", "voice")]).unwrap_err();
    assert_eq!(error.target.as_deref(), Some("directPeeringType"));
    assert!(shape.query(vec![pair("directPeeringType", "IxRs")]).is_ok());
    let prefix =
        "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Peering/peeringServices/{p}/prefixes/{n}";
    let kept = older("2019-08-01-preview", Method::GET, prefix)
        .query(vec![pair("$Expand", "events"), pair("api-version", "2019-08-01-preview")])
        .unwrap();
    assert_eq!(kept, [pair("api-version", "2019-08-01-preview")]);
}

#[test]
fn the_oldest_version_has_contacts_without_roles_and_flat_errors() {
    let shape = older("2019-08-01-preview", Method::PUT, ASN);
    let contacts = json!([{ "role": "Noc", "email": "noc@tel.example", "phone": "1" }]);
    let sent = json!({ "properties": { "peerAsn": 64510, "peerContactInfo": { "emails": ["noc@tel.example"], "phone": ["1"] } } });
    let newest = shape.request(sent.clone()).unwrap();
    assert_eq!(newest["properties"]["peerContactDetail"], contacts);
    assert_eq!(shape.response(newest), sent);
    let several = json!({ "properties": { "peerContactInfo": {
        "emails": ["noc@tel.example", "core@tel.example"], "phone": ["1", "2", "3"],
    } } });
    let newest = shape.request(several.clone()).unwrap();
    assert_eq!(
        newest["properties"]["peerContactDetail"],
        json!([
            { "role": "Noc", "email": "noc@tel.example", "phone": "1" },
            { "role": "Other", "email": "core@tel.example", "phone": "2" },
            { "role": "Other", "email": "core@tel.example", "phone": "3" },
        ])
    );
    assert_eq!(shape.response(newest), several);
    let body = json!({ "error": { "code": "C", "message": "M", "target": "t" } });
    for preview in ["2019-08-01-preview", "2019-09-01-preview", "2020-01-01-preview"] {
        let flat = error(preview, body.clone());
        let told = (&flat["code"], &flat["message"], &flat["error"]);
        assert_eq!(told, (&json!("C"), &json!("M"), &body["error"]), "{preview}");
    }
    assert_eq!(error("2020-04-01", body.clone()), body);
    let check = "/subscriptions/{s}/providers/Microsoft.Peering/checkServiceProviderAvailability";
    let shape = older("2019-08-01-preview", Method::POST, check);
    assert_eq!(shape.response(json!("Unavailable")), "UnAvailable");
    assert_eq!(shape.response(json!("Available")), "Available");
}

#[test]
fn the_previews_between_stand_between() {
    let known = |version: &str, schema: &str, property: &str| knows(version, schema, property);
    for (schema, property, since) in [
        ("PeerAsnProperties", "errorMessage", "2019-09-01-preview"),
        ("PeeringServicePrefixProperties", "events", "2019-09-01-preview"),
        ("PeerAsnProperties", "peerContactDetail", "2020-01-01-preview"),
        ("PeeringService", "sku", "2020-01-01-preview"),
        ("DirectConnection", "microsoftTrackingId", "2020-10-01"),
    ] {
        let first = VERSIONS.iter().find(|v| known(v, schema, property));
        assert_eq!(first, Some(&since), "{schema}.{property}");
    }
    let check = "/subscriptions/{s}/providers/Microsoft.Peering/checkServiceProviderAvailability";
    assert_eq!(
        older("2019-09-01-preview", Method::POST, check).response(json!("Unavailable")),
        "Unavailable"
    );
    let routes = format!("{PEERING}/receivedRoutes");
    assert!(matches!(operation("2020-01-01-preview", &Method::GET, &routes), Lookup::Unknown(_)));
    let prefixes = format!("{PEERING}/registeredPrefixes");
    assert!(matches!(operation("2019-09-01-preview", &Method::GET, &prefixes), Lookup::Unknown(_)));
    assert!(!matches!(operation("2020-01-01-preview", &Method::GET, &prefixes), Lookup::Unknown(_)));
}

#[test]
fn older_documents_say_what_their_versions_know() {
    let preview = document("arm/2019-08-01-preview");
    let schemas = &preview["components"]["schemas"];
    assert!(schemas.get("ContactDetail").is_none() && schemas.get("ContactInfo").is_some());
    assert!(schemas["PeerAsnProperties"]["properties"].get("peerContactDetail").is_none());
    assert!(schemas["PeeringServicePrefixProperties"]["properties"]["learnedType"].get("readOnly").is_none());
    assert!(newest()["components"]["schemas"].get("ContactInfo").is_none());
    assert!(newest()["components"]["schemas"]["ErrorResponse"]["properties"].get("code").is_none());
    let types = |version: &str| {
        let schemas = &document(&format!("arm/{version}"))["components"]["schemas"];
        schemas["PeeringPropertiesDirect"]["properties"]["directPeeringType"]["enum"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(VERSIONS.iter().map(|v| types(v)).collect::<Vec<_>>(), [4, 4, 6, 6, 6, 7, 7, 8, 8, 8, 9]);
}

async fn text(path: &str) -> Option<(String, String)> {
    let response = open(path)?;
    assert_eq!(response.status(), 200, "{path}");
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Some((kind, String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test]
async fn documents_and_pages_are_found_by_their_paths() {
    let (kind, index) = text("/openapi").await.unwrap();
    assert_eq!(kind, "application/json");
    let index: Value = serde_json::from_str(&index).unwrap();
    let listed = index["documents"].as_array().unwrap();
    assert_eq!(listed.len(), VERSIONS.len() + 1);
    for one in listed {
        let (_, json) = text(one["document"].as_str().unwrap()).await.unwrap();
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["info"]["version"], one["version"]);
        let (kind, page) = text(one["reference"].as_str().unwrap()).await.unwrap();
        assert!(kind.starts_with("text/html") && page.ends_with("</html>\n"));
    }
    assert_eq!(text("/reference").await, text("/reference/arm/2025-05-01").await);
    assert!(text("/reference/style.css").await.unwrap().0.starts_with("text/css"));
    assert!(text("/reference/filter.js").await.unwrap().0.starts_with("text/javascript"));
    for nothing in
        ["/openapi/arm/2025-05-01", "/openapi/arm/1999-01-01.json", "/reference/x", "/openapix", "/"]
    {
        assert!(open(nothing).is_none(), "{nothing}");
    }
}

#[tokio::test]
async fn the_page_has_every_operation_and_nothing_from_outside() {
    for made in &super::document::all().list {
        let (_, page) = text(&format!("/reference/{}", made.name)).await.unwrap();
        for (path, _, operation) in super::document::operations(document(&made.name)) {
            let id = operation["operationId"].as_str().unwrap();
            assert_eq!(page.matches(&format!("<article id=\"{id}\">")).count(), 1, "{id}");
            assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
            assert!(page.contains(&path.replace('/', "/<wbr>")), "{path}");
        }
        for tag in ["details", "table", "article", "section", "dl", "dd", "code", "p", "td", "span"] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
        let links = page.split("<link ").skip(1).filter_map(|link| link.split("href=\"").nth(1));
        for address in page.split(" src=\"").skip(1).chain(links) {
            let address = address.split('"').next().unwrap();
            assert!(address.starts_with("/reference/") || address == "data:,", "{address}");
        }
    }
}
