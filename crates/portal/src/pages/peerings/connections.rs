//! A peering's connections: ports, letter, addresses, sessions, last errors. Live.

use super::at::At;
use super::frame::{command, may_write, tab};
use super::seen::{Connection, Lag, Routes, Seen, Session, connections, gbps};
use super::timeline::{awaited, heading};
use crate::error::PageError;
use crate::parts::faults::sentence;
use crate::parts::state::{Mood, bfd, bgp, shown};
use crate::parts::{copyable, empty, facts, live, message, time};
use crate::session::Context;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use meetme_model::link::BgpState;

const PATH: &str = "/connections";

/// Shows the tab.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    let seen = Seen::of(&context, &at).await?;
    let all = connections(&context, &at).await?;
    let may = may_write(&context).and_then(|()| match seen.is_deleting() {
        true => Err("The peering is being taken away."),
        false => Ok(()),
    });
    let content = html! {
        @if all.is_empty() { (empty("No connections", "All connections were taken away.", html! {})) }
        @for c in &all { (card(&at, c, may)) }
    };
    let commands = html! {
        a.button href=(at.page("/json?of=connections")) { "JSON view" }
        (command(may, &at.page("/connections/add"), "primary", "Add connection"))
    };
    Ok(tab(&context, &at, PATH, commands, live("connections", &at.page(PATH), content)))
}

fn card(at: &At, c: &Connection, may: Result<(), &'static str>) -> Markup {
    let may = if c.removal.is_some() { may.and(Err("It is being removed.")) } else { may };
    let own = at.page(&format!("{PATH}/{}", c.connection_identifier));
    html! {
        section.card {
            (heading(c))
            (awaited(c))
            @if let Some(error) = &c.error_message { (message("warning", html! { (crate::parts::faults::sentence(error)) })) }
            (facts(&rows(c)))
            (ports(&c.lag))
            @if !c.sessions.is_empty() { (sessions(&c.tracking_id, &c.sessions)) }
            div.actions {
                (command(may, &own, "", "Change"))
                (command(may, &format!("{own}/remove"), "danger", "Remove"))
            }
        }
    }
}

fn rows(c: &Connection) -> Vec<(&'static str, Markup)> {
    let router = c.router.as_ref();
    let place = router.and_then(|r| r.address.as_deref().or(r.site.as_deref()));
    let lag = match (c.lag.up, c.lag.light) {
        (true, _) => shown(Mood::Good, "up"),
        (false, true) => shown(Mood::Waiting, "light, not up"),
        (false, false) => shown(Mood::Quiet, "no light"),
    };
    let mut rows = vec![
        ("Bandwidth", html! { (gbps(c.bandwidth_in_mbps)) }),
        (
            "Our router",
            html! {
                @if let Some(r) = router { (r.name) @if r.reachable == Some(false) { " " (shown(Mood::Bad, "can't be reached")) } }
                @else { span.none { "Chosen once approved" } }
            },
        ),
        ("Place", html! { @if let Some(place) = place { (place) } @else { span.none { "–" } } }),
        (
            "Letter of authorization",
            html! {
                @if let Some(loa) = &c.loa {
                    (copyable(&loa.code)) " "
                    @if loa.expired { (shown(Mood::Bad, "expired")) } @else { "until " (time(&loa.expires_at)) }
                } @else { span.none { "Issued once approved" } }
            },
        ),
        ("LAG", html! { (c.lag.name) " " (lag) }),
    ];
    if let Some(at) = &c.active_at {
        rows.push(("Active since", time(at)));
    }
    rows.push(("Identifier", copyable(&c.connection_identifier)));
    rows
}

fn ports(lag: &Lag) -> Markup {
    let yes = |is: bool| if is { shown(Mood::Good, "yes") } else { shown(Mood::Bad, "no") };
    html! {
        @if !lag.ports.is_empty() {
            h3 { "Members of the LAG" }
            div.scroll tabindex="0" role="region" aria-label=(format!("Members of {}", lag.name)) {
                table {
                    thead { tr { @for title in ["Port", "Patch panel", "Speed", "Light", "Collecting", "Distributing"] { th scope="col" { (title) } } } }
                    tbody { @for p in &lag.ports { tr {
                        td data-title="Port" { (p.name) }
                        td data-title="Patch panel" { @if let Some(panel) = &p.panel { (copyable(panel)) } @else { span.none { "–" } } }
                        td data-title="Speed" { (gbps(p.speed_mbps)) }
                        td data-title="Light" { (yes(p.light)) }
                        td data-title="Collecting" { (yes(p.collecting)) }
                        td data-title="Distributing" { (yes(p.distributing)) }
                    } } }
                }
            }
        }
    }
}

fn sessions(of: &str, all: &[Session]) -> Markup {
    html! {
        h3 { "Sessions" }
        div.scroll tabindex="0" role="region" aria-label=(format!("Sessions of {of}")) {
            table {
                thead { tr { @for title in ["Your address", "Our address", "BGP", "BFD", "Routes", "Why it is down"] { th scope="col" { (title) } } } }
                tbody { @for s in all { tr {
                    td data-title="Your address" { (copyable(&with_length(&s.peer_address, &s.session_prefix))) }
                    td data-title="Our address" { (copyable(&s.host_address)) }
                    td data-title="BGP" {
                        @let (mood, words) = bgp(s.bgp);
                        (shown(mood, words))
                        @if let Some(at) = &s.established_at { div.none { "since " (time(at)) } }
                        @if s.flaps > 0 { div.none { "went down " (s.flaps) "×" } }
                        @if let Some(id) = &s.peer_router_id { div.none { "your router id " (id) } }
                    }
                    td data-title="BFD" {
                        @let (mood, words) = bfd(s.bfd());
                        (shown(mood, words))
                        @if let Some(ms) = s.bfd_detection_ms { div.none { "detects within " (ms) " ms" } }
                    }
                    td data-title="Routes" {
                        @if let Some(routes) = &s.routes { (self::routes(routes)) } @else { span.none { "None yet" } }
                        @if s.bgp == Some(BgpState::Established) && !s.gate_open { div.none { "Held: no route passes yet" } }
                        div.none { "Set your maximum of prefixes from us to " (s.advised_max_prefixes) }
                    }
                    td data-title="Why it is down" {
                        @if let Some(error) = &s.last_error { (sentence(error)) } @else { span.none { "It isn't" } }
                        @if let Some(at) = &s.last_error_at { div.none { "last " (time(at)) } }
                    }
                } } }
            }
        }
    }
}

fn routes(routes: &Routes) -> Markup {
    html! {
        div { (routes.used) " used of " (routes.received) " received" }
        @if let Some(error) = &routes.error { div.none { (error) } }
        @else if !routes.synced { div.none { "Still being read, as of " (time(&routes.at)) } }
        @for fault in &routes.faults {
            div { (crate::parts::state::spaced(&fault.code)) ": " (fault.count)
                @if !fault.examples.is_empty() { span.none { " (" (fault.examples.join(", ")) ")" } } }
        }
    }
}

/// An address with the length of its subnet, as it is configured.
fn with_length(address: &str, prefix: &str) -> String {
    prefix.split_once('/').map_or_else(|| address.to_owned(), |(_, length)| format!("{address}/{length}"))
}
