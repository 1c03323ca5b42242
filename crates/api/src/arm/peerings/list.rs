//! `GET peerings`, of a subscription or of one of its resource groups.

use super::get::show_page;
use crate::call::{Answer, Call, ok};
use crate::page::{by_name, page};
use meetme_store::{path_key, peerings_list};

/// Answers a page of peerings by resource group and name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let group = Some(call.resource_group()).filter(|g| !g.is_empty());
    let mut db = call.state.store.read().await?;
    let rows = peerings_list(&mut db, call.subscription(), group, &asked).await?;
    let keys: Vec<String> = rows.iter().map(|p| path_key(&p.resource_group, &p.name)).collect();
    let shown = show_page(&mut db, rows).await?;
    ok(page(&call, keys.into_iter().zip(shown).collect(), |(key, _)| key.clone(), |(_, s)| s))
}
