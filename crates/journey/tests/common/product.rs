//! The product alone, with the default lab's inventory and no routers behind it.

use super::tls::Certificate;
use anyhow::ensure;
use meetme_client::Client;
use meetme_journey::people::text;
use meetme_journey::world::{binary, root};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::process::Child;

const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// A running product; it ends when this is dropped.
pub struct Product {
    /// The API's address.
    pub api: String,
    /// An operator's token.
    pub token: String,
    /// A client that uses it.
    pub operator: Client,
    _process: Child,
}

impl Product {
    /// Starts it at `port`, its files in `state`, with `more` at the end of its configuration.
    pub async fn start(state: &Path, port: u16, more: &str) -> anyhow::Result<Self> {
        Self::start_at(state, port, &format!("listen = '127.0.0.1:{port}'"), more).await
    }

    /// Starts it with TLS at `tls_port`, and for our own client without at `port`.
    pub async fn start_with_tls(
        state: &Path,
        port: u16,
        tls_port: u16,
        files: &Certificate,
    ) -> anyhow::Result<Self> {
        let listen = format!(
            "listen = '127.0.0.1:{tls_port}'\nlocal_listen = '127.0.0.1:{port}'\n\
             tls = {{ certificate = '{}', key = '{}' }}",
            files.certificate.display(),
            files.key.display()
        );
        Self::start_at(state, port, &listen, "").await
    }

    async fn start_at(state: &Path, port: u16, listen: &str, more: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(state)?;
        let config = state.join("meetme.toml");
        let here = state.display();
        std::fs::write(
            &config,
            format!(
                "{listen}\ndatabase = 'sqlite:{here}/meetme.db'\n\
                 seal_key = '{here}/seal.key'\n\n{more}"
            ),
        )?;
        let inventory = root()?.join("labs/default/inventory.toml");
        run(meetme(&config)?.args(["inventory", "apply"]).arg(inventory))?;
        let token =
            run(meetme(&config)?.args(["token", "create", "--role", "operator", "--name", "operator"]))?;
        let log = std::fs::File::create(state.join("meetme.log"))?;
        let process = tokio::process::Command::from(meetme(&config)?)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let api = format!("http://127.0.0.1:{port}");
        let operator = Client::new(&api, &token)?;
        let product = Self { api, token, operator, _process: process };
        let until = Instant::now() + LIMIT;
        while product.operator.get(meetme_client::Operator::ROUTERS).await.is_err() {
            ensure!(Instant::now() < until, "the product doesn't answer; see {here}/meetme.log");
            tokio::time::sleep(POLL).await;
        }
        Ok(product)
    }

    /// Waits until a peer ASN is approved.
    pub async fn until_approved(&self, peer_asn: &str) -> anyhow::Result<()> {
        let until = Instant::now() + LIMIT;
        loop {
            let seen = self.operator.get(peer_asn).await?;
            if text(&seen, "/properties/validationState") == "Approved" {
                return Ok(());
            }
            ensure!(Instant::now() < until, "it isn't approved: {seen:#}");
            tokio::time::sleep(POLL).await;
        }
    }
}

fn meetme(config: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(binary("meetme")?);
    command.arg("--config").arg(config);
    Ok(command)
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
