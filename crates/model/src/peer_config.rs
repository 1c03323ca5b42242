//! A router's configuration for the peer's side of a connection, in the words of its vendor, with
//! the connection's own values. Pure text: nothing is sent to anybody's router.
//!
//! Each connection ends at a router of the peer's own (`docs/rules.md` §7), so a text is for one
//! connection. What only the peer knows stands in capitals: its interfaces and its MD5 key.

use crate::asn::Asn;
use crate::community::Community;
use crate::intent::BfdTimers;
use crate::prefix::Prefix;
use std::fmt::Write;
use std::net::IpAddr;

mod bird;
mod eos;
mod frr;
mod ios_xr;
mod junos;

/// LOCAL_PREF of what is learned from the host: above the Internet's 100.
const LOCAL_PREF: u32 = 200;
/// Stands where the peer's MD5 key goes.
const KEY: &str = "YOUR-KEY";

/// Whose words the text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Cisco IOS XR.
    IosXr,
    /// Juniper Junos, as `set` commands.
    Junos,
    /// Arista EOS.
    Eos,
    /// FRRouting.
    Frr,
    /// BIRD 2.
    Bird,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::IosXr, Self::Junos, Self::Eos, Self::Frr, Self::Bird];

    /// The name in addresses and file names.
    pub fn key(self) -> &'static str {
        match self {
            Self::IosXr => "ios-xr",
            Self::Junos => "junos",
            Self::Eos => "eos",
            Self::Frr => "frr",
            Self::Bird => "bird",
        }
    }

    /// The name as people know it.
    pub fn title(self) -> &'static str {
        match self {
            Self::IosXr => "Cisco IOS XR",
            Self::Junos => "Juniper Junos",
            Self::Eos => "Arista EOS",
            Self::Frr => "FRR",
            Self::Bird => "BIRD 2",
        }
    }

    /// The vendor of a [`Vendor::key`], in any case.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.key().eq_ignore_ascii_case(key))
    }
}

/// What a text is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSide {
    /// The connection's name: `contoso-ams-1`.
    pub connection: String,
    /// The stem of its sessions' names on the host's routers (`c12`): the name has letters that not every
    /// vendor takes in names of its own.
    pub session_stem: String,
    /// The peer's ASN.
    pub asn: Asn,
    /// The host's ASN.
    pub host_asn: Asn,
    /// True when the peer's side is a route server, whose client the host is (RFC 9234 §3).
    pub is_route_server: bool,
    /// How many links the LAG has; 0 before ports are given.
    pub links: usize,
    /// The offering's BFD timers.
    pub bfd: BfdTimers,
    /// True when the connection has an MD5 key.
    pub has_md5_key: bool,
    /// The community that registered prefixes carry.
    pub community: Option<Community>,
    /// What the peer registered, of both families.
    pub prefixes: Vec<Prefix>,
    /// Its sessions, IPv4 first.
    pub sessions: Vec<PeerSession>,
}

/// One session from the peer's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSession {
    /// The peer's address.
    pub local: IpAddr,
    /// Length of the subnet, in bits.
    pub prefix_len: u8,
    /// The host's address.
    pub remote: IpAddr,
    /// The "max prefix" that the peer is advised to set (`docs/rules.md` §4).
    pub max_prefixes: u32,
}

impl PeerSession {
    fn is_v4(&self) -> bool {
        self.local.is_ipv4()
    }

    /// `V4` or `V6`, for names.
    fn family(&self) -> &'static str {
        if self.is_v4() { "V4" } else { "V6" }
    }
}

impl PeerSide {
    fn prefixes_of(&self, session: &PeerSession) -> Vec<Prefix> {
        self.prefixes.iter().copied().filter(|p| p.is_ipv4() == session.is_v4()).collect()
    }

    fn members(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.links.max(1)).map(|n| format!("INTERFACE-{n}"))
    }

    fn description(&self) -> String {
        format!("AS{} connection {}", self.host_asn, self.connection)
    }

    /// What stands above everything, one line each without the vendor's comment sign.
    fn heading(&self) -> Vec<String> {
        let mut lines = vec![
            format!("Your side of {}.", self.description()),
            "In capitals: what only you know. Other routers of yours get their own text.".to_owned(),
        ];
        if self.prefixes.is_empty() {
            lines.push("No prefix is registered yet: nothing is announced until one is added.".to_owned());
        }
        if self.has_md5_key {
            lines.push(format!("{KEY} is the MD5 key that you set; it is never shown again."));
        }
        lines
    }

    fn commented(&self, sign: &str) -> String {
        self.heading().into_iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{sign} {line}");
            text
        })
    }
}

/// The text. Empty sessions give a text without BGP: the addresses come with the port.
pub fn render(vendor: Vendor, side: &PeerSide) -> String {
    match vendor {
        Vendor::IosXr => ios_xr::render(side),
        Vendor::Junos => junos::render(side),
        Vendor::Eos => eos::render(side),
        Vendor::Frr => frr::render(side),
        Vendor::Bird => bird::render(side),
    }
}

/// Puts lines together, each with its line break.
fn text(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests;
