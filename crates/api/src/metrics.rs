//! `/metrics` for Prometheus: gauges read from the store when they are asked for. It has a router
//! of its own because it listens on an address of its own, without tokens.

mod measured;

use crate::error::ApiError;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use meetme_store::{
    Db, IdPage, Store, connections_by_state, mails_unsent, registered_prefixes_all, router_state_list,
    service_prefixes_all, work_depth,
};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// Rows read at a time.
const BATCH: u32 = 500;

/// The metrics of `store`, at `/metrics`.
pub fn metrics_router(store: Store) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            let store = store.clone();
            async move { answer(&store).await.unwrap_or_else(IntoResponse::into_response) }
        }),
    )
}

async fn answer(store: &Store) -> Result<Response, ApiError> {
    let text = render(store).await?;
    let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4");
    Ok(([kind], text).into_response())
}

async fn render(store: &Store) -> Result<String, ApiError> {
    let mut db = store.read().await?;
    let mut out = String::new();
    let connections = connections_by_state(&mut db).await?;
    by_state(&mut out, "meetme_connections", "Connections by state.", &connections);
    let (registered, activated) = prefixes(&mut db).await?;
    by_state(&mut out, "meetme_registered_prefixes", "Registered prefixes by validation state.", &registered);
    by_state(&mut out, "meetme_service_prefixes", "Activated prefixes by validation state.", &activated);
    head(&mut out, "meetme_router_reachable", "1 when the edge reaches the router.");
    for state in router_state_list(&mut db).await? {
        let _ = writeln!(
            out,
            "meetme_router_reachable{{router=\"{}\"}} {}",
            measured::escape(&state.router),
            u8::from(state.reachable)
        );
    }
    gauge(&mut out, "meetme_mails_unsent", "Mails that aren't sent yet.", mails_unsent(&mut db).await?);
    gauge(
        &mut out,
        "meetme_work_depth",
        "Things that the reconcilers have to look at or are looking at.",
        work_depth(&mut db, crate::entry::now()).await?,
    );
    measured::write(&mut out, &mut db, crate::entry::now()).await?;
    Ok(out)
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn gauge(out: &mut String, name: &str, help: &str, value: i64) {
    head(out, name, help);
    let _ = writeln!(out, "{name} {value}");
}

fn by_state<S: Display>(out: &mut String, name: &str, help: &str, counts: &BTreeMap<S, u64>) {
    head(out, name, help);
    for (state, count) in counts {
        let _ = writeln!(out, "{name}{{state=\"{state}\"}} {count}");
    }
}

type Counts = BTreeMap<&'static str, u64>;

async fn prefixes(db: &mut impl Db) -> Result<(Counts, Counts), ApiError> {
    let (mut registered, mut activated) = (Counts::new(), Counts::new());
    let mut page = IdPage::first(BATCH);
    loop {
        let rows = registered_prefixes_all(db, page).await?;
        for r in &rows {
            *registered.entry(r.verdict.state.wire_name()).or_insert(0) += 1;
        }
        page.after = rows.last().map(|r| r.id);
        if rows.len() < BATCH as usize {
            break;
        }
    }
    page = IdPage::first(BATCH);
    loop {
        let rows = service_prefixes_all(db, page).await?;
        for r in &rows {
            *activated.entry(r.verdict.state.wire_name()).or_insert(0) += 1;
        }
        page.after = rows.last().map(|r| r.id);
        if rows.len() < BATCH as usize {
            return Ok((registered, activated));
        }
    }
}
