//! Inviting somebody.

use super::super::host;
use super::letter::{Invited, invitation_page, mail};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form};
use crate::parts::typed::Typed;
use crate::session::{Context, INVITED, now};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use maud::html;
use meetme_store::{Person, Role, audit_add, invitation_add, person_insert};
use serde_json::json;

/// Subscriptions of one person, at most.
const SUBSCRIPTIONS: usize = 100;

/// Shows the form.
pub(crate) async fn show(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    if !context.viewer.is_operator() {
        return Err(PageError::NotAllowed);
    }
    Ok(page(&context, &Typed::default(), &Faults::default()))
}

/// Invites.
pub(crate) async fn invite(
    context: Context,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    host(&context)?;
    context.check_form(&headers, typed.csrf())?;
    if !context.viewer.is_operator() {
        return Err(PageError::NotAllowed);
    }
    let (new, mut faults) = read(&typed);
    if !faults.none() {
        return Ok(page(&context, &typed, &faults));
    }
    let network = super::letter::network(&context).await?;
    let at = now();
    let mut tx = context.state.store.begin().await?;
    let person = match person_insert(&mut tx, &new).await {
        Ok(person) => person,
        Err(e) if matches!(e.conflict(), Some(meetme_store::Conflict::PersonKnown { .. })) => {
            faults.add("email", "somebody with this address is invited already; see People");
            return Ok(page(&context, &typed, &faults));
        }
        Err(e) => return Err(e.into()),
    };
    let token = invitation_add(&mut tx, person.id, at + INVITED).await?;
    let invited = Invited::new(&context, &headers, person, &token, at);
    let mailed = mail(&mut tx, &context, &invited, &network).await?;
    let detail = json!({
        "email": invited.person.email,
        "role": invited.person.role.name(),
        "subscriptions": invited.person.subscriptions,
    });
    let resource = format!("people/{}", invited.person.id);
    audit_add(&mut tx, at, &context.viewer.person.email, "people/invite", &resource, detail).await?;
    tx.commit().await?;
    Ok(invitation_page(&context, &invited, mailed))
}

/// The person that was typed, with what is wrong.
fn read(typed: &Typed) -> (Person, Faults) {
    let mut faults = Faults::default();
    let (name, email) = (typed.get("name"), typed.get("email"));
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        faults.add("name", "give a name of up to 100 letters");
    }
    let parts = email.split_once('@');
    let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c));
    if email.len() > 254
        || !plain
        || !parts.is_some_and(|(l, d)| !l.is_empty() && d.contains('.') && !d.contains('@'))
    {
        faults.add("email", "give an e-mail address, such as noc@example.net");
    }
    let role = Role::named(typed.get("role"));
    let mut subscriptions: Vec<String> = typed
        .get("subscriptions")
        .split([' ', ',', ';'])
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect();
    subscriptions.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    let fits =
        |s: &String| s.len() <= 63 && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if let Some(bad) = subscriptions.iter().find(|s| !fits(s)) {
        faults.add(
            "subscriptions",
            &format!("'{bad}' isn't a subscription's id: letters, digits, '-', '_' and '.'"),
        );
    }
    if subscriptions.len() > SUBSCRIPTIONS {
        faults.add("subscriptions", &format!("a person reaches {SUBSCRIPTIONS} subscriptions at most"));
    }
    match role {
        None => faults.add("role", "choose what the person may do"),
        Some(Role::Peer) if subscriptions.is_empty() => {
            faults.add("subscriptions", "a peer needs a subscription at least");
        }
        Some(Role::Operator) if !subscriptions.is_empty() => {
            faults.add("subscriptions", "an operator reaches everything; leave this empty");
        }
        Some(_) => {}
    }
    let person = Person {
        id: 0,
        email: email.to_owned(),
        name: name.to_owned(),
        role: role.unwrap_or(Role::Reader),
        subscriptions,
        password_hash: None,
        disabled: false,
        created_at: now(),
    };
    (person, faults)
}

fn page(context: &Context, typed: &Typed, faults: &Faults) -> Response {
    let field = |name: &'static str, label: &'static str, hint: &'static str, required: bool| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required,
    };
    let option = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let roles = [
        option("", "Choose"),
        option("peer", "Peer: does everything within its subscriptions"),
        option("reader", "Reader: looks only"),
        option("operator", "Operator: runs this network and decides"),
    ];
    let content = form(
        &context.viewer,
        "/operate/people/invite",
        html! {
            (faults.top())
            (field("name", "Name", "", true).input("text", typed.get("name"), "off"))
            (field("email", "E-mail address", "By which the person signs in.", true).input("email", typed.get("email"), "off"))
            (field("role", "Role", "", true).select(&roles, typed.get("role")))
            (field("subscriptions", "Subscriptions", "Separated by spaces. None for an operator; none for a reader who sees everything.", false).input("text", typed.get("subscriptions"), "off"))
            div.actions {
                button.primary type="submit" { "Invite" }
                a.button href="/operate/people" { "Cancel" }
            }
        },
    );
    let mut page = Page::new(&context.viewer, "/operate/people", "Invite somebody", content);
    page.trail = &[("People", "/operate/people")];
    page.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(role: &str, subscriptions: &str, email: &str) -> Vec<&'static str> {
        let pairs = [("name", "Ann"), ("email", email), ("role", role), ("subscriptions", subscriptions)];
        let (_, faults) = read(&Typed::from(pairs.as_slice()));
        ["email", "role", "subscriptions"].into_iter().filter(|f| faults.at(f).is_some()).collect()
    }

    #[test]
    fn who_is_invited_reaches_what_the_role_needs() {
        assert!(faults("peer", "Sub-A, Sub-B", "a@b.example").is_empty());
        assert!(faults("operator", "", "a@b.example").is_empty());
        assert!(faults("reader", "", "a@b.example").is_empty());
        assert_eq!(faults("peer", "", "a@b.example"), ["subscriptions"]);
        assert_eq!(faults("operator", "Sub-A", "a@b.example"), ["subscriptions"]);
        assert_eq!(faults("owner", "a/b", "nobody"), ["email", "role", "subscriptions"]);
        assert_eq!(faults("reader", "", "a@b.example>,<x@y.example"), ["email"]);
    }
}
