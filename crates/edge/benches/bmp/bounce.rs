//! All peers go and come back with their routes, while the host's space changes twice and pages are
//! asked for.

use crate::site::{self, ROUTER, Site};
use crate::wire::{self, Dump};
use meetme_edge::bmp::Station;
use meetme_figures::{Figures, percentile};
use meetme_model::link::RouteFilter;
use meetme_model::prefix::Prefix;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BEFORE: Dump = Dump { sessions: 100, routes: 3_000, prefixes_per_update: 1, salt: 0 };
const AFTER: Dump = Dump { salt: 1, ..BEFORE };
/// The host's space in the end: some peers announce nothing else, some none of it.
const HOST_SPACE: &str = "4.0.0.0/6";
const HOST_SPACE_BEGINS: Ipv4Addr = Ipv4Addr::new(4, 0, 0, 0);
const ROUNDS: usize = 3;
const PAGE: u32 = 100;
/// Between one page and the next question.
const PAUSE: Duration = Duration::from_millis(1);

/// Measures both figures.
pub async fn measure(figures: &mut Figures) {
    let mut took_s = Vec::new();
    let mut asked_ms = Vec::new();
    for _ in 0..ROUNDS {
        let (took, asked) = round().await;
        took_s.push(took);
        asked_ms.extend(asked);
    }
    let how = "100 peers with 3,000 routes go and come back with other attributes, host space changed twice \
               meanwhile, until all is judged by it and in sync (1 s of silence is part of it); worst of 3";
    figures.at_most("bmp.bounce_100x3000_s", percentile(&took_s, 100.0), "s", 2.0, how);
    let how = format!("a page of {PAGE} routes of 100 sessions meanwhile, {} asked, 99 %", asked_ms.len());
    figures.at_most("bmp.query_p99_ms", percentile(&asked_ms, 99.0), "ms", 20.0, &how);
}

async fn round() -> (f64, Vec<f64>) {
    let mut site = Site::start(&BEFORE).await;
    let mut bytes = Vec::new();
    BEFORE.routes(|update| bytes.extend_from_slice(update));
    BEFORE.ends_of_rib(&mut bytes);
    site.router.send(bytes).await.expect("the router sends");
    site.settled(BEFORE.routes).await;

    let mut bytes = Vec::new();
    (0..AFTER.sessions).for_each(|session| wire::peer_down(session, &mut bytes));
    for session in 0..AFTER.sessions {
        wire::peer_up(session, &mut bytes);
        AFTER.routes_of(session, |update| bytes.extend_from_slice(update));
    }
    let spaces = ["0.0.0.0/0", HOST_SPACE].map(|text| text.parse::<Prefix>().expect("a prefix"));
    let policies = spaces.map(|space| site::sessions(AFTER.sessions, &[space]));
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask(site.station.clone(), is_over.clone()));
    site.forget();
    let began = Instant::now();
    let sending = site.router.send(bytes);
    let [first, second] = policies;
    site.station.configure_sessions(ROUTER, first);
    // The second one finds everything back already, and judges all of it again.
    site.told_once_of_all(|session| session.received == AFTER.routes && !session.synced).await;
    site.station.configure_sessions(ROUTER, second);
    let used: HashMap<String, u32> =
        (0..AFTER.sessions).map(|n| (site::name(n), AFTER.routes_below(n, HOST_SPACE_BEGINS))).collect();
    site.told_of_all(|session| {
        session.synced && session.received == AFTER.routes && session.used == used[&session.session]
    })
    .await;
    let took = began.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    sending.await.expect("the router sends");
    (took, asking.await.expect("the questions end"))
}

async fn ask(station: Arc<Station>, is_over: Arc<AtomicBool>) -> Vec<f64> {
    let sessions: Vec<(String, String)> =
        (0..AFTER.sessions).map(|n| (ROUTER.to_owned(), site::name(n))).collect();
    let filter = RouteFilter::default();
    let mut after = None;
    let mut asked_ms = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let (rows, next) = station.received_routes(&sessions, &filter, after.take(), PAGE).await;
        asked_ms.push(began.elapsed().as_secs_f64() * 1000.0);
        assert!(rows.len() <= PAGE as usize, "a page has its limit");
        after = next;
        tokio::time::sleep(PAUSE).await;
    }
    asked_ms
}
