//! `GET …/legacyPeerings`: sessions that are older than the product, as its operators declare them,
//! put together by ASN and offering in the shape of a peering.
//!
//! Nobody sees sessions of an ASN that isn't approved in its own subscription; the host's own people
//! see all. What the sessions do now isn't known: the edge reads only what is ours, so their states
//! are `None`. What is shown can be sent as a peering (`docs/rules.md` §2), which is how they move.

mod wire;

use crate::arm::inventory;
use crate::arm::peerings::offering_name;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{self, Page};
use meetme_model::inventory::{Inventory, LegacySession, Location, PeeringKind};
use meetme_model::{Asn, Violations};
use meetme_store::{Role, peer_asns_approved};
use std::collections::{BTreeMap, HashMap};
use wire::{Shown, Source};

/// `directPeeringType` as the wire format knows it; those that the host doesn't sell match nothing.
const DIRECT_TYPES: [&str; 9] =
    ["Edge", "Transit", "Cdn", "Internal", "Ix", "IxRs", "Voice", "EdgeZoneForOperators", "PeerProp"];

/// What was asked for.
struct Wanted<'a> {
    location: &'a str,
    kind: PeeringKind,
    asn: Option<Asn>,
    direct_type: Option<&'a str>,
}

/// Answers the caller's legacy peerings at a location, by name.
pub(crate) async fn list(call: Call) -> Answer {
    let wanted = wanted(&call)?;
    let after = page::position(&call)?;
    let own = own_asns(&call).await?;
    let inventory = inventory(&call).await?;
    let Some(location) = inventory.location(wanted.location) else {
        return ok(Page::<Shown>::whole(Vec::new()));
    };
    let host_wide = call.principal.subscription.is_none() && call.principal.role != Role::Peer;
    let mut groups: BTreeMap<String, Vec<&LegacySession>> = BTreeMap::new();
    for session in &inventory.legacy_sessions {
        let visible = host_wide || own.contains_key(&session.asn);
        if visible && wanted.fits(session) && is_at(&inventory, session, location) {
            groups.entry(name(session, location)).or_default().push(session);
        }
    }
    let rows = groups.into_iter().filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
    let show = |(name, sessions): (String, Vec<&LegacySession>)| {
        let peer_asn = own.get(&sessions[0].asn).map(|n| crate::arm::peer_asns::id(call.subscription(), n));
        let subscription = call.subscription();
        Shown::from(Source { subscription, name, inventory: &inventory, location, sessions, peer_asn })
    };
    ok(page::page(&call, rows.collect(), |(name, _)| name.clone(), show))
}

/// The parameters, or all that is wrong with them.
fn wanted(call: &Call) -> Result<Wanted<'_>, ApiError> {
    let given = |name| call.query(name).map(str::trim).filter(|v| !v.is_empty());
    let mut v = Violations::default();
    let location = given("peeringLocation").unwrap_or_else(|| {
        v.add("InvalidFilter", "peeringLocation", "say at which peering location: peeringLocation=Amsterdam");
        ""
    });
    let kind = match given("kind") {
        Some(k) if k.eq_ignore_ascii_case("Direct") => PeeringKind::Direct,
        Some(k) if k.eq_ignore_ascii_case("Exchange") => PeeringKind::Exchange,
        _ => {
            v.add("InvalidFilter", "kind", "say which kind of peering: kind=Direct or kind=Exchange");
            PeeringKind::Direct
        }
    };
    let asn = given("asn").and_then(|text| {
        let number = text.parse().map_err(|_| {
            v.add("InvalidFilter", "asn", "an ASN is a number from 0 to 4294967295");
        });
        number.ok()
    });
    let direct_type = given("directPeeringType");
    if direct_type.is_some_and(|t| !DIRECT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(t))) {
        v.add("InvalidFilter", "directPeeringType", format!("use one of {}", DIRECT_TYPES.join(", ")));
    }
    Ok(v.into_result(Wanted { location, kind, asn, direct_type })?)
}

impl Wanted<'_> {
    fn fits(&self, session: &LegacySession) -> bool {
        // A session at an exchange has no direct peering type.
        let fits_type = |wanted: &str| {
            session.kind == PeeringKind::Direct
                && wanted.eq_ignore_ascii_case(offering_name(session.direct_type))
        };
        session.kind == self.kind
            && self.asn.is_none_or(|asn| asn == session.asn)
            && self.direct_type.is_none_or(fits_type)
    }
}

/// The subscription's approved ASNs, with the names of their resources.
async fn own_asns(call: &Call) -> Result<HashMap<Asn, String>, ApiError> {
    let mut db = call.state.store.read().await?;
    let approved = peer_asns_approved(&mut db, call.subscription()).await?;
    // Of several resources of one ASN the oldest counts.
    Ok(approved.into_iter().rev().map(|a| (a.spec.asn, a.name)).collect())
}

fn is_at(inventory: &Inventory, session: &LegacySession, location: &Location) -> bool {
    inventory.site_of(session).is_some_and(|s| s.location.eq_ignore_ascii_case(&location.name))
}

/// What sessions of one ASN and offering at a location have in common, as a resource name.
fn name(session: &LegacySession, location: &Location) -> String {
    let place: String =
        location.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let kind = match session.kind {
        PeeringKind::Direct => offering_name(session.direct_type),
        PeeringKind::Exchange => "Exchange",
    };
    format!("AS{}_{place}_{kind}", session.asn)
}
