//! From a [`RouterIntent`] to the FRR configuration that is ours. Pure: the same intent and gates
//! always give the same [`Owned`], and nothing of the router at hand is asked.

use super::owned::{ANY_FIRST_AS, DENY, IBGP, Key, MARK, Owned, PROFILE, STATIC_TAG, STRICT_BFD, hold};
use super::policy::{Import, ORIGINATE, Policies};
use crate::routers::Gates;
use meetme_model::intent::{BfdTimers, RouterIntent, SessionIntent, SessionPhase, TransitIntent};
use meetme_model::unit::{Unit, UnitName};
use std::net::IpAddr;

/// Seconds between connection attempts: a session comes up as soon as its link does.
const CONNECT_RETRY_S: u32 = 1;
/// Keepalive interval and hold time; BFD finds failures long before.
const TIMERS_S: (u32, u32) = (10, 30);
/// Percentage of max-prefix at which the router warns (`docs/rules.md` §4).
const MAX_PREFIX_WARN_PERCENT: u32 = 80;
/// A session closed for too many prefixes is tried again so many minutes later.
const MAX_PREFIX_RESTART_MIN: u32 = 15;
/// How often the host's ASN may stand in a path that is looked at: as often as FRR allows.
const OWN_ASN_OCCURRENCES: u8 = 10;
/// RFC 9003 shutdown communication.
const SHUTDOWN_MESSAGE: &str = "connection taken out of service by its operator";

/// Where `network` statements get the route from that lets them originate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origination {
    /// Own blackhole routes of distance 254: any real route wins, and no setting that an
    /// operator's own `network` statements share is touched.
    Statics,
    /// Without staticd: `no bgp network import-check`, which they do share.
    NoImportCheck,
}

/// Renders an intent; sessions that aren't in `gates` have their gate closed.
pub fn render(intent: &RouterIntent, gates: &Gates, origination: Origination) -> Owned {
    let mut owned = Owned { asn: Some(intent.asn.0), ..Owned::default() };
    render_lags(intent, &mut owned);
    render_origination(intent, origination, &mut owned);
    let mut policies = Policies::new(intent.asn, &mut owned);
    for session in &intent.sessions {
        render_session(intent, session, gates.contains(&session.name), &mut policies);
    }
    for transit in &intent.transits {
        render_transit(intent, transit, &mut policies);
    }
    render_ibgp(intent, &mut owned);
    render_bmp(intent, &mut owned);
    owned
}

/// Renders one unit, with the gates of its sessions open: what is taken out by
/// [`Owned::take_gates`] says what open means.
pub fn render_unit(unit: &Unit, origination: Origination) -> Owned {
    let intent = &unit.intent;
    match unit.name {
        UnitName::Backbone => render(intent, &Gates::new(), origination),
        UnitName::Connection(_) => {
            let mut owned = Owned { asn: Some(intent.asn.0), ..Owned::default() };
            render_lags(intent, &mut owned);
            let mut policies = Policies::new(intent.asn, &mut owned);
            for session in &intent.sessions {
                render_session(intent, session, true, &mut policies);
            }
            owned
        }
    }
}

fn render_lags(intent: &RouterIntent, owned: &mut Owned) {
    for lag in &intent.lags {
        let mut lines: Vec<String> = lag
            .addresses
            .iter()
            .map(|a| format!("{} address {}/{}", ip(a.address), a.address, a.prefix_len))
            .collect();
        lines.push(format!("description {}", described(&lag.description)));
        lines.sort_unstable();
        owned.blocks.insert(Key::Interface(lag.name.clone()), lines);
    }
}

fn render_origination(intent: &RouterIntent, origination: Origination, owned: &mut Owned) {
    let mut instance = vec![format!("bgp router-id {}", intent.router_id)];
    match origination {
        Origination::Statics if !intent.announced.is_empty() => {
            let mut routes: Vec<String> = intent
                .announced
                .iter()
                .map(|p| format!("{} route {p} blackhole {STATIC_TAG} 254", ip(p.addr())))
                .collect();
            routes.sort_unstable();
            owned.blocks.insert(Key::Statics, routes);
        }
        Origination::Statics => {}
        Origination::NoImportCheck => instance.push("no bgp network import-check".into()),
    }
    instance.sort_unstable();
    owned.blocks.insert(Key::Instance, instance);
    for v6 in [false, true] {
        let mut networks: Vec<String> = intent
            .announced
            .iter()
            .filter(|p| p.is_ipv4() != v6)
            .map(|p| format!("network {p} route-map {ORIGINATE}"))
            .collect();
        if !networks.is_empty() {
            networks.sort_unstable();
            owned.blocks.insert(Key::Networks(v6), networks);
        }
    }
}

fn render_session<'a>(
    intent: &'a RouterIntent,
    session: &'a SessionIntent,
    gate_open: bool,
    policies: &mut Policies<'a>,
) {
    let v6 = session.peer_address.is_ipv6();
    let draining = session.phase == SessionPhase::Draining;
    let shut = session.phase == SessionPhase::Shutdown;
    // Rendered even while the gate is closed, so that opening it is a single command.
    let import = policies.import(&session.name, &session.policy, draining);
    let export = policies.export(&intent.announced, v6, draining);
    let open = gate_open && matches!(session.phase, SessionPhase::Open | SessionPhase::Draining);
    let gate = if open { open_gate(&import, &export) } else { closed_gate(v6) };
    let profile = render_profile(session.bfd, policies.owned);
    let what = described(&format!("{} {}", session.name, session.description));
    let neighbor = [
        Some(format!("remote-as {}", session.policy.peer_asn)),
        shut.then(|| format!("shutdown message {SHUTDOWN_MESSAGE}")),
        Some(format!("description {what}")),
        session.md5_key.as_ref().map(|key| format!("password {}", key.secret.reveal())),
        // GTSM (RFC 5082).
        Some("ttl-security hops 1".to_owned()),
        Some(format!("update-source {}", session.local_address)),
        Some(ANY_FIRST_AS.to_owned()),
        Some("advertisement-interval 0".to_owned()),
        Some(timers()),
        Some(format!("timers connect {CONNECT_RETRY_S}")),
        Some("bfd".to_owned()),
        Some(format!("bfd profile {profile}")),
        session.bfd.strict.then(|| STRICT_BFD.to_owned()),
        // RFC 9234: neither side passes on what it must not, whatever its filters say.
        Some(format!("local-role {}", if session.policy.route_server { "rs-client" } else { "peer" })),
        // With BFD its forwarding is known to be gone (RFC 5882 §4.3): no stale path stays.
        Some("graceful-restart-disable".to_owned()),
    ];
    let mut family = vec![
        "activate".to_owned(),
        // One path for a prefix is all that can be judged and used.
        "disable-addpath-rx".to_owned(),
        // A path with the host's own ASN comes as far as the policy, which holds it: dropped before
        // that, it would count towards no limit and be told to BMP as a withdrawal.
        format!("allowas-in {OWN_ASN_OCCURRENCES}"),
        // Also what makes FRR 8.4 tell BMP about announcements as announcements.
        "soft-reconfiguration inbound".to_owned(),
        // Without `force`, which makes FRR 8.4 run the import policy over everything received for
        // every route that comes: what isn't used is held, and held routes count.
        format!(
            "maximum-prefix {} {MAX_PREFIX_WARN_PERCENT} restart {MAX_PREFIX_RESTART_MIN}",
            session.max_prefixes
        ),
    ];
    family.extend(gate);
    insert_neighbor(
        policies.owned,
        session.peer_address,
        v6,
        neighbor.into_iter().flatten().collect(),
        family,
    );
}

/// What opens a session's gate, in the order in which it may be said: the filter only takes away.
pub fn open_gate(import: &Import, export: &str) -> Vec<String> {
    let filter = import.first_as.as_ref().map(|list| format!("filter-list {list} in"));
    let maps = [format!("route-map {} in", import.map), format!("route-map {export} out")];
    filter.into_iter().chain(maps).collect()
}

/// What a closed gate has in place of that. The filter goes last, once nothing is used.
pub fn closed_gate(v6: bool) -> Vec<String> {
    vec![format!("route-map {} in", hold(v6)), format!("route-map {DENY} out")]
}

fn render_transit<'a>(intent: &'a RouterIntent, transit: &'a TransitIntent, policies: &mut Policies<'a>) {
    let v6 = transit.address.is_ipv6();
    let import = policies.import_transit(&transit.host_space, &transit.space, v6);
    let export = policies.export(&intent.announced, v6, false);
    let neighbor = vec![
        format!("remote-as {}", transit.asn),
        format!("description {}", described(&format!("transit {}", transit.name))),
        "advertisement-interval 0".to_owned(),
        timers(),
        format!("timers connect {CONNECT_RETRY_S}"),
    ];
    let family =
        vec!["activate".to_owned(), format!("route-map {import} in"), format!("route-map {export} out")];
    insert_neighbor(policies.owned, transit.address, v6, neighbor, family);
}

fn render_ibgp(intent: &RouterIntent, owned: &mut Owned) {
    if intent.ibgp.is_empty() {
        return;
    }
    let mut group = vec![
        "peer-group".to_owned(),
        format!("remote-as {}", intent.asn),
        format!("description {MARK} backbone"),
        format!("update-source {}", intent.loopback),
        "advertisement-interval 0".to_owned(),
        timers(),
        format!("timers connect {CONNECT_RETRY_S}"),
    ];
    group.sort_unstable();
    owned.blocks.insert(Key::PeerGroup(IBGP.into()), group);
    // FRR 10 closes a session as a whole on which IPv6 is negotiated and has no address of ours to go by.
    for v6 in [false, true].into_iter().filter(|v6| !v6 || intent.loopback_v6.is_some()) {
        // Both communities go out by default, which FRR doesn't write down.
        let family = vec!["activate".to_owned(), "next-hop-self".to_owned()];
        owned.blocks.insert(Key::Family(v6, IBGP.into()), family);
    }
    for neighbor in &intent.ibgp {
        let mut lines =
            vec![format!("peer-group {IBGP}"), format!("description {}", described(&neighbor.name))];
        if let Some(bfd) = neighbor.bfd {
            let profile = render_profile(bfd, owned);
            lines.extend(["bfd".to_owned(), format!("bfd profile {profile}")]);
        }
        lines.sort_unstable();
        owned.blocks.insert(Key::Neighbor(neighbor.address.to_string()), lines);
    }
}

fn render_bmp(intent: &RouterIntent, owned: &mut Owned) {
    if let Some(station) = intent.bmp {
        let mut lines = vec![
            "bmp monitor ipv4 unicast pre-policy".to_owned(),
            "bmp monitor ipv6 unicast pre-policy".to_owned(),
            format!("bmp connect {} port {} min-retry 1000 max-retry 2000", station.ip(), station.port()),
        ];
        lines.sort_unstable();
        owned.blocks.insert(Key::Bmp, lines);
    }
}

fn insert_neighbor(
    owned: &mut Owned,
    address: IpAddr,
    v6: bool,
    mut lines: Vec<String>,
    mut family: Vec<String>,
) {
    lines.sort_unstable();
    family.sort_unstable();
    let name = address.to_string();
    owned.blocks.insert(Key::Neighbor(name.clone()), lines);
    owned.blocks.insert(Key::Family(v6, name), family);
}

pub(super) fn render_profile(bfd: BfdTimers, owned: &mut Owned) -> String {
    let name = format!("{PROFILE}{}x{}", bfd.multiplier, bfd.interval_ms);
    owned.blocks.entry(Key::BfdProfile(name.clone())).or_insert_with(|| {
        vec![
            format!("detect-multiplier {}", bfd.multiplier),
            format!("receive-interval {}", bfd.interval_ms),
            format!("transmit-interval {}", bfd.interval_ms),
        ]
    });
    name
}

fn timers() -> String {
    format!("timers {} {}", TIMERS_S.0, TIMERS_S.1)
}

fn ip(address: IpAddr) -> &'static str {
    if address.is_ipv6() { "ipv6" } else { "ip" }
}

/// A description with the mark, in what FRR keeps unchanged: one line of printable ASCII without
/// the `|` that ends a command, words apart by one space, 80 characters at most.
fn described(text: &str) -> String {
    let mut out = MARK.to_owned();
    for word in text.split_whitespace() {
        out.push(' ');
        out.extend(word.chars().map(|c| if c.is_ascii_graphic() && c != '|' { c } else { '_' }));
    }
    out.truncate(80);
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests;
