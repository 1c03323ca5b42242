//! `make bench`: whole-system figures, repeated; writes `target/figures/bench.jsonl`.

use crate::people::Engineer;
use crate::provider;
use crate::run::{activate, footprint, onboard, register, settled, watch};
use crate::say::Say;
use crate::tables;
use crate::traffic;
use crate::world::{self, Options, World};
use meetme_figures::{Figures, percentile};
use meetme_lab::proto::Fault;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the primary location is lost.
const LOCATION_RUNS: u32 = 5;

/// Brings the journey to its end and measures what happens often.
pub async fn bench(state: &Path, runs: u32) -> anyhow::Result<()> {
    let say = Say::default();
    let world = World::up(state, Options::default()).await?;
    let mut figures = Figures::default();
    let measured = measure(&world, &say, runs, &mut figures).await;
    print!("\n{}", figures.table());
    figures.record()?;
    world::down(state).await?;
    measured
}

async fn measure(world: &World, say: &Say, runs: u32, figures: &mut Figures) -> anyhow::Result<()> {
    let mut journey = Figures::default();
    let interconnects = onboard(world, say, &mut journey).await?;
    let keys = register(world, say, &mut journey).await?;
    activate(world, say, &keys).await?;
    watch(world, say, &mut journey, &interconnects).await?;
    figures.0.extend(journey.0.into_iter().filter(|f| f.name.starts_with("journey.")));
    verdicts(world, say, figures).await?;
    let mut silent = Vec::new();
    for run in 0..runs {
        let interconnect = &interconnects[run as usize % 2];
        let gap = broken(world, say, interconnect.node, interconnect.silent()).await?;
        say.line(&format!("silent link, {} of {runs}: packets lost for {gap:.0} ms", run + 1));
        silent.push(gap);
    }
    let how = format!("longest gap of 16 flows from two metros, {runs} runs, BFD 3 × 50 ms");
    let median = finite(percentile(&silent, 50.0));
    figures.at_most("failover.silent_link_ms", median, "ms", 300.0, &format!("{how}, median"));
    let worst = finite(percentile(&silent, 100.0));
    figures.at_most("failover.silent_link_worst_ms", worst, "ms", 400.0, &format!("{how}, worst"));
    let mut lost = Vec::new();
    for _ in 0..LOCATION_RUNS {
        let fault = Fault::CutSite { site: "site-ams1".into() };
        lost.push(broken(world, say, interconnects[0].node, fault).await?);
    }
    let how = format!("longest gap of 16 flows from two metros, {LOCATION_RUNS} runs, worst");
    figures.at_most("failover.location_lost_ms", finite(percentile(&lost, 100.0)), "ms", 600.0, &how);
    footprint(world, say, figures).await?;
    tables::measure(world, say, &interconnects, figures).await
}

/// Breaks something that flows cross, and mends it; gives the longest gap in ms, infinite when
/// packets never came again: a failure, not a missing figure.
pub(crate) async fn broken(world: &World, say: &Say, over: &str, fault: Fault) -> anyhow::Result<f64> {
    let hosts = ["media-ams", "media-fra"];
    let (outages, ids) =
        traffic::outage(&world.lab, hosts, "sbc-1", over, &[fault], Duration::from_secs(2)).await?;
    for id in ids {
        world.lab.mend(Some(id)).await?;
    }
    settled(world, say).await?;
    Ok(outages.iter().map(|o| o.forward_ms.unwrap_or(f64::INFINITY)).fold(0.0, f64::max))
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite())
}

/// From an announcement to its verdict in the API, over and over.
async fn verdicts(world: &World, say: &Say, figures: &mut Figures) -> anyhow::Result<()> {
    let engineer = Engineer::new(world, say);
    let (peering, prefix) = ("contoso-ams", "198.19.30.0/24");
    engineer.register_prefix(peering, "bench", prefix).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let [first, last] = provider::routers(peering)?;
    let mut took = Vec::new();
    for _ in 0..10 {
        world.lab.announce(first, None, vec![provider::announcement(prefix)?]).await?;
        let began = Instant::now();
        world.lab.announce(last, None, vec![provider::announcement(prefix)?]).await?;
        engineer.wait_registered(peering, "bench", "Verified", Duration::from_secs(30)).await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        for node in [first, last] {
            world.lab.withdraw(node, None, vec![prefix.parse()?]).await?;
        }
        engineer.wait_registered(peering, "bench", "Failed", Duration::from_secs(30)).await?;
    }
    figures.at_most(
        "verdict.announce_to_api_ms",
        percentile(&took, 100.0),
        "ms",
        1000.0,
        "last router told to announce until Verified in the API, 10 runs, worst",
    );
    Ok(())
}
