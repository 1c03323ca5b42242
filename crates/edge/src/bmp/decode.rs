//! One BMP message from bytes to a [`Message`]: the only module that knows the parser.
//!
//! The parser is used in its strict mode. It drops a message whole when one attribute is malformed;
//! the destinations in it are then read by [`super::salvage`], so that they can be withdrawn
//! (RFC 7606). No state is kept between messages, so no input can make it grow.

use super::frame::HEADER_LEN;
use super::salvage;
use jiff::Timestamp;
use meetme_model::asn::Asn;
use meetme_model::community::Community;
use meetme_model::prefix::Prefix;
use meetme_model::route::{AsPath, PathSegment, RouteAttributes};
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::capabilities::BgpCapability;
use netgauze_bgp_pkt::path_attribute::{
    As4PathSegment, AsPath as WirePath, AsPathSegmentType, MpReach, MpUnreach, PathAttributeValue,
};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bmp_pkt::v3::{
    BmpMessageValue, InitiationInformation, PeerDownNotificationReason, PeerUpNotificationMessage,
};
use netgauze_bmp_pkt::wire::deserializer::BmpParsingContext;
use netgauze_bmp_pkt::{BmpMessage, PeerHeader};
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ROUTE_MONITORING: u8 = 0;
const PEER_DOWN: u8 = 2;
const PEER_UP: u8 = 3;
/// Peer type "global instance peer" (RFC 7854 §4.2).
const GLOBAL_INSTANCE: u8 = 0;
const PER_PEER_HEADER_LEN: usize = 42;
const FLAG_IPV6: u8 = 0x80;
const FLAG_POST_POLICY: u8 = 0x40;
const FLAG_TWO_OCTET_AS: u8 = 0x20;
const FLAG_ADJ_RIB_OUT: u8 = 0x10;
const FLAGS_AT: usize = HEADER_LEN + 1;
const BGP_HEADER_LEN: usize = 19;
const LOCAL_ADDRESS_AND_PORTS_LEN: usize = 20;

/// A message, reduced to what the station acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// First message of a connection.
    Initiation {
        /// The router's sysDescr; tells the software.
        description: String,
    },
    /// The router closes the connection.
    Termination,
    /// A session is Established.
    PeerUp {
        /// The peer's address.
        peer: IpAddr,
        /// What both OPEN messages say.
        info: PeerInfo,
    },
    /// A session is down.
    PeerDown {
        /// The peer's address.
        peer: IpAddr,
        /// Why.
        reason: String,
    },
    /// Routes of a session's pre-policy Adj-RIB-In.
    Routes(Box<Routes>),
    /// Statistics, and what isn't the pre-policy Adj-RIB-In of a global peer.
    Other,
}

/// What the OPEN messages of a session agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerInfo {
    /// The router's own ASN on this session.
    pub(super) local_asn: Asn,
    /// Four-octet ASNs were negotiated (RFC 6793).
    pub(super) four_octet_as: bool,
}

/// One UPDATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routes {
    /// The peer's address.
    pub(super) peer: IpAddr,
    /// When the router received it; `None` when it doesn't say.
    pub(super) received_at: Option<Timestamp>,
    /// Attributes with the destinations announced with them (IPv4 and IPv6 may differ in next hop).
    pub(super) announced: Vec<(RouteAttributes, Vec<Prefix>)>,
    /// Destinations withdrawn.
    pub(super) withdrawn: Vec<Prefix>,
    /// End-of-RIB (RFC 4724 §2): the family whose initial routes are all in; true for IPv4.
    pub(super) end_of_rib_ipv4: Option<bool>,
}

/// A message that couldn't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed BMP message: {reason}")]
pub(super) struct Malformed {
    /// Whose session it was about, when that could be read.
    pub(super) peer: Option<IpAddr>,
    /// What kind of message it was.
    pub(super) kind: MalformedKind,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// What a malformed message was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MalformedKind {
    /// Routes; the destinations that could be read are to be withdrawn.
    Routes {
        /// Destinations, announced and withdrawn alike.
        destinations: Vec<Prefix>,
        /// False when there may have been more.
        complete: bool,
    },
    /// A session came up; its earlier routes are void.
    PeerUp,
    /// Nothing that routes depend on.
    Other,
}

/// Where a router's software departs from RFC 7854.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quirks {
    /// AS paths are in two-octet form although the A flag is clear.
    pub(super) two_octet_as_path: bool,
    /// The router's own ASN, which it prepends as if it sent the route on.
    pub(super) own_asn_prepended: Option<Asn>,
}

/// Decodes one whole message; `quirks` tells those of a peer's messages. May set the A flag in
/// `message`.
pub(super) fn decode(message: &mut [u8], quirks: impl Fn(IpAddr) -> Quirks) -> Result<Message, Malformed> {
    let kind = message.get(HEADER_LEN - 1).copied();
    let mut peer = None;
    let mut quirk = Quirks::default();
    if matches!(kind, Some(ROUTE_MONITORING | PEER_DOWN | PEER_UP)) {
        match header(message) {
            Header::Kept(address) => peer = Some(address),
            Header::Skipped => return Ok(Message::Other),
            Header::Short => {}
        }
        quirk = peer.map(quirks).unwrap_or_default();
        if quirk.two_octet_as_path && message.len() > FLAGS_AT {
            message[FLAGS_AT] |= FLAG_TWO_OCTET_AS;
        }
    }
    parse(message, peer, quirk).or_else(|reason| {
        // Capabilities that the parser refuses say nothing about routes: the rest is enough.
        if kind == Some(PEER_UP)
            && let Some(peer) = peer
            && let Some(info) = salvage_peer_info(message)
        {
            return Ok(Message::PeerUp { peer, info });
        }
        // That a session is down is said by the header alone; a cease subcode that the parser
        // doesn't know (RFC 9384: BFD down) changes nothing about it.
        if let (Some(PEER_DOWN), Some(peer)) = (kind, peer) {
            let reason = format!("closed, with a reason that can't be read ({reason})");
            return Ok(Message::PeerDown { peer, reason });
        }
        Err(Malformed { peer, kind: malformed_kind(kind, message), reason })
    })
}

fn salvage_peer_info(message: &[u8]) -> Option<PeerInfo> {
    let opens = message.get(HEADER_LEN + PER_PEER_HEADER_LEN + LOCAL_ADDRESS_AND_PORTS_LEN..)?;
    let (sent, received) = salvage::opens(opens)?;
    Some(PeerInfo {
        local_asn: sent.asn,
        // A peer whose OPEN can't be read is taken for one of this century.
        four_octet_as: sent.four_octet_as && received.is_none_or(|r| r.four_octet_as),
    })
}

enum Header {
    /// A global peer's pre-policy Adj-RIB-In.
    Kept(IpAddr),
    /// Another peer type or view.
    Skipped,
    /// Not even a whole per-peer header.
    Short,
}

fn header(message: &[u8]) -> Header {
    let Some(bytes) = message[HEADER_LEN..].first_chunk::<PER_PEER_HEADER_LEN>() else {
        return Header::Short;
    };
    let flags = bytes[1];
    if bytes[0] != GLOBAL_INSTANCE || flags & (FLAG_POST_POLICY | FLAG_ADJ_RIB_OUT) != 0 {
        return Header::Skipped;
    }
    let mut address = [0; 16];
    address.copy_from_slice(&bytes[10..26]);
    Header::Kept(if flags & FLAG_IPV6 != 0 {
        Ipv6Addr::from(address).into()
    } else {
        Ipv4Addr::new(address[12], address[13], address[14], address[15]).into()
    })
}

fn malformed_kind(kind: Option<u8>, message: &[u8]) -> MalformedKind {
    match kind {
        Some(ROUTE_MONITORING) => {
            let at = HEADER_LEN + PER_PEER_HEADER_LEN + BGP_HEADER_LEN;
            let found = salvage::destinations(message.get(at..).unwrap_or_default());
            MalformedKind::Routes { destinations: found.prefixes, complete: found.complete }
        }
        Some(PEER_UP) => MalformedKind::PeerUp,
        _ => MalformedKind::Other,
    }
}

fn parse(message: &[u8], peer: Option<IpAddr>, quirks: Quirks) -> Result<Message, String> {
    let mut context = BmpParsingContext::default();
    let parsed =
        BmpMessage::parse(&mut SliceReader::new(message), &mut context).map_err(|e| e.to_string())?;
    let BmpMessage::V3(value) = parsed else {
        return Err("BMP version 4, expected 3".to_owned());
    };
    let peer = || peer.ok_or_else(|| "no per-peer header".to_owned());
    Ok(match value {
        BmpMessageValue::RouteMonitoring(m) => {
            let BgpMessage::Update(update) = m.update_message() else {
                return Err("not an UPDATE".to_owned());
            };
            let received_at = received_at(m.peer_header());
            Message::Routes(Box::new(routes(peer()?, received_at, update, quirks)?))
        }
        BmpMessageValue::PeerUpNotification(m) => Message::PeerUp { peer: peer()?, info: peer_info(&m)? },
        BmpMessageValue::PeerDownNotification(m) => {
            Message::PeerDown { peer: peer()?, reason: down_reason(m.reason()) }
        }
        BmpMessageValue::Initiation(m) => Message::Initiation {
            description: m
                .information()
                .iter()
                .find_map(|i| match i {
                    InitiationInformation::SystemDescription(text) => Some(text.to_string()),
                    _ => None,
                })
                .unwrap_or_default(),
        },
        BmpMessageValue::Termination(_) => Message::Termination,
        BmpMessageValue::StatisticsReport(_)
        | BmpMessageValue::RouteMirroring(_)
        | BmpMessageValue::Experimental251(_)
        | BmpMessageValue::Experimental252(_)
        | BmpMessageValue::Experimental253(_)
        | BmpMessageValue::Experimental254(_) => Message::Other,
    })
}

fn received_at(header: &PeerHeader) -> Option<Timestamp> {
    let time = header.timestamp()?;
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).ok()?;
    Timestamp::new(time.timestamp(), nanos).ok()
}

fn peer_info(message: &PeerUpNotificationMessage) -> Result<PeerInfo, String> {
    let (BgpMessage::Open(sent), BgpMessage::Open(received)) =
        (message.sent_message(), message.received_message())
    else {
        return Err("a Peer Up without two OPEN messages".to_owned());
    };
    let four_octet_as = [sent, received]
        .into_iter()
        .all(|open| open.capabilities().iter().any(|c| matches!(c, BgpCapability::FourOctetAs(_))));
    Ok(PeerInfo { local_asn: Asn(sent.my_asn4()), four_octet_as })
}

fn down_reason(reason: &PeerDownNotificationReason) -> String {
    use PeerDownNotificationReason as Reason;
    match reason {
        Reason::LocalSystemClosedNotificationPduFollows(BgpMessage::Notification(n)) => {
            format!("closed by the router: {n:?}")
        }
        Reason::RemoteSystemClosedNotificationPduFollows(BgpMessage::Notification(n)) => {
            format!("closed by the peer: {n:?}")
        }
        Reason::LocalSystemClosedNotificationPduFollows(_) | Reason::LocalSystemClosedTlvDataFollows(_) => {
            "closed by the router".to_owned()
        }
        Reason::LocalSystemClosedFsmEventFollows(0) => "closed by the router".to_owned(),
        Reason::LocalSystemClosedFsmEventFollows(event) => {
            format!("closed by the router: FSM event {event} (RFC 4271 §8.1)")
        }
        Reason::RemoteSystemClosedNotificationPduFollows(_) | Reason::RemoteSystemClosedNoData => {
            "closed by the peer without a notification, or the connection was lost".to_owned()
        }
        Reason::PeerDeConfigured => "removed from the router's configuration".to_owned(),
        Reason::Experimental251(_)
        | Reason::Experimental252(_)
        | Reason::Experimental253(_)
        | Reason::Experimental254(_) => "an experimental reason".to_owned(),
    }
}

fn routes(
    peer: IpAddr,
    received_at: Option<Timestamp>,
    update: &BgpUpdateMessage,
    quirks: Quirks,
) -> Result<Routes, String> {
    let v4 =
        |net: &netgauze_bgp_pkt::nlri::Ipv4UnicastAddress| Prefix::containing(net.network().address().into());
    let v6 =
        |net: &netgauze_bgp_pkt::nlri::Ipv6UnicastAddress| Prefix::containing(net.network().address().into());
    let mut withdrawn: Vec<Prefix> = update.withdraw_routes().iter().map(v4).collect();
    let mut reached: Vec<(IpAddr, Vec<Prefix>)> = Vec::new();
    let mut shared = Shared::default();
    for attribute in update.path_attributes() {
        match attribute.value() {
            PathAttributeValue::AsPath(path) => shared.as_path = Some(segments(path)),
            PathAttributeValue::As4Path(path) => {
                shared.as4_path = Some(path.segments().iter().map(four_octet).collect());
            }
            PathAttributeValue::NextHop(hop) => shared.next_hop = Some(hop.next_hop().into()),
            PathAttributeValue::MultiExitDiscriminator(med) => shared.med = Some(med.metric()),
            PathAttributeValue::Communities(list) => {
                shared.communities.extend(
                    list.communities()
                        .iter()
                        .map(|c| Community::Standard(c.collection_asn(), c.collection_value())),
                );
            }
            PathAttributeValue::LargeCommunities(list) => {
                shared.communities.extend(
                    list.communities()
                        .iter()
                        .map(|c| Community::Large(c.global_admin(), c.local_data1(), c.local_data2())),
                );
            }
            PathAttributeValue::MpReach(MpReach::Ipv4Unicast { next_hop, nlri, .. }) => {
                reached.push((*next_hop, nlri.iter().map(v4).collect()));
            }
            PathAttributeValue::MpReach(MpReach::Ipv6Unicast { next_hop_global, nlri, .. }) => {
                reached.push(((*next_hop_global).into(), nlri.iter().map(v6).collect()))
            }
            PathAttributeValue::MpUnreach(MpUnreach::Ipv4Unicast { nlri }) => {
                withdrawn.extend(nlri.iter().map(v4));
            }
            PathAttributeValue::MpUnreach(MpUnreach::Ipv6Unicast { nlri }) => {
                withdrawn.extend(nlri.iter().map(v6));
            }
            _ => {}
        }
    }
    if !update.nlri().is_empty() {
        let next_hop = shared.next_hop.ok_or("routes without NEXT_HOP")?;
        reached.push((next_hop, update.nlri().iter().map(v4).collect()));
    }
    reached.retain(|(_, prefixes)| !prefixes.is_empty());
    let end_of_rib_ipv4 = end_of_rib(update);
    Ok(Routes {
        peer,
        received_at,
        announced: shared.attributes(reached, quirks)?,
        withdrawn,
        end_of_rib_ipv4,
    })
}

/// Which family's End-of-RIB this is (RFC 4724 §2), `Some(true)` for IPv4.
fn end_of_rib(update: &BgpUpdateMessage) -> Option<bool> {
    if !update.nlri().is_empty() || !update.withdraw_routes().is_empty() {
        return None;
    }
    match update.path_attributes() {
        [] => Some(true),
        [only] => match only.value() {
            PathAttributeValue::MpUnreach(MpUnreach::Ipv4Unicast { nlri }) if nlri.is_empty() => Some(true),
            PathAttributeValue::MpUnreach(MpUnreach::Ipv6Unicast { nlri }) if nlri.is_empty() => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The attributes that all destinations of an UPDATE share.
#[derive(Default)]
struct Shared {
    as_path: Option<Vec<PathSegment>>,
    as4_path: Option<Vec<PathSegment>>,
    next_hop: Option<IpAddr>,
    med: Option<u32>,
    communities: Vec<Community>,
}

impl Shared {
    fn attributes(
        self,
        reached: Vec<(IpAddr, Vec<Prefix>)>,
        quirks: Quirks,
    ) -> Result<Vec<(RouteAttributes, Vec<Prefix>)>, String> {
        if reached.is_empty() {
            return Ok(Vec::new());
        }
        let path = AsPath(self.as_path.ok_or("routes without AS_PATH")?);
        let mut path = match self.as4_path {
            Some(as4) => merge_as4(path, AsPath(as4)),
            None => path,
        };
        if let Some(own) = quirks.own_asn_prepended.filter(|&own| path.first() == Some(own)) {
            strip_first(&mut path, own);
        }
        Ok(reached
            .into_iter()
            .map(|(next_hop, prefixes)| {
                let attributes = RouteAttributes {
                    as_path: path.clone(),
                    next_hop,
                    communities: self.communities.clone(),
                    med: self.med,
                };
                (attributes, prefixes)
            })
            .collect())
    }
}

fn segments(path: &WirePath) -> Vec<PathSegment> {
    match path {
        WirePath::As2PathSegments(segments) => segments
            .iter()
            .map(|s| {
                let asns = s.as_numbers().iter().map(|&a| Asn(a.into())).collect();
                segment(s.segment_type(), asns)
            })
            .collect(),
        WirePath::As4PathSegments(segments) => segments.iter().map(four_octet).collect(),
    }
}

fn four_octet(s: &As4PathSegment) -> PathSegment {
    segment(s.segment_type(), s.as_numbers().iter().copied().map(Asn).collect())
}

fn segment(kind: AsPathSegmentType, asns: Vec<Asn>) -> PathSegment {
    match kind {
        AsPathSegmentType::AsSequence => PathSegment::Sequence(asns),
        AsPathSegmentType::AsSet => PathSegment::Set(asns),
    }
}

/// Reconstructs the path from AS_PATH and AS4_PATH (RFC 6793 §4.2.3): the leading ASNs that only
/// AS_PATH has, then AS4_PATH. An AS4_PATH longer than AS_PATH is ignored.
pub(super) fn merge_as4(two_octet: AsPath, four_octet: AsPath) -> AsPath {
    let Some(mut leading) = two_octet.length().checked_sub(four_octet.length()) else {
        return two_octet;
    };
    let mut merged = Vec::new();
    for segment in two_octet.0 {
        if leading == 0 {
            break;
        }
        match segment {
            PathSegment::Sequence(mut asns) => {
                asns.truncate(leading);
                leading -= asns.len();
                merged.push(PathSegment::Sequence(asns));
            }
            PathSegment::Set(asns) => {
                leading -= 1;
                merged.push(PathSegment::Set(asns));
            }
        }
    }
    for segment in four_octet.0 {
        match (merged.last_mut(), segment) {
            (Some(PathSegment::Sequence(before)), PathSegment::Sequence(asns)) => {
                before.extend(asns);
            }
            (_, segment) => merged.push(segment),
        }
    }
    AsPath(merged)
}

fn strip_first(path: &mut AsPath, own: Asn) {
    if let Some(PathSegment::Sequence(asns)) = path.0.first_mut()
        && asns.first() == Some(&own)
    {
        asns.remove(0);
        if asns.is_empty() {
            path.0.remove(0);
        }
    }
}
