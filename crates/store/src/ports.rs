//! Which port belongs to which connection: each to one at most, by constraint.

use crate::db::{Db, Tx};
use crate::error::{Conflict, Result, StoreError};
use crate::statement::{Columns, sql};

statements! {
    ASSIGN = "INSERT INTO ports (router, port, connection_id) VALUES ($1, $2, $3)
              ON CONFLICT DO NOTHING";
    HOLDER = "SELECT connection_id FROM ports WHERE router = $1 AND port = $2";
    USED = "SELECT router, string_agg('[' || CAST({quoted}(port) AS TEXT) || ',' || CAST(connection_id AS TEXT)
                || ']', ',') FROM ports GROUP BY router ORDER BY router";
    USED_ON = "SELECT port FROM ports WHERE router = $1";
    FREE = "DELETE FROM ports WHERE connection_id = $1";
}

/// Gives ports to a connection. Ports that it has already stay its own.
///
/// # Errors
/// [`Conflict::PortTaken`] when one belongs to another connection.
pub async fn port_assign<P: AsRef<str>>(
    tx: &mut Tx,
    connection_id: i64,
    router: &str,
    ports: &[P],
) -> Result<()> {
    for port in ports.iter().map(AsRef::as_ref) {
        let inserted = sql(ASSIGN).bind(router).bind(port).bind(connection_id).run(tx).await?;
        if inserted == 1 {
            continue;
        }
        let row = sql(HOLDER).bind(router).bind(port).optional(tx).await?;
        let Some(row) = row else {
            return Err(StoreError::Busy);
        };
        let holder = row.int(0)?;
        if holder != connection_id {
            return Err(Conflict::PortTaken {
                router: router.to_owned(),
                port: port.to_owned(),
                connection_id: holder,
            }
            .into());
        }
    }
    Ok(())
}

/// All assigned ports as (router, port, connection id), in the order of their names. They are read a router
/// at a time: reading a row for each port costs much more.
pub async fn ports_used(db: &mut impl Db) -> Result<Vec<(String, String, i64)>> {
    let mut used = Vec::new();
    for row in &sql(USED).all(db).await? {
        let list = format!("[{}]", row.text(1)?);
        let mut ports: Vec<(String, i64)> =
            serde_json::from_str(&list).map_err(|e| StoreError::corrupt("ports", e))?;
        ports.sort_unstable();
        let router = row.text(0)?;
        used.extend(ports.into_iter().map(|(port, connection)| (router.clone(), port, connection)));
    }
    Ok(used)
}

/// The assigned ports of some routers as (router, port).
pub async fn ports_used_on(db: &mut impl Db, routers: &[&str]) -> Result<Vec<(String, String)>> {
    let mut used = Vec::new();
    for router in routers {
        for row in &sql(USED_ON).bind(*router).all(db).await? {
            used.push(((*router).to_owned(), row.text(0)?));
        }
    }
    Ok(used)
}

/// Frees all ports of a connection.
pub async fn ports_free(tx: &mut Tx, connection_id: i64) -> Result<()> {
    sql(FREE).bind(connection_id).run(tx).await?;
    Ok(())
}
