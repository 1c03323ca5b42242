//! What an operator sees of a request and decides about (`docs/rules.md` §3): one request of its own, as
//! it is asked at a time. As one word it goes with the decision, so that what was changed, decided or
//! made anew meanwhile is told, and never decided unseen.

use crate::connection::Connection;
use crate::intent_parts::Digest;
use crate::peer_asn::{Contact, Decision, PeerAsn};
use jiff::Timestamp;
use std::fmt::{Display, Write};

/// The fact whose value is a digest, and says nothing to people.
const CONTACTS: &str = "contacts";
/// Hexadecimal digits of it: enough that nobody finds two of one digest.
const DIGITS: usize = 32;

/// A request as it is asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Which request: another one of the same name has another.
    request: String,
    /// What is asked and whether it is decided: name and value, in a fixed order.
    facts: Vec<(&'static str, String)>,
}

impl Revision {
    /// A claim to an ASN.
    pub fn of_claim(claim: &PeerAsn) -> Self {
        let since = claim.asked_at.unwrap_or(claim.stamp.created_at);
        Self {
            request: request(claim.id, Some(claim.stamp.created_at)),
            facts: vec![
                ("ASN", claim.spec.asn.to_string()),
                ("name", claim.spec.peer_name.clone()),
                (CONTACTS, digest(&claim.spec.contacts)),
                ("decision", decision(claim.decision.as_ref(), since)),
            ],
        }
    }

    /// A connection.
    pub fn of_connection(c: &Connection) -> Self {
        let spec = &c.spec;
        Self {
            request: request(c.id, c.reached.requested_at),
            facts: vec![
                ("bandwidth-in-Mbps", spec.bandwidth_mbps.to_string()),
                ("facility", spec.facility_id.to_string()),
                ("Peering-Service", if spec.use_for_peering_service { "on" } else { "off" }.to_owned()),
                ("addresses-by", format!("{:?}", spec.address_provider)),
                ("IPv4-subnet", or_none(spec.session_prefix_v4)),
                ("IPv6-subnet", or_none(spec.session_prefix_v6)),
                ("most-IPv4-prefixes", spec.max_prefixes_v4.to_string()),
                ("most-IPv6-prefixes", or_none(spec.max_prefixes_v6)),
                ("decision", decision(c.decision.as_ref(), c.since)),
            ],
        }
    }

    /// Everything as one word of unreserved characters, `/`, `:`, `=` and `%`: it stands unquoted in
    /// shells, and in an entity tag (RFC 9110 §8.8.3).
    pub fn word(&self) -> String {
        let mut word = self.request.clone();
        for (name, value) in &self.facts {
            let _ = write!(word, "~{name}={}", encoded(value));
        }
        word
    }

    /// What differs from what a word says, one sentence each, and whether that is of another request.
    /// What the word doesn't hold differs, too.
    pub fn since(&self, word: &str) -> Since {
        let mut parts = word.split('~');
        let is_another = parts.next() != Some(&self.request);
        let had: Vec<(&str, String)> =
            parts.filter_map(|part| part.split_once('=')).map(|(n, v)| (n, decoded(v))).collect();
        let mut changes = Vec::new();
        for (name, now) in &self.facts {
            let was = had.iter().find(|(n, _)| n == name).map(|(_, value)| value);
            let words = name.replace('-', " ");
            match was {
                Some(was) if was == now => {}
                Some(_) if *name == CONTACTS => changes.push("contacts are others".to_owned()),
                Some(was) => changes.push(format!("{words} was {was}, is {now}")),
                None if *name == CONTACTS => {}
                None => changes.push(format!("{words} is {now}")),
            }
        }
        Since { is_another, changes }
    }
}

/// What happened to a request since it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// What was seen isn't there any more; this is another one in its place.
    pub is_another: bool,
    /// What differs.
    pub changes: Vec<String>,
}

fn request(id: i64, asked_at: Option<Timestamp>) -> String {
    // An id alone may be given again after a deletion.
    format!("{id}.{:x}", asked_at.map_or(0, Timestamp::as_millisecond))
}

/// Also tells one wait from a later one, after a refusal.
fn decision(decision: Option<&Decision>, since: Timestamp) -> String {
    match decision {
        Some(d) => format!("{} by {} at {}", d.verb(), d.by, d.at),
        None => format!("awaited since {since}"),
    }
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// Each field by itself: a line break can't be in any.
fn digest(contacts: &[Contact]) -> String {
    let lines: Vec<String> =
        contacts.iter().map(|c| format!("{:?}\n{}\n{}", c.role, c.email, c.phone)).collect();
    Digest::of(&lines.join("\n")).as_str()[..DIGITS].to_owned()
}

fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('%') {
        bytes.extend(plain.bytes());
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(byte);
        rest = after.get(2..).unwrap_or("");
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::Asn;
    use crate::peer_asn::{AsnState, ContactRole, PeerAsnSpec};
    use crate::plan::peering::tests::connection;
    use crate::stamp::Stamp;

    fn claim() -> PeerAsn {
        let noc = Contact { role: ContactRole::Noc, email: "noc@tel.example".into(), phone: "1".into() };
        PeerAsn {
            id: 7,
            subscription: "s".into(),
            name: "tel".into(),
            spec: PeerAsnSpec { asn: Asn(64510), peer_name: "Tél ~ $x".into(), contacts: vec![noc] },
            state: AsnState::Pending,
            error_message: None,
            decision: None,
            asked_at: None,
            stamp: Stamp::new("ann", Timestamp::UNIX_EPOCH),
        }
    }

    fn no(at: Timestamp) -> Decision {
        Decision { approved: false, by: "op".into(), reason: "no proof".into(), at, checks: vec![] }
    }

    #[test]
    fn what_is_as_it_was_seen_has_no_changes_whatever_it_is_called() {
        let now = Revision::of_claim(&claim());
        let word = now.word();
        assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/:=%".contains(&b)), "{word}");
        assert_eq!(now.since(&word), Since { is_another: false, changes: vec![] });
    }

    #[test]
    fn each_thing_that_changed_is_told_with_what_it_was() {
        let word = Revision::of_claim(&claim()).word();
        let mut later = claim();
        later.spec.peer_name = "Tel".into();
        later.spec.contacts[0].phone = "2".into();
        let since = Revision::of_claim(&later).since(&word);
        assert_eq!(since.changes, ["name was Tél ~ $x, is Tel", "contacts are others"]);
        let mut c = connection(1);
        let word = Revision::of_connection(&c).word();
        c.spec.bandwidth_mbps = 40_000;
        c.spec.session_prefix_v4 = Some("198.19.0.0/31".parse().unwrap());
        let since = Revision::of_connection(&c).since(&word);
        assert!(!since.is_another);
        assert_eq!(since.changes.len(), 2, "{since:?}");
        assert!(
            since.changes[0].starts_with("bandwidth in Mbps was ") && since.changes[0].ends_with("is 40000")
        );
        assert_eq!(since.changes[1], "IPv4 subnet was none, is 198.19.0.0/31");
    }

    #[test]
    fn a_state_that_moves_by_itself_changes_nothing_of_what_is_asked() {
        let mut decided = claim();
        decided.decision = Some(no(Timestamp::UNIX_EPOCH));
        let word = Revision::of_claim(&decided).word();
        decided.state = AsnState::Failed;
        decided.error_message = Some("no proof".into());
        assert!(Revision::of_claim(&decided).since(&word).changes.is_empty());
    }

    #[test]
    fn a_claim_made_anew_is_another_one_though_nothing_of_it_differs() {
        let word = Revision::of_claim(&claim()).word();
        let mut anew = claim();
        anew.stamp.created_at = "2026-01-05T10:00:00Z".parse().unwrap();
        assert!(Revision::of_claim(&anew).since(&word).is_another, "also by the same id");
        anew = claim();
        anew.id = 8;
        assert!(Revision::of_claim(&anew).since(&word).is_another);
    }

    #[test]
    fn what_was_refused_and_asked_again_meanwhile_is_seen_anew() {
        let word = Revision::of_claim(&claim()).word();
        let mut later = claim();
        later.asked_at = Some("2026-01-05T10:00:00Z".parse().unwrap());
        let changes = Revision::of_claim(&later).since(&word).changes;
        assert_eq!(changes.len(), 1, "{changes:?}");
        later.decision = Some(no("2026-01-05T10:00:00Z".parse().unwrap()));
        let changes = Revision::of_claim(&later).since(&word).changes;
        assert!(changes[0].ends_with("is refused by op at 2026-01-05T10:00:00Z"), "{changes:?}");
    }

    #[test]
    fn a_word_that_is_none_of_ours_is_of_another_request() {
        for word in ["", "*", "x~=~%~%zz", "7.0~ASN=%E9%"] {
            let since = Revision::of_claim(&claim()).since(word);
            assert!(!since.changes.is_empty(), "{word}");
            assert_eq!(since.is_another, !word.starts_with("7.0"), "{word}");
        }
    }
}
