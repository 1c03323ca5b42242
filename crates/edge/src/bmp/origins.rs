//! Route origin validation (RFC 6811), as far as the station asks for it: the one place where it is.

use meetme_model::asn::Asn;
use meetme_model::prefix::Prefix;
use meetme_model::route::RpkiState;

/// What the validator says of a route. None is configured yet: nothing is claimed
/// (`docs/rules.md` §4).
pub(super) fn state(_prefix: Prefix, _origin: Option<Asn>) -> RpkiState {
    RpkiState::NotChecked
}
