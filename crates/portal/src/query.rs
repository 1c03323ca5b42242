//! Percent-encoding, for addresses that pages link to.

use std::fmt::Write;

/// A value as it may stand in a query or in one segment of a path.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_means_something_in_an_address_is_encoded() {
        assert_eq!(super::encode("/a?b=c&d e\"<ä"), "%2Fa%3Fb%3Dc%26d%20e%22%3C%C3%A4");
    }
}
