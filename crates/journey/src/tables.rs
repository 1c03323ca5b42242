//! A link fails silently while its session brings a table besides voice: how long voice is lost when
//! 10 or 1,000 prefixes move with it (`docs/decisions/020-…`).

use crate::bench::broken;
use crate::people::Engineer;
use crate::provider::Interconnect;
use crate::run::{PEERINGS, PREFIXES, settled};
use crate::say::Say;
use crate::world::World;
use anyhow::{Context, ensure};
use meetme_figures::{Figures, percentile};
use meetme_lab::proto::Announcement;
use std::time::{Duration, Instant};

/// The most that a session may bring, voice with it.
const MAX_PREFIXES: u32 = 1_000;
/// How many prefixes are used on the session, and what the figure is called.
const TABLES: [(u32, &str); 2] =
    [(10, "failover.silent_link_10_ms"), (MAX_PREFIXES, "failover.silent_link_1k_ms")];
/// Before voice in every table that is walked in order.
const FIRST: &str = "11.0.0.0/24";
/// Counts the kernel's routes in the table that leave by a LAG: they name a next-hop object, that names the interface.
const BY_LAG: &str = "{ ip nexthop show; ip -4 route show root 11.0.0.0/8; } | \
    awk '$1 == \"id\" && / dev lag/ { lag[$2] } $2 == \"nhid\" && ($3 in lag) { n++ } END { print n + 0 }'";
/// How often the link of each of the location's routers is broken with each table.
const RUNS: usize = 3;
const LIMIT: Duration = Duration::from_secs(180);

/// Measures all tables. The offering uses ordinary routes from here on.
pub async fn measure(
    world: &World,
    say: &Say,
    interconnects: &[Interconnect],
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let engineer = Engineer::new(world, say);
    let (peering, location) = (PEERINGS[0].0, &interconnects[..2]);
    world.use_ordinary_routes()?;
    engineer.raise_max_prefixes(peering, MAX_PREFIXES).await?;
    settled(world, say).await?;
    let voice = u32::try_from(PREFIXES.len())?;
    let mut announced = 0;
    for (size, figure) in TABLES {
        let ordinary = size - voice;
        let all = Announcement::in_a_row(FIRST.parse()?, ordinary).map_err(anyhow::Error::msg)?;
        let more: Vec<Announcement> = all.into_iter().skip(announced).map(Announcement::of).collect();
        announced += more.len();
        for interconnect in location {
            world.lab.announce(interconnect.node, None, more.clone()).await?;
        }
        let mut gaps = Vec::new();
        for run in 0..RUNS * location.len() {
            in_use(world, say, location, ordinary).await?;
            let interconnect = &location[run % location.len()];
            let gap = broken(world, say, interconnect.node, interconnect.silent()).await?;
            say.line(&format!(
                "silent link of {} with {size} prefixes: voice lost for {gap:.0} ms",
                interconnect.host_router
            ));
            gaps.push(gap);
        }
        let worst = percentile(&gaps, 100.0).unwrap_or(f64::INFINITY);
        let how = format!(
            "as silent_link_ms, with {size} prefixes used on the session, voice the last of them; {} runs, on \
             FRR 8.4 and 10.3, median; worst {worst:.0}",
            gaps.len()
        );
        let median = percentile(&gaps, 50.0).filter(|gap| gap.is_finite());
        figures.at_most(figure, median, "ms", 300.0, &how);
    }
    Ok(())
}

/// Waits until each of the routers sends so many of the table's prefixes over its own interconnect.
async fn in_use(world: &World, say: &Say, location: &[Interconnect], ordinary: u32) -> anyhow::Result<()> {
    let until = Instant::now() + LIMIT;
    for Interconnect { host_router, .. } in location {
        loop {
            let output = world.lab.exec(host_router, &["sh", "-c", BY_LAG]).await?;
            let have: u32 = output.stdout.trim().parse().context("awk counts")?;
            if have >= ordinary {
                break;
            }
            say.waiting(&format!("{host_router} to use {ordinary} prefixes, {have} so far"));
            ensure!(Instant::now() < until, "{host_router} uses {have} prefixes of {ordinary}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_fits_on_a_session_and_lies_before_voice() {
        let voice: ipnet::IpNet = PREFIXES[0].1.parse().unwrap();
        for (size, _) in TABLES {
            let all = Announcement::in_a_row(FIRST.parse().unwrap(), size).unwrap();
            assert!(size <= MAX_PREFIXES && all.iter().all(|prefix| *prefix < voice));
        }
    }
}
