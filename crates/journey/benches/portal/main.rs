//! What the portal's pages cost with 5,000 peerings, and how soon an open page shows what happens on a router: the
//! product as a user runs it (`meetme serve`, this profile's build) on SQLite, looked at by a browser's requests
//! over loopback. Needs no lab.
//!
//! One site has an edge: the edge's own BMP station, fed with 100,000 routes in BMP over TCP, on a real link (a unix
//! socket). It has no routers below it: what a router's sessions are is told by the bench.
//!
//! Prints its figures and adds them to `target/figures/bench.jsonl`. All load is bounded by count or time.

mod browser;
mod edge;
mod live;
mod measure;
mod more;
mod pages;
mod product;
#[path = "../api/seed.rs"]
#[allow(dead_code, reason = "people look here, not programs with tokens")]
mod seed;

use anyhow::Context;
use edge::Edge;
use meetme_journey::figures::Figures;
use meetme_store::{SealKey, Store};
use product::Product;

fn main() -> anyhow::Result<()> {
    // The edge has a thread of its own beside the browser: the product has the rest of the machine.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut figures = Figures::default();
    let measured = runtime.block_on(measured(&mut figures));
    print!("{}", figures.table());
    figures.append(&meetme_journey::world::root()?.join("target/figures/bench.jsonl"))?;
    measured
}

async fn measured(figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
    let key = SealKey::load_or_create(&directory.path().join("seal.key"))?;
    let store = Store::open(&url, &key).await?;
    println!("portal: writing 5,000 peerings with prefixes, services and requests");
    seed::fill(&store).await.context("filling the database")?;
    let people = more::fill(&store).await.context("filling the database")?;
    println!("portal: the product starts and looks at all of them once");
    let product = Product::start(directory.path(), &url)?;
    product.wait_settled(&store).await?;
    println!("portal: the edge links in and receives {} routes", edge::ROUTES);
    let edge = Edge::start(&product.edge_socket).await?;
    product.wait_settled(&store).await?;
    println!("portal: measuring");
    let pages = measure::pages(&product, &store, &people, figures).await;
    let first = measure::first_load(&product, &people, figures).await;
    let live = live::events(&product, &people, &edge, figures).await;
    store.close().await;
    pages.and(first).and(live)
}
