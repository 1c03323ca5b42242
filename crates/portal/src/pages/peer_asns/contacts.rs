//! Contacts in a form: rows that come and go, as they are typed and as the API takes them.

use crate::parts::faults::Faults;
use crate::parts::form::{Field, row_button};
use crate::parts::typed::Typed;
use maud::{Markup, html};
use meetme_model::peer_asn::ContactRole;
use serde_json::{Value, json};

/// What rows are called in the form.
pub(super) const ROWS: &str = "contact";
/// A column that each of them has.
pub(super) const COLUMN: &str = "email";

/// Where the API tells what is wrong with all contacts together.
const ALL: &str = "properties.peerContactDetail";

/// The rows, with a button to add another.
pub(super) fn fields(typed: &Typed, faults: &Faults) -> Markup {
    let rows = typed.rows(ROWS);
    html! {
        fieldset {
            legend { "Contacts" }
            p.hint {
                "The Noc contact is reached around the clock, by phone and at an address of your company's own domain. \
                 Mails about each milestone go to the contacts whose role they concern."
            }
            @if let Some(error) = faults.at(ROWS) { p.error role="alert" { (error) } }
            @for (place, row) in rows.iter().enumerate() { (one(typed, faults, place, *row)) }
            (row_button("add-contact", html! { "Add a contact" }))
        }
    }
}

fn one(typed: &Typed, faults: &Faults, place: usize, row: usize) -> Markup {
    let name = |column: &str| format!("{ROWS}-{row}-{column}");
    let (role, email, phone) = (name("role"), name("email"), name("phone"));
    let field = |name, label| Field { name, label, error: faults.at(name), required: true, hint: "" };
    let options: Vec<(String, String)> =
        ContactRole::ALL.iter().map(|(role, _)| ((*role).to_owned(), words(role).to_owned())).collect();
    html! {
        div.row role="group" aria-label=(format!("Contact {}", place + 1)) {
            (field(role.as_str(), "Role").select(&options, typed.get(&role)))
            (field(email.as_str(), "E-mail address").input("email", typed.get(&email), "off"))
            (field(phone.as_str(), "Phone").input("tel", typed.get(&phone), "off"))
            div.end { (row_button(&format!("remove-{ROWS}-{row}"), html! { "Remove" span.hidden { " contact " (place + 1) } })) }
        }
    }
}

/// A role, written for people.
pub(super) fn words(role: &str) -> &str {
    match role {
        "Noc" => "NOC (around the clock)",
        "Policy" => "Peering policy",
        "Service" => "Service management",
        other => other,
    }
}

/// The contacts as the API takes them.
pub(super) fn body(typed: &Typed) -> Value {
    let one = |row: usize| {
        let of = |column: &str| typed.get(&format!("{ROWS}-{row}-{column}"));
        json!({ "role": of("role"), "email": of("email"), "phone": of("phone") })
    };
    typed.rows(ROWS).into_iter().map(one).collect()
}

/// Puts a claim's contacts into a form.
pub(super) fn typed(typed: &mut Typed, claim: &Value) {
    let contacts = claim["properties"]["peerContactDetail"].as_array();
    for (row, contact) in contacts.into_iter().flatten().enumerate() {
        for column in ["role", "email", "phone"] {
            typed.set(&format!("{ROWS}-{row}-{column}"), contact[column].as_str().unwrap_or(""));
        }
    }
}

/// A claim's contacts in words.
pub(super) fn lines(claim: &Value) -> Vec<String> {
    let contacts = claim["properties"]["peerContactDetail"].as_array();
    let line = |contact: &Value| {
        let of = |column: &str| contact[column].as_str().unwrap_or("");
        format!("contact {}, {}, {}", words(of("role")), of("email"), of("phone"))
    };
    contacts.into_iter().flatten().map(line).collect()
}

/// The field that a target of the API is about.
pub(super) fn field(typed: &Typed, target: &str) -> Option<String> {
    let rest = target.strip_prefix(ALL)?;
    let place = rest.strip_prefix('[').and_then(|rest| rest.split_once("]."));
    let Some((place, column)) = place else {
        return Some(ROWS.to_owned());
    };
    let row = *typed.rows(ROWS).get(place.parse::<usize>().ok()?)?;
    Some(format!("{ROWS}-{row}-{column}"))
}
