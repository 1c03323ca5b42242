//! The way of a claim to an ASN: Pending → Approved or Failed (`docs/rules.md` §1).

use super::approval::ApprovalPolicy;
use crate::mail::{MailIntent, Milestone};
use crate::peer_asn::{AsnState, Decision, PeerAsn};
use jiff::Timestamp;

/// What is to be done about a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum AsnEffect {
    /// Set state, decision and error message.
    Decide {
        /// The new state.
        state: AsnState,
        /// The decision behind it.
        decision: Decision,
        /// Told to the peer when refused.
        error_message: Option<String>,
    },
    /// Send this, once.
    Mail(MailIntent),
}

/// Plans one claim. A decision that an operator made is in `asn.decision`.
pub fn plan(asn: &PeerAsn, policy: &ApprovalPolicy, now: Timestamp) -> Vec<AsnEffect> {
    if !matches!(asn.state, AsnState::Pending | AsnState::None) {
        return Vec::new();
    }
    let decision = asn.decision.clone().or_else(|| {
        policy.preapproves(asn.spec.asn, &asn.subscription).then(|| Decision {
            approved: true,
            by: "policy:preapproved".into(),
            reason: format!(
                "AS{} of this subscription is approved in advance by the host's configuration",
                asn.spec.asn
            ),
            at: now,
            checks: Vec::new(),
        })
    });
    let mut effects = vec![AsnEffect::Mail(mail(
        asn,
        Milestone::AsnRequested,
        "Ownership of the ASN is being checked; you hear from us within 12 hours.",
        None,
    ))];
    if let Some(decision) = decision {
        let (state, milestone, next) = if decision.approved {
            (AsnState::Approved, Milestone::AsnApproved, "Request a peering with this ASN.")
        } else {
            (
                AsnState::Failed,
                Milestone::AsnRefused,
                "Mend what the reason names and associate the ASN again.",
            )
        };
        let error_message = (!decision.approved).then(|| decision.reason.clone());
        effects.push(AsnEffect::Mail(mail(asn, milestone, next, Some(&decision))));
        effects.push(AsnEffect::Decide { state, decision, error_message });
    }
    effects
}

fn mail(asn: &PeerAsn, milestone: Milestone, next: &str, decision: Option<&Decision>) -> MailIntent {
    let mut facts = vec![
        ("ASN".to_owned(), format!("AS{}", asn.spec.asn)),
        ("Name".to_owned(), asn.spec.peer_name.clone()),
        ("Subscription".to_owned(), asn.subscription.clone()),
    ];
    if let Some(d) = decision {
        facts.push(("Reason".to_owned(), d.reason.clone()));
    }
    // A claim that is asked again after a refusal is another occurrence.
    let occurrence = decision.map_or(asn.asked_at.unwrap_or(asn.stamp.created_at), |d| d.at);
    MailIntent {
        key: format!("peerAsn/{}/{milestone:?}/{}", asn.id, occurrence.as_millisecond()),
        milestone,
        subject: format!("AS{} {}", asn.spec.asn, asn.spec.peer_name),
        facts,
        next: next.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::Asn;
    use crate::peer_asn::PeerAsnSpec;
    use crate::plan::approval::Preapproved;

    fn claim(decision: Option<Decision>) -> PeerAsn {
        PeerAsn {
            id: 1,
            subscription: "s".into(),
            name: "contoso".into(),
            spec: PeerAsnSpec { asn: Asn(64510), peer_name: "Contoso".into(), contacts: vec![] },
            state: AsnState::Pending,
            error_message: None,
            decision,
            asked_at: None,
            stamp: crate::stamp::Stamp::new("test", Timestamp::UNIX_EPOCH),
        }
    }

    fn states(effects: &[AsnEffect]) -> Vec<AsnState> {
        effects
            .iter()
            .filter_map(|e| match e {
                AsnEffect::Decide { state, .. } => Some(*state),
                AsnEffect::Mail(_) => None,
            })
            .collect()
    }

    #[test]
    fn without_proof_a_claim_stays_pending() {
        let effects = plan(&claim(None), &ApprovalPolicy::default(), Timestamp::UNIX_EPOCH);
        assert!(states(&effects).is_empty());
    }

    #[test]
    fn a_preapproved_asn_needs_no_operator() {
        let of = |subscription: &str| ApprovalPolicy {
            preapproved: vec![Preapproved { asn: Asn(64510), subscription: subscription.into() }],
            ..Default::default()
        };
        let decided = |policy| states(&plan(&claim(None), &policy, Timestamp::UNIX_EPOCH));
        assert_eq!(decided(of("s")), [AsnState::Approved]);
        assert_eq!(decided(of("another")), [], "naming the number is no proof");
    }

    #[test]
    fn a_refusal_tells_its_reason() {
        let no = Decision {
            approved: false,
            by: "op".into(),
            reason: "not yours".into(),
            at: Timestamp::UNIX_EPOCH,
            checks: vec![],
        };
        let effects = plan(&claim(Some(no)), &ApprovalPolicy::default(), Timestamp::UNIX_EPOCH);
        assert!(effects.iter().any(|e| matches!(e, AsnEffect::Decide { state: AsnState::Failed, error_message: Some(m), .. } if m == "not yours")));
    }

    #[test]
    fn a_decided_claim_needs_nothing_more() {
        let mut decided = claim(None);
        decided.state = AsnState::Approved;
        assert!(plan(&decided, &ApprovalPolicy::default(), Timestamp::UNIX_EPOCH).is_empty());
    }
}
