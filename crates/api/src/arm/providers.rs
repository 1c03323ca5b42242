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
use meetme_model::Asn;
use meetme_model::peer_asn::AsnState;
use meetme_model::peering::Peering;
use meetme_store::{Db, IdPage, connections_of, peer_asn_get, peerings_all};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Peerings read at a time.
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
}

/// All providers by their folded names.
pub(super) async fn all(db: &mut impl Db) -> Result<BTreeMap<String, Provider>, ApiError> {
    let mut providers: BTreeMap<String, Provider> = BTreeMap::new();
    let mut page = IdPage::first(BATCH);
    loop {
        let peerings = peerings_all(db, page).await?;
        page.after = peerings.last().map(|p| p.id);
        let last = peerings.len() < BATCH as usize;
        for peering in peerings.into_iter().filter(|p| !p.deleting) {
            add(db, &mut providers, peering).await?;
        }
        if last {
            return Ok(providers);
        }
    }
}

async fn add(
    db: &mut impl Db,
    providers: &mut BTreeMap<String, Provider>,
    peering: Peering,
) -> Result<(), ApiError> {
    let connections = connections_of(db, peering.id).await?;
    let live = || connections.iter().filter(|c| c.removal.is_none());
    if !peering.spec.peering_service(live().map(|c| &c.spec)) {
        return Ok(());
    }
    let name = &peering.spec.peer_asn_name;
    let Some(asn) = peer_asn_get(db, &peering.subscription, name).await? else {
        return Ok(());
    };
    if asn.state != AsnState::Approved {
        return Ok(());
    }
    let provider = providers.entry(folded(&asn.spec.peer_name)).or_default();
    if provider.name.is_empty() {
        provider.name = asn.spec.peer_name;
    }
    provider.asns.insert(asn.spec.asn);
    if live().any(|c| c.state.is_open()) {
        provider.present.insert(peering.spec.location);
    }
    Ok(())
}

/// The provider of a name, any case, with the name as it was approved.
pub(super) fn find<'a>(
    providers: &'a BTreeMap<String, Provider>,
    name: &str,
) -> Option<(&'a str, &'a Provider)> {
    providers.get(&folded(name)).map(|p| (p.name.as_str(), p))
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
    let providers = all(&mut db).await?;
    let name = question.peering_service_provider.unwrap_or_default();
    let present = find(&providers, &name).is_some_and(|(_, p)| !p.present.is_empty());
    ok(if known && present { "Available" } else { "Unavailable" })
}
