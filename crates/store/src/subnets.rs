//! Session subnets: taken by a connection, or resting after it (`docs/rules.md` §3).
//!
//! Which one to take is the model's choice; that none is taken twice, overlaps another one or is
//! taken from its rest is made sure of here.

use crate::db::{Db, Tx};
use crate::error::{Conflict, Result, StoreError};
use crate::statement::{Columns, sql};
use jiff::Timestamp;
use meetme_model::Prefix;
use std::net::IpAddr;

/// A subnet that can't be given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetUse {
    /// The subnet.
    pub prefix: Prefix,
    /// Who has it; `None`: it rests.
    pub connection_id: Option<i64>,
    /// Since when it rests.
    pub freed_at: Option<Timestamp>,
}

statements! {
    COUNTED = "SELECT COUNT(connection_id), COUNT(CASE WHEN freed_at_ms > $3 THEN 1 END) FROM subnets
               WHERE first_address >= $1 AND first_address <= $2 AND last_address <= $2";
    OVERLAPPING = "SELECT prefix, connection_id, freed_at_ms FROM subnets
                   WHERE (first_address >= $1 AND first_address <= $2)
                   OR (last_address >= $1 AND first_address = (
                       SELECT MAX(first_address) FROM subnets WHERE first_address < $1))
                   ORDER BY first_address";
    TAKE = "INSERT INTO subnets (prefix, first_address, last_address, connection_id)
            VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    RELEASE = "UPDATE subnets SET connection_id = NULL, freed_at_ms = $1 WHERE connection_id = $2";
    FORGET = "DELETE FROM subnets WHERE connection_id = $1";
    PURGE = "DELETE FROM subnets WHERE connection_id IS NULL AND freed_at_ms <= $1";
}

/// How many subnets within a pool are taken, and how many rest because they were freed after a time.
pub async fn subnets_counted(db: &mut impl Db, pool: Prefix, freed_after: Timestamp) -> Result<(i64, i64)> {
    let (first, last) = range(pool);
    let rows = sql(COUNTED).bind(first).bind(last).bind_time(freed_after).all(db).await?;
    match rows.first() {
        Some(row) => Ok((row.int(0)?, row.int(1)?)),
        None => Ok((0, 0)),
    }
}

/// Gives a subnet to a connection. One that it has already stays its own.
///
/// # Errors
/// [`Conflict::SubnetTaken`], [`Conflict::SubnetResting`].
pub async fn subnet_take(tx: &mut Tx, connection_id: i64, prefix: Prefix) -> Result<()> {
    let (first, last) = range(prefix);
    // The insert waits for another transaction that inserts the same one; the look comes after.
    let inserted = sql(TAKE)
        .bind(prefix.to_string())
        .bind(first.as_str())
        .bind(last.as_str())
        .bind(connection_id)
        .run(tx)
        .await?;
    let rows = sql(OVERLAPPING).bind(first).bind(last).all(tx).await?;
    for row in &rows {
        let other = subnet_use(row)?;
        match (other.connection_id, other.freed_at) {
            (Some(holder), _) if holder == connection_id && other.prefix == prefix => {}
            (Some(holder), _) => {
                return Err(Conflict::SubnetTaken { prefix, connection_id: holder }.into());
            }
            (None, freed_at) => {
                return Err(Conflict::SubnetResting { prefix, freed_at: freed_at.unwrap_or_default() }.into());
            }
        }
    }
    // Not inserted and gone: it was purged in this very moment.
    if inserted == 0 && rows.is_empty() {
        return Err(StoreError::Busy);
    }
    Ok(())
}

/// Lets all subnets of a connection rest from `at` on.
pub async fn subnets_release(tx: &mut Tx, connection_id: i64, at: Timestamp) -> Result<()> {
    sql(RELEASE).bind_time(at).bind(connection_id).run(tx).await?;
    Ok(())
}

/// Makes all subnets of a connection free at once: those that the peer gave rest for nobody.
pub async fn subnets_forget(tx: &mut Tx, connection_id: i64) -> Result<()> {
    sql(FORGET).bind(connection_id).run(tx).await?;
    Ok(())
}

/// What is taken or rests in or around a prefix.
pub async fn subnets_overlapping(db: &mut impl Db, prefix: Prefix) -> Result<Vec<SubnetUse>> {
    let (first, last) = range(prefix);
    let rows = sql(OVERLAPPING).bind(first).bind(last).all(db).await?;
    rows.iter().map(subnet_use).collect()
}

/// Makes free again what rests since `freed_until` or longer; gives how many.
pub async fn subnets_purge(tx: &mut Tx, freed_until: Timestamp) -> Result<u64> {
    sql(PURGE).bind_time(freed_until).run(tx).await
}

fn subnet_use(row: &sqlx::any::AnyRow) -> Result<SubnetUse> {
    Ok(SubnetUse {
        prefix: row
            .text(0)?
            .parse()
            .map_err(|e: meetme_model::prefix::PrefixError| StoreError::corrupt("subnet", e))?,
        connection_id: row.int_or_null(1)?,
        freed_at: row.time_or_null(2)?,
    })
}

/// First and last address as texts whose order is that of the addresses, families apart.
pub(crate) fn range(prefix: Prefix) -> (String, String) {
    (sortable(prefix.net().network()), sortable(prefix.net().broadcast()))
}

/// An address as text in the order of addresses.
pub(crate) fn sortable(address: IpAddr) -> String {
    match address {
        IpAddr::V4(a) => format!("4:{:08x}", u32::from(a)),
        IpAddr::V6(a) => format!("6:{:032x}", u128::from(a)),
    }
}
