//! How long each kind of page takes, and how much a first visit loads.

use crate::browser::Browser;
use crate::more::People;
use crate::pages::{self, Kind, Known};
use crate::product::Product;
use crate::seed::{group, peering, subscription};
use anyhow::{Context, ensure};
use meetme_figures::{Figures, percentile};
use meetme_store::{IdPage, Store, connections_of, connections_waiting, peering_get, people_list};
use std::collections::BTreeSet;
use std::time::Instant;

/// Requests of a page before those that count.
const WARM: usize = 3;
const REQUESTS: usize = 25;

/// Measures every kind of page; a kind that isn't answered is told at the end, after all others.
pub async fn pages(
    product: &Product,
    store: &Store,
    people: &People,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let all = pages::all(&known(store).await?);
    let mut operator = Browser::connect(product.address, &people.operator).await?;
    let mut peer = Browser::connect(product.address, &people.peer).await?;
    let (mut worst, mut wrong) = ((0.0, "none"), Vec::new());
    for kind in &all {
        let browser = if kind.operator { &mut operator } else { &mut peer };
        match one(browser, kind).await {
            Ok(median) => {
                let how = format!("server time of a page, {REQUESTS} times over one connection, median");
                figures.tell(&format!("portal.page_ms.{}", kind.name), Some(median), "ms", &how);
                if median > worst.0 {
                    worst = (median, kind.name);
                }
            }
            Err(e) => wrong.push(format!("{}: {e}", kind.name)),
        }
    }
    let how = format!("the slowest of {} kinds of pages ({}), median of {REQUESTS}", all.len(), worst.1);
    figures.at_most("portal.page_ms", Some(worst.0).filter(|_| wrong.is_empty()), "ms", 50.0, &how);
    ensure!(wrong.is_empty(), "pages aren't answered: {}", wrong.join("; "));
    Ok(())
}

/// What addresses need.
async fn known(store: &Store) -> anyhow::Result<Known> {
    let mut db = store.read().await?;
    let first = peering_get(&mut db, &subscription(0), &group(0), &peering(0, 0)).await?;
    let connections = connections_of(&mut db, first.context("the first peering isn't there")?.id).await?;
    let waiting = connections_waiting(&mut db, 1).await?;
    let person = people_list(&mut db, IdPage::first(1)).await?;
    Ok(Known {
        identifier: connections.first().context("no connection")?.spec.identifier.clone(),
        waiting: waiting.first().context("nothing waits")?.0.id,
        person: person.first().context("nobody is there")?.id,
    })
}

/// The median of a page in ms.
async fn one(browser: &mut Browser, kind: &Kind) -> anyhow::Result<f64> {
    let mut took = Vec::with_capacity(REQUESTS);
    for _ in 0..WARM + REQUESTS {
        let began = Instant::now();
        let reply = browser.get(&kind.path).await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(reply.status == 200, "{} was answered with {}", kind.path, reply.status);
    }
    percentile(&took[WARM..], 50.0).context("nothing was measured")
}

/// Measures what a browser that takes compressed answers loads for a first visit of home: the page and every asset
/// that it names.
pub async fn first_load(product: &Product, people: &People, figures: &mut Figures) -> anyhow::Result<()> {
    const COMPRESSED: &str = "Accept-Encoding: gzip, br\r\n";
    let mut browser = Browser::connect(product.address, &people.operator).await?;
    let assets: BTreeSet<String> = named(&browser.get("/").await?.text);
    ensure!(assets.len() >= 3, "home names {} assets", assets.len());
    let mut bytes = browser.ask("/", COMPRESSED).await?.bytes_on_wire;
    for asset in &assets {
        let reply = browser.ask(asset, COMPRESSED).await?;
        ensure!(reply.status == 200, "{asset} was answered with {}", reply.status);
        bytes += reply.bytes_on_wire;
    }
    let how = format!("home of an operator with {} assets, with heads, as sent", assets.len());
    figures.at_most("portal.first_load_kib", Some(bytes as f64 / 1024.0), "KiB", 300.0, &how);
    Ok(())
}

/// The assets that a page names.
fn named(page: &str) -> BTreeSet<String> {
    let after = page.split("\"/assets/").skip(1);
    after.filter_map(|rest| rest.split('"').next()).map(|file| format!("/assets/{file}")).collect()
}
