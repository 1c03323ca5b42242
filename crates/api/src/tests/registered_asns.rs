//! `registeredAsns` (`docs/rules.md` §5).

use super::fixture::*;
use meetme_model::connection::ConnectionState;
use meetme_store::{Page, WorkKind, audit_list, peering_get, registered_asns_list, work_claim, work_done};
use serde_json::{Value, json};

fn body(asn: i64) -> Value {
    json!({ "properties": { "asn": asn } })
}

fn path(peering_name: &str, name: &str) -> String {
    format!("{}/registeredAsns/{name}", peering(peering_name))
}

/// A peering with a route server, whose addresses the peer gives.
fn route_server() -> Value {
    let mut body = edge("Amsterdam", 64);
    body["sku"]["name"] = "Premium_Direct_Free".into();
    body["properties"]["direct"]["directPeeringType"] = "IxRs".into();
    let connection = &mut body["properties"]["direct"]["connections"][0];
    connection["bgpSession"] = json!({ "sessionPrefixV4": "198.19.200.0/31" });
    body
}

async fn with_route_server() -> Api {
    let api = Api::new().await;
    api.provider().await;
    let reply = api.put(&peering("rs"), route_server()).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    api
}

#[tokio::test]
async fn an_asn_is_registered_with_a_key_that_never_changes() {
    let api = with_route_server().await;
    let path = path("rs", "Behind");
    let created = api.put(&path, body(4_199_999_999)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["id"], path.as_str());
    assert_eq!(created.body["type"], "Microsoft.Peering/peerings/registeredAsns");
    let properties = created.body["properties"].clone();
    assert_eq!(properties["asn"], 4_199_999_999_i64);
    assert_eq!(properties["provisioningState"], "Succeeded");
    let key = properties["peeringServicePrefixKey"].as_str().unwrap();
    assert!(meetme_model::peering::guid(key).is_some(), "{key}");
    let again = api.put(&path.to_uppercase().replace("SUB-A", SUB), body(4_199_999_999)).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &created.body), "nothing changes");
    assert_eq!(again.headers["etag"], created.headers["etag"]);
    assert_eq!(api.get(&path).await.body, created.body);
    let list = api.get(&format!("{}/registeredAsns", peering("rs"))).await;
    assert_eq!(list.body["value"], json!([created.body]));
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(api.get(&path).await.status, 404);
    let new = api.put(&path, body(4_199_999_999)).await;
    assert_ne!(new.body["properties"]["peeringServicePrefixKey"], properties["peeringServicePrefixKey"]);
}

#[tokio::test]
async fn an_asn_stands_once_in_its_peering_and_a_registration_for_one_asn() {
    let api = with_route_server().await;
    api.put(&path("rs", "one"), body(64_505)).await;
    let other = api.put(&path("rs", "one"), body(64_506)).await;
    assert_eq!(
        (other.status.as_u16(), other.violations()[0].as_str()),
        (409, "PropertyImmutable properties.asn")
    );
    let twice = api.put(&path("rs", "two"), body(64_505)).await;
    assert_eq!(
        (twice.status.as_u16(), twice.violations()[0].as_str()),
        (409, "AsnAlreadyRegistered properties.asn")
    );
    assert!(twice.message().contains("one"), "{}", twice.message());
}

#[tokio::test]
async fn what_is_no_public_asn_is_refused() {
    let api = with_route_server().await;
    for (asn, code) in [
        (0, "AsnReserved"),
        (64_512, "AsnReserved"),
        (4_294_967_295, "AsnReserved"),
        (4_294_967_296, "AsnInvalid"),
        (-1, "AsnInvalid"),
    ] {
        let reply = api.put(&path("rs", "one"), body(asn)).await;
        assert_eq!(reply.status, 400, "{asn}");
        assert_eq!(reply.violations(), [format!("{code} properties.asn")], "{asn}");
    }
    let none = api.put(&path("rs", "one"), json!({})).await;
    assert_eq!(none.violations(), ["AsnRequired properties.asn"]);
}

#[tokio::test]
async fn other_offerings_say_what_to_do_instead() {
    let api = with_route_server().await;
    api.put(&peering("plain"), edge("Amsterdam", 64)).await;
    for (name, says) in [("ams", "register prefixes"), ("plain", "no Peering Service")] {
        let reply = api.put(&path(name, "one"), body(64_505)).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (405, "OperationNotSupported"));
        assert!(reply.message().contains(says), "{}", reply.message());
    }
    let prefix = json!({ "properties": { "prefix": "198.19.10.0/24" } });
    assert_eq!(api.put(&registered("rs", "one"), prefix).await.status, 405);
    assert_eq!(api.put(&path("nowhere", "one"), body(64_505)).await.status, 404);
}

#[tokio::test]
async fn registrations_are_listed_in_pages_audited_and_gone_with_their_peering() {
    let settings = crate::Settings { page_size: 2, ..Default::default() };
    let edge = std::sync::Arc::new(|_, _| -> crate::EdgeFuture { Box::pin(async { Err("no".into()) }) });
    let api = Api::with(edge, settings).await;
    api.provider().await;
    api.put(&peering("rs"), route_server()).await;
    for n in 0..5 {
        let reply = api.put(&path("rs", &format!("n{n}")), body(64_500 + n)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    let mut found = 0;
    let mut next = Some(format!("{}/registeredAsns", peering("rs")));
    while let Some(path) = next {
        let page = api.get(&path).await;
        found += page.body["value"].as_array().unwrap().len();
        next = page.body["nextLink"].as_str().map(|l| l.replace("http://api.example.net:8971", ""));
    }
    assert_eq!(found, 5);
    let mut tx = api.store.begin().await.unwrap();
    let all = meetme_store::Scope::All;
    let audit = audit_list(&mut tx, all, meetme_store::IdPage::first(1)).await.unwrap();
    assert_eq!(audit[0].action, "registeredAsns/write");
    let rs = peering_get(&mut tx, SUB, RG, "rs").await.unwrap().unwrap();
    meetme_store::peering_delete(&mut tx, rs.id, now()).await.unwrap();
    assert_eq!(registered_asns_list(&mut tx, rs.id, &Page::first(9)).await.unwrap(), []);
}

#[tokio::test]
async fn nothing_is_registered_on_a_peering_that_is_being_deleted() {
    let api = with_route_server().await;
    api.all_connections("rs", ConnectionState::Active).await;
    assert_eq!(api.delete(&peering("rs")).await.status, 200);
    let reply = api.put(&path("rs", "one"), body(64_505)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "PeeringDeleting"));
}

#[tokio::test]
async fn the_router_learns_of_a_registration_and_of_its_end() {
    let api = with_route_server().await;
    api.all_connections("rs", ConnectionState::Active).await;
    let woken = async || {
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let mut routers = Vec::new();
        for item in work_claim(&api.store, "test", later, 60_000, 99).await.unwrap() {
            let mut tx = api.store.begin().await.unwrap();
            work_done(&mut tx, &item).await.unwrap();
            tx.commit().await.unwrap();
            if item.kind == WorkKind::Router {
                routers.push(item.key);
            }
        }
        routers
    };
    woken().await;
    let path = path("rs", "one");
    assert_eq!(api.put(&path, body(64_505)).await.status, 201);
    assert_eq!(woken().await, ["ams1-er1"]);
    assert_eq!(api.put(&path, body(64_505)).await.status, 200);
    assert_eq!(woken().await, [""; 0], "nothing changed");
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(woken().await, ["ams1-er1"]);
}
