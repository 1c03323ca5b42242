//! Prefixes in as few as possible, without a single address more or less.

use crate::prefix::Prefix;

/// The least set of prefixes that covers exactly the addresses of `prefixes`, in order.
pub fn consolidate(prefixes: impl IntoIterator<Item = Prefix>) -> Vec<Prefix> {
    let mut sorted: Vec<Prefix> = prefixes.into_iter().collect();
    // A covering prefix comes right before what it covers, and a lower half before its upper one.
    sorted.sort_unstable();
    let mut merged: Vec<Prefix> = Vec::new();
    for mut prefix in sorted {
        if merged.last().is_some_and(|last| last.contains(prefix)) {
            continue;
        }
        while let Some(whole) = merged.last().and_then(|last| halves_of(*last, prefix)) {
            merged.pop();
            prefix = whole;
        }
        merged.push(prefix);
    }
    merged
}

/// The prefix whose two halves these are, if they are.
fn halves_of(lower: Prefix, upper: Prefix) -> Option<Prefix> {
    let whole = upper.net().supernet()?;
    let halves = lower != upper && lower.net().supernet() == Some(whole);
    halves.then(|| Prefix::containing(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(texts: &[&str]) -> Vec<String> {
        consolidate(texts.iter().map(|t| t.parse().unwrap())).iter().map(Prefix::to_string).collect()
    }

    #[test]
    fn halves_become_one_and_what_is_covered_goes() {
        assert_eq!(of(&["198.18.1.0/24", "198.18.0.0/24"]), ["198.18.0.0/23"]);
        assert_eq!(of(&["198.18.0.0/23", "198.18.1.0/24", "198.18.1.128/25"]), ["198.18.0.0/23"]);
        let quarters = ["198.18.0.0/25", "198.18.0.128/26", "198.18.0.192/26", "198.18.1.0/24"];
        assert_eq!(of(&quarters), ["198.18.0.0/23"]);
    }

    #[test]
    fn neighbours_that_are_no_halves_of_one_prefix_stay_apart() {
        let apart = ["198.18.1.0/24", "198.18.2.0/24", "198.18.4.0/23"];
        assert_eq!(of(&apart), apart);
        assert_eq!(of(&[]), [""; 0]);
    }

    #[test]
    fn families_stay_apart_up_to_their_ends() {
        assert_eq!(of(&["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]), ["0.0.0.0/0", "::/0"]);
        assert_eq!(of(&["255.255.255.255/32", "255.255.255.254/32"]), ["255.255.255.254/31"]);
        assert_eq!(of(&["0.0.0.0/0", "::/128"]), ["0.0.0.0/0", "::/128"]);
    }

    /// Which of the 256 addresses of 198.18.0.0/24 are covered.
    fn covered(prefixes: &[Prefix]) -> Vec<u8> {
        let has =
            |n: &u8| prefixes.iter().any(|p| p.net().contains(&std::net::IpAddr::from([198, 18, 0, *n])));
        (0..=255).filter(has).collect()
    }

    /// The fewest aligned blocks that hold exactly `addresses`, found by halving.
    fn fewest(addresses: &[bool]) -> usize {
        if addresses.iter().all(|a| *a) {
            return 1;
        }
        if !addresses.contains(&true) {
            return 0;
        }
        let (lower, upper) = addresses.split_at(addresses.len() / 2);
        fewest(lower) + fewest(upper)
    }

    proptest! {
        #[test]
        fn the_same_addresses_in_the_fewest_prefixes(given in prop::collection::vec((any::<u8>(), 24u8..=32), 0..60)) {
            let prefixes: Vec<Prefix> = given
                .iter()
                .map(|&(n, len)| Prefix::containing(ipnet::Ipv4Net::new([198, 18, 0, n].into(), len).unwrap().into()))
                .collect();
            let found = consolidate(prefixes.clone());
            let inside = covered(&prefixes);
            prop_assert_eq!(&covered(&found), &inside);
            let addresses: Vec<bool> = (0..=255).map(|n| inside.contains(&n)).collect();
            prop_assert_eq!(found.len(), fewest(&addresses));
            prop_assert!(found.is_sorted());
        }
    }
}
