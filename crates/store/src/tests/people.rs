//! People, invitations, sessions; resource groups.

use super::database::{Database, files_contain};
use super::fixtures::*;
use crate::*;
use meetme_model::resource_group::ResourceGroup;
use meetme_model::stamp::Stamp;

fn person(email: &str) -> Person {
    Person {
        id: 0,
        email: email.into(),
        name: "Ann".into(),
        role: Role::Peer,
        subscriptions: vec![SUB.into()],
        password_hash: None,
        disabled: false,
        created_at: at(0),
    }
}

pub async fn a_person_is_known_by_one_address_in_any_case(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let ann = person_insert(&mut tx, &person("Ann@tel.example")).await.unwrap();
    let again = person_insert(&mut tx, &person("ann@TEL.example")).await;
    assert!(matches!(again, Err(e) if matches!(e.conflict(), Some(Conflict::PersonKnown { .. }))));
    assert_eq!(person_by_email(&mut tx, "ANN@tel.example").await.unwrap(), Some(ann.clone()));
    let mut changed = person_lock(&mut tx, ann.id).await.unwrap();
    changed.disabled = true;
    person_update(&mut tx, &changed).await.unwrap();
    assert_eq!(people_list(&mut tx, IdPage::first(10)).await.unwrap(), [changed]);
}

pub async fn an_invitation_is_taken_until_it_ends_or_another_replaces_it(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let ann = person_insert(&mut tx, &person("ann@tel.example")).await.unwrap();
    let first = invitation_add(&mut tx, ann.id, at(100)).await.unwrap();
    let second = invitation_add(&mut tx, ann.id, at(100)).await.unwrap();
    assert_eq!(invitation_find(&mut tx, &first, at(1)).await.unwrap(), None);
    assert_eq!(invitation_find(&mut tx, &second, at(99)).await.unwrap(), Some(ann.clone()));
    assert_eq!(invitation_find(&mut tx, &second, at(100)).await.unwrap(), None);
    invitations_end(&mut tx, ann.id).await.unwrap();
    assert_eq!(invitation_find(&mut tx, &second, at(1)).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(!files_contain(&db.files, second.as_bytes()));
}

pub async fn operators_who_can_sign_in_are_counted_and_open_invitations_told(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let mut ids = Vec::new();
    for (email, role, password, disabled) in [
        ("a@x.example", Role::Operator, true, false),
        ("b@x.example", Role::Operator, true, false),
        ("c@x.example", Role::Operator, false, false),
        ("d@x.example", Role::Operator, true, true),
        ("e@x.example", Role::Reader, true, false),
    ] {
        let hash = password.then(|| "$argon2id$".to_owned());
        let new = Person { role, password_hash: hash, disabled, ..person(email) };
        ids.push(person_insert(&mut tx, &new).await.unwrap().id);
    }
    assert_eq!(other_operators(&mut tx, ids[0]).await.unwrap(), 1);
    assert_eq!(other_operators(&mut tx, ids[4]).await.unwrap(), 2);
    invitation_add(&mut tx, ids[2], at(100)).await.unwrap();
    assert_eq!(invitations_open(&mut tx, at(99)).await.unwrap(), [(ids[2], at(100))]);
    assert_eq!(invitations_open(&mut tx, at(100)).await.unwrap(), []);
}

pub async fn a_session_lasts_until_it_ends_is_revoked_or_its_person_is_disabled(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let mut ann = person_insert(&mut tx, &person("ann@tel.example")).await.unwrap();
    let one = session_add(&mut tx, ann.id, "Firefox", at(0), at(50)).await.unwrap();
    let two = session_add(&mut tx, ann.id, "Chromium", at(10), at(60)).await.unwrap();
    let (session, whose) = session_find(&mut tx, &one, at(49)).await.unwrap().unwrap();
    assert_eq!((session.agent.as_str(), whose.id), ("Firefox", ann.id));
    assert!(session_find(&mut tx, &one, at(50)).await.unwrap().is_none());
    session_seen(&mut tx, session.id, at(40), at(90)).await.unwrap();
    let all = sessions_of(&mut tx, ann.id, at(45)).await.unwrap();
    assert_eq!((all.len(), all[0].id, all[0].expires_at), (2, session.id, at(90)));
    session_end(&mut tx, session.id, ann.id + 1).await.unwrap();
    assert!(session_find(&mut tx, &one, at(45)).await.unwrap().is_some(), "only its own person ends it");
    sessions_end(&mut tx, ann.id, Some(session.id)).await.unwrap();
    assert!(session_find(&mut tx, &two, at(45)).await.unwrap().is_none());
    ann.disabled = true;
    person_update(&mut tx, &ann).await.unwrap();
    assert!(session_find(&mut tx, &one, at(45)).await.unwrap().is_none());
}

pub async fn of_a_group_s_content_what_stays_comes_first(db: &Database) {
    for location in ["Amsterdam", "Berlin", "Zurich"] {
        with_peering(&db.store, location).await;
    }
    let mut tx = db.store.begin().await.unwrap();
    for location in ["Amsterdam", "Berlin"] {
        let mut leaving = peering_get(&mut tx, SUB, "RG", location).await.unwrap().unwrap();
        leaving.deleting = true;
        peering_update(&mut tx, &leaving).await.unwrap();
    }
    let peering = |name: &str, deleting| GroupResource::Peering { name: name.into(), deleting };
    let all = [peering("Zurich", false), peering("Amsterdam", true), peering("Berlin", true)];
    assert_eq!(resource_group_content(&mut tx, SUB, "rg", 9).await.unwrap(), all);
    assert_eq!(resource_group_content(&mut tx, SUB, "rg", 1).await.unwrap(), all[..1]);
    peering_service_insert(&mut tx, &service(SUB, "Aaa")).await.unwrap();
    let stays = [peering("Zurich", false), GroupResource::PeeringService { name: "Aaa".into() }];
    assert_eq!(resource_group_content(&mut tx, SUB, "rg", 2).await.unwrap(), stays);
}

pub async fn a_group_is_found_in_any_case_and_knows_its_content(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let mut group = ResourceGroup {
        subscription: SUB.into(),
        name: "Voice".into(),
        location: "westeurope".into(),
        tags: Default::default(),
        stamp: Stamp::new("ann", at(0)),
    };
    assert!(resource_group_add(&mut tx, &group).await.unwrap());
    assert!(!resource_group_add(&mut tx, &group).await.unwrap());
    group.stamp.change("bob", at(5));
    resource_group_update(&mut tx, &group).await.unwrap();
    assert_eq!(resource_group_get(&mut tx, &SUB.to_uppercase(), "VOICE").await.unwrap(), Some(group.clone()));
    assert_eq!(resource_groups_list(&mut tx, SUB, &Page::first(9)).await.unwrap(), [group]);
    assert!(resource_group_content(&mut tx, SUB, "voice", 9).await.unwrap().is_empty());
    assert_eq!(subscriptions_list(&mut tx, &Page::first(9)).await.unwrap(), [SUB.to_lowercase()]);
    resource_group_delete(&mut tx, SUB, "voice").await.unwrap();
    assert!(resource_group_delete(&mut tx, SUB, "voice").await.is_err());
}
