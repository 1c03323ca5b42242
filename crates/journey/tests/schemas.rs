//! The API against its own documents: schemathesis sends what they allow and what they don't, for every
//! api-version, and holds every answer against them. No lab: a question to a router is answered as such.

mod common;

use anyhow::{Context, ensure};
use common::product::Product;
use common::script;
use futures::{StreamExt, TryStreamExt, stream};
use meetme_client::{Operator, Resources};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use tokio::process::Command;

/// The first of as many ports as there are documents, and one.
const PORT: u16 = 9021;
/// Documents that are tried at the same time, each with a product of its own.
const AT_ONCE: usize = 2;
const SUBSCRIPTION: &str = "7d3f1c52-0a41-4c8e-9b61-2f5f0a9c6e11";
const GROUP: &str = "telco";
/// Most random requests for each operation: of the newest version, the oldest and the operators' document, and
/// of the versions between, which differ by little. What each keyword of a schema asks for comes besides.
const EXAMPLES: (u32, u32) = (20, 4);
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// Nothing is held back by the limits of one caller.
const RATES: &str = "[rates]\nreads = { per_s = 100000, burst = 100000 }\n\
                     writes = { per_s = 100000, burst = 100000 }\nlive = { per_s = 100000, burst = 100000 }\n\
                     routes = { per_s = 100000, burst = 100000 }\n\
                     failed_tokens = { per_s = 100000, burst = 100000 }\n";

#[test]
fn every_answer_is_as_the_documents_of_all_versions_say() {
    common::with_state(|state| async move {
        let documents = documents(&state).await?;
        ensure!(documents.len() > 2, "there are hardly any documents: {documents:?}");
        let last = documents.len() - 1;
        let all = documents.iter().zip(PORT + 1..).enumerate().map(|(i, (document, port))| {
            let outer = i == 0 || i + 1 >= last;
            let examples = if outer { EXAMPLES.0 } else { EXAMPLES.1 };
            holds(&state, port, document, examples)
        });
        let found: Vec<Option<&str>> = stream::iter(all).buffered(AT_ONCE).try_collect().await?;
        let failed: Vec<&str> = found.into_iter().flatten().collect();
        ensure!(failed.is_empty(), "the API isn't as these say: {}", failed.join(", "));
        Ok(())
    });
}

/// Addresses of all documents, as the index has them: newest version first, the operators' last.
async fn documents(state: &Path) -> anyhow::Result<Vec<String>> {
    let product = Product::start(&state.join("index"), PORT, "").await?;
    let index = product.operator.get("/openapi").await?;
    let list = index.pointer("/documents").and_then(Value::as_array).context("no documents")?;
    list.iter()
        .map(|d| Ok(d.pointer("/document").and_then(Value::as_str).context("no address")?.to_owned()))
        .collect()
}

/// Something of everything that can be made without a router. Gives the names by the parameters of paths.
async fn furnish(product: &Product) -> anyhow::Result<Value> {
    let (operator, paths) = (&product.operator, Resources::new(SUBSCRIPTION, GROUP));
    let contact = json!({ "role": "Noc", "email": "noc@contoso.example", "phone": "+31 20 555 0100" });
    let asn = json!({ "properties": {
        "peerAsn": 64510, "peerName": "Contoso Voice", "peerContactDetail": [contact],
    }});
    operator.put(&paths.peer_asn("tel"), &asn).await?;
    let reason = json!({ "reason": "confirmed by phone" });
    operator.decide(&paths.peer_asn_checks("tel"), &paths.decide_peer_asn("tel", true), &reason).await?;
    product.until_approved(&paths.peer_asn("tel")).await?;
    let voice = json!({ "bandwidthInMbps": 10000, "peeringDBFacilityId": 64 });
    operator.put(&paths.peering("ams"), &peering("Voice", &[&voice, &voice])).await?;
    let exchange = json!({ "bandwidthInMbps": 10000, "peeringDBFacilityId": 64,
                           "bgpSession": { "sessionPrefixV4": "198.19.240.0/31" } });
    operator.put(&paths.peering("ix"), &peering("IxRs", &[&exchange])).await?;
    let registered = format!("{}/registeredAsns/customer", paths.peering("ix"));
    operator.put(&registered, &json!({ "properties": { "asn": 64510 } })).await?;
    let service = json!({ "location": "westeurope", "properties": {
        "peeringServiceLocation": "North Holland", "peeringServiceProvider": "Contoso Voice",
        "providerPrimaryPeeringLocation": "Amsterdam",
    }});
    operator.put(&paths.peering_service("voice"), &service).await?;
    let provider = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Peering");
    operator.post(&format!("{provider}/initializeConnectionMonitor"), &json!({})).await?;
    let test = json!({ "properties": { "sourceAgent": "ams1", "destination": "198.19.10.1" } });
    let monitor = format!("{}/connectionMonitorTests/sbc", paths.peering_service("voice"));
    operator.put(&monitor, &test).await?;
    let routers = operator.list(Operator::ROUTERS).await?;
    let router = routers.first().and_then(|r| r.pointer("/name")).context("no router")?;
    Ok(json!({
        "subscriptionId": SUBSCRIPTION, "subscription": SUBSCRIPTION,
        "resourceGroupName": GROUP, "resource_group": GROUP,
        "peerAsnName": "tel", "peer_asn": "tel", "peeringName": "ams", "peering": "ams",
        "registeredAsns.peeringName": "ix", "registeredAsnName": "customer",
        "peeringServiceName": "voice", "peering_service": "voice", "connectionMonitorTestName": "sbc",
        "connection": "c1", "router": router,
    }))
}

fn peering(kind: &str, connections: &[&Value]) -> Value {
    let asn = Resources::new(SUBSCRIPTION, GROUP).peer_asn("tel");
    json!({
        "kind": "Direct", "location": "westeurope", "sku": { "name": "Premium_Direct_Free" },
        "properties": { "peeringLocation": "Amsterdam", "direct": {
            "directPeeringType": kind, "peerAsn": { "id": asn }, "connections": connections,
        }},
    })
}

/// Runs schemathesis on one document, against a product of its own, so that nothing depends on what was asked
/// before; gives the document when it found something, and prints what.
async fn holds<'d>(
    state: &Path,
    port: u16,
    document: &'d str,
    examples: u32,
) -> anyhow::Result<Option<&'d str>> {
    let name = document.trim_start_matches("/openapi/").trim_end_matches(".json").replace('/', "-");
    let state = state.join(name);
    let product = Product::start(&state, port, RATES).await?;
    let places = furnish(&product).await?;
    let config = format!(
        "seed = 1\nhooks = '{}'\nheaders = {{ Authorization = 'Bearer {}' }}\nworkers = 1\n\n\
         [generation]\nmax-examples = {examples}\ndeterministic = true\nno-shrink = true\ndatabase = 'none'\n\
         with-security-parameters = false\n\n[phases.stateful]\nenabled = false\n",
        script::folder().join("schema_hooks.py").display(),
        product.token,
    );
    let file = state.join("schemathesis.toml");
    std::fs::write(&file, config)?;
    let began = Instant::now();
    let output = Command::new(script::prepared("schemathesis")?.join("bin/schemathesis"))
        .current_dir(&state)
        .arg("--config-file")
        .arg(&file)
        .args(["run", "--checks", CHECKS, "--continue-on-failure"])
        .arg(format!("{}{document}", product.api))
        .env("MEETME_PLACES", places.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .output()
        .await?;
    println!("{document}: {:.0} s, {}", began.elapsed().as_secs_f64(), output.status);
    if output.status.success() {
        return Ok(None);
    }
    println!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(Some(document))
}
