//! Connections added, changed and removed: the whole peering is sent again with the change, unless
//! somebody else changed it meanwhile.

use super::at::{At, Within};
use super::create::review::guid;
use super::frame::{below, check_writes};
use super::link::{Link, TARGETS};
use super::offering::Catalogue;
use super::seen::Seen;
use crate::error::PageError;
use crate::parts::faults::{Faults, told};
use crate::parts::form::{Field, form};
use crate::parts::message;
use crate::parts::version::{Version, changed_by};
use crate::session::Context;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Value, json};

const TAB: (&str, &str) = ("Connections", "/connections");
const ALL: &str = "properties.direct.connections";
const KEY: &str = "bgpSession.md5AuthenticationKey";

type Sent = Vec<(String, String)>;

/// A peering with what is offered where it is, and the version that the form is made from.
struct Whole {
    seen: Seen,
    catalogue: Catalogue,
    version: Version,
}

impl Whole {
    async fn of(context: &Context, at: &At) -> Result<Self, PageError> {
        let seen = Seen::of(context, at).await?;
        let catalogue = Catalogue::of(context, &at.subscription, seen.r#type()).await?;
        let version = seen.version();
        Ok(Self { seen, catalogue, version })
    }

    /// What a form was sent to change.
    async fn of_sent(context: &Context, at: &At, sent: &Sent) -> Result<Self, PageError> {
        let version = Version::sent(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Ok(Self { version, ..Self::of(context, at).await? })
    }

    /// Where a connection stands in the peering.
    fn place(&self, identifier: &str) -> Result<usize, PageError> {
        let own = |c: &Value| {
            c["connectionIdentifier"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(identifier))
        };
        self.seen.connections().iter().position(own).ok_or(PageError::NotFound)
    }

    fn fields(&self, link: &Link, faults: &Faults, is_there: bool) -> Markup {
        let offering = self.catalogue.offering(self.seen.r#type());
        link.fields(offering, self.catalogue.place(self.seen.location()), faults, is_there)
    }
}

/// Shows the form for a new connection.
pub(super) async fn add(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    check_writes(&context)?;
    let whole = Whole::of(&context, &at).await?;
    let (offering, place) =
        (whole.catalogue.offering(whole.seen.r#type()), whole.catalogue.place(whole.seen.location()));
    let link = match whole.seen.connections().last() {
        Some(last) => Link { prefix_v4: String::new(), prefix_v6: String::new(), ..Link::of_json(last) },
        None => Link::usual(offering, place),
    };
    Ok(new_form(&context, &at, &whole, &link, &guid(), &Faults::default()))
}

/// Adds a connection.
pub(super) async fn save_new(
    context: Context,
    Path(at): Path<At>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    check(&context, &headers, &sent)?;
    let mut whole = Whole::of_sent(&context, &at, &sent).await?;
    let link = Link::of_form(&sent);
    // The form's own identifier makes one connection of it, however often it is sent.
    let identifier =
        sent.iter().find(|(name, _)| name == "identifier").map_or("", |(_, value)| value.as_str());
    if !identifier.is_empty() && whole.place(identifier).is_ok() {
        return Ok(done(&at));
    }
    let mut new = json!({});
    if !identifier.is_empty() {
        new["connectionIdentifier"] = identifier.into();
    }
    link.write(&mut new, whole.catalogue.offering(whole.seen.r#type()));
    set_key(&mut new, &sent);
    let i = whole.seen.connections().len();
    connections(&mut whole.seen)?.push(new);
    match put(&context, &at, &mut whole).await? {
        Ok(()) => Ok(done(&at)),
        Err(faults) => Ok(new_form(&context, &at, &whole, &link, identifier, &of_one(&faults, i, &sent))),
    }
}

/// Shows the form for a connection that is there.
pub(super) async fn edit(context: Context, Path(within): Path<Within>) -> Result<Response, PageError> {
    check_writes(&context)?;
    let at = within.at();
    let whole = Whole::of(&context, &at).await?;
    let i = whole.place(&within.child)?;
    let link = Link::of_json(&whole.seen.connections()[i]);
    Ok(edit_form(&context, &at, &whole, i, &link, &Faults::default()))
}

/// Changes a connection.
pub(super) async fn save(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    check(&context, &headers, &sent)?;
    let at = within.at();
    let mut whole = Whole::of_sent(&context, &at, &sent).await?;
    let i = whole.place(&within.child)?;
    let old = Link::of_json(&whole.seen.connections()[i]);
    // What the form doesn't offer stays.
    let link =
        Link { facility: old.facility, provider: old.provider, service: old.service, ..Link::of_form(&sent) };
    let offering = whole.catalogue.offering(whole.seen.r#type()).cloned();
    let c = &mut connections(&mut whole.seen)?[i];
    link.write(c, offering.as_ref());
    set_key(c, &sent);
    match put(&context, &at, &mut whole).await? {
        Ok(()) => Ok(done(&at)),
        Err(faults) => Ok(edit_form(&context, &at, &whole, i, &link, &of_one(&faults, i, &sent))),
    }
}

/// Asks whether a connection shall really go.
pub(super) async fn confirm(context: Context, Path(within): Path<Within>) -> Result<Response, PageError> {
    check_writes(&context)?;
    let at = within.at();
    let whole = Whole::of(&context, &at).await?;
    let i = whole.place(&within.child)?;
    Ok(confirm_form(&context, &at, &whole, i, &Faults::default()))
}

/// Has a connection removed.
pub(super) async fn remove(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    check(&context, &headers, &sent)?;
    let at = within.at();
    let mut whole = Whole::of_sent(&context, &at, &sent).await?;
    // Sent twice: it is gone already.
    let Ok(i) = whole.place(&within.child) else { return Ok(done(&at)) };
    let gone = connections(&mut whole.seen)?.remove(i);
    match put(&context, &at, &mut whole).await? {
        Ok(()) => Ok(done(&at)),
        Err(faults) => {
            connections(&mut whole.seen)?.insert(i, gone);
            Ok(confirm_form(&context, &at, &whole, i, &faults))
        }
    }
}

fn check(context: &Context, headers: &HeaderMap, sent: &Sent) -> Result<(), PageError> {
    let token = sent.iter().find(|(n, _)| n == "_csrf").map(|(_, value)| value.as_str());
    context.check_form(headers, token)?;
    check_writes(context)
}

fn connections(seen: &mut Seen) -> Result<&mut Vec<Value>, PageError> {
    let all = seen.whole.pointer_mut("/properties/direct/connections").and_then(Value::as_array_mut);
    all.ok_or_else(|| PageError::internal("a peering without a list of connections"))
}

/// A key that was typed, or the wish to have none.
fn set_key(c: &mut Value, sent: &Sent) {
    let of = |name: &str| sent.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let key = of("md5");
    if !key.is_empty() {
        c["bgpSession"]["md5AuthenticationKey"] = key.into();
    } else if of("no_key") == "1" {
        c["bgpSession"]["md5AuthenticationKey"] = "".into();
    }
}

/// Sends the peering, unless it isn't any more what the form was made from: then the form is told what
/// it is now, and carries that version.
async fn put(context: &Context, at: &At, whole: &mut Whole) -> Result<Result<(), Faults>, PageError> {
    let answer = context
        .api
        .send_if(Method::PUT, &at.resource(), Some(&whole.seen.whole), whole.version.condition())
        .await?;
    if answer.status == StatusCode::PRECONDITION_FAILED {
        let seen = Seen::of(context, at).await?;
        let faults = whole.version.changed(&seen.version(), changed_by(&seen.whole));
        whole.version = seen.version();
        return Ok(Err(faults));
    }
    Ok(answer.into_result().map(|_| ()).map_err(|refusal| Faults::from(&refusal)))
}

/// Faults of one connection by their fields; all others by themselves. A key that was typed isn't kept.
fn of_one(faults: &Faults, i: usize, sent: &Sent) -> Faults {
    let own = format!("{ALL}[{i}]");
    let mut of_one = faults.below(&own);
    for other in faults.others(&[own.as_str()], &[&format!("{own}.")]) {
        of_one.add("", other);
    }
    if sent.iter().any(|(name, value)| name == "md5" && !value.is_empty()) {
        of_one.add(KEY, "Type the key again: it is never shown, also here.");
    }
    of_one
}

fn done(at: &At) -> Response {
    Redirect::to(&at.page(TAB.1)).into_response()
}

fn on_top(faults: &Faults) -> Markup {
    let shown: Vec<&str> = TARGETS.iter().copied().chain([KEY]).collect();
    let others = faults.others(&shown, &[]);
    html! { @if !others.is_empty() { (message("error", told(&others))) } }
}

fn key_field(faults: &Faults, has: bool) -> Markup {
    let error = faults.at(KEY);
    let hint = if has {
        "A key is set; it is never shown. Type another one to replace it."
    } else {
        "Optional; 1 to 80 characters without spaces. Never shown again."
    };
    html! {
        (Field { name: "md5", label: "MD5 key", hint, error, required: false }.input("password", "", "off"))
        @if has {
            div.field.check { input type="checkbox" #no_key name="no_key" value="1"; label for="no_key" { "Take the key away" } }
        }
    }
}

fn buttons(at: &At, words: &str, class: &str) -> Markup {
    html! {
        div.actions { button.(class) type="submit" { (words) } a.button href=(at.page(TAB.1)) { "Cancel" } }
    }
}

fn new_form(
    context: &Context,
    at: &At,
    whole: &Whole,
    link: &Link,
    identifier: &str,
    faults: &Faults,
) -> Response {
    let content = html! {
        (on_top(faults))
        (form(&context.viewer, &at.page("/connections/add"), html! {
            (whole.version.hidden())
            input type="hidden" name="identifier" value=(identifier);
            (whole.fields(link, faults, false))
            (key_field(faults, false))
            (buttons(at, "Add connection", "primary"))
        }))
    };
    below(context, at, TAB, "Connection", "Add a connection", html! {}, content)
}

fn edit_form(context: &Context, at: &At, whole: &Whole, i: usize, link: &Link, faults: &Faults) -> Response {
    let c = &whole.seen.connections()[i];
    let text = |name: &str| c[name].as_str().unwrap_or("").to_owned();
    let path = at.page(&format!("/connections/{}", text("connectionIdentifier")));
    let has = c["bgpSession"]["md5AuthenticationKeyIsSet"] == true;
    let content = html! {
        (on_top(faults))
        (form(&context.viewer, &path, html! {
            (whole.version.hidden())
            (whole.fields(link, faults, true))
            (key_field(faults, has))
            (buttons(at, "Save", "primary"))
        }))
    };
    below(
        context,
        at,
        TAB,
        "Connection",
        &format!("Change connection {}", text("microsoftTrackingId")),
        html! {},
        content,
    )
}

fn confirm_form(context: &Context, at: &At, whole: &Whole, i: usize, faults: &Faults) -> Response {
    let c = &whole.seen.connections()[i];
    let text = |name: &str| c[name].as_str().unwrap_or("").to_owned();
    let path = at.page(&format!("/connections/{}/remove", text("connectionIdentifier")));
    let content = html! {
        @let others = faults.others(&[], &[]);
        @if !others.is_empty() { (message("error", told(&others))) }
        section.card {
            p { "Traffic is drained first (RFC 8326), then the sessions are closed with a message, then ports and addresses are freed. This can't be undone." }
            p.more { "To replace a connection, add its successor first and remove this one once the other is Active." }
            (form(&context.viewer, &path, html! { (whole.version.hidden()) (buttons(at, "Remove connection", "danger")) }))
        }
    };
    below(
        context,
        at,
        TAB,
        "Connection",
        &format!("Remove connection {}", text("microsoftTrackingId")),
        html! {},
        content,
    )
}
