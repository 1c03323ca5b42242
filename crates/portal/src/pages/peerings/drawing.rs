//! A peering drawn: routers of the peer, members of the LAGs, our routers. State is told by colour,
//! shape and line, traffic by bars and numbers where it was measured; what is drawn stands in words
//! below it, too. Made from numbers and escaped text only.

use super::seen::{Connection, Port, Session};
use super::traffic::Traffic;
use crate::pages::peering_parts::chart::amount;
use crate::parts::state::{Mood, bfd, bgp};
use maud::{Markup, html};
use std::collections::HashMap;

const WIDTH: usize = 760;
const BOX: usize = 190;
/// Height of a LAG member, and of a session.
const LINE: usize = 30;
const MARGIN: usize = 16;

/// Height of the bars of traffic with their words.
const FLOW: usize = 30;
/// Traffic is told in this.
const UNIT: &str = "BitsPerSecond";

/// The drawing of all connections, with the traffic of those whose was measured.
pub(super) fn drawing(connections: &[Connection], traffic: &HashMap<String, Traffic>) -> Markup {
    let of = |c: &Connection| {
        let found = traffic.get(&c.connection_identifier.to_lowercase()).copied();
        found.filter(|t| t.to_host.is_some() || t.to_peer.is_some())
    };
    let heights: Vec<usize> = connections.iter().map(|c| height(c, of(c).is_some())).collect();
    let total = heights.iter().sum::<usize>() + MARGIN * (connections.len() + 1);
    let mut top = MARGIN;
    let placed: Vec<(usize, &Connection)> = connections
        .iter()
        .zip(&heights)
        .map(|(c, height)| {
            let own = top;
            top += height + MARGIN;
            (own, c)
        })
        .collect();
    html! {
        div.scroll.drawing tabindex="0" role="region" aria-label="Drawing of the interconnects" {
            svg viewBox=(format!("0 0 {WIDTH} {total}")) role="img" aria-label=(described(connections, of)) {
                @for (top, c) in placed { (connection(top, c, of(c))) }
            }
        }
    }
}

fn height(c: &Connection, flows: bool) -> usize {
    (c.lag.ports.len().max(1) + c.sessions.len()) * LINE + 24 + if flows { FLOW } else { 0 }
}

/// The drawing in words.
fn described(connections: &[Connection], traffic: impl Fn(&Connection) -> Option<Traffic>) -> String {
    let one = |c: &Connection| {
        let router = c.router.as_ref().map_or("a router not chosen yet", |r| r.name.as_str());
        let up = c.lag.ports.iter().filter(|p| p.collecting && p.distributing).count();
        let sessions = c.sessions.iter().filter(|s| s.is_up()).count();
        let flow = |words: &str, rate: Option<f64>| {
            rate.map_or(String::new(), |rate| format!(", {words} {}", amount(rate, UNIT)))
        };
        let traffic = traffic(c).unwrap_or_default();
        format!(
            "{} to {router}: {up} of {} members up, {sessions} of {} sessions up{}{}",
            c.tracking_id,
            c.lag.ports.len(),
            c.sessions.len(),
            flow("to us", traffic.to_host),
            flow("to you", traffic.to_peer)
        )
    };
    connections.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn connection(top: usize, c: &Connection, traffic: Option<Traffic>) -> Markup {
    let height = height(c, traffic.is_some());
    let lines_top = top + 24 + if traffic.is_some() { FLOW } else { 0 };
    let peer_id = c.sessions.iter().find_map(|s| s.peer_router_id.as_deref());
    let router = c.router.as_ref();
    let lines = c.lag.ports.len().max(1);
    let (left, right) = (BOX, WIDTH - BOX);
    let reachable = router.is_none_or(|r| r.reachable != Some(false));
    html! {
        g {
            (node(0, top, height, "Your router", peer_id.unwrap_or("not seen yet"), "", true))
            (node(right, top, height, router.map_or("Our router", |r| &r.name),
                router.map_or("chosen once approved", |r| r.site.as_deref().unwrap_or("")),
                if reachable { "" } else { "can't be reached" }, reachable && router.is_some()))
            text.caption x=((left + right) / 2) y=(top + 14) text-anchor="middle" { (c.tracking_id) " · " (crate::parts::state::spaced(c.state())) }
            @if let Some(traffic) = traffic { (flows(left, right, top + 24, traffic, c)) }
            @if c.lag.ports.is_empty() {
                (line(left, right, lines_top + LINE / 2, Mood::Quiet, "no ports yet", ""))
            }
            @for (i, port) in c.lag.ports.iter().enumerate() {
                (member(left, right, lines_top + i * LINE + LINE / 2, port))
            }
            @for (i, s) in c.sessions.iter().enumerate() {
                (session(left, right, lines_top + (lines + i) * LINE + LINE / 2, s))
            }
        }
    }
}

/// Traffic in both directions, each as a share of what the LAG carries.
fn flows(left: usize, right: usize, y: usize, traffic: Traffic, c: &Connection) -> Markup {
    let members: u32 = c.lag.ports.iter().map(|p| p.speed_mbps).sum();
    let capacity = f64::from(if members > 0 { members } else { c.bandwidth_in_mbps }).max(1.0) * 1e6;
    let width = (right - left) / 2 - 24;
    let flow = |x: usize, words: &str, rate: f64| {
        let share = (rate / capacity).clamp(0.0, 1.0);
        html! {
            text.flow x=(x) y=(y + 12) { (words) " " (amount(rate, UNIT)) }
            rect.track x=(x) y=(y + 18) width=(width) height="6" rx="3" {}
            rect.share x=(x) y=(y + 18) width=(format!("{:.1}", share * width as f64)) height="6" rx="3" {}
        }
    };
    html! {
        g.flows {
            title { "The mean of the last minute measured, of " (amount(capacity, UNIT)) }
            @if let Some(rate) = traffic.to_host { (flow(left + 12, "→ to us", rate)) }
            @if let Some(rate) = traffic.to_peer { (flow((left + right) / 2 + 12, "← to you", rate)) }
        }
    }
}

/// A router with up to three lines of text.
fn node(x: usize, y: usize, height: usize, title: &str, second: &str, third: &str, known: bool) -> Markup {
    html! {
        rect.node.unknown[!known] x=(x + 1) y=(y) width=(BOX - 2) height=(height) rx="6" {}
        text.title x=(x + 12) y=(y + 24) { (short(title, 24)) }
        text.detail x=(x + 12) y=(y + 42) { (short(second, 28)) }
        text.detail.bad x=(x + 12) y=(y + 60) { (third) }
    }
}

fn member(left: usize, right: usize, y: usize, port: &Port) -> Markup {
    let (mood, state) = match (port.light, port.collecting && port.distributing) {
        (_, true) => (Mood::Good, "up"),
        (true, false) => (Mood::Waiting, "light, no LACP"),
        (false, false) => (Mood::Bad, "no light"),
    };
    line(left, right, y, mood, state, &port.name)
}

fn session(left: usize, right: usize, y: usize, s: &Session) -> Markup {
    let (bgp, bfd) = (bgp(s.bgp), bfd(s.bfd()));
    let mood = match (s.is_up(), bgp.0) {
        (true, _) => Mood::Good,
        // Established without BFD: nothing passes.
        (false, Mood::Good) => Mood::Waiting,
        (false, Mood::Quiet) => Mood::Quiet,
        _ => Mood::Bad,
    };
    let state = format!("BGP {}, BFD {}", bgp.1, bfd.1);
    html! {
        (line(left, right, y, mood, &state, ""))
        text.address x=(left + 6) y=(y - 5) { (s.peer_address) }
        text.address x=(right - 6) y=(y - 5) text-anchor="end" { (s.host_address) }
    }
}

/// A line with the state's shape and words in its middle.
fn line(left: usize, right: usize, y: usize, mood: Mood, words: &str, port: &str) -> Markup {
    let (class, middle) = (mood.class(), (left + right) / 2 - 60);
    html! {
        g.link.(class) {
            line x1=(left) y1=(y) x2=(right) y2=(y) {}
            @match mood {
                Mood::Good => circle cx=(middle) cy=(y) r="5" {},
                Mood::Waiting => path d=(format!("M{} {}l6 11h-12z", middle, y - 6)) {},
                Mood::Bad => path d=(format!("M{} {}l6 6-6 6-6-6z", middle, y - 6)) {},
                Mood::Moving | Mood::Quiet => circle.open cx=(middle) cy=(y) r="5" {},
            }
            text.state x=(middle + 10) y=(y - 5) { (words) }
            @if !port.is_empty() { text.address x=(right - 6) y=(y - 5) text-anchor="end" { (short(port, 16)) } }
        }
    }
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
