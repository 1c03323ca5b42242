//! One caller who asks too much is told when to come back; others don't notice.

mod common;

use common::{ASNS, Product, claim};
use std::time::{Duration, Instant};

#[test]
fn reads_and_writes_have_rates_of_their_own() {
    let product =
        Product::start("[rates]\nreads = { per_s = 2, burst = 5 }\nwrites = { per_s = 1, burst = 1 }\n");
    let first = product.ask("GET", ASNS, "");
    assert_eq!(first.field("x-ms-ratelimit-remaining-subscription-reads"), Some("4"));
    let limited = (0..10).map(|_| product.ask("GET", ASNS, "")).find(|r| r.status == 429);
    let limited = limited.expect("a limit");
    assert_eq!((limited.code().as_str(), limited.field("retry-after")), ("TooManyRequests", Some("1")));
    let written = product.ask("PUT", &format!("{ASNS}/x"), &claim());
    assert_eq!(written.field("x-ms-ratelimit-remaining-subscription-writes"), Some("0"));
    assert_eq!((written.status, product.ask("PUT", &format!("{ASNS}/x"), &claim()).status), (201, 429));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(product.ask("GET", ASNS, "").status, 200);
}

#[test]
fn pages_of_routes_have_a_rate_of_their_own() {
    let product = Product::start("[rates]\nroutes = { per_s = 1, burst = 2 }\n");
    let below = |last: &str| {
        format!("/subscriptions/sub-a/resourceGroups/rg/providers/Microsoft.Peering/peerings/ams/{last}")
    };
    let answers = ["receivedRoutes", "RPunbilledPREFIXES", "receivedroutes"]
        .map(|last| product.ask("GET", &below(last), ""));
    assert_eq!(answers.each_ref().map(|r| r.status), [404, 404, 429]);
    assert_eq!(answers[2].field("retry-after"), Some("1"));
    assert_eq!(
        product.ask("GET", &below("registeredPrefixes"), "").status,
        404,
        "others aren't kept waiting"
    );
}

#[test]
fn guessing_tokens_is_slow_and_good_tokens_are_not() {
    let product = Product::start("[rates]\nfailed_tokens = { per_s = 1, burst = 5 }\n");
    assert_eq!(product.ask("GET", ASNS, "").status, 200);
    let guess = |n: u32| {
        let mut wire = product.connect();
        let header = product.header("GET", ASNS).replace(&product.token, &format!("guess-{n}"));
        wire.send(header + "\r\n");
        wire.reply().expect("an answer")
    };
    let begun = Instant::now();
    let answers: Vec<u16> = (0..50).map(|n| guess(n).status).collect();
    let looked_up = answers.iter().filter(|s| **s == 401).count() as u64;
    assert!((5..=6 + begun.elapsed().as_secs()).contains(&looked_up), "{answers:?}");
    assert_eq!(guess(50).field("retry-after"), Some("1"));
    assert_eq!(product.ask("GET", ASNS, "").status, 200);
}
