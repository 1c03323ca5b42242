//! The people who may sign in. Only operators change who they are.

pub(super) mod change;
pub(super) mod edit;
mod fields;
pub(super) mod invite;
mod letter;
pub(super) mod person;

use super::host;
use super::listed;
use crate::error::PageError;
use crate::parts::state::{Mood, shown};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{command, empty, time};
use crate::session::{Context, now};
use axum::response::Response;
use jiff::Timestamp;
use maud::html;
use meetme_store::{IdPage, Person, Role, invitations_open};
use std::collections::BTreeMap;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "email", title: "E-mail address" },
    Column { key: "role", title: "Role" },
    Column { key: "reach", title: "Reaches" },
    Column { key: "state", title: "State" },
    Column { key: "since", title: "Invited" },
];

/// People read at a time.
const BATCH: u32 = 1000;

/// Shows all people.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let people = all(&context).await?;
    let open = open_invitations(&context).await?;
    let table = Table {
        of: "people",
        path: "/operate/people",
        columns: COLUMNS,
        choices: &[],
        rows: people.iter().map(|p| row(p, open.contains_key(&p.id))).collect(),
        empty: empty("Nobody yet", "Invite somebody by name and e-mail address.", html! {}),
    };
    let refused = (!context.viewer.is_operator()).then_some("Operators invite people.");
    let commands = command("/operate/people/invite", "Invite somebody", refused);
    Ok(listed(&context, "People", table, &context.asked, html! {}, commands))
}

async fn all(context: &Context) -> Result<Vec<Person>, PageError> {
    let mut db = context.state.store.read().await?;
    let mut people = Vec::new();
    let mut page = IdPage::first(BATCH);
    loop {
        let some = meetme_store::people_list(&mut db, page).await?;
        page.after = some.last().map(|p| p.id);
        let last = some.len() < BATCH as usize;
        people.extend(some);
        if last {
            return Ok(people);
        }
    }
}

/// Until when each person's invitation can be used.
async fn open_invitations(context: &Context) -> Result<BTreeMap<i64, Timestamp>, PageError> {
    let mut db = context.state.store.read().await?;
    Ok(invitations_open(&mut db, now()).await?.into_iter().collect())
}

fn shown_name(person: &Person) -> &str {
    if person.name.is_empty() { "(not said yet)" } else { &person.name }
}

fn row(person: &Person, invited: bool) -> Vec<Cell> {
    let name = shown_name(person);
    let (mood, state) = state(person, invited);
    let invited = person.created_at.to_string();
    vec![
        Cell::shown(name, html! { a href=(path(person)) { (name) } }),
        Cell::text(person.email.as_str()),
        Cell::text(role(person.role)),
        Cell::text(reach(person)),
        Cell::shown(state, shown(mood, state)),
        Cell::shown(&invited, time(&invited)),
    ]
}

fn path(person: &Person) -> String {
    format!("/operate/people/{}", person.id)
}

/// A person's state; `invited`: an invitation can be used.
fn state(person: &Person, invited: bool) -> (Mood, &'static str) {
    match (person.disabled, &person.password_hash) {
        (true, _) => (Mood::Bad, "Disabled"),
        (false, None) if invited => (Mood::Waiting, "Invited"),
        (false, None) => (Mood::Quiet, "Not invited"),
        (false, Some(_)) => (Mood::Good, "Enabled"),
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Operator => "Operator",
        Role::Peer => "Peer",
        Role::Reader => "Reader",
    }
}

fn reach(person: &Person) -> String {
    let everything =
        person.role == Role::Operator || (person.role == Role::Reader && person.subscriptions.is_empty());
    if everything { "everything".to_owned() } else { person.subscriptions.join(", ") }
}
