//! A peering's overview: what there is, drawn, and how far each connection is. Live.

use super::at::At;
use super::drawing::drawing;
use super::frame::{command, may_write, tab};
use super::offering::{Catalogue, sku_words};
use super::seen::{Connection, Seen, connections, gbps};
use super::timeline::{awaited, heading, timeline};
use super::traffic::traffic;
use crate::error::PageError;
use crate::parts::state::badge;
use crate::parts::{copyable, facts, live, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

/// Shows the page.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    let seen = Seen::of(&context, &at).await?;
    let all = connections(&context, &at).await?;
    let catalogue = Catalogue::without_places(&context, &at.subscription).await?;
    let asn = asn(&context, &at, seen.asn_name()).await?;
    let traffic = traffic(&context, &at).await;
    let content = html! {
        @if seen.is_deleting() {
            (message("warning", html! { "This peering is being taken away: traffic is drained, sessions are closed, then ports and addresses are freed." }))
        }
        @for c in all.iter().filter(|c| c.awaited.party == "peer") {
            (message("warning", html! { strong { "Connection " (c.tracking_id) " waits for you. " } (crate::parts::faults::sentence(&c.awaited.what)) }))
        }
        section.card { h2 { "Essentials" } (essentials(&at, &seen, &all, &catalogue, &asn)) }
        section.card { h2 { "Interconnects" } (drawing(&all, &traffic)) (key()) }
        @for c in &all {
            section.card { (heading(c)) (awaited(c)) (timeline(c)) }
        }
    };
    let commands = html! {
        (command(may_write(&context), &at.page("/connections/add"), "", "Add connection"))
        (command(may_write(&context), &at.page("/delete"), "danger", "Delete"))
    };
    Ok(tab(&context, &at, "", commands, live("overview", &at.page(""), content)))
}

fn essentials(at: &At, seen: &Seen, all: &[Connection], catalogue: &Catalogue, asn: &str) -> Markup {
    // What is down carries nothing, whatever the connection's state.
    let carries = |c: &&Connection| c.is_open() && c.removal.is_none() && c.awaited.party != "peer";
    let open: u32 = all.iter().filter(carries).map(|c| c.bandwidth_in_mbps).sum();
    let asked: u32 = all.iter().filter(|c| c.removal.is_none()).map(|c| c.bandwidth_in_mbps).sum();
    let community = catalogue.offering(seen.r#type()).and_then(|o| o.community.clone());
    let service = seen.whole.pointer("/properties/direct/useForPeeringService") == Some(&true.into());
    let asn_page = format!("/peer-asns/{}/{}", encode(&at.subscription), encode(seen.asn_name()));
    facts(&[
        ("State", badge(seen.text("/properties/provisioningState"))),
        ("Peering location", html! { (seen.location()) }),
        ("Network", html! { (catalogue.network(seen.r#type())) }),
        ("Peer ASN", html! { a href=(asn_page) { (asn) } }),
        ("Bandwidth", html! { (gbps(open)) " in use of " (gbps(asked)) " asked for" }),
        ("Peering Service", html! { @if service { "Yes" } @else { "No" } }),
        (
            "Community for your prefixes",
            html! { @if let Some(c) = community { (copyable(&c)) } @else { span.none { "None is needed" } } },
        ),
        ("SKU", html! { (sku_words(seen.text("/sku/name"))) }),
        ("Subscription", html! { (at.subscription) }),
        ("Resource group", html! { (at.resource_group) }),
        (
            "Created",
            html! { (time(seen.text("/systemData/createdAt"))) " by " (seen.text("/systemData/createdBy")) },
        ),
        ("Resource id", copyable(seen.text("/id"))),
    ])
}

/// What the drawing's shapes mean.
fn key() -> Markup {
    use crate::parts::state::{Mood, shown};
    html! {
        p.key { (shown(Mood::Good, "up")) (shown(Mood::Waiting, "half way")) (shown(Mood::Bad, "down")) (shown(Mood::Quiet, "not there yet")) }
    }
}

async fn asn(context: &Context, at: &At, name: &str) -> Result<String, PageError> {
    let path = format!(
        "/subscriptions/{}/providers/Microsoft.Peering/peerAsns/{}",
        encode(&at.subscription),
        encode(name)
    );
    let answer = context.api.ask(&path).await?;
    Ok(match answer.into_result() {
        Ok(asn) => {
            let peer = asn["properties"]["peerName"].as_str().unwrap_or("").to_owned();
            format!("AS{} – {peer}", asn["properties"]["peerAsn"])
        }
        Err(_) => name.to_owned(),
    })
}
