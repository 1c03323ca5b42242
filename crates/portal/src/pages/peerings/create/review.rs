//! Last step: everything is validated and shown, each error beside what it is about; then the
//! peering is asked for, once.

use super::configuration::bandwidth;
use super::{Begun, CONFIGURATION, CONNECTION, CREATE, Draft, REVIEW, begun, step};
use crate::api::API_VERSION;
use crate::error::PageError;
use crate::layout::kept_for_back;
use crate::pages::peerings::json::{block, origin};
use crate::pages::peerings::link::{Link, TARGETS};
use crate::pages::peerings::offering::{Catalogue, provider_words, sku_words};
use crate::parts::faults::{Faults, told};
use crate::parts::form::form;
use crate::parts::message;
use crate::session::Context;
use axum::extract::{Form, Query};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

const DIRECT: &str = "properties.direct.connections";
/// What is shown with its errors, besides connections.
const SHOWN: [&str; 11] = [
    "subscription",
    "group",
    "resource_group",
    "name",
    "asn",
    "properties.direct.peerAsn.id",
    "kind",
    "properties.direct.directPeeringType",
    "sku.name",
    "properties.peeringLocation",
    "location",
];

/// Shows the step.
pub(in crate::pages::peerings) async fn show(
    context: Context,
    headers: HeaderMap,
    Query(sent): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let (draft, catalogue) = match begun(&context, &sent).await? {
        Begun::Draft(draft, catalogue) => (draft, catalogue),
        Begun::Elsewhere(response) => return Ok(response),
    };
    let mut faults = super::basics::check(&context, &draft).await?;
    if faults.none() {
        faults = validate(&context, &draft, &catalogue).await?;
    }
    page(&context, &draft, &catalogue, &faults, &origin(&headers)).await
}

/// Asks for the peering, unless there is one of its name.
pub(in crate::pages::peerings) async fn create(
    context: Context,
    headers: HeaderMap,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let of = |name: &'static str| sent.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.clone());
    context.check_form(&headers, of("_csrf").next().as_deref())?;
    let mut draft = Draft::of(&sent);
    let catalogue = Catalogue::of(&context, &draft.subscription, &draft.r#type).await?;
    draft.settle(&catalogue);
    let identifiers: Vec<String> = of("identifier").collect();
    let body = draft.body(&catalogue, &identifiers, &of("md5").collect::<Vec<_>>());
    let at = draft.place();
    let answer =
        context.api.send_if(Method::PUT, &at.resource(), Some(&body), Some(("if-none-match", "*"))).await?;
    let done = || Redirect::to(&at.page("/deployment")).into_response();
    let status = answer.status;
    let Err(refusal) = answer.into_result() else { return Ok(done()) };
    let mut faults = Faults::from(&refusal);
    if status == StatusCode::PRECONDITION_FAILED {
        // The same form sent twice: the peering is the one that it asked for.
        let there = context.api.get(&at.resource()).await?;
        let first = there.pointer("/properties/direct/connections/0/connectionIdentifier");
        if first.and_then(|id| id.as_str()).is_some_and(|id| identifiers.iter().any(|own| own == id)) {
            return Ok(done());
        }
        faults = Faults::default();
        faults.add("name", "There is a peering of this name in the group already.");
    }
    page(&context, &draft, &catalogue, &faults, &origin(&headers)).await.map(kept_for_back)
}

/// What the API says to the draft, without doing it.
pub(super) async fn validate(
    context: &Context,
    draft: &Draft,
    catalogue: &Catalogue,
) -> Result<Faults, PageError> {
    let body = draft.body(catalogue, &[], &[]);
    let path = format!("{}/validate", draft.place().extension());
    let answer = context.api.send(Method::POST, &path, Some(&body)).await?;
    Ok(answer.into_result().map_or_else(|refusal| Faults::from(&refusal), |_| Faults::default()))
}

async fn page(
    context: &Context,
    draft: &Draft,
    catalogue: &Catalogue,
    faults: &Faults,
    origin: &str,
) -> Result<Response, PageError> {
    let asns = super::basics::asns(context, &draft.subscription).await?;
    let asn = asns.into_iter().find(|a| a.name == draft.asn).map_or_else(|| draft.asn.clone(), |a| a.words);
    let others = faults.others(&SHOWN, &[DIRECT]);
    let together = faults.at(DIRECT);
    let content = html! {
        @if faults.none() {
            (message("success", html! { "Validation passed." }))
        } @else {
            (message("error", html! {
                p { "Validation failed. Correct what is marked below." }
                @if !others.is_empty() { (told(&others)) }
            }))
        }
        (chosen(draft, &asn, catalogue, faults))
        (form(&context.viewer, CREATE, html! {
            (draft.hidden(&[]))
            section {
                h2 { "Connections" }
                @if let Some(error) = &together { p.error { (error) " " a href=(draft.at(CONFIGURATION)) { "Change" } } }
                @if draft.connections.is_empty() && together.is_none() { p.nothing { "None." } }
                @for (i, link) in draft.connections.iter().enumerate() {
                    (connection(i, link, draft, catalogue, &faults.below(&format!("{DIRECT}[{i}]"))))
                }
            }
            p.more { "The host's operators decide about each connection; you are told by mail." }
            (call(draft, catalogue, origin))
            div.actions {
                button.primary type="submit" disabled[blocked(faults)] aria-describedby="blocked" { "Create" }
                a.button href=(draft.at(CONFIGURATION)) { "Previous" }
                a.button href="/peerings" { "Cancel" }
            }
            @if blocked(faults) { p.hint #blocked { "Create works once validation passes." } }
        }))
    };
    Ok(step(context, draft, REVIEW, content))
}

/// What Create sends, as a call of the API.
fn call(draft: &Draft, catalogue: &Catalogue, origin: &str) -> Markup {
    let body = draft.body(catalogue, &[], &[]);
    let body = serde_json::to_string_pretty(&body).unwrap_or_default().replace('\'', "'\\''");
    let path = format!("{}?api-version={API_VERSION}", draft.place().resource());
    let call = format!(
        "curl -sS -X PUT -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -H 'If-None-Match: *' \\\n  '{origin}{path}' \\\n  -d '{body}'"
    );
    html! {
        details.check-row {
            summary { "The same by API" }
            (block(&call, "Copy the call"))
        }
    }
}

/// A key can be corrected on this page; everything else on another.
fn blocked(faults: &Faults) -> bool {
    faults.fields().any(|target| !target.ends_with("md5AuthenticationKey"))
}

fn chosen(draft: &Draft, asn: &str, catalogue: &Catalogue, faults: &Faults) -> Markup {
    let kind = catalogue.offering(&draft.r#type).map_or("Direct", |o| &o.kind);
    let section = |title: &str, path: &str, rows: Vec<(&str, String, &[&str])>| {
        html! {
            section.card {
                h2 { (title) }
                dl.facts {
                    @for (name, value, targets) in rows {
                        div {
                            dt { (name) }
                            dd {
                                @if value.is_empty() { span.none { "–" } } @else { (value) }
                                @for error in targets.iter().filter_map(|t| faults.at(t)) {
                                    p.error { (error) " " a href=(draft.at(path)) { "Change" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        (section("Basics", CREATE, vec![
            ("Subscription", draft.subscription.clone(), &["subscription"]),
            ("Resource group", draft.resource_group.clone(), &["group", "resource_group"]),
            ("Name", draft.name.clone(), &["name"]),
            ("Peer ASN", asn.to_owned(), &["asn", "properties.direct.peerAsn.id"]),
        ]))
        (section("Configuration", CONFIGURATION, vec![
            ("Peering type", kind.to_owned(), &["kind"]),
            ("Network", catalogue.network(&draft.r#type), &["properties.direct.directPeeringType"]),
            ("SKU", sku_words(&draft.sku), &["sku.name"]),
            ("Peering location", draft.location.clone(), &["properties.peeringLocation", "location"]),
        ]))
    }
}

fn connection(i: usize, link: &Link, draft: &Draft, catalogue: &Catalogue, faults: &Faults) -> Markup {
    let offering = catalogue.offering(&draft.r#type);
    let service = if offering.map_or(link.service, |o| o.serves(link.service)) { "Yes" } else { "No" };
    let place = catalogue.place(&draft.location);
    let facility = place.map_or_else(|| link.facility.clone(), |p| p.facility(&link.facility));
    let by_peer = link.provider == "Peer";
    let or_host = |text: &str| if by_peer { text.to_owned() } else { "Given by the host".to_owned() };
    let rows = [
        ("Facility", facility, 0),
        ("Bandwidth", bandwidth(link), 1),
        ("Session address provider", provider_words(&link.provider).to_owned(), 2),
        ("Use for Peering Service", service.to_owned(), 3),
        ("Session prefix IPv4", or_host(&link.prefix_v4), 4),
        (
            "Session prefix IPv6",
            if link.max_v6.is_empty() && !by_peer { String::new() } else { or_host(&link.prefix_v6) },
            5,
        ),
        ("Maximum of IPv4 prefixes", link.max_v4.clone(), 6),
        ("Maximum of IPv6 prefixes", link.max_v6.clone(), 7),
    ];
    let edit = format!("{}&edit={i}", draft.at(CONNECTION));
    let key = faults.at("bgpSession.md5AuthenticationKey");
    let shown: Vec<&str> = TARGETS.iter().copied().chain(["bgpSession.md5AuthenticationKey"]).collect();
    let name = format!("Connection {}: MD5 key", i + 1);
    html! {
        section.card {
            h3 { "Connection " (i + 1) }
            input type="hidden" name="identifier" value=(guid());
            @let others = faults.others(&shown, &[]);
            @if !others.is_empty() { p.error { (told(&others)) " " a href=(edit) { "Change" } } }
            dl.facts { @for (title, value, target) in rows { div {
                dt { (title) }
                dd {
                    @if value.is_empty() { span.none { "–" } } @else { (value) }
                    @if let Some(error) = faults.at(TARGETS[target]) { p.error { (error) " " a href=(edit) { "Change" } } }
                }
            } } }
            div.key-field {
                label for=(format!("md5-{i}")) { (name) }
                p.hint { "Optional; 1 to 80 characters without spaces. It is stored sealed and never shown again." }
                input type="password" id=(format!("md5-{i}")) name="md5" autocomplete="off" maxlength="80" aria-invalid=[key.as_ref().map(|_| "true")];
                @if let Some(error) = &key { p.error { (error) } }
            }
        }
    }
}

/// A new GUID (RFC 9562 §5.4), by which the form knows its own peering again.
pub(in crate::pages::peerings) fn guid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
