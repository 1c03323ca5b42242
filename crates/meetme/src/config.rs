//! The configuration file: what an operator sets for this process. All of it has defaults but
//! nothing that leaves the machine: mail goes nowhere until a server is named.

use anyhow::Context;
use meetme_control::{MailSettings, Settings};
use meetme_model::plan::Timing;
use meetme_model::plan::approval::ApprovalPolicy;
use meetme_store::{SealKey, Store};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where `/metrics` listens; nowhere when absent.
    pub metrics_listen: Option<SocketAddr>,
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// File of the key that seals secrets; created when missing.
    pub seal_key: PathBuf,
    /// Unix socket where edges link in; none when absent.
    pub edge_socket: Option<PathBuf>,
    /// Sites whose edge runs inside this process.
    pub embedded_edges: Vec<String>,
    /// The API's address as clients see it, when a proxy stands in front.
    pub external_url: Option<String>,
    /// Mail.
    pub mail: Option<MailConfig>,
    /// Which decisions need no operator.
    pub approval: ApprovalPolicy,
    /// How long is waited for what, as ISO 8601 durations.
    pub timing: Timing,
}

/// Mail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// SMTP server.
    pub smtp_host: String,
    /// Its port.
    #[serde(default = "smtp_port")]
    pub smtp_port: u16,
    /// Sender.
    pub from: String,
}

fn smtp_port() -> u16 {
    25
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8971)),
            metrics_listen: None,
            database: "sqlite:meetme.db".into(),
            seal_key: "meetme.key".into(),
            edge_socket: None,
            embedded_edges: Vec::new(),
            external_url: None,
            mail: None,
            approval: ApprovalPolicy::default(),
            timing: Timing::default(),
        }
    }
}

impl Config {
    /// Opens the store that the file names.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let key = SealKey::load_or_create(&self.seal_key)?;
        Ok(Store::open(&self.database, &key).await?)
    }

    /// Settings of the reconcilers.
    pub fn control(&self) -> Settings {
        Settings {
            policy: self.approval.clone(),
            timing: self.timing,
            mail: self.mail.as_ref().map(|m| MailSettings {
                host: m.smtp_host.clone(),
                port: m.smtp_port,
                from: m.from.clone(),
            }),
        }
    }
}

/// Reads the file. Every name in it must be known: a misspelt one is told, not ignored.
pub fn load(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("can't read the configuration {}; name another with --config", path.display())
    })?;
    toml::from_str(&text).with_context(|| format!("the configuration {} doesn't hold", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_a_configuration_and_a_misspelt_name_is_not() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config.listen.port(), 8971);
        assert!(toml::from_str::<Config>("lisen = '127.0.0.1:1'").unwrap_err().to_string().contains("lisen"));
    }

    #[test]
    fn durations_are_iso_8601_and_what_is_left_out_keeps_its_default() {
        let config: Config = toml::from_str("[timing]\ndrain = 'PT2S'").unwrap();
        assert_eq!(config.timing.drain.as_secs(), 2);
        assert_eq!(config.timing.close, Timing::default().close);
    }
}
