//! `meetme inventory`: the file is checked whole, the diff shown, and what would orphan something
//! in use refused.

use crate::config::Config;
use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;
use meetme_model::inventory::Inventory;
use meetme_model::inventory_check::{InUse, check, check_orphans};
use meetme_model::violation::Violations;
use meetme_store::{self as store, IdPage, Tx};
use similar::TextDiff;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum InventoryCommand {
    /// Make a file the inventory.
    Apply {
        /// The TOML file.
        file: PathBuf,
        /// Check and show the diff, and leave everything as it is.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the inventory.
    Show,
}

pub async fn run(config: &Config, command: InventoryCommand) -> anyhow::Result<()> {
    match command {
        InventoryCommand::Apply { file, dry_run } => apply(config, file, dry_run).await,
        InventoryCommand::Show => {
            let store = config.store().await?;
            let found = store::inventory_get(&mut store.read().await?).await?;
            let (_, inventory) = found.context("no inventory was applied yet")?;
            print!("{}", toml::to_string(&inventory)?);
            Ok(())
        }
    }
}

async fn apply(config: &Config, file: PathBuf, dry_run: bool) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
    let new: Inventory =
        toml::from_str(&text).with_context(|| format!("{} isn't an inventory", file.display()))?;
    check(&new).map_err(|v| refused(&file, &v))?;
    let store = config.store().await?;
    let mut tx = store.begin().await?;
    let old = store::inventory_get(&mut tx).await?;
    check_orphans(&new, &in_use(&mut tx).await?).map_err(|v| refused(&file, &v))?;
    let before = old.map(|(_, old)| toml::to_string(&old)).transpose()?.unwrap_or_default();
    let after = toml::to_string(&new)?;
    if before == after {
        println!("The inventory is already so; nothing changes.");
        return Ok(());
    }
    let diff = TextDiff::from_lines(&before, &after);
    print!("{}", diff.unified_diff().context_radius(3).header("inventory now", &file.display().to_string()));
    if dry_run {
        println!("Not applied (--dry-run).");
        return Ok(());
    }
    let now = Timestamp::now();
    let version = store::inventory_put(&mut tx, &new, now).await?;
    let detail = serde_json::json!({ "version": version });
    store::audit_add(&mut tx, now, "cli", "inventory.apply", "inventory", detail).await?;
    store::work_enqueue_everything(&mut tx, now).await?;
    tx.commit().await?;
    println!("Applied as version {version}.");
    Ok(())
}

fn refused(file: &std::path::Path, violations: &Violations) -> anyhow::Error {
    let lines: Vec<String> = violations.0.iter().map(|v| format!("  {}: {}", v.target, v.message)).collect();
    anyhow::anyhow!("{} is refused, nothing was changed:\n{}", file.display(), lines.join("\n"))
}

/// What peerings hold of the inventory.
async fn in_use(tx: &mut Tx) -> anyhow::Result<InUse> {
    let mut found = InUse::default();
    let mut page = IdPage::first(500);
    loop {
        let peerings = store::peerings_all(tx, page).await?;
        let Some(last) = peerings.last() else { break };
        page.after = Some(last.id);
        for peering in &peerings {
            let by = format!("peering {}/{}", peering.resource_group, peering.name);
            found.locations.push((peering.spec.location.clone(), by.clone()));
            found.offerings.push((peering.spec.offering, by.clone()));
            for connection in store::connections_of(tx, peering.id).await? {
                for (_, subnet) in connection.sessions() {
                    if connection.spec.address_provider == meetme_model::peering::AddressProvider::Host {
                        found.subnets.push((subnet.prefix, by.clone()));
                    }
                }
                if let Some(ports) = connection.ports {
                    found
                        .ports
                        .extend(ports.ports.into_iter().map(|p| (ports.router.clone(), p, by.clone())));
                }
            }
        }
    }
    Ok(found)
}
