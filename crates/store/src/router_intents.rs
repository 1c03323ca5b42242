//! What each router should be, in the parts in which it is sent to its edge
//! (`meetme_model::intent_parts`). Keys aren't among them: they lie sealed with their connections.

use crate::db::{Db, Tx};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql, to_doc};
use meetme_model::intent::RouterIntent;
use meetme_model::intent_parts::{Digest, Document, IntentHead, IntentParts, References};
use meetme_model::unit::UnitName;
use std::collections::{BTreeMap, BTreeSet, HashMap};

statements! {
    HEAD = "SELECT generation, digest, own FROM router_intents WHERE router = $1 AND digest <> ''";
    LOCK = "SELECT generation, digest FROM router_intents WHERE router = $1 {for_update}";
    GENERATION = "SELECT generation FROM router_intents WHERE router = $1";
    GENERATIONS = "SELECT router, generation FROM router_intents";
    PUT = "INSERT INTO router_intents (router, generation, digest, own) VALUES ($1, $2, $3, $4)
           ON CONFLICT (router) DO UPDATE
           SET generation = excluded.generation, digest = excluded.digest, own = excluded.own";
    DELETE = "DELETE FROM router_intents WHERE router = $1";
    UNITS_DELETE = "DELETE FROM router_units WHERE router = $1";
    LISTS_DELETE = "DELETE FROM router_lists WHERE router = $1";
    UNITS = "SELECT unit, digest FROM router_units WHERE router = $1 ORDER BY unit";
    UNIT_GET = "SELECT digest, doc FROM router_units WHERE router = $1 AND unit = $2";
    UNIT_PUT = "INSERT INTO router_units (router, unit, digest, doc) VALUES ($1, $2, $3, $4)
                ON CONFLICT (router, unit) DO UPDATE SET digest = excluded.digest, doc = excluded.doc";
    UNIT_DELETE = "DELETE FROM router_units WHERE router = $1 AND unit = $2";
    LISTS = "SELECT digest FROM router_lists WHERE router = $1";
    LIST_GET = "SELECT digest, doc FROM router_lists WHERE router = $1 AND digest = $2";
    LIST_ADD = "INSERT INTO router_lists (router, digest, doc) VALUES ($1, $2, $3)";
    LIST_DELETE = "DELETE FROM router_lists WHERE router = $1 AND digest = $2";
}

/// Keeps a router's intent and gives its generation. The generation that `intent` carries is
/// ignored: it counts up when anything else differs from what is kept, and only then.
pub async fn router_intent_put(tx: &mut Tx, intent: &RouterIntent) -> Result<u64> {
    let IntentParts { head, units, lists, keys: _ } = IntentParts::of(intent);
    let router = intent.router.as_str();
    let kept = sql(LOCK).bind(router).optional(tx).await?;
    let (generation, digest) = match &kept {
        Some(row) => (row.int(0)?, row.text(1)?),
        None => (0, String::new()),
    };
    if digest == head.digest.as_str() {
        return Ok(generation as u64);
    }
    let mut before = router_units(tx, router).await?;
    for (name, unit) in &units {
        if before.remove(name).as_ref() != Some(&unit.digest) {
            let put = sql(UNIT_PUT).bind(router).bind(name.to_string());
            put.bind(unit.digest.as_str()).bind(unit.text.as_str()).run(tx).await?;
        }
    }
    for gone in before.into_keys() {
        sql(UNIT_DELETE).bind(router).bind(gone.to_string()).run(tx).await?;
    }
    let mut before = router_lists(tx, router).await?;
    for list in lists.values() {
        if !before.remove(&list.digest) {
            let add = sql(LIST_ADD).bind(router).bind(list.digest.as_str());
            add.bind(list.text.as_str()).run(tx).await?;
        }
    }
    for gone in before {
        sql(LIST_DELETE).bind(router).bind(gone.as_str()).run(tx).await?;
    }
    let put = sql(PUT).bind(router).bind(generation + 1).bind(head.digest.as_str());
    put.bind(to_doc(&head.own, "router intent")?).run(tx).await?;
    Ok(generation as u64 + 1)
}

async fn router_lists(db: &mut impl Db, router: &str) -> Result<BTreeSet<Digest>> {
    let rows = sql(LISTS).bind(router).all(db).await?;
    rows.iter().map(|row| Ok(row.text(0)?.into())).collect()
}

/// Forgets the intent of a router that is no more.
pub async fn router_intent_delete(tx: &mut Tx, router: &str) -> Result<()> {
    for delete in [DELETE, UNITS_DELETE, LISTS_DELETE] {
        sql(delete).bind(router).run(tx).await?;
    }
    Ok(())
}

/// The head of a router's intent; `None` when there is none.
pub async fn router_intent_head(db: &mut impl Db, router: &str) -> Result<Option<IntentHead>> {
    let Some(row) = sql(HEAD).bind(router).optional(db).await? else { return Ok(None) };
    Ok(Some(IntentHead {
        router: router.to_owned(),
        generation: row.int(0)? as u64,
        digest: row.text(1)?.into(),
        own: row.doc(2, "router intent")?,
    }))
}

/// The units of a router's intent, by their digests.
pub async fn router_units(db: &mut impl Db, router: &str) -> Result<BTreeMap<UnitName, Digest>> {
    let rows = sql(UNITS).bind(router).all(db).await?;
    rows.iter().map(|row| Ok((UnitName::from(row.text(0)?), row.text(1)?.into()))).collect()
}

/// One unit of a router's intent, with what it refers to.
pub async fn router_unit_get(
    db: &mut impl Db,
    router: &str,
    unit: &UnitName,
) -> Result<Option<(Document, References)>> {
    let row = sql(UNIT_GET).bind(router).bind(unit.to_string()).optional(db).await?;
    let Some(row) = row else { return Ok(None) };
    let unit = Document { digest: row.text(0)?.into(), text: row.text(1)? };
    let references = References::of(&unit).map_err(|e| StoreError::corrupt("router unit", e))?;
    Ok(Some((unit, references)))
}

/// A list that units of a router share.
pub async fn router_list_get(db: &mut impl Db, router: &str, digest: &Digest) -> Result<Option<Document>> {
    let row = sql(LIST_GET).bind(router).bind(digest.as_str()).optional(db).await?;
    row.map(|row| Ok(Document { digest: row.text(0)?.into(), text: row.text(1)? })).transpose()
}

/// The generation of a router's intent; 0 when there is none.
pub async fn router_intent_generation(db: &mut impl Db, router: &str) -> Result<u64> {
    match sql(GENERATION).bind(router).optional(db).await? {
        Some(row) => Ok(row.int(0)? as u64),
        None => Ok(0),
    }
}

/// The generations of all routers' intents.
pub async fn router_intent_generations(db: &mut impl Db) -> Result<HashMap<String, u64>> {
    let rows = sql(GENERATIONS).all(db).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)? as u64))).collect()
}
