//! Asking for everything to be looked at again: at start, now and then, and after a change that may
//! concern anything, such as another inventory.

use crate::db::{IdPage, Tx};
use crate::error::Result;
use crate::inventory::inventory_get;
use crate::mails::mails_unsent_keys;
use crate::peer_asns::peer_asns_pending;
use crate::peerings::peerings_all;
use crate::registered_prefixes::registered_prefixes_all;
use crate::router_intents::router_intent_generations;
use crate::service_prefixes::service_prefixes_all;
use crate::work::{WorkKind, work_enqueue};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Rows read at once.
const PAGE: u32 = 500;

/// Asks for every claim, peering, prefix, router and unsent mail to be looked at.
pub async fn work_enqueue_everything(tx: &mut Tx, at: Timestamp) -> Result<()> {
    macro_rules! each {
        ($list:path, $kind:expr) => {
            let mut page = IdPage::first(PAGE);
            loop {
                let rows = $list(tx, page).await?;
                let Some(last) = rows.last() else { break };
                page.after = Some(last.id);
                for row in &rows {
                    work_enqueue(tx, $kind, &row.id.to_string(), at).await?;
                }
            }
        };
    }
    each!(peer_asns_pending, WorkKind::PeerAsn);
    each!(peerings_all, WorkKind::Peering);
    each!(registered_prefixes_all, WorkKind::RegisteredPrefix);
    each!(service_prefixes_all, WorkKind::ServicePrefix);
    if let Some((_, inventory)) = inventory_get(tx).await? {
        // Those that left have an intent to be forgotten.
        let mut routers: BTreeSet<String> = router_intent_generations(tx).await?.into_keys().collect();
        routers.extend(inventory.routers.iter().map(|router| router.name.clone()));
        for router in &routers {
            work_enqueue(tx, WorkKind::Router, router, at).await?;
        }
    }
    for key in mails_unsent_keys(tx).await? {
        work_enqueue(tx, WorkKind::Mail, &key, at).await?;
    }
    Ok(())
}
