//! `meetme approve`: it decides about what it showed, and says what came in between.

mod common;

use common::{ASNS, Product};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const GROUP: &str = "/subscriptions/sub-a/resourceGroups/voice/providers/Microsoft.Peering/peerings";

/// The product with an operator's token.
struct Operator {
    product: Product,
    token: String,
}

impl Operator {
    fn new() -> Self {
        let product = Product::start("");
        let (ok, token) = product.command(&["token", "create", "--role", "operator", "--name", "olga"]);
        assert!(ok, "{token}");
        Self { product, token }
    }

    /// What `meetme approve` says to these arguments, and whether it succeeds.
    fn approve(&self, arguments: &[&str]) -> (bool, String) {
        let server = format!("http://{}", self.product.address);
        let own = ["--server", server.as_str(), "--token", self.token.as_str()];
        self.product.command(&[&["approve"], arguments, &own].concat())
    }

    /// The word for `--seen` of what is shown.
    fn seen(&self, what: &[&str]) -> String {
        let (ok, shown) = self.approve(what);
        assert!(ok && shown.contains("Nothing is decided yet"), "{shown}");
        let (_, rest) = shown.split_once("--seen ").expect("the word");
        rest.split_whitespace().next().unwrap().to_owned()
    }

    fn put(&self, path: &str, body: &Value) {
        let reply = self.product.ask("PUT", path, &body.to_string());
        assert!(matches!(reply.status, 200 | 201), "{}", reply.json());
    }

    /// Waits until a claim is Approved.
    fn approved(&self, path: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.product.ask("GET", path, "").json()["properties"]["validationState"] != "Approved" {
            assert!(Instant::now() < until, "{path} isn't approved");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn claim(asn: u32, name: &str) -> Value {
    let noc = json!({ "role": "Noc", "email": "noc@contoso.example", "phone": "+31 20 555 0100" });
    json!({ "properties": { "peerAsn": asn, "peerName": name, "peerContactDetail": [noc] } })
}

fn peering(mbps: u32) -> Value {
    let connection = json!({
        "connectionIdentifier": "5f4cb5c7-6b43-4444-9338-9abc72606c16",
        "bandwidthInMbps": mbps, "peeringDBFacilityId": 64,
    });
    json!({
        "kind": "Direct", "location": "westeurope", "sku": { "name": "Basic_Direct_Free" },
        "properties": { "peeringLocation": "Amsterdam", "direct": {
            "directPeeringType": "Edge", "peerAsn": { "id": format!("{ASNS}/contoso") },
            "connections": [connection],
        } },
    })
}

#[test]
fn what_was_shown_is_decided_and_nothing_else() {
    let olga = Operator::new();
    let path = format!("{ASNS}/contoso");
    olga.put(&path, &claim(64509, "Contoso"));
    let what = ["asn", "sub-a", "contoso"];
    let (_, shown) = olga.approve(&what);
    assert!(shown.contains("AS64509 Contoso") && shown.contains("passes  AsnFree"), "{shown}");
    let (ok, told) = olga.approve(&[&what[..], &["--reason", "the NOC confirmed it"]].concat());
    assert!(!ok && told.contains("--seen"), "{told}");
    let seen = olga.seen(&what);
    let decide =
        |seen: &str, reason: &str| olga.approve(&[&what[..], &["--seen", seen, "--reason", reason]].concat());
    assert_eq!(olga.product.ask("DELETE", &path, "").status, 200);
    olga.put(&path, &claim(64510, "Contoso"));
    let (ok, told) = decide(&seen, "the NOC confirmed it");
    assert!(!ok && told.contains("another request in its place"), "{told}");
    assert!(told.contains("ASN was 64509, is 64510"), "{told}");
    let seen = olga.seen(&what);
    let (ok, told) = decide(&seen, " ");
    assert!(!ok && told.contains("ReasonRequired"), "{told}");
    let (ok, told) = decide(&seen, "the NOC confirmed it");
    assert!(ok, "{told}");
    olga.approved(&path);
    let (ok, told) = decide(&seen, "fine");
    assert!(
        !ok && told.contains("was approved by olga at ") && told.contains("the NOC confirmed it"),
        "{told}"
    );
}

#[test]
fn connections_are_shown_and_decided_alone_or_with_their_peering() {
    let olga = Operator::new();
    let path = format!("{ASNS}/contoso");
    olga.put(&path, &claim(64510, "Contoso"));
    let what = ["asn", "sub-a", "contoso"];
    let seen = olga.seen(&what);
    assert!(olga.approve(&[&what[..], &["--seen", &seen, "--reason", "proved"]].concat()).0);
    olga.approved(&path);
    let path = format!("{GROUP}/ams");
    olga.put(&path, &peering(10_000));
    // The first connection of all, by the number that the queue tells.
    let (one, all) = (["connection", "1"], ["peering", "sub-a", "voice", "ams"]);
    let (_, shown) = olga.approve(&one);
    assert!(shown.contains("10000 Mbps in Amsterdam") && shown.contains("PortsAndDiversity"), "{shown}");
    let (seen_one, seen_all) = (olga.seen(&one), olga.seen(&all));
    olga.put(&path, &peering(20_000));
    let decide = |what: &[&str], seen: &str| {
        olga.approve(&[what, &["--seen", seen, "--reason", "ports are free"]].concat())
    };
    let (ok, told) = decide(&one, &seen_one);
    assert!(!ok && told.contains("bandwidth in Mbps was 10000, is 20000"), "{told}");
    let (ok, told) = decide(&all, &seen_all);
    assert!(!ok && told.contains("contoso changed it at "), "{told}");
    let (ok, told) = decide(&all, &olga.seen(&all));
    assert!(ok, "{told}");
    let (ok, told) = decide(&one, &seen_one);
    assert!(ok, "the same decision again: {told}");
    let refuse = ["--refuse", "--seen", &seen_one, "--reason", "no cage"];
    let (ok, told) = olga.approve(&[&one[..], &refuse].concat());
    assert!(!ok && told.contains("approved by olga at "), "{told}");
    let (_, shown) = olga.approve(&one);
    assert!(shown.contains("Approved by olga at ") && shown.contains("ports are free"), "{shown}");
}
