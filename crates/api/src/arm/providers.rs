//! `peeringServiceProviders` and `checkServiceProviderAvailability`: which peers offer Peering
//! Service, and at which peering locations.
//!
//! A peer is a provider under its approved name, in any case, while it has a peering with Peering
//! Service.

use crate::arm::inventory;
use crate::arm::peer_asns::folded;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::Page;
use meetme_model::connection::Connection;
use meetme_model::peer_asn::{AsnState, PeerAsn};
use meetme_model::peering::Peering;
use meetme_model::{Asn, Violations};
use meetme_store::{
    Db, IdPage, connections_of, inventory_get, peer_asn_by_id, peer_asns_all, peer_names_approved,
    peerings_of_peer_asn, peerings_providing,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows read at a time.
const BATCH: u32 = 500;

/// A provider.
#[derive(Default)]
pub(super) struct Provider {
    /// The name as it was approved (first).
    pub name: String,
    /// Its ASNs that have peerings.
    pub asns: BTreeSet<Asn>,
    /// Peering locations where a connection of it is Active.
    pub present: BTreeSet<String>,
}

impl Provider {
    /// True when a connection of it is Active at the location.
    pub fn is_at(&self, location: &str) -> bool {
        self.present.iter().any(|l| l.eq_ignore_ascii_case(location))
    }

    /// Adds a peering that serves, with the claim to its ASN and whether it has an open connection.
    fn add(&mut self, claim: &PeerAsn, location: &str, open: bool) {
        if self.name.is_empty() {
            self.name.clone_from(&claim.spec.peer_name);
        }
        self.asns.insert(claim.spec.asn);
        if open && !self.present.contains(location) {
            self.present.insert(location.to_owned());
        }
    }
}

/// Refuses peering locations, each with its property, at which the provider of a name isn't present.
pub(super) fn check_presence(
    name: &str,
    provider: Option<&Provider>,
    at: &[(Option<&String>, &str)],
    v: &mut Violations,
) {
    for (location, field) in at {
        let Some(location) = location.filter(|l| !provider.is_some_and(|p| p.is_at(l))) else { continue };
        v.add(
            "ProviderNotPresent",
            format!("properties.{field}"),
            format!("{name} has no Active connection with Peering Service in {location}"),
        );
    }
}

/// All providers by their folded names.
async fn all(db: &mut impl Db) -> Result<BTreeMap<String, Provider>, ApiError> {
    let claims = approved(db).await?;
    let inventory = inventory_get(db).await?.map(|(_, inventory)| inventory);
    let written: HashMap<String, &str> =
        inventory.iter().flat_map(|i| &i.locations).map(|l| (folded(&l.name), l.name.as_str())).collect();
    let mut providers: BTreeMap<String, Provider> = BTreeMap::new();
    for peering in peerings_providing(db).await? {
        let claim = claims.get(&peering.peer_asn_id);
        if let Some(claim) = claim.filter(|_| peering.offering.peering_service(peering.asks)) {
            let location = written.get(&peering.location).copied().unwrap_or(&peering.location);
            let provider = providers.entry(folded(&claim.spec.peer_name)).or_default();
            provider.add(claim, location, peering.is_open);
        }
    }
    Ok(providers)
}

/// The provider of a name, any case; `None`: nobody is one under it. Reads the peerings of that name
/// and no others.
pub(super) async fn find(db: &mut impl Db, name: &str) -> Result<Option<Provider>, ApiError> {
    let wanted = folded(name);
    let mut peerings: Vec<(Peering, PeerAsn)> = Vec::new();
    for (id, _) in peer_names_approved(db).await?.iter().filter(|(_, n)| folded(n) == wanted) {
        let Some(claim) = peer_asn_by_id(db, *id).await? else { continue };
        let its = peerings_of_peer_asn(db, *id).await?;
        peerings.extend(its.into_iter().map(|p| (p, claim.clone())));
    }
    // The oldest one's name is shown.
    peerings.sort_by_key(|(p, _)| p.id);
    let mut provider = None;
    for (peering, claim) in &peerings {
        let connections = connections_of(db, peering.id).await?;
        if serves(peering, &connections) {
            provider.get_or_insert_with(Provider::default).add(
                claim,
                &peering.spec.location,
                is_open(&connections),
            );
        }
    }
    Ok(provider)
}

/// Everybody's approved claims to ASNs by id.
async fn approved(db: &mut impl Db) -> Result<HashMap<i64, PeerAsn>, ApiError> {
    let mut found = HashMap::new();
    let mut page = IdPage::first(BATCH);
    loop {
        let claims = peer_asns_all(db, page).await?;
        let Some(last) = claims.last() else { return Ok(found) };
        page.after = Some(last.id);
        found.extend(claims.into_iter().filter(|c| c.state == AsnState::Approved).map(|c| (c.id, c)));
    }
}

/// True when the peering makes its peer a provider.
fn serves(peering: &Peering, connections: &[Connection]) -> bool {
    !peering.deleting && peering.spec.peering_service(staying(connections).map(|c| &c.spec))
}

fn is_open(connections: &[Connection]) -> bool {
    staying(connections).any(|c| c.state.is_open())
}

fn staying(connections: &[Connection]) -> impl Iterator<Item = &Connection> {
    connections.iter().filter(|c| c.removal.is_none())
}

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    properties: ShownProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownProperties {
    service_provider_name: String,
    peering_locations: BTreeSet<String>,
}

/// `GET peeringServiceProviders`.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let shown = all(&mut db)
        .await?
        .into_values()
        .map(|provider| Shown {
            id: format!(
                "/subscriptions/{}/providers/Microsoft.Peering/peeringServiceProviders/{}",
                call.subscription(),
                provider.name
            ),
            r#type: "Microsoft.Peering/peeringServiceProviders",
            properties: ShownProperties {
                service_provider_name: provider.name.clone(),
                peering_locations: provider.present,
            },
            name: provider.name,
        })
        .collect();
    ok(Page::whole(shown))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    peering_service_location: Option<String>,
    peering_service_provider: Option<String>,
}

/// `POST checkServiceProviderAvailability`: `"Available"` when the provider is present at a metro
/// of the network and the place is one where users of peering services are.
pub(super) async fn check(call: Call) -> Answer {
    let question: Question = call.json()?;
    let mut v = meetme_model::Violations::default();
    for (value, field) in [
        (&question.peering_service_location, "peeringServiceLocation"),
        (&question.peering_service_provider, "peeringServiceProvider"),
    ] {
        if value.as_deref().unwrap_or("").trim().is_empty() {
            v.add("ValueRequired", field, format!("{field} is missing"));
        }
    }
    v.into_result(())?;
    let inventory = inventory(&call).await?;
    let place = question.peering_service_location.unwrap_or_default();
    let known = inventory.service_locations.iter().any(|l| l.name.eq_ignore_ascii_case(place.trim()));
    let mut db = call.state.store.read().await?;
    let name = question.peering_service_provider.unwrap_or_default();
    let present = find(&mut db, &name).await?.is_some_and(|p| !p.present.is_empty());
    ok(if known && present { "Available" } else { "Unavailable" })
}
