//! `…/subscriptions/{subscription}/attention`: what isn't settled there, with who is awaited; and
//! `GET /api/v1/counts`, of a subscription too: how much there is of everything.

use crate::arm::{peer_asns, peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use jiff::Timestamp;
use meetme_model::peer_asn::AsnState;
use meetme_model::plan::awaited::{Party, awaited};
use meetme_model::registered_prefix::PrefixVerdict;
use meetme_store::{Scope, connection_observed, counts, unsettled};
use serde::Serialize;
use std::collections::BTreeMap;

/// Shown of each kind.
const SHOWN: u32 = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unsettled {
    /// `peerAsn`, `connection`, `registeredPrefix` or `activatedPrefix`.
    kind: &'static str,
    /// The resource; of a connection its peering.
    resource_id: String,
    /// What it is called; of a connection its peering's name.
    name: String,
    state: &'static str,
    /// Whose turn it is.
    awaited: Party,
    /// What is the matter, in a sentence.
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// What the connection is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    peer_asns: i64,
    peerings: i64,
    connections: BTreeMap<String, i64>,
    registered_prefixes: i64,
    peering_services: i64,
    activated_prefixes: i64,
}

/// Answers how much everybody has.
pub(super) async fn all_counts(call: Call) -> Answer {
    counts_of(&call, Scope::All).await
}

/// Answers how much a subscription has.
pub(super) async fn subscription_counts(call: Call) -> Answer {
    counts_of(&call, Scope::Subscription(call.subscription())).await
}

async fn counts_of(call: &Call, scope: Scope<'_>) -> Answer {
    let mut db = call.state.store.read().await?;
    let counts = counts(&mut db, scope).await?;
    ok(Counts {
        peer_asns: counts.peer_asns,
        peerings: counts.peerings,
        connections: counts.connections,
        registered_prefixes: counts.registered_prefixes,
        peering_services: counts.peering_services,
        activated_prefixes: counts.service_prefixes,
    })
}

/// Answers what isn't settled in a subscription.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let found = unsettled(&mut db, call.subscription(), SHOWN).await?;
    let mut shown = Vec::new();
    for asn in found.peer_asns {
        let refused = asn.state == AsnState::Failed;
        let waits = "an operator decides whether the ASN is yours".to_owned();
        shown.push(Unsettled {
            kind: "peerAsn",
            resource_id: peer_asns::id(&asn.subscription, &asn.name),
            state: if refused { "Failed" } else { "Pending" },
            awaited: if refused { Party::Peer } else { Party::Operator },
            message: asn.error_message.filter(|_| refused).unwrap_or(waits),
            since: Some(asn.asked_at.unwrap_or(asn.stamp.created_at)),
            tracking_id: None,
            name: asn.name,
        });
    }
    for (connection, peering) in found.connections.into_iter().filter(|(c, _)| c.removal.is_none()) {
        let observed = connection_observed(&mut db, &connection).await?;
        let awaited = awaited(&connection, &observed);
        shown.push(Unsettled {
            kind: "connection",
            resource_id: peerings::id(&peering),
            name: peering.name,
            state: connection.state.wire_name(),
            awaited: awaited.party,
            message: awaited.what,
            since: Some(connection.since),
            tracking_id: Some(connection.name),
        });
    }
    for (prefix, peering) in found.registered_prefixes {
        let resource_id = format!("{}/registeredPrefixes/{}", peerings::id(&peering), prefix.name);
        let mut row = of_prefix("registeredPrefix", resource_id, prefix.name, prefix.verdict);
        row.since = Some(prefix.since);
        shown.push(row);
    }
    for (prefix, service) in found.service_prefixes {
        let resource_id = format!("{}/prefixes/{}", peering_services::id(&service), prefix.name);
        shown.push(of_prefix("activatedPrefix", resource_id, prefix.name, prefix.verdict));
    }
    ok(Page::whole(shown))
}

fn of_prefix(kind: &'static str, resource_id: String, name: String, verdict: PrefixVerdict) -> Unsettled {
    use meetme_model::registered_prefix::PrefixState;
    let awaited = match verdict.state {
        PrefixState::None | PrefixState::Unknown => Party::Host,
        _ if verdict.is_the_hosts() => Party::Host,
        _ => Party::Peer,
    };
    Unsettled {
        kind,
        resource_id,
        name,
        state: verdict.state.wire_name(),
        awaited,
        message: verdict.error_message.unwrap_or_else(|| "it isn't received on every session yet".into()),
        since: None,
        tracking_id: None,
    }
}
