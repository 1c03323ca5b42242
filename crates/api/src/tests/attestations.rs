//! What a peer states of its peering, and how it is told with the compliance.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_store::*;
use serde_json::{Value, json};

const PEERING: &str = "/api/v1/subscriptions/Sub-A/resourceGroups/telco/peerings/ams";
const LIMIT: &str = "/api/v1/subscriptions/Sub-A/resourceGroups/telco/peerings/ams/attestations/noRateLimit";

async fn finding(api: &Api) -> Value {
    let reply = api.get(&format!("{PEERING}/compliance")).await;
    let all = reply.body["value"].as_array().unwrap();
    all.iter().find(|f| f["requirement"] == "noRateLimit").cloned().unwrap()
}

#[tokio::test]
async fn a_statement_is_kept_told_as_such_replaced_and_withdrawn() {
    let api = Api::new().await;
    api.provider().await;
    let before = finding(&api).await;
    assert_eq!((&before["standing"], &before["attestable"]), (&json!("unknown"), &json!(true)));
    let stated = api.put(LIMIT, json!({ "note": " none on our side " })).await;
    assert_eq!((stated.status.as_u16(), &stated.body["note"]), (201, &json!("none on our side")));
    let told = finding(&api).await;
    assert_eq!(told["standing"], "attested");
    assert_eq!(told["attestation"]["by"], "peer-Sub-A");
    assert_eq!((&told["evidence"], &told["seenAt"]), (&json!([]), &Value::Null), "nothing was seen");
    let again = api.put(&LIMIT.replace("noRate", "norate"), json!({})).await;
    assert_eq!((again.status.as_u16(), &again.body["note"]), (200, &json!("")));
    assert_eq!(api.delete(LIMIT).await.status, 200);
    assert_eq!(api.delete(LIMIT).await.status, 204);
    assert_eq!(finding(&api).await["standing"], "unknown");
    let mut db = api.store.read().await.unwrap();
    let audit = audit_list(&mut db, Scope::All, IdPage::first(3)).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|e| e.action.as_str()).collect();
    assert_eq!(actions, ["attestations/delete", "attestations/write", "attestations/write"]);
    assert!(audit[0].resource.ends_with("/peerings/ams/attestations/noRateLimit"));
}

#[tokio::test]
async fn only_the_peer_itself_states_and_only_what_isn_t_measured() {
    let api = Api::new().await;
    api.provider().await;
    for (token, status) in [(&api.operator, 403), (&api.reader, 403), (&api.other, 404)] {
        for method in [Method::PUT, Method::DELETE] {
            let reply = api.ask(token, method.clone(), LIMIT, Body::empty()).await;
            assert_eq!(reply.status, status, "{method}");
        }
    }
    let measured = api.put(&LIMIT.replace("noRateLimit", "bfd"), json!({})).await;
    assert_eq!(measured.status, 404);
    assert!(measured.message().contains("noStatefulFirewall"), "{}", measured.message());
    let long = api.put(LIMIT, json!({ "note": "x".repeat(1001) })).await;
    assert_eq!(long.violations(), ["NoteInvalid note"]);
    assert_eq!(api.put(&LIMIT.replace("/ams/", "/none/"), json!({})).await.status, 404);
    assert_eq!(finding(&api).await["standing"], "unknown");
}
