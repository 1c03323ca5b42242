//! What speaks against opening a connection's policy (`docs/rules.md` §3, state Validating):
//! checks of §4 that need no registration, distinct peer routers, max prefix, no default route.

use crate::connection::Connection;
use crate::link::{BfdSessionState, BgpState, SessionRoutes, SessionState};
use crate::unit::UnitFault;
use std::collections::BTreeMap;

/// What is known of one connection on its router.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Whether the router could be read last; `None` before it ever was.
    pub reachable: Option<bool>,
    /// Why the router doesn't have this connection as it should be, when it was refused or undone.
    pub apply_fault: Option<UnitFault>,
    /// True when the router is confirmed to have this connection as the newest intent has it.
    pub confirmed: bool,
    /// The connection's LAG, once the router has it.
    pub lag: Option<crate::link::LagState>,
    /// Sessions by name.
    pub sessions: BTreeMap<String, SessionState>,
    /// Route summaries by session name.
    pub routes: BTreeMap<String, SessionRoutes>,
}

impl Observed {
    /// True when every session of the connection has BFD up and BGP Established.
    pub fn sessions_up(&self, connection: &Connection) -> bool {
        let mut names = connection.sessions().map(|(name, _)| name).peekable();
        names.peek().is_some()
            && names.all(|name| {
                self.sessions
                    .get(&name)
                    .is_some_and(|s| s.bfd == BfdSessionState::Up && s.bgp == BgpState::Established)
            })
    }
}

/// Codes of faults that keep a connection from Active: those that reject a route whatever is
/// registered.
const BLOCKING: &[(&str, &str)] = &[
    ("DefaultRoute", "a default route"),
    ("Bogon", "bogon or private prefixes"),
    ("HostSpace", "the host's own prefixes"),
    ("TooLong", "prefixes longer than the offering's limit"),
    ("FirstAsNotPeer", "paths that don't start with the peer's ASN"),
    ("AsSet", "paths with an AS_SET"),
    ("OwnAsn", "paths with this network's own ASN"),
    ("ReservedAsn", "private or reserved ASNs in the path"),
    ("RpkiInvalid", "RPKI-invalid routes"),
    ("NextHopNotSession", "next hops other than the session's peer"),
    ("NoAdvertise", "routes with NO_ADVERTISE"),
    ("Blackhole", "routes with BLACKHOLE"),
];

/// Everything that speaks against opening the connection, in sentences; empty when nothing does.
/// `others` are the peering's other connections with what is observed of them.
pub fn findings(
    connection: &Connection,
    observed: &Observed,
    others: &[(&Connection, &Observed)],
) -> Vec<String> {
    let mut found = Vec::new();
    if !observed.sessions_up(connection) {
        found.push("BFD or BGP is down again".to_owned());
    }
    for (name, subnet) in connection.sessions() {
        let peer = subnet.peer;
        let Some(routes) = observed.routes.get(&name).filter(|r| r.synced) else {
            let why = observed.routes.get(&name).and_then(|r| r.error.clone());
            let why = why.unwrap_or_else(|| "its routes aren't all in yet".into());
            found.push(format!("session {peer}: {why}"));
            continue;
        };
        for (code, what) in BLOCKING {
            let count = routes.faults.get(*code).copied().unwrap_or(0);
            if count > 0 {
                let examples: Vec<String> =
                    routes.examples.get(*code).into_iter().flatten().map(ToString::to_string).collect();
                found.push(format!(
                    "session {peer} brings {what} ({count}: {}); stop announcing them",
                    examples.join(", ")
                ));
            }
        }
        let most = if peer.is_ipv4() {
            connection.spec.max_prefixes_v4
        } else {
            connection.spec.max_prefixes_v6.unwrap_or(100)
        };
        if routes.received > most {
            found.push(format!(
                "session {peer} brings {} prefixes, over its limit of {most}",
                routes.received
            ));
        }
    }
    found.extend(same_router(connection, observed, others));
    found
}

/// One peer router per circuit: the BGP identifiers of a peering's connections differ (§7).
fn same_router(
    connection: &Connection,
    observed: &Observed,
    others: &[(&Connection, &Observed)],
) -> Option<String> {
    let ids = |o: &Observed| -> Vec<String> {
        o.sessions.values().filter_map(|s| s.peer_router_id.clone()).collect()
    };
    let own = ids(observed);
    let (other, id) = others
        .iter()
        .filter(|(c, _)| c.id != connection.id && c.removal.is_none())
        .find_map(|(c, o)| Some((c, ids(o).into_iter().find(|id| own.contains(id))?)))?;
    Some(format!(
        "the peer's router {id} also serves connection {}; each connection needs a peer router of its own",
        other.name
    ))
}
