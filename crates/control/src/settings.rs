//! What an operator sets for the reconcilers.

use meetme_model::plan::Timing;
use meetme_model::plan::approval::ApprovalPolicy;

/// Settings of the control plane.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which decisions need no operator.
    pub policy: ApprovalPolicy,
    /// How long is waited for what.
    pub timing: Timing,
    /// How mail leaves; `None`: mails are kept, unsent, and shown as such.
    pub mail: Option<MailSettings>,
}

/// Where mail is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// SMTP server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Sender, such as `Example Cloud Peering <peering@example.net>`.
    pub from: String,
}
