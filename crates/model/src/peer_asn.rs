//! A peer's claim to an ASN: what is asked, which rules it must keep, and how it is decided
//! (`docs/rules.md` §1). Proving ownership by mail or sign-in is done elsewhere and told here.

use crate::asn::{Asn, PublicAsn};
use crate::inventory::Host;
use crate::plan::approval::ApprovalCheck;
use crate::stamp::Stamp;
use crate::violation::Violations;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a contact is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContactRole {
    /// Network operations, reachable at all hours.
    Noc,
    /// Peering policy.
    Policy,
    /// Engineering.
    Technical,
    /// Service management.
    Service,
    /// Where complaints go.
    Escalation,
    /// Anything else.
    Other,
}

impl ContactRole {
    /// All roles with their wire names.
    pub const ALL: [(&'static str, ContactRole); 6] = [
        ("Noc", Self::Noc),
        ("Policy", Self::Policy),
        ("Technical", Self::Technical),
        ("Service", Self::Service),
        ("Escalation", Self::Escalation),
        ("Other", Self::Other),
    ];
}

/// A person or desk of the peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its role.
    pub role: ContactRole,
    /// E-mail address.
    pub email: String,
    /// Phone number as given.
    pub phone: String,
}

/// A contact as it was sent in: anything may be missing.
#[derive(Clone, Debug, Default)]
pub struct ContactDraft {
    /// Role by its wire name.
    pub role: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
}

/// A claim as it was sent in.
#[derive(Clone, Debug, Default)]
pub struct PeerAsnDraft {
    /// The number, wide enough to tell what is out of range.
    pub asn: Option<i64>,
    /// The peer's name.
    pub peer_name: Option<String>,
    /// Its contacts.
    pub contacts: Vec<ContactDraft>,
}

/// A claim that keeps every rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAsnSpec {
    /// The number; public when it was accepted.
    pub asn: Asn,
    /// The peer's name, which is also its name as a peering service provider.
    pub peer_name: String,
    /// Its contacts.
    pub contacts: Vec<Contact>,
}

/// How far a claim is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AsnState {
    /// Not looked at.
    None,
    /// Waiting for proof or a decision.
    Pending,
    /// Proved.
    Approved,
    /// Refused.
    Failed,
}

/// A claim with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAsn {
    /// Database id.
    pub id: i64,
    /// Subscription that holds it.
    pub subscription: String,
    /// Resource name.
    pub name: String,
    /// What is claimed.
    pub spec: PeerAsnSpec,
    /// How far it is decided.
    pub state: AsnState,
    /// Why it was refused.
    pub error_message: Option<String>,
    /// Who decided, and why.
    pub decision: Option<Decision>,
    /// When it was asked again, after a refusal.
    #[serde(default)]
    pub asked_at: Option<Timestamp>,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// An operator's or a policy's yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Yes or no.
    pub approved: bool,
    /// Who: a token's name, or `policy:<name>`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The checks that it was made on. For operators: their words may name other subscriptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<ApprovalCheck>,
}

impl Decision {
    /// `approved` or `refused`.
    pub fn verb(&self) -> &'static str {
        if self.approved { "approved" } else { "refused" }
    }

    /// The same as its peer may know it: without the checks.
    pub fn without_checks(self) -> Self {
        Self { checks: Vec::new(), ..self }
    }
}

/// Decisions are due within this many hours; the console shows what is older.
pub const ASN_DECISION_DUE_H: i64 = 12;

/// Checks a claim against every rule of `docs/rules.md` §1.
pub fn validate(draft: &PeerAsnDraft, host: &Host) -> Result<PeerAsnSpec, Violations> {
    let mut v = Violations::default();
    let asn = check_asn(draft.asn, host, &mut v);
    let peer_name = draft.peer_name.as_deref().unwrap_or("").trim().to_owned();
    if peer_name.is_empty() || peer_name.len() > 128 || peer_name.chars().any(char::is_control) {
        v.add(
            "PeerNameInvalid",
            "properties.peerName",
            "the peer needs a name of 1 to 128 characters without control characters",
        );
    }
    let contacts: Vec<Contact> =
        draft.contacts.iter().enumerate().filter_map(|(i, c)| check_contact(i, c, host, &mut v)).collect();
    if !draft.contacts.iter().any(|c| c.role.as_deref() == Some("Noc")) {
        v.add(
            "NocContactMissing",
            "properties.peerContactDetail",
            "at least one contact with role Noc is needed, reachable at all hours by e-mail and phone",
        );
    }
    v.into_result(PeerAsnSpec { asn, peer_name, contacts })
}

fn check_asn(asn: Option<i64>, host: &Host, v: &mut Violations) -> Asn {
    const TARGET: &str = "properties.peerAsn";
    let Some(asn) = asn else {
        v.add("PeerAsnMissing", TARGET, "the ASN is missing");
        return Asn(0);
    };
    let Ok(number) = u32::try_from(asn) else {
        v.add("PeerAsnOutOfRange", TARGET, format!("{asn} isn't an ASN; it must be 1 to 4294967294"));
        return Asn(0);
    };
    if let Err(reserved) = PublicAsn::new(Asn(number), &host.public_space) {
        v.add("PeerAsnReserved", TARGET, reserved.to_string());
    } else if Asn(number) == host.asn {
        v.add("PeerAsnIsHost", TARGET, format!("AS{number} is this network's own ASN"));
    }
    Asn(number)
}

fn check_contact(i: usize, draft: &ContactDraft, host: &Host, v: &mut Violations) -> Option<Contact> {
    let target = |field: &str| format!("properties.peerContactDetail[{i}].{field}");
    let role_name = draft.role.as_deref().unwrap_or("");
    let role = ContactRole::ALL.iter().find(|(name, _)| *name == role_name).map(|&(_, role)| role);
    if role.is_none() {
        v.add(
            "ContactRoleInvalid",
            target("role"),
            format!("'{role_name}' isn't a role; use Noc, Policy, Technical, Service, Escalation or Other"),
        );
    }
    let email = draft.email.as_deref().unwrap_or("").trim();
    match email_domain(email) {
        None => v.add(
            "ContactEmailInvalid",
            target("email"),
            format!("contact {} needs an e-mail address, such as noc@example.net", i + 1),
        ),
        Some(domain) if role == Some(ContactRole::Noc) && is_free_mail(&domain, host) => v.add(
            "ContactEmailNotCorporate",
            target("email"),
            format!(
                "{domain} gives addresses to anybody; the Noc contact needs one on the peer's own domain"
            ),
        ),
        Some(_) => {}
    }
    let phone = draft.phone.as_deref().unwrap_or("").trim();
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let well_formed =
        phone.len() <= 64 && phone.chars().all(|c| c.is_ascii_digit() || " +()-./x#,".contains(c));
    let required = role == Some(ContactRole::Noc);
    if !well_formed || (digits < 5 && (required || !phone.is_empty())) {
        v.add(
            "ContactPhoneInvalid",
            target("phone"),
            format!("contact {} needs a phone number, such as +31 20 555 0100", i + 1),
        );
    }
    Some(Contact { role: role?, email: email.to_owned(), phone: phone.to_owned() })
}

fn is_free_mail(domain: &str, host: &Host) -> bool {
    host.free_mail_domains.iter().any(|free| free.eq_ignore_ascii_case(domain))
}

/// The domain of a plausible address, lower case; `None` when it isn't one.
fn email_domain(email: &str) -> Option<String> {
    let (local, domain) = email.rsplit_once('@')?;
    let plain =
        |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_graphic() && !"<>()[],;:\\\"@".contains(c));
    let labels_ok = domain.split('.').all(|l| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    (plain(local) && domain.contains('.') && labels_ok && email.len() <= 254)
        .then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::PublicSpace;

    fn host() -> Host {
        Host {
            name: "Example Cloud".into(),
            asn: Asn(8075),
            announced: vec![],
            advised_max_prefix_floor: 500,
            internal_space: vec![],
            peer_session_space: vec![],
            free_mail_domains: vec!["freemail.example".into()],
            public_space: PublicSpace::default(),
            backbone_bfd: None,
        }
    }

    fn contact(role: &str, email: &str, phone: &str) -> ContactDraft {
        ContactDraft { role: Some(role.into()), email: Some(email.into()), phone: Some(phone.into()) }
    }

    fn draft() -> PeerAsnDraft {
        PeerAsnDraft {
            asn: Some(3356),
            peer_name: Some("Contoso".into()),
            contacts: vec![contact("Noc", "noc@contoso.example", "+1 (234) 567-8999")],
        }
    }

    fn codes(result: Result<PeerAsnSpec, Violations>) -> Vec<(String, String)> {
        result.unwrap_err().0.into_iter().map(|v| (v.code, v.target)).collect()
    }

    #[test]
    fn a_claim_in_order_is_accepted() {
        let spec = validate(&draft(), &host()).unwrap();
        assert_eq!(spec.asn, Asn(3356));
        assert_eq!(spec.contacts[0].role, ContactRole::Noc);
    }

    #[test]
    fn every_violation_is_told_with_its_target() {
        let bad = PeerAsnDraft {
            asn: Some(64512),
            peer_name: Some(" ".into()),
            contacts: vec![
                contact("Boss", "nobody", "no phone"),
                contact("Technical", "t@contoso.example", ""),
            ],
        };
        let found = codes(validate(&bad, &host()));
        let expect = [
            ("PeerAsnReserved", "properties.peerAsn"),
            ("PeerNameInvalid", "properties.peerName"),
            ("ContactRoleInvalid", "properties.peerContactDetail[0].role"),
            ("ContactEmailInvalid", "properties.peerContactDetail[0].email"),
            ("ContactPhoneInvalid", "properties.peerContactDetail[0].phone"),
            ("NocContactMissing", "properties.peerContactDetail"),
        ];
        let found: Vec<(&str, &str)> = found.iter().map(|(c, t)| (c.as_str(), t.as_str())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn the_noc_contact_needs_a_corporate_domain_and_a_phone() {
        let mut d = draft();
        d.contacts = vec![contact("Noc", "noc@FreeMail.example", "")];
        assert_eq!(
            codes(validate(&d, &host())).into_iter().map(|c| c.0).collect::<Vec<_>>(),
            ["ContactEmailNotCorporate", "ContactPhoneInvalid"]
        );
    }

    #[test]
    fn numbers_outside_32_bits_and_the_hosts_own_are_refused() {
        for (asn, code) in [
            (-1, "PeerAsnOutOfRange"),
            (1 << 32, "PeerAsnOutOfRange"),
            (0, "PeerAsnReserved"),
            (8075, "PeerAsnIsHost"),
        ] {
            let mut d = draft();
            d.asn = Some(asn);
            assert_eq!(codes(validate(&d, &host()))[0].0, code, "{asn}");
        }
    }
}
