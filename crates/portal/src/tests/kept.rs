//! Forms that outlive their session: what was typed is there again after signing in, and nothing is
//! done before it is sent once more. And errors, which are pages like others.

use super::fixture::*;
use axum::http::Method;
use meetme_store::Role;
use serde_json::json;

const PASSWORD: &str = "password=correct+horse+battery";
const CLAIM: &str = "subscription=Sub-A&name=tel&asn=AS64510&peer-name=%22%3E%3Cimg+src%3Dx%3E\
                     &contact-0-role=Noc&contact-0-email=noc%40tel.example&contact-0-phone=1";

async fn portal() -> Portal {
    Portal::new(|method, path| {
        (*method == Method::GET && !path.contains("/peerings/")).then(|| (200, json!({ "value": [] })))
    })
    .await
}

fn writes(portal: &Portal) -> usize {
    portal.asked().iter().filter(|asked| asked.method != Method::GET).count()
}

/// The sign-in form of a page as a browser sends it back.
fn sign_in_form(page: &str, email: &str) -> String {
    let value = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("it is carried");
        let value = rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&amp;", "&");
        crate::query::encode(&value)
    };
    let [action, fields, left_out] = ["kept_action", "kept_fields", "kept_left_out"].map(value);
    format!("email={email}&{PASSWORD}&kept_action={action}&kept_fields={fields}&kept_left_out={left_out}")
}

#[tokio::test]
async fn a_form_whose_session_has_ended_is_there_again_after_signing_in_and_not_sent() {
    let portal = portal().await;
    portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let asked = portal.post("/peer-asns/create", "", &format!("_csrf=old&{CLAIM}")).await;
    assert_eq!(asked.status, 403);
    assert!(asked.text.contains("the form is here again") && !asked.text.contains("_csrf"), "{}", asked.text);
    let wrong = sign_in_form(&asked.text, "peer@tel.example").replace("battery", "batterx");
    let wrong = portal.post("/sign-in", "", &wrong).await;
    assert!(wrong.text.contains("is wrong") && !wrong.headers.contains_key("set-cookie"));
    let again = portal.post("/sign-in", "", &sign_in_form(&wrong.text, "peer@tel.example")).await;
    assert_eq!(again.status, 200);
    assert!(again.text.contains("Look through what you typed"), "{}", again.text);
    assert!(again.text.contains(r#"value="noc@tel.example""#) && again.text.contains(r#"value="AS64510""#));
    assert!(!again.text.contains("<img") && again.text.contains(r#"action="/peer-asns/create""#));
    assert_eq!(writes(&portal), 0, "nothing was sent by itself");
    let sent = format!("_csrf={}&{CLAIM}", again.csrf());
    portal.post("/peer-asns/create", &again.cookie(), &sent).await;
    assert_eq!(writes(&portal), 1, "it is once the person sends it");
}

#[tokio::test]
async fn passwords_and_keys_are_not_carried_and_it_is_said() {
    let portal = portal().await;
    portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let form = "_csrf=old&identifier=x&bandwidth=10000&md5=topsecret";
    let asked = portal.post("/peerings/Sub-A/voice/ams/connections/add", "", form).await;
    assert!(!asked.text.contains("topsecret") && asked.text.contains("keys aren't kept"), "{}", asked.text);
    // Its page can't be had: no such peering. What was typed is there all the same.
    let again = portal.post("/sign-in", "", &sign_in_form(&asked.text, "peer@tel.example")).await;
    assert!(again.text.contains("Not sent yet") && again.text.contains("10000"), "{}", again.text);
    assert!(again.text.contains(r#"type="password" id="again-0" name="md5""#));
    assert_eq!(writes(&portal), 0);
}

#[tokio::test]
async fn what_is_done_without_the_api_is_shown_again_and_not_done() {
    let portal = portal().await;
    portal.signed_in(Role::Operator, &[]).await;
    let form = "_csrf=old&name=Eve&email=eve%40tel.example&role=operator&subscriptions=";
    let asked = portal.post("/operate/people/invite", "", form).await;
    let again = portal.post("/sign-in", "", &sign_in_form(&asked.text, "operator@tel.example")).await;
    assert!(again.text.contains("Not sent yet") && again.text.contains("eve@tel.example"));
    let people = portal.get("/operate/people", &again.cookie()).await.text;
    assert!(!people.contains("Eve"), "nobody is invited yet");
    let sent = format!("{form}&_csrf={}", again.csrf()).replace("_csrf=old&", "");
    portal.post("/operate/people/invite", &again.cookie(), &sent).await;
    assert!(portal.get("/operate/people", &again.cookie()).await.text.contains("Eve"));
}

#[tokio::test]
async fn a_form_from_before_another_sign_in_is_shown_again_in_the_new_session() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let again = portal.post("/peer-asns/create", &cookie, &format!("_csrf=old&{CLAIM}")).await;
    assert_eq!(again.status, 403);
    assert!(again.text.contains(r#"value="AS64510""#) && again.text.contains("nothing was done"));
    let token = again.csrf();
    assert!(again.text.contains(&format!(r#"name="_csrf" value="{token}""#)), "with the new session's token");
    assert_eq!(writes(&portal), 0);
}

#[tokio::test]
async fn a_sign_in_form_brings_no_other_addresses_along() {
    let portal = portal().await;
    portal.signed_in(Role::Operator, &[]).await;
    for action in ["//evil.example/x", "/sign-out", "/invitation/x", "https://evil.example", ""] {
        let form = format!(
            "email=operator@tel.example&{PASSWORD}&kept_action={}&kept_fields=a%3Db",
            crate::query::encode(action)
        );
        let signed_in = portal.post("/sign-in", "", &form).await;
        assert_eq!((signed_in.status.as_u16(), signed_in.location()), (303, "/"), "{action}");
    }
}

#[tokio::test]
async fn an_error_is_a_page_with_the_way_back_and_never_blank() {
    let portal = Portal::new(|_, path| {
        path.contains("routers")
            .then(|| (500, json!({ "error": { "code": "InternalError", "message": HOSTILE } })))
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    for (path, status) in [
        ("/nothing/here", 404),
        ("/peerings/S/g/none", 404),
        ("/operate/people/abc", 400),
        ("/operate/routers", 500),
    ] {
        let page = portal.get(path, &cookie).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.text.contains(r#"id="navigation""#) && page.text.contains(">Home</a>"), "{path}");
        assert!(
            !page.text.contains("<img") && page.headers.contains_key("content-security-policy"),
            "{path}"
        );
    }
    let csrf = portal.get("/account", &cookie).await.csrf();
    let method = portal.post("/account", &cookie, &format!("_csrf={csrf}")).await;
    assert!(
        method.status == 405 && method.text.contains("Nothing here") && method.headers["allow"] == "GET,HEAD"
    );
    let plain = portal.get("/nothing/here", "").await;
    assert!(plain.status == 404 && plain.text.contains("Home") && !plain.text.contains("navigation"));
}

#[tokio::test]
async fn a_part_that_fails_says_so_in_its_place_and_the_rest_of_the_page_stays() {
    let portal = Portal::new(|method, path| match path {
        "/api/v1/inventory" => {
            Some((503, json!({ "error": { "code": "Busy", "message": "the database is busy" } })))
        }
        _ => super::operate::host(method, path),
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let page = portal.get("/operate/routers/er1", &cookie).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("This part can't be shown right now. The database is busy."), "{}", page.text);
    assert!(page.text.contains("Sessions") && page.text.contains("Reached"));
}

#[tokio::test]
async fn what_a_program_posts_to_an_address_that_is_not_there_is_not_repeated() {
    let portal = portal().await;
    let asked =
        portal.post("/t/oauth2/token", "", "grant_type=client_credentials&client_secret=mt_topsecret").await;
    assert_eq!(asked.status, 404);
    assert!(!asked.text.contains("topsecret"), "{}", asked.text);
}
