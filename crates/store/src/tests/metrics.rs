//! Metrics over time: once, in every grain, as long as they are kept.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use jiff::{SignedDuration, Timestamp};
use meetme_model::metric::{Dimensions, Grain, Metric, Owner, Series};
use meetme_model::samples::Stat;
use std::collections::BTreeMap;

const MINUTES: i64 = 60;
const HOURS: i64 = 3600;

/// A series of ingress traffic.
fn series(owner: Owner, connection: &str) -> Series {
    let dimensions = Dimensions::from([("ConnectionId".to_owned(), connection.to_owned())]);
    Series { owner, metric: Metric::IngressTrafficRate, dimensions }
}

/// Three measurements around `mean`.
fn around(mean: f64) -> Stat {
    Stat::of(mean - 1.0).with(mean).with(mean + 1.0)
}

async fn put(db: &Database, router: &str, minute: Timestamp, measured: &[(Series, Stat)]) -> bool {
    let measured: BTreeMap<Series, Stat> = measured.iter().cloned().collect();
    let mut tx = db.store.begin().await.unwrap();
    let new = metric_minute_put(&mut tx, router, minute, 0, &measured).await.unwrap();
    tx.commit().await.unwrap();
    new
}

/// A start of an hour.
fn hour() -> Timestamp {
    at(0)
}

async fn ids(db: &Database, owner: Owner) -> Vec<i64> {
    let mut reader = db.store.read().await.unwrap();
    let all = metric_series_of(&mut reader, owner, Metric::IngressTrafficRate).await.unwrap();
    all.into_iter().map(|(id, _)| id).collect()
}

/// Points from [`hour`] on for `span_s`, each as long as its grain, as (index, stat).
async fn read(db: &Database, ids: &[i64], grain: Grain, span_s: i64) -> Vec<(i64, Stat)> {
    let groups: Vec<(i64, usize)> = ids.iter().map(|id| (*id, 0)).collect();
    let length_ms = i64::from(grain.seconds()) * 1000;
    let asked = PointsAsked { grain, from: hour(), until: at(span_s), length_ms };
    let points = metric_points(&mut db.store.read().await.unwrap(), &groups, asked).await.unwrap();
    points.into_iter().map(|p| (p.index, p.stat)).collect()
}

async fn peering_with_metrics(db: &Database) -> Owner {
    let (peering, _) = with_peering(&db.store, "Amsterdam").await;
    Owner::Peering(peering.id)
}

pub async fn a_minute_is_written_once_and_sums_up_in_every_grain(db: &Database) {
    let owner = peering_with_metrics(db).await;
    let line = series(owner, "c1");
    for minute in [0, 1, 6] {
        let stat = around(10.0 * (minute + 1) as f64);
        let at = at(minute * MINUTES);
        assert!(put(db, "er1", at, &[(line.clone(), stat)]).await);
        assert!(!put(db, "er1", at, &[(line.clone(), around(5.0))]).await, "again");
    }
    let ids = ids(db, owner).await;
    assert_eq!(ids.len(), 1);
    let minutes = read(db, &ids, Grain::Minute, HOURS).await;
    assert_eq!(minutes, [(0, around(10.0)), (1, around(20.0)), (6, around(70.0))]);
    let both = around(10.0).and(around(20.0));
    assert_eq!(read(db, &ids, Grain::FiveMinutes, HOURS).await, [(0, both), (1, around(70.0))]);
    assert_eq!(read(db, &ids, Grain::Hour, HOURS).await, [(0, both.and(around(70.0)))]);
    assert_eq!(read(db, &ids, Grain::Minute, MINUTES).await.len(), 1, "the end isn't part of it");
}

pub async fn two_routers_minutes_of_one_series_add_up(db: &Database) {
    let owner = peering_with_metrics(db).await;
    assert!(put(db, "er1", hour(), &[(series(owner, "c1"), around(10.0))]).await);
    assert!(put(db, "er2", hour(), &[(series(owner, "c1"), around(30.0))]).await);
    let ids = ids(db, owner).await;
    for grain in Grain::ALL {
        assert_eq!(read(db, &ids, grain, HOURS).await, [(0, around(10.0).and(around(30.0)))]);
    }
}

pub async fn points_are_read_in_groups_and_only_where_something_was_measured(db: &Database) {
    let owner = peering_with_metrics(db).await;
    let [one, two, three] = ["c1", "c2", "c3"].map(|c| series(owner, c));
    let measured = [(one.clone(), around(1.0)), (two, around(2.0)), (three, around(4.0))];
    assert!(put(db, "er1", hour(), &measured).await);
    assert!(put(db, "er1", at(20 * MINUTES), &[(one, around(8.0))]).await);
    let ids = ids(db, owner).await;
    let groups = [(ids[0], 0), (ids[1], 1), (ids[2], 1)];
    let asked = PointsAsked {
        grain: Grain::FiveMinutes,
        from: hour(),
        until: at(HOURS),
        length_ms: 15 * MINUTES * 1000,
    };
    let points = metric_points(&mut db.store.read().await.unwrap(), &groups, asked).await.unwrap();
    let expected = [
        MetricPoint { group: 0, index: 0, stat: around(1.0) },
        MetricPoint { group: 0, index: 1, stat: around(8.0) },
        MetricPoint { group: 1, index: 0, stat: around(2.0).and(around(4.0)) },
    ];
    assert_eq!(points, expected);
    let mut reader = db.store.read().await.unwrap();
    assert_eq!(metric_points(&mut reader, &[], asked).await.unwrap(), []);
}

pub async fn a_resource_s_series_are_its_own_and_go_with_it(db: &Database) {
    let owner = peering_with_metrics(db).await;
    let mut tx = db.store.begin().await.unwrap();
    let kept = peering_service_insert(&mut tx, &service(SUB, "svc")).await.unwrap();
    tx.commit().await.unwrap();
    let service = Owner::Service(kept.id);
    let gone = Owner::Peering(987_654);
    let measured = [
        (series(owner, "c1"), around(1.0)),
        (series(service, "c1"), around(2.0)),
        (series(gone, "c1"), around(3.0)),
    ];
    assert!(put(db, "er1", hour(), &measured).await);
    assert!(ids(db, gone).await.is_empty(), "nobody's");
    let (of_peering, of_service) = (ids(db, owner).await, ids(db, service).await);
    assert_eq!(read(db, &of_service, Grain::Minute, HOURS).await, [(0, around(2.0))]);
    let Owner::Peering(id) = owner else { unreachable!() };
    let mut tx = db.store.begin().await.unwrap();
    peering_delete(&mut tx, id, at(HOURS)).await.unwrap();
    peering_service_delete(&mut tx, kept.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((ids(db, owner).await, ids(db, service).await), (vec![], vec![]));
    prune(db, at(HOURS), 1).await;
    for ids in [of_peering, of_service] {
        assert_eq!(read(db, &ids, Grain::Hour, HOURS).await, []);
    }
}

/// Prunes all, `limit` series at a time.
async fn prune(db: &Database, now: Timestamp, limit: u32) {
    let mut after = 0;
    loop {
        let mut tx = db.store.begin().await.unwrap();
        let next = metrics_prune(&mut tx, now, after, limit).await.unwrap();
        tx.commit().await.unwrap();
        match next {
            Some(next) => after = next,
            None => return,
        }
    }
}

pub async fn points_are_kept_as_long_as_their_grain_is(db: &Database) {
    let owner = peering_with_metrics(db).await;
    let measured = ["c1", "c2", "c3"].map(|c| (series(owner, c), around(1.0)));
    assert!(put(db, "er1", hour(), &measured).await);
    let ids = ids(db, owner).await;
    assert_eq!(ids.len(), 3);
    let left = async |hours: i64| {
        prune(db, hour() + SignedDuration::from_hours(hours), 2).await;
        let mut left = Vec::new();
        for grain in Grain::ALL {
            left.push(read(db, &ids, grain, HOURS).await.len());
        }
        left
    };
    assert_eq!(left(48).await, [1, 1, 1]);
    assert!(!put(db, "er1", hour(), &measured).await, "still known as written");
    assert_eq!(left(49).await, [0, 1, 1]);
    assert_eq!(left(30 * 24 + 1).await, [0, 0, 1]);
    assert_eq!(left(730 * 24 + 1).await, [0, 0, 0]);
    assert!(self::ids(db, owner).await.is_empty(), "a series without points is forgotten");
}

pub async fn the_newest_minute_is_told_while_it_is_new(db: &Database) {
    let owner = peering_with_metrics(db).await;
    let (one, two) = (series(owner, "c1"), series(owner, "c2"));
    assert!(put(db, "er1", hour(), &[(one.clone(), around(1.0)), (two, around(2.0))]).await);
    assert!(put(db, "er1", at(3 * MINUTES), &[(one.clone(), around(3.0))]).await);
    assert!(put(db, "er1", at(4 * MINUTES), &[(one.clone(), around(4.0))]).await);
    let mut reader = db.store.read().await.unwrap();
    let newest = metrics_newest(&mut reader, at(MINUTES), at(4 * MINUTES)).await.unwrap();
    let expected = NewestPoint {
        metric: Metric::IngressTrafficRate,
        dimensions: one.dimensions,
        path: "sub-a/rg/amsterdam".into(),
        mean: 3.0,
    };
    assert_eq!(newest, [expected]);
}
