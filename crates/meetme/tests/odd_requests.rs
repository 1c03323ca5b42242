//! Requests that two readers could understand differently, or that nobody should send: each has its
//! answer, and none leaves anything behind.

mod common;

use common::{ASNS, Product, claim, claim_of};
use std::time::Duration;

/// Sends bytes and gives `status code` of the answer, `-` when the connection is just closed.
fn told(product: &Product, bytes: impl AsRef<[u8]>) -> String {
    let mut wire = product.connect();
    wire.send(bytes);
    wire.half_close();
    wire.reply().map_or("-".into(), |reply| reply.told())
}

#[test]
fn a_header_with_two_meanings_is_refused() {
    let product = Product::start("");
    let token = &product.token;
    let path = format!("{ASNS}?api-version=2022-10-01");
    let with = |fields: &str| format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\n{fields}\r\n");
    for (request, expected) in [
        (with("host: a.example\r\n"), "200 "),
        (with("host: a.example\r\nhost: b.example\r\n"), "400 InvalidHost"),
        (with(""), "400 InvalidHost"),
        (with("host: a.example/x\r\n"), "400 InvalidHost"),
        (with("host: user@a.example\r\n"), "400 InvalidHost"),
        (with("host : a.example\r\n"), "400 "),
        (with("host: a.example\r\nx: a\rb\r\n"), "400 "),
        (with("host: a.example\r\nx: a\0b\r\n"), "400 "),
        (with("host: a.example\r\nx: a\r\n b\r\n"), "400 "),
        (with("host: a.example\r\n: b\r\n"), "400 "),
        (with("host: a.example\r\ncontent-length: 1\r\ncontent-length: 2\r\n"), "400 "),
        (with("host: a.example\r\ncontent-length: -1\r\n"), "400 "),
        (with("host: a.example\r\ncontent-length: +0\r\n"), "400 "),
        (with("host: a.example\r\ntransfer-encoding: gzip\r\n"), "400 "),
        (with("host: a.example\r\ntransfer-encoding: chunked, gzip\r\n"), "400 "),
        (with("host: a.example\r\nauthorization: Bearer other\r\n"), "400 DuplicateHeader"),
        (with("host: a.example\r\ncontent-type: a/b\r\ncontent-type: c/d\r\n"), "400 DuplicateHeader"),
        (format!("GET {path} HTTP/1.0\r\nauthorization: Bearer {token}\r\n\r\n"), "200 "),
        (format!("GET {path} HTTP/9.9\r\nhost: a\r\n\r\n"), "400 "),
        (format!("GET {path}\r\n\r\n"), "400 "),
        ("\u{16}\u{3}\u{1}\0\u{5}hello".into(), "400 "),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "-"),
    ] {
        assert_eq!(told(&product, &request), expected, "{request:?}");
    }
    product.holds_nothing();
}

#[test]
fn a_request_smuggled_behind_another_is_never_answered() {
    let product = Product::start("");
    let body = claim();
    let inner = format!(
        "{}content-length: {}\r\n\r\n{body}",
        product.header("PUT", &format!("{ASNS}/smuggled")),
        body.len()
    );
    let outer = product.header("POST", "/api/v1/nothing");
    for fields in [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", inner.len() + 5),
        format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n\r\n0\r\n\r\n", inner.len() + 5),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: xchunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding : chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n".to_owned(),
        "content-length: 3\r\ncontent-length: 4\r\n\r\nabc".to_owned(),
    ] {
        let mut wire = product.connect();
        wire.send(format!("{outer}{fields}{inner}"));
        let first = wire.reply().expect("an answer");
        assert!((400..500).contains(&first.status), "{fields:?}: {first:?}");
        assert!(wire.closes_within(Duration::from_secs(3)), "{fields:?}: something else was answered");
    }
    product.holds_nothing();
}

#[test]
fn headers_and_paths_have_a_size() {
    let product = Product::start("");
    let field = |bytes: usize| format!("{}x: {}\r\n\r\n", product.header("GET", ASNS), "y".repeat(bytes));
    assert_eq!(told(&product, field(8_000)), "200 ");
    assert_eq!(told(&product, field(20_000)), "431 RequestHeaderFieldsTooLarge");
    for many in [100_000, 3_000_000] {
        assert!(told(&product, field(many)).starts_with("431 "), "{many}");
    }
    let fields = |n: usize| product.header("GET", ASNS) + &"x: y\r\n".repeat(n) + "\r\n";
    assert_eq!(told(&product, fields(90)), "200 ");
    assert_eq!(told(&product, fields(2000)), "431 ");
    let path = |bytes: usize| product.header("GET", &format!("{ASNS}/{}", "x".repeat(bytes))) + "\r\n";
    assert_eq!(told(&product, path(200)), "400 InvalidResourceName");
    assert_eq!(told(&product, path(10_000)), "414 UriTooLong");
    assert!(told(&product, path(70_000)).starts_with("414 "));
    assert!(product.peak_memory_kib() < 200 * 1024);
    product.holds_nothing();
}

#[test]
fn bodies_have_a_size_and_are_refused_before_they_are_read() {
    let product = Product::start("");
    let header = product.header("PUT", &format!("{ASNS}/x"));
    let announced = format!("{header}content-length: 99999999999\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(told(&product, announced), "413 RequestTooLarge");
    let beyond = format!("{header}content-length: 99999999999999999999999\r\n\r\n");
    assert_eq!(told(&product, beyond), "400 ");
    let mut wire = product.connect();
    wire.send(format!("{header}transfer-encoding: chunked\r\n\r\n"));
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(65_536));
    for _ in 0..64 {
        wire.send(&chunk);
    }
    assert_eq!(wire.reply().expect("an answer").told(), "413 RequestTooLarge");
    let fits = format!("{}{}", claim(), " ".repeat(1_000_000));
    assert_eq!(product.ask("PUT", &format!("{ASNS}/fits"), &fits).status, 201);
    assert!(product.peak_memory_kib() < 200 * 1024);
}

#[test]
fn a_body_is_json_in_utf_8_and_not_compressed() {
    let product = Product::start("");
    let body = claim();
    let put = |field: &str| {
        format!(
            "{}content-length: {}\r\n{field}\r\n\r\n{body}",
            product.header("PUT", &format!("{ASNS}/x")),
            body.len()
        )
    };
    for field in [
        "content-type: text/plain",
        "content-type: application/x-www-form-urlencoded",
        "content-type: application/json; charset=iso-8859-1",
        "content-type: multipart/form-data; boundary=x",
        "content-encoding: gzip",
        "content-encoding: br",
    ] {
        assert_eq!(told(&product, put(field)), "415 UnsupportedMediaType", "{field}");
    }
    product.holds_nothing();
    assert_eq!(told(&product, put("content-type: application/json; charset=utf-8")), "201 ");
}

#[test]
fn paths_that_mean_something_else_reach_nothing() {
    let product = Product::start("");
    let get = |path: &str| told(&product, product.header("GET", path) + "\r\n");
    for (path, expected) in [
        (format!("{ASNS}/%2e%2e"), "400 InvalidResourceName"),
        (format!("{ASNS}/../peerings"), "400 InvalidResourceName"),
        (format!("{ASNS}/./x"), "400 InvalidResourceName"),
        (format!("{ASNS}/a%00b"), "400 InvalidResourceName"),
        (format!("{ASNS}/a%2Fb"), "400 InvalidResourceName"),
        (format!("{ASNS}/a;b=c"), "400 InvalidResourceName"),
        (format!("{ASNS}/%C0%AF"), "400 InvalidResourceName"),
        (format!("{ASNS}/%F0%9F%98%80"), "400 InvalidResourceName"),
        (format!("{ASNS}/%"), "400 InvalidResourceName"),
        (format!("{ASNS}/%zz"), "400 InvalidResourceName"),
        // What is empty is as if it weren't there: other names aren't taken for it.
        (format!("/{ASNS}"), "200 "),
        ("/subscriptions//providers/Microsoft.Peering/peerAsns".into(), "404 InvalidResourceType"),
        (
            "/subscriptions/sub-b/../sub-a/providers/Microsoft.Peering/peerAsns".into(),
            "400 InvalidResourceName",
        ),
        ("/subscriptions/sub-a%2Fx/providers/Microsoft.Peering/peerAsns".into(), "404 NotFound"),
        ("/subscriptions/sub-b/providers/Microsoft.Peering/peerAsns".into(), "404 NotFound"),
        ("/api/v1/%2e%2e/%2e%2e/etc/passwd".into(), "404 NotFound"),
        ("/api/../../etc/passwd".into(), "400 InvalidResourceName"),
        ("/api/v1/\u{e4}".into(), "404 NotFound"),
    ] {
        let found = get(&path);
        assert!(found == expected || found == "400 ", "{path}: {found}");
    }
    // An absolute address names the host and changes nothing else.
    let absolute = product.header("GET", &format!("http://b.example{ASNS}")) + "\r\n";
    assert_eq!(told(&product, absolute), "200 ");
    product.holds_nothing();
}

#[test]
fn a_method_is_what_the_request_line_says() {
    let product = Product::start("");
    assert_eq!(product.ask("PUT", &format!("{ASNS}/x"), &claim()).status, 201);
    for (method, expected) in [
        ("TRACE", "405 MethodNotAllowed"),
        ("OPTIONS", "405 MethodNotAllowed"),
        ("PROPFIND", "405 MethodNotAllowed"),
        ("get", "405 MethodNotAllowed"),
        ("G\u{0}ET", "400 "),
    ] {
        let request = product.header(method, &format!("{ASNS}/x")) + "\r\n";
        assert_eq!(told(&product, request), expected, "{method}");
    }
    let tunnel = format!("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n\r\n", product.address);
    assert_eq!(told(&product, tunnel), "405 MethodNotAllowed");
    for field in ["x-http-method-override: DELETE", "x-http-method: DELETE", "x-method-override: DELETE"] {
        let request = product.header("GET", &format!("{ASNS}/x")) + field + "\r\n\r\n";
        assert_eq!(told(&product, request), "200 ", "{field}");
    }
    let upgrade = product.header("GET", ASNS) + "connection: upgrade\r\nupgrade: websocket\r\n\r\n";
    assert_eq!(told(&product, upgrade), "200 ");
    assert_eq!(product.ask("GET", &format!("{ASNS}/x"), "").status, 200);
}

#[test]
fn what_a_get_sends_along_is_harmless() {
    let product = Product::start("");
    let mut wire = product.connect();
    let body = claim();
    for _ in 0..2 {
        wire.send(format!("{}content-length: {}\r\n\r\n{body}", product.header("GET", ASNS), body.len()));
        assert_eq!(wire.reply().expect("an answer").status, 200);
    }
    product.holds_nothing();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let product = Product::start("");
    let body = claim();
    let path = format!("{ASNS}/x");
    let put = format!("{}content-length: {}\r\n\r\n{body}", product.header("PUT", &path), body.len());
    let get = product.header("GET", &path) + "\r\n";
    let delete = product.header("DELETE", &path) + "\r\n";
    let mut wire = product.connect();
    wire.send(format!("{get}{put}{get}{delete}{get}"));
    let statuses: Vec<u16> = (0..5).filter_map(|_| wire.reply()).map(|r| r.status).collect();
    assert_eq!(statuses, [404, 201, 200, 200, 404]);
}

#[test]
fn asns_have_32_bits() {
    let product = Product::start("");
    let put = |name: &str, asn: &str| product.ask("PUT", &format!("{ASNS}/{name}"), &claim_of(asn));
    for (asn, code) in [
        ("4294967296", "PeerAsnOutOfRange"),
        ("-1", "PeerAsnOutOfRange"),
        ("4294967295", "PeerAsnReserved"),
        ("4294967294", "PeerAsnReserved"),
        ("0", "PeerAsnReserved"),
        ("1e400", "NumberOutOfRange"),
        ("99999999999999999999999999", "NumberOutOfRange"),
        ("2.5", "InvalidType"),
        ("\"64510\"", "InvalidType"),
    ] {
        let reply = put("x", asn);
        assert_eq!(reply.told(), format!("400 {code}"), "{asn}");
        assert_eq!(reply.json()["error"]["target"], "properties.peerAsn", "{asn}");
    }
    let reserved = put("x", "4294967295").json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(reserved.contains("RFC 7300"), "{reserved}");
    product.holds_nothing();
    // Above 2^31−1, and public.
    for (name, asn) in [("low", "2147483648"), ("high", "4199999999")] {
        assert_eq!(put(name, asn).status, 201, "{asn}");
        let shown = product.ask("GET", &format!("{ASNS}/{name}"), "").json();
        assert_eq!(shown["properties"]["peerAsn"].to_string(), asn);
    }
}

#[test]
fn a_refusal_before_the_body_is_read_leaves_a_good_connection_or_says_that_it_ends() {
    let product = Product::start("");
    let refused = |length: &str| {
        format!("{}{length}\r\n\r\n", product.header("PUT", "/subscriptions/sub-a/nothing/here"))
    };
    let healthy = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    // As clients do that send the header and the body apart.
    let mut wire = product.connect();
    wire.send(refused("content-length: 2"));
    std::thread::sleep(Duration::from_millis(50));
    wire.send("{}");
    let reply = wire.reply().expect("an answer");
    assert_eq!((reply.told(), reply.field("connection")), ("404 NotFound".into(), None));
    wire.send(healthy);
    assert_eq!(wire.reply().expect("another answer").status, 200);
    for (unsent, why) in [
        ("content-length: 2", "it never comes"),
        ("content-length: 900000", "it is long"),
        ("transfer-encoding: chunked", "it may be endless"),
        ("content-length: 2\r\nexpect: 100-continue", "it is held back"),
    ] {
        let mut wire = product.connect();
        wire.send(refused(unsent));
        let reply = wire.reply().expect("an answer");
        assert_eq!(
            (reply.told(), reply.field("connection")),
            ("404 NotFound".into(), Some("close")),
            "{why}"
        );
        wire.half_close();
        assert!(wire.closes_within(Duration::from_secs(3)), "{why}");
    }
}
