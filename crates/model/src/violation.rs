//! What a rule says when it is broken.
//!
//! Validation collects every violation with its target before it answers; it never stops at the
//! first. Turning violations into an HTTP answer is the API's business, not ours.

use serde::{Deserialize, Serialize};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Stable name of the rule, in PascalCase (`PeerAsnReserved`).
    pub code: String,
    /// JSON path of the offending value (`properties.direct.connections[1].bandwidthInMbps`).
    pub target: String,
    /// What was wrong and what to do about it, for a person.
    pub message: String,
}

/// All violations found in one value; empty means it keeps every rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Adds a violation of rule `code` at JSON path `target`.
    pub fn add(&mut self, code: &str, target: impl Into<String>, message: impl Into<String>) {
        self.0.push(Violation { code: code.to_owned(), target: target.into(), message: message.into() });
    }

    /// `Ok(value)` when nothing was violated, else all the violations.
    pub fn into_result<T>(self, value: T) -> Result<T, Violations> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// True when no rule was broken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Violations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, v) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", v.target, v.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
