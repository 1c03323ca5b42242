//! An invitation: its link, shown once to the operator, and mailed when mails are sent.

use super::path;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::{copyable, message, time};
use crate::session::{Context, INVITED};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, html};
use meetme_store::{NewMail, Person, Tx, mail_enqueue};

/// What the API knows such a mail by: it doesn't show its text, which has the link.
const MILESTONE: &str = "Invitation";

/// Somebody who was just invited.
pub(super) struct Invited {
    /// The person.
    pub person: Person,
    /// When.
    at: Timestamp,
    /// The whole address to open.
    link: String,
}

impl Invited {
    /// With the link as this portal is reached.
    pub fn new(context: &Context, headers: &HeaderMap, person: Person, token: &str, at: Timestamp) -> Self {
        let link = format!("{}/invitation/{token}", base(context, headers));
        Self { person, at, link }
    }
}

/// Where the portal is: as configured, or as the operator's browser says, which sent this form from it.
fn base(context: &Context, headers: &HeaderMap) -> String {
    if let Some(url) = &context.state.external_url {
        return url.trim_end_matches('/').to_owned();
    }
    let value = |name| headers.get(name).and_then(|v| v.to_str().ok());
    match (value(header::ORIGIN).filter(|o| o.starts_with("http")), value(header::HOST)) {
        (Some(origin), _) => origin.to_owned(),
        (None, Some(host)) => format!("https://{host}"),
        (None, None) => String::new(),
    }
}

/// The network's name, for the mail.
pub(super) async fn network(context: &Context) -> Result<String, PageError> {
    let inventory = context.api.get("/api/v1/inventory").await?;
    Ok(inventory["inventory"]["host"]["name"].as_str().unwrap_or("Meetme").to_owned())
}

/// Mails the link, when mails are sent at all; whether it does.
pub(super) async fn mail(
    tx: &mut Tx,
    context: &Context,
    invited: &Invited,
    network: &str,
) -> Result<bool, PageError> {
    if !context.state.sends_mail || invited.person.email.is_empty() {
        return Ok(false);
    }
    let (name, link) = (&invited.person.name, &invited.link);
    let until = (invited.at + INVITED).to_string();
    let by = &context.viewer.person.name;
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            body {
                p { "Hello " (name) "," }
                p { (by) " invites you to the peering portal of " (network) "." }
                p { a href=(link) { "Choose a password" } }
                p { "The link can be used once, until " (until) "." }
            }
        }
    };
    let mail = NewMail {
        key: format!("invitation/{}/{}", invited.person.id, invited.at.as_millisecond()),
        milestone: MILESTONE.into(),
        subscription: None,
        resource_id: path(&invited.person),
        recipients: vec![invited.person.email.clone()],
        subject: format!("[{network} peering] Your invitation"),
        text: format!(
            "Hello {name},\n\n{by} invites you to the peering portal of {network}. Choose a password:\n\n{link}\n\nThe link can be used once, until {until}.\n"
        ),
        html: html.into_string(),
    };
    Ok(mail_enqueue(tx, &mail, invited.at).await?)
}

/// Shows the link, for the one time that it is known.
pub(super) fn invitation_page(context: &Context, invited: &Invited, mailed: bool) -> Response {
    let until = (invited.at + INVITED).to_string();
    let content = html! {
        (message("success", html! {
            p { (invited.person.name) " is invited." @if mailed { " The link is being mailed to " (invited.person.email) "." } }
        }))
        section.card {
            h2 { "Link" }
            p { (copyable(&invited.link)) }
            p.remark {
                @if mailed { "You can hand it over yourself, too. " } @else { "No mail is sent from here: hand it over yourself. " }
                "It isn't shown again, can be used once, and ends " (time(&until)) "."
            }
        }
        div.actions { a.button href=(path(&invited.person)) { "Done" } }
    };
    let mut page = Page::new(&context.viewer, "/operate/people", "Invitation", content);
    page.trail = &[("People", "/operate/people")];
    page.into_response()
}
