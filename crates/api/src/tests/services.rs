//! `peeringServices` and their prefixes (`docs/rules.md` §6), and what they are chosen from.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::peer_asn::AsnState;
use meetme_model::peering_service::{PrefixEvent, PrefixEventKind};
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};

const P: &str = "properties.";

/// A service of the provider's, at these locations.
pub fn service_body(primary: &str, backup: Option<&str>) -> Value {
    json!({
        "location": "westeurope",
        "properties": {
            "peeringServiceLocation": "noord-holland",
            "peeringServiceProvider": "tel example",
            "providerPrimaryPeeringLocation": primary,
            "providerBackupPeeringLocation": backup,
        },
    })
}

fn prefix_body(prefix: &str, key: &str) -> Value {
    json!({ "properties": { "prefix": prefix, "peeringServicePrefixKey": key } })
}

fn prefix_path(name: &str) -> String {
    format!("{}/prefixes/{name}", service("voice"))
}

/// Activates 198.19.10.0/24 as `voice/media`.
pub async fn activate(api: &Api, key: &str) {
    let reply = api.put(&service("voice"), service_body("Amsterdam", None)).await;
    assert!(reply.status.is_success(), "{}", reply.body);
    let reply = api.put(&prefix_path("media"), prefix_body("198.19.10.0/24", key)).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
}

/// A provider that is Active in Amsterdam, with a registered prefix and its key.
async fn ready(state: PrefixState) -> (Api, String) {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let key = api.registered("media", "198.19.10.0/24", state).await;
    (api, key)
}

#[tokio::test]
async fn a_prefix_is_activated_by_its_key_with_its_events() {
    let (api, key) = ready(PrefixState::Verified).await;
    activate(&api, &key).await;
    let path = prefix_path("media");
    let read = api.get(&path).await;
    let properties = &read.body["properties"];
    assert_eq!(read.body["type"], "Microsoft.Peering/peeringServices/prefixes");
    assert_eq!(properties["prefixValidationState"], "Pending");
    assert_eq!(properties["learnedType"], "None");
    assert_eq!(properties["peeringServicePrefixKey"], key.as_str());
    assert!(properties.get("events").is_none());
    let mut tx = api.store.begin().await.unwrap();
    let found = service_prefix_by_prefix(&mut tx, "198.19.10.0/24".parse().unwrap()).await;
    let event = PrefixEvent {
        at: now(),
        kind: PrefixEventKind::PrefixAnnouncementEvent,
        description: "received from 198.18.192.2 on ams1-er1".into(),
    };
    prefix_event_add(&mut tx, found.unwrap().unwrap().id, &event).await.unwrap();
    tx.commit().await.unwrap();
    for path in [format!("{path}?$expand=events"), format!("{path}?%24expand=Events")] {
        let read = api.get(&path).await;
        let event = &read.body["properties"]["events"][0];
        assert_eq!(event["eventType"], "PrefixAnnouncementEvent");
        assert_eq!(event["eventLevel"], "Information");
        assert_eq!(event["eventTimestamp"], "2026-01-05T10:00:00Z");
    }
    let list = api.get(&format!("{}?$expand=events", prefix_path(""))).await;
    assert_eq!(list.body["value"][0]["properties"]["events"][0]["eventLevel"], "Information");
    // The same again changes nothing; something else is refused.
    let same = api.put(&path, prefix_body("198.19.10.0/24", &key.to_uppercase())).await;
    assert_eq!(same.status, 200, "{}", same.body);
    let other = api.put(&path, prefix_body("198.19.11.0/24", "x")).await;
    assert_eq!(
        other.violations(),
        ["PropertyImmutable properties.prefix", "PropertyImmutable properties.peeringServicePrefixKey",]
    );
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(api.delete(&path).await.status, 204);
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_one_get_the_same_answer() {
    let (api, _) = ready(PrefixState::Verified).await;
    let wrong = api.registered("other", "198.19.20.0/25", PrefixState::Verified).await;
    api.put(&service("voice"), service_body("Amsterdam", None)).await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    let mut answers = Vec::new();
    for key in [unknown, &wrong, "nonsense"] {
        let reply = api.put(&prefix_path("p"), prefix_body("198.19.10.0/24", key)).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.violations(), ["PrefixKeyInvalid properties.peeringServicePrefixKey"]);
        answers.push(reply.body);
    }
    assert!(answers.windows(2).all(|w| w[0] == w[1]));
    // A covering prefix isn't the very same prefix.
    let reply = api.put(&prefix_path("p"), prefix_body("198.19.20.0/24", &wrong)).await;
    assert_eq!(reply.code(), "PrefixKeyInvalid");
}

#[tokio::test]
async fn the_registration_must_be_verified_and_the_provider_present_at_both_locations() {
    let (api, key) = ready(PrefixState::Warning).await;
    api.put(&service("voice"), service_body("Frankfurt", Some("Amsterdam"))).await;
    let reply = api.put(&prefix_path("p"), prefix_body("198.19.10.0/24", &key)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.violations()),
        (
            400,
            vec![
                format!("ProviderNotPresent {P}providerPrimaryPeeringLocation"),
                format!("RegistrationNotVerified {P}peeringServicePrefixKey"),
            ]
        )
    );
    for (prefix, key, code, field) in [
        ("", "k", "PrefixRequired", "prefix"),
        ("198.19.10.1/24", "k", "PrefixHostBitsSet", "prefix"),
        ("x", "k", "PrefixInvalid", "prefix"),
        ("198.19.10.0/24", "", "PrefixKeyRequired", "peeringServicePrefixKey"),
    ] {
        let reply = api.put(&prefix_path("p"), prefix_body(prefix, key)).await;
        let expected = format!("{code} {P}{field}");
        assert!(reply.violations().contains(&expected), "{:?}", reply.violations());
    }
}

#[tokio::test]
async fn a_prefix_is_activated_once() {
    let (api, key) = ready(PrefixState::Verified).await;
    activate(&api, &key).await;
    let reply = api.put(&prefix_path("again"), prefix_body("198.19.10.0/24", &key)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "PrefixAlreadyActivated"));
    assert_eq!(reply.body["error"]["target"], "properties.prefix");
}

#[tokio::test]
async fn without_a_primary_location_nothing_is_activated() {
    let (api, key) = ready(PrefixState::Verified).await;
    let mut body = service_body("None", None);
    let reply = api.put(&service("voice"), body.clone()).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let reply = api.put(&prefix_path("p"), prefix_body("198.19.10.0/24", &key)).await;
    assert_eq!(reply.violations(), [format!("PrimaryLocationRequired {P}providerPrimaryPeeringLocation")]);
    body["properties"]["providerPrimaryPeeringLocation"] = "amsterdam".into();
    let moved = api.put(&service("voice"), body).await;
    assert_eq!(moved.status, 200);
    assert_eq!(moved.body["properties"]["providerPrimaryPeeringLocation"], "Amsterdam");
}

#[tokio::test]
async fn prefixes_move_only_to_where_they_could_be_activated() {
    let (api, key) = ready(PrefixState::Verified).await;
    let frankfurt = api.put(&service("voice"), service_body("Frankfurt", None)).await;
    assert_eq!(frankfurt.status, 201, "nothing is activated in it");
    activate(&api, &key).await;
    let validate = format!("/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peeringServices/voice/validate");
    let refused = |field: &str| vec![format!("ProviderNotPresent {P}{field}")];
    for (primary, backup, told) in [
        ("Frankfurt", None, refused("providerPrimaryPeeringLocation")),
        ("Amsterdam", Some("Frankfurt"), refused("providerBackupPeeringLocation")),
        ("None", None, vec![format!("PrimaryLocationRequired {P}providerPrimaryPeeringLocation")]),
    ] {
        let body = service_body(primary, backup);
        assert_eq!(api.put(&service("voice"), body.clone()).await.violations(), told);
        let said = api.ask(&api.peer, Method::POST, &validate, Body::from(body.to_string())).await;
        assert_eq!(said.violations(), told, "a choice is refused before it is made");
    }
    let same = service_body("Amsterdam", None);
    api.all_connections("ams", ConnectionState::Onboarding(Stage::Validating)).await;
    assert_eq!(api.put(&service("voice"), same).await.status, 200, "what it has stays");
}

#[tokio::test]
async fn every_rule_of_a_service_is_told() {
    let (api, _) = ready(PrefixState::Verified).await;
    let body = json!({
        "properties": {
            "peeringServiceLocation": "Atlantis",
            "peeringServiceProvider": "Nobody",
            "providerPrimaryPeeringLocation": "Nowhere",
            "providerBackupPeeringLocation": "Elsewhere",
        },
        "tags": { "": "" },
    });
    let reply = api.put(&service("voice"), body).await;
    assert_eq!(
        reply.violations(),
        [
            "LocationRequired location".to_owned(),
            format!("PeeringServiceLocationUnknown {P}peeringServiceLocation"),
            format!("PeeringServiceProviderUnknown {P}peeringServiceProvider"),
            format!("PeeringLocationUnknown {P}providerPrimaryPeeringLocation"),
            format!("PeeringLocationUnknown {P}providerBackupPeeringLocation"),
            "TagsInvalid tags".to_owned(),
        ]
    );
    let same = service_body("Amsterdam", Some("amsterdam"));
    let reply = api.put(&service("voice"), same).await;
    assert_eq!(reply.violations(), [format!("BackupSameAsPrimary {P}providerBackupPeeringLocation")]);
    let reply = api.put(&service("voice"), service_body("Amsterdam", None)).await;
    assert_eq!(reply.status, 201);
    let mut moved = service_body("Amsterdam", None);
    moved["properties"]["peeringServiceLocation"] = "Hessen".into();
    let reply = api.put(&service("voice"), moved).await;
    assert_eq!(reply.violations(), [format!("PropertyImmutable {P}peeringServiceLocation")]);
}

#[tokio::test]
async fn a_service_is_patched_listed_and_deleted_with_its_prefixes() {
    let (api, key) = ready(PrefixState::Verified).await;
    activate(&api, &key).await;
    let tags = Body::from(r#"{"tags":{"a":"b"}}"#);
    let reply = api.ask(&api.peer, Method::PATCH, &service("VOICE"), tags).await;
    assert_eq!(reply.body["tags"]["a"], "b");
    let all = format!("/subscriptions/{SUB}/providers/Microsoft.Peering/peeringServices");
    for path in [all, service("")] {
        assert_eq!(api.get(&path).await.body["value"].as_array().unwrap().len(), 1);
    }
    let status = format!(
        "/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peeringServices/voice/prefixes/media/status"
    );
    let status = api.get(&status).await;
    assert_eq!(status.body["activePath"], "internet", "{}", status.body);
    assert_eq!(api.delete(&service("voice")).await.status, 200);
    assert_eq!(api.delete(&service("voice")).await.status, 204);
    // Its registration is free again.
    assert_eq!(api.delete(&registered("ams", "media")).await.status, 200);
}

#[tokio::test]
async fn locations_places_and_providers_are_listed_and_filtered() {
    let (api, _) = ready(PrefixState::Verified).await;
    let at = |what: &str| format!("/subscriptions/{SUB}/providers/Microsoft.Peering/{what}");
    let direct = api.get(&at("peeringLocations?kind=direct")).await;
    let first = &direct.body["value"][0];
    assert_eq!(first["name"], "Amsterdam");
    assert_eq!(first["properties"]["azureRegion"], "westeurope");
    assert_eq!(
        first["properties"]["direct"]["bandwidthOffers"][0],
        json!({ "offerName": "10Gbps", "valueInMbps": 10000 })
    );
    let facilities = |body: &Value| {
        body["value"][0]["properties"]["direct"]["peeringFacilities"].as_array().unwrap().len()
    };
    assert_eq!(facilities(&direct.body), 3, "one per offering");
    let voice = api.get(&at("peeringLocations?kind=Direct&directPeeringType=Voice")).await;
    assert_eq!(facilities(&voice.body), 1);
    let exchange = api.get(&at("peeringLocations?kind=Exchange")).await;
    assert_eq!(exchange.body["value"], json!([]));
    let none = api.get(&at("peeringLocations")).await;
    assert_eq!(none.violations(), ["InvalidFilter kind"]);
    let places = api.get(&at("peeringServiceLocations?country=germany")).await;
    assert_eq!(places.body["value"][0]["name"], "Hessen");
    assert_eq!(places.body["value"].as_array().unwrap().len(), 1);
    let countries = api.get(&at("peeringServiceCountries")).await;
    assert_eq!(countries.body["value"][0]["name"], "Germany");
    let providers = api.get(&at("peeringServiceProviders")).await;
    assert_eq!(
        providers.body["value"][0]["properties"],
        json!({ "serviceProviderName": "Tel Example", "peeringLocations": ["Amsterdam"] })
    );
    let operations = api.get("/providers/microsoft.peering/operations").await;
    assert!(operations.body["value"].as_array().unwrap().len() > 20);
    for (place, provider, answer) in [
        ("Noord-Holland", "tel example", "Available"),
        ("Atlantis", "Tel Example", "Unavailable"),
        ("Hessen", "Nobody", "Unavailable"),
    ] {
        let body = json!({ "peeringServiceLocation": place, "peeringServiceProvider": provider });
        let reply = api
            .ask(
                &api.peer,
                Method::POST,
                &at("checkServiceProviderAvailability"),
                Body::from(body.to_string()),
            )
            .await;
        assert_eq!(reply.body, json!(answer), "{place}");
    }
}

#[tokio::test]
async fn nothing_is_activated_on_a_peering_that_is_being_deleted() {
    let (api, key) = ready(PrefixState::Verified).await;
    // The provider stays one by its other peering.
    let reply = api.put(&peering("fra"), voice("Frankfurt", 58)).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    api.all_connections("fra", ConnectionState::Active).await;
    api.put(&service("voice"), service_body("Frankfurt", None)).await;
    assert_eq!(api.delete(&peering("ams")).await.status, 200);
    let reply = api.put(&prefix_path("media"), prefix_body("198.19.10.0/24", &key)).await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    let as_unknown = api.put(&prefix_path("media"), prefix_body("198.19.10.0/24", unknown)).await;
    assert_eq!(reply.violations(), ["PrefixKeyInvalid properties.peeringServicePrefixKey"]);
    assert_eq!((reply.status, reply.body), (as_unknown.status, as_unknown.body));
}

#[tokio::test]
async fn a_provider_is_one_whatever_the_case_of_its_names() {
    let (api, _) = ready(PrefixState::Verified).await;
    let mut body = asn_body(64509);
    body["properties"]["peerName"] = "TEL EXAMPLE".into();
    api.put(&asn("tel2"), body).await;
    let mut tx = api.store.begin().await.unwrap();
    let mut claim = peer_asn_get(&mut tx, SUB, "tel2").await.unwrap().unwrap();
    claim.state = meetme_model::peer_asn::AsnState::Approved;
    peer_asn_update(&mut tx, &claim).await.unwrap();
    tx.commit().await.unwrap();
    let mut second = voice("Frankfurt", 58);
    second["properties"]["direct"]["peerAsn"]["id"] = asn("tel2").into();
    assert_eq!(api.put(&peering("fra"), second).await.status, 201);
    api.all_connections("fra", ConnectionState::Active).await;
    let path = format!("/subscriptions/{SUB}/providers/Microsoft.Peering/peeringServiceProviders");
    let list = api.get(&path).await.body["value"].clone();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!(
        list[0]["properties"],
        json!({ "serviceProviderName": "Tel Example", "peeringLocations": ["Amsterdam", "Frankfurt"] })
    );
    let both = service_body("Amsterdam", Some("Frankfurt"));
    let reply = api.put(&service("voice"), both).await;
    assert_eq!(reply.body["properties"]["peeringServiceProvider"], "Tel Example");
}

#[tokio::test]
async fn an_older_version_leaves_alone_what_it_has_no_words_for() {
    let (api, _) = ready(PrefixState::Verified).await;
    let path = service("voice");
    let mut sent = service_body("Amsterdam", Some("Frankfurt"));
    sent["sku"] = json!({ "name": "Free" });
    assert_eq!(api.put(&path, sent.clone()).await.status, 201);
    let old = format!("{path}?api-version=2019-08-01-preview");
    sent.as_object_mut().unwrap().remove("sku");
    for location in ["providerPrimaryPeeringLocation", "providerBackupPeeringLocation"] {
        sent["properties"].as_object_mut().unwrap().remove(location);
    }
    sent["tags"] = json!({ "by": "old" });
    assert_eq!(api.put(&old, sent.clone()).await.status, 200);
    let now = api.get(&path).await.body;
    assert_eq!((&now["sku"]["name"], &now["tags"]["by"]), (&json!("Free"), &json!("old")));
    assert_eq!(now["properties"]["providerPrimaryPeeringLocation"], "Amsterdam");
    assert_eq!(now["properties"]["providerBackupPeeringLocation"], "Frankfurt");
    // A newer one that leaves them out means it.
    assert_eq!(api.put(&path, sent).await.status, 200);
    let now = api.get(&path).await.body;
    assert_eq!(now["properties"].get("providerPrimaryPeeringLocation"), None);
}

#[tokio::test]
async fn a_name_is_a_provider_while_it_is_approved_and_has_a_peering_with_peering_service() {
    let (api, _) = ready(PrefixState::Verified).await;
    let claim = async |state| {
        let mut tx = api.store.begin().await.unwrap();
        let mut claim = peer_asn_get(&mut tx, SUB, "second").await.unwrap().unwrap();
        claim.state = state;
        peer_asn_update(&mut tx, &claim).await.unwrap();
        tx.commit().await.unwrap();
    };
    // What a service can name, what the list shows, and whether it is available.
    let seen = async || {
        let mut body = service_body("Amsterdam", None);
        body["properties"]["peeringServiceProvider"] = " second EXAMPLE ".into();
        let named = api.put(&service("second"), body).await;
        let _ = api.delete(&service("second")).await;
        let at = |what: &str| format!("/subscriptions/{SUB}/providers/Microsoft.Peering/{what}");
        let list = api.get(&at("peeringServiceProviders")).await.body["value"].clone();
        let listed = list.as_array().unwrap().iter().any(|p| p["name"] == "Second Example");
        let question = json!({
            "peeringServiceLocation": "Hessen",
            "peeringServiceProvider": "Second example",
        });
        let question = Body::from(question.to_string());
        let path = at("checkServiceProviderAvailability");
        let available = api.ask(&api.peer, Method::POST, &path, question).await.body == "Available";
        (named.status == 201, listed, available)
    };
    let mut body = asn_body(64508);
    body["properties"]["peerName"] = "Second Example".into();
    assert_eq!(api.put(&asn("second"), body).await.status, 201);
    claim(AsnState::Approved).await;
    assert_eq!(seen().await, (false, false, false), "without a peering");
    let of_second = |mut body: Value| {
        body["properties"]["direct"]["peerAsn"]["id"] = asn("second").into();
        body
    };
    assert_eq!(api.put(&peering("plain"), of_second(edge("Amsterdam", 64))).await.status, 201);
    assert_eq!(seen().await, (false, false, false), "without Peering Service");
    assert_eq!(api.put(&peering("full"), of_second(voice("Frankfurt", 58))).await.status, 201);
    assert_eq!(seen().await, (true, true, false), "without an Active connection");
    api.all_connections("full", ConnectionState::Active).await;
    assert_eq!(seen().await, (true, true, true));
    claim(AsnState::Failed).await;
    assert_eq!(seen().await, (false, false, false), "not approved");
    claim(AsnState::Approved).await;
    assert_eq!(api.delete(&peering("full")).await.status, 200);
    assert_eq!(seen().await, (false, false, false), "being deleted");
}
