//! `GET resources`: peerings and peering services of a subscription or of one of its groups.

use super::narrowed::{Expanded, Narrowed, Row};
use crate::arm::{peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{self, bad_token};
use meetme_model::peering::Peering;
use meetme_model::peering_service::PeeringService;
use meetme_store::{self as store, Db, path_key, peering_services_list, peerings_list};
use serde::Serialize;
use std::collections::BTreeMap;

const PEERINGS: &str = "Microsoft.Peering/peerings";
const SERVICES: &str = "Microsoft.Peering/peeringServices";

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Sku>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(flatten)]
    expanded: Expanded,
}

#[derive(Serialize)]
struct Sku {
    name: String,
}

/// Which resources are listed, and how many.
struct Wanted<'c> {
    subscription: &'c str,
    group: Option<&'c str>,
    narrowed: &'c Narrowed,
    size: usize,
    /// Rows that the store is asked for at a time.
    limit: u32,
}

/// Rows so far, each with the position after which the page behind it starts.
type Rows = Vec<(String, Shown)>;

/// Answers a page: peerings first, each kind by group and name.
pub(super) async fn list(call: Call) -> Answer {
    let narrowed = Narrowed::of(&call)?;
    let position = page::position(&call)?;
    let (in_services, after) = match position.as_deref().map(|p| p.split_once(' ')) {
        None => (false, None),
        Some(Some(("p", key))) => (false, Some(key.to_owned())),
        Some(Some(("s", key))) => (true, Some(key.to_owned()).filter(|k| !k.is_empty())),
        Some(_) => return Err(bad_token()),
    };
    let size = narrowed.size(&call);
    let wanted = Wanted {
        subscription: call.subscription(),
        group: Some(call.resource_group()).filter(|g| !g.is_empty()).or(narrowed.group()),
        narrowed: &narrowed,
        size,
        limit: u32::try_from(call.state.settings.page_size).map_or(u32::MAX, |n| n.saturating_add(1)),
    };
    let mut rows = Rows::new();
    let mut db = call.state.store.read().await?;
    if narrowed.has_type(PEERINGS) && !in_services {
        wanted.peerings(&mut db, after.clone(), &mut rows).await?;
    }
    if narrowed.has_type(SERVICES) && rows.len() <= size {
        wanted.services(&mut db, after.filter(|_| in_services), &mut rows).await?;
    }
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|(position, _)| position.clone());
    ok(narrowed.page(&call, rows.into_iter().map(|(_, shown)| shown).collect(), next))
}

impl Wanted<'_> {
    /// Adds peerings until there is one more than the page has, or no more.
    async fn peerings(
        &self,
        db: &mut impl Db,
        mut after: Option<String>,
        rows: &mut Rows,
    ) -> Result<(), ApiError> {
        loop {
            let asked = store::Page { after, limit: self.limit };
            let found = peerings_list(db, self.subscription, self.group, &asked).await?;
            let is_last = found.len() < self.limit as usize;
            after = found.last().map(|p| path_key(&p.resource_group, &p.name));
            for p in found {
                let row = Row {
                    group: &p.resource_group,
                    name: &p.name,
                    location: &p.spec.region,
                    kind: PEERINGS,
                    tags: &p.spec.tags,
                };
                if self.narrowed.holds(&row) {
                    rows.push((format!("p {}", path_key(&p.resource_group, &p.name)), self.peering(p)));
                }
            }
            if is_last || rows.len() > self.size {
                return Ok(());
            }
        }
    }

    /// The same with peering services.
    async fn services(
        &self,
        db: &mut impl Db,
        mut after: Option<String>,
        rows: &mut Rows,
    ) -> Result<(), ApiError> {
        loop {
            let asked = store::Page { after, limit: self.limit };
            let found = peering_services_list(db, self.subscription, self.group, &asked).await?;
            let is_last = found.len() < self.limit as usize;
            after = found.last().map(|s| path_key(&s.resource_group, &s.name));
            for s in found {
                let row = Row {
                    group: &s.resource_group,
                    name: &s.name,
                    location: &s.spec.region,
                    kind: SERVICES,
                    tags: &s.spec.tags,
                };
                if self.narrowed.holds(&row) {
                    rows.push((format!("s {}", path_key(&s.resource_group, &s.name)), self.service(s)));
                }
            }
            if is_last || rows.len() > self.size {
                return Ok(());
            }
        }
    }

    fn peering(&self, p: Peering) -> Shown {
        Shown {
            id: peerings::id(&p),
            r#type: PEERINGS,
            kind: Some(peerings::kind_name(p.spec.offering)),
            sku: Some(Sku { name: p.spec.sku.wire_name().to_owned() }),
            expanded: self.narrowed.expanded(&p.stamp, peerings::provisioning_state(&p)),
            name: p.name,
            location: p.spec.region,
            tags: p.spec.tags,
        }
    }

    fn service(&self, s: PeeringService) -> Shown {
        Shown {
            id: peering_services::id(&s),
            r#type: SERVICES,
            kind: None,
            sku: s.spec.sku.clone().map(|name| Sku { name }),
            expanded: self.narrowed.expanded(&s.stamp, "Succeeded"),
            name: s.name,
            location: s.spec.region,
            tags: s.spec.tags,
        }
    }
}
