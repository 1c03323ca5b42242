//! `GET resources`: peerings and peering services of a subscription or of one of its groups.

use crate::arm::{peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{self, Page, bad_token};
use meetme_store::{self as store, path_key, peering_services_list, peerings_list};
use serde::Serialize;
use std::collections::BTreeMap;

const PEERINGS: &str = "Microsoft.Peering/peerings";
const SERVICES: &str = "Microsoft.Peering/peeringServices";

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    location: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// Answers a page: peerings first, each kind by group and name.
pub(super) async fn list(call: Call) -> Answer {
    let (with_peerings, with_services) = kinds(&call)?;
    let position = page::position(&call)?;
    let (in_services, after) = match position.as_deref().map(|p| p.split_once(' ')) {
        None => (false, None),
        Some(Some(("p", key))) => (false, Some(key.to_owned())),
        Some(Some(("s", key))) => (true, Some(key.to_owned()).filter(|k| !k.is_empty())),
        Some(_) => return Err(bad_token()),
    };
    let group = Some(call.resource_group()).filter(|g| !g.is_empty());
    let size = call.state.settings.page_size;
    let limit = u32::try_from(size).map_or(u32::MAX, |n| n.saturating_add(1));
    let mut rows: Vec<(String, Shown)> = Vec::new();
    let mut db = call.state.store.read().await?;
    if with_peerings && !in_services {
        let asked = store::Page { after: after.clone(), limit };
        for p in peerings_list(&mut db, call.subscription(), group, &asked).await? {
            let position = format!("p {}", path_key(&p.resource_group, &p.name));
            let shown = Shown {
                id: peerings::id(&p),
                name: p.name,
                r#type: PEERINGS,
                location: p.spec.region,
                tags: p.spec.tags,
            };
            rows.push((position, shown));
        }
    }
    if with_services && rows.len() <= size {
        let asked = store::Page { after: after.filter(|_| in_services), limit };
        for s in peering_services_list(&mut db, call.subscription(), group, &asked).await? {
            let position = format!("s {}", path_key(&s.resource_group, &s.name));
            let shown = Shown {
                id: peering_services::id(&s),
                name: s.name,
                r#type: SERVICES,
                location: s.spec.region,
                tags: s.spec.tags,
            };
            rows.push((position, shown));
        }
    }
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|(position, _)| position.clone());
    ok(Page::part(&call, rows.into_iter().map(|(_, shown)| shown).collect(), next))
}

/// Which kinds `$filter` keeps: `resourceType eq 'Microsoft.Peering/peerings'` is all it knows.
fn kinds(call: &Call) -> Result<(bool, bool), ApiError> {
    let Some(filter) = call.query("$filter").map(str::trim).filter(|f| !f.is_empty()) else {
        return Ok((true, true));
    };
    let words: Vec<&str> = filter.split_whitespace().collect();
    if let [field, "eq", kind] = words.as_slice()
        && field.eq_ignore_ascii_case("resourceType")
    {
        let kind = kind.trim_matches('\'');
        return Ok((kind.eq_ignore_ascii_case(PEERINGS), kind.eq_ignore_ascii_case(SERVICES)));
    }
    Err(ApiError::bad_request(
        "InvalidFilter",
        "$filter",
        "only resourceType eq 'Microsoft.Peering/peerings' (or peeringServices) is understood here",
    ))
}
