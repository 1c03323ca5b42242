//! `GET resources`: peerings and peering services of a subscription or of one of its groups.

use super::list_query::{Expanded, ListQuery, Row};
use super::search::{Kind, Search};
use crate::arm::{peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::page::{self, bad_token};
use meetme_model::peering::Peering;
use meetme_model::peering_service::PeeringService;
use meetme_store::{path_key, peering_services_list, peerings_list};
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

/// Answers a page: peerings first, each kind by group and name.
pub(super) async fn list(call: Call) -> Answer {
    let query = ListQuery::of(&call)?;
    let position = page::position(&call)?;
    let (in_services, after) = match position.as_deref().map(|p| p.split_once(' ')) {
        None => (false, None),
        Some(Some(("p", key))) => (false, Some(key.to_owned())),
        Some(Some(("s", key))) => (true, Some(key.to_owned()).filter(|k| !k.is_empty())),
        Some(_) => return Err(bad_token()),
    };
    let subscription = call.subscription();
    let group = Some(call.resource_group()).filter(|g| !g.is_empty()).or(query.group());
    let mut search = Search::new(&call, &query);
    let mut db = call.state.store.read().await?;
    if query.has_type(PEERINGS) && !in_services {
        let mut peerings = search.read(&PEERING, after.clone());
        while let Some(page) = peerings.next() {
            peerings.take(peerings_list(&mut db, subscription, group, &page).await?);
        }
    }
    if query.has_type(SERVICES) {
        let mut services = search.read(&SERVICE, after.filter(|_| in_services));
        while let Some(page) = services.next() {
            services.take(peering_services_list(&mut db, subscription, group, &page).await?);
        }
    }
    ok(search.page())
}

static PEERING: Kind<Peering, Shown> = Kind {
    prefix: "p ",
    key: |p| path_key(&p.resource_group, &p.name),
    row: |p| Row {
        group: &p.resource_group,
        name: &p.name,
        location: &p.spec.region,
        kind: PEERINGS,
        tags: &p.spec.tags,
    },
    show: |p, query| Shown {
        id: peerings::id(&p),
        r#type: PEERINGS,
        kind: Some(peerings::kind_name(p.spec.offering)),
        sku: Some(Sku { name: p.spec.sku.wire_name().to_owned() }),
        expanded: query.expanded(&p.stamp, peerings::provisioning_state(&p)),
        name: p.name,
        location: p.spec.region,
        tags: p.spec.tags,
    },
};

static SERVICE: Kind<PeeringService, Shown> = Kind {
    prefix: "s ",
    key: |s| path_key(&s.resource_group, &s.name),
    row: |s| Row {
        group: &s.resource_group,
        name: &s.name,
        location: &s.spec.region,
        kind: SERVICES,
        tags: &s.spec.tags,
    },
    show: |s, query| Shown {
        id: peering_services::id(&s),
        r#type: SERVICES,
        kind: None,
        sku: s.spec.sku.clone().map(|name| Sku { name }),
        expanded: query.expanded(&s.stamp, "Succeeded"),
        name: s.name,
        location: s.spec.region,
        tags: s.spec.tags,
    },
};
