//! What peers state of their peerings where nothing can be measured (`docs/rules.md` §7).

use crate::db::{Db, Tx};
use crate::error::Result;
use crate::statement::{Columns, sql, to_doc};
use meetme_model::compliance::{Attestation, Requirement};

const WHAT: &str = "attestation";

statements! {
    LIST = "SELECT doc FROM attestations WHERE peering_id = $1 ORDER BY requirement";
    PUT = "INSERT INTO attestations (peering_id, requirement, doc) VALUES ($1, $2, $3)
           ON CONFLICT (peering_id, requirement) DO UPDATE SET doc = excluded.doc";
    DELETE = "DELETE FROM attestations WHERE peering_id = $1 AND requirement = $2";
}

/// What is stated of a peering.
pub async fn attestations_of(db: &mut impl Db, peering_id: i64) -> Result<Vec<Attestation>> {
    sql(LIST).bind(peering_id).all(db).await?.iter().map(|row| row.doc(0, WHAT)).collect()
}

/// Keeps a statement, instead of an earlier one of the same requirement.
pub async fn attestation_put(tx: &mut Tx, peering_id: i64, new: &Attestation) -> Result<()> {
    sql(PUT).bind(peering_id).bind(new.requirement.wire_name()).bind(to_doc(new, WHAT)?).run(tx).await?;
    Ok(())
}

/// Takes a statement back; whether there was one.
pub async fn attestation_delete(tx: &mut Tx, peering_id: i64, requirement: Requirement) -> Result<bool> {
    Ok(sql(DELETE).bind(peering_id).bind(requirement.wire_name()).run(tx).await? > 0)
}
