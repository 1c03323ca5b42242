//! One person: what they may do, and their open sessions.

use super::super::host;
use super::{open_invitations, path, reach, role, shown_name, state};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::form::form;
use crate::parts::state::shown;
use crate::parts::{command, facts, live, time};
use crate::session::{Context, now};
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use meetme_store::{Person, Session, person_by_id, sessions_of};

/// Shows a person.
pub(crate) async fn show(context: Context, Path(person): Path<i64>) -> Result<Response, PageError> {
    host(&context)?;
    let (person, sessions) = {
        let mut db = context.state.store.read().await?;
        let person = person_by_id(&mut db, person).await?.ok_or(PageError::NotFound)?;
        let sessions = sessions_of(&mut db, person.id, now()).await?;
        (person, sessions)
    };
    let invited_until = open_invitations(&context).await?.get(&person.id).copied();
    let own = person.id == context.viewer.person.id;
    let content = html! {
        (live("person", &path(&person), html! {
            section.card { h2 { "Person" } (about(&person, invited_until)) }
            section.card { h2 { "Open sessions" } (opened(&sessions)) }
        }))
        @if context.viewer.is_operator() { section.card { h2 { "Change" } (changes(&context, &person, own, invited_until.is_some())) } }
    };
    let mut page = Page::new(&context.viewer, "/operate/people", shown_name(&person), content);
    let refused = (!context.viewer.is_operator()).then_some("Operators change people.");
    page.commands = command(&format!("{}/edit", path(&person)), "Edit", refused);
    page.kind = "Person";
    page.trail = &[("People", "/operate/people")];
    Ok(page.into_response())
}

fn about(person: &Person, invited_until: Option<Timestamp>) -> Markup {
    let (mood, state) = state(person, invited_until.is_some());
    let until = invited_until.map_or_else(String::new, |at| at.to_string());
    facts(&[
        ("State", shown(mood, state)),
        ("E-mail address", super::super::or_none(&person.email)),
        ("Role", html! { (role(person.role)) }),
        ("Reaches", html! { (reach(person)) }),
        ("Invited first", time(&person.created_at.to_string())),
        ("Invitation ends", time(&until)),
    ])
}

fn opened(sessions: &[Session]) -> Markup {
    html! {
        @if sessions.is_empty() { p.nothing { "None." } }
        @for session in sessions {
            div.session {
                (facts(&[
                    ("Browser", html! { (session.agent) }),
                    ("Signed in", time(&session.created_at.to_string())),
                    ("Last used", time(&session.seen_at.to_string())),
                ]))
            }
        }
    }
}

fn changes(context: &Context, person: &Person, own: bool, invited: bool) -> Markup {
    let button = |to: &str, words: &str, class: Option<&str>| {
        let content = html! { button class=[class] type="submit" { (words) } };
        form(&context.viewer, &format!("{}/{to}", path(person)), content)
    };
    html! {
        @if own {
            p.remark { "This is you. Another operator can disable you; your password and sessions are in your " a href="/account" { "account" } "." }
        } @else {
            div.actions {
                @if person.disabled { (button("enable", "Enable", None)) }
                @else {
                    (button("invite", "Invite again", None))
                    @if invited { (button("withdraw", "Withdraw the invitation", None)) }
                    (button("end-sessions", "End all sessions", None))
                    (button("disable", "Disable", Some("danger")))
                }
            }
            @if !person.disabled && person.password_hash.is_some() {
                p.remark { "Invited again, the person chooses a new password by the link; until then the old one counts." }
            }
        }
    }
}
