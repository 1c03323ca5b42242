//! What each router should be, as it is sent to its edge. Intents carry MD5 keys, so the whole
//! snapshot is sealed.

use crate::db::{Access, Db, Tx};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql};
use meetme_model::intent::RouterIntent;
use meetme_seal::Sealer;
use sqlx::any::AnyRow;
use std::collections::HashMap;

statements! {
    GET = "SELECT router, generation, sealed FROM router_intents WHERE router = $1";
    LOCK = "SELECT router, generation, sealed FROM router_intents WHERE router = $1 {for_update}";
    LIST = "SELECT router, generation, sealed FROM router_intents ORDER BY router";
    GENERATION = "SELECT generation FROM router_intents WHERE router = $1";
    GENERATIONS = "SELECT router, generation FROM router_intents";
    PUT = "INSERT INTO router_intents (router, generation, sealed) VALUES ($1, $2, $3)
           ON CONFLICT (router) DO UPDATE
           SET generation = excluded.generation, sealed = excluded.sealed";
}

/// Keeps a router's intent and gives its generation. The generation that `intent` carries is
/// ignored: it counts up when anything else differs from what is kept, and only then.
pub async fn router_intent_put(tx: &mut Tx, intent: &RouterIntent) -> Result<u64> {
    let sealer = tx.sealer();
    let row = sql(LOCK).bind(intent.router.as_str()).optional(tx).await?;
    let kept = row.map(|row| read(&sealer, &row)).transpose()?;
    let mut next = intent.clone();
    next.generation = kept.as_ref().map_or(0, |k| k.generation);
    if kept.as_ref() == Some(&next) {
        return Ok(next.generation);
    }
    next.generation += 1;
    let clear = serde_json::to_vec(&next).map_err(|e| StoreError::corrupt("router intent", e))?;
    sql(PUT)
        .bind(next.router.as_str())
        .bind(next.generation as i64)
        .bind(sealer.seal(&place(&next.router), &clear))
        .run(tx)
        .await?;
    Ok(next.generation)
}

/// A router's intent.
pub async fn router_intent_get(db: &mut impl Db, router: &str) -> Result<Option<RouterIntent>> {
    let sealer = db.sealer();
    let row = sql(GET).bind(router).optional(db).await?;
    row.map(|row| read(&sealer, &row)).transpose()
}

/// The generation of a router's intent, without unsealing it; 0 when there is none.
pub async fn router_intent_generation(db: &mut impl Db, router: &str) -> Result<u64> {
    match sql(GENERATION).bind(router).optional(db).await? {
        Some(row) => Ok(row.int(0)? as u64),
        None => Ok(0),
    }
}

/// The generations of all routers' intents, without unsealing them.
pub async fn router_intent_generations(db: &mut impl Db) -> Result<HashMap<String, u64>> {
    let rows = sql(GENERATIONS).all(db).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)? as u64))).collect()
}

/// All routers' intents.
pub async fn router_intent_list(db: &mut impl Db) -> Result<Vec<RouterIntent>> {
    let sealer = db.sealer();
    let rows = sql(LIST).all(db).await?;
    rows.iter().map(|row| read(&sealer, row)).collect()
}

fn read(sealer: &Sealer, row: &AnyRow) -> Result<RouterIntent> {
    let clear = sealer.open(&place(&row.text(0)?), &row.bytes(2)?)?;
    let mut intent: RouterIntent =
        serde_json::from_slice(&clear).map_err(|e| StoreError::corrupt("router intent", e))?;
    intent.generation = row.int(1)? as u64;
    Ok(intent)
}

fn place(router: &str) -> String {
    format!("the intent of router {router}")
}
