//! Registered prefixes, peering services and their prefixes.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use jiff::SignedDuration;
use meetme_model::Asn;
use meetme_model::peering_service::{
    ActivePath, LearnedType, PathSeen, PathSince, PrefixEvent, PrefixEventKind,
};

const PREFIX: &str = "198.19.10.0/24";

pub async fn a_prefix_is_registered_once_whoever_asks(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let (fra, _) = with_peering(&db.store, "Frankfurt").await;
    let mut tx = db.store.begin().await.unwrap();
    let kept = registered_prefix_insert(&mut tx, &registered(ams.id, "One", PREFIX)).await;
    assert!(kept.unwrap().id > 0);
    let same_name = registered(ams.id, "ONE", "198.19.20.0/25");
    let error = registered_prefix_insert(&mut tx, &same_name).await.unwrap_err();
    assert_eq!(error.conflict(), Some(&Conflict::RegisteredPrefixNameTaken { name: "ONE".into() }));
    let same_prefix = registered(fra.id, "two", PREFIX);
    let error = registered_prefix_insert(&mut tx, &same_prefix).await.unwrap_err();
    let Some(Conflict::PrefixRegistered { name, peering, .. }) = error.conflict() else {
        panic!("{error}");
    };
    assert_eq!(name, "One");
    assert_eq!((peering.subscription.as_str(), peering.name.as_str()), (SUB, "Amsterdam"));
}

pub async fn registrations_are_found_by_key_prefix_and_peer(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let (fra, _) = with_peering(&db.store, "Frankfurt").await;
    let mut tx = db.store.begin().await.unwrap();
    let one = registered_prefix_insert(&mut tx, &registered(ams.id, "One", PREFIX)).await.unwrap();
    let two = registered_prefix_insert(&mut tx, &registered(fra.id, "two", "198.19.20.0/25")).await.unwrap();
    let mut keyed = registered_prefix_lock(&mut tx, one.id).await.unwrap();
    keyed.key = Some("ABC-def".into());
    registered_prefix_update(&mut tx, &keyed).await.unwrap();
    let expect = Some(keyed.clone());
    assert_eq!(registered_prefix_by_key(&mut tx, "abc-DEF").await.unwrap(), expect);
    assert_eq!(registered_prefix_by_key(&mut tx, "none").await.unwrap(), None);
    assert_eq!(registered_prefix_by_prefix(&mut tx, prefix(PREFIX)).await.unwrap(), expect);
    assert_eq!(registered_prefix_get(&mut tx, ams.id, "oNe").await.unwrap(), expect);
    assert_eq!(registered_prefix_get(&mut tx, fra.id, "one").await.unwrap(), None);
    assert_eq!(registered_prefix_by_id(&mut tx, one.id).await.unwrap(), expect);
    let of = registered_prefixes_of_asn(&mut tx, Asn(64510)).await.unwrap();
    assert_eq!(of, [keyed.clone(), two]);
    assert_eq!(registered_prefixes_of_asn(&mut tx, Asn(1)).await.unwrap(), []);
    let list = registered_prefixes_list(&mut tx, ams.id, &Page::first(9)).await.unwrap();
    assert_eq!(list, [keyed]);
    assert_eq!(registered_prefixes_all(&mut tx, IdPage::first(9)).await.unwrap().len(), 2);
}

pub async fn what_a_service_uses_cannot_be_deleted(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let one = registered_prefix_insert(&mut tx, &registered(ams.id, "one", PREFIX)).await.unwrap();
    let used_by = peering_service_insert(&mut tx, &service(SUB, "Svc")).await.unwrap();
    let active = service_prefix_insert(&mut tx, &activated(used_by.id, "P1", &one)).await.unwrap();

    let error = registered_prefix_delete(&mut tx, one.id).await.unwrap_err();
    assert!(error.to_string().contains("Svc/P1 in resource group RG"), "{error}");
    let error = peering_delete(&mut tx, ams.id, at(1)).await.unwrap_err();
    let Some(Conflict::PeeringInUse { services }) = error.conflict() else {
        panic!("{error}");
    };
    assert_eq!(services[0].name, "Svc/P1");
    assert_eq!(
        service_prefixes_of_registration(&mut tx, one.id).await.unwrap(),
        std::slice::from_ref(&active)
    );
    let joined = service_prefixes_of_asn(&mut tx, Asn(64510)).await.unwrap();
    assert_eq!(joined, [(active, used_by.clone())]);
    let two = registered_prefix_insert(&mut tx, &registered(ams.id, "two", "198.19.20.0/25")).await.unwrap();
    let all = registered_prefixes_with_service(&mut tx, Asn(64510)).await.unwrap();
    assert_eq!(all, [(one.clone(), Some(used_by.clone())), (two, None)]);
    assert_eq!(registered_prefixes_with_service(&mut tx, Asn(1)).await.unwrap(), []);
    peering_service_delete(&mut tx, used_by.id).await.unwrap();
    peering_delete(&mut tx, ams.id, at(1)).await.unwrap();
    assert_eq!(registered_prefix_by_id(&mut tx, one.id).await.unwrap(), None);
    tx.commit().await.unwrap();
}

pub async fn a_prefix_is_activated_once(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let one = registered_prefix_insert(&mut tx, &registered(ams.id, "one", PREFIX)).await.unwrap();
    let mine = peering_service_insert(&mut tx, &service(SUB, "Svc")).await.unwrap();
    let error = peering_service_insert(&mut tx, &service(SUB, "SVC")).await.unwrap_err();
    assert_eq!(error.conflict(), Some(&Conflict::PeeringServiceNameTaken { name: "SVC".into() }));
    let theirs = peering_service_insert(&mut tx, &service(OTHER_SUB, "svc")).await.unwrap();
    let kept = service_prefix_insert(&mut tx, &activated(mine.id, "P", &one)).await.unwrap();
    let error = service_prefix_insert(&mut tx, &activated(mine.id, "p", &one)).await.unwrap_err();
    assert_eq!(error.conflict(), Some(&Conflict::ServicePrefixNameTaken { name: "p".into() }));
    let error = service_prefix_insert(&mut tx, &activated(theirs.id, "p", &one)).await.unwrap_err();
    let Some(Conflict::PrefixActivated { service: by, .. }) = error.conflict() else {
        panic!("{error}");
    };
    assert_eq!((by.subscription.as_str(), by.name.as_str()), (SUB, "Svc/P"));

    let found = peering_service_get(&mut tx, "sub-a", "rg", "sVC").await.unwrap();
    assert_eq!(found, Some(mine.clone()));
    let mut changed = peering_service_lock(&mut tx, mine.id).await.unwrap();
    changed.spec.tags.insert("a".into(), "b".into());
    peering_service_update(&mut tx, &changed).await.unwrap();
    assert_eq!(peering_service_by_id(&mut tx, mine.id).await.unwrap(), Some(changed.clone()));
    let list = peering_services_list(&mut tx, SUB, Some("rg"), &Page::first(9)).await.unwrap();
    assert_eq!(list, [changed]);
    assert_eq!(service_prefix_by_prefix(&mut tx, one.prefix).await.unwrap(), Some(kept.clone()));
    assert_eq!(service_prefix_get(&mut tx, mine.id, "p").await.unwrap(), Some(kept.clone()));
    let mut learned = service_prefix_lock(&mut tx, kept.id).await.unwrap();
    learned.learned = LearnedType::ViaSession;
    service_prefix_update(&mut tx, &learned).await.unwrap();
    let expect = [learned];
    assert_eq!(service_prefixes_all(&mut tx, IdPage::first(9)).await.unwrap(), expect);
    let list = service_prefixes_list(&mut tx, mine.id, &Page::first(9)).await.unwrap();
    assert_eq!(list, expect);
}

pub async fn events_are_kept_newest_first(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let one = registered_prefix_insert(&mut tx, &registered(ams.id, "one", PREFIX)).await.unwrap();
    let mine = peering_service_insert(&mut tx, &service(SUB, "Svc")).await.unwrap();
    let kept = service_prefix_insert(&mut tx, &activated(mine.id, "P", &one)).await.unwrap();
    for second in 1..=3 {
        let event = PrefixEvent {
            at: at(second),
            kind: PrefixEventKind::PrefixActivePath,
            description: "c1v4 on ams1-er1".into(),
        };
        prefix_event_add(&mut tx, kept.id, &event).await.unwrap();
    }
    let first = prefix_events_list(&mut tx, kept.id, IdPage::first(2)).await.unwrap();
    assert_eq!([first[0].event.at, first[1].event.at], [at(3), at(2)]);
    let page = IdPage { after: Some(first[1].id), limit: 2 };
    let rest = prefix_events_list(&mut tx, kept.id, page).await.unwrap();
    assert_eq!(rest.len(), 1);
    service_prefix_delete(&mut tx, kept.id).await.unwrap();
    let gone = prefix_events_list(&mut tx, kept.id, IdPage::first(9)).await.unwrap();
    assert_eq!(gone, []);
}

pub async fn paths_are_told_back_to_the_one_that_held_and_old_ones_go(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let one = registered_prefix_insert(&mut tx, &registered(ams.id, "one", PREFIX)).await.unwrap();
    let mine = peering_service_insert(&mut tx, &service(SUB, "Svc")).await.unwrap();
    let kept = service_prefix_insert(&mut tx, &activated(mine.id, "P", &one)).await.unwrap();
    let path = |second, path| PathSince {
        since: at(second),
        seen: PathSeen { path, locations: vec!["Amsterdam".into()] },
    };
    let all = [path(10, Some(ActivePath::Internet)), path(20, Some(ActivePath::Primary)), path(30, None)];
    for path in &all {
        prefix_path_add(&mut tx, kept.id, path).await.unwrap();
    }
    for (since, found) in [(0, vec![30, 20, 10]), (19, vec![30, 20, 10]), (20, vec![30, 20]), (99, vec![30])]
    {
        let rows = prefix_paths_list(&mut tx, kept.id, at(since), IdPage::first(9)).await.unwrap();
        let times: Vec<_> = rows.iter().map(|row| row.path.since).collect();
        assert_eq!(times, found.into_iter().map(at).collect::<Vec<_>>(), "since {since}");
    }
    let first = prefix_paths_list(&mut tx, kept.id, at(0), IdPage::first(1)).await.unwrap();
    assert_eq!(first[0].path, all[2]);
    let page = IdPage { after: Some(first[0].id), limit: 9 };
    assert_eq!(prefix_paths_list(&mut tx, kept.id, at(0), page).await.unwrap().len(), 2);
    // 30 days after 25 s: the first one is over, the second one held then.
    let later = at(25) + SignedDuration::from_hours(30 * 24);
    assert_eq!(prefix_paths_prune(&mut tx, later, 1).await.unwrap(), 1);
    assert_eq!(prefix_paths_prune(&mut tx, later, 1).await.unwrap(), 0);
    let left = prefix_paths_list(&mut tx, kept.id, at(0), IdPage::first(9)).await.unwrap();
    assert_eq!(left.last().map(|row| &row.path), Some(&all[1]));
    service_prefix_delete(&mut tx, kept.id).await.unwrap();
    assert_eq!(prefix_paths_list(&mut tx, kept.id, at(0), IdPage::first(9)).await.unwrap(), []);
}

pub async fn connections_are_counted_where_they_are(db: &Database) {
    with_peering(&db.store, "Amsterdam").await;
    with_peering(&db.store, "Frankfurt").await;
    let mut reader = db.store.read().await.unwrap();
    let own = connections_by_location(&mut reader, Scope::Subscription(SUB)).await.unwrap();
    assert_eq!(own.keys().collect::<Vec<_>>(), ["amsterdam", "frankfurt"]);
    assert!(own["amsterdam"]["PendingApproval"] > 0);
    assert_eq!(connections_by_location(&mut reader, Scope::All).await.unwrap(), own);
    let other = connections_by_location(&mut reader, Scope::Subscription("nobody")).await.unwrap();
    assert!(other.is_empty());
}
