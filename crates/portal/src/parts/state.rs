//! States by colour, shape and word: never by colour alone. A session's states have functions of their
//! own, so that none is taken for a connection's of the same name.

use maud::{Markup, html};
use meetme_model::link::{BfdSessionState, BgpState};

/// How a state is felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    Good,
    /// On its way.
    Moving,
    /// Somebody has to do something.
    Waiting,
    /// Not as it should be.
    Bad,
    /// Nothing to say.
    Quiet,
}

impl Mood {
    /// Its class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

/// How the wire name of a resource's state is felt. Sessions': [`bgp`], [`bfd`].
pub(crate) fn mood(state: &str) -> Mood {
    match state {
        "Active" | "Approved" | "Verified" | "Succeeded" | "Enabled" => Mood::Good,
        "ProvisioningStarted"
        | "ProvisioningCompleted"
        | "Validating"
        | "TypeChangeInProgress"
        | "Updating"
        | "Deleting"
        | "PendingAdd"
        | "PendingUpdate"
        | "PendingRemove" => Mood::Moving,
        "Pending" | "PendingApproval" | "Drifted" | "TypeChangeRequested" | "Warning" | "ExternalBlocker" => {
            Mood::Waiting
        }
        "Failed" | "Invalid" | "Overdue" | "ProvisioningFailed" | "Down" | "Unknown" => Mood::Bad,
        _ => Mood::Quiet,
    }
}

/// A session's BGP state (RFC 4271 §8.2.2), `None` before its router has told one: how it is felt, and
/// its words. In Connect and Active the router tries, and gets no answer.
pub(crate) fn bgp(state: Option<BgpState>) -> (Mood, &'static str) {
    match state {
        None => (Mood::Quiet, "not seen yet"),
        Some(BgpState::Idle) => (Mood::Bad, "Idle"),
        Some(BgpState::Connect) => (Mood::Bad, "Connect (trying)"),
        Some(BgpState::Active) => (Mood::Bad, "Active (trying)"),
        Some(BgpState::OpenSent) => (Mood::Moving, "OpenSent"),
        Some(BgpState::OpenConfirm) => (Mood::Moving, "OpenConfirm"),
        Some(BgpState::Established) => (Mood::Good, "Established"),
    }
}

/// A session's BFD state (RFC 5880 §6.2), `None` before its router has told one: how it is felt, and its
/// words.
pub(crate) fn bfd(state: Option<BfdSessionState>) -> (Mood, &'static str) {
    match state {
        None => (Mood::Quiet, "not seen yet"),
        Some(BfdSessionState::AdminDown) => (Mood::Waiting, "AdminDown (held down)"),
        Some(BfdSessionState::Down) => (Mood::Bad, "Down"),
        Some(BfdSessionState::Init) => (Mood::Moving, "Init"),
        Some(BfdSessionState::Up) => (Mood::Good, "Up"),
    }
}

/// A state as a badge.
pub(crate) fn badge(state: &str) -> Markup {
    shown(mood(state), &spaced(state))
}

/// Words as a badge.
pub(crate) fn shown(mood: Mood, words: &str) -> Markup {
    html! { span.badge.(mood.class()) { (words) } }
}

/// `PendingApproval` as `Pending approval`.
pub(crate) fn spaced(state: &str) -> String {
    let mut out = String::new();
    for (i, c) in state.chars().enumerate() {
        if i > 0 && c.is_ascii_uppercase() && state.len() > 3 {
            out.push(' ');
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_for_people() {
        assert_eq!(spaced("PendingApproval"), "Pending approval");
        assert_eq!(spaced("Active"), "Active");
        assert!(badge("Active").into_string().contains("good"));
        assert_eq!(mood("anything new"), Mood::Quiet);
    }

    #[test]
    fn each_state_of_a_session_has_its_own_tone_and_only_the_last_is_good() {
        use BfdSessionState as Bfd;
        use BgpState as Bgp;
        for (state, told) in [
            (None, (Mood::Quiet, "not seen yet")),
            (Some(Bgp::Idle), (Mood::Bad, "Idle")),
            (Some(Bgp::Connect), (Mood::Bad, "Connect (trying)")),
            (Some(Bgp::Active), (Mood::Bad, "Active (trying)")),
            (Some(Bgp::OpenSent), (Mood::Moving, "OpenSent")),
            (Some(Bgp::OpenConfirm), (Mood::Moving, "OpenConfirm")),
            (Some(Bgp::Established), (Mood::Good, "Established")),
        ] {
            assert_eq!(bgp(state), told);
        }
        for (state, told) in [
            (None, (Mood::Quiet, "not seen yet")),
            (Some(Bfd::AdminDown), (Mood::Waiting, "AdminDown (held down)")),
            (Some(Bfd::Down), (Mood::Bad, "Down")),
            (Some(Bfd::Init), (Mood::Moving, "Init")),
            (Some(Bfd::Up), (Mood::Good, "Up")),
        ] {
            assert_eq!(bfd(state), told);
        }
    }
}
