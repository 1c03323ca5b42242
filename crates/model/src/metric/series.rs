//! Which series a router's minute belongs to.
//!
//! A session's measurements have its connection and address. Traffic is counted per LAG: it has
//! the address only where the connection has a single session.

use super::{CONNECTION_ID, Metric, PROTOCOL, SESSION_IP, TEST_NAME};
use crate::connection::Connection;
use crate::samples::{ProbeSample, RouterSamples, Stat};
use std::collections::BTreeMap;

/// Values of dimensions by name; what isn't known is absent.
pub type Dimensions = BTreeMap<String, String>;

/// The resource that a series belongs to, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A peering.
    Peering(i64),
    /// A peering service.
    Service(i64),
}

/// One line of measurements over time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// Whose it is.
    pub owner: Owner,
    /// What is measured.
    pub metric: Metric,
    /// On what.
    pub dimensions: Dimensions,
}

/// Whose probe it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOf {
    /// A connection monitor test.
    Test {
        /// Its peering service.
        service_id: i64,
        /// Its name.
        name: String,
    },
    /// A connectivity probe.
    Peering {
        /// Its peering.
        peering_id: i64,
        /// Its protocol, as written in the wire format.
        protocol: String,
    },
}

/// The series that a router's minute belongs to, with what was measured. `connections` are those
/// of the router, `probes` tells whose a probe is by its id. What belongs to none of them is left
/// out: it was removed meanwhile.
pub fn measured(
    samples: &RouterSamples,
    connections: &[Connection],
    probes: &BTreeMap<String, ProbeOf>,
) -> BTreeMap<Series, Stat> {
    let mut all = Measured::default();
    for connection in connections.iter().filter(|c| on_router(c, &samples.router)) {
        all.sessions(samples, connection);
        all.traffic(samples, connection);
    }
    for (id, sample) in &samples.probes {
        if let Some(of) = probes.get(id) {
            all.probe(sample, of);
        }
    }
    all.0
}

fn on_router(connection: &Connection, router: &str) -> bool {
    connection.ports.as_ref().is_some_and(|p| p.router == router)
}

#[derive(Default)]
struct Measured(BTreeMap<Series, Stat>);

impl Measured {
    /// Two places of one series are one: probes of a protocol to several endpoints.
    fn add(&mut self, owner: Owner, metric: Metric, dimensions: &Dimensions, stat: Stat) {
        let series = Series { owner, metric, dimensions: dimensions.clone() };
        self.0.entry(series).and_modify(|s| *s = s.and(stat)).or_insert(stat);
    }

    fn sessions(&mut self, samples: &RouterSamples, connection: &Connection) {
        let owner = Owner::Peering(connection.peering_id);
        for (name, subnet) in connection.sessions() {
            let Some(sample) = samples.sessions.get(&name) else { continue };
            let on = dimensions(&[
                (CONNECTION_ID, &connection.spec.identifier),
                (SESSION_IP, &subnet.peer.to_string()),
            ]);
            self.add(owner, Metric::SessionAvailability, &on, sample.available);
            self.add(owner, Metric::FlapCounts, &on, Stat::of(f64::from(sample.flaps)));
        }
    }

    fn traffic(&mut self, samples: &RouterSamples, connection: &Connection) {
        let Some(sample) = samples.lags.get(&connection.lag_name()) else { return };
        let owner = Owner::Peering(connection.peering_id);
        let mut on = dimensions(&[(CONNECTION_ID, &connection.spec.identifier)]);
        let mut sessions = connection.sessions();
        if let (Some((_, only)), None) = (sessions.next(), sessions.next()) {
            on.insert(SESSION_IP.to_owned(), only.peer.to_string());
        }
        self.add(owner, Metric::IngressTrafficRate, &on, sample.ingress_bps);
        self.add(owner, Metric::EgressTrafficRate, &on, sample.egress_bps);
        self.add(owner, Metric::PacketDropRate, &on, sample.drop_bps);
    }

    fn probe(&mut self, sample: &ProbeSample, of: &ProbeOf) {
        match of {
            ProbeOf::Test { service_id, name } => {
                let (owner, on) = (Owner::Service(*service_id), dimensions(&[(TEST_NAME, name)]));
                if let Some(rtt) = sample.rtt_ms {
                    self.add(owner, Metric::RoundTripTime, &on, rtt);
                }
            }
            ProbeOf::Peering { peering_id, protocol } => {
                let (owner, on) = (Owner::Peering(*peering_id), dimensions(&[(PROTOCOL, protocol)]));
                self.add(owner, Metric::ConnectivityProbeAvailability, &on, sample.available_percent);
                if let Some(jitter) = sample.jitter_ms {
                    self.add(owner, Metric::ConnectivityProbeJitter, &on, jitter);
                }
                if let Some(rtt) = sample.rtt_ms {
                    self.add(owner, Metric::ConnectivityProbeLatency, &on, rtt);
                }
            }
        }
    }
}

fn dimensions(of: &[(&str, &str)]) -> Dimensions {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests;
