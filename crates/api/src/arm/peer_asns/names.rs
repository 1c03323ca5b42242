//! Peers' names: one that is approved names a provider (`docs/rules.md` §6), so no other network
//! gets it unnoticed. Names compare without case.

use crate::error::ApiError;
use meetme_model::Asn;
use meetme_model::peer_asn::{AsnState, PeerAsn};
use meetme_store::{Db, IdPage, peer_asns_all};

/// Claims read at a time.
const BATCH: u32 = 500;

/// A name as names compare.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// 409 when another subscription holds `name` with another ASN.
pub(super) async fn refuse_taken(
    db: &mut impl Db,
    subscription: &str,
    asn: Asn,
    name: &str,
) -> Result<(), ApiError> {
    let wanted = folded(name);
    let mut page = IdPage::first(BATCH);
    loop {
        let claims = peer_asns_all(db, page).await?;
        page.after = claims.last().map(|c| c.id);
        let taken = claims.iter().any(|c| {
            is_approved(c)
                && c.spec.asn != asn
                && !c.subscription.eq_ignore_ascii_case(subscription)
                && folded(&c.spec.peer_name) == wanted
        });
        if taken {
            return Err(ApiError::conflict(
                "PeerNameTaken",
                format!(
                    "another network is approved under the name '{name}' already; choose a name that tells the two apart"
                ),
            )
            .target("properties.peerName"));
        }
        if claims.len() < BATCH as usize {
            return Ok(());
        }
    }
}

/// A yes that isn't executed yet counts, too.
pub(crate) fn is_approved(claim: &PeerAsn) -> bool {
    match claim.state {
        AsnState::Approved => true,
        AsnState::Pending => claim.decision.as_ref().is_some_and(|d| d.approved),
        AsnState::None | AsnState::Failed => false,
    }
}
