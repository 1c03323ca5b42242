//! What the API tells about a peering, as pages read it.

use super::at::At;
use crate::error::PageError;
use crate::parts::version::{Version, tag_lines};
use crate::session::Context;
use meetme_model::link::{BfdSessionState, BgpState};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A peering as it is.
pub(super) struct Seen {
    /// As the API told it, to be changed and sent back.
    pub whole: Value,
    etag: Option<String>,
}

impl Seen {
    /// Reads it; what isn't there becomes the page's error.
    pub async fn of(context: &Context, at: &At) -> Result<Self, PageError> {
        let (whole, etag) = context.api.get_tagged(&at.resource()).await?;
        Ok(Self { whole, etag })
    }

    /// What forms of the peering and of its connections are made from.
    pub fn version(&self) -> Version {
        let mut lines: Vec<String> = self.connections().iter().map(line).collect();
        lines.extend(tag_lines(&self.whole));
        Version::new(self.etag.as_deref(), lines)
    }

    /// A text by its path; empty when it isn't there.
    pub fn text(&self, pointer: &str) -> &str {
        self.whole.pointer(pointer).and_then(Value::as_str).unwrap_or("")
    }

    /// `directPeeringType`.
    pub fn r#type(&self) -> &str {
        self.text("/properties/direct/directPeeringType")
    }

    /// The peering location.
    pub fn location(&self) -> &str {
        self.text("/properties/peeringLocation")
    }

    /// The connections that are asked for.
    pub fn connections(&self) -> &[Value] {
        let all = self.whole.pointer("/properties/direct/connections").and_then(Value::as_array);
        all.map_or(&[], Vec::as_slice)
    }

    /// Name of the peer ASN's resource.
    pub fn asn_name(&self) -> &str {
        self.text("/properties/direct/peerAsn/id").rsplit('/').next().unwrap_or("")
    }

    /// True while it is being taken away.
    pub fn is_deleting(&self) -> bool {
        self.text("/properties/provisioningState") == "Deleting"
    }
}

/// What can be changed of a connection, in words.
fn line(c: &Value) -> String {
    let session = &c["bgpSession"];
    let text = |value: &'_ Value| value.as_str().map(|text| format!(", {text}")).unwrap_or_default();
    let most = |value: &Value, family: &str| {
        value.as_u64().map(|n| format!(", {family} at most {n} prefixes")).unwrap_or_default()
    };
    let bandwidth = c["bandwidthInMbps"].as_u64().and_then(|n| u32::try_from(n).ok()).map(gbps);
    [
        format!("connection {}: ", c["microsoftTrackingId"].as_str().unwrap_or("")),
        bandwidth.unwrap_or_default(),
        text(&session["sessionPrefixV4"]),
        text(&session["sessionPrefixV6"]),
        most(&session["maxPrefixesAdvertisedV4"], "IPv4"),
        most(&session["maxPrefixesAdvertisedV6"], "IPv6"),
        if session["md5AuthenticationKeyIsSet"] == true {
            ", with an MD5 key".to_owned()
        } else {
            String::new()
        },
    ]
    .concat()
}

/// A peering's connections in detail.
pub(super) async fn connections(context: &Context, at: &At) -> Result<Vec<Connection>, PageError> {
    let rows = context.api.list(&format!("{}/connections", at.extension()), usize::MAX).await?;
    rows.into_iter().map(read).collect()
}

/// An answer as a type; what doesn't fit is a failure of ours.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, PageError> {
    serde_json::from_value(value).map_err(PageError::internal)
}

/// A connection with everything that is known of it, named as in the API's document.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    pub tracking_id: String,
    pub connection_identifier: String,
    pub connection_state: String,
    pub since: String,
    pub active_at: Option<String>,
    pub error_message: Option<String>,
    #[serde(default)]
    pub milestones: Milestones,
    pub awaited: Awaited,
    pub bandwidth_in_mbps: u32,
    pub decision: Option<Decision>,
    pub removal: Option<Removal>,
    pub router: Option<Router>,
    pub loa: Option<Loa>,
    pub lag: Lag,
    pub sessions: Vec<Session>,
}

impl Connection {
    /// True when routes may be used.
    pub fn is_open(&self) -> bool {
        matches!(self.connection_state.as_str(), "Active" | "TypeChangeRequested" | "TypeChangeInProgress")
    }

    /// The state in a word, `Removing` while it is taken away.
    pub fn state(&self) -> &str {
        if self.removal.is_some() { "Removing" } else { &self.connection_state }
    }
}

/// When it reached what lies behind it; what nobody wrote down is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Milestones {
    pub requested_at: Option<String>,
    pub approved_at: Option<String>,
    pub loa_issued_at: Option<String>,
    pub port_configured_at: Option<String>,
    pub light_at: Option<String>,
    pub lag_up_at: Option<String>,
    pub sessions_up_at: Option<String>,
    pub active_at: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Awaited {
    pub party: String,
    pub what: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decision {
    pub reason: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Removal {
    pub step: String,
    pub since: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Router {
    pub name: String,
    pub site: Option<String>,
    pub address: Option<String>,
    pub reachable: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Loa {
    pub code: String,
    pub expires_at: String,
    pub expired: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lag {
    pub name: String,
    pub light: bool,
    pub up: bool,
    pub ports: Vec<Port>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    pub name: String,
    pub speed_mbps: u32,
    pub panel: Option<String>,
    pub light: bool,
    pub collecting: bool,
    pub distributing: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    pub session_prefix: String,
    pub host_address: String,
    pub peer_address: String,
    #[serde(deserialize_with = "told")]
    pub bgp: Option<BgpState>,
    bfd: BfdSessionState,
    pub bfd_detection_ms: Option<u32>,
    pub advised_max_prefixes: u32,
    pub gate_open: bool,
    pub peer_router_id: Option<String>,
    pub established_at: Option<String>,
    pub last_error: Option<String>,
    pub last_error_at: Option<String>,
    pub flaps: u32,
    pub routes: Option<Routes>,
}

impl Session {
    /// True when routes can pass: BGP Established with BFD up.
    pub fn is_up(&self) -> bool {
        self.bgp == Some(BgpState::Established) && self.bfd == BfdSessionState::Up
    }

    /// BFD's state; `None` before the router has told anything of the session.
    pub fn bfd(&self) -> Option<BfdSessionState> {
        self.bgp.map(|_| self.bfd)
    }
}

/// BGP's state; `None` is the API's word before the router has told one.
fn told<'de, D: Deserializer<'de>>(state: D) -> Result<Option<BgpState>, D::Error> {
    match String::deserialize(state)?.as_str() {
        "None" => Ok(None),
        name => BgpState::deserialize(name.into_deserializer()).map(Some),
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Routes {
    pub at: String,
    pub synced: bool,
    pub error: Option<String>,
    pub received: u32,
    pub used: u32,
    pub faults: Vec<RouteFault>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RouteFault {
    pub code: String,
    pub count: u32,
    pub examples: Vec<String>,
}

/// Mbps as people say it.
pub(super) fn gbps(mbps: u32) -> String {
    if mbps.is_multiple_of(1000) { format!("{} Gbps", mbps / 1000) } else { format!("{mbps} Mbps") }
}
