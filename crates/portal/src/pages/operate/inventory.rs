//! What the host has and sells, as its inventory says: sites, and offerings.

use super::{ROWS, host, listed, number, or_none, text};
use crate::error::PageError;
use crate::parts::map::{self, Mark};
use crate::parts::state::{Mood, shown};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{empty, live};
use crate::query::encode;
use crate::session::Context;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

const SITES: &[Column] = &[
    Column { key: "name", title: "Site" },
    Column { key: "location", title: "Location" },
    Column { key: "facility", title: "PeeringDB facility" },
    Column { key: "address", title: "Address" },
    Column { key: "coordinates", title: "Coordinates" },
    Column { key: "routers", title: "Routers" },
    Column { key: "feed", title: "Route feed listens at" },
];

const OFFERINGS: &[Column] = &[
    Column { key: "name", title: "Offering" },
    Column { key: "kind", title: "Kind" },
    Column { key: "community", title: "Community" },
    Column { key: "bfd", title: "BFD" },
    Column { key: "lengths", title: "Longest prefixes" },
    Column { key: "path", title: "Longest AS path" },
    Column { key: "ordinary", title: "Unregistered routes" },
    Column { key: "v6", title: "IPv6 registration" },
];

fn all<'a>(inventory: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    inventory["inventory"][kind].as_array().into_iter().flatten()
}

fn nothing(title: &str) -> Markup {
    empty(title, "They come with the inventory: meetme inventory apply FILE.", html! {})
}

/// Shows the sites.
pub(super) async fn sites(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let inventory = context.api.get("/api/v1/inventory").await?;
    let routers = context.api.list("/api/v1/routers", ROWS).await?;
    let map = live("map", "/operate/sites", site_map(&inventory, &routers));
    let rows = all(&inventory, "site").map(|site| {
        let name = text(site, "name");
        let routers: Vec<&str> =
            all(&inventory, "router").filter(|r| r["site"] == name).map(|r| text(r, "name")).collect();
        let coordinates = coordinates(site);
        vec![
            Cell::text(name),
            Cell::text(text(site, "location")),
            Cell::text(number(site, "facility_id")),
            Cell::text(text(site, "address")),
            Cell::shown(&coordinates, or_none(&coordinates)),
            Cell::shown(routers.join(", "), html! {
                @for router in &routers { a href=(format!("/operate/routers/{}", encode(router))) { (router) } " " }
            }),
            Cell::shown(text(site, "bmp"), or_none(text(site, "bmp"))),
        ]
    });
    let table = Table {
        of: "sites",
        path: "/operate/sites",
        columns: SITES,
        choices: &[],
        rows: rows.collect(),
        empty: nothing("No sites yet"),
    };
    Ok(listed(&context, "Sites", table, &context.asked, map, html! {}))
}

/// The sites on the map, by how their routers are.
fn site_map(inventory: &Value, routers: &[Value]) -> Markup {
    let marks: Vec<Mark> = all(inventory, "site")
        .filter_map(|site| {
            let name = text(site, "name");
            let own: Vec<&Value> = routers.iter().filter(|r| r["site"] == name).collect();
            let (mood, words) = of_routers(&own);
            Some(Mark {
                name,
                words,
                latitude: site["latitude"].as_f64()?,
                longitude: site["longitude"].as_f64()?,
                mood,
                is_ringed: false,
                href: Some(format!("/operate/routers?filter={}", encode(name))),
            })
        })
        .collect();
    html! {
        @if !marks.is_empty() {
            (map::map("Map of sites", marks))
            p.key { (shown(Mood::Good, "all routers reachable")) (shown(Mood::Bad, "some aren't")) (shown(Mood::Quiet, "none, or not reported yet")) }
        }
    }
}

/// How a site's routers are, in all.
fn of_routers(routers: &[&Value]) -> (Mood, String) {
    let count = |reachable: bool| routers.iter().filter(|r| r["reachable"] == reachable).count();
    let (up, down) = (count(true), count(false));
    match (routers.len(), up, down) {
        (0, _, _) => (Mood::Quiet, "no routers".to_owned()),
        (all, up, 0) if all == up => (Mood::Good, format!("{up} of {all} routers reachable")),
        (all, up, 0) => {
            (Mood::Quiet, format!("{up} of {all} routers reachable, the others haven't reported yet"))
        }
        (all, up, down) => (Mood::Bad, format!("{up} of {all} routers reachable, {down} unreachable")),
    }
}

/// `52.303° N, 4.938° E`.
fn coordinates(site: &Value) -> String {
    let (Some(north), Some(east)) = (site["latitude"].as_f64(), site["longitude"].as_f64()) else {
        return String::new();
    };
    let (ns, ew) = (if north < 0.0 { "S" } else { "N" }, if east < 0.0 { "W" } else { "E" });
    format!("{}° {ns}, {}° {ew}", north.abs(), east.abs())
}

/// Shows the offerings.
pub(super) async fn offerings(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let inventory = context.api.get("/api/v1/inventory").await?;
    let host_asn = number(&inventory["inventory"]["host"], "asn");
    let table = Table {
        of: "offerings",
        path: "/operate/offerings",
        columns: OFFERINGS,
        choices: &[],
        rows: all(&inventory, "offering").map(|offering| offered(offering, &host_asn)).collect(),
        empty: nothing("No offerings yet"),
    };
    Ok(listed(&context, "Offerings", table, &context.asked, html! {}, html! {}))
}

fn offered(offering: &Value, host_asn: &str) -> Vec<Cell> {
    let kind = text(offering, "kind");
    let community = match offering["community"].as_str() {
        Some(community) => community.to_owned(),
        // docs/rules.md §2: Voice has one in any case.
        None if kind == "Voice" => format!("{host_asn}:8007"),
        None => String::new(),
    };
    let bfd = &offering["bfd"];
    let used = offering["ordinary_used"].as_bool().unwrap_or(kind != "Voice");
    let path = number(offering, "max_path");
    vec![
        Cell::text(text(offering, "name")),
        Cell::text(match kind {
            "Edge" => "Plain",
            "IxRs" => "Exchange with route server",
            other => other,
        }),
        Cell::shown(&community, or_none(&community)),
        Cell::text(format!("{} × {} ms", bfd["multiplier"], bfd["interval_ms"])),
        Cell::text(format!("/{} and /{}", offering["max_length_v4"], offering["max_length_v6"])),
        Cell::text(if path.is_empty() { "no limit".into() } else { path }),
        Cell::text(if used { "used, hot potato" } else { "not used" }),
        Cell::text(if offering["ipv6_registration"] == true { "offered" } else { "not offered" }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_site_is_as_its_routers_are() {
        let router = |reachable: Value| json!({ "reachable": reachable });
        let (up, down, new) = (router(true.into()), router(false.into()), router(Value::Null));
        assert_eq!(of_routers(&[]).0, Mood::Quiet);
        assert_eq!(of_routers(&[&up, &up]).0, Mood::Good);
        assert_eq!(of_routers(&[&up, &new]).0, Mood::Quiet);
        assert_eq!(of_routers(&[&up, &new, &down]).0, Mood::Bad);
    }

    #[test]
    fn coordinates_are_written_as_on_a_map() {
        assert_eq!(coordinates(&json!({ "latitude": -33.9, "longitude": 18.4 })), "33.9° S, 18.4° E");
        assert_eq!(coordinates(&json!({ "latitude": 1.0 })), "");
    }
}
