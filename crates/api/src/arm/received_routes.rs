//! `GET …/peerings/{name}/receivedRoutes`: what the peering's sessions received, asked live.
//!
//! Routes stay at the edge. Each router of the peering is asked for a page after the same position;
//! the pages are merged in the order of prefix and session, so that the token is one position for
//! all of them. Each row says, besides the standard properties, whether it is used and why not.

use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{self, Page};
use meetme_model::connection::{Connection, Stage};
use meetme_model::link::{EdgeAnswer, EdgeQuery, JudgedRoute, RouteFilter};
use meetme_model::route::{RouteUse, RpkiState};
use meetme_model::{Asn, Prefix};
use meetme_store::connections_of;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// How many pages of the edge one request looks through for rows that match a filter which only
/// the API can apply. What is found by then is answered, with a link to continue.
const BATCHES: usize = 64;

/// A row.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    prefix: Prefix,
    next_hop: IpAddr,
    as_path: String,
    origin_as_validation_state: &'static str,
    rpki_validation_state: &'static str,
    trust_anchor: &'static str,
    received_timestamp: String,
    // Extensions from here on.
    accepted: bool,
    reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_ip: Option<IpAddr>,
    router: String,
}

/// A rule that a route breaks.
#[derive(Serialize)]
struct Reason {
    code: &'static str,
    message: String,
}

const RPKI: [(&str, RpkiState); 4] = [
    ("Valid", RpkiState::Valid),
    ("Invalid", RpkiState::Invalid),
    ("NotFound", RpkiState::NotFound),
    ("Unknown", RpkiState::NotChecked),
];

/// Answers a page of received routes.
pub(crate) async fn list(call: Call) -> Answer {
    let (filter, origin) = filters(&call)?;
    let mut after = position(&call)?;
    let (peering, connections) = {
        let mut db = call.state.store.read().await?;
        let peering = peering_of(&call, &mut db).await?;
        let connections = connections_of(&mut db, peering.id).await?;
        (peering, connections)
    };
    let (sessions, addresses) = sessions(&connections);
    let size = call.state.settings.page_size;
    let mut rows = Vec::new();
    let mut more = true;
    for _ in 0..BATCHES {
        let (batch, next) = batch(&call, &sessions, &filter, after.clone()).await?;
        more = next && !batch.is_empty();
        for row in batch {
            if rows.len() == size {
                more = true;
                break;
            }
            after = Some((row.route.prefix, row.session.clone()));
            let by_peer = row.route.attributes.as_path.origin() == Some(peering.spec.asn);
            if origin.is_none_or(|wanted| wanted == by_peer) {
                rows.push(show(row, peering.spec.asn, &addresses));
            }
        }
        if !more || rows.len() == size {
            break;
        }
    }
    let next = after.filter(|_| more).map(|(prefix, session)| format!("{prefix} {session}"));
    ok(Page::part(&call, rows, next))
}

type Position = (Prefix, String);

/// The sessions by router, and the peer's address of each session.
type Sessions = (BTreeMap<String, Vec<(String, String)>>, HashMap<String, IpAddr>);

fn sessions(connections: &[Connection]) -> Sessions {
    let mut by_router: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut addresses = HashMap::new();
    for c in connections {
        let Some(ports) = &c.ports else { continue };
        if c.state.stage().is_some_and(|stage| stage < Stage::ProvisioningCompleted) {
            continue;
        }
        for (name, subnet) in c.sessions() {
            addresses.insert(name.clone(), subnet.peer);
            by_router.entry(ports.router.clone()).or_default().push((ports.router.clone(), name));
        }
    }
    (by_router, addresses)
}

/// The next rows of all routers in order, and whether there are more behind them.
async fn batch(
    call: &Call,
    sessions: &BTreeMap<String, Vec<(String, String)>>,
    filter: &RouteFilter,
    after: Option<Position>,
) -> Result<(Vec<JudgedRoute>, bool), ApiError> {
    let size = call.state.settings.page_size;
    let mut all = Vec::new();
    let mut more = false;
    for (router, sessions) in sessions {
        let query = EdgeQuery::ReceivedRoutes {
            sessions: sessions.clone(),
            filter: filter.clone(),
            after: after.clone(),
            limit: u32::try_from(size).unwrap_or(u32::MAX),
        };
        let answer = (call.state.queries)(router.clone(), query)
            .await
            .map_err(|e| ApiError::edge_unavailable(&format!("{router}: {e}")))?;
        let EdgeAnswer::ReceivedRoutes { rows, next } = answer else {
            return Err(ApiError::internal("an edge answered another question"));
        };
        more |= next.is_some();
        all.extend(rows);
    }
    all.sort_by(|a, b| (a.route.prefix, &a.session).cmp(&(b.route.prefix, &b.session)));
    // Behind the first `size` rows another router's unread ones could come first.
    more |= all.len() > size;
    all.truncate(size);
    Ok((all, more))
}

/// The filters: those that the edge applies, and whether the origin must be the peer's.
fn filters(call: &Call) -> Result<(RouteFilter, Option<bool>), ApiError> {
    let given = |name| call.query(name).map(str::trim).filter(|v| !v.is_empty());
    let prefix = given("prefix")
        .map(|text| text.parse::<Prefix>())
        .transpose()
        .map_err(|e| ApiError::bad_request("InvalidFilter", "prefix", e.to_string()))?;
    let as_path = given("asPath").map(str::to_owned);
    if let Some(path) = &as_path
        && !path.chars().all(|c| c.is_ascii_digit() || " {},".contains(c))
    {
        return Err(ApiError::bad_request(
            "InvalidFilter",
            "asPath",
            "an AS path is written as numbers with spaces, such as 64510 64511",
        ));
    }
    let origin = match given("originAsValidationState") {
        None => None,
        Some(s) if s.eq_ignore_ascii_case("Valid") => Some(true),
        Some(s) if s.eq_ignore_ascii_case("Invalid") => Some(false),
        Some(_) => {
            return Err(ApiError::bad_request(
                "InvalidFilter",
                "originAsValidationState",
                "use Valid or Invalid",
            ));
        }
    };
    let rpki = match given("rpkiValidationState") {
        None => None,
        Some(s) => match RPKI.iter().find(|(name, _)| name.eq_ignore_ascii_case(s)) {
            Some(&(_, state)) => Some(state),
            None => {
                return Err(ApiError::bad_request(
                    "InvalidFilter",
                    "rpkiValidationState",
                    "use Valid, Invalid, NotFound or Unknown",
                ));
            }
        },
    };
    // An extension: the standard interface doesn't ask what becomes of a route.
    let used = match given("accepted") {
        None => None,
        Some(s) if s.eq_ignore_ascii_case("true") => Some(true),
        Some(s) if s.eq_ignore_ascii_case("false") => Some(false),
        Some(_) => return Err(ApiError::bad_request("InvalidFilter", "accepted", "use true or false")),
    };
    let filter = RouteFilter { prefix, as_path, used, rpki };
    Ok((filter, origin))
}

fn position(call: &Call) -> Result<Option<Position>, ApiError> {
    let Some(text) = page::position(call)? else {
        return Ok(None);
    };
    let (prefix, session) = text.split_once(' ').ok_or_else(page::bad_token)?;
    let prefix = prefix.parse().map_err(|_| page::bad_token())?;
    Ok(Some((prefix, session.to_owned())))
}

fn show(row: JudgedRoute, peer: Asn, addresses: &HashMap<String, IpAddr>) -> Shown {
    let attributes = row.route.attributes;
    let by_peer = attributes.as_path.origin() == Some(peer);
    Shown {
        prefix: row.route.prefix,
        next_hop: attributes.next_hop,
        as_path: attributes.as_path.to_string(),
        origin_as_validation_state: if by_peer { "Valid" } else { "Invalid" },
        rpki_validation_state: RPKI
            .iter()
            .find(|(_, state)| *state == row.route.rpki)
            .map_or("Unknown", |(name, _)| name),
        trust_anchor: "None",
        received_timestamp: row.route.received_at.to_string(),
        accepted: row.verdict.usage != RouteUse::Unused,
        reasons: row
            .verdict
            .faults
            .iter()
            .map(|f| Reason { code: f.code(), message: f.to_string() })
            .collect(),
        session_ip: addresses.get(&row.session).copied(),
        router: row.router,
    }
}
