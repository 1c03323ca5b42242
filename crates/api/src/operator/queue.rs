//! `GET /api/v1/queue`: what waits for an operator, oldest first, with what is overdue. Filtered, sorted and
//! paged; only what is shown is checked.

use super::waiting::{Checked, Names, Waiting, overdue, since};
use crate::call::{Answer, Call, ok};
use crate::listing::{Known, listing, page};
use crate::page::Page;
use jiff::Timestamp;
use meetme_model::connection::Connection;
use meetme_model::peer_asn::PeerAsn;
use meetme_model::peering::Peering;
use meetme_store::{IdPage, Listing, Scope, connections_waiting, peer_asns_pending};
use serde::Serialize;

/// Most of each kind that are looked at; a queue longer than this is worked off from its old end.
const LOOKED_AT: u32 = 500;

const KNOWN: Known = Known {
    sorts: &["since", "name", "asn", "location", "subscription"],
    states: &[],
    kind: ("kind", &["peerAsn", "connection"]),
};

#[derive(Serialize)]
struct Queue {
    #[serde(flatten)]
    page: Page<Waiting>,
    /// Of all that match.
    overdue: usize,
}

/// A request, not checked yet.
enum Request {
    Claim(Box<PeerAsn>),
    Connection(Box<(Connection, Peering)>),
}

impl Request {
    fn since(&self) -> Timestamp {
        match self {
            Self::Claim(claim) => since(claim),
            Self::Connection(both) => both.0.since,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Claim(_) => "peerAsn",
            Self::Connection(_) => "connection",
        }
    }

    /// Name, location and subscription.
    fn words(&self) -> [&str; 3] {
        match self {
            Self::Claim(claim) => [&claim.name, &claim.spec.peer_name, &claim.subscription],
            Self::Connection(both) => [&both.1.name, &both.1.spec.location, &both.1.subscription],
        }
    }

    fn asn(&self) -> u32 {
        match self {
            Self::Claim(claim) => claim.spec.asn.0,
            Self::Connection(both) => both.1.spec.asn.0,
        }
    }

    fn matches(&self, asked: &Listing<'_>, words: &[String]) -> bool {
        let [name, place, subscription] = self.words();
        let location = match self {
            Self::Claim(_) => "",
            Self::Connection(both) => &both.1.spec.location,
        };
        let text = format!("{name} {place} {subscription} as{}", self.asn()).to_lowercase();
        asked.kind.is_none_or(|kind| kind == self.kind())
            && asked.location.is_none_or(|wanted| wanted.eq_ignore_ascii_case(location))
            && words.iter().all(|word| text.contains(word))
    }

    /// What it stands by in the order that is asked for.
    fn key(&self, sort: &str) -> (String, u32, Timestamp) {
        let [name, place, subscription] = self.words();
        let (word, number) = match sort {
            "name" => (name, 0),
            "location" => (place, 0),
            "subscription" => (subscription, 0),
            "asn" => ("", self.asn()),
            _ => ("", 0),
        };
        (word.to_lowercase(), number, self.since())
    }
}

/// Answers the queue.
pub(super) async fn list(call: Call) -> Answer {
    let asked = listing(&call, Scope::All, &KNOWN)?;
    let mut db = call.state.store.read().await?;
    let mut claims = peer_asns_pending(&mut db, IdPage::first(LOOKED_AT)).await?;
    claims.retain(|asn| asn.decision.is_none());
    let mut connections = connections_waiting(&mut db, LOOKED_AT).await?;
    connections.retain(|(c, _)| c.decision.is_none() && c.removal.is_none());
    let mut all: Vec<Request> = claims.into_iter().map(|claim| Request::Claim(Box::new(claim))).collect();
    all.extend(connections.into_iter().map(|both| Request::Connection(Box::new(both))));
    let words: Vec<String> = asked.words.split_whitespace().map(str::to_lowercase).collect();
    all.retain(|request| request.matches(&asked, &words));
    all.sort_by_cached_key(|request| request.key(asked.sort));
    if asked.descending {
        all.reverse();
    }
    let matching = all.len();
    let overdue = all.iter().filter(|request| overdue(request.since(), call.now)).count();
    let part: Vec<Request> = all.into_iter().skip(asked.skip as usize).take(asked.limit as usize).collect();
    let inventory = crate::arm::inventory_in(&mut db).await?;
    let is_claim = |request: &Request| matches!(request, Request::Claim(_));
    let names = if part.iter().any(is_claim) { Names::read(&mut db).await? } else { Names::default() };
    let mut checked = None;
    let mut value = Vec::with_capacity(part.len());
    for request in part {
        match request {
            Request::Claim(claim) => value.push(names.claim(*claim, call.now)),
            Request::Connection(both) => {
                let checked = match &mut checked {
                    Some(known) => known,
                    none => none.insert(Checked::read(&mut db, &inventory).await?),
                };
                value.extend(checked.connection(&mut db, both.0, call.now).await?);
            }
        }
    }
    ok(Queue { page: page(&call, &asked, value, matching as i64), overdue })
}
