//! The metrics that are collected (`docs/rules.md` §8): what each is called, its unit, how it is
//! summed up, what it is split by, and in which grains it is kept and given.
//!
//! Names, units and grains are those of the ARM interface. A metric that isn't measured has no
//! definition here, nor has a dimension: nothing is made up.

mod series;

pub use series::{Dimensions, Owner, ProbeOf, Series, measured};

/// A collected metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Share of looks that saw the session Established.
    SessionAvailability,
    /// Received from the peer.
    IngressTrafficRate,
    /// Sent to the peer.
    EgressTrafficRate,
    /// Dropped in either direction.
    PacketDropRate,
    /// How often a session left Established.
    FlapCounts,
    /// Share of a connectivity probe's tries that were answered.
    ConnectivityProbeAvailability,
    /// Difference of a connectivity probe's consecutive round trips.
    ConnectivityProbeJitter,
    /// A connectivity probe's round trip.
    ConnectivityProbeLatency,
    /// A connection monitor test's round trip.
    RoundTripTime,
}

/// The kinds of resources that have metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeteredResource {
    /// `peerings`.
    Peering,
    /// `peeringServices`.
    PeeringService,
}

impl MeteredResource {
    /// The metric namespace: the resource's ARM type.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Peering => "Microsoft.Peering/peerings",
            Self::PeeringService => "Microsoft.Peering/peeringServices",
        }
    }

    /// Its metrics; the first is given where none is asked for by name.
    pub fn definitions(self) -> impl Iterator<Item = &'static Definition> {
        DEFINITIONS.iter().filter(move |d| d.resource == self)
    }
}

/// How measurements are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aggregation {
    /// Their mean.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// Their sum.
    Total,
    /// How many there are.
    Count,
}

impl Aggregation {
    /// All of them; every metric has all.
    pub const ALL: [Self; 5] = [Self::Average, Self::Minimum, Self::Maximum, Self::Total, Self::Count];

    /// The name in the wire format.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
            Self::Total => "Total",
            Self::Count => "Count",
        }
    }
}

/// A length of time that points can be summed up over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Its length.
    pub seconds: u32,
    /// As ISO 8601 writes it.
    pub iso: &'static str,
}

const fn interval(seconds: u32, iso: &'static str) -> Interval {
    Interval { seconds, iso }
}

const PT1M: Interval = interval(60, "PT1M");
const PT5M: Interval = interval(300, "PT5M");
const PT15M: Interval = interval(900, "PT15M");
const PT30M: Interval = interval(1800, "PT30M");
const PT1H: Interval = interval(3600, "PT1H");
const PT6H: Interval = interval(21_600, "PT6H");
const PT12H: Interval = interval(43_200, "PT12H");
const P1D: Interval = interval(86_400, "P1D");

impl Interval {
    /// All that can be asked for, shortest first.
    pub const ALL: [Self; 8] = [PT1M, PT5M, PT15M, PT30M, PT1H, PT6H, PT12H, P1D];

    /// The grain that its points are made of: the coarsest that divides it.
    pub fn grain(self) -> Grain {
        let divides = |grain: &Grain| self.seconds.is_multiple_of(grain.seconds());
        Grain::ALL.into_iter().rev().find(divides).unwrap_or(Grain::Minute)
    }
}

/// A grain in which points are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// As measured.
    Minute,
    /// Five minutes summed up.
    FiveMinutes,
    /// An hour summed up.
    Hour,
}

impl Grain {
    /// Finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::FiveMinutes, Self::Hour];

    /// Its length.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::Hour => 3600,
        }
    }

    /// How long its points are kept.
    pub const fn kept_hours(self) -> i64 {
        match self {
            Self::Minute => 48,
            Self::FiveMinutes => 30 * 24,
            Self::Hour => 2 * 365 * 24,
        }
    }

    /// The same as ISO 8601 writes it.
    pub const fn kept_iso(self) -> &'static str {
        match self {
            Self::Minute => "P2D",
            Self::FiveMinutes => "P30D",
            Self::Hour => "P730D",
        }
    }
}

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The metric.
    pub metric: Metric,
    /// Its name in the wire format.
    pub name: &'static str,
    /// Its name for people.
    pub display: &'static str,
    /// What it tells, for people.
    pub description: &'static str,
    /// Unit, as Azure Monitor writes it.
    pub unit: &'static str,
    /// How it is summed up where nothing else is asked for.
    pub primary: Aggregation,
    /// What it can be split by.
    pub dimensions: &'static [&'static str],
    /// The intervals that it is offered in.
    pub grains: &'static [Interval],
    /// What has it.
    pub resource: MeteredResource,
}

impl Definition {
    /// Whether points can be summed up over `interval`: a grain of the metric, or a multiple of one.
    pub fn gives(&self, interval: Interval) -> bool {
        self.grains.iter().any(|g| interval.seconds.is_multiple_of(g.seconds))
    }
}

impl Metric {
    /// What it is.
    pub fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }

    /// The metric of a name in the wire format.
    pub fn named(name: &str) -> Option<Self> {
        DEFINITIONS.iter().find(|d| d.name.eq_ignore_ascii_case(name)).map(|d| d.metric)
    }
}

/// `connectionIdentifier`.
pub const CONNECTION_ID: &str = "ConnectionId";
/// The peer's address of a session.
pub const SESSION_IP: &str = "SessionIp";
/// A probe's protocol.
pub const PROTOCOL: &str = "Protocol";
/// A connection monitor test's name.
pub const TEST_NAME: &str = "ConnectionMonitorTestName";

const SESSION: &[&str] = &[CONNECTION_ID, SESSION_IP];
const FINE: &[Interval] = &[PT1M, PT5M, PT1H];
const PROBE: &[Interval] = &[PT1M, PT5M, PT30M, PT1H, PT6H, P1D];

/// In the order of [`Metric`].
const DEFINITIONS: [Definition; 9] = [
    Definition {
        metric: Metric::SessionAvailability,
        name: "SessionAvailability",
        display: "Session Availability",
        description: "Share of looks at a session that saw it Established, from 0 to 1",
        unit: "Count",
        primary: Aggregation::Average,
        dimensions: SESSION,
        grains: &[PT5M, PT1H],
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::IngressTrafficRate,
        name: "IngressTrafficRate",
        display: "Ingress Traffic Rate",
        description: "Traffic received from the peer on a connection",
        unit: "BitsPerSecond",
        primary: Aggregation::Average,
        dimensions: SESSION,
        grains: FINE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::EgressTrafficRate,
        name: "EgressTrafficRate",
        display: "Egress Traffic Rate",
        description: "Traffic sent to the peer on a connection",
        unit: "BitsPerSecond",
        primary: Aggregation::Average,
        dimensions: SESSION,
        grains: FINE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::PacketDropRate,
        name: "PacketDropRate",
        display: "Packet Drop Rate",
        description: "Traffic dropped on a connection, in either direction",
        unit: "BitsPerSecond",
        primary: Aggregation::Average,
        dimensions: SESSION,
        grains: FINE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::FlapCounts,
        name: "FlapCounts",
        display: "Flap Counts",
        description: "How often a session left Established",
        unit: "Count",
        primary: Aggregation::Total,
        dimensions: SESSION,
        grains: FINE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::ConnectivityProbeAvailability,
        name: "ConnectivityProbeAvailability",
        display: "Connectivity Probe Availability",
        description: "Share of a connectivity probe's tries that were answered",
        unit: "Percent",
        primary: Aggregation::Average,
        dimensions: &[PROTOCOL],
        grains: PROBE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::ConnectivityProbeJitter,
        name: "ConnectivityProbeJitter",
        display: "Connectivity Probe Jitter",
        description: "Difference of a connectivity probe's consecutive round trips",
        unit: "MilliSeconds",
        primary: Aggregation::Average,
        dimensions: &[PROTOCOL],
        grains: PROBE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::ConnectivityProbeLatency,
        name: "ConnectivityProbeLatency",
        display: "Connectivity Probe Latency",
        description: "Round trip of a connectivity probe's tries that were answered",
        unit: "MilliSeconds",
        primary: Aggregation::Average,
        dimensions: &[PROTOCOL],
        grains: PROBE,
        resource: MeteredResource::Peering,
    },
    Definition {
        metric: Metric::RoundTripTime,
        name: "RoundTripTime",
        display: "Round Trip Time",
        description: "Round trip of a connection monitor test's tries that were answered",
        unit: "MilliSeconds",
        primary: Aggregation::Average,
        dimensions: &[TEST_NAME],
        grains: &[PT1M],
        resource: MeteredResource::PeeringService,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_found_at_its_place_and_by_its_name() {
        for d in &DEFINITIONS {
            assert_eq!(d.metric.definition().name, d.name);
            assert_eq!(Metric::named(&d.name.to_uppercase()), Some(d.metric));
        }
        assert_eq!(Metric::named("RegisteredPrefixLatency"), None, "isn't measured");
    }

    #[test]
    fn an_interval_is_a_grain_of_the_metric_or_a_multiple() {
        let given = |m: Metric| -> Vec<&str> {
            Interval::ALL.iter().filter(|i| m.definition().gives(**i)).map(|i| i.iso).collect()
        };
        assert_eq!(given(Metric::RoundTripTime).len(), 8);
        assert_eq!(
            given(Metric::SessionAvailability),
            ["PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D"]
        );
    }

    #[test]
    fn points_are_made_of_the_coarsest_grain_that_fits() {
        let grains: Vec<u32> = Interval::ALL.iter().map(|i| i.grain().seconds()).collect();
        assert_eq!(grains, [60, 300, 300, 300, 3600, 3600, 3600, 3600]);
    }
}
