//! Why a BGP session isn't up, as far as its router can tell: a type that pages and mails make their
//! sentences from (`docs/rules.md` §3). Written for the peer, whose side it is about.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDown {
    /// Why.
    pub reason: DownReason,
    /// When it happened last; `None` where the router doesn't tell.
    pub at: Option<Timestamp>,
}

/// What the router knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum DownReason {
    /// More prefixes came than the session may bring (RFC 4486 §4).
    MaxPrefixes,
    /// A NOTIFICATION ended it (RFC 4271 §4.5).
    Notification {
        /// Error code.
        code: u8,
        /// Error subcode.
        subcode: u8,
        /// True when the host's router sent it, false when the peer's did.
        sent: bool,
    },
    /// BFD went down (RFC 5882).
    BfdDown,
    /// The peer's side closed the connection without a reason.
    Closed,
    /// Nothing answers: TCP doesn't come up, or no OPEN comes.
    Unanswered,
}

impl fmt::Display for SessionDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MaxPrefixes => f.write_str(
                "closed because more prefixes came than the limit of this connection allows; announce fewer, or raise its limit: it comes back at once then",
            ),
            Self::Notification { code, subcode, sent } => notification(f, code, subcode, sent),
            Self::BfdDown => f.write_str("BFD went down: the link, or BFD on your router"),
            Self::Closed => f.write_str("your router closed the connection without a reason"),
            Self::Unanswered => f.write_str(
                "your router doesn't answer on TCP port 179: is BGP configured for these addresses, with this TTL (GTSM, RFC 5082), and with the MD5 key of this connection? A wrong key looks like silence",
            ),
        }
    }
}

/// What the codes of RFC 4271 §4.5, RFC 4486, RFC 5492, RFC 9234 and RFC 9384 mean for who reads it.
fn notification(f: &mut fmt::Formatter<'_>, code: u8, subcode: u8, sent: bool) -> fmt::Result {
    let (yours, ours) = match (code, subcode) {
        (2, 2) => (
            "your OPEN names another ASN than this peering's (RFC 4271 §6.2)",
            "your router expects another ASN than ours",
        ),
        (2, 3) => {
            ("your BGP identifier isn't valid, or is ours", "your router doesn't take our BGP identifier")
        }
        (2, 6) => ("your hold time is too short", "your router doesn't take our hold time"),
        (2, 7) => (
            "your OPEN offers no address family that this session is for",
            "your router needs a capability or address family that we don't offer",
        ),
        (2, 11) => (
            "your BGP role doesn't fit ours, which is peer (RFC 9234)",
            "your router's BGP role doesn't fit ours, which is peer (RFC 9234)",
        ),
        (4, _) => {
            ("nothing came from your router for the hold time", "your router heard nothing for its hold time")
        }
        (6, 1) => return write!(f, "{}", DownReason::MaxPrefixes),
        (6, 2) => ("it is shut down on our side", "it is shut down on your router"),
        (6, 3) => ("it isn't configured on our side any more", "your router has it no longer configured"),
        (6, 4) => ("it was reset by us", "it was reset on your router"),
        (6, 5) => ("our router refused the connection", "your router refused the connection"),
        (6, 10) => return write!(f, "{}", DownReason::BfdDown),
        _ => ("our router closed it", "your router closed it"),
    };
    write!(f, "{} (NOTIFICATION {code}/{subcode})", if sent { yours } else { ours })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_mend_what_is_told_by_who_sent_the_notification() {
        let told = |code, subcode, sent| DownReason::Notification { code, subcode, sent }.to_string();
        assert!(told(2, 2, true).starts_with("your OPEN names another ASN"));
        assert!(told(2, 2, false).starts_with("your router expects another ASN than ours"));
        assert_eq!(told(6, 1, true), DownReason::MaxPrefixes.to_string());
        assert!(told(200, 3, false).contains("NOTIFICATION 200/3"));
    }
}
