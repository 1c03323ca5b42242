//! The figures: one kind of request at a time over one connection, as many as go through, and reads
//! beside writes. Every answer is looked at; one that isn't what was asked for ends the measurement.

use crate::http::{Client, request};
use crate::product::Product;
use crate::seed::{self, METERED, METROS, NETWORKS, NEW_NETWORKS, SUBSCRIPTIONS, Seeded};
use anyhow::ensure;
use jiff::SignedDuration;
use meetme_figures::{Figures, percentile};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

const VERSION: &str = "api-version=2025-05-01";
/// Requests before those that count.
const WARM: usize = 200;
const GETS: usize = 2_000;
const LISTS: usize = 40;
const METRICS: usize = 100;
const PUTS: usize = 200;
/// Connections that ask as fast as they are answered.
const BUSY_CLIENTS: usize = 32;
const BUSY_TIME: Duration = Duration::from_secs(5);
/// Clients that read while others write.
const READERS: usize = 100;
const READ_TIME: Duration = Duration::from_secs(10);
/// Every so many reads one is a whole page.
const PAGE_EVERY: usize = 200;

/// Measures everything; names of figures end with `suffix`.
pub async fn all(
    product: &Product,
    seeded: &Seeded,
    suffix: &str,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let host = Host { product, seeded };
    let name = |name: &str| format!("{name}{suffix}");
    let took = host.gets().await?;
    let how = format!("a peering of two connections, {GETS} times over one connection, median");
    figures.at_most(&name("api.get_one_ms"), percentile(&took, 50.0), "ms", 1.0, &how);
    let (per_s, cpu_us) = host.busy().await?;
    let how = format!("{BUSY_CLIENTS} connections for {} s, client on the same cores", BUSY_TIME.as_secs());
    figures.at_least(&name("api.get_one_per_s"), Some(per_s), "/s", 5_000.0, &how);
    figures.tell(&name("api.get_one_cpu_us"), Some(cpu_us), "us", "processor time of the product, of these");
    let took = host.lists().await?;
    let how = format!("a page of 1,000 peerings, {LISTS} times over one connection, median");
    figures.at_most(&name("api.list_1000_ms"), percentile(&took, 50.0), "ms", 20.0, &how);
    let took = host.puts(0, PUTS).await?;
    let how = format!("a new peering of two connections, {PUTS} times one after the other, on disk");
    figures.at_most(&name("api.put_ms"), percentile(&took, 50.0), "ms", 10.0, &format!("{how}, median"));
    figures.tell(&name("api.put_p99_ms"), percentile(&took, 99.0), "ms", &format!("{how}, 99 %"));
    let took = host.metrics().await?;
    let how = format!("one metric of a peering over a day in 288 points, {METRICS} times, median");
    figures.at_most(&name("api.metrics_1d_ms"), percentile(&took, 50.0), "ms", 10.0, &how);
    let (read, written) = host.reads_beside_writes().await?;
    let how = format!(
        "{READERS} clients read without a pause for {} s, a page of 1,000 every {PAGE_EVERY} reads, \
         {written} peerings written meanwhile, 99 %",
        READ_TIME.as_secs()
    );
    figures.at_most(&name("api.read_p99_ms"), percentile(&read, 99.0), "ms", 50.0, &how);
    Ok(())
}

/// Measures a page before the database knows how many rows its tables have, as after a restore: what it costs must not
/// depend on that.
pub async fn uncounted(product: &Product, seeded: &Seeded, figures: &mut Figures) -> anyhow::Result<()> {
    let took = Host { product, seeded }.lists().await?;
    let how = format!("a page of 1,000 peerings, {LISTS} times, before PostgreSQL counted its rows, median");
    figures.at_most("api.list_1000_uncounted_ms.postgres", percentile(&took, 50.0), "ms", 20.0, &how);
    Ok(())
}

struct Host<'a> {
    product: &'a Product,
    seeded: &'a Seeded,
}

impl Host<'_> {
    async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.product.address).await
    }

    /// The `i`th of all peerings, in an order that jumps between subscriptions, networks and metros.
    fn get(&self, i: usize) -> Vec<u8> {
        let i = i.wrapping_mul(7_919) % (SUBSCRIPTIONS * NETWORKS * METROS);
        let (s, n, m) = (i % SUBSCRIPTIONS, i / SUBSCRIPTIONS % NETWORKS, i / SUBSCRIPTIONS / NETWORKS);
        request("GET", &versioned(s, n, m), &self.seeded.tokens[s], "")
    }

    fn list(&self, s: usize) -> Vec<u8> {
        let all = format!("/subscriptions/{}/providers/Microsoft.Peering/peerings", seed::subscription(s));
        request("GET", &format!("{all}?{VERSION}"), &self.seeded.tokens[s], "")
    }

    /// Asks for the `i`th peering that isn't there yet.
    fn put(&self, i: usize) -> Vec<u8> {
        let s = i % SUBSCRIPTIONS;
        let (n, m) = (NETWORKS + i / SUBSCRIPTIONS % NEW_NETWORKS, i / SUBSCRIPTIONS / NEW_NETWORKS);
        let connection = serde_json::json!({
            "bandwidthInMbps": 10_000, "peeringDBFacilityId": seed::facility(m),
            "bgpSession": { "md5AuthenticationKey": "a-key-of-some-length" } });
        let asn = format!(
            "/subscriptions/{}/providers/Microsoft.Peering/peerAsns/{}",
            seed::subscription(s),
            seed::network(n)
        );
        let body = serde_json::json!({
            "kind": "Direct", "location": "westeurope", "sku": { "name": "Premium_Direct_Free" },
            "properties": { "peeringLocation": seed::metro(m), "direct": {
                "directPeeringType": "Voice", "peerAsn": { "id": asn },
                "connections": [connection.clone(), connection] } } });
        request("PUT", &versioned(s, n, m), &self.seeded.tokens[s], &body.to_string())
    }

    async fn gets(&self) -> anyhow::Result<Vec<f64>> {
        let mut client = self.client().await?;
        let reply = client.ask(&self.get(0)).await?;
        let shown: serde_json::Value = serde_json::from_slice(reply.body)?;
        let connections = &shown["properties"]["direct"]["connections"];
        ensure!(connections[1]["bgpSession"]["sessionStateV6"] == "Established", "not as seeded: {shown}");
        let mut took = Vec::with_capacity(GETS);
        for i in 0..WARM + GETS {
            let (request, began) = (self.get(i), Instant::now());
            let reply = client.ask(&request).await?;
            took.push(ms(began));
            ensure!(reply.status == 200, "a GET was answered with {}", said(reply.status, reply.body));
        }
        Ok(took.split_off(WARM))
    }

    /// Requests per second, and the product's processor time for each in µs.
    async fn busy(&self) -> anyhow::Result<(f64, f64)> {
        let asked = Cell::new(0_usize);
        let (began, cpu) = (Instant::now(), self.product.cpu()?);
        let until = began + BUSY_TIME;
        together(BUSY_CLIENTS, async |_| {
            let mut client = self.client().await?;
            while Instant::now() < until {
                asked.set(asked.get() + 1);
                let reply = client.ask(&self.get(asked.get())).await?;
                ensure!(reply.status == 200, "a GET was answered with {}", said(reply.status, reply.body));
            }
            Ok(())
        })
        .await?;
        let (asked, cpu) = (asked.get() as f64, self.product.cpu()? - cpu);
        Ok((asked / began.elapsed().as_secs_f64(), cpu.as_secs_f64() * 1e6 / asked))
    }

    async fn lists(&self) -> anyhow::Result<Vec<f64>> {
        const WARM_LISTS: usize = 5;
        let mut client = self.client().await?;
        let reply = client.ask(&self.list(0)).await?;
        let shown: serde_json::Value = serde_json::from_slice(reply.body)?;
        let count = shown["value"].as_array().map_or(0, Vec::len);
        ensure!(count == NETWORKS * METROS, "a page has {count} peerings");
        let mut took = Vec::with_capacity(LISTS);
        for i in 0..WARM_LISTS + LISTS {
            let (request, began) = (self.list(i % SUBSCRIPTIONS), Instant::now());
            let reply = client.ask(&request).await?;
            took.push(ms(began));
            ensure!(reply.status == 200, "a list was answered with {}", said(reply.status, reply.body));
        }
        Ok(took.split_off(WARM_LISTS))
    }

    async fn metrics(&self) -> anyhow::Result<Vec<f64>> {
        const POINTS: usize = 288;
        let until = self.seeded.measured_until;
        let from = until - SignedDuration::from_hours(24);
        let mut client = self.client().await?;
        let mut took = Vec::with_capacity(METRICS);
        for i in 0..METRICS {
            let path = format!(
                "{}/providers/microsoft.insights/metrics?api-version=2023-10-01\
                 &metricnames=IngressTrafficRate&timespan={from}/{until}&interval=PT5M&aggregation=Average",
                path(0, 0, i % METERED)
            );
            let request = request("GET", &path, &self.seeded.tokens[0], "");
            let began = Instant::now();
            let reply = client.ask(&request).await?;
            took.push(ms(began));
            ensure!(reply.status == 200, "metrics were answered with {}", said(reply.status, reply.body));
            let shown: serde_json::Value = serde_json::from_slice(reply.body)?;
            let data = shown["value"][0]["timeseries"][0]["data"].as_array();
            let points = data.map_or(0, |d| d.iter().filter(|p| p["average"].is_number()).count());
            ensure!(points == POINTS, "a day has {points} points: {}", said(reply.status, reply.body));
        }
        Ok(took)
    }

    /// Asks for `count` new peerings from the `first` on.
    async fn puts(&self, first: usize, count: usize) -> anyhow::Result<Vec<f64>> {
        let mut client = self.client().await?;
        let mut took = Vec::with_capacity(count);
        for i in first..first + count {
            let (request, began) = (self.put(i), Instant::now());
            let reply = client.ask(&request).await?;
            took.push(ms(began));
            ensure!(reply.status == 201, "a PUT was answered with {}", said(reply.status, reply.body));
        }
        Ok(took)
    }

    /// How long each read took while peerings were written, and how many were.
    async fn reads_beside_writes(&self) -> anyhow::Result<(Vec<f64>, usize)> {
        let until = Instant::now() + READ_TIME;
        let (took, written) = (RefCell::new(Vec::new()), Cell::new(0));
        let asked = Cell::new(0_usize);
        together(READERS + 1, async |client| {
            if client == READERS {
                while Instant::now() < until {
                    self.puts(PUTS + written.get(), 1).await?;
                    written.set(written.get() + 1);
                }
                return Ok(());
            }
            let mut client = self.client().await?;
            while Instant::now() < until {
                asked.set(asked.get() + 1);
                let i = asked.get();
                let request = if i.is_multiple_of(PAGE_EVERY) {
                    self.list(i / PAGE_EVERY % SUBSCRIPTIONS)
                } else {
                    self.get(i)
                };
                let began = Instant::now();
                let reply = client.ask(&request).await?;
                took.borrow_mut().push(ms(began));
                ensure!(reply.status == 200, "a read was answered with {}", said(reply.status, reply.body));
            }
            Ok(())
        })
        .await?;
        Ok((took.into_inner(), written.get()))
    }
}

/// Runs `count` clients at once, each with its number, until all ended or one failed.
async fn together(count: usize, client: impl AsyncFn(usize) -> anyhow::Result<()>) -> anyhow::Result<()> {
    futures::future::try_join_all((0..count).map(|i| client(i))).await?;
    Ok(())
}

fn path(s: usize, n: usize, m: usize) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering/peerings/{}",
        seed::subscription(s),
        seed::group(n),
        seed::peering(n, m)
    )
}

fn versioned(s: usize, n: usize, m: usize) -> String {
    format!("{}?{VERSION}", path(s, n, m))
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn said(status: u16, body: &[u8]) -> String {
    format!("{status}: {}", String::from_utf8_lossy(&body[..body.len().min(1_000)]))
}
