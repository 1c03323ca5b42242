//! `GET /api/v1/search?q=…`, and `…/subscriptions/{subscription}/search`: resources found by a word,
//! within what the caller reaches.

use crate::arm::{peer_asns, peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::Page;
use meetme_model::peering_service::PeeringService;
use meetme_store::Scope;
use serde::Serialize;

/// Shown of each kind.
const SHOWN: u32 = 20;
/// Longest word.
const WORD_BYTES: usize = 200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hit {
    /// `peerAsn`, `peering`, `registeredPrefix`, `peeringService` or `activatedPrefix`.
    kind: &'static str,
    resource_id: String,
    name: String,
    /// What tells it apart: ASN, location, prefix.
    detail: String,
}

/// Searches everybody's resources.
pub(super) async fn all(call: Call) -> Answer {
    of_scope(&call, Scope::All).await
}

/// Searches a subscription's resources.
pub(super) async fn of_subscription(call: Call) -> Answer {
    of_scope(&call, Scope::Subscription(call.subscription())).await
}

async fn of_scope(call: &Call, scope: Scope<'_>) -> Answer {
    let word = call.query("q").unwrap_or("").trim();
    if word.is_empty() || word.len() > WORD_BYTES {
        return Err(ApiError::bad_request("InvalidQuery", "q", "say what to search for, in 1 to 200 bytes"));
    }
    let mut db = call.state.store.read().await?;
    let found = meetme_store::search(&mut db, scope, word, SHOWN).await?;
    let mut hits = Vec::new();
    for p in found.peerings {
        let detail = format!("AS{}, {}", p.spec.asn.0, p.spec.location);
        hits.push(Hit { kind: "peering", resource_id: peerings::id(&p), name: p.name, detail });
    }
    for s in found.peering_services {
        let detail = service_detail(&s);
        hits.push(Hit {
            kind: "peeringService",
            resource_id: peering_services::id(&s),
            name: s.name,
            detail,
        });
    }
    for a in found.peer_asns {
        let resource_id = peer_asns::id(&a.subscription, &a.name);
        let detail = format!("AS{}, {}", a.spec.asn.0, a.spec.peer_name);
        hits.push(Hit { kind: "peerAsn", resource_id, name: a.name, detail });
    }
    for (r, p) in found.registered_prefixes {
        let resource_id = format!("{}/registeredPrefixes/{}", peerings::id(&p), r.name);
        let detail = format!("{}, on {}", r.prefix, p.name);
        hits.push(Hit { kind: "registeredPrefix", resource_id, name: r.name, detail });
    }
    for (a, s) in found.service_prefixes {
        let resource_id = format!("{}/prefixes/{}", peering_services::id(&s), a.name);
        let detail = format!("{}, in {}", a.prefix, s.name);
        hits.push(Hit { kind: "activatedPrefix", resource_id, name: a.name, detail });
    }
    ok(Page::whole(hits))
}

fn service_detail(service: &PeeringService) -> String {
    format!("{}, by {}", service.spec.location, service.spec.provider)
}
