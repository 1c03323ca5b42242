//! `GET …/peerings/{name}/rpUnbilledPrefixes`: prefixes that the peering brings and the host uses,
//! so that traffic towards them is settlement free. Asked live, as `receivedRoutes` is.
//!
//! A page asks each router only for what comes after the page before it. Consolidated prefixes
//! depend on all others, so that these are read whole for each page, up to a bound.

use crate::arm::inventory;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page;
use meetme_model::connection::Connection;
use meetme_model::consolidate::consolidate;
use meetme_model::link::{EdgeAnswer, EdgeQuery, RouteFilter};
use meetme_model::{Asn, Prefix};
use meetme_store::connections_of;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most prefixes that are consolidated: what one connection may bring (`docs/rules.md` §2).
const CONSOLIDATED_AT_MOST: usize = 22_000;

/// Rows asked of a router at once.
const ROWS_AT_ONCE: u32 = 1_000;

/// Sorts behind every session's name: what comes after it is another prefix.
const BEHIND_ALL_SESSIONS: &str = "\u{10ffff}";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    prefix: Prefix,
    azure_region: String,
    peer_asn: Asn,
}

/// Answers a page of prefixes, each once, in their order.
pub(crate) async fn list(call: Call) -> Answer {
    let consolidated = wants_consolidated(&call)?;
    let after = page::position(&call)?
        .map(|text| text.parse::<Prefix>().map_err(|_| page::bad_token()))
        .transpose()?;
    let (peering, connections) = {
        let mut db = call.state.store.read().await?;
        let peering = peering_of(&call, &mut db).await?;
        let connections = connections_of(&mut db, peering.id).await?;
        (peering, connections)
    };
    let inventory = inventory(&call).await?;
    let region = inventory.location(&peering.spec.location).map_or(&peering.spec.region, |l| &l.region);
    let sessions = open_sessions(&connections);
    let size = call.state.settings.page_size;
    let rows: Vec<Prefix> = if consolidated {
        let all = used(&call, &sessions, None, CONSOLIDATED_AT_MOST + 1).await?;
        if all.len() > CONSOLIDATED_AT_MOST {
            return Err(too_many());
        }
        consolidate(all).into_iter().filter(|p| after.is_none_or(|after| *p > after)).collect()
    } else {
        used(&call, &sessions, after, size + 1).await?.into_iter().collect()
    };
    let shown = |prefix| Shown { prefix, azure_region: region.clone(), peer_asn: peering.spec.asn };
    ok(page::page(&call, rows, Prefix::to_string, shown))
}

fn wants_consolidated(call: &Call) -> Result<bool, ApiError> {
    match call.query("consolidate").map(str::trim).filter(|c| !c.is_empty()) {
        None => Ok(false),
        Some(c) if c.eq_ignore_ascii_case("true") => Ok(true),
        Some(c) if c.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(ApiError::bad_request("InvalidFilter", "consolidate", "use true or false")),
    }
}

fn too_many() -> ApiError {
    ApiError::bad_request(
        "TooManyPrefixes",
        "consolidate",
        format!(
            "the host uses more than {CONSOLIDATED_AT_MOST} prefixes of this peering, too many to be consolidated at once; ask without consolidate"
        ),
    )
}

/// The sessions whose routes may be used, by router.
fn open_sessions(connections: &[Connection]) -> BTreeMap<&str, Vec<(String, String)>> {
    let mut by_router: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for c in connections.iter().filter(|c| c.state.is_open()) {
        let Some(ports) = &c.ports else { continue };
        let names = c.sessions().map(|(name, _)| (ports.router.clone(), name));
        by_router.entry(&ports.router).or_default().extend(names);
    }
    by_router
}

/// The first `most` prefixes after `after` that any router uses, or all that there are. Of each
/// router as many are read, so that none before the last of them is missed.
async fn used(
    call: &Call,
    sessions: &BTreeMap<&str, Vec<(String, String)>>,
    after: Option<Prefix>,
    most: usize,
) -> Result<BTreeSet<Prefix>, ApiError> {
    let mut all = BTreeSet::new();
    for (router, sessions) in sessions {
        let mut of_router = 0;
        let mut after = after;
        while of_router < most {
            let (prefixes, more) = batch(call, router, sessions, after, most - of_router).await?;
            after = prefixes.last().copied();
            of_router += prefixes.len();
            all.extend(prefixes);
            if !more || after.is_none() {
                break;
            }
        }
        while all.len() > most {
            all.pop_last();
        }
    }
    Ok(all)
}

/// A router's next prefixes in use, and whether there are more behind them.
async fn batch(
    call: &Call,
    router: &str,
    sessions: &[(String, String)],
    after: Option<Prefix>,
    most: usize,
) -> Result<(BTreeSet<Prefix>, bool), ApiError> {
    let query = EdgeQuery::ReceivedRoutes {
        sessions: sessions.to_vec(),
        filter: RouteFilter { used: Some(true), ..RouteFilter::default() },
        after: after.map(|prefix| (prefix, BEHIND_ALL_SESSIONS.to_owned())),
        limit: u32::try_from(most).map_or(ROWS_AT_ONCE, |most| most.min(ROWS_AT_ONCE)),
    };
    let answer = (call.state.queries)(router.to_owned(), query)
        .await
        .map_err(|e| ApiError::edge_unavailable(&format!("{router}: {e}")))?;
    let EdgeAnswer::ReceivedRoutes { rows, next } = answer else {
        return Err(ApiError::internal("an edge answered another question"));
    };
    Ok((rows.into_iter().map(|row| row.route.prefix).collect(), next.is_some()))
}
