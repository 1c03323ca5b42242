//! Operators change people: name, rights, invitations. It counts in open sessions, and one operator stays.

use super::fixture::*;
use meetme_store::{IdPage, Person, Role, Scope, audit_list, people_list};
use serde_json::json;

async fn people(portal: &Portal) -> Vec<Person> {
    people_list(&mut portal.store.read().await.unwrap(), IdPage::first(9)).await.unwrap()
}

async fn id(portal: &Portal, role: Role) -> i64 {
    people(portal).await.iter().find(|p| p.role == role).unwrap().id
}

#[tokio::test]
async fn new_rights_count_from_the_next_request_of_an_open_session() {
    let portal = Portal::new(|_, _| Some((200, json!({ "value": [] })))).await;
    let operator = portal.signed_in(Role::Operator, &[]).await;
    let peer = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let at = format!("/operate/people/{}/edit", id(&portal, Role::Peer).await);
    let form = portal.get(&at, &operator).await;
    assert!(form.text.contains("value=\"Ann Example\"") && form.text.contains("value=\"Sub-A\""));
    let csrf = form.csrf();
    let version = form.version();
    let wrong = format!("_csrf={csrf}&name=Bo+B&role=peer&subscriptions={version}");
    let wrong = portal.post(&at, &operator, &wrong).await;
    assert!(wrong.text.contains("subscriptions-error") && wrong.text.contains("value=\"Bo B\""));
    assert!(portal.get("/account", &peer).await.text.contains("Sub-A"));
    let changed = portal.store.changed();
    let sent = format!("_csrf={csrf}&name=Bo+B&role=reader&subscriptions=Sub-B{version}");
    let sent = portal.post(&at, &operator, &sent).await;
    assert_eq!(format!("{}/edit", sent.location()), at);
    tokio::time::timeout(std::time::Duration::from_secs(1), changed).await.expect("open pages look again");
    let account = portal.get("/account", &peer).await.text;
    assert!(account.contains("Sub-B") && !account.contains("Sub-A") && account.contains("Bo B"));
    assert_eq!(portal.get(&at, &peer).await.status, 404, "no operator's page for others");
    let mut db = portal.store.read().await.unwrap();
    let entry = audit_list(&mut db, Scope::All, IdPage::first(1)).await.unwrap().remove(0);
    assert_eq!((entry.action.as_str(), entry.principal.as_str()), ("people/write", "operator@tel.example"));
    assert_eq!(
        (&entry.detail["before"]["role"], &entry.detail["after"]["role"]),
        (&"peer".into(), &"reader".into())
    );
}

#[tokio::test]
async fn the_last_operator_stays_one_and_of_two_one_may_go() {
    let portal = Portal::new(|_, _| Some((200, json!({ "value": [] })))).await;
    let operator = portal.signed_in(Role::Operator, &[]).await;
    let own = id(&portal, Role::Operator).await;
    let peer = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/account", &operator).await.csrf();
    let post = async |who: i64, rights: &str| {
        let at = format!("/operate/people/{who}/edit");
        let version = portal.get(&at, &operator).await.version();
        portal.post(&at, &operator, &format!("_csrf={csrf}&name=Ann&{rights}{version}")).await
    };
    let refused = post(own, "role=reader&subscriptions=").await;
    assert!(refused.text.contains("role-error") && refused.text.contains("make somebody one first"));
    assert_eq!(post(own, "role=operator&subscriptions=").await.status, 303, "the name may change");
    let other = id(&portal, Role::Peer).await;
    assert_eq!(post(other, "role=operator&subscriptions=").await.status, 303);
    assert_eq!(portal.get("/operate/people", &peer).await.status, 200, "an operator now");
    assert_eq!(post(own, "role=reader&subscriptions=Sub-A").await.location(), "/");
    assert_eq!(portal.get("/operate/people", &operator).await.status, 404);
    assert_eq!(people(&portal).await.iter().filter(|p| p.role == Role::Operator).count(), 1);
}

#[tokio::test]
async fn an_invitation_is_withdrawn_and_the_person_shown_without_one() {
    let portal = Portal::new(|_, _| None).await;
    let operator = portal.signed_in(Role::Operator, &[]).await;
    let token = portal.invited(Role::Peer, &["Sub-A"]).await;
    let at = format!("/operate/people/{}", id(&portal, Role::Peer).await);
    let page = portal.get(&at, &operator).await;
    assert!(page.text.contains("Invited</span>") && page.text.contains("Withdraw the invitation"));
    let form = format!("_csrf={}", page.csrf());
    assert_eq!(portal.post(&format!("{at}/withdraw"), &operator, &form).await.location(), at);
    assert_eq!(portal.get(&format!("/invitation/{token}"), "").await.status, 410);
    let page = portal.get(&at, &operator).await.text;
    assert!(page.contains("Not invited") && !page.contains("Withdraw the invitation"));
    assert!(portal.get("/operate/people", &operator).await.text.contains("Not invited"));
}
