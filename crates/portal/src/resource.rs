//! Where a resource has its page, by its id.

use crate::query::encode;

/// The page of the resource of an ARM id; `None` for one that has none.
pub(crate) fn page_of(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.trim_start_matches('/').split('/').collect();
    let is = |at: usize, word: &str| parts.get(at).is_some_and(|part| part.eq_ignore_ascii_case(word));
    let at = |i: usize| parts.get(i).map(|part| encode(part));
    if !is(0, "subscriptions") {
        return None;
    }
    let subscription = at(1)?;
    if is(2, "providers") {
        return is(4, "peerAsns")
            .then(|| at(5))
            .flatten()
            .map(|name| format!("/peer-asns/{subscription}/{name}"));
    }
    let (group, name) = (at(3)?, at(7)?);
    if is(6, "peerings") {
        let page = format!("/peerings/{subscription}/{group}/{name}");
        let below = match parts.get(8) {
            Some(word) if word.eq_ignore_ascii_case("registeredPrefixes") => {
                at(9).map_or_else(String::new, |prefix| format!("/registered-prefixes/{prefix}"))
            }
            Some(word) if word.eq_ignore_ascii_case("registeredAsns") => "/registered-asns".to_owned(),
            _ => String::new(),
        };
        return Some(page + &below);
    }
    if is(6, "peeringServices") {
        let page = format!("/peering-services/{subscription}/{group}/{name}");
        return Some(match at(9).filter(|_| is(8, "prefixes")) {
            Some(prefix) => format!("{page}/prefixes/{prefix}"),
            None => page,
        });
    }
    None
}

/// The segment of an ARM id that follows `word`, any case.
pub(crate) fn part<'a>(id: &'a str, word: &str) -> &'a str {
    let mut parts = id.split('/');
    parts.find(|part| part.eq_ignore_ascii_case(word));
    parts.next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_leads_to_its_page_and_no_name_leads_elsewhere() {
        let page = |id: &str| page_of(id).unwrap_or_default();
        assert_eq!(page("/subscriptions/S/providers/Microsoft.Peering/peerAsns/a?b"), "/peer-asns/S/a%3Fb");
        let group = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Peering";
        assert_eq!(page(&format!("{group}/peerings/p")), "/peerings/S/G/p");
        assert_eq!(
            page(&format!("{group}/peerings/p/registeredPrefixes/x")),
            "/peerings/S/G/p/registered-prefixes/x"
        );
        assert_eq!(
            page(&format!("{group}/peeringServices/s/prefixes/x")),
            "/peering-services/S/G/s/prefixes/x"
        );
        assert_eq!(page_of("/subscriptions/S"), None);
        assert_eq!(page_of("javascript:alert(1)"), None);
        assert_eq!(part(&format!("{group}/peerings/p"), "RESOURCEGROUPS"), "G");
    }
}
