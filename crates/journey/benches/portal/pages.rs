//! Every kind of page: what somebody can go to, each with an address on the filled host.

use crate::more::{asking, claim, service};
use crate::seed::{SUBSCRIPTIONS, facility, group, metro, network, peering, subscription};

/// A kind of page.
pub struct Kind {
    /// Its name among the figures.
    pub name: &'static str,
    /// Where it is.
    pub path: String,
    /// Whether an operator looks; else a peer.
    pub operator: bool,
}

/// What is only known once the store is filled.
pub struct Known {
    /// A connection that waits for approval.
    pub waiting: i64,
    /// An identifier of a connection of the first peering.
    pub identifier: String,
    /// A person.
    pub person: i64,
}

fn kind(name: &'static str, path: impl Into<String>) -> Kind {
    Kind { name, path: path.into(), operator: false }
}

/// All kinds.
pub fn all(known: &Known) -> Vec<Kind> {
    let mut all = own();
    all.extend(of_a_peering(known));
    all.extend(of_a_service());
    all.extend(operators(known).into_iter().map(|k| Kind { operator: true, ..k }));
    all
}

fn own() -> Vec<Kind> {
    let asn = format!("/peer-asns/{}/{}", subscription(0), network(0));
    let connection = format!("{}~10000~Microsoft~1~~~20000~", facility(40));
    let draft = format!(
        "?subscription={}&group=new&name=new&asn={}&type=Voice&sku=Premium_Direct_Free&metro={}&c={connection}&c={connection}",
        subscription(0),
        asking(),
        metro(40).replace(' ', "%20"),
    );
    vec![
        kind("home", "/"),
        kind("search", "/search?q=metro"),
        kind("peerings", "/peerings"),
        kind("peerings_filtered", "/peerings?filter=peering-07&location=Metro%2031&sort=-name"),
        kind("peerings_sorted_by_state", "/peerings?sort=-state&page=7"),
        kind("create_basics", format!("/peerings/create{draft}")),
        kind("create_configuration", format!("/peerings/create/configuration{draft}")),
        kind("create_connection", format!("/peerings/create/connection{draft}")),
        kind("create_review", format!("/peerings/create/review{draft}")),
        kind("services", "/peering-services"),
        kind("create_service", "/peering-services/create"),
        kind("asns", "/peer-asns"),
        kind("create_asn", "/peer-asns/create"),
        kind("asn", asn.clone()),
        kind("asn_edit", format!("{asn}/edit")),
        kind("locations", "/locations"),
        kind("looking_glass", "/looking-glass"),
        kind("account", "/account"),
    ]
}

fn of_a_peering(known: &Known) -> Vec<Kind> {
    let at = |below: &str| format!("/peerings/{}/{}/{}{below}", subscription(0), group(0), peering(0, 0));
    let connection = format!("/connections/{}", known.identifier);
    vec![
        kind("peering", at("")),
        kind("deployment", at("/deployment")),
        kind("connections", at("/connections")),
        kind("connection_add", at("/connections/add")),
        kind("connection", at(&connection)),
        kind("connection_remove", at(&format!("{connection}/remove"))),
        kind("registered_prefixes", at("/registered-prefixes")),
        kind("registered_prefix_add", at("/registered-prefixes/add")),
        kind("registered_prefix", at("/registered-prefixes/media")),
        kind("registered_prefix_delete", at("/registered-prefixes/media/delete")),
        kind("registered_asns", at("/registered-asns")),
        kind("received_routes", at("/received-routes")),
        kind("received_routes_rejected", at("/received-routes?accepted=false&as_path=200200")),
        kind("compliance", at("/compliance")),
        kind("metrics", at("/metrics")),
        kind("events", at("/events")),
        kind("configuration", at("/configuration")),
        kind("tags", at("/tags")),
        kind("json", at("/json")),
        kind("delete", at("/delete")),
    ]
}

fn of_a_service() -> Vec<Kind> {
    let at =
        |below: &str| format!("/peering-services/{}/{}/{}{below}", subscription(0), group(0), service(0));
    vec![
        kind("service", at("")),
        kind("service_activate", at("/activate")),
        kind("service_prefix", at("/prefixes/media-0")),
        kind("service_locations", at("/locations")),
        kind("service_monitor", at("/monitor")),
        kind("service_json", at("/json")),
        kind("service_tags", at("/tags")),
    ]
}

fn operators(known: &Known) -> Vec<Kind> {
    let waiting = format!("/operate/queue/connections/{}", known.waiting);
    vec![
        kind("operator_home", "/"),
        kind("operator_search", "/search?q=10000"),
        kind("operator_peerings", "/peerings"),
        kind("operator_services", "/peering-services"),
        kind("operator_asns", "/peer-asns"),
        kind("operator_locations", "/locations"),
        kind("queue", "/operate/queue"),
        kind("request", waiting.clone()),
        kind("request_preview", format!("{waiting}/preview")),
        kind("claim", format!("/operate/queue/asns/{}/{}", subscription(SUBSCRIPTIONS - 1), claim(0))),
        kind("all_peerings", "/operate/peerings"),
        kind(
            "all_peerings_filtered",
            "/operate/peerings?filter=as100&state=Active&offering=Voice&sort=-state&page=9",
        ),
        kind("prefixes", "/operate/prefixes"),
        kind("prefixes_sorted", "/operate/prefixes?filter=media&sort=-since&page=20"),
        kind("activated_prefixes", "/operate/prefixes/activated?sort=primary"),
        kind("routers", "/operate/routers"),
        kind("router", "/operate/routers/m00-er1"),
        kind("router_diff", "/operate/routers/m00-er1/diff"),
        kind("sites", "/operate/sites"),
        kind("ports", "/operate/ports"),
        kind("pools", "/operate/pools"),
        kind("offerings", "/operate/offerings"),
        kind("mails", "/operate/mails"),
        kind("audit", "/operate/audit"),
        kind("audit_of_one", format!("/operate/audit/{}", subscription(0))),
        kind("people", "/operate/people"),
        kind("invite", "/operate/people/invite"),
        kind("person", format!("/operate/people/{}", known.person)),
        kind("person_edit", format!("/operate/people/{}/edit", known.person)),
        kind("health", "/operate/health"),
    ]
}
