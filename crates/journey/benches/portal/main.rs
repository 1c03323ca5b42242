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
#[path = "../shared/machine.rs"]
mod machine;
mod measure;
mod more;
mod pages;
#[path = "../shared/product.rs"]
#[allow(dead_code, reason = "the API's bench tells its processor time")]
mod product;
#[path = "../shared/rest.rs"]
mod rest;
#[path = "../shared/seed.rs"]
#[allow(dead_code, reason = "people look here, not programs with tokens")]
mod seed;

use anyhow::Context;
use edge::Edge;
use machine::Spent;
use meetme_figures::Figures;
use meetme_store::{Reader, SealKey, Store, session_routes_get};
use product::Product;

fn main() -> anyhow::Result<()> {
    // The edge has a thread of its own beside the browser: the product has the rest of the machine.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut figures = Figures::default();
    let measured = runtime.block_on(measured(&mut figures));
    print!("{}", figures.table());
    figures.record()?;
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
    rest::wait(&product, &store, rest::nothing_more).await?;
    println!("portal: the edge links in and receives {} routes", edge::ROUTES);
    let edge = Edge::start(&product.edge_socket).await?;
    let (router, session) = edge.fed()?;
    rest::wait(&product, &store, async |db| routes_kept(db, router, &session).await).await?;
    println!("portal: measuring");
    let spent = Spent::now()?;
    let pages = measure::pages(&product, &store, &people, figures).await;
    let first = measure::first_load(&product, &people, figures).await;
    let live = live::events(&product, &people, &edge, figures).await;
    spent.tell("portal.others_percent", figures)?;
    store.close().await;
    pages.and(first).and(live)
}

/// Whether the product knows what the session receives.
async fn routes_kept(db: &mut Reader, router: &str, session: &str) -> anyhow::Result<Option<String>> {
    let kept = session_routes_get(db, router, session).await?;
    let (received, synced) = kept.map_or((0, false), |routes| (routes.received, routes.synced));
    let all = synced && received == edge::ROUTES;
    Ok((!all).then(|| format!("it knows of {received} routes of {session}, synced: {synced}")))
}
