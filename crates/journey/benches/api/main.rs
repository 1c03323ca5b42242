//! What the API costs with 5,000 peerings: the product as a user runs it (`meetme serve`, this
//! profile's build), on SQLite and on PostgreSQL, asked over loopback by a client that costs little
//! itself. Needs no lab.
//!
//! Prints its figures and adds them to `target/figures/bench.jsonl`. All load is bounded by count or time.

mod http;
#[path = "../shared/machine.rs"]
mod machine;
mod measure;
#[path = "../../../store/src/tests/postgres.rs"]
mod postgres;
#[path = "../shared/product.rs"]
#[allow(dead_code, reason = "no edge links in here")]
mod product;
#[path = "../shared/rest.rs"]
mod rest;
#[path = "../shared/seed.rs"]
mod seed;

use anyhow::Context;
use machine::Spent;
use meetme_figures::Figures;
use meetme_store::{SealKey, Store};
use postgres::Server;
use product::Product;
use seed::Seeded;
use std::path::Path;
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    // One thread: the product has the rest of the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut figures = Figures::default();
    let sqlite = runtime.block_on(on_sqlite(&mut figures));
    let postgres = runtime.block_on(on_postgres(&mut figures));
    print!("{}", figures.table());
    figures.record()?;
    sqlite.and(postgres)
}

async fn on_sqlite(figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
    let (product, seeded) = started(directory.path(), &url, "").await?;
    measured(&product, &seeded, "", figures).await
}

async fn on_postgres(figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    // As it comes, but for what keeps it to itself (a commit is on the disk before it is answered), and for when it
    // counts its rows: between two figures, instead of a minute after they were written, beside one.
    let server = Server::start(&["autovacuum=off"]);
    let (product, seeded) = started(directory.path(), &server.url(), ".postgres").await?;
    measure::uncounted(&product, &seeded, figures).await?;
    server.run("VACUUM ANALYZE");
    server.run("CHECKPOINT");
    measured(&product, &seeded, ".postgres", figures).await
}

/// Fills the database, starts the product on it, and waits until it is at rest.
async fn started(directory: &Path, url: &str, suffix: &str) -> anyhow::Result<(Product, Seeded)> {
    let key = SealKey::load_or_create(&directory.join("seal.key"))?;
    let store = opened(url, &key).await?;
    println!("api{suffix}: writing 5,000 peerings");
    let seeded = seed::fill(&store).await.context("filling the database")?;
    println!("api{suffix}: the product starts and looks at all of them once");
    let product = Product::start(directory, url)?;
    rest::wait(&product, &store, rest::nothing_more).await?;
    store.close().await;
    Ok((product, seeded))
}

/// Measures everything, and what others did on this machine meanwhile; names of figures end with `suffix`.
async fn measured(
    product: &Product,
    seeded: &Seeded,
    suffix: &str,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    println!("api{suffix}: measuring");
    let spent = Spent::now()?;
    let measured = measure::all(product, seeded, suffix, figures).await;
    spent.tell(&format!("api.others_percent{suffix}"), figures)?;
    measured
}

/// Opens the store as soon as its server takes connections.
async fn opened(url: &str, key: &SealKey) -> anyhow::Result<Store> {
    for _ in 0..600 {
        if let Ok(store) = Store::open(url, key).await {
            return Ok(store);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Store::open(url, key).await?)
}
