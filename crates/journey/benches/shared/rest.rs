//! Waits until a product has nothing to do, by asking: what its first look at everything leaves behind is there,
//! nothing is due, and its processes (its database's among them) rest. What doesn't come is told by name, with what
//! the product said last.

use crate::machine::Spent;
use crate::product::Product;
use anyhow::ensure;
use jiff::Timestamp;
use meetme_store::{Reader, Store, inventory_get, router_intent_generations, router_state_get, work_depth};
use std::time::{Duration, Instant};

/// A host of this size is looked at within this time, also on a slow disk.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two questions.
const LOOK: Duration = Duration::from_millis(500);
/// What a product that only polls uses of one processor, with its database and the benchmark.
const AT_REST: f64 = 0.05;

/// Waits until nothing is missing: `more` tells what else the benchmark needs.
pub async fn wait(
    product: &Product,
    store: &Store,
    more: impl AsyncFn(&mut Reader) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    while let Some(missing) = missing(store, &more).await? {
        ensure!(
            Instant::now() < until,
            "the product isn't at rest after {} s: {missing}. It said last:\n{}",
            PATIENCE.as_secs(),
            product.said()
        );
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Nothing else is needed.
pub async fn nothing_more(_: &mut Reader) -> anyhow::Result<Option<String>> {
    Ok(None)
}

async fn missing(
    store: &Store,
    more: &impl AsyncFn(&mut Reader) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<Option<String>> {
    let mut db = store.read().await?;
    if let Some(missing) = first_look(&mut db).await? {
        return Ok(Some(missing));
    }
    if let Some(missing) = more(&mut db).await? {
        return Ok(Some(missing));
    }
    let due = work_depth(&mut db, Timestamp::now()).await?;
    drop(db);
    if due > 0 {
        return Ok(Some(format!("{due} things are still to be looked at")));
    }
    let spent = Spent::now()?;
    tokio::time::sleep(LOOK).await;
    let used = spent.since()?.ours;
    let percent = (used * 100.0).round();
    Ok((used > AT_REST).then(|| format!("nothing is due, but it uses {percent} % of a processor")))
}

/// After a start the product looks at everything once, routers among the last, and after a while it notes that edges
/// are away: the seed leaves one router that can be reached, so that this can be seen.
async fn first_look(db: &mut Reader) -> anyhow::Result<Option<String>> {
    let inventory = inventory_get(db).await?.map(|(_, inventory)| inventory);
    let routers = inventory.iter().flat_map(|i| &i.routers).collect::<Vec<_>>();
    let planned = router_intent_generations(db).await?;
    let unplanned = routers.iter().filter(|r| !planned.contains_key(&r.name)).count();
    if unplanned > 0 {
        return Ok(Some(format!("{unplanned} of {} routers have no intent yet", routers.len())));
    }
    let last = routers.last().map_or("", |r| r.name.as_str());
    let reachable = router_state_get(db, last).await?.is_some_and(|state| state.reachable);
    Ok(reachable.then(|| format!("nobody noted yet that the edge of {last} is away")))
}
