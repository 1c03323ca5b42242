//! Tools that sign in at an identity provider by a client's id and secret do so at Meetme itself, with nothing
//! in between: azure-identity and azure-mgmt-resource as they were published, over TLS.

mod common;

use common::product::Product;
use common::{script, tls};
use serde_json::json;
use std::time::Duration;
use tokio::process::Command;

const PORT: u16 = 9017;
const TLS_PORT: u16 = 9018;
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn a_client_signs_in_with_its_token_as_the_secret_and_finds_its_resources() {
    common::with_state(|state| async move {
        let files = tls::certificate(&state.join("tls"))?;
        let product = Product::start_with_tls(&state.join("product"), PORT, TLS_PORT, &files).await?;
        let mut command = Command::new(script::prepared("sign-in")?.join("bin/python"));
        command.arg(script::folder().join("sign_in.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("REQUESTS_CA_BUNDLE", &files.authority);
        let task = json!({
            "base": format!("https://localhost:{TLS_PORT}"), "token": product.token,
            "subscription": "7d3f1c52-0a41-4c8e-9b61-2f5f0a9c6e11",
        });
        let log = state.join("sign_in.log");
        let wish = |wish| async move { anyhow::bail!("nobody fulfils {wish}") };
        tokio::time::timeout(LIMIT, script::play(command, &task, &log, wish)).await?
    });
}
