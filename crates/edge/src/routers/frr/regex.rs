//! Regular expressions for ranges of numbers: what an AS-path list needs to name reserved ASNs.
//!
//! Pure text; the expressions are POSIX extended and match decimal numbers without leading zeros.

/// An expression that matches exactly the decimal numbers `lo..=hi`.
pub fn range(lo: u32, hi: u32) -> String {
    let mut alternatives = Vec::new();
    let mut from = lo;
    loop {
        // Numbers of equal length are compared digit by digit, so one length at a time.
        let longest = 10u64.pow(digits(from).len() as u32) - 1;
        let to = u32::try_from(longest).unwrap_or(u32::MAX).min(hi);
        same_length("", &digits(from), &digits(to), &mut alternatives);
        if to >= hi {
            return alternatives.join("|");
        }
        from = to + 1;
    }
}

fn digits(n: u32) -> Vec<u8> {
    n.to_string().into_bytes().iter().map(|b| b - b'0').collect()
}

/// Appends expressions for the numbers from `lo` to `hi`, which have as many digits as each other.
fn same_length(prefix: &str, lo: &[u8], hi: &[u8], out: &mut Vec<String>) {
    let (Some((&l, lo_rest)), Some((&h, hi_rest))) = (lo.split_first(), hi.split_first()) else {
        out.push(prefix.to_owned());
        return;
    };
    if lo_rest.iter().all(|&d| d == 0) && hi_rest.iter().all(|&d| d == 9) {
        out.push(format!("{prefix}{}{}", class(l, h), any(lo_rest.len())));
    } else if l == h {
        same_length(&format!("{prefix}{l}"), lo_rest, hi_rest, out);
    } else {
        same_length(&format!("{prefix}{l}"), lo_rest, &vec![9; lo_rest.len()], out);
        if l + 1 < h {
            out.push(format!("{prefix}{}{}", class(l + 1, h - 1), any(lo_rest.len())));
        }
        same_length(&format!("{prefix}{h}"), &vec![0; hi_rest.len()], hi_rest, out);
    }
}

fn class(lo: u8, hi: u8) -> String {
    if lo == hi { lo.to_string() } else { format!("[{lo}-{hi}]") }
}

fn any(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        n => format!("[0-9]{{{n}}}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Matches the few constructs that [`range`] writes: digits, `[a-b]`, `{n}`, `|`.
    pub(in crate::routers::frr) fn matches(expression: &str, text: &str) -> bool {
        expression.split('|').any(|alternative| {
            let mut atoms: Vec<(u8, u8)> = Vec::new();
            let mut rest = alternative;
            while let Some(c) = rest.chars().next() {
                if c == '[' {
                    let b = rest.as_bytes();
                    atoms.push((b[1], b[3]));
                    rest = &rest[5..];
                } else if c == '{' {
                    let (count, tail) = rest[1..].split_once('}').unwrap();
                    let atom = *atoms.last().unwrap();
                    for _ in 1..count.parse::<usize>().unwrap() {
                        atoms.push(atom);
                    }
                    rest = tail;
                } else {
                    atoms.push((c as u8, c as u8));
                    rest = &rest[1..];
                }
            }
            atoms.len() == text.len()
                && atoms.iter().zip(text.bytes()).all(|(&(a, b), c)| (a..=b).contains(&c))
        })
    }

    #[test]
    fn the_documentation_range_is_spelled_out() {
        assert_eq!(range(64496, 64511), "6449[6-9]|6450[0-9]|6451[0-1]");
        assert_eq!(range(0, 0), "0");
        assert_eq!(range(u32::MAX, u32::MAX), "4294967295");
    }

    proptest! {
        #[test]
        fn small_ranges_match_like_brute_force(a in 0u32..2_000, span in 0u32..3_000) {
            let expression = range(a, a + span);
            for n in 0..6_000u32 {
                prop_assert_eq!(matches(&expression, &n.to_string()), (a..=a + span).contains(&n), "{} in {}", n, expression);
            }
        }

        #[test]
        fn wide_ranges_match_what_they_hold_and_nothing_else(a: u32, b: u32, n: u32) {
            let (lo, hi) = (a.min(b), a.max(b));
            let expression = range(lo, hi);
            for probe in [lo, hi, lo.saturating_sub(1), hi.saturating_add(1), n, 0, u32::MAX] {
                prop_assert_eq!(matches(&expression, &probe.to_string()), (lo..=hi).contains(&probe), "{} in {}", probe, expression);
            }
        }
    }
}
