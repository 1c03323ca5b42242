//! The peer ASN as it is on the wire.

use crate::arm::resource::Resource;
use meetme_model::peer_asn::{AsnState, Contact, ContactDraft, ContactRole, PeerAsn, PeerAsnDraft};
use serde::{Deserialize, Serialize};

/// As sent in.
#[derive(Deserialize)]
pub(super) struct Sent {
    properties: Option<SentProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentProperties {
    peer_asn: Option<i64>,
    peer_name: Option<String>,
    peer_contact_detail: Option<Vec<SentContact>>,
}

#[derive(Deserialize)]
struct SentContact {
    role: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

impl From<Sent> for PeerAsnDraft {
    fn from(sent: Sent) -> Self {
        let Some(properties) = sent.properties else {
            return Self::default();
        };
        Self {
            asn: properties.peer_asn,
            peer_name: properties.peer_name,
            contacts: properties
                .peer_contact_detail
                .unwrap_or_default()
                .into_iter()
                .map(|c| ContactDraft { role: c.role, email: c.email, phone: c.phone })
                .collect(),
        }
    }
}

/// As shown.
pub(crate) type Shown = Resource<ShownProperties>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownProperties {
    /// Above 2^31−1 it is a JSON number all the same.
    peer_asn: u32,
    peer_contact_detail: Vec<ShownContact>,
    peer_name: String,
    validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

#[derive(Serialize)]
struct ShownContact {
    role: &'static str,
    email: String,
    phone: String,
}

/// The resource id.
pub(crate) fn id(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns/{name}")
}

/// `validationState`.
fn state_name(state: AsnState) -> &'static str {
    match state {
        AsnState::None => "None",
        AsnState::Pending => "Pending",
        AsnState::Approved => "Approved",
        AsnState::Failed => "Failed",
    }
}

fn role_name(role: ContactRole) -> &'static str {
    ContactRole::ALL.iter().find(|(_, r)| *r == role).map_or("Other", |(name, _)| name)
}

impl From<Contact> for ShownContact {
    fn from(c: Contact) -> Self {
        Self { role: role_name(c.role), email: c.email, phone: c.phone }
    }
}

impl From<PeerAsn> for Shown {
    fn from(p: PeerAsn) -> Self {
        Self {
            id: id(&p.subscription, &p.name),
            name: p.name,
            r#type: "Microsoft.Peering/peerAsns",
            system_data: (&p.stamp).into(),
            properties: ShownProperties {
                peer_asn: p.spec.asn.0,
                peer_contact_detail: p.spec.contacts.into_iter().map(Into::into).collect(),
                peer_name: p.spec.peer_name,
                validation_state: state_name(p.state),
                error_message: p.error_message,
            },
        }
    }
}
