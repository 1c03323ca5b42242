//! Metrics of peerings and peering services, in Azure Monitor's shape and for Prometheus.

use super::fixture::*;
use super::services::service_body;
use crate::metrics_router;
use axum::body::Body;
use axum::http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use meetme_model::connection::ConnectionState;
use meetme_model::metric::{Dimensions, Metric, Owner, Series};
use meetme_model::samples::Stat;
use meetme_store::{metric_minute_put, peering_get, peering_service_get};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tower::ServiceExt;

/// 10:00 until 11:00, when everything is measured here.
const HOUR: &str = "timespan=2026-01-05T10:00:00Z/2026-01-05T11:00:00Z";

async fn peering_owner(api: &Api) -> Owner {
    let mut db = api.store.read().await.unwrap();
    Owner::Peering(peering_get(&mut db, SUB, RG, "ams").await.unwrap().unwrap().id)
}

fn series(owner: Owner, metric: Metric, on: &[(&str, &str)]) -> Series {
    let dimensions: Dimensions = on.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Series { owner, metric, dimensions }
}

async fn measure(api: &Api, minute: Timestamp, measured: &[(Series, Stat)]) {
    let measured: BTreeMap<Series, Stat> = measured.iter().cloned().collect();
    let mut tx = api.store.begin().await.unwrap();
    assert!(metric_minute_put(&mut tx, "ams1-er1", minute, 0, &measured).await.unwrap());
    tx.commit().await.unwrap();
}

/// The provider's peering, with traffic on two connections at 10:00, 10:01 and 10:07.
async fn measured() -> Api {
    let api = Api::new().await;
    api.provider().await;
    let owner = peering_owner(&api).await;
    for (minute, mbps) in [(0, 10.0), (1, 30.0), (7, 50.0)] {
        let of = |connection: &str, factor: f64| {
            let on = [("ConnectionId", connection), ("SessionIp", "198.18.192.2")];
            let rate = Stat::of(factor * (mbps - 2.0)).with(factor * (mbps + 2.0));
            (series(owner, Metric::IngressTrafficRate, &on), rate)
        };
        let at = now() + SignedDuration::from_mins(minute);
        measure(&api, at, &[of("one", 1.0), of("two", 2.0)]).await;
    }
    api
}

#[tokio::test]
async fn a_timespan_that_is_encoded_twice_is_understood() {
    let api = measured().await;
    let twice = "timespan=2026-01-05T10%253A00%253A00.257609%252F2026-01-05T11%253a00%253a00%252B00%253A00";
    let reply = api.get(&path(&format!("{twice}&metricnames=IngressTrafficRate&interval=PT5M"))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["timespan"], "2026-01-05T10:00:00.257609Z/2026-01-05T11:00:00Z");
}

fn path(query: &str) -> String {
    let metrics = "providers/microsoft.insights/metrics";
    format!("{}/{metrics}?api-version=2023-10-01&{query}", peering("ams"))
}

async fn values(api: &Api, query: &str) -> Value {
    let reply = api.get(&path(query)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

/// The lines of the first metric: the values of their dimensions, and the named values of those
/// points that have one.
fn lines(body: &Value, aggregation: &str) -> Vec<(String, Vec<f64>)> {
    let lines = body["value"][0]["timeseries"].as_array().unwrap();
    let line = |l: &Value| {
        let names = l["metadatavalues"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap());
        let data = l["data"].as_array().unwrap();
        let values = data.iter().filter_map(|p| p[aggregation].as_f64()).collect();
        (names.collect::<Vec<&str>>().join(","), values)
    };
    lines.iter().map(line).collect()
}

#[tokio::test]
async fn values_have_the_shape_of_azure_monitor_and_gaps_have_none() {
    let api = measured().await;
    let body = values(
        &api,
        "metricnames=ingresstrafficrate&interval=PT5M&timespan=2026-01-05T10:00:00Z/2026-01-05T10:15:00Z",
    )
    .await;
    assert_eq!(
        body,
        json!({
            "cost": 3,
            "timespan": "2026-01-05T10:00:00Z/2026-01-05T10:15:00Z",
            "interval": "PT5M",
            "namespace": "Microsoft.Peering/peerings",
            "resourceregion": "westeurope",
            "value": [{
                "id": format!("{}/providers/Microsoft.Insights/metrics/IngressTrafficRate", peering("ams")),
                "type": "Microsoft.Insights/metrics",
                "name": { "value": "IngressTrafficRate", "localizedValue": "Ingress Traffic Rate" },
                "displayDescription": "Traffic received from the peer on a connection",
                "unit": "BitsPerSecond",
                "errorCode": "Success",
                "timeseries": [{
                    "metadatavalues": [],
                    "data": [
                        { "timeStamp": "2026-01-05T10:00:00Z", "average": 30.0 },
                        { "timeStamp": "2026-01-05T10:05:00Z", "average": 75.0 },
                        { "timeStamp": "2026-01-05T10:10:00Z" },
                    ],
                }],
            }],
        })
    );
}

#[tokio::test]
async fn every_aggregation_is_over_all_that_was_measured_in_a_time() {
    let api = measured().await;
    let all = format!(
        "metricnames=IngressTrafficRate&interval=PT1H&aggregation=Average,minimum, Maximum,total,Count&{HOUR}"
    )
    .replace(' ', "%20");
    let body = values(&api, &all).await;
    let data = &body["value"][0]["timeseries"][0]["data"];
    let expected = json!([{
        "timeStamp": "2026-01-05T10:00:00Z",
        "average": 45.0, "minimum": 8.0, "maximum": 104.0, "total": 540.0, "count": 12.0,
    }]);
    assert_eq!(*data, expected);
    let whole = values(&api, &format!("metricnames=IngressTrafficRate&interval=full&{HOUR}")).await;
    assert_eq!(lines(&whole, "average"), [(String::new(), vec![45.0])]);
    assert_eq!(whole["interval"], "FULL");
}

#[tokio::test]
async fn lines_are_split_by_what_the_filter_names() {
    let api = measured().await;
    let ask = |filter: &str, more: &str| {
        let filter = filter.replace(' ', "%20").replace('\'', "%27").replace('*', "%2A");
        format!("metricnames=IngressTrafficRate&interval=PT1H&{HOUR}&$filter={filter}&{more}")
    };
    let one = || ("one".to_owned(), vec![30.0]);
    let two = || ("two".to_owned(), vec![60.0]);
    for (filter, more, expected) in [
        ("ConnectionId eq '*'", "", vec![one(), two()]),
        ("connectionid eq 'TWO'", "", vec![two()]),
        ("ConnectionId eq '*'", "top=1", vec![one()]),
        ("ConnectionId eq '*'", "top=1&orderby=sum%20desc", vec![two()]),
        ("ConnectionId eq '*'", "orderby=average%20asc", vec![one(), two()]),
        ("SessionIp eq '198.18.192.2'", "", vec![("198.18.192.2".to_owned(), vec![45.0])]),
        ("ConnectionId eq 'three'", "", vec![]),
        ("TrafficClass eq 'x' and ConnectionId ne 'one'", "ValidateDimensions=false", vec![two()]),
    ] {
        let body = values(&api, &ask(filter, more)).await;
        assert_eq!(lines(&body, "average"), expected, "{filter} {more}");
    }
    let body = values(&api, &ask("ConnectionId eq '*'", "resultType=metadata")).await;
    assert_eq!(
        body["value"][0]["timeseries"][1],
        json!({ "metadatavalues": [{
            "name": { "value": "connectionid", "localizedValue": "ConnectionId" }, "value": "two",
        }] })
    );
    assert_eq!(body.get("interval"), None);
}

#[tokio::test]
async fn without_a_word_it_is_the_first_metric_over_the_last_hour() {
    let api = measured().await;
    let body = values(&api, "").await;
    assert_eq!(body["value"][0]["name"]["value"], "SessionAvailability");
    assert_eq!(body["interval"], "PT5M");
    assert_eq!(body["value"][0]["timeseries"], json!([]), "nothing was ever measured");
    let both = values(&api, "metricnames=FlapCounts,IngressTrafficRate,flapcounts").await;
    assert_eq!(both["value"].as_array().unwrap().len(), 2);
    let data = both["value"][1]["timeseries"][0]["data"].as_array().unwrap();
    assert!((60..=61).contains(&data.len()) && data.iter().all(|p| p.as_object().unwrap().len() == 1));
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let api = measured().await;
    let query = "metricnames=Nonsense,FlapCounts&timespan=PT0S&interval=PT2M&aggregation=Median&top=0\
                 &orderby=average%20up&resultType=x&AutoAdjustTimegrain=maybe&metricnamespace=x\
                 &$filter=TrafficClass%20eq%20%27x%27";
    let reply = api.get(&path(query)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.violations(),
        [
            "InvalidMetricNamespace metricnamespace",
            "InvalidMetricName metricnames",
            "InvalidSwitch AutoAdjustTimegrain",
            "InvalidTimespan timespan",
            "InvalidInterval interval",
            "InvalidAggregation aggregation",
            "InvalidDimension $filter",
            "InvalidTop top",
            "InvalidOrder orderby",
            "InvalidResultType resultType",
        ]
    );
    let reply = api.get(&path("interval=PT1M")).await;
    assert_eq!(reply.violations(), ["InvalidInterval interval"], "availability isn't given by the minute");
    assert_eq!(values(&api, "interval=PT1M&AutoAdjustTimegrain=true").await["interval"], "PT5M");
    let far = "metricnames=IngressTrafficRate&timespan=-009999-01-03T00:00:00Z/9999-12-30T00:00:00Z";
    let reply = api.get(&path(far)).await;
    assert_eq!(reply.violations(), ["TooManyDataPoints timespan"]);
    let week = "metricnames=IngressTrafficRate&interval=PT1M&timespan=P7D";
    assert_eq!(api.get(&path(week)).await.violations(), ["TooManyDataPoints timespan"]);
    let last =
        "metricnames=IngressTrafficRate&interval=P1D&timespan=9999-12-29T00:00:00Z/9999-12-30T22:00:00Z";
    assert_eq!(values(&api, last).await["cost"], 2);
}

#[tokio::test]
async fn paths_take_any_case_and_scopes_hold() {
    let api = measured().await;
    for version in ["2018-01-01", "2019-07-01", "2021-05-01", "2024-02-01", "2025-05-01"] {
        let path = format!("{}/PROVIDERS/Microsoft.Insights/METRICS?api-version={version}", peering("AMS"));
        assert_eq!(api.get(&path).await.status, 200, "{version}");
    }
    let without = peering("ams") + "/providers/microsoft.insights/metrics?api-version=";
    assert_eq!(api.get(&without).await.status, 400);
    let of_others = api.ask(&api.other, Method::GET, &path(""), Body::empty()).await;
    assert_eq!(of_others.status, 404);
    for name in ["metrics", "metricDefinitions"] {
        let none = format!("{}/providers/microsoft.insights/{name}", peering("nothing"));
        assert_eq!(api.get(&none).await.code(), "ResourceNotFound");
        let none = format!("{}/providers/microsoft.insights/{name}", service("nothing"));
        assert_eq!(api.get(&none).await.code(), "ResourceNotFound");
    }
    assert_eq!(api.ask(&api.reader, Method::GET, &path(""), Body::empty()).await.status, 200);
}

#[tokio::test]
async fn a_service_has_the_round_trips_of_its_tests() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let made = api.put(&service("voice"), service_body("Amsterdam", None)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let kept = {
        let mut db = api.store.read().await.unwrap();
        peering_service_get(&mut db, SUB, RG, "voice").await.unwrap().unwrap()
    };
    let on = [("ConnectionMonitorTestName", "to-sbc")];
    let line = series(Owner::Service(kept.id), Metric::RoundTripTime, &on);
    measure(&api, now(), &[(line, Stat::of(7.5))]).await;
    let insights = format!("{}/providers/microsoft.insights", service("voice"));
    let filter = "$filter=ConnectionMonitorTestName%20eq%20%27%2A%27";
    let reply = api.get(&format!("{insights}/metrics?{HOUR}&{filter}")).await;
    assert_eq!(lines(&reply.body, "average"), [("to-sbc".to_owned(), vec![7.5])], "{}", reply.body);
    assert_eq!(
        (&reply.body["interval"], &reply.body["value"][0]["unit"]),
        (&json!("PT1M"), &json!("MilliSeconds"))
    );
    let definitions = api.get(&format!("{insights}/metricDefinitions")).await.body;
    assert_eq!(definitions["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn definitions_tell_what_is_measured_and_how_long_it_is_kept() {
    let api = measured().await;
    let insights = format!("{}/providers/microsoft.insights", peering("ams"));
    let reply = api.get(&format!("{insights}/metricDefinitions")).await;
    let all = reply.body["value"].as_array().unwrap();
    assert_eq!(all.len(), 8);
    assert_eq!(
        all[1],
        json!({
            "id": format!("{}/providers/Microsoft.Insights/metricDefinitions/IngressTrafficRate", peering("ams")),
            "resourceId": peering("ams"),
            "namespace": "Microsoft.Peering/peerings",
            "name": { "value": "IngressTrafficRate", "localizedValue": "Ingress Traffic Rate" },
            "displayDescription": "Traffic received from the peer on a connection",
            "category": "Metrics",
            "isDimensionRequired": false,
            "unit": "BitsPerSecond",
            "primaryAggregationType": "Average",
            "supportedAggregationTypes": ["Average", "Minimum", "Maximum", "Total", "Count"],
            "metricAvailabilities": [
                { "timeGrain": "PT1M", "retention": "P2D" },
                { "timeGrain": "PT5M", "retention": "P30D" },
                { "timeGrain": "PT1H", "retention": "P730D" },
            ],
            "dimensions": [
                { "value": "ConnectionId", "localizedValue": "ConnectionId" },
                { "value": "SessionIp", "localizedValue": "SessionIp" },
            ],
        })
    );
    let reply = api.get(&format!("{insights}/metricDefinitions?metricnamespace=Other")).await;
    assert_eq!(reply.violations(), ["InvalidMetricNamespace metricnamespace"]);
    let operations = api.get("/providers/Microsoft.Peering/operations").await.body;
    let described: Vec<usize> = operations["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|o| o["properties"]["serviceSpecification"]["metricSpecifications"].as_array())
        .map(Vec::len)
        .collect();
    assert_eq!(described, [8, 1]);
}

#[tokio::test]
async fn prometheus_gets_the_newest_minute_while_it_is_new() {
    let api = measured().await;
    let owner = peering_owner(&api).await;
    let minute = Timestamp::from_second(Timestamp::now().as_second() / 60 * 60).unwrap();
    let ago = |minutes| minute - SignedDuration::from_mins(minutes);
    let on = [("ConnectionId", "one"), ("SessionIp", "2001:db8::")];
    let availability = series(owner, Metric::SessionAvailability, &on);
    let flaps = series(owner, Metric::FlapCounts, &on);
    let old = series(owner, Metric::EgressTrafficRate, &on[..1]);
    measure(&api, ago(9), &[(old, Stat::of(5.0))]).await;
    measure(&api, ago(3), &[(availability.clone(), Stat::of(1.0))]).await;
    measure(&api, ago(2), &[(availability, Stat::of(1.0).with(0.0)), (flaps, Stat::of(3.0))]).await;
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = metrics_router(api.store.clone()).oneshot(request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let measured: Vec<&str> = text.lines().filter(|l| l.contains("peering=")).collect();
    let labels = "{peering=\"sub-a/telco/ams\",connection=\"one\",session=\"2001:db8::\"}";
    assert_eq!(
        measured,
        [
            format!("meetme_session_flaps_per_minute{labels} 3"),
            format!("meetme_session_availability{labels} 0.5"),
        ]
    );
    assert_eq!(text.matches("# TYPE meetme_session_availability gauge").count(), 1);
}
