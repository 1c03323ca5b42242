//! The provider's own routers: its staff cable the ports that the letter of authorization names
//! and configure LACP, BFD and BGP with the addresses that they were given.

use crate::people::{COMMUNITY, needed, text};
use anyhow::Context;
use meetme_lab::LabClient;
use meetme_lab::proto::{Announcement, Bfd, Fault, Session};
use serde_json::Value;

/// The host's ASN in the lab.
pub const HOST_ASN: u32 = 64500;
/// Least BFD timers that the provider configures, like the host's Voice offering in the lab.
pub const BFD: Bfd = Bfd { interval_ms: 50, multiplier: 3 };

/// The provider's routers by metro, each serving one connection.
pub const ROUTERS: [(&str, [&str; 2]); 2] =
    [("contoso-ams", ["tel-ams-1", "tel-ams-2"]), ("contoso-fra", ["tel-fra-1", "tel-fra-2"])];

/// The provider's routers of a peering.
pub fn routers(peering: &str) -> anyhow::Result<[&'static str; 2]> {
    ROUTERS
        .iter()
        .find(|(p, _)| *p == peering)
        .map(|(_, r)| *r)
        .with_context(|| format!("no routers for {peering}"))
}

/// One interconnect as the provider's staff know it.
#[derive(Clone, Debug)]
pub struct Interconnect {
    /// The provider's router.
    pub node: &'static str,
    /// The session's name on it.
    pub session: String,
    /// Our router, as the letter names it.
    pub host_router: String,
}

impl Interconnect {
    /// A silent black hole of this interconnect.
    pub fn silent(&self) -> Fault {
        Fault::Silent { node: self.node.into(), session: self.session.clone() }
    }

    /// All members of its LAG dark.
    pub fn cut(&self) -> Fault {
        Fault::CutLag { node: self.node.into(), lag: self.session.clone() }
    }
}

/// Has the cross-connects made for a connection: port by port to the provider's router.
pub async fn cable(lab: &LabClient, connection: &Value, node: &str) -> anyhow::Result<Vec<String>> {
    let router = needed(connection, "/router/name")?;
    let mut members = Vec::new();
    for (i, port) in
        connection.pointer("/lag/ports").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let ours = format!("et{}", i + 1);
        let (a, b) = (format!("{router}:{}", text(port, "/name")), format!("{node}:{ours}"));
        lab.cable(&a.parse().map_err(anyhow::Error::msg)?, &b.parse().map_err(anyhow::Error::msg)?).await?;
        members.push(ours);
    }
    Ok(members)
}

/// Configures the provider's side of a connection.
pub async fn configure(
    lab: &LabClient,
    connection: &Value,
    node: &'static str,
    members: Vec<String>,
) -> anyhow::Result<Interconnect> {
    let session = session("meetme", connection, members)?;
    lab.session(node, &session).await?;
    let host_router = needed(connection, "/router/name")?.to_owned();
    Ok(Interconnect { node, session: session.name, host_router })
}

/// The provider's side of a connection's first session: LAG with LACP, addresses, BGP with BFD.
pub fn session(name: &str, connection: &Value, members: Vec<String>) -> anyhow::Result<Session> {
    let session = connection.pointer("/sessions/0").context("the connection has no session")?;
    let length = needed(session, "/sessionPrefix")?.rsplit_once('/').context("a prefix has a length")?.1;
    Ok(Session {
        name: name.to_owned(),
        members,
        interface: None,
        local: format!("{}/{length}", needed(session, "/peerAddress")?).parse()?,
        remote: needed(session, "/hostAddress")?.parse()?,
        local_asn: None,
        remote_asn: HOST_ASN,
        bfd: Some(BFD),
        md5: None,
        gtsm: true,
    })
}

/// An announcement as the offering wants it: with its community.
pub fn announcement(prefix: &str) -> anyhow::Result<Announcement> {
    Ok(Announcement::of(prefix.parse()?).with_community(COMMUNITY))
}
