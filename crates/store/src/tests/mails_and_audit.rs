//! Mails once each; lists within their scope.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use serde_json::json;

fn mail(key: &str, subscription: Option<&str>) -> NewMail {
    NewMail {
        key: key.into(),
        milestone: "ConnectionActive".into(),
        subscription: subscription.map(str::to_owned),
        resource_id: "/subscriptions/Sub-A/x".into(),
        recipients: vec!["noc@contoso.example".into()],
        subject: "Active".into(),
        text: "It is.".into(),
        html: "<p>It is.</p>".into(),
    }
}

pub async fn a_mail_is_kept_once_however_often_it_is_asked_for(db: &Database) {
    for first in [true, false] {
        let mut tx = db.store.begin().await.unwrap();
        let kept = mail_enqueue(&mut tx, &mail("k", Some("sub-a")), at(0)).await.unwrap();
        assert_eq!(kept, first);
        tx.commit().await.unwrap();
    }
    let work = work_claim(&db.store, "a", at(0), 1000, 9).await.unwrap();
    assert_eq!(work.len(), 1);
    assert_eq!((work[0].kind, work[0].key.as_str(), work[0].seq), (WorkKind::Mail, "k", 1));
    let mut tx = db.store.begin().await.unwrap();
    mail_mark_failed(&mut tx, "k", "connection refused", 1).await.unwrap();
    let kept = mail_get(&mut tx, "k").await.unwrap().unwrap();
    assert_eq!(kept.mail, mail("k", Some("sub-a")));
    assert_eq!((kept.attempts, kept.error.as_deref()), (1, Some("connection refused")));
    assert_eq!(mails_unsent(&mut tx).await.unwrap(), 1);
    mail_mark_sent(&mut tx, "k", at(7)).await.unwrap();
    assert_eq!(mails_unsent(&mut tx).await.unwrap(), 0);
    let kept = mail_get(&mut tx, "k").await.unwrap().unwrap();
    assert_eq!((kept.sent_at, kept.error), (Some(at(7)), None));
    let again = mail_mark_sent(&mut tx, "k", at(8)).await;
    assert!(matches!(again, Err(StoreError::NotFound { .. })));
}

pub async fn lists_show_their_scope_only_newest_first(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    for (n, subscription) in [Some(SUB), Some(OTHER_SUB), None, Some(SUB)].into_iter().enumerate() {
        mail_enqueue(&mut tx, &mail(&n.to_string(), subscription), at(0)).await.unwrap();
        let resource = match subscription {
            Some(subscription) => format!("/SUBSCRIPTIONS/{subscription}/resource{n}"),
            None => "inventory".to_owned(),
        };
        audit_add(&mut tx, at(0), "op", "write", &resource, json!({ "n": n })).await.unwrap();
    }
    let mine = mails_list(&mut tx, Scope::Subscription("SUB-a"), IdPage::first(9)).await.unwrap();
    let keys: Vec<&str> = mine.iter().map(|m| m.mail.key.as_str()).collect();
    assert_eq!(keys, ["3", "0"]);
    let rest = IdPage { after: Some(mine[0].id), limit: 9 };
    let rest = mails_list(&mut tx, Scope::Subscription(SUB), rest).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(mails_list(&mut tx, Scope::All, IdPage::first(3)).await.unwrap().len(), 3);
    let id = "/Subscriptions/Sub-A/X";
    let of = mails_of_resource(&mut tx, Scope::Subscription(SUB), id).await.unwrap();
    assert_eq!(of.len(), 2);

    let mine = audit_list(&mut tx, Scope::Subscription(SUB), IdPage::first(9)).await.unwrap();
    let details: Vec<_> = mine.iter().map(|e| e.detail["n"].clone()).collect();
    assert_eq!(details, [json!(3), json!(0)]);
    assert_eq!(audit_list(&mut tx, Scope::All, IdPage::first(9)).await.unwrap().len(), 4);

    for resource in [
        "/subscriptions/sub-a/x/peerings/ams",
        "/SUBSCRIPTIONS/Sub-A/x/peerings/AMS/registeredPrefixes/p",
        "/subscriptions/sub-a/x/peerings/ams2",
    ] {
        audit_add(&mut tx, at(1), "op", "write", resource, json!({})).await.unwrap();
    }
    let of = |id: &'static str, after| (id, IdPage { after, limit: 1 });
    let (id, page) = of("/subscriptions/SUB-A/x/peerings/ams", None);
    let newest = audit_of_resource(&mut tx, "SUB-a", id, page).await.unwrap();
    assert!(newest[0].resource.ends_with("registeredPrefixes/p"), "below it, too");
    let (id, page) = of(id, Some(newest[0].id));
    let next = audit_of_resource(&mut tx, SUB, id, page).await.unwrap();
    assert_eq!(next[0].resource, "/subscriptions/sub-a/x/peerings/ams");
    let page = IdPage { after: Some(next[0].id), limit: 9 };
    assert!(audit_of_resource(&mut tx, SUB, id, page).await.unwrap().is_empty());
    assert!(audit_of_resource(&mut tx, OTHER_SUB, id, IdPage::first(9)).await.unwrap().is_empty());
}
