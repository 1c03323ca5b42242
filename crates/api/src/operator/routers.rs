//! `GET /api/v1/routers`: the edge routers of the inventory, what their edges reported, what was
//! applied, drift, and the live difference between intent and router.

use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::Page;
use meetme_model::Prefix;
use meetme_model::coupling::Coupling;
use meetme_model::inventory::{Inventory, Router};
use meetme_model::link::{ApplyOutcome, ApplyResult, EdgeAnswer, EdgeQuery, RouterState};
use meetme_model::unit::{UnitName, UnitPending};
use meetme_store::{
    apply_results_list, router_intent_generation, router_intent_generations, router_state_get,
    router_states_latest, routes_received,
};
use serde::Serialize;
use std::collections::HashMap;
use std::net::IpAddr;

/// Results of applying that are shown with one router.
const RESULTS_SHOWN: u32 = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    name: String,
    site: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    loopback: std::net::Ipv4Addr,
    /// `null` before its edge reported it.
    reachable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The generation that it should have; 0 before there is any.
    intended_generation: u64,
    /// The generation that is confirmed on it.
    applied_generation: Option<u64>,
    bmp_connected: bool,
    drifted: bool,
    /// Units that the router refused, or that were undone on it.
    units_failing: usize,
    /// Routes of registered prefixes with which it does something else than the rules say.
    routes_differing: u32,
    /// Sessions with the host's own backbone and the Internet that aren't established.
    backbone_sessions_down: usize,
    sessions: usize,
    /// Routes received over all sessions.
    routes_received: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<RouterState>,
    /// Whether its BGP falls with its BFD; absent before that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    coupling: Option<Shown>,
    /// Units that aren't as intended.
    pending: Vec<Pending>,
    /// The first hundred of `routesDiffering`.
    differing: Vec<Differing>,
    /// The neighbours of `backboneSessionsDown`.
    backbone_down: Vec<Neighbor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_apply: Option<Applied>,
    applies: Vec<Applied>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pending {
    /// `backbone`, or the LAG's name.
    unit: UnitName,
    /// Why it stands in its last good form; absent while it is only on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Differing {
    session: String,
    prefix: Prefix,
    code: &'static str,
    reason: String,
}

/// What the newest trial of a router's BFD and BGP came to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    proved: bool,
    at: jiff::Timestamp,
    /// In a sentence.
    found: String,
}

impl From<&Coupling> for Shown {
    fn from(coupling: &Coupling) -> Self {
        Self { proved: coupling.is_proved(), at: coupling.at, found: coupling.to_string() }
    }
}

/// What applying came to, with its reason in a sentence.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied {
    router: String,
    generation: u64,
    at: jiff::Timestamp,
    units: Vec<UnitName>,
    outcome: Outcome,
    diff: String,
}

#[derive(Clone, Serialize)]
struct Outcome {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<ApplyResult> for Applied {
    fn from(result: ApplyResult) -> Self {
        let (outcome, reason) = match result.outcome {
            ApplyOutcome::Confirmed => ("confirmed", None),
            ApplyOutcome::Refused { fault } => ("refused", Some(fault.to_string())),
            ApplyOutcome::RolledBack { fault } => ("rolled_back", Some(fault.to_string())),
            ApplyOutcome::Unreachable { reason } => ("unreachable", Some(reason)),
        };
        Self {
            router: result.router,
            generation: result.generation,
            at: result.at,
            units: result.units,
            outcome: Outcome { outcome, reason },
            diff: result.diff,
        }
    }
}

fn pending(state: &RouterState) -> Vec<Pending> {
    let reason = |pending: &UnitPending| pending.fault.as_ref().map(ToString::to_string);
    state.pending.iter().map(|(unit, p)| Pending { unit: unit.clone(), reason: reason(p) }).collect()
}

fn differing(state: &RouterState) -> Vec<Differing> {
    let all = state.differing.first.iter();
    all.map(|route| Differing {
        session: route.session.clone(),
        prefix: route.prefix,
        code: route.difference.code(),
        reason: route.difference.to_string(),
    })
    .collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Neighbor {
    /// Its name in the inventory.
    name: String,
    address: IpAddr,
}

fn backbone_down(state: &RouterState) -> Vec<Neighbor> {
    let neighbors = state.backbone_down.iter();
    neighbors.map(|(address, name)| Neighbor { name: name.clone(), address: *address }).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diff {
    router: String,
    /// The newest that the router's edge has; `null`: none yet.
    generation: Option<u64>,
    /// Empty when the router is as intended.
    diff: String,
}

/// Answers all routers.
pub(super) async fn list(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let states = router_states_latest(&mut db).await?;
    let known = Known {
        generations: router_intent_generations(&mut db).await?,
        received: routes_received(&mut db).await?,
    };
    let shown = inventory.routers.iter().map(|router| {
        let state = states.get(&router.name).map(|state| &**state);
        summary(&inventory, router, state, &known)
    });
    ok(Page::whole(shown.collect()))
}

/// Answers one router with its state, its last results and its drift.
pub(super) async fn get(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let router = find(&inventory, call.param("router"))?;
    let mut db = call.state.store.read().await?;
    let state = router_state_get(&mut db, &router.name).await?;
    let applies = apply_results_list(&mut db, &router.name, RESULTS_SHOWN).await?;
    let applies: Vec<Applied> = applies.into_iter().map(Applied::from).collect();
    let known = Known {
        generations: [(router.name.clone(), router_intent_generation(&mut db, &router.name).await?)].into(),
        received: routes_received(&mut db).await?,
    };
    ok(Whole {
        summary: summary(&inventory, router, state.as_ref(), &known),
        drift: state.as_ref().and_then(|s| s.drift.clone()),
        coupling: state.as_ref().and_then(|s| s.coupling.as_ref()).map(Shown::from),
        pending: state.as_ref().map(pending).unwrap_or_default(),
        differing: state.as_ref().map(differing).unwrap_or_default(),
        backbone_down: state.as_ref().map(backbone_down).unwrap_or_default(),
        last_apply: applies.first().cloned(),
        state,
        applies,
    })
}

/// Answers what applying the intent would change on the router now, asked live.
pub(super) async fn diff(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let router = find(&inventory, call.param("router"))?;
    let query = EdgeQuery::Diff { router: router.name.clone(), instead: None };
    let answer = (call.state.queries)(router.name.clone(), query)
        .await
        .map_err(|e| ApiError::edge_unavailable(&format!("{}: {e}", router.name)))?;
    let EdgeAnswer::Diff { generation, diff, faults: _ } = answer else {
        return Err(ApiError::internal("an edge answered another question"));
    };
    ok(Diff { router: router.name.clone(), generation, diff })
}

fn find<'a>(inventory: &'a Inventory, name: &str) -> Result<&'a Router, ApiError> {
    inventory
        .routers
        .iter()
        .find(|r| r.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| ApiError::not_found("router", name))
}

/// What is known of routers besides their states, by their names.
struct Known {
    generations: HashMap<String, u64>,
    received: HashMap<String, u64>,
}

fn summary(inventory: &Inventory, router: &Router, state: Option<&RouterState>, known: &Known) -> Summary {
    Summary {
        name: router.name.clone(),
        site: router.site.clone(),
        location: inventory.location_of(router).map(|l| l.name.clone()),
        loopback: router.loopback,
        reachable: state.map(|s| s.reachable),
        error: state.and_then(|s| s.error.clone()),
        intended_generation: known.generations.get(&router.name).copied().unwrap_or(0),
        applied_generation: state.and_then(|s| s.applied_generation),
        bmp_connected: state.is_some_and(|s| s.bmp_connected),
        drifted: state.is_some_and(|s| s.drift.as_ref().is_some_and(|d| !d.is_empty())),
        units_failing: state.map_or(0, |s| s.pending.values().filter(|p| p.fault.is_some()).count()),
        routes_differing: state.map_or(0, |s| s.differing.count),
        backbone_sessions_down: state.map_or(0, |s| s.backbone_down.len()),
        sessions: state.map_or(0, |s| s.sessions.len()),
        routes_received: known.received.get(&router.name).copied().unwrap_or(0),
    }
}
