//! What a connection has behind it, what is going on, and what is ahead (`docs/rules.md` §3).

use super::seen::Connection;
use crate::parts::faults::sentence;
use crate::parts::state::{Mood, badge, shown};
use crate::parts::time;
use maud::{Markup, html};

/// A milestone.
struct Milestone<'a> {
    title: &'static str,
    /// What is known of it.
    note: String,
    at: Option<&'a str>,
    is_done: bool,
}

/// A connection's heading: its name, state, and since when.
pub(super) fn heading(c: &Connection) -> Markup {
    html! {
        div.heading {
            h2 { "Connection " (c.tracking_id) }
            @match &c.removal {
                Some(removal) => { (shown(Mood::Moving, &format!("Being removed: {}", removal.step.to_lowercase()))) span.none { "since " (time(&removal.since)) } }
                None => { (badge(&c.connection_state)) span.none { "since " (time(&c.since)) } }
            }
        }
    }
}

/// Who is awaited, since when, and for what.
pub(super) fn awaited(c: &Connection) -> Markup {
    let (mood, who) = match c.awaited.party.as_str() {
        "peer" => (Mood::Waiting, "Your turn"),
        "operator" => (Mood::Moving, "The host's operators are awaited"),
        "host" => (Mood::Moving, "The host is at work"),
        _ => (Mood::Good, "Nobody is awaited"),
    };
    html! { p.awaited { (shown(mood, who)) span { (sentence(c.awaited.what.trim_start_matches("nothing; "))) } } }
}

/// The milestones in order, the first that isn't reached marked as the current one.
pub(super) fn timeline(c: &Connection) -> Markup {
    let all = milestones(c);
    let current = all.iter().position(|m| !m.is_done).filter(|_| c.removal.is_none());
    let failed = matches!(c.connection_state.as_str(), "ProvisioningFailed" | "ExternalBlocker");
    html! {
        ol.timeline {
            @for (i, m) in all.iter().enumerate() {
                @let (class, words) = match (m.is_done, current == Some(i), failed) {
                    (true, _, _) => ("done", "Done"),
                    (_, true, true) => ("failed", "Stopped here"),
                    (_, true, _) => ("current", "Now"),
                    _ => ("ahead", "Ahead"),
                };
                li.(class) aria-current=[(current == Some(i)).then_some("step")] {
                    span.hidden { (words) ": " }
                    span.what { (m.title) }
                    @if let Some(at) = m.at { span.when { (time(at)) } }
                    @if !m.note.is_empty() { span.note { (m.note) } }
                }
            }
        }
    }
}

/// How far the state is along its way; a failure's place is told by what the connection holds.
fn rank(c: &Connection) -> u8 {
    match c.connection_state.as_str() {
        "PendingApproval" => 0,
        "Approved" => 1,
        "ProvisioningStarted" => 2,
        "ProvisioningCompleted" => 3,
        "Validating" => 4,
        "Active" | "TypeChangeRequested" | "TypeChangeInProgress" => 5,
        _ if c.active_at.is_some() => 5,
        _ if !c.sessions.is_empty() => {
            if c.lag.up {
                3
            } else {
                2
            }
        }
        _ if c.loa.is_some() => 1,
        _ => 0,
    }
}

fn milestones(c: &Connection) -> Vec<Milestone<'_>> {
    let rank = rank(c);
    let approved = c.decision.as_ref().filter(|d| d.approved);
    let refused = c.decision.as_ref().filter(|d| !d.approved);
    let up = c.sessions.iter().filter(|s| s.is_up()).count();
    let last_up = c.sessions.iter().filter_map(|s| s.established_at.as_deref()).max();
    let members = c.lag.ports.iter().filter(|p| p.collecting && p.distributing).count();
    let addresses: Vec<String> =
        c.sessions.iter().map(|s| format!("yours {}, ours {}", s.peer_address, s.host_address)).collect();
    let loa = c.loa.as_ref().map(|l| {
        let ends = if l.expired { " (it has expired)" } else { "" };
        format!("Code {}{ends}", l.code)
    });
    let milestone =
        |title, least: u8, at, note: String| Milestone { title, note, at, is_done: rank >= least };
    let some = |is: bool, text: String| if is { text } else { String::new() };
    let reason = approved.or(refused).map(|d| sentence(&d.reason)).unwrap_or_default();
    let light = Milestone {
        title: "Light",
        note: String::new(),
        at: c.lag.light_at.as_deref(),
        is_done: rank >= 3 || c.lag.light_at.is_some(),
    };
    let lag = some(rank >= 2, format!("{members} of {} members collect and distribute", c.lag.ports.len()));
    let sessions = some(rank >= 3, format!("{up} of {} sessions up", c.sessions.len()));
    vec![
        Milestone { title: "Requested", note: String::new(), at: None, is_done: true },
        milestone("Approved", 1, approved.map(|d| d.at.as_str()), reason),
        milestone(
            "Letter of authorization issued",
            1,
            c.loa.as_ref().map(|l| l.issued_at.as_str()),
            loa.unwrap_or_default(),
        ),
        milestone("Port configured, addresses given", 2, None, addresses.join("; ")),
        light,
        milestone("LAG up", 3, None, lag),
        milestone("BFD up and BGP established", 4, last_up.filter(|_| rank >= 4), sessions),
        milestone("Routes validated, in use", 5, c.active_at.as_deref(), String::new()),
    ]
}
