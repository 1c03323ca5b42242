//! Who made and last changed a resource, and how often it was changed: what its `systemData` and
//! its ETag are made of. Only what callers ask for counts, not what is observed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A resource's history in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it: a token's name.
    #[serde(default)]
    pub created_by: String,
    /// When what is asked of it last changed.
    pub modified_at: Timestamp,
    /// Who changed it.
    #[serde(default)]
    pub modified_by: String,
    /// 1 for a new one, and one more at each change.
    #[serde(default = "first")]
    pub revision: u64,
}

fn first() -> u64 {
    1
}

impl Stamp {
    /// Of a new resource.
    pub fn new(by: &str, at: Timestamp) -> Self {
        Self { created_at: at, created_by: by.into(), modified_at: at, modified_by: by.into(), revision: 1 }
    }

    /// Notes a change.
    pub fn change(&mut self, by: &str, at: Timestamp) {
        self.modified_at = at;
        by.clone_into(&mut self.modified_by);
        self.revision += 1;
    }

    /// The entity tag (RFC 9110 §8.8.3), quotes included: another one after every change, and for
    /// a resource that was deleted and made again.
    pub fn etag(&self) -> String {
        format!("\"{:x}-{:x}\"", self.created_at.as_millisecond(), self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entity_tag_changes_with_every_change_and_every_new_life() {
        let at = Timestamp::UNIX_EPOCH;
        let mut stamp = Stamp::new("ann", at);
        let first = stamp.etag();
        assert_eq!(first, "\"0-1\"");
        stamp.change("bob", at);
        assert_ne!(stamp.etag(), first, "even within one millisecond");
        assert_eq!((stamp.created_by.as_str(), stamp.modified_by.as_str()), ("ann", "bob"));
        assert_ne!(Stamp::new("ann", "2026-01-01T00:00:00Z".parse().unwrap()).etag(), first);
    }

    #[test]
    fn what_was_stored_before_there_were_stamps_is_read() {
        let old = r#"{"created_at":"2026-01-01T00:00:00Z","modified_at":"2026-01-02T00:00:00Z"}"#;
        assert_eq!(serde_json::from_str::<Stamp>(old).unwrap().revision, 1);
    }
}
