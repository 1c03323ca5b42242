//! What of a changed peering is refused because of what its connections hold by now: working
//! sessions, ports, subnets. Only tells; changes nothing.

use super::delete::uses;
use crate::auth::reaches;
use crate::call::Call;
use crate::error::ApiError;
use meetme_model::connection::Connection;
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::peer_asn::AsnState;
use meetme_model::peering::{ConnectionDraft, ConnectionSpec, Peering, PeeringDraft, ResolvedAsn, Sku};
use meetme_model::session_space::TAKEN;
use meetme_model::{Asn, Prefix, Violations};
use meetme_store::{Db, connection_by_id, peering_by_id, registrations_overlapping, subnets_overlapping};

const CONNECTIONS: &str = "properties.direct.connections";

fn is_named(draft: &ConnectionDraft, c: &Connection) -> bool {
    draft.identifier.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&c.spec.identifier))
}

/// Taking a working connection away leaves two working ones where two are needed
/// (`docs/rules.md` §2). `staying` are the connections that aren't being removed already.
pub(super) async fn check_removals(
    db: &mut impl Db,
    peering: &Peering,
    staying: &[&Connection],
    drafts: &[ConnectionDraft],
    v: &mut Violations,
) -> Result<(), ApiError> {
    let (kept, removed): (Vec<&Connection>, Vec<&Connection>) =
        staying.iter().partition(|c| drafts.iter().any(|d| is_named(d, c)));
    let working = kept.iter().filter(|c| c.state.is_open()).count();
    if working >= 2 || !removed.iter().any(|c| c.state.is_open()) {
        return Ok(());
    }
    let needs_two = match peering.spec.offering {
        OfferingKind::Voice => true,
        OfferingKind::Edge => peering.spec.sku == Sku::Premium_Direct_Free,
        OfferingKind::IxRs | OfferingKind::Exchange => false,
    };
    if needs_two || !uses(db, peering.id).await?.is_empty() {
        v.add(
            "TooFewActiveConnections",
            CONNECTIONS,
            "add the new connection first and remove this one once the other is Active",
        );
    }
    Ok(())
}

/// A connection that has ports grows and shrinks by whole ports of their speed.
pub(super) fn check_bandwidth(staying: &[&Connection], drafts: &[ConnectionDraft], v: &mut Violations) {
    for (i, draft) in drafts.iter().enumerate() {
        let Some(c) = staying.iter().find(|c| is_named(draft, c)) else { continue };
        let (Some(ports), Some(mbps)) = (&c.ports, draft.bandwidth_mbps) else { continue };
        let speed = ports.port_speed_mbps;
        if mbps != i64::from(c.spec.bandwidth_mbps) && mbps % i64::from(speed.max(1)) != 0 {
            v.add(
                "BandwidthNotOffered",
                format!("{CONNECTIONS}[{i}].bandwidthInMbps"),
                format!(
                    "{mbps} Mbps: this connection's ports have {speed} Mbps each; send a multiple of that"
                ),
            );
        }
    }
}

/// A subnet that the peer gives for a session, and where it stands in the request.
struct Given {
    connection: usize,
    field: &'static str,
    prefix: Prefix,
    /// The connection had it before: it was checked then.
    is_old: bool,
}

impl Given {
    fn refuse(&self, why: &str, v: &mut Violations) {
        v.add(
            "SessionPrefixTaken",
            format!("{CONNECTIONS}[{}].bgpSession.{}", self.connection, self.field),
            format!("{} is {why}; each session needs a subnet of its own", self.prefix),
        );
    }
}

/// The ASN that is the caller's for certain.
fn approved(asn: Option<&ResolvedAsn>) -> Option<Asn> {
    asn.filter(|a| a.state == AsnState::Approved).map(|a| a.asn)
}

/// Subnets that the peer gives overlap neither each other nor that of any other connection, nor what
/// another network registered.
pub(super) async fn check_subnets(
    call: &Call,
    db: &mut impl Db,
    staying: &[&Connection],
    draft: &PeeringDraft,
    asn: Option<&ResolvedAsn>,
    v: &mut Violations,
) -> Result<(), ApiError> {
    let own = approved(asn);
    let given = given(staying, draft);
    for (n, new) in given.iter().enumerate().filter(|(_, g)| !g.is_old) {
        let mut others = given.iter().enumerate().filter(|(m, other)| *m < n || other.is_old);
        let why = match others.find(|(_, other)| other.prefix.overlaps(new.prefix)) {
            Some((_, other)) => Some(format!("given for {CONNECTIONS}[{}] too", other.connection)),
            None => holder(call, db, new.prefix, own).await?,
        };
        if let Some(why) = why {
            new.refuse(&why, v);
        }
    }
    Ok(())
}

/// Subnets that the peer gives don't overlap that of a session from before, unless that is the peer's
/// own, which is converted so. It is only once the ASN is approved: before, anybody may claim it, and
/// would learn what its sessions are.
pub(super) fn check_legacy(
    inventory: &Inventory,
    asn: Option<&ResolvedAsn>,
    staying: &[&Connection],
    draft: &PeeringDraft,
    v: &mut Violations,
) {
    let own = approved(asn);
    for new in given(staying, draft).iter().filter(|g| !g.is_old) {
        if inventory.legacy_sessions_with(new.prefix).any(|s| Some(s.asn) != own) {
            new.refuse(TAKEN, v);
        }
    }
}

fn given(staying: &[&Connection], draft: &PeeringDraft) -> Vec<Given> {
    let unsaid_is_peer = draft.direct_peering_type.as_deref() == Some("IxRs");
    let mut all = Vec::new();
    for (connection, d) in draft.connections.iter().enumerate() {
        if !d.address_provider.as_deref().map_or(unsaid_is_peer, |p| p == "Peer") {
            continue;
        }
        let old: Option<&ConnectionSpec> = staying.iter().find(|c| is_named(d, c)).map(|c| &c.spec);
        let families = [
            (&d.session_prefix_v4, "sessionPrefixV4", old.and_then(|o| o.session_prefix_v4)),
            (&d.session_prefix_v6, "sessionPrefixV6", old.and_then(|o| o.session_prefix_v6)),
        ];
        for (text, field, had) in families {
            // What is no prefix has its own violation.
            if let Some(prefix) = text.as_deref().and_then(|t| t.parse().ok()) {
                all.push(Given { connection, field, prefix, is_old: had == Some(prefix) });
            }
        }
    }
    all
}

/// Who uses a subnet, as far as the caller may know it; `None`: nobody.
async fn holder(
    call: &Call,
    db: &mut impl Db,
    prefix: Prefix,
    own: Option<Asn>,
) -> Result<Option<String>, ApiError> {
    let uses = subnets_overlapping(db, prefix).await?;
    let Some(id) = uses.iter().find_map(|u| u.connection_id) else {
        let registered = registrations_overlapping(db, prefix).await?;
        let is_taken = registered.iter().any(|r| r.keeps_away(prefix, call.subscription(), own));
        return Ok(is_taken.then(|| TAKEN.to_owned()));
    };
    if let Some(c) = connection_by_id(db, id).await?
        && let Some(peering) = peering_by_id(db, c.peering_id).await?
        && reaches(&call.principal, &peering.subscription)
    {
        return Ok(Some(format!("in use by connection {}", c.name)));
    }
    Ok(Some(TAKEN.to_owned()))
}
