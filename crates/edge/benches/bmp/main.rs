//! What BMP costs: routes sent over TCP to a real station by a router of this process, which writes
//! messages that were made beforehand (or as they go, where they'd need more memory than the
//! station). Prints a table and adds the figures to `target/figures/bench.jsonl`.
//!
//! Names of figures as arguments measure those only.

mod bounce;
#[path = "../../tests/common/fixture.rs"]
#[allow(dead_code)]
mod fixture;
mod site;
mod wire;

use meetme_figures::Figures;
use site::{Site, processor_s, resident_mib};
use std::time::Instant;
use wire::Dump;

fn main() -> anyhow::Result<()> {
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let mut figures = Figures::default();
    runtime.block_on(async {
        // Memory first: what others leave behind isn't the station's.
        if is_wanted("bmp.rss_10m_mib") {
            ten_million(&mut figures).await;
        }
        if is_wanted("bmp.routes_1m_s") {
            one_million(&mut figures).await;
        }
        if is_wanted("bmp.bounce_100x3000_s") {
            bounce::measure(&mut figures).await;
        }
    });
    print!("{}", figures.table());
    figures.record()
}

async fn one_million(figures: &mut Figures) {
    let dump = Dump { sessions: 50, routes: 20_000, prefixes_per_update: 1, salt: 0 };
    let mut site = Site::start(&dump).await;
    let mut bytes = Vec::new();
    dump.routes(|update| bytes.extend_from_slice(update));
    dump.ends_of_rib(&mut bytes);
    let (began, busy_before) = (Instant::now(), processor_s());
    let sending = site.router.send(bytes);
    site.settled(dump.routes).await;
    let took = began.elapsed().as_secs_f64();
    let busy = processor_s() - busy_before;
    sending.await.expect("the router sends");
    let how = format!(
        "1,000,000 routes of 50 sessions, each with attributes and an UPDATE of its own, until all are told \
         as in sync; {busy:.2} s of processor time with sending"
    );
    figures.at_most("bmp.routes_1m_s", Some(took), "s", 2.0, &how);
}

async fn ten_million(figures: &mut Figures) {
    let dump = Dump { sessions: 500, routes: 20_000, prefixes_per_update: 1, salt: 0 };
    let before = resident_mib("VmRSS:");
    let mut site = Site::start(&dump).await;
    let began = Instant::now();
    let sending = site.router.send_as_made(dump);
    site.settled(dump.routes).await;
    let took = began.elapsed().as_secs_f64();
    sending.await.expect("the router sends");
    let (now, peak) = (resident_mib("VmRSS:"), resident_mib("VmHWM:"));
    let how = format!(
        "the process with 10,000,000 routes of 500 sessions of one router, each prefix once, each route with \
         attributes of its own; {before:.0} MiB before, {peak:.0} MiB at most, all in after {took:.1} s"
    );
    figures.at_most("bmp.rss_10m_mib", Some(now), "MiB", 2_000.0, &how);
}
