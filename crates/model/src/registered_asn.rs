//! ASNs registered on a peering with a route server: the networks behind it, one key for each
//! (`docs/rules.md` §5). Uniqueness in the peering is the store's business.

use crate::asn::{Asn, PublicAsn, PublicSpace};
use crate::stamp::Stamp;
use crate::violation::Violations;
use serde::{Deserialize, Serialize};

/// A registered ASN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisteredAsn {
    /// Database id.
    pub id: i64,
    /// The peering, one with a route server.
    pub peering_id: i64,
    /// Resource name, as first written.
    pub name: String,
    /// The network that traffic originates from.
    pub asn: Asn,
    /// Its key, a GUID made at creation; it never changes.
    pub key: String,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// An ASN as sent in, by the rules of `docs/rules.md` §1; what is wrong is added to `v`.
pub fn check_asn(sent: Option<i64>, space: &PublicSpace, v: &mut Violations) -> Option<Asn> {
    const TARGET: &str = "properties.asn";
    let Some(number) = sent else {
        v.add("AsnRequired", TARGET, "the ASN is missing; send the number of the network behind the peering");
        return None;
    };
    let Ok(number) = u32::try_from(number) else {
        v.add("AsnInvalid", TARGET, format!("{number} isn't an ASN; use 1 to 4294967294"));
        return None;
    };
    match PublicAsn::new(Asn(number), space) {
        Ok(public) => Some(public.asn()),
        Err(e) => {
            v.add("AsnReserved", TARGET, e.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(sent: Option<i64>) -> Result<Option<Asn>, Vec<String>> {
        let mut v = Violations::default();
        let found = check_asn(sent, &PublicSpace::default(), &mut v);
        v.into_result(found).map_err(|v| v.0.into_iter().map(|v| v.code).collect())
    }

    #[test]
    fn any_public_number_of_32_bits_can_be_registered() {
        for asn in [1, 64_495, 2_147_483_648, 4_199_999_999] {
            assert_eq!(checked(Some(asn)), Ok(Some(Asn(u32::try_from(asn).unwrap()))));
        }
    }

    #[test]
    fn what_is_no_public_asn_is_told_as_what_it_is() {
        assert_eq!(checked(None), Err(vec!["AsnRequired".into()]));
        for asn in [-1, 4_294_967_296] {
            assert_eq!(checked(Some(asn)), Err(vec!["AsnInvalid".into()]), "{asn}");
        }
        for asn in [0, 23_456, 64_512, 4_294_967_295] {
            assert_eq!(checked(Some(asn)), Err(vec!["AsnReserved".into()]), "{asn}");
        }
    }
}
