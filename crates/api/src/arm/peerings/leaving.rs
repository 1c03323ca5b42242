//! What is refused only because a peering is just being deleted, and when to come again: deletions in a
//! row are what tools do, and a peering drains before it is gone (`docs/rules.md` §3).

use crate::auth::reaches;
use crate::call::Call;
use crate::error::ApiError;
use meetme_model::connection::Connection;
use meetme_model::plan::removal;
use meetme_store::{Conflict, Db, ResourceRef, StoreError, peering_shown};

/// Whole seconds until connections being taken away are gone, as far as is known.
pub(super) fn left_s(call: &Call, connections: &[Connection]) -> u64 {
    let left = removal::left(connections, &call.state.settings.timing, call.now);
    u64::try_from(left.as_secs()).unwrap_or_default().max(1)
}

/// The answer to an error of the store: where all that it collides with are peerings that are being
/// deleted, it says so.
pub(crate) async fn refuse(call: &Call, db: &mut impl Db, error: StoreError) -> ApiError {
    let peerings = match error.conflict() {
        Some(Conflict::PeerAsnInUse { peerings }) => peerings.clone(),
        Some(Conflict::PeeringExists { peering }) => vec![peering.clone()],
        _ => return call.refuse(error),
    };
    with_retry_hint(call, db, call.refuse(error), &peerings).await.unwrap_or_else(|failed| failed)
}

/// A refusal whose reasons are these peerings: where all of them are being deleted, it says so, and when to
/// try again.
pub(crate) async fn with_retry_hint(
    call: &Call,
    db: &mut impl Db,
    mut refusal: ApiError,
    peerings: &[ResourceRef],
) -> Result<ApiError, ApiError> {
    let Some(seconds) = gone_in_s(call, db, peerings).await? else { return Ok(refusal) };
    refusal.message = format!(
        "what is in the way is being deleted already, and is gone in about {seconds} s; try again then"
    );
    Ok(refusal.retry_after(seconds))
}

/// When all of these are gone; `None` where one of them stays, or is none of the caller's business.
async fn gone_in_s(call: &Call, db: &mut impl Db, peerings: &[ResourceRef]) -> Result<Option<u64>, ApiError> {
    let mut longest_s = None;
    for r in peerings {
        if !reaches(&call.principal, &r.subscription) {
            return Ok(None);
        }
        let found = peering_shown(db, &r.subscription, &r.resource_group, &r.name).await?;
        let Some((_, connections)) = found.filter(|(peering, _)| peering.deleting) else {
            return Ok(None);
        };
        let connections: Vec<Connection> = connections.into_iter().map(|seen| seen.connection).collect();
        longest_s = longest_s.max(Some(left_s(call, &connections)));
    }
    Ok(longest_s)
}
