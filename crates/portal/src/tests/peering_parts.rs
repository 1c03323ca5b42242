//! A peering's compliance, received routes, events, configuration, metrics and registered ASNs.

use super::fixture::*;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const ONE: &str = "/peerings/Sub-A/voice/ams";
const RESOURCE: &str = "/subscriptions/Sub-A/resourceGroups/voice/providers/Microsoft.Peering/peerings/ams";
const EXTENSION: &str = "/api/v1/subscriptions/Sub-A/resourceGroups/voice/peerings/ams";

fn ok(body: Value) -> Option<(u16, Value)> {
    Some((200, body))
}

fn list(rows: &[Value]) -> Option<(u16, Value)> {
    ok(json!({ "value": rows }))
}

fn connections() -> Option<(u16, Value)> {
    list(&[json!({
        "trackingId": "c1", "connectionIdentifier": "ID-1", "connectionState": "Active",
        "since": "2026-01-06T09:12:44Z", "activeAt": "2026-01-06T09:12:44Z",
        "router": { "name": "ams1-er1" }, "lag": { "lightAt": "2026-01-06T09:10:00Z" },
        "decision": { "approved": true, "reason": HOSTILE, "at": "2026-01-05T11:00:00Z" },
        "sessions": [{ "peerAddress": "198.18.192.2", "establishedAt": "2026-01-06T09:11:00Z" }],
    })])
}

/// A portal that a peer of the subscription looks at.
async fn portal(
    answer: impl Fn(&Method, &str) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (Portal, String) {
    let portal = Portal::new(answer).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    (portal, cookie)
}

fn finding(requirement: &str, standing: &str, evidence: Value) -> Value {
    json!({ "requirement": requirement, "standing": standing, "message": HOSTILE, "evidence": evidence })
}

#[tokio::test]
async fn compliance_shows_each_standing_in_words_with_what_speaks_against_it_first() {
    let (portal, cookie) = portal(|_, path| {
        let evidence = json!([
            { "subject": "session 1", "seen": "up", "ok": true, "at": "2026-01-06T09:00:00Z" },
            { "subject": "session 2", "seen": "Down", "ok": false },
        ]);
        (path == format!("{EXTENSION}/compliance")).then(|| {
            let value = json!([
                finding("bfd", "notMet", evidence.clone()),
                finding("noRateLimit", "unknown", json!([])),
                finding("something-newer", "met", json!([])),
            ]);
            (200, json!({ "at": "2026-01-06T09:00:01Z", "value": value }))
        })
    })
    .await;
    let page = portal.get(&format!("{ONE}/compliance"), &cookie).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for words in ["BGP over BFD", "1 not met", "1 unknown", "1 met", "No rate limits", "something-newer"] {
        assert!(page.text.contains(words), "{words}");
    }
    assert!(page.text.find("session 2").unwrap() < page.text.find("session 1").unwrap());
    assert!(!page.text.contains("<img src=x"));
    let csv = portal.get(&format!("{ONE}/compliance?format=csv"), &cookie).await;
    assert!(csv.headers["content-disposition"].to_str().unwrap().contains("ams-compliance.csv"));
    assert!(csv.text.contains("\"BGP over BFD\",\"not met\""), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 5, "a line for each piece of evidence, or the finding");
}

#[tokio::test]
async fn a_peer_states_what_cant_be_measured_and_withdraws_it_and_nobody_else_does() {
    let stated = json!({
        "requirement": "noRateLimit", "standing": "attested", "message": "you state it", "evidence": [],
        "attestable": true,
        "attestation": { "requirement": "noRateLimit", "by": HOSTILE, "at": "2026-01-06T09:00:00Z", "note": HOSTILE },
    });
    let (portal, cookie) = portal(move |method, path| match (method.as_str(), path) {
        ("PUT", path) if path.ends_with("/noRateLimit") => {
            let error = json!({ "code": "NoteInvalid", "target": "note", "message": "too long" });
            Some((400, json!({ "error": error })))
        }
        ("DELETE", _) => ok(json!(null)),
        ("GET", path) if path.ends_with("/compliance") => {
            ok(json!({ "at": "2026-01-06T09:00:01Z", "value": [stated, finding("bfd", "met", json!([]))] }))
        }
        _ => None,
    })
    .await;
    let page = portal.get(&format!("{ONE}/compliance"), &cookie).await;
    let (_, card) = page.text.split_once("id=\"noRateLimit\"").unwrap();
    assert!(
        card.contains("Stated by") && card.contains("Change or withdraw") && !card.contains("<img src=x")
    );
    let form_at = format!("{ONE}/compliance/noRateLimit");
    let form = portal.get(&form_at, &cookie).await;
    assert!(form.text.contains("Withdraw the statement") && !form.text.contains("<img src=x"));
    assert_eq!(portal.get(&format!("{ONE}/compliance/bfd"), &cookie).await.status, 404, "it is measured");
    let csrf = form.csrf();
    let refused = portal.post(&form_at, &cookie, &format!("_csrf={csrf}&note=typed+it")).await;
    assert!(refused.text.contains("Too long.") && refused.text.contains("value=\"typed it\""));
    let asked = portal.asked().into_iter().find(|a| a.method == Method::PUT).unwrap();
    assert_eq!(asked.path, format!("{EXTENSION}/attestations/noRateLimit"));
    assert_eq!(asked.body, json!({ "note": "typed it" }));
    let gone = portal.post(&format!("{form_at}/withdraw"), &cookie, &format!("_csrf={csrf}")).await;
    assert_eq!(gone.location(), format!("{ONE}/compliance#noRateLimit"));
    let operator = portal.signed_in(Role::Operator, &[]).await;
    assert_eq!(portal.get(&form_at, &operator).await.status, 403);
    let page = portal.get(&format!("{ONE}/compliance"), &operator).await;
    assert!(page.text.contains("own people state this"));
}

pub(super) fn routes(path: &str) -> Option<(u16, Value)> {
    let query = path.strip_prefix(&format!("{RESOURCE}/receivedRoutes?"))?;
    let row = |n: usize| {
        let reasons =
            if n.is_multiple_of(2) { json!([]) } else { json!([{ "code": "X", "message": HOSTILE }]) };
        json!({
            "prefix": format!("198.19.{n}.0/24"), "nextHop": "198.18.192.2", "asPath": "64510",
            "rpkiValidationState": "Unknown", "receivedTimestamp": "2026-01-05T10:31:07Z",
            "accepted": n.is_multiple_of(2), "reasons": reasons, "sessionIp": "198.18.192.2", "router": "ams1-er1",
        })
    };
    let page = |first: usize| (first..first + 250).map(row).collect::<Vec<Value>>();
    let next = format!("http://h{RESOURCE}/receivedRoutes?api-version=1&$skipToken=ab12&x=1");
    ok(match query.contains("skipToken=ab12") {
        false => json!({ "value": page(0), "nextLink": next }),
        true => json!({ "value": page(250) }),
    })
}

#[tokio::test]
async fn received_routes_come_in_pages_and_say_what_is_rejected_and_why() {
    let (portal, cookie) = portal(|_, path| routes(path)).await;
    let first =
        portal.get(&format!("{ONE}/received-routes?accepted=false&as_path=64510+64511"), &cookie).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let asked = &portal.asked()[0].path;
    assert!(asked.contains("asPath=64510%2064511&accepted=false"), "{asked}");
    assert!(
        first.text.contains("Rejected")
            && first.text.contains("Accepted")
            && !first.text.contains("<img src=x")
    );
    assert!(first.text.contains("198.19.199.0/24") && !first.text.contains("198.19.200.0/24"));
    assert!(first.text.contains("accepted=false&amp;from=200"), "within the API's page");
    let second = portal.get(&format!("{ONE}/received-routes?from=200"), &cookie).await;
    assert!(second.text.contains("198.19.200.0/24") && second.text.contains("after=ab12"));
    let last = portal.get(&format!("{ONE}/received-routes?after=ab12&from=200"), &cookie).await;
    assert!(last.text.contains("198.19.499.0/24") && last.text.contains("the last ones"));
}

#[tokio::test]
async fn the_file_of_received_routes_has_all_pages_with_the_same_filter() {
    let (portal, cookie) = portal(|_, path| routes(path)).await;
    let csv = portal.get(&format!("{ONE}/received-routes?prefix=198.19.0.0/16&format=csv"), &cookie).await;
    assert_eq!(csv.text.lines().count(), 501);
    assert!(csv.text.starts_with("\"Prefix\",\"Accepted\",\"Reasons\""));
    let path = format!("{ONE}/received-routes?column=prefix&column=rpki");
    let two = portal.get(&format!("{path}&format=csv"), &cookie).await;
    assert!(two.text.starts_with("\"Prefix\",\"RPKI\"\r\n"), "the columns chosen");
    assert!(
        portal.get(&path, &cookie).await.text.contains("column=prefix&amp;column=rpki"),
        "and kept on the way"
    );
    let asked: Vec<String> = portal.asked().into_iter().map(|a| a.path).collect();
    assert!(asked[..2].iter().all(|path| path.contains("prefix=198.19.0.0%2F16")), "{asked:?}");
}

#[tokio::test]
async fn what_the_api_refuses_of_a_filter_stands_beside_it_and_a_silent_edge_is_told_kindly() {
    let (portal, cookie) = portal(|_, path| {
        let error = |code: &str, target: &str| json!({ "error": { "code": code, "target": target, "message": "host bits are set" } });
        match path.contains("prefix=") {
            true => Some((400, error("InvalidFilter", "prefix"))),
            false => Some((503, error("EdgeUnavailable", ""))),
        }
    })
    .await;
    let wrong = portal.get(&format!("{ONE}/received-routes?prefix=198.19.1.1/24"), &cookie).await;
    assert!(wrong.text.contains("id=\"prefix-error\"") && wrong.text.contains("value=\"198.19.1.1/24\""));
    let silent = portal.get(&format!("{ONE}/received-routes"), &cookie).await;
    assert_eq!(silent.status, 200);
    assert!(silent.text.contains("can't be asked for its routes right now"));
}

#[tokio::test]
async fn events_are_those_of_the_peering_and_what_lies_below_it_newest_first() {
    let (portal, cookie) = portal(|_, path| {
        let mail = |resource: &str, subject: &str, at: &str| {
            json!({ "resourceId": resource, "subject": subject, "text": HOSTILE, "recipients": ["noc@tel.example"],
                    "createdAt": at, "sentAt": null, "error": "connection refused" })
        };
        match path {
            p if p == format!("{EXTENSION}/connections") => connections(),
            p if p == format!("{EXTENSION}/audit") => list(&[json!({
                "at": "2026-01-05T10:00:00Z", "principal": "tel-portal", "action": "peerings/write",
                "resource": RESOURCE, "detail": { "created": true } })]),
            "/api/v1/subscriptions/Sub-A/mails" => list(&[
                mail(&format!("{}/registeredPrefixes/p", RESOURCE.to_lowercase()), "Prefix verified", "2026-01-07T00:00:00Z"),
                mail(&RESOURCE.replace("/ams", "/ams2"), "Another peering", "2026-01-08T00:00:00Z"),
            ]),
            _ => None,
        }
    })
    .await;
    let page = portal.get(&format!("{ONE}/events"), &cookie).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let place = |text: &str| page.text.find(text).unwrap_or_else(|| panic!("{text} isn't there"));
    let order = [
        "Prefix verified",
        "Active for the first time",
        "session 198.18.192.2 established",
        "light seen",
        "Peering ams created",
    ];
    let places: Vec<usize> = order.iter().map(|text| place(text)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(
        page.text.contains("Not delivered: connection refused") && !page.text.contains("Another peering")
    );
    assert!(!page.text.contains("<img src=x"));
    let csv = portal.get(&format!("{ONE}/events?format=csv&filter=mail"), &cookie).await;
    assert!(csv.text.contains("Prefix verified") && !csv.text.contains("light seen"));
}

#[tokio::test]
async fn configurations_are_shown_by_vendor_and_kept_as_files() {
    let (portal, cookie) = portal(|_, path| {
        let one = |vendor: &str, name: &str| {
            json!({ "connectionIdentifier": "id", "trackingId": "c1", "vendor": vendor, "vendorName": name,
                    "fileName": format!("ams\"\r\n-{vendor}.txt"), "text": format!("{vendor} {HOSTILE}") })
        };
        (path == format!("{EXTENSION}/routerConfiguration"))
            .then(|| (200, json!({ "value": [one("ios-xr", "Cisco IOS XR"), one("frr", "FRR")] })))
    })
    .await;
    let first = portal.get(&format!("{ONE}/configuration"), &cookie).await;
    assert!(first.text.contains("ios-xr &quot;&gt;") && !first.text.contains("<img src=x"), "{}", first.text);
    let frr = portal.get(&format!("{ONE}/configuration?vendor=frr"), &cookie).await;
    assert!(frr.text.contains("data-copy=\"frr ") && !frr.text.contains("data-copy=\"ios-xr"));
    let file = portal.get(&format!("{ONE}/configuration?vendor=frr&file=c1"), &cookie).await;
    assert_eq!(file.text, format!("frr {HOSTILE}"));
    assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"ams----frr.txt\"");
    assert_eq!(portal.get(&format!("{ONE}/configuration?file=c2"), &cookie).await.status, 404);
}

pub(super) fn metrics(path: &str) -> Option<(u16, Value)> {
    let definition = |name: &str, dimension: &str| {
        json!({ "name": { "value": name, "localizedValue": name }, "unit": "BitsPerSecond", "displayDescription": HOSTILE,
                "primaryAggregationType": "Average", "dimensions": [{ "value": dimension }] })
    };
    if path.starts_with(&format!("{EXTENSION}/connections")) {
        return connections();
    }
    if path.starts_with(&format!("{RESOURCE}/providers/microsoft.insights/metricDefinitions?")) {
        return list(&[definition("Ingress", "ConnectionId"), definition("Probe", "Protocol")]);
    }
    let query = path.strip_prefix(&format!("{RESOURCE}/providers/microsoft.insights/metrics?"))?;
    let series = match query.contains("metricnames=Ingress") {
        true => json!([{ "metadatavalues": [{ "value": "id-1" }], "data": [
            { "timeStamp": "2026-01-05T10:00:00Z", "average": 1e9 },
            { "timeStamp": "2026-01-05T10:01:00Z" },
            { "timeStamp": "2026-01-05T10:02:00Z", "average": 2e9 },
        ] }]),
        false => json!([{ "metadatavalues": [], "data": [{ "timeStamp": "2026-01-05T10:00:00Z" }] }]),
    };
    ok(json!({ "value": [{ "timeseries": series }] }))
}

#[tokio::test]
async fn only_what_was_measured_is_drawn_and_compared_by_connection() {
    let (portal, cookie) = portal(|_, path| metrics(path)).await;
    let page = portal.get(&format!("{ONE}/metrics?range=7d"), &cookie).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.text.matches("class=\"chart\"").count(), 1, "one metric was measured");
    assert_eq!(page.text.matches("<circle").count(), 2 + page.text.matches("class=\"drawing\"").count());
    assert!(page.text.contains("c1 on ams1-er1, 2026-01-05 10:02 UTC: 2 Gbit/s"), "{}", page.text);
    assert!(page.text.contains("Not measured in this time: Probe."));
    assert!(!page.text.contains("<img src=x"));
    let asked: Vec<String> = portal.asked().into_iter().map(|a| a.path).collect();
    let of = |name: &str| asked.iter().find(|p| p.contains(&format!("metricnames={name}"))).unwrap();
    assert!(
        of("Ingress").contains("interval=PT1H") && of("Ingress").contains("ConnectionId%20eq%20%27%2A%27")
    );
    assert!(!of("Probe").contains("filter"));
    let csv = portal.get(&format!("{ONE}/metrics?range=1h&format=csv"), &cookie).await;
    let rows: Vec<&str> = csv.text.lines().collect();
    assert_eq!(rows.len(), 3, "the gap has no row: {rows:?}");
    assert_eq!(
        rows[1],
        "\"Ingress\",\"BitsPerSecond\",\"c1 on ams1-er1\",\"2026-01-05 10:00 UTC\",1000000000"
    );
}

pub(super) fn route_server(method: &Method, path: &str) -> Option<(u16, Value)> {
    let below = path.strip_prefix(RESOURCE)?.split('?').next()?;
    let asn = json!({ "name": "n1", "properties": { "asn": 64511, "peeringServicePrefixKey": "key-1" },
                      "systemData": { "createdAt": "2026-01-05T10:00:00Z" } });
    match (method.as_str(), below) {
        ("GET", "") => ok(json!({ "properties": { "direct": { "directPeeringType": "IxRs" } } })),
        ("GET", "/registeredAsns") => list(&[asn]),
        ("GET" | "DELETE", "/registeredAsns/n1") => ok(asn),
        ("PUT", "/registeredAsns/new") => Some((201, asn)),
        ("PUT", "/registeredAsns/n1") => {
            Some((412, json!({ "error": { "code": "PreconditionFailed", "message": "there" } })))
        }
        ("PUT", _) => Some((
            400,
            json!({ "error": { "code": "AsnNotPublic", "target": "properties.asn", "message": "private" } }),
        )),
        _ => None,
    }
}

#[tokio::test]
async fn asns_are_registered_and_deleted_and_faults_stand_beside_their_field() {
    let (portal, cookie) = portal(route_server).await;
    let page = portal.get(&format!("{ONE}/registered-asns"), &cookie).await;
    assert!(page.text.contains("64511") && page.text.contains("data-copy=\"key-1\""), "{}", page.text);
    let csrf = page.csrf();
    let add = async |name: &str, asn: &str| {
        let form = format!("_csrf={csrf}&name={name}&asn={asn}");
        portal.post(&format!("{ONE}/registered-asns/add"), &cookie, &form).await
    };
    assert_eq!(add("new", "AS64511").await.location(), format!("{ONE}/registered-asns"));
    assert_eq!(portal.asked().last().unwrap().body, json!({ "properties": { "asn": 64511 } }));
    for (name, asn, field) in [
        ("", "1", "name-error"),
        ("new", "x", "asn-error"),
        ("n1", "1", "name-error"),
        ("other", "64512", "asn-error"),
    ] {
        let again = add(name, asn).await;
        assert!(again.text.contains(&format!("id=\"{field}\"")), "{name} {asn}: {}", again.text);
        assert!(again.text.contains(&format!("value=\"{asn}\"")), "what was typed stays");
    }
    let foreign = portal.post(&format!("{ONE}/registered-asns/add"), &cookie, "name=a&asn=1").await;
    assert_eq!(foreign.status, 403);
    let delete = format!("{ONE}/registered-asns/n1/delete");
    assert!(portal.get(&delete, &cookie).await.text.contains("Delete n1?"));
    let deleted = portal.post(&delete, &cookie, &format!("_csrf={csrf}")).await;
    assert_eq!(deleted.location(), format!("{ONE}/registered-asns"));
    assert_eq!(portal.asked().last().unwrap().method, Method::DELETE);
}

#[tokio::test]
async fn readers_look_and_other_offerings_say_what_to_do_instead() {
    let portal = Portal::new(route_server).await;
    let reader = portal.signed_in(Role::Reader, &["Sub-A"]).await;
    let page = portal.get(&format!("{ONE}/registered-asns"), &reader).await;
    assert!(page.text.contains("aria-disabled") && !page.text.contains("/n1/delete"));
    assert_eq!(portal.get(&format!("{ONE}/registered-asns/add"), &reader).await.status, 403);
    let (portal, cookie) = self::portal(|_, path| {
        path.starts_with(RESOURCE)
            .then(|| (200, json!({ "properties": { "direct": { "directPeeringType": "Voice" } } })))
    })
    .await;
    let page = portal.get(&format!("{ONE}/registered-asns"), &cookie).await;
    assert!(
        page.text.contains("with a route server")
            && page.text.contains(&format!("{ONE}/registered-prefixes"))
    );
}

#[tokio::test]
async fn other_peoples_peerings_are_not_there() {
    let (portal, cookie) = portal(|_, _| None).await;
    for page in ["compliance", "received-routes", "events", "configuration", "metrics", "registered-asns"] {
        for path in [format!("{ONE}/{page}"), format!("/peerings/Sub-B/voice/ams/{page}")] {
            assert_eq!(portal.get(&path, &cookie).await.status, 404, "{path}");
        }
    }
}
