//! What a connection has behind it, what is going on, and what is ahead (`docs/rules.md` §3).

use super::seen::Connection;
use crate::parts::faults::sentence;
use crate::parts::state::{Mood, badge, shown};
use crate::parts::time;
use maud::{Markup, html};

/// A milestone.
struct Milestone {
    title: &'static str,
    /// What is known of it.
    note: String,
    at: Option<String>,
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
    let since = c.removal.as_ref().map_or(&c.since, |removal| &removal.since);
    html! {
        p.awaited {
            (shown(mood, who))
            @if c.awaited.party != "nobody" { span.none { "since " (time(since)) } }
            span { (sentence(c.awaited.what.trim_start_matches("nothing; "))) }
        }
    }
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
                    @if let Some(at) = &m.at { span.when { (time(at)) } }
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

fn milestones(c: &Connection) -> Vec<Milestone> {
    let (rank, at) = (rank(c), &c.milestones);
    let decided = c.decision.as_ref().map(|d| sentence(&d.reason));
    let up = c.sessions.iter().filter(|s| s.is_up()).count();
    let members = c.lag.ports.iter().filter(|p| p.collecting && p.distributing).count();
    let addresses: Vec<String> =
        c.sessions.iter().map(|s| format!("yours {}, ours {}", s.peer_address, s.host_address)).collect();
    let loa = c.loa.as_ref().map(|l| {
        let ends = if l.expired { " (it has expired)" } else { "" };
        format!("Code {}{ends}", l.code)
    });
    let lag = format!("{members} of {} members collect and distribute", c.lag.ports.len());
    let sessions = format!("{up} of {} sessions up", c.sessions.len());
    let from = |least: u8, text: String| if rank >= least { text } else { String::new() };
    let steps: [(&str, u8, &Option<String>, String); 8] = [
        ("Requested", 0, &at.requested_at, String::new()),
        ("Approved", 1, &at.approved_at, decided.unwrap_or_default()),
        ("Letter of authorization issued", 1, &at.loa_issued_at, loa.unwrap_or_default()),
        ("Port configured, addresses given", 2, &at.port_configured_at, addresses.join("; ")),
        ("Light seen", 3, &at.light_at, String::new()),
        ("LAG up", 3, &at.lag_up_at, from(2, lag)),
        ("BFD up, BGP established", 4, &at.sessions_up_at, from(3, sessions)),
        ("Routes validated, Active", 5, &at.active_at, String::new()),
    ];
    let milestone = |(title, least, at, note): (&'static str, u8, &'_ Option<String>, String)| Milestone {
        title,
        note,
        // Light may be seen long before the LAG is up; all else happens with its state.
        is_done: rank >= least || (title == "Light seen" && at.is_some()),
        at: at.clone(),
    };
    steps.into_iter().map(milestone).collect()
}
