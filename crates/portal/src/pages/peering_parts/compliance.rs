//! How each requirement on the peer stands, with its evidence and when it was seen last. The API
//! judges; the page adds the words.

use super::{attest, file};
use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::pages::peerings::frame::{command, tab};
use crate::parts::faults::sentence;
use crate::parts::state::{Mood, shown};
use crate::parts::table::csv_field;
use crate::parts::{live, time};
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

/// Where the page is below the peering's.
pub(super) const PATH: &str = "/compliance";
/// Evidence shown of one requirement; all of it is in the file.
const EVIDENCE_SHOWN: usize = 8;

/// Requirements as people read them, and what each asks for.
const WORDS: &[(&str, &str, &str)] = &[
    ("ownAsn", "An ASN of your own", "A public ASN that is proved to be yours."),
    (
        "redundantConnections",
        "Redundant connections",
        "Two or more Active connections at this location, on different edge routers.",
    ),
    ("geoRedundancy", "Geographic redundancy", "Active peerings in two or more metros."),
    (
        "activeActive",
        "Sessions active-active",
        "The same prefixes with comparable attributes on all sessions.",
    ),
    (
        "peerRouterPerCircuit",
        "A router for every circuit",
        "Every connection ends at another router of yours.",
    ),
    ("noRateLimit", "No rate limits", "Nothing on your side limits the rate of what crosses the links."),
    ("noStatefulFirewall", "No stateful firewall", "Traffic may come by one link and leave by another."),
    ("ownAddressSpace", "Own address space", "Public address space, announced by your ASN."),
    ("subnetUsage", "What subnets are for", "Class of traffic and endpoints of each registered prefix."),
    ("bfd", "BGP over BFD", "BFD is up on every session."),
    ("registeredAndTagged", "Registered and tagged", "Prefixes are registered and carry the community."),
    ("lacp", "LACP", "Every member of every LAG collects and distributes."),
    ("linkSpeed", "Link speed", "Links of 10 Gbps or more."),
    ("capacity", "Capacity", "Use below 40 %: 95th percentile of averages of 5 minutes over 7 days."),
];

/// How the requirements stand.
#[derive(Deserialize)]
pub(super) struct Compliance {
    at: String,
    /// Each of them.
    pub value: Vec<Finding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// Its name on the wire.
    pub requirement: String,
    standing: String,
    message: String,
    evidence: Vec<Sighting>,
    seen_at: Option<String>,
    /// Whether the peer states it.
    #[serde(default)]
    pub attestable: bool,
    /// The peer's statement.
    pub attestation: Option<Attestation>,
}

/// What the peer states.
#[derive(Deserialize)]
pub(super) struct Attestation {
    /// Who.
    pub by: String,
    /// When.
    pub at: String,
    /// In the peer's words.
    pub note: String,
}

#[derive(Deserialize)]
struct Sighting {
    subject: String,
    seen: String,
    ok: Option<bool>,
    at: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    format: String,
}

/// Shows the page.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let compliance = read(&context, &at).await?;
    if asked.format == "csv" {
        let name = format!("{}-compliance.csv", at.name);
        return Ok(file(&name, "text/csv; charset=utf-8", csv(&compliance)));
    }
    let page = at.page(PATH);
    let content = live(
        "compliance",
        &page,
        html! {
            div.toolbar {
                @for (mood, words, count) in counts(&compliance) { span { (shown(mood, &format!("{count} {words}"))) } }
                span.count { "As of " (time(&compliance.at)) }
                a.subtle href=(format!("{page}?format=csv")) download { "Export CSV" }
            }
            @for finding in &compliance.value { (row(&context, &at, finding)) }
        },
    );
    Ok(tab(&context, &at, PATH, html! {}, content))
}

/// Asks how they stand.
pub(super) async fn read(context: &Context, at: &At) -> Result<Compliance, PageError> {
    let body = context.api.get(&format!("{}{PATH}", at.extension())).await?;
    serde_json::from_value(body).map_err(PageError::internal)
}

fn words(standing: &str) -> (Mood, &'static str) {
    match standing {
        "met" => (Mood::Good, "met"),
        "notMet" => (Mood::Bad, "not met"),
        "attested" => (Mood::Quiet, "attested"),
        "contradicted" => (Mood::Bad, "contradicted"),
        _ => (Mood::Waiting, "unknown"),
    }
}

/// How many stand how, the worst first.
fn counts(compliance: &Compliance) -> Vec<(Mood, &'static str, usize)> {
    ["notMet", "contradicted", "unknown", "attested", "met"]
        .into_iter()
        .map(|standing| {
            let (mood, words) = words(standing);
            (mood, words, compliance.value.iter().filter(|f| f.standing == standing).count())
        })
        .filter(|(_, _, count)| *count > 0)
        .collect()
}

/// What a requirement is called, and what it asks for.
pub(super) fn title(requirement: &str) -> (&str, &'static str) {
    let known = WORDS.iter().find(|(key, _, _)| *key == requirement);
    known.map_or((requirement, ""), |(_, title, asks)| (*title, *asks))
}

fn row(context: &Context, at: &At, finding: &Finding) -> Markup {
    let (title, asks) = title(&finding.requirement);
    let (mood, words) = words(&finding.standing);
    // What isn't as it should be comes first.
    let mut evidence: Vec<&Sighting> = finding.evidence.iter().collect();
    evidence.sort_by_key(|s| s.ok.map_or(1, |ok| if ok { 2 } else { 0 }));
    html! {
        section.card.requirement id=(finding.requirement) {
            div.heading {
                h2 { (title) }
                (shown(mood, words))
                @if let Some(at) = &finding.seen_at { span.none { "Seen " (time(at)) } }
            }
            // Where all is well the evidence says it.
            @if finding.standing != "met" { p.hint { (asks) } }
            p { (sentence(finding.message.trim_start_matches("unknown: "))) }
            @if let Some(attestation) = &finding.attestation { (attest::of(attestation)) }
            @if finding.attestable {
                @let words = if finding.attestation.is_some() { "Change or withdraw" } else { "State it" };
                p { (command(attest::may_state(context), &attest::form_path(at, &finding.requirement), "", words)) }
            }
            @if !evidence.is_empty() {
                ul.evidence {
                    @for s in evidence.iter().take(EVIDENCE_SHOWN) { li {
                        (shown(s.ok.map_or(Mood::Quiet, |ok| if ok { Mood::Good } else { Mood::Bad }), &s.subject))
                        span { (s.seen) }
                        @if let Some(at) = &s.at { span.none { (time(at)) } }
                    } }
                }
                @if evidence.len() > EVIDENCE_SHOWN { p.none { "And " (evidence.len() - EVIDENCE_SHOWN) " more, in the CSV file." } }
            }
        }
    }
}

fn csv(compliance: &Compliance) -> String {
    let mut text = "Requirement,Standing,Message,Subject,Seen,OK,At\r\n".to_owned();
    for f in &compliance.value {
        let head = [title(&f.requirement).0, words(&f.standing).1, &f.message].map(csv_field).join(",");
        if let Some(a) = &f.attestation {
            let said = ["statement", &format!("{}: {}", a.by, a.note), "", &a.at].map(csv_field).join(",");
            text.push_str(&format!("{head},{said}\r\n"));
        } else if f.evidence.is_empty() {
            text.push_str(&format!("{head},,,,\r\n"));
        }
        for s in &f.evidence {
            let ok = s.ok.map_or("", |ok| if ok { "yes" } else { "no" });
            let rest = [&s.subject, &s.seen, ok, s.at.as_deref().unwrap_or("")].map(csv_field).join(",");
            text.push_str(&format!("{head},{rest}\r\n"));
        }
    }
    text
}
