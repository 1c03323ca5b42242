//! Tokens that stand for somebody: shown once, kept as SHA-256. A token has 256 random bits, so a
//! plain hash can't be guessed back and needs no salt.

use meetme_seal::hex;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// A new token: its prefix, which tells what it is for, and 64 hexadecimal digits.
pub(crate) fn random(prefix: &str) -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    format!("{prefix}{}", hex(&bytes))
}

/// What is kept of a token.
pub(crate) fn hash(clear: &str) -> String {
    hex(&digest(clear))
}

/// The same as bytes.
pub(crate) fn digest(clear: &str) -> [u8; 32] {
    Sha256::digest(clear.as_bytes()).into()
}
