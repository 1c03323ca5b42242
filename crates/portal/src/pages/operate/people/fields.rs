//! What is typed of a person: name, address, and what they may do.

use crate::parts::faults::Faults;
use crate::parts::form::Field;
use crate::parts::typed::Typed;
use maud::{Markup, html};
use meetme_store::{Person, Role};

/// Subscriptions of one person, at most.
const SUBSCRIPTIONS: usize = 100;

/// What somebody may do, and where.
pub(super) struct Rights {
    /// What.
    pub role: Role,
    /// Where; empty: everywhere.
    pub subscriptions: Vec<String>,
}

/// Name and rights as typed; what is wrong is added to `faults`.
pub(super) fn read(typed: &Typed, faults: &mut Faults) -> (String, Rights) {
    let name = typed.get("name");
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        faults.add("name", "give a name of up to 100 letters");
    }
    let role = Role::named(typed.get("role"));
    let mut subscriptions: Vec<String> = Vec::new();
    for one in typed.get("subscriptions").split([' ', ',', ';']).filter(|s| !s.is_empty()) {
        if !subscriptions.iter().any(|s| s.eq_ignore_ascii_case(one)) {
            subscriptions.push(one.to_owned());
        }
    }
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
    (name.to_owned(), Rights { role: role.unwrap_or(Role::Reader), subscriptions })
}

/// The address as typed; what is wrong is added to `faults`.
pub(super) fn read_email(typed: &Typed, faults: &mut Faults) -> String {
    let email = typed.get("email");
    let parts = email.split_once('@');
    let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c));
    if email.len() > 254
        || !plain
        || !parts.is_some_and(|(l, d)| !l.is_empty() && d.contains('.') && !d.contains('@'))
    {
        faults.add("email", "give an e-mail address, such as noc@example.net");
    }
    email.to_owned()
}

/// A person as the form has them before anything is typed.
pub(super) fn typed_of(person: &Person) -> Typed {
    let mut typed = Typed::default();
    typed.set("name", &person.name);
    typed.set("role", person.role.name());
    typed.set("subscriptions", &person.subscriptions.join(" "));
    typed
}

fn field<'a>(name: &'a str, label: &'a str, hint: &'a str, faults: &'a Faults) -> Field<'a> {
    Field { name, label, hint, error: faults.at(name), required: true }
}

/// The name.
pub(super) fn name_field(typed: &Typed, faults: &Faults) -> Markup {
    field("name", "Name", "", faults).input("text", typed.get("name"), "off")
}

/// The address.
pub(super) fn email_field(typed: &Typed, faults: &Faults) -> Markup {
    let hint = "By which the person signs in.";
    field("email", "E-mail address", hint, faults).input("email", typed.get("email"), "off")
}

/// Role and subscriptions.
pub(super) fn rights_fields(typed: &Typed, faults: &Faults) -> Markup {
    let option = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let roles = [
        option("", "Choose"),
        option("peer", "Peer: does everything within its subscriptions"),
        option("reader", "Reader: looks only"),
        option("operator", "Operator: runs this network and decides"),
    ];
    let hint = "Separated by spaces. None for an operator; none for a reader who sees everything.";
    let subscriptions = Field { required: false, ..field("subscriptions", "Subscriptions", hint, faults) };
    html! {
        (field("role", "Role", "", faults).select(&roles, typed.get("role")))
        (subscriptions.input("text", typed.get("subscriptions"), "off"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(role: &str, subscriptions: &str, email: &str) -> Vec<&'static str> {
        let pairs = [("name", "Ann"), ("email", email), ("role", role), ("subscriptions", subscriptions)];
        let (typed, mut faults) = (Typed::from(pairs.as_slice()), Faults::default());
        read(&typed, &mut faults);
        read_email(&typed, &mut faults);
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

    #[test]
    fn a_subscription_counts_once_however_it_is_written() {
        let pairs = [("name", "Ann"), ("role", "peer"), ("subscriptions", "A b;a, B")];
        let (_, rights) = read(&Typed::from(pairs.as_slice()), &mut Faults::default());
        assert_eq!(rights.subscriptions, ["A", "b"]);
    }
}
