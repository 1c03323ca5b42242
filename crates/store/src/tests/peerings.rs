//! Peer ASNs, peerings and connections.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use meetme_model::Asn;
use meetme_model::connection::{ConnectionState, PortAssignment, Removal, RemovalStep};
use meetme_model::inventory::OfferingKind;
use meetme_model::peer_asn::AsnState;

pub async fn peer_asns_are_found_by_name_number_and_state(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let mut second = None;
    for (name, asn) in [("b", 64511), ("A", 64510), ("c", 64510)] {
        second = Some(peer_asn_insert(&mut tx, &peer_asn(SUB, name, asn)).await.unwrap());
    }
    let taken = peer_asn_insert(&mut tx, &peer_asn("SUB-A", "B", 64509)).await;
    assert_eq!(taken.unwrap_err().conflict(), Some(&Conflict::PeerAsnNameTaken { name: "B".into() }));
    peer_asn_insert(&mut tx, &peer_asn(OTHER_SUB, "b", 64510)).await.unwrap();
    let mut approved = peer_asn_lock(&mut tx, second.unwrap().id).await.unwrap();
    approved.state = AsnState::Approved;
    peer_asn_update(&mut tx, &approved).await.unwrap();

    let by_number = peer_asn_by_number(&mut tx, SUB, Asn(64510)).await.unwrap();
    assert_eq!(by_number, Some(approved.clone()), "the approved one of two");
    assert_eq!(peer_asn_by_number(&mut tx, SUB, Asn(1)).await.unwrap(), None);
    assert_eq!(peer_asns_approved(&mut tx, "sub-A").await.unwrap(), [approved.clone()]);
    assert_eq!(peer_asns_approved(&mut tx, OTHER_SUB).await.unwrap(), []);
    assert_eq!(peer_asns_pending(&mut tx, IdPage::first(9)).await.unwrap().len(), 3);
    assert_eq!(peer_asns_all(&mut tx, IdPage::first(9)).await.unwrap().len(), 4);
    let names = |list: Vec<meetme_model::peer_asn::PeerAsn>| -> Vec<String> {
        list.into_iter().map(|p| p.name).collect()
    };
    let first = peer_asns_list(&mut tx, SUB, &Page::first(2)).await.unwrap();
    assert_eq!(names(first), ["A", "b"]);
    let page = Page { after: Some("B".into()), limit: 2 };
    assert_eq!(names(peer_asns_list(&mut tx, SUB, &page).await.unwrap()), ["c"]);
}

pub async fn a_peer_asn_in_use_cannot_be_deleted(db: &Database) {
    let (peering, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let used = peer_asn_get(&mut tx, SUB, "Contoso").await.unwrap().unwrap();
    let error = peer_asn_delete(&mut tx, used.id).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "the peer ASN is used by Amsterdam in resource group RG; delete them first");
    peering_delete(&mut tx, peering.id, at(1)).await.unwrap();
    peer_asn_delete(&mut tx, used.id).await.unwrap();
    assert_eq!(peer_asn_by_id(&mut tx, used.id).await.unwrap(), None);
    let other = peer_asn_get(&mut tx, OTHER_SUB, "Contoso").await.unwrap();
    assert!(other.is_some());
}

pub async fn names_compare_without_case_and_lists_are_paged(db: &Database) {
    let (kept, connections) = with_peering(&db.store, "Amsterdam").await;
    with_peering(&db.store, "b-second").await;
    let mut tx = db.store.begin().await.unwrap();
    let third = peering(SUB, "Another", "_x", "Paris");
    peering_insert(&mut tx, &third, &[]).await.unwrap();
    let others = peering(OTHER_SUB, "rg", "Amsterdam", "Madrid");
    peering_insert(&mut tx, &others, &[]).await.unwrap();

    let found = peering_get(&mut tx, "SUB-A", "rG", "amsterDAM").await.unwrap();
    assert_eq!(found, Some(kept.clone()));
    assert_eq!((kept.name.as_str(), kept.resource_group.as_str()), ("Amsterdam", "RG"));
    assert_eq!(peering_by_id(&mut tx, kept.id).await.unwrap(), found);
    assert_eq!(connections.len(), 2);
    assert_eq!(connections_of(&mut tx, kept.id).await.unwrap(), connections);

    let mut page = Page::first(1);
    let mut seen = Vec::new();
    loop {
        let rows = peerings_list(&mut tx, "sub-a", None, &page).await.unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some(path_key(&last.resource_group, &last.name));
        seen.extend(rows.into_iter().map(|p| p.name));
    }
    assert_eq!(seen, ["_x", "Amsterdam", "b-second"]);
    let group = peerings_list(&mut tx, SUB, Some("RG"), &Page::first(9)).await.unwrap();
    assert_eq!(group.len(), 2);
    let all = peerings_all(&mut tx, IdPage { after: Some(kept.id), limit: 9 }).await;
    assert_eq!(all.unwrap().len(), 3);
    assert_eq!(peerings_of_asn(&mut tx, Asn(64510)).await.unwrap().len(), 4);
    assert_eq!(peerings_of_asn(&mut tx, Asn(1)).await.unwrap(), []);
}

pub async fn one_peering_per_asn_location_and_offering(db: &Database) {
    let (kept, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let same_name = peering(SUB, "rg", "AMSTERDAM", "Paris");
    let error = peering_insert(&mut tx, &same_name, &[]).await.unwrap_err();
    let name = "AMSTERDAM".to_owned();
    assert_eq!(error.conflict(), Some(&Conflict::PeeringNameTaken { name }));
    // However the location is written.
    let same = peering(SUB, "x", "y", "amsterdam");
    let error = peering_insert(&mut tx, &same, &[]).await.unwrap_err();
    let Some(Conflict::PeeringExists { peering: other }) = error.conflict() else {
        panic!("{error}");
    };
    assert_eq!((other.subscription.as_str(), other.name.as_str()), (SUB, "Amsterdam"));
    // Conversion to an offering that is taken.
    let mut plain = peering(SUB, "rg", "plain", "Amsterdam");
    plain.spec.offering = OfferingKind::Edge;
    let (mut plain, _) = peering_insert(&mut tx, &plain, &[]).await.unwrap();
    plain.spec.offering = OfferingKind::Voice;
    let error = peering_update(&mut tx, &plain).await.unwrap_err();
    assert!(matches!(error.conflict(), Some(Conflict::PeeringExists { .. })), "{error}");
    let mut tagged = kept.clone();
    tagged.spec.tags.insert("team".into(), "voice".into());
    tagged.deleting = true;
    peering_update(&mut tx, &tagged).await.unwrap();
    assert_eq!(peering_by_id(&mut tx, kept.id).await.unwrap(), Some(tagged));
    let mut unknown = peering(SUB, "rg", "other", "Rome");
    unknown.spec.peer_asn_name = "Nobody".into();
    let error = peering_insert(&mut tx, &unknown, &[]).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "peer ASN", .. }), "{error}");
}

pub async fn of_other_subscriptions_only_approved_claims_are_in_each_other_s_way(db: &Database) {
    let (kept, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let approve = async |tx: &mut Tx, subscription: &str| {
        let mut claim = peer_asn_get(tx, subscription, "Contoso").await.unwrap().unwrap();
        claim.state = AsnState::Approved;
        peer_asn_update(tx, &claim).await.unwrap();
    };
    approve(&mut tx, OTHER_SUB).await;
    let mut theirs = peering(OTHER_SUB, "x", "y", "amsterdam");
    theirs = peering_insert(&mut tx, &theirs, &[]).await.unwrap().0;
    assert_eq!(peering_rivals(&mut tx, &theirs).await.unwrap(), [], "the first one's claim isn't approved");
    let rivals = peering_rivals(&mut tx, &kept).await.unwrap();
    assert_eq!(rivals.iter().map(|r| (r.peering.id, r.begun)).collect::<Vec<_>>(), [(theirs.id, false)]);
    approve(&mut tx, SUB).await;
    let rivals = peering_rivals(&mut tx, &theirs).await.unwrap();
    assert_eq!(rivals.iter().map(|r| r.peering.id).collect::<Vec<_>>(), [kept.id]);
    // Both stay as they are, and can be changed; a third is refused.
    theirs.spec.tags.insert("team".into(), "voice".into());
    peering_update(&mut tx, &theirs).await.unwrap();
    peering_delete(&mut tx, theirs.id, at(1)).await.unwrap();
    let error = peering_insert(&mut tx, &theirs, &[]).await.unwrap_err();
    let Some(Conflict::PeeringExists { peering: other }) = error.conflict() else {
        panic!("{error}");
    };
    assert_eq!(other.subscription, SUB);
}

pub async fn connections_are_changed_listed_and_deleted(db: &Database) {
    let (kept, connections) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let again = connection_insert(&mut tx, kept.id, &connection("id-1"), at(1)).await;
    let identifier = "id-1".to_owned();
    assert_eq!(again.unwrap_err().conflict(), Some(&Conflict::ConnectionIdentifierTaken { identifier }));
    let pending = connections_pending(&mut tx, IdPage::first(9)).await.unwrap();
    assert_eq!(pending, connections);
    let (_, mut locked) = peering_lock(&mut tx, kept.id).await.unwrap();
    let mut active = locked.remove(0);
    active.state = ConnectionState::Active;
    active.ports = Some(PortAssignment {
        router: "ams1-er1".into(),
        ports: vec!["et1".into()],
        port_speed_mbps: 10_000,
    });
    connection_update(&mut tx, &active).await.unwrap();
    assert_eq!(connection_by_id(&mut tx, active.id).await.unwrap(), Some(active.clone()));
    assert_eq!(connections_on_router(&mut tx, "ams1-er1").await.unwrap(), [active.clone()]);
    assert_eq!(connections_pending(&mut tx, IdPage::first(9)).await.unwrap().len(), 1);
    subnet_take(&mut tx, active.id, prefix("198.18.192.0/31")).await.unwrap();
    connection_delete(&mut tx, active.id, at(9)).await.unwrap();
    assert_eq!(connection_by_id(&mut tx, active.id).await.unwrap(), None);
    let resting = subnets_overlapping(&mut tx, prefix("198.18.192.0/24")).await.unwrap();
    assert_eq!(resting[0].freed_at, Some(at(9)));
    // Names count on within the peering, whatever else the host has.
    let third = connection_insert(&mut tx, kept.id, &connection("id-3"), at(9)).await.unwrap();
    let names = connections.iter().chain([&third]).map(|c| c.name.trim_start_matches(&kept.name));
    assert_eq!(names.collect::<Vec<_>>(), ["-1", "-2", "-3"]);
}

pub async fn a_locked_peering_waits_for_the_other_writer(db: &Database) {
    let (kept, _) = with_peering(&db.store, "Amsterdam").await;
    let other_process = db.open_again().await;
    let mut tx = db.store.begin().await.unwrap();
    let (mut first, _) = peering_lock(&mut tx, kept.id).await.unwrap();
    let (store, id) = (other_process.clone(), kept.id);
    let second = tokio::spawn(async move {
        let mut tx = store.begin().await?;
        let (mut peering, _) = peering_lock(&mut tx, id).await?;
        peering.spec.tags.insert("second".into(), "writer".into());
        peering_update(&mut tx, &peering).await?;
        tx.commit().await
    });
    tokio::task::yield_now().await;
    first.spec.tags.insert("first".into(), "writer".into());
    peering_update(&mut tx, &first).await.unwrap();
    tx.commit().await.unwrap();
    second.await.unwrap().unwrap();
    let mut reader = db.store.read().await.unwrap();
    let both = peering_by_id(&mut reader, kept.id).await.unwrap().unwrap();
    assert_eq!(both.spec.tags.len(), 2, "{:?}", both.spec.tags);
    other_process.close().await;
}

pub async fn what_is_gone_is_not_found(db: &Database) {
    let (kept, connections) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    peering_delete(&mut tx, kept.id, at(1)).await.unwrap();
    let not_found = [
        peering_update(&mut tx, &kept).await,
        peering_delete(&mut tx, kept.id, at(1)).await,
        peering_lock(&mut tx, kept.id).await.map(drop),
        connection_update(&mut tx, &connections[0]).await,
        connection_delete(&mut tx, connections[0].id, at(1)).await,
        peer_asn_update(&mut tx, &peer_asn(SUB, "x", 1)).await,
        registered_prefix_update(&mut tx, &registered(kept.id, "x", "198.19.10.0/24")).await,
        registered_prefix_delete(&mut tx, 77).await,
        peering_service_update(&mut tx, &service(SUB, "x")).await,
        peering_service_delete(&mut tx, 77).await,
        service_prefix_delete(&mut tx, 77).await,
        mail_mark_failed(&mut tx, "x", "y", 1).await,
    ];
    for (n, result) in not_found.into_iter().enumerate() {
        assert!(matches!(result, Err(StoreError::NotFound { .. })), "{n}: {result:?}");
    }
}

pub async fn connections_are_counted_by_state_those_that_leave_apart(db: &Database) {
    assert!(connections_by_state(&mut db.store.read().await.unwrap()).await.unwrap().is_empty());
    let (_, mut connections) = with_peering(&db.store, "Amsterdam").await;
    with_peering(&db.store, "Paris").await;
    let mut tx = db.store.begin().await.unwrap();
    let active = &mut connections[0];
    active.state = ConnectionState::Active;
    active.error_message = Some("not a \"removal\":{} yet".into());
    connection_update(&mut tx, active).await.unwrap();
    let counted = async |tx: &mut Tx| -> Vec<(String, u64)> {
        connections_by_state(tx).await.unwrap().into_iter().collect()
    };
    assert_eq!(counted(&mut tx).await, [("Active".to_owned(), 1), ("PendingApproval".to_owned(), 3)]);
    let removal = Some(Removal { step: RemovalStep::Draining, since: at(1) });
    for leaving in &mut connections {
        leaving.removal = removal;
        connection_update(&mut tx, leaving).await.unwrap();
    }
    assert_eq!(counted(&mut tx).await, [("PendingApproval".to_owned(), 2), ("Removing".to_owned(), 2)]);
}

pub async fn a_peer_s_peerings_are_found_by_its_name(db: &Database) {
    let (first, _) = with_peering(&db.store, "Amsterdam").await;
    let (second, _) = with_peering(&db.store, "Paris").await;
    let (third, _) = with_peering(&db.store, "Rome").await;
    let mut tx = db.store.begin().await.unwrap();
    let others = peering(OTHER_SUB, "rg", "Madrid", "Madrid");
    let (others, _) = peering_insert(&mut tx, &others, &[connection("id-1")]).await.unwrap();
    assert_eq!(peer_names_approved(&mut tx).await.unwrap(), []);
    let mut ids = Vec::new();
    for (subscription, name) in [(SUB, "A \"quoted\", [name] Ü"), (OTHER_SUB, "Contoso")] {
        let mut claim = peer_asn_get(&mut tx, subscription, "contoso").await.unwrap().unwrap();
        claim.state = AsnState::Approved;
        claim.spec.peer_name = name.into();
        peer_asn_update(&mut tx, &claim).await.unwrap();
        ids.push((claim.id, name.to_owned()));
    }
    let mut found = peer_names_approved(&mut tx).await.unwrap();
    found.sort();
    assert_eq!(found, ids);
    assert_eq!(peerings_of_peer_asn(&mut tx, ids[0].0).await.unwrap(), [first, second, third]);
    assert_eq!(peerings_of_peer_asn(&mut tx, ids[1].0).await.unwrap(), [others]);
}

pub async fn peerings_are_told_with_whether_they_carry_traffic(db: &Database) {
    let (_, mut open) = with_peering(&db.store, "Madrid").await;
    let (_, mut leaving) = with_peering(&db.store, "Oslo").await;
    let (mut deleted, _) = with_peering(&db.store, "Rome").await;
    let mut tx = db.store.begin().await.unwrap();
    for c in open.iter_mut().chain(&mut leaving) {
        c.state = ConnectionState::Active;
    }
    leaving[0].removal = Some(Removal { step: RemovalStep::Draining, since: at(1) });
    for c in [&open[0], &leaving[0]] {
        connection_update(&mut tx, c).await.unwrap();
    }
    deleted.deleting = true;
    peering_update(&mut tx, &deleted).await.unwrap();
    let found = peerings_providing(&mut tx).await.unwrap();
    let claim = peer_asn_get(&mut tx, SUB, "contoso").await.unwrap().unwrap().id;
    let of = |location: &str, is_open| Providing {
        peer_asn_id: claim,
        offering: OfferingKind::Voice,
        location: location.into(),
        asks: open[0].spec.use_for_peering_service,
        is_open,
    };
    assert_eq!(found, [of("madrid", true), of("oslo", false)]);
}
