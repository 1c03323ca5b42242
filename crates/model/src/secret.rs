//! A value that must not leak into logs: it formats as `***`.
//!
//! It serialises in clear because the link to an edge has to carry it; it is never put into an
//! API answer, and the store seals it before it reaches a disk.

use serde::{Deserialize, Serialize};

/// A secret string, such as a TCP MD5 key (RFC 2385).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a clear-text secret.
    pub fn new(clear: impl Into<String>) -> Self {
        Self(clear.into())
    }

    /// The clear text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A secret with the name that others refer to it by. Another value has another name; the name tells nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSecret {
    /// The name.
    pub name: String,
    /// The value.
    pub secret: Secret,
}

impl NamedSecret {
    /// A secret by a name.
    pub fn new(name: impl Into<String>, clear: impl Into<String>) -> Self {
        Self { name: name.into(), secret: Secret::new(clear) }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
