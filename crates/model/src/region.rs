//! Regions, as a resource manager compares and keeps them: without case and spaces.
//!
//! A resource's region is a word of its owner's, not a place of the inventory; where a peering is, its
//! peering location says.

use crate::violation::Violations;

/// Longest region, in bytes.
const LIMIT_BYTES: usize = 90;

/// True for the same region.
pub fn same_region(a: &str, b: &str) -> bool {
    region_key(a) == region_key(b)
}

/// A region as it is compared: `West Europe` is `westeurope`.
pub fn region_key(region: &str) -> String {
    region.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}

/// The region of a resource, as it is kept. An existing one, `had`, stays as it is written, however
/// else it is spelled. What is missing or can't be a region is added to `v`.
pub fn check_region(sent: Option<&str>, had: Option<&str>, v: &mut Violations) -> String {
    let sent = sent.unwrap_or_default();
    if let Some(had) = had.filter(|had| !had.is_empty() && same_region(had, sent)) {
        return had.to_owned();
    }
    let key = region_key(sent);
    let fine = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if key.is_empty() {
        v.add(
            "LocationRequired",
            "location",
            "the resource's location is missing; send the region, such as westeurope",
        );
    } else if key.len() > LIMIT_BYTES || !key.chars().all(fine) {
        v.add(
            "LocationInvalid",
            "location",
            format!("a region has at most {LIMIT_BYTES} letters, digits and . _ -, such as westeurope"),
        );
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_kept_without_case_and_spaces_and_an_old_one_as_it_was() {
        let mut v = Violations::default();
        assert_eq!(check_region(Some(" West Europe"), None, &mut v), "westeurope");
        assert_eq!(check_region(Some("westeurope"), Some("West Europe"), &mut v), "West Europe");
        assert_eq!(check_region(Some("North Europe"), Some("westeurope"), &mut v), "northeurope");
        assert!(v.0.is_empty());
    }

    #[test]
    fn what_cannot_be_a_region_is_told() {
        for (sent, code) in [
            (None, "LocationRequired"),
            (Some("  "), "LocationRequired"),
            (Some("west/europe"), "LocationInvalid"),
            (Some("<b>"), "LocationInvalid"),
            (Some(&*"x".repeat(91)), "LocationInvalid"),
        ] {
            let mut v = Violations::default();
            check_region(sent, None, &mut v);
            assert_eq!(v.0.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), [code], "{sent:?}");
        }
    }
}
