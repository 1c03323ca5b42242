//! What a peering's connections carry now: the newest minute that was measured of each LAG, in both
//! directions. A connection of which nothing was measured lately has nothing.

use super::at::At;
use crate::query::encode;
use crate::session::{Context, now};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::HashMap;

/// A minute is told after its end; one that began longer ago isn't "now" any more.
const LATELY: SignedDuration = SignedDuration::from_mins(4);
/// Connections told of, at most.
const CONNECTIONS: usize = 100;

/// A connection's traffic, as the mean of a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Traffic {
    /// From the peer to the host, in bit/s.
    pub to_host: Option<f64>,
    /// From the host to the peer, in bit/s.
    pub to_peer: Option<f64>,
}

/// Traffic by connection identifier, in lower case. Where it can't be asked for there is none: what
/// it is drawn on is shown all the same.
pub(super) async fn traffic(context: &Context, at: &At) -> HashMap<String, Traffic> {
    let until = now();
    let path = format!(
        "{}/providers/microsoft.insights/metrics?api-version=2023-10-01&metricnames=IngressTrafficRate,EgressTrafficRate\
         &aggregation=Average&interval=PT1M&top={CONNECTIONS}&timespan={}&$filter={}",
        at.resource(),
        encode(&format!("{}/{until}", until - LATELY)),
        encode("ConnectionId eq '*'"),
    );
    let answer = context.api.ask(&path).await;
    let body = answer.ok().and_then(|answer| answer.into_result().ok()).unwrap_or_default();
    read(&body, until - LATELY)
}

fn read(body: &Value, since: Timestamp) -> HashMap<String, Traffic> {
    let mut all: HashMap<String, Traffic> = HashMap::new();
    for metric in body["value"].as_array().into_iter().flatten() {
        for series in metric["timeseries"].as_array().into_iter().flatten() {
            let Some(connection) = series["metadatavalues"][0]["value"].as_str() else { continue };
            let points = series["data"].as_array().into_iter().flatten();
            let newest = points
                .filter(|p| {
                    p["timeStamp"]
                        .as_str()
                        .and_then(|at| at.parse().ok())
                        .is_some_and(|at: Timestamp| at >= since)
                })
                .filter_map(|p| p["average"].as_f64())
                .next_back();
            let traffic = all.entry(connection.to_lowercase()).or_default();
            match metric["name"]["value"].as_str() {
                Some("IngressTrafficRate") => traffic.to_host = newest,
                Some("EgressTrafficRate") => traffic.to_peer = newest,
                _ => {}
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_minute_counts_and_an_old_one_or_none_is_nothing() {
        let series = |connection: &str, points: Value| json!({ "metadatavalues": [{ "value": connection }], "data": points });
        let body = json!({ "value": [
            { "name": { "value": "IngressTrafficRate" }, "timeseries": [
                series("A", json!([{ "timeStamp": "2026-01-05T10:01:00Z", "average": 1.0 },
                                   { "timeStamp": "2026-01-05T10:02:00Z", "average": 2.0 },
                                   { "timeStamp": "2026-01-05T10:03:00Z" }])),
                series("b", json!([{ "timeStamp": "2026-01-05T09:59:00Z", "average": 9.0 }])) ] },
            { "name": { "value": "EgressTrafficRate" }, "timeseries": [
                series("a", json!([{ "timeStamp": "2026-01-05T10:01:00Z", "average": 0.0 }])) ] },
        ] });
        let all = read(&body, "2026-01-05T10:00:00Z".parse().unwrap());
        assert_eq!(all["a"], Traffic { to_host: Some(2.0), to_peer: Some(0.0) });
        assert_eq!(all["b"], Traffic::default());
        assert!(read(&Value::Null, Timestamp::UNIX_EPOCH).is_empty());
    }
}
