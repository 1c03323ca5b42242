//! `make bench`: whole-system figures, repeated; writes `target/figures/bench.jsonl`.

use crate::figures::{Figures, percentile};
use crate::people::Engineer;
use crate::provider;
use crate::run::{activate_and_watch, onboard, register, settled};
use crate::say::Say;
use crate::traffic;
use crate::world::{self, Options, World};
use meetme_lab::proto::Fault;
use std::path::Path;
use std::time::{Duration, Instant};

/// Brings the journey to its end and measures what happens often.
pub async fn bench(state: &Path, runs: u32) -> anyhow::Result<()> {
    let say = Say::default();
    let world = World::up(state, Options::default()).await?;
    let mut figures = Figures::default();
    let measured = measure(&world, &say, runs, &mut figures).await;
    print!("\n{}", figures.table());
    figures.append(&world::root()?.join("target/figures/bench.jsonl"))?;
    world::down(state).await?;
    measured
}

async fn measure(world: &World, say: &Say, runs: u32, figures: &mut Figures) -> anyhow::Result<()> {
    let mut journey = Figures::default();
    let interconnects = onboard(world, say, &mut journey).await?;
    let keys = register(world, say, &mut journey).await?;
    activate_and_watch(world, say, &mut journey, &interconnects, &keys).await?;
    figures.0.extend(
        journey
            .0
            .into_iter()
            .filter(|f| f.name.starts_with("journey.")),
    );
    verdicts(world, say, figures).await?;
    let mut gaps = Vec::new();
    for run in 0..runs {
        let interconnect = &interconnects[run as usize % 2];
        let watch = Duration::from_secs(2);
        let (outage, ids) = traffic::outage(
            &world.lab,
            "media-fra",
            "sbc-1",
            interconnect.node,
            &[interconnect.silent()],
            watch,
        )
        .await?;
        say.line(&format!(
            "silent link {} of {runs}: {:?} ms",
            run + 1,
            outage.forward_ms
        ));
        gaps.push(outage.forward_ms.unwrap_or(f64::INFINITY));
        for id in ids {
            world.lab.mend(Some(id)).await?;
        }
        settled(world, say).await?;
    }
    let finite = |v: Option<f64>| v.filter(|v| v.is_finite());
    let how = format!("longest gap of 8 flows, {runs} runs, BFD 3 × 50 ms");
    figures.at_most(
        "failover.silent_link_ms",
        finite(percentile(&gaps, 50.0)),
        "ms",
        300.0,
        &format!("{how}, median"),
    );
    figures.at_most(
        "failover.silent_link_worst_ms",
        finite(percentile(&gaps, 100.0)),
        "ms",
        400.0,
        &format!("{how}, worst"),
    );
    let mut lost = Vec::new();
    for _ in 0..5 {
        let fault = Fault::CutSite {
            site: "site-ams1".into(),
        };
        let (outage, ids) = traffic::outage(
            &world.lab,
            "media-fra",
            "sbc-1",
            interconnects[0].node,
            &[fault],
            Duration::from_secs(3),
        )
        .await?;
        lost.push(outage.forward_ms.unwrap_or(f64::INFINITY));
        for id in ids {
            world.lab.mend(Some(id)).await?;
        }
        settled(world, say).await?;
    }
    let worst = finite(percentile(&lost, 100.0));
    figures.at_most(
        "failover.location_lost_ms",
        worst,
        "ms",
        600.0,
        "longest gap of 8 flows, 5 runs, worst",
    );
    Ok(())
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
        world
            .lab
            .announce(first, None, vec![provider::announcement(prefix)?])
            .await?;
        let began = Instant::now();
        world
            .lab
            .announce(last, None, vec![provider::announcement(prefix)?])
            .await?;
        engineer
            .wait_registered(peering, "bench", "Verified", Duration::from_secs(30))
            .await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        for node in [first, last] {
            world
                .lab
                .withdraw(node, None, vec![prefix.parse()?])
                .await?;
        }
        engineer
            .wait_registered(peering, "bench", "Failed", Duration::from_secs(30))
            .await?;
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
