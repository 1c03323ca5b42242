//! What the API costs with 5,000 peerings: the product as a user runs it (`meetme serve`, this
//! profile's build), on SQLite and on PostgreSQL, asked over loopback by a client that costs little
//! itself. Needs no lab.
//!
//! Prints its figures and adds them to `target/figures/bench.jsonl`. All load is bounded by count or time.

mod http;
mod measure;
#[path = "../../../store/src/tests/postgres.rs"]
mod postgres;
mod product;
mod seed;

use anyhow::Context;
use meetme_journey::figures::Figures;
use meetme_store::{SealKey, Store};
use product::Product;
use std::path::Path;
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    // One thread: the product has the rest of the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut figures = Figures::default();
    let sqlite = runtime.block_on(on_sqlite(&mut figures));
    let postgres = runtime.block_on(on_postgres(&mut figures));
    print!("{}", figures.table());
    figures.append(&meetme_journey::world::root()?.join("target/figures/bench.jsonl"))?;
    sqlite.and(postgres)
}

async fn on_sqlite(figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
    measured(directory.path(), &url, "", figures).await
}

async fn on_postgres(figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    // As it comes, but for what keeps it to itself: a commit is on the disk before it is answered.
    let server = postgres::Server::start(&[]);
    measured(directory.path(), &server.url(), ".postgres", figures).await
}

/// Fills the database, starts the product on it and measures; names of figures end with `suffix`.
async fn measured(directory: &Path, url: &str, suffix: &str, figures: &mut Figures) -> anyhow::Result<()> {
    let key = SealKey::load_or_create(&directory.join("seal.key"))?;
    let store = opened(url, &key).await?;
    println!("api{suffix}: writing 5,000 peerings");
    let seeded = seed::fill(&store).await.context("filling the database")?;
    println!("api{suffix}: the product starts and looks at all of them once");
    let product = Product::start(directory, url)?;
    product.wait_settled(&store).await?;
    store.close().await;
    println!("api{suffix}: measuring");
    measure::all(&product, &seeded, suffix, figures).await
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
