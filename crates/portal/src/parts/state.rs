//! States by colour, shape and word: never by colour alone.

use maud::{Markup, html};

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

/// How a state's wire name is felt, wherever it comes from.
pub(crate) fn mood(state: &str) -> Mood {
    match state {
        "Active" | "Approved" | "Verified" | "Succeeded" | "Established" | "Up" | "Enabled" => Mood::Good,
        "ProvisioningStarted"
        | "ProvisioningCompleted"
        | "Validating"
        | "TypeChangeInProgress"
        | "Updating"
        | "Deleting"
        | "PendingAdd"
        | "PendingUpdate"
        | "PendingRemove"
        | "OpenSent"
        | "OpenConfirm"
        | "OpenReceived" => Mood::Moving,
        "Pending" | "PendingApproval" | "Drifted" | "TypeChangeRequested" | "Warning" | "ExternalBlocker" => {
            Mood::Waiting
        }
        "Failed" | "Invalid" | "Overdue" | "ProvisioningFailed" | "Idle" | "Connect" | "Down" | "Unknown" => {
            Mood::Bad
        }
        _ => Mood::Quiet,
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
}
