//! Folds the names of what an older version wrote. SQL can't do it: SQLite knows no case beyond
//! ASCII, and PostgreSQL's depends on its locale.

use crate::db::{IdPage, Tx};
use crate::error::Result;
use crate::peer_asns::peer_asns_all;
use crate::statement::{Columns, fold, sql};

/// Rows read at a time.
const BATCH: u32 = 500;

statements! {
    PEER_NAME = "UPDATE peer_asns SET peer_name = $1 WHERE id = $2";
    LOCATIONS = "SELECT DISTINCT location FROM peerings";
    LOCATION = "UPDATE peerings SET location = $1 WHERE location = $2";
}

/// Folds the names of peers and of peerings' locations.
pub(crate) async fn fold_all(tx: &mut Tx) -> Result<()> {
    let mut page = IdPage::first(BATCH);
    loop {
        let claims = peer_asns_all(tx, page).await?;
        page.after = claims.last().map(|c| c.id);
        for claim in &claims {
            sql(PEER_NAME).bind(fold(&claim.spec.peer_name)).bind(claim.id).run(tx).await?;
        }
        if claims.len() < BATCH as usize {
            break;
        }
    }
    for row in sql(LOCATIONS).all(tx).await? {
        let written = row.text(0)?;
        let folded = fold(&written);
        if folded != written {
            sql(LOCATION).bind(folded).bind(written).run(tx).await?;
        }
    }
    Ok(())
}
