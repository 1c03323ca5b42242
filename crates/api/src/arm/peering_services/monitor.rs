//! The connection monitor of a subscription, as its peering services show it.

use crate::call::Call;
use crate::error::ApiError;
use meetme_model::inventory::Inventory;
use meetme_model::monitor_test::agents;
use meetme_model::peering_service::PeeringService;
use meetme_store::{Db, connection_monitor_get, inventory_get};
use serde::Serialize;
use std::sync::Arc;

/// An initialized connection monitor.
pub(super) struct Monitor {
    workspace: String,
    inventory: Arc<Inventory>,
}

/// `logAnalyticsWorkspaceProperties`. There is a `key` in the wire format; it is never given out.
#[derive(Serialize)]
pub(super) struct Workspace {
    #[serde(rename = "workspaceID")]
    id: String,
    #[serde(rename = "connectedAgents")]
    agents: Vec<String>,
}

impl Monitor {
    /// As a service shows it.
    pub fn of(&self, service: &PeeringService) -> Workspace {
        let sites = agents(&self.inventory, &service.spec);
        Workspace { id: self.workspace.clone(), agents: sites.into_iter().map(|s| s.name.clone()).collect() }
    }
}

/// The connection monitor of the path's subscription; `None` until it is initialized.
pub(super) async fn monitor_of(call: &Call, db: &mut impl Db) -> Result<Option<Monitor>, ApiError> {
    let Some(workspace) = connection_monitor_get(db, call.subscription()).await? else {
        return Ok(None);
    };
    let inventory = inventory_get(db).await?;
    Ok(inventory.map(|(_, inventory)| Monitor { workspace, inventory }))
}
