//! `GET …/peerings/{name}/connections`: everything about a peering's connections that its peer and
//! the operators may know: ports, letter of authorization, addresses, who is awaited and for what,
//! light, sessions with their routes.

use crate::arm::peerings::{bgp_name, peering_of};
use crate::call::{Answer, Call, ok};

use crate::page::Page;
use jiff::Timestamp;
use meetme_model::Prefix;
use meetme_model::connection::{Connection, Loa, Reached, Removal, SessionSubnet};
use meetme_model::inventory::Inventory;
use meetme_model::link::{BfdSessionState, MemberState, SessionRoutes};
use meetme_model::peer_asn::Decision;
use meetme_model::plan::awaited::{Awaited, awaited};
use meetme_model::plan::validation::Observed;
use meetme_store::{connection_observed, connections_of};
use serde::Serialize;
use std::net::IpAddr;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: i64,
    tracking_id: String,
    connection_identifier: String,
    connection_state: &'static str,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    milestones: Milestones,
    awaited: Awaited,
    bandwidth_in_mbps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removal: Option<Removal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<ShownRouter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loa: Option<ShownLoa>,
    lag: ShownLag,
    sessions: Vec<Session>,
}

/// When it reached what lies behind it; what nobody wrote down is absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Milestones {
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loa_issued_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_configured_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    light_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_up_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions_up_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_at: Option<Timestamp>,
}

impl Milestones {
    fn of(c: &Connection) -> Self {
        let Reached { requested_at, port_configured_at, lag_up_at, sessions_up_at } = c.reached;
        Self {
            requested_at,
            approved_at: c.decision.as_ref().filter(|d| d.approved).map(|d| d.at),
            loa_issued_at: c.loa.as_ref().map(|l| l.issued_at),
            port_configured_at,
            light_at: c.light_at,
            lag_up_at,
            sessions_up_at,
            active_at: c.active_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRouter {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// `null` before its edge reported it.
    reachable: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownLoa {
    code: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    expired: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownLag {
    name: String,
    /// Light on any member.
    light: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    light_at: Option<Timestamp>,
    /// Every member collects and distributes.
    up: bool,
    ports: Vec<Port>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    name: String,
    speed_mbps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    panel: Option<String>,
    light: bool,
    collecting: bool,
    distributing: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    name: String,
    session_prefix: Prefix,
    host_address: IpAddr,
    peer_address: IpAddr,
    bgp: &'static str,
    bfd: BfdSessionState,
    #[serde(skip_serializing_if = "Option::is_none")]
    bfd_detection_ms: Option<u32>,
    /// What the peer is advised to set as its own "max prefix" for our announcements.
    advised_max_prefixes: u32,
    /// Routes may pass.
    gate_open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_router_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    established_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<Timestamp>,
    flaps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<Routes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Routes {
    at: Timestamp,
    /// The table is whole and can be trusted.
    synced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    received: u32,
    used: u32,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct Fault {
    code: String,
    count: u32,
    examples: Vec<Prefix>,
}

/// Answers a peering's connections, those being removed included.
pub(super) async fn list(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let peering = peering_of(&call, &mut db).await?;
    let mut shown = Vec::new();
    for c in connections_of(&mut db, peering.id).await? {
        let observed = connection_observed(&mut db, &c).await?;
        shown.push(show(c, observed, &inventory, call.now));
    }
    ok(Page::whole(shown))
}

fn show(c: Connection, mut observed: Observed, inventory: &Inventory, now: Timestamp) -> Shown {
    let awaited = awaited(&c, &observed);
    let sessions =
        c.sessions().map(|(name, subnet)| session(name, subnet, &mut observed, inventory)).collect();
    let router = c.ports.as_ref().map(|p| {
        let site = inventory.router(&p.router).and_then(|r| inventory.site(&r.site));
        ShownRouter {
            name: p.router.clone(),
            site: site.map(|s| s.name.clone()),
            address: site.map(|s| s.address.clone()),
            reachable: observed.reachable,
        }
    });
    Shown {
        id: c.id,
        tracking_id: c.name.clone(),
        milestones: Milestones::of(&c),
        lag: lag(&c, &observed, inventory),
        connection_identifier: c.spec.identifier,
        connection_state: c.state.wire_name(),
        since: c.since,
        active_at: c.active_at,
        error_message: c.error_message,
        awaited,
        bandwidth_in_mbps: c.spec.bandwidth_mbps,
        decision: c.decision.map(Decision::without_checks),
        removal: c.removal,
        router,
        loa: c.loa.map(|l: Loa| ShownLoa {
            expired: l.expires_at <= now,
            code: l.code,
            issued_at: l.issued_at,
            expires_at: l.expires_at,
        }),
        sessions,
    }
}

fn lag(c: &Connection, observed: &Observed, inventory: &Inventory) -> ShownLag {
    let state = observed.lag.as_ref();
    let ports = c.ports.iter().flat_map(|assigned| {
        let router = inventory.router(&assigned.router);
        assigned.ports.iter().map(move |name| {
            let member: MemberState = state.and_then(|s| s.members.get(name)).copied().unwrap_or_default();
            Port {
                name: name.clone(),
                speed_mbps: assigned.port_speed_mbps,
                panel: router.and_then(|r| r.ports.iter().find(|p| p.name == *name)).map(|p| p.panel.clone()),
                light: member.carrier,
                collecting: member.collecting,
                distributing: member.distributing,
            }
        })
    });
    ShownLag {
        name: c.lag_name(),
        light: state.is_some_and(|s| s.has_light()),
        light_at: c.light_at,
        up: state.is_some_and(|s| s.is_up()),
        ports: ports.collect(),
    }
}

fn session(name: String, subnet: SessionSubnet, observed: &mut Observed, inventory: &Inventory) -> Session {
    let state = observed.sessions.remove(&name);
    let routes = observed.routes.remove(&name);
    let known = state.is_some();
    let state = state.unwrap_or_default();
    Session {
        session_prefix: subnet.prefix,
        host_address: subnet.host,
        peer_address: subnet.peer,
        bgp: if known { bgp_name(state.bgp) } else { "None" },
        bfd: state.bfd,
        bfd_detection_ms: state.bfd_detection_ms,
        advised_max_prefixes: inventory.advised_max_prefixes(subnet.prefix.is_ipv4()),
        gate_open: state.gate_open,
        peer_router_id: state.peer_router_id,
        established_at: state.established_at,
        last_error: state.down.as_ref().map(ToString::to_string),
        last_error_at: state.down.and_then(|down| down.at),
        flaps: state.flaps,
        routes: routes.map(show_routes),
        name,
    }
}

fn show_routes(mut routes: SessionRoutes) -> Routes {
    let mut faults = Vec::new();
    for (code, count) in routes.faults {
        let examples = routes.examples.remove(&code).unwrap_or_default();
        faults.push(Fault { code, count, examples });
    }
    Routes {
        at: routes.at,
        synced: routes.synced,
        error: routes.error,
        received: routes.received,
        used: routes.used,
        faults,
    }
}
