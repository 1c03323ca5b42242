//! How soon an open page shows what happens on a router: an edge tells that a session went down (or came back), the
//! page's stream tells that something changed, and the page's live part is asked for, as a browser does, until it
//! shows it.

use crate::browser::Browser;
use crate::edge::Edge;
use crate::more::People;
use crate::product::Product;
use crate::seed::{group, peering, subscription};
use anyhow::{Context, ensure};
use meetme_figures::{Figures, percentile};
use std::time::{Duration, Instant};

const TIMES: usize = 20;
/// Between two of them, so that each is told by itself.
const REST: Duration = Duration::from_millis(1_500);
/// A page that doesn't show it by then doesn't at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// How a session that is down is shown; all others are established.
const DOWN: &str = "Idle";

/// Measures it.
pub async fn events(
    product: &Product,
    people: &People,
    edge: &Edge,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let path = format!("/peerings/{}/{}/{}/connections", subscription(0), group(0), peering(0, 0));
    let mut page = Browser::connect(product.address, &people.peer).await?;
    let mut stream = Browser::connect(product.address, &people.peer).await?;
    ensure!(!page.get(&path).await?.text.contains(DOWN), "a session is down before it is cut");
    stream.follow().await?;
    let mut took = Vec::with_capacity(TIMES);
    for n in 0..TIMES {
        let cut = n % 2 == 0;
        tokio::time::sleep(REST).await;
        stream.forget();
        let began = Instant::now();
        edge.cut(cut).await?;
        let shown = tokio::time::timeout(PATIENCE, shown(&mut stream, &mut page, &path, cut)).await;
        shown.context("a change is never shown")??;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let how =
        format!("an edge tells that a session changed, until the page's live part shows it, {TIMES} times");
    figures.tell("portal.event_to_page_median_ms", percentile(&took, 50.0), "ms", &format!("{how}, median"));
    let worst = percentile(&took, 100.0);
    figures.at_most("portal.event_to_page_ms", worst, "ms", 1_000.0, &format!("{how}, worst"));
    Ok(())
}

async fn shown(stream: &mut Browser, page: &mut Browser, path: &str, down: bool) -> anyhow::Result<()> {
    loop {
        stream.changed().await?;
        let reply = page.ask(path, "HX-Request: true\r\n").await?;
        ensure!(reply.status == 200, "the live part was answered with {}", reply.status);
        if reply.text.contains(DOWN) == down {
            return Ok(());
        }
    }
}
