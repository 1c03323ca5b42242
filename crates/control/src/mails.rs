//! What milestone mails say and look like, and handing them to the SMTP server.
//!
//! A mail is rendered once, when it is enqueued, as plain text and as HTML; sending never renders.

use crate::ControlError;
use crate::settings::MailSettings;
use crate::worker::MAIL_TIME;
use lettre::message::{Mailbox, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use meetme_model::mail::{MailIntent, Milestone};
use meetme_model::peer_asn::{Contact, ContactRole};
use std::fmt::Write;

/// A rendered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Subject line.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}

/// What happened, in a few words: the head of subject and text.
pub fn headline(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::AsnRequested => "ASN association requested",
        Milestone::AsnApproved => "ASN approved",
        Milestone::AsnRefused => "ASN refused",
        Milestone::PeeringRequested => "Connection requested",
        Milestone::ConnectionApproved => "Connection approved",
        Milestone::ConnectionRefused => "Connection refused",
        Milestone::LoaIssued => "Letter of authorization issued",
        Milestone::LoaExpiring => "Letter of authorization is about to expire",
        Milestone::LoaExpired => "Letter of authorization expired",
        Milestone::PortConfigured => "Port configured, session addresses allocated",
        Milestone::LightSeen => "Light seen on the port",
        Milestone::LagUp => "LAG is up",
        Milestone::SessionUp => "BFD and BGP are up, validating",
        Milestone::ConnectionActive => "Connection is Active",
        Milestone::ConnectionFailed => "Provisioning failed on our side",
        Milestone::ConnectionBlocked => "Your side is awaited",
        Milestone::ConnectionUnblocked => "No longer blocked",
        Milestone::PrefixVerified => "Prefix verified, prefix key issued",
        Milestone::PrefixFailed => "Prefix fails validation",
        Milestone::PrefixNormal => "Prefix is back to normal",
        Milestone::PrefixActivated => "Prefix activated for optimized routing",
        Milestone::MovedToBackup => "Traffic moved to the backup location",
        Milestone::MovedToInternet => "Traffic moved to the Internet",
        Milestone::BackOnPrimary => "Traffic is back on the primary location",
    }
}

/// Renders a mail of the network `host_name`.
pub fn render(mail: &MailIntent, host_name: &str) -> Rendered {
    let headline = headline(mail.milestone);
    let subject = format!("[{host_name} peering] {headline}: {}", mail.subject);
    let width = mail.facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut text = format!("{headline}\n{}\n\n", mail.subject);
    let mut rows = String::new();
    for (label, value) in &mail.facts {
        let _ = writeln!(text, "{label:width$}  {value}");
        let _ = write!(
            rows,
            "<tr><th align=\"left\" style=\"padding:4px 16px 4px 0;font-weight:600;color:#616161\">{}</th>\
             <td style=\"padding:4px 0\">{}</td></tr>",
            escape(label),
            escape(value)
        );
    }
    let _ = write!(text, "\n{}\n\n{host_name} peering\n", mail.next);
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <body style=\"font:14px/20px 'Segoe UI',system-ui,sans-serif;color:#242424;max-width:40em;margin:0;padding:24px\">\
         <h1 style=\"font-size:20px;line-height:28px;font-weight:600;margin:0\">{}</h1>\
         <p style=\"margin:0 0 16px;color:#616161\">{}</p><table cellspacing=\"0\">{rows}</table>\
         <p style=\"margin:16px 0 0\">{}</p><p style=\"margin:24px 0 0;color:#616161\">{} peering</p></body></html>",
        escape(headline),
        escape(&mail.subject),
        escape(&mail.next),
        escape(host_name)
    );
    Rendered { subject: one_line(&subject), text, html }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A header can't carry line breaks, whatever a name holds.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whom a milestone is written to: the contacts whose role it concerns, else the Noc; each address
/// once.
pub fn recipients(milestone: Milestone, contacts: &[Contact]) -> Vec<String> {
    let with = |roles: &[ContactRole]| {
        let mut found: Vec<String> = Vec::new();
        for contact in contacts.iter().filter(|c| roles.contains(&c.role)) {
            if !found.iter().any(|f| f.eq_ignore_ascii_case(&contact.email)) {
                found.push(contact.email.clone());
            }
        }
        found
    };
    let found = with(milestone.audience());
    if found.is_empty() { with(&[ContactRole::Noc]) } else { found }
}

/// Hands mails to the SMTP server.
pub struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
}

impl Sender {
    /// A sender for these settings.
    ///
    /// # Errors
    /// When `from` isn't an address.
    pub fn new(settings: &MailSettings) -> Result<Self, ControlError> {
        let from: Mailbox = settings.from.parse().map_err(|e| ControlError::Mail {
            reason: format!("the sender '{}' isn't an address: {e}", settings.from),
            refused: true,
        })?;
        // Plain SMTP to a relay that the operator runs; TLS comes with certificates for everything.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .build();
        let domain = from.email.domain().to_owned();
        Ok(Self { transport, from, domain })
    }

    /// Hands one mail over. `id` makes its Message-ID, so that a mail sent again after a crash is
    /// recognised as the same.
    ///
    /// # Errors
    /// What the server said.
    pub async fn send(&self, id: i64, to: &[String], rendered: &Rendered) -> Result<(), ControlError> {
        let refused = |e: &dyn std::fmt::Display| ControlError::Mail { reason: e.to_string(), refused: true };
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(&rendered.subject)
            .message_id(Some(format!("<meetme.{id}@{}>", self.domain)));
        for address in to {
            message =
                message.to(address.parse().map_err(|e| refused(&format!("recipient '{address}': {e}")))?);
        }
        let message = message
            .multipart(MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone()))
            .map_err(|e| refused(&e))?;
        let limit = MAIL_TIME.unsigned_abs();
        match tokio::time::timeout(limit, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => Err(ControlError::Mail { reason: e.to_string(), refused: e.is_permanent() }),
            Err(_) => Err(ControlError::Mail {
                reason: format!("the mail server took longer than {} s", limit.as_secs()),
                refused: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent() -> MailIntent {
        MailIntent {
            key: "k".into(),
            milestone: Milestone::LagUp,
            subject: "contoso\r\nBcc: x@y, connection 1".into(),
            facts: vec![
                ("Peering".into(), "<b>contoso</b> & co".into()),
                ("Bandwidth".into(), "20000 Mbps".into()),
            ],
            next: "Configure BGP.".into(),
        }
    }

    #[test]
    fn a_mail_says_what_happened_to_what_and_what_comes_next() {
        let mail = render(&intent(), "Example Cloud");
        assert!(mail.subject.starts_with("[Example Cloud peering] LAG is up: contoso"));
        assert!(!mail.subject.contains(['\r', '\n']), "no header can be smuggled in");
        assert!(mail.text.contains("Bandwidth  20000 Mbps") && mail.text.contains("Configure BGP."));
        assert!(mail.html.contains("&lt;b&gt;contoso&lt;/b&gt; &amp; co"), "{}", mail.html);
    }

    #[test]
    fn roles_decide_who_is_written_to_and_the_noc_is_the_fallback() {
        let contact = |role, email: &str| Contact { role, email: email.into(), phone: String::new() };
        let contacts = [
            contact(ContactRole::Noc, "noc@contoso.example"),
            contact(ContactRole::Technical, "NOC@contoso.example"),
            contact(ContactRole::Service, "desk@contoso.example"),
        ];
        assert_eq!(recipients(Milestone::LagUp, &contacts), ["noc@contoso.example"]);
        assert_eq!(
            recipients(Milestone::PrefixVerified, &contacts),
            ["noc@contoso.example", "desk@contoso.example"]
        );
        assert_eq!(recipients(Milestone::PrefixVerified, &contacts[..1]), ["noc@contoso.example"]);
    }
}
