//! What was measured on peerings and peering services, for Prometheus: the newest whole minute of
//! each series, as long as it is new. One query, whatever there is.

use super::head;
use crate::error::ApiError;
use jiff::{SignedDuration, Timestamp};
use meetme_model::metric::{CONNECTION_ID, Metric, PROTOCOL, SESSION_IP, TEST_NAME};
use meetme_store::{Db, NewestPoint, metrics_newest};
use std::fmt::Write;

/// A minute that ended longer ago isn't shown: no value is better than an old one.
const NEW: SignedDuration = SignedDuration::from_mins(5);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Adds the gauges.
pub(super) async fn write(out: &mut String, db: &mut impl Db, now: Timestamp) -> Result<(), ApiError> {
    let newest = metrics_newest(db, now - NEW - MINUTE, now - MINUTE).await?;
    let mut before = None;
    for point in &newest {
        let (name, help) = gauge(point.metric);
        if before.replace(point.metric) != Some(point.metric) {
            head(out, name, help);
        }
        let _ = writeln!(out, "{name}{{{}}} {}", labels(point), point.mean);
    }
    Ok(())
}

/// Name and explanation of a metric's gauge, with the unit at the end of the name.
fn gauge(metric: Metric) -> (&'static str, &'static str) {
    match metric {
        Metric::SessionAvailability => {
            ("meetme_session_availability", "Share of the minute's looks that saw the session Established.")
        }
        Metric::FlapCounts => {
            ("meetme_session_flaps_per_minute", "How often the session left Established in the minute.")
        }
        Metric::IngressTrafficRate => ("meetme_ingress_bits_per_second", "Received from the peer."),
        Metric::EgressTrafficRate => ("meetme_egress_bits_per_second", "Sent to the peer."),
        Metric::PacketDropRate => ("meetme_dropped_bits_per_second", "Dropped in either direction."),
        Metric::ConnectivityProbeAvailability => {
            ("meetme_probe_availability_percent", "Share of a connectivity probe's tries that were answered.")
        }
        Metric::ConnectivityProbeJitter => {
            ("meetme_probe_jitter_milliseconds", "Difference of a connectivity probe's round trips.")
        }
        Metric::ConnectivityProbeLatency => {
            ("meetme_probe_latency_milliseconds", "Round trip of a connectivity probe.")
        }
        Metric::RoundTripTime => {
            ("meetme_test_round_trip_milliseconds", "Round trip of a connection monitor test.")
        }
    }
}

fn labels(point: &NewestPoint) -> String {
    let owner = match point.metric {
        Metric::RoundTripTime => "service",
        _ => "peering",
    };
    let mut text = format!("{owner}=\"{}\"", escape(&point.path));
    for (dimension, label) in
        [(CONNECTION_ID, "connection"), (SESSION_IP, "session"), (PROTOCOL, "protocol"), (TEST_NAME, "test")]
    {
        if let Some(value) = point.dimensions.get(dimension) {
            let _ = write!(text, ",{label}=\"{}\"", escape(value));
        }
    }
    text
}

/// A label's value as the text format wants it.
pub(super) fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_s_value_is_escaped() {
        assert_eq!(escape("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
